"""Duration of audio that arrives in pieces, and its playback.

Independent of Orator's own code for the same formats, which is being measured.
"""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
import struct
from typing import Final, Protocol

from tests.simulator.audio.encoding import find_ffmpeg

_MPEG1_BITRATES: Final = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MPEG2_BITRATES: Final = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_SAMPLE_RATES: Final = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
"""By the version bits of a frame header: MPEG 1, 2 and 2.5."""
_INFO_TAGS: Final = (b"Xing", b"Info", b"VBRI")
_INFO_TAG_END: Final = 60  # bytes of a frame in which an info tag starts
_ID3_HEADER_BYTES: Final = 10
_RIFF_HEADER_BYTES: Final = 12
_DECODED_RATE: Final = 24_000
_OUTPUT_BUFFER_S: Final = 0.1  # of a player: four mp3 frames


@dataclass(frozen=True, slots=True)
class Frame:
    """Position and duration of an mp3 frame."""

    start: int
    end: int
    seconds: float


def mp3_frames(data: bytes | bytearray) -> Iterator[Frame]:
    """Yield the complete frames, without tags and info frames."""
    position = 0
    while position + _ID3_HEADER_BYTES <= len(data):
        if data[position : position + 3] == b"ID3":
            size = data[position + 6 : position + 10]
            position += _ID3_HEADER_BYTES + (size[0] << 21 | size[1] << 14 | size[2] << 7 | size[3])
            continue
        if (frame := _frame_at(data, position)) is None:
            position += 1
            continue
        if frame.end > len(data):
            return
        if not any(tag in data[position : position + _INFO_TAG_END] for tag in _INFO_TAGS):
            yield frame
        position = frame.end


def _frame_at(data: bytes | bytearray, start: int) -> Frame | None:
    """Return the layer III frame at a position, if there is one."""
    sync, second, third = data[start], data[start + 1], data[start + 2]
    version = second >> 3 & 3
    bitrate, rate, padding = third >> 4, third >> 2 & 3, third >> 1 & 1
    if sync != 0xFF or second & 0xE6 != 0xE2 or version == 1 or bitrate in (0, 15) or rate == 3:
        return None
    samples = 1152 if version == 3 else 576
    bits = (_MPEG1_BITRATES if version == 3 else _MPEG2_BITRATES)[bitrate] * 1000
    sample_rate = _SAMPLE_RATES[version][rate]
    return Frame(start, start + samples // 8 * bits // sample_rate + padding, samples / sample_rate)


class DurationCounter(Protocol):
    """Counts the duration of a file that arrives in pieces."""

    def feed(self, chunk: bytes) -> float:
        """Add bytes, and return the duration so far in seconds."""
        ...


class Mp3Counter:
    """Counts complete mp3 frames."""

    def __init__(self) -> None:
        """Start without audio."""
        self._pending = bytearray()
        self._seconds = 0.0

    def feed(self, chunk: bytes) -> float:
        """Add bytes, and return the duration so far in seconds."""
        self._pending += chunk
        end = 0
        for frame in mp3_frames(self._pending):
            self._seconds += frame.seconds
            end = frame.end
        del self._pending[:end]
        return self._seconds


class WavCounter:
    """Counts samples after the header of a WAV."""

    def __init__(self) -> None:
        """Start without audio."""
        self._header: bytes | None = b""
        self._bytes = 0
        self._byte_rate = 1

    def feed(self, chunk: bytes) -> float:
        """Add bytes, and return the duration so far in seconds."""
        if self._header is None:
            self._bytes += len(chunk)
        else:
            self._header += chunk
            self._read_header(self._header)
        return self._bytes / self._byte_rate

    def _read_header(self, header: bytes) -> None:
        position = _RIFF_HEADER_BYTES
        while position + 8 <= len(header):
            name, size = struct.unpack_from("<4sI", header, position)
            position += 8
            if name == b"fmt ":
                (self._byte_rate,) = struct.unpack_from("<I", header, position + 8)
            if name == b"data":
                self._bytes = len(header) - position
                self._header = None
                return
            position += size + size % 2


def create_counter(extension: str) -> DurationCounter:
    """Return a counter for a format."""
    return WavCounter() if extension == "wav" else Mp3Counter()


@dataclass(frozen=True, slots=True)
class Playback:
    """Playback in real time by a player that starts with the first audio and has a short output buffer.

    timeline: times (time.monotonic) and the seconds of audio that had arrived by then, from the first audio on.
    """

    timeline: tuple[tuple[float, float], ...]

    @classmethod
    def of(cls, arrivals: Iterable[tuple[float, bytes]], extension: str) -> Playback:
        """Return the playback of chunks with their times of arrival."""
        counter = create_counter(extension)
        measured = [(moment, counter.feed(chunk)) for moment, chunk in arrivals]
        return cls(tuple((moment, seconds) for moment, seconds in measured if seconds > 0))

    @property
    def first_audio_at(self) -> float | None:
        """Time when the first audio had arrived."""
        return self.timeline[0][0] if self.timeline else None

    @property
    def seconds(self) -> float:
        """Duration of the audio."""
        return self.timeline[-1][1] if self.timeline else 0.0

    @property
    def gaps(self) -> list[float]:
        """Seconds of each pause in which the player had to wait for audio."""
        gaps: list[float] = []
        ends_at, played = 0.0, 0.0
        for index, (moment, seconds) in enumerate(self.timeline):
            if not index:
                ends_at = moment + _OUTPUT_BUFFER_S
            elif moment > ends_at:
                gaps.append(moment - ends_at)
            ends_at = max(ends_at, moment) + seconds - played
            played = seconds
        return gaps


async def decoded_seconds(audio: bytes) -> float:
    """Return the duration of a file in seconds, as decoded by ffmpeg."""
    process = await asyncio.create_subprocess_exec(
        *(find_ffmpeg(), "-v", "error", "-i", "pipe:", "-f", "s16le", "-ar", str(_DECODED_RATE), "-ac", "1", "pipe:"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    decoded, _ = await process.communicate(audio)
    return len(decoded) / 2 / _DECODED_RATE
