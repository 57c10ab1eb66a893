"""Recognize the audio in a response by its first bytes or, for raw PCM, by the media type."""

import asyncio
from collections.abc import AsyncGenerator
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

RAW_TYPES: Final = ("audio/pcm", "audio/x-pcm", "audio/l16", "audio/raw", "application/octet-stream")
"""Media types of raw PCM. Vendors send little-endian samples, although RFC 2586 says otherwise for L16."""
_S16LE_PARAMETERS: Final = {"bits": ("", "16"), "encoding": ("", "s16le", "pcm_s16le", "linear16")}
"""Media type parameters and the values that mean signed 16-bit little-endian samples."""
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
    layout = read_pcm_layout(response)
    expected = AudioFormat.PCM if layout else request.format
    return audio_from_head(head, data, expected, response.content_type, layout or request.model.pcm_layout)


def read_pcm_layout(response: HttpResponse) -> PcmLayout | None:
    """Return the layout of raw PCM that the media type states, or None if it states none."""
    rate, channels = (_parse_int(response.type_parameter(name)) for name in ("rate", "channels"))
    layout = PcmLayout(rate, channels or 1)
    is_s16le = all(response.type_parameter(name) in values for name, values in _S16LE_PARAMETERS.items())
    is_valid = is_s16le and layout.rate in SAMPLE_RATES and layout.channels in CHANNEL_COUNTS
    return layout if is_valid and response.content_type in RAW_TYPES else None


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
