"""Messages, streams of text and audio, and waiting, for tests with and without Home Assistant."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Any, Final

SENTENCE: Final = "The kettle has boiled and the tea is ready."
SATELLITE: Final[dict[str, Any]] = {
    "preferred_format": "wav",
    "preferred_sample_rate": 16_000,
    "preferred_sample_channels": 1,
    "preferred_sample_bytes": 2,
}
"""The options of a voice satellite."""
_POLL_S: Final = 0.01


async def stream_text(*deltas: str, pause_s: float = 0.02) -> AsyncGenerator[str]:
    """Yield the deltas of a message with pauses in between, as a language model does."""
    for index, delta in enumerate(deltas):
        if index:
            await asyncio.sleep(pause_s)
        yield delta


def stream_words(text: str, pause_s: float = 0.02) -> AsyncGenerator[str]:
    """Yield a message word by word."""
    return stream_text(*(f"{word} " for word in text.split()), pause_s=pause_s)


async def collect(audio: AsyncGenerator[bytes], chunks: list[bytes]) -> None:
    """Append the chunks of audio to a list, which has those before an error, too."""
    async for chunk in audio:
        chunks.append(chunk)  # noqa: PERF401 - a comprehension would lose them with the error


async def collect_all(audio: AsyncGenerator[bytes]) -> bytes:
    """Return all audio."""
    return b"".join([chunk async for chunk in audio])


async def wait_until(condition: Callable[[], object], timeout_s: float | None = 10) -> None:
    """Wait for a condition that has no event. Raises TimeoutError."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(_POLL_S)
