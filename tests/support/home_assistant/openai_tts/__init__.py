"""Stand-in for the custom integration OpenAI TTS: stores the same configuration, and speaks with the same requests."""

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant, ServiceCall

_PLATFORMS = [Platform.TTS]


async def async_setup_entry(hass: HomeAssistant, entry: ConfigEntry) -> bool:
    """Set up an account."""
    await hass.config_entries.async_forward_entry_setups(entry, _PLATFORMS)

    async def say(call: ServiceCall) -> None:
        """Speak a message, as this action does: with its own options, even if they are off."""
        options = {"chime": False, "normalize_audio": False, **call.data.get("options", {})}
        data = {
            "entity_id": call.data["tts_entity"],
            "media_player_entity_id": call.data["entity_id"],
            "message": call.data["message"],
            "language": "en",
            "options": options,
        }
        await hass.services.async_call("tts", "speak", data, blocking=True)

    hass.services.async_register("openai_tts", "say", say)
    return True


async def async_unload_entry(hass: HomeAssistant, entry: ConfigEntry) -> bool:
    """Unload an account."""
    hass.services.async_remove("openai_tts", "say")
    return await hass.config_entries.async_unload_platforms(entry, _PLATFORMS)
