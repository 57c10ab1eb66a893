"""Checks that a file is speech of plausible duration in the requested format."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
import re
import struct
from typing import Final

import numpy as np

RATE: Final = 16_000
"""Sample rate of decoded audio in Hz."""
_WINDOW_SAMPLES: Final = RATE // 20  # window of the level measurement
_SECONDS_PER_WORD: Final = (0.25, 0.75)
_MIN_LEVEL: Final = 0.01  # RMS relative to full scale: -40 dB
_MIN_VOICED_SHARE: Final = 0.4  # share of the windows that are not silent
_MIN_LEVEL_VARIATION: Final = 0.25  # standard deviation relative to the mean; hum and noise have almost none

_CODECS: Final = {
    "mp3": ("mp3", "mp3"),
    "wav": ("wav", "pcm_s16le"),
    "opus": ("ogg", "opus"),
    "aac": ("aac", "aac"),
    "flac": ("flac", "flac"),
}
"""ffmpeg's names of the container and codec of each format."""


@dataclass(frozen=True, slots=True)
class DecodedFile:
    """A file decoded by ffmpeg. errors: lines of ffmpeg's log."""

    container: str
    codec: str
    samples: np.ndarray[tuple[int], np.dtype[np.float64]]
    errors: tuple[str, ...]

    @property
    def duration(self) -> float:
        """Duration in seconds."""
        return self.samples.size / RATE


async def decode_file(file: Path) -> DecodedFile:
    """Decode a file completely."""
    process = await asyncio.create_subprocess_exec(
        *("ffmpeg", "-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+info", "-i", str(file)),
        *("-f", "s16le", "-ac", "1", "-ar", str(RATE), "pipe:1"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    decoded, log = await process.communicate()
    report = log.decode(errors="replace")
    container = re.search(r"Input #0, (\w+)", report)
    codec = re.search(r"Stream #0:0.*?: Audio: (\w+)", report)
    return DecodedFile(
        container=container[1] if container else "",
        codec=codec[1] if codec else "",
        samples=np.frombuffer(decoded, "<i2") / 32768,
        errors=tuple(line for line in report.splitlines() if re.search(r"\[(error|fatal|panic)\]", line)),
    )


def find_problems(audio: DecodedFile, audio_format: str, text: str) -> list[str]:
    """Return why a file cannot be a text spoken in a format."""
    found = find_file_problems(audio, audio_format, text)
    return found + _find_signal_problems(audio) if audio.samples.size else found


def find_file_problems(audio: DecodedFile, audio_format: str, text: str) -> list[str]:
    """Return why a file cannot be a text in a format, whether spoken or as tones."""
    if not audio.samples.size:
        return ["cannot be decoded", *audio.errors]
    found = [f"ffmpeg: {error}" for error in audio.errors]
    if (audio.container, audio.codec) != _CODECS[audio_format]:
        found.append(f"is {audio.codec} in {audio.container}, not {audio_format}")
    shortest, longest = (seconds * len(text.split()) for seconds in _SECONDS_PER_WORD)
    if not shortest <= audio.duration <= longest:
        found.append(f"lasts {audio.duration:.2f} s, not {shortest:.2f} to {longest:.2f} s")
    return found


def _find_signal_problems(audio: DecodedFile) -> list[str]:
    """Return why audio cannot be speech, which is audible most of the time and varies in level."""
    windows = audio.samples[: audio.samples.size // _WINDOW_SAMPLES * _WINDOW_SAMPLES].reshape(-1, _WINDOW_SAMPLES)
    levels = np.sqrt((windows**2).mean(axis=1))
    if np.sqrt((audio.samples**2).mean()) < _MIN_LEVEL:
        return ["is silent"]
    found = []
    if (levels > _MIN_LEVEL).mean() < _MIN_VOICED_SHARE:
        found.append("is silent for the most part")
    if levels.std() < _MIN_LEVEL_VARIATION * levels.mean():
        found.append("has a constant level, unlike speech")
    return found


def find_wav_problems(wav: bytes) -> list[str]:
    """Return which lengths in the header of a WAV are wrong."""
    if wav[:4] != b"RIFF" or wav[8:12] != b"WAVE":
        return ["has no WAV header"]
    found = []
    (riff_size,) = struct.unpack_from("<I", wav, 4)
    if riff_size != len(wav) - 8:
        found.append(f"RIFF size is {riff_size} instead of {len(wav) - 8} bytes")
    position = 12
    while position + 8 <= len(wav):
        name, size = struct.unpack_from("<4sI", wav, position)
        position += 8
        if name == b"data":
            return found if size == len(wav) - position else [*found, f"data size is {size} bytes"]
        position += size + size % 2
    return [*found, "has no data chunk"]
