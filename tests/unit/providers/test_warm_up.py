"""Connections that are opened before there is a request."""

import asyncio
from collections.abc import AsyncGenerator
import logging
from typing import Any

from aiohttp import ClientSession, TCPConnector
import pytest

from custom_components.orator.audio.formats import AudioFormat
from custom_components.orator.providers import http
from custom_components.orator.providers.addresses import local_socket
from custom_components.orator.providers.base import Provider, SynthesisRequest
from custom_components.orator.providers.http import HttpSessions
from custom_components.orator.providers.nanogpt import NanoGPTProvider
from custom_components.orator.providers.openai import OpenAIProvider, realtime_session
from custom_components.orator.providers.speechbase import SpeechbaseProvider
from tests.simulator import Fault, Simulator
from tests.support.relay import Behavior, Relay
from tests.support.streams import SENTENCE, wait_until

from .realtime import MODEL, assert_text, request_for, synthesize


@pytest.fixture
async def relay(simulator: Simulator) -> AsyncGenerator[Relay]:
    """Run a relay in front of the simulated providers."""
    async with Relay(simulator.url) as relay:
        yield relay


@pytest.fixture
def provider(simulator: Simulator, relay: Relay, sessions: HttpSessions) -> OpenAIProvider:
    """Return an OpenAI provider behind the relay."""
    return OpenAIProvider(sessions, {"base_url": f"{relay.url}/v1"}, simulator.api_key or "")


@pytest.fixture
async def realtime(simulator: Simulator, relay: Relay, provider: OpenAIProvider) -> AsyncGenerator[OpenAIProvider]:
    """Return the provider for realtime models."""
    simulator.audio_mode = "tones"
    yield provider
    await provider.close()


async def warm_up(provider: Provider, voice: str = "coral", model: str = "tts-1", **settings: Any) -> None:
    """Open the connection of a voice."""
    await provider.warm_up(provider.describe_model(model, None, settings), voice, settings)


async def speak(provider: Provider) -> bytes:
    """Return the audio of a request."""
    model = provider.describe_model("tts-1", None, {})
    async with provider.synthesize(SynthesisRequest(SENTENCE, model, "coral", AudioFormat.MP3)) as audio:
        return b"".join([block async for block in audio.data])


async def test_request_uses_open_connection(simulator: Simulator, relay: Relay, provider: OpenAIProvider) -> None:
    """A connection is opened without a byte sent over it, and the next request uses it."""
    await warm_up(provider)
    await wait_until(lambda: relay.connections)
    assert not relay.connections[0].received
    assert await speak(provider)
    assert len(relay.connections) == 1
    assert [request.method for request in simulator.requests] == ["POST"]


async def test_idle_connection(monkeypatch: pytest.MonkeyPatch, relay: Relay, provider: OpenAIProvider) -> None:
    """No connection is opened while one is idle."""
    monkeypatch.setattr(http, "MIN_WARM_UP_INTERVAL_S", 0)
    assert await speak(provider)
    for _ in range(3):
        await warm_up(provider)
    assert await speak(provider)
    assert len(relay.connections) == 1


async def test_closed_connection(relay: Relay, provider: OpenAIProvider) -> None:
    """A connection that the service has closed is replaced, also if it was idle a moment ago."""
    assert await speak(provider)
    await warm_up(provider)
    await relay.close_connections()
    await warm_up(provider)
    await wait_until(lambda: relay.connections)
    assert await speak(provider)
    assert len(relay.connections) == 1


async def test_interval(relay: Relay, provider: OpenAIProvider) -> None:
    """A server that closes new connections is not asked for another one at once."""
    relay.behavior = Behavior.CLOSE
    for _ in range(3):
        await warm_up(provider)
    await wait_until(lambda: relay.connections)
    assert len(relay.connections) == 1


@pytest.mark.parametrize("behavior", [Behavior.CLOSE, Behavior.RESET, Behavior.EXPECT_REQUEST])
@pytest.mark.usefixtures("ignore_broken_connections")
async def test_refused_connection(
    relay: Relay, provider: OpenAIProvider, behavior: Behavior, caplog: pytest.LogCaptureFixture
) -> None:
    """A service that refuses a connection, or closes one without a request, changes nothing."""
    relay.behavior = behavior
    await warm_up(provider)
    await wait_until(lambda: relay.connections and not relay.open_connections)
    await asyncio.sleep(0.05)  # until the client has noticed
    if behavior is not Behavior.EXPECT_REQUEST:
        relay.behavior = Behavior.FORWARD
    assert await speak(provider)
    assert len(relay.connections) == 2
    assert not [record for record in caplog.records if record.levelno > logging.DEBUG]


async def test_no_server(sessions: HttpSessions, simulator: Simulator) -> None:
    """A server that does not listen is no error."""
    async with Relay(simulator.url) as relay:
        url = relay.url
    await warm_up(OpenAIProvider(sessions, {"base_url": f"{url}/v1"}, "sk-any"))


async def test_changed_aiohttp(
    monkeypatch: pytest.MonkeyPatch, relay: Relay, provider: OpenAIProvider, caplog: pytest.LogCaptureFixture
) -> None:
    """Without the connector's method, requests open their connections themselves."""
    with monkeypatch.context() as patch:
        patch.delattr("aiohttp.connector.BaseConnector.connect")
        await warm_up(provider)
    assert not relay.connections
    assert await speak(provider)
    assert not [record for record in caplog.records if record.levelno > logging.DEBUG]


async def test_closed_provider(relay: Relay, provider: OpenAIProvider) -> None:
    """A closed account opens nothing."""
    await provider.close()
    await warm_up(provider)
    await warm_up(provider, model=MODEL)
    assert not relay.connections


async def test_unused_connection_is_closed(simulator: Simulator, relay: Relay) -> None:
    """A connection that no request uses is closed like every idle one."""
    async with (
        ClientSession() as other,
        ClientSession(connector=TCPConnector(keepalive_timeout=0.1, socket_factory=local_socket)) as unencrypted,
    ):
        sessions = HttpSessions(other, other, unencrypted)
        await warm_up(OpenAIProvider(sessions, {"base_url": f"{relay.url}/v1"}, simulator.api_key or ""))
        await wait_until(lambda: relay.connections)
        await wait_until(lambda: not relay.open_connections)


@pytest.mark.parametrize("key", ["sk-any", ""])
async def test_session_of_requests(relay: Relay, sessions: HttpSessions, key: str) -> None:
    """A connection belongs to the session that may carry the key."""
    await warm_up(OpenAIProvider(sessions, {"base_url": f"{relay.url}/v1"}, key))
    used = sessions.unencrypted if key else sessions.api
    for session in (sessions.api, sessions.unencrypted, sessions.downloads):
        assert bool(session.connector and session.connector._conns) is (session is used)


async def test_public_address_without_encryption(sessions: HttpSessions) -> None:
    """A connection over which the key must not be sent is not opened."""
    await warm_up(OpenAIProvider(sessions, {"base_url": "http://8.8.8.8/v1"}, "sk-any"))
    assert not sessions.unencrypted.connector._conns  # type: ignore[union-attr]


@pytest.mark.parametrize("endpoint", ["audio_speech", "speech", "tts"])
async def test_nanogpt_address(simulator: Simulator, relay: Relay, sessions: HttpSessions, endpoint: str) -> None:
    """NanoGPT's connection is one to the address of the voice's endpoint."""
    addresses = {"base_url": simulator.nanogpt_url, "speech_base_url": relay.url}
    await warm_up(NanoGPTProvider(sessions, addresses, "sk-any"), endpoint=endpoint)
    assert sessions.unencrypted.connector
    (key,) = sessions.unencrypted.connector._conns
    assert (f"http://{key.host}:{key.port}" == relay.url) is (endpoint == "speech")


async def test_speechbase(relay: Relay, sessions: HttpSessions) -> None:
    """Speechbase's connection is opened as well."""
    await warm_up(SpeechbaseProvider(sessions, {"base_url": relay.url}, "sk-any"))
    await wait_until(lambda: relay.connections)


async def test_realtime_session(simulator: Simulator, realtime: OpenAIProvider) -> None:
    """The session of a realtime voice is opened with its settings, and the next request uses it."""
    await warm_up(realtime, "marin", MODEL, speed=1.2)
    await wait_until(lambda: simulator.openai.realtime.connections)
    (session,) = simulator.openai.realtime.connections
    await wait_until(lambda: session.events_of_type("session.update"))
    assert not session.events_of_type("response.create")
    await warm_up(realtime, "marin", MODEL, speed=1.2)
    assert_text(await synthesize(realtime, request_for(realtime, speed=1.2)))
    assert len(simulator.openai.realtime.connections) == 1
    assert len(session.events_of_type("session.update")) == 1


@pytest.mark.usefixtures("ignore_broken_connections")
async def test_refused_realtime_session(
    simulator: Simulator, realtime: OpenAIProvider, caplog: pytest.LogCaptureFixture
) -> None:
    """A session that is refused is not asked for again at once, and the next request opens its own."""
    simulator.fail(Fault(path="/v1/realtime", status=503))
    await warm_up(realtime, "marin", MODEL)
    (session,) = realtime._realtime._sessions.values()
    await wait_until(lambda: not session.is_usable)
    await warm_up(realtime, "marin", MODEL)
    assert len(simulator.requests) == 1
    assert_text(await synthesize(realtime, request_for(realtime)))
    assert not [record for record in caplog.records if record.levelno > logging.DEBUG]


async def test_unused_realtime_session_is_closed(
    monkeypatch: pytest.MonkeyPatch, simulator: Simulator, realtime: OpenAIProvider
) -> None:
    """A session that no request uses is closed after the idle time."""
    monkeypatch.setattr(realtime_session, "_PING_INTERVAL_S", 0.02)
    monkeypatch.setattr(realtime_session, "_MAX_IDLE_S", 0.1)
    await warm_up(realtime, "marin", MODEL)
    await wait_until(lambda: simulator.openai.realtime.open_connections)
    await wait_until(lambda: not simulator.openai.realtime.open_connections)
