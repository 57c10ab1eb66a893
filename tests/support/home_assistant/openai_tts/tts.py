"""Voices of the stand-in, one per subentry."""

from collections.abc import Mapping
from typing import Any, override

from homeassistant.components.tts import TextToSpeechEntity, TtsAudioType, Voice
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.util import slugify


async def async_setup_entry(
    hass: HomeAssistant, entry: ConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add an entity for every voice."""
    for subentry in entry.subentries.values():
        async_add_entities([OpenAITTSEntity(entry.data, subentry.data)], config_subentry_id=subentry.subentry_id)


class OpenAITTSEntity(TextToSpeechEntity):
    """A voice of the stand-in."""

    _attr_has_entity_name = True
    _attr_default_language = "en"

    def __init__(self, account: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
        """Initialize the entity."""
        self._attr_supported_languages = ["bn", "de", "de-DE", "en", "en-GB", "en-US"]
        self._attr_supported_options = ["voice", "speed", "instructions", "chime", "normalize_audio"]
        self._account = account
        self._settings = settings
        name = settings["profile_name"]
        self.entity_id = f"tts.openai_tts_{slugify(name)}"
        self._attr_unique_id = settings["unique_id"]
        self._attr_name = f"OpenAI TTS {name}"
        self._attr_device_info = DeviceInfo(
            identifiers={("openai_tts", settings["unique_id"])}, manufacturer="OpenAI", name=name
        )

    @callback
    @override
    def async_get_supported_voices(self, language: str) -> list[Voice] | None:
        return [Voice(name, name.title()) for name in ("alloy", "coral", "nova")]

    @override
    async def async_get_tts_audio(self, message: str, language: str, options: dict[str, Any]) -> TtsAudioType:
        """Return the audio of a message."""
        response = await async_get_clientsession(self.hass).post(
            self._account["url"],
            headers={"Authorization": f"Bearer {self._account['api_key']}"},
            json={
                "model": self._settings["model"],
                "voice": options.get("voice", self._settings["voice"]),
                "input": message,
                "response_format": "mp3",
            },
        )
        return "mp3", await response.read()
