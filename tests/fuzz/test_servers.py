"""Hostile servers: what every route of every provider gets from one is sound or a documented error, soon."""

import asyncio
from base64 import b64encode
from collections.abc import Callable, Iterator
import json
from typing import Any, Final

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from hypothesis import strategies as st
import orjson
import pytest

from custom_components.orator.audio.formats import AudioFormat
from custom_components.orator.providers import downloads
from custom_components.orator.providers.base import HttpSessions, Provider, SynthesisRequest
from custom_components.orator.providers.errors import SpeechError
from custom_components.orator.providers.http import HttpClient, Timeouts
from custom_components.orator.providers.nanogpt import NanoGPTProvider
from custom_components.orator.providers.nanogpt.provider import PollInterval
from custom_components.orator.providers.openai import OpenAIProvider, realtime_session
from custom_components.orator.providers.speechbase import SpeechbaseProvider

from .damage import documents_like
from .effort import fuzzed
from .servers import answers, serving
from .test_documents import ANSWERS, COMPLAINTS, NANOGPT_LIST, OPENAI_LIST, OTHER_LISTS, SPEECHBASE_LISTS
from .test_sounds import MP3S, WAVS

LIMITS: Final = Timeouts(connect=5, first_byte=2, between_bytes=2)
TEXT: Final = "The kettle has boiled and the tea is ready."
ENCODED: Final = b64encode(WAVS[0]).decode()
DOCUMENTS: Final = [
    *ANSWERS,
    *COMPLAINTS,
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
SAID: Final = st.lists(answers(DOCUMENTS, [MP3S[0][:3_000], WAVS[0][:3_000], b"noise" * 40]), min_size=1, max_size=3)


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch, socket_enabled: None) -> None:
    """Ask for files once, and don't wait for sockets that say nothing."""
    monkeypatch.setattr(downloads, "_MAX_ATTEMPTS", 1)
    monkeypatch.setattr(downloads, "_LIMITS", LIMITS)
    monkeypatch.setattr(realtime_session, "_OPEN_WITHIN", 2.0)
    monkeypatch.setattr(realtime_session, "_FIRST_WITHIN", 0.2)
    monkeypatch.setattr(realtime_session, "_NEXT_WITHIN", 0.2)


@pytest.fixture(autouse=True)
def forgiving(broken_connections: None) -> None:
    """Let connections break."""


def _openai(connections: HttpSessions, address: str) -> Provider:
    return OpenAIProvider(connections, {"base_url": f"{address}/v1"}, "k")


def _other(connections: HttpSessions, address: str) -> Provider:
    return OpenAIProvider(connections, {"base_url": f"{address}/v1"}, "k", server="other")


def _nanogpt(connections: HttpSessions, address: str) -> Provider:
    addresses = {"base_url": f"{address}/api", "speech_base_url": address}
    return NanoGPTProvider(connections, addresses, "k", PollInterval(interval=0.001, limit=0.03))


def _speechbase(connections: HttpSessions, address: str) -> Provider:
    return SpeechbaseProvider(connections, {"base_url": address}, "k")


ROUTES: Final[tuple[tuple[Callable[[HttpSessions, str], Provider], dict[str, Any]], ...]] = (
    (_openai, {"model": "tts-1"}),
    (_other, {"model": "kokoro"}),
    (_nanogpt, {"model": "tts-1", "endpoint": "audio_speech"}),
    (_nanogpt, {"model": "Kokoro-82m", "endpoint": "speech"}),
    (_nanogpt, {"model": "Elevenlabs-V3", "endpoint": "tts"}),
    (_speechbase, {"model": "openai/tts-1", "mode": "inline"}),
    (_speechbase, {"model": "", "mode": "voice", "voice_id": "v-1"}),
)


def _hurried(provider: Provider) -> Provider:
    """Return a provider that waits less."""
    for held in vars(provider).values():
        for client in held.values() if isinstance(held, dict) else [held]:
            if isinstance(client, HttpClient):
                client._limits = LIMITS
    return provider


async def _spoken(provider: Provider, settings: dict[str, Any], made: AudioFormat) -> int:
    """Return how many bytes of sound there are."""
    model = provider.describe_model(settings["model"], None, settings)
    rest = {key: value for key, value in settings.items() if key != "model"}
    heard = 0
    async with provider.synthesize(SynthesisRequest(TEXT, model, "v-1", made, rest)) as audio:
        async for chunk in audio.chunks:
            heard += len(chunk)
    return heard


async def _checked(coroutine: Any) -> Any:
    """Return what comes of it, None for a documented error that can be told."""
    try:
        async with asyncio.timeout(60):
            return await coroutine
    except SpeechError as err:
        str(err).encode()
        return None


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: "-".join([route[0].__name__[1:], *route[1].values()]))
@fuzzed(12, said=SAID, made=st.sampled_from([AudioFormat.MP3, AudioFormat.WAV, AudioFormat.PCM]))
async def test_speech(
    route: tuple[Callable[[HttpSessions, str], Provider], dict[str, Any]], said: list[list[bytes]], made: AudioFormat
) -> None:
    """Speech is heard or there is a documented error; what was learned can be kept."""
    make, settings = route
    async with serving(said) as address, ClientSession() as own, ClientSession() as public:
        provider = _hurried(make(HttpSessions(own, public), address))
        heard = await _checked(_spoken(provider, settings, made))
        assert heard is None or heard < 1_000_000
        orjson.dumps([provider.detected, provider.counters])
        await provider.async_close()


@pytest.mark.parametrize("make", [_openai, _other, _nanogpt, _speechbase])
@fuzzed(12, said=SAID)
async def test_catalog(make: Callable[[HttpSessions, str], Provider], said: list[list[bytes]]) -> None:
    """A catalogue can be kept and be chosen from, and so can a balance and a voice."""
    async with serving(said) as address, ClientSession() as own, ClientSession() as public:
        provider = _hurried(make(HttpSessions(own, public), address))
        catalog = await _checked(provider.fetch_catalog())
        if catalog is not None:
            orjson.dumps(catalog)
            assert provider.models(catalog)
            provider.initial_voice_settings(catalog)
        orjson.dumps(await _checked(provider.fetch_balance()))
        model = provider.describe_model("", catalog, {"mode": "voice"})
        assert await _checked(provider.resolve_voice_id(model, "v-1")) in ("v-1", None) or catalog
        await provider.async_close()


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
def _scripts(draw: st.DrawFn) -> list[bytes]:
    """Return the events of a session: mostly in their order, one or two of them damaged."""
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


@fuzzed(30, script=_scripts(), is_binary=st.integers(0, 30).map(lambda number: number == 0))
async def test_realtime(script: list[bytes], *, is_binary: bool) -> None:
    """Events in any order, of any shape, end in sound or in a documented error."""

    async def talk(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        left: Iterator[bytes] = iter(script)
        try:
            await socket.receive_json()
            key = ""
            for event in left:
                if b"response.created" in event and not key:
                    key = (await socket.receive_json(timeout=2)).get("event_id", "")
                said = event.replace(b"<key>", key.encode()).decode("utf-8", "replace")
                await (socket.send_bytes(event) if is_binary else socket.send_str(said))
        except TypeError, ValueError, ConnectionError, TimeoutError:
            pass
        await socket.close()
        return socket

    app = web.Application()
    app.router.add_get("/v1/realtime", talk)
    async with TestServer(app) as server, ClientSession() as own, ClientSession() as public:
        provider = _openai(HttpSessions(own, public), str(server.make_url("/")).rstrip("/"))
        heard = await _checked(_spoken(provider, {"model": "gpt-realtime"}, AudioFormat.PCM))
        assert heard is None or 0 < heard < 1_000_000
        orjson.dumps(provider.counters)
        await provider.async_close()
