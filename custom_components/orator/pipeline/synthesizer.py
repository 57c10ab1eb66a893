"""The interface of all voices in a fallback chain, and a provider's voice with its retries."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from copy import copy
from dataclasses import dataclass, replace
from math import inf
from statistics import quantiles
from typing import Final, Protocol

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    stop_before_delay,
    wait_random_exponential,
)

from ..providers.base import Provider, SpeechAudio, SynthesisRequest
from ..providers.errors import PronunciationsRefusedError, SpeechError, TimedOutError
from ..providers.models import Usage
from ..text import SpeechStyle, StyledText
from .chunker import split_at_sentences
from .pace import VoicePace
from .pronunciations import apply_pronunciations
from .styles import AudioChanges, apply_style

_FIRST_AUDIO_TIMEOUTS_S: Final = {True: 60.0, False: 300.0}
"""Timeouts for the first audio, even if the server sends other data first, by whether the model streams.

The second one is longer than the longest job of a provider, including its download.
"""
_HEDGE_DELAY_RANGES_S: Final = {True: (1.5, 6.0), False: (3.0, 20.0)}
"""Shortest and longest hedge delay, by whether the model streams."""
_HEDGE_FACTOR: Final = 3
_MAX_LATENCY_SAMPLES: Final = 32
_MIN_LATENCY_SAMPLES: Final = 5
_MAX_PACES: Final = 8
_DIVIDED_SHARES: Final = (0.6, 0.35, 0.2)
"""Limits after each refusal of a chunk, as a share of the length that was refused.

The first one divides two sentences of similar length between them. After the last one, the length is not the reason.
"""
_MIN_DIVIDED_CHARS: Final = 60
"""Length below which a text is not refused because of its length."""
_MIN_TRUNCATIONS: Final = 3
"""Consecutive truncated chunks that are no coincidence."""

_BACKOFF: Final = wait_random_exponential(multiplier=0.5, min=0.1, max=4)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Limits on how long and how often a request is retried."""

    give_up_after_s: float
    """Time after which no further attempt starts."""
    max_attempts: int


ANNOUNCEMENT: Final = RetryPolicy(12.0, max_attempts=5)
"""For messages that may be heard a little later."""
INTERACTIVE: Final = RetryPolicy(6.0, max_attempts=4)
"""For replies that the listener waits for."""
WITH_FALLBACK: Final = RetryPolicy(1.0, max_attempts=2)
"""For voices with a fallback."""
PATIENT: Final = RetryPolicy(120.0, max_attempts=5)
"""For audio prepared in advance, which can wait for a provider's `Retry-After`."""


class VoiceStats:
    """Statistics of a voice: times to first audio, its pace, its limit, and whether its audio looked truncated."""

    def __init__(self) -> None:
        """Initialize empty statistics."""
        self._first_audio_s: deque[float] = deque(maxlen=_MAX_LATENCY_SAMPLES)
        self._truncations = 0
        self._paces: dict[str, VoicePace] = {}
        self.max_chars: int | None = None
        """Maximum length of a text, if the provider has refused texts within the model's limit."""

    @property
    def has_spoken(self) -> bool:
        """Whether the voice has spoken since the account was loaded first."""
        return bool(self._first_audio_s)

    @property
    def latency_s(self) -> float | None:
        """Time to the first audio that is seldom exceeded; None if it is unknown."""
        if len(self._first_audio_s) < _MIN_LATENCY_SAMPLES:
            return max(self._first_audio_s, default=None)
        return quantiles(self._first_audio_s, n=10, method="inclusive")[-1]

    @property
    def has_false_truncations(self) -> bool:
        """Whether the audio of the voice is complete but always looks truncated, because of its server."""
        return self._truncations >= _MIN_TRUNCATIONS

    def record_first_audio(self, seconds: float) -> None:
        """Add the time to the first audio."""
        self._first_audio_s.append(seconds)

    def record_ending(self, *, is_truncated: bool) -> None:
        """Add whether the audio of a chunk looked truncated."""
        self._truncations = self._truncations + 1 if is_truncated else 0

    def pace(self, request: SynthesisRequest) -> VoicePace:
        """Return the pace of the voice with the settings of a request; the most recently used ones are kept."""
        key = repr(sorted(request.settings.items()))
        self._paces[key] = pace = self._paces.pop(key, None) or VoicePace(request.speed)
        while len(self._paces) > _MAX_PACES:
            del self._paces[next(iter(self._paces))]
        return pace

    def hedge_delay_s(self, *, streams: bool) -> float:
        """Return the time to wait for the first audio before asking the next voice; without samples, the maximum.

        `streams`: whether the voice's model streams.
        """
        minimum, maximum = _HEDGE_DELAY_RANGES_S[streams]
        if len(self._first_audio_s) < _MIN_LATENCY_SAMPLES:
            return maximum
        slow = quantiles(self._first_audio_s, n=10)[-1]
        return min(maximum, max(minimum, _HEDGE_FACTOR * slow))


class Synthesizer(Protocol):
    """A voice in the fallback chain of one job, with which it speaks in one style."""

    @property
    def name(self) -> str:
        """Name in the report."""

    @property
    def loudness_key(self) -> str:
        """Name under which the loudness of the voice is tracked."""

    @property
    def hedge_delay_s(self) -> float:
        """Seconds to wait for the first audio before the next voice is asked as well."""

    @property
    def has_false_truncations(self) -> bool:
        """Whether the audio of the voice is complete but always looks truncated."""

    @property
    def pace(self) -> VoicePace:
        """Pace of the voice, to which complete audio is added."""

    @property
    def usage(self) -> Usage:
        """Usage of the job so far, in all styles."""

    @property
    def changes(self) -> AudioChanges:
        """Changes of the style that the voice leaves to the pipeline."""

    @property
    def understands_audio_tags(self) -> bool:
        """Whether the voice acts on tags in brackets, such as "[whispers]", rather than speak them."""

    @property
    def origin(self) -> Synthesizer:
        """The voice without a style."""

    def with_style(self, style: SpeechStyle, words: Sequence[StyledText]) -> Synthesizer:
        """Return the voice with a style, for texts with words in styles of their own.

        The voice of the style is ignored unless it is one of the same model.
        """

    def divide(self, text: str) -> list[str]:
        """Return the text in pieces that the voice accepts as far as is known."""

    def reduce_limit(self, text: str, divisions: int) -> bool:
        """Divide into smaller pieces than a text that was refused as too long; return False if that does not help.

        `divisions`: number of times that the limit was reduced for the chunk.
        """

    def synthesize(self, text: str, *, is_reply: bool) -> AbstractAsyncContextManager[SpeechAudio]:
        """Yield the audio of a text; leaving the context cancels the request. Raises SpeechError.

        `is_reply`: the text belongs to a streamed reply, which must not be cached.
        """


class NamedVoice(Synthesizer, Protocol):
    """A voice that a text names."""

    def reduce_style(self, style: SpeechStyle) -> SpeechStyle:
        """Return a style without what makes no difference to the voice."""

    def estimate(self, text: str) -> Usage:
        """Return the usage to expect of a text, without a request."""


class ProviderSynthesizer:
    """The voice of a provider, or another one of the same model if its style names one."""

    def __init__(
        self,
        provider: Provider,
        request: SynthesisRequest,
        retry_policy: RetryPolicy,
        *,
        name: str,
        stats: VoiceStats,
    ) -> None:
        """Initialize the synthesizer; its requests differ only in their text and style."""
        self.name = name
        self.origin = self
        """The voice without a style."""
        self.request = request
        """The request without its text."""
        self.loudness_key = f"{request.model.id} {request.voice}"
        self.hedge_delay_s = inf if retry_policy is PATIENT else stats.hedge_delay_s(streams=request.model.streams)
        self.pace = stats.pace(request)
        self.changes = AudioChanges()
        self.usage = Usage()
        self._provider = provider
        self._retry_policy = retry_policy
        self._stats = stats

    @property
    def has_false_truncations(self) -> bool:
        """Whether the audio of the voice is complete but always looks truncated."""
        return self._stats.has_false_truncations

    @property
    def understands_audio_tags(self) -> bool:
        """Whether the model acts on tags in brackets."""
        return self.request.model.understands_audio_tags

    def divide(self, text: str) -> list[str]:
        """Return the text in pieces within the limit, which end at sentences if possible."""
        model = self.request.model
        limit = min(model.max_chars, self._stats.max_chars or model.max_chars)
        return [text] if model.measure(text) <= limit else split_at_sentences(text, limit, model.measure)

    def reduce_limit(self, text: str, divisions: int) -> bool:
        """Reduce the limit after a text was refused as too long; return False if the length was not the reason."""
        length, limit = self.request.model.measure(text), self._stats.max_chars
        if length < _MIN_DIVIDED_CHARS or divisions >= len(_DIVIDED_SHARES):
            self._stats.max_chars = None
            return False
        self._stats.max_chars = limit if limit and limit < length else int(length * _DIVIDED_SHARES[divisions])
        return True

    def with_style(self, style: SpeechStyle, words: Sequence[StyledText]) -> ProviderSynthesizer:
        """Return the voice, or another one of the same model, with a style."""
        plain = self.origin.request
        styled = copy(self)
        styled.request, styled.changes = apply_style(plain, style, words)
        styled.loudness_key = f"{plain.model.id} {styled.request.voice}"
        is_own_voice = styled.request.voice == plain.voice
        styled.pace = self._stats.pace(styled.request) if is_own_voice else VoicePace(styled.request.speed)
        return styled

    @asynccontextmanager
    async def synthesize(self, text: str, *, is_reply: bool) -> AsyncGenerator[SpeechAudio]:  # noqa: ARG002
        """Yield the audio of a text, retrying temporary errors. Raises SpeechError.

        If the provider refuses a style as invalid, the voice speaks without it.
        """
        request = self._for_text(self.request, text)
        async with AsyncExitStack() as stack:
            try:
                audio = await stack.enter_async_context(self._synthesize(request))
            except SpeechError as err:
                plain = self._for_text(self.origin.request, text)
                if not err.is_request_invalid or request == plain:
                    raise
                audio = await stack.enter_async_context(self._synthesize(plain))
            yield audio

    def _for_text(self, request: SynthesisRequest, text: str) -> SynthesisRequest:
        return replace(request, text=text, record_usage=self.origin._record_usage)  # noqa: SLF001 - of the same class

    def _synthesize(self, request: SynthesisRequest) -> AbstractAsyncContextManager[SpeechAudio]:
        return synthesize_with_retries(self._provider, request, self._retry_policy)

    def _record_usage(self, usage: Usage) -> None:
        self.usage += usage
        self.request.record_usage(usage)


@asynccontextmanager
async def synthesize_with_retries(
    provider: Provider, request: SynthesisRequest, policy: RetryPolicy = ANNOUNCEMENT
) -> AsyncGenerator[SpeechAudio]:
    """Yield the audio of a request; leaving the context cancels it. Raises SpeechError.

    Retryable errors are retried until the first audio has arrived.
    """
    async with AsyncExitStack() as stack:
        async for attempt in AsyncRetrying(
            retry=retry_if_exception(_is_retryable),
            wait=_retry_delay,
            stop=stop_before_delay(policy.give_up_after_s) | stop_after_attempt(policy.max_attempts),
            reraise=True,
        ):
            with attempt:
                audio = await _start_within_timeout(provider, request, stack)
        yield audio


async def _start_within_timeout(provider: Provider, request: SynthesisRequest, stack: AsyncExitStack) -> SpeechAudio:
    """Start a request with a time limit."""
    try:
        async with asyncio.timeout(_FIRST_AUDIO_TIMEOUTS_S[request.model.streams]):
            return await _start_request(provider, request, stack)
    except TimeoutError as err:
        raise TimedOutError from err


async def _start_request(provider: Provider, request: SynthesisRequest, stack: AsyncExitStack) -> SpeechAudio:
    """Start a request. If the provider refuses pronunciations, the words are replaced in the text instead."""
    try:
        return await stack.enter_async_context(provider.synthesize(request))
    except PronunciationsRefusedError:
        text = apply_pronunciations(request.text, request.pronunciations)
        return await stack.enter_async_context(provider.synthesize(replace(request, text=text, pronunciations=())))


def _is_retryable(error: BaseException) -> bool:
    return isinstance(error, SpeechError) and error.is_retryable


def _retry_delay(state: RetryCallState) -> float:
    """Return an exponential backoff with jitter, or the provider's `Retry-After` if it is longer."""
    error = state.outcome.exception() if state.outcome else None
    retry_after = error.retry_after if isinstance(error, SpeechError) else None
    return max(retry_after or 0, _BACKOFF(state))
