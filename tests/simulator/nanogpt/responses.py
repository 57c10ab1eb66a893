"""Response bodies: links, jobs, and the error format of each endpoint."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from http import HTTPStatus
from typing import Literal

from aiohttp import web

from ..files import TRUE_TYPE
from ..http import Json, json_response
from .contract import NanoGPTError, NanoGPTRequest

type ResponseKind = Literal["bytes", "link", "ticket", "ticket_200"]
type LinkKey = Literal["audioUrl", "url", "data.audioUrl", "data.url"]
type Outcome = Literal["error", "violation", "endless"]
type ErrorForm = Literal["openai", "speech", "legacy", "numbered"]

VIOLATION_CODE = "CONTENT_POLICY_VIOLATION"
CONTENT_REJECTED = "Content rejected by provider due to content policy."
GENERATION_FAILED = "TTS generation failed. Please try again."


@dataclass(frozen=True, slots=True)
class ModelResponse:
    """The response of a model.

    kind: audio bytes, a link to a file, or a job ticket with status 202 or 200.
    content_type: the declared type of audio bytes; None declares none.
    link_key: the key of a link, also of a completed job.
    done: the status of a completed job, `completed` according to the documentation.
    """

    kind: ResponseKind = "bytes"
    content_type: str | None = TRUE_TYPE
    link_key: LinkKey = "audioUrl"
    done: str = "completed"


@dataclass(slots=True, eq=False)
class Job:
    """An asynchronous synthesis job.

    polls: the query of each status request, without those replaced by a fault.
    outcome: its outcome, if not successful.
    url: the URL of its audio, once completed.
    """

    run_id: str
    request: NanoGPTRequest
    response: ModelResponse
    cost: float
    outcome: Outcome | None = None
    polls: list[dict[str, str]] = field(default_factory=list)
    is_refunded: bool = False
    url: str | None = None

    @property
    def text(self) -> str:
        """The text to speak."""
        return self.request.text

    @property
    def model(self) -> str:
        """The id of the model."""
        return self.request.model

    def ticket(self) -> dict[str, Json]:
        """Return the response to the speech request."""
        return {
            "status": "pending",
            "runId": self.run_id,
            "model": self.model,
            "charged": True,
            "cost": self.cost,
            "paymentSource": "USD",
            "isApiRequest": True,
        }

    def is_echoed_by(self, query: Mapping[str, str]) -> bool:
        """Return whether a status request passes back the fields required for a refund."""
        echoed = (query.get("cost"), query.get("paymentSource"), query.get("isApiRequest"))
        return echoed == (f"{Decimal(repr(self.cost)):f}", "USD", "true")


def link_body(key: LinkKey, url: str, details: Mapping[str, Json]) -> dict[str, Json]:
    """Return a body with a link and further details."""
    outer, _, inner = key.partition(".")
    return {outer: {inner: url} if inner else url, **details}


def error_response(error: NanoGPTError, form: ErrorForm, speech_field: Literal["type", "code"]) -> web.Response:
    """Return an error in the format of an endpoint."""
    body = _speech_form(error, speech_field) if form == "speech" else _FORMS[form](error)
    if error.status == HTTPStatus.PAYMENT_REQUIRED:
        body = {"error": error.message, "status": error.status.value}
    return json_response(body | error.extra, error.status)


def _openai_form(error: NanoGPTError) -> dict[str, Json]:
    """Return an OpenAI-like error object that omits a missing code and param."""
    details: dict[str, Json] = {"message": error.message, "type": error.kind}
    if error.code:
        details["code"] = error.code
    if error.param:
        details["param"] = error.param
    return {"error": details}


def _speech_form(error: NanoGPTError, speech_field: Literal["type", "code"]) -> dict[str, Json]:
    """Return the error object of `/v1/speech`, whose documentation is ambiguous about the field of the name."""
    details: dict[str, Json] = {"type": error.kind, "message": error.message}
    if error.code:
        details[speech_field] = error.code
    return {"error": details}


def _legacy_form(error: NanoGPTError) -> dict[str, Json]:
    """Return the older endpoints' errors as observed."""
    body: dict[str, Json] = {"error": error.message, "status": error.status.value}
    return body | {"code": error.code} if error.code else body


def _numbered_form(error: NanoGPTError) -> dict[str, Json]:
    """Return the older endpoints' errors according to their schema."""
    return {"error": error.status.value, "message": error.message}


_FORMS = {"openai": _openai_form, "legacy": _legacy_form, "numbered": _numbered_form}
