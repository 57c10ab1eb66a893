"""Other integrations that voices are imported from: stand-ins, with their stored configurations."""

from types import ModuleType
from typing import Any, ClassVar, Literal, override

from homeassistant.components import conversation, tts
from homeassistant.config_entries import ConfigEntry, ConfigFlow
from homeassistant.const import MATCH_ALL, Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.intent import IntentResponse
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    MockModule,
    mock_integration,
    mock_platform,
)

from tests.simulator import Simulator

from .home_assistant import openai_tts
from .home_assistant.openai_tts import config_flow as openai_tts_flow, tts as openai_tts_voices

OLD_VOICE_ID = "tts.openai_tts_kitchen"
"""Entity ID of the voice of OpenAI TTS."""
AGENT_VOICE_ID = "tts.openai_speech"
"""Entity ID of the voice of OpenAI Conversation."""
AGENT_ID = "conversation.openai_agent"


async def load_openai_tts(hass: HomeAssistant, simulator: Simulator, **names: str) -> MockConfigEntry:
    """Set up OpenAI TTS 3.10 with a voice by name of the profile; without names it provides `OLD_VOICE_ID`."""
    mock_integration(
        hass,
        MockModule(
            "openai_tts",
            async_setup_entry=openai_tts.async_setup_entry,
            async_unload_entry=openai_tts.async_unload_entry,
        ),
        built_in=False,
    )
    for platform, module in (("config_flow", openai_tts_flow), ("tts", openai_tts_voices)):
        mock_platform(hass, f"openai_tts.{platform}", module, built_in=False)  # type: ignore[arg-type]
    entry = MockConfigEntry(
        domain="openai_tts",
        title="OpenAI TTS (127.0.0.1)",
        version=2,
        minor_version=2,
        data={
            "api_key": simulator.api_key,
            "url": f"{simulator.openai_url}/audio/speech",
            "provider": "openai",
            "unique_id": "account-0001",
        },
        subentries_data=[
            {
                "subentry_type": "profile",
                "title": name,
                "unique_id": f"{name}-0001",
                "data": {
                    "profile_name": name,
                    "model": "gpt-4o-mini-tts",
                    "voice": voice,
                    "speed": 1.0,
                    "chime": False,
                    "normalize_audio": False,
                    "unique_id": f"{name}-0001",
                },
            }
            for name, voice in (names or {"Kitchen": "nova"}).items()
        ],
    )
    return await _load(hass, entry)


async def load_openai_conversation(hass: HomeAssistant, simulator: Simulator) -> MockConfigEntry:
    """Set up OpenAI Conversation with a voice and an agent that repeats its input."""
    mock_integration(
        hass,
        MockModule(
            "openai_conversation", async_setup_entry=_async_set_up_agent, async_unload_entry=_async_unload_agent
        ),
        built_in=False,
    )
    for platform, add in (("tts", _async_add_voice), ("conversation", _async_add_agent)):
        module = ModuleType(f"openai_conversation.{platform}")
        module.async_setup_entry = add  # type: ignore[attr-defined]
        mock_platform(hass, module.__name__, module, built_in=False)  # type: ignore[arg-type]
    mock_platform(hass, "openai_conversation.config_flow", built_in=False)
    entry = MockConfigEntry(
        domain="openai_conversation",
        title="OpenAI Conversation",
        version=2,
        minor_version=8,
        data={"api_key": simulator.api_key},
        subentries_data=[
            {
                "subentry_type": kind,
                "title": title,
                "unique_id": None,
                "data": data,
            }
            for kind, title, data in (
                (
                    "conversation",
                    "OpenAI agent",
                    {"recommended": True, "prompt": "Be brief.", "llm_hass_api": ["assist"]},
                ),
                ("tts", "OpenAI speech", {"prompt": "Calm.", "chat_model": "gpt-4o-mini-tts", "tts_speed": 1.2}),
            )
        ],
    )
    assert await async_setup_component(hass, "homeassistant", {})
    assert await async_setup_component(hass, "conversation", {})
    return await _load(hass, entry)


def get_platform(hass: HomeAssistant, entity_id: str) -> str | None:
    """Return the integration of an entity, or None if there is no such entity."""
    registered = er.async_get(hass).async_get(entity_id)
    return registered.platform if registered else None


async def _load(hass: HomeAssistant, entry: MockConfigEntry) -> MockConfigEntry:
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    return entry


class _AgentConfigFlow(ConfigFlow, domain="openai_conversation"):
    """Handle the version of the stored configuration of OpenAI Conversation."""

    VERSION = 2
    MINOR_VERSION = 8


_PLATFORMS = [Platform.CONVERSATION, Platform.TTS]


async def _async_set_up_agent(hass: HomeAssistant, entry: ConfigEntry) -> bool:
    await hass.config_entries.async_forward_entry_setups(entry, _PLATFORMS)
    return True


async def _async_unload_agent(hass: HomeAssistant, entry: ConfigEntry) -> bool:
    return await hass.config_entries.async_unload_platforms(entry, _PLATFORMS)


async def _async_add_voice(
    _hass: HomeAssistant, entry: ConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    for subentry in entry.subentries.values():
        if subentry.subentry_type == "tts":
            async_add_entities(
                [_AgentVoice(subentry.title, subentry.subentry_id)], config_subentry_id=subentry.subentry_id
            )


async def _async_add_agent(
    _hass: HomeAssistant, entry: ConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    for subentry in entry.subentries.values():
        if subentry.subentry_type == "conversation":
            async_add_entities([_Agent(subentry.title, subentry.subentry_id)], config_subentry_id=subentry.subentry_id)


class _AgentVoice(tts.TextToSpeechEntity):
    """The voice of OpenAI Conversation, which declares only languages with a region."""

    _attr_default_language = "en-US"
    _attr_supported_languages: ClassVar = ["de-DE", "en-US"]
    _attr_supported_options: ClassVar = ["voice", "preferred_format"]

    def __init__(self, name: str, unique_id: str) -> None:
        self._attr_name = name
        self._attr_unique_id = unique_id

    @override
    async def async_get_tts_audio(self, message: str, language: str, options: dict[str, Any]) -> tts.TtsAudioType:
        return "mp3", b"old voice"


class _Agent(conversation.ConversationEntity):
    """The agent of OpenAI Conversation."""

    def __init__(self, name: str, unique_id: str) -> None:
        self._attr_name = name
        self._attr_unique_id = unique_id

    @property
    @override
    def supported_languages(self) -> list[str] | Literal["*"]:
        return MATCH_ALL

    @override
    async def _async_handle_message(
        self, user_input: conversation.ConversationInput, chat_log: conversation.ChatLog
    ) -> conversation.ConversationResult:
        response = IntentResponse(user_input.language)
        response.async_set_speech(user_input.text)
        return conversation.ConversationResult(response, chat_log.conversation_id)
