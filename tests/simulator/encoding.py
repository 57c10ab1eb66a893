"""Samples -> the containers that providers send, by ffmpeg. Everything here blocks and belongs on a thread."""

from functools import cache
from math import isclose
import shutil
import struct
import subprocess
from typing import Literal

import imageio_ffmpeg  # type: ignore[import-untyped]  # comes without types

from .espeak import Sound

type AudioFormat = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]

SAMPLE_RATE = 24_000  # Hz, of everything that leaves the simulator; mono, 16 bit
_BYTES_PER_SAMPLE = 2
_UNKNOWN_SIZE = 0xFFFFFFFF
_SLOWEST_TEMPO = 0.5  # beyond these two, one atempo filter is not enough
_FASTEST_TEMPO = 2.0

# For mp3, the quickest search instead of the best halves the time; the frames have the same sizes. Below 64 kbit/s Opus
# takes tones for a telephone's speech now and then, and crackles loudly.
_OUTPUT: dict[AudioFormat, tuple[str, ...]] = {
    "mp3": ("-c:a", "libmp3lame", "-b:a", "128k", "-compression_level", "9", "-f", "mp3"),
    "opus": ("-c:a", "libopus", "-b:a", "64k", "-f", "ogg"),
    "aac": ("-c:a", "aac", "-b:a", "96k", "-f", "adts"),
    "flac": ("-c:a", "flac", "-sample_fmt", "s16", "-f", "flac"),
    "wav": ("-c:a", "pcm_s16le", "-f", "s16le"),
    "pcm": ("-c:a", "pcm_s16le", "-f", "s16le"),
}


def encode(sound: Sound, audio_format: AudioFormat, speed: float) -> bytes:
    """Return a sound at another speed (same pitch), resampled and in a container, as ffmpeg writes it to a pipe."""
    source = ("-f", "s16le", "-ar", str(sound.rate), "-ac", "1", "-i", "pipe:0")
    target = (*_tempo(speed), "-ar", str(SAMPLE_RATE), "-ac", "1", *_OUTPUT[audio_format], "pipe:1")
    command = (ffmpeg(), "-hide_banner", "-loglevel", "error", "-nostdin", "-threads", "1", *source, *target)
    encoded = subprocess.run(command, input=sound.samples, stdout=subprocess.PIPE, check=True).stdout
    return streaming_wav_header() + encoded if audio_format == "wav" else encoded


def streaming_wav_header() -> bytes:
    """Return the header of a wav whose length is not known yet: both sizes are 0xFFFFFFFF, as the real service does."""
    byte_rate = SAMPLE_RATE * _BYTES_PER_SAMPLE
    layout = struct.pack("<HHIIHH", 1, 1, SAMPLE_RATE, byte_rate, _BYTES_PER_SAMPLE, 8 * _BYTES_PER_SAMPLE)
    unknown = struct.pack("<I", _UNKNOWN_SIZE)
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
