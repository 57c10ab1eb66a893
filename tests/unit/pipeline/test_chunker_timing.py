"""Chunks of a text that is still being written: when they are returned, and that other tasks run meanwhile."""

import asyncio
from collections.abc import AsyncGenerator
import time

import pytest

from custom_components.orator.pipeline import chunker as chunker_module
from custom_components.orator.text import Replacement, SpeechReader
from tests.support.streams import stream_text

from .chunks import create_chunker, split_text, take_chunk, take_chunks

_MAX_BLOCKED_S = 0.06


async def test_first_sentence_does_not_wait_for_the_second() -> None:
    """A sentence is returned after a pause, because the agent may be calling a tool."""
    is_released = asyncio.Event()

    async def reply() -> AsyncGenerator[str]:
        yield "Let me look that up."
        await is_released.wait()
        yield " It rains."

    async with create_chunker(reply()) as chunker:
        async with asyncio.timeout(2):
            first = await take_chunk(chunker)
        assert first == "Let me look that up."
        is_released.set()
        second = await take_chunk(chunker)
        assert second == "It rains."
        assert await chunker.next(lambda: 0) is None


@pytest.mark.parametrize("beginning", ["It is 3.", "Ask Dr.", "Bring fruit, e.g."])
async def test_pause_in_sentence(beginning: str) -> None:
    """A pause within a number or after an abbreviation does not end a sentence."""
    chunks = await split_text(stream_text(beginning, "5 x.", pause_s=0.25))
    assert chunks[0].startswith(f"{beginning}5")


async def test_delta_at_end_of_pause() -> None:
    """No word is cut if a delta arrives at the moment when a pause ends the sentence."""
    deltas: asyncio.Queue[str] = asyncio.Queue()

    async def reply() -> AsyncGenerator[str]:
        while delta := await deltas.get():
            yield delta

    def deliver_late(delta: str) -> None:
        time.sleep(0.03)  # blocks the event loop, so that the pause and the delta are due at once
        deltas.put_nowait(delta)

    deltas.put_nowait("Hello there.")
    loop = asyncio.get_running_loop()
    loop.call_later(0.08, deliver_late, " Wor")
    loop.call_later(0.4, deltas.put_nowait, "ld is great.")
    loop.call_later(0.5, deltas.put_nowait, "")
    assert await split_text(reply()) == ["Hello there.", "World is great."]


@pytest.mark.parametrize("unit", ["All work and no play. ", "All work and no play, "])
async def test_text_is_read_in_advance_within_limit(unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The text that is read in advance is bounded, even if no sentence ends."""
    monkeypatch.setattr(chunker_module, "_MAX_UNREAD_CHARS", 20_000)
    written = 0

    async def reply() -> AsyncGenerator[str]:
        nonlocal written
        while True:
            written += len(unit) * 100
            yield unit * 100
            await asyncio.sleep(0)

    async with create_chunker(reply()) as chunker:
        assert await take_chunk(chunker)
        for _ in range(200):
            await asyncio.sleep(0)
        assert written < 30_000


async def _longest_block_s(text: str) -> float:
    """Return the longest CPU time for which the chunks of a delta keep another task waiting, while no text follows."""
    is_released = asyncio.Event()
    longest = 0.0

    async def reply() -> AsyncGenerator[str]:
        yield text
        await is_released.wait()

    async def measure_blocks() -> None:
        nonlocal longest
        for _ in range(len(text) // 100):
            start = time.thread_time()
            await asyncio.sleep(0)
            longest = max(longest, time.thread_time() - start)
        is_released.set()

    async with create_chunker(reply()) as chunker:
        measurement = asyncio.create_task(measure_blocks())
        await take_chunks(chunker)
        await measurement
    return longest


@pytest.mark.parametrize("unit", ["( ", "... ", "word ", "好"])
async def test_long_delta_does_not_block(unit: str) -> None:
    """Other tasks run between the parts of a long delta, even if it has no sentence or no words."""
    text = unit * (30_000 // len(unit))
    assert any([await _longest_block_s(text) < 0.04 for _ in range(3)])


@pytest.mark.parametrize(
    ("delta", "count", "replacements"),
    [
        (". ", 20_000, ()),
        ("a ", 50, (Replacement("a", "It is loud. " * 400),)),
    ],
    ids=["short deltas", "long replacements"],
)
async def test_other_tasks_can_run(delta: str, count: int, replacements: tuple[Replacement, ...]) -> None:
    """A long text does not block other tasks, whatever its sentences and deltas are."""

    async def text() -> AsyncGenerator[str]:
        for _ in range(count):
            yield delta

    async def measure() -> float:
        longest_s = 0.0
        async with create_chunker(text(), SpeechReader(replacements)) as chunker:
            splitting = asyncio.ensure_future(take_chunks(chunker))
            while not splitting.done():
                started = time.thread_time()
                await asyncio.sleep(0)
                longest_s = max(longest_s, time.thread_time() - started)
            await splitting
        return longest_s

    asyncio.get_running_loop().set_debug(False)
    assert await measure() < _MAX_BLOCKED_S or await measure() < _MAX_BLOCKED_S


async def test_interrupted_text() -> None:
    """A text that breaks off is returned as far as it arrived, and then its error is raised."""

    async def reply() -> AsyncGenerator[str]:
        yield "The first sentence. The sec"
        raise ConnectionResetError

    async with create_chunker(reply()) as chunker:
        first = await take_chunk(chunker)
        assert first == "The first sentence."
        with pytest.raises(ConnectionResetError):
            await take_chunk(chunker)


async def test_leaving_closes_text() -> None:
    """Leaving the context closes the source of the text."""
    is_closed = asyncio.Event()

    async def reply() -> AsyncGenerator[str]:
        try:
            while True:
                yield "And so on. "
                await asyncio.sleep(0.001)
        finally:
            is_closed.set()

    async with create_chunker(reply()) as chunker:
        assert await take_chunk(chunker)
    assert is_closed.is_set()
