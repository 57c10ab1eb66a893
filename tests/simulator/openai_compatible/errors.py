"""Refusals of requests, and the error formats of the servers."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Literal

from aiohttp import web

from ..http import Json, json_response
from .schema import SchemaViolation

type ErrorForm = Literal[
    "openai", "error", "numbered", "code", "detail", "detail_object", "detail_error", "flat", "text", "details", "plain"
]
type Framework = Literal["own", "fastapi", "flask"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """The refusal of a request.

    message: may contain placeholders, such as `{model}`.
    kind: the `type` in forms that have one.
    form: overrides the server's usual form.
    """

    status: HTTPStatus
    message: str
    kind: str = "invalid_request_error"
    code: str | None = None
    param: str | None = None
    form: ErrorForm | None = None

    def format(self, **values: object) -> Refusal:
        """Return the refusal with its placeholders replaced."""
        return replace(self, message=self.message.format(**values))


class RefusedError(Exception):
    """A refused request. is_late: the response has already started."""

    def __init__(self, refusal: Refusal, *, is_late: bool = False) -> None:
        """Initialize with the refusal to send."""
        super().__init__(refusal.message)
        self.refusal = refusal
        self.is_late = is_late


class InvalidBodyError(Exception):
    """A body that violates the schema."""

    def __init__(self, violations: Iterable[SchemaViolation]) -> None:
        """Initialize with all violations."""
        self.violations = tuple(violations)
        super().__init__("; ".join(str(violation) for violation in self.violations))


def refusal_response(refusal: Refusal, default_form: ErrorForm) -> web.Response:
    """Return the response for a refusal."""
    form = refusal.form or default_form
    if form == "plain":
        return web.Response(status=refusal.status, text=refusal.message, content_type="text/plain")
    headers = {"WWW-Authenticate": "Bearer"} if refusal.status == HTTPStatus.UNAUTHORIZED else None
    return json_response(_FORMS[form](refusal), refusal.status, headers)


def invalid_body_response(error: InvalidBodyError, framework: Framework, default_form: ErrorForm) -> web.Response:
    """Return the response for a body that violates the schema."""
    if framework == "fastapi":
        entries: list[Json] = [violation.entry() for violation in error.violations]
        return json_response({"detail": entries}, HTTPStatus.UNPROCESSABLE_ENTITY)
    if framework == "flask":
        return refusal_response(Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, str(error), form="details"), default_form)
    param = error.violations[0].name
    return refusal_response(Refusal(HTTPStatus.BAD_REQUEST, str(error), param=param), default_form)


def no_route_response(status: HTTPStatus, framework: Framework, default_form: ErrorForm) -> web.Response:
    """Return the response for an unknown path or method."""
    if framework == "fastapi":
        return json_response({"detail": status.phrase}, status)
    if framework == "flask":
        page = f"<!doctype html>\n<html lang=en>\n<title>{status.value} {status.phrase}</title>\n"
        return web.Response(status=status, text=page, content_type="text/html")
    return refusal_response(Refusal(status, f"Nothing to be found here: {status.phrase}"), default_form)


def _openai(refusal: Refusal) -> Json:
    return {
        "error": {
            "message": refusal.message,
            "type": refusal.kind,
            "param": refusal.param,
            "code": refusal.code,
        }
    }


def _error(refusal: Refusal) -> Json:
    """Return an error object that omits a missing code."""
    code: dict[str, Json] = {"code": refusal.code} if refusal.code else {}
    return {"error": {"message": refusal.message, "type": refusal.kind, **code}}


def _flat(refusal: Refusal) -> Json:
    return {
        "message": refusal.message,
        "code": refusal.status.value,
        "type": refusal.kind,
        "param": refusal.param,
    }


_FORMS: dict[ErrorForm, Callable[[Refusal], Json]] = {
    "openai": _openai,
    "error": _error,
    "numbered": lambda error: {"error": {"code": error.status.value, "message": error.message, "type": error.kind}},
    "code": lambda error: {"error": {"message": error.message, "code": error.status.value}},
    "detail": lambda error: {"detail": error.message},
    "detail_object": lambda error: {"detail": {"error": error.code, "message": error.message, "type": error.kind}},
    "detail_error": lambda error: {"detail": {"error": {"message": error.message, "type": error.kind}}},
    "flat": _flat,
    "text": lambda error: {"error": error.message},
    "details": lambda error: {"error": "An internal server error occurred", "details": error.message},
}
