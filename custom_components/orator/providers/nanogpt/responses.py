"""NanoGPT's answers in JSON: a link to the sound, a ticket for a job, how the job is, or what went wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field
import json
from typing import Any, Final, Self

from ..error_responses import error_for, find_error_codes
from ..errors import ContentRefusedError, GenerationFailedError, NotAudioError, RejectedError, SpeechError
from ..json_documents import Json
from ..models import Usage

_DONE: Final = ("completed", "succeeded")
_REFUSED: Final = "content_policy_violation"
_FAILED: Final = ("error", "failed", _REFUSED)
_ECHOED: Final = ("runId", "model", "cost", "paymentSource", "isApiRequest")
"""What a question about a ticket passes back; NanoGPT refunds a failed job by it."""

_CURRENCY: Final = "USD"
"""What costs are in, from whatever they are paid."""
_HIGHEST_COST: Final = 1_000.0
_LONGEST: Final = 1_000
"""Characters of each; all of them travel in one address."""


@dataclass(frozen=True, slots=True)
class JobTicket:
    """A job that is queued and paid for: what a question about it has to say."""

    query: Mapping[str, str]
    refund: Usage = field(default_factory=Usage)
    """What is paid back if the job comes to nothing."""

    @classmethod
    def read(cls, document: Json, model_id: str) -> Self:
        """Read a ticket for a model's speech. Raises NotAudioError where the document is none."""
        given = {key: value for key in _ECHOED if (value := _find(document, key)) is not None}
        if "runId" not in given:
            raise NotAudioError(code="application/json")
        given.setdefault("model", model_id)
        query = {key: value if isinstance(value, str) else json.dumps(value) for key, value in given.items()}
        if any(len(value) > _LONGEST for value in query.values()):
            raise NotAudioError(code="application/json")
        cost, currency = read_cost(document)
        return cls(query, Usage(cost=-(cost or 0), currency=currency))


def read_cost(document: Json) -> tuple[float | None, str | None]:
    """Return what an answer says it costs, and in which currency; nothing where it does not say."""
    cost, currency = _find(document, "cost"), _find(document, "currency")
    if isinstance(cost, bool) or not isinstance(cost, (int, float)) or not 0 <= cost < _HIGHEST_COST:
        return None, None
    return float(cost), currency if isinstance(currency, str) else _CURRENCY


def find_audio_url(document: Json, *, is_job: bool = False) -> str | None:
    """Return the link to the sound, None while there is none.

    Raises ContentRefusedError, GenerationFailedError for a job that came to nothing or is done without a sound, and
    what an error stands for that comes with a status of success. Of a job only its own status says that it has failed.
    """
    link = _find(document, "audioUrl") or _find(document, "url")
    if isinstance(link, str):
        return link
    status = str(_find(document, "status")).lower()
    if status in _DONE:
        raise GenerationFailedError(code="no_audio")
    if status in _FAILED or _is_refusal(document) or (_find(document, "error") and not is_job):
        raise _failure(document, status)
    return None


def _failure(document: Json, status: str) -> SpeechError:
    """Return the error that a document tells of."""
    if status == _REFUSED or _is_refusal(document):
        return ContentRefusedError(code=_REFUSED)
    stated = _find(document, "status")
    number = stated if isinstance(stated, int) and 400 <= stated < 600 else 200
    codes = find_error_codes(document, number)
    error = error_for(number, codes)
    if number == 200 and status in _FAILED and isinstance(error, RejectedError):  # it says no more than that it failed
        return GenerationFailedError(code=next((code for code in codes if code not in _FAILED), None))
    return error


def _is_refusal(document: Json) -> bool:
    return _REFUSED in find_error_codes(document)


def _find(document: Json, key: str) -> Any:
    """Return a field of a document or else of the `data` in it, None where there is none."""
    if not isinstance(document, dict):
        return None
    found = document.get(key)
    return _find(document.get("data"), key) if found is None else found
