"""Response bodies, and the two formats of errors."""

from http import HTTPStatus
from typing import Literal
from uuid import uuid4

from aiohttp import web

from ..http import Json, json_response
from .contract import ProblemError

type Outcome = Literal["blocked", "fail_closed", "outage", "unsupported", "unavailable"]
type ModerationForm = Literal["json", "problem"]

_BLOCKED_CODE = "content_moderation_blocked"


def headers(content_type: str) -> dict[str, str]:
    """Return the headers of every response."""
    return {"Content-Type": content_type, "x-request-id": str(uuid4())}


def respond(body: Json, status: HTTPStatus = HTTPStatus.OK, content_type: str = "application/json") -> web.Response:
    """Return a JSON response."""
    return json_response(body, status, headers(content_type))


def problem_response(error: ProblemError) -> web.Response:
    """Return an error as a problem (RFC 7807)."""
    status = error.status
    standard: dict[str, Json] = {"type": "about:blank", "title": status.phrase, "status": status.value}
    return respond(standard | {"detail": error.detail} | error.extra, status, "application/problem+json")


class ModeratedError(Exception):
    """A text rejected by moderation, with the reason."""

    def __init__(self, reason: dict[str, Json]) -> None:
        """Initialize with the reason in the response."""
        super().__init__(_BLOCKED_CODE)
        self.reason = reason

    def response(self, form: ModerationForm) -> web.Response:
        """Return the error as an object of its own, or as a problem."""
        message = "Text was rejected by content moderation"
        if form == "problem":
            return problem_response(ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, message, code=_BLOCKED_CODE))
        body: Json = {"error": {"code": _BLOCKED_CODE, "message": message, "reason": self.reason}}
        return respond(body, HTTPStatus.UNPROCESSABLE_ENTITY)


def raise_for_outcome(outcome: Outcome | None, vendor: str) -> None:
    """Raise the error of a scripted outcome."""
    if outcome == "blocked":
        detail = "The text matches a rule of the organisation"
        raise ModeratedError({"type": "rule", "detail": detail, "confidence": 0.97, "rule_name": "House rules"})
    if outcome == "fail_closed":
        raise ModeratedError({"type": "error_fail_closed"})
    if outcome == "outage":
        raise ProblemError(HTTPStatus.FORBIDDEN, "Moderation is not available, so nothing is spoken")
    if outcome == "unsupported":
        raise ProblemError(HTTPStatus.NOT_IMPLEMENTED, "Not supported for this model", provider=vendor)
    if outcome == "unavailable":
        raise provider_unavailable(vendor)


def provider_unavailable(vendor: str) -> ProblemError:
    """Return the error for a vendor that is down."""
    detail, status = f"Provider {vendor} is unavailable", HTTPStatus.SERVICE_UNAVAILABLE
    return ProblemError(status, detail, code="provider_unavailable", provider=vendor, upstream_status=status.value)
