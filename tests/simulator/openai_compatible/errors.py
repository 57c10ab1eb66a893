"""How compatible servers say no: what they refuse as data, and the forms that each of them puts it in."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
import json
from typing import Literal

from aiohttp import web

from ..exchange import Json
from .schema import Problem

type ErrorForm = Literal[
    "openai", "error", "numbered", "code", "detail", "detail_object", "detail_error", "flat", "text", "details", "plain"
]
type Framework = Literal["own", "fastapi", "flask"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that is not fulfilled. message may have places for words: `{model}`.

    kind: its `type`, where the form has one.
    form: instead of the form that the server's refusals usually have.
    """

    status: HTTPStatus
    message: str
    kind: str = "invalid_request_error"
    code: str | None = None
    param: str | None = None
    form: ErrorForm | None = None

    def about(self, **words: object) -> Refusal:
        """Return it with words in their places."""
        return replace(self, message=self.message.format(**words))


class RefusedError(Exception):
    """A request that a server would not fulfil.

    late: the answer has begun by the time that this is found out.
    """

    def __init__(self, refusal: Refusal, *, late: bool = False) -> None:
        """Take what the answer tells."""
        super().__init__(refusal.message)
        self.refusal = refusal
        self.late = late


class InvalidError(Exception):
    """A body that does not fit the schema."""

    def __init__(self, found: Iterable[Problem]) -> None:
        """Take everything that is wrong."""
        self.problems = tuple(found)
        super().__init__("; ".join(str(problem) for problem in self.problems))


def refusal_response(refusal: Refusal, usual: ErrorForm) -> web.Response:
    """Return a refusal as an answer."""
    form = refusal.form or usual
    if form == "plain":
        return web.Response(status=refusal.status, text=refusal.message, content_type="text/plain")
    headers = {"WWW-Authenticate": "Bearer"} if refusal.status == HTTPStatus.UNAUTHORIZED else None
    return json_response(_FORMS[form](refusal), refusal.status, headers)


def invalid_response(error: InvalidError, framework: Framework, usual: ErrorForm) -> web.Response:
    """Return what a body that does not fit is answered with."""
    if framework == "fastapi":
        entries: list[Json] = [problem.entry() for problem in error.problems]
        return json_response({"detail": entries}, HTTPStatus.UNPROCESSABLE_ENTITY)
    if framework == "flask":
        return refusal_response(Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, str(error), form="details"), usual)
    param = error.problems[0].name
    return refusal_response(Refusal(HTTPStatus.BAD_REQUEST, str(error), param=param), usual)


def no_route_response(status: HTTPStatus, framework: Framework, usual: ErrorForm) -> web.Response:
    """Return what a path or a method that does not exist is answered with."""
    if framework == "fastapi":
        return json_response({"detail": status.phrase}, status)
    if framework == "flask":
        page = f"<!doctype html>\n<html lang=en>\n<title>{status.value} {status.phrase}</title>\n"
        return web.Response(status=status, text=page, content_type="text/html")
    return refusal_response(Refusal(status, f"Nothing to be found here: {status.phrase}"), usual)


def json_response(
    body: Json, status: HTTPStatus = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return an answer in JSON."""
    declared = {"Content-Type": "application/json", **(headers or {})}
    return web.Response(body=json.dumps(body).encode(), status=status, headers=declared)


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
    """Return an error object that has a code only where there is one."""
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
    "numbered": lambda no: {"error": {"code": no.status.value, "message": no.message, "type": no.kind}},
    "code": lambda no: {"error": {"message": no.message, "code": no.status.value}},
    "detail": lambda no: {"detail": no.message},
    "detail_object": lambda no: {"detail": {"error": no.code, "message": no.message, "type": no.kind}},
    "detail_error": lambda no: {"detail": {"error": {"message": no.message, "type": no.kind}}},
    "flat": _flat,
    "text": lambda no: {"error": no.message},
    "details": lambda no: {"error": "An internal server error occurred", "details": no.message},
}
