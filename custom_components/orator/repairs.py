"""Mending what Orator reports in Home Assistant's repairs."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from homeassistant.components.repairs import RepairsFlow
from homeassistant.config_entries import ConfigEntryState, ConfigSubentry
from homeassistant.const import CONF_MODEL
from homeassistant.core import HomeAssistant
import voluptuous as vol

from .const import CONF_VOICE
from .coordinator import AccountCoordinator, OratorConfigEntry
from .providers.errors import SpeechError, VoiceGoneError
from .providers.models import Model
from .schema import default_model, model_field, voice_field

if TYPE_CHECKING:  # newer than the oldest Home Assistant supported
    from homeassistant.components.repairs import RepairsFlowResult


class _VoiceFlow(RepairsFlow):
    """Mends a voice."""

    def __init__(self, entry_id: str, subentry_id: str) -> None:
        """Mend a voice of an account."""
        self._entry_id = entry_id
        self._subentry_id = subentry_id

    def _entry(self) -> OratorConfigEntry | None:
        """Return the account while it can be asked and has the voice."""
        entry: OratorConfigEntry | None = self.hass.config_entries.async_get_entry(self._entry_id)
        is_there = entry and entry.state is ConfigEntryState.LOADED and self._subentry_id in entry.subentries
        return entry if is_there else None

    def _change(self, entry: OratorConfigEntry, data: Mapping[str, Any]) -> RepairsFlowResult:
        """Change the voice; its account listens for that and loads itself anew."""
        self.hass.config_entries.async_update_subentry(entry, entry.subentries[self._subentry_id], data=data)
        return self.async_create_entry(data={})


class VoiceGoneFlow(_VoiceFlow):
    """Lets another saved voice speak for one that its provider no longer has."""

    async def async_step_init(self, _: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Begin with what the provider has now: the voice may be back, or another one new."""
        if entry := self._entry():
            with suppress(SpeechError):
                await entry.runtime_data.async_fetch_catalog()
            if not entry.runtime_data.is_voice_missing(entry.subentries[self._subentry_id].data):
                return self.async_create_entry(data={})
        return await self.async_step_voice()

    async def async_step_voice(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Ask which voice is to speak from now on."""
        if (entry := self._entry()) is None:
            return self.async_abort(reason="entry_not_loaded")
        voice = entry.subentries[self._subentry_id]
        model = _without(entry.runtime_data.model(voice.data.get(CONF_MODEL, ""), voice.data), voice)
        errors: dict[str, str] = {}
        if user_input is not None:
            voice_id, errors = await _checked(entry.runtime_data, model, user_input[model.voice_key])
            if not errors:
                return self._change(entry, {**voice.data, model.voice_key: voice_id})
        marker, selector = voice_field(entry.runtime_data, model)
        return self.async_show_form(
            step_id="voice",
            data_schema=vol.Schema({marker: selector}),
            errors=errors,
            description_placeholders={"voice": voice.title},
        )


class ModelEndFlow(_VoiceFlow):
    """Moves a voice from a model that ends to one that goes on."""

    async def async_step_init(self, _: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Begin."""
        return await self.async_step_model()

    async def async_step_model(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Ask which model is to speak from now on, in which of its voices."""
        if (entry := self._entry()) is None:
            return self.async_abort(reason="entry_not_loaded")
        account = entry.runtime_data
        voice = entry.subentries[self._subentry_id]
        if user_input is not None:
            model = account.model(user_input[CONF_MODEL].strip())
            moved = account.provider.migrate_settings(voice.data, model)
            return self._change(entry, {**moved, CONF_VOICE: user_input[CONF_VOICE].strip()})
        ending = account.model(voice.data.get(CONF_MODEL, ""), voice.data)
        model = ending.successor or default_model(account)
        near = account.provider.migrate_settings(voice.data, model)[CONF_VOICE]
        _, models = model_field(account)
        _, voices = voice_field(account, model)
        fields = {vol.Required(CONF_MODEL, default=model.id): models, vol.Required(CONF_VOICE, default=near): voices}
        return self.async_show_form(
            step_id="model",
            data_schema=vol.Schema(fields),
            description_placeholders={"voice": voice.title, "model": ending.id},
        )


def _without(model: Model, voice: ConfigSubentry) -> Model:
    """Return a model without the voice that is gone."""
    gone = voice.data.get(model.voice_key)
    return replace(model, voices=tuple(known for known in model.voices if known.id != gone))


async def _checked(account: AccountCoordinator, model: Model, voice_id: str) -> tuple[str, dict[str, str]]:
    """Return a voice's ID as its provider writes it, and an error where there is no such voice."""
    try:
        return await account.async_resolve_voice_id(model, voice_id), {}
    except VoiceGoneError as err:
        return voice_id, {model.voice_key: err.translation_key}
    except SpeechError:  # whether there is such a voice shows when it speaks
        return voice_id, {}


async def async_create_fix_flow(
    _hass: HomeAssistant, _issue_id: str, data: dict[str, str | int | float | None] | None
) -> RepairsFlow:
    """Return what mends an issue."""
    data = data or {}
    flow = ModelEndFlow if "model" in data else VoiceGoneFlow
    return flow(str(data["entry_id"]), str(data["subentry_id"]))
