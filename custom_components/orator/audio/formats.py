"""What an audio format is, and how to recognise it from its first bytes."""

from dataclasses import dataclass
from enum import StrEnum

RECOGNITION_BYTES = 12
"""How many bytes of a stream `recognise` needs to be certain."""

SAMPLE_RATES = range(4_000, 192_001)
CHANNEL_COUNTS = range(1, 9)
"""How raw samples of speech may lie, whoever states it or wishes for it; whatever else is said is a mistake."""


class AudioFormat(StrEnum):
    """The formats that Orator asks for and hands on; the value is also the file extension."""

    MP3 = "mp3"
    WAV = "wav"
    OPUS = "opus"
    OGG = "ogg"
    AAC = "aac"
    FLAC = "flac"
    PCM = "pcm"


@dataclass(frozen=True, slots=True)
class PcmLayout:
    """How samples lie in raw PCM: little-endian, interleaved, signed when wider than a byte."""

    rate: int
    """Samples a second."""
    channels: int = 1
    width: int = 2
    """Bytes a sample."""

    @property
    def frame_size(self) -> int:
        """Bytes of one sample on all channels."""
        return self.channels * self.width

    @property
    def byte_rate(self) -> int:
        """Bytes a second."""
        return self.rate * self.frame_size


def detect_format(head: bytes) -> AudioFormat | None:
    """Tell the format of audio that begins with these bytes; None when they begin nothing known.

    Raw PCM has no beginning of its own, so it is never recognised. Give at least `RECOGNITION_BYTES`, or all there is.
    """
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return AudioFormat.WAV
    if head.startswith(b"OggS"):
        return AudioFormat.OGG
    if head.startswith(b"fLaC"):
        return AudioFormat.FLAC
    if head.startswith(b"ID3"):
        return AudioFormat.MP3
    return _recognise_sync_word(head)


def _recognise_sync_word(head: bytes) -> AudioFormat | None:
    """Tell MPEG audio layer III from AAC in ADTS: both begin with eleven set bits (ISO 11172-3, ISO 13818-7)."""
    if len(head) < 3 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    if layer == 0:
        return AudioFormat.AAC if head[1] & 0xF0 == 0xF0 else None
    bitrate, rate = head[2] >> 4, head[2] >> 2 & 3
    reserved = version == 1 or bitrate == 15 or rate == 3
    return AudioFormat.MP3 if layer == 1 and not reserved else None


def is_same_container(one: AudioFormat, other: AudioFormat) -> bool:
    """Tell whether two formats share their container: Opus travels in Ogg."""
    ogg = (AudioFormat.OGG, AudioFormat.OPUS)
    return one is other or (one in ogg and other in ogg)


def looks_like_text(head: bytes) -> bool:
    """Tell whether these first bytes begin a JSON, HTML or XML document rather than samples."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    is_plain = all(byte in b"\t\r\n" or byte >= 0x20 for byte in start[:RECOGNITION_BYTES])
    return start[:1] in (b"{", b"[", b"<") and is_plain
