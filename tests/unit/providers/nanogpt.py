"""Helpers to speak through the simulated NanoGPT."""

from collections.abc import Mapping
from typing import Any, Final

from custom_components.orator.audio.formats import AudioFormat
from custom_components.orator.providers.base import SpeechAudio, SynthesisRequest
from custom_components.orator.providers.http import HttpSessions
from custom_components.orator.providers.nanogpt import NanoGPTProvider
from custom_components.orator.providers.nanogpt.provider import PollSettings
from tests.simulator import Simulator
from tests.support.audio import RATE, decode
from tests.support.streams import SENTENCE
from tests.support.word_decoder import assert_spoken

VOICES: Final = {
    "Kokoro-82m": "af_bella",
    "Elevenlabs-Turbo-V2.5": "Rachel",
    "Elevenlabs-V3": "Adam",
    "nano-tts-1": "luna",
    "xai-tts": "Eve",
    "gemini-2.5-flash-preview-tts": "Kore",
}
ENDPOINTS: Final = ("audio_speech", "speech", "tts")
PATHS: Final = ("/api/v1/audio/speech", "/nanogpt-speech/v1/speech", "/api/tts")
"""The paths of `ENDPOINTS` in the simulator."""


def create_provider(simulator: Simulator, sessions: HttpSessions, **polling: float) -> NanoGPTProvider:
    """Return a provider that polls jobs more often than by default."""
    settings = PollSettings(**{"interval_s": 0.05, "timeout_s": 5.0} | polling)
    return NanoGPTProvider(sessions, simulator.addresses("nanogpt"), simulator.api_key or "", settings)


def create_request(
    provider: NanoGPTProvider,
    model: str = "tts-1",
    endpoint: str = "audio_speech",
    audio_format: AudioFormat = AudioFormat.MP3,
    *,
    text: str = SENTENCE,
    **settings: Any,
) -> SynthesisRequest:
    """Return a synthesis request."""
    return SynthesisRequest(
        text=text,
        model=provider.describe_model(model, None, {"endpoint": endpoint}),
        voice=VOICES.get(model, "nova"),
        format=audio_format,
        settings={"endpoint": endpoint, **settings},
    )


async def synthesize(provider: NanoGPTProvider, request: SynthesisRequest) -> bytes:
    """Return all audio of a request."""
    async with provider.synthesize(request) as audio:
        return await read_all(audio)


async def read_all(audio: SpeechAudio) -> bytes:
    """Return all bytes of streamed audio."""
    return b"".join([chunk async for chunk in audio.data])


async def assert_speech(audio: bytes, text: str = SENTENCE) -> None:
    """Assert that a file in tones contains the words of a text."""
    assert_spoken((await decode(audio)).samples, RATE, text)


def speech_bodies(simulator: Simulator) -> list[Mapping[str, Any]]:
    """Return the bodies of all speech requests, including failed ones."""
    return [request.body for request in simulator.requests if request.path in PATHS]
