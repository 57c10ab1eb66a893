"""Tests of the duration of audio files."""

import pytest

from custom_components.orator.audio import codecs
from custom_components.orator.audio.conversion import measure_duration
from custom_components.orator.audio.formats import PcmLayout
from custom_components.orator.audio.wav import make_header
from tests.support.signals import encode, mp3, run_ffmpeg, voice

RATE = 24_000
SECONDS = 2.0
MAX_PADDING_S = 0.1
"""Encoders of MP3 and AAC add up to two frames."""
SPEECH = voice(RATE, 1, SECONDS)
FILES = {
    **{f"mp3 {kind}": mp3(RATE, 1, kind, seconds=SECONDS) for kind in ("cbr", "cbr-bare", "vbr", "id3v1")},
    "mp3 stereo": mp3(44_100, 2, "vbr", seconds=SECONDS),
    "opus": encode(SPEECH, RATE, 1, "-c:a", "libopus", "-page_duration", "20000", "-f", "ogg"),
    "flac in ogg": encode(SPEECH, RATE, 1, "-c:a", "flac", "-page_duration", "20000", "-f", "ogg"),
    "aac": encode(SPEECH, RATE, 1, "-c:a", "aac", "-b:a", "64k", "-f", "adts"),
    "flac": encode(SPEECH, RATE, 1, "-c:a", "flac", "-f", "flac"),
    "wav": make_header(PcmLayout(RATE), len(SPEECH)) + SPEECH,
    "wav of unknown length": make_header(PcmLayout(RATE)) + SPEECH,
    "wav with floats": encode(SPEECH, RATE, 1, "-c:a", "pcm_f32le", "-f", "wav"),
    "wav with mu-law": encode(SPEECH, RATE, 1, "-c:a", "pcm_mulaw", "-f", "wav"),
}


@pytest.mark.parametrize("name", list(FILES))
def test_duration(name: str) -> None:
    """The duration is that of the decoded audio, whatever a header, tags and the bitrate suggest."""
    measured = measure_duration(FILES[name])
    assert measured is not None
    assert SECONDS - 1e-6 <= measured < SECONDS + (MAX_PADDING_S if name.startswith(("mp3", "aac")) else 1e-6)


@pytest.mark.parametrize("name", list(FILES))
def test_damaged(name: str) -> None:
    """A damaged file lasts as long as what can be decoded of it."""
    audio = FILES[name]
    half = len(audio) // 2
    truncated = measure_duration(audio[:half])
    overwritten = measure_duration(audio[:half] + bytes(100) + audio[half + 100 :])
    with_gap = measure_duration(audio[:half] + audio[half + 501 :])
    assert truncated
    assert 0.3 * SECONDS < truncated < 0.7 * SECONDS
    for measured in (overwritten, with_gap):
        assert measured
        assert 0.3 * SECONDS < measured < SECONDS + MAX_PADDING_S


@pytest.mark.parametrize("start", [b"", b"OggS", b"fLaC", b"ID3", b"\xff\xfb", b"\xff\xf1", b"RIFF\0\0\0\0WAVE"])
def test_not_audio(start: bytes) -> None:
    """Data that can only begin like audio has no duration."""
    assert measure_duration(start + b"This is no audio. " * 200) is None
    assert measure_duration(start) is None


@pytest.mark.parametrize("name", list(FILES))
def test_too_short(name: str) -> None:
    """The beginning of a header has no duration."""
    assert measure_duration(FILES[name][:20]) is None


def test_video() -> None:
    """A container without audio has no duration."""
    video = run_ffmpeg("-f", "lavfi", "-i", "testsrc=d=1:s=64x64", "-c:v", "libvpx", "-f", "ogg", "-", level="error")
    assert measure_duration(video) is None


def test_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The measurement gives up after its time limit."""
    monkeypatch.setattr(codecs, "_DURATION_TIMEOUT_S", -1.0)
    assert measure_duration(FILES["mp3 cbr"]) is None
