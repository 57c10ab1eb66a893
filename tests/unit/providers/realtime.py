"""Requests and assertions for tests of realtime models."""

from typing import Any

from custom_components.orator.audio.formats import AudioFormat
from custom_components.orator.pipeline.synthesizer import synthesize_with_retries
from custom_components.orator.providers.base import SynthesisRequest
from custom_components.orator.providers.openai import OpenAIProvider
from tests.support.audio import RATE, samples_of
from tests.support.word_decoder import assert_spoken

MODEL = "gpt-realtime-2.1-mini"
TEXT = (
    "The kettle has boiled and the tea is ready. It is 12 o'clock, and we are late. Come down to the kitchen, please."
)


def request_for(provider: OpenAIProvider, text: str = TEXT, voice: str = "marin", **settings: Any) -> SynthesisRequest:
    """Return a request for speech of a realtime model."""
    model = provider.describe_model(MODEL, None, {})
    return SynthesisRequest(text=text, model=model, voice=voice, format=AudioFormat.PCM, settings=settings)


async def synthesize(provider: OpenAIProvider, request: SynthesisRequest) -> bytes:
    """Return all audio of a request."""
    async with provider.synthesize(request) as audio:
        assert audio.format is AudioFormat.PCM
        assert audio.pcm_layout
        assert audio.pcm_layout.rate == RATE
        return b"".join([chunk async for chunk in audio.data])


async def synthesize_retrying(provider: OpenAIProvider, text: str = TEXT) -> bytes:
    """Return all audio of a request that is retried."""
    async with synthesize_with_retries(provider, request_for(provider, text)) as audio:
        return b"".join([chunk async for chunk in audio.data])


def assert_text(pcm: bytes, text: str = TEXT) -> None:
    """Assert that decoded audio contains exactly the words of a text."""
    assert_spoken(samples_of(pcm), RATE, text)
