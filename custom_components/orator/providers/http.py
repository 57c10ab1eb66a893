"""The HTTP client of the providers: timeouts, size limits, redirects and errors."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
import logging
import math
import re
import time
from types import SimpleNamespace
from typing import Final

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientConnectorSSLError,
    ClientError,
    ClientRequest,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
    TraceConfig,
    TraceRequestRedirectParams,
)
from aiohttp.tracing import Trace
from yarl import URL

from . import errors
from .addresses import PublicAddressError
from .error_responses import parse_error_response, parse_retry_after
from .json_documents import Json, load_json, read_json, run_in_background
from .redaction import redacted_errors

_LOGGER = logging.getLogger(__name__)

MAX_DOCUMENT_BYTES: Final = 8 * 1024 * 1024
"""Limit for JSON documents, more than the largest catalog."""
MAX_ERROR_BYTES: Final = 64 * 1024
_MAX_AUDIO_BYTES: Final = 512 * 1024 * 1024
"""Limit for streamed audio: three hours of samples at 24 kHz mono, 45 minutes at 48 kHz stereo."""

_MAX_API_HOPS: Final = 3
"""Maximum number of requests, including redirected ones."""
MIN_WARM_UP_INTERVAL_S: Final = 3.0
"""Minimum time between two connections that are opened in advance."""
_MEDIA_TYPE: Final = re.compile(r"[\w.+-]{1,64}/[\w.+-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class HttpSessions:
    """The HTTP sessions of an account."""

    api: ClientSession
    """Session for the provider's own API, over HTTPS or without an API key."""
    downloads: ClientSession
    """Session for links in responses, whose sockets come from `addresses.public_socket`."""
    unencrypted: ClientSession
    """Session for requests with the API key over HTTP, whose sockets come from `addresses.local_socket`."""

    async def close(self) -> None:
        """Close the sessions."""
        for session in (self.api, self.downloads, self.unencrypted):
            await session.close()


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Timeouts of a request. The total time of audio is not limited: it may last as long as it makes progress."""

    connect_s: float = 10
    first_byte_s: float = 60
    between_bytes_s: float = 20
    document_s: float = 60
    """Timeout for a whole document, from its headers to its end."""
    error_s: float = 5
    """Timeout for the body of an error response; the status is known without it."""


LIST_TIMEOUTS: Final = Timeouts(first_byte_s=15)
"""Timeouts of requests for catalogs, balances and the status of jobs."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A successful response whose body has not been read."""

    response: ClientResponse
    timeouts: Timeouts

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.response.status

    @property
    def url(self) -> URL:
        """The URL of the response, after redirects."""
        return self.response.url

    @property
    def has_length(self) -> bool:
        """Whether the length is stated: the server had the whole body before sending the first byte."""
        return self.response.content_length is not None

    @property
    def content_type(self) -> str:
        """The media type in lower case without parameters; empty if it is missing or malformed."""
        media_type = self.response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return media_type if _MEDIA_TYPE.fullmatch(media_type) else ""

    def type_parameter(self, name: str) -> str:
        """Return a parameter of the media type in lower case, or an empty string if it is missing."""
        header = self.response.headers.get("Content-Type", "")
        match = re.search(rf';\s*{name}\s*=\s*"?([\w.-]+)', header, re.IGNORECASE)
        return match[1].lower() if match else ""

    def header(self, name: str) -> str:
        """Return a header in lower case, or an empty string if it is missing."""
        return self.response.headers.get(name, "").strip().lower()

    async def data(self, max_bytes: int = _MAX_AUDIO_BYTES) -> AsyncGenerator[bytes]:
        """Yield the body as it arrives.

        Raises ResponseTooLargeError, TimedOutError, and ConnectionLostError if the body is incomplete.
        """
        received = 0
        timeout = self.timeouts.first_byte_s
        while True:
            with translate_client_errors(errors.ConnectionLostError):
                async with asyncio.timeout(timeout):
                    block = await self.response.content.readany()
            if not block:
                return
            received += len(block)
            if received > max_bytes:
                raise errors.ResponseTooLargeError
            yield block
            timeout = self.timeouts.between_bytes_s

    async def json(self) -> Json:
        """Return the body as JSON. Raises NotASpeechServerError if it is not JSON."""
        with self._translate_invalid_json():
            return await load_json(await self._document())

    async def read_json[T](self, read: Callable[[Json], T]) -> T:
        """Return what `read` finds in the body. `read` runs in a thread, because the body may be large.

        Raises NotASpeechServerError if the body is not JSON.
        """
        with self._translate_invalid_json():
            return await run_in_background(read_json, await self._document(), read)

    @contextmanager
    def _translate_invalid_json(self) -> Iterator[None]:
        try:
            yield
        except ValueError as err:
            raise errors.NotASpeechServerError(status=self.status) from err

    async def _document(self) -> bytes:
        """Return the whole body."""
        with translate_client_errors():
            async with asyncio.timeout(self.timeouts.document_s):
                return b"".join([block async for block in self.data(MAX_DOCUMENT_BYTES)])


class HttpClient:
    """A client for one origin, the only one that receives the headers with the API key."""

    def __init__(
        self,
        session: ClientSession,
        base_url: str,
        headers: Mapping[str, str],
        timeouts: Timeouts | None = None,
        optional_fields: frozenset[str] = frozenset(),
    ) -> None:
        """Initialize a client for paths below `base_url`.

        `optional_fields` are request fields that the server may not support: an error that mentions one is about that
        field.
        """
        self._session = session
        self._base_url = URL(base_url)
        self._headers = headers
        self._api_key = headers.get("Authorization", "").removeprefix("Bearer ")
        self._timeouts = timeouts or Timeouts()
        self._optional_fields = optional_fields
        self._last_dial = -math.inf
        """Time at which `warm_up` last opened a connection, on the monotonic clock."""

    async def warm_up(self) -> None:
        """Open a connection for the next request, unless one is idle or was opened a moment ago.

        Nothing is sent: a service neither counts nor refuses anything, and a server that closes connections after a
        response keeps this one open. With HEAD or OPTIONS such a server closes it before the next request.
        """
        if self._session.connector is None or time.monotonic() - self._last_dial < MIN_WARM_UP_INTERVAL_S:
            return
        config = TraceConfig()
        config.on_connection_create_start.append(self._note_dial)
        config.freeze()
        request = ClientRequest("GET", self._base_url, loop=asyncio.get_running_loop())
        timeout = ClientTimeout(connect=self._timeouts.connect_s)
        trace = Trace(self._session, config, SimpleNamespace())
        connection = await self._session.connector.connect(request, [trace], timeout)  # an idle one if there is any
        connection.release()

    async def _note_dial(self, *_: object) -> None:
        self._last_dial = time.monotonic()

    async def get_json(self, path: str, query: Mapping[str, str] | None = None) -> Json:
        """Return the JSON document at a path."""
        async with self.request("GET", path, query=query) as response:
            return await response.json()

    async def read_json[T](self, path: str, read: Callable[[Json], T], query: Mapping[str, str] | None = None) -> T:
        """Return what `read`, which runs in a thread, finds in the JSON document at a path."""
        async with self.request("GET", path, query=query) as response:
            return await response.read_json(read)

    async def post_json(self, path: str) -> Json:
        """Return the JSON response to a POST without a body."""
        async with self.request("POST", path) as response:
            return await response.json()

    @property
    def is_closed(self) -> bool:
        """Whether the session is closed, because the account was removed or Home Assistant stops."""
        return self._session.closed

    @asynccontextmanager
    async def request(
        self,
        method: str,
        path: str | URL,
        body: Json = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncGenerator[HttpResponse]:
        """Send a request and yield its response; leaving the context cancels it.

        `path` is relative to the base URL, or a URL of the same origin. Raises a SpeechError for every response without
        a success status.
        """
        with redacted_errors(self._api_key):
            async with self._open(method, path, body, query, {**self._headers, **(headers or {})}) as response:
                yield response

    @asynccontextmanager
    async def _open(
        self, method: str, path: str | URL, body: Json, query: Mapping[str, str] | None, headers: Mapping[str, str]
    ) -> AsyncGenerator[HttpResponse]:
        """Send a request and yield its response."""
        if self.is_closed:  # while the account was speaking
            raise errors.ConnectionLostError
        url = path if isinstance(path, URL) else self._base_url.joinpath(*path.split("/")).with_query(query)
        if url.origin() != self._base_url.origin():
            raise errors.UnsafeLinkError(code=url.host)
        with translate_client_errors():
            async with asyncio.timeout(self._timeouts.first_byte_s):
                response = await self._send(method, url, body, headers)
        async with response:
            if not response.ok:
                raise await self._read_error(response)
            yield HttpResponse(response, self._timeouts)

    async def _send(self, method: str, url: URL, body: Json, headers: Mapping[str, str]) -> ClientResponse:
        """Send a request, and follow redirects that keep the method and the origin."""
        timeout = ClientTimeout(total=None, connect=self._timeouts.connect_s)
        for _ in range(_MAX_API_HOPS):
            response = await self._session.request(
                method, url, json=body, headers=headers, timeout=timeout, allow_redirects=False
            )
            if not 300 <= response.status < 400:
                return response
            response.release()
            url = _target_within_origin(url, response)
            if method != "GET" and response.status not in (307, 308):  # only these keep the method
                raise errors.RedirectedError(status=response.status, code=str(url.origin()))
        raise errors.RedirectedError(status=response.status)

    async def _read_error(self, response: ClientResponse) -> errors.SpeechError:
        """Return the error that a response represents."""
        body = b""
        try:
            with translate_client_errors():
                async with asyncio.timeout(self._timeouts.error_s):
                    async for block in HttpResponse(response, self._timeouts).data(MAX_ERROR_BYTES):
                        body += block
        except errors.SpeechError as err:
            _LOGGER.debug("The body of the response with status %s is incomplete: %s", response.status, err)
        retry_after = parse_retry_after(response.headers.get("Retry-After"))
        error = parse_error_response(response.status, body, retry_after, self._optional_fields)
        _LOGGER.debug(  # the body may quote the text
            "%s responded with status %s and %s bytes: %s",
            self._base_url.host,
            response.status,
            len(body),
            error.translation_key,
        )
        return error


def resolve_url(base: URL, link: str, *, is_encoded: bool = False) -> URL | None:
    """Return the absolute URL of a link or redirect, or None if the URL has no origin."""
    try:
        target = base.join(URL(link, encoded=is_encoded))
        target.origin()
    except ValueError:
        return None
    return target


def _target_within_origin(url: URL, response: ClientResponse) -> URL:
    """Return the target of a redirect. Raises RedirectedError if the target has another origin or none."""
    target = resolve_url(url, response.headers.get("Location", ""))
    # With a user name or password in the URL, aiohttp would replace the API key.
    if target is None or target.origin() != url.origin() or target.raw_user or target.raw_password:
        raise errors.RedirectedError(status=response.status, code=str(target.origin()) if target else None)
    return target


def refuse_cross_origin_redirects() -> TraceConfig:
    """Return a trace config that refuses cross-origin redirects, which aiohttp follows for WebSockets."""

    async def check(_session: ClientSession, _context: object, redirect: TraceRequestRedirectParams) -> None:
        try:
            _target_within_origin(redirect.url, redirect.response)
        except errors.RedirectedError:
            redirect.response.close()
            raise

    config = TraceConfig()
    config.on_request_redirect.append(check)
    return config


@contextmanager
def translate_client_errors(
    connection_error: type[errors.SpeechError] = errors.CannotConnectError,
) -> Iterator[None]:
    """Translate exceptions of aiohttp and asyncio to SpeechErrors; a broken connection becomes `connection_error`."""
    try:
        yield
    except ConnectionTimeoutError as err:
        raise errors.CannotConnectError from err
    except TimeoutError as err:
        raise errors.TimedOutError from err
    except ClientConnectorCertificateError as err:
        raise errors.UntrustedCertificateError from err
    except ClientConnectorDNSError as err:
        raise errors.NameNotFoundError from err
    except ClientConnectorSSLError as err:
        raise errors.NoHttpsError from err
    except ClientConnectorError as err:
        is_public = isinstance(err.os_error, PublicAddressError)
        raise (errors.InsecureAddressError if is_public else connection_error) from err
    except (ClientError, OSError) as err:
        raise connection_error from err
