"""HTTP sessions of an account."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession
import pytest
from yarl import URL

from custom_components.orator.client import async_create_provider
from custom_components.orator.providers.errors import InsecureAddressError
from tests.simulator import Simulator
from tests.support.resolvers import StaticResolver
from tests.support.speech import replace_resolver


async def fetch_models(hass: HomeAssistant, simulator: Simulator, host: str) -> list[str]:
    """Return the models of the simulated OpenAI at a host name."""
    address = str(URL(simulator.openai_url).with_host(host))
    data = {"provider": "openai", "api_key": simulator.api_key, "base_url": address}
    provider = async_create_provider(hass, data)
    try:
        return [model.id for model in provider.models(await provider.fetch_catalog())]
    finally:
        await provider.close()


@pytest.mark.parametrize(("host", "found"), [("speech.local", "8.8.8.8"), ("server", "64:ff9b::808:808")])
async def test_public_address(hass: HomeAssistant, simulator: Simulator, host: str, found: str) -> None:
    """A local name that has got a public address since the setup does not receive the key over HTTP."""
    replace_resolver(hass, StaticResolver(**{host: [found]}))
    with pytest.raises(InsecureAddressError):
        await fetch_models(hass, simulator, host)


async def test_mdns_name(hass: HomeAssistant, simulator: Simulator) -> None:
    """Names are resolved by Home Assistant's shared connector, so that mDNS names work."""
    replace_resolver(hass, StaticResolver(speech_local=["127.0.0.1"]))
    assert "tts-1" in await fetch_models(hass, simulator, "speech.local")


async def test_without_shared_resolver(
    hass: HomeAssistant, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If Home Assistant's connector resolves no names, the system does."""
    connector: Any = async_get_clientsession(hass).connector
    monkeypatch.delattr(type(connector), "async_resolve_host")
    assert "tts-1" in await fetch_models(hass, simulator, "localhost")
