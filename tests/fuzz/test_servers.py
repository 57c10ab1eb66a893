"""Hostile servers: every endpoint of every provider returns audio or raises a documented error, in bounded time."""

import asyncio
from base64 import b64encode
from collections.abc import Callable
import json
import re
from typing import Any, Final
from urllib.parse import unquote

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from hypothesis import strategies as st
import orjson
import pytest

from custom_components.orator.audio.formats import AudioFormat
from custom_components.orator.providers import downloads
from custom_components.orator.providers.base import Provider, SynthesisRequest
from custom_components.orator.providers.errors import SpeechError
from custom_components.orator.providers.http import HttpClient, HttpSessions, Timeouts
from custom_components.orator.providers.nanogpt import NanoGPTProvider
from custom_components.orator.providers.nanogpt.provider import PollSettings
from custom_components.orator.providers.openai import OpenAIProvider, realtime_response, realtime_session
from custom_components.orator.providers.speechbase import SpeechbaseProvider
from tests.support.streams import SENTENCE

from .fuzzing import fuzzed
from .raw_server import responses, serve
from .samples import ERRORS, MP3S, NANOGPT_LIST, OPENAI_LIST, OTHER_LISTS, RESPONSES, SPEECHBASE_LISTS, WAVS
from .strategies import documents_like

LIMITS: Final = Timeouts(connect_s=5, first_byte_s=2, between_bytes_s=2)
ENCODED: Final = b64encode(WAVS[0]).decode()
DOCUMENTS: Final = [
    *RESPONSES,
    *ERRORS,
    {"audio": ENCODED},
    {"data": [{"b64_json": ENCODED}]},
    {"url": "/1.wav"},
    {"audioUrl": "/1.wav", "status": "completed"},
    {"usd_balance": "1.25"},
    {"usd_balance": 10**400},
    OPENAI_LIST,
    *OTHER_LISTS,
    NANOGPT_LIST,
    *SPEECHBASE_LISTS,
    {"data": {"id": "v-1"}},
]
SCRIPTS: Final = st.lists(
    responses(DOCUMENTS, [MP3S[0][:3_000], WAVS[0][:3_000], b"noise" * 40]), min_size=1, max_size=3
)


pytestmark = pytest.mark.usefixtures("ignore_broken_connections")


@pytest.fixture(autouse=True)
def short_timeouts(monkeypatch: pytest.MonkeyPatch, socket_enabled: None) -> None:
    """Shorten timeouts, and request files once."""
    monkeypatch.setattr(downloads, "_MAX_DOWNLOAD_ATTEMPTS", 1)
    monkeypatch.setattr(downloads, "_DOWNLOAD_TIMEOUTS", LIMITS)
    monkeypatch.setattr(realtime_session, "_OPEN_TIMEOUT_S", 2.0)
    monkeypatch.setattr(realtime_response, "_FIRST_DELTA_TIMEOUT_S", 0.2)
    monkeypatch.setattr(realtime_response, "_NEXT_DELTA_TIMEOUT_S", 0.2)


def _openai(sessions: HttpSessions, address: str, key: str = "k") -> Provider:
    return OpenAIProvider(sessions, {"base_url": f"{address}/v1"}, key)


def _other(sessions: HttpSessions, address: str, key: str = "k") -> Provider:
    return OpenAIProvider(sessions, {"base_url": f"{address}/v1"}, key, server="other")


def _nanogpt(sessions: HttpSessions, address: str, key: str = "k") -> Provider:
    addresses = {"base_url": f"{address}/api", "speech_base_url": address}
    return NanoGPTProvider(sessions, addresses, key, PollSettings(interval_s=0.001, timeout_s=0.03))


def _speechbase(sessions: HttpSessions, address: str, key: str = "k") -> Provider:
    return SpeechbaseProvider(sessions, {"base_url": address}, key)


ENDPOINTS: Final[tuple[tuple[Callable[..., Provider], dict[str, Any]], ...]] = (
    (_openai, {"model": "tts-1"}),
    (_other, {"model": "kokoro"}),
    (_nanogpt, {"model": "tts-1", "endpoint": "audio_speech"}),
    (_nanogpt, {"model": "Kokoro-82m", "endpoint": "speech"}),
    (_nanogpt, {"model": "Elevenlabs-V3", "endpoint": "tts"}),
    (_speechbase, {"model": "openai/tts-1", "mode": "inline"}),
    (_speechbase, {"model": "", "mode": "voice", "voice_id": "v-1"}),
)


def _with_short_timeouts(provider: Provider) -> Provider:
    """Shorten the timeouts of a provider's HTTP clients."""
    for value in vars(provider).values():
        for client in value.values() if isinstance(value, dict) else [value]:
            if isinstance(client, HttpClient):
                client._timeouts = LIMITS
    return provider


async def _synthesize(provider: Provider, settings: dict[str, Any], audio_format: AudioFormat) -> int:
    """Return the number of bytes of audio."""
    model = provider.describe_model(settings["model"], None, settings)
    rest = {key: value for key, value in settings.items() if key != "model"}
    count = 0
    async with provider.synthesize(SynthesisRequest(SENTENCE, model, "v-1", audio_format, rest)) as audio:
        async for chunk in audio.data:
            count += len(chunk)
    return count


async def _result_or_none(coroutine: Any) -> Any:
    """Return the result of a coroutine, None after a documented error."""
    try:
        async with asyncio.timeout(60):
            return await coroutine
    except SpeechError as err:
        str(err).encode()
        return None


@pytest.mark.parametrize(
    "endpoint", ENDPOINTS, ids=lambda endpoint: "-".join([endpoint[0].__name__[1:], *endpoint[1].values()])
)
@fuzzed(12, scripted=SCRIPTS, audio_format=st.sampled_from([AudioFormat.MP3, AudioFormat.WAV, AudioFormat.PCM]))
async def test_speech(
    endpoint: tuple[Callable[..., Provider], dict[str, Any]],
    scripted: list[list[bytes]],
    audio_format: AudioFormat,
) -> None:
    """Any response leads to audio or a documented error; detected capabilities can be stored."""
    make, settings = endpoint
    async with serve(scripted) as address, ClientSession() as own, ClientSession() as public:
        provider = _with_short_timeouts(make(HttpSessions(own, public, own), address))
        count = await _result_or_none(_synthesize(provider, settings, audio_format))
        assert count is None or count < 1_000_000
        orjson.dumps([dict(provider.detected), provider.counters])
        await provider.close()


@pytest.mark.parametrize("make", [_openai, _other, _nanogpt, _speechbase])
@fuzzed(12, scripted=SCRIPTS)
async def test_catalog(make: Callable[..., Provider], scripted: list[list[bytes]]) -> None:
    """Any response leads to a catalog, a balance and a voice ID that can be stored, or to a documented error."""
    async with serve(scripted) as address, ClientSession() as own, ClientSession() as public:
        provider = _with_short_timeouts(make(HttpSessions(own, public, own), address))
        catalog = await _result_or_none(provider.fetch_catalog())
        if catalog is not None:
            orjson.dumps(catalog)
            assert provider.models(catalog)
            provider.initial_voice_settings(catalog)
        orjson.dumps(await _result_or_none(provider.fetch_balance()))
        model = provider.describe_model("", catalog, {"mode": "voice"})
        assert await _result_or_none(provider.resolve_voice_id(model, "v-1")) in ("v-1", None) or catalog
        await provider.close()


KEY: Final = "sk-Qz7kLm2Xv-9Rt4Wp8_Yc6"
_KEY_LETTERS: Final = "skqz7klm2xv9rt4wp8yc6"
_KEY_PARTS: Final = {_KEY_LETTERS[start : start + 6] for start in range(len(_KEY_LETTERS) - 5)}
_WORDS: Final = [word for word in re.findall(r"\w+", SENTENCE.lower()) if len(word) > 3]
_SECRETS: Final = st.sampled_from(
    [
        *(KEY, KEY.lower(), KEY[3:], KEY[:11], KEY[-9:], KEY.replace("-", "_"), f"code_{KEY}", _KEY_LETTERS[4:12]),
        "".join(f"%{ord(character):02X}" for character in KEY),
        *(_WORDS[0], _WORDS[0].upper(), f"no_{_WORDS[-1]}_here", f"x{_WORDS[1]}x", "_".join(_WORDS)),
    ]
)


@st.composite
def _leaking_responses(draw: st.DrawFn) -> list[bytes]:
    """Return a response that repeats parts of the request wherever an error might show them."""

    def secret() -> str:
        return draw(_SECRETS)

    document = draw(
        st.sampled_from(
            [
                {"error": {"message": secret(), "code": secret(), "type": secret()}, "provider": secret()},
                {"code": draw(st.sampled_from(["no_api_key", "provider_disabled"])), "provider": secret()},
                {"error": secret(), "status": secret(), "code": secret()},
                {"status": "failed", "error": {"code": secret()}},
                {"type": "error", "error": {"code": secret(), "param": secret()}},
                {"audioUrl": f"http://{secret()}.example/{secret()}.mp3", "url": f"http://{secret()}.example/"},
                {"detail": [{"loc": [secret()], "msg": secret(), "type": secret()}]},
            ]
        )
    )
    body = json.dumps(document).encode()
    if draw(st.booleans()) and "error" in document:
        body = b"data: " + body + b"\n\n"
    status = draw(st.sampled_from([200, 200, 307, 400, 403, 404, 422, 429, 500]))
    media_type = draw(st.sampled_from(["application/json", "text/event-stream", f"audio/{secret()}", f"{secret()}/x"]))
    head = (
        f"HTTP/1.1 {status} {secret()}\r\nContent-Type: {media_type}\r\n"
        f"Location: https://{secret()}.example/{secret()}\r\nRetry-After: 0\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return [head.encode() + body]


def _assert_no_secret(err: SpeechError, *words: str) -> None:
    """Assert that an error reveals neither a part of the key nor one of the words."""
    for detail in (err.code or "", err.subject, str(err).removeprefix(err.translation_key)):
        letters = "".join(filter(str.isalnum, unquote(detail).lower()))
        assert not [part for part in [*_KEY_PARTS, *words] if part in letters], repr(err)


@pytest.mark.parametrize(
    "endpoint", ENDPOINTS, ids=lambda endpoint: "-".join([endpoint[0].__name__[1:], *endpoint[1].values()])
)
@fuzzed(10, scripted=st.lists(_leaking_responses(), min_size=1, max_size=2))
async def test_secrets(endpoint: tuple[Callable[..., Provider], dict[str, Any]], scripted: list[list[bytes]]) -> None:
    """No error of a request reveals the key or the text, whatever the response says."""
    make, settings = endpoint
    async with serve(scripted) as address, ClientSession() as own, ClientSession() as public:
        provider = _with_short_timeouts(make(HttpSessions(own, public, own), address, KEY))
        try:
            async with asyncio.timeout(60):
                await _synthesize(provider, settings, AudioFormat.MP3)
        except SpeechError as err:
            _assert_no_secret(err, *_WORDS)
        try:
            async with asyncio.timeout(60):
                await provider.fetch_catalog()
        except SpeechError as err:
            _assert_no_secret(err)
        await provider.close()


EVENTS: Final = [
    {"type": "session.created", "session": {}},
    {"type": "session.updated", "session": {}},
    {"type": "response.created", "response": {"id": "r", "metadata": {"key": "<key>"}}},
    {"type": "response.output_audio_transcript.delta", "response_id": "r", "delta": "The kettle has boiled and"},
    {"type": "response.output_audio.delta", "response_id": "r", "delta": b64encode(bytes(4_800)).decode()},
    {"type": "response.output_audio_transcript.delta", "response_id": "r", "delta": " the tea is ready."},
    {"type": "response.done", "response": {"id": "r", "status": "completed"}},
    {"type": "response.done", "response": {"id": "r", "status": "failed", "status_details": {"error": {"code": "x"}}}},
    {"type": "error", "error": {"code": "session_expired", "event_id": "<key>"}},
    {"type": "rate_limits.updated", "rate_limits": []},
]


@st.composite
def _sessions(draw: st.DrawFn) -> list[bytes]:
    """Return the events of a realtime session, up to three of them damaged, moved or missing."""
    events = [json.dumps(event).encode() for event in EVENTS[:7]]
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(events) - 1))
        match draw(st.integers(0, 3)):
            case 0:
                events[place:place] = [draw(documents_like(EVENTS))]
            case 1:
                events[place] = draw(documents_like([EVENTS[min(place, 6)]]))
            case 2:
                events.append(events[place])
            case _ if len(events) > 1:
                del events[place]
    return events


@fuzzed(30, events=_sessions(), is_binary=st.integers(0, 30).map(lambda number: number == 0))
async def test_realtime(events: list[bytes], *, is_binary: bool) -> None:
    """Any sequence of realtime events leads to audio or a documented error."""

    async def respond(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        try:
            await socket.receive_json()
            key = ""
            for event in events:
                if b"response.created" in event and not key:
                    key = (await socket.receive_json(timeout=2)).get("event_id", "")
                text = event.replace(b"<key>", key.encode()).decode("utf-8", "replace")
                await (socket.send_bytes(event) if is_binary else socket.send_str(text))
        except TypeError, ValueError, ConnectionError, TimeoutError:
            pass
        await socket.close()
        return socket

    app = web.Application()
    app.router.add_get("/v1/realtime", respond)
    async with TestServer(app) as server, ClientSession() as own, ClientSession() as public:
        provider = _openai(HttpSessions(own, public, own), str(server.make_url("/")).rstrip("/"))
        count = await _result_or_none(_synthesize(provider, {"model": "gpt-realtime"}, AudioFormat.PCM))
        assert count is None or 0 < count < 1_000_000
        orjson.dumps(provider.counters)
        await provider.close()
