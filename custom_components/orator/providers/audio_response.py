"""What the sound in answers is: it may be raw samples, of which only the type tells how they lie."""

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
)
from .base import SpeechAudio
from .errors import NotAudioError
from .http import HttpResponse

RAW_TYPES: Final = ("audio/pcm", "audio/x-pcm", "audio/l16", "audio/raw", "application/octet-stream")
"""What raw samples are called: little-endian ones, as vendors send them whatever RFC 2586 says of L16."""
_SIXTEEN_BITS: Final = {"bits": ("", "16"), "encoding": ("", "s16le", "pcm_s16le", "linear16")}
"""Parameters of these types, and with which values the samples are as they usually are; others would be noise."""


async def read_audio(answer: HttpResponse, promised: AudioFormat, stack: AsyncExitStack) -> SpeechAudio:
    """Tell what an answer is; leaving the stack ends it.

    Raises NotAudioError for what is no sound, and for raw samples of which nobody says how they lie.
    """
    chunks = await stack.enter_async_context(aclosing(answer.chunks()))
    layout = read_pcm_layout(answer)
    return await detect_audio(chunks, AudioFormat.PCM if layout else promised, answer.content_type, layout)


def read_pcm_layout(answer: HttpResponse) -> PcmLayout | None:
    """Return how raw samples lie, None where an answer does not tell or has none."""
    rate, channels = (_number(answer.type_parameter(name)) for name in ("rate", "channels"))
    layout = PcmLayout(rate, channels or 1)
    is_usual = all(answer.type_parameter(name) in values for name, values in _SIXTEEN_BITS.items())
    is_known = is_usual and layout.rate in SAMPLE_RATES and layout.channels in CHANNEL_COUNTS
    return layout if is_known and answer.content_type in RAW_TYPES else None


def _number(value: str) -> int:
    return int(value) if re.fullmatch("[0-9]{1,6}", value) else 0


_MOST_SPACE: Final = 1024
"""Bytes of it at the beginning of a document, after which it is taken for none."""


async def detect_audio(
    chunks: AsyncGenerator[bytes], promised: AudioFormat, content_type: str = "", pcm: PcmLayout | None = None
) -> SpeechAudio:
    """Tell what a body is from its first bytes, and give it on whole.

    The first bytes are trusted above the type that the server claims, and that above the format that was promised:
    some servers always answer wav. Raises NotAudioError for anything that is not sound.
    """
    head = await read_head(chunks)
    found = detect_format(head)
    if found is not None:
        actual = promised if is_same_container(found, promised) else found
        return SpeechAudio(actual, prepend(head, chunks))
    is_document = content_type.startswith("text/") or content_type.endswith(("json", "xml")) or looks_like_text(head)
    if promised is not AudioFormat.PCM or pcm is None or not head or is_document:
        raise NotAudioError(code=content_type or None)
    return SpeechAudio(AudioFormat.PCM, prepend(head, chunks), pcm)


async def read_head(chunks: AsyncGenerator[bytes]) -> bytes:
    """Read as much of a body as it takes to tell what it is: documents may begin with space."""
    head = b""
    async for chunk in chunks:
        head += chunk
        if len(head.lstrip()) >= RECOGNITION_BYTES or len(head) >= _MOST_SPACE:
            break
    return head


async def prepend(head: bytes, chunks: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """Yield what has been read already and then the rest."""
    yield head
    async for chunk in chunks:
        yield chunk
