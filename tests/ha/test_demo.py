"""The demo's ear: it hears every format, and takes nothing for speech that is none."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ..demo.sound import decode, problems, wav_problems
from ..simulator.encoding import AudioFormat, encode
from ..simulator.espeak import Sound, Speaker, speak

TEXT = "The washing machine has finished, and the kitchen window is still open."
RATE = 24_000
SECONDS = 5

type Samples = np.ndarray[tuple[int], np.dtype[np.float64]]


def spoken(text: str, audio_format: AudioFormat) -> bytes:
    """Return a text as a provider sends it."""
    return encode(speak(text, Speaker("f3", 50)), audio_format, speed=1)


def noise() -> Samples:
    """Return noise, always the same."""
    return np.random.default_rng(0).uniform(-0.5, 0.5, RATE * SECONDS)


def hum() -> Samples:
    """Return a tone."""
    wave: Samples = 0.5 * np.sin(np.arange(RATE * SECONDS) * 0.1)
    return wave


def mostly_silence() -> Samples:
    """Return a noise at the beginning of silence."""
    samples = noise()
    samples[RATE:] = 0
    return samples


def problems_of(file: Path, content: bytes, text: str = TEXT) -> list[str]:
    """Return what the demo would find out about a file."""
    file.write_bytes(content)
    return problems(asyncio.run(decode(file)), file.suffix[1:], text)


@pytest.mark.parametrize("audio_format", ["mp3", "wav", "opus", "aac", "flac"])
def test_speech_is_recognised(tmp_path: Path, audio_format: AudioFormat) -> None:
    """Speech is fine in every format."""
    content = spoken(TEXT, audio_format)
    assert problems_of(tmp_path / f"speech.{audio_format}", content) == []


def test_wrong_length_is_noticed(tmp_path: Path) -> None:
    """Speech of another length than its text takes is not that text."""
    content = spoken(TEXT, "mp3")
    for text in (TEXT * 3, "Hello."):
        (problem,) = problems_of(tmp_path / "speech.mp3", content, text)
        assert problem.startswith("lasts ")


def test_wrong_format_is_noticed(tmp_path: Path) -> None:
    """A file is what it is, whatever it is called."""
    assert problems_of(tmp_path / "speech.mp3", spoken(TEXT, "flac")) == ["is flac in flac, not mp3"]


@pytest.mark.parametrize("content", [b"", b'{"error": "this is no audio"}'])
def test_what_is_no_sound_is_noticed(tmp_path: Path, content: bytes) -> None:
    """A file without sound is no speech."""
    found = problems_of(tmp_path / "speech.mp3", content)
    assert found[0] == "cannot be decoded"


def test_damage_is_noticed(tmp_path: Path) -> None:
    """A file in which ffmpeg meets an error is not fine."""
    content = bytearray(spoken(TEXT, "flac"))
    content[len(content) // 2 : len(content) // 2 + 2000] = bytes(2000)
    found = problems_of(tmp_path / "speech.flac", bytes(content))
    assert any(problem.startswith("ffmpeg: ") for problem in found)


@pytest.mark.parametrize(
    ("signal", "problem"),
    [
        (lambda: np.zeros(RATE * SECONDS), "is silent"),
        (mostly_silence, "is silent for the most part"),
        (noise, "has an even loudness, which speech has not"),
        (hum, "has an even loudness, which speech has not"),
    ],
)
def test_other_sounds_are_noticed(tmp_path: Path, signal: Callable[[], Samples], problem: str) -> None:
    """Sound of the right length in the right format need not be speech."""
    sound = Sound((signal() * 32767).astype("<i2").tobytes(), RATE)
    assert problems_of(tmp_path / "speech.mp3", encode(sound, "mp3", speed=1)) == [problem]


def test_lengths_in_wav_headers_are_checked() -> None:
    """A wav whose header does not know the length is not what a player should get."""
    streamed = spoken(TEXT, "wav")
    size = len(streamed)
    assert wav_problems(streamed) == [
        f"its header says {0xFFFFFFFF} bytes, {size - 8} follow",
        f"its data chunk says {0xFFFFFFFF} bytes",
    ]
    true = b"RIFF" + (size - 8).to_bytes(4, "little") + streamed[8:40] + (size - 44).to_bytes(4, "little")
    assert wav_problems(true + streamed[44:]) == []
    assert wav_problems(true + streamed[44:-2]) != []
    assert wav_problems(streamed[44:]) == ["has no wav header"]
    assert wav_problems(b"RIFF\x04\x00\x00\x00WAVE") == ["has no data chunk"]
