"""Helpers shared by the simulated APIs: JSON, API keys, server-sent events and undeclared content types."""

from collections.abc import Mapping
from http import HTTPStatus
import json
from typing import NoReturn

from aiohttp import web

type Json = dict[str, Json] | list[Json] | str | int | float | bool | None

DEFAULT_KEY = "sk-simulated-key-that-opens-nothing-0001"
_UNDECLARED = "application/x-undeclared"  # removed before the response is sent


def parse_json(raw: bytes) -> Json:
    """Return strictly parsed JSON, or None if the text is not valid JSON."""
    try:
        parsed: Json = json.loads(raw, parse_constant=_refuse_constant)
    except ValueError, RecursionError:
        return None
    return parsed


def json_response(
    body: Json, status: HTTPStatus = HTTPStatus.OK, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return a JSON response; `headers` may override the content type."""
    declared = {"Content-Type": "application/json", **(headers or {})}
    return web.Response(body=json.dumps(body).encode(), status=status, headers=declared)


def sse_event(event: Json) -> bytes:
    """Return a server-sent event."""
    return b"data: " + json.dumps(event, separators=(",", ":")).encode() + b"\n\n"


def bearer_key(request: web.Request) -> str | None:
    """Return the key of the Authorization header, or None if it has no bearer key."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    return key if scheme.lower() == "bearer" and key else None


def content_type_header(content_type: str | None) -> dict[str, str]:
    """Return the header that declares a content type, or none at all for None.

    Declaring none requires `remove_undeclared_type` among the application's `on_response_prepare` signals.
    """
    return {"Content-Type": _UNDECLARED if content_type is None else content_type}


async def remove_undeclared_type(_request: web.Request, response: web.StreamResponse) -> None:
    """Remove the content type that aiohttp would otherwise add to a response without one."""
    if response.headers.get("Content-Type") == _UNDECLARED:
        del response.headers["Content-Type"]


def _refuse_constant(name: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python's parser accepts and the JSON standard does not."""
    raise ValueError(f"{name} is not JSON")
