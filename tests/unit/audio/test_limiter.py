"""Tests of the gain with its limiter."""

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

from custom_components.orator.audio.formats import PcmLayout
from custom_components.orator.audio.limiter import CEILING_DBTP, LOOK_AHEAD_S, Limiter
from tests.support.signals import RATES, Samples, divide, true_peak, voice

CEILING = 10 ** (CEILING_DBTP / 20) * 0x8000


def limit(data: bytes, layout: PcmLayout, gain_db: float, cuts: list[int] | None = None) -> bytes:
    """Limit audio that arrives in chunks."""
    limiter = Limiter(layout, gain_db)
    return b"".join([limiter.feed(chunk) for chunk in divide(data, cuts or [])]) + limiter.finish()


def numbers(data: bytes) -> Samples:
    """Return 16-bit samples as numbers."""
    return np.frombuffer(data, "<i2").astype(np.float64)


def to_bytes(samples: Samples) -> bytes:
    """Return numbers as 16-bit samples."""
    return bytes(np.rint(samples).clip(-0x8000, 0x7FFF).astype("<i2").tobytes())


def hard_signals(rate: int) -> dict[str, bytes]:
    """Return signals whose true peaks are hard to measure."""
    times = np.arange(rate)
    clicks = np.zeros(rate)
    clicks[:: rate // 50] = 32_767
    clicks[1 :: rate // 25] = -32_768
    return {
        "voice": voice(rate, 1, 1.0),
        "noise": to_bytes(8_000 * np.random.default_rng(1).standard_normal(rate)),
        "between samples": to_bytes(32_767 * np.sin(np.pi * times / 2 + np.pi / 4)),
        "square": to_bytes(32_767 * np.sign(np.sin(2 * np.pi * 440.5 * times / rate))),
        "clicks": to_bytes(clicks),
        "bursts": to_bytes(32_767 * np.sin(2 * np.pi * 1000 * times / rate) * (times // (rate // 20) % 2)),
    }


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 44_100, 48_000])
@pytest.mark.parametrize("gain_db", [-0.5, 0, 6, 20])
def test_true_peak(rate: int, gain_db: float) -> None:
    """The true peak by ffmpeg is never above the ceiling."""
    for name, signal in hard_signals(rate).items():
        output = limit(signal, PcmLayout(rate), gain_db)
        assert len(output) == len(signal)
        assert true_peak(output, PcmLayout(rate)) <= CEILING_DBTP, name


@pytest.mark.parametrize("gain_db", [-20, -6, -0.1, 0, 3, 12])
def test_gain_below_ceiling(gain_db: float) -> None:
    """Audio below the ceiling is amplified exactly, rounded to the nearest sample."""
    quiet = to_bytes(numbers(voice(24_000, 2, 1.0)) / 4)
    expected = numbers(quiet) * 10 ** (gain_db / 20)
    assert np.abs(expected).max() < 0.8 * CEILING
    assert (numbers(limit(quiet, PcmLayout(24_000, 2), gain_db)) == np.rint(expected)).all()


def test_gain_around_peak() -> None:
    """The gain falls and rises smoothly around a peak, and is unchanged half a second away."""
    rate = 24_000
    signal = 4_000 * np.sin(2 * np.pi * 200 * np.arange(2 * rate) / rate)
    signal[rate : rate + 240] *= 6
    output = numbers(limit(to_bytes(signal), PcmLayout(rate), 6))
    amplified = np.rint(signal) * 10 ** (6 / 20)
    assert np.abs(output).max() < CEILING
    before, after = rate - int(1.1 * LOOK_AHEAD_S * rate), int(1.3 * rate)
    assert (output[:before] == np.rint(amplified[:before])).all()
    assert (output[after:] == np.rint(amplified[after:])).all()
    is_measurable = np.abs(signal) > 1_000
    gains = output[is_measurable] / amplified[is_measurable]
    assert gains.min() > 0.5
    assert np.abs(np.diff(gains)).max() < 0.05


def test_channels_are_linked() -> None:
    """A peak on one channel lowers both channels, so that the stereo image does not move."""
    rate = 24_000
    quiet = 2_000 * np.sin(2 * np.pi * 300 * np.arange(rate) / rate)
    loud = quiet * np.where(np.arange(rate) // 2_400 % 3 == 1, 12, 1)
    output = numbers(limit(to_bytes(np.stack([loud, quiet], axis=1)), PcmLayout(rate, 2), 6)).reshape(-1, 2)
    alone = numbers(limit(to_bytes(loud), PcmLayout(rate), 6))
    assert (output[:, 0] == alone).all()
    during = slice(3_000, 4_200)  # in the first loud part
    assert np.abs(output[during, 1]).max() < 0.9 * 2 * np.abs(quiet).max()
    ratio = np.abs(output[during, 0]).sum() / np.abs(output[during, 1]).sum()
    assert ratio == pytest.approx(12, rel=0.01)


LAYOUTS = st.builds(PcmLayout, st.sampled_from(RATES), st.sampled_from([1, 2]))


@settings(max_examples=150, deadline=None)
@given(
    layout=LAYOUTS,
    gain_db=st.floats(-20, 20),
    data=st.one_of(st.binary(max_size=4000), st.integers(0, 40_000).map(lambda length: voice(16_000, 2, 0.7)[:length])),
    cuts=st.lists(st.integers(0, 40_000), max_size=30),
)
def test_any_division(layout: PcmLayout, gain_db: float, data: bytes, cuts: list[int]) -> None:
    """The output is the same for chunks of any size, even divided samples; an incomplete frame is dropped."""
    whole = limit(data, layout, gain_db)
    assert limit(data, layout, gain_db, cuts) == whole
    assert len(whole) == len(data) // layout.frame_size * layout.frame_size


def test_byte_by_byte() -> None:
    """The output is the same for single bytes."""
    speech = voice(22_050, 2, 0.1)
    assert limit(speech, PcmLayout(22_050, 2), 9, list(range(len(speech)))) == limit(speech, PcmLayout(22_050, 2), 9)


@pytest.mark.parametrize("rate", RATES)
def test_delay(rate: int) -> None:
    """A sample is returned once the next 6 ms have arrived, 7 ms at 8 kHz."""
    limiter = Limiter(PcmLayout(rate), 6)
    speech = voice(rate, 1, 0.2)
    output = 0
    for fed in range(0, len(speech), 16):
        output += len(limiter.feed(speech[fed : fed + 16]))
        assert (min(fed + 16, len(speech)) - output) / 2 / rate <= LOOK_AHEAD_S + 17 / rate


def test_empty_stream() -> None:
    """An empty stream stays empty."""
    limiter = Limiter(PcmLayout(24_000), 12)
    assert limiter.feed(b"") == b""
    assert limiter.finish() == b""


def test_memory() -> None:
    """Only the samples that the following ones need are buffered."""
    limiter = Limiter(PcmLayout(24_000), 12)
    speech = voice(24_000, 1, 1.0)
    for _ in range(30):
        limiter.feed(speech)
        assert limiter._samples.size + limiter._needed.size + limiter._released.size < 1_000
        assert limiter._samples.base is None


def test_other_widths() -> None:
    """Samples other than 16-bit are refused at once."""
    with pytest.raises(ValueError, match="16-bit"):
        Limiter(PcmLayout(24_000, 1, 3), 6)
