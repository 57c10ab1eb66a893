"""Whether sound can be heard, and whether it is whole."""

from functools import cache
from itertools import batched
import struct

import numpy as np
import pytest

from custom_components.orator.audio import wav
from custom_components.orator.audio.formats import AudioFormat, PcmLayout
from custom_components.orator.audio.mp3 import MalformedMp3Error
from custom_components.orator.audio.validation import AudioValidator
from tests.unit.audio.signals import KINDS, run_ffmpeg, voice

LAYOUT = PcmLayout(24_000)
FORMATS = [AudioFormat.MP3, AudioFormat.WAV, AudioFormat.PCM]


@cache
def made(samples: bytes, audio_format: AudioFormat, kind: str = "cbr") -> bytes:
    """Return a file of samples."""
    if audio_format is AudioFormat.PCM:
        return samples
    if audio_format is AudioFormat.WAV:
        return wav.header(LAYOUT, len(samples)) + samples
    return run_ffmpeg("-f", "s16le", "-ar", "24000", "-i", "-", *KINDS[kind], "-f", "mp3", "-", given=samples)


def heard(audio_format: AudioFormat, data: bytes, step: int = 1000) -> AudioValidator:
    """Listen to a file, some bytes at a time."""
    hearing = AudioValidator(audio_format, LAYOUT if audio_format is AudioFormat.PCM else None)
    for chunk in batched(data, step, strict=False):
        hearing.feed(bytes(chunk))
    return hearing


@pytest.mark.parametrize("audio_format", FORMATS)
@pytest.mark.parametrize("step", [1, 777, 100_000])
def test_speech_is_heard(audio_format: AudioFormat, step: int) -> None:
    """A voice is audible and whole, however it arrives."""
    hearing = heard(audio_format, made(voice(24_000), audio_format), step)
    assert hearing.is_audible
    assert not hearing.is_truncated


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_mp3_is_whole(kind: str) -> None:
    """Tags, tables and varying bitrates are no reason to take sound for cut off; half a frame less is one."""
    whole = made(voice(24_000), AudioFormat.MP3, kind)
    assert not heard(AudioFormat.MP3, whole).is_truncated
    cut = whole[: whole.rindex(b"TAG")] if kind == "id3v1" else whole
    assert heard(AudioFormat.MP3, cut[:-20]).is_truncated


@pytest.mark.parametrize(
    ("audio_format", "loudest"),
    [(AudioFormat.MP3, 0), (AudioFormat.WAV, 0), (AudioFormat.PCM, 0), (AudioFormat.WAV, 3), (AudioFormat.PCM, 3)],
)
def test_silence_is_not_heard(audio_format: AudioFormat, loudest: int) -> None:
    """Nothing is no speech; nor is next to nothing, where that shows without decoding."""
    samples = struct.pack("<hh", loudest, -loudest) * 12_000
    assert not heard(audio_format, made(samples, audio_format)).is_audible


@pytest.mark.parametrize("audio_format", FORMATS)
def test_silence_before_speech(audio_format: AudioFormat) -> None:
    """Silence lasts until speech begins, also where a sample is torn apart."""
    hearing = AudioValidator(audio_format, LAYOUT)
    data = made(bytes(48_000) + voice(24_000), audio_format)
    quarter = len(data) // 4 // 2 * 2 + 1
    hearing.feed(data[:quarter])
    assert not hearing.is_audible
    hearing.feed(data[quarter:])
    assert hearing.is_audible


def test_wav_that_ends_early() -> None:
    """A WAV that states a length has to hold it; one that states none may end anywhere."""
    whole = made(voice(24_000), AudioFormat.WAV)
    assert heard(AudioFormat.WAV, whole[: len(whole) // 2]).is_truncated
    assert not heard(AudioFormat.WAV, whole[:-100]).is_truncated
    assert not heard(AudioFormat.WAV, wav.header(LAYOUT) + voice(24_000)).is_truncated


@pytest.mark.parametrize("audio_format", [AudioFormat.OGG, AudioFormat.FLAC, AudioFormat.WAV])
def test_what_is_not_looked_into(audio_format: AudioFormat) -> None:
    """What can't be looked into is taken for sound: whoever decodes it will tell."""
    hearing = heard(audio_format, b"RIFF????nothing" * 10_000)
    assert hearing.is_audible
    assert not hearing.is_truncated


@pytest.mark.parametrize("head", [b"\xff\xfb\x90\x00", b"ID3\x04\x00\x00\x00\x00\x10\x00"])
def test_what_only_begins_like_an_mp3(head: bytes) -> None:
    """A few bytes of a header make no sound; what is long and never becomes any is refused."""
    garbage = head + np.random.default_rng(1).bytes(20_000)
    hearing = heard(AudioFormat.MP3, garbage)
    assert hearing.is_empty
    assert not hearing.is_audible
    with pytest.raises(MalformedMp3Error):
        hearing.feed(np.random.default_rng(2).bytes(100_000))


@pytest.mark.parametrize("audio_format", FORMATS)
def test_nothing_is_not_heard(audio_format: AudioFormat) -> None:
    """An empty answer is neither audible nor cut off."""
    hearing = heard(audio_format, b"")
    assert hearing.is_empty
    assert not hearing.is_audible
    assert not hearing.is_truncated
