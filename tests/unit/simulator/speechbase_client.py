"""Asking the simulated Speechbase for speech and for its lists."""

from typing import Any

import aiohttp

from tests.simulator.speechbase.catalog import DOCUMENTED_VOICE

from .openai_client import TEXT

SPEECH, STREAM = "/speechbase/v1/audio/speech", "/speechbase/v1/audio/speech/stream"
VOICES, PROVIDERS, HEALTH = "/speechbase/v1/voices", "/speechbase/v1/audio/providers", "/speechbase/health"
ROUTES = (SPEECH, STREAM)
MODEL = "openai/gpt-4o-mini-tts"
SAVED = DOCUMENTED_VOICE  # by elevenlabs/eleven_v3


def inline(**changes: Any) -> dict[str, Any]:
    """Return a valid request that names a model and its voice, with changes; a value of ... leaves a field out."""
    return _changed({"mode": "inline", "model": MODEL, "voice": "alloy", "text": TEXT}, changes)


def by_voice(**changes: Any) -> dict[str, Any]:
    """Return a valid request that names a saved voice, with changes; a value of ... leaves a field out."""
    return _changed({"mode": "voice", "voiceId": SAVED, "text": TEXT}, changes)


async def spoken(client: aiohttp.ClientSession, route: str = SPEECH, /, **changes: Any) -> bytes:
    """Return the audio of a request that must succeed."""
    async with client.post(route, json=inline(**changes)) as response:
        assert response.status == 200, await response.text()
        return await response.read()


async def refused(client: aiohttp.ClientSession, body: Any, route: str = SPEECH) -> dict[str, Any]:
    """Return the problem of a request that must fail, after a look at its form."""
    async with client.post(route, json=body) as response:
        return await problem(response)


async def problem(response: aiohttp.ClientResponse) -> dict[str, Any]:
    """Return an answer that must be a problem as RFC 7807 has it."""
    assert response.content_type == "application/problem+json", await response.text()
    body: dict[str, Any] = await response.json(content_type="application/problem+json")
    assert list(body)[:4] == ["type", "title", "status", "detail"]
    assert (body["type"], body["status"]) == ("about:blank", response.status)
    assert body["title"]
    assert body["detail"]
    return body


def _changed(body: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in (body | changes).items() if value is not ...}
