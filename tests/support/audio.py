"""Listening to what comes out: decoded with ffmpeg, measured in samples."""

import asyncio
from dataclasses import dataclass
import shutil
import struct

import imageio_ffmpeg
import numpy as np
import numpy.typing as npt

RATE = 24_000


@dataclass(frozen=True, slots=True)
class Sound:
    """Decoded audio: mono samples between -1 and 1, `RATE` of them a second."""

    samples: npt.NDArray[np.float64]

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.samples) / RATE

    @property
    def level(self) -> float:
        """Its root mean square; speech has at least 0.01."""
        return float(np.sqrt(np.mean(self.samples**2))) if len(self.samples) else 0.0


def ffmpeg() -> str:
    """Return the ffmpeg to run."""
    return shutil.which("ffmpeg") or imageio_ffmpeg.get_ffmpeg_exe()


def streamed_wav(audio: bytes) -> Sound:
    """Read a WAV of unknown length as a satellite does: 16-bit samples from the data chunk on, to the end."""
    start = audio.index(b"data") + 8
    channels, rate = struct.unpack_from("<HI", audio, audio.index(b"fmt ") + 10)
    samples = np.frombuffer(audio[start : start + (len(audio) - start) // 2 * 2], np.int16)[::channels] / 32768
    positions = np.arange(0, len(samples), rate / RATE)
    return Sound(np.interp(positions, np.arange(len(samples)), samples))


def samples_of(pcm: bytes) -> npt.NDArray[np.float64]:
    """Read raw 16-bit samples."""
    return np.frombuffer(pcm, np.int16) / 32768


async def decode(audio: bytes) -> Sound:
    """Decode a file of any format; whatever a decoder could complain about is an error."""
    process = await asyncio.create_subprocess_exec(
        *(ffmpeg(), "-v", "warning", "-xerror", "-guess_layout_max", "0", "-i", "pipe:"),
        *("-f", "s16le", "-ar", str(RATE), "-ac", "1", "pipe:"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    decoded, complaints = await process.communicate(audio)
    assert process.returncode == 0, complaints.decode()
    assert not complaints, complaints.decode()
    return Sound(np.frombuffer(decoded, np.int16) / 32768)
