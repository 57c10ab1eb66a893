"""The WebSocket endpoint `/realtime?model=...` of OpenAI's Realtime API."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Literal, cast

from aiohttp import web

from ..audio.recorder import Recorder
from ..delivery import close_connection
from ..exchange import CURRENT_EXCHANGE, Timing
from ..openai.contract import OpenAIError
from .events import error_event, new_session
from .response import Channel, ResponseRecord
from .schema import EventError
from .session import ConnectionRecord, RealtimeSettings, Session

type RefusalStage = Literal["before", "after"]

_AUTHENTICATION_FAILED, _REQUEST_FAILED, _GOING_AWAY = 3000, 4000, 1001  # WebSocket close codes
_MODEL_PREFIXES = ("gpt-realtime", "gpt-4o-realtime", "gpt-4o-mini-realtime")


class Realtime(RealtimeSettings):
    """The API and its settings.

    connections: all connections, in order.
    refusal_stage: whether wrong keys and models are refused "before" the upgrade to WebSocket, with a status, or
        "after" it, with an `error` event and a close code, as observed of OpenAI in autumn 2026.
    """

    def __init__(
        self,
        recorder: Recorder,
        timing: Callable[[], Timing],
        models: Callable[[], frozenset[str]],
        check_key: Callable[[web.Request], None],
    ) -> None:
        """Initialize with the recorder, and with functions for the timing, the usable models and the key check."""
        super().__init__(recorder, timing)
        self.connections: list[ConnectionRecord] = []
        self.refusal_stage: RefusalStage = "before"
        self._models = models
        self._check_key = check_key

    @property
    def open_connections(self) -> int:
        """The number of open connections."""
        return sum(connection.is_open for connection in self.connections)

    @property
    def responses(self) -> list[ResponseRecord]:
        """The responses created on all connections."""
        return [response for connection in self.connections for response in connection.responses]

    def reset(self) -> None:
        """Remove ended connections and pending scripted responses."""
        self.connections = [connection for connection in self.connections if connection.is_open]
        self.script.clear()

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """Handle a connection from its request to its end."""
        error = self._find_error(request)
        if error is not None and self.refusal_stage == "before":
            raise error
        websocket = web.WebSocketResponse(compress=False)
        if not websocket.can_prepare(request):
            message = "This URL takes WebSocket connections only."
            raise OpenAIError(HTTPStatus.UPGRADE_REQUIRED, message)
        await websocket.prepare(request)
        received = CURRENT_EXCHANGE.get().received
        received.status = websocket.status
        if error is not None:
            await _close_with_error(websocket, error)
            return websocket
        connection = ConnectionRecord(received, new_session(request.query["model"], self.session_seconds))
        self.connections.append(connection)
        try:
            reason = await Session(self, connection, Channel(websocket, received)).run()
        finally:
            connection.is_open = False
        if reason == "left":
            received.is_disconnected = any(response.status is None for response in connection.responses)
        elif reason == "cut":
            close_connection(request)
        else:
            await websocket.close(code=_GOING_AWAY, message=reason.encode())
        return websocket

    def _find_error(self, request: web.Request) -> OpenAIError | None:
        """Return the error of a connection request, if any."""
        try:
            self._check_key(request)
            self._check_request(request)
        except OpenAIError as error:
            return error
        return None

    def _check_request(self, request: web.Request) -> None:
        """Raise OpenAIError for the beta protocol, and for models without Realtime support."""
        model, models = request.query.get("model"), self._models()
        if request.headers.get("OpenAI-Beta") == "realtime=v1":
            message = "The beta API shape is no longer supported."
            raise OpenAIError(HTTPStatus.BAD_REQUEST, message, code="beta_api_shape_disabled")
        if not model:
            message = "You must provide a model parameter."
            raise OpenAIError(HTTPStatus.BAD_REQUEST, message, code="missing_model")
        if self.refusal_stage == "before" and model not in models:
            message = f"The model `{model}` does not exist or you do not have access to it."
            raise OpenAIError(HTTPStatus.NOT_FOUND, message, code="model_not_found")
        if model not in models or not model.startswith(_MODEL_PREFIXES):
            message = f'Model "{model}" is not supported in realtime mode.'
            raise OpenAIError(HTTPStatus.BAD_REQUEST, message, code="invalid_model")


async def _close_with_error(websocket: web.WebSocketResponse, error: OpenAIError) -> None:
    """Send an `error` event and close the connection."""
    details = cast("dict[str, Any]", error.body)["error"]
    code, kind = details["code"], details["type"]
    await websocket.send_str(error_event(EventError(code, details["message"], details["param"], kind=kind)))
    close_code = _AUTHENTICATION_FAILED if error.status == HTTPStatus.UNAUTHORIZED else _REQUEST_FAILED
    await websocket.close(code=close_code, message=(f"{kind}.{code}" if code else kind).encode())
