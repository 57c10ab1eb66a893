"""The answers of servers that imitate OpenAI: sound, sound in events, sound in JSON, or a link to it."""

import asyncio
from base64 import b64decode
import binascii
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, aclosing
import re
from typing import Any, Final

from yarl import URL

from ...audio.formats import SAMPLE_RATES, AudioFormat, PcmLayout, detect_format, looks_like_text
from ..audio_response import detect_audio, prepend, read_head, read_pcm_layout
from ..base import SpeechAudio, SynthesisRequest
from ..downloads import MAX_FILE_BYTES
from ..error_responses import error_for, find_error_codes
from ..errors import (
    GenerationFailedError,
    NotAudioError,
    RejectedError,
    ResponseTooLargeError,
    SpeechError,
    UnsafeLinkError,
)
from ..http import HttpClient, HttpResponse
from ..json_documents import Json, parse_json
from .models import PCM

_MAX_JSON_BYTES: Final = MAX_FILE_BYTES
_MAX_EVENT_BYTES: Final = 4 * 1024 * 1024
"""More than a minute of uncompressed speech in base64; servers send much less at a time."""
_SLICE: Final = 64 * 1024
_DEPTH: Final = 4
_SOUND: Final = ("audio", "audio_content", "audioContent", "audio_base64", "b64_json", "delta", "data", "result")
"""Where a document keeps its sound, or an object that has it."""
_LINKS: Final = ("url", "audio_url", "audioUrl")
_LONGEST_LINK: Final = 2048
_LINK: Final = re.compile(r"(https?:/)?/[^/\s][^\s]*", re.IGNORECASE)
_DATA_URL: Final = re.compile(r"data:[\w/+.;=-]*,")
_SOUNDING: Final = re.compile(r"^$|(audio|chunk|(?<!transcript\.)delta)$")
"""What events are called that have sound; some have no name at all."""

type Tell = Callable[[Mapping[str, Any]], None]
"""Told what was spent, where a server says so."""


async def read_audio(
    answer: HttpResponse, request: SynthesisRequest, http: HttpClient, stack: AsyncExitStack, spent: Tell
) -> SpeechAudio:
    """Return the sound in an answer, which leaving the stack ends; `http` follows a link, on its origin only.

    The first bytes are trusted above the type that the server claims. Raises SpeechError.
    """
    chunks = await stack.enter_async_context(aclosing(answer.chunks()))
    head = await read_head(chunks)
    whole = prepend(head, chunks)
    if detect_format(head) is None:
        if answer.content_type == "text/event-stream" or head.lstrip().startswith((b"data:", b"event:")):
            return await _sound_in_events(whole, request, spent)
        if head.lstrip()[:1] in (b"{", b"[") and (looks_like_text(head) or answer.content_type.endswith("json")):
            return await _sound_in_document(whole, answer, request, http, stack)
    return await _plain(whole, answer, request)


async def events(chunks: AsyncGenerator[bytes]) -> AsyncGenerator[Mapping[str, Any]]:
    """Yield the objects that server-sent events carry, up to `[DONE]` or the end.

    Raises NotAudioError for what is none, and AnswerTooLargeError for one that does not end.
    """
    rest = bytearray()
    async for chunk in chunks:
        rest += chunk
        lines: list[bytearray] = []
        if b"\n" in chunk:  # a long line is not searched again with every piece of it
            *lines, rest = rest.split(b"\n")
        if len(rest) > _MAX_EVENT_BYTES:
            raise ResponseTooLargeError
        for line in lines:
            name, _, value = line.strip().partition(b":")
            if name != b"data":
                continue
            if value.strip() == b"[DONE]":
                return
            yield _event(value)
    if rest.startswith(b"data:") and rest[5:].strip() != b"[DONE]":
        yield _event(rest[5:])


def _event(value: bytes | bytearray) -> Mapping[str, Any]:
    try:
        event = parse_json(value)
    except ValueError as err:
        raise NotAudioError(code="text/event-stream") from err
    if not isinstance(event, dict):
        raise NotAudioError(code="text/event-stream")
    return event


class _SpokenEvents:
    """The sound in a stream of events."""

    def __init__(self, spent: Tell) -> None:
        """Begin without knowing how samples lie."""
        self._spent = spent
        self.pcm: PcmLayout | None = None
        """What the server said of its samples, before the first of them."""

    async def chunks(self, stream: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
        """Yield the sound. Raises SpeechError for an event that tells of a failure."""
        async with aclosing(events(stream)) as incoming:
            async for event in incoming:
                kind = str(event.get("type", ""))
                if event.get("error") or kind.endswith("error"):
                    raise _failure(event, GenerationFailedError())
                if isinstance(rate := event.get("sample_rate"), int) and rate in SAMPLE_RATES:
                    self.pcm = PcmLayout(rate, 2 if event.get("channels") == 2 else 1)
                if isinstance(usage := event.get("usage"), dict):
                    self._spent(usage)
                if _SOUNDING.search(kind) and (encoded := _find(event, _SOUND)):
                    yield _decoded(encoded)


async def _sound_in_events(stream: AsyncGenerator[bytes], request: SynthesisRequest, spent: Tell) -> SpeechAudio:
    """Return the sound in events; what begins like no file is raw samples, which some send whatever is asked for."""
    spoken = _SpokenEvents(spent)
    chunks = spoken.chunks(stream)
    head = await read_head(chunks)
    promised = AudioFormat.PCM if detect_format(head) is None else request.format
    pcm = spoken.pcm or request.model.pcm or PCM
    return await detect_audio(prepend(head, chunks), promised, "", pcm)


async def _sound_in_document(
    chunks: AsyncGenerator[bytes],
    answer: HttpResponse,
    request: SynthesisRequest,
    http: HttpClient,
    stack: AsyncExitStack,
) -> SpeechAudio:
    """Return the sound in a JSON document, or behind the link in it."""
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > _MAX_JSON_BYTES:
            raise ResponseTooLargeError
    found = await asyncio.to_thread(_read, body)
    if isinstance(found, bytes):
        return await detect_audio(_sliced(found), request.format, "", request.model.pcm or PCM)
    linked = await stack.enter_async_context(http.request("GET", _joined(answer.response.url, found)))
    return await _plain(await stack.enter_async_context(aclosing(linked.chunks(MAX_FILE_BYTES))), linked, request)


def _joined(base: URL, link: str) -> URL:
    """Return where a link leads. Raises UnsafeLinkError where it leads nowhere."""
    try:
        url = base.join(URL(link))
        url.origin()
    except ValueError as err:
        raise UnsafeLinkError from err
    return url


def _read(body: bytearray) -> bytes | str:
    """Return the sound in a document, or the link to it. It takes a while, so it is done beside the event loop."""
    try:
        document = parse_json(body)
    except ValueError as err:
        raise NotAudioError(code="application/json") from err
    encoded = _find(document, _SOUND)
    if encoded and not (len(encoded) <= _LONGEST_LINK and _LINK.fullmatch(encoded)):
        return _decoded(encoded)
    link = encoded or _find(document, (*_LINKS, *_SOUND))
    if link:
        return link
    raise _failure(document, NotAudioError(code="application/json"))


async def _plain(chunks: AsyncGenerator[bytes], answer: HttpResponse, request: SynthesisRequest) -> SpeechAudio:
    """Return a body that is sound itself. Raw samples are what they are declared to be, asked for or not."""
    stated = read_pcm_layout(answer)
    promised = AudioFormat.PCM if stated else request.format
    return await detect_audio(chunks, promised, answer.content_type, stated or request.model.pcm)


def _find(document: Json, keys: tuple[str, ...], depth: int = _DEPTH) -> str | None:
    """Return the first text under one of these keys, also within what is under them."""
    if isinstance(document, list) and depth:
        return next(_texts(document, keys, depth), None)
    if not isinstance(document, dict) or not depth:
        return None
    return next(_texts([document[key] for key in keys if key in document], keys, depth), None)


def _texts(values: list[Json], keys: tuple[str, ...], depth: int) -> Iterator[str]:
    for value in values:
        text = value if isinstance(value, str) else _find(value, keys, depth - 1)
        if text:
            yield text


def _decoded(encoded: str) -> bytes:
    """Return what base64 stands for. Raises NotAudioError."""
    text = "".join(encoded[prefix.end() if (prefix := _DATA_URL.match(encoded[:100])) else 0 :].split())
    try:
        return b64decode(text.translate({45: 43, 95: 47}) + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as err:
        raise NotAudioError(code="base64") from err


async def _sliced(sound: bytes) -> AsyncGenerator[bytes]:
    for start in range(0, len(sound), _SLICE):
        yield sound[start : start + _SLICE]


def _failure(document: Json, otherwise: SpeechError) -> SpeechError:
    """Return the error that a document tells of although all was said to be well."""
    error = error_for(200, find_error_codes(document))
    return otherwise if type(error) is RejectedError else error
