"""Sending audio: paced like a provider's, and altered by faults."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
import socket
import struct
from typing import Literal

from aiohttp import web

from .audio.recorder import Recording
from .exchange import CURRENT_EXCHANGE, Exchange, Timing
from .faults import Fault, position_of

_CHUNK_S = 0.02  # between two chunks of a paced body
_CHUNK_BYTES = 16 * 1024  # of a body that is not paced
_BEFORE_RESET_S = 0.05  # for the client to read what a reset would discard

type Delivery = Literal["streamed", "sized", "buffered", "whole"]


@dataclass(frozen=True, slots=True)
class Framing:
    """The form of a body that is more than audio.

    frame: wraps each chunk of audio, into a server-sent event for example.
    tail: ends the body.
    """

    frame: Callable[[bytes], bytes]
    tail: bytes


async def deliver(
    request: web.Request,
    recording: Recording,
    headers: Mapping[str, str],
    *,
    framing: Framing | None = None,
    delivery: Delivery = "streamed",
) -> web.StreamResponse:
    """Respond with a recording. Positions in faults count bytes of audio before framing.

    delivery: "streamed" at the exchange's rate, or all at once after all of the audio would have been produced:
        "buffered". With an announced length instead of chunked encoding, these are "sized" and "whole".
    """
    exchange = CURRENT_EXCHANGE.get()
    fault, timing = exchange.fault, exchange.timing
    if delivery in {"buffered", "whole"}:
        timing = Timing(timing.first_byte + (recording.duration / timing.rate if timing.rate else 0.0))
    if fault.ends_after is not None:
        recording = replace(recording, data=recording.data[: position_of(fault.ends_after, len(recording.data))])
    response = web.StreamResponse(headers=headers)
    if (fault.announces_length or delivery in {"sized", "whole"}) and framing is None:
        response.content_length = len(recording.data)
    else:
        response.enable_chunked_encoding()
    await sleep_until(exchange.arrived + timing.first_byte)
    exchange.received.status = response.status
    await response.prepare(request)
    sender = _Sender(response, replace(exchange, timing=timing), recording, framing)
    if fault.stall_after is not None:
        await sender.send_up_to(fault.stall_after)
        await asyncio.sleep(fault.stall)
    if fault.truncate_after is not None:
        await sender.send_up_to(position_of(fault.truncate_after, len(recording.data)))
        if fault.reset:
            await asyncio.sleep(_BEFORE_RESET_S)
        close_connection(request, reset=fault.reset)
        return response
    await sender.send_up_to(len(recording.data))
    while fault.endless:
        await sender.write_audio(fault.endless)
        await asyncio.sleep(fault.interval)  # even without a pause, a client that reads everything must not block
    if framing is not None:
        await sender.write(framing.tail)
    await response.write_eof()
    return response


async def send_raw(request: web.Request, fault: Fault) -> web.StreamResponse:
    """Send a fault's raw bytes, and close the connection after its stall."""
    if request.transport is not None and fault.raw is not None:
        request.transport.write(fault.raw)
    await asyncio.sleep(fault.stall if fault.stall_after is not None else _BEFORE_RESET_S)
    close_connection(request, reset=fault.reset)
    return web.Response()


async def send_endless(request: web.Request, fault: Fault) -> web.StreamResponse:
    """Send a scripted response and repeat the fault's endless bytes after it."""
    scripted = fault.response()
    received = CURRENT_EXCHANGE.get().received
    response = web.StreamResponse(status=scripted.status, headers=fault.headers)
    received.status = response.status
    await response.prepare(request)
    chunk = scripted.body if isinstance(scripted.body, bytes) else b""
    while True:
        await response.write(chunk)
        received.sent += len(chunk)
        chunk = fault.endless
        await asyncio.sleep(fault.interval)  # even without a pause, a client that reads everything must not block


def close_connection(request: web.Request, *, reset: bool = False) -> None:
    """Close a request's connection; a reset may discard data the client has not read."""
    if request.transport is None:
        return
    if not reset:
        request.transport.close()
        return
    connection = request.transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.transport.abort()


def chunks(
    start: int, stop: int, bytes_per_second: float | None, *, multiple_of: int = 1
) -> Iterator[tuple[int, int, float]]:
    """Yield the start, the end and the due time (seconds after the first) of each chunk of a range of bytes.

    multiple_of: the length of every chunk except the last is a multiple of this.
    """
    step = _CHUNK_BYTES if bytes_per_second is None else round(bytes_per_second * _CHUNK_S)
    step = max(multiple_of, step - step % multiple_of)
    for begin in range(start, stop, step):
        due = 0.0 if bytes_per_second is None else (begin - start) / bytes_per_second
        yield begin, min(begin + step, stop), due


async def sleep_until(moment: float) -> None:
    """Sleep until a moment of the event loop's clock, which avoids drift."""
    remaining = moment - asyncio.get_running_loop().time()
    if remaining > 0:
        await asyncio.sleep(remaining)


class _Sender:
    """Sends the audio of a recording in several steps."""

    def __init__(
        self, response: web.StreamResponse, exchange: Exchange, recording: Recording, framing: Framing | None
    ) -> None:
        self._response = response
        self._received = exchange.received
        self._audio = recording.data
        self._framing = framing
        self._position = 0
        rate = exchange.timing.rate
        self._bytes_per_second = None if rate is None else len(recording.data) / recording.duration * rate

    async def send_up_to(self, stop: int) -> None:
        """Send audio up to a byte, at the exchange's rate."""
        started = asyncio.get_running_loop().time()
        end = min(stop, len(self._audio))
        for begin, chunk_end, due in chunks(self._position, end, self._bytes_per_second):
            await sleep_until(started + due)
            await self.write_audio(self._audio[begin:chunk_end])
        self._position = max(self._position, end)

    async def write_audio(self, audio: bytes) -> None:
        """Write a chunk of audio in its frame."""
        await self.write(audio if self._framing is None else self._framing.frame(audio))

    async def write(self, data: bytes) -> None:
        """Write to the body and count; waits while the client does not read."""
        await self._response.write(data)
        self._received.sent += len(data)
