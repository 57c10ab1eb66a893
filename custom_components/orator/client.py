"""Create HTTP sessions and the providers that use them."""

from collections.abc import Callable, Iterable, Mapping
import socket
from typing import Any, Final, override

from aiohttp import AddrInfoType, ClientSession, DummyCookieJar, TCPConnector, ThreadedResolver
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.hdrs import USER_AGENT
from homeassistant.const import CONF_API_KEY
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.aiohttp_client import SERVER_SOFTWARE, async_get_clientsession
from homeassistant.util.ssl import get_default_context
from yarl import URL

from .const import CONF_PROVIDER, CONF_SERVER
from .providers import PROVIDERS
from .providers.addresses import is_local_host, local_socket, open_socket, parse_ip_address, public_socket
from .providers.base import Provider, Server
from .providers.errors import NameNotFoundError
from .providers.http import HttpSessions, refuse_cross_origin_redirects

_KEEP_ALIVE_S: Final = 600
"""Time for which an idle connection stays open, so that the next announcement needs no handshake."""
_KEEP_ALIVE_PROBE_S: Final = 30
"""Idle time after which the system probes the other end of a connection."""
_UNACKNOWLEDGED_TIMEOUT_MS: Final = 5000
"""Time without acknowledgment after which the system drops a connection, so that a new one is opened."""


@callback
def async_create_provider(hass: HomeAssistant, data: Mapping[str, Any]) -> Provider:
    """Create the provider for an account's data, with its own sessions. The caller has to close the provider."""
    provider = PROVIDERS[data[CONF_PROVIDER]]
    sessions = HttpSessions(
        api=_async_create_session(hass, lambda address: _keep_alive(open_socket(address))),
        downloads=_async_create_session(hass, public_socket),
        unencrypted=_async_create_session(hass, lambda address: _keep_alive(local_socket(address))),
    )
    return provider(sessions, account_addresses(data), data[CONF_API_KEY], server=data.get(CONF_SERVER, ""))


def account_addresses(data: Mapping[str, Any]) -> dict[str, str]:
    """Return the addresses of an account, including the provider's defaults."""
    provider = PROVIDERS[data[CONF_PROVIDER]]
    entered = {key: data[key] for key in provider.address_keys if key in data}
    return {**provider.resolve_addresses(entered), **entered}


def account_server(data: Mapping[str, Any]) -> Server | None:
    """Return the compatible server of an account, if any."""
    return PROVIDERS[data[CONF_PROVIDER]].servers.get(data.get(CONF_SERVER, ""))


async def async_may_send_key(hass: HomeAssistant, addresses: Iterable[str]) -> bool:
    """Return whether every address uses encryption or is in the local network.

    Raises NameNotFoundError if a host name cannot be resolved.
    """
    return all([url.scheme == "https" or await _async_is_local(hass, url.host or "") for url in map(URL, addresses)])


async def _async_is_local(hass: HomeAssistant, host: str) -> bool:
    """Return whether the addresses of a host are in the local network.

    A local name may also have public addresses, such as the IPv6 address of a device; the key is not sent there.
    """
    if parse_ip_address(host):
        return is_local_host(host)
    try:
        results = await _SharedResolver(hass).resolve(host)
    except Exception as err:  # mDNS raises its own errors, for example for names that are too long
        raise NameNotFoundError from err
    are_local = [is_local_host(result["host"]) for result in results]
    return any(are_local) if is_local_host(host) else all(are_local)


@callback
def _async_create_session(
    hass: HomeAssistant, socket_factory: Callable[[AddrInfoType], socket.socket]
) -> ClientSession:
    """Create a session with its own connection pool.

    Home Assistant's shared pool closes idle connections after 15 seconds; announcements are further apart.
    """
    connector = TCPConnector(
        resolver=_SharedResolver(hass),
        use_dns_cache=False,  # the shared connector has a cache
        ssl=get_default_context(),
        keepalive_timeout=_KEEP_ALIVE_S,
        socket_factory=socket_factory,
    )
    return ClientSession(
        connector=connector,
        headers={USER_AGENT: SERVER_SOFTWARE},
        cookie_jar=DummyCookieJar(),
        trace_configs=[refuse_cross_origin_redirects()],
    )


class _SharedResolver(AbstractResolver):
    """Resolver that uses Home Assistant's shared connector, which also resolves mDNS names."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Initialize the resolver."""
        self._hass = hass

    @override
    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of a host name. Raises OSError."""
        connector: Any = async_get_clientsession(self._hass).connector
        if not hasattr(connector, "async_resolve_host"):  # undocumented, so it may disappear
            return await ThreadedResolver().resolve(host, port, family)
        results: list[ResolveResult] = await connector.async_resolve_host(host)
        return [{**result, "port": port} for result in results]

    @override
    async def close(self) -> None:
        """Leave the shared connector open."""


def _keep_alive(created: socket.socket) -> socket.socket:
    """Let a socket detect when a router has dropped its idle connection."""
    created.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", _KEEP_ALIVE_PROBE_S), ("TCP_USER_TIMEOUT", _UNACKNOWLEDGED_TIMEOUT_MS)):
        if option := getattr(socket, name, None):  # not available on every system
            created.setsockopt(socket.IPPROTO_TCP, option, value)
    return created
