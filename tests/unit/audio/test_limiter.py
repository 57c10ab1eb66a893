"""Gain and limiter: never too loud, never pumping, and the same to the bit however the sound arrives."""

from itertools import pairwise

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

from custom_components.orator.audio.formats import PcmLayout
from custom_components.orator.audio.pcm import CEILING_DBTP, LOOK_AHEAD_S, Limiter
from tests.unit.audio.signals import RATES, Samples, true_peak, voice

FULL = 10 ** (CEILING_DBTP / 20) * 0x8000


def limited(data: bytes, layout: PcmLayout, gain_db: float, cuts: list[int] | None = None) -> bytes:
    """Limit sound that arrives in pieces."""
    limiter = Limiter(layout, gain_db)
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts or []), len(data)]
    return b"".join([limiter.feed(data[start:end]) for start, end in pairwise(edges)]) + limiter.finish()


def numbers(data: bytes) -> Samples:
    """Return 16 bit samples as numbers."""
    return np.frombuffer(data, "<i2").astype(np.float64)


def stored(samples: Samples) -> bytes:
    """Return numbers as 16 bit samples."""
    return bytes(np.rint(samples).clip(-0x8000, 0x7FFF).astype("<i2").tobytes())


def hard_sounds(rate: int) -> dict[str, bytes]:
    """Return sounds the peaks of which are hard to find."""
    times = np.arange(rate)
    clicks = np.zeros(rate)
    clicks[:: rate // 50] = 32_767
    clicks[1 :: rate // 25] = -32_768
    return {
        "voice": voice(rate, 1, 1.0),
        "noise": stored(8_000 * np.random.default_rng(1).standard_normal(rate)),
        "between samples": stored(32_767 * np.sin(np.pi * times / 2 + np.pi / 4)),
        "square": stored(32_767 * np.sign(np.sin(2 * np.pi * 440.5 * times / rate))),
        "clicks": stored(clicks),
        "bursts": stored(32_767 * np.sin(2 * np.pi * 1000 * times / rate) * (times // (rate // 20) % 2)),
    }


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 44_100, 48_000])
@pytest.mark.parametrize("gain_db", [-0.5, 0, 6, 20])
def test_true_peak(rate: int, gain_db: float) -> None:
    """Nothing is above the ceiling, by ffmpeg's measure, whatever the sound."""
    for name, sound in hard_sounds(rate).items():
        made = limited(sound, PcmLayout(rate), gain_db)
        assert len(made) == len(sound)
        assert true_peak(made, PcmLayout(rate)) <= CEILING_DBTP, name


@pytest.mark.parametrize("gain_db", [-20, -6, -0.1, 0, 3, 12])
def test_gain(gain_db: float) -> None:
    """What stays under the ceiling is amplified and nothing else, rounded to the nearest sample."""
    quiet = stored(numbers(voice(24_000, 2, 1.0)) / 4)
    expected = numbers(quiet) * 10 ** (gain_db / 20)
    assert np.abs(expected).max() < 0.8 * FULL
    assert (numbers(limited(quiet, PcmLayout(24_000, 2), gain_db)) == np.rint(expected)).all()


def test_only_around_peaks() -> None:
    """A peak is turned down as it comes, smoothly; half a second beside it nothing is changed."""
    rate = 24_000
    sound = 4_000 * np.sin(2 * np.pi * 200 * np.arange(2 * rate) / rate)
    sound[rate : rate + 240] *= 6
    made = numbers(limited(stored(sound), PcmLayout(rate), 6))
    gains = made[np.abs(sound) > 1_000] / stored_gain(sound)
    assert np.abs(made).max() < FULL
    before, after = rate - int(1.1 * LOOK_AHEAD_S * rate), int(1.3 * rate)
    untouched = np.rint(np.rint(sound) * 10 ** (6 / 20))
    assert (made[:before] == untouched[:before]).all()
    assert (made[after:] == untouched[after:]).all()
    assert gains.min() > 0.5
    assert np.abs(np.diff(gains)).max() < 0.05  # from one sample to the next that is not near zero


def stored_gain(sound: Samples) -> Samples:
    """Return what the louder samples of a sound would be at 6 dB more."""
    return np.rint(sound[np.abs(sound) > 1_000]) * 10 ** (6 / 20)


def test_channels_alike() -> None:
    """A peak on one side turns down both, so that nothing moves aside."""
    rate = 24_000
    quiet = 2_000 * np.sin(2 * np.pi * 300 * np.arange(rate) / rate)
    loud = quiet * np.where(np.arange(rate) // 2_400 % 3 == 1, 12, 1)
    made = numbers(limited(stored(np.stack([loud, quiet], axis=1)), PcmLayout(rate, 2), 6)).reshape(-1, 2)
    alone = numbers(limited(stored(loud), PcmLayout(rate), 6))
    assert (made[:, 0] == alone).all()
    during = slice(3_000, 4_200)  # in the first loud part
    assert np.abs(made[during, 1]).max() < 0.9 * 2 * np.abs(quiet).max()
    ratio = np.abs(made[during, 0]).sum() / np.abs(made[during, 1]).sum()
    assert ratio == pytest.approx(12, rel=0.01)


LAYOUTS = st.builds(PcmLayout, st.sampled_from(RATES), st.sampled_from([1, 2]))


@settings(max_examples=150, deadline=None)
@given(
    layout=LAYOUTS,
    gain_db=st.floats(-20, 20),
    data=st.one_of(st.binary(max_size=4000), st.integers(0, 40_000).map(lambda length: voice(16_000, 2, 0.7)[:length])),
    cuts=st.lists(st.integers(0, 40_000), max_size=30),
)
def test_result_does_not_depend_on_the_division(
    layout: PcmLayout, gain_db: float, data: bytes, cuts: list[int]
) -> None:
    """The same bits in whatever pieces the samples arrive, even cut in the middle; half a sample is dropped."""
    whole = limited(data, layout, gain_db)
    assert limited(data, layout, gain_db, cuts) == whole
    assert len(whole) == len(data) // layout.frame_size * layout.frame_size


def test_byte_by_byte() -> None:
    """The smallest pieces there are."""
    spoken = voice(22_050, 2, 0.1)
    assert limited(spoken, PcmLayout(22_050, 2), 9, list(range(len(spoken)))) == limited(
        spoken, PcmLayout(22_050, 2), 9
    )


@pytest.mark.parametrize("rate", RATES)
def test_delay(rate: int) -> None:
    """A sample leaves when those of the next six milliseconds have arrived, at 8 kHz of the next seven."""
    limiter = Limiter(PcmLayout(rate), 6)
    spoken = voice(rate, 1, 0.2)
    made = 0
    for fed in range(0, len(spoken), 16):
        made += len(limiter.feed(spoken[fed : fed + 16]))
        assert (min(fed + 16, len(spoken)) - made) / 2 / rate <= LOOK_AHEAD_S + 17 / rate


def test_no_sound() -> None:
    """Nothing stays nothing."""
    limiter = Limiter(PcmLayout(24_000), 12)
    assert limiter.feed(b"") == b""
    assert limiter.finish() == b""


def test_memory() -> None:
    """Only what following samples need is kept."""
    limiter = Limiter(PcmLayout(24_000), 12)
    spoken = voice(24_000, 1, 1.0)
    for _ in range(30):
        limiter.feed(spoken)
        assert limiter._samples.size + limiter._needed.size + limiter._released.size < 1_000
        assert limiter._samples.base is None


def test_other_widths() -> None:
    """Only 16 bit samples are amplified, which is said at once."""
    with pytest.raises(ValueError, match="16-bit"):
        Limiter(PcmLayout(24_000, 1, 3), 6)
