"""The simulator: one HTTP server with every provider on it, which remembers what it was asked."""

import asyncio
from types import TracebackType
from typing import Self

from aiohttp import web
from aiohttp.typedefs import Handler

from .delivery import close_connection
from .exchange import CURRENT_EXCHANGE, Exchange, Received, Timing, parse_json
from .faults import Fault, FaultScript
from .openai import OpenAI
from .studio import Studio, Tongue

DEFAULT_KEY = "sk-simulated-key-that-opens-nothing-0001"
_HOST = "127.0.0.1"
_OPENAI_PREFIX = "/v1"
_LARGEST_REQUEST = 16 * 1024 * 1024  # bytes; a request too large for a provider is the provider's to refuse
_SHUTDOWN_TIMEOUT = 0.05  # seconds for connections whose request has already been cancelled


class Simulator:
    """Providers on a local port, from `async with` on until its end.

    timing: how quickly the next answers come; may be changed at any time.
    api_key: the key that is accepted; None makes a server that takes requests without one.
    requests: everything that arrived, in order.
    openai: the provider's own state, such as its list of models.
    tongue: "speech", or "tones" for a burst of tones per word, which `tests.words` reads back; for the next requests.
    """

    def __init__(self, *, timing: Timing | None = None, port: int = 0, api_key: str | None = DEFAULT_KEY) -> None:
        """Prepare without opening anything; port 0 takes a free one."""
        self.timing = timing or Timing()
        self.api_key = api_key
        self.requests: list[Received] = []
        self._port = port
        self._faults = FaultScript()
        self._studio = Studio()
        self.openai = OpenAI(self._studio, lambda: self.api_key)
        self._runner: web.AppRunner | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False

    @property
    def tongue(self) -> Tongue:
        """What the providers speak in."""
        return self._studio.tongue

    @tongue.setter
    def tongue(self, tongue: Tongue) -> None:
        self._studio.tongue = tongue

    @property
    def url(self) -> str:
        """Where the simulator listens."""
        return f"http://{_HOST}:{self._port}"

    @property
    def openai_url(self) -> str:
        """The base URL of OpenAI's API."""
        return self.url + _OPENAI_PREFIX

    def fail(self, *faults: Fault) -> None:
        """Let coming requests fail: each takes the first fault that matches it and has not been used up."""
        for fault in faults:
            self._faults.add(fault)

    def reset(self) -> None:
        """Forget the requests so far and the faults still to come."""
        self.requests.clear()
        self._faults.clear()

    async def __aenter__(self) -> Self:
        """Accept connections."""
        app = web.Application(middlewares=[self._observe], client_max_size=_LARGEST_REQUEST)
        app.add_subapp(_OPENAI_PREFIX, self.openai.app())
        self._runner = web.AppRunner(
            app, handler_cancellation=True, access_log=None, shutdown_timeout=_SHUTDOWN_TIMEOUT
        )
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, _HOST, self._port).start()
        except OSError:
            await self._close()
            raise
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close all connections; nothing of the simulator runs afterwards."""
        await self._close()

    async def _close(self) -> None:
        self._closing = True
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        if self._runner is not None:
            await self._runner.cleanup()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._studio.close()

    @web.middleware
    async def _observe(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Remember a request and what became of it."""
        arrived = asyncio.get_running_loop().time()
        received = Received(request.method, request.path, request.headers, parse_json(await request.read()))
        self.requests.append(received)
        fault = self._faults.take(request.method, request.path)
        exchange = Exchange(received, self.timing, fault, arrived)
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

    async def _answer(self, request: web.Request, handler: Handler, exchange: Exchange) -> web.StreamResponse:
        """Answer as the script says, or else as the provider would."""
        fault = exchange.fault
        await asyncio.sleep(fault.delay)
        if fault.close:
            close_connection(request)
            return web.Response()
        response = fault.answer() if fault.replaces_answer else await handler(request)
        exchange.received.status = response.status
        if isinstance(response, web.Response) and isinstance(response.body, bytes):
            exchange.received.sent = len(response.body)
        return response
