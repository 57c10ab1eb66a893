"""Loudness as ffmpeg tells it: in time, in any division, of short sounds too, and leaving nothing behind."""

import asyncio
from itertools import pairwise
from pathlib import Path
import time

import numpy as np
import pytest

from custom_components.orator.audio.ffmpeg import ConversionError, measure_loudness
from custom_components.orator.audio.formats import PcmLayout
from custom_components.orator.audio.loudness import MAX_MEASURED_S, LoudnessMeasurement, LoudnessMeter
from tests.simulator.audio.espeak import Speaker, speak
from tests.unit.audio.signals import RATES, ffmpeg, loudness, pieces, voice

pytestmark = pytest.mark.usefixtures("nothing_is_left")


def program(folder: Path, script: str) -> str:
    """Write a program that is run in ffmpeg's place."""
    binary = folder / "ffmpeg"
    binary.write_text(f"#!/bin/sh\n{script}\n")
    binary.chmod(0o700)
    return str(binary)


async def measured(
    data: bytes, layout: PcmLayout, cuts: list[int] | None = None, *, binary: str | None = None
) -> LoudnessMeasurement | None:
    """Measure sound that passes in pieces."""
    meter = LoudnessMeter(layout, binary or ffmpeg())
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts or []), len(data)]
    try:
        for start, end in pairwise(edges):
            meter.feed(data[start:end])
            await asyncio.sleep(0)
        return await meter.result()
    finally:
        await meter.close()


async def lufs(data: bytes, layout: PcmLayout) -> float:
    """Measure sound of which something is to be heard."""
    result = await measured(data, layout)
    assert result
    return result.lufs


def sine(frequency: float, rate: int, amplitude: float = 0.5, seconds: float = 3.0) -> bytes:
    """Return a tone."""
    times = np.arange(int(rate * seconds)) / rate
    return np.rint(amplitude * 32_767 * np.sin(2 * np.pi * frequency * times)).astype("<i2").tobytes()


@pytest.mark.parametrize("layout", [PcmLayout(rate, 1 + number % 2) for number, rate in enumerate(RATES)])
async def test_layouts(layout: PcmLayout) -> None:
    """At every usual rate, on one channel and on two, with pauses, to a tenth."""
    spoken = voice(layout.rate, layout.channels, 1.0)
    sound = b"".join([spoken + bytes(len(spoken) * pause) for pause in (1, 2, 0, 3)])
    result = await measured(sound, layout)
    assert result
    assert result.lufs == pytest.approx(loudness(sound, layout), abs=0.051)
    assert result.seconds == pytest.approx(10, abs=0.001)


async def test_speech() -> None:
    """Real speech, with its pauses, as fast as it is made."""
    sound = speak("Good morning. The front door is open, and it is raining! Shall I close it?", Speaker.named("coral"))
    layout = PcmLayout(sound.rate)
    assert await lufs(sound.samples, layout) == pytest.approx(loudness(sound.samples, layout), abs=0.051)


@pytest.mark.parametrize("rate", [16_000, 24_000, 44_100, 48_000])
async def test_definition(rate: int) -> None:
    """A sine of 997 Hz at full scale has -3.01 LUFS (BS.1770)."""
    assert await lufs(sine(997, rate, 1.0), PcmLayout(rate)) == pytest.approx(-3.01, abs=0.1)


@pytest.mark.parametrize("seconds", [0.1, 0.15, 0.2, 0.3, 0.399, 0.4, 0.45, 0.6])
async def test_short_sounds(seconds: float) -> None:
    """A short sound is as loud as a long one that is like it, and counts as long as it is."""
    result = await measured(sine(440, 24_000, seconds=seconds), PcmLayout(24_000))
    assert result
    assert result.lufs == pytest.approx(await lufs(sine(440, 24_000), PcmLayout(24_000)), abs=0.3)
    assert result.seconds == pytest.approx(seconds, abs=0.001)


@pytest.mark.parametrize("data", [b"", bytes(9_000), bytes(200_000), sine(440, 24_000, seconds=0.05)])
async def test_nothing_to_hear(data: bytes) -> None:
    """Silence has no loudness, and neither has a click."""
    assert await measured(data, PcmLayout(24_000)) is None


@pytest.mark.parametrize("cuts", [[2, 4, 6], [1, 777, 20_001, 20_003], list(range(0, 96_000, 480))])
async def test_result_does_not_depend_on_the_division(cuts: list[int]) -> None:
    """The same figures in whatever pieces the samples arrive."""
    data = voice(16_000, 2, 1.5)
    assert await measured(data, PcmLayout(16_000, 2), cuts) == await measured(data, PcmLayout(16_000, 2))


async def test_long_sound() -> None:
    """Its beginning is measured, and no more is kept for ffmpeg."""
    layout = PcmLayout(8_000)
    beginning = voice(8_000, 1, 1.0) * int(MAX_MEASURED_S)
    loud = sine(997, 8_000, 1.0) * 30
    result = await measured(beginning + loud, layout, list(range(0, len(beginning + loud), 10_000)))
    assert result
    assert result == await measured(beginning, layout)
    assert result.seconds == MAX_MEASURED_S


async def test_it_is_told_soon() -> None:
    """What has been measured as it was spoken is told at the end of it, and to feed it takes no time."""
    layout = PcmLayout(24_000)
    meter = LoudnessMeter(layout, ffmpeg())
    took = []
    for _ in range(20):
        await asyncio.sleep(0.05)
        started = time.thread_time()
        meter.feed(voice(24_000))
        took.append(time.thread_time() - started)
    started = time.perf_counter()
    assert await meter.result()
    assert time.perf_counter() - started < 0.5  # some milliseconds, unless others use the machine as well
    assert max(took) < 0.01
    await meter.close()


@pytest.mark.parametrize("seconds", [0, 0.02, 0.3])
async def test_leaving(seconds: float) -> None:
    """Who leaves takes ffmpeg along, whether it has started or not."""
    meter = LoudnessMeter(PcmLayout(24_000), ffmpeg())
    meter.feed(voice(24_000))
    await asyncio.sleep(seconds)
    await meter.close()


async def test_ffmpeg_that_hangs(tmp_path: Path) -> None:
    """It keeps nobody who has a limit of their own, and is ended."""
    meter = LoudnessMeter(PcmLayout(24_000), program(tmp_path, "exec sleep 60"))
    for _ in range(int(MAX_MEASURED_S) + 20):
        meter.feed(voice(24_000))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await meter.result()
    await meter.close()


@pytest.mark.parametrize(
    "script",
    ["exit 3", "exec 2>&-; cat >/dev/null", "cat >/dev/null; echo done >&2", "head -c 9000000 /dev/zero >&2; exit 1"],
)
async def test_ffmpeg_that_fails(tmp_path: Path, script: str) -> None:
    """Nothing is learned, and nobody is told."""
    assert await measured(voice(24_000, 1, 2.0), PcmLayout(24_000), binary=program(tmp_path, script)) is None


@pytest.mark.parametrize("binary", ["/nonexistent/ffmpeg", "/etc/hostname"])
async def test_no_ffmpeg(binary: str) -> None:
    """Without ffmpeg nothing is measured; where it matters, that is told."""
    layout = PcmLayout(24_000)
    assert await measured(voice(24_000), layout, list(range(0, 48_000, 4_800)), binary=binary) is None
    with pytest.raises(ConversionError, match="started"):
        await measure_loudness(pieces(voice(24_000)), layout, binary=binary)
