"""Whom and what the simulated Speechbase refuses to speak for: keys, vendors, a service that is gone, and texts."""

import aiohttp
import pytest

from tests.simulator import Simulator

from .openai_client import SHORTEST, seconds
from .speechbase_client import (
    HEALTH,
    PROVIDERS,
    ROUTES,
    SPEECH,
    STREAM,
    VOICES,
    by_voice,
    inline,
    problem,
    refused,
    spoken,
)

# Access


@pytest.mark.parametrize(("model", "code"), [("deepgram/aura-2", "no_api_key"), ("hume/octave-2", "provider_disabled")])
@pytest.mark.parametrize("route", ROUTES)
async def test_vendor_without_access(
    client: aiohttp.ClientSession, simulator: Simulator, route: str, model: str, code: str
) -> None:
    """A vendor without a key and one that is switched off are refused, inline and by voice, until that changes."""
    vendor = model.partition("/")[0]
    saved = next(row["id"] for row in simulator.speechbase.voices if row["provider"] == vendor)
    for body in (inline(model=model, voice="any"), by_voice(voiceId=saved)):
        answer = await refused(client, body, route)
        assert (answer["status"], answer["code"], answer["provider"]) == (403, code, vendor)
    row = next(row for row in simulator.speechbase.providers if row["id"] == vendor)
    row |= {"enabled": True, "managed": True}
    assert await spoken(client, route, model=model, voice="any")


async def test_vendor_that_does_not_work(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A vendor may be unavailable while others work."""
    simulator.speechbase.unavailable.add("openai")
    answer = await refused(client, inline())
    assert (answer["status"], answer["code"], answer["provider"]) == (503, "provider_unavailable", "openai")
    async with client.post(SPEECH, json=by_voice()) as response:
        assert response.status == 200


async def test_saved_voice_of_a_model_that_is_gone(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A saved voice does not keep its model alive."""
    saved = next(row["id"] for row in simulator.speechbase.voices if row["title"] == "From last year")
    assert "eleven_monolingual_v1" in (await refused(client, by_voice(voiceId=saved)))["detail"]


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
@pytest.mark.parametrize("route", [("POST", SPEECH), ("POST", STREAM), ("GET", VOICES), ("GET", PROVIDERS)])
async def test_key_is_checked(
    simulator: Simulator,
    route: tuple[str, str],
    headers: dict[str, str],
    accepted: bool,  # noqa: FBT001
) -> None:
    """The key comes as a bearer's, on every route, and is checked before the body."""
    sent = {name: value.format(key=simulator.api_key) for name, value in headers.items()}
    async with aiohttp.ClientSession(simulator.url, headers=sent) as session:
        async with session.request(*route, json=inline()) as response:
            assert response.status == (200 if accepted else 401)
            if not accepted:
                assert "API key" in (await problem(response))["detail"]
        if not accepted:
            async with session.request(*route, json={"wrong": 1}) as response:
                assert response.status == 401


async def test_without_a_key(simulator: Simulator) -> None:
    """Health needs no key, and a server may do without one."""
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
    """Routes and methods that do not exist are refused in the same form."""
    async with client.request(method, path) as response:
        assert (await problem(response))["status"] == status


@pytest.mark.parametrize("path", [SPEECH, STREAM, VOICES, PROVIDERS, HEALTH, "/speechbase/v1/models"])
async def test_gone(client: aiohttp.ClientSession, simulator: Simulator, path: str) -> None:
    """A service that was shut down says so to everyone, and the other providers do not care."""
    simulator.speechbase.gone = True
    async with client.request("POST" if path in ROUTES else "GET", path, json=inline()) as response:
        assert (await problem(response))["status"] == 410
    async with aiohttp.ClientSession(simulator.url) as session, session.get(path) as response:
        assert response.status == 410
    async with client.get("/v1/models") as response:
        assert response.status == 200
    simulator.speechbase.gone = False
    assert seconds(await spoken(client, output="mp3")) > SHORTEST


# Texts


@pytest.mark.parametrize(
    ("model", "limit"),
    [("openai/tts-1", 4096), ("inworld/inworld-tts-2", 2000), ("elevenlabs/eleven_v3", 5000), ("xai/grok-tts", 15_000)],
)
@pytest.mark.parametrize("route", ROUTES)
async def test_longest_text(
    client: aiohttp.ClientSession, simulator: Simulator, route: str, model: str, limit: int
) -> None:
    """A text may be as long as its model takes, after its words have been replaced, unless it is split there."""
    simulator.tongue = "tones"
    longest = "a" * limit
    assert await spoken(client, route, model=model, voice="alloy", text=longest)
    rules = {"rules": [{"word": longest, "replacement": longest + "a"}]}
    for changes in ({"text": longest + "a"}, {"text": longest, "pronunciations": rules}):
        body = inline(model=model, **changes)
        answer = await refused(client, body, route)
        assert (answer["status"], answer["code"]) == (400, "invalid_input")
        assert answer["validation"][0]["path"] == ["text"]
        assert str(limit) in answer["detail"]
    simulator.speechbase.splits_texts = True
    assert await spoken(client, route, model=model, text=longest + "a")


@pytest.mark.parametrize(
    ("fate", "reason"),
    [
        ("blocked", {"type", "detail", "confidence", "rule_name"}),
        ("fail_closed", {"type"}),
    ],
)
@pytest.mark.parametrize("route", ROUTES)
async def test_moderation(
    client: aiohttp.ClientSession, simulator: Simulator, route: str, fate: str, reason: set[str]
) -> None:
    """A text that is blocked is refused in an object of its own, or as a problem, if it is so set."""
    simulator.speechbase.fates = {"fox": fate}
    async with client.post(route, json=inline()) as response:
        assert (response.status, response.content_type) == (422, "application/json")
        body = await response.json()
    assert list(body) == ["error"]
    assert body["error"]["code"] == "content_moderation_blocked"
    assert body["error"]["message"]
    assert set(body["error"]["reason"]) == reason
    simulator.speechbase.moderation_form = "problem"
    answer = await refused(client, inline(), route)
    assert (answer["status"], answer["code"]) == (422, "content_moderation_blocked")
    assert await spoken(client, route, text="Something else.")


@pytest.mark.parametrize(
    ("fate", "status", "code"),
    [("outage", 403, None), ("unsupported", 501, None), ("unavailable", 503, "provider_unavailable")],
)
async def test_other_fates(
    client: aiohttp.ClientSession, simulator: Simulator, fate: str, status: int, code: str | None
) -> None:
    """A text can also meet moderation that does not work, a model that cannot, and a vendor that is down."""
    simulator.speechbase.fates = {"nothing": "blocked", "lazy dog": fate}
    answer = await refused(client, inline())
    assert (answer["status"], answer.get("code")) == (status, code)
