"""Tests of post-processing layouts."""

from custom_components.orator.audio.effects import BuiltInChime, Effects, load_built_in_chime
from custom_components.orator.audio.formats import PcmLayout
from custom_components.orator.pipeline import PcmConstraints, PostProcessing
from custom_components.orator.pipeline.convert import DEFAULT_LAYOUT
from custom_components.orator.providers.models import Model


def test_layout_of_chimes() -> None:
    """Chimes are applied in the requested layout, or in the default one if they cannot be resampled to it."""
    post_processing = PostProcessing(Effects(chime_before=load_built_in_chime(BuiltInChime.SOFT)))
    model = Model("model", "Model", max_chars=1000, streams=True, formats=())
    assert post_processing.layout_for(model, PcmConstraints(16_000)) == PcmLayout(16_000)
    assert post_processing.layout_for(model, PcmConstraints(15_991)) == DEFAULT_LAYOUT
