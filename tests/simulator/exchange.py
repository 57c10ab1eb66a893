"""The state of one request and its response."""

import asyncio
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from .faults import NO_FAULT, Fault, FaultScript


@dataclass(frozen=True, slots=True)
class Timing:
    """The speed of responses.

    first_byte: seconds from the arrival of a request to the first byte of its audio, including synthesis.
    rate: seconds of audio sent per second; None sends everything at once.
    """

    first_byte: float = 0.0
    rate: float | None = None

    def __post_init__(self) -> None:
        """Validate the values."""
        if self.first_byte < 0:
            raise ValueError("first_byte must not be negative")
        if self.rate is not None and self.rate <= 0:
            raise ValueError("rate must be above zero")


@dataclass(slots=True, eq=False)
class ReceivedRequest:
    """A received request and its outcome.

    body: the parsed JSON, or None if it is missing or invalid (`null` counts as invalid).
    status: the response's status; None before there is one.
    sent: bytes of the response's body passed to the connection so far.
    is_disconnected: the client left before its response was complete. A response that is already in the operating
        system's buffers counts as complete, so tests of early disconnects need a `Timing.rate` or a stall.
    content: the raw body, or the text of the requested job or file; compared with `Fault.contains`.
    fault: the fault applied to the request.
    finished: set when the request has been handled.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any  # Json, but a test knows what it sent
    status: int | None = None
    sent: int = 0
    is_disconnected: bool = False
    content: str = ""
    fault: Fault = NO_FAULT
    finished: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True, eq=False)
class ClientPort:
    """An additional port for a single client, with its own requests and faults.

    origin: its address, such as `http://127.0.0.1:4711`.
    faults: applied before those of the server, also to files that were requested through this port.
    """

    origin: str
    requests: list[ReceivedRequest] = field(default_factory=list)
    faults: FaultScript = field(default_factory=FaultScript)


@dataclass(frozen=True, slots=True)
class Exchange:
    """The context of the request being handled.

    arrived: the arrival, in the event loop's time.
    client_port: the additional port that the request arrived at, if any.
    """

    received: ReceivedRequest
    timing: Timing
    fault: Fault
    arrived: float
    client_port: ClientPort | None = None


# The exchange handled by the running task. A connection's requests are handled one after the other in one task, and
# aiohttp's own way to attach a value to a request differs between the supported versions.
CURRENT_EXCHANGE: ContextVar[Exchange] = ContextVar("current_exchange")
