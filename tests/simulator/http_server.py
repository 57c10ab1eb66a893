"""A recording HTTP server with scripted faults."""

import asyncio
import socket
import ssl
from typing import Self

from aiohttp import web
from aiohttp.typedefs import Handler

from .delivery import close_connection, send_endless, send_raw
from .exchange import CURRENT_EXCHANGE, ClientPort, Exchange, ReceivedRequest, Timing
from .faults import NO_FAULT, Fault, FaultScript
from .http import parse_json

_ADDRESS = "127.0.0.1"
_MAX_REQUEST_BYTES = 16 * 1024 * 1024  # beyond every provider's limit, so that providers refuse on their own
_SHUTDOWN_TIMEOUT_S = 0.05  # for connections whose request has already been cancelled


class SimulatedServer:
    """A server on a local port, running while its context is open.

    timing: the speed of the following responses; may be changed at any time.
    requests: all received requests, in order.
    """

    def __init__(self, *, timing: Timing | None = None, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        """Configure the server; port 0 selects a free one, `tls` enables HTTPS."""
        self.timing = timing or Timing()
        self.requests: list[ReceivedRequest] = []
        self._port = port
        self._tls = tls
        self._faults = FaultScript()
        self._runner: web.AppRunner | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._client_ports: dict[int, tuple[ClientPort, web.TCPSite]] = {}
        self._closed_ports: list[socket.socket] = []
        """Sockets that keep the numbers of closed client ports from being given to other servers."""
        self._closing = False

    @property
    def url(self) -> str:
        """The server's origin."""
        return self._origin(self._port)

    def fail(self, *faults: Fault) -> None:
        """Add faults; each request consumes the first that matches it."""
        self._faults.add(*faults)

    def reset(self) -> None:
        """Remove all recorded requests, and all pending faults except those of client ports."""
        self.requests.clear()
        self._faults.clear()
        for client_port, _ in self._client_ports.values():
            client_port.requests.clear()

    async def open_client_port(self) -> ClientPort:
        """Open an additional port for a single client."""
        assert self._runner is not None
        site = web.TCPSite(self._runner, _ADDRESS, 0, ssl_context=self._tls)
        await site.start()
        port: int = self._runner.addresses[-1][1]
        client_port = ClientPort(self._origin(port))
        self._client_ports[port] = client_port, site
        return client_port

    async def close_client_port(self, client_port: ClientPort) -> None:
        """Refuse new connections to a client port and break existing ones."""
        for port, (opened, site) in self._client_ports.items():
            if opened is client_port:
                await site.stop()
                self._closed_ports.append(_bind(port))
        self.break_connections(client_port)

    def break_connections(self, client_port: ClientPort) -> None:
        """Break all connections to a client port."""
        server = self._runner and self._runner.server
        transports = [connection.transport for connection in server.connections] if server else []
        for transport in filter(None, transports):
            if self._client_port_of(transport) is client_port:
                transport.abort()

    def find_client_port(self, request: web.Request) -> ClientPort | None:
        """Return the client port whose faults apply to a request."""
        return self._client_port_of(request.transport)

    def content_of(self, request: web.Request, body: bytes) -> str:  # noqa: ARG002
        """Return what `Fault.contains` is compared with."""
        return body.decode(errors="replace")

    def add_routes(self, app: web.Application) -> None:
        """Add the server's routes; none by default."""

    async def __aenter__(self) -> Self:
        """Accept connections."""
        app = web.Application(middlewares=[self._record], client_max_size=_MAX_REQUEST_BYTES)
        self.add_routes(app)
        self._runner = web.AppRunner(
            app, handler_cancellation=True, access_log=None, shutdown_timeout=_SHUTDOWN_TIMEOUT_S
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
        """Close the server."""
        await self.close()

    async def close(self) -> None:
        """Stop listening and cancel all requests; nothing of the server runs afterwards."""
        self._closing = True
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        if self._runner is not None:
            await self._runner.cleanup()
        for reserved in self._closed_ports:
            reserved.close()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _origin(self, port: int) -> str:
        return f"{'https' if self._tls else 'http'}://{_ADDRESS}:{port}"

    def _client_port_of(self, transport: asyncio.BaseTransport | None) -> ClientPort | None:
        """Return the client port that a connection was made to."""
        address = transport.get_extra_info("sockname") if transport else None
        client_port, _ = self._client_ports.get(address[1], (None, None)) if address else (None, None)
        return client_port

    @web.middleware
    async def _record(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Record a request and its outcome."""
        arrived = asyncio.get_running_loop().time()
        body = await request.read()
        received = ReceivedRequest(request.method, request.path, request.headers, parse_json(body))
        received.content = self.content_of(request, body)
        self.requests.append(received)
        client_port = self.find_client_port(request)
        received.fault = fault = self._take_fault(received, client_port)
        exchange = Exchange(received, self.timing, fault, arrived, client_port)
        CURRENT_EXCHANGE.set(exchange)
        self._tasks.add(request.task)
        request.task.add_done_callback(self._tasks.discard)
        try:
            response = await self._respond(request, handler, exchange)
        except asyncio.CancelledError, ConnectionError:
            received.is_disconnected = not self._closing
            raise
        finally:
            received.finished.set()
        return response

    def _take_fault(self, received: ReceivedRequest, client_port: ClientPort | None) -> Fault:
        """Consume the fault for a request: the client port's, or else the server's."""
        fault = NO_FAULT
        if client_port is not None:
            client_port.requests.append(received)
            fault = client_port.faults.take(received.method, received.path, received.content)
        return fault if fault is not NO_FAULT else self._faults.take(received.method, received.path, received.content)

    async def _respond(self, request: web.Request, handler: Handler, exchange: Exchange) -> web.StreamResponse:
        """Respond as scripted by the fault, or else as the provider would."""
        fault = exchange.fault
        await asyncio.sleep(fault.delay)
        if fault.raw is not None:
            return await send_raw(request, fault)
        if fault.close:
            close_connection(request, reset=fault.reset)
            return web.Response()
        if fault.replaces_response and fault.endless:
            return await send_endless(request, fault)
        try:
            response = fault.response() if fault.replaces_response else await handler(request)
        except web.HTTPException as error:
            exchange.received.status = error.status
            raise
        exchange.received.status = response.status
        if isinstance(response, web.Response) and isinstance(response.body, bytes):
            exchange.received.sent = len(response.body)
        return response


def _bind(port: int) -> socket.socket:
    """Return a socket that is bound to a port and does not listen, so that connections to the port are refused."""
    reserved = socket.socket()
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.bind((_ADDRESS, port))
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)  # from now on
    return reserved
