"""A server that answers with whatever it is told to, byte for byte."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
import gzip
import json
from typing import Any, Final

from hypothesis import strategies as st

from .damage import bytes_like, divided, divisions, documents_like

_STATUSES: Final = (200, 200, 200, 200, 201, 204, 206, 302, 307, 400, 401, 402, 403, 404, 413, 422, 429, 500, 501, 503)
_TYPES: Final = ("audio/mpeg", "application/json", "text/event-stream", "audio/pcm;rate=24000;channels=1", "text/html")
_HEADERS: Final = (
    *(b"Retry-After: 0", b"Retry-After: " + b"9" * 400, b"Retry-After: Wed, 21 Oct 99999 07:28:00 GMT"),
    *(
        b"Location: /v1/audio/speech",
        b"Location: //[::1",
        b"Location: http://\xff/",
        b"Location:",
        b"Location: /\xed\xa0\x80",
    ),
    *(b"Content-Encoding: gzip", b"Content-Encoding: br", b"Content-Encoding: zstd", b"Content-Encoding: deflate"),
    *(b"Content-Type: \xff\xfe", b"Content-Type: audio/pcm;rate=99999999999;bits=\xff", b"X: " + b"y" * 9_000),
    *(b"Content-Length: 5", b"Content-Length: -1", b"Content-Length: 99999999999999999999", b"Set-Cookie: a=b"),
    *(b"no colon", b": no name", b"X\0: y", b"Transfer-Encoding: gzip, chunked", b"Connection: upgrade", b" folded"),
)


@st.composite
def answers(draw: st.DrawFn, documents: Sequence[Any], sounds: Sequence[bytes]) -> list[bytes]:
    """Return what a server sends, in pieces: an answer with something wrong in it, mostly."""
    body = draw(st.one_of(documents_like(documents), bytes_like(sounds), bytes_like(_events(sounds))))
    lines = [b"HTTP/1.1 %d Said" % draw(st.sampled_from(_STATUSES))]
    lines.append(b"Content-Type: " + draw(st.sampled_from(_TYPES)).encode())
    match draw(st.integers(0, 7)):
        case 0:
            lines.append(b"Transfer-Encoding: chunked")
            pieces = divided(body, draw(st.lists(st.integers(0, 10_000), max_size=4)))
            body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
            body = draw(bytes_like([body], 3))
        case 1:
            lines.append(b"Content-Encoding: gzip")
            body = draw(bytes_like([gzip.compress(body)], 2))
        case 2:
            pass  # up to the end of the connection
        case 3:
            lines.append(b"Content-Length: %d" % (len(body) + draw(st.sampled_from([-1, 1, 1_000]))))
        case _:
            lines.append(b"Content-Length: %d" % len(body))
    lines += draw(st.lists(st.sampled_from(_HEADERS), max_size=2)) if draw(st.integers(0, 2)) == 0 else []
    whole = b"\r\n".join(lines) + b"\r\n\r\n" + body
    if draw(st.integers(0, 9)) == 0:
        whole = draw(bytes_like([whole], 3))
    cuts = draw(divisions())
    return divided(whole, [] if cuts == [-1] and len(whole) > 500 else cuts)


def _events(sounds: Sequence[bytes]) -> list[bytes]:
    """Return sound in server-sent events."""
    parts = [{"type": "speech.audio.delta", "audio": b64encode(sound[:900]).decode()} for sound in sounds[:2]]
    ending = {"type": "speech.audio.done", "usage": {"input_tokens": 1, "output_tokens": 10**30}}
    return [b"".join(b"data: " + json.dumps(event).encode() + b"\r\n\r\n" for event in [*parts, ending])]


@asynccontextmanager
async def serving(said: Sequence[Sequence[bytes]]) -> AsyncGenerator[str]:
    """Answer one request after the other with these pieces, the last of them ever again; give the address."""
    left = list(said)
    open_ones: set[asyncio.StreamWriter] = set()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_ones.add(writer)
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length or 0))
            for piece in left.pop(0) if len(left) > 1 else left[0]:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
        writer.close()
        open_ones.discard(writer)

    server = await asyncio.start_server(answer, "127.0.0.1", 0, limit=2**20)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        for writer in list(open_ones):
            writer.transport.abort()
        server.close()
        await server.wait_closed()
