"""Asking the simulator for speech, as a client of the provider does, and looking at what comes."""

import asyncio
import subprocess
from typing import Any

import aiohttp

from tests.simulator.audio.encoding import SAMPLE_RATE, ffmpeg

TEXT = "The quick brown fox jumped over the lazy dog."
SHORTEST, LONGEST = 1.5, 4.0  # seconds that this text may take
SPEECH = "/v1/audio/speech"
NEW, OLD = "gpt-4o-mini-tts", "tts-1"


def request_body(**changes: Any) -> dict[str, Any]:
    """Return a valid request with changes; a value of ... leaves a field out."""
    body = {"model": NEW, "input": TEXT, "voice": "alloy"} | changes
    return {key: value for key, value in body.items() if value is not ...}


async def speech(client: aiohttp.ClientSession, **changes: Any) -> bytes:
    """Return the audio of a request that must succeed."""
    async with client.post(SPEECH, json=request_body(**changes)) as response:
        assert response.status == 200, await response.text()
        return await response.read()


async def timeline(client: aiohttp.ClientSession, **changes: Any) -> list[tuple[float, int]]:
    """Return when each piece of an answer arrived, in seconds from the request, and how long it was."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    async with client.post(SPEECH, json=request_body(**changes)) as response:
        return [(loop.time() - started, len(data)) async for data in response.content.iter_any()]


def seconds(audio: bytes, *source: str) -> float:
    """Decode audio with ffmpeg, which must not complain, and return its length."""
    command = [ffmpeg(), "-v", "error", *(source or ("-xerror",)), "-i", "pipe:0", "-f", "s16le", "-ar", "24000", "-"]
    result = subprocess.run(command, input=audio, capture_output=True, check=True)
    assert source or result.stderr == b""
    return len(result.stdout) / 2 / SAMPLE_RATE


def seconds_of_pcm(audio: bytes) -> float:
    """Return the length of bare samples."""
    return len(audio) / 2 / SAMPLE_RATE
