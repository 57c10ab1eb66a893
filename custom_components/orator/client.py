"""Create HTTP sessions and providers."""

from collections.abc import Callable, Iterable, Mapping
import socket
from typing import Any, Final

from aiohttp import AddrInfoType, ClientSession, DummyCookieJar
from aiohttp.hdrs import USER_AGENT
from homeassistant.const import CONF_API_KEY
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.aiohttp_client import (
    DATA_RESOLVER,
    SERVER_SOFTWARE,
    HomeAssistantTCPConnector,
    async_get_clientsession,
)
from homeassistant.util.network import is_ip_address
from homeassistant.util.ssl import get_default_context
from yarl import URL

from .const import CONF_PROVIDER, CONF_SERVER
from .providers import PROVIDERS
from .providers.addresses import is_local_host, public_socket
from .providers.base import HttpSessions, Provider
from .providers.errors import NameNotFoundError
from .providers.http import refuse_cross_origin_redirects

_KEEP_ALIVE: Final = 600
"""Seconds that an idle connection is kept: the next announcement shall not wait for a handshake."""


_PROBE_AFTER: Final = 30
"""Seconds without traffic after which the system asks whether the other end of a connection is still there."""


_GIVE_UP_AFTER: Final = 5000
"""Milliseconds without a sign of life after which the system gives a connection up, so that a new one is tried."""


@callback
def async_create_provider(hass: HomeAssistant, data: Mapping[str, Any]) -> Provider:
    """Make the provider that an account's data describe, with connections of its own. It has to be closed."""
    provider = PROVIDERS[data[CONF_PROVIDER]]
    connections = HttpSessions(_async_session(hass, _probed_socket), _async_session(hass, public_socket))
    return provider(connections, addresses_of(data), data[CONF_API_KEY], server=data.get(CONF_SERVER, ""))


def addresses_of(data: Mapping[str, Any]) -> dict[str, str]:
    """Return the addresses in an account's data, with the usual one for each that is not there."""
    provider = PROVIDERS[data[CONF_PROVIDER]]
    entered = {key: data[key] for key in provider.address_keys if key in data}
    return {**provider.resolve_addresses(entered), **entered}


async def async_may_send_key(hass: HomeAssistant, addresses: Iterable[str]) -> bool:
    """Tell whether nobody can read a key on its way to these addresses: it is encrypted, or stays at home.

    Raises NameNotFoundError where a name leads nowhere.
    """
    return all([url.scheme == "https" or await _async_is_at_home(hass, url.host or "") for url in map(URL, addresses)])


async def _async_is_at_home(hass: HomeAssistant, name: str) -> bool:
    """Tell whether a name means a machine in the local network, also where only its addresses tell."""
    if is_local_host(name) or is_ip_address(name):
        return is_local_host(name)
    async_get_clientsession(hass)
    try:
        found = await hass.data[DATA_RESOLVER].resolve(name, family=socket.AF_UNSPEC)
    except Exception as err:  # mDNS has errors of its own, for names that are too long for instance
        raise NameNotFoundError from err
    return all(is_local_host(result["host"]) for result in found)


@callback
def _async_session(hass: HomeAssistant, socket_factory: Callable[[AddrInfoType], socket.socket]) -> ClientSession:
    """Make a session.

    Home Assistant's own sessions share a pool that drops connections after 15 seconds; announcements are further apart.
    Names are resolved as Home Assistant does it, mDNS included: its resolver comes with its shared session.
    """
    async_get_clientsession(hass)
    connector = HomeAssistantTCPConnector(
        resolver=hass.data[DATA_RESOLVER],
        ssl=get_default_context(),
        keepalive_timeout=_KEEP_ALIVE,
        socket_factory=socket_factory,
    )
    return ClientSession(
        connector=connector,
        headers={USER_AGENT: SERVER_SOFTWARE},
        cookie_jar=DummyCookieJar(),
        trace_configs=[refuse_cross_origin_redirects()],
    )


def _probed_socket(address: AddrInfoType) -> socket.socket:
    """Make a socket that notices when an idle connection has been dropped on the way, as routers do."""
    family, kind, protocol, *_ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", _PROBE_AFTER), ("TCP_USER_TIMEOUT", _GIVE_UP_AFTER)):
        if option := getattr(socket, name, None):  # not on every system
            made.setsockopt(socket.IPPROTO_TCP, option, value)
    return made
