"""NanoGPT's API: three speech endpoints, job status, model catalog and balance."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Literal
from uuid import uuid4

from aiohttp import web
from aiohttp.typedefs import Handler

from ..audio.containers import FILE_WAV, AudioSpec, record
from ..audio.encoding import DEFAULT_QUALITY, Quality
from ..audio.espeak import speaker_of
from ..audio.recorder import Recorder, Recording
from ..delivery import deliver, sleep_until
from ..exchange import CURRENT_EXCHANGE
from ..files import TRUE_TYPE, FileHost
from ..http import Json, content_type_header, json_response, remove_undeclared_type
from .catalog import Row, default_models, is_listed_as, price_of
from .contract import (
    SPEECH_TYPES,
    Endpoint,
    Format,
    NanoGPTError,
    NanoGPTRequest,
    RequestContext,
    parse,
)
from .responses import (
    CONTENT_REJECTED,
    GENERATION_FAILED,
    VIOLATION_CODE,
    ErrorForm,
    Job,
    ModelResponse,
    Outcome,
    error_response,
    link_body,
)

_CONTENT_TYPES: dict[Endpoint, dict[Format, str]] = {
    "audio_speech": SPEECH_TYPES | {"pcm": "audio/pcm"},
    "speech": SPEECH_TYPES,
    "tts": SPEECH_TYPES | {"mp3": "audio/mp3", "pcm": "audio/pcm"},
}
_FILE_SUFFIXES: dict[Format, str] = {"pcm16": "bin"}  # of other formats: their names
_LIST_TYPES = ("all", "tts", "stt")
_BOOLEANS = ("true", "false")
_STATUS_FIELDS = frozenset(("runId", "model", "cost", "paymentSource", "isApiRequest"))
_X_API_KEY_ONLY = ("/tts", "/tts/status", "/check-balance")  # according to the documentation


def default_responses() -> dict[str, ModelResponse]:
    """Return the responses of models that do not send audio directly."""
    job = ModelResponse(kind="ticket")
    return {"Kokoro-82m": ModelResponse(kind="link"), "Elevenlabs-Turbo-V2.5": job, "Elevenlabs-V3": job}


class NanoGPT:
    """The provider. All settings apply to the following requests.

    models: the rows of the catalog; other models cannot be used.
    responses: the kind of response of a model, on all endpoints; audio by default.
    unimplemented_on_tts: models that `/tts` does not implement.
    balance: in USD; requests that cost more are refused.
    shows_balance: send `x-remaining-balance` with responses.
    polls_until_done: the number of the poll that finds a job completed.
    outcomes: the outcome of texts that contain a phrase, by phrase: "error", "violation", or "endless" for a job that
        never completes.
    jobs: all jobs, in order.
    charged, refunded: the numbers of paid and of refunded generations.
    wrong_key_status: the status of `/check-balance` for a wrong key.
    strict_headers: accept a key only in the header that the endpoint's documentation names.
    accepts_elevenlabs_settings: accept ElevenLabs' settings on `/v1/audio/speech`.
    speech_error_field: the field of `/v1/speech` errors with their name.
    legacy_form: the error format of `/tts`: as observed, or "numbered" as in its schema.
    """

    def __init__(self, recorder: Recorder, files: FileHost, api_key: Callable[[], str | None]) -> None:
        """Initialize with the recorder, the host for files, and a function that returns the accepted key."""
        self.models = default_models()
        self.responses = default_responses()
        self.unimplemented_on_tts = {"nano-tts-1"}
        self.balance = Decimal("129.46956147")
        self.shows_balance = True
        self.polls_until_done = 2
        self.outcomes: dict[str, Outcome] = {}
        self.jobs: list[Job] = []
        self.charged = 0
        self.refunded = 0
        self.wrong_key_status = HTTPStatus.UNAUTHORIZED
        self.strict_headers = False
        self.accepts_elevenlabs_settings = True
        self.speech_error_field: Literal["type", "code"] = "type"
        self.legacy_form: Literal["legacy", "numbered"] = "legacy"
        self._recorder = recorder
        self._files = files
        self._api_key = api_key

    def app(self) -> web.Application:
        """Return the routes of the main host, relative to `/api`."""
        return self._create_app(
            web.post("/v1/audio/speech", self._audio_speech),
            web.get("/v1/audio-models", self._list_models, allow_head=False),
            web.post("/tts", self._tts),
            web.get("/tts/status", self._show_status, allow_head=False),
            web.post("/check-balance", self._show_balance),
        )

    def speech_app(self) -> web.Application:
        """Return the route of the speech host."""
        return self._create_app(web.post("/v1/speech", self._speech))

    def text_of_job(self, run_id: str) -> str:
        """Return the text of a job, or an empty one for an unknown id."""
        return next((job.text for job in self.jobs if job.run_id == run_id), "")

    def _create_app(self, *routes: web.RouteDef) -> web.Application:
        app = web.Application(middlewares=[self._guard])
        app.add_routes(routes)
        app.on_response_prepare.append(remove_undeclared_type)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Check the key and convert errors to the endpoint's format."""
        try:
            if not request.path.endswith("/audio-models"):
                self._check_key(request)
            return await handler(request)
        except NanoGPTError as err:
            error = err
        except web.HTTPNotFound:
            error = NanoGPTError(HTTPStatus.NOT_FOUND, "Not found", kind="not_found_error")
        except web.HTTPMethodNotAllowed:
            error = NanoGPTError(HTTPStatus.METHOD_NOT_ALLOWED, "Method not allowed")
        return error_response(error, self._error_form(request.path), self.speech_error_field)

    def _error_form(self, path: str) -> ErrorForm:
        """Return the error format of an endpoint."""
        if path.endswith("/v1/speech"):
            return "speech"
        if path.endswith("/check-balance"):
            return "numbered"
        return "openai" if "/v1/" in path else self.legacy_form

    def _check_key(self, request: web.Request) -> None:
        """Raise NanoGPTError unless the request has the accepted key; None accepts all requests."""
        accepted = self._api_key()
        if accepted is None:
            return
        headers = [("Authorization", f"Bearer {accepted}"), ("x-api-key", accepted)]
        if self.strict_headers and request.path.endswith(_X_API_KEY_ONLY):
            headers = headers[1:]
        elif self.strict_headers and request.path.endswith("/v1/speech"):
            headers = headers[:1]
        matches = [request.headers[name] == value for name, value in headers if name in request.headers]
        if matches and all(matches):
            return
        checks_balance = request.path.endswith("/check-balance")
        status = self.wrong_key_status if checks_balance and matches else HTTPStatus.UNAUTHORIZED
        message = "Invalid API key" if matches else "Missing API key"
        raise NanoGPTError(HTTPStatus(status), message, kind="authentication_error", code="invalid_api_key")

    async def _audio_speech(self, request: web.Request) -> web.StreamResponse:
        return await self._speak(request, "audio_speech")

    async def _speech(self, request: web.Request) -> web.StreamResponse:
        return await self._speak(request, "speech")

    async def _tts(self, request: web.Request) -> web.StreamResponse:
        return await self._speak(request, "tts")

    async def _speak(self, request: web.Request, endpoint: Endpoint) -> web.StreamResponse:
        """Validate and charge a speech request, and respond as its model does."""
        if request.content_type != "application/json":
            raise NanoGPTError(HTTPStatus.BAD_REQUEST, "Content-Type must be application/json")
        context = RequestContext(
            models={row["id"]: row for row in self.models},
            accept=request.headers.get("Accept", ""),
            unimplemented_on_tts=frozenset(self.unimplemented_on_tts),
            accepts_elevenlabs_settings=self.accepts_elevenlabs_settings,
        )
        speech = parse(endpoint, CURRENT_EXCHANGE.get().received.body, context)
        response = self.responses.get(speech.model) or ModelResponse()
        outcome = next((outcome for key, outcome in self.outcomes.items() if key in speech.text), None)
        if response.kind in {"bytes", "link"}:
            _raise_for_outcome(outcome)
        cost = self._charge(speech)
        if response.kind == "bytes":
            return await self._send_audio(request, speech, response, _CONTENT_TYPES[endpoint][speech.audio_format])
        if response.kind == "link":
            return await self._send_link(speech, response, cost)
        job = Job(str(uuid4()), speech, response, cost, outcome)
        self.jobs.append(job)
        status = HTTPStatus.OK if response.kind == "ticket_200" else HTTPStatus.ACCEPTED
        return json_response(job.ticket(), status, self._balance_header())

    def _charge(self, speech: NanoGPTRequest) -> float:
        """Subtract the cost of a request from the balance, and return it."""
        cost = price_of(speech.row, speech.text)
        balance = Decimal(str(self.balance))
        if balance <= 0:
            raise NanoGPTError(HTTPStatus.PAYMENT_REQUIRED, "Insufficient balance")
        if balance < Decimal(str(cost)):
            error = NanoGPTError(HTTPStatus.PAYMENT_REQUIRED, "Insufficient balance")
            error.extra["requiredBalance"] = cost
            raise error
        self.balance = balance - Decimal(str(cost))
        self.charged += 1
        return cost

    def _balance_header(self) -> dict[str, str]:
        return {"x-remaining-balance": str(self.balance)} if self.shows_balance else {}

    async def _record(self, speech: NanoGPTRequest) -> Recording:
        quality = Quality(speech.rate) if speech.audio_format in {"wav", "pcm16"} else DEFAULT_QUALITY
        speaker = speaker_of(speech.voice)
        return await record(
            self._recorder, AudioSpec(speech.text, speaker, speech.audio_format, speech.speed, quality, FILE_WAV)
        )

    async def _send_audio(
        self, request: web.Request, speech: NanoGPTRequest, response: ModelResponse, content_type: str
    ) -> web.StreamResponse:
        """Respond with audio."""
        declared = content_type if response.content_type == TRUE_TYPE else response.content_type
        headers = {**content_type_header(declared), **self._balance_header(), "X-Request-ID": uuid4().hex}
        return await deliver(request, await self._record(speech), headers)

    async def _send_link(self, speech: NanoGPTRequest, response: ModelResponse, cost: float) -> web.StreamResponse:
        """Respond with a link to a file, once the file exists: after the time to the first byte."""
        exchange = CURRENT_EXCHANGE.get()
        recording = await self._record(speech)
        await sleep_until(exchange.arrived + exchange.timing.first_byte)
        details: dict[str, Json] = {
            "contentType": SPEECH_TYPES.get(speech.audio_format, "audio/pcm"),
            "model": speech.model,
            "text": speech.text,
            "voice": speech.voice,
            "speed": speech.speed,
            "duration": round(recording.duration, 2),
            "cost": cost,
            "currency": "USD",
        }
        body = link_body(response.link_key, self._store(speech, recording), details)
        return json_response(body, headers=self._balance_header())

    def _store(self, speech: NanoGPTRequest, recording: Recording) -> str:
        """Store a recording as a file and return its URL."""
        content_type = SPEECH_TYPES.get(speech.audio_format, "audio/pcm")
        suffix = _FILE_SUFFIXES.get(speech.audio_format, speech.audio_format)
        return self._files.put(recording, content_type, suffix, speech.text)

    async def _show_status(self, request: web.Request) -> web.StreamResponse:
        """Respond with the status of a job."""
        job = self._find_job(request.query)
        job.polls.append(dict(request.query))
        if job.outcome == "endless" or len(job.polls) < self.polls_until_done:
            position = max(1, self.polls_until_done - len(job.polls))
            return json_response({"status": "pending", "runId": job.run_id, "queuePosition": position})
        if job.outcome is not None:
            return self._send_failure(job)
        if job.url is None:
            job.url = self._store(job.request, await self._record(job.request))
        content_type = SPEECH_TYPES.get(job.request.audio_format, "audio/pcm")
        body = link_body(job.response.link_key, job.url, {"contentType": content_type, "model": job.model})
        return json_response({"status": job.response.done, **body})

    def _find_job(self, query: Mapping[str, str]) -> Job:
        """Return the job that a status request is about."""
        for key in ("runId", "model"):
            if not query.get(key):
                raise NanoGPTError(HTTPStatus.BAD_REQUEST, f"Missing required parameter: {key}")
        if unknown := query.keys() - _STATUS_FIELDS:
            raise NanoGPTError(HTTPStatus.BAD_REQUEST, f"Unknown parameter: {min(unknown)}")
        if query.get("isApiRequest", "true") != "true":
            raise NanoGPTError(HTTPStatus.BAD_REQUEST, "Invalid isApiRequest: must be true")
        job = next((job for job in self.jobs if job.run_id == query["runId"]), None)
        if job is None or job.model != query["model"]:
            raise NanoGPTError(HTTPStatus.NOT_FOUND, "Run not found")
        return job

    def _send_failure(self, job: Job) -> web.StreamResponse:
        """Respond for a failed job, and refund it if the last poll passed back the required fields."""
        if not job.is_refunded and job.is_echoed_by(job.polls[-1]):
            job.is_refunded = True
            self.refunded += 1
            self.balance += Decimal(str(job.cost))
        if job.outcome == "violation":
            return json_response({"status": "error", "code": VIOLATION_CODE, "error": CONTENT_REJECTED})
        return json_response({"status": "error", "error": GENERATION_FAILED})

    async def _list_models(self, request: web.Request) -> web.StreamResponse:
        """Respond with the catalog; without details, little more than names."""
        kind, detailed = request.query.get("type", "all"), request.query.get("detailed", "true")
        is_valid = request.query.keys() <= {"type", "detailed"} and kind in _LIST_TYPES and detailed in _BOOLEANS
        if not is_valid:
            raise NanoGPTError(HTTPStatus.BAD_REQUEST, "Invalid query", code="invalid_parameter_value")
        rows = [row for row in self.models if is_listed_as(row, kind)]
        data: list[Json] = [row if detailed == "true" else _without_details(row) for row in rows]
        meta: Json = {"count": len(data), "generated_at": datetime.now(UTC).isoformat()}
        return json_response({"object": "list", "data": data, "meta": meta})

    async def _show_balance(self, _request: web.Request) -> web.StreamResponse:
        """Respond with the balance; numbers are strings."""
        address = "nano_1simulated" + "0" * 50
        return json_response(
            {"usd_balance": str(self.balance), "nano_balance": "26.71801147", "nanoDepositAddress": address}
        )


def _raise_for_outcome(outcome: Outcome | None) -> None:
    """Raise immediately what a job would report later."""
    if outcome == "violation":
        raise NanoGPTError(HTTPStatus.BAD_REQUEST, CONTENT_REJECTED, code="content_policy_violation")
    if outcome == "error":
        raise NanoGPTError(HTTPStatus.INTERNAL_SERVER_ERROR, GENERATION_FAILED, kind="api_error")


def _without_details(row: Row) -> Row:
    """Return a model as listed without details."""
    return {key: row[key] for key in ("id", "object", "created", "owned_by")}
