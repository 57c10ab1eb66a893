"""Speechbase's API: three speech endpoints, saved voices, providers and health."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
import re

from aiohttp import web
from aiohttp.typedefs import Handler

from ..audio.containers import FILE_WAV, AudioSpec, Wav, record
from ..audio.encoding import SAMPLE_RATE, Quality
from ..audio.espeak import speaker_of
from ..audio.recorder import Recorder, Recording
from ..delivery import Delivery, deliver
from ..exchange import CURRENT_EXCHANGE
from ..http import Json, bearer_key
from ..openai.contract import OLDER_MODELS, OLDER_VOICES, VOICES
from .catalog import (
    Row,
    default_limits,
    default_native_formats,
    default_providers,
    default_sample_rates,
    default_voices,
    page_of,
)
from .contract import (
    Format,
    ModeKey,
    ModeRefusal,
    ProblemError,
    Schema,
    SpeechbaseRequest,
    Violation,
    invalid_input,
    parse,
)
from .responses import (
    ModeratedError,
    ModerationForm,
    Outcome,
    headers,
    problem_response,
    provider_unavailable,
    raise_for_outcome,
    respond,
)

_CONTENT_TYPES: dict[Format, str] = {"mp3": "audio/mpeg", "wav": "audio/wav", "pcm": "application/octet-stream"}
_DEFAULT_PAGE_SIZE, _MAX_PAGE_SIZE = 50, 200  # voices
_STREAMING_WAV = Wav(size=0)


@dataclass(frozen=True, slots=True)
class Speaking:
    """The resolved vendor, the full name of the model, and the vendor's voice."""

    vendor: str
    model: str
    voice: str


class Speechbase:
    """The service. All settings apply to the following requests.

    providers: the rows of `/v1/audio/providers`; other vendors cannot be used.
    voices: the rows of the saved voices, in any order.
    limits: the maximum number of characters, by the full names of models.
    native_formats: the formats that vendors stream, if not mp3.
    raw_type: the content type of streamed raw samples, in which "{rate}" stands for their rate.
    models_without_streaming: the full names of models that the streaming endpoint refuses (501).
    sample_rates: of vendors, in Hz, if not the usual one.
    unavailable: vendors that are down.
    outcomes: the outcome of texts that contain a phrase, by phrase: "blocked" or "fail_closed" by moderation (422),
        "outage" of the moderation (403 without a code), "unsupported" (501), or "unavailable" (503).
    mode_key: whether a body must, may or must not have `mode`.
    mode_refusal: whether a refusal because of `mode` names it in `validation` and `detail`, only in `detail`, or not at
        all.
    moderation_form: the format of moderation errors: an object of its own, or a problem like others.
    accepts_instructions: whether `instructions` is in the schema.
    accepts_pronunciations: whether `pronunciations` is in the schema.
    streams_wav: whether wav headers have zeros for sizes.
    buffers: respond only after all audio is complete, with its length in all places; not on the streaming endpoint.
    splits_texts: accept texts longer than the model's limit.
    resamples: whether `sampleRate` has an effect.
    is_shut_down: the service has been shut down.
    """

    def __init__(self, recorder: Recorder, api_key: Callable[[], str | None]) -> None:
        """Initialize with the recorder and a function that returns the accepted key."""
        self.providers = default_providers()
        self.voices = default_voices()
        self.limits = default_limits()
        self.native_formats = default_native_formats()
        self.raw_type = "audio/pcm;rate={rate}"
        self.models_without_streaming: set[str] = set()
        self.sample_rates = default_sample_rates()
        self.unavailable: set[str] = set()
        self.outcomes: dict[str, Outcome] = {}
        self.mode_key: ModeKey = "required"
        self.mode_refusal: ModeRefusal = "validation"
        self.moderation_form: ModerationForm = "json"
        self.accepts_instructions = False
        self.accepts_pronunciations = True
        self.streams_wav = True
        self.buffers = False
        self.splits_texts = False
        self.resamples = False
        self.is_shut_down = False
        self._recorder = recorder
        self._api_key = api_key

    def app(self) -> web.Application:
        """Return the routes, relative to the origin."""
        app = web.Application(middlewares=[self._guard])
        app.add_routes(
            [
                web.post("/v1/audio/speech", self._speak),
                web.post("/v1/audio/speech/stream", self._stream),
                web.post("/v1/audio/speech/with-timestamps", self._speak_with_timestamps),
                web.get("/v1/audio/providers", self._list_providers, allow_head=False),
                web.get("/v1/voices", self._list_voices, allow_head=False),
                web.get("/v1/voices/{voice}", self._show_voice, allow_head=False),
                web.get("/health", self._show_health, allow_head=False),
            ]
        )
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Check the key and convert errors to the service's format."""
        try:
            self._check_key(request)
            return await handler(request)
        except ModeratedError as err:
            return err.response(self.moderation_form)
        except ProblemError as err:
            error = err
        except web.HTTPNotFound:
            error = ProblemError(HTTPStatus.NOT_FOUND, f"No route {request.method} {request.path}")
        except web.HTTPMethodNotAllowed:
            error = ProblemError(HTTPStatus.METHOD_NOT_ALLOWED, f"No route {request.method} {request.path}")
        return problem_response(error)

    def _check_key(self, request: web.Request) -> None:
        """Raise ProblemError unless the request has the accepted key or needs none; None accepts all requests."""
        if self.is_shut_down:
            raise ProblemError(HTTPStatus.GONE, "Speechbase has been shut down")
        accepted, key = self._api_key(), bearer_key(request)
        if accepted is None or key == accepted or request.path.endswith("/health"):
            return
        raise ProblemError(HTTPStatus.UNAUTHORIZED, "Missing API key" if key is None else "Invalid API key")

    async def _show_health(self, _request: web.Request) -> web.StreamResponse:
        return respond({"status": "ok"})

    async def _list_providers(self, _request: web.Request) -> web.StreamResponse:
        return respond({"data": list(self.providers)})

    async def _list_voices(self, request: web.Request) -> web.StreamResponse:
        """Respond with a page of the saved voices."""
        if unknown := request.query.keys() - {"limit", "cursor"}:
            raise invalid_input([Violation((), f'Unrecognized key: "{min(unknown)}"')])
        limit = request.query.get("limit", str(_DEFAULT_PAGE_SIZE))
        if not (re.fullmatch("[0-9]{1,3}", limit) and 1 <= int(limit) <= _MAX_PAGE_SIZE):
            raise invalid_input([Violation(("limit",), f"Invalid input: expected int from 1 to {_MAX_PAGE_SIZE}")])
        page = page_of(self.voices, int(limit), request.query.get("cursor"))
        if page is None:
            raise invalid_input([Violation(("cursor",), "Invalid cursor")])
        return respond(page)

    async def _show_voice(self, request: web.Request) -> web.StreamResponse:
        return respond({"data": self._find_voice(request.match_info["voice"])})

    def _find_voice(self, voice_id: str) -> Row:
        for row in self.voices:
            if row["id"] == voice_id:
                return row
        raise ProblemError(HTTPStatus.NOT_FOUND, "Voice not found")

    async def _speak(self, request: web.Request) -> web.StreamResponse:
        """Respond with speech in the requested format."""
        speech = self._parse(request, stream=False)
        recording = await self._record(speech)
        delivery: Delivery = "whole" if self.buffers else "streamed"
        content_type = _CONTENT_TYPES[speech.output.audio_format]
        return await deliver(request, recording, headers(content_type), delivery=delivery)

    async def _speak_with_timestamps(self, request: web.Request) -> web.StreamResponse:
        """Respond with speech in JSON, and with the time of each word; all words last equally long."""
        speech = self._parse(request, stream=False)
        recording = await self._record(speech)
        words = speech.text.split()
        seconds = recording.duration / max(1, len(words))
        timestamps: list[Json] = [
            {"text": word, "start": index * seconds, "end": (index + 1) * seconds} for index, word in enumerate(words)
        ]
        return respond(
            {
                "audio": base64.b64encode(recording.data).decode(),
                "mediaType": _CONTENT_TYPES[speech.output.audio_format],
                "warnings": [],
                "timestamps": timestamps,
            }
        )

    async def _record(self, speech: SpeechbaseRequest) -> Recording:
        """Return speech in the requested format."""
        speaking = self._resolve(speech)
        output = speech.output
        rate = (output.rate if self.resamples else None) or self._rate_of(speaking)
        bitrate = output.bitrate if output.audio_format == "mp3" else None
        spec = AudioSpec(
            speech.spoken,
            speaker_of(speaking.voice),
            output.audio_format,
            speech.speed,
            Quality(rate, bitrate, speech.level),
            _STREAMING_WAV if self.streams_wav and not self.buffers else FILE_WAV,
        )
        return await record(self._recorder, spec)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        """Respond with a vendor's own stream."""
        speech = self._parse(request, stream=True)
        speaking = self._resolve(speech)
        if speaking.model in self.models_without_streaming:
            detail, code = f"{speaking.model} cannot be streamed", "streaming_unsupported"
            raise ProblemError(HTTPStatus.NOT_IMPLEMENTED, detail, code=code, provider=speaking.vendor)
        native, rate = self.native_formats.get(speaking.vendor, "mp3"), self._rate_of(speaking)
        spec = AudioSpec(
            speech.spoken,
            speaker_of(speaking.voice),
            native,
            quality=Quality(rate),
            wav=_STREAMING_WAV if self.streams_wav else FILE_WAV,
        )
        recording = await record(self._recorder, spec)
        content_type = self.raw_type.format(rate=rate) if native == "pcm" else _CONTENT_TYPES[native]
        return await deliver(request, recording, headers(content_type))

    def _parse(self, request: web.Request, *, stream: bool) -> SpeechbaseRequest:
        """Validate a speech request against the current schema."""
        if request.content_type != "application/json":
            raise invalid_input([Violation((), "Content-Type must be application/json")])
        schema = Schema(
            self.mode_key, self.mode_refusal, stream, self.accepts_instructions, self.accepts_pronunciations
        )
        return parse(CURRENT_EXCHANGE.get().received.body, schema)

    def _resolve(self, speech: SpeechbaseRequest) -> Speaking:
        """Return the vendor, model and voice of a request; raise ProblemError if it cannot be spoken."""
        speaking = self._address(speech)
        self._check_access(speaking)
        outcome = next((outcome for key, outcome in self.outcomes.items() if key in speech.text), None)
        raise_for_outcome(outcome, speaking.vendor)
        limit = self.limits.get(speaking.model)
        if limit is not None and len(speech.spoken) > limit and not self.splits_texts:
            raise invalid_input([Violation(("text",), f"Too big: {speaking.model} takes <={limit} characters")])
        if speaking.vendor in self.unavailable:
            raise provider_unavailable(speaking.vendor)
        _check_voice(speaking)
        return speaking

    def _address(self, speech: SpeechbaseRequest) -> Speaking:
        """Return the vendor, model and voice, given directly or by a saved voice."""
        if speech.voice_id is None:
            return Speaking(speech.model.partition("/")[0], speech.model, speech.voice)
        row = self._find_voice(speech.voice_id)
        return Speaking(row["provider"], f"{row['provider']}/{row['model']}", row["voice_id"])

    def _check_access(self, speaking: Speaking) -> None:
        """Raise ProblemError for unknown models, and for vendors that the organization cannot use."""
        provider = next((row for row in self.providers if row["id"] == speaking.vendor), None)
        if provider is None or speaking.model not in provider["models"]:
            raise invalid_input([Violation(("model",), f"Unknown model {speaking.model}")])
        vendor, name = speaking.vendor, provider["name"]
        if not provider["enabled"]:
            detail = f"{name} is disabled for this organisation"
            raise ProblemError(HTTPStatus.FORBIDDEN, detail, code="provider_disabled", provider=vendor)
        if not provider["byok"] and not provider["managed"]:
            detail = f"No API key for {name}, and no managed routing"
            raise ProblemError(HTTPStatus.FORBIDDEN, detail, code="no_api_key", provider=vendor)

    def _rate_of(self, speaking: Speaking) -> int:
        return self.sample_rates.get(speaking.vendor, SAMPLE_RATE)


def _check_voice(speaking: Speaking) -> None:
    """Raise ProblemError for voices that OpenAI refuses; other vendors' voices are not checked."""
    if speaking.vendor != "openai":
        return
    model = speaking.model.partition("/")[2]
    if speaking.voice not in (OLDER_VOICES if model in OLDER_MODELS else VOICES):
        detail = f"OpenAI refused the request: {model} has no voice {speaking.voice}"
        error = ProblemError(HTTPStatus.BAD_REQUEST, detail, code="provider_error", provider="openai")
        error.extra |= {"upstream_code": "invalid_value", "upstream_status": HTTPStatus.BAD_REQUEST.value}
        raise error
