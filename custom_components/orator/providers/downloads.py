"""Files that an answer points to: on a host of somebody else, who must see no key and lead us nowhere else."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
import socket
from typing import Final

from aiohttp import AddrInfoType, ClientConnectorError, ClientResponse, ClientSession, ClientTimeout
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random_exponential
from yarl import URL

from . import errors
from .base import Connections
from .http import Answer, Limits, redirect_target, translated_errors

MAX_FILE_BYTES: Final = 64 * 1024 * 1024
"""Twenty minutes of uncompressed speech; no request asks for as much."""

_NAT64: Final = IPv6Network("64:ff9b::/96")
"""How machines without IPv4 address it, by RFC 6052."""
_LIMITS: Final = Limits(first_byte=20)
_MAX_REDIRECTS: Final = 5
_MAX_ATTEMPTS: Final = 3


class _PrivateAddressError(OSError):
    """A name or link leads into a private network."""


def public_socket(address: AddrInfoType) -> socket.socket:
    """Make a socket for a connection to a public address; a connector asks for it once it has resolved the name.

    Raises OSError for any other address: whoever may name a file must not reach what only this machine can reach.
    """
    family, kind, protocol, _, target = address
    if not _is_public(ip_address(str(target[0]).partition("%")[0])):
        raise _PrivateAddressError
    return socket.socket(family, kind, protocol)


def _is_public(ip: IPv4Address | IPv6Address) -> bool:
    """Tell whether everybody on the internet means the same machine by an address."""
    if isinstance(ip, IPv6Address) and ip in _NAT64:  # an IPv4 address in the clothes that its network gives it
        ip = IPv4Address(int(ip) & 0xFFFF_FFFF)
    return ip.is_global and not ip.is_multicast


class Downloads:
    """Opens links over https at public addresses; a service in the local network may point anywhere."""

    def __init__(self, connections: Connections, *, may_be_local: bool) -> None:
        """Open links of a service that is in the local network itself, or isn't."""
        self._session: ClientSession = connections.own if may_be_local else connections.public
        self._may_be_local = may_be_local

    @asynccontextmanager
    async def open(self, link: str) -> AsyncGenerator[Answer]:
        """Give a file while the context lasts; what fails in a way that passes is tried again.

        Raises UnsafeLinkError, AnswerTooLargeError, DownloadFailedError and what keeps one from connecting.
        """
        async with AsyncExitStack() as stack:
            async for attempt in AsyncRetrying(
                retry=retry_if_exception(lambda err: isinstance(err, errors.SpeechError) and err.is_transient),
                wait=wait_random_exponential(multiplier=0.5, min=0.1, max=2),
                stop=stop_after_attempt(_MAX_ATTEMPTS),
                reraise=True,
            ):
                with attempt:
                    response = await stack.enter_async_context(await self._get(link))
            if (response.content_length or 0) > MAX_FILE_BYTES:
                raise errors.AnswerTooLargeError
            yield Answer(response, _LIMITS)

    async def _get(self, link: str) -> ClientResponse:
        """Follow a link to its file."""
        url = URL(link)
        for _ in range(_MAX_REDIRECTS):
            response = await self._get_once(url)
            if not 300 <= response.status < 400:
                if response.ok:
                    return response
                response.release()
                failure = errors.ProviderFaultError if response.status >= 500 else errors.DownloadFailedError
                raise failure(status=response.status)
            response.release()
            target = redirect_target(url, response.headers.get("Location", ""))
            if target is None:
                raise errors.DownloadFailedError(status=response.status)
            url = target
        raise errors.DownloadFailedError(status=response.status)

    async def _get_once(self, url: URL) -> ClientResponse:
        if not url.host or url.scheme not in (("http", "https") if self._may_be_local else ("https",)):
            raise errors.UnsafeLinkError(code=url.host)
        timeout = ClientTimeout(total=None, connect=_LIMITS.connect)
        try:
            with translated_errors():
                async with asyncio.timeout(_LIMITS.first_byte):
                    return await self._session.get(url, timeout=timeout, allow_redirects=False)
        except errors.CannotConnectError as err:
            cause = err.__cause__
            if isinstance(cause, ClientConnectorError) and isinstance(cause.os_error, _PrivateAddressError):
                raise errors.UnsafeLinkError(code=url.host) from err
            raise
