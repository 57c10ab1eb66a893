"""Accounts and speech of simulated OpenAI-compatible servers in Home Assistant."""

from typing import Any

from homeassistant.components import tts
from homeassistant.config_entries import ConfigFlowResult
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.orator.const import DOMAIN
from tests.simulator import CompatibleServer

from .flows import open_account_form
from .streams import SENTENCE


async def add_server_account(
    hass: HomeAssistant, server: CompatibleServer, choice: str, *, key: str | None = None, **entered: Any
) -> ConfigFlowResult:
    """Submit the form of an account for a server, by default with the server's API key."""
    form = await open_account_form(hass, f"openai.{choice}")
    key = server.api_key if key is None else key
    entered = {"base_url": server.base_url} | ({"api_key": key} if key else {}) | entered
    result = await hass.config_entries.flow.async_configure(form["flow_id"], entered)
    await hass.async_block_till_done()
    return result


def create_server_account(server: CompatibleServer, choice: str, voice: dict[str, Any]) -> MockConfigEntry:
    """Return an account for a server, with a voice named Ann."""
    return MockConfigEntry(
        domain=DOMAIN,
        title=choice,
        data={
            "provider": "openai",
            "server": choice,
            "base_url": server.base_url,
            "api_key": server.api_key or "",
        },
        subentries_data=[{"subentry_type": "voice", "title": "Ann", "data": voice, "unique_id": None}],
    )


def get_server_requests(server: CompatibleServer) -> list[dict[str, Any]]:
    """Return the bodies of the speech requests that a server received."""
    return [request.body for request in server.requests if request.path.endswith("/audio/speech") and request.body]


async def fetch_speech(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, message: str = SENTENCE, **options: Any
) -> bytes:
    """Return the audio of a message, spoken by the only voice and fetched by a player; empty on an error."""
    (entity_id,) = hass.states.async_entity_ids("tts")
    stream = tts.async_create_stream(hass, entity_id, options=options)
    stream.async_set_message(message)
    response = await (await hass_client()).get(stream.url)
    body = await response.read()
    await hass.async_block_till_done(wait_background_tasks=True)
    return body if response.status == 200 else b""
