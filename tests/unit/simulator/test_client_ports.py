"""Ports for a single client, with their own requests and faults, and malformed responses."""

import asyncio

import aiohttp
import pytest
from yarl import URL

from tests.simulator import Fault, ModelResponse, Simulator

from .openai_client import SPEECH, speech_body, synthesize


async def test_faults_of_client_port(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A client port's faults apply only to its own requests, and wait for a matching text."""
    client_port = await simulator.open_client_port()
    client_port.faults.add(Fault(contains="fox", status=503))
    await synthesize(client)
    async with client.post(client_port.origin + SPEECH, json=speech_body(input="A hen.")) as response:
        assert response.status == 200
    async with client.post(client_port.origin + SPEECH, json=speech_body()) as response:
        assert response.status == 503
    assert [request.status for request in client_port.requests] == [200, 503]
    assert len(simulator.requests) == 3


async def test_closed_client_port(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A closed client port refuses connections; other ports stay open."""
    client_port = await simulator.open_client_port()
    async with client.get(f"{client_port.origin}/v1/models") as response:
        assert response.status == 200
    await simulator.close_client_port(client_port)
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.get(f"{client_port.origin}/v1/models")
    await synthesize(client)
    with pytest.raises(OSError, match="in use"):  # the number of the port is not given to another server
        await asyncio.start_server(lambda *_: None, "127.0.0.1", URL(client_port.origin).port)


async def test_faults_of_files(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A client port's faults apply to the files requested through it, by their text."""
    simulator.nanogpt.responses["tts-1"] = ModelResponse(kind="link")
    client_port = await simulator.open_client_port()
    links = []
    for text in ("A fox.", "A hen."):
        body = {"model": "tts-1", "text": text, "voice": "alloy"}
        async with client.post(f"{client_port.origin}/api/tts", json=body) as response:
            links.append((await response.json())["audioUrl"])
    client_port.faults.add(Fault(path="/files/*", contains="fox", status=404, times=9))
    statuses = []
    for link in links:
        async with client.get(link) as response:
            statuses.append(response.status)
    assert statuses == [404, 200]


async def test_malformed_responses(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A fault can send invalid HTTP, a reset, an endless body, or an early end."""
    whole = await synthesize(client)
    simulator.fail(Fault(raw=b"no http\r\n\r\n"), Fault(close=True, reset=True))
    for _ in range(2):
        with pytest.raises(aiohttp.ClientError):
            await synthesize(client)
    simulator.fail(Fault(ends_after=1000), Fault(endless=b"again"), Fault(body=b"first", endless=b"again"))
    assert await synthesize(client) == whole[:1000]
    for start in (whole, b"first"):
        async with client.post(SPEECH, json=speech_body()) as response:
            assert await response.content.readexactly(len(start) + 10_000) == start + b"again" * 2000
