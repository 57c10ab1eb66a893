"""Tests of post-processing: layouts and gain."""

from collections.abc import AsyncGenerator

from custom_components.orator.audio.effects import BuiltInChime, Effects, load_built_in_chime
from custom_components.orator.audio.formats import AudioFormat, PcmLayout
from custom_components.orator.audio.loudness_meter import LoudnessMeasurement
from custom_components.orator.pipeline import LoudnessTracker, PcmConstraints, PostProcessing
from custom_components.orator.pipeline.attempt import AttemptAudio
from custom_components.orator.pipeline.convert import DEFAULT_LAYOUT
from custom_components.orator.providers.models import Model


def test_layout_of_chimes() -> None:
    """Chimes are applied in the requested layout, or in the default one if they cannot be resampled to it."""
    post_processing = PostProcessing(Effects(chime_before=load_built_in_chime(BuiltInChime.SOFT)))
    model = Model("model", "Model", max_chars=1000, streams=True, formats=())
    assert post_processing.layout_for(model, PcmConstraints(16_000)) == PcmLayout(16_000)
    assert post_processing.layout_for(model, PcmConstraints(15_991)) == DEFAULT_LAYOUT


async def test_constant_gain_within_message() -> None:
    """A measurement that ends during a message changes the gain of the next message only."""
    layout = PcmLayout(24_000)
    post_processing = PostProcessing(target_lufs=-20.0, loudness_tracker=LoudnessTracker())

    async def samples() -> AsyncGenerator[bytes]:
        yield b"\x00\x04\x00\xfc" * 12_000

    async def sentences() -> AsyncGenerator[AttemptAudio]:
        for _ in range(2):
            yield AttemptAudio(AudioFormat.PCM, samples(), layout, loudness_key="ann")
            post_processing.loudness_tracker.add("ann", LoudnessMeasurement(-35.0, 5.0))

    adjusted = post_processing.apply_gain(sentences(), layout)
    first, second = [b"".join([chunk async for chunk in audio.data]) async for audio in adjusted]
    assert first == second
