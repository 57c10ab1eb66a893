"""An integration with agents keeps them when its voices are taken over."""

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er

from custom_components.orator.importer.takeover import async_undo_import
from tests.simulator import Simulator
from tests.support.imports import AGENT_ID, AGENT_VOICE_ID, get_platform, load_openai_conversation
from tests.support.speech import wait_for_reload

from .conftest import ImportVoices


async def test_agents_go_on(hass: HomeAssistant, simulator: Simulator, import_voices: ImportVoices) -> None:
    """Only the speech entities of an integration with agents are disabled, without reloading the agents."""
    old = await load_openai_conversation(hass, simulator)
    agent = hass.states.get(AGENT_ID)
    assert agent
    account = await import_voices(old, AGENT_VOICE_ID, has_other_entities=True)
    await wait_for_reload(hass)
    assert get_platform(hass, AGENT_VOICE_ID) == "orator"
    registered = er.async_get(hass).async_get(f"{AGENT_VOICE_ID}_old")
    assert registered
    assert registered.disabled_by is er.RegistryEntryDisabler.USER
    assert old.state is ConfigEntryState.LOADED
    assert hass.states.get(AGENT_ID) is agent
    assert await ask_agent(hass) == "Is it raining?"
    assert not await async_undo_import(hass, account)
    await wait_for_reload(hass)
    assert get_platform(hass, AGENT_VOICE_ID) == "openai_conversation"
    voice = hass.states.get(AGENT_VOICE_ID)
    assert voice
    assert voice.state != "unavailable"
    assert await ask_agent(hass) == "Is it raining?"


async def ask_agent(hass: HomeAssistant) -> str:
    """Return the answer of the agent, which repeats the question."""
    response = await hass.services.async_call(
        "conversation", "process", {"text": "Is it raining?", "agent_id": AGENT_ID}, blocking=True, return_response=True
    )
    assert response
    answer: str = response["response"]["speech"]["plain"]["speech"]  # type: ignore[index, call-overload, assignment]
    return answer
