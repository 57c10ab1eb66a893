"""The one place that talks HTTP: time limits, bounded reads, redirects, and what a status means."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
import json
import logging
from typing import Any, Final

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorSSLError,
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
)
from yarl import URL

from . import errors

_LOGGER = logging.getLogger(__name__)

type Json = Any
"""What a JSON document holds."""

MAX_DOCUMENT_BYTES: Final = 8 * 1024 * 1024
"""More than the largest catalogue; a longer document is not read."""
MAX_ERROR_BYTES: Final = 64 * 1024
MAX_AUDIO_BYTES: Final = 512 * 1024 * 1024
"""More than an hour of uncompressed speech, which no single request can ask for."""

_MAX_REDIRECTS: Final = 3

# The provider's own code says more than the status that it comes with.
_ERRORS_BY_CODE: Final[Mapping[str, type[errors.SpeechError]]] = {
    "invalid_api_key": errors.InvalidKeyError,
    "authentication_error": errors.InvalidKeyError,
    "insufficient_quota": errors.OutOfCreditError,
    "model_not_found": errors.NotFoundError,
    "string_above_max_length": errors.TextTooLongError,
    "content_policy_violation": errors.ContentRefusedError,
    "missing_scopes": errors.NotPermittedError,
    "unsupported_country_region_territory": errors.NotPermittedError,
}
_ERRORS_BY_STATUS: Final[Mapping[int, type[errors.SpeechError]]] = {
    401: errors.InvalidKeyError,
    402: errors.OutOfCreditError,
    403: errors.NotPermittedError,
    404: errors.NotFoundError,
    405: errors.NotASpeechServerError,
    408: errors.TimedOutError,
    413: errors.TextTooLongError,
    429: errors.RateLimitedError,
    501: errors.NotImplementedByProviderError,
}


@dataclass(frozen=True, slots=True)
class Limits:
    """How long to wait, in seconds. There is no limit on the whole: a stream that moves may go on."""

    connect: float = 10
    first_byte: float = 60
    between_bytes: float = 20


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer whose body has not been read."""

    response: ClientResponse
    limits: Limits

    @property
    def content_type(self) -> str:
        """The type that the server claims, without parameters; empty where it claims none."""
        return self.response.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    async def chunks(self, max_bytes: int = MAX_AUDIO_BYTES) -> AsyncGenerator[bytes]:
        """Yield the body as it arrives.

        Raises AnswerTooLargeError, TimedOutError, and ConnectionLostError where the body ends before its end.
        """
        received = 0
        wait = self.limits.first_byte
        while True:
            with _translated_errors(errors.ConnectionLostError):
                async with asyncio.timeout(wait):
                    chunk = await self.response.content.readany()
            if not chunk:
                return
            received += len(chunk)
            if received > max_bytes:
                raise errors.AnswerTooLargeError
            yield chunk
            wait = self.limits.between_bytes

    async def json(self) -> Json:
        """Read the body as JSON. Raises NotASpeechServerError where it is none."""
        document = b"".join([chunk async for chunk in self.chunks(MAX_DOCUMENT_BYTES)])
        try:
            return json.loads(document)
        except ValueError as err:
            raise errors.NotASpeechServerError(status=self.response.status) from err


class HttpClient:
    """Requests to one origin, with the headers that carry its key."""

    def __init__(
        self, session: ClientSession, base_url: str, headers: Mapping[str, str], limits: Limits | None = None
    ) -> None:
        """Send `headers` to paths below `base_url`, and to no other origin."""
        self._session = session
        self._base_url = URL(base_url)
        self._headers = headers
        self._limits = limits or Limits()

    async def get_json(self, path: str) -> Json:
        """GET a JSON document."""
        async with self.request("GET", path) as answer:
            return await answer.json()

    @asynccontextmanager
    async def request(self, method: str, path: str, body: Json = None) -> AsyncGenerator[Answer]:
        """Send a request and give its answer while the context lasts; leaving it cancels what is still under way.

        Raises a SpeechError for every answer that is not a success.
        """
        if self._session.closed:  # the account is gone, and what still speaks with it is over
            raise errors.ConnectionLostError
        url = self._base_url.joinpath(*path.split("/"))
        with _translated_errors():
            async with asyncio.timeout(self._limits.first_byte):
                response = await self._send(method, url, body)
        async with response:
            if not response.ok:
                raise await self._error_of(response)
            yield Answer(response, self._limits)

    async def _send(self, method: str, url: URL, body: Json) -> ClientResponse:
        """Send a request and follow redirects that keep the method and stay on the origin."""
        timeout = ClientTimeout(total=None, connect=self._limits.connect)
        for _ in range(_MAX_REDIRECTS):
            response = await self._session.request(
                method, url, json=body, headers=self._headers, timeout=timeout, allow_redirects=False
            )
            if not 300 <= response.status < 400:
                return response
            response.release()
            target = _redirect_target(url, response.headers.get("Location", ""))
            keeps_method = method == "GET" or response.status in (307, 308)
            if target is None or target.origin() != self._base_url.origin() or not keeps_method:
                raise errors.RedirectedError(status=response.status, code=str(target.origin()) if target else None)
            url = target
        raise errors.RedirectedError(status=response.status)

    async def _error_of(self, response: ClientResponse) -> errors.SpeechError:
        """Make the error that an answer without success stands for."""
        body = b""
        try:
            async for chunk in Answer(response, self._limits).chunks(MAX_ERROR_BYTES):
                body += chunk
        except errors.SpeechError as err:
            _LOGGER.debug("The explanation of status %s broke off: %s", response.status, err)
        _LOGGER.debug("%s answered %s: %s", self._base_url.host, response.status, body[:1000])
        return error_for(response.status, _codes(body), _retry_after(response.headers.get("Retry-After")))


def _redirect_target(url: URL, location: str) -> URL | None:
    """Return where a redirect leads on the web, None where it leads nowhere."""
    try:
        target = url.join(URL(location))
        target.origin()
    except ValueError:
        return None
    return target


def error_for(status: int, codes: tuple[str, ...] = (), retry_after: float | None = None) -> errors.SpeechError:
    """Return the error for an HTTP status and the provider's codes, the most telling first."""
    for code in codes:
        if error := _ERRORS_BY_CODE.get(code):
            return error(status=status, code=code, retry_after=retry_after)
    default = errors.ProviderFaultError if status >= 500 else errors.RejectedError
    error = _ERRORS_BY_STATUS.get(status, default)
    return error(status=status, code=codes[0] if codes else None, retry_after=retry_after)


def _codes(body: bytes) -> tuple[str, ...]:
    """Collect the codes and types in an error document: `{"error": {"code", "type"}}` and its relatives."""
    try:
        document = json.loads(body)
    except ValueError:
        return ()
    found: list[str] = []
    if b"missing scopes" in body.lower():  # OpenAI's 401 for a key that lacks a permission has no code of its own
        return ("missing_scopes",)
    while isinstance(document, dict):
        found += [document[name] for name in ("code", "type") if isinstance(document.get(name), str)]
        document = document.get("error") or document.get("detail")
    # The innermost object is the most precise; anything that is not a short word may be a message.
    return tuple(code.lower() for code in reversed(found) if code.replace("_", "").isalnum() and len(code) <= 64)


def _retry_after(value: str | None) -> float | None:
    """Read a Retry-After header, given in seconds or as a date, as seconds from now."""
    if not value:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


@contextmanager
def _translated_errors(
    broken: type[errors.SpeechError] = errors.CannotConnectError,
) -> Iterator[None]:
    """Turn what aiohttp and the clock raise into errors of this package, a broken connection into `broken`."""
    try:
        yield
    except TimeoutError as err:
        raise errors.TimedOutError from err
    except ClientConnectorCertificateError as err:
        raise errors.UntrustedCertificateError from err
    except ClientConnectorSSLError as err:
        raise errors.NoHttpsError from err
    except (ClientError, OSError) as err:
        raise broken from err
