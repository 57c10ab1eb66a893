"""The system information tells whether providers can be reached, and gives nothing away."""

import asyncio
import json

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, get_system_health_info

from ..repository.test_metadata import INTEGRATION, load
from ..simulator import Simulator


async def info(hass: HomeAssistant) -> dict[str, object]:
    """Return what the page shows."""
    assert await async_setup_component(hass, "system_health", {})
    await hass.async_block_till_done()
    shown = await get_system_health_info(hass, "orator")
    return {key: value if isinstance(value, (int, str)) else await value for key, value in shown.items()}


async def test_reachable(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """Version, accounts, voices, and whether each address answers, under a name that tells nothing of the network."""
    shown = await info(hass)
    version = load(INTEGRATION / "manifest.json")["version"]
    assert shown == {"version": version, "accounts": "1 / 1", "voices": 1, "OpenAI": "ok"}
    for secret in (simulator.api_key, "127.0.0.1"):
        assert str(secret) not in json.dumps(shown)


async def test_unreachable(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """A provider that is away is told from one that is there."""
    await simulator.close()
    assert (await info(hass))["OpenAI"] == {"type": "failed", "error": "unreachable"}


@pytest.mark.parametrize(
    ("provider", "hosts"),
    [("openai", {"api.openai.com"}), ("nanogpt", {"nano-gpt.com", "api.nano-gpt.com"})],
)
async def test_public_addresses_are_named(
    hass: HomeAssistant, account: MockConfigEntry, provider: str, hosts: set[str]
) -> None:
    """Which host of a public service can't be reached is worth knowing."""
    MockConfigEntry(domain="orator", data={"provider": provider, "api_key": ""}).add_to_hass(hass)
    assert await async_setup_component(hass, "system_health", {})
    await hass.async_block_till_done()
    shown = await get_system_health_info(hass, "orator")
    assert shown["accounts"] == "1 / 2"
    assert shown.keys() == {"version", "accounts", "voices", "OpenAI"} | hosts
    for check in shown.values():
        if asyncio.iscoroutine(check):
            check.close()  # nobody is to be asked on the internet


async def test_servers_of_one_kind_are_told_apart(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry
) -> None:
    """Each address has a line of its own, whatever they are called, and none tells where it is."""
    hidden = "http://127.0.0.1:1/v1"
    MockConfigEntry(domain="orator", data={"provider": "openai", "api_key": "", "base_url": hidden}).add_to_hass(hass)
    shown = await info(hass)
    assert shown["OpenAI"] == "ok"
    assert shown["OpenAI 2"] == {"type": "failed", "error": "unreachable"}
    assert "127.0.0.1" not in json.dumps(shown)
