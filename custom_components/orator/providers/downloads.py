"""Download audio files linked in responses: without the API key, and only from public addresses."""

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
from .error_responses import error_for, parse_retry_after
from .http import HttpResponse, HttpSessions, Timeouts, resolve_url, translate_client_errors

MAX_FILE_BYTES: Final = 64 * 1024 * 1024
"""Limit for a linked file: 20 minutes of samples at 24 kHz mono."""

_ENCODED_URL: Final = re.compile(r"[\w!#$%&'()*+,./:;=?@\[\]~-]+", re.ASCII)
"""A URL without characters to quote, which is requested unchanged because it may be signed."""
_NOT_READY_STATUSES: Final = (403, 404, 425)
"""Statuses of a file that may become available in a moment."""
_DOWNLOAD_TIMEOUTS: Final = Timeouts(first_byte_s=20)
_MAX_DOWNLOAD_HOPS: Final = 5
"""Maximum number of requests, including redirected ones."""
_MAX_DOWNLOAD_ATTEMPTS: Final = 3


class Downloads:
    """Downloads over HTTPS from public addresses; a local provider may link to any address, including over HTTP."""

    def __init__(self, sessions: HttpSessions, *, may_be_local: bool) -> None:
        """Initialize the downloads of a provider; `may_be_local`: the provider itself is in the local network."""
        self._session: ClientSession = sessions.api if may_be_local else sessions.downloads
        self._may_be_local = may_be_local

    @asynccontextmanager
    async def open(self, link: str) -> AsyncGenerator[HttpResponse]:
        """Yield the response with the file, repeating requests that fail in a retryable way.

        Raises UnsafeLinkError, ResponseTooLargeError, DownloadFailedError and errors of the connection.
        """
        async with AsyncExitStack() as stack:
            async for attempt in AsyncRetrying(
                retry=retry_if_exception(_is_download_retryable),
                wait=wait_random_exponential(multiplier=0.5, min=0.1, max=2),
                stop=stop_after_attempt(_MAX_DOWNLOAD_ATTEMPTS),
                reraise=True,
            ):
                with attempt:
                    response = await stack.enter_async_context(await self._get(link))
            if (response.content_length or 0) > MAX_FILE_BYTES:
                raise errors.ResponseTooLargeError
            yield HttpResponse(response, _DOWNLOAD_TIMEOUTS)

    async def _get(self, link: str) -> ClientResponse:
        """Follow a link and its redirects to the file."""
        try:
            return await self._follow(URL(link, encoded=bool(_ENCODED_URL.fullmatch(link))))
        except ValueError as err:  # yarl only parses some parts of a URL when they are used
            raise errors.UnsafeLinkError from err

    async def _follow(self, url: URL) -> ClientResponse:
        for _ in range(_MAX_DOWNLOAD_HOPS):
            response = await self._request(url)
            if not 300 <= response.status < 400:
                if response.ok:
                    return response
                response.release()
                raise _download_error(response)
            response.release()
            location = response.headers.get("Location", "")
            target = resolve_url(url, location, is_encoded=bool(_ENCODED_URL.fullmatch(location)))
            if target is None:
                break
            url = target
        raise errors.DownloadFailedError(status=response.status)

    async def _request(self, url: URL) -> ClientResponse:
        """Request a URL without following redirects."""
        if not url.host or url.scheme not in (("http", "https") if self._may_be_local else ("https",)):
            raise errors.UnsafeLinkError(code=url.host)
        if self._session.closed:
            raise errors.ConnectionLostError
        timeout = ClientTimeout(total=None, connect=_DOWNLOAD_TIMEOUTS.connect_s)
        try:
            with translate_client_errors():
                async with asyncio.timeout(_DOWNLOAD_TIMEOUTS.first_byte_s):
                    return await self._session.get(url, timeout=timeout, allow_redirects=False)
        except errors.CannotConnectError as err:
            cause = err.__cause__
            if isinstance(cause, ClientConnectorError) and isinstance(cause.os_error, PrivateAddressError):
                raise errors.UnsafeLinkError(code=url.host) from err
            if isinstance(err, errors.NameNotFoundError):  # a missing file host does not mean that the provider is gone
                raise errors.CannotConnectError from err
            raise


def _download_error(response: ClientResponse) -> errors.SpeechError:
    """Return the error for a failed download; a file host's 401 or 404 is not about the API key or the model."""
    if response.status in (408, 429) or response.status >= 500:
        return error_for(response.status, retry_after=parse_retry_after(response.headers.get("Retry-After")))
    return errors.DownloadFailedError(status=response.status)


def _is_download_retryable(error: BaseException) -> bool:
    """Return whether another attempt may succeed."""
    if isinstance(error, errors.DownloadFailedError):
        return error.status in _NOT_READY_STATUSES
    return isinstance(error, errors.SpeechError) and error.is_retryable
