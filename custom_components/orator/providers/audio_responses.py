"""Recognize the audio in a response by its first bytes or, for raw PCM, by the media type."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import AsyncExitStack, aclosing
import re
from typing import Final

from ..audio.formats import (
    CHANNEL_COUNTS,
    RECOGNITION_BYTES,
    SAMPLE_RATES,
    AudioFormat,
    PcmLayout,
    detect_format,
    is_same_container,
    looks_like_text,
    prepend,
)
from .base import SpeechAudio, SynthesisRequest
from .errors import NotAudioError, ResponseTooLargeError, TimedOutError
from .http import HttpResponse

_PCM_TYPES: Final = (
    *("audio/pcm", "audio/x-pcm", "audio/l16", "audio/raw", "audio/x-raw"),
    *("audio/pcm_s16le", "audio/x-pcm_s16le", "audio/s16le", "audio/pcm16"),
)
_UNSPECIFIC_TYPE: Final = "application/octet-stream"
RAW_TYPES: Final = (*_PCM_TYPES, _UNSPECIFIC_TYPE)
"""Media types of raw PCM. Vendors send little-endian samples, although RFC 2586 says otherwise for L16."""
_S16LE_NAMES: Final = ("", "s16le", "s16", "int16", "pcm_s16le", "pcm16", "linear16")
_S16LE_PARAMETERS: Final = {"bits": ("", "16"), "encoding": _S16LE_NAMES, "format": _S16LE_NAMES}
"""Media type parameters and the values that mean signed 16-bit little-endian samples."""
_S16LE_HEADERS: Final = {
    "X-Sample-Width": ("", "2"),
    "X-Bits-Per-Sample": ("", "16"),
    "X-Bit-Depth": ("", "16"),
    "X-Sample-Format": _S16LE_NAMES,
    "X-Encoding": _S16LE_NAMES,
}
"""Headers with which servers state the layout of raw PCM, and the values of the only layout that is read."""
_RATE_NAMES: Final = ("rate", "sample_rate", "samplerate")
_RATE_HEADERS: Final = ("X-Sample-Rate", "X-Audio-Sample-Rate", "X-SampleRate")
_CHANNEL_HEADERS: Final = ("X-Channels", "X-Audio-Channels", "X-Num-Channels")
_BODY_TIMEOUT_S: Final = 120.0
"""Timeout for a whole body that is needed before its audio, which may still be synthesized while the body arrives."""
_MAX_HEAD_BYTES: Final = 1024
"""Length of leading whitespace after which a body cannot be a document."""


async def read_audio(response: HttpResponse, request: SynthesisRequest, stack: AsyncExitStack) -> SpeechAudio:
    """Return the audio in a response; closing the stack ends it.

    Raises NotAudioError for anything but audio, and for raw PCM of an unknown layout.
    """
    data = await stack.enter_async_context(aclosing(response.data()))
    return plain_audio(await read_head(data), data, response, request)


def plain_audio(
    head: bytes, data: AsyncGenerator[bytes], response: HttpResponse, request: SynthesisRequest
) -> SpeechAudio:
    """Return the audio in a response like `read_audio`; `head` has already been read from `data`.

    The audio is PCM if the media type says so, even if another format was requested.
    """
    layout = read_pcm_layout(response, expects_pcm=request.format is AudioFormat.PCM)
    expected = AudioFormat.PCM if layout else request.format
    return audio_from_head(head, data, expected, response.content_type, layout or request.model.pcm_layout)


def read_pcm_layout(response: HttpResponse, *, expects_pcm: bool = False) -> PcmLayout | None:
    """Return the layout of raw PCM that the media type or other headers state, or None if they state none.

    Unless PCM is expected, headers say nothing about the body if its media type does not say that it is audio.
    """
    if response.content_type not in RAW_TYPES:
        return None
    has_headers = expects_pcm or response.content_type != _UNSPECIFIC_TYPE
    header = response.header if has_headers else lambda _: ""
    rate = _first_number([*map(response.type_parameter, _RATE_NAMES), *map(header, _RATE_HEADERS)])
    channels = _first_number([response.type_parameter("channels"), *map(header, _CHANNEL_HEADERS)])
    is_s16le = all(response.type_parameter(name) in values for name, values in _S16LE_PARAMETERS.items()) and all(
        header(name) in values for name, values in _S16LE_HEADERS.items()
    )
    if not is_s16le or rate is None or rate not in SAMPLE_RATES or channels not in (None, *CHANNEL_COUNTS):
        return None
    return PcmLayout(rate, channels or 1)


def _first_number(values: Iterable[str]) -> int | None:
    """Return the number in the first value that is not empty, 0 if it is none, or None if all are empty."""
    return next((_parse_int(value) for value in values if value), None)


def _parse_int(value: str) -> int:
    return int(value) if re.fullmatch("[0-9]{1,6}", value) else 0


async def detect_audio(
    data: AsyncGenerator[bytes], expected: AudioFormat, content_type: str = "", pcm_layout: PcmLayout | None = None
) -> SpeechAudio:
    """Return the audio of a body after recognizing its format.

    The first bytes outrank the media type, which outranks the expected format: some servers always send WAV. Raises
    NotAudioError for anything but audio.
    """
    return audio_from_head(await read_head(data), data, expected, content_type, pcm_layout)


def audio_from_head(
    head: bytes,
    data: AsyncGenerator[bytes],
    expected: AudioFormat,
    content_type: str,
    pcm_layout: PcmLayout | None,
) -> SpeechAudio:
    """Return the audio of a body like `detect_audio`; `head` has already been read from `data`."""
    detected = detect_format(head)
    if detected is not None:
        actual = expected if is_same_container(detected, expected) else detected
        return SpeechAudio(actual, prepend(head, data))
    is_document = content_type.startswith("text/") or content_type.endswith(("json", "xml")) or looks_like_text(head)
    if expected is not AudioFormat.PCM or pcm_layout is None or not head or is_document:
        raise NotAudioError(code=content_type or None)
    return SpeechAudio(AudioFormat.PCM, prepend(head, data), pcm_layout)


async def read_head(data: AsyncGenerator[bytes]) -> bytes:
    """Return the start of a body, long enough to recognize the format after leading whitespace."""
    head = b""
    async for block in data:
        head += block
        if len(head.lstrip()) >= RECOGNITION_BYTES or len(head) >= _MAX_HEAD_BYTES:
            break
    return head


async def read_all(data: AsyncGenerator[bytes], max_bytes: int, timeout_s: float = _BODY_TIMEOUT_S) -> bytearray:
    """Return a whole body. Raises ResponseTooLargeError and TimedOutError."""
    body = bytearray()
    try:
        async with asyncio.timeout(timeout_s):
            async for block in data:
                body += block
                if len(body) > max_bytes:
                    raise ResponseTooLargeError
    except TimeoutError as err:
        raise TimedOutError from err
    return body
