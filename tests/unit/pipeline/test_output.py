"""The layout in which speech is processed."""

from custom_components.orator.audio.effects import BuiltInChime, Effects, load_built_in_chime
from custom_components.orator.audio.formats import PcmLayout
from custom_components.orator.pipeline.post_processing import DEFAULT_LAYOUT, PostProcessing


def test_layout_in_which_a_chime_can_be_played() -> None:
    """Speech is processed in the requested layout, or in the default one if a chime can't be converted to it."""
    finish = PostProcessing(Effects(chime_before=load_built_in_chime(BuiltInChime.SOFT)))
    assert finish.layout_for(PcmLayout(16_000)) == PcmLayout(16_000)
    assert finish.layout_for(PcmLayout(44_100, 6, 3)) == PcmLayout(44_100, 2)
    assert finish.layout_for(PcmLayout(15_991)) == DEFAULT_LAYOUT
