"""NanoGPT's answers: the kinds that its models give, tickets, and what a refusal looks like on each route."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
import json
from typing import Literal

from aiohttp import web

from ..exchange import Json
from ..files import AS_IT_IS
from .contract import NotServedError, Wanted

type Kind = Literal["bytes", "link", "ticket", "ticket_200"]
type LinkKey = Literal["audioUrl", "url", "data.audioUrl", "data.url"]
type Fate = Literal["error", "violation", "endless"]
type Form = Literal["openai", "speech", "legacy", "numbered"]

VIOLATION = "CONTENT_POLICY_VIOLATION"
REJECTED = "Content rejected by provider due to content policy."
FAILED = "TTS generation failed. Please try again."


@dataclass(frozen=True, slots=True)
class Answer:
    """How a model answers.

    kind: audio bytes, a link to a file, or a ticket with status 202 or 200.
    content_type: what bytes are declared as, instead of what they are; None declares nothing.
    link_key: how the key of a link is spelled, also when a ticket is completed.
    done: the status of a completed ticket, `completed` by the documentation.
    """

    kind: Kind = "bytes"
    content_type: str | None = AS_IT_IS
    link_key: LinkKey = "audioUrl"
    done: str = "completed"


@dataclass(slots=True, eq=False)
class Job:
    """A ticket that was sold.

    polls: the query of each time that its status was asked for; those that a fault swallowed are not among them.
    fate: how it ends, if not well.
    url: where its audio is, once it is completed.
    """

    run_id: str
    wanted: Wanted
    answer: Answer
    cost: float
    fate: Fate | None = None
    polls: list[dict[str, str]] = field(default_factory=list)
    refunded: bool = False
    url: str | None = None

    @property
    def text(self) -> str:
        """What was asked for."""
        return self.wanted.text

    @property
    def model(self) -> str:
        """Who was asked."""
        return self.wanted.model

    def ticket(self) -> dict[str, Json]:
        """Return the answer to the submission."""
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
        """Tell whether a question about the status passes back what a refund needs."""
        echoed = (query.get("cost"), query.get("paymentSource"), query.get("isApiRequest"))
        return echoed == (json.dumps(self.cost), "USD", "true")


def link(key: LinkKey, url: str, rest: Mapping[str, Json]) -> dict[str, Json]:
    """Return a JSON answer with a link under one of the keys in use."""
    outer, _, inner = key.partition(".")
    return {outer: {inner: url} if inner else url, **rest}


def refusal(error: NotServedError, form: Form, field_of_speech: Literal["type", "code"]) -> web.Response:
    """Return a refusal in the form of a route."""
    body = _speech_form(error, field_of_speech) if form == "speech" else _FORMS[form](error)
    if error.status == HTTPStatus.PAYMENT_REQUIRED:
        body = {"error": error.message, "status": error.status.value}
    return json_response(body | error.more, error.status)


def json_response(
    body: Json, status: HTTPStatus = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return an answer in JSON."""
    declared = {"Content-Type": "application/json", **(headers or {})}
    return web.Response(body=json.dumps(body).encode(), status=status, headers=declared)


def _openai_form(error: NotServedError) -> dict[str, Json]:
    """Return an OpenAI-like error object; code and param only where there are any."""
    details: dict[str, Json] = {"message": error.message, "type": error.kind}
    if error.code:
        details["code"] = error.code
    if error.param:
        details["param"] = error.param
    return {"error": details}


def _speech_form(error: NotServedError, field_of_speech: Literal["type", "code"]) -> dict[str, Json]:
    """Return the error object of `/v1/speech`, with its name where it may stand by the documentation."""
    details: dict[str, Json] = {"type": error.kind, "message": error.message}
    if error.code:
        details[field_of_speech] = error.code
    return {"error": details}


def _legacy_form(error: NotServedError) -> dict[str, Json]:
    """Return what the older routes really answer."""
    body: dict[str, Json] = {"error": error.message, "status": error.status.value}
    return body | {"code": error.code} if error.code else body


def _numbered_form(error: NotServedError) -> dict[str, Json]:
    """Return what the older routes answer by their schema."""
    return {"error": error.status.value, "message": error.message}


_FORMS = {"openai": _openai_form, "legacy": _legacy_form, "numbered": _numbered_form}
