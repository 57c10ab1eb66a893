"""Speaking through the simulated NanoGPT."""

from collections.abc import Mapping
from typing import Any, Final

from custom_components.orator.audio.formats import AudioFormat
from custom_components.orator.providers.base import HttpSessions, SpeechAudio, SynthesisRequest
from custom_components.orator.providers.nanogpt import NanoGPTProvider
from custom_components.orator.providers.nanogpt.provider import PollInterval
from tests.simulator import Simulator
from tests.support.audio import RATE, decode
from tests.support.word_decoder import assert_spoken

SENTENCE: Final = "The kettle has boiled and the tea is ready."
VOICES: Final = {
    "Kokoro-82m": "af_bella",
    "Elevenlabs-Turbo-V2.5": "Rachel",
    "Elevenlabs-V3": "Adam",
    "nano-tts-1": "luna",
    "xai-tts": "Eve",
    "gemini-2.5-flash-preview-tts": "Kore",
}
ROUTES: Final = ("audio_speech", "speech", "tts")
PATHS: Final = ("/api/v1/audio/speech", "/nanogpt-speech/v1/speech", "/api/tts")


def provider_of(simulator: Simulator, connections: HttpSessions, **pace: float) -> NanoGPTProvider:
    """Return the provider, which asks for its jobs more often than it would elsewhere."""
    addresses = {"base_url": simulator.nanogpt_url, "speech_base_url": simulator.nanogpt_speech_url}
    return NanoGPTProvider(
        connections, addresses, simulator.api_key or "", PollInterval(**{"interval": 0.05, "limit": 5.0} | pace)
    )


def request_for(
    provider: NanoGPTProvider,
    model: str = "tts-1",
    endpoint: str = "audio_speech",
    audio_format: AudioFormat = AudioFormat.MP3,
    *,
    text: str = SENTENCE,
    **settings: Any,
) -> SynthesisRequest:
    """Return a request for speech."""
    described = provider.describe_model(model, None, {"endpoint": endpoint})
    return SynthesisRequest(
        text=text,
        model=described,
        voice=VOICES.get(model, "nova"),
        format=audio_format,
        settings={"endpoint": endpoint, **settings},
    )


async def heard(provider: NanoGPTProvider, request: SynthesisRequest) -> bytes:
    """Return the sound of a request, to its end."""
    async with provider.synthesize(request) as audio:
        return await whole(audio)


async def whole(audio: SpeechAudio) -> bytes:
    """Return sound, to its end."""
    return b"".join([chunk async for chunk in audio.chunks])


async def assert_heard(audio: bytes, text: str = SENTENCE) -> None:
    """Read the words back from a file in tones."""
    assert_spoken((await decode(audio)).samples, RATE, text)


def ordered(simulator: Simulator) -> list[Mapping[str, Any]]:
    """Return the bodies of the requests for speech, those that failed included."""
    return [request.body for request in simulator.requests if request.path in PATHS]
