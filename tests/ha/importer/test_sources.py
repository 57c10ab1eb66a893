"""What is found in the stored configurations of other integrations."""

from collections.abc import Callable
from itertools import product
import json
from typing import Any

from homeassistant.config_entries import SOURCE_IGNORE, ConfigEntryDisabler
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.catalog import Catalog
from custom_components.orator.client import async_create_provider
from custom_components.orator.importer.mapping import async_check_chime, plan_voice
from custom_components.orator.importer.models import FoundAccount, FoundVoice
from custom_components.orator.importer.sources import async_find_accounts
from tests.support.stored_entries import (
    add_entities,
    groq,
    groq_tts,
    kokoro_tts,
    legacy_openai_tts,
    openai_conversation,
    openai_gpt4o_tts,
    openai_speech,
    openai_tts,
    other_groq,
    profile,
)

OPENAI = {"provider": "openai", "base_url": "https://api.openai.com/v1", "api_key": "sk-1"}
GROQ = {"provider": "openai", "server": "groq", "base_url": "https://api.groq.com/openai/v1", "api_key": "gsk-1"}


def find(hass: HomeAssistant, *entries: MockConfigEntry) -> FoundAccount:
    """Add entries and return the only account that is found."""
    for entry in entries:
        entry.add_to_hass(hass)
    (account,) = async_find_accounts(hass)
    return account


@pytest.mark.parametrize(
    ("entry", "data", "settings"),
    [
        (openai_tts(profile()), OPENAI, {"model": "gpt-4o-mini-tts", "voice": "nova", "format": "mp3"}),
        (
            openai_tts({"profile_name": "tts-1", "model": "tts-1", "voice": "alloy", "speed": 1.25}),
            OPENAI,
            {"model": "tts-1", "voice": "alloy", "speed": 1.25},
        ),
        (openai_tts({"profile_name": "Bare"}), OPENAI, {"model": "tts-1", "voice": "shimmer"}),
        (
            legacy_openai_tts(),
            OPENAI,
            {"model": "tts-1", "voice": "onyx", "chime": "three_tone", "loudness": -16},
        ),
        (
            legacy_openai_tts(version=2, minor_version=0),
            OPENAI,
            {"model": "tts-1", "voice": "onyx", "chime": "three_tone", "loudness": -16},
        ),
        (openai_conversation(), OPENAI, {"model": "gpt-4o-mini-tts", "voice": "marin"}),
        (
            openai_conversation(prompt="Calm.", minor_version=6, tts_speed=1.5),
            OPENAI,
            {"model": "gpt-4o-mini-tts", "voice": "marin", "instructions": "Calm.", "speed": 1.5},
        ),
        (openai_conversation(prompt=None), OPENAI, {"model": "gpt-4o-mini-tts", "voice": "marin"}),
        (groq_tts(), GROQ, {"model": "canopylabs/orpheus-v1-english", "voice": "Daniel"}),
        (groq_tts(cache_size=256), GROQ, {"model": "canopylabs/orpheus-v1-english", "voice": "Daniel"}),
        (groq(), GROQ, {"model": "canopylabs/orpheus-v1-english", "voice": "troy"}),
        (other_groq(), GROQ, {"model": "canopylabs/orpheus-v1-english", "voice": "hannah", "format": "wav"}),
        (
            openai_gpt4o_tts(playback_speed=1.2, instructions="Whisper."),
            OPENAI,
            {"model": "gpt-4o-mini-tts", "voice": "sage", "speed": 1.2, "instructions": "Whisper."},
        ),
        (
            openai_gpt4o_tts(tone="Friendly tone.", emotion="Subtle."),
            OPENAI,
            {
                "model": "gpt-4o-mini-tts",
                "voice": "sage",
                "instructions": "Tone: Friendly tone.\nEmotion: Subtle.",
            },
        ),
        (openai_speech(), OPENAI, {"model": "tts-1", "voice": "alloy"}),
        (
            kokoro_tts(),
            {"provider": "openai", "server": "kokoro", "base_url": "http://192.168.1.20:8880/v1", "api_key": ""},
            {"model": "kokoro", "voice": "bf_emma", "speed": 0.9, "format": "wav"},
        ),
    ],
)
def test_accounts_and_voices(
    hass: HomeAssistant, entry: MockConfigEntry, data: dict[str, Any], settings: dict[str, Any]
) -> None:
    """Every integration's account, model, voice and settings are found, in all versions of its entries."""
    account = find(hass, entry)
    assert (account.problem, account.data) == (None, data)
    (voice,) = account.voices
    assert (voice.settings, voice.unsupported) == (settings, ())
    assert account.has_other_entities is (entry.domain in ("openai_conversation", "groq", "openai_speech"))


@pytest.mark.parametrize(
    ("changed", "data"),
    [
        ({"url": "https://eu.api.openai.com/v1/audio/speech"}, {**OPENAI, "base_url": "https://eu.api.openai.com/v1"}),
        ({"url": "https://proxy.example.com/v1/audio/speech", "provider": "openai"}, None),
        ({"url": "https://api.groq.com/openai/v1/audio/speech", "provider": "groq", "api_key": "gsk-1"}, GROQ),
        (
            {"url": "https://openrouter.ai/api/v1/audio/speech", "provider": "openrouter"},
            {"server": "openrouter", "base_url": "https://openrouter.ai/api/v1"},
        ),
        (
            {"url": "https://api.mistral.ai/v1/audio/speech", "provider": "mistral"},
            {"server": "other", "base_url": "https://api.mistral.ai/v1"},
        ),
        (
            {"url": "https://api.lemonfox.ai/v1/audio/speech", "provider": "lemonfox"},
            {"server": "other", "base_url": "https://api.lemonfox.ai/v1"},
        ),
        (
            {"url": "http://localhost:8880/v1/audio/speech", "provider": "kokoro", "api_key": ""},
            {"server": "kokoro", "base_url": "http://localhost:8880/v1", "api_key": ""},
        ),
        (
            {"url": "http://localhost:8880/v1/audio/speech", "provider": "kokoro"},
            {"server": "other", "base_url": "http://localhost:8880/v1"},
        ),
        (
            {"url": "http://localhost:8004/v1/audio/speech", "provider": "chatterbox", "api_key": ""},
            {"server": "other", "base_url": "http://localhost:8004/v1", "api_key": ""},
        ),
        (
            {"kokoro_url": "http://localhost:8880/v1/audio/speech", "url": "", "api_key": ""},
            {"server": "kokoro", "base_url": "http://localhost:8880/v1", "api_key": ""},
        ),
        ({"url": None}, OPENAI),
    ],
)
def test_addresses(hass: HomeAssistant, changed: dict[str, Any], data: dict[str, Any] | None) -> None:
    """An address of the speech endpoint becomes a base URL, and the preset of a server that is known by its host."""
    found = find(hass, openai_tts(profile(), **changed)).data
    expected = {"provider": "openai", "base_url": "https://proxy.example.com/v1", "api_key": "sk-1"}
    assert found == (expected if data is None else {"provider": "openai", "api_key": "sk-1", **data})


def test_nanogpt(hass: HomeAssistant) -> None:
    """An account at NanoGPT's compatible endpoint becomes an account of that provider."""
    data = find(hass, openai_tts(profile(), url="https://nano-gpt.com/api/v1/audio/speech")).data
    assert (data["provider"], data["base_url"]) == ("nanogpt", "https://nano-gpt.com/api")


@pytest.mark.parametrize(
    ("changed", "settings", "unsupported"),
    [
        ({"chime": True}, {"chime": "three_tone"}, ()),
        ({"chime": True, "chime_sound": "signal1.mp3"}, {"chime": "openai_tts/chime/signal1.mp3"}, ()),
        ({"chime": True, "chime_sound": "../../secrets.mp3"}, {"chime": "openai_tts/chime/secrets.mp3"}, ()),
        ({"normalize_audio": True, "gain_db": -3}, {"loudness": -16, "gain_db": -3}, ()),
        ({"audio_format": "opus"}, {"format": "opus"}, ()),
        ({"instructions": "Speak slowly."}, {"instructions": "Speak slowly."}, ()),
        ({"instructions": "Sound {{ states('input_text.mood') }}."}, {}, ("template",)),
        ({"instructions": "{% if true %}a{% endif %}"}, {}, ("template",)),
        ({"extra_payload": '{"seed": 4, "nested": {"a": [1]}}'}, {"extra_body": {"seed": 4, "nested": {"a": [1]}}}, ()),
        ({"extra_payload": "{}"}, {}, ()),
        ({"extra_payload": "{{ x }}"}, {}, ("extra_payload",)),
        ({"extra_payload": "[1]"}, {}, ("extra_payload",)),
        ({"send_voice": False}, {}, ("send_voice",)),
        ({"volume_restore": True, "pause_playback": False}, {}, ("playback",)),
        ({"instructions": None, "extra_payload": None}, {}, ()),
    ],
)
def test_settings(
    hass: HomeAssistant, changed: dict[str, Any], settings: dict[str, Any], unsupported: tuple[str, ...]
) -> None:
    """Settings become Orator's, or are listed as having no counterpart."""
    (voice,) = find(hass, openai_tts(profile(**changed))).voices
    assert voice.settings == {"model": "gpt-4o-mini-tts", "voice": "nova", "format": "mp3", **settings}
    assert voice.unsupported == unsupported


@pytest.mark.parametrize(("directions", "unsupported"), [("__none__", ()), ("calm", ("vocal_directions",))])
def test_vocal_directions(hass: HomeAssistant, directions: str, unsupported: tuple[str, ...]) -> None:
    """Vocal directions have no counterpart."""
    (voice,) = find(hass, other_groq(vocal_directions=directions)).voices
    assert voice.unsupported == unsupported


def test_entities(hass: HomeAssistant) -> None:
    """Each voice has its entity, also if the integration is not loaded or the entry is disabled."""
    entry = openai_tts(profile("Kitchen"), profile("Attic"))
    entity_ids = add_entities(hass, entry)
    object.__setattr__(entry, "disabled_by", ConfigEntryDisabler.USER)
    (account,) = async_find_accounts(hass)
    assert [voice.entity_id for voice in account.voices] == entity_ids
    assert [voice.title for voice in account.voices] == ["Kitchen", "Attic"]
    assert len({voice.unique_id for voice in account.voices}) == 2


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (openai_tts(profile(voice=["nova"])), "damaged"),
        (openai_tts(profile(model="\x00")), "damaged"),
        (openai_tts(profile(), url=5), "damaged"),
        (openai_tts(profile(), api_key={"a": 1}), "damaged"),
        (openai_tts(profile(), url="not an address"), "unsupported_address"),
        (openai_tts(profile(), url="https://azure.example/speech?api-version=1"), "unsupported_address"),
        (kokoro_tts(base_url=""), "unsupported_address"),
        (MockConfigEntry(domain="openai_tts", version=3, data={"model": "tts-1", "voice": "a"}), "newer_version"),
    ],
)
def test_problems(hass: HomeAssistant, entry: MockConfigEntry, problem: str) -> None:
    """Damaged entries and those of newer versions are listed with the reason; their keys are not kept."""
    account = find(hass, entry)
    assert (account.problem, account.data, account.voices) == (problem, {}, ())


def test_nothing_to_import(hass: HomeAssistant) -> None:
    """Entries without a voice are left out."""
    openai_tts().add_to_hass(hass)
    MockConfigEntry(domain="openai_conversation", version=1, data={"api_key": "sk-1"}).add_to_hass(hass)
    MockConfigEntry(domain="groq_tts", source=SOURCE_IGNORE).add_to_hass(hass)
    assert async_find_accounts(hass) == []


def test_keys_are_not_shown(hass: HomeAssistant) -> None:
    """The representation of an account, which may be logged, has no API key."""
    assert "sk-1" not in repr(find(hass, openai_tts(profile())))


HOSTILE = (None, True, -1, 5.5, 10**18, "", " ", "x" * 9000, "\x00", "{{", [], [{}], {}, {"a": 1})
"""Values that JSON can hold, but no such setting."""


@pytest.mark.parametrize("create", [openai_tts, legacy_openai_tts, openai_conversation, groq_tts, groq, kokoro_tts])
async def test_hostile_values(hass: HomeAssistant, create: Callable[..., MockConfigEntry]) -> None:
    """Whatever a value is, an entry is found with it or without it, or listed as damaged; nothing raises."""
    entry = create(profile()) if create is openai_tts else create()
    entry.add_to_hass(hass)
    data = dict(entry.data)
    voices = {subentry_id: dict(subentry.data) for subentry_id, subentry in entry.subentries.items()}
    keys = {*data, *entry.options, *(key for voice in voices.values() for key in voice)}
    for key, value in product(keys | {"extra_payload", "instructions", "provider", "kokoro_url", "tone"}, HOSTILE):
        hass.config_entries.async_update_entry(entry, data={**data, key: value}, options={})
        for subentry_id, stored in voices.items():
            changed = {**stored, key: value}
            hass.config_entries.async_update_subentry(entry, entry.subentries[subentry_id], data=changed)
        for account in async_find_accounts(hass):
            for voice in account.voices:
                await assert_can_be_planned(hass, account, voice)


async def assert_can_be_planned(hass: HomeAssistant, account: FoundAccount, voice: FoundVoice) -> None:
    """Assert that the data of the voice can be stored."""
    catalog = Catalog(async_create_provider(hass, account.data))
    for uses_replacement in (True, False):
        planned = plan_voice(catalog, voice, uses_replacement=uses_replacement)
        await async_check_chime(hass, planned)
        assert json.loads(json.dumps(planned.data, allow_nan=False)) == planned.data
    await catalog.provider.close()
