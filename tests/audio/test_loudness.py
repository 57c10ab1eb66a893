"""The meter beside ffmpeg's, and what the standard does not say."""

from itertools import pairwise

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

from custom_components.orator.audio.formats import PcmLayout
from custom_components.orator.audio.loudness import MAX_SECONDS, Loudness, Meter
from tests.audio.sound import RATES, Samples, loudness, voice
from tests.simulator.espeak import Speaker, speak


def measured(data: bytes, layout: PcmLayout, cuts: list[int] | None = None) -> Loudness | None:
    """Measure sound that arrives in pieces."""
    meter = Meter(layout)
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts or []), len(data)]
    for start, end in pairwise(edges):
        meter.feed(data[start:end])
    return meter.result()


def lufs(data: bytes, layout: PcmLayout) -> float:
    """Measure sound of which something is to be heard."""
    result = measured(data, layout)
    assert result
    return result.lufs


def sine(frequency: float, rate: int, amplitude: float = 0.5, seconds: float = 3.0) -> bytes:
    """Return a tone."""
    times = np.arange(int(rate * seconds)) / rate
    return rounded(amplitude * 32_767 * np.sin(2 * np.pi * frequency * times))


def rounded(samples: Samples) -> bytes:
    """Return numbers as 16 bit samples."""
    return bytes(np.rint(samples).clip(-32_768, 32_767).astype("<i2").tobytes())


@pytest.mark.parametrize("rate", RATES)
def test_beside_ffmpeg(rate: int) -> None:
    """At every usual rate, within 0.05 LU; ffmpeg's way to 48 kHz drops what is near half the rate."""
    white = np.random.default_rng(1).standard_normal(4 * rate)
    noise = np.convolve(white, np.hanning(7), "same")
    spoken = voice(rate, 1, 1.0)
    sounds = {
        "voice": voice(rate, 1, 5.0),
        "pauses": b"".join([spoken + bytes(len(spoken) * pause) for pause in (1, 2, 0, 3)]),
        "noise": rounded(noise * 2_000),
        "swelling": rounded(noise * 6_000 * np.hanning(len(noise))),
        **{f"{frequency} Hz": sine(frequency, rate) for frequency in (40, 60, 100, 250, 997, 2000, 3400)},
    }
    for name, sound in sounds.items():
        assert lufs(sound, PcmLayout(rate)) == pytest.approx(loudness(sound, PcmLayout(rate)), abs=0.05), name


@pytest.mark.parametrize("name", ["alloy", "ash", "coral"])
def test_speech_beside_ffmpeg(name: str) -> None:
    """Real speech, with its pauses."""
    sound = speak(
        "Good morning. The front door is open, and it is raining! Shall I close the windows?", Speaker.named(name)
    )
    layout = PcmLayout(sound.rate)
    assert lufs(sound.samples, layout) == pytest.approx(loudness(sound.samples, layout), abs=0.1)


def test_stereo() -> None:
    """Both channels count; two alike are 3 LU louder than one."""
    spoken = voice(48_000, 2, 3.0)
    assert lufs(spoken, PcmLayout(48_000, 2)) == pytest.approx(loudness(spoken, PcmLayout(48_000, 2)), abs=0.1)
    one = voice(24_000, 1, 3.0)
    both = np.frombuffer(one, "<i2").repeat(2).tobytes()
    assert lufs(both, PcmLayout(24_000, 2)) == pytest.approx(lufs(one, PcmLayout(24_000)) + 3.01, abs=0.01)


@pytest.mark.parametrize("rate", [16_000, 24_000, 44_100, 48_000])
def test_definition(rate: int) -> None:
    """A sine of 997 Hz at full scale has -3.01 LUFS (BS.1770)."""
    assert lufs(sine(997, rate, 1.0), PcmLayout(rate)) == pytest.approx(-3.01, abs=0.05)


@pytest.mark.parametrize("seconds", [0.1, 0.15, 0.2, 0.3, 0.399, 0.4, 0.45, 0.6])
def test_short_sounds(seconds: float) -> None:
    """A short sound is as loud as a long one that is like it."""
    result = measured(sine(440, 24_000, seconds=seconds), PcmLayout(24_000))
    assert result
    assert result.lufs == pytest.approx(lufs(sine(440, 24_000), PcmLayout(24_000)), abs=0.3)
    assert result.seconds == pytest.approx(seconds, abs=0.1)


@pytest.mark.parametrize("data", [b"", bytes(9_000), bytes(200_000), sine(440, 24_000, seconds=0.05)])
def test_nothing_to_hear(data: bytes) -> None:
    """Silence has no loudness, and neither has a click."""
    assert measured(data, PcmLayout(24_000)) is None


def test_seconds() -> None:
    """Pauses are not counted as speech."""
    spoken = voice(24_000, 1, 2.0)
    result = measured(spoken + bytes(len(spoken) * 4), PcmLayout(24_000))
    assert result
    assert result.seconds == pytest.approx(2, abs=0.4)


@settings(max_examples=50, deadline=None)
@given(
    layout=st.builds(PcmLayout, st.sampled_from(RATES), st.sampled_from([1, 2])),
    length=st.integers(0, 70_000),
    cuts=st.lists(st.integers(0, 70_000), max_size=20),
)
def test_result_does_not_depend_on_the_division(layout: PcmLayout, length: int, cuts: list[int]) -> None:
    """The same figures in whatever pieces the samples arrive."""
    data = voice(16_000, 2, 1.5)[:length]
    assert measured(data, layout, cuts) == measured(data, layout)


def test_memory() -> None:
    """After some minutes, nothing more is kept; asking in between changes nothing."""
    meter = Meter(PcmLayout(8_000))
    minute = voice(8_000, 1, 1.0) * 60
    for _ in range(MAX_SECONDS // 60 + 2):
        meter.feed(minute)
        assert meter.result()
        assert len(meter._energies) <= MAX_SECONDS * 10
        assert not meter._bytes


def test_other_widths() -> None:
    """Only 16 bit samples are measured, which is said at once."""
    with pytest.raises(ValueError, match="16 bit"):
        Meter(PcmLayout(24_000, 1, 1))
