"""Tests of post-processing layouts."""

from custom_components.orator.audio.effects import BuiltInChime, Effects, load_built_in_chime
from custom_components.orator.audio.formats import PcmLayout
from custom_components.orator.pipeline import DEFAULT_LAYOUT, PostProcessing


def test_layout_of_chimes() -> None:
    """Chimes are applied in the requested layout, or in the default one if they cannot be resampled to it."""
    post_processing = PostProcessing(Effects(chime_before=load_built_in_chime(BuiltInChime.SOFT)))
    assert post_processing.layout_near(PcmLayout(16_000)) == PcmLayout(16_000)
    assert post_processing.layout_near(PcmLayout(15_991)) == DEFAULT_LAYOUT
