"""Scripted misbehaviour: what can go wrong between a client and a provider."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from http import HTTPStatus
import json
from math import inf
from typing import Any

from aiohttp import web


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way to fail.

    Which requests: `path` and `method` are compared as shell patterns, `of` is in what the request is about, which is
    its body, or the text of the job or file that it asks for; `times` requests are hit, in order, inf for all of them.

    Instead of the true answer (with any of them set the request is not even looked at):
        status: the answer's status, 200 if only a body is given
        json, body: the answer's body, as JSON or as it is
        headers: the answer's headers; a redirect is `status=307, headers={"Location": ...}`
        raw: what goes over the wire instead of an answer, before the connection is closed, after `stall`

    Around the true answer:
        delay: seconds before anything else happens; also before an answer given here
        close: the connection is closed without an answer
        reset: where the connection is closed, it is torn down instead, and the client told of it
        truncate_after: only that many bytes of audio are sent, then the connection is closed
        content_length: the audio's true length is promised in a header, instead of chunked encoding
        stall_after: after that many bytes of audio nothing more comes for `stall` seconds (by default until the client
            leaves); a truncation can follow, further on
        ends_after: only that many bytes of audio are sent, and the answer ends as if that were all
        endless: after the answer this comes again and again, until the client leaves
    """

    path: str = "*"
    method: str = "*"
    of: str = ""
    times: float = 1
    status: int | None = None
    json: Any = None
    body: str | bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None
    delay: float = 0.0
    close: bool = False
    reset: bool = False
    truncate_after: int | None = None
    content_length: bool = False
    stall_after: int | None = None
    stall: float = inf
    ends_after: int | None = None
    endless: bytes = b""

    def matches(self, method: str, path: str, about: str) -> bool:
        """Tell whether a request is one of those that this fault is for."""
        return fnmatchcase(method, self.method) and fnmatchcase(path, self.path) and self.of in about

    @property
    def replaces_answer(self) -> bool:
        """Tell whether the answer is scripted here."""
        return self.status is not None or self.json is not None or self.body is not None

    def answer(self) -> web.Response:
        """Return the scripted answer."""
        headers = dict(self.headers)
        if self.json is not None:
            headers = {"Content-Type": "application/json"} | headers
            body = json.dumps(self.json).encode()
        else:
            body = self.body.encode() if isinstance(self.body, str) else self.body or b""
        return web.Response(status=self.status or HTTPStatus.OK, body=body, headers=headers)


NO_FAULT = Fault(times=0)


class FaultScript:
    """The faults still to come."""

    def __init__(self) -> None:
        """Start without any."""
        self._pending: list[tuple[Fault, float]] = []

    def add(self, fault: Fault) -> None:
        """Queue a fault behind those already queued."""
        if fault.times > 0:
            self._pending.append((fault, fault.times))

    def take(self, method: str, path: str, about: str = "") -> Fault:
        """Consume and return the first fault meant for a request, or NO_FAULT."""
        for index, (fault, left) in enumerate(self._pending):
            if fault.matches(method, path, about):
                self._pending[index : index + 1] = [(fault, left - 1)] if left > 1 else []
                return fault
        return NO_FAULT

    def clear(self) -> None:
        """Forget what has not happened yet."""
        self._pending.clear()
