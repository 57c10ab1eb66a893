"""A session of OpenAI's Realtime API: a WebSocket, and the responses that arrive over it in parallel."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
import time
from typing import Any, Final
from uuid import uuid4

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, WSServerHandshakeError
from yarl import URL

from .. import errors
from ..error_responses import error_for, parse_retry_after
from ..http import MAX_DOCUMENT_BYTES, translate_client_errors
from ..json_documents import Json, get_object, load_json
from .realtime_response import RealtimeResponse, error_in

_REASONING: Final = "reasoning"
"""Key of the session setting that only models that reason accept."""
_OPEN_TIMEOUT_S: Final = 15.0
_PING_INTERVAL_S: Final = 30.0
"""Idle time after which a ping is sent, so that no proxy closes the connection. aiohttp's own `heartbeat` (3.14.5)
leaves a timer behind if data arrives while the connection closes."""
_MAX_IDLE_S: Final = 10 * 60.0
"""Idle time after which a session is closed, as other idle connections are."""
_MAX_SESSION_AGE_S: Final = 25 * 60.0
"""Age beyond which a session gets no new text: OpenAI ends sessions after half an hour at the earliest."""


class RealtimeSession:
    """A session with one model, voice and speed."""

    def __init__(
        self, http_session: ClientSession, url: URL, headers: Mapping[str, str], settings: Mapping[str, Any]
    ) -> None:
        """Start to open the session; `respond` waits until the session is open."""
        self._started_at = self._last_used_at = time.monotonic()
        self._settings = settings
        self._responses: dict[str, RealtimeResponse] = {}
        """Responses by the ID of the event that requests them."""
        self._is_closed = False
        self._is_stalled = False
        self._connection: ClientWebSocketResponse
        self._ready = asyncio.get_running_loop().create_future()
        """Done once the server has accepted the settings, or opening has failed."""
        self._task = asyncio.create_task(self._run(http_session, url, headers), name="orator realtime session")

    @property
    def is_usable(self) -> bool:
        """Whether the session can be used for another response."""
        return not self._is_closed and not self._is_stalled and self.age_s <= _MAX_SESSION_AGE_S

    @property
    def age_s(self) -> float:
        """Seconds since the session was started."""
        return time.monotonic() - self._started_at

    @property
    def is_busy(self) -> bool:
        """Whether the session is opening or a response is in progress."""
        return not self._ready.done() or bool(self._responses)

    @asynccontextmanager
    async def respond(self, text: str, settings: Mapping[str, Any]) -> AsyncGenerator[RealtimeResponse]:
        """Request a response that speaks `text`; leaving the context cancels it. Raises SpeechError."""
        key = uuid4().hex
        response = self._responses[key] = RealtimeResponse(text, is_reasoning=_REASONING in self._settings)
        try:
            await asyncio.wait([self._ready])
            self._ready.result()
            await self._send(
                {"type": "response.create", "event_id": key, "response": {**settings, "metadata": {"key": key}}}
            )
            yield response
        except errors.TimedOutError:
            self._is_stalled = True
            raise
        finally:
            del self._responses[key]
            self._last_used_at = time.monotonic()
            is_in_progress = not response.is_done or response.is_interrupted
            if response.id and is_in_progress and not self._is_closed:
                await self._cancel(response.id)
            if not self.is_usable and not self.is_busy:
                self.close()

    def close(self) -> None:
        """Start to close the session."""
        if not self._is_closed:
            self._task.cancel()

    async def wait_closed(self) -> None:
        """Wait until the connection is closed."""
        await asyncio.wait([self._task])

    async def _run(self, http_session: ClientSession, url: URL, headers: Mapping[str, str]) -> None:
        """Open the session, and process events until the connection ends."""
        connection = None
        error: errors.SpeechError = errors.ConnectionLostError()
        try:
            with translate_client_errors(errors.ConnectionLostError):
                async with asyncio.timeout(_OPEN_TIMEOUT_S):
                    self._connection = connection = await _connect(http_session, url, headers)
                    await self._send({"type": "session.update", "session": self._settings})
                    while not self._ready.done():
                        await self._receive()
                while True:
                    await self._receive()
        except errors.SpeechError as err:
            error = err
        except ValueError:
            error = errors.NotASpeechServerError()
        finally:
            self._is_closed = True
            if not self._ready.done():
                self._ready.set_exception(error)
                self._ready.exception()  # asyncio reports exceptions that are never retrieved
            for response in self._responses.values():
                response.end(error)
            if connection:
                await connection.close()

    async def _receive(self) -> None:
        """Process the next event, or send a ping if none arrives.

        Raises SpeechError at the end of the connection, or if the session has been idle for too long.
        """
        try:
            message = await self._connection.receive(timeout=_PING_INTERVAL_S)
        except TimeoutError:
            if not self.is_busy and time.monotonic() - self._last_used_at > _MAX_IDLE_S:
                raise errors.ConnectionLostError from None
            await self._connection.ping()
            return
        if message.type is WSMsgType.TEXT:
            await self._handle(await load_json(message.data.encode()))
        elif message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED):
            raise errors.ConnectionLostError

    async def _send(self, event: Mapping[str, Any]) -> None:
        with translate_client_errors(errors.ConnectionLostError):
            await self._connection.send_json(event)

    async def _cancel(self, response_id: Json) -> None:
        await self._send({"type": "response.cancel", "response_id": response_id})

    async def _handle(self, event: Json) -> None:
        """Process an event, or pass it to its response. Raises SpeechError if the session has failed."""
        if not isinstance(event, dict):
            raise errors.NotASpeechServerError
        details = get_object(event, "response")
        match event.get("type"):
            case "session.updated" if not self._ready.done():
                self._ready.set_result(None)
            case "response.created":
                if response := self._responses.get(str(get_object(details, "metadata").get("key"))):
                    response.id = details.get("id")
                else:  # the context was exited before the response was created
                    await self._cancel(details.get("id"))
            case "error":
                await self._handle_error(get_object(event, "error"))
            case _:
                response_id = event.get("response_id") or details.get("id")
                if response := next((one for one in self._responses.values() if one.id == response_id), None):
                    response.handle(event)

    async def _handle_error(self, details: Mapping[str, Any]) -> None:
        """End the response that an error is about, or raise it if it is about the session."""
        named = f"{details.get('param')} {details.get('message')}"  # some errors name the setting in the message only
        if not self._ready.done() and _REASONING in self._settings and _REASONING in named:
            self._settings = {key: value for key, value in self._settings.items() if key != _REASONING}
            await self._send({"type": "session.update", "session": self._settings})
            return
        error = error_in(details)
        if response := self._responses.get(str(details.get("event_id"))):
            response.end(error)
        elif not self._ready.done() or error.code == "session_expired":
            raise error


async def _connect(http_session: ClientSession, url: URL, headers: Mapping[str, str]) -> ClientWebSocketResponse:
    if http_session.closed:
        raise errors.ConnectionLostError
    with translate_client_errors():
        try:
            return await http_session.ws_connect(url, headers=headers, max_msg_size=MAX_DOCUMENT_BYTES)
        except WSServerHandshakeError as err:
            if err.status < 400:  # the server does not support WebSockets
                raise errors.NotASpeechServerError(status=err.status) from err
            retry_after = parse_retry_after(err.headers.get("Retry-After") if err.headers else None)
            raise error_for(err.status, (), retry_after) from err
