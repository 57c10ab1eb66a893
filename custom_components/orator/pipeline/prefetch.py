"""Segments -> sound: requested ahead of the listener, delivered in order."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from types import TracebackType
from typing import Any, Final, Self

from ..providers.base import SpeechAudio
from .attempt import ChunkAudio
from .chunker import TextChunk, TextChunker
from .fallback_chain import FallbackChain

_IN_FLIGHT: Final = 2
"""Requests under way at a time: the one that is heard and the one that follows."""
_AHEAD: Final = 2
"""Segments whose sound may wait to be handed on."""


class ChunkPrefetcher:
    """Lets a cast speak the segments of a text.

    Use it as a context: leaving it cancels all that is under way.
    """

    def __init__(self, cast: FallbackChain, segmenter: TextChunker) -> None:
        """Speak what the segmenter gives, segment by segment."""
        self._cast = cast
        self._segmenter = segmenter
        self._parts: asyncio.Queue[ChunkAudio] = asyncio.Queue(_AHEAD)
        self._slots = asyncio.Semaphore(_IN_FLIGHT)
        self._tasks: set[asyncio.Task[None]] = set()
        self._error: Exception | None = None
        self._requested_seconds = 0.0
        self._heard_until: float | None = None

    async def __aenter__(self) -> Self:
        """Begin to request."""
        self._spawn(self._request_ahead(), "orator requests ahead")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cancel what is under way, and wait until it has ended."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def parts(self) -> AsyncGenerator[SpeechAudio]:
        """Yield the sound of each segment, in order. Raises SpeechError where there is none."""
        while True:
            try:
                part = await self._parts.get()
            except asyncio.QueueShutDown:
                break
            audio = await part.audio()
            if self._heard_until is None:
                self._heard_until = asyncio.get_running_loop().time() + self._requested_seconds
            yield audio
        if error := self._error or self._cast.interruption:
            raise error

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _request_ahead(self) -> None:
        """Request one segment after the other, as soon as there is room."""
        try:
            while True:
                await self._slots.acquire()
                segment = await self._segmenter.next(self._in_hand)
                if segment is None:
                    break
                part = ChunkAudio(self._cast, segment.text)
                self._count(segment)
                self._spawn(self._fill(part), "orator requests a segment")
                await self._parts.put(part)
        except Exception as err:  # noqa: BLE001 - it is raised where the sound is missed
            self._error = err
        finally:
            self._parts.shutdown()

    async def _fill(self, part: ChunkAudio) -> None:
        try:
            await part.fill()
        finally:
            self._slots.release()

    def _count(self, segment: TextChunk) -> None:
        """Add a segment to what is to be heard."""
        self._requested_seconds += segment.seconds
        if self._heard_until is not None:
            self._heard_until = max(self._heard_until, asyncio.get_running_loop().time()) + segment.seconds

    def _in_hand(self) -> float:
        """Return how many seconds of what was requested are still to be heard, by estimate."""
        if self._heard_until is None:
            return self._requested_seconds
        return self._heard_until - asyncio.get_running_loop().time()
