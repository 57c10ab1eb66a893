"""Resolvers of host names, in place of those that ask a name server."""

from collections.abc import Iterable
import socket
from typing import override

from aiohttp.abc import AbstractResolver, ResolveResult


class StaticResolver(AbstractResolver):
    """Resolver with fixed host names; other names cannot be resolved."""

    def __init__(self, **addresses: list[str]) -> None:
        """Initialize with the addresses of host names, which have underscores for dots."""
        self._addresses = {host.replace("_", "."): found for host, found in addresses.items()}

    @override
    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        """Return the addresses of a host name. Raises OSError."""
        if host not in self._addresses:
            raise OSError(f"{host} not found")
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family or 2, proto=0, flags=0)
            for address in self._addresses[host]
        ]

    @override
    async def close(self) -> None:
        """Do nothing: there are no resources to close."""

    async def real_close(self) -> None:
        """Do nothing when Home Assistant stops, either."""


class LoopbackResolver(AbstractResolver):
    """Resolver of every host name to this machine, as an attacker's name server might, except those in `unknown`."""

    def __init__(self, unknown: Iterable[str] = ()) -> None:
        """Initialize with names that cannot be resolved."""
        self.unknown = set(unknown)

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the address of this machine. Raises OSError."""
        if host in self.unknown:
            raise OSError
        return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=socket.AF_INET, proto=0, flags=0)]

    @override
    async def close(self) -> None:
        """Do nothing: there are no resources to close."""


class FailingResolver(AbstractResolver):
    """Resolver that raises an error for every host name. names: the requested host names."""

    def __init__(self, error: Exception | None = None) -> None:
        """Initialize with an error that resolvers may raise, by default OSError."""
        self.error = error or OSError()
        self.names: list[str] = []

    @override
    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        """Raise the error."""
        self.names.append(host)
        raise self.error

    @override
    async def close(self) -> None:
        """Do nothing: there are no resources to close."""
