"""How much sound there is in bytes: what a player could have played so far.

Written apart from Orator's own code for the same formats, which it measures.
"""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
import struct
from typing import Final, Protocol

from tests.simulator.encoding import ffmpeg

_BITRATES_1: Final = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_BITRATES_2: Final = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES: Final = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
"""By the two version bits of a frame's header: MPEG 1, 2 and 2.5."""
_INFO_TAGS: Final = (b"Xing", b"Info", b"VBRI")
_INFO_SEARCHED: Final = 60  # bytes of a frame in which such a tag begins
_ID3_HEADER: Final = 10
_WAV_START: Final = 12
_DECODED_RATE: Final = 24_000
_OUTPUT_BUFFER: Final = 0.1
"""Seconds that a player's output is behind: four frames of mp3."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame of mp3, by its place in the bytes, and what it lasts."""

    start: int
    end: int
    seconds: float


def mp3_frames(data: bytes | bytearray, position: int = 0) -> Iterator[Frame]:
    """Find the complete frames from a position on; tags, and frames that only describe others, are passed over."""
    while position + _ID3_HEADER <= len(data):
        if data[position : position + 3] == b"ID3":
            size = data[position + 6 : position + 10]
            position += _ID3_HEADER + (size[0] << 21 | size[1] << 14 | size[2] << 7 | size[3])
            continue
        if (frame := _frame_at(data, position)) is None:
            position += 1
            continue
        if frame.end > len(data):
            return
        if not any(tag in data[position : position + _INFO_SEARCHED] for tag in _INFO_TAGS):
            yield frame
        position = frame.end


def _frame_at(data: bytes | bytearray, start: int) -> Frame | None:
    """Read the header of a layer III frame."""
    sync, second, third = data[start], data[start + 1], data[start + 2]
    version = second >> 3 & 3
    bitrate, rate, padding = third >> 4, third >> 2 & 3, third >> 1 & 1
    if sync != 0xFF or second & 0xE6 != 0xE2 or version == 1 or bitrate in (0, 15) or rate == 3:
        return None
    samples = 1152 if version == 3 else 576
    bits = (_BITRATES_1 if version == 3 else _BITRATES_2)[bitrate] * 1000
    sample_rate = _RATES[version][rate]
    return Frame(start, start + samples // 8 * bits // sample_rate + padding, samples / sample_rate)


class Meter(Protocol):
    """Counts the seconds of sound in a file that arrives in pieces."""

    def feed(self, chunk: bytes) -> float:
        """Take the next bytes and return the seconds so far."""
        ...


class Mp3Meter:
    """Counts complete frames."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._rest = bytearray()
        self._seconds = 0.0

    def feed(self, chunk: bytes) -> float:
        """Take the next bytes and return the seconds so far."""
        self._rest += chunk
        end = 0
        for frame in mp3_frames(self._rest):
            self._seconds += frame.seconds
            end = frame.end
        del self._rest[:end]
        return self._seconds


class WavMeter:
    """Counts samples after the header."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._head: bytes | None = b""
        self._bytes = 0
        self._byte_rate = 1

    def feed(self, chunk: bytes) -> float:
        """Take the next bytes and return the seconds so far."""
        if self._head is None:
            self._bytes += len(chunk)
        else:
            self._head += chunk
            self._read_header(self._head)
        return self._bytes / self._byte_rate

    def _read_header(self, head: bytes) -> None:
        position = _WAV_START
        while position + 8 <= len(head):
            name, size = struct.unpack_from("<4sI", head, position)
            position += 8
            if name == b"fmt ":
                (self._byte_rate,) = struct.unpack_from("<I", head, position + 8)
            if name == b"data":
                self._bytes = len(head) - position
                self._head = None
                return
            position += size + size % 2


def meter(extension: str) -> Meter:
    """Return a meter for a format."""
    return WavMeter() if extension == "wav" else Mp3Meter()


@dataclass(frozen=True, slots=True)
class Playback:
    """How a player gets on that begins with the first sound and plays at the pace of life.

    Like any player's, its output is a little behind: what comes a moment late does not matter.

    timeline: moments (time.monotonic), and the seconds of sound that had arrived by then; from the first sound on.
    """

    timeline: tuple[tuple[float, float], ...]

    @classmethod
    def of(cls, arrivals: Iterable[tuple[float, bytes]], extension: str) -> Playback:
        """Play what arrived."""
        counter = meter(extension)
        measured = [(moment, counter.feed(chunk)) for moment, chunk in arrivals]
        return cls(tuple((moment, seconds) for moment, seconds in measured if seconds > 0))

    @property
    def first_sound_at(self) -> float | None:
        """When the first sound had arrived."""
        return self.timeline[0][0] if self.timeline else None

    @property
    def seconds(self) -> float:
        """How much sound arrived."""
        return self.timeline[-1][1] if self.timeline else 0.0

    @property
    def gaps(self) -> list[float]:
        """The seconds that the player waited for more, each time that it had played everything."""
        found: list[float] = []
        dry_at, played = 0.0, 0.0
        for index, (moment, seconds) in enumerate(self.timeline):
            if not index:
                dry_at = moment + _OUTPUT_BUFFER
            elif moment > dry_at:
                found.append(moment - dry_at)
            dry_at = max(dry_at, moment) + seconds - played
            played = seconds
        return found


async def decoded_seconds(audio: bytes) -> float:
    """Return how long a file plays by ffmpeg's account."""
    process = await asyncio.create_subprocess_exec(
        *(ffmpeg(), "-v", "error", "-i", "pipe:", "-f", "s16le", "-ar", str(_DECODED_RATE), "-ac", "1", "pipe:"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    decoded, _ = await process.communicate(audio)
    return len(decoded) / 2 / _DECODED_RATE
