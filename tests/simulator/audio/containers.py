"""Audio in every container that providers send, made of recordings."""

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
import struct
from tempfile import TemporaryDirectory
from typing import Literal

import numpy as np

from .encoding import DEFAULT_QUALITY, UNKNOWN_SIZE, AudioFormat, Quality, find_ffmpeg
from .espeak import Speaker
from .recorder import Recorder, Recording, RecordingSpec

type Container = Literal["mp3", "opus", "ogg", "aac", "flac", "wav", "pcm", "pcm16", "mp4"]

_ENCODER_CHUNK = b"INFOISFT" + struct.pack("<I", 14) + b"Lavf61.7.100\0\0"
_MAX_SIZE = 0xFFFFFFFF
_RECORDED_FORMATS: dict[Container, AudioFormat] = {
    "mp3": "mp3",
    "opus": "opus",
    "ogg": "opus",
    "aac": "aac",
    "flac": "flac",
    "pcm": "pcm",
    "pcm16": "pcm",
    "wav": "pcm",
    "mp4": "pcm",
}
_MPEG_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
_OPUS_RATES = (8_000, 12_000, 16_000, 24_000, 48_000)
_RATES: dict[Container, tuple[int, ...]] = {
    "mp3": _MPEG_RATES,
    "aac": _MPEG_RATES,
    "opus": _OPUS_RATES,
    "ogg": _OPUS_RATES,
}
_MPEG2_MAX_BITRATE_KBPS = 160  # of mp3 below _MPEG1_MIN_RATE
_MPEG1_MIN_RATE = 32_000  # Hz


@dataclass(frozen=True, slots=True)
class Wav:
    """The style of a wav header.

    size: the value in place of the samples' size, which is unknown while streaming; None for the true size.
    names_encoder: add a chunk that names the encoder, as ffmpeg does.
    floats: samples are 32-bit floats instead of 16-bit integers.
    """

    size: int | None = UNKNOWN_SIZE
    names_encoder: bool = False
    floats: bool = False


OPENAI_WAV = Wav()
FILE_WAV = Wav(size=None)


@dataclass(frozen=True, slots=True)
class AudioSpec:
    """The specification of an audio file."""

    text: str
    speaker: Speaker
    container: Container
    speed: float = 1.0
    quality: Quality = DEFAULT_QUALITY
    wav: Wav = OPENAI_WAV


async def record(recorder: Recorder, spec: AudioSpec) -> Recording:
    """Return audio as specified, at the nearest rate that its container supports."""
    quality = replace(spec.quality, rate=_supported_rate(spec.container, spec.quality))
    recorded_format = _RECORDED_FORMATS[spec.container]
    recording = await recorder.record(RecordingSpec(spec.text, spec.speaker, recorded_format, spec.speed, quality))
    if spec.container == "wav":
        return replace(recording, data=wav(recording.data, quality.rate, spec.wav))
    if spec.container == "mp4":
        return replace(recording, data=await _mp4(recording.data, quality.rate))
    return recording


def wav(samples: bytes, rate: int, style: Wav) -> bytes:
    """Return 16-bit samples as a wav file."""
    width = 4 if style.floats else 2
    layout = struct.pack("<HHIIHH", 3 if style.floats else 1, 1, rate, rate * width, width, 8 * width)
    if style.floats:
        samples = (np.frombuffer(samples, "<i2") / np.float32(32768)).astype("<f4").tobytes()
        layout += struct.pack("<H", 0)
    chunks = _chunk(b"fmt ", layout)
    if style.floats:
        chunks += _chunk(b"fact", struct.pack("<I", len(samples) // width))
    if style.names_encoder:
        chunks += _chunk(b"LIST", _ENCODER_CHUNK)
    size = len(samples) if style.size is None else style.size
    riff_size = min(len(b"WAVE") + len(chunks) + 8 + size, _MAX_SIZE) if size else 0
    return b"RIFF" + struct.pack("<I", riff_size) + b"WAVE" + chunks + b"data" + struct.pack("<I", size) + samples


def _supported_rate(container: Container, quality: Quality) -> int:
    """Return the nearest supported sample rate that permits the bitrate."""
    rate = min(_RATES.get(container, (quality.rate,)), key=lambda rate: abs(rate - quality.rate))
    if container == "mp3" and rate < _MPEG1_MIN_RATE and (quality.bitrate or 0) > _MPEG2_MAX_BITRATE_KBPS:
        return 48_000
    return rate


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content


async def _mp4(samples: bytes, rate: int) -> bytes:
    """Return samples as AAC in an mp4 file with its index at the end."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "speech.mp4"
        source = ("-f", "s16le", "-ar", str(rate), "-ac", "1", "-i", "pipe:0")
        process = await asyncio.create_subprocess_exec(
            *(find_ffmpeg(), "-loglevel", "error", *source, "-c:a", "aac", "-b:a", "96k", "-f", "mp4", str(path)),
            stdin=asyncio.subprocess.PIPE,
        )
        await process.communicate(samples)
        return path.read_bytes()
