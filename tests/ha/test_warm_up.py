"""Connections that are opened when a pipeline starts, before there is a text."""

import asyncio
from collections.abc import AsyncGenerator
import logging
from typing import Any, override

from homeassistant.components import assist_pipeline, conversation, tts
from homeassistant.components.tts.const import DATA_COMPONENT, DATA_TTS_MANAGER
from homeassistant.core import HomeAssistant
from homeassistant.helpers import intent
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_mock_service
from pytest_homeassistant_custom_component.typing import (
    ClientSessionGenerator,
    MockHAClientWebSocket,
    WebSocketGenerator,
)

from custom_components.orator import client
from custom_components.orator.const import DOMAIN
from custom_components.orator.providers import http
from custom_components.orator.providers.errors import InvalidKeyError
from tests.simulator import Fault, Simulator
from tests.simulator.simulator import provider_addresses
from tests.support.fallback import LocalVoice
from tests.support.pipelines import hear, hear_message, start_pipeline
from tests.support.relay import Behavior, Relay
from tests.support.speech import INVALID_KEY, get_speech_requests, load_account, speak
from tests.support.streams import SENTENCE, wait_until

TASK = "orator opens a connection"
MODEL = "gpt-realtime-2.1-mini"


@pytest.fixture
async def relay(simulator: Simulator) -> AsyncGenerator[Relay]:
    """Run a relay in front of the simulated providers."""
    async with Relay(simulator.url) as relay:
        yield relay


def create_account(simulator: Simulator, addresses: dict[str, str], provider: str, **voice: Any) -> MockConfigEntry:
    """Return an account with a voice, which is Ben if the provider is Speechbase and otherwise Ann."""
    title = "Ben" if provider == "speechbase" else "Ann"
    return MockConfigEntry(
        domain=DOMAIN,
        title=provider,
        data={"provider": provider, "api_key": simulator.api_key, **addresses},
        subentries_data=[{"subentry_type": "voice", "title": title, "data": voice, "unique_id": None}],
    )


@pytest.fixture
def entry(simulator: Simulator, relay: Relay, request: pytest.FixtureRequest) -> MockConfigEntry:
    """Return an account behind the relay, with the settings of the parameter."""
    voice = {"model": "tts-1", "voice": "coral", **getattr(request, "param", {})}
    return create_account(simulator, provider_addresses("openai", relay.url), "openai", **voice)


@pytest.fixture
async def account(hass: HomeAssistant, simulator: Simulator, relay: Relay, entry: MockConfigEntry) -> MockConfigEntry:
    """Load the account, whose connections are closed by the service."""
    await load_account(hass, entry)
    await relay.close_connections()
    simulator.reset()
    return entry


def assert_nothing_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Assert that Orator has logged nothing above the level DEBUG."""
    assert not [record for record in caplog.records if "orator" in record.name and record.levelno > logging.DEBUG]


async def test_pipeline(hass: HomeAssistant, simulator: Simulator, relay: Relay, account: MockConfigEntry) -> None:
    """A connection is opened when a pipeline starts, without a request, and the reply uses it."""
    stream = await start_pipeline(hass)
    assert len(relay.connections) == 1
    assert not relay.connections[0].received
    assert not simulator.requests
    assert await hear(stream)
    assert len(relay.connections) == 1
    assert len(simulator.requests) == 1


class Agent(conversation.ConversationEntity):
    """The conversation agent `conversation.agent`, which replies once it may."""

    _attr_name = "Agent"
    supported_languages = "*"

    def __init__(self) -> None:
        """Initialize the agent."""
        self.may_reply = asyncio.Event()

    @override
    async def _async_handle_message(
        self, user_input: conversation.ConversationInput, chat_log: conversation.ChatLog
    ) -> conversation.ConversationResult:
        """Return the sentence."""
        await self.may_reply.wait()
        response = intent.IntentResponse(language="en")
        response.async_set_speech(SENTENCE)
        return conversation.ConversationResult(response)


async def create_assistant(
    hass: HomeAssistant, hass_ws_client: WebSocketGenerator, agent: Agent
) -> MockHAClientWebSocket:
    """Create an assistant with the agent and the voice `tts.ann`."""
    for component in ("media_source", "conversation", "assist_pipeline"):
        assert await async_setup_component(hass, component, {})
    await hass.data[conversation.DATA_COMPONENT].async_add_entities([agent])
    pipeline = assist_pipeline.async_get_pipeline(hass)
    await assist_pipeline.async_update_pipeline(
        hass, pipeline, tts_engine="tts.ann", tts_language="en", conversation_engine="conversation.agent"
    )
    return await hass_ws_client()


async def run_pipeline(client: MockHAClientWebSocket, stage: str) -> None:
    """Start a pipeline that ends with speech."""
    await client.send_json_auto_id(
        {"type": "assist_pipeline/run", "start_stage": stage, "end_stage": "tts", "input": {"text": SENTENCE}}
    )


async def wait_for_audio(client: MockHAClientWebSocket, hass_client: ClientSessionGenerator) -> None:
    """Fetch the audio of a pipeline."""
    event: dict[str, Any] = {}
    while event.get("type") != "tts-end":
        event = (await client.receive_json()).get("event", {})
    response = await (await hass_client()).get(event["data"]["tts_output"]["url"])
    assert await response.read()


async def test_assist(  # noqa: PLR0913, PLR0917
    hass: HomeAssistant,
    simulator: Simulator,
    relay: Relay,
    account: MockConfigEntry,
    hass_ws_client: WebSocketGenerator,
    hass_client: ClientSessionGenerator,
) -> None:
    """While an assistant thinks, the connection is opened."""
    agent = Agent()
    client = await create_assistant(hass, hass_ws_client, agent)
    await run_pipeline(client, "intent")
    await wait_until(lambda: relay.connections)
    assert not relay.connections[0].received
    assert not simulator.requests
    agent.may_reply.set()
    await wait_for_audio(client, hass_client)
    assert len(relay.connections) == 1
    assert len(simulator.requests) == 1


@pytest.mark.parametrize("stage", ["intent", "tts"])
async def test_pipeline_with_cached_message(  # noqa: PLR0913, PLR0917
    monkeypatch: pytest.MonkeyPatch,
    hass: HomeAssistant,
    relay: Relay,
    account: MockConfigEntry,
    hass_ws_client: WebSocketGenerator,
    hass_client: ClientSessionGenerator,
    stage: str,
) -> None:
    """A pipeline that has a cached message soon, as from a local agent, opens no connection."""
    monkeypatch.setattr(http, "MIN_WARM_UP_INTERVAL_S", 0)
    agent = Agent()
    client = await create_assistant(hass, hass_ws_client, agent)
    for count in (1, 0):
        agent.may_reply.clear()
        await run_pipeline(client, stage)
        asyncio.get_running_loop().call_later(0.015, agent.may_reply.set)
        await wait_for_audio(client, hass_client)
        await hass.async_block_till_done(wait_background_tasks=True)
        assert len(relay.connections) == count
        await relay.close_connections()


async def test_idle_connection(
    monkeypatch: pytest.MonkeyPatch, hass: HomeAssistant, relay: Relay, account: MockConfigEntry
) -> None:
    """No connection is opened while one is idle."""
    monkeypatch.setattr(http, "MIN_WARM_UP_INTERVAL_S", 0)
    for number in range(3):
        stream = await start_pipeline(hass)
        assert await hear(stream, f"Reply number {number} is short.")
        await hass.async_block_till_done(wait_background_tasks=True)
    assert len(relay.connections) == 1


async def test_several_pipelines(hass: HomeAssistant, relay: Relay, account: MockConfigEntry) -> None:
    """Several pipelines at the same time open one connection."""
    for _ in range(5):
        tts.async_create_stream(hass, "tts.ann")
    await start_pipeline(hass)
    assert len(relay.connections) == 1


async def test_new_message(hass: HomeAssistant, relay: Relay, account: MockConfigEntry) -> None:
    """A complete message opens no connection besides that of its request."""
    assert await hear_message(hass)
    assert len(relay.connections) == 1


@pytest.mark.parametrize("place", ["memory", "disk"])
async def test_cached_message(hass: HomeAssistant, relay: Relay, account: MockConfigEntry, place: str) -> None:
    """A cached message opens no connection, even while a pipeline waits for a text."""
    assert await hear_message(hass, use_file_cache=place == "disk")
    await start_pipeline(hass)
    manager = hass.data[DATA_TTS_MANAGER]
    if place == "disk":
        await wait_until(lambda: manager.file_cache)
        manager.mem_cache.clear()
    await relay.close_connections()
    assert await hear_message(hass, use_file_cache=place == "disk")
    assert not relay.connections


async def test_action_with_cached_message(hass: HomeAssistant, relay: Relay, account: MockConfigEntry) -> None:
    """The action `tts.speak` opens no connection for a cached message, not even if it waits for a new voice."""
    async_mock_service(hass, "media_player", "play_media")
    engine = tts.get_engine_instance(hass, "tts.ann")
    await relay.close_connections()
    await engine.async_speak(["media_player.kitchen"], SENTENCE, cache=True)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert not relay.connections


async def test_generation(
    monkeypatch: pytest.MonkeyPatch, hass: HomeAssistant, relay: Relay, account: MockConfigEntry
) -> None:
    """Speaking a message opens no connection for a pipeline that has been waiting for longer."""
    monkeypatch.setattr(http, "MIN_WARM_UP_INTERVAL_S", 0)
    await start_pipeline(hass)
    await relay.close_connections()
    assert tts.get_engine_instance(hass, "tts.ann").async_supports_streaming_input()
    await hass.async_block_till_done(wait_background_tasks=True)
    assert not relay.connections


@pytest.mark.parametrize("behavior", [Behavior.CLOSE, Behavior.RESET, Behavior.EXPECT_REQUEST, Behavior.HANG])
@pytest.mark.usefixtures("ignore_broken_connections")
async def test_refused_connection(
    hass: HomeAssistant, relay: Relay, account: MockConfigEntry, behavior: Behavior, caplog: pytest.LogCaptureFixture
) -> None:
    """A service that refuses the connection changes nothing: the voice speaks, and no error is recorded."""
    relay.behavior = behavior
    stream = await start_pipeline(hass)
    assert relay.connections
    if behavior is not Behavior.HANG:
        await wait_until(lambda: not relay.open_connections)
    await asyncio.sleep(0.05)  # until the client has noticed
    relay.behavior = Behavior.FORWARD
    if behavior is Behavior.HANG:
        await relay.close_connections()
    assert await hear(stream)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert account.runtime_data.health.outage is None
    assert account.runtime_data.health._failures == 0
    assert_nothing_logged(caplog)


async def test_no_server(hass: HomeAssistant, simulator: Simulator, caplog: pytest.LogCaptureFixture) -> None:
    """A service that does not respond at all is not an error until there is a request."""
    async with Relay(simulator.url) as relay:
        entry = create_account(
            simulator, provider_addresses("openai", relay.url), "openai", model="tts-1", voice="coral"
        )
        await load_account(hass, entry)
    await start_pipeline(hass)
    assert entry.runtime_data.health._failures == 0
    assert_nothing_logged(caplog)


async def test_unused_connection(
    monkeypatch: pytest.MonkeyPatch, hass: HomeAssistant, relay: Relay, entry: MockConfigEntry
) -> None:
    """A connection that no reply uses is closed after some time."""
    monkeypatch.setattr(client, "_KEEP_ALIVE_S", 0.2)
    await load_account(hass, entry)
    await relay.close_connections()
    await start_pipeline(hass)
    assert relay.connections
    await wait_until(lambda: not relay.open_connections)


async def test_unload(hass: HomeAssistant, relay: Relay, account: MockConfigEntry) -> None:
    """Unloading the account closes the connection."""
    await start_pipeline(hass)
    assert relay.open_connections
    await hass.config_entries.async_unload(account.entry_id)
    await wait_until(lambda: not relay.open_connections)


async def test_unload_while_connecting(hass: HomeAssistant, simulator: Simulator) -> None:
    """Unloading the account ends the attempt to connect."""
    async with Relay(simulator.url.replace("http", "https")) as relay:
        relay.behavior = Behavior.HANG
        addresses = {"base_url": simulator.nanogpt_url, "speech_base_url": relay.url}
        voice = {"model": "Kokoro-82m", "voice": "af_bella", "endpoint": "speech"}
        account = await load_account(hass, create_account(simulator, addresses, "nanogpt", **voice))
        tts.async_create_stream(hass, "tts.ann")
        await wait_until(lambda: relay.connections and relay.connections[0].received)  # TLS's first message
        assert [task for task in asyncio.all_tasks() if task.get_name() == TASK]
        await hass.config_entries.async_unload(account.entry_id)
        assert not [task for task in asyncio.all_tasks() if task.get_name() == TASK]
        await wait_until(lambda: not relay.open_connections)


@pytest.mark.parametrize("entry", [{"fallback": ["tts.ben"]}], indirect=True)
async def test_fallback(hass: HomeAssistant, simulator: Simulator, relay: Relay, account: MockConfigEntry) -> None:
    """While an account's circuit breaker is open, the connection of its fallback is opened."""
    async with Relay(simulator.url) as other:
        addresses = provider_addresses("speechbase", other.url)
        await load_account(hass, create_account(simulator, addresses, "speechbase", model="openai/tts-1", voice="nova"))
        simulator.fail(INVALID_KEY)
        assert await speak(hass)
        assert account.runtime_data.health.is_open
        await hass.async_block_till_done(wait_background_tasks=True)
        await relay.close_connections()
        await other.close_connections()
        stream = await start_pipeline(hass)
        assert not relay.connections
        assert len(other.connections) == 1
        assert not other.connections[0].received
        assert await hear(stream, "The fallback has not said this before.")
        assert not relay.connections
        assert len(other.connections) == 1


@pytest.mark.parametrize("entry", [{"fallback": ["tts.piper"]}, {}], indirect=True, ids=["other", "none"])
async def test_no_fallback_to_connect(
    hass: HomeAssistant, simulator: Simulator, relay: Relay, account: MockConfigEntry
) -> None:
    """Nothing is opened if the first fallback belongs to another integration, or there is none."""
    await hass.data[DATA_COMPONENT].async_add_entities([LocalVoice(b"")])
    account.runtime_data.health.async_record_failure(InvalidKeyError())
    assert account.runtime_data.health.is_open
    await start_pipeline(hass)
    assert not relay.connections


async def test_invalid_option(hass: HomeAssistant, relay: Relay, account: MockConfigEntry) -> None:
    """A setting that is not possible opens nothing; it is reported when the voice speaks."""
    await start_pipeline(hass, speed=99)
    assert not relay.connections


@pytest.mark.parametrize("entry", [{"model": MODEL, "voice": "marin", "speed": 1.2}], indirect=True)
async def test_realtime(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """The session of a realtime voice is opened with the pipeline's voice, and the reply uses it."""
    stream = await start_pipeline(hass, voice="cedar")
    await wait_until(lambda: simulator.openai.realtime.connections)
    (session,) = simulator.openai.realtime.connections
    await wait_until(lambda: session.events_of_type("session.update"))
    assert session.events_of_type("session.update")[0]["session"]["audio"]["output"]["voice"] == "cedar"
    assert not session.responses
    assert await hear(stream)
    assert len(session.responses) == 1
    assert len(simulator.openai.realtime.connections) == 1


@pytest.mark.parametrize("entry", [{"model": MODEL, "voice": "marin"}], indirect=True)
async def test_refused_realtime_session(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, caplog: pytest.LogCaptureFixture
) -> None:
    """A session that the service refuses changes nothing."""
    simulator.fail(Fault(path="/v1/realtime", status=503))
    stream = await start_pipeline(hass)
    await wait_until(lambda: simulator.requests and simulator.requests[0].finished.is_set())
    await asyncio.sleep(0.05)  # until the client has noticed
    assert await hear(stream)
    assert account.runtime_data.health._failures == 0
    assert not get_speech_requests(simulator)
    assert_nothing_logged(caplog)


@pytest.mark.parametrize("entry", [{"model": MODEL, "voice": "marin"}], indirect=True)
async def test_unload_with_realtime_session(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry
) -> None:
    """Unloading the account closes a session that no reply has used."""
    await start_pipeline(hass)
    await wait_until(lambda: simulator.openai.realtime.open_connections)
    await hass.config_entries.async_unload(account.entry_id)
    await wait_until(lambda: not simulator.openai.realtime.open_connections)
