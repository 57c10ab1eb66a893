"""Parse server addresses, and distinguish local from public addresses."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
import re
import socket
from typing import Final

from aiohttp import AddrInfoType
from yarl import URL

_LOCAL_SUFFIXES: Final = (".local", ".localhost", ".lan", ".home", ".home.arpa", ".internal")
"""Suffixes of host names in local networks: RFC 6761, RFC 6762, RFC 8375, ICANN and common routers."""
_NAT64: Final = IPv6Network("64:ff9b::/96")
"""IPv4 addresses in networks that only have IPv6: RFC 6052."""
_LOCAL_NAT64: Final = IPv6Network("64:ff9b:1::/48")
"""The same within an organization: RFC 8215."""
_UNIQUE_LOCAL: Final = IPv6Network("fc00::/7")
_IPV4_COMPATIBLE: Final = IPv6Network("::/96")
"""A deprecated notation of IPv4 addresses: RFC 4291, section 2.5.5.1."""
_NUMERIC_HOST: Final = re.compile(r"(?:0x[0-9a-f]+|[0-9]+)(?:\.(?:0x[0-9a-f]+|[0-9]+)){0,3}", re.IGNORECASE)
"""Any notation of an IPv4 address that systems resolve."""


def parse_web_address(address: str) -> URL:
    """Return the URL for an address as entered, possibly without a scheme or with surrounding spaces.

    Raises ValueError if it cannot be the address of an API.
    """
    address = address.strip()
    if any(map(str.isspace, address)):
        msg = "contains spaces"
        raise ValueError(msg)
    if "://" not in address:
        address = f"{_default_scheme(URL(f'//{address}'))}://{address}"
    url = URL(address)
    has_extra_parts = url.user or url.password or url.query_string or url.fragment
    if url.scheme not in ("http", "https") or not url.host or has_extra_parts:
        msg = "not the address of an API"
        raise ValueError(msg)
    return url


def _default_scheme(url: URL) -> str:
    """Return the default scheme of an address.

    It is http for local names, IP addresses and ports other than 443, whose servers rarely have a certificate.
    """
    host = url.host or ""
    is_local_or_ip = is_local_host(host) or host.replace(".", "").isdecimal() or ":" in host
    return "http" if is_local_or_ip or url.explicit_port not in (None, 443) else "https"


def is_local_host(host: str) -> bool:
    """Return whether an IP address or host name is in a local network; names are not resolved."""
    if ip := parse_ip_address(host):
        return _is_local(ip)
    name = host.lower().removesuffix(".")
    return "." not in name or name.endswith(_LOCAL_SUFFIXES)


def parse_ip_address(host: str) -> IPv4Address | IPv6Address | None:
    """Return the IP address that a host stands for, also as one number (`134744072`), or None for a name."""
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host)) if _NUMERIC_HOST.fullmatch(host) else None
    except OSError:
        return None


class PrivateAddressError(OSError):
    """A host name resolves to a private address."""


class PublicAddressError(OSError):
    """A host name resolves to a public address."""


def public_socket(address: AddrInfoType) -> socket.socket:
    """Return a socket for a connection to a public address, for use as aiohttp's `socket_factory`.

    Connectors call it after resolving the name, so a name cannot lead into the local network. Raises
    PrivateAddressError.
    """
    if not _is_public(_address_in(address)):
        raise PrivateAddressError
    return open_socket(address)


def local_socket(address: AddrInfoType) -> socket.socket:
    """Return a socket for a connection within the local network, for use as aiohttp's `socket_factory`.

    A name may have been changed to a public address since setup. Raises PublicAddressError.
    """
    if not _is_local(_address_in(address)):
        raise PublicAddressError
    return open_socket(address)


def open_socket(address: AddrInfoType) -> socket.socket:
    """Return a socket for a connection to any address."""
    family, kind, protocol, *_ = address
    return socket.socket(family, kind, protocol)


def _address_in(address: AddrInfoType) -> IPv4Address | IPv6Address:
    return ip_address(str(address[4][0]).partition("%")[0])


def _is_public(ip: IPv4Address | IPv6Address) -> bool:
    """Return whether an address is reachable on the internet."""
    if isinstance(ip, IPv6Address) and ip in _NAT64:
        ip = IPv4Address(int(ip) & 0xFFFF_FFFF)
    if isinstance(ip, IPv6Address) and (ip.is_site_local or ip in _IPV4_COMPATIBLE):
        return False
    return ip.is_global and not ip.is_multicast


def _is_local(ip: IPv4Address | IPv6Address) -> bool:
    """Return whether an address is certain not to be on the internet: private, shared, loopback or link-local."""
    if isinstance(ip, IPv6Address) and not (ip.is_loopback or ip.is_unspecified):
        embedded = ip.ipv4_mapped or ip.sixtofour
        if embedded is None and any(ip in network for network in (_LOCAL_NAT64, _NAT64, _IPV4_COMPATIBLE)):
            embedded = IPv4Address(int(ip) & 0xFFFF_FFFF)
        if embedded is None:
            return ip.is_link_local or ip.is_site_local or ip in _UNIQUE_LOCAL
        ip = embedded
    return not ip.is_global and not ip.is_multicast
