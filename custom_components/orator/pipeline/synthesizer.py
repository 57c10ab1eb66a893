"""Getting sound for one request: once more when it fails in a way that passes."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final

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
from ..text import Replacement, Replacer


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long, in seconds, and how often to try."""

    patience: float
    """After which another attempt does not begin any more."""
    attempts: int


ANNOUNCEMENT: Final = RetryPolicy(12.0, attempts=5)
"""Where somebody has asked to be told something, some time."""
INTERACTIVE: Final = RetryPolicy(6.0, attempts=4)
"""Where somebody waits for an answer, and would rather hear of the failure than wait for longer."""
WITH_FALLBACK: Final = RetryPolicy(1.0, attempts=2)
"""Where somebody else can speak."""

_FIRST_SOUND: Final = 60.0
"""Seconds after which a model that streams has no sound to come, whatever else its server sends."""

_backoff = wait_random_exponential(multiplier=0.5, min=0.1, max=4)


@asynccontextmanager
async def synthesize_with_retries(
    provider: Provider, request: SynthesisRequest, persistence: RetryPolicy = ANNOUNCEMENT
) -> AsyncGenerator[SpeechAudio]:
    """Give the sound of a request while the context lasts; leaving it ends what is still under way.

    Failures that can pass by themselves are tried again, until the first sound has come. Raises SpeechError.
    """
    async with AsyncExitStack() as stack:
        async for attempt in AsyncRetrying(
            retry=retry_if_exception(_is_transient),
            wait=_wait,
            stop=stop_before_delay(persistence.patience) | stop_after_attempt(persistence.attempts),
            reraise=True,
        ):
            with attempt:
                audio = await _in_time(provider, request, stack)
        yield audio


async def _in_time(provider: Provider, request: SynthesisRequest, stack: AsyncExitStack) -> SpeechAudio:
    """Begin to speak in reasonable time. A job that has been bought has limits of its own."""
    try:
        async with asyncio.timeout(_FIRST_SOUND if request.model.streams else None):
            return await _begun(provider, request, stack)
    except TimeoutError as err:
        raise TimedOutError from err


async def _begun(provider: Provider, request: SynthesisRequest, stack: AsyncExitStack) -> SpeechAudio:
    """Begin to speak. Where the provider turns out not to say words otherwise itself, they are written otherwise."""
    try:
        return await stack.enter_async_context(provider.synthesize(request))
    except PronunciationsRefusedError:
        replacer = Replacer([Replacement(one.word, one.say) for one in request.pronunciations])
        text = replacer.feed(request.text, is_final=True)
        written = replace(request, text=text, pronunciations=())
        return await stack.enter_async_context(provider.synthesize(written))


def _is_transient(error: BaseException) -> bool:
    return isinstance(error, SpeechError) and error.is_retryable


def _wait(state: RetryCallState) -> float:
    """Wait ever longer with some jitter, and at least as long as the provider wishes."""
    error = state.outcome.exception() if state.outcome else None
    wished = error.retry_after if isinstance(error, SpeechError) else None
    return max(wished or 0, _backoff(state))
