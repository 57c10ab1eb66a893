"""What brings the sound of several segments together."""

import asyncio

import pytest

from custom_components.orator.audio.effects import BuiltInChime, Effects, load_built_in_chime
from custom_components.orator.audio.formats import PcmLayout
from custom_components.orator.pipeline.output import create_resampler
from custom_components.orator.pipeline.post_processing import DEFAULT_LAYOUT, PostProcessing


async def test_known_rates_wait_for_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where disks hang, and with them all threads, a chime does not hold speech up once its filter is designed."""
    finish = PostProcessing(Effects(chime_before=load_built_in_chime(BuiltInChime.SOFT)))
    wished, impossible = PcmLayout(16_000), PcmLayout(15_991)
    assert await finish.layout_for(wished) == wished

    async def hang(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio, "to_thread", hang)
    async with asyncio.timeout(5):
        assert await finish.layout_for(wished) == wished
        assert await finish.layout_for(impossible) == DEFAULT_LAYOUT
        with pytest.raises(ValueError, match="ratio"):
            await create_resampler(impossible, wished)
