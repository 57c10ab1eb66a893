"""A client of the simulated OpenAI API, and the durations of its audio."""

import asyncio
import subprocess
from typing import Any

import aiohttp

from tests.simulator.audio.encoding import SAMPLE_RATE, find_ffmpeg

TEXT = "The quick brown fox jumped over the lazy dog."
MIN_SECONDS, MAX_SECONDS = 1.5, 4.0  # of this text
SPEECH = "/v1/audio/speech"
NEWER_MODEL, OLDER_MODEL = "gpt-4o-mini-tts", "tts-1"


def speech_body(**changes: Any) -> dict[str, Any]:
    """Return a valid request body with changes; ... removes a field."""
    body = {"model": NEWER_MODEL, "input": TEXT, "voice": "alloy"} | changes
    return {key: value for key, value in body.items() if value is not ...}


async def synthesize(client: aiohttp.ClientSession, **changes: Any) -> bytes:
    """Return the audio of a successful request."""
    async with client.post(SPEECH, json=speech_body(**changes)) as response:
        assert response.status == 200, await response.text()
        return await response.read()


async def measure_arrivals(client: aiohttp.ClientSession, **changes: Any) -> list[tuple[float, int]]:
    """Return the arrival time of each chunk, in seconds after the request, and its length."""
    loop = asyncio.get_running_loop()
    started = loop.time()
    async with client.post(SPEECH, json=speech_body(**changes)) as response:
        return [(loop.time() - started, len(data)) async for data in response.content.iter_any()]


def measure_duration(audio: bytes, *source: str) -> float:
    """Return the duration of audio in seconds; ffmpeg must decode it without errors.

    source: ffmpeg's arguments for the input; without any, warnings count as errors too.
    """
    command = [
        find_ffmpeg(),
        "-v",
        "error",
        *(source or ("-xerror",)),
        "-i",
        "pipe:0",
        "-f",
        "s16le",
        "-ar",
        "24000",
        "-",
    ]
    result = subprocess.run(command, input=audio, capture_output=True, check=True)
    assert source or result.stderr == b""
    return measure_pcm_duration(result.stdout)


def measure_pcm_duration(audio: bytes) -> float:
    """Return the duration of raw samples in seconds."""
    return len(audio) / 2 / SAMPLE_RATE
