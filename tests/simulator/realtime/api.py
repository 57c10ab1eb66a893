"""OpenAI's Realtime API, as far as reading texts aloud needs it: a WebSocket at `/realtime?model=...`."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Literal, cast

from aiohttp import web

from ..audio.recorder import Studio
from ..delivery import close_connection
from ..exchange import CURRENT_EXCHANGE, Timing
from ..openai.contract import RefusedError
from .events import error_event, new_session
from .response import Line, Reading
from .schema import EventError
from .session import Conditions, Session, Socket

type Refusing = Literal["before", "after"]

_AUTHENTICATION_FAILED, _REQUEST_FAILED, _GOING_AWAY = 3000, 4000, 1001  # codes that a connection is closed with
_PREFIXES = ("gpt-realtime", "gpt-4o-realtime", "gpt-4o-mini-realtime")


class Realtime(Conditions):
    """The API, with its conditions.

    sockets: the connections so far, in order.
    refuses: whether a wrong key or model is refused "before" the connection is upgraded, with a status, or "after" it,
        with an `error` event and a close code of its own, as was observed of OpenAI in autumn 2026.
    """

    def __init__(
        self,
        studio: Studio,
        timing: Callable[[], Timing],
        models: Callable[[], frozenset[str]],
        check_key: Callable[[web.Request], None],
    ) -> None:
        """Take where speech is recorded, how to learn the timing and the models of the moment, and who checks keys."""
        super().__init__(studio, timing)
        self.sockets: list[Socket] = []
        self.refuses: Refusing = "before"
        self._models = models
        self._check_key = check_key

    @property
    def open(self) -> int:
        """How many connections are open."""
        return sum(socket.open for socket in self.sockets)

    @property
    def readings(self) -> list[Reading]:
        """The answers that were asked for on all connections, without those that were refused."""
        return [reading for socket in self.sockets for reading in socket.readings]

    def reset(self) -> None:
        """Forget the connections that have ended and the fates still to come."""
        self.sockets = [socket for socket in self.sockets if socket.open]
        self.fates.clear()

    async def connect(self, request: web.Request) -> web.StreamResponse:
        """Answer the request for a connection, and all that comes through it."""
        refused = self._refusal(request)
        if refused is not None and self.refuses == "before":
            raise refused
        websocket = web.WebSocketResponse(compress=False)
        if not websocket.can_prepare(request):
            message = "This URL takes WebSocket connections only."
            raise RefusedError(HTTPStatus.UPGRADE_REQUIRED, message)
        await websocket.prepare(request)
        received = CURRENT_EXCHANGE.get().received
        received.status = websocket.status
        if refused is not None:
            await _turn_away(websocket, refused)
            return websocket
        socket = Socket(received, new_session(request.query["model"], self.session_seconds))
        self.sockets.append(socket)
        try:
            why = await Session(self, socket, Line(websocket, received)).run()
        finally:
            socket.open = False
        if why == "left":
            received.disconnected = any(reading.status is None for reading in socket.readings)
        elif why == "cut":
            close_connection(request)
        else:
            await websocket.close(code=_GOING_AWAY, message=why.encode())
        return websocket

    def _refusal(self, request: web.Request) -> RefusedError | None:
        """Return what is wrong with a request for a connection."""
        try:
            self._check_key(request)
            self._check_request(request)
        except RefusedError as refused:
            return refused
        return None

    def _check_request(self, request: web.Request) -> None:
        """Refuse the protocol of before, and models that do not talk."""
        model, models = request.query.get("model"), self._models()
        if request.headers.get("OpenAI-Beta") == "realtime=v1":
            message = "The beta API shape is no longer supported."
            raise RefusedError(HTTPStatus.BAD_REQUEST, message, code="beta_api_shape_disabled")
        if not model:
            message = "You must provide a model parameter."
            raise RefusedError(HTTPStatus.BAD_REQUEST, message, code="missing_model")
        if self.refuses == "before" and model not in models:
            message = f"The model `{model}` does not exist or you do not have access to it."
            raise RefusedError(HTTPStatus.NOT_FOUND, message, code="model_not_found")
        if model not in models or not model.startswith(_PREFIXES):
            message = f'Model "{model}" is not supported in realtime mode.'
            raise RefusedError(HTTPStatus.BAD_REQUEST, message, code="invalid_model")


async def _turn_away(websocket: web.WebSocketResponse, refused: RefusedError) -> None:
    """Refuse on a connection that is already open."""
    error = cast("dict[str, Any]", refused.body)["error"]
    code, kind = error["code"], error["type"]
    await websocket.send_str(error_event(EventError(code, error["message"], error["param"], kind=kind)))
    close_code = _AUTHENTICATION_FAILED if refused.status == HTTPStatus.UNAUTHORIZED else _REQUEST_FAILED
    await websocket.close(code=close_code, message=(f"{kind}.{code}" if code else kind).encode())
