"""One HTTP server that remembers what it was asked and fails where a script says so."""

import asyncio
import ssl
from typing import Self

from aiohttp import web
from aiohttp.typedefs import Handler

from .delivery import close_connection, send_raw, send_without_end
from .exchange import CURRENT_EXCHANGE, Door, Exchange, Received, Timing, parse_json
from .faults import NO_FAULT, Fault, FaultScript

_ADDRESS = "127.0.0.1"
_LARGEST_REQUEST = 16 * 1024 * 1024  # bytes; a request too large for a provider is the provider's to refuse
_SHUTDOWN_TIMEOUT = 0.05  # seconds for connections whose request has already been cancelled


class Host:
    """A server on a local port, from `async with` on until its end.

    timing: how quickly the next answers come; may be changed at any time.
    requests: everything that arrived, in order.
    """

    def __init__(self, *, timing: Timing | None = None, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        """Prepare without opening anything; port 0 takes a free one, tls makes it https."""
        self.timing = timing or Timing()
        self.requests: list[Received] = []
        self._port = port
        self._tls = tls
        self._faults = FaultScript()
        self._runner: web.AppRunner | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._doors: dict[int, tuple[Door, web.TCPSite]] = {}
        self._closing = False

    @property
    def url(self) -> str:
        """Where the server listens."""
        return f"{'https' if self._tls else 'http'}://{_ADDRESS}:{self._port}"

    def fail(self, *faults: Fault) -> None:
        """Let coming requests fail: each takes the first fault that matches it and has not been used up."""
        for fault in faults:
            self._faults.add(fault)

    def reset(self) -> None:
        """Forget the requests so far and the faults still to come, except for those at doors."""
        self.requests.clear()
        self._faults.clear()
        for door, _ in self._doors.values():
            door.requests.clear()

    async def open_door(self) -> Door:
        """Let somebody in by a port of their own."""
        assert self._runner is not None
        site = web.TCPSite(self._runner, _ADDRESS, 0, ssl_context=self._tls)
        await site.start()
        port: int = self._runner.addresses[-1][1]
        door = Door(f"{'https' if self._tls else 'http'}://{_ADDRESS}:{port}")
        self._doors[port] = door, site
        return door

    async def shut_door(self, door: Door) -> None:
        """Refuse connections from now on, and break those that there are."""
        for kept, site in self._doors.values():
            if kept is door:
                await site.stop()
        self.break_connections(door)

    def break_connections(self, door: Door) -> None:
        """Break all connections through a door."""
        server = self._runner and self._runner.server
        transports = [connection.transport for connection in server.connections] if server else []
        for transport in filter(None, transports):
            address = transport.get_extra_info("sockname")
            if address and address[1] in self._doors and self._doors[address[1]][0] is door:
                transport.abort()

    def door_of(self, request: web.Request) -> Door | None:
        """Return the door that a request came through, if it was not the front door."""
        address = request.transport and request.transport.get_extra_info("sockname")
        return self._doors[address[1]][0] if address and address[1] in self._doors else None

    def about(self, request: web.Request, body: bytes) -> str:  # noqa: ARG002
        """Return what a request is about: its body, or the text of what it asks for."""
        return body.decode(errors="replace")

    def mount(self, app: web.Application) -> None:
        """Add what the server offers; none by default."""

    async def __aenter__(self) -> Self:
        """Accept connections."""
        app = web.Application(middlewares=[self._observe], client_max_size=_LARGEST_REQUEST)
        self.mount(app)
        self._runner = web.AppRunner(
            app, handler_cancellation=True, access_log=None, shutdown_timeout=_SHUTDOWN_TIMEOUT
        )
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, _ADDRESS, self._port, ssl_context=self._tls).start()
        except OSError:
            await self.close()
            raise
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close all connections; nothing of the server runs afterwards."""
        await self.close()

    async def close(self) -> None:
        """Cancel what is being answered and stop listening."""
        self._closing = True
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        if self._runner is not None:
            await self._runner.cleanup()
        await asyncio.gather(*tasks, return_exceptions=True)

    @web.middleware
    async def _observe(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Remember a request and what became of it."""
        arrived = asyncio.get_running_loop().time()
        body = await request.read()
        received = Received(request.method, request.path, request.headers, parse_json(body))
        received.about = self.about(request, body)
        self.requests.append(received)
        door = self.door_of(request)
        received.fault = fault = self._fault_for(received, door)
        exchange = Exchange(received, self.timing, fault, arrived, door)
        CURRENT_EXCHANGE.set(exchange)
        self._tasks.add(request.task)
        request.task.add_done_callback(self._tasks.discard)
        try:
            response = await self._answer(request, handler, exchange)
        except asyncio.CancelledError, ConnectionError:
            received.disconnected = not self._closing
            raise
        finally:
            received.finished.set()
        return response

    def _fault_for(self, received: Received, door: Door | None) -> Fault:
        """Return what befalls a request, its client alone or just anybody."""
        fault = NO_FAULT
        if door is not None:
            door.requests.append(received)
            fault = door.faults.take(received.method, received.path, received.about)
        return fault if fault is not NO_FAULT else self._faults.take(received.method, received.path, received.about)

    async def _answer(self, request: web.Request, handler: Handler, exchange: Exchange) -> web.StreamResponse:
        """Answer as the script says, or else as the provider would."""
        fault = exchange.fault
        await asyncio.sleep(fault.delay)
        if fault.raw is not None:
            return await send_raw(request, fault)
        if fault.close:
            close_connection(request, reset=fault.reset)
            return web.Response()
        if fault.replaces_answer and fault.endless:
            return await send_without_end(request, fault)
        try:
            response = fault.answer() if fault.replaces_answer else await handler(request)
        except web.HTTPException as error:
            exchange.received.status = error.status
            raise
        exchange.received.status = response.status
        if isinstance(response, web.Response) and isinstance(response.body, bytes):
            exchange.received.sent = len(response.body)
        return response
