"""OpenAI's API, as far as speech needs it: `/audio/speech`, `/models` and `/models/{id}`, and `/realtime`."""

import base64
from collections.abc import Callable
from http import HTTPStatus
import json
from uuid import uuid4

from aiohttp import web
from aiohttp.typedefs import Handler

from ..audio.encoding import AudioFormat
from ..audio.espeak import speaker_of
from ..audio.recorder import Studio, Take
from ..delivery import deliver
from ..exchange import CURRENT_EXCHANGE, Json, Timing
from ..realtime.api import Realtime
from .contract import RefusedError, SpeechRequest, input_tokens, parse_speech_request

_CONTENT_TYPES: dict[AudioFormat, str] = {
    "mp3": "audio/mpeg",
    "opus": "audio/opus",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
_AUDIO_TOKENS_PER_SECOND = 20.8  # 1,250 a minute
_KEY_PAGE = "https://platform.openai.com/account/api-keys"
_SPEECH_SHUTDOWN = "2027-01-06"
_SHOWN_AT_START, _SHOWN_AT_END = 8, 4  # characters of a refused key


def _model(name: str, created: int, owner: str = "system") -> dict[str, Json]:
    """Return an entry of the list of models; created is in seconds since 1970."""
    return {"id": name, "object": "model", "created": created, "owned_by": owner, "shutdown_date": None}


def default_models() -> list[dict[str, Json]]:
    """Return the models of an account late in 2026, without the days of their end: tests are run on all days."""
    return [
        _model("gpt-4o", 1715367049),
        _model("gpt-4o-mini", 1721172741),
        _model("gpt-4o-mini-transcribe", 1742068596),
        _model("gpt-4o-mini-tts", 1742403959),
        _model("gpt-4o-mini-tts-2025-03-20", 1765610545),
        _model("gpt-4o-mini-tts-2025-12-15", 1765610837),
        _model("gpt-realtime", 1756271701),
        _model("gpt-realtime-2.1-mini", 1788200000),
        _model("gpt-realtime-mini", 1759517133),
        _model("omni-moderation-latest", 1731689265),
        _model("text-embedding-3-small", 1705948997),
        _model("tts-1", 1681940951, owner="openai-internal"),
        _model("tts-1-1106", 1699053241),
        _model("tts-1-hd", 1699046015),
        _model("tts-1-hd-1106", 1699053533),
        _model("whisper-1", 1677532384, owner="openai-internal"),
    ]


class OpenAI:
    """The provider. Everything may be changed at any time, and holds for the next requests.

    models: its list of models; what is not in it cannot be used.
    today: the day that it is there, such as "2027-01-06". Models that were to be shut down until then are still listed,
        and cannot be used. None: no model has been shut down.
    realtime: the API of the models that talk, with settings of its own.
    """

    def __init__(
        self, studio: Studio, api_key: Callable[[], str | None], timing: Callable[[], Timing] = Timing
    ) -> None:
        """Take where speech is recorded, and how to learn the key that is accepted at the moment, and the timing."""
        self.models = default_models()
        self.today: str | None = None
        self.realtime = Realtime(studio, timing, self._usable_models, self._check_key)
        self._studio = studio
        self._api_key = api_key

    def announce(self) -> None:
        """Tell when models end, as OpenAI has done since October 2026."""
        for row in self.models:
            if "tts" in str(row["id"]):
                row["shutdown_date"] = _SPEECH_SHUTDOWN
            elif row["id"] == "gpt-realtime":
                row["shutdown_date"] = "2027-01-20"

    def shut_down(self, model: str, on: str | None) -> None:
        """Let a model end on a day, such as "2027-01-06", or on none."""
        for entry in self.models:
            if entry["id"] == model:
                entry["shutdown_date"] = on

    def app(self) -> web.Application:
        """Return the routes, relative to the API's base URL."""
        app = web.Application(middlewares=[self._guard])
        app.add_routes(
            [
                web.post("/audio/speech", self._speak),
                web.get("/models", self._list_models, allow_head=False),
                web.get("/models/{model}", self._show_model, allow_head=False),
                web.get("/realtime", self.realtime.connect, allow_head=False),
            ]
        )
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Check the key and put every refusal into the provider's form."""
        try:
            if request.match_info.handler != self.realtime.connect:  # has a way of its own to refuse
                self._check_key(request)
            return await handler(request)
        except RefusedError as error:
            refused = error
        except web.HTTPNotFound:
            refused = RefusedError(HTTPStatus.NOT_FOUND, f"Invalid URL ({request.method} {request.path})")
        except web.HTTPMethodNotAllowed:
            message = f"Not allowed to {request.method} on {request.path}."
            refused = RefusedError(HTTPStatus.METHOD_NOT_ALLOWED, message, code="method_not_supported")
        return _json_response(refused.body, refused.status)

    def _check_key(self, request: web.Request) -> None:
        """Refuse a request without the key."""
        check_key(request.headers.get("Authorization"), self._api_key())

    def _usable_models(self) -> frozenset[str]:
        """Return the models that have not been shut down."""
        last_days = {str(model["id"]): model.get("shutdown_date") for model in self.models}
        ended = {name for name, day in last_days.items() if self.today and day and str(day) <= self.today}
        return frozenset(last_days.keys() - ended)

    async def _list_models(self, _request: web.Request) -> web.StreamResponse:
        return _json_response({"object": "list", "data": list(self.models)})

    async def _show_model(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["model"]
        for model in self.models:
            if model["id"] == name:
                return _json_response(model)
        message = f"The model '{name}' does not exist"
        raise RefusedError(HTTPStatus.NOT_FOUND, message, param="model", code="model_not_found")

    async def _speak(self, request: web.Request) -> web.StreamResponse:
        if request.content_type != "application/json":
            message = f"Unsupported content type: '{request.content_type}'. This method accepts 'application/json'."
            raise RefusedError(HTTPStatus.BAD_REQUEST, message, code="unsupported_content_type")
        wanted = parse_speech_request(CURRENT_EXCHANGE.get().received.body, self._usable_models())
        take = Take(wanted.text, speaker_of(wanted.voice), wanted.audio_format, wanted.speed)
        recording = await self._studio.record(take)
        if wanted.stream_format == "sse":
            headers = _headers("text/event-stream; charset=utf-8")
            return await deliver(
                request, recording, headers, frame=_delta_event, tail=_done_event(wanted, recording.duration)
            )
        return await deliver(request, recording, _headers(_CONTENT_TYPES[wanted.audio_format]))


def check_key(authorization: str | None, accepted: str | None) -> None:
    """Refuse a request without the accepted key; None accepts everyone."""
    scheme, _, key = (authorization or "").partition(" ")
    if accepted is None or (scheme.lower() == "bearer" and key == accepted):
        return
    if scheme.lower() != "bearer" or not key:
        message = (
            "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer "
            f"auth (i.e. Authorization: Bearer YOUR_KEY). You can obtain an API key from {_KEY_PAGE}."
        )
        raise RefusedError(HTTPStatus.UNAUTHORIZED, message)
    message = f"Incorrect API key provided: {masked(key)}. You can find your API key at {_KEY_PAGE}."
    raise RefusedError(HTTPStatus.UNAUTHORIZED, message, code="invalid_api_key")


def masked(key: str) -> str:
    """Return a key as the error message shows it: most of it as stars, its two ends readable."""
    hidden = len(key) - _SHOWN_AT_START - _SHOWN_AT_END
    if hidden <= 0:
        return key[:2] + "*" * len(key[2:])
    return key[:_SHOWN_AT_START] + "*" * hidden + key[-_SHOWN_AT_END:]


def _headers(content_type: str) -> dict[str, str]:
    """Return the headers of every answer."""
    return {"Content-Type": content_type, "openai-version": "2020-10-01", "x-request-id": f"req_{uuid4().hex}"}


def _json_response(body: Json, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    return web.Response(body=json.dumps(body).encode(), status=status, headers=_headers("application/json"))


def _event(event: Json) -> bytes:
    return b"data: " + json.dumps(event, separators=(",", ":")).encode() + b"\n\n"


def _delta_event(audio: bytes) -> bytes:
    """Return a piece of audio as a server-sent event."""
    return _event({"type": "speech.audio.delta", "audio": base64.b64encode(audio).decode()})


def _done_event(wanted: SpeechRequest, duration: float) -> bytes:
    """Return the event that ends a stream, with what it is charged for; duration in seconds."""
    spent = input_tokens(wanted.text)
    made = round(duration * _AUDIO_TOKENS_PER_SECOND)
    usage: Json = {"input_tokens": spent, "output_tokens": made, "total_tokens": spent + made}
    return _event({"type": "speech.audio.done", "usage": usage})
