"""Encode samples with ffmpeg. Everything here blocks and belongs on a thread."""

from dataclasses import dataclass
from functools import cache
from math import isclose
import shutil
import struct
import subprocess
from typing import Literal

import imageio_ffmpeg  # type: ignore[import-untyped]  # comes without types
import numpy as np

from .espeak import BYTES_PER_SAMPLE, SpokenSamples

type AudioFormat = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]

SAMPLE_RATE = 24_000  # Hz, of audio unless a provider has its own rate; mono, 16 bits
UNKNOWN_SIZE = 0xFFFFFFFF  # in OpenAI's wav headers
_FULL_SCALE = 32767
_MAX_PEAK = 32_400  # resampling may exceed it
_MIN_TEMPO, _MAX_TEMPO = 0.5, 2.0  # of one atempo filter

# For mp3, the fastest search instead of the best halves the time; the frames have the same sizes.
_ENCODER_ARGUMENTS: dict[AudioFormat, tuple[str, ...]] = {
    "mp3": ("-c:a", "libmp3lame", "-compression_level", "9", "-f", "mp3"),
    "opus": ("-c:a", "libopus", "-f", "ogg"),
    "aac": ("-c:a", "aac", "-f", "adts"),
    "flac": ("-c:a", "flac", "-sample_fmt", "s16", "-f", "flac"),
    "wav": ("-c:a", "pcm_s16le", "-f", "s16le"),
    "pcm": ("-c:a", "pcm_s16le", "-f", "s16le"),
}
# Below 64 kbit/s, Opus sometimes mistakes tones for narrowband speech and crackles loudly.
_BITRATES_KBPS: dict[AudioFormat, int] = {"mp3": 128, "opus": 64, "aac": 96}


@dataclass(frozen=True, slots=True)
class Quality:
    """Properties of encoded audio besides its format.

    rate: the sample rate, in Hz.
    bitrate: in kbit/s; None for the format's default.
    level: the average power (RMS) in dBFS, limited by the peaks; None leaves it unchanged.
    """

    rate: int = SAMPLE_RATE
    bitrate: int | None = None
    level: float | None = None


DEFAULT_QUALITY = Quality()


def encode(sound: SpokenSamples, audio_format: AudioFormat, speed: float, quality: Quality = DEFAULT_QUALITY) -> bytes:
    """Return a sound at another speed with the same pitch, encoded as ffmpeg writes it to a pipe."""
    source = ("-f", "s16le", "-ar", str(sound.rate), "-ac", "1", "-i", "pipe:0")
    bitrate = quality.bitrate or _BITRATES_KBPS.get(audio_format)
    encoder = (*_ENCODER_ARGUMENTS[audio_format], *(("-b:a", f"{bitrate}k") if bitrate else ()))
    target = (*_tempo_arguments(speed), "-ar", str(quality.rate), "-ac", "1", *encoder, "pipe:1")
    command = (find_ffmpeg(), "-hide_banner", "-loglevel", "error", "-nostdin", "-threads", "1", *source, *target)
    samples = sound.samples if quality.level is None else _adjust_level(sound.samples, quality.level)
    encoded = subprocess.run(command, input=samples, stdout=subprocess.PIPE, check=True).stdout
    return streaming_wav_header(quality.rate) + encoded if audio_format == "wav" else encoded


def streaming_wav_header(rate: int) -> bytes:
    """Return a wav header with the given value in place of both sizes, as for a stream of unknown length."""
    byte_rate = rate * BYTES_PER_SAMPLE
    layout = struct.pack("<HHIIHH", 1, 1, rate, byte_rate, BYTES_PER_SAMPLE, 8 * BYTES_PER_SAMPLE)
    size = struct.pack("<I", UNKNOWN_SIZE)
    return b"RIFF" + size + b"WAVEfmt " + struct.pack("<I", len(layout)) + layout + b"data" + size


@cache
def find_ffmpeg() -> str:
    """Return the path of the system's ffmpeg, or else of the one in the Python package."""
    path: str = shutil.which("ffmpeg") or imageio_ffmpeg.get_ffmpeg_exe()
    return path


def _tempo_arguments(speed: float) -> tuple[str, ...]:
    """Return the ffmpeg arguments that change the speed."""
    factors: list[float] = []
    while not _MIN_TEMPO <= speed <= _MAX_TEMPO:
        factors.append(_MIN_TEMPO if speed < _MIN_TEMPO else _MAX_TEMPO)
        speed /= factors[-1]
    if not isclose(speed, 1.0):
        factors.append(speed)
    return ("-filter:a", ",".join(f"atempo={factor:.6f}" for factor in factors)) if factors else ()


def _adjust_level(samples: bytes, level: float) -> bytes:
    """Return samples with another average power, in dBFS; silence stays silent."""
    source = np.frombuffer(samples, "<i2").astype(np.float64)
    power, peak = float(np.sqrt(np.mean(source**2))), float(np.abs(source).max())
    if peak == 0:
        return samples
    gain = min(_FULL_SCALE * 10 ** (level / 20) / power, _MAX_PEAK / peak)
    data: bytes = np.rint(source * gain).astype("<i2").tobytes()
    return data
