"""The timing of audio, and the recorded requests."""

import asyncio
from contextlib import suppress
import itertools

import aiohttp
import pytest

from tests.simulator import Simulator, Timing
from tests.simulator.audio.encoding import SAMPLE_RATE

from .openai_client import SPEECH, measure_arrivals, measure_pcm_duration, speech_body, synthesize

# Timing


async def test_first_byte_includes_synthesis(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """The time to the first byte includes the synthesis."""
    simulator.timing = Timing(first_byte=0.5)
    arrivals = await measure_arrivals(client, input="These words have not been said before.")
    assert 0.45 < arrivals[0][0] < 0.8


async def test_rate(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """Audio is sent evenly at the configured rate."""
    length = measure_pcm_duration(await synthesize(client, response_format="pcm"))
    simulator.timing = Timing(rate=4.0)
    arrivals = await measure_arrivals(client, response_format="pcm")
    assert sum(size for _, size in arrivals) == length * SAMPLE_RATE * 2
    assert length / 4 * 0.8 < arrivals[-1][0] < length / 4 + 0.5
    assert len(arrivals) > 10
    half = itertools.accumulate(arrivals, lambda sum_, arrival: (arrival[0], sum_[1] + arrival[1]))
    halfway = next(when for when, size in half if size > length * SAMPLE_RATE)
    assert length / 8 * 0.7 < halfway < length / 8 + 0.4


async def test_no_rate(client: aiohttp.ClientSession) -> None:
    """Without a rate, all audio is sent at once."""
    await synthesize(client)
    assert (await measure_arrivals(client))[-1][0] < 0.5


@pytest.mark.parametrize("values", [{"first_byte": -1}, {"rate": 0.0}])
def test_invalid_timing(values: dict[str, float]) -> None:
    """Invalid timings raise ValueError."""
    with pytest.raises(ValueError, match="must"):
        Timing(**values)


# Recorded requests


async def test_recorded_requests(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """Requests are recorded with their responses' status and size."""
    audio = await synthesize(client)
    async with client.get("/v1/models", headers={"X-Test": "yes"}) as response:
        body = await response.read()
    first, second = simulator.requests
    assert (first.method, first.path, first.body) == ("POST", SPEECH, speech_body())
    assert (first.status, first.sent, first.is_disconnected) == (200, len(audio), False)
    assert (second.method, second.path, second.body) == ("GET", "/v1/models", None)
    assert (second.status, second.sent, second.headers["x-test"]) == (200, len(body), "yes")
    assert first.finished.is_set()
    simulator.reset()
    assert simulator.requests == []


@pytest.mark.parametrize("timing", [Timing(rate=0.5), Timing(first_byte=60)])
async def test_client_leaves(client: aiohttp.ClientSession, simulator: Simulator, timing: Timing) -> None:
    """A client that leaves before or during the audio is noticed immediately."""
    audio = await synthesize(client)
    simulator.timing = timing
    with suppress(TimeoutError):
        async with asyncio.timeout(0.3), client.post(SPEECH, json=speech_body()) as response:
            await response.content.readany()
            response.close()
    received = simulator.requests[-1]
    await asyncio.wait_for(received.finished.wait(), 5)
    assert received.is_disconnected
    assert received.sent < len(audio)
