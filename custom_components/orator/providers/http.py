"""The one place that talks HTTP: time limits, bounded reads, redirects, and what a status means."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
import logging
import re
from typing import Final

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorSSLError,
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
    TraceConfig,
    TraceRequestRedirectParams,
)
from yarl import URL

from . import errors
from .error_responses import error_for, find_error_codes, find_field_errors, read_retry_after, short_code
from .json_documents import Json, parse_json

_LOGGER = logging.getLogger(__name__)


MAX_DOCUMENT_BYTES: Final = 8 * 1024 * 1024
"""More than the largest catalogue; a longer document is not read."""
MAX_ERROR_BYTES: Final = 64 * 1024
MAX_AUDIO_BYTES: Final = 512 * 1024 * 1024
"""More than an hour of uncompressed speech, which no single request can ask for."""

_MAX_REDIRECTS: Final = 3
_TYPE: Final = re.compile(r"[\w.+-]{1,64}/[\w.+-]{1,64}", re.ASCII)
"""What a type looks like; it is told to people."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait, in seconds. There is no limit on the whole: a stream that moves may go on."""

    connect: float = 10
    first_byte: float = 60
    between_bytes: float = 20


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A successful answer whose body has not been read."""

    response: ClientResponse
    limits: Timeouts

    @property
    def content_type(self) -> str:
        """The type that the server claims, without parameters; empty where it claims none, or what can be none."""
        claimed = self.response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        return claimed if _TYPE.fullmatch(claimed) else ""

    def type_parameter(self, name: str) -> str:
        """Return a parameter of that type in lower case, an empty text where there is none."""
        header = self.response.headers.get("Content-Type", "")
        found = re.search(rf';\s*{name}\s*=\s*"?([\w.-]+)', header, re.IGNORECASE)
        return found[1].lower() if found else ""

    async def chunks(self, max_bytes: int = MAX_AUDIO_BYTES) -> AsyncGenerator[bytes]:
        """Yield the body as it arrives.

        Raises AnswerTooLargeError, TimedOutError, and ConnectionLostError where the body ends before its end.
        """
        received = 0
        wait = self.limits.first_byte
        while True:
            with translate_client_errors(errors.ConnectionLostError):
                async with asyncio.timeout(wait):
                    chunk = await self.response.content.readany()
            if not chunk:
                return
            received += len(chunk)
            if received > max_bytes:
                raise errors.ResponseTooLargeError
            yield chunk
            wait = self.limits.between_bytes

    async def json(self) -> Json:
        """Read the body as JSON. Raises NotASpeechServerError where it is none."""
        document = b"".join([chunk async for chunk in self.chunks(MAX_DOCUMENT_BYTES)])
        try:
            return parse_json(document)
        except ValueError as err:
            raise errors.NotASpeechServerError(status=self.response.status) from err


class HttpClient:
    """Requests to one origin, with the headers that carry its key."""

    def __init__(
        self,
        session: ClientSession,
        base_url: str,
        headers: Mapping[str, str],
        limits: Timeouts | None = None,
        optional_fields: frozenset[str] = frozenset(),
    ) -> None:
        """Send `headers` to paths below `base_url`, and to no other origin.

        `optional_fields`: fields that the server may not know. A refusal that mentions one of them is about it.
        """
        self._session = session
        self._base_url = URL(base_url)
        self._headers = headers
        self._limits = limits or Timeouts()
        self._optional_fields = optional_fields

    async def get_json(self, path: str, query: Mapping[str, str] | None = None) -> Json:
        """GET a JSON document."""
        return await self._json("GET", path, query)

    async def post_json(self, path: str) -> Json:
        """POST nothing, and return the JSON document that comes back."""
        return await self._json("POST", path)

    async def _json(self, method: str, path: str, query: Mapping[str, str] | None = None) -> Json:
        async with self.request(method, path, query=query) as answer:
            return await answer.json()

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
        """Send a request and give its answer while the context lasts; leaving it cancels what is still under way.

        `path`: below the base URL, or a whole URL of the same origin.

        Raises a SpeechError for every answer that is not a success.
        """
        if self._session.closed:  # the account is gone, and what still speaks with it is over
            raise errors.ConnectionLostError
        url = path if isinstance(path, URL) else self._base_url.joinpath(*path.split("/")).with_query(query)
        if url.origin() != self._base_url.origin():
            raise errors.UnsafeLinkError(code=url.host)
        with translate_client_errors():
            async with asyncio.timeout(self._limits.first_byte):
                response = await self._send(method, url, body, {**self._headers, **(headers or {})})
        async with response:
            if not response.ok:
                raise await self._error_of(response)
            yield HttpResponse(response, self._limits)

    async def _send(self, method: str, url: URL, body: Json, headers: Mapping[str, str]) -> ClientResponse:
        """Send a request and follow redirects that keep the method and stay on the origin."""
        timeout = ClientTimeout(total=None, connect=self._limits.connect)
        for _ in range(_MAX_REDIRECTS):
            response = await self._session.request(
                method, url, json=body, headers=headers, timeout=timeout, allow_redirects=False
            )
            if not 300 <= response.status < 400:
                return response
            response.release()
            target = resolve_redirect(url, response.headers.get("Location", ""))
            keeps_method = method == "GET" or response.status in (307, 308)
            if target is None or target.origin() != self._base_url.origin() or not keeps_method:
                raise errors.RedirectedError(status=response.status, code=str(target.origin()) if target else None)
            url = target
        raise errors.RedirectedError(status=response.status)

    async def _error_of(self, response: ClientResponse) -> errors.SpeechError:
        """Make the error that an answer without success stands for."""
        body = b""
        try:
            async for chunk in HttpResponse(response, self._limits).chunks(MAX_ERROR_BYTES):
                body += chunk
        except errors.SpeechError as err:
            _LOGGER.debug("The explanation of status %s broke off: %s", response.status, err)
        _LOGGER.debug("%s answered %s: %s", self._base_url.host, response.status, body[:1000])
        try:
            document = parse_json(body)
        except ValueError:
            document = None
        codes = find_error_codes(document, response.status)
        error = error_for(response.status, codes, read_retry_after(response))
        if isinstance(document, dict):
            error.has_error_document = True
            error.subject = short_code(document.get("provider"), "_-")
        complaints = list(find_field_errors(document, self._optional_fields))
        error.fields = frozenset().union(*(complaint.fields for complaint in complaints))
        error.unsupported_fields = frozenset().union(*(one.fields for one in complaints if one.is_unwanted))
        return error


def resolve_redirect(url: URL, location: str, *, is_encoded: bool = False) -> URL | None:
    """Return where a redirect leads on the web, None where it leads nowhere."""
    try:
        target = url.join(URL(location, encoded=is_encoded))
        target.origin()
    except ValueError:
        return None
    return target


def refuse_cross_origin_redirects() -> TraceConfig:
    """Return what keeps a session from following a redirect to another origin, as aiohttp does for a WebSocket."""

    async def check(_session: ClientSession, _context: object, redirect: TraceRequestRedirectParams) -> None:
        target = resolve_redirect(redirect.url, redirect.response.headers.get("Location", ""))
        if target is None or target.origin() != redirect.url.origin():
            redirect.response.close()
            raise errors.RedirectedError(status=redirect.response.status, code=str(target.origin()) if target else None)

    config = TraceConfig()
    config.on_request_redirect.append(check)
    return config


@contextmanager
def translate_client_errors(
    broken: type[errors.SpeechError] = errors.CannotConnectError,
) -> Iterator[None]:
    """Turn what aiohttp and the clock raise into errors of this package, a broken connection into `broken`."""
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
    except (ClientError, OSError) as err:
        raise broken from err
