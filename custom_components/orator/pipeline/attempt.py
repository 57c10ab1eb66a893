"""One speaker's sound of a text, between its request and its turn."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
import logging
from traceback import format_tb
from typing import Final, override

from ..audio.mp3 import MalformedMp3Error
from ..audio.validation import AudioValidator
from ..providers.base import SpeechAudio
from ..providers.errors import (
    NotAudioError,
    ResponseTooLargeError,
    SilentAudioError,
    SpeechError,
    TimedOutError,
    TruncatedAudioError,
)
from .fallback_chain import FallbackChain, Synthesizer

_LOGGER = logging.getLogger(__name__)

_AUDIBLE_BYTES: Final = 512
"""As much as begins to sound: a frame of mp3 at the usual bitrates, ten milliseconds of samples."""
_FEWEST_BYTES: Final = 100
"""Less is a header at best."""
_MAX_SILENT_BYTES: Final = 1024 * 1024
"""Silence at the beginning after which nothing is taken to come: more than ten seconds of samples."""
_MAX_GATHERED_BYTES: Final = 64 * 1024 * 1024
"""More than twenty minutes of samples, which are all held until the last of them is there."""
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


class SynthesisAttempt:
    """A speaker says a text. It has begun once there is enough to be heard, and has not when it ends before."""

    def __init__(self, speaker: Synthesizer, text: str, *, is_reply: bool, needs_full_audio: bool) -> None:
        """Prepare; `start` begins. What `is_gathered` begins when it is complete, since nobody hears it earlier."""
        self.speaker = speaker
        self.audio: SpeechAudio | None = None
        """What is heard, once it has begun."""
        self.error: SpeechError | None = None
        """What has ended it too early."""
        self.has_arrived = False
        """Whether any sound has come."""
        self.turned = asyncio.get_running_loop().create_future()
        """Done when it has begun, or has ended without."""
        self.started = asyncio.get_running_loop().time()
        self.seconds = 0.0
        """How long it took until there was something to be heard."""
        self.has_sounded = False
        """Whether there is, though it may not have begun yet."""
        self._text = text
        self._is_reply = is_reply
        self._is_gathered = needs_full_audio
        self._received = 0
        self._queue = _ByteQueue(0 if needs_full_audio else _MAX_HELD_BYTES)
        self._task = asyncio.create_task(self._speak(), name="orator speaks a segment")

    async def wait(self) -> None:
        """Wait until all of it has come, or it has ended too early."""
        await asyncio.wait([self._task])

    async def end(self) -> None:
        """Cancel what is under way."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def chunks(self) -> AsyncGenerator[bytes]:
        """Yield the sound as it comes, until it ends in whichever way."""
        while True:
            try:
                yield await self._queue.get()
            except asyncio.QueueShutDown:
                return

    async def _speak(self) -> None:
        try:
            await self._fetch()
        except SpeechError as err:  # it is raised where the sound is missed
            self.error = err
        except Exception as err:  # noqa: BLE001 - whatever is wrong with us, somebody else can speak
            self.error = _unforeseen(err)
        finally:
            self._queue.shutdown()
            self._turn()

    async def _fetch(self) -> None:
        async with self.speaker.speak(self._text, is_reply=self._is_reply) as audio:
            hearing = AudioValidator(audio.format, audio.pcm)
            try:
                await self._hear(audio, hearing)
            except SpeechError:
                if self._is_gathered and hearing.is_audible and self._received >= _AUDIBLE_BYTES:
                    self._begin(audio)
                raise
            if hearing.is_empty or self._received < _FEWEST_BYTES:
                raise NotAudioError
            if not hearing.is_audible:
                raise SilentAudioError
            if self.audio is None:
                self._begin(audio)
            if hearing.is_truncated:
                raise TruncatedAudioError

    async def _hear(self, audio: SpeechAudio, hearing: AudioValidator) -> None:
        """Take what comes."""
        async for chunk in audio.chunks:
            self.has_arrived = True
            self._received += len(chunk)
            try:
                hearing.feed(chunk)
            except MalformedMp3Error as err:
                raise NotAudioError from err
            await self._queue.put(chunk)
            if hearing.is_audible and self._received >= _AUDIBLE_BYTES:
                self._sound()
            if self.has_sounded and self.audio is None and not self._is_gathered:
                self._begin(audio)
            if self._is_gathered and self._received > _MAX_GATHERED_BYTES:
                raise ResponseTooLargeError
            if self._received > _MAX_SILENT_BYTES and not hearing.is_audible:
                raise SilentAudioError

    def _begin(self, audio: SpeechAudio) -> None:
        self.audio = replace(audio, chunks=self.chunks(), speaker=self.speaker.name)
        self._sound()
        self._turn()

    def _sound(self) -> None:
        if not self.has_sounded:
            self.has_sounded = True
            self.seconds = asyncio.get_running_loop().time() - self.started

    def _turn(self) -> None:
        if not self.turned.done():
            self.turned.set_result(None)


def _unforeseen(cause: Exception) -> SpeechError:
    """Return an error for what nobody has thought of, and log where it was, but not what it says: it may be a text."""
    kind = type(cause).__name__
    _LOGGER.error("Unforeseen %s while speaking:\n%s", kind, "".join(format_tb(cause.__traceback__)))
    error = SpeechError(code=kind)
    error.__cause__ = cause
    return error


_MOST_AT_ONCE: Final = 2
"""Speakers that try at a time: more would ask everybody whenever the network is away."""


class ChunkAudio:
    """What a segment's listener gets: the first sound that begins, and another one as long as nobody has heard it."""

    def __init__(self, cast: FallbackChain, text: str) -> None:
        """Let a cast say a text; `fill` does it."""
        self._cast = cast
        self._text = text
        self._running: list[SynthesisAttempt] = []
        self._tried: set[Synthesizer] = set()
        self._asked_again: set[Synthesizer] = set()
        self._take: SynthesisAttempt | None = None
        self._remnant: SynthesisAttempt | None = None
        """What could be heard of somebody who has failed since."""
        self._error: Exception | None = None
        self._begun = asyncio.Event()
        self._is_over = asyncio.Event()
        self._awaited: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    async def audio(self) -> SpeechAudio:
        """Return the sound once it has begun. Raises what kept it from beginning."""
        if not self._awaited.done():
            self._awaited.set_result(asyncio.get_running_loop().time())
        await self._begun.wait()
        if self._take is None or self._take.audio is None:
            raise self._error or asyncio.CancelledError
        self._cast.heard.add(self._take.speaker)
        return replace(self._take.audio, chunks=self._chunks(self._take.audio.chunks))

    async def fill(self) -> None:
        """Get the sound from whoever can speak, as long as nobody has heard any of it."""
        try:
            while not await self._is_filled():
                self._begun.clear()
        except Exception as err:  # noqa: BLE001 - it is raised where the sound is missed
            self._error = err
        finally:
            self._begun.set()
            self._is_over.set()
            await self._end_all_but(None)

    async def _is_filled(self) -> bool:
        """Let somebody say it, and tell whether it is said, or as much of it as there will be."""
        take = await self._first_to_begin()
        if not self._cast.needs_full_audio:
            self._publish(take)
        await take.wait()
        error = take.error
        if error is not None and not self._is_heard and self._can_be_replaced(take, error):
            self._take = None
            self._fail(take, error)
            return False
        is_whole = error is None or (isinstance(error, TruncatedAudioError) and take.speaker.is_always_truncated)
        self._cast.note_ending(take.speaker, error)
        if error is not None and not is_whole:  # the others go on, but words are missing
            self._cast.break_off(take.speaker, error)
        self._publish(take)
        return True

    @property
    def _is_heard(self) -> bool:
        """Whether somebody has the sound already, so that it can't be replaced."""
        return self._awaited.done() and self._take is not None

    def _can_be_replaced(self, take: SynthesisAttempt, error: SpeechError) -> bool:
        """Tell whether somebody may do better. Else some words are better than none."""
        if take is self._remnant or self._is_habit(take):
            return False
        is_worth_asking = error.is_retryable and take.speaker not in self._asked_again
        return is_worth_asking or self._cast.next_but(self._tried) is not None

    def _is_habit(self, take: SynthesisAttempt) -> bool:
        """Tell whether somebody states a wrong length, or ends in mid-frame, each time: the sound is all right."""
        is_known = take.speaker.is_always_truncated or take.speaker in self._asked_again
        return is_known and isinstance(take.error, TruncatedAudioError)

    def _publish(self, take: SynthesisAttempt) -> None:
        self._take = take
        self._begun.set()

    async def _first_to_begin(self) -> SynthesisAttempt:
        """Let the speaker of the moment say it, and the next one as well if that keeps its listener waiting."""
        while True:
            free = self._cast.next_but(self._tried)
            is_helped = free is not None and len(self._running) < _MOST_AT_ONCE
            if free and (not self._running or (is_helped and self._patience() <= 0)):
                self._start(free)
                continue
            if not self._running and self._remnant:
                return self._remnant
            if not self._running:
                raise self._cast.error or TimedOutError
            await self._wait_for_turn(self._patience() if is_helped else None)
            for take in list(self._running):
                if take.error and not self._is_habit(take):
                    self._fail(take, take.error)
                elif take.audio:
                    await self._win(take)
                    return take

    def _start(self, speaker: Synthesizer) -> None:
        self._tried.add(speaker)
        self._running.append(
            SynthesisAttempt(
                speaker, self._text, is_reply=self._cast.is_reply, needs_full_audio=self._cast.needs_full_audio
            )
        )

    def _patience(self) -> float:
        """Return how many more seconds the listener waits for who was asked first, before somebody else is too."""
        take = self._running[0]
        if not self._awaited.done() or take.has_sounded:
            return float("inf")
        since = max(take.started, self._awaited.result())
        return since + take.speaker.patience - asyncio.get_running_loop().time()

    async def _wait_for_turn(self, patience: float | None) -> None:
        """Wait until somebody has begun or failed, the listener waits (inf), or has waited for so many seconds."""
        turns = [take.turned for take in self._running]
        if not self._awaited.done():
            await asyncio.wait([*turns, self._awaited], return_when=asyncio.FIRST_COMPLETED)
        else:
            timeout = None if patience == float("inf") else patience
            await asyncio.wait(turns, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)

    async def _win(self, winner: SynthesisAttempt) -> None:
        """Take who has begun. Who was asked before has kept the listener waiting for too long."""
        now = asyncio.get_running_loop().time()
        for take in self._running[: self._running.index(winner)]:
            self._cast.note_beginning(take.speaker, now - take.started)
            self._cast.fail(take.speaker, TimedOutError())
        self._cast.note_beginning(winner.speaker, winner.seconds)
        await self._end_all_but(winner)

    async def _end_all_but(self, winner: SynthesisAttempt | None) -> None:
        others = [take for take in self._running if take is not winner]
        self._running = []
        for take in others:
            await take.end()
        if winner:
            self._running = [winner]

    def _fail(self, take: SynthesisAttempt, error: SpeechError) -> None:
        """Take note that somebody has failed, unless it is worth asking once more. Raises what nobody else can help."""
        if take in self._running:
            self._running.remove(take)
        if take.audio and not isinstance(error, ResponseTooLargeError):
            self._remnant = take
        if take.has_arrived and error.is_retryable and take.speaker not in self._asked_again:
            self._asked_again.add(take.speaker)
            self._tried.discard(take.speaker)
            return
        self._cast.fail(take.speaker, error)
        if not error.allows_fallback:
            raise error

    async def _chunks(self, chunks: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
        """Yield the sound. Where it ends too early, what follows goes on; that it did is raised after that."""
        async for chunk in chunks:
            yield chunk
        await self._is_over.wait()
        if self._error and not isinstance(self._error, SpeechError):
            raise self._error
