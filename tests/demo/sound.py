"""Find out whether a file is speech, of the length that its text takes, in the format that was asked for."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
import re
import struct
from typing import Final

import numpy as np

_RATE: Final = 16_000  # Hz to which everything is brought for listening
_WINDOW: Final = _RATE // 20  # samples over which loudness is measured
_SECONDS_PER_WORD: Final = (0.25, 0.75)
_QUIETEST: Final = 0.01  # RMS of full scale: -40 dB
_LEAST_VOICED: Final = 0.4  # share of windows
_LEAST_VARIATION: Final = 0.25  # of loudness, relative to its mean; a hum or noise has none

_CODECS: Final = {
    "mp3": ("mp3", "mp3"),
    "wav": ("wav", "pcm_s16le"),
    "opus": ("ogg", "opus"),
    "aac": ("aac", "aac"),
    "flac": ("flac", "flac"),
}
"""What ffmpeg calls container and codec of a format."""


@dataclass(frozen=True, slots=True)
class Sound:
    """What ffmpeg makes of a file. complaints: the errors it met on the way."""

    container: str
    codec: str
    samples: np.ndarray[tuple[int], np.dtype[np.float64]]
    complaints: tuple[str, ...]

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.samples.size / _RATE


async def decode(file: Path) -> Sound:
    """Decode a file to its end."""
    process = await asyncio.create_subprocess_exec(
        *("ffmpeg", "-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+info", "-i", str(file)),
        *("-f", "s16le", "-ac", "1", "-ar", str(_RATE), "pipe:1"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    decoded, said = await process.communicate()
    report = said.decode(errors="replace")
    container = re.search(r"Input #0, (\w+)", report)
    codec = re.search(r"Stream #0:0.*?: Audio: (\w+)", report)
    return Sound(
        container=container[1] if container else "",
        codec=codec[1] if codec else "",
        samples=np.frombuffer(decoded, "<i2") / 32768,
        complaints=tuple(line for line in report.splitlines() if re.search(r"\[(error|fatal|panic)\]", line)),
    )


def problems(sound: Sound, audio_format: str, text: str) -> list[str]:
    """Say what keeps a sound from being this text, spoken, in this format."""
    if not sound.samples.size:
        return ["cannot be decoded", *sound.complaints]
    found = [f"ffmpeg: {complaint}" for complaint in sound.complaints]
    if (sound.container, sound.codec) != _CODECS[audio_format]:
        found.append(f"is {sound.codec} in {sound.container}, not {audio_format}")
    shortest, longest = (seconds * len(text.split()) for seconds in _SECONDS_PER_WORD)
    if not shortest <= sound.duration <= longest:
        found.append(f"lasts {sound.duration:.2f} s, not {shortest:.2f} to {longest:.2f} s")
    return found + _unlike_speech(sound)


def _unlike_speech(sound: Sound) -> list[str]:
    """Say what keeps a sound from being speech: it is loud enough, mostly, and its loudness goes up and down."""
    windows = sound.samples[: sound.samples.size // _WINDOW * _WINDOW].reshape(-1, _WINDOW)
    loudness = np.sqrt((windows**2).mean(axis=1))
    if np.sqrt((sound.samples**2).mean()) < _QUIETEST:
        return ["is silent"]
    found = []
    if (loudness > _QUIETEST).mean() < _LEAST_VOICED:
        found.append("is silent for the most part")
    if loudness.std() < _LEAST_VARIATION * loudness.mean():
        found.append("has an even loudness, which speech has not")
    return found


def wav_problems(wav: bytes) -> list[str]:
    """Say where the lengths in a wav's header are not those of the file."""
    if wav[:4] != b"RIFF" or wav[8:12] != b"WAVE":
        return ["has no wav header"]
    found = []
    (riff_size,) = struct.unpack_from("<I", wav, 4)
    if riff_size != len(wav) - 8:
        found.append(f"its header says {riff_size} bytes, {len(wav) - 8} follow")
    position = 12
    while position + 8 <= len(wav):
        name, size = struct.unpack_from("<4sI", wav, position)
        position += 8
        if name == b"data":
            return found if size == len(wav) - position else [*found, f"its data chunk says {size} bytes"]
        position += size + size % 2
    return [*found, "has no data chunk"]
