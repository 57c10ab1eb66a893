"""Loudness as the standard defines it: at every rate, in any division, of short audio too."""

from itertools import pairwise
import time

import numpy as np
import pytest

from custom_components.orator.audio.formats import PcmLayout
from custom_components.orator.audio.loudness import MAX_MEASURED_S, LoudnessMeasurement, LoudnessMeter, measure_loudness
from tests.simulator.espeak import Speaker, speak
from tests.unit.audio.signals import RATES, loudness, voice


def measured(data: bytes, layout: PcmLayout, cuts: list[int] | None = None) -> LoudnessMeasurement | None:
    """Measure audio that arrives in pieces."""
    meter = LoudnessMeter(layout)
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
    return np.rint(amplitude * 32_767 * np.sin(2 * np.pi * frequency * times)).astype("<i2").tobytes()


@pytest.mark.parametrize("layout", [PcmLayout(rate, 1 + number % 2) for number, rate in enumerate(RATES)])
def test_layouts(layout: PcmLayout) -> None:
    """At every usual rate, on one channel and on two, with pauses, to a tenth."""
    spoken = voice(layout.rate, layout.channels, 1.0)
    sound = b"".join([spoken + bytes(len(spoken) * pause) for pause in (1, 2, 0, 3)])
    result = measured(sound, layout)
    assert result
    assert result.lufs == pytest.approx(loudness(sound, layout), abs=0.051)
    assert result.seconds == pytest.approx(10, abs=0.001)


def test_speech() -> None:
    """Real speech, with its pauses, as fast as it is made."""
    sound = speak("Good morning. The front door is open, and it is raining! Shall I close it?", Speaker.named("coral"))
    layout = PcmLayout(sound.rate)
    assert lufs(sound.samples, layout) == pytest.approx(loudness(sound.samples, layout), abs=0.051)


@pytest.mark.parametrize("rate", [16_000, 24_000, 44_100, 48_000])
def test_definition(rate: int) -> None:
    """A sine of 997 Hz at full scale has -3.01 LUFS (BS.1770)."""
    assert lufs(sine(997, rate, 1.0), PcmLayout(rate)) == pytest.approx(-3.01, abs=0.1)


@pytest.mark.parametrize(
    "parts",
    [
        [(-23, 20)],
        [(-33, 20)],
        [(-36, 3), (-23, 20), (-36, 3)],
        [(-72, 3), (-36, 3), (-23, 15), (-36, 3), (-72, 3)],
        [(-26, 8), (-20, 8.1), (-26, 8)],
    ],
)
def test_gates(parts: list[tuple[float, float]]) -> None:
    """The stereo signals 1 to 5 of EBU Tech 3341, shortened, have -23 LUFS, the second one -33."""
    data = b"".join(sine(1_000, 48_000, 10 ** (dbfs / 20), seconds) for dbfs, seconds in parts)
    stereo = np.frombuffer(data, "<i2").repeat(2).tobytes()
    expected = -33 if parts == [(-33, 20)] else -23
    assert lufs(stereo, PcmLayout(48_000, 2)) == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("seconds", [0.1, 0.15, 0.2, 0.3, 0.399, 0.4, 0.45, 0.6])
def test_short_sounds(seconds: float) -> None:
    """A short sound is as loud as a long one that is like it, and counts as long as it is."""
    result = measured(sine(440, 24_000, seconds=seconds), PcmLayout(24_000))
    assert result
    assert result.lufs == pytest.approx(lufs(sine(440, 24_000), PcmLayout(24_000)), abs=0.3)
    assert result.seconds == pytest.approx(seconds, abs=0.001)


@pytest.mark.parametrize("data", [b"", bytes(9_000), bytes(200_000), sine(440, 24_000, seconds=0.05)])
def test_nothing_to_hear(data: bytes) -> None:
    """Silence has no loudness, and neither has a click."""
    assert measured(data, PcmLayout(24_000)) is None


@pytest.mark.parametrize("cuts", [[2, 4, 6], [1, 777, 20_001, 20_003], list(range(0, 96_000, 480))])
def test_result_does_not_depend_on_the_division(cuts: list[int]) -> None:
    """The same figures in whatever pieces the samples arrive."""
    data = voice(16_000, 2, 1.5)
    assert measured(data, PcmLayout(16_000, 2), cuts) == measured(data, PcmLayout(16_000, 2))


def test_long_sound() -> None:
    """Its beginning is measured, and no more is kept for ffmpeg."""
    layout = PcmLayout(8_000)
    beginning = voice(8_000, 1, 1.0) * int(MAX_MEASURED_S)
    loud = sine(997, 8_000, 1.0) * 30
    result = measured(beginning + loud, layout, list(range(0, len(beginning + loud), 10_000)))
    assert result
    assert result == measured(beginning, layout)
    assert result.seconds == MAX_MEASURED_S


def test_time() -> None:
    """Half a second of audio takes the event loop less than two milliseconds; the best of some tries counts."""
    for layout in (PcmLayout(24_000), PcmLayout(48_000, 2)):
        spoken = voice(layout.rate, layout.channels, 0.5)
        meter = LoudnessMeter(layout)
        times = []
        for _ in range(20):
            started = time.thread_time()
            meter.feed(spoken)
            times.append(time.thread_time() - started)
        assert min(times) < 0.002
        started = time.thread_time()
        assert meter.result()
        assert time.thread_time() - started < 0.1


def test_whole_samples() -> None:
    """Samples that are all there are measured in one call."""
    data = voice(24_000, 2, 1.5)
    layout = PcmLayout(24_000, 2)
    result = measured(data, layout)
    assert result
    assert measure_loudness(data, layout) == result.lufs
    assert measure_loudness(bytes(48_000), layout) is None
