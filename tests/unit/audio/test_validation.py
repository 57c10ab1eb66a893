"""Tests of the validation of received audio."""

from functools import cache
from itertools import batched
import struct

import numpy as np
import pytest

from custom_components.orator.audio import wav
from custom_components.orator.audio.formats import AudioFormat, PcmLayout
from custom_components.orator.audio.mp3 import MalformedMp3Error
from custom_components.orator.audio.validation import AudioValidator
from tests.support.signals import KINDS, run_ffmpeg, voice

LAYOUT = PcmLayout(24_000)
FORMATS = [AudioFormat.MP3, AudioFormat.WAV, AudioFormat.PCM]


@cache
def encode(samples: bytes, audio_format: AudioFormat, kind: str = "cbr") -> bytes:
    """Return samples as a file."""
    if audio_format is AudioFormat.PCM:
        return samples
    if audio_format is AudioFormat.WAV:
        return wav.make_header(LAYOUT, len(samples)) + samples
    return run_ffmpeg("-f", "s16le", "-ar", "24000", "-i", "-", *KINDS[kind], "-f", "mp3", "-", given=samples)


def validate(audio_format: AudioFormat, data: bytes, step: int = 1000) -> AudioValidator:
    """Validate a file that arrives in chunks."""
    validator = AudioValidator(audio_format, LAYOUT if audio_format is AudioFormat.PCM else None)
    for chunk in batched(data, step, strict=False):
        validator.feed(bytes(chunk))
    return validator


@pytest.mark.parametrize("audio_format", FORMATS)
@pytest.mark.parametrize("step", [1, 777, 100_000])
def test_speech(audio_format: AudioFormat, step: int) -> None:
    """Speech is audible and complete, for chunks of any size."""
    validator = validate(audio_format, encode(voice(24_000), audio_format), step)
    assert validator.is_audible
    assert not validator.is_truncated


@pytest.mark.parametrize("kind", KINDS)
def test_complete_and_truncated_mp3(kind: str) -> None:
    """An MP3 is complete whatever its tags, index and bitrates, and truncated if part of a frame is missing."""
    whole = encode(voice(24_000), AudioFormat.MP3, kind)
    assert not validate(AudioFormat.MP3, whole).is_truncated
    cut = whole[: whole.rindex(b"TAG")] if kind == "id3v1" else whole
    assert validate(AudioFormat.MP3, cut[:-20]).is_truncated


@pytest.mark.parametrize(
    ("audio_format", "amplitude"),
    [(AudioFormat.MP3, 0), (AudioFormat.WAV, 0), (AudioFormat.PCM, 0), (AudioFormat.WAV, 3), (AudioFormat.PCM, 3)],
)
def test_silence(audio_format: AudioFormat, amplitude: int) -> None:
    """Silence is not audible, nor are very low samples."""
    samples = struct.pack("<hh", amplitude, -amplitude) * 12_000
    assert not validate(audio_format, encode(samples, audio_format)).is_audible


@pytest.mark.parametrize("audio_format", FORMATS)
def test_silence_before_speech(audio_format: AudioFormat) -> None:
    """Audio becomes audible when speech begins, even if a sample is divided."""
    validator = AudioValidator(audio_format, LAYOUT)
    data = encode(bytes(48_000) + voice(24_000), audio_format)
    quarter = len(data) // 4 // 2 * 2 + 1
    validator.feed(data[:quarter])
    assert not validator.is_audible
    validator.feed(data[quarter:])
    assert validator.is_audible


def test_truncated_wav() -> None:
    """A WAV is truncated if it is shorter than its stated length; without a length it never is."""
    whole = encode(voice(24_000), AudioFormat.WAV)
    assert validate(AudioFormat.WAV, whole[: len(whole) // 2]).is_truncated
    assert not validate(AudioFormat.WAV, whole[:-100]).is_truncated
    assert not validate(AudioFormat.WAV, wav.make_header(LAYOUT) + voice(24_000)).is_truncated


@pytest.mark.parametrize("audio_format", [AudioFormat.OGG, AudioFormat.FLAC, AudioFormat.WAV])
def test_other_formats(audio_format: AudioFormat) -> None:
    """Formats that are not examined count as audible and complete."""
    validator = validate(audio_format, b"RIFF????nothing" * 10_000)
    assert validator.is_audible
    assert not validator.is_truncated


@pytest.mark.parametrize("head", [b"\xff\xfb\x90\x00", b"ID3\x04\x00\x00\x00\x00\x10\x00"])
def test_malformed_mp3(head: bytes) -> None:
    """Data that only begins like an MP3 is empty, and refused after `MAX_JUNK_BYTES`."""
    garbage = head + np.random.default_rng(1).bytes(20_000)
    validator = validate(AudioFormat.MP3, garbage)
    assert validator.is_empty
    assert not validator.is_audible
    with pytest.raises(MalformedMp3Error):
        validator.feed(np.random.default_rng(2).bytes(100_000))


@pytest.mark.parametrize("audio_format", FORMATS)
def test_empty(audio_format: AudioFormat) -> None:
    """Empty audio is neither audible nor truncated."""
    validator = validate(audio_format, b"")
    assert validator.is_empty
    assert not validator.is_audible
    assert not validator.is_truncated


@pytest.mark.parametrize("audio_format", FORMATS)
def test_duration(audio_format: AudioFormat) -> None:
    """The duration of audio that has arrived is known at any time."""
    whole = encode(voice(24_000), audio_format)
    seconds = len(voice(24_000)) / LAYOUT.byte_rate
    assert validate(audio_format, whole).seconds == pytest.approx(seconds, abs=0.1)
    assert validate(audio_format, whole[: len(whole) // 2]).seconds == pytest.approx(seconds / 2, abs=0.1)


def test_unknown_duration() -> None:
    """Audio in other formats is kept until it can be decoded."""
    validator = validate(AudioFormat.OGG, b"OggS" * 1000)
    assert validator.seconds is None
    assert validator.undecoded == b"OggS" * 1000


@pytest.mark.parametrize("step", [7, 30, 1000, 100_000])
def test_encoding_of_ffmpeg(step: int) -> None:
    """A WAV that only ffmpeg decodes is kept as a whole, although its header arrives in pieces."""
    encoded = run_ffmpeg(
        *("-f", "s16le", "-ar", "24000", "-i", "-", "-c:a", "adpcm_ms", "-f", "wav", "-"), given=voice(24_000)
    )
    assert validate(AudioFormat.WAV, encoded, step).undecoded == encoded


@pytest.mark.parametrize("step", [1, 777, 100_000])
def test_silent_end(step: int) -> None:
    """Silence after the last word is found in samples."""
    samples = voice(24_000)[:8_000]
    for audio_format in (AudioFormat.PCM, AudioFormat.WAV):
        assert not validate(audio_format, encode(samples, audio_format), step).ends_silently
        assert validate(audio_format, encode(samples + bytes(9_600), audio_format), step).ends_silently
