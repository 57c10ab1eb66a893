"""NanoGPT's HTTP API, as far as speech needs it: three ways to ask, tickets, the catalogue and the balance."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Literal
from uuid import uuid4

from aiohttp import web
from aiohttp.typedefs import Handler

from ..audio.espeak import speaker_of
from ..audio.recorder import Recording, Studio
from ..delivery import deliver
from ..exchange import CURRENT_EXCHANGE, Json
from ..files import AS_IT_IS, FileHost, content_type_header, leave_undeclared
from .audio import Format, Order, record
from .catalog import Row, cost_of, default_models, is_listed_as
from .contract import SPEECH_TYPES, Asked, NotServedError, Route, Wanted, parse
from .responses import FAILED, REJECTED, VIOLATION, Answer, Fate, Form, Job, json_response, link, refusal

_TYPES: dict[Route, dict[Format, str]] = {
    "audio_speech": SPEECH_TYPES | {"pcm": "audio/pcm"},
    "speech": SPEECH_TYPES,
    "tts": SPEECH_TYPES | {"mp3": "audio/mp3", "pcm": "audio/pcm"},
}
_SUFFIXES: dict[Format, str] = {"pcm16": "bin"}  # of files; others are named like the format
_LISTS = ("all", "tts", "stt")
_BOOLEANS = ("true", "false")
_STATUS_FIELDS = frozenset(("runId", "model", "cost", "paymentSource", "isApiRequest"))
_X_API_KEY_ONLY = ("/tts", "/tts/status", "/check-balance")  # by the documentation


def default_answers() -> dict[str, Answer]:
    """Return how models answer that do not simply send audio."""
    ticket = Answer(kind="ticket")
    return {"Kokoro-82m": Answer(kind="link"), "Elevenlabs-Turbo-V2.5": ticket, "Elevenlabs-V3": ticket}


class NanoGPT:
    """The provider. Everything may be changed at any time, and holds for the next requests.

    models: the rows of the catalogue; what is not in it cannot be used.
    answers: how a model answers, on every route; audio bytes where nothing is said.
    not_on_tts: models that `/tts` has not implemented.
    balance: in USD. What costs more is refused.
    shows_balance: send `x-remaining-balance` with what was made.
    polls_until_done: the poll that finds a ticket completed.
    fates: how speech ends whose text contains something: "error", "violation", or "endless" for a ticket never done.
    jobs: the tickets that were sold, in order.
    charged, refunded: how many generations were paid for, and given back.
    bad_key_status: the answer of `/check-balance` to a wrong key.
    strict_headers: take a key only in the header that a route's documentation names.
    additional_fields: take ElevenLabs' settings on `/v1/audio/speech`.
    speech_error_field: where `/v1/speech` puts the name of an error.
    legacy_form: how `/tts` words refusals, as it really does or as its schema says.
    """

    def __init__(self, studio: Studio, files: FileHost, api_key: Callable[[], str | None]) -> None:
        """Take where speech is recorded, where files are put, and how to learn the key accepted at the moment."""
        self.models = default_models()
        self.answers = default_answers()
        self.not_on_tts = {"nano-tts-1"}
        self.balance = Decimal("129.46956147")
        self.shows_balance = True
        self.polls_until_done = 2
        self.fates: dict[str, Fate] = {}
        self.jobs: list[Job] = []
        self.charged = 0
        self.refunded = 0
        self.bad_key_status = HTTPStatus.UNAUTHORIZED
        self.strict_headers = False
        self.additional_fields = True
        self.speech_error_field: Literal["type", "code"] = "type"
        self.legacy_form: Literal["legacy", "numbered"] = "legacy"
        self._studio = studio
        self._files = files
        self._api_key = api_key

    def app(self) -> web.Application:
        """Return the routes of the main host, relative to `/api`."""
        return self._with(
            web.post("/v1/audio/speech", self._audio_speech),
            web.get("/v1/audio-models", self._list_models, allow_head=False),
            web.post("/tts", self._tts),
            web.get("/tts/status", self._show_status, allow_head=False),
            web.post("/check-balance", self._show_balance),
        )

    def text_of_job(self, run_id: str) -> str:
        """Return what a ticket was sold for."""
        return next((job.text for job in self.jobs if job.run_id == run_id), "")

    def speech_app(self) -> web.Application:
        """Return the route of the speech host."""
        return self._with(web.post("/v1/speech", self._speech))

    def _with(self, *routes: web.RouteDef) -> web.Application:
        app = web.Application(middlewares=[self._guard])
        app.add_routes(routes)
        app.on_response_prepare.append(leave_undeclared)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Check the key and put every refusal into the form of its route."""
        try:
            if not request.path.endswith("/audio-models"):
                self._check_key(request)
            return await handler(request)
        except NotServedError as error:
            refused = error
        except web.HTTPNotFound:
            refused = NotServedError(HTTPStatus.NOT_FOUND, "Not found", kind="not_found_error")
        except web.HTTPMethodNotAllowed:
            refused = NotServedError(HTTPStatus.METHOD_NOT_ALLOWED, "Method not allowed")
        return refusal(refused, self._form_of(request.path), self.speech_error_field)

    def _form_of(self, path: str) -> Form:
        """Return how refusals look on a route."""
        if path.endswith("/v1/speech"):
            return "speech"
        if path.endswith("/check-balance"):
            return "numbered"
        return "openai" if "/v1/" in path else self.legacy_form

    def _check_key(self, request: web.Request) -> None:
        """Refuse a request without the accepted key in one of the headers; None accepts everyone."""
        accepted = self._api_key()
        if accepted is None:
            return
        bearer, named = f"Bearer {accepted}", accepted
        headers = [(request.headers.get("Authorization"), bearer), (request.headers.get("x-api-key"), named)]
        if self.strict_headers and request.path.endswith(_X_API_KEY_ONLY):
            headers = headers[1:]
        elif self.strict_headers and request.path.endswith("/v1/speech"):
            headers = headers[:1]
        given = [value == right for value, right in headers if value is not None]
        if given and all(given):
            return
        checks_balance = request.path.endswith("/check-balance")
        status = self.bad_key_status if checks_balance and given else HTTPStatus.UNAUTHORIZED
        message = "Invalid API key" if given else "Missing API key"
        raise NotServedError(HTTPStatus(status), message, kind="authentication_error", code="invalid_api_key")

    async def _audio_speech(self, request: web.Request) -> web.StreamResponse:
        return await self._speak(request, "audio_speech")

    async def _speech(self, request: web.Request) -> web.StreamResponse:
        return await self._speak(request, "speech")

    async def _tts(self, request: web.Request) -> web.StreamResponse:
        return await self._speak(request, "tts")

    async def _speak(self, request: web.Request, route: Route) -> web.StreamResponse:
        """Take an order, charge for it, and answer as its model does."""
        if request.content_type != "application/json":
            raise NotServedError(HTTPStatus.BAD_REQUEST, "Content-Type must be application/json")
        wanted = parse(
            route,
            CURRENT_EXCHANGE.get().received.body,
            Asked(
                models={row["id"]: row for row in self.models},
                accept=request.headers.get("Accept", ""),
                unavailable=frozenset(self.not_on_tts),
                additional=self.additional_fields,
            ),
        )
        answer = self.answers.get(wanted.model) or Answer()
        fate = next((fate for marker, fate in self.fates.items() if marker in wanted.text), None)
        if answer.kind in {"bytes", "link"}:
            _refuse_fated(fate)
        cost = self._charge(wanted)
        if answer.kind == "bytes":
            return await self._send(request, wanted, answer, _TYPES[route][wanted.audio_format])
        if answer.kind == "link":
            return await self._send_link(wanted, answer, cost)
        job = Job(str(uuid4()), wanted, answer, cost, fate)
        self.jobs.append(job)
        status = HTTPStatus.OK if answer.kind == "ticket_200" else HTTPStatus.ACCEPTED
        return json_response(job.ticket(), status, self._balance_header())

    def _charge(self, wanted: Wanted) -> float:
        """Take what speech costs from the balance, and return it."""
        cost = cost_of(wanted.row, wanted.text)
        balance = Decimal(str(self.balance))
        if balance <= 0:
            raise NotServedError(HTTPStatus.PAYMENT_REQUIRED, "Insufficient balance")
        if balance < Decimal(str(cost)):
            error = NotServedError(HTTPStatus.PAYMENT_REQUIRED, "Insufficient balance")
            error.more["requiredBalance"] = cost
            raise error
        self.balance = balance - Decimal(str(cost))
        self.charged += 1
        return cost

    def _balance_header(self) -> dict[str, str]:
        return {"x-remaining-balance": str(self.balance)} if self.shows_balance else {}

    async def _record(self, wanted: Wanted) -> Recording:
        speaker = speaker_of(wanted.voice)
        return await record(self._studio, Order(wanted.text, speaker, wanted.audio_format, wanted.speed, wanted.rate))

    async def _send(
        self, request: web.Request, wanted: Wanted, answer: Answer, content_type: str
    ) -> web.StreamResponse:
        """Answer with audio."""
        declared = content_type if answer.content_type == AS_IT_IS else answer.content_type
        headers = {**content_type_header(declared), **self._balance_header(), "X-Request-ID": uuid4().hex}
        return await deliver(request, await self._record(wanted), headers)

    async def _send_link(self, wanted: Wanted, answer: Answer, cost: float) -> web.StreamResponse:
        """Answer with a link to a file, when the file is there: after the time to the first byte."""
        exchange = CURRENT_EXCHANGE.get()
        recording = await self._record(wanted)
        await asyncio.sleep(exchange.arrived + exchange.timing.first_byte - asyncio.get_running_loop().time())
        rest: dict[str, Json] = {
            "contentType": SPEECH_TYPES.get(wanted.audio_format, "audio/pcm"),
            "model": wanted.model,
            "text": wanted.text,
            "voice": wanted.voice,
            "speed": wanted.speed,
            "duration": round(recording.duration, 2),
            "cost": cost,
            "currency": "USD",
        }
        body = link(answer.link_key, self._put(wanted, recording), rest)
        return json_response(body, headers=self._balance_header())

    def _put(self, wanted: Wanted, recording: Recording) -> str:
        """Put a recording where it can be downloaded from, and return the address."""
        declared = SPEECH_TYPES.get(wanted.audio_format, "audio/pcm")
        return self._files.put(
            recording, declared, _SUFFIXES.get(wanted.audio_format, wanted.audio_format), wanted.text
        )

    async def _show_status(self, request: web.Request) -> web.StreamResponse:
        """Tell how a ticket is doing."""
        job = self._find_job(request.query)
        job.polls.append(dict(request.query))
        ready = len(job.polls) >= self.polls_until_done
        if job.fate == "endless" or not ready:
            place = max(1, self.polls_until_done - len(job.polls))
            return json_response({"status": "pending", "runId": job.run_id, "queuePosition": place})
        if job.fate is not None:
            return self._end_badly(job)
        if job.url is None:
            job.url = self._put(job.wanted, await self._record(job.wanted))
        declared = SPEECH_TYPES.get(job.wanted.audio_format, "audio/pcm")
        body = link(job.answer.link_key, job.url, {"contentType": declared, "model": job.model})
        return json_response({"status": job.answer.done, **body})

    def _find_job(self, query: Mapping[str, str]) -> Job:
        """Return the ticket that a question about the status means."""
        for key in ("runId", "model"):
            if not query.get(key):
                raise NotServedError(HTTPStatus.BAD_REQUEST, f"Missing required parameter: {key}")
        if unknown := query.keys() - _STATUS_FIELDS:
            raise NotServedError(HTTPStatus.BAD_REQUEST, f"Unknown parameter: {min(unknown)}")
        if query.get("isApiRequest", "true") != "true":
            raise NotServedError(HTTPStatus.BAD_REQUEST, "Invalid isApiRequest: must be true")
        job = next((job for job in self.jobs if job.run_id == query["runId"]), None)
        if job is None or job.model != query["model"]:
            raise NotServedError(HTTPStatus.NOT_FOUND, "Run not found")
        return job

    def _end_badly(self, job: Job) -> web.StreamResponse:
        """Answer for a job that came to nothing, and give the money back to who passed back what that needs."""
        if not job.refunded and job.is_echoed_by(job.polls[-1]):
            job.refunded = True
            self.refunded += 1
            self.balance += Decimal(str(job.cost))
        if job.fate == "violation":
            return json_response({"status": "error", "code": VIOLATION, "error": REJECTED})
        return json_response({"status": "error", "error": FAILED})

    async def _list_models(self, request: web.Request) -> web.StreamResponse:
        """List the catalogue; without details, little more than names."""
        kind, detailed = request.query.get("type", "all"), request.query.get("detailed", "true")
        known = request.query.keys() <= {"type", "detailed"} and kind in _LISTS and detailed in _BOOLEANS
        if not known:
            raise NotServedError(HTTPStatus.BAD_REQUEST, "Invalid query", code="invalid_parameter_value")
        rows = [row for row in self.models if is_listed_as(row, kind)]
        data: list[Json] = [row if detailed == "true" else _brief(row) for row in rows]
        meta: Json = {"count": len(data), "generated_at": datetime.now(UTC).isoformat()}
        return json_response({"object": "list", "data": data, "meta": meta})

    async def _show_balance(self, _request: web.Request) -> web.StreamResponse:
        """Tell the balance; numbers are strings."""
        address = "nano_1simulated" + "0" * 50
        return json_response(
            {"usd_balance": str(self.balance), "nano_balance": "26.71801147", "nanoDepositAddress": address}
        )


def _refuse_fated(fate: Fate | None) -> None:
    """Refuse at once what a ticket would be refused later."""
    if fate == "violation":
        raise NotServedError(HTTPStatus.BAD_REQUEST, REJECTED, code="content_policy_violation")
    if fate == "error":
        raise NotServedError(HTTPStatus.INTERNAL_SERVER_ERROR, FAILED, kind="api_error")


def _brief(row: Row) -> Row:
    """Return what a list without details says of a model."""
    return {key: row[key] for key in ("id", "object", "created", "owned_by")}
