"""Tests of the output: silence in gaps."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from custom_components.orator.audio.formats import PcmLayout
from custom_components.orator.pipeline.output import GapFiller


async def test_limited_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gaps are filled with silence only up to a limit."""
    monkeypatch.setattr("custom_components.orator.pipeline.output._MAX_FILLED_SILENCE_S", 0.5)
    layout = PcmLayout(rate=1000)
    never = asyncio.Event()

    async def samples() -> AsyncGenerator[bytes]:
        yield bytes(20)
        await never.wait()

    loop = asyncio.get_running_loop()
    seconds = 0.0
    chunks = GapFiller().fill(samples(), layout)
    assert await anext(chunks) == bytes(20)
    started = loop.time()
    for _ in range(5):
        seconds += len(await anext(chunks)) / layout.byte_rate
    assert 0.3 < seconds < 0.7
    assert 0.3 < loop.time() - started < 2
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            await anext(chunks)
