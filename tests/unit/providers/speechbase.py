"""Helpers to speak through the simulated Speechbase."""

from collections.abc import Mapping
from typing import Any

from custom_components.orator.audio.formats import AudioFormat
from custom_components.orator.providers.base import SynthesisRequest
from custom_components.orator.providers.http import HttpSessions
from custom_components.orator.providers.json_documents import Json
from custom_components.orator.providers.speechbase import SpeechbaseProvider
from tests.simulator import Simulator
from tests.simulator.speechbase.catalog import DOCUMENTED_VOICE
from tests.support.audio import RATE, decode, read_wav_stream
from tests.support.streams import SENTENCE
from tests.support.word_decoder import assert_spoken

OPENAI, CARTESIA, GOOGLE = "openai/gpt-4o-mini-tts", "cartesia/sonic-3", "google/gemini-2.5-flash-preview-tts"
SPEECH, STREAM = "/speechbase/v1/audio/speech", "/speechbase/v1/audio/speech/stream"


def create_provider(simulator: Simulator, sessions: HttpSessions) -> SpeechbaseProvider:
    """Return a provider of a server that is known to have the streaming endpoint."""
    provider = SpeechbaseProvider(sessions, simulator.addresses("speechbase"), simulator.api_key or "")
    provider.detected["has_stream"] = True
    return provider


def inline_request(
    provider: SpeechbaseProvider, model: str = OPENAI, voice: str = "coral", **changed: Any
) -> SynthesisRequest:
    """Return a request with a model and a voice."""
    return _create_request(provider, model, voice, {}, **changed)


def saved_voice_request(
    provider: SpeechbaseProvider, voice: str = DOCUMENTED_VOICE, **changed: Any
) -> SynthesisRequest:
    """Return a request with a saved voice."""
    return _create_request(provider, "", voice, {"mode": "voice", "voice_id": voice}, **changed)


def _create_request(
    provider: SpeechbaseProvider, model: str, voice: str, mode: Mapping[str, Any], **changed: Any
) -> SynthesisRequest:
    text = changed.pop("text", SENTENCE)
    audio_format = changed.pop("format", AudioFormat.MP3)
    pronunciations = changed.pop("pronunciations", ())
    settings = {**mode, **changed}
    described = provider.describe_model(model, None, settings)
    return SynthesisRequest(text, described, voice, audio_format, settings, pronunciations)


async def synthesize(provider: SpeechbaseProvider, request: SynthesisRequest) -> bytes:
    """Return all audio of a request."""
    async with provider.synthesize(request) as audio:
        return b"".join([chunk async for chunk in audio.data])


async def assert_speech(audio: bytes, text: str = SENTENCE) -> None:
    """Assert that audio in tones contains the words of a text; a WAV may be of unknown length."""
    sound = read_wav_stream(audio) if audio.startswith(b"RIFF") else await decode(audio)
    assert_spoken(sound.samples, RATE, text)


def speech_requests(simulator: Simulator) -> list[tuple[str, Json]]:
    """Return the paths and bodies of all speech requests."""
    return [(request.path, request.body) for request in simulator.requests if request.method == "POST"]
