"""Turn the status and body of an error response into an error and the request fields named in it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
import re
from typing import Any, Final

from . import errors
from .json_documents import Json, parse_json

# A provider's code is more specific than the HTTP status of the response.
_ERRORS_BY_CODE: Final[Mapping[str, type[errors.SpeechError]]] = {
    "invalid_api_key": errors.InvalidKeyError,
    "missing_api_key": errors.InvalidKeyError,
    "authentication_error": errors.InvalidKeyError,
    "incorrect_hostname": errors.WrongRegionError,
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
    "content_filter": errors.ContentRefusedError,
    "no_api_key": errors.VendorKeyMissingError,
    "provider_disabled": errors.VendorDisabledError,
    "streaming_unsupported": errors.NotImplementedByProviderError,
    "empty_response": errors.ProviderFaultError,
}
_MESSAGE_KEYS: Final = ("detail", "message", "msg", "error", "details", "type")
_NESTED_KEYS: Final = ("validation", "errors", *_MESSAGE_KEYS)
_TEXT_KEYS: Final = frozenset({"code", "status", "reason", "title", "data", *_NESTED_KEYS})
_MAX_ERROR_DEPTH: Final = 5
_MAX_ERRORS: Final = 20
"""Maximum number of errors read from a list."""
_UNKNOWN_KEY_CODE: Final = "no_db_connection"
"""LiteLLM's code for a key that it cannot look up because it has no database; with other statuses, for an outage."""
_GENERIC_TYPE: Final = "api_error"
# Error types are less specific than an error status.
_ERRORS_BY_TYPE: Final[Mapping[str, type[errors.SpeechError]]] = {
    "permission_denied_error": errors.NotPermittedError,
    "permission_error": errors.NotPermittedError,
    "not_found_error": errors.NotFoundError,
    "rate_limit_error": errors.RateLimitedError,
    "server_error": errors.ProviderFaultError,
    "service_unavailable": errors.ProviderFaultError,
    _GENERIC_TYPE: errors.ProviderFaultError,
}
KNOWN_CODES: Final = frozenset(_ERRORS_BY_CODE) | frozenset(_ERRORS_BY_TYPE)
"""Codes with a documented meaning."""
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
_ECHOING_STATUSES: Final = (404, 422)
"""Statuses whose messages may quote the request, so that the messages are only searched for refusals of the text."""
_PHRASE_STATUSES: Final = (200, 400, 403)
"""Statuses of refused requests; with others, words about refusals describe something else."""
_REFUSAL_CODES: Final = frozenset(code for code, kind in _ERRORS_BY_CODE.items() if kind is errors.ContentRefusedError)
_CODE_IN_MESSAGE: Final = re.compile(rf"\b(?:{'|'.join(_ERRORS_BY_CODE)})\b", re.IGNORECASE)
_REFUSAL_IN_MESSAGE: Final = re.compile(r"\bcontent_(?:policy_violation|moderation_blocked)\b", re.IGNORECASE)
_REFUSAL_PHRASE: Final = re.compile(
    r"\bcontent[_ -](?:policy[_ -]violation|moderation[_ -]blocked)\b|\bcontent_filter\b", re.IGNORECASE
)
"""Codes of refused texts, which may also be written with spaces."""
_QUOTATION: Final = re.compile(
    r"""(?<!\w)(?P<mark>["'`]).*?(?:(?P=mark)(?!\w)|$)|[“„«\u2018\u2039「『].*?(?:[”“»\u2019\u203a」』](?!\w)|$)""",
    re.DOTALL,
)
"""A quotation, which may be the text; an apostrophe within a word is no quotation mark."""
_CODES_BY_MESSAGE: Final = {
    "missing_scopes": re.compile("missing scopes", re.IGNORECASE),  # OpenAI, if a key lacks a permission
    "insufficient_balance": re.compile(
        r"insufficient (balance|funds|credit)|(not enough|out of|add) (balance|funds|credit)"
        r"|balance (is )?(too low|insufficient|empty)|payment required",
        re.IGNORECASE,
    ),
}
_KEY_NAME: Final = "(api[ _-]?key|access token)"
_REFUSED_KEY: Final = re.compile(
    rf"\W*((authentication )?error\W+)?((the|your|this|provided) ){{0,2}}((invalid|incorrect|wrong|expired|revoked"
    rf"|malformed) {_KEY_NAME}|{_KEY_NAME} (is |was |has )?(not (valid|provided)|invalid|incorrect|missing|required"
    r"|expired)\b)",
    re.IGNORECASE,
)
"""The start of a message about the user's API key; a message about a vendor's key names the vendor first."""
_VENDOR_CODE: Final = re.compile("vendor|upstream|provider")


def parse_error_response(
    status: int, body: bytes, retry_after: float | None, optional_fields: frozenset[str]
) -> errors.SpeechError:
    """Return the error that a response describes; messages are searched for `optional_fields`."""
    try:
        document = parse_json(body)
    except ValueError:
        document = None
    error = error_for(status, find_error_codes(document, status), retry_after)
    if isinstance(document, dict):
        error.has_error_document = True
        error.subject = _short_code(document.get("provider"), "_-")
    field_errors = list(find_field_errors(document, optional_fields))
    error.fields = frozenset().union(*(one.fields for one in field_errors))
    error.unsupported_fields = frozenset().union(*(one.fields for one in field_errors if one.is_unsupported))
    return error


def error_for(status: int, codes: tuple[str, ...] = (), retry_after: float | None = None) -> errors.SpeechError:
    """Return the error for an HTTP status and the provider's codes, the most specific code first."""
    if status == HTTPStatus.BAD_REQUEST and _UNKNOWN_KEY_CODE in codes:
        return errors.InvalidKeyError(status=status, code=_UNKNOWN_KEY_CODE)
    for code in codes:
        by_number = _ERRORS_BY_STATUS.get(int(code)) if code.isdecimal() else None
        by_type = _ERRORS_BY_TYPE.get(code) if status < 400 else None
        if error := _ERRORS_BY_CODE.get(code) or by_number or by_type:
            return error(status=status, code=code, retry_after=retry_after)
    default = errors.ProviderFaultError if status >= 500 else errors.RejectedError
    error = _ERRORS_BY_STATUS.get(status, default)
    return error(status=status, code=codes[0] if codes else None, retry_after=retry_after)


def find_error_codes(document: Json, status: int = 200) -> tuple[str, ...]:
    """Return the codes in an error document, most specific first.

    Providers send `{"error": {"code", "type"}}`, `{"error": "text", "status": 402, "code"?}`, `{"error": 402}`,
    `{"type": "error", "error": {…}}`, `{"error": "CODE"}` and similar documents. Messages are searched only if no known
    code is found, without quotations and, except for refusals, never in `detail`, which may quote the text.
    """
    found: list[str] = []
    messages: list[Json] = []
    for envelope in _envelopes(document):
        found += [_short_code(envelope.get(name)) for name in ("status", "type", "code")]
        found += [code for name in _MESSAGE_KEYS if (code := _short_code(envelope.get(name))) in _ERRORS_BY_CODE]
        if isinstance(error := envelope.get("error"), int):
            found.append(_short_code(error))
        messages += [envelope.get("message"), error]
    codes = tuple(code for code in reversed(found) if code not in ("", str(status)))
    if not _ERRORS_BY_CODE.keys().isdisjoint(codes):
        return codes
    may_quote = status >= 500 or status in _ECHOING_STATUSES
    parts = [] if may_quote else [_without_quotations(text) for text in messages if isinstance(text, str)]
    message = " ".join(parts)
    named = _CODE_IN_MESSAGE.findall(message) or _find_refusals(document, status)
    if named:
        return (re.sub("[ -]", "_", named[0].lower()), *codes)
    if any(map(_is_known_code, codes)):
        return codes
    described = [code for code, pattern in _CODES_BY_MESSAGE.items() if pattern.search(message)]
    if status in (HTTPStatus.OK, HTTPStatus.BAD_REQUEST) and not any(map(_VENDOR_CODE.search, codes)):
        described += ["invalid_api_key" for part in parts if _REFUSED_KEY.match(part)]
    return (*described, *codes)


def _find_refusals(document: Json, status: int) -> list[str]:
    """Return the codes of refused texts in the codes and messages of an error document."""
    texts = list(_texts(document))
    pattern = _REFUSAL_PHRASE if status in _PHRASE_STATUSES else _REFUSAL_IN_MESSAGE
    codes = [text for text in texts if text.lower() in _REFUSAL_CODES]
    return codes or pattern.findall(" ".join(map(_without_quotations, texts)))


def _without_quotations(message: str) -> str:
    """Return a message without quotations of several words, which may be the text; a single word may be a code."""
    return _QUOTATION.sub(lambda found: found[0] if len(found[0].split()) == 1 else " ", message)


def _texts(document: Json, depth: int = _MAX_ERROR_DEPTH) -> Iterator[str]:
    """Yield the codes and messages anywhere in an error document."""
    if isinstance(document, str):
        yield document
    elif isinstance(document, list) and depth:
        for part in document[:_MAX_ERRORS]:
            yield from _texts(part, depth - 1)
    elif isinstance(document, dict) and depth:
        for key in _TEXT_KEYS & document.keys():
            yield from _texts(document[key], depth - 1)


def _envelopes(document: Json) -> Iterator[Mapping[str, Json]]:
    """Yield an error document and the documents nested in it, which are more specific."""
    while isinstance(document, dict):
        yield document
        document = document.get("error") or document.get("detail")


def _is_known_code(code: str) -> bool:
    """Return whether a code has a specific meaning."""
    is_status = code.isdecimal() and int(code) in _ERRORS_BY_STATUS
    return is_status or code in _ERRORS_BY_CODE or (code in _ERRORS_BY_TYPE and code != _GENERIC_TYPE)


def _short_code(value: Json, marks: str = "_") -> str:
    """Return a code in lower case, or "" if the value may be a message; `marks` are additional characters of codes."""
    code = str(value).lower() if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
    return code if code.translate(dict.fromkeys(map(ord, marks))).isalnum() and len(code) <= 64 else ""


def parse_retry_after(value: str | None) -> float | None:
    """Return a Retry-After header, in seconds or as a date, as seconds from now, or None if it is invalid."""
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


_UNRECOGNIZED_KEYS: Final = re.compile(
    r"unrecogni[sz]ed key(?:s|\(s\))?(?: in object)?:?\s*([\w\s,'\"`]+)", re.IGNORECASE
)
_UNSUPPORTED_FIELD: Final = re.compile(
    r"extra_forbidden|extra (inputs|fields)|unrecogni[sz]ed|unknown|unexpected|unsupported|no such"
    r"|not (be )?(supported|permitted|allowed|recogni[sz]ed|accepted|implemented|available)"
    r"|(do(es)? not|do(es)?n't|cannot|can't) (support|accept|take|allow|know|recogni[sz]e|work)",
    re.IGNORECASE,
)
_INVALID_VALUE: Final = re.compile(r"\b(must be|should be|between|at (least|most)|one of|range)\b", re.IGNORECASE)
_IDENTIFIER: Final = re.compile(r"\w+")
_LOCATION_KEYS: Final = ("loc", "path", "param")
"""Keys that locate the field, used by FastAPI, by extensions of RFC 7807 and by OpenAI."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """Request fields named in one part of an error document."""

    fields: frozenset[str]
    is_unsupported: bool
    """Whether the server does not support the fields themselves, rather than their values."""


def find_field_errors(
    document: Any, optional_fields: frozenset[str], depth: int = _MAX_ERROR_DEPTH
) -> Iterator[FieldError]:
    """Yield the field errors in an error document; messages are searched for `optional_fields`."""
    if isinstance(document, list) and depth:
        for part in document[:_MAX_ERRORS]:
            yield from find_field_errors(part, optional_fields, depth - 1)
    elif isinstance(document, dict) and depth:
        messages = [document[key] for key in _MESSAGE_KEYS if isinstance(document.get(key), str)]
        if fields := {*_located_fields(document), *_mentioned_fields(messages, optional_fields)}:
            is_unsupported = any(
                _UNSUPPORTED_FIELD.search(message) and not _INVALID_VALUE.search(message) for message in messages
            )
            yield FieldError(frozenset(fields), is_unsupported)
        for key in _NESTED_KEYS:
            yield from find_field_errors(document.get(key), optional_fields, depth - 1)


def _located_fields(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the fields located by a validation error."""
    for location in map(document.get, _LOCATION_KEYS):
        for part in location if isinstance(location, list) else [location]:
            yield from _IDENTIFIER.findall(part) if isinstance(part, str) else ()


def _mentioned_fields(messages: list[str], optional_fields: frozenset[str]) -> Iterator[str]:
    """Yield the optional fields mentioned in messages, and the keys that the messages call unrecognized."""
    for message in messages:
        yield from optional_fields.intersection(_IDENTIFIER.findall(message))
        for keys in _UNRECOGNIZED_KEYS.findall(message):
            yield from _IDENTIFIER.findall(keys)
