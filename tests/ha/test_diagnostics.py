"""Diagnostics of accounts and voices."""

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
from yarl import URL

from tests.simulator import ScriptedResponse, Simulator
from tests.support.speech import create_account, speak
from tests.support.streams import SENTENCE

PERSONAL = "Agnieszka"


@pytest.fixture
def entry(simulator: Simulator) -> MockConfigEntry:
    """Return an account with a voice whose settings contain free text."""
    voice = {
        "model": "gpt-realtime-2.1-mini",
        "voice": "marin",
        "instructions": f"Speak like {PERSONAL}.",
        "replacements": [{"find": PERSONAL, "say": "Aga"}],
        "extra_body": {"user": PERSONAL},
        "provider_options": {"user": PERSONAL},
    }
    return create_account(simulator, "openai", voice)


async def download_diagnostics(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, account: MockConfigEntry, path: str = ""
) -> Any:
    """Download the diagnostics of an account, or of one of its devices."""
    assert await async_setup_component(hass, DIAGNOSTICS, {})
    client = await hass_client()
    response = await client.get(f"/api/diagnostics/config_entry/{account.entry_id}{path}")
    assert response.status == 200
    return (await response.json())["data"]


async def test_account_diagnostics(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    """Diagnostics contain the models, the usage and the counters of the provider."""
    simulator.openai.realtime.script_responses(ScriptedResponse(words=3))
    await speak(hass)
    data = await download_diagnostics(hass, hass_client, account)
    assert data["counts"] == {"realtime_readings": 2, "realtime_mismatches": 1, "realtime_interruptions": 0}
    assert (data["usage"]["today"]["requests"], data["usage"]["month"]["unpriced_requests"]) == (2, 2)
    assert "tts-1" in data["offered_models"]
    (voice,) = data["voices"]
    assert voice["last_synthesis"]["first_sound"] > 0
    assert (voice["title"], voice["data"]["model"], voice["model"]["max_chars"]) == (
        "Ann",
        "gpt-realtime-2.1-mini",
        1000,
    )


async def test_voice_diagnostics(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    """Diagnostics of a voice contain its account, and no other voice."""
    bob = ConfigSubentry(
        data=MappingProxyType({"model": "tts-1", "voice": "nova"}),
        subentry_type="voice",
        title="Bob",
        unique_id=None,
    )
    hass.config_entries.async_add_subentry(account, bob)
    await hass.async_block_till_done()
    whole = await download_diagnostics(hass, hass_client, account)
    assert [voice["title"] for voice in whole["voices"]] == ["Ann", "Bob"]
    entity = er.async_get(hass).async_get("tts.bob")
    assert entity is not None
    part = await download_diagnostics(hass, hass_client, account, f"/device/{entity.device_id}")
    (voice,) = part.pop("voices")
    assert (voice["title"], voice["data"]["voice"], voice["model"]["id"]) == ("Bob", "nova", "tts-1")
    assert {"entity_id": "tts.bob", "disabled_by": None} in voice["entities"]
    assert part == {key: value for key, value in whole.items() if key != "voices"}


@pytest.mark.parametrize("of_device", [False, True], ids=["account", "voice"])
async def test_redaction(
    hass: HomeAssistant,
    simulator: Simulator,
    account: MockConfigEntry,
    hass_client: ClientSessionGenerator,
    of_device: bool,  # noqa: FBT001
) -> None:
    """Diagnostics contain neither the API key, nor spoken text, nor free text from settings."""
    await speak(hass)
    simulator.api_key, key = "sk-another", simulator.api_key
    with pytest.raises(HomeAssistantError):
        await speak(hass, model="tts-1")
    entity = er.async_get(hass).async_get("tts.ann")
    assert entity is not None
    path = f"/device/{entity.device_id}" if of_device else ""
    data = await download_diagnostics(hass, hass_client, account, path)
    assert (data["connection"]["outage"], data["connection"]["reason"]) == ("key_refused", "invalid_key")
    text = json.dumps(data)
    assert "Ann" in text
    for secret in (key, SENTENCE, "kettle", PERSONAL):
        assert secret not in text


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("{origin}/v1", "{origin}/v1"),
        ("{origin}/api/openai/v1", "{origin}/api/openai/v1"),
        ("{origin}/s3cr3t/v1", "{origin}/**REDACTED**/v1"),
        ("{origin}/v1/proxy/9f86d081884c7d65", "{origin}/v1/**REDACTED**/**REDACTED**"),
    ],
)
async def test_secret_in_the_address(
    hass: HomeAssistant, account: MockConfigEntry, hass_client: ClientSessionGenerator, address: str, shown: str
) -> None:
    """Diagnostics show the usual parts of an address, and hide the others, which may be a secret of a proxy."""
    origin = URL(account.data["base_url"]).origin()
    data = {**account.data, "base_url": address.format(origin=origin)}
    object.__setattr__(account, "data", MappingProxyType(data))
    diagnostics = await download_diagnostics(hass, hass_client, account)
    assert diagnostics["account"]["data"]["base_url"] == shown.format(origin=origin)
    assert "s3cr3t" not in json.dumps(diagnostics)
