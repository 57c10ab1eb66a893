"""Speaking through the simulated Speechbase."""

from collections.abc import Mapping
from typing import Any

from custom_components.orator.audio.formats import AudioFormat
from custom_components.orator.providers.base import HttpSessions, SynthesisRequest
from custom_components.orator.providers.json_documents import Json
from custom_components.orator.providers.speechbase import SpeechbaseProvider
from tests.simulator import Simulator
from tests.simulator.speechbase.catalog import DOCUMENTED_VOICE
from tests.support.audio import RATE, decode, streamed_wav
from tests.support.word_decoder import assert_spoken

SENTENCE = "The kettle has boiled and the tea is ready."
OPENAI, CARTESIA, GOOGLE = "openai/gpt-4o-mini-tts", "cartesia/sonic-3", "google/gemini-2.5-flash-preview-tts"
SPEECH, STREAM = "/speechbase/v1/audio/speech", "/speechbase/v1/audio/speech/stream"


def provider_of(simulator: Simulator, connections: HttpSessions) -> SpeechbaseProvider:
    """Return the provider."""
    return SpeechbaseProvider(connections, {"base_url": simulator.speechbase_url}, simulator.api_key or "")


def inline(provider: SpeechbaseProvider, model: str = OPENAI, voice: str = "coral", **changed: Any) -> SynthesisRequest:
    """Return a request that names a model and its voice."""
    return _request(provider, model, voice, {}, **changed)


def saved(provider: SpeechbaseProvider, voice: str = DOCUMENTED_VOICE, **changed: Any) -> SynthesisRequest:
    """Return a request that names a saved voice."""
    return _request(provider, "", voice, {"mode": "voice", "voice_id": voice}, **changed)


def _request(
    provider: SpeechbaseProvider, model: str, voice: str, chosen: Mapping[str, Any], **changed: Any
) -> SynthesisRequest:
    text = changed.pop("text", SENTENCE)
    audio_format = changed.pop("format", AudioFormat.MP3)
    pronunciations = changed.pop("pronunciations", ())
    settings = {**chosen, **changed}
    described = provider.describe_model(model, None, settings)
    return SynthesisRequest(text, described, voice, audio_format, settings, pronunciations)


async def heard(provider: SpeechbaseProvider, request: SynthesisRequest) -> bytes:
    """Return the sound of a request, to its end."""
    async with provider.synthesize(request) as audio:
        return b"".join([chunk async for chunk in audio.chunks])


async def assert_heard(audio: bytes, text: str = SENTENCE) -> None:
    """Read the words back, of a WAV also where it does not know its own length."""
    sound = streamed_wav(audio) if audio.startswith(b"RIFF") else await decode(audio)
    assert_spoken(sound.samples, RATE, text)


def asked(simulator: Simulator) -> list[tuple[str, Json]]:
    """Return the requests for speech: route and body."""
    return [(request.path, request.body) for request in simulator.requests if request.method == "POST"]
