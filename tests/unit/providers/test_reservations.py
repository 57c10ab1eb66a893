"""Reservations: nothing that is paid for is requested before its usage is reserved, and all of them are released."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from custom_components.orator.providers import errors
from custom_components.orator.providers.base import Provider, SynthesisRequest
from custom_components.orator.providers.http import HttpSessions
from custom_components.orator.providers.models import Reservation, Usage
from custom_components.orator.providers.openai import OpenAIProvider
from tests.simulator import Fault, ScriptedResponse, Simulator, Timing
from tests.support.streams import wait_until

from . import nanogpt, realtime, speechbase
from .speechbase import CARTESIA

type Setup = Callable[[Simulator, HttpSessions], tuple[Provider, SynthesisRequest]]
"""Function that returns a provider and a request."""


class Limit:
    """A limit of a number of characters, with a log of what was reserved and charged."""

    def __init__(self, characters: int = 100_000) -> None:
        """Initialize the limit."""
        self.left = characters
        self.reserved: dict[int, int] = {}
        self.log: list[str] = []

    def reserve(self, estimate: Usage) -> Reservation:
        """Reserve usage."""
        reservation = _Reservation(self)
        reservation.renew(estimate)
        return reservation

    def record(self, usage: Usage) -> None:
        """Record a charge."""
        self.log.append("charge")
        self.left -= usage.characters

    def apply(self, request: SynthesisRequest) -> SynthesisRequest:
        """Return a request to which the limit applies."""
        return replace(request, reserve=self.reserve, record_usage=self.record)


class _Reservation:
    def __init__(self, limit: Limit) -> None:
        self._limit = limit

    def renew(self, estimate: Usage) -> None:
        self.release()
        if estimate.characters > self._limit.left - sum(self._limit.reserved.values()):
            raise errors.LimitReachedError
        self._limit.log.append("reserve")
        self._limit.reserved[id(self)] = estimate.characters

    def release(self) -> None:
        self._limit.reserved.pop(id(self), None)


def _openai(simulator: Simulator, sessions: HttpSessions) -> tuple[Provider, SynthesisRequest]:
    provider = OpenAIProvider(sessions, {"base_url": simulator.openai_url}, simulator.api_key or "")
    return provider, replace(
        realtime.request_for(provider, voice="coral"), model=provider.describe_model("tts-1", None, {})
    )


def _realtime(simulator: Simulator, sessions: HttpSessions) -> tuple[Provider, SynthesisRequest]:
    provider = OpenAIProvider(sessions, {"base_url": simulator.openai_url}, simulator.api_key or "")
    return provider, realtime.request_for(provider)


def _speechbase(simulator: Simulator, sessions: HttpSessions) -> tuple[Provider, SynthesisRequest]:
    provider = speechbase.create_provider(simulator, sessions)
    return provider, speechbase.inline_request(provider)


def _nanogpt(model: str) -> Setup:
    def create(simulator: Simulator, sessions: HttpSessions) -> tuple[Provider, SynthesisRequest]:
        provider = nanogpt.create_provider(simulator, sessions)
        return provider, nanogpt.create_request(provider, model)

    return create


SETUPS = {
    "OpenAI": _openai,
    "realtime": _realtime,
    "Speechbase": _speechbase,
    "NanoGPT audio": _nanogpt("tts-1"),
    "NanoGPT link": _nanogpt("Kokoro-82m"),
    "NanoGPT job": _nanogpt("Elevenlabs-V3"),
}


@pytest.fixture(params=SETUPS.values(), ids=SETUPS.keys())
def setup(request: pytest.FixtureRequest) -> Setup:
    """Return the function of each API."""
    return request.param  # type: ignore[no-any-return]


async def speak(provider: Provider, request: SynthesisRequest) -> None:
    """Hear all audio of a request."""
    async with provider.synthesize(request) as audio:
        async for _ in audio.data:
            pass


def speech_requests(simulator: Simulator) -> int:
    """Return the number of requests that can be charged."""
    responses = len(simulator.openai.realtime.responses)
    return responses + sum(request.method == "POST" for request in simulator.requests)


async def test_speech(simulator: Simulator, sessions: HttpSessions, setup: Setup) -> None:
    """Usage is reserved until it is charged, once for each request."""
    provider, request = setup(simulator, sessions)
    limit = Limit()
    await speak(provider, limit.apply(request))
    await speak(provider, limit.apply(replace(request, text=f"{request.text} Again.")))
    assert limit.log == ["reserve", "charge"] * 2
    assert not limit.reserved
    await provider.close()


async def test_limit_is_reached(simulator: Simulator, sessions: HttpSessions, setup: Setup) -> None:
    """What does not fit is not sent."""
    provider, request = setup(simulator, sessions)
    limit = Limit(len(request.text) - 1)
    with pytest.raises(errors.LimitReachedError):
        await speak(provider, limit.apply(request))
    assert speech_requests(simulator) == 0
    assert (limit.log, limit.reserved) == ([], {})
    await provider.close()


async def test_failure_and_cancellation(simulator: Simulator, sessions: HttpSessions, setup: Setup) -> None:
    """Reservations of requests that fail or are canceled are released."""
    provider, request = setup(simulator, sessions)
    limit = Limit()
    simulator.fail(Fault(method="POST", status=400, json={"error": {"message": "No"}}, times=2))
    with suppress(errors.SpeechError):
        await speak(provider, limit.apply(request))
    simulator.reset()
    assert not limit.reserved
    simulator.fail(Fault(delay=0.2))
    simulator.timing = Timing(first_byte=0.5)  # also on a connection that is open
    speech = asyncio.create_task(speak(provider, limit.apply(replace(request, text=f"{request.text} Again."))))
    await wait_until(lambda: limit.reserved)
    speech.cancel()
    await asyncio.wait([speech])
    await provider.finish_jobs()
    assert not limit.reserved
    await provider.close()


async def test_text_that_is_bought_twice(simulator: Simulator, sessions: HttpSessions) -> None:
    """A text that has to be requested again is reserved again, and not sent if that does not fit."""
    simulator.speechbase.native_formats["cartesia"] = "pcm"
    simulator.speechbase.raw_type = "audio/pcm"
    provider = speechbase.create_provider(simulator, sessions)
    request = speechbase.inline_request(provider, CARTESIA, "some-voice")
    limit = Limit(len(request.text))
    with pytest.raises(errors.LimitReachedError):
        await speak(provider, limit.apply(request))
    assert limit.log == ["reserve", "charge"]
    assert speech_requests(simulator) == 1
    provider.detected.clear()
    limit = Limit(2 * len(request.text))
    provider.detected["has_stream"] = True
    await speak(provider, limit.apply(request))
    assert limit.log == ["reserve", "charge"] * 2
    await provider.close()


async def test_realtime_continuation(simulator: Simulator, sessions: HttpSessions) -> None:
    """The rest of a text that a realtime model has left out is reserved before it is requested."""
    provider, request = _realtime(simulator, sessions)
    simulator.openai.realtime.script_responses(ScriptedResponse(words=6))
    limit = Limit()
    await speak(provider, limit.apply(request))
    assert limit.log == ["reserve", "charge"] * 2
    assert not limit.reserved
    await provider.close()
