"""The containers that NanoGPT sends, made of what the studio records."""

from dataclasses import dataclass
import struct
from typing import Literal, cast

import numpy as np

from ..audio.encoding import SAMPLE_RATE, AudioFormat
from ..audio.espeak import Speaker
from ..audio.recorder import Recording, Studio, Take

type Format = Literal["mp3", "wav", "ogg", "opus", "aac", "flac", "pcm", "pcm16"]

_RECORDED: dict[Format, AudioFormat] = {"wav": "pcm", "pcm16": "pcm", "ogg": "opus"}
_BYTES_PER_SAMPLE = 2


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be made; rate in Hz, for wav and pcm16 only."""

    text: str
    speaker: Speaker
    audio_format: Format
    speed: float
    rate: int


async def record(studio: Studio, order: Order) -> Recording:
    """Return what was ordered."""
    recorded = _RECORDED.get(order.audio_format) or cast("AudioFormat", order.audio_format)
    recording = await studio.record(Take(order.text, order.speaker, recorded, order.speed))
    if order.audio_format not in {"wav", "pcm16"}:
        return recording
    samples = resampled(recording.data, order.rate)
    header = wav_header(len(samples), order.rate) if order.audio_format == "wav" else b""
    return Recording(header + samples, recording.duration)


def resampled(samples: bytes, rate: int) -> bytes:
    """Return 16-bit samples at another rate. Simple: what is above half the rate is not filtered."""
    if rate == SAMPLE_RATE:
        return samples
    source = np.frombuffer(samples, "<i2")
    times = np.arange(round(len(source) * rate / SAMPLE_RATE)) * (SAMPLE_RATE / rate)
    data: bytes = np.interp(times, np.arange(len(source)), source).astype("<i2").tobytes()
    return data


def wav_header(size: int, rate: int) -> bytes:
    """Return the header of a wav with that many bytes of samples, as a finished file has it."""
    layout = struct.pack("<HHIIHH", 1, 1, rate, rate * _BYTES_PER_SAMPLE, _BYTES_PER_SAMPLE, 8 * _BYTES_PER_SAMPLE)
    body = b"WAVEfmt " + struct.pack("<I", len(layout)) + layout + b"data" + struct.pack("<I", size)
    return b"RIFF" + struct.pack("<I", len(body) + size) + body
