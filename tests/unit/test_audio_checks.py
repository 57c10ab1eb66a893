"""The audio checks accept speech in every format and nothing else."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.simulator.audio.encoding import AudioFormat, encode
from tests.simulator.audio.espeak import Speaker, SpokenSamples, speak
from tests.support.audio_checks import decode_file, find_problems, find_wav_problems

TEXT = "The washing machine has finished, and the kitchen window is still open."
RATE = 24_000
SECONDS = 5

type Samples = np.ndarray[tuple[int], np.dtype[np.float64]]


def synthesize(text: str, audio_format: AudioFormat) -> bytes:
    """Return speech in a format."""
    return encode(speak(text, Speaker("f3", 50)), audio_format, speed=1)


def generate_noise() -> Samples:
    """Return reproducible noise."""
    return np.random.default_rng(0).uniform(-0.5, 0.5, RATE * SECONDS)


def generate_tone() -> Samples:
    """Return a constant tone."""
    wave: Samples = 0.5 * np.sin(np.arange(RATE * SECONDS) * 0.1)
    return wave


def generate_mostly_silence() -> Samples:
    """Return a second of noise, followed by silence."""
    samples = generate_noise()
    samples[RATE:] = 0
    return samples


def find_file_problems(file: Path, content: bytes, text: str = TEXT) -> list[str]:
    """Return the problems of a file."""
    file.write_bytes(content)
    return find_problems(asyncio.run(decode_file(file)), file.suffix[1:], text)


@pytest.mark.parametrize("audio_format", ["mp3", "wav", "opus", "aac", "flac"])
def test_speech(tmp_path: Path, audio_format: AudioFormat) -> None:
    """Speech has no problems in any format."""
    content = synthesize(TEXT, audio_format)
    assert find_file_problems(tmp_path / f"speech.{audio_format}", content) == []


def test_implausible_duration(tmp_path: Path) -> None:
    """Speech that is too short or too long for its text is reported."""
    content = synthesize(TEXT, "mp3")
    for text in (TEXT * 3, "Hello."):
        (problem,) = find_file_problems(tmp_path / "speech.mp3", content, text)
        assert problem.startswith("lasts ")


def test_wrong_format(tmp_path: Path) -> None:
    """A file in another format than requested is reported."""
    assert find_file_problems(tmp_path / "speech.mp3", synthesize(TEXT, "flac")) == ["is flac in flac, not mp3"]


@pytest.mark.parametrize("content", [b"", b'{"error": "this is no audio"}'])
def test_no_audio(tmp_path: Path, content: bytes) -> None:
    """A file that is not audio is reported."""
    found = find_file_problems(tmp_path / "speech.mp3", content)
    assert found[0] == "cannot be decoded"


def test_damaged_file(tmp_path: Path) -> None:
    """Errors of ffmpeg are reported."""
    content = bytearray(synthesize(TEXT, "flac"))
    content[len(content) // 2 : len(content) // 2 + 2000] = bytes(2000)
    found = find_file_problems(tmp_path / "speech.flac", bytes(content))
    assert any(problem.startswith("ffmpeg: ") for problem in found)


@pytest.mark.parametrize(
    ("signal", "problem"),
    [
        (lambda: np.zeros(RATE * SECONDS), "is silent"),
        (generate_mostly_silence, "is silent for the most part"),
        (generate_noise, "has a constant level, unlike speech"),
        (generate_tone, "has a constant level, unlike speech"),
    ],
)
def test_other_signals(tmp_path: Path, signal: Callable[[], Samples], problem: str) -> None:
    """Silence, noise and hum are reported."""
    sound = SpokenSamples((signal() * 32767).astype("<i2").tobytes(), RATE)
    assert find_file_problems(tmp_path / "speech.mp3", encode(sound, "mp3", speed=1)) == [problem]


def test_wav_lengths() -> None:
    """A WAV with wrong or missing lengths in its header is reported."""
    streamed = synthesize(TEXT, "wav")
    size = len(streamed)
    assert find_wav_problems(streamed) == [
        f"RIFF size is {0xFFFFFFFF} instead of {size - 8} bytes",
        f"data size is {0xFFFFFFFF} bytes",
    ]
    correct = b"RIFF" + (size - 8).to_bytes(4, "little") + streamed[8:40] + (size - 44).to_bytes(4, "little")
    assert find_wav_problems(correct + streamed[44:]) == []
    assert find_wav_problems(correct + streamed[44:-2]) != []
    assert find_wav_problems(streamed[44:]) == ["has no WAV header"]
    assert find_wav_problems(b"RIFF\x04\x00\x00\x00WAVE") == ["has no data chunk"]
