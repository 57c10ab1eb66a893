"""NanoGPT's JSON responses: a link to the audio, a job ticket, the status of a job, or an error."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
import json
from math import isfinite
from typing import Any, Final, Self

from ..error_responses import error_for, find_error_codes
from ..errors import (
    ContentRefusedError,
    GenerationFailedError,
    InvalidKeyError,
    NotAudioError,
    NotFoundError,
    OutOfCreditError,
    RejectedError,
    SpeechError,
)
from ..json_documents import Json
from ..models import Usage, is_currency_code

_DONE_STATUSES: Final = ("completed", "succeeded")
_CONTENT_VIOLATION: Final = "content_policy_violation"
_FAILED_STATUSES: Final = ("error", "failed", _CONTENT_VIOLATION)
_TICKET_FIELDS: Final = ("runId", "model", "cost", "paymentSource", "isApiRequest")
"""Fields to send back in status requests; NanoGPT needs them to refund a failed job."""
_MAX_TICKET_FIELD_CHARS: Final = 1_000
"""Maximum length of a field: all fields are sent in one URL."""
_COST_CURRENCY: Final = "USD"
"""Currency of costs, whatever the payment source."""
_MAX_COST: Final = 1_000.0

STATUS_REFUSALS: Final = (InvalidKeyError, OutOfCreditError, NotFoundError)
"""Errors of a status request after which polling is useless."""


@dataclass(frozen=True, slots=True)
class JobTicket:
    """A job that is queued and has been charged."""

    query: Mapping[str, str]
    """Query of status requests."""
    refund: Usage = field(default_factory=Usage)
    """Negative usage to record if the job fails."""

    @classmethod
    def parse(cls, document: Json, model_id: str) -> Self:
        """Return the ticket in a document. Raises NotAudioError if there is none."""
        fields = {key: value for key in _TICKET_FIELDS if (value := _find(document, key)) is not None}
        if "runId" not in fields:
            raise NotAudioError(code="application/json")
        fields.setdefault("model", model_id)
        query = {key: _query_value(value) for key, value in fields.items()}
        if any(len(value) > _MAX_TICKET_FIELD_CHARS for value in query.values()):
            raise NotAudioError(code="application/json")
        cost, currency = read_cost(document)
        return cls(query, Usage(cost=-(cost or 0), currency=currency))


def _query_value(value: Json) -> str:
    """Return a field of a ticket as sent in a query; numbers have no exponent, which a server may not parse."""
    if isinstance(value, str):
        return value
    is_finite_float = isinstance(value, float) and isfinite(value)
    return f"{Decimal(repr(value)):f}" if is_finite_float else json.dumps(value)


def read_cost(document: Json) -> tuple[float | None, str | None]:
    """Return the cost and currency in a document, or None for both if it states no plausible cost."""
    cost, currency = _find(document, "cost"), _find(document, "currency")
    if isinstance(cost, bool) or not isinstance(cost, (int, float)) or not 0 <= cost < _MAX_COST:
        return None, None
    return float(cost), currency if is_currency_code(currency) else _COST_CURRENCY


def find_audio_link(document: Json, *, is_job: bool = False) -> str | None:
    """Return the link to the audio, or None if there is none yet.

    Raises ContentRefusedError, GenerationFailedError if a job failed or has no audio, and the error described in a
    document with a success status. In the status of a job, an `error` alone does not mean that the job failed.
    """
    link = _find(document, "audioUrl") or _find(document, "url")
    if isinstance(link, str):
        return link
    status = str(_find(document, "status")).lower()
    if status in _DONE_STATUSES:
        raise GenerationFailedError(code="no_audio")
    if status == _CONTENT_VIOLATION or _CONTENT_VIOLATION in find_error_codes(document):
        raise ContentRefusedError(code=_CONTENT_VIOLATION)
    if status in _FAILED_STATUSES or (_find(document, "error") and not is_job):
        raise _error_in(document, status)
    return None


def find_status_refusal(document: Json) -> SpeechError | None:
    """Return the error if a document with a success status refuses to state the status of a job."""
    stated = _find(document, "status")
    if not isinstance(stated, int) or not 400 <= stated < 600:
        return None
    error = _error_in(document, str(stated))
    return error if isinstance(error, STATUS_REFUSALS) else None


def _error_in(document: Json, status: str) -> SpeechError:
    """Return the error that a document describes."""
    stated = _find(document, "status")
    http_status = stated if isinstance(stated, int) and 400 <= stated < 600 else 200
    codes = find_error_codes(document, http_status)
    error = error_for(http_status, codes)
    if http_status == 200 and status in _FAILED_STATUSES and isinstance(error, RejectedError):  # without a reason
        return GenerationFailedError(code=next((code for code in codes if code not in _FAILED_STATUSES), None))
    return error


def _find(document: Json, key: str) -> Any:
    """Return a field of a document or of its `data`, or None if neither has the field."""
    if not isinstance(document, dict):
        return None
    found = document.get(key)
    return _find(document.get("data"), key) if found is None else found
