"""A client of the simulated Speechbase API."""

from typing import Any

import aiohttp

from tests.simulator.speechbase.catalog import DOCUMENTED_VOICE

from .openai_client import TEXT

SPEECH, STREAM = "/speechbase/v1/audio/speech", "/speechbase/v1/audio/speech/stream"
VOICES, PROVIDERS, HEALTH = "/speechbase/v1/voices", "/speechbase/v1/audio/providers", "/speechbase/health"
ENDPOINTS = (SPEECH, STREAM)
MODEL = "openai/gpt-4o-mini-tts"
SAVED_VOICE = DOCUMENTED_VOICE  # of elevenlabs/eleven_v3


def inline_body(**changes: Any) -> dict[str, Any]:
    """Return a valid request body with a model and a voice; ... removes a field."""
    return _changed({"mode": "inline", "model": MODEL, "voice": "alloy", "text": TEXT}, changes)


def saved_voice_body(**changes: Any) -> dict[str, Any]:
    """Return a valid request body with a saved voice; ... removes a field."""
    return _changed({"mode": "voice", "voiceId": SAVED_VOICE, "text": TEXT}, changes)


async def post_speech(client: aiohttp.ClientSession, endpoint: str = SPEECH, /, **changes: Any) -> bytes:
    """Return the audio of a successful request."""
    async with client.post(endpoint, json=inline_body(**changes)) as response:
        assert response.status == 200, await response.text()
        return await response.read()


async def post_refused(client: aiohttp.ClientSession, body: Any, endpoint: str = SPEECH) -> dict[str, Any]:
    """Return the problem of a refused request."""
    async with client.post(endpoint, json=body) as response:
        return await parse_problem(response)


async def parse_problem(response: aiohttp.ClientResponse) -> dict[str, Any]:
    """Return the body of a response, which must be a problem (RFC 7807)."""
    assert response.content_type == "application/problem+json", await response.text()
    body: dict[str, Any] = await response.json(content_type="application/problem+json")
    assert list(body)[:4] == ["type", "title", "status", "detail"]
    assert (body["type"], body["status"]) == ("about:blank", response.status)
    assert body["title"]
    assert body["detail"]
    return body


def _changed(body: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in (body | changes).items() if value is not ...}
