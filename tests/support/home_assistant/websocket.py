"""Client of Home Assistant's WebSocket API."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, Final

import aiohttp

from .api import ApiError, Json

_TIMEOUT_S: Final = 60.0


class WebSocket:
    """A connection with login, for one command at a time."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Use a connection; `open_websocket` logs in."""
        self._socket = socket
        self._numbers = count(1)

    async def log_in(self, token: str) -> None:
        """Log in with an access token. Raises ApiError."""
        await self._receive("auth_required")
        await self._socket.send_json({"type": "auth", "access_token": token})
        await self._receive("auth_ok")

    async def send(self, kind: str, **data: Any) -> Any:
        """Send a command, and return its result. Raises ApiError."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "type": kind, **data})
        return self._result(await self._receive("result", number), kind)

    async def subscribe(self, kind: str, **data: Any) -> AsyncGenerator[Json]:
        """Send a command, and yield its events without end. Raises ApiError."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "type": kind, **data})
        self._result(await self._receive("result", number), kind)
        while True:
            yield (await self._receive("event", number))["event"]

    async def _receive(self, kind: str, number: int | None = None) -> Json:
        """Return the next message of a type that belongs to a command."""
        async with asyncio.timeout(_TIMEOUT_S):
            while True:
                message: Json = await self._socket.receive_json()
                if message["type"] == kind and message.get("id") == number:
                    return message
                if message["type"] == "auth_invalid":
                    raise ApiError("the access token is not valid")

    @staticmethod
    def _result(message: Json, kind: str) -> Any:
        if not message["success"]:
            raise ApiError(f"{kind}: {message['error']}")
        return message["result"]


@asynccontextmanager
async def open_websocket(url: str, token: str) -> AsyncGenerator[WebSocket]:
    """Connect to Home Assistant with an access token."""
    websocket_url = url.replace("http", "ws", 1) + "/api/websocket"
    async with aiohttp.ClientSession() as session, session.ws_connect(websocket_url, max_msg_size=0) as socket:
        connection = WebSocket(socket)
        await connection.log_in(token)
        yield connection
