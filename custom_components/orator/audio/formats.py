"""Audio formats and how to recognize them by their first bytes."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

RECOGNITION_BYTES: Final = 12
"""Bytes at the start of audio that `detect_format` needs to be certain."""

SAMPLE_RATES: Final = range(4_000, 192_001)
"""Plausible sample rates of speech in Hz; any other rate that a provider or player states is wrong."""
CHANNEL_COUNTS: Final = range(1, 9)
"""Plausible channel counts of speech."""


class ConversionError(Exception):
    """Audio that libav cannot decode or encode, or that has no samples."""


class AudioFormat(StrEnum):
    """Audio formats by their file extension."""

    MP3 = "mp3"
    WAV = "wav"
    OPUS = "opus"
    OGG = "ogg"
    AAC = "aac"
    FLAC = "flac"
    PCM = "pcm"


@dataclass(frozen=True, slots=True)
class PcmLayout:
    """Layout of raw PCM: interleaved little-endian samples, unsigned if 8-bit and signed otherwise."""

    rate: int
    """Samples per second and channel."""
    channels: int = 1
    width: int = 2
    """Bytes per sample."""

    @property
    def frame_size(self) -> int:
        """Bytes per frame: one sample of every channel."""
        return self.channels * self.width

    @property
    def byte_rate(self) -> int:
        """Bytes per second."""
        return self.rate * self.frame_size


def detect_format(head: bytes) -> AudioFormat | None:
    """Return the format of audio that begins with these bytes, or None if it is unknown.

    Raw PCM cannot be recognized. `head` needs `RECOGNITION_BYTES`, or all bytes if there are fewer.
    """
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return AudioFormat.WAV
    if head.startswith(b"OggS"):
        return AudioFormat.OGG
    if head.startswith(b"fLaC"):
        return AudioFormat.FLAC
    if head.startswith(b"ID3"):
        return AudioFormat.MP3
    return _detect_mpeg(head)


def _detect_mpeg(head: bytes) -> AudioFormat | None:
    """Distinguish MPEG audio layer III from AAC in ADTS: both begin with eleven set bits (ISO 11172-3, ISO 13818-7)."""
    if len(head) < 3 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    if layer == 0:
        return AudioFormat.AAC if head[1] & 0xF0 == 0xF0 else None
    bitrate, rate = head[2] >> 4, head[2] >> 2 & 3
    is_reserved = version == 1 or bitrate == 15 or rate == 3
    return AudioFormat.MP3 if layer == 1 and not is_reserved else None


def is_same_container(one: AudioFormat, other: AudioFormat) -> bool:
    """Return whether two formats use the same container; Opus uses Ogg."""
    ogg = (AudioFormat.OGG, AudioFormat.OPUS)
    return one is other or (one in ogg and other in ogg)


def looks_like_text(head: bytes) -> bool:
    """Return whether these bytes begin a JSON, HTML or XML document."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    is_plain = all(byte in b"\t\r\n" or byte >= 0x20 for byte in start[:RECOGNITION_BYTES])
    return start[:1] in (b"{", b"[", b"<") and is_plain


async def stream_of[Item](*items: Item) -> AsyncGenerator[Item]:
    """Yield the items."""
    for item in items:
        yield item


async def prepend(head: bytes, data: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """Yield the start of audio, which was read to recognize it, and then the rest."""
    async with aclosing(data):
        yield head
        async for block in data:
            yield block
