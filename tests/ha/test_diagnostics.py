"""Diagnostics help without giving anything away."""

import json
from types import MappingProxyType
from typing import Any

from homeassistant.components.diagnostics import DOMAIN as DIAGNOSTICS
from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from ..simulator import Fate, Simulator
from ..support.speech import SENTENCE, account_of, speak

PERSONAL = "Agnieszka"


@pytest.fixture
def entry(simulator: Simulator) -> MockConfigEntry:
    """Describe an account with a voice that holds what people write themselves."""
    voice = {
        "model": "gpt-realtime-2.1-mini",
        "voice": "marin",
        "instructions": f"Speak like {PERSONAL}.",
        "replacements": [{"find": PERSONAL, "say": "Aga"}],
        "extra_body": {"user": PERSONAL},
        "provider_options": {"user": PERSONAL},
    }
    return account_of(simulator, "openai", voice)


async def diagnostics(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, account: MockConfigEntry, part: str = ""
) -> Any:
    """Download diagnostics as a user does, of an account or of a part of it."""
    assert await async_setup_component(hass, DIAGNOSTICS, {})
    client = await hass_client()
    response = await client.get(f"/api/diagnostics/config_entry/{account.entry_id}{part}")
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
    assert (data["usage"]["today"]["requests"], data["usage"]["month"]["unpriced_requests"]) == (2, 2)
    assert "tts-1" in data["offered_models"]
    (voice,) = data["voices"]
    assert voice["experience"]["first_sound"] > 0
    assert (voice["title"], voice["data"]["model"], voice["model"]["max_chars"]) == (
        "Ann",
        "gpt-realtime-2.1-mini",
        1000,
    )


async def test_diagnostics_of_a_voice_leave_out_others(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    """Downloaded at the device of a voice, they hold its account and that voice alone."""
    another = ConfigSubentry(
        data=MappingProxyType({"model": "tts-1", "voice": "nova"}),
        subentry_type="voice",
        title="Bob",
        unique_id=None,
    )
    hass.config_entries.async_add_subentry(account, another)
    await hass.async_block_till_done()
    whole = await diagnostics(hass, hass_client, account)
    assert [voice["title"] for voice in whole["voices"]] == ["Ann", "Bob"]
    entity = er.async_get(hass).async_get("tts.bob")
    assert entity is not None
    part = await diagnostics(hass, hass_client, account, f"/device/{entity.device_id}")
    (voice,) = part.pop("voices")
    assert (voice["title"], voice["data"]["voice"], voice["model"]["id"]) == ("Bob", "nova", "tts-1")
    assert {"entity_id": "tts.bob", "disabled_by": None} in voice["entities"]
    assert part == {key: value for key, value in whole.items() if key != "voices"}


@pytest.mark.parametrize("is_of_device", [False, True])
async def test_diagnostics_keep_secrets(
    hass: HomeAssistant,
    simulator: Simulator,
    account: MockConfigEntry,
    hass_client: ClientSessionGenerator,
    is_of_device: bool,  # noqa: FBT001
) -> None:
    """Neither the key, nor what was spoken, nor what people wrote themselves is told."""
    await speak(hass)
    simulator.api_key, key = "sk-another", simulator.api_key
    with pytest.raises(HomeAssistantError):
        await speak(hass, model="tts-1")
    entity = er.async_get(hass).async_get("tts.ann")
    assert entity is not None
    part = f"/device/{entity.device_id}" if is_of_device else ""
    data = await diagnostics(hass, hass_client, account, part)
    assert (data["connection"]["outage"], data["connection"]["reason"]) == ("key_refused", "invalid_key")
    told = json.dumps(data)
    assert "Ann" in told
    for secret in (key, SENTENCE, "kettle", PERSONAL):
        assert secret not in told
