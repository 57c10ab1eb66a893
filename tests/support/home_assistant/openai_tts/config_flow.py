"""Config flow of the stand-in, which creates an account with one voice."""

from typing import Any, override

from homeassistant.config_entries import ConfigFlow, ConfigFlowResult, ConfigSubentryData
import voluptuous as vol


class OpenAITTSConfigFlow(ConfigFlow, domain="openai_tts"):
    """Handle the config flow."""

    VERSION = 2
    MINOR_VERSION = 2

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show the form with the address, the API key and the settings of the voice."""
        if user_input is None:
            fields = ("url", "api_key", "profile_name", "model", "voice")
            return self.async_show_form(
                step_id="user", data_schema=vol.Schema({vol.Required(one): str for one in fields})
            )
        account = {key: user_input.pop(key) for key in ("url", "api_key")}
        name = user_input["profile_name"]
        voice = {**user_input, "speed": 1.0, "chime": False, "normalize_audio": False, "unique_id": f"{name}-0001"}
        return self.async_create_entry(
            title="OpenAI TTS",
            data={**account, "provider": "openai", "unique_id": "account-0001"},
            subentries=[
                ConfigSubentryData(subentry_type="profile", title=name, data=voice, unique_id=voice["unique_id"])
            ],
        )
