"""The chimes: made by their script, short, calm, different, and as loud as each other."""

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
from script.lib.synthesize_chimes import TARGET, synthesized
from tests.unit.audio.signals import Samples, loudness, true_peak, voice

LAYOUTS = [PcmLayout(rate, channels) for rate in (16_000, 22_050, 24_000, 44_100, 48_000) for channels in (1, 2)]
BANDS = 24


def numbers(chime: Chime) -> Samples:
    """Return the samples as numbers from -1 to 1."""
    return np.frombuffer(chime.samples, "<i2") / 0x8000


def picture(chime: Chime) -> Samples:
    """Return the energies of a sound in thirds of an octave from 100 Hz on, every tenth of a second, as one vector."""
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
def test_made_by_the_script(name: BuiltInChime) -> None:
    """The files are what the script makes, to the byte."""
    assert (TARGET / f"{name}.wav").read_bytes() == synthesized(name)


def test_nothing_else() -> None:
    """There is a file for every name and for nothing else, and together they are small."""
    files = list(Path(TARGET).iterdir())
    assert {file.name for file in files} == {f"{name}.wav" for name in BuiltInChime}
    assert sum(file.stat().st_size for file in files) < 400_000


@pytest.mark.parametrize("name", BuiltInChime)
def test_sound(name: BuiltInChime) -> None:
    """Each is short, not too loud, as loud as the others, and begins and ends in silence."""
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
    """Nothing above 11 kHz: what clicks has a part of its energy there."""
    sound = numbers(load_built_in_chime(name))
    for start in range(0, len(sound), 240):
        piece = np.concatenate((np.zeros(480), sound, np.zeros(960)))[start : start + 960] * np.hanning(960)
        spectrum = np.abs(np.fft.rfft(piece))
        high = np.fft.rfftfreq(960, 1 / 24_000) > 11_000
        assert np.sqrt((spectrum[high] ** 2).sum()) < 0.1


def test_different() -> None:
    """No two are alike, in what sounds when."""
    pictures = {name: picture(load_built_in_chime(name)) for name in BuiltInChime}
    for one, other in combinations(BuiltInChime, 2):
        assert pictures[one] @ pictures[other] < 0.6, (one, other)


def test_alarm_and_door_bell() -> None:
    """A bell fades and is low; an alarm is high and does not fade."""
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
def test_layouts(layout: PcmLayout) -> None:
    """In every layout it lasts as long and is as loud; two channels that are alike are 3 LU louder than one."""
    chime = load_built_in_chime(BuiltInChime.DING_DONG)
    made = b"".join(chime.pieces(layout))
    assert len(made) / layout.byte_rate == pytest.approx(chime.seconds, abs=1e-4)
    assert loudness(made, layout) == pytest.approx(CHIME_LUFS + 3.01 * (layout.channels - 1), abs=0.1)


@pytest.mark.parametrize("lufs", [-30.0, -23.0, -16.0])
def test_other_loudness(lufs: float) -> None:
    """A chime can be brought to the level of speech."""
    for name in BuiltInChime:
        chime = load_built_in_chime(name).at(lufs)
        assert loudness(chime.samples, chime.layout) == pytest.approx(lufs, abs=0.3)
        assert chime.seconds == load_built_in_chime(name).seconds


@pytest.mark.parametrize("layout", [PcmLayout(8_000), PcmLayout(44_100, 2), PcmLayout(48_000)])
def test_own(layout: PcmLayout) -> None:
    """A user's own sound becomes as loud as the others and loses its clicks at the ends."""
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
    """What can't be a chime is said."""
    with pytest.raises(UnusableChimeError):
        make_chime(samples, layout)


@pytest.mark.parametrize("samples", [b"", bytes(48_000), voice(24_000)[:2_000]], ids=["empty", "silent", "click"])
def test_nothing_to_hear(samples: bytes) -> None:
    """Neither can what nobody hears."""
    with pytest.raises(UnusableChimeError):
        make_chime(samples, PcmLayout(24_000))
