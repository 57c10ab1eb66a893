"""Mending what Orator reports in Home Assistant's repairs."""

from typing import TYPE_CHECKING, Any

from homeassistant.components.repairs import RepairsFlow
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
import voluptuous as vol

from .account import OratorConfigEntry
from .forms import voice_field

if TYPE_CHECKING:  # newer than the oldest Home Assistant supported
    from homeassistant.components.repairs import RepairsFlowResult


class VoiceGoneFlow(RepairsFlow):
    """Lets another saved voice speak for one that its provider no longer has."""

    def __init__(self, entry_id: str, subentry_id: str) -> None:
        """Mend a voice."""
        self._entry_id = entry_id
        self._subentry_id = subentry_id

    async def async_step_init(self, _: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Begin."""
        return await self.async_step_voice()

    async def async_step_voice(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Ask which voice is to speak from now on."""
        entry: OratorConfigEntry | None = self.hass.config_entries.async_get_entry(self._entry_id)
        if entry is None or entry.state is not ConfigEntryState.LOADED or self._subentry_id not in entry.subentries:
            return self.async_abort(reason="entry_not_loaded")
        voice = entry.subentries[self._subentry_id]
        model = entry.runtime_data.model(voice.data.get("model", ""), voice.data)
        if user_input is not None:
            self.hass.config_entries.async_update_subentry(entry, voice, data={**voice.data, **user_input})
            return self.async_create_entry(data={})
        marker, selector = voice_field(entry.runtime_data, model)
        return self.async_show_form(
            step_id="voice", data_schema=vol.Schema({marker: selector}), description_placeholders={"voice": voice.title}
        )


async def async_create_fix_flow(
    _hass: HomeAssistant, _issue_id: str, data: dict[str, str | int | float | None] | None
) -> RepairsFlow:
    """Return what mends an issue."""
    data = data or {}
    return VoiceGoneFlow(str(data["entry_id"]), str(data["subentry_id"]))
