"""Request chunks in advance, and yield their audio in order."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from types import TracebackType
from typing import Final, Self

from .attempt import AttemptAudio
from .chunker import TextChunker
from .styled_speech import PartAudio, StyledSpeech

MAX_PARALLEL_REQUESTS: Final = 2
"""Maximum number of parallel requests: the chunk that is heard and the next one."""
_MAX_WAITING_CHUNKS: Final = 2
"""Maximum number of chunks whose audio waits for the listener."""


class ChunkPrefetcher:
    """Prefetcher that synthesizes the chunks of a text in advance, and loads the clips between them.

    The prefetcher is a context manager; leaving the context cancels all requests.
    """

    def __init__(self, chunker: TextChunker, speech: StyledSpeech, *, latency_s: float) -> None:
        """Initialize the prefetcher; the voices of `speech` speak the chunks of `chunker`.

        `latency_s`: expected time to the first audio.
        """
        self._chunker = chunker
        self._speech = speech
        self._latency_s = latency_s
        self._waiting: asyncio.Queue[PartAudio] = asyncio.Queue(_MAX_WAITING_CHUNKS)
        self._producer: asyncio.Task[None] | None = None
        self._requests: set[asyncio.Task[None]] = set()
        self._requested_s = 0.0
        """Estimated duration of all chunks requested so far."""
        self._requested_at = 0.0
        """Time of the first request."""
        self._plays_until: float | None = None
        """Estimated time at which the requested audio ends; None before the first audio."""

    async def __aenter__(self) -> Self:
        """Start requesting."""
        self._producer = asyncio.create_task(self._request_chunks(), name="orator requests chunks")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cancel all requests."""
        tasks = [task for task in (self._producer, *self._requests) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def audio(self) -> AsyncGenerator[AttemptAudio]:
        """Yield the audio of each part, in order and in several parts if it breaks off.

        Raises SpeechError if no voice begins, or at the end if words are missing, and the exceptions of the text's
        source.
        """
        while True:
            try:
                part = await self._waiting.get()
            except asyncio.QueueShutDown:
                break
            async with aclosing(part.audio()) as parts:
                async for audio in parts:
                    if self._plays_until is None:
                        self._plays_until = asyncio.get_running_loop().time() + self._requested_s
                    yield audio
        if self._producer:
            await self._producer  # raises the exception of the text's source
        if self._speech.record.interruption:
            raise self._speech.record.interruption

    async def _request_chunks(self) -> None:
        try:
            while True:
                while len(self._requests) >= MAX_PARALLEL_REQUESTS:
                    await asyncio.wait(self._requests, return_when=asyncio.FIRST_COMPLETED)
                part = await self._chunker.next(self._buffered_seconds)
                if part is None:
                    return
                audio = self._speech.create(part)
                request = asyncio.create_task(audio.synthesize(), name="orator requests a chunk")
                self._requests.add(request)
                request.add_done_callback(self._requests.discard)
                self._add_duration(self._speech.estimate_duration_s(part))
                await self._waiting.put(audio)
        finally:
            self._waiting.shutdown()

    def _add_duration(self, seconds: float) -> None:
        if not self._requested_s:
            self._requested_at = asyncio.get_running_loop().time()
        self._requested_s += seconds
        if self._plays_until is not None:
            self._plays_until = max(self._plays_until, asyncio.get_running_loop().time()) + seconds

    def _buffered_seconds(self) -> float:
        """Estimate how much of the requested audio the listener has not heard yet."""
        now = asyncio.get_running_loop().time()
        if self._plays_until is not None:
            return self._plays_until - now
        if not self._requested_s:
            return 0.0
        return self._requested_s + max(0.0, self._requested_at + self._latency_s - now)


@asynccontextmanager
async def prefetch_first[T](audio: AsyncGenerator[T]) -> AsyncGenerator[AsyncGenerator[T]]:
    """Request the first audio before the listener reads any; leaving the context closes `audio`."""
    first = asyncio.ensure_future(anext(audio, None))

    async def started() -> AsyncGenerator[T]:
        part = await first
        while part is not None:
            yield part
            part = await anext(audio, None)

    async with aclosing(audio):
        try:
            yield started()
        finally:
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
