"""Tests of the loudness measurement."""

import time

import numpy as np
import pytest

from custom_components.orator.audio.formats import PcmLayout
from custom_components.orator.audio.loudness_meter import (
    MAX_MEASURED_S,
    LoudnessMeasurement,
    LoudnessMeter,
    measure_loudness,
)
from tests.simulator.audio.espeak import Speaker, speak
from tests.support.signals import RATES, divide, loudness, voice


def measure(data: bytes, layout: PcmLayout, cuts: list[int] | None = None) -> LoudnessMeasurement | None:
    """Measure audio that arrives in chunks."""
    meter = LoudnessMeter(layout)
    for chunk in divide(data, cuts or []):
        meter.feed(chunk)
    return meter.result()


def lufs(data: bytes, layout: PcmLayout) -> float:
    """Return the loudness of audio that is not silent."""
    result = measure(data, layout)
    assert result
    return result.lufs


def sine(frequency: float, rate: int, amplitude: float = 0.5, seconds: float = 3.0) -> bytes:
    """Return a tone."""
    times = np.arange(int(rate * seconds)) / rate
    return np.rint(amplitude * 32_767 * np.sin(2 * np.pi * frequency * times)).astype("<i2").tobytes()


@pytest.mark.parametrize("layout", [PcmLayout(rate, 1 + number % 2) for number, rate in enumerate(RATES)])
def test_layouts(layout: PcmLayout) -> None:
    """Audio with pauses is measured to a tenth of a LU, at every usual rate, in mono and stereo."""
    speech = voice(layout.rate, layout.channels, 1.0)
    audio = b"".join([speech + bytes(len(speech) * pause) for pause in (1, 2, 0, 3)])
    result = measure(audio, layout)
    assert result
    assert result.lufs == pytest.approx(loudness(audio, layout), abs=0.051)
    assert result.seconds == pytest.approx(10, abs=0.001)


def test_speech() -> None:
    """Speech is measured to a tenth of a LU."""
    audio = speak("Good morning. The front door is open, and it is raining! Shall I close it?", Speaker.named("coral"))
    layout = PcmLayout(audio.rate)
    assert lufs(audio.samples, layout) == pytest.approx(loudness(audio.samples, layout), abs=0.051)


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
def test_short_audio(seconds: float) -> None:
    """Audio of less than 400 ms is as loud as longer audio of the same kind, and its duration is true."""
    result = measure(sine(440, 24_000, seconds=seconds), PcmLayout(24_000))
    assert result
    assert result.lufs == pytest.approx(lufs(sine(440, 24_000), PcmLayout(24_000)), abs=0.3)
    assert result.seconds == pytest.approx(seconds, abs=0.001)


@pytest.mark.parametrize("data", [b"", bytes(9_000), bytes(200_000), sine(440, 24_000, seconds=0.05)])
def test_silence(data: bytes) -> None:
    """Silence and clicks have no loudness."""
    assert measure(data, PcmLayout(24_000)) is None


@pytest.mark.parametrize("cuts", [[2, 4, 6], [1, 777, 20_001, 20_003], list(range(0, 96_000, 480))])
def test_any_division(cuts: list[int]) -> None:
    """The result is the same for chunks of any size."""
    data = voice(16_000, 2, 1.5)
    assert measure(data, PcmLayout(16_000, 2), cuts) == measure(data, PcmLayout(16_000, 2))


def test_long_audio() -> None:
    """Only the beginning of long audio is measured."""
    layout = PcmLayout(8_000)
    beginning = voice(8_000, 1, 1.0) * int(MAX_MEASURED_S)
    loud = sine(997, 8_000, 1.0) * 30
    result = measure(beginning + loud, layout, list(range(0, len(beginning + loud), 10_000)))
    assert result
    assert result == measure(beginning, layout)
    assert result.seconds == MAX_MEASURED_S


def test_processing_time() -> None:
    """Half a second of audio blocks the event loop for less than 2 ms at best."""
    for layout in (PcmLayout(24_000), PcmLayout(48_000, 2)):
        speech = voice(layout.rate, layout.channels, 0.5)
        meter = LoudnessMeter(layout)
        times = []
        for _ in range(20):
            started = time.thread_time()
            meter.feed(speech)
            times.append(time.thread_time() - started)
        assert min(times) < 0.002
        started = time.thread_time()
        assert meter.result()
        assert time.thread_time() - started < 0.1


def test_whole_samples() -> None:
    """Complete samples are measured in one call."""
    data = voice(24_000, 2, 1.5)
    layout = PcmLayout(24_000, 2)
    result = measure(data, layout)
    assert result
    assert measure_loudness(data, layout) == result.lufs
    assert measure_loudness(bytes(48_000), layout) is None
