"""Scripted faults."""

import asyncio
import base64
import json

import aiohttp
import pytest

from tests.simulator import Fault, Simulator

from .openai_client import SPEECH, measure_arrivals, speech_body, synthesize


async def read_until_error(response: aiohttp.ClientResponse) -> tuple[bytes, Exception | None]:
    """Return the data received until an error or a pause, and the error."""
    received = b""
    try:
        while data := await asyncio.wait_for(response.content.readany(), 0.3):
            received += data
    except (aiohttp.ClientError, TimeoutError) as error:
        return received, error
    return received, None


@pytest.mark.parametrize(
    ("fault", "content_type", "body"),
    [
        (Fault(status=500), "application/octet-stream", b""),
        (Fault(json={"error": "no"}, status=429, headers={"Retry-After": "2"}), "application/json", b'{"error": "no"}'),
        (Fault(json={"audioUrl": "x"}), "application/json", b'{"audioUrl": "x"}'),
        (Fault(body="<html>", headers={"Content-Type": "text/html"}), "text/html", b"<html>"),
        (Fault(body=b"", headers={"Content-Type": "audio/mpeg"}), "audio/mpeg", b""),
        (Fault(status=307, headers={"Location": "http://localhost/"}), "application/octet-stream", b""),
    ],
)
async def test_scripted_response(
    client: aiohttp.ClientSession, simulator: Simulator, fault: Fault, content_type: str, body: bytes
) -> None:
    """A scripted response is sent once, unchanged."""
    simulator.fail(fault)
    async with client.post(SPEECH, json=speech_body(), allow_redirects=False) as response:
        assert response.status == (fault.status or 200)
        assert response.content_type == content_type
        assert fault.headers.items() <= dict(response.headers).items()
        assert await response.read() == body
    assert simulator.requests[-1].status == response.status
    await synthesize(client)


async def test_faults_are_consumed_in_order(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """Each request consumes the first fault that matches it."""
    simulator.fail(
        Fault(path="/v1/models", status=503),
        Fault(path="/v1/audio/*", method="POST", status=500, times=2),
        Fault(path=SPEECH, status=429),
        Fault(times=0, status=418),
    )
    statuses = []
    for _ in range(4):
        async with client.post(SPEECH, json=speech_body()) as response:
            statuses.append(response.status)
    assert statuses == [500, 500, 429, 200]
    async with client.get("/v1/models") as response:
        assert response.status == 503


async def test_reset(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A reset removes pending faults."""
    simulator.fail(Fault(status=500))
    simulator.reset()
    await synthesize(client)


async def test_delay(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A delayed response is otherwise unchanged."""
    await synthesize(client)
    simulator.fail(Fault(delay=0.4))
    assert 0.35 < (await measure_arrivals(client))[0][0] < 0.9


async def test_close(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A connection is closed without a response."""
    simulator.fail(Fault(method="POST", close=True))
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await synthesize(client)
    assert not simulator.requests[-1].is_disconnected


@pytest.mark.parametrize("is_announced", [False, True])
@pytest.mark.parametrize("size", [0, 1, 5000])
async def test_truncated(client: aiohttp.ClientSession, simulator: Simulator, size: int, *, is_announced: bool) -> None:
    """Exactly the given number of bytes arrives, and the client sees an error."""
    audio = await synthesize(client)
    simulator.fail(Fault(truncate_after=size, announces_length=is_announced))
    async with client.post(SPEECH, json=speech_body()) as response:
        assert response.status == 200
        assert response.headers.get("Content-Length") == (str(len(audio)) if is_announced else None)
        received, error = await read_until_error(response)
    assert isinstance(error, aiohttp.ClientPayloadError)
    assert received == audio[:size]
    assert simulator.requests[-1].sent == size
    assert not simulator.requests[-1].is_disconnected


async def test_content_length(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """The announced length is correct if the audio is not truncated."""
    audio = await synthesize(client)
    simulator.fail(Fault(announces_length=True))
    async with client.post(SPEECH, json=speech_body()) as response:
        assert response.content_length == len(audio)
        assert await response.read() == audio


@pytest.mark.parametrize("size", [0, 3000])
async def test_stalled(client: aiohttp.ClientSession, simulator: Simulator, size: int) -> None:
    """After the given number of bytes nothing arrives, and the client can leave."""
    audio = await synthesize(client)
    simulator.fail(Fault(stall_after=size))
    async with client.post(SPEECH, json=speech_body()) as response:
        received, error = await read_until_error(response)
        assert isinstance(error, TimeoutError)
        assert received == audio[:size]
    await asyncio.wait_for(simulator.requests[-1].finished.wait(), 5)
    assert simulator.requests[-1].is_disconnected


async def test_pause_then_truncation(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A pause ends with the rest of the audio, or with a truncation."""
    audio = await synthesize(client)
    simulator.fail(Fault(stall_after=2000, stall=0.3), Fault(stall_after=2000, stall=0.0, truncate_after=3000))
    arrivals = await measure_arrivals(client)
    assert sum(size for _, size in arrivals) == len(audio)
    assert arrivals[-1][0] - arrivals[0][0] > 0.2
    with pytest.raises(aiohttp.ClientPayloadError):
        await synthesize(client)
    assert simulator.requests[-1].sent == 3000


async def test_truncated_events(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """In a stream of events, the position of a fault counts bytes of audio."""
    simulator.fail(Fault(truncate_after=100, announces_length=True))
    async with client.post(SPEECH, json=speech_body(stream_format="sse")) as response:
        event = await response.content.readuntil(b"\n\n")
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()
    assert len(base64.b64decode(json.loads(event.removeprefix(b"data: "))["audio"])) == 100
