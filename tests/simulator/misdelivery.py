"""Answers that no server should give: bytes that are no HTTP, and bodies without an end."""

import asyncio

from aiohttp import web

from .delivery import close_connection
from .exchange import CURRENT_EXCHANGE
from .faults import Fault

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
