"""OpenAI's speech API: `/audio/speech`, `/models`, `/models/{id}` and `/realtime`."""

import base64
from collections.abc import Callable
from http import HTTPStatus
from uuid import uuid4

from aiohttp import web
from aiohttp.typedefs import Handler

from ..audio.encoding import AudioFormat
from ..audio.espeak import speaker_of
from ..audio.recorder import Recorder, RecordingSpec
from ..delivery import Framing, deliver
from ..exchange import CURRENT_EXCHANGE, Timing
from ..http import Json, bearer_key, json_response, sse_event
from ..realtime.api import Realtime
from .contract import OpenAIError, SpeechRequest, input_tokens, parse_speech_request

_CONTENT_TYPES: dict[AudioFormat, str] = {
    "mp3": "audio/mpeg",
    "opus": "audio/opus",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
_SPEECH_TOKENS_PER_SECOND = 20.8  # 1,250 a minute
_KEY_PAGE = "https://platform.openai.com/account/api-keys"
_SPEECH_SHUTDOWN, _REALTIME_SHUTDOWN = "2027-01-06", "2027-01-20"
_KEY_START_CHARS, _KEY_END_CHARS = 8, 4  # of a refused key, readable in the error message


def _model_row(name: str, created: int, owner: str = "system") -> dict[str, Json]:
    """Return an entry of the model list; `created` in Unix seconds."""
    return {"id": name, "object": "model", "created": created, "owned_by": owner, "shutdown_date": None}


def default_models() -> list[dict[str, Json]]:
    """Return an account's models of late 2026, without shutdown dates, so that tests work on any day."""
    return [
        _model_row("gpt-4o", 1715367049),
        _model_row("gpt-4o-mini", 1721172741),
        _model_row("gpt-4o-mini-transcribe", 1742068596),
        _model_row("gpt-4o-mini-tts", 1742403959),
        _model_row("gpt-4o-mini-tts-2025-03-20", 1765610545),
        _model_row("gpt-4o-mini-tts-2025-12-15", 1765610837),
        _model_row("gpt-realtime", 1756271701),
        _model_row("gpt-realtime-1.5", 1769904000),
        _model_row("gpt-realtime-2", 1778112000),
        _model_row("gpt-realtime-2.1", 1788200000),
        _model_row("gpt-realtime-2.1-mini", 1788200000),
        _model_row("gpt-realtime-mini", 1759517133),
        _model_row("omni-moderation-latest", 1731689265),
        _model_row("text-embedding-3-small", 1705948997),
        _model_row("tts-1", 1681940951, owner="openai-internal"),
        _model_row("tts-1-1106", 1699053241),
        _model_row("tts-1-hd", 1699046015),
        _model_row("tts-1-hd-1106", 1699053533),
        _model_row("whisper-1", 1677532384, owner="openai-internal"),
    ]


class OpenAI:
    """The provider. All settings apply to the following requests.

    models: the model list; other models cannot be used.
    today: the provider's date, such as "2027-01-06". Models whose shutdown date has come are listed and unusable; None
        ignores shutdown dates.
    realtime: the Realtime API, with settings of its own.
    """

    def __init__(
        self, recorder: Recorder, api_key: Callable[[], str | None], timing: Callable[[], Timing] = Timing
    ) -> None:
        """Initialize with the recorder and functions that return the accepted key and the timing."""
        self.models = default_models()
        self.today: str | None = None
        self.realtime = Realtime(recorder, timing, self._usable_models, self._check_key)
        self._recorder = recorder
        self._api_key = api_key

    def announce_shutdowns(self) -> None:
        """Set the shutdown dates that OpenAI announced in October 2026."""
        for row in self.models:
            if "tts" in str(row["id"]):
                row["shutdown_date"] = _SPEECH_SHUTDOWN
            elif row["id"] == "gpt-realtime":
                row["shutdown_date"] = _REALTIME_SHUTDOWN

    def set_shutdown_date(self, model: str, on: str | None) -> None:
        """Set or remove the shutdown date of a model."""
        for row in self.models:
            if row["id"] == model:
                row["shutdown_date"] = on

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
        """Check the key and convert errors to the provider's format."""
        try:
            if request.match_info.handler != self.realtime.connect:  # checks the key itself
                self._check_key(request)
            return await handler(request)
        except OpenAIError as err:
            error = err
        except web.HTTPNotFound:
            error = OpenAIError(HTTPStatus.NOT_FOUND, f"Invalid URL ({request.method} {request.path})")
        except web.HTTPMethodNotAllowed:
            message = f"Not allowed to {request.method} on {request.path}."
            error = OpenAIError(HTTPStatus.METHOD_NOT_ALLOWED, message, code="method_not_supported")
        return _respond(error.body, error.status)

    def _check_key(self, request: web.Request) -> None:
        """Raise OpenAIError unless the request has the accepted key; None accepts all requests."""
        accepted, key = self._api_key(), bearer_key(request)
        if accepted is None or key == accepted:
            return
        if key is None:
            message = (
                "You didn't provide an API key. You need to provide your API key in an Authorization header using "
                f"Bearer auth (i.e. Authorization: Bearer YOUR_KEY). You can obtain an API key from {_KEY_PAGE}."
            )
            raise OpenAIError(HTTPStatus.UNAUTHORIZED, message)
        message = f"Incorrect API key provided: {_mask(key)}. You can find your API key at {_KEY_PAGE}."
        raise OpenAIError(HTTPStatus.UNAUTHORIZED, message, code="invalid_api_key")

    def _usable_models(self) -> frozenset[str]:
        """Return the models that have not been shut down."""
        dates = {str(model["id"]): model.get("shutdown_date") for model in self.models}
        retired = {name for name, date in dates.items() if self.today and date and str(date) <= self.today}
        return frozenset(dates.keys() - retired)

    async def _list_models(self, _request: web.Request) -> web.StreamResponse:
        return _respond({"object": "list", "data": list(self.models)})

    async def _show_model(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["model"]
        for model in self.models:
            if model["id"] == name:
                return _respond(model)
        message = f"The model '{name}' does not exist"
        raise OpenAIError(HTTPStatus.NOT_FOUND, message, param="model", code="model_not_found")

    async def _speak(self, request: web.Request) -> web.StreamResponse:
        if request.content_type != "application/json":
            message = f"Unsupported content type: '{request.content_type}'. This method accepts 'application/json'."
            raise OpenAIError(HTTPStatus.BAD_REQUEST, message, code="unsupported_content_type")
        speech = parse_speech_request(CURRENT_EXCHANGE.get().received.body, self._usable_models())
        spec = RecordingSpec(speech.text, speaker_of(speech.voice), speech.audio_format, speech.speed)
        recording = await self._recorder.record(spec)
        if speech.stream_format == "sse":
            headers = _headers("text/event-stream; charset=utf-8")
            framing = Framing(_delta_event, _done_event(speech, recording.duration))
            return await deliver(request, recording, headers, framing=framing)
        return await deliver(request, recording, _headers(_CONTENT_TYPES[speech.audio_format]))


def _mask(key: str) -> str:
    """Return a key as error messages show it: only its ends are readable."""
    hidden = len(key) - _KEY_START_CHARS - _KEY_END_CHARS
    if hidden <= 0:
        return key[:2] + "*" * len(key[2:])
    return key[:_KEY_START_CHARS] + "*" * hidden + key[-_KEY_END_CHARS:]


def _headers(content_type: str) -> dict[str, str]:
    """Return the headers of every response."""
    return {"Content-Type": content_type, "openai-version": "2020-10-01", "x-request-id": f"req_{uuid4().hex}"}


def _respond(body: Json, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    return json_response(body, status, _headers("application/json"))


def _delta_event(audio: bytes) -> bytes:
    """Return a chunk of audio as a server-sent event."""
    return sse_event({"type": "speech.audio.delta", "audio": base64.b64encode(audio).decode()})


def _done_event(speech: SpeechRequest, duration: float) -> bytes:
    """Return the event that ends a stream, with the usage; `duration` in seconds."""
    inputs = input_tokens(speech.text)
    outputs = round(duration * _SPEECH_TOKENS_PER_SECOND)
    usage: Json = {"input_tokens": inputs, "output_tokens": outputs, "total_tokens": inputs + outputs}
    return sse_event({"type": "speech.audio.done", "usage": usage})
