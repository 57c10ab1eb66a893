"""A client of the simulated NanoGPT API."""

from typing import Any

import aiohttp

from .openai_client import TEXT

AUDIO_SPEECH, SPEECH, TTS = "/api/v1/audio/speech", "/nanogpt-speech/v1/speech", "/api/tts"
STATUS, BALANCE, MODELS = "/api/tts/status", "/api/check-balance", "/api/v1/audio-models"
ENDPOINTS = (AUDIO_SPEECH, SPEECH, TTS)
KOKORO, ELEVENLABS, NANO, GEMINI = "Kokoro-82m", "Elevenlabs-Turbo-V2.5", "nano-tts-1", "gemini-2.5-flash-preview-tts"

VOICES = {
    KOKORO: "af_bella",
    ELEVENLABS: "Rachel",
    "Elevenlabs-V3": "Adam",
    NANO: "luna",
    "xai-tts": "Eve",
    GEMINI: "Kore",
}


def speech_body(endpoint: str, model: str = "tts-1", /, **changes: Any) -> dict[str, Any]:
    """Return a valid request body for an endpoint with changes; ... removes a field."""
    text = "text" if endpoint == TTS else "input"
    body = {"model": model, text: TEXT, "voice": VOICES.get(model, "nova")} | changes
    return {key: value for key, value in body.items() if value is not ...}


async def post_speech(client: aiohttp.ClientSession, endpoint: str, model: str, /, **changes: Any) -> dict[str, Any]:
    """Return the JSON of a successful request."""
    async with client.post(endpoint, json=speech_body(endpoint, model, **changes)) as response:
        assert response.status in {200, 202}, await response.text()
        body: dict[str, Any] = await response.json()
        return body


def find_link(body: dict[str, Any], key: str) -> str:
    """Return the link at a dotted path."""
    found: Any = body
    for part in key.split("."):
        found = found[part]
    assert isinstance(found, str)
    return found


async def download(url: str) -> bytes:
    """Return a file, requested without a key."""
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert response.status == 200, await response.text()
        return await response.read()


async def poll(client: aiohttp.ClientSession, ticket: dict[str, Any], **changes: Any) -> tuple[int, dict[str, Any]]:
    """Request a job's status with the fields of its ticket, and return the response's status and body."""
    query = {
        "runId": ticket["runId"],
        "model": ticket["model"],
        "cost": str(ticket["cost"]),
        "paymentSource": ticket["paymentSource"],
        "isApiRequest": "true",
    } | changes
    params = {key: value for key, value in query.items() if value is not ...}
    async with client.get(STATUS, params=params) as response:
        return response.status, await response.json()
