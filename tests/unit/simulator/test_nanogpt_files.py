"""The host of the files that answers link to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from decimal import Decimal
import json

import aiohttp
import pytest

from tests.simulator import Fault, Simulator, Timing

from .nanogpt_client import KOKORO, TTS, answered, download
from .openai_client import LONGEST, SHORTEST, seconds

HUGE = 200 * 1000 * 1000


@pytest.fixture
async def url(client: aiohttp.ClientSession) -> str:
    """Return a link to a file."""
    link: str = (await answered(client, TTS, KOKORO))["audioUrl"]
    return link


@pytest.fixture
async def stranger() -> AsyncIterator[aiohttp.ClientSession]:
    """Open a session without a key."""
    async with aiohttp.ClientSession() as session:
        yield session


async def test_another_origin(simulator: Simulator, client: aiohttp.ClientSession, url: str) -> None:
    """Files are elsewhere, under names that differ, and downloads are remembered apart, with all headers."""
    assert url.startswith(simulator.files_url + "/")
    assert simulator.files_url != simulator.url
    assert (await answered(client, TTS, KOKORO))["audioUrl"] != url
    audio = await download(simulator, url)
    (received,) = simulator.files.requests
    assert (received.method, received.status, received.sent) == ("GET", 200, len(audio))
    assert simulator.api_key not in str(dict(received.headers))
    assert [request.path for request in simulator.requests] == [TTS, TTS]
    async with client.get(url) as response:
        assert response.status == 200
    assert simulator.api_key in simulator.files.requests[-1].headers["Authorization"]
    simulator.reset()
    assert simulator.files.requests == []


async def test_links_must_be_complete(simulator: Simulator, stranger: aiohttp.ClientSession, url: str) -> None:
    """A link works as it is, and with nothing changed."""
    for wrong, status in (
        (url.partition("?")[0], 403),
        (url + "x", 403),
        (url + "&api_key=sk", 403),
        (url.replace(".wav", ".mp3"), 404),
        (simulator.files_url, 404),
    ):
        async with stranger.get(wrong) as response:
            assert response.status == status
        assert simulator.files.requests[-1].status == status


@pytest.mark.parametrize("told", [True, False])
async def test_length(simulator: Simulator, stranger: aiohttp.ClientSession, url: str, told: bool) -> None:  # noqa: FBT001
    """A file's length may be told or not."""
    simulator.files.content_length = told
    async with stranger.get(url) as response:
        assert (response.content_length is not None) == told
        assert SHORTEST < seconds(await response.read()) < LONGEST


@pytest.mark.parametrize("content_type", ["audio/mpeg", "text/html", None])
async def test_type(simulator: Simulator, stranger: aiohttp.ClientSession, url: str, content_type: str | None) -> None:
    """A file may be declared as something else, or as nothing."""
    async with stranger.get(url) as response:
        assert response.headers["Content-Type"] == "audio/wav"
    simulator.files.content_type = content_type
    async with stranger.get(url) as response:
        assert response.headers.get("Content-Type") == content_type


async def test_rate(simulator: Simulator, stranger: aiohttp.ClientSession, url: str) -> None:
    """Downloads have a pace of their own."""
    simulator.files.timing = Timing(rate=8.0)
    loop = asyncio.get_running_loop()
    started = loop.time()
    async with stranger.get(url) as response:
        arrivals = [loop.time() - started async for _ in response.content.iter_any()]
    assert arrivals[0] < 0.2
    assert arrivals[-1] > SHORTEST / 8


async def test_faults(simulator: Simulator, stranger: aiohttp.ClientSession, url: str) -> None:
    """Downloads fail by their own script."""
    page = "<!doctype html><title>Sorry</title>"
    simulator.files.fail(
        Fault(truncate_after=1000),
        Fault(status=200, body=page, headers={"Content-Type": "text/html"}),
        Fault(close=True, times=2),
    )
    async with stranger.get(url) as response:
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()
    async with stranger.get(url) as response:
        assert (response.content_type, await response.text()) == ("text/html", page)
    with pytest.raises(aiohttp.ServerDisconnectedError):  # aiohttp has tried twice
        await stranger.get(url)


@pytest.mark.parametrize("target", ["http://10.0.0.1{file}", "https://example.test/other", "http://127.0.0.1:1{file}"])
async def test_redirect_elsewhere(simulator: Simulator, stranger: aiohttp.ClientSession, url: str, target: str) -> None:
    """Downloads can be sent anywhere."""
    simulator.files.redirect_to = target
    async with stranger.get(url, allow_redirects=False) as response:
        assert response.status == 302
        rest = url.removeprefix(simulator.files_url)
        assert response.headers["Location"] == target.replace("{file}", rest)


async def test_redirects_within(simulator: Simulator, url: str) -> None:
    """Or round and round before the file comes."""
    simulator.files.hops = 3
    assert SHORTEST < seconds(await download(simulator, url)) < LONGEST
    assert [request.status for request in simulator.files.requests] == [302, 302, 302, 200]


@pytest.mark.parametrize("told", [True, False])
async def test_huge_file(simulator: Simulator, stranger: aiohttp.ClientSession, url: str, told: bool) -> None:  # noqa: FBT001
    """A file can be made too large, which costs little, and nothing more once the client has had enough."""
    simulator.files.grow_to = HUGE
    simulator.files.content_length = told
    async with stranger.get(url) as response:
        assert response.content_length == (HUGE if told else None)
        assert sum([len(data) async for data in response.content.iter_any()]) == HUGE
    with suppress(aiohttp.ClientError):
        async with stranger.get(url) as response:
            await response.content.readexactly(1000)
            response.close()
    received = simulator.files.requests[-1]
    await asyncio.wait_for(received.finished.wait(), 5)
    assert received.disconnected
    assert received.sent < HUGE / 2


async def test_other_links(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """Links can begin with a name that a test leads here."""
    simulator.files.link_base = "https://files.example.test"
    url = (await answered(client, TTS, KOKORO))["audioUrl"]
    assert url.startswith("https://files.example.test/files/")
    assert await download(simulator, url.replace("https://files.example.test", simulator.files_url))


def test_rows_are_json(simulator: Simulator) -> None:
    """The state is plain: rows can be written down, and money does not round."""
    assert json.loads(json.dumps(simulator.nanogpt.models)) == simulator.nanogpt.models
    assert isinstance(simulator.nanogpt.balance, Decimal)
