"""Files that an answer points to: on a host of somebody else, who must see no key and lead us nowhere else."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
import re
from typing import Final

from aiohttp import ClientConnectorError, ClientResponse, ClientSession, ClientTimeout
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random_exponential
from yarl import URL

from . import errors
from .addresses import PrivateAddressError
from .base import HttpSessions
from .error_responses import error_for, read_retry_after
from .http import HttpResponse, Timeouts, resolve_redirect, translate_client_errors

MAX_FILE_BYTES: Final = 64 * 1024 * 1024
"""Twenty minutes of uncompressed speech; no request asks for as much."""

_PLAIN_LINK: Final = re.compile(r"[\w!#$%&'()*+,./:;=?@\[\]~-]+", re.ASCII)
"""What needs no quoting: a signed link has to be asked for exactly as it was written."""
_LATE_STATUSES: Final = (403, 404, 425)
"""What a file may answer that is about to be there."""
_LIMITS: Final = Timeouts(first_byte=20)
_MAX_REDIRECTS: Final = 5
_MAX_ATTEMPTS: Final = 3


class Downloads:
    """Opens links over https at public addresses; a service in the local network may point anywhere."""

    def __init__(self, connections: HttpSessions, *, may_be_local: bool) -> None:
        """Open links of a service that is in the local network itself, or isn't."""
        self._session: ClientSession = connections.api if may_be_local else connections.downloads
        self._may_be_local = may_be_local

    @asynccontextmanager
    async def open(self, link: str) -> AsyncGenerator[HttpResponse]:
        """Give a file while the context lasts; what fails in a way that passes is tried again.

        Raises UnsafeLinkError, AnswerTooLargeError, DownloadFailedError and what keeps one from connecting.
        """
        async with AsyncExitStack() as stack:
            async for attempt in AsyncRetrying(
                retry=retry_if_exception(_may_pass),
                wait=wait_random_exponential(multiplier=0.5, min=0.1, max=2),
                stop=stop_after_attempt(_MAX_ATTEMPTS),
                reraise=True,
            ):
                with attempt:
                    response = await stack.enter_async_context(await self._get(link))
            if (response.content_length or 0) > MAX_FILE_BYTES:
                raise errors.ResponseTooLargeError
            yield HttpResponse(response, _LIMITS)

    async def _get(self, link: str) -> ClientResponse:
        """Follow a link to its file. Raises UnsafeLinkError where it, or a redirect, is no link at all."""
        try:
            return await self._follow(URL(link, encoded=bool(_PLAIN_LINK.fullmatch(link))))
        except ValueError as err:  # a link is read bit by bit, as its parts are needed
            raise errors.UnsafeLinkError from err

    async def _follow(self, url: URL) -> ClientResponse:
        """Follow redirects to the file."""
        for _ in range(_MAX_REDIRECTS):
            response = await self._get_once(url)
            if not 300 <= response.status < 400:
                if response.ok:
                    return response
                response.release()
                raise _failure(response)
            response.release()
            location = response.headers.get("Location", "")
            target = resolve_redirect(url, location, is_encoded=bool(_PLAIN_LINK.fullmatch(location)))
            if target is None:
                break
            url = target
        raise errors.DownloadFailedError(status=response.status)

    async def _get_once(self, url: URL) -> ClientResponse:
        if not url.host or url.scheme not in (("http", "https") if self._may_be_local else ("https",)):
            raise errors.UnsafeLinkError(code=url.host)
        if self._session.closed:
            raise errors.ConnectionLostError
        timeout = ClientTimeout(total=None, connect=_LIMITS.connect)
        try:
            with translate_client_errors():
                async with asyncio.timeout(_LIMITS.first_byte):
                    return await self._session.get(url, timeout=timeout, allow_redirects=False)
        except errors.CannotConnectError as err:
            cause = err.__cause__
            if isinstance(cause, ClientConnectorError) and isinstance(cause.os_error, PrivateAddressError):
                raise errors.UnsafeLinkError(code=url.host) from err
            if isinstance(err, errors.NameNotFoundError):  # of a file's host: that says nothing of the service
                raise errors.CannotConnectError from err
            raise


def _failure(response: ClientResponse) -> errors.SpeechError:
    """Return the error for a file that is not given; what its host says of keys and models is not about ours."""
    if response.status in (408, 429) or response.status >= 500:
        return error_for(response.status, (), read_retry_after(response))
    return errors.DownloadFailedError(status=response.status)


def _may_pass(error: BaseException) -> bool:
    """Tell whether it is worth asking again."""
    if isinstance(error, errors.DownloadFailedError):
        return error.status in _LATE_STATUSES
    return isinstance(error, errors.SpeechError) and error.is_retryable
