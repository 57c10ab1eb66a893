"""A server that sends given bytes in response to any request."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
import gzip
import json
from typing import Any, Final

from hypothesis import strategies as st

from .strategies import bytes_like, divisions, documents_like, split_at

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
def responses(draw: st.DrawFn, documents: Sequence[Any], audio: Sequence[bytes]) -> list[bytes]:
    """Return the bytes of an HTTP response, usually damaged, in pieces."""
    body = draw(st.one_of(documents_like(documents), bytes_like(audio), bytes_like(_events(audio))))
    lines = [b"HTTP/1.1 %d Status" % draw(st.sampled_from(_STATUSES))]
    lines.append(b"Content-Type: " + draw(st.sampled_from(_TYPES)).encode())
    match draw(st.integers(0, 7)):
        case 0:
            lines.append(b"Transfer-Encoding: chunked")
            pieces = split_at(body, draw(st.lists(st.integers(0, 10_000), max_size=4)))
            body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
            body = draw(bytes_like([body], 3))
        case 1:
            lines.append(b"Content-Encoding: gzip")
            body = draw(bytes_like([gzip.compress(body)], 2))
        case 2:
            pass  # the body ends with the connection
        case 3:
            lines.append(b"Content-Length: %d" % (len(body) + draw(st.sampled_from([-1, 1, 1_000]))))
        case _:
            lines.append(b"Content-Length: %d" % len(body))
    lines += draw(st.lists(st.sampled_from(_HEADERS), max_size=2)) if draw(st.integers(0, 2)) == 0 else []
    whole = b"\r\n".join(lines) + b"\r\n\r\n" + body
    if draw(st.integers(0, 9)) == 0:
        whole = draw(bytes_like([whole], 3))
    cuts = draw(divisions())
    return split_at(whole, [] if cuts == [-1] and len(whole) > 500 else cuts)


def _events(audio: Sequence[bytes]) -> list[bytes]:
    """Return audio as server-sent events."""
    parts = [{"type": "speech.audio.delta", "audio": b64encode(data[:900]).decode()} for data in audio[:2]]
    ending = {"type": "speech.audio.done", "usage": {"input_tokens": 1, "output_tokens": 10**30}}
    return [b"".join(b"data: " + json.dumps(event).encode() + b"\r\n\r\n" for event in [*parts, ending])]


@asynccontextmanager
async def serve(scripted: Sequence[Sequence[bytes]]) -> AsyncGenerator[str]:
    """Respond to requests in order with the scripted bytes, repeating the last; yield the server's address."""
    remaining = list(scripted)
    writers: set[asyncio.StreamWriter] = set()

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length or 0))
            for piece in remaining.pop(0) if len(remaining) > 1 else remaining[0]:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
        writer.close()
        writers.discard(writer)

    server = await asyncio.start_server(respond, "127.0.0.1", 0, limit=2**20)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        for writer in list(writers):
            writer.transport.abort()
        server.close()
        await server.wait_closed()
