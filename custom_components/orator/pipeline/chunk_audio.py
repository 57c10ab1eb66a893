"""The audio of one chunk: switch to the next voice if one fails or is late, and resume audio that breaks off."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from math import inf
from typing import Any, Final

from ..providers.errors import ResponseTooLargeError, SpeechError, TextTooLongError, TimedOutError
from .attempt import AttemptAudio, SynthesisAttempt
from .fallback_chain import FallbackChain
from .pace import find_sentence
from .synthesizer import Synthesizer

_MAX_PARALLEL_ATTEMPTS: Final = 2
"""Maximum number of parallel attempts. With more, a network outage would use every voice."""
_MAX_RESUMPTIONS: Final = 5
"""Maximum number of times that the audio of a chunk is resumed."""


class ChunkAudio:
    """The audio of one chunk, in several parts if it breaks off or the provider refuses the text as too long.

    Audio that breaks off resumes at the start of the sentence that was interrupted, by the same voice or the next one.
    """

    def __init__(self, chain: FallbackChain, text: str) -> None:
        """Initialize the audio of a chunk; `synthesize` requests it."""
        self._chain = chain
        self._text = text
        self._parts: asyncio.Queue[_ChunkPart | _CachedPart] = asyncio.Queue()
        self._candidates = _Candidates(chain)
        self._resumptions = 0

    async def audio(self) -> AsyncGenerator[AttemptAudio]:
        """Yield the audio of each part once it has begun. Raises SpeechError if no voice begins the first part."""
        has_begun = False
        while True:
            try:
                part = await self._parts.get()
            except asyncio.QueueShutDown:
                return
            try:
                audio = await part.audio()
            except SpeechError:
                if not has_begun:
                    raise
            else:
                if audio:
                    has_begun = True
                    yield audio

    async def synthesize(self) -> None:
        """Speak the parts until the whole text is spoken or no voice is left. Cached audio is used instead."""
        try:
            if cached := self._chain.find_cached(self._text):
                self._parts.put_nowait(_CachedPart(self._chain, cached))
            else:
                await self._synthesize_parts()
        finally:
            self._parts.shutdown()

    async def _synthesize_parts(self) -> None:
        texts = deque(self._chain.divide(self._text))
        is_first = True
        while texts:
            part = _ChunkPart(self._chain, texts.popleft(), self._candidates)
            self._parts.put_nowait(part)
            await part.synthesize()
            if part.is_too_long:
                texts.extendleft(reversed(self._chain.divide(part.text)))
                continue
            if part.attempt is None:
                if part.error and not is_first:
                    self._chain.record.record_interruption(part.error)
                return
            is_first = False
            if rest := self._resume(part.text, part.attempt):
                texts.appendleft(rest)
            elif part.text == self._text and not self._resumptions:
                self._chain.add_to_cache(self._text, part.attempt)

    def _resume(self, text: str, attempt: SynthesisAttempt) -> str:
        """Return the part of a text that has to be spoken again after an attempt has ended, if there is any."""
        error, candidates = attempt.error, self._candidates
        if error is None or attempt.looked_truncated:
            self._chain.record.record_ending(attempt.synthesizer, looked_truncated=attempt.looked_truncated)
        if error is None:
            candidates.reset()
            return ""
        if not candidates.retry(attempt):
            self._chain.record.record_failure(attempt.synthesizer, error)
        start = find_sentence(text, attempt.min_spoken_letters)
        if start and error.is_retryable and candidates.next() is None:
            candidates.reset()  # every voice may continue from the new start
        if self._resumptions == _MAX_RESUMPTIONS or candidates.next() is None:
            self._chain.record.record_interruption(error)
            return ""
        self._resumptions += 1
        self._chain.record.record_resumption()
        return text[start:]


class _Candidates:
    """The voices that can speak a chunk. Each has one attempt, and a second one after an error that may pass."""

    def __init__(self, chain: FallbackChain) -> None:
        """Initialize the candidates with all voices of the chain."""
        self._chain = chain
        self._tried: set[Synthesizer] = set()
        self._retried: set[Synthesizer] = set()
        self._broke_at_end: set[Synthesizer] = set()
        self._divisions = 0

    def next(self) -> Synthesizer | None:
        """Return the voice that is asked next."""
        return self._chain.next_untried(self._tried)

    def start(self, synthesizer: Synthesizer, text: str) -> SynthesisAttempt:
        """Start an attempt."""
        self._tried.add(synthesizer)
        return self._chain.start_attempt(
            synthesizer,
            text,
            is_last_attempt=synthesizer in self._retried and self.next() is None,
            expects_break=synthesizer in self._broke_at_end,
        )

    def can_retry(self, attempt: SynthesisAttempt) -> bool:
        """Return whether a voice has a second attempt."""
        error = attempt.error
        return error is not None and error.is_retryable and attempt.synthesizer not in self._retried

    def retry(self, attempt: SynthesisAttempt) -> bool:
        """Give a voice its second attempt after a failed one; return False if it has none."""
        if attempt.looked_truncated:
            self._broke_at_end.add(attempt.synthesizer)
        if not self.can_retry(attempt):
            return False
        self._retried.add(attempt.synthesizer)
        self._tried.discard(attempt.synthesizer)
        return True

    def divide(self, synthesizer: Synthesizer, text: str) -> bool:
        """Let a voice that refused a text as too long speak shorter ones; return False if that does not help."""
        if not synthesizer.reduce_limit(text, self._divisions):
            return False
        self._divisions += 1
        self._tried.discard(synthesizer)
        return True

    def reset(self) -> None:
        """Give all voices an attempt again."""
        self._tried.clear()


class _CachedPart:
    """The audio of a whole chunk that the voice has spoken before."""

    def __init__(self, chain: FallbackChain, audio: AttemptAudio) -> None:
        """Initialize the audio of a chunk."""
        self._chain = chain
        self._audio = audio

    async def audio(self) -> AttemptAudio:
        """Return the audio."""
        self._chain.record.record_cached_heard()
        return self._audio


class _ChunkPart:
    """The audio of part of a chunk by the first voice that begins.

    If a voice is late, the next one starts as well. If a voice fails before its audio is heard, the next one replaces
    it.
    """

    def __init__(self, chain: FallbackChain, text: str, candidates: _Candidates) -> None:
        """Initialize the audio of a text; `synthesize` requests it."""
        self._chain = chain
        self.text = text
        self._running: list[SynthesisAttempt] = []
        self._candidates = candidates
        self._chosen: SynthesisAttempt | None = None
        self._partial: SynthesisAttempt | None = None
        """A failed attempt with some audio, which is used if no other voice begins."""
        self.is_too_long = False
        """Whether the text was refused as too long, and has to be divided."""
        self._error: Exception | None = None
        self._has_begun = asyncio.Event()
        self._is_finished = asyncio.Event()
        self._listening_since: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    @property
    def attempt(self) -> SynthesisAttempt | None:
        """The attempt whose audio is heard."""
        return self._chosen

    @property
    def error(self) -> SpeechError | None:
        """The reason why no voice speaks."""
        return self._error if isinstance(self._error, SpeechError) else None

    async def audio(self) -> AttemptAudio | None:
        """Return the audio once it has begun, None if the text is too long. Raises SpeechError if no voice begins."""
        if not self._listening_since.done():
            self._listening_since.set_result(asyncio.get_running_loop().time())
        await self._has_begun.wait()
        if self.is_too_long:
            return None
        if self._chosen is None or self._chosen.audio is None:
            raise self._error or asyncio.CancelledError
        self._chain.record_heard(self._chosen.synthesizer)
        return replace(self._chosen.audio, data=self._read(self._chosen.audio.data))

    async def synthesize(self) -> None:
        """Try voices until one has finished, or has failed after its audio was heard."""
        try:
            while not await self._finish_attempt(await self._first_to_begin()):
                self._has_begun.clear()
        except Exception as err:  # noqa: BLE001 - raised where the audio is read
            self._error = err
        finally:
            self._has_begun.set()
            self._is_finished.set()
            await self._cancel_others(None)

    async def _read(self, data: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
        """Yield the audio. If it breaks off, it is resumed in the next part."""
        async with aclosing(data):
            async for block in data:
                yield block
        await self._is_finished.wait()
        if self._error and not isinstance(self._error, SpeechError):
            raise self._error

    async def _finish_attempt(self, attempt: SynthesisAttempt) -> bool:
        """Wait for the end of an attempt; return False if another one has to replace it."""
        if not self._chain.needs_full_audio:
            self._choose(attempt)
        await attempt.wait()
        is_heard = self._listening_since.done() and self._chosen is not None
        if attempt.error and not is_heard and self._is_replaceable(attempt):
            self._chosen = None
            self._handle_failure(attempt, attempt.error)
            return False
        self._choose(attempt)
        return True

    def _choose(self, attempt: SynthesisAttempt) -> None:
        self._chosen = attempt
        self._has_begun.set()

    def _is_replaceable(self, attempt: SynthesisAttempt) -> bool:
        """Return whether another attempt may do better than an attempt that has some audio."""
        if attempt is self._partial:
            return False
        return self._candidates.can_retry(attempt) or self._candidates.next() is not None

    async def _first_to_begin(self) -> SynthesisAttempt:
        """Start the next voice, and another one if the first is late; return the attempt that begins first."""
        while True:
            can_start = len(self._running) < _MAX_PARALLEL_ATTEMPTS
            following = self._candidates.next() if can_start else None
            if following and self._seconds_until_late() <= 0:
                self._running.append(self._candidates.start(following, self.text))
                continue
            if not self._running:
                if self._partial:
                    return self._partial
                raise self._chain.record.error or TimedOutError
            await self._wait_for_change(self._seconds_until_late() if following else inf)
            for attempt in list(self._running):
                if attempt.error:
                    self._handle_failure(attempt, attempt.error)
                elif attempt.audio:
                    await self._stop_hedging(attempt)
                    return attempt

    def _seconds_until_late(self) -> float:
        """Return the time until the next voice starts because none is running or the first one is late."""
        if not self._running:
            return 0
        attempt = self._running[0]
        if not self._listening_since.done() or attempt.first_audio_s is not None:
            return inf
        waiting_since = max(attempt.started_at, self._listening_since.result())
        return waiting_since + attempt.synthesizer.hedge_delay_s - asyncio.get_running_loop().time()

    async def _wait_for_change(self, seconds_until_late: float) -> None:
        """Wait until an attempt begins or fails, the listener starts to wait, or the first attempt is late."""
        changes: list[asyncio.Future[Any]] = [attempt.settled for attempt in self._running]
        if not self._listening_since.done():
            changes.append(self._listening_since)
        timeout = None if seconds_until_late == inf else seconds_until_late
        await asyncio.wait(changes, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)

    async def _stop_hedging(self, winner: SynthesisAttempt) -> None:
        """Cancel the attempts that have not begun, and record the times to the first audio."""
        now = asyncio.get_running_loop().time()
        for attempt in self._running[: self._running.index(winner)]:
            self._chain.record.record_first_audio(attempt.synthesizer, now - attempt.started_at)
            self._chain.record.record_failure(attempt.synthesizer, TimedOutError())
        self._chain.record.record_first_audio(winner.synthesizer, winner.first_audio_s or 0)
        await self._cancel_others(winner)

    async def _cancel_others(self, winner: SynthesisAttempt | None) -> None:
        others = [attempt for attempt in self._running if attempt is not winner]
        self._running = [winner] if winner else []
        for attempt in others:
            await attempt.cancel()

    def _handle_failure(self, attempt: SynthesisAttempt, error: SpeechError) -> None:
        """Record a failure, unless the voice gets a second attempt. Raises errors that no fallback can fix."""
        if attempt in self._running:
            self._running.remove(attempt)
        if isinstance(error, TextTooLongError) and self._candidates.divide(attempt.synthesizer, self.text):
            self.is_too_long = True
            raise error
        if attempt.audio and not isinstance(error, ResponseTooLargeError):
            self._partial = attempt
        if attempt.has_received and self._candidates.retry(attempt):
            return
        self._chain.record.record_failure(attempt.synthesizer, error)
        if not error.allows_fallback:
            raise error
