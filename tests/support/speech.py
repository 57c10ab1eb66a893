"""Accounts at the simulated providers, spoken messages, and the requests that the providers received."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from homeassistant.components import tts
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.const import DOMAIN

from ..simulator import Simulator

SENTENCE = "The kettle has boiled and the tea is ready."
SATELLITE = {
    "preferred_format": "wav",
    "preferred_sample_rate": 16000,
    "preferred_sample_channels": 1,
    "preferred_sample_bytes": 2,
}
"""The options of a voice satellite."""

type Hear = Callable[..., Awaitable[bytes]]
"""The fixture that fetches a message as a speaker does."""


def account_of(simulator: Simulator, provider: str, voice: dict[str, Any], name: str = "Ann") -> MockConfigEntry:
    """Return an account at a simulated provider with one voice, which has only the given settings."""
    titles = {"openai": "OpenAI", "nanogpt": "NanoGPT", "speechbase": "Speechbase"}
    addresses = {
        "openai": {"base_url": simulator.openai_url},
        "nanogpt": {"base_url": simulator.nanogpt_url, "speech_base_url": simulator.nanogpt_speech_url},
        "speechbase": {"base_url": simulator.speechbase_url},
    }
    return MockConfigEntry(
        domain=DOMAIN,
        title=titles[provider],
        data={"provider": provider, "api_key": simulator.api_key, **addresses[provider]},
        subentries_data=[{"subentry_type": "voice", "title": name, "data": voice, "unique_id": None}],
    )


def spoken(simulator: Simulator) -> list[dict[str, Any]]:
    """Return the bodies of the requests to `/audio/speech`."""
    return [request.body for request in simulator.requests if request.path.endswith("/audio/speech")]


def asked(simulator: Simulator) -> list[dict[str, Any]]:
    """Return the bodies of all POST requests."""
    return [request.body for request in simulator.requests if request.method == "POST"]


def issue(hass: HomeAssistant, account: MockConfigEntry, kind: str) -> ir.IssueEntry | None:
    """Return an account's open issue of a kind, if there is one."""
    prefix = f"{account.entry_id}_{kind}"
    issues = ir.async_get(hass).issues
    return next(
        (entry for (domain, name), entry in issues.items() if domain == DOMAIN and name.startswith(prefix)), None
    )


async def speak(hass: HomeAssistant, text: str = SENTENCE, *, entity_id: str = "tts.ann", **options: Any) -> bytes:
    """Return the audio that a voice streams to Home Assistant for a text."""
    engine = tts.get_engine_instance(hass, entity_id)

    async def message() -> AsyncGenerator[str]:
        yield text

    request = tts.TTSAudioRequest("en", {**engine.default_options, **options}, message())
    response = await engine.async_stream_tts_audio(request)
    return b"".join([chunk async for chunk in response.data_gen])
