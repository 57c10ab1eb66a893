"""Which fields of a request a refusal names: every framework has its own way to do so."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
import re
from typing import Any, Final

from aiohttp import (
    ClientResponse,
)

from . import errors
from .json_documents import Json

_UNRECOGNIZED: Final = re.compile(r"unrecogni[sz]ed key(?:s|\(s\))?(?: in object)?:?\s*([\w\s,'\"`]+)", re.IGNORECASE)
_UNWANTED: Final = re.compile(
    r"extra_forbidden|extra (inputs|fields)|unrecogni[sz]ed|unknown|unexpected|unsupported|no such"
    r"|not (be )?(supported|permitted|allowed|recogni[sz]ed|accepted|implemented|available)"
    r"|(do(es)? not|do(es)?n't|cannot|can't) (support|accept|take|allow|know|recogni[sz]e)",
    re.IGNORECASE,
)
"""How a server says of a field that it does not take it at all; of a value it says what it must be."""
_OF_A_VALUE: Final = re.compile(r"\b(must be|should be|between|at (least|most)|one of|range)\b", re.IGNORECASE)
_WORD: Final = re.compile(r"\w+")
_PLACES: Final = ("loc", "path", "param")
"""Where FastAPI, extensions of RFC 7807 and OpenAI name the field that they complain of."""
_TEXTS: Final = ("detail", "message", "msg", "error", "details", "type")
_PARTS: Final = ("validation", "errors", *_TEXTS)
_DEPTH: Final = 5


@dataclass(frozen=True, slots=True)
class FieldError:
    """Fields that a refusal names together, and whether it says that the server does not take them at all."""

    fields: frozenset[str]
    is_unwanted: bool


def find_field_errors(document: Any, optional_fields: frozenset[str], depth: int = _DEPTH) -> Iterator[FieldError]:
    """Yield what an error document complains of; a sentence that has a `optional_fields` field in it is about that."""
    if isinstance(document, list) and depth:
        for part in document:
            yield from find_field_errors(part, optional_fields, depth - 1)
    elif isinstance(document, dict) and depth:
        texts = [document[key] for key in _TEXTS if isinstance(document.get(key), str)]
        if fields := {*_placed(document), *_mentioned(texts, optional_fields)}:
            is_unwanted = any(_UNWANTED.search(text) and not _OF_A_VALUE.search(text) for text in texts)
            yield FieldError(frozenset(fields), is_unwanted)
        for key in _PARTS:
            yield from find_field_errors(document.get(key), optional_fields, depth - 1)


def _placed(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the fields that an object says it is about."""
    for place in map(document.get, _PLACES):
        for part in place if isinstance(place, list) else [place]:
            yield from _WORD.findall(part) if isinstance(part, str) else ()


def _mentioned(texts: list[str], optional_fields: frozenset[str]) -> Iterator[str]:
    """Yield the fields that sentences mention."""
    for text in texts:
        yield from optional_fields.intersection(_WORD.findall(text))
        yield from (name for names in _UNRECOGNIZED.findall(text) for name in _WORD.findall(names))


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


def find_error_codes(document: Json, status: int = 200) -> tuple[str, ...]:
    """Collect the codes in an error document, the most telling first.

    Providers write `{"error": {"code", "type"}}`, `{"error": "text", "status": 402, "code"?}`, `{"error": 402}`,
    `{"type": "error", "error": {…}}` and the like. Only where no known code is among them are messages searched for
    words that one stands for. A `detail` never is: it may hold the text that was to be spoken.
    """
    found: list[str] = []
    messages: list[Json] = []
    for envelope in _envelopes(document):
        found += [short_code(envelope.get(name)) for name in ("status", "type", "code")]
        found += [short_code(error) for error in (envelope.get("error"),) if isinstance(error, int)]
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


def short_code(value: Json, marks: str = "_") -> str:
    """Return a code in lower case, an empty text for anything that may be a message instead."""
    code = str(value).lower() if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    return code if code.translate(dict.fromkeys(map(ord, marks))).isalnum() and len(code) <= 64 else ""


def read_retry_after(response: ClientResponse) -> float | None:
    """Read a Retry-After header, given in seconds or as a date, as seconds from now."""
    return parse_retry_after(response.headers.get("Retry-After"))


def parse_retry_after(value: str | None) -> float | None:
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
