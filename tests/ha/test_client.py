"""HTTP sessions of an account."""

from typing import Any, override

from aiohttp.abc import AbstractResolver, ResolveResult
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession
import pytest
from yarl import URL

from custom_components.orator.client import async_create_provider

from ..simulator import Simulator
from ..support.resolver import replace_resolver


class MdnsResolver(AbstractResolver):
    """Resolves `.local` names to this machine."""

    @override
    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        assert host.endswith(".local")
        return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=2, proto=0, flags=0)]

    @override
    async def close(self) -> None:
        """Do nothing: there are no resources to close."""


async def fetch_models(hass: HomeAssistant, simulator: Simulator, host: str) -> list[str]:
    """Return the models of the simulated OpenAI at a host name."""
    address = str(URL(simulator.openai_url).with_host(host))
    data = {"provider": "openai", "api_key": simulator.api_key, "base_url": address}
    provider = async_create_provider(hass, data)
    try:
        return [model.id for model in provider.models(await provider.fetch_catalog())]
    finally:
        await provider.async_close()


async def test_mdns_name(hass: HomeAssistant, simulator: Simulator) -> None:
    """Names are resolved by Home Assistant's shared connector, so that mDNS names work."""
    replace_resolver(hass, MdnsResolver())
    assert "tts-1" in await fetch_models(hass, simulator, "speech.local")


async def test_without_shared_resolver(
    hass: HomeAssistant, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If Home Assistant's connector resolves no names, the system does."""
    connector: Any = async_get_clientsession(hass).connector
    monkeypatch.delattr(type(connector), "async_resolve_host")
    assert "tts-1" in await fetch_models(hass, simulator, "localhost")
