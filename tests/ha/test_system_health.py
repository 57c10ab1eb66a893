"""System health information."""

import asyncio
import json

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, get_system_health_info

from tests.simulator import Simulator
from tests.support.repository import INTEGRATION, load_json


async def get_system_health(hass: HomeAssistant) -> dict[str, object]:
    """Return the information, with the results of its checks."""
    assert await async_setup_component(hass, "system_health", {})
    await hass.async_block_till_done()
    info = await get_system_health_info(hass, "orator")
    return {key: value if isinstance(value, (int, str)) else await value for key, value in info.items()}


async def test_reachable(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """The information contains a check of each address, labeled without the host of a private network."""
    info = await get_system_health(hass)
    version = load_json(INTEGRATION / "manifest.json")["version"]
    assert info == {"version": version, "accounts": 1, "loaded_accounts": 1, "voices": 1, "OpenAI": "ok"}
    for secret in (simulator.api_key, "127.0.0.1"):
        assert str(secret) not in json.dumps(info)


async def test_unreachable(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """The check of a provider that does not answer fails."""
    await simulator.close()
    assert (await get_system_health(hass))["OpenAI"] == {"type": "failed", "error": "unreachable"}


@pytest.mark.parametrize(
    ("provider", "hosts"),
    [("openai", {"api.openai.com"}), ("nanogpt", {"nano-gpt.com", "api.nano-gpt.com"})],
)
async def test_public_hosts(hass: HomeAssistant, account: MockConfigEntry, provider: str, hosts: set[str]) -> None:
    """Checks of public services are labeled with their hosts."""
    MockConfigEntry(domain="orator", data={"provider": provider, "api_key": ""}).add_to_hass(hass)
    assert await async_setup_component(hass, "system_health", {})
    await hass.async_block_till_done()
    info = await get_system_health_info(hass, "orator")
    assert (info["accounts"], info["loaded_accounts"]) == (2, 1)
    assert info.keys() == {"version", "accounts", "loaded_accounts", "voices", "OpenAI"} | hosts
    for check in info.values():
        if asyncio.iscoroutine(check):
            check.close()  # no requests to the internet


async def test_several_private_hosts(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """Private hosts of the same service are numbered."""
    hidden = "http://127.0.0.1:1/v1"
    MockConfigEntry(domain="orator", data={"provider": "openai", "api_key": "", "base_url": hidden}).add_to_hass(hass)
    info = await get_system_health(hass)
    assert info["OpenAI"] == "ok"
    assert info["OpenAI 2"] == {"type": "failed", "error": "unreachable"}
    assert "127.0.0.1" not in json.dumps(info)
