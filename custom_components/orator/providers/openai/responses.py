"""Responses of the speech endpoint: audio as the body, in server-sent events, in JSON, or at a link."""

import asyncio
from base64 import b64decode
import binascii
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import AsyncExitStack, aclosing
import re
from typing import Any, Final

from ...audio.formats import SAMPLE_RATES, AudioFormat, PcmLayout, detect_format, looks_like_text, prepend
from .. import errors
from ..audio_responses import audio_from_head, detect_audio, plain_audio, read_all, read_head
from ..base import SpeechAudio, SynthesisRequest
from ..downloads import MAX_FILE_BYTES
from ..error_responses import error_for, find_error_codes
from ..http import HttpClient, HttpResponse, resolve_url
from ..json_documents import Json, is_truncated, load_json, parse_json
from ..vendor_models import OPENAI_PCM_LAYOUT

_EVENT_STREAM: Final = "text/event-stream"
_MAX_EVENT_BYTES: Final = 4 * 1024 * 1024
"""Limit for one event: over a minute of PCM in base64, far more than servers send."""
_AUDIO_EVENT: Final = re.compile(r"^$|(audio|chunk|(?<!transcript\.)delta)$")
"""Event types with audio; some servers send no type."""
_PLAUSIBLE_TOKENS: Final = range(1_000_000)
"""Plausible token counts of a single request."""

_MAX_JSON_DEPTH: Final = 4
_AUDIO_KEYS: Final = ("audio", "audio_content", "audioContent", "audio_base64", "b64_json", "delta", "data", "result")
_LINK_KEYS: Final = ("url", "audio_url", "audioUrl")
_MAX_AUDIO_LINK_CHARS: Final = 2048
_HTTP_LINK: Final = re.compile(r"(https?:/)?/[^/\s][^\s]*", re.IGNORECASE)
_DATA_URL: Final = re.compile(r"data:[\w/+.;=-]*,")
_URL_SAFE_ALPHABET: Final = str.maketrans("-_", "+/")
"""The characters of URL-safe base64, as those of standard base64."""
_DECODED_CHUNK_BYTES: Final = 64 * 1024


async def read_speech(
    response: HttpResponse, request: SynthesisRequest, client: HttpClient, stack: AsyncExitStack, counters: Counter[str]
) -> SpeechAudio:
    """Return the audio of a response; closing the stack cancels it.

    The first bytes outrank the media type. `client` follows a link within its own origin only; `counters` receives
    the tokens that the server reports. Raises SpeechError if there is no audio.
    """
    data = await stack.enter_async_context(aclosing(response.data()))
    head = await read_head(data)
    body = prepend(head, data)
    start = head.lstrip()
    if start.startswith((b"data:", b"event:")) or (
        response.content_type == _EVENT_STREAM and detect_format(head) is None
    ):
        return await _read_events(body, request, counters)
    if start.startswith((b"{", b"[")) and (looks_like_text(head) or response.content_type.endswith("json")):
        return await _read_document(body, response, request, client, stack)
    return plain_audio(head, data, response, request)


async def _read_events(data: AsyncGenerator[bytes], request: SynthesisRequest, counters: Counter[str]) -> SpeechAudio:
    """Return the audio of server-sent events: PCM unless it starts like a known container."""
    events = _AudioEvents(counters)
    audio = events.audio(data)
    head = await read_head(audio)
    expected = AudioFormat.PCM if detect_format(head) is None else request.format
    layout = events.pcm_layout or request.model.pcm_layout or OPENAI_PCM_LAYOUT
    return audio_from_head(head, audio, expected, "", layout)


class _AudioEvents:
    """Audio and token usage in a stream of events."""

    def __init__(self, counters: Counter[str]) -> None:
        """Initialize a parser; `counters` receives the tokens that the server reports."""
        self._counters = counters
        self.pcm_layout: PcmLayout | None = None
        """Layout of PCM, if an event before the audio states it."""

    async def audio(self, stream: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
        """Yield the audio. Raises SpeechError for an event that reports an error."""
        async with aclosing(_parse_events(stream)) as events:
            async for event in events:
                kind = str(event.get("type", ""))
                if event.get("error") or kind.endswith("error"):
                    raise _error_in(event, errors.GenerationFailedError())
                if isinstance(rate := event.get("sample_rate"), int) and rate in SAMPLE_RATES:
                    self.pcm_layout = PcmLayout(rate, 2 if event.get("channels") == 2 else 1)
                self._count_tokens(event.get("usage"))
                if _AUDIO_EVENT.search(kind) and (encoded := _find_text(event, _AUDIO_KEYS)):
                    yield _decode(encoded)

    def _count_tokens(self, usage: Json) -> None:
        for name in ("input_tokens", "output_tokens") if isinstance(usage, dict) else ():
            if isinstance(tokens := usage.get(name), int) and tokens in _PLAUSIBLE_TOKENS:
                self._counters[name] += tokens


async def _parse_events(data: AsyncGenerator[bytes]) -> AsyncGenerator[Mapping[str, Any]]:
    """Yield the objects in server-sent events, up to `[DONE]` or the end.

    Raises NotAudioError for other data, TruncatedAudioError for an event that is cut off, and ResponseTooLargeError for
    one without an end.
    """
    buffer = bytearray()
    async for block in data:
        buffer += block
        lines: list[bytearray] = []
        if b"\n" in block:  # do not search a long line again with every block
            *lines, buffer = buffer.split(b"\n")
        if len(buffer) > _MAX_EVENT_BYTES:
            raise errors.ResponseTooLargeError
        for line in lines:
            name, _, value = line.strip().partition(b":")
            if name != b"data":
                continue
            if value.strip() == b"[DONE]":
                return
            yield await _parse_event(value)
    if buffer.startswith(b"data:") and buffer[5:].strip() != b"[DONE]":
        yield await _parse_event(buffer[5:])


async def _parse_event(value: bytes | bytearray) -> Mapping[str, Any]:
    try:
        event = await load_json(value)
    except ValueError as err:
        raise _invalid_json_error(value, _EVENT_STREAM) from err
    if not isinstance(event, dict):
        raise errors.NotAudioError(code=_EVENT_STREAM)
    return event


async def _read_document(
    data: AsyncGenerator[bytes],
    response: HttpResponse,
    request: SynthesisRequest,
    client: HttpClient,
    stack: AsyncExitStack,
) -> SpeechAudio:
    """Return the audio in a JSON document, or the audio at the link in the document."""
    document = await read_all(data, MAX_FILE_BYTES)
    audio_or_link = await asyncio.to_thread(_parse_document, document)
    if isinstance(audio_or_link, bytes):
        layout = request.model.pcm_layout or OPENAI_PCM_LAYOUT
        return await detect_audio(_split(audio_or_link), request.format, "", layout)
    url = resolve_url(response.url, audio_or_link)
    if url is None:
        raise errors.UnsafeLinkError
    linked = await stack.enter_async_context(client.request("GET", url))
    linked_data = await stack.enter_async_context(aclosing(linked.data(MAX_FILE_BYTES)))
    return plain_audio(await read_head(linked_data), linked_data, linked, request)


def _parse_document(body: bytearray) -> bytes | str:
    """Return the audio in a document, or a link to it. Slow for large documents."""
    try:
        document = parse_json(body)
    except ValueError as err:
        raise _invalid_json_error(body, "application/json") from err
    encoded = _find_text(document, _AUDIO_KEYS)
    if encoded and not (len(encoded) <= _MAX_AUDIO_LINK_CHARS and _HTTP_LINK.fullmatch(encoded)):
        return _decode(encoded)
    if link := encoded or _find_text(document, (*_LINK_KEYS, *_AUDIO_KEYS)):
        return link
    raise _error_in(document, errors.NotAudioError(code="application/json"))


def _invalid_json_error(document: bytes | bytearray, content_type: str) -> errors.SpeechError:
    """Return the error for a document that is not JSON, which is retryable if the document is truncated."""
    return errors.TruncatedAudioError() if is_truncated(document) else errors.NotAudioError(code=content_type)


def _find_text(document: Json, keys: tuple[str, ...]) -> str | None:
    """Return the first text under one of the keys, including in nested objects and lists."""
    return next(_iter_texts(document, keys, _MAX_JSON_DEPTH), None)


def _iter_texts(value: Json, keys: tuple[str, ...], depth: int) -> Iterator[str]:
    if isinstance(value, str):
        if value:
            yield value
    elif isinstance(value, (dict, list)) and depth:
        items = value if isinstance(value, list) else [value[key] for key in keys if key in value]
        for item in items:
            yield from _iter_texts(item, keys, depth - 1)


def _decode(encoded: str) -> bytes:
    """Return the bytes of base64, in either alphabet and with or without padding. Raises NotAudioError."""
    prefix = _DATA_URL.match(encoded[:100])
    text = "".join(encoded[prefix.end() if prefix else 0 :].split())
    try:
        return b64decode(text.translate(_URL_SAFE_ALPHABET) + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as err:
        raise errors.NotAudioError(code="base64") from err


async def _split(audio: bytes) -> AsyncGenerator[bytes]:
    for start in range(0, len(audio), _DECODED_CHUNK_BYTES):
        yield audio[start : start + _DECODED_CHUNK_BYTES]


def _error_in(document: Json, default: errors.SpeechError) -> errors.SpeechError:
    """Return the error that a document with status 200 reports."""
    error = error_for(200, find_error_codes(document))
    return default if type(error) is errors.RejectedError else error
