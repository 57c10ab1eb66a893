"""Tests of the chimes."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from custom_components.orator.audio.effects import (
    CHIME_LUFS,
    MAX_CHIME_S,
    BuiltInChime,
    Chime,
    UnusableChimeError,
    load_built_in_chime,
    make_chime,
)
from custom_components.orator.audio.formats import PcmLayout
from script.lib.synthesize_chimes import TARGET, synthesize
from tests.support.signals import Samples, loudness, true_peak, voice
from tests.support.streams import collect_all

LAYOUTS = [PcmLayout(rate, channels) for rate in (16_000, 22_050, 24_000, 44_100, 48_000) for channels in (1, 2)]
BANDS = 24


def numbers(chime: Chime) -> Samples:
    """Return the samples between -1 and 1."""
    return np.frombuffer(chime.samples, "<i2") / 0x8000


def spectrogram(chime: Chime) -> Samples:
    """Return the normalized levels of all thirds of an octave from 100 Hz on, every 100 ms."""
    rate = chime.layout.rate
    edges = 100 * 2 ** (np.arange(BANDS) / 3)
    rows = np.zeros((20, BANDS))
    for number, start in enumerate(range(0, len(numbers(chime)), rate // 10)):
        spectrum = np.abs(np.fft.rfft(numbers(chime)[start : start + rate // 10], rate // 10))
        bands = np.digitize(np.fft.rfftfreq(rate // 10, 1 / rate), edges)
        rows[number] = np.bincount(bands, spectrum, BANDS + 1)[1:]
    whole: Samples = rows.ravel() / np.linalg.norm(rows)
    return whole


@pytest.mark.parametrize("name", BuiltInChime)
def test_files_are_output_of_script(name: BuiltInChime) -> None:
    """The files are the output of the script."""
    assert (TARGET / f"{name}.wav").read_bytes() == synthesize(name)


def test_files() -> None:
    """There is one file per name, and together they are small."""
    files = list(Path(TARGET).iterdir())
    assert {file.name for file in files} == {f"{name}.wav" for name in BuiltInChime}
    assert sum(file.stat().st_size for file in files) < 400_000


@pytest.mark.parametrize("name", BuiltInChime)
def test_loudness_and_ends(name: BuiltInChime) -> None:
    """Every chime is short, has the common loudness, and begins and ends in silence."""
    chime = load_built_in_chime(name)
    sound = numbers(chime)
    assert chime.layout == PcmLayout(24_000)
    assert 0.6 <= chime.seconds <= 2
    assert true_peak(chime.samples, chime.layout) <= -3
    assert loudness(chime.samples, chime.layout) == pytest.approx(CHIME_LUFS, abs=0.1)
    assert sound[0] == sound[-1] == 0
    assert np.abs(sound[:8]).max() < 0.01  # a third of a millisecond
    assert np.abs(sound[-48:]).max() < 0.003  # two milliseconds
    assert abs(sound.mean()) < 0.001


@pytest.mark.parametrize("name", BuiltInChime)
def test_no_click(name: BuiltInChime) -> None:
    """No chime has energy above 11 kHz, where clicks have energy."""
    sound = numbers(load_built_in_chime(name))
    for start in range(0, len(sound), 240):
        piece = np.concatenate((np.zeros(480), sound, np.zeros(960)))[start : start + 960] * np.hanning(960)
        spectrum = np.abs(np.fft.rfft(piece))
        high = np.fft.rfftfreq(960, 1 / 24_000) > 11_000
        assert np.sqrt((spectrum[high] ** 2).sum()) < 0.1


def test_different() -> None:
    """No two chimes have similar spectrograms."""
    spectrograms = {name: spectrogram(load_built_in_chime(name)) for name in BuiltInChime}
    for one, other in combinations(BuiltInChime, 2):
        assert spectrograms[one] @ spectrograms[other] < 0.6, (one, other)


def test_alarm_and_door_bell() -> None:
    """The bell is low and fades; the alarm is high and does not."""
    energies = {}
    centres = {}
    for name in (BuiltInChime.DING_DONG, BuiltInChime.ALARM):
        sound = numbers(load_built_in_chime(name))
        quarters = [np.square(part).sum() for part in np.array_split(sound, 4)]
        energies[name] = quarters[-1] / max(quarters)
        spectrum = np.abs(np.fft.rfft(sound)) ** 2
        centres[name] = (np.fft.rfftfreq(len(sound), 1 / 24_000) * spectrum).sum() / spectrum.sum()
    assert energies[BuiltInChime.DING_DONG] < 0.1
    assert energies[BuiltInChime.ALARM] > 0.7
    assert centres[BuiltInChime.ALARM] > 2 * centres[BuiltInChime.DING_DONG]


@pytest.mark.parametrize("layout", LAYOUTS)
async def test_layouts(layout: PcmLayout) -> None:
    """A converted chime keeps its duration and loudness; two equal channels are 3 LU louder than one."""
    chime = load_built_in_chime(BuiltInChime.DING_DONG)
    converted = await collect_all(chime.convert(layout))
    assert len(converted) / layout.byte_rate == pytest.approx(chime.seconds, abs=1e-4)
    assert loudness(converted, layout) == pytest.approx(CHIME_LUFS + 3.01 * (layout.channels - 1), abs=0.1)


@pytest.mark.parametrize("lufs", [-30.0, -23.0, -16.0])
def test_other_loudness(lufs: float) -> None:
    """A chime is brought to another loudness."""
    for name in BuiltInChime:
        chime = load_built_in_chime(name).with_loudness(lufs)
        assert loudness(chime.samples, chime.layout) == pytest.approx(lufs, abs=0.3)
        assert chime.seconds == load_built_in_chime(name).seconds


@pytest.mark.parametrize("layout", [PcmLayout(8_000), PcmLayout(44_100, 2), PcmLayout(48_000)])
def test_custom_chime(layout: PcmLayout) -> None:
    """A custom chime gets the common loudness and fades."""
    square = np.tile(np.repeat(np.array([30_000, -30_000], "<i2"), 40 * layout.channels), layout.rate // 80)
    chime = make_chime(square.tobytes() + b"\0", layout)
    sound = numbers(chime).reshape(-1, layout.channels)
    assert loudness(chime.samples, layout) == pytest.approx(CHIME_LUFS, abs=0.1)
    assert len(sound) == len(square) // layout.channels
    assert not sound[0].any()
    assert not sound[-1].any()
    assert np.abs(sound[:4]).max() < np.abs(sound).max() / 3
    assert np.abs(sound[-4:]).max() < np.abs(sound).max() / 20


@pytest.mark.parametrize(
    ("samples", "layout"),
    [
        (voice(8_000) * (int(MAX_CHIME_S) + 1), PcmLayout(8_000)),
        (voice(24_000), PcmLayout(24_000, 1, 3)),
        (voice(24_000), PcmLayout(24_000, 6)),
    ],
    ids=["long", "24 bit", "six channels"],
)
def test_unusable(samples: bytes, layout: PcmLayout) -> None:
    """Long audio and unsupported layouts are refused."""
    with pytest.raises(UnusableChimeError):
        make_chime(samples, layout)


@pytest.mark.parametrize("samples", [b"", bytes(48_000), voice(24_000)[:2_000]], ids=["empty", "silent", "click"])
def test_silent(samples: bytes) -> None:
    """Silent audio is refused."""
    with pytest.raises(UnusableChimeError):
        make_chime(samples, PcmLayout(24_000))
