"""Addresses of services: how people write them, and which are at home."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
import socket
from typing import Final

from aiohttp import AddrInfoType
from yarl import URL

_LOCAL_SUFFIXES: Final = (".local", ".localhost", ".lan", ".home", ".home.arpa", ".internal")
"""Ends of names that only mean something in a local network: RFC 6761, RFC 6762, RFC 8375, ICANN and common routers."""


def parse_web_address(address: str) -> URL:
    """Read an address that a person typed, perhaps without a scheme or with spaces around it.

    Raises ValueError where it can't be an address of an API.
    """
    address = address.strip()
    if any(map(str.isspace, address)):
        msg = "words, not an address"
        raise ValueError(msg)
    if "://" not in address:
        address = f"{_usual_scheme(URL(f'//{address}'))}://{address}"
    url = URL(address)
    has_more = url.user or url.password or url.query_string or url.fragment
    if url.scheme not in ("http", "https") or not url.host or has_more:
        msg = "not the address of an API"
        raise ValueError(msg)
    return url


def _usual_scheme(url: URL) -> str:
    """Return what people leave out before an address: servers at home have no certificate."""
    host = url.host or ""
    is_at_home = is_local_host(host) or host.replace(".", "").isdecimal() or ":" in host
    return "http" if is_at_home or url.explicit_port not in (None, 443) else "https"


def is_local_host(host: str) -> bool:
    """Tell whether an address or name means a machine in the local network, by what it looks like alone."""
    try:
        return not ip_address(host).is_global
    except ValueError:
        name = host.lower().removesuffix(".")
        return "." not in name or name.endswith(_LOCAL_SUFFIXES)


_NAT64: Final = IPv6Network("64:ff9b::/96")
"""How machines without IPv4 address it, by RFC 6052."""


_IPV4_COMPATIBLE: Final = IPv6Network("::/96")
"""An older way to write IPv4 addresses, which nobody needs."""


class PrivateAddressError(OSError):
    """A name or link leads into a private network."""


def public_socket(address: AddrInfoType) -> socket.socket:
    """Make a socket for a connection to a public address; a connector asks for it once it has resolved the name.

    Raises OSError for any other address: whoever may name a file must not reach what only this machine can reach.
    """
    family, kind, protocol, _, target = address
    if not _is_public(ip_address(str(target[0]).partition("%")[0])):
        raise PrivateAddressError
    return socket.socket(family, kind, protocol)


def _is_public(ip: IPv4Address | IPv6Address) -> bool:
    """Tell whether everybody on the internet means the same machine by an address."""
    if isinstance(ip, IPv6Address) and ip in _NAT64:  # an IPv4 address in the clothes that its network gives it
        ip = IPv4Address(int(ip) & 0xFFFF_FFFF)
    if isinstance(ip, IPv6Address) and (ip.is_site_local or ip in _IPV4_COMPATIBLE):
        return False
    return ip.is_global and not ip.is_multicast
