"""Scripted faults between a client and a provider."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from http import HTTPStatus
import json
from math import inf
from typing import Any, Protocol

from aiohttp import web


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A scripted fault.

    Matching requests:
        path, method: shell patterns
        contains: contained in `ReceivedRequest.content`: the request's body, or the text of the job or file it asks for
        times: number of matching requests to hit; inf for all

    Instead of the real response (with any of these, the request is not processed):
        status: 200 if only a body is set
        json, body: the response's body, as JSON or verbatim
        headers: a redirect is `status=307, headers={"Location": ...}`
        raw: sent instead of an HTTP response; the connection is then closed, after `stall`

    Around the real response:
        delay: seconds to wait first, also before a scripted response
        close: close the connection without a response
        reset: wherever the connection is closed, reset it instead
        truncate_after: close the connection after that many bytes of audio; a number below 1 is a share of the audio
        announces_length: announce the true length instead of using chunked encoding
        stall_after: after that many bytes of audio, pause for `stall` seconds (by default until the client leaves); a
            later truncation may follow
        ends_after: end the response normally after that many bytes of audio; a number below 1 is a share of the audio
        endless: repeat these bytes after the response until the client leaves, with a pause of `interval` seconds
    """

    path: str = "*"
    method: str = "*"
    contains: str = ""
    times: float = 1
    status: int | None = None
    json: Any = None
    body: str | bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    delay: float = 0.0
    close: bool = False
    reset: bool = False
    truncate_after: float | None = None
    announces_length: bool = False
    stall_after: int | None = None
    stall: float = inf
    ends_after: float | None = None
    endless: bytes = b""
    interval: float = 0.0

    def matches(self, method: str, path: str, content: str) -> bool:
        """Return whether the fault applies to a request."""
        return fnmatchcase(method, self.method) and fnmatchcase(path, self.path) and self.contains in content

    @property
    def replaces_response(self) -> bool:
        """Whether the fault includes a response of its own."""
        return self.status is not None or self.json is not None or self.body is not None

    def response(self) -> web.Response:
        """Return the scripted response."""
        headers = dict(self.headers)
        if self.json is not None:
            headers = {"Content-Type": "application/json"} | headers
            body = json.dumps(self.json).encode()
        else:
            body = self.body.encode() if isinstance(self.body, str) else self.body or b""
        return web.Response(status=self.status or HTTPStatus.OK, body=body, headers=headers)


NO_FAULT = Fault(times=0)


def position_of(place: float, size: int) -> int:
    """Return a position in bytes; a place below 1 is a share of all bytes."""
    return int(place * size) if place < 1 else int(place)


class Scripted(Protocol):
    """An entry of a script, with the number of times it applies."""

    @property
    def times(self) -> float:
        """Remaining uses of a new entry."""


class Script[Entry: Scripted]:
    """A queue of scripted entries, each used up after its number of times."""

    def __init__(self) -> None:
        """Start empty."""
        self._pending: list[tuple[Entry, float]] = []

    def add(self, *entries: Entry) -> None:
        """Append entries."""
        self._pending += [(entry, entry.times) for entry in entries if entry.times > 0]

    def clear(self) -> None:
        """Remove all pending entries."""
        self._pending.clear()

    def take_first(self, matches: Callable[[Entry], bool]) -> Entry | None:
        """Consume and return the first matching entry."""
        for index, (entry, left) in enumerate(self._pending):
            if matches(entry):
                self._pending[index : index + 1] = [(entry, left - 1)] if left > 1 else []
                return entry
        return None


class FaultScript(Script[Fault]):
    """The pending faults."""

    def take(self, method: str, path: str, content: str = "") -> Fault:
        """Consume and return the first fault that matches a request, or NO_FAULT."""
        return self.take_first(lambda fault: fault.matches(method, path, content)) or NO_FAULT
