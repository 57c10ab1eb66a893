"""A server that is compatible with OpenAI's speech API, after its own fashion: a profile says which."""

import base64
from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus
import json
from uuid import uuid4

from aiohttp import web

from ..audio.espeak import speaker_of
from ..audio.recorder import Recording, Studio, Tongue
from ..delivery import close_connection, deliver
from ..exchange import CURRENT_EXCHANGE, Json, Timing
from ..http_server import Host
from ..simulator import DEFAULT_KEY
from ..speechbase.responses import answer_in_one_piece
from .audio import Order, record
from .contract import Wanted, parse
from .errors import InvalidError, RefusedError, invalid_response, json_response, no_route_response, refusal_response
from .profile import Events, Listing, Profile

_SPEECH = "/audio/speech"
_USUAL_EVENTS = Events()


class Compatible(Host):
    """The server, on a port of its own. Everything may be changed at any time, and holds for the next requests.

    profile: which server it is; `dataclasses.replace` makes one that differs in something.
    api_key: the key that is accepted; None accepts everyone. A profile that never looks at keys does not look at it.
    json_key: the sound comes in JSON, in base64, under this key: `audio`. Dots lead deeper, numbers into lists:
        `data.0.audio`.
    always_events: the sound comes as events, whatever is asked for.
    tongue: "speech", or "tones" for a burst of tones per word, which `tests.words` reads back.
    """

    def __init__(self, profile: Profile, *, timing: Timing | None = None, port: int = 0) -> None:
        """Prepare without opening anything; port 0 takes a free one."""
        super().__init__(timing=timing, port=port)
        self.profile = profile
        self.api_key = DEFAULT_KEY if profile.auth == "required" else None
        self.json_key: str | None = None
        self.always_events = False
        self._studio = Studio()

    @property
    def tongue(self) -> Tongue:
        """What is spoken in."""
        return self._studio.tongue

    @tongue.setter
    def tongue(self, tongue: Tongue) -> None:
        self._studio.tongue = tongue

    @property
    def base_url(self) -> str:
        """The base URL of its API."""
        return self.url + self.profile.prefixes[0]

    def mount(self, app: web.Application) -> None:
        """Take every request; the profile of the moment says what there is."""
        app.router.add_route("*", "/{path:.*}", self._reply)

    async def close(self) -> None:
        """Close all connections; nothing of the server runs afterwards."""
        await super().close()
        await self._studio.close()

    async def _reply(self, request: web.Request) -> web.StreamResponse:
        """Answer, and put every refusal into the server's form."""
        profile = self.profile
        try:
            return await self._lead(request, profile)
        except InvalidError as error:
            return invalid_response(error, profile.framework, profile.errors)
        except RefusedError as error:
            if error.late:
                return await _break_off(request)
            return refusal_response(error.refusal, profile.errors)

    async def _lead(self, request: web.Request, profile: Profile) -> web.StreamResponse:
        """Lead a request to what it is for."""
        speaks = request.path in _speech_paths(profile)
        listings = [listing for listing in profile.lists if request.path in _paths(listing, profile)]
        if not speaks and not listings:
            if profile.framework == "own":
                self._admit(request, profile)
            return no_route_response(HTTPStatus.NOT_FOUND, profile.framework, profile.errors)
        listing = _asked_for(request, listings) if listings else None
        methods = {"POST"} if listing is None else {"GET", "POST"} if listing.by_post else {"GET"}
        if request.method not in methods:
            return no_route_response(HTTPStatus.METHOD_NOT_ALLOWED, profile.framework, profile.errors)
        if listing is None or not listing.is_open:
            self._admit(request, profile)
        return await self._speak(request, profile) if listing is None else json_response(listing.show(profile))

    def _admit(self, request: web.Request, profile: Profile) -> None:
        """Refuse a request without the accepted key, where one is needed."""
        if profile.auth == "none" or self.api_key is None:
            return
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key:
            raise RefusedError(profile.no_key)
        if key != self.api_key:
            raise RefusedError(profile.wrong_key)

    async def _speak(self, request: web.Request, profile: Profile) -> web.StreamResponse:
        """Answer with speech."""
        body = CURRENT_EXCHANGE.get().received.body if request.content_type == "application/json" else None
        wanted = parse(body, profile)
        events = wanted.events or (profile.events or _USUAL_EVENTS if self.always_events else None)
        sent = wanted.sent
        container = "pcm" if events is not None and events.bare else sent.container
        order = Order(wanted.text, speaker_of(wanted.voice), container, wanted.rate, wanted.speed, sent.wav)
        recording = await record(self._studio, order)
        headers = {**profile.headers, "x-request-id": f"req_{uuid4().hex}"}
        if self.json_key is not None:
            recording = Recording(_in_json(recording.data, self.json_key), recording.duration)
            answer_in_one_piece(recording)
            return await deliver(request, recording, headers | {"Content-Type": "application/json"})
        if events is not None:
            return await _deliver_events(request, recording, headers, events, wanted)
        _time(recording, wanted)
        content_type = sent.content_type.format(rate=wanted.rate)
        return await deliver(request, recording, headers | {"Content-Type": content_type})


def _speech_paths(profile: Profile) -> set[str]:
    """Return all ways to the route that speaks."""
    return {prefix + _SPEECH for prefix in profile.prefixes} | set(profile.speech_paths)


def _paths(listing: Listing, profile: Profile) -> set[str]:
    """Return all ways to a list."""
    return {listing.path} if listing.rooted else {prefix + listing.path for prefix in profile.prefixes}


def _asked_for(request: web.Request, listings: list[Listing]) -> Listing:
    """Return which of a path's lists a query asks for."""
    for listing in listings:
        if listing.query is not None and request.query.get(listing.query[0]) == listing.query[1]:
            return listing
    return next(listing for listing in listings if listing.query is None)


def _time(recording: Recording, wanted: Wanted) -> None:
    """Let the answer at hand come when the sound is complete, if that is how it is delivered."""
    if wanted.delivery == "streamed":
        return
    promised = CURRENT_EXCHANGE.get().fault.content_length
    answer_in_one_piece(recording)
    if wanted.delivery == "late":
        exchange = CURRENT_EXCHANGE.get()
        fault = replace(exchange.fault, content_length=promised)
        CURRENT_EXCHANGE.set(replace(exchange, fault=fault))


async def _break_off(request: web.Request) -> web.StreamResponse:
    """Begin an answer, and find out then that there is none."""
    response = web.StreamResponse(headers={"Content-Type": "audio/mpeg"})
    response.enable_chunked_encoding()
    CURRENT_EXCHANGE.get().received.status = response.status
    await response.prepare(request)
    close_connection(request)
    return response


def _in_json(audio: bytes, key: str) -> bytes:
    """Return audio in JSON."""
    inner: Json = base64.b64encode(audio).decode()
    for part in reversed(key.split(".")):
        inner = [inner] if part.isdecimal() else {part: inner}
    return json.dumps(inner).encode()


async def _deliver_events(
    request: web.Request, recording: Recording, headers: dict[str, str], events: Events, wanted: Wanted
) -> web.StreamResponse:
    """Answer with events."""
    headers |= {"Content-Type": "text/event-stream"}
    if events.failure is not None:
        failure = _event({"type": "error", "error": events.failure})
        return await deliver(request, Recording(failure, recording.duration), headers)
    told = _event({"type": "speech.audio.info", "sample_rate": wanted.rate, "channels": 1, "bits_per_sample": 16})
    before: Iterator[bytes] = iter((told,) if events.told else ())

    def frame(audio: bytes) -> bytes:
        piece: Json = {"type": "speech.audio.delta", "audio": base64.b64encode(audio).decode()}
        return next(before, b"") + _event(piece)

    spent = len(wanted.text.split())
    usage: Json = {"input_tokens": spent, "output_tokens": 0, "total_tokens": spent}
    tail = _event({"type": "speech.audio.done", events.usage: usage})
    return await deliver(
        request, recording, headers, frame=frame, tail=tail + (b"data: [DONE]\n\n" if events.marker else b"")
    )


def _event(event: Json) -> bytes:
    return b"data: " + json.dumps(event, separators=(",", ":")).encode() + b"\n\n"
