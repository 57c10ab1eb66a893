"""Chunkers of voices without fallbacks, and the chunks of a text."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from math import inf

from custom_components.orator.pipeline.chunker import TextChunker
from custom_components.orator.pipeline.early_start import EarlyStart
from custom_components.orator.pipeline.text_runs import TextChunk
from custom_components.orator.text import Clip, Pause, SpeechReader


def create_chunker(  # noqa: PLR0913 - the limits of a chunker
    deltas: AsyncGenerator[str],
    reader: SpeechReader | None = None,
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
        reader or SpeechReader(),
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
    async with create_chunker(
        deltas, SpeechReader(clean=reads_markup), max_chars=max_chars, streams=streams
    ) as chunker:
        return await take_chunks(chunker, buffered_seconds)


async def take_chunks(chunker: TextChunker, buffered_seconds: float = 0) -> list[str]:
    """Return the texts of all chunks of a chunker, requested while the listener has some seconds of audio left."""
    return [part.text for part in await take_parts(chunker, buffered_seconds) if isinstance(part, TextChunk)]


async def take_chunk(chunker: TextChunker, buffered_seconds: float = 0) -> str:
    """Return the text of the next chunk."""
    chunk = await chunker.next(lambda: buffered_seconds)
    assert isinstance(chunk, TextChunk)
    return chunk.text


async def take_parts(chunker: TextChunker, buffered_seconds: float = 0) -> list[TextChunk | Pause | Clip]:
    """Return all chunks, pauses and clips of a chunker, requested while the listener has some seconds of audio left."""
    parts: list[TextChunk | Pause | Clip] = []
    while part := await chunker.next(lambda: buffered_seconds):
        parts.append(part)
        await asyncio.sleep(0)
    return parts
