"""Audio on its way out: paced like a provider's, and cut short or held up where a fault says so."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
import socket
import struct

from aiohttp import web

from .audio.recorder import Recording
from .exchange import CURRENT_EXCHANGE, Exchange
from .faults import Fault

_TICK = 0.02  # seconds between two pieces of a paced body
_BEFORE_A_RESET = 0.05  # seconds in which a client may read what was sent
_PIECE = 16 * 1024  # bytes at once in a body that is not paced

type Frame = Callable[[bytes], bytes]


def unframed(audio: bytes) -> bytes:
    """Send audio as it is."""
    return audio


async def deliver(
    request: web.Request,
    recording: Recording,
    headers: Mapping[str, str],
    *,
    frame: Frame = unframed,
    tail: bytes = b"",
) -> web.StreamResponse:
    """Answer with a recording.

    frame wraps each piece of audio (into an event, say), tail ends the body. Faults count bytes of audio, before they
    are wrapped.
    """
    exchange = CURRENT_EXCHANGE.get()
    fault = exchange.fault
    if fault.ends_after is not None:
        recording = replace(recording, data=recording.data[: fault.ends_after])
    response = web.StreamResponse(headers=headers)
    if exchange.fault.content_length and frame is unframed:
        response.content_length = len(recording.data) + len(tail)
    else:
        response.enable_chunked_encoding()
    await sleep_until(exchange.arrived + exchange.timing.first_byte)
    exchange.received.status = response.status
    await response.prepare(request)
    sender = _Sender(response, exchange, recording, frame)
    if fault.stall_after is not None:
        await sender.send_up_to(fault.stall_after)
        await asyncio.sleep(fault.stall)
    if fault.truncate_after is not None:
        await sender.send_up_to(fault.truncate_after)
        if fault.reset:
            await asyncio.sleep(_BEFORE_A_RESET)
        close_connection(request, reset=fault.reset)
        return response
    await sender.send_up_to(len(recording.data))
    while fault.endless:
        await sender.write(frame(fault.endless))
        await asyncio.sleep(0)  # a client that reads everything would keep the event loop to itself
    if tail:
        await sender.write(tail)
    await response.write_eof()
    return response


def close_connection(request: web.Request, *, reset: bool = False) -> None:
    """Close a request's connection after what has already been written to it; a reset may take that back."""
    if request.transport is None:
        return
    if not reset:
        request.transport.close()
        return
    connection = request.transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.transport.abort()


def pieces(
    start: int, stop: int, bytes_per_second: float | None, *, whole: int = 1
) -> Iterator[tuple[int, int, float]]:
    """Cut a range of bytes into pieces: start, stop, and seconds after the first one when a piece is due.

    whole: bytes that are never parted, where the range begins with them.
    """
    step = _PIECE if bytes_per_second is None else round(bytes_per_second * _TICK)
    step = max(whole, step - step % whole)
    for begin in range(start, stop, step):
        due = 0.0 if bytes_per_second is None else (begin - start) / bytes_per_second
        yield begin, min(begin + step, stop), due


async def sleep_until(moment: float) -> None:
    """Sleep until a moment of the event loop's clock, which keeps pieces from drifting."""
    remaining = moment - asyncio.get_running_loop().time()
    if remaining > 0:
        await asyncio.sleep(remaining)


class _Sender:
    """Sends one recording's audio, from where it left off."""

    def __init__(self, response: web.StreamResponse, exchange: Exchange, recording: Recording, frame: Frame) -> None:
        """Stand at the first byte."""
        self._response = response
        self._received = exchange.received
        self._audio = recording.data
        self._frame = frame
        self._position = 0
        rate = exchange.timing.rate
        self._bytes_per_second = None if rate is None else len(recording.data) / recording.duration * rate

    async def send_up_to(self, stop: int) -> None:
        """Send audio up to a byte, at the rate asked for."""
        started = asyncio.get_running_loop().time()
        end = min(stop, len(self._audio))
        for begin, stop_of_piece, due in pieces(self._position, end, self._bytes_per_second):
            await sleep_until(started + due)
            await self.write(self._frame(self._audio[begin:stop_of_piece]))
        self._position = max(self._position, end)

    async def write(self, data: bytes) -> None:
        """Write to the body and count; waits while the client does not read."""
        await self._response.write(data)
        self._received.sent += len(data)


_MOMENT = 0.05  # seconds in which a client reads what was sent, before a reset takes it back


async def send_raw(request: web.Request, fault: Fault) -> web.StreamResponse:
    """Put bytes on the wire as they are; then the connection is silent as long as the fault says, and is closed."""
    if request.transport is not None and fault.raw is not None:
        request.transport.write(fault.raw)
    await asyncio.sleep(fault.stall if fault.stall_after is not None else _MOMENT)
    close_connection(request, reset=fault.reset)
    return web.Response()


async def send_without_end(request: web.Request, fault: Fault) -> web.StreamResponse:
    """Send a scripted answer, and what comes again and again after it."""
    scripted = fault.answer()
    received = CURRENT_EXCHANGE.get().received
    response = web.StreamResponse(status=scripted.status, headers=fault.headers)
    received.status = response.status
    await response.prepare(request)
    piece = scripted.body if isinstance(scripted.body, bytes) else b""
    while True:
        await response.write(piece)
        received.sent += len(piece)
        piece = fault.endless
        await asyncio.sleep(0)  # a client that reads everything would keep the event loop to itself
