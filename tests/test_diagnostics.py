"""Diagnostics help without giving anything away."""

import json
from typing import Any

from homeassistant.components.diagnostics import DOMAIN as DIAGNOSTICS
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from .listening import SENTENCE, account_of, speak
from .simulator import Fate, Simulator

PERSONAL = "Agnieszka"


@pytest.fixture
def entry(simulator: Simulator) -> MockConfigEntry:
    """Describe an account with a voice that holds what people write themselves."""
    voice = {
        "model": "gpt-realtime-2.1-mini",
        "voice": "marin",
        "instructions": f"Speak like {PERSONAL}.",
        "replacements": [{"find": PERSONAL, "say": "Aga"}],
    }
    return account_of(simulator, "openai", voice)


async def diagnostics(hass: HomeAssistant, hass_client: ClientSessionGenerator, account: MockConfigEntry) -> Any:
    """Download diagnostics as a user does."""
    assert await async_setup_component(hass, DIAGNOSTICS, {})
    client = await hass_client()
    response = await client.get(f"/api/diagnostics/config_entry/{account.entry_id}")
    assert response.status == 200
    return (await response.json())["data"]


async def test_diagnostics_tell_what_happened(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    """What the provider offers, what was learned, and how often a model did not read."""
    simulator.openai.realtime.befall(Fate(words=3))
    await speak(hass)
    data = await diagnostics(hass, hass_client, account)
    assert data["counts"] == {"realtime_readings": 2, "realtime_misreadings": 1, "realtime_interruptions": 0}
    assert "tts-1" in data["offered_models"]
    (voice,) = data["voices"]
    assert (voice["title"], voice["data"]["model"], voice["model"]["max_chars"]) == (
        "Ann",
        "gpt-realtime-2.1-mini",
        1000,
    )


async def test_diagnostics_keep_secrets(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    """Neither the key, nor what was spoken, nor what people wrote themselves is told."""
    await speak(hass)
    simulator.api_key, key = "sk-another", simulator.api_key
    with pytest.raises(HomeAssistantError):
        await speak(hass, model="tts-1")
    data = await diagnostics(hass, hass_client, account)
    assert (data["connection"]["outage"], data["connection"]["reason"]) == ("key_refused", "invalid_key")
    told = json.dumps(data)
    for secret in (key, SENTENCE, "kettle", PERSONAL):
        assert secret not in told
