"""Asking the simulated NanoGPT for speech, on each of its routes."""

from typing import Any

import aiohttp

from tests.simulator import Simulator

from .openai_client import TEXT

AUDIO_SPEECH, SPEECH, TTS = "/api/v1/audio/speech", "/nanogpt-speech/v1/speech", "/api/tts"
STATUS, BALANCE, MODELS = "/api/tts/status", "/api/check-balance", "/api/v1/audio-models"
ROUTES = (AUDIO_SPEECH, SPEECH, TTS)
KOKORO, ELEVENLABS, NANO, GEMINI = "Kokoro-82m", "Elevenlabs-Turbo-V2.5", "nano-tts-1", "gemini-2.5-flash-preview-tts"

VOICES = {
    KOKORO: "af_bella",
    ELEVENLABS: "Rachel",
    "Elevenlabs-V3": "Adam",
    NANO: "luna",
    "xai-tts": "Eve",
    GEMINI: "Kore",
}


def body_for(route: str, model: str = "tts-1", /, **changes: Any) -> dict[str, Any]:
    """Return a valid request for a route with changes; a value of ... leaves a field out."""
    text = "text" if route == TTS else "input"
    body = {"model": model, text: TEXT, "voice": VOICES.get(model, "nova")} | changes
    return {key: value for key, value in body.items() if value is not ...}


async def answered(client: aiohttp.ClientSession, route: str, model: str, /, **changes: Any) -> dict[str, Any]:
    """Return the JSON of a request that must succeed."""
    async with client.post(route, json=body_for(route, model, **changes)) as response:
        assert response.status in {200, 202}, await response.text()
        body: dict[str, Any] = await response.json()
        return body


def linked(body: dict[str, Any], key: str) -> str:
    """Return the link in an answer; a dot leads into an object."""
    found: Any = body
    for part in key.split("."):
        found = found[part]
    assert isinstance(found, str)
    return found


async def download(simulator: Simulator, url: str) -> bytes:
    """Return a file, asked for without any key."""
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert response.status == 200, await response.text()
        return await response.read()


async def poll(client: aiohttp.ClientSession, ticket: dict[str, Any], **changes: Any) -> tuple[int, dict[str, Any]]:
    """Ask for a ticket's status, passing back what it says; return the answer's status and body."""
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
