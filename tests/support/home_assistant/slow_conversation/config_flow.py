"""Config flow of the slow conversation agent."""

from typing import Any, override

from homeassistant.config_entries import ConfigFlow, ConfigFlowResult
import voluptuous as vol

CONF_WORDS_PER_SECOND = "words_per_second"


class SlowConversationConfigFlow(ConfigFlow, domain="slow_conversation"):
    """Handle the config flow."""

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show the form with the number of words per second."""
        if user_input is not None:
            return self.async_create_entry(title="Slow conversation", data=user_input)
        return self.async_show_form(
            step_id="user", data_schema=vol.Schema({vol.Required(CONF_WORDS_PER_SECOND, default=10): vol.Coerce(float)})
        )
