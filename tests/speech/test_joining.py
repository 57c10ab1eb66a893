"""What brings the sound of several segments together."""

import asyncio

import pytest

from custom_components.orator.audio.chime import BuiltIn, built_in
from custom_components.orator.audio.effects import Effects
from custom_components.orator.audio.formats import PcmLayout
from custom_components.orator.speech.finishing import USUAL_LAYOUT, Finish
from custom_components.orator.speech.joining import resampler_for


async def test_known_rates_wait_for_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where disks hang, and with them all threads, a chime does not hold speech up once its filter is designed."""
    finish = Finish(Effects(chime_before=built_in(BuiltIn.SOFT)))
    wished, impossible = PcmLayout(16_000), PcmLayout(15_991)
    assert await finish.layout_for(wished) == wished

    async def hang(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio, "to_thread", hang)
    async with asyncio.timeout(5):
        assert await finish.layout_for(wished) == wished
        assert await finish.layout_for(impossible) == USUAL_LAYOUT
        with pytest.raises(ValueError, match="ratio"):
            await resampler_for(impossible, wished)
