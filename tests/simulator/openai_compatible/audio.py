"""The containers that compatible servers send, and what they write into the header of a wav."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
import struct
from tempfile import TemporaryDirectory
from typing import Literal

import numpy as np

from ..audio.encoding import AudioFormat, Quality, ffmpeg
from ..audio.espeak import Speaker
from ..audio.recorder import Recording, Studio, Take

type Container = Literal["mp3", "opus", "aac", "flac", "wav", "pcm", "mp4"]

UNKNOWN_SIZE = 0xFFFFFFFF  # as at OpenAI
_ENCODER = b"INFOISFT" + struct.pack("<I", 14) + b"Lavf61.7.100\0\0"
_LARGEST = 0xFFFFFFFF
_RECORDED: dict[Container, AudioFormat] = {
    "mp3": "mp3",
    "opus": "opus",
    "aac": "aac",
    "flac": "flac",
    "pcm": "pcm",
    "wav": "pcm",
    "mp4": "pcm",
}
_MP3_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
_RATES: dict[Container, tuple[int, ...]] = {
    "mp3": _MP3_RATES,
    "aac": _MP3_RATES,
    "opus": (8_000, 12_000, 16_000, 24_000, 48_000),
}


@dataclass(frozen=True, slots=True)
class Wav:
    """How a wav is written.

    size: what stands in the place of the samples' size, which nobody knows yet; None for the true one.
    names_encoder: a chunk before the samples tells who wrote the file, as ffmpeg does.
    floats: samples are 32-bit floats instead of 16-bit integers.
    """

    size: int | None = UNKNOWN_SIZE
    names_encoder: bool = False
    floats: bool = False


USUAL_WAV = Wav()


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be made; rate in Hz."""

    text: str
    speaker: Speaker
    container: Container
    rate: int
    speed: float = 1.0
    wav: Wav = USUAL_WAV


async def record(studio: Studio, order: Order) -> Recording:
    """Return what was ordered, at the rate that is nearest of those that its container has."""
    rate = min(_RATES.get(order.container, (order.rate,)), key=lambda rate: abs(rate - order.rate))
    recorded = _RECORDED[order.container]
    recording = await studio.record(Take(order.text, order.speaker, recorded, order.speed, Quality(rate)))
    if order.container == "wav":
        return Recording(wav(recording.data, rate, order.wav), recording.duration)
    if order.container == "mp4":
        return Recording(await _mp4(recording.data, rate), recording.duration)
    return recording


def wav(samples: bytes, rate: int, style: Wav) -> bytes:
    """Return 16-bit samples as a wav."""
    width = 4 if style.floats else 2
    layout = struct.pack("<HHIIHH", 3 if style.floats else 1, 1, rate, rate * width, width, 8 * width)
    if style.floats:
        samples = (np.frombuffer(samples, "<i2") / np.float32(32768)).astype("<f4").tobytes()
        layout += struct.pack("<H", 0)
    chunks = _chunk(b"fmt ", layout)
    if style.floats:
        chunks += _chunk(b"fact", struct.pack("<I", len(samples) // width))
    if style.names_encoder:
        chunks += _chunk(b"LIST", _ENCODER)
    size = len(samples) if style.size is None else style.size
    whole = min(len(b"WAVE") + len(chunks) + 8 + size, _LARGEST) if size else 0
    return b"RIFF" + struct.pack("<I", whole) + b"WAVE" + chunks + b"data" + struct.pack("<I", size) + samples


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content


async def _mp4(samples: bytes, rate: int) -> bytes:
    """Return samples as AAC in an mp4, the index of which comes last, as it does in a file."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "speech.mp4"
        source = ("-f", "s16le", "-ar", str(rate), "-ac", "1", "-i", "pipe:0")
        process = await asyncio.create_subprocess_exec(
            *(ffmpeg(), "-loglevel", "error", *source, "-c:a", "aac", "-b:a", "96k", "-f", "mp4", str(path)),
            stdin=asyncio.subprocess.PIPE,
        )
        await process.communicate(samples)
        return path.read_bytes()
