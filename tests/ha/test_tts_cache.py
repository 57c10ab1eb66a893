"""Every option that changes the audio changes Home Assistant's cache key."""

from dataclasses import dataclass
from typing import Any

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.providers import PROVIDERS
from tests.simulator import Simulator
from tests.support.speech import Hear, create_account, get_post_requests

TEXT = "The **kettle** has boiled, and the tea is ready."
OTHER_TEXT = "The other **kettle** has boiled, too."
COMMON_CHANGES: dict[str, Any] = {
    "format": "wav",
    "clean_text": False,
    "replacements": [{"find": "kettle", "say": "pot"}],
    "spoken_units": True,
    "speech_tags": True,
    "speed": 1.25,
}


@dataclass(frozen=True)
class Case:
    """A voice, and another value for each of its options."""

    provider: str
    voice: dict[str, Any]
    changes: dict[str, Any]


CASES = {
    "openai": Case(
        "openai",
        {"model": "gpt-4o-mini-tts", "voice": "coral"},
        {
            "model": "tts-1",
            "voice": "nova",
            "instructions": "Cheerful.",
            "stream_format": "sse",
            "extra_body": {"seed": 7},
        },
    ),
    "nanogpt": Case(
        "nanogpt",
        {"model": "nano-tts-1", "voice": "luna", "endpoint": "speech"},
        {
            "voice": "verse",
            "endpoint": "audio_speech",
            "language": "de",
            "pitch": 2,
            "emotion": "happy",
            "stability": 0.9,
            "similarity": 0.1,
        },
    ),
    "nanogpt job": Case(
        "nanogpt",
        {"model": "Elevenlabs-Turbo-V2.5", "voice": "Rachel", "endpoint": "tts"},
        {"stability": 0.9, "similarity_boost": 0.1, "style": 0.5},
    ),
    "nanogpt tts": Case(
        "nanogpt",
        {"model": "gpt-4o-mini-tts", "voice": "coral", "endpoint": "tts"},
        {"model": "tts-1", "instructions": "Cheerful."},
    ),
    "speechbase": Case(
        "speechbase",
        {"mode": "inline", "model": "openai/gpt-4o-mini-tts", "voice": "coral"},
        {
            "model": "openai/tts-1",
            "voice": "nova",
            "volume_dbfs": -20,
            "bitrate": 128,
            "provider_options": {"instructions": "Cheerful."},
        },
    ),
    "speechbase voice": Case("speechbase", {"mode": "voice", "voice_id": ""}, {"voice_id": ""}),
}
"""The cases change every option of every provider except for `mode`, which needs another voice."""


def list_changes() -> list[Any]:
    """Return the parameters of the test: each option of each case."""
    return [
        pytest.param(case, option, id=f"{name} {option}")
        for name, case in CASES.items()
        for option in {**COMMON_CHANGES, **case.changes}
    ]


@pytest.fixture
def entry(simulator: Simulator, case: Case) -> MockConfigEntry:
    """Return the account of the case's voice."""
    saved = [voice["id"] for voice in simulator.speechbase.voices]
    voice = {key: value or saved[0] for key, value in case.voice.items()} | {"sentence_cache": False}
    return create_account(simulator, case.provider, voice)


@pytest.mark.parametrize(("case", "option"), list_changes())
async def test_changed_option_is_not_played_from_cache(  # noqa: PLR0913, PLR0917 - the case and the fixtures
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, hear: Hear, case: Case, option: str
) -> None:
    """Each value of an option has its own cached speech, whether it is set for a call or for the voice."""
    value = {**COMMON_CHANGES, **case.changes}[option] or simulator.speechbase.voices[1]["id"]
    (voice,) = account.subentries.values()
    before = dict(voice.data)
    own = await hear(TEXT)
    assert own
    assert await hear(TEXT) == own
    assert count_texts(simulator) == 1
    assert await hear(TEXT, **{option: value})
    assert count_texts(simulator) == 2
    for data, number in (({**before, option: value}, 3), (before, 4)):
        hass.config_entries.async_update_subentry(account, voice, data=data)
        await hass.async_block_till_done(wait_background_tasks=True)
        assert await hear(OTHER_TEXT)
        assert count_texts(simulator) == number
    assert await hear(TEXT) == own
    assert count_texts(simulator) == 4


def count_texts(simulator: Simulator) -> int:
    """Return the number of texts that the provider has received."""
    return sum(1 for body in get_post_requests(simulator) if body and ("input" in body or "text" in body))


def test_every_option_is_changed() -> None:
    """The cases change every option of every provider except for `mode`."""
    changed = {option for case in CASES.values() for option in {**COMMON_CHANGES, **case.changes}}
    known = {option for provider in PROVIDERS.values() for option in provider.option_keys}
    chosen = {choice.key for provider in PROVIDERS.values() for choice in provider.choices}
    assert known - changed == set()
    assert chosen - changed == {"mode"}
