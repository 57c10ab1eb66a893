"""Decoding audio with ffmpeg into samples that tests can measure."""

import asyncio
from dataclasses import dataclass
import struct
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.simulator.audio.encoding import find_ffmpeg

RATE = 24_000
"""Sample rate of decoded audio in Hz."""


@dataclass(frozen=True, slots=True)
class Sound:
    """Decoded audio: mono samples between -1 and 1 at `RATE`."""

    samples: npt.NDArray[np.float64]

    @property
    def seconds(self) -> float:
        """Duration in seconds."""
        return len(self.samples) / RATE

    @property
    def level(self) -> float:
        """Root mean square; speech has at least 0.01."""
        return float(np.sqrt(np.mean(self.samples**2))) if len(self.samples) else 0.0


def read_wav_stream(audio: bytes) -> Sound:
    """Read a 16-bit WAV of unknown length as a satellite does: samples from the data chunk to the end."""
    start = audio.index(b"data") + 8
    channels, rate = struct.unpack_from("<HI", audio, audio.index(b"fmt ") + 10)
    samples = np.frombuffer(audio[start : start + (len(audio) - start) // 2 * 2], np.int16)[::channels] / 32768
    positions = np.arange(0, len(samples), rate / RATE)
    return Sound(np.interp(positions, np.arange(len(samples)), samples))


async def decode_output(audio: bytes, output_format: dict[str, Any]) -> Sound:
    """Decode the audio that a satellite or player got for its preferred format."""
    return read_wav_stream(audio) if "preferred_sample_rate" in output_format else await decode(audio)


def samples_of(pcm: bytes) -> npt.NDArray[np.float64]:
    """Return raw 16-bit samples as numbers between -1 and 1."""
    return np.frombuffer(pcm, np.int16) / 32768


async def decode(audio: bytes) -> Sound:
    """Decode a file of any format. Every warning of the decoder fails the test."""
    process = await asyncio.create_subprocess_exec(
        *(find_ffmpeg(), "-v", "warning", "-xerror", "-guess_layout_max", "0", "-i", "pipe:"),
        *("-f", "s16le", "-ar", str(RATE), "-ac", "1", "pipe:"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    decoded, warnings = await process.communicate(audio)
    assert process.returncode == 0, warnings.decode()
    assert not warnings, warnings.decode()
    return Sound(np.frombuffer(decoded, np.int16) / 32768)
