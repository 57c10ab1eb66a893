"""Keys, vendor access, shutdown, text limits and moderation of the simulated Speechbase API."""

import aiohttp
import pytest

from tests.simulator import Simulator

from .openai_client import MIN_SECONDS, measure_duration
from .speechbase_client import (
    ENDPOINTS,
    HEALTH,
    PROVIDERS,
    SPEECH,
    STREAM,
    VOICES,
    inline_body,
    parse_problem,
    post_refused,
    post_speech,
    saved_voice_body,
)

# Access


@pytest.mark.parametrize(("model", "code"), [("deepgram/aura-2", "no_api_key"), ("hume/octave-2", "provider_disabled")])
@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_vendor_without_access(
    client: aiohttp.ClientSession, simulator: Simulator, endpoint: str, model: str, code: str
) -> None:
    """Vendors without a key and disabled vendors are refused until that changes."""
    vendor = model.partition("/")[0]
    saved = next(row["id"] for row in simulator.speechbase.voices if row["provider"] == vendor)
    for body in (inline_body(model=model, voice="any"), saved_voice_body(voiceId=saved)):
        error = await post_refused(client, body, endpoint)
        assert (error["status"], error["code"], error["provider"]) == (403, code, vendor)
    row = next(row for row in simulator.speechbase.providers if row["id"] == vendor)
    row |= {"enabled": True, "managed": True}
    assert await post_speech(client, endpoint, model=model, voice="any")


async def test_unavailable_vendor(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A vendor can be unavailable while others work."""
    simulator.speechbase.unavailable.add("openai")
    error = await post_refused(client, inline_body())
    assert (error["status"], error["code"], error["provider"]) == (503, "provider_unavailable", "openai")
    async with client.post(SPEECH, json=saved_voice_body()) as response:
        assert response.status == 200


async def test_saved_voice_of_retired_model(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A saved voice of a retired model cannot be used."""
    saved = next(row["id"] for row in simulator.speechbase.voices if row["title"] == "From last year")
    assert "eleven_monolingual_v1" in (await post_refused(client, saved_voice_body(voiceId=saved)))["detail"]


@pytest.mark.parametrize(
    ("headers", "accepted"),
    [
        ({}, False),
        ({"Authorization": "Bearer {key}"}, True),
        ({"x-api-key": "{key}"}, False),
        ({"Authorization": "{key}"}, False),
        ({"Authorization": "Basic {key}"}, False),
        ({"Authorization": "Bearer "}, False),
        ({"Authorization": "Bearer wrong", "x-api-key": "{key}"}, False),
    ],
)
@pytest.mark.parametrize("endpoint", [("POST", SPEECH), ("POST", STREAM), ("GET", VOICES), ("GET", PROVIDERS)])
async def test_keys(
    simulator: Simulator,
    endpoint: tuple[str, str],
    headers: dict[str, str],
    *,
    accepted: bool,
) -> None:
    """All endpoints require a bearer key, and check it before the body."""
    sent = {name: value.format(key=simulator.api_key) for name, value in headers.items()}
    async with aiohttp.ClientSession(simulator.url, headers=sent) as session:
        async with session.request(*endpoint, json=inline_body()) as response:
            assert response.status == (200 if accepted else 401)
            if not accepted:
                assert "API key" in (await parse_problem(response))["detail"]
        if not accepted:
            async with session.request(*endpoint, json={"wrong": 1}) as response:
                assert response.status == 401


async def test_no_key_needed(simulator: Simulator) -> None:
    """Health needs no key, and a server can accept requests without one."""
    async with aiohttp.ClientSession(simulator.url) as session:
        async with session.get(HEALTH) as response:
            assert (response.status, await response.json()) == (200, {"status": "ok"})
        simulator.api_key = None
        async with session.get(PROVIDERS) as response:
            assert response.status == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", SPEECH, 405),
        ("POST", VOICES, 405),
        ("POST", HEALTH, 405),
        ("GET", "/speechbase/v1/models", 404),
        ("POST", "/speechbase/audio/speech", 404),
        ("POST", "/speechbase/v1/v1/audio/speech", 404),
    ],
)
async def test_unknown_routes(client: aiohttp.ClientSession, method: str, path: str, status: int) -> None:
    """Unknown endpoints and methods are refused as problems."""
    async with client.request(method, path) as response:
        assert (await parse_problem(response))["status"] == status


@pytest.mark.parametrize("path", [SPEECH, STREAM, VOICES, PROVIDERS, HEALTH, "/speechbase/v1/models"])
async def test_shutdown(client: aiohttp.ClientSession, simulator: Simulator, path: str) -> None:
    """After a shutdown all endpoints respond with 410; other providers are not affected."""
    simulator.speechbase.is_shut_down = True
    async with client.request("POST" if path in ENDPOINTS else "GET", path, json=inline_body()) as response:
        assert (await parse_problem(response))["status"] == 410
    async with aiohttp.ClientSession(simulator.url) as session, session.get(path) as response:
        assert response.status == 410
    async with client.get("/v1/models") as response:
        assert response.status == 200
    simulator.speechbase.is_shut_down = False
    assert measure_duration(await post_speech(client, output="mp3")) > MIN_SECONDS


# Texts


@pytest.mark.parametrize(
    ("model", "limit"),
    [("openai/tts-1", 4096), ("inworld/inworld-tts-2", 2000), ("elevenlabs/eleven_v3", 5000), ("xai/grok-tts", 15_000)],
)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_text_limit(
    client: aiohttp.ClientSession, simulator: Simulator, endpoint: str, model: str, limit: int
) -> None:
    """The limit of a model applies to the text with its pronunciations, unless the server splits texts."""
    simulator.audio_mode = "tones"
    longest = "a" * limit
    assert await post_speech(client, endpoint, model=model, voice="alloy", text=longest)
    rules = {"rules": [{"word": longest, "replacement": longest + "a"}]}
    for changes in ({"text": longest + "a"}, {"text": longest, "pronunciations": rules}):
        body = inline_body(model=model, **changes)
        error = await post_refused(client, body, endpoint)
        assert (error["status"], error["code"]) == (400, "invalid_input")
        assert error["validation"][0]["path"] == ["text"]
        assert str(limit) in error["detail"]
    simulator.speechbase.splits_texts = True
    assert await post_speech(client, endpoint, model=model, text=longest + "a")


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        ("blocked", {"type", "detail", "confidence", "rule_name"}),
        ("fail_closed", {"type"}),
    ],
)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_moderation(
    client: aiohttp.ClientSession, simulator: Simulator, endpoint: str, outcome: str, reason: set[str]
) -> None:
    """A moderated text is refused in an object of its own, or as a problem."""
    simulator.speechbase.outcomes = {"fox": outcome}
    async with client.post(endpoint, json=inline_body()) as response:
        assert (response.status, response.content_type) == (422, "application/json")
        body = await response.json()
    assert list(body) == ["error"]
    assert body["error"]["code"] == "content_moderation_blocked"
    assert body["error"]["message"]
    assert set(body["error"]["reason"]) == reason
    simulator.speechbase.moderation_form = "problem"
    error = await post_refused(client, inline_body(), endpoint)
    assert (error["status"], error["code"]) == (422, "content_moderation_blocked")
    assert await post_speech(client, endpoint, text="Something else.")


@pytest.mark.parametrize(
    ("outcome", "status", "code"),
    [("outage", 403, None), ("unsupported", 501, None), ("unavailable", 503, "provider_unavailable")],
)
async def test_outcomes(
    client: aiohttp.ClientSession, simulator: Simulator, outcome: str, status: int, code: str | None
) -> None:
    """A text can have other outcomes: failed moderation, an unsupported model, and an unavailable vendor."""
    simulator.speechbase.outcomes = {"nothing": "blocked", "lazy dog": outcome}
    error = await post_refused(client, inline_body())
    assert (error["status"], error.get("code")) == (status, code)
