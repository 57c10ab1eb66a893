"""NanoGPT's answers in JSON: a link to the sound, a ticket for a job, how the job is, or what went wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
import json
from typing import Any, Final, Self

from ..errors import ContentRefusedError, GenerationFailedError, NotAudioError, SpeechError
from ..http import Json, codes_of, error_for

_DONE: Final = ("completed", "succeeded")
_FAILED: Final = ("error", "failed", "content_policy_violation")
_ECHOED: Final = ("runId", "model", "cost", "paymentSource", "isApiRequest")
"""What a question about a ticket passes back; NanoGPT refunds a failed job by it."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A job that is queued and paid for: what a question about it has to say."""

    query: Mapping[str, str]

    @classmethod
    def read(cls, document: Json, model_id: str) -> Self:
        """Read a ticket for a model's speech. Raises NotAudioError where the document is none."""
        given = {key: value for key in _ECHOED if (value := _find(document, key)) is not None}
        if "runId" not in given:
            raise NotAudioError(code="application/json")
        given.setdefault("model", model_id)
        return cls({key: value if isinstance(value, str) else json.dumps(value) for key, value in given.items()})


def link_in(document: Json) -> str | None:
    """Return the link to the sound, None while there is none.

    Raises ContentRefusedError, GenerationFailedError for a job that came to nothing or is done without a sound, and
    what an error stands for that comes with a status of success.
    """
    link = _find(document, "audioUrl") or _find(document, "url")
    if isinstance(link, str):
        return link
    status = str(_find(document, "status")).lower()
    if status in _DONE:
        raise GenerationFailedError(code="no_audio")
    if status in _FAILED or (isinstance(document, dict) and document.get("error")):
        raise _failure(document, status)
    return None


def _failure(document: Json, status: str) -> SpeechError:
    """Return the error that a document tells of."""
    if "content_policy_violation" in (status, str(_find(document, "code")).lower()):
        return ContentRefusedError(code="content_policy_violation")
    stated = _find(document, "status")
    if isinstance(stated, int) and 400 <= stated < 600:
        return error_for(stated, codes_of(document, stated))
    codes = codes_of(document)
    return error_for(200, codes) if stated is None else GenerationFailedError(code=codes[0] if codes else None)


def _find(document: Json, key: str) -> Any:
    """Return a field of a document or of the `data` in it, None where there is none."""
    if not isinstance(document, dict):
        return None
    return document[key] if key in document else _find(document.get("data"), key)
