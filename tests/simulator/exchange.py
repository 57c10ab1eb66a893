"""One request and its answer, as the simulator sees them."""

import asyncio
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
import json
from typing import Any, NoReturn

from .faults import NO_FAULT, Fault, FaultScript

type Json = dict[str, Json] | list[Json] | str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Timing:
    """How quickly answers come.

    first_byte: seconds from a request's arrival to the first byte of its audio; what synthesis takes is part of it.
    rate: how many seconds of audio leave per second. None sends everything at once.
    """

    first_byte: float = 0.0
    rate: float | None = None

    def __post_init__(self) -> None:
        """Refuse times that cannot be kept."""
        if self.first_byte < 0:
            raise ValueError("first_byte must not be negative")
        if self.rate is not None and self.rate <= 0:
            raise ValueError("rate must be above zero")


@dataclass(slots=True, eq=False)
class Received:
    """A request that arrived, and what became of it.

    body: the parsed JSON, or None when there was none or it was broken (the specification's `null` counts as broken).
    status: of the answer; None while there is none.
    sent: bytes of the answer's body handed to the connection so far.
    disconnected: the client left before its answer was complete. An answer that was already in the operating system's
        buffers counts as complete, so a test about stopping early needs a `Timing.rate` or a stall.
    about: the body as it came, or the text of the job or file that is asked for.
    fault: what befell it.
    finished: set when the simulator is done with the request, for a test to wait on.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any  # Json, but a test knows what it sent
    status: int | None = None
    sent: int = 0
    disconnected: bool = False
    about: str = ""
    fault: Fault = NO_FAULT
    finished: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True, eq=False)
class Door:
    """A port of a server for one client alone: with requests of its own, and faults that befall nobody else.

    origin: where it leads in, such as `http://127.0.0.1:4711`.
    faults: those still to come; files that were ordered through the door are meant, too, wherever they are.
    """

    origin: str
    requests: list[Received] = field(default_factory=list)
    faults: FaultScript = field(default_factory=FaultScript)


@dataclass(frozen=True, slots=True)
class Exchange:
    """What the answering code needs to know about the request at hand; arrived is in the event loop's time."""

    received: Received
    timing: Timing
    fault: Fault
    arrived: float
    door: Door | None = None


# The exchange that the running task is answering. A connection's requests come one after the other in one task, and
# aiohttp's own way to attach a value to a request differs between the versions supported.
CURRENT_EXCHANGE: ContextVar[Exchange] = ContextVar("current_exchange")


def parse_json(raw: bytes) -> Json:
    """Return the JSON in a request's body as strictly as the standard says, or None if there is none."""
    try:
        parsed: Json = json.loads(raw, parse_constant=_refuse_constant)
    except ValueError, RecursionError:
        return None
    return parsed


def _refuse_constant(name: str) -> NoReturn:
    """NaN and Infinity are Python's idea of JSON, not the standard's."""
    raise ValueError(f"{name} is not JSON")
