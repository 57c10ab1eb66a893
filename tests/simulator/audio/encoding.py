"""Samples -> the containers that providers send, by ffmpeg. Everything here blocks and belongs on a thread."""

from dataclasses import dataclass
from functools import cache
from math import isclose
import shutil
import struct
import subprocess
from typing import Literal

import imageio_ffmpeg  # type: ignore[import-untyped]  # comes without types
import numpy as np

from .espeak import Sound

type AudioFormat = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]

SAMPLE_RATE = 24_000  # Hz, of what leaves the simulator unless a provider has a rate of its own; mono, 16 bit
_BYTES_PER_SAMPLE = 2
_UNKNOWN_SIZE = 0xFFFFFFFF  # as at OpenAI
_FULL_SCALE = 32767
_SLOWEST_TEMPO = 0.5  # beyond these two, one atempo filter is not enough
_FASTEST_TEMPO = 2.0

# For mp3, the quickest search instead of the best halves the time; the frames have the same sizes.
_OUTPUT: dict[AudioFormat, tuple[str, ...]] = {
    "mp3": ("-c:a", "libmp3lame", "-compression_level", "9", "-f", "mp3"),
    "opus": ("-c:a", "libopus", "-f", "ogg"),
    "aac": ("-c:a", "aac", "-f", "adts"),
    "flac": ("-c:a", "flac", "-sample_fmt", "s16", "-f", "flac"),
    "wav": ("-c:a", "pcm_s16le", "-f", "s16le"),
    "pcm": ("-c:a", "pcm_s16le", "-f", "s16le"),
}
# kbit/s. Below 64 Opus takes tones for a telephone's speech now and then, and crackles loudly.
_BITRATES: dict[AudioFormat, int] = {"mp3": 128, "opus": 64, "aac": 96}


@dataclass(frozen=True, slots=True)
class Quality:
    """What a sound is made into besides its container.

    rate: in Hz.
    bitrate: in kbit/s, where the container has one; None for the usual one.
    level: the sound's average power (RMS) in dBFS, as far as its peaks allow it; None leaves it as it is.
    """

    rate: int = SAMPLE_RATE
    bitrate: int | None = None
    level: float | None = None


USUAL_QUALITY = Quality()


def encode(sound: Sound, audio_format: AudioFormat, speed: float, quality: Quality = USUAL_QUALITY) -> bytes:
    """Return a sound at another speed (same pitch), resampled and in a container, as ffmpeg writes it to a pipe."""
    source = ("-f", "s16le", "-ar", str(sound.rate), "-ac", "1", "-i", "pipe:0")
    bitrate = quality.bitrate or _BITRATES.get(audio_format)
    coder = (*_OUTPUT[audio_format], *(("-b:a", f"{bitrate}k") if bitrate else ()))
    target = (*_tempo(speed), "-ar", str(quality.rate), "-ac", "1", *coder, "pipe:1")
    command = (ffmpeg(), "-hide_banner", "-loglevel", "error", "-nostdin", "-threads", "1", *source, *target)
    samples = sound.samples if quality.level is None else _levelled(sound.samples, quality.level)
    encoded = subprocess.run(command, input=samples, stdout=subprocess.PIPE, check=True).stdout
    return streaming_wav_header(rate=quality.rate) + encoded if audio_format == "wav" else encoded


def streaming_wav_header(unknown_size: int = _UNKNOWN_SIZE, rate: int = SAMPLE_RATE) -> bytes:
    """Return the header of a wav whose length is not known yet, with what stands in the place of its two sizes."""
    byte_rate = rate * _BYTES_PER_SAMPLE
    layout = struct.pack("<HHIIHH", 1, 1, rate, byte_rate, _BYTES_PER_SAMPLE, 8 * _BYTES_PER_SAMPLE)
    unknown = struct.pack("<I", unknown_size)
    return b"RIFF" + unknown + b"WAVEfmt " + struct.pack("<I", len(layout)) + layout + b"data" + unknown


@cache
def ffmpeg() -> str:
    """Return the path of the system's ffmpeg, or of the one that comes as a Python package."""
    path: str = shutil.which("ffmpeg") or imageio_ffmpeg.get_ffmpeg_exe()
    return path


def _tempo(speed: float) -> tuple[str, ...]:
    """Return the ffmpeg arguments that change the speed."""
    steps: list[float] = []
    while not _SLOWEST_TEMPO <= speed <= _FASTEST_TEMPO:
        steps.append(_SLOWEST_TEMPO if speed < _SLOWEST_TEMPO else _FASTEST_TEMPO)
        speed /= steps[-1]
    if not isclose(speed, 1.0):
        steps.append(speed)
    return ("-filter:a", ",".join(f"atempo={step:.6f}" for step in steps)) if steps else ()


def _levelled(samples: bytes, level: float) -> bytes:
    """Return samples with another average power, in dBFS; silence stays silent."""
    source = np.frombuffer(samples, "<i2").astype(np.float64)
    power, peak = float(np.sqrt(np.mean(source**2))), float(np.abs(source).max())
    if peak == 0:
        return samples
    gain = min(_FULL_SCALE * 10 ** (level / 20) / power, _FULL_SCALE / peak)
    data: bytes = np.rint(source * gain).astype("<i2").tobytes()
    return data
