"""The one place that talks HTTP: time limits, bounded reads, redirects, and what a status means."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
import logging
import re
from typing import Any, Final

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
from .complaints import complaints_in
from .documents import read_json

_LOGGER = logging.getLogger(__name__)

type Json = Any
"""What a JSON document holds."""

MAX_DOCUMENT_BYTES: Final = 8 * 1024 * 1024
"""More than the largest catalogue; a longer document is not read."""
MAX_ERROR_BYTES: Final = 64 * 1024
MAX_AUDIO_BYTES: Final = 512 * 1024 * 1024
"""More than an hour of uncompressed speech, which no single request can ask for."""

_MAX_REDIRECTS: Final = 3
_TYPE: Final = re.compile(r"[\w.+-]{1,64}/[\w.+-]{1,64}", re.ASCII)
"""What a type looks like; it is told to people."""

# The provider's own code says more than the status that it comes with.
_ERRORS_BY_CODE: Final[Mapping[str, type[errors.SpeechError]]] = {
    "invalid_api_key": errors.InvalidKeyError,
    "authentication_error": errors.InvalidKeyError,
    "missing_scopes": errors.NotPermittedError,
    "unsupported_country_region_territory": errors.NotPermittedError,
    "model_not_allowed": errors.NotPermittedError,
    "insufficient_quota": errors.OutOfCreditError,
    "insufficient_balance": errors.OutOfCreditError,
    "rate_limit_exceeded": errors.RateLimitedError,
    "daily_rpd_limit_exceeded": errors.DailyLimitError,
    "daily_usd_limit_exceeded": errors.DailyLimitError,
    "model_not_found": errors.NotFoundError,
    "model_not_available": errors.NotFoundError,
    "invalid_model": errors.NotFoundError,
    "invalid_voice": errors.RejectedError,
    "unsupported_format": errors.RejectedError,
    "invalid_sample_rate": errors.RejectedError,
    "string_above_max_length": errors.TextTooLongError,
    "input_too_long": errors.TextTooLongError,
    "prompt_too_long": errors.TextTooLongError,
    "context_length_exceeded": errors.TextTooLongError,
    "content_policy_violation": errors.ContentRefusedError,
    "content_moderation_blocked": errors.ContentRefusedError,
    "no_api_key": errors.VendorKeyMissingError,
    "provider_disabled": errors.VendorDisabledError,
    "streaming_unsupported": errors.NotImplementedByProviderError,
    "empty_response": errors.ProviderFaultError,
}
_ANY_ERROR: Final = "api_error"
# What is so general that a status of failure says more.
_ERRORS_BY_TYPE: Final[Mapping[str, type[errors.SpeechError]]] = {
    "permission_denied_error": errors.NotPermittedError,
    "permission_error": errors.NotPermittedError,
    "not_found_error": errors.NotFoundError,
    "rate_limit_error": errors.RateLimitedError,
    "server_error": errors.ProviderFaultError,
    "service_unavailable": errors.ProviderFaultError,
    _ANY_ERROR: errors.ProviderFaultError,
}
_ERRORS_BY_STATUS: Final[Mapping[int, type[errors.SpeechError]]] = {
    401: errors.InvalidKeyError,
    402: errors.OutOfCreditError,
    403: errors.NotPermittedError,
    404: errors.NotFoundError,
    405: errors.NotASpeechServerError,
    408: errors.TimedOutError,
    410: errors.ServiceGoneError,
    413: errors.TextTooLongError,
    429: errors.RateLimitedError,
    501: errors.NotImplementedByProviderError,
}

_WORDLESS_STATUSES: Final = (404, 422)
"""What an answer says with these is about what was asked for, and may repeat it."""
_CODES_BY_WORDS: Final = {
    "missing_scopes": re.compile("missing scopes", re.IGNORECASE),  # OpenAI, for a key that lacks a permission
    "insufficient_balance": re.compile(
        r"insufficient (balance|funds|credit)|(not enough|out of|add) (balance|funds|credit)"
        r"|balance (is )?(too low|insufficient|empty)|payment required",
        re.IGNORECASE,
    ),
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
            with translated_errors(errors.ConnectionLostError):
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
            return read_json(document)
        except ValueError as err:
            raise errors.NotASpeechServerError(status=self.response.status) from err


class HttpClient:
    """Requests to one origin, with the headers that carry its key."""

    def __init__(
        self,
        session: ClientSession,
        base_url: str,
        headers: Mapping[str, str],
        limits: Limits | None = None,
        doubtful: frozenset[str] = frozenset(),
    ) -> None:
        """Send `headers` to paths below `base_url`, and to no other origin.

        `doubtful`: fields that the server may not know; a refusal that mentions one of them, anywhere, is about it.
        """
        self._session = session
        self._base_url = URL(base_url)
        self._headers = headers
        self._limits = limits or Limits()
        self._doubtful = doubtful

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
    ) -> AsyncGenerator[Answer]:
        """Send a request and give its answer while the context lasts; leaving it cancels what is still under way.

        `path`: below the base URL, or a whole URL of the same origin.

        Raises a SpeechError for every answer that is not a success.
        """
        if self._session.closed:  # the account is gone, and what still speaks with it is over
            raise errors.ConnectionLostError
        url = path if isinstance(path, URL) else self._base_url.joinpath(*path.split("/")).with_query(query)
        if url.origin() != self._base_url.origin():
            raise errors.UnsafeLinkError(code=url.host)
        with translated_errors():
            async with asyncio.timeout(self._limits.first_byte):
                response = await self._send(method, url, body, {**self._headers, **(headers or {})})
        async with response:
            if not response.ok:
                raise await self._error_of(response)
            yield Answer(response, self._limits)

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
            target = redirect_target(url, response.headers.get("Location", ""))
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
        try:
            document = read_json(body)
        except ValueError:
            document = None
        codes = codes_of(document, response.status)
        error = error_for(response.status, codes, retry_after_of(response))
        if isinstance(document, dict):
            error.is_explained = True
            error.subject = _short(document.get("provider"), "_-")
        complaints = list(complaints_in(document, self._doubtful))
        error.fields = frozenset().union(*(complaint.fields for complaint in complaints))
        error.unwanted = frozenset().union(*(one.fields for one in complaints if one.is_unwanted))
        return error


def redirect_target(url: URL, location: str, *, is_encoded: bool = False) -> URL | None:
    """Return where a redirect leads on the web, None where it leads nowhere."""
    try:
        target = url.join(URL(location, encoded=is_encoded))
        target.origin()
    except ValueError:
        return None
    return target


def same_origin_only() -> TraceConfig:
    """Return what keeps a session from following a redirect to another origin, as aiohttp does for a WebSocket."""

    async def check(_session: ClientSession, _context: object, redirect: TraceRequestRedirectParams) -> None:
        target = redirect_target(redirect.url, redirect.response.headers.get("Location", ""))
        if target is None or target.origin() != redirect.url.origin():
            redirect.response.close()
            raise errors.RedirectedError(status=redirect.response.status, code=str(target.origin()) if target else None)

    config = TraceConfig()
    config.on_request_redirect.append(check)
    return config


def error_for(status: int, codes: tuple[str, ...] = (), retry_after: float | None = None) -> errors.SpeechError:
    """Return the error for an HTTP status and the provider's codes, the most telling first."""
    for code in codes:
        by_number = _ERRORS_BY_STATUS.get(int(code)) if code.isdecimal() else None
        by_type = _ERRORS_BY_TYPE.get(code) if status < 400 else None
        if error := _ERRORS_BY_CODE.get(code) or by_number or by_type:
            return error(status=status, code=code, retry_after=retry_after)
    default = errors.ProviderFaultError if status >= 500 else errors.RejectedError
    error = _ERRORS_BY_STATUS.get(status, default)
    return error(status=status, code=codes[0] if codes else None, retry_after=retry_after)


def codes_of(document: Json, status: int = 200) -> tuple[str, ...]:
    """Collect the codes in an error document, the most telling first.

    Providers write `{"error": {"code", "type"}}`, `{"error": "text", "status": 402, "code"?}`, `{"error": 402}`,
    `{"type": "error", "error": {…}}` and the like. Only where no known code is among them are messages searched for
    words that one stands for. A `detail` never is: it may hold the text that was to be spoken.
    """
    found: list[str] = []
    messages: list[Json] = []
    for envelope in _envelopes(document):
        found += [_short(envelope.get(name)) for name in ("status", "type", "code")]
        found += [_short(error) for error in (envelope.get("error"),) if isinstance(error, int)]
        messages += [envelope.get("message"), envelope.get("error")]
    codes = tuple(code for code in reversed(found) if code not in ("", str(status)))
    if status >= 500 or status in _WORDLESS_STATUSES or any(map(_is_known, codes)):
        return codes
    words = " ".join(message for message in messages if isinstance(message, str))
    return (*(code for code, pattern in _CODES_BY_WORDS.items() if pattern.search(words)), *codes)


def _envelopes(document: Json) -> Iterator[Mapping[str, Json]]:
    """Yield an error document and what it holds inside, which says more."""
    while isinstance(document, dict):
        yield document
        document = document.get("error") or document.get("detail")


def _is_known(code: str) -> bool:
    """Tell whether it is certain what a code means."""
    is_status = code.isdecimal() and int(code) in _ERRORS_BY_STATUS
    return is_status or code in _ERRORS_BY_CODE or (code in _ERRORS_BY_TYPE and code != _ANY_ERROR)


def _short(value: Json, marks: str = "_") -> str:
    """Return a code in lower case, an empty text for anything that may be a message instead."""
    code = str(value).lower() if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    return code if code.translate(dict.fromkeys(map(ord, marks))).isalnum() and len(code) <= 64 else ""


def retry_after_of(response: ClientResponse) -> float | None:
    """Read a Retry-After header, given in seconds or as a date, as seconds from now."""
    return retry_after_in(response.headers.get("Retry-After"))


def retry_after_in(value: str | None) -> float | None:
    """Read the value of a Retry-After header as seconds from now."""
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
def translated_errors(
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
