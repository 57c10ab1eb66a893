"""Doors: ports for one client alone, where things go wrong that befall nobody else."""

import aiohttp
import pytest

from tests.simulator import Answer, Fault, Simulator

from .openai_client import SPEECH, request_body, speech


async def test_faults_at_a_door_befall_nobody_else(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A door has faults and requests of its own; those of a text wait for it."""
    door = await simulator.open_door()
    door.faults.add(Fault(of="fox", status=503))
    await speech(client)
    async with client.post(door.origin + SPEECH, json=request_body(input="A hen.")) as response:
        assert response.status == 200
    async with client.post(door.origin + SPEECH, json=request_body()) as response:
        assert response.status == 503
    assert [request.status for request in door.requests] == [200, 503]
    assert len(simulator.requests) == 3


async def test_door_that_is_shut(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """Nobody answers behind a door that was shut; all others stay open."""
    door = await simulator.open_door()
    async with client.get(f"{door.origin}/v1/models") as response:
        assert response.status == 200
    await simulator.shut_door(door)
    with pytest.raises(aiohttp.ClientConnectionError):
        await client.get(f"{door.origin}/v1/models")
    await speech(client)


async def test_files_belong_to_the_door_of_their_order(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """What befalls a file is said at the door through which it was ordered, by its text."""
    simulator.nanogpt.answers["tts-1"] = Answer(kind="link")
    door = await simulator.open_door()
    links = []
    for text in ("A fox.", "A hen."):
        body = {"model": "tts-1", "text": text, "voice": "alloy"}
        async with client.post(f"{door.origin}/api/tts", json=body) as response:
            links.append((await response.json())["audioUrl"])
    door.faults.add(Fault(path="/files/*", of="fox", status=404, times=9))
    statuses = []
    for link in links:
        async with client.get(link) as response:
            statuses.append(response.status)
    assert statuses == [404, 200]


async def test_answers_that_no_server_should_give(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """Bytes that are no HTTP, a reset, a body without an end, and an end that comes too early."""
    whole = await speech(client)
    simulator.fail(Fault(raw=b"no http\r\n\r\n"), Fault(close=True, reset=True))
    for _ in range(2):
        with pytest.raises(aiohttp.ClientError):
            await speech(client)
    simulator.fail(Fault(ends_after=1000), Fault(endless=b"again"), Fault(body=b"first", endless=b"again"))
    assert await speech(client) == whole[:1000]
    for begins in (whole, b"first"):
        async with client.post(SPEECH, json=request_body()) as response:
            assert await response.content.readexactly(len(begins) + 10_000) == begins + b"again" * 2000
