"""Name resolution in tests."""

from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession


class StaticResolver(AbstractResolver):
    """Resolver with fixed host names, in place of Home Assistant's; other names cannot be resolved."""

    def __init__(self, **addresses: list[str]) -> None:
        """Initialize with the addresses of host names, which have underscores for dots."""
        self._addresses = {host.replace("_", "."): found for host, found in addresses.items()}

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        """Return the addresses of a host name. Raises OSError."""
        if host not in self._addresses:
            raise OSError(f"{host} not found")
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family or 2, proto=0, flags=0)
            for address in self._addresses[host]
        ]

    async def close(self) -> None:
        """Do nothing: there are no resources to close."""

    async def real_close(self) -> None:
        """Do nothing when Home Assistant stops, either."""


def replace_resolver(hass: HomeAssistant, resolver: AbstractResolver) -> None:
    """Replace the resolver of Home Assistant's HTTP session, and clear its cache."""
    connector: Any = async_get_clientsession(hass).connector
    connector._resolver = resolver
    connector.clear_dns_cache()
