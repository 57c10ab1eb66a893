"""Speechbase's HTTP API, as far as speech needs it: two routes that speak, saved voices, vendors and health."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
import re

from aiohttp import web
from aiohttp.typedefs import Handler

from ..audio.encoding import SAMPLE_RATE
from ..audio.espeak import speaker_of
from ..audio.recorder import Studio
from ..delivery import deliver
from ..exchange import CURRENT_EXCHANGE
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
from .contract import Format, ModeKey, ModeRefusal, Problem, ProblemError, Schema, Wanted, invalid, parse
from .responses import (
    Fate,
    ModeratedError,
    ModerationForm,
    Order,
    answer_in_one_piece,
    headers,
    json_response,
    problem_response,
    record,
    refuse_fated,
    unavailable,
)

_TYPES: dict[Format, str] = {"mp3": "audio/mpeg", "wav": "audio/wav", "pcm": "application/octet-stream"}
_DEFAULT_LIMIT, _HIGHEST_LIMIT = 50, 200  # of voices in a page


@dataclass(frozen=True, slots=True)
class Speaking:
    """Who speaks: the vendor, the model by its full name, and the vendor's voice."""

    vendor: str
    model: str
    voice: str


class Speechbase:
    """The provider. Everything may be changed at any time, and holds for the next requests.

    providers: the rows of `/v1/audio/providers`; what is not in them cannot be used.
    voices: the rows of the saved voices, in any order.
    limits: characters that a model takes, by its full name.
    native_formats: the container that a vendor streams in, unless it is mp3.
    raw_type: the type of raw samples that are streamed, with "{rate}" in the place of theirs.
    streamless: models that the streaming route does not have (501), by their full names.
    sample_rates: of a vendor's sound, in Hz, unless it is the usual one.
    unavailable: vendors that do not work at the moment.
    fates: how speech ends whose text contains something: "blocked" or "fail_closed" by moderation (422), "outage" of
        the moderation (403 without a code), "unsupported" (501), or "unavailable" (503).
    mode_key: whether a body must, may or must not have `mode`.
    mode_refusal: how a refusal because of `mode` looks: `validation` and `detail` name it, only `detail` does, or
        nothing does.
    moderation_form: an object of its own, or a problem like others.
    takes_instructions: `instructions` is a key of the schema.
    takes_pronunciations: `pronunciations` is a key of the schema.
    streams_wav: a wav has zeros for its sizes.
    buffers: the route that does not stream answers when it has everything, with the true length in all places.
    splits_texts: a text longer than its model's limit is spoken nevertheless.
    resamples: `sampleRate` has an effect.
    gone: the service has been shut down.
    """

    def __init__(self, studio: Studio, api_key: Callable[[], str | None]) -> None:
        """Take where speech is recorded, and how to learn the key that is accepted at the moment."""
        self.providers = default_providers()
        self.voices = default_voices()
        self.limits = default_limits()
        self.native_formats = default_native_formats()
        self.raw_type = "audio/pcm;rate={rate}"
        self.streamless: set[str] = set()
        self.sample_rates = default_sample_rates()
        self.unavailable: set[str] = set()
        self.fates: dict[str, Fate] = {}
        self.mode_key: ModeKey = "required"
        self.mode_refusal: ModeRefusal = "validation"
        self.moderation_form: ModerationForm = "json"
        self.takes_instructions = False
        self.takes_pronunciations = True
        self.streams_wav = True
        self.buffers = False
        self.splits_texts = False
        self.resamples = False
        self.gone = False
        self._studio = studio
        self._api_key = api_key

    def app(self) -> web.Application:
        """Return the routes, relative to the host."""
        app = web.Application(middlewares=[self._guard])
        app.add_routes(
            [
                web.post("/v1/audio/speech", self._speak),
                web.post("/v1/audio/speech/stream", self._stream),
                web.get("/v1/audio/providers", self._list_providers, allow_head=False),
                web.get("/v1/voices", self._list_voices, allow_head=False),
                web.get("/v1/voices/{voice}", self._show_voice, allow_head=False),
                web.get("/health", self._show_health, allow_head=False),
            ]
        )
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Check the key and put every refusal into the provider's form."""
        try:
            self._admit(request)
            return await handler(request)
        except ModeratedError as error:
            return error.response(self.moderation_form)
        except ProblemError as error:
            refused = error
        except web.HTTPNotFound:
            refused = ProblemError(HTTPStatus.NOT_FOUND, f"No route {request.method} {request.path}")
        except web.HTTPMethodNotAllowed:
            refused = ProblemError(HTTPStatus.METHOD_NOT_ALLOWED, f"No route {request.method} {request.path}")
        return problem_response(refused)

    def _admit(self, request: web.Request) -> None:
        """Refuse a request without the accepted key, where one is needed; None accepts everyone."""
        if self.gone:
            raise ProblemError(HTTPStatus.GONE, "Speechbase has been shut down")
        accepted = self._api_key()
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        known = accepted is None or (scheme.lower() == "bearer" and key == accepted)
        if known or request.path.endswith("/health"):
            return
        detail = "Missing API key" if scheme.lower() != "bearer" or not key else "Invalid API key"
        raise ProblemError(HTTPStatus.UNAUTHORIZED, detail)

    async def _show_health(self, _request: web.Request) -> web.StreamResponse:
        return json_response({"status": "ok"})

    async def _list_providers(self, _request: web.Request) -> web.StreamResponse:
        return json_response({"data": list(self.providers)})

    async def _list_voices(self, request: web.Request) -> web.StreamResponse:
        """Answer with a page of the saved voices."""
        if unknown := request.query.keys() - {"limit", "cursor"}:
            raise invalid([Problem((), f'Unrecognized key: "{min(unknown)}"')])
        limit = request.query.get("limit", str(_DEFAULT_LIMIT))
        if not (re.fullmatch("[0-9]{1,3}", limit) and 1 <= int(limit) <= _HIGHEST_LIMIT):
            raise invalid([Problem(("limit",), f"Invalid input: expected int from 1 to {_HIGHEST_LIMIT}")])
        page = page_of(self.voices, int(limit), request.query.get("cursor"))
        if page is None:
            raise invalid([Problem(("cursor",), "Invalid cursor")])
        return json_response(page)

    async def _show_voice(self, request: web.Request) -> web.StreamResponse:
        return json_response({"data": self._find_voice(request.match_info["voice"])})

    def _find_voice(self, voice_id: str) -> Row:
        for row in self.voices:
            if row["id"] == voice_id:
                return row
        raise ProblemError(HTTPStatus.NOT_FOUND, "Voice not found")

    async def _speak(self, request: web.Request) -> web.StreamResponse:
        """Answer with speech in the format asked for."""
        wanted = self._parse(request, stream=False)
        speaking = self._speaking(wanted)
        output = wanted.output
        order = Order(
            text=wanted.spoken,
            speaker=speaker_of(speaking.voice),
            audio_format=output.audio_format,
            rate=(output.rate if self.resamples else None) or self._rate_of(speaking),
            speed=wanted.speed,
            bitrate=output.bitrate,
            level=wanted.level,
            endless=self.streams_wav and not self.buffers,
        )
        recording = await record(self._studio, order)
        if self.buffers:
            answer_in_one_piece(recording)
        return await deliver(request, recording, headers(_TYPES[output.audio_format]))

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        """Pass on a vendor's own stream."""
        wanted = self._parse(request, stream=True)
        speaking = self._speaking(wanted)
        if speaking.model in self.streamless:
            detail, code = f"{speaking.model} cannot be streamed", "streaming_unsupported"
            raise ProblemError(HTTPStatus.NOT_IMPLEMENTED, detail, code=code, provider=speaking.vendor)
        native, rate = self.native_formats.get(speaking.vendor, "mp3"), self._rate_of(speaking)
        order = Order(wanted.spoken, speaker_of(speaking.voice), native, rate, endless=self.streams_wav)
        recording = await record(self._studio, order)
        content_type = self.raw_type.format(rate=rate) if native == "pcm" else _TYPES[native]
        return await deliver(request, recording, headers(content_type))

    def _parse(self, request: web.Request, *, stream: bool) -> Wanted:
        """Check a request for speech against the schema of the moment."""
        if request.content_type != "application/json":
            raise invalid([Problem((), "Content-Type must be application/json")])
        schema = Schema(self.mode_key, self.mode_refusal, stream, self.takes_instructions, self.takes_pronunciations)
        return parse(CURRENT_EXCHANGE.get().received.body, schema)

    def _speaking(self, wanted: Wanted) -> Speaking:
        """Find out who speaks, and refuse what would not be spoken."""
        speaking = self._addressed(wanted)
        self._check_access(speaking)
        fate = next((fate for marker, fate in self.fates.items() if marker in wanted.text), None)
        refuse_fated(fate, speaking.vendor)
        limit = self.limits.get(speaking.model)
        if limit is not None and len(wanted.spoken) > limit and not self.splits_texts:
            raise invalid([Problem(("text",), f"Too big: {speaking.model} takes <={limit} characters")])
        if speaking.vendor in self.unavailable:
            raise unavailable(speaking.vendor)
        _check_voice(speaking)
        return speaking

    def _addressed(self, wanted: Wanted) -> Speaking:
        """Return who is meant, by one of the two ways to say so."""
        if wanted.voice_id is None:
            return Speaking(wanted.model.partition("/")[0], wanted.model, wanted.voice)
        row = self._find_voice(wanted.voice_id)
        return Speaking(row["provider"], f"{row['provider']}/{row['model']}", row["voice_id"])

    def _check_access(self, speaking: Speaking) -> None:
        """Refuse models that do not exist, and vendors that the organisation cannot use."""
        provider = next((row for row in self.providers if row["id"] == speaking.vendor), None)
        if provider is None or speaking.model not in provider["models"]:
            raise invalid([Problem(("model",), f"Unknown model {speaking.model}")])
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
    """Refuse what OpenAI would; other vendors' voices are not known here."""
    if speaking.vendor != "openai":
        return
    model = speaking.model.partition("/")[2]
    if speaking.voice not in (OLDER_VOICES if model in OLDER_MODELS else VOICES):
        detail = f"OpenAI refused the request: {model} has no voice {speaking.voice}"
        error = ProblemError(HTTPStatus.BAD_REQUEST, detail, code="provider_error", provider="openai")
        error.more |= {"upstream_code": "invalid_value", "upstream_status": HTTPStatus.BAD_REQUEST.value}
        raise error
