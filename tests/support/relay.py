"""A TCP relay in front of a server: it counts connections, records what clients send, and delays or refuses."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
import ssl
from typing import Self

from yarl import URL

from .processes import LOCALHOST

_BLOCK_BYTES = 64 * 1024
_REQUEST_TIMEOUT_S = 0.1
_TIMEOUT_RESPONSE = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Behavior(StrEnum):
    """What the relay does with a new connection."""

    FORWARD = "forward"
    CLOSE = "close"
    """Close it at once."""
    RESET = "reset"
    """Break it at once."""
    HANG = "hang"
    """Read, and never respond."""
    EXPECT_REQUEST = "expect request"
    """Respond with status 408 and close it if no request arrives soon, otherwise forward it."""


@dataclass(slots=True)
class RelayedConnection:
    """A connection of a client. `received`: what the client has sent."""

    accepted_at: float
    received: bytearray = field(default_factory=bytearray)
    is_open: bool = True


class Relay:
    """A relay to a server, running while its context is open.

    With a `round_trip_s`, data takes half of it in each direction, and the first data of a connection takes one more
    round trip, as TCP's handshake does.
    """

    def __init__(self, target: str, *, round_trip_s: float = 0.0, tls: ssl.SSLContext | None = None) -> None:
        """Configure a relay to the origin of a URL; `tls` lets clients connect over HTTPS to a target over HTTP."""
        self.behavior = Behavior.FORWARD
        self.connections: list[RelayedConnection] = []
        self._target = URL(target)
        self._round_trip_s = round_trip_s
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """The relay's origin."""
        if self._server is None:
            raise RuntimeError("the relay does not run")
        scheme = "https" if self._tls else self._target.scheme
        return f"{scheme}://{LOCALHOST}:{self._server.sockets[0].getsockname()[1]}"

    @property
    def open_connections(self) -> list[RelayedConnection]:
        """The connections that neither side has closed."""
        return [connection for connection in self.connections if connection.is_open]

    async def close_connections(self) -> None:
        """Close all connections, as a service closes idle ones, and forget them."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await asyncio.sleep(0.02)  # until clients have noticed
        self.connections.clear()

    async def __aenter__(self) -> Self:
        """Accept connections."""
        self._server = await asyncio.start_server(self._accept, LOCALHOST, 0, ssl=self._tls)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop accepting connections, and close them."""
        if self._server:
            self._server.close()
        await self.close_connections()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = RelayedConnection(asyncio.get_running_loop().time())
        self.connections.append(connection)
        try:
            with suppress(ConnectionError):
                await self._handle(connection, reader, writer)
        finally:
            connection.is_open = False
            writer.close()

    async def _handle(
        self, connection: RelayedConnection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        start = b""
        match self.behavior:
            case Behavior.CLOSE:
                return
            case Behavior.RESET:
                writer.transport.abort()
                return
            case Behavior.HANG:
                while data := await reader.read(_BLOCK_BYTES):
                    connection.received += data
                return
            case Behavior.EXPECT_REQUEST:
                try:
                    async with asyncio.timeout(_REQUEST_TIMEOUT_S):
                        start = await reader.read(_BLOCK_BYTES)
                except TimeoutError:
                    writer.write(_TIMEOUT_RESPONSE)
                    return
        await self._forward(connection, start, reader, writer)

    async def _forward(
        self, connection: RelayedConnection, start: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Pass data on in both directions until one side closes its end."""
        server_reader, server_writer = await asyncio.open_connection(self._target.host, self._target.port)
        server_writer.write(start)
        connection.received += start
        established = connection.accepted_at + self._round_trip_s
        directions = (
            asyncio.create_task(self._pass_on(reader, server_writer, established, connection.received)),
            asyncio.create_task(self._pass_on(server_reader, writer, established)),
        )
        try:
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in directions:
                task.cancel()
            server_writer.close()
            await asyncio.gather(*directions, return_exceptions=True)

    async def _pass_on(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        established: float,
        record: bytearray | None = None,
    ) -> None:
        """Pass data on in one direction, each block as much later as it takes for half a round trip."""
        loop = asyncio.get_running_loop()
        blocks: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def read() -> None:
            while data := await reader.read(_BLOCK_BYTES):
                if record is not None:
                    record.extend(data)
                blocks.put_nowait((max(loop.time(), established) + self._round_trip_s / 2, data))
            blocks.put_nowait((loop.time() + self._round_trip_s / 2, b""))

        reading = asyncio.create_task(read())
        try:
            while True:
                due, data = await blocks.get()
                if (wait := due - loop.time()) > 0:
                    await asyncio.sleep(wait)
                if not data:
                    return
                writer.write(data)
                await writer.drain()
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
