"""Segments -> sound: requested ahead of the listener, delivered in order."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from dataclasses import replace
from types import TracebackType
from typing import Any, Final, Self, override

from ..providers.base import SpeechAudio
from ..providers.errors import NotAudioError, SpeechError
from .cast import Cast, Speaker
from .segmenter import Segment, Segmenter

_IN_FLIGHT: Final = 2
"""Requests under way at a time: the one that is heard and the one that follows."""
_AHEAD: Final = 2
"""Segments whose sound may wait to be handed on."""
_AUDIBLE_BYTES: Final = 512
"""As much as begins to sound: a frame of mp3 at the usual bitrates, ten milliseconds of samples."""
_FEWEST_BYTES: Final = 100
"""Less is a header at best."""
_MAX_HELD_BYTES: Final = 2 * 1024 * 1024
"""Sound that may wait for the segments before it; beyond that its provider has to wait, too."""


class _ByteQueue(asyncio.Queue[bytes]):
    """A queue that is full when it holds too many bytes, rather than too many things."""

    @override
    def _init(self, maxsize: int) -> None:
        super()._init(maxsize)
        self._held = 0

    @override
    def _put(self, item: bytes) -> None:
        super()._put(item)
        self._held += len(item)

    @override
    def _get(self) -> bytes:
        item = super()._get()
        self._held -= len(item)
        return item

    @override
    def qsize(self) -> int:
        return self._held


class _Part:
    """The sound of one segment, between its request and its turn."""

    def __init__(self) -> None:
        self._queue = _ByteQueue(_MAX_HELD_BYTES)
        self._begun = asyncio.Event()
        self._is_awaited = False
        self._has_arrived = False
        self._audio: SpeechAudio | None = None
        self._error: Exception | None = None

    async def fill(self, cast: Cast, text: str) -> None:
        """Fetch the sound from whoever can speak, as long as nobody has heard any of it."""
        try:
            while True:
                speaker = cast.speaker
                try:
                    await self._fetch_patiently(cast, speaker, text)
                except SpeechError as err:
                    has_other = cast.fail(speaker, err)
                    if self._is_heard or not has_other:
                        raise (err if self._is_heard else cast.error or err) from err
                    self._forget()
                else:
                    return
        except Exception as err:  # noqa: BLE001 - it is raised where the sound is missed
            self._error = err
            if self._is_heard and isinstance(err, SpeechError):  # the others go on, but words are missing
                cast.interruption = cast.interruption or err
        finally:
            self._begun.set()
            self._queue.shutdown()

    @property
    def _is_heard(self) -> bool:
        """Whether somebody has the sound already, so that it can't be replaced."""
        return self._is_awaited and self._audio is not None

    async def _fetch_patiently(self, cast: Cast, speaker: Speaker, text: str) -> None:
        """Fetch the sound; once more where it breaks off before anybody has heard of it."""
        try:
            await self._fetch(cast, speaker, text)
        except SpeechError as err:
            if self._is_heard or not self._has_arrived or not err.is_transient:
                raise
            self._forget()
            await self._fetch(cast, speaker, text)

    async def _fetch(self, cast: Cast, speaker: Speaker, text: str) -> None:
        """Fetch the sound. It has begun once there is enough to be heard, and not when it ends before."""
        received = 0
        async with speaker.speak(text, is_reply=cast.is_reply) as audio:
            sound = replace(audio, chunks=self._chunks())
            async for chunk in audio.chunks:
                self._has_arrived = True
                received += len(chunk)
                await self._queue.put(chunk)
                if received >= _AUDIBLE_BYTES and self._audio is None:
                    self._begin(cast, speaker, sound)
            if received < _FEWEST_BYTES:
                raise NotAudioError
            if self._audio is None:
                self._begin(cast, speaker, sound)

    def _begin(self, cast: Cast, speaker: Speaker, sound: SpeechAudio) -> None:
        cast.heard.add(speaker)
        self._audio = sound
        self._begun.set()

    def _forget(self) -> None:
        self._begun.clear()
        self._audio = None
        while not self._queue.empty():
            self._queue.get_nowait()

    async def audio(self) -> SpeechAudio:
        """Return the sound once it has begun. Raises what kept it from beginning."""
        self._is_awaited = True
        await self._begun.wait()
        if self._audio is None:
            raise self._error or asyncio.CancelledError
        return self._audio

    async def _chunks(self) -> AsyncGenerator[bytes]:
        """Yield the sound. Where it ends too early, what follows goes on; that it did is raised after that."""
        while True:
            try:
                yield await self._queue.get()
            except asyncio.QueueShutDown:
                break
        if self._error and not isinstance(self._error, SpeechError):
            raise self._error


class Synthesizer:
    """Lets a cast speak the segments of a text.

    Use it as a context: leaving it cancels all that is under way.
    """

    def __init__(self, cast: Cast, segmenter: Segmenter) -> None:
        """Speak what the segmenter gives, segment by segment."""
        self._cast = cast
        self._segmenter = segmenter
        self._parts: asyncio.Queue[_Part] = asyncio.Queue(_AHEAD)
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
                part = _Part()
                self._count(segment)
                self._spawn(self._fill(part, segment), "orator requests a segment")
                await self._parts.put(part)
        except Exception as err:  # noqa: BLE001 - it is raised where the sound is missed
            self._error = err
        finally:
            self._parts.shutdown()

    async def _fill(self, part: _Part, segment: Segment) -> None:
        try:
            await part.fill(self._cast, segment.text)
        finally:
            self._slots.release()

    def _count(self, segment: Segment) -> None:
        """Add a segment to what is to be heard."""
        self._requested_seconds += segment.seconds
        if self._heard_until is not None:
            self._heard_until = max(self._heard_until, asyncio.get_running_loop().time()) + segment.seconds

    def _in_hand(self) -> float:
        """Return how many seconds of what was requested are still to be heard, by estimate."""
        if self._heard_until is None:
            return self._requested_seconds
        return self._heard_until - asyncio.get_running_loop().time()
