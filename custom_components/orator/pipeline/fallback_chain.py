"""Switch to the next voice when a voice fails or is late, and record the result of each voice."""

import asyncio
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any, Final

from ..providers.errors import ResponseTooLargeError, SpeechError, TimedOutError, TruncatedAudioError
from ..providers.models import Usage
from ..text import Replacement, replace_words
from .attempt import AttemptAudio, SynthesisAttempt
from .synthesizer import Synthesizer

_MAX_PARALLEL_ATTEMPTS: Final = 2
"""Maximum number of parallel attempts. With more, a network outage would use every voice."""


@dataclass(frozen=True, slots=True)
class SynthesisReport:
    """The result of a job apart from its audio, complete once all audio has been read.

    `failures`, `first_audio_s` and `looked_truncated` are about the job's own voice, not about its fallbacks.
    """

    own_name: str = ""
    """Name of the job's own voice."""
    spoken_by: tuple[str, ...] = ()
    """Names of the voices that were heard, in order."""
    usage: Usage = field(default_factory=Usage)
    """The usage of the job so far, including that of fallbacks."""
    failures: tuple[SpeechError, ...] = ()
    """Errors of the voice, whether or not a fallback took over."""
    first_audio_s: tuple[float, ...] = ()
    """Seconds until the first audio while the listener waited; lower bounds where a fallback was faster."""
    looked_truncated: tuple[bool, ...] = ()
    """Whether the audio looked truncated, for each chunk that the voice has finished."""
    has_gaps: bool = False
    """Whether silence was inserted while waiting for audio."""

    @property
    def has_own_audio(self) -> bool:
        """Whether the job's own voice was heard."""
        return self.own_name in self.spoken_by

    @property
    def has_fallback_audio(self) -> bool:
        """Whether a fallback was heard."""
        return any(name != self.own_name for name in self.spoken_by)


class FallbackChain:
    """The voices of one job, in the order in which they are used.

    A voice that has failed is used again only if no other voice is left.
    """

    def __init__(  # noqa: PLR0913 - the voices of a job and how they are used
        self,
        own: Synthesizer,
        fallbacks: Sequence[Synthesizer],
        *,
        prefers_fallback: bool,
        fallback_replacements: Sequence[Replacement],
        is_reply: bool,
        needs_full_audio: bool,
    ) -> None:
        """Create the chain; with `prefers_fallback`, the job's own voice comes last.

        `fallback_replacements` apply to the text of the fallbacks, if the provider of the job's own voice applies them
        itself.
        """
        self._own = own
        self._synthesizers = [*fallbacks, own] if prefers_fallback else [own, *fallbacks]
        self._fallback_replacements = fallback_replacements
        self._is_reply = is_reply
        self.needs_full_audio = needs_full_audio
        """Whether the listener needs all audio of a chunk at once."""
        self._failures: dict[Synthesizer, SpeechError] = {}
        self._own_failures: list[SpeechError] = []
        self._first_audio_s: list[float] = []
        self._looked_truncated: list[bool] = []
        self._heard: dict[str, None] = {}
        self.interruption: SpeechError | None = None
        """The error that interrupted audio after it was heard, so that words are missing."""

    @property
    def error(self) -> SpeechError | None:
        """The reason why no voice speaks: preferably the error of the job's own voice, which the user can fix."""
        return self._failures.get(self._own) or next(iter(self._failures.values()), None)

    @property
    def event_count(self) -> int:
        """Number of voices, failures, first audio times and endings recorded so far."""
        return len(self._heard) + len(self._own_failures) + len(self._first_audio_s) + len(self._looked_truncated)

    def report(self) -> SynthesisReport:
        """Return the result so far."""
        return SynthesisReport(
            own_name=self._own.name,
            spoken_by=tuple(self._heard),
            usage=sum((synthesizer.usage for synthesizer in self._synthesizers), Usage()),
            failures=tuple(self._own_failures),
            first_audio_s=tuple(self._first_audio_s),
            looked_truncated=tuple(self._looked_truncated),
        )

    def next_untried(self, tried: Collection[Synthesizer]) -> Synthesizer | None:
        """Return the next voice that has not been tried for a chunk."""
        untried = [synthesizer for synthesizer in self._synthesizers if synthesizer not in tried]
        working = [synthesizer for synthesizer in untried if synthesizer not in self._failures]
        return next(iter([*working, *untried]), None)

    def start_attempt(self, synthesizer: Synthesizer, text: str) -> SynthesisAttempt:
        """Start to synthesize a chunk with one voice."""
        if synthesizer is not self._own and self._fallback_replacements:
            text = replace_words(text, self._fallback_replacements)
        return SynthesisAttempt(synthesizer, text, is_reply=self._is_reply, needs_full_audio=self.needs_full_audio)

    def record_heard(self, synthesizer: Synthesizer) -> None:
        """Record that the listener hears a voice."""
        self._heard[synthesizer.name] = None

    def record_first_audio(self, synthesizer: Synthesizer, seconds: float) -> None:
        """Record the time to the first audio, unless the listener hears an earlier chunk."""
        if synthesizer is self._own and not self._heard:
            self._first_audio_s.append(seconds)

    def record_failure(self, synthesizer: Synthesizer, error: SpeechError) -> None:
        """Record that a voice has failed."""
        self._failures.setdefault(synthesizer, error)
        if synthesizer is self._own:
            self._own_failures.append(error)

    def record_ending(self, synthesizer: Synthesizer, error: SpeechError | None) -> None:
        """Record the end of a chunk's audio, with an error if words are missing."""
        is_truncated = isinstance(error, TruncatedAudioError)
        if synthesizer is self._own and (error is None or is_truncated):
            self._looked_truncated.append(is_truncated)
        if error and not (is_truncated and synthesizer.has_false_truncations):
            self.record_failure(synthesizer, error)
            self.interruption = self.interruption or error


class ChunkAudio:
    """The audio of one chunk by the first voice that begins.

    If a voice is late, the next one starts as well. If a voice fails before its audio is heard, the next one replaces
    it.
    """

    def __init__(self, chain: FallbackChain, text: str) -> None:
        """Initialize the audio of a chunk; `synthesize` requests it."""
        self._chain = chain
        self._text = text
        self._running: list[SynthesisAttempt] = []
        self._tried: set[Synthesizer] = set()
        self._retried: set[Synthesizer] = set()
        self._chosen: SynthesisAttempt | None = None
        self._partial: SynthesisAttempt | None = None
        """A failed attempt with some audio, which is used if no other voice begins."""
        self._error: Exception | None = None
        self._has_begun = asyncio.Event()
        self._is_finished = asyncio.Event()
        self._listening_since: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    async def audio(self) -> AttemptAudio:
        """Return the audio once it has begun. Raises SpeechError if no voice begins."""
        if not self._listening_since.done():
            self._listening_since.set_result(asyncio.get_running_loop().time())
        await self._has_begun.wait()
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
        """Yield the audio. If it breaks off, the error is raised at the end of the job, after the other chunks."""
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
        if attempt.error and not is_heard and self._is_replaceable(attempt, attempt.error):
            self._chosen = None
            self._handle_failure(attempt, attempt.error)
            return False
        self._chain.record_ending(attempt.synthesizer, attempt.error)
        self._choose(attempt)
        return True

    def _choose(self, attempt: SynthesisAttempt) -> None:
        self._chosen = attempt
        self._has_begun.set()

    def _is_replaceable(self, attempt: SynthesisAttempt, error: SpeechError) -> bool:
        """Return whether another attempt may do better than an attempt that has some audio."""
        if attempt is self._partial or self._accepts_truncation(attempt):
            return False
        can_retry = error.is_retryable and attempt.synthesizer not in self._retried
        return can_retry or self._chain.next_untried(self._tried) is not None

    def _accepts_truncation(self, attempt: SynthesisAttempt) -> bool:
        """Return whether audio that looks truncated is used.

        The audio is used if the voice's audio always looks so, or if this is the second attempt of the voice.
        """
        is_expected = attempt.synthesizer.has_false_truncations or attempt.synthesizer in self._retried
        return is_expected and isinstance(attempt.error, TruncatedAudioError)

    async def _first_to_begin(self) -> SynthesisAttempt:
        """Start the next voice, and another one if the first is late; return the attempt that begins first."""
        while True:
            can_start = len(self._running) < _MAX_PARALLEL_ATTEMPTS
            following = self._chain.next_untried(self._tried) if can_start else None
            if following and self._seconds_until_late() <= 0:
                self._tried.add(following)
                self._running.append(self._chain.start_attempt(following, self._text))
                continue
            if not self._running:
                if self._partial:
                    return self._partial
                raise self._chain.error or TimedOutError
            await self._wait_for_change(self._seconds_until_late() if following else inf)
            for attempt in list(self._running):
                if attempt.error and not self._accepts_truncation(attempt):
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
            self._chain.record_first_audio(attempt.synthesizer, now - attempt.started_at)
            self._chain.record_failure(attempt.synthesizer, TimedOutError())
        self._chain.record_first_audio(winner.synthesizer, winner.first_audio_s or 0)
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
        if attempt.audio and not isinstance(error, ResponseTooLargeError):
            self._partial = attempt
        if attempt.has_received and error.is_retryable and attempt.synthesizer not in self._retried:
            self._retried.add(attempt.synthesizer)
            self._tried.discard(attempt.synthesizer)
            return
        self._chain.record_failure(attempt.synthesizer, error)
        if not error.allows_fallback:
            raise error
