"""Name resolution in tests."""

from typing import Any

from aiohttp.abc import AbstractResolver
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession


def replace_resolver(hass: HomeAssistant, resolver: AbstractResolver) -> None:
    """Replace the resolver of Home Assistant's HTTP session, and clear its cache."""
    connector: Any = async_get_clientsession(hass).connector
    connector._resolver = resolver
    connector.clear_dns_cache()
