"""Time-stretching: another duration at the same pitch."""

from collections.abc import AsyncGenerator

import numpy as np
import pytest

from custom_components.orator.audio.conversion import convert
from custom_components.orator.audio.formats import AudioFormat, PcmLayout
from tests.support.streams import collect_all

PITCH_HZ = 440.0


async def stretch(samples: bytes, layout: PcmLayout, tempo: float, block_bytes: int) -> bytes:
    """Return samples at another speed."""

    async def data() -> AsyncGenerator[bytes]:
        for start in range(0, len(samples), block_bytes):
            yield samples[start : start + block_bytes]

    return await collect_all(
        convert(
            data(),
            source=AudioFormat.PCM,
            source_pcm=layout,
            target=AudioFormat.PCM,
            target_pcm=layout,
            tempo=tempo,
        )
    )


@pytest.mark.parametrize("tempo", [0.25, 0.4, 0.5, 0.8, 1.25, 2.0, 4.0])
@pytest.mark.parametrize("layout", [PcmLayout(24_000), PcmLayout(16_000), PcmLayout(48_000, 2)], ids=str)
async def test_duration_and_pitch(tempo: float, layout: PcmLayout) -> None:
    """The duration changes by the factor, and the pitch stays."""
    times = np.arange(layout.rate * 3) / layout.rate
    tone = np.rint(np.sin(2 * np.pi * PITCH_HZ * times) * 8000).astype("<i2").repeat(layout.channels)
    stretched = await stretch(tone.tobytes(), layout, tempo, 5000)
    samples = np.frombuffer(stretched, "<i2")[:: layout.channels]
    assert len(samples) / layout.rate == pytest.approx(3 / tempo, abs=0.06 / min(tempo, 1))
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    assert spectrum.argmax() * layout.rate / len(samples) == pytest.approx(PITCH_HZ, abs=4)
    assert np.sqrt(np.mean(samples.astype(float) ** 2)) == pytest.approx(8000 / np.sqrt(2), rel=0.1)


async def test_any_division() -> None:
    """The result does not depend on how the samples are divided."""
    layout = PcmLayout(24_000)
    noise = np.random.default_rng(1).normal(0, 3000, layout.rate).astype("<i2").tobytes()
    assert await stretch(noise, layout, 1.3, 777) == await stretch(noise, layout, 1.3, len(noise))
