"""The host of linked files."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from decimal import Decimal
import json

import aiohttp
import pytest

from tests.simulator import Fault, Simulator, Timing

from .nanogpt_client import KOKORO, TTS, download, post_speech
from .openai_client import MAX_SECONDS, MIN_SECONDS, measure_duration

HUGE_BYTES = 200 * 1000 * 1000


@pytest.fixture
async def url(client: aiohttp.ClientSession) -> str:
    """Return the URL of a file."""
    link: str = (await post_speech(client, TTS, KOKORO))["audioUrl"]
    return link


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """Open a session without a key."""
    async with aiohttp.ClientSession() as session:
        yield session


async def test_separate_origin(simulator: Simulator, client: aiohttp.ClientSession, url: str) -> None:
    """Files have unique names on a separate origin, which records its own requests."""
    assert url.startswith(simulator.files_url + "/")
    assert simulator.files_url != simulator.url
    assert (await post_speech(client, TTS, KOKORO))["audioUrl"] != url
    audio = await download(url)
    (received,) = simulator.files.requests
    assert (received.method, received.status, received.sent) == ("GET", 200, len(audio))
    assert simulator.api_key not in str(dict(received.headers))
    assert [request.path for request in simulator.requests] == [TTS, TTS]
    async with client.get(url) as response:
        assert response.status == 200
    assert simulator.api_key in simulator.files.requests[-1].headers["Authorization"]
    simulator.reset()
    assert simulator.files.requests == []


async def test_modified_links(simulator: Simulator, session: aiohttp.ClientSession, url: str) -> None:
    """A modified link is refused."""
    for link, status in (
        (url.partition("?")[0], 403),
        (url + "x", 403),
        (url + "&api_key=sk", 403),
        (url.replace(".wav", ".mp3"), 404),
        (simulator.files_url, 404),
    ):
        async with session.get(link) as response:
            assert response.status == status
        assert simulator.files.requests[-1].status == status


@pytest.mark.parametrize("is_announced", [True, False])
async def test_content_length(
    simulator: Simulator, session: aiohttp.ClientSession, url: str, *, is_announced: bool
) -> None:
    """Announcing the length is optional."""
    simulator.files.announces_length = is_announced
    async with session.get(url) as response:
        assert (response.content_length is not None) == is_announced
        assert MIN_SECONDS < measure_duration(await response.read()) < MAX_SECONDS


@pytest.mark.parametrize("content_type", ["audio/mpeg", "text/html", None])
async def test_content_type(
    simulator: Simulator, session: aiohttp.ClientSession, url: str, content_type: str | None
) -> None:
    """A file can be declared as another type, or as none."""
    async with session.get(url) as response:
        assert response.headers["Content-Type"] == "audio/wav"
    simulator.files.content_type = content_type
    async with session.get(url) as response:
        assert response.headers.get("Content-Type") == content_type


async def test_timing(simulator: Simulator, session: aiohttp.ClientSession, url: str) -> None:
    """Downloads have their own timing."""
    simulator.files.timing = Timing(rate=8.0)
    loop = asyncio.get_running_loop()
    started = loop.time()
    async with session.get(url) as response:
        arrivals = [loop.time() - started async for _ in response.content.iter_any()]
    assert arrivals[0] < 0.2
    assert arrivals[-1] > MIN_SECONDS / 8


async def test_faults(simulator: Simulator, session: aiohttp.ClientSession, url: str) -> None:
    """Downloads have their own faults."""
    page = "<!doctype html><title>Sorry</title>"
    simulator.files.fail(
        Fault(truncate_after=1000),
        Fault(status=200, body=page, headers={"Content-Type": "text/html"}),
        Fault(close=True, times=2),
    )
    async with session.get(url) as response:
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()
    async with session.get(url) as response:
        assert (response.content_type, await response.text()) == ("text/html", page)
    with pytest.raises(aiohttp.ServerDisconnectedError):  # aiohttp has tried twice
        await session.get(url)


@pytest.mark.parametrize("target", ["http://10.0.0.1{file}", "https://example.test/other", "http://127.0.0.1:1{file}"])
async def test_redirect(simulator: Simulator, session: aiohttp.ClientSession, url: str, target: str) -> None:
    """Downloads can be redirected to any URL."""
    simulator.files.redirect_to = target
    async with session.get(url, allow_redirects=False) as response:
        assert response.status == 302
        rest = url.removeprefix(simulator.files_url)
        assert response.headers["Location"] == target.replace("{file}", rest)


async def test_several_redirects(simulator: Simulator, url: str) -> None:
    """Downloads can be redirected several times within the host."""
    simulator.files.redirect_count = 3
    assert MIN_SECONDS < measure_duration(await download(url)) < MAX_SECONDS
    assert [request.status for request in simulator.files.requests] == [302, 302, 302, 200]


@pytest.mark.parametrize("is_announced", [True, False])
async def test_huge_file(simulator: Simulator, session: aiohttp.ClientSession, url: str, *, is_announced: bool) -> None:
    """A file can be extended cheaply, and sending stops when the client leaves."""
    simulator.files.grow_to = HUGE_BYTES
    simulator.files.announces_length = is_announced
    async with session.get(url) as response:
        assert response.content_length == (HUGE_BYTES if is_announced else None)
        assert sum([len(data) async for data in response.content.iter_any()]) == HUGE_BYTES
    with suppress(aiohttp.ClientError):
        async with session.get(url) as response:
            await response.content.readexactly(1000)
            response.close()
    received = simulator.files.requests[-1]
    await asyncio.wait_for(received.finished.wait(), 5)
    assert received.is_disconnected
    assert received.sent < HUGE_BYTES / 2


async def test_link_base(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """The origin of links is configurable."""
    simulator.files.link_base = "https://files.example.test"
    url = (await post_speech(client, TTS, KOKORO))["audioUrl"]
    assert url.startswith("https://files.example.test/files/")
    assert await download(url.replace("https://files.example.test", simulator.files_url))


def test_state(simulator: Simulator) -> None:
    """Catalog rows can be serialized, and the balance is a decimal."""
    assert json.loads(json.dumps(simulator.nanogpt.models)) == simulator.nanogpt.models
    assert isinstance(simulator.nanogpt.balance, Decimal)
