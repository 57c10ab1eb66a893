"""An OpenAI-compatible server, described by a profile."""

import base64
from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus
import json
from typing import override
from uuid import uuid4

from aiohttp import web

from ..audio.containers import AudioSpec, record
from ..audio.encoding import Quality
from ..audio.espeak import speaker_of
from ..audio.recorder import AudioMode, Recorder, Recording
from ..delivery import Framing, close_connection, deliver
from ..exchange import CURRENT_EXCHANGE, Timing
from ..http import DEFAULT_KEY, Json, bearer_key, json_response, sse_event
from ..http_server import SimulatedServer
from .contract import SpeechOutput, parse
from .errors import InvalidBodyError, RefusedError, invalid_body_response, no_route_response, refusal_response
from .profile import Events, Listing, Profile

_SPEECH_PATH = "/audio/speech"
_OPENAI_EVENTS = Events()


class CompatibleServer(SimulatedServer):
    """The server, on its own port. All settings apply to the following requests.

    profile: the simulated server; `dataclasses.replace` creates variants.
    api_key: the accepted key; None accepts all requests. Ignored by profiles with auth "none".
    json_key: respond with JSON that contains the audio in base64 at this path, such as `audio` or `data.0.audio`.
    always_events: respond with events even if they are not requested.
    """

    def __init__(self, profile: Profile, *, timing: Timing | None = None, port: int = 0) -> None:
        """Configure the server; port 0 selects a free one."""
        super().__init__(timing=timing, port=port)
        self.profile = profile
        self.api_key = DEFAULT_KEY if profile.auth == "required" else None
        self.json_key: str | None = None
        self.always_events = False
        self._recorder = Recorder()

    @property
    def audio_mode(self) -> AudioMode:
        """How following responses are synthesized: "speech", or "tones" that `tests.support.word_decoder` decodes."""
        return self._recorder.audio_mode

    @audio_mode.setter
    def audio_mode(self, audio_mode: AudioMode) -> None:
        self._recorder.audio_mode = audio_mode

    @property
    def base_url(self) -> str:
        """The base URL of the API."""
        return self.url + self.profile.prefixes[0]

    @override
    def add_routes(self, app: web.Application) -> None:
        """Accept every path; the current profile determines the routes."""
        app.router.add_route("*", "/{path:.*}", self._handle)

    @override
    async def close(self) -> None:
        await super().close()
        await self._recorder.close()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        """Respond, with all errors in the server's format."""
        profile = self.profile
        try:
            return await self._route(request, profile)
        except InvalidBodyError as error:
            return invalid_body_response(error, profile.framework, profile.errors)
        except RefusedError as error:
            if error.is_late:
                return await _break_off(request)
            return refusal_response(error.refusal, profile.errors)

    async def _route(self, request: web.Request, profile: Profile) -> web.StreamResponse:
        """Dispatch a request to the speech route or a list."""
        is_speech = request.path in _speech_paths(profile)
        listings = [listing for listing in profile.lists if request.path in _listing_paths(listing, profile)]
        if not is_speech and not listings:
            if profile.framework == "own":
                self._check_key(request, profile)
            return no_route_response(HTTPStatus.NOT_FOUND, profile.framework, profile.errors)
        listing = _select_listing(request, listings) if listings else None
        methods = {"POST"} if listing is None else {"GET", "POST"} if listing.accepts_post else {"GET"}
        if request.method not in methods:
            return no_route_response(HTTPStatus.METHOD_NOT_ALLOWED, profile.framework, profile.errors)
        if listing is None:
            return await self._speak(request, profile)
        if not listing.is_public:
            self._check_key(request, profile)
        rendered = listing.render(profile)
        if isinstance(rendered, str):
            return web.Response(text=rendered, content_type="text/html")
        return json_response(rendered)

    def _check_key(self, request: web.Request, profile: Profile) -> None:
        """Refuse a request without the accepted key, where one is needed."""
        if profile.auth == "none" or self.api_key is None:
            return
        key = bearer_key(request)
        if key != self.api_key:
            raise RefusedError(profile.missing_key if key is None else profile.wrong_key)

    async def _speak(self, request: web.Request, profile: Profile) -> web.StreamResponse:
        """Respond with speech."""
        if not profile.checks_key_last:
            self._check_key(request, profile)
        body = CURRENT_EXCHANGE.get().received.body if request.content_type == "application/json" else None
        speech = parse(body, profile)
        if profile.checks_key_last:
            self._check_key(request, profile)
        events = speech.events or (profile.events or _OPENAI_EVENTS if self.always_events else None)
        output = speech.output
        container = "pcm" if events is not None and events.is_raw else output.container
        speaker = speaker_of(speech.voice)
        spec = AudioSpec(speech.text, speaker, container, speech.speed, Quality(speech.rate), output.wav)
        recording = await record(self._recorder, spec)
        headers = {**profile.headers, "x-request-id": f"req_{uuid4().hex}"}
        if self.json_key is not None:
            recording = replace(recording, data=_json_with_audio(recording.data, self.json_key))
            headers |= {"Content-Type": "application/json"}
            return await deliver(request, recording, headers, delivery="whole")
        if events is not None:
            return await _deliver_events(request, recording, headers, events, speech)
        headers |= {"Content-Type": output.content_type.format(rate=speech.rate)}
        return await deliver(request, recording, headers, delivery=speech.delivery)


def _speech_paths(profile: Profile) -> set[str]:
    """Return all paths of the speech route."""
    return {prefix + _SPEECH_PATH for prefix in profile.prefixes} | set(profile.speech_paths)


def _listing_paths(listing: Listing, profile: Profile) -> set[str]:
    """Return all paths of a list."""
    return {listing.path} if listing.at_root else {prefix + listing.path for prefix in profile.prefixes}


def _select_listing(request: web.Request, listings: list[Listing]) -> Listing:
    """Return the listing of a path that matches the query."""
    for listing in listings:
        if listing.query is not None and request.query.get(listing.query[0]) == listing.query[1]:
            return listing
    return next(listing for listing in listings if listing.query is None)


async def _break_off(request: web.Request) -> web.StreamResponse:
    """Start a response and close the connection before its body."""
    response = web.StreamResponse(headers={"Content-Type": "audio/mpeg"})
    response.enable_chunked_encoding()
    CURRENT_EXCHANGE.get().received.status = response.status
    await response.prepare(request)
    close_connection(request)
    return response


def _json_with_audio(audio: bytes, key: str) -> bytes:
    """Return JSON with the audio at a path; numbers in the path are list indices."""
    value: Json = base64.b64encode(audio).decode()
    for part in reversed(key.split(".")):
        value = [value] if part.isdecimal() else {part: value}
    return json.dumps(value).encode()


async def _deliver_events(
    request: web.Request, recording: Recording, headers: dict[str, str], events: Events, speech: SpeechOutput
) -> web.StreamResponse:
    """Respond with server-sent events."""
    headers |= {"Content-Type": "text/event-stream"}
    if events.failure is not None:
        failure = sse_event({"type": "error", "error": events.failure})
        return await deliver(request, Recording(failure, recording.duration), headers)
    info = sse_event({"type": "speech.audio.info", "sample_rate": speech.rate, "channels": 1, "bits_per_sample": 16})
    head: Iterator[bytes] = iter((info,) if events.announces_rate else ())

    def frame(audio: bytes) -> bytes:
        delta: Json = {"type": "speech.audio.delta", "audio": base64.b64encode(audio).decode()}
        return next(head, b"") + sse_event(delta)

    words = len(speech.text.split())
    usage: Json = {"input_tokens": words, "output_tokens": 0, "total_tokens": words}
    tail = sse_event({"type": "speech.audio.done", events.usage: usage})
    if events.ends_with_marker:
        tail += b"data: [DONE]\n\n"
    return await deliver(request, recording, headers, framing=Framing(frame, tail))
