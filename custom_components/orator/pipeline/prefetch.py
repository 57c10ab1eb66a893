"""Request chunks in advance, and yield their audio in order."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from types import TracebackType
from typing import Any, Final, Self

from ..providers.base import SpeechAudio
from .chunker import TextChunk, TextChunker
from .fallback_chain import ChunkAudio, FallbackChain

_MAX_PARALLEL_REQUESTS: Final = 2
"""The chunk that is heard and the one that follows."""
_MAX_WAITING_CHUNKS: Final = 2
"""Chunks whose audio may wait for the listener."""


class ChunkPrefetcher:
    """Synthesize the chunks of a text in advance.

    It is a context manager; leaving it cancels all requests.
    """

    def __init__(self, chunker: TextChunker, chain: FallbackChain, *, is_reply: bool, needs_full_audio: bool) -> None:
        """Synthesize what the chunker returns with the voices of a chain."""
        self._chunker = chunker
        self._chain = chain
        self._is_reply = is_reply
        self._needs_full_audio = needs_full_audio
        self._chunks: asyncio.Queue[ChunkAudio] = asyncio.Queue(_MAX_WAITING_CHUNKS)
        self._slots = asyncio.Semaphore(_MAX_PARALLEL_REQUESTS)
        self._tasks: set[asyncio.Task[None]] = set()
        self._error: Exception | None = None
        self._requested_s = 0.0
        self._plays_until: float | None = None

    async def __aenter__(self) -> Self:
        """Start requesting."""
        self._spawn(self._request_chunks(), "orator requests chunks")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cancel all requests."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def audio(self) -> AsyncGenerator[SpeechAudio]:
        """Yield the audio of each chunk, in order. Raises SpeechError, at the end if words are missing."""
        while True:
            try:
                chunk = await self._chunks.get()
            except asyncio.QueueShutDown:
                break
            audio = await chunk.audio()
            if self._plays_until is None:
                self._plays_until = asyncio.get_running_loop().time() + self._requested_s
            yield audio
        if error := self._error or self._chain.interruption:
            raise error

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _request_chunks(self) -> None:
        try:
            while True:
                await self._slots.acquire()
                chunk = await self._chunker.next(self._buffered_seconds)
                if chunk is None:
                    break
                audio = ChunkAudio(
                    self._chain, chunk.text, is_reply=self._is_reply, needs_full_audio=self._needs_full_audio
                )
                self._add_duration(chunk)
                self._spawn(self._synthesize(audio), "orator requests a chunk")
                await self._chunks.put(audio)
        except Exception as err:  # noqa: BLE001 - raised where the audio is read
            self._error = err
        finally:
            self._chunks.shutdown()

    async def _synthesize(self, audio: ChunkAudio) -> None:
        try:
            await audio.synthesize()
        finally:
            self._slots.release()

    def _add_duration(self, chunk: TextChunk) -> None:
        self._requested_s += chunk.seconds
        if self._plays_until is not None:
            self._plays_until = max(self._plays_until, asyncio.get_running_loop().time()) + chunk.seconds

    def _buffered_seconds(self) -> float:
        """Estimate how much of the requested audio the listener has not heard yet."""
        if self._plays_until is None:
            return self._requested_s
        return self._plays_until - asyncio.get_running_loop().time()
