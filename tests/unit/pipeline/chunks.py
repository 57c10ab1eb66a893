"""Chunkers of voices without fallbacks, and the chunks of a text."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from math import inf

from custom_components.orator.pipeline.chunker import TextChunker
from custom_components.orator.pipeline.early_start import EarlyStart
from custom_components.orator.text import TextCleaner


def create_chunker(  # noqa: PLR0913 - the limits of a chunker
    deltas: AsyncGenerator[str],
    cleaner: TextCleaner | None = None,
    *,
    max_chars: int = 4096,
    measure: Callable[[str], int] = len,
    streams: bool = True,
    max_sentences: float = inf,
    early_start: EarlyStart | None = None,
) -> TextChunker:
    """Return a chunker of a voice without fallbacks."""
    return TextChunker(
        deltas,
        cleaner or TextCleaner(),
        max_chars=max_chars,
        measure=measure,
        streams=streams,
        max_seconds=inf,
        max_sentences=lambda: max_sentences,
        early_start=early_start,
    )


async def split_text(
    deltas: AsyncGenerator[str],
    *,
    max_chars: int = 4096,
    streams: bool = True,
    buffered_seconds: float = 0,
    reads_markup: bool = True,
) -> list[str]:
    """Return all chunks of a text, requested while the listener has some seconds of audio left."""
    async with create_chunker(deltas, TextCleaner(clean=reads_markup), max_chars=max_chars, streams=streams) as chunker:
        return await take_chunks(chunker, buffered_seconds)


async def take_chunks(chunker: TextChunker, buffered_seconds: float = 0) -> list[str]:
    """Return all chunks of a chunker, requested while the listener has some seconds of audio left."""
    chunks = []
    while chunk := await chunker.next(lambda: buffered_seconds):
        chunks.append(chunk)
        await asyncio.sleep(0)
    return chunks
