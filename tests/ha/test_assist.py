"""Tests of the fields of an assistant: its voice and its language take precedence over those of the Orator voice."""

from typing import Any

from homeassistant.components import assist_pipeline
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator, WebSocketGenerator

from tests.simulator import Simulator
from tests.support.speech import create_account, get_post_requests
from tests.support.streams import SENTENCE

VOICES = {
    "openai": {"model": "gpt-4o-mini-tts", "voice": "coral", "speed": 1.5, "instructions": "Calm."},
    "nanogpt": {"model": "nano-tts-1", "voice": "luna", "endpoint": "speech", "language": "fr"},
}


@pytest.fixture
def entry(simulator: Simulator, request: pytest.FixtureRequest) -> MockConfigEntry:
    """Return an account at a provider, with a voice that has other settings than the assistant."""
    return create_account(simulator, request.param, VOICES[request.param])


async def speak_with_assistant(
    hass: HomeAssistant, hass_ws_client: WebSocketGenerator, hass_client: ClientSessionGenerator, **fields: Any
) -> None:
    """Let an assistant with these fields speak a sentence, and fetch its audio."""
    for component in ("media_source", "conversation", "assist_pipeline"):
        assert await async_setup_component(hass, component, {})
    pipeline = assist_pipeline.async_get_pipeline(hass)
    await assist_pipeline.async_update_pipeline(hass, pipeline, tts_engine="tts.ann", **fields)
    client = await hass_ws_client()
    await client.send_json_auto_id(
        {"type": "assist_pipeline/run", "start_stage": "tts", "end_stage": "tts", "input": {"text": SENTENCE}}
    )
    event: dict[str, Any] = {}
    while event.get("type") != "tts-end":
        message = await client.receive_json()
        event = message.get("event", {})
    response = await (await hass_client()).get(event["data"]["tts_output"]["url"])
    assert response.status == 200
    assert await response.read()
    await hass.async_block_till_done(wait_background_tasks=True)


@pytest.mark.parametrize("entry", ["openai"], indirect=True)
@pytest.mark.parametrize(("voice", "spoken_by"), [("nova", "nova"), (None, "coral")])
@pytest.mark.usefixtures("account")
async def test_voice(  # noqa: PLR0913, PLR0917
    hass: HomeAssistant,
    simulator: Simulator,
    hass_ws_client: WebSocketGenerator,
    hass_client: ClientSessionGenerator,
    voice: str | None,
    spoken_by: str,
) -> None:
    """The assistant's voice is used, with all other settings of the Orator voice."""
    await speak_with_assistant(hass, hass_ws_client, hass_client, tts_language="en", tts_voice=voice)
    (request,) = get_post_requests(simulator)
    assert request["voice"] == spoken_by
    assert (request["model"], request["speed"], request["instructions"]) == ("gpt-4o-mini-tts", 1.5, "Calm.")


@pytest.mark.parametrize("entry", ["nanogpt"], indirect=True)
@pytest.mark.usefixtures("account")
async def test_language(
    hass: HomeAssistant,
    simulator: Simulator,
    hass_ws_client: WebSocketGenerator,
    hass_client: ClientSessionGenerator,
) -> None:
    """The assistant's language is sent instead of that of the Orator voice."""
    await speak_with_assistant(hass, hass_ws_client, hass_client, tts_language="de", tts_voice="luna")
    (request,) = filter(None, get_post_requests(simulator))  # a request for the balance has no body
    assert request["language"] == "de"
