"""Repair flows for voices."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from homeassistant.components.repairs import RepairsFlow
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_MODEL
from homeassistant.core import HomeAssistant
import voluptuous as vol

from .const import CONF_VOICE
from .coordinator import AccountCoordinator, OratorConfigEntry
from .form_texts import async_get_form_texts
from .providers.errors import InvalidSettingError, SpeechError, VoiceGoneError
from .providers.models import Model
from .providers.options import parse_id
from .schema import model_field, voice_field

if TYPE_CHECKING:  # newer than the oldest supported Home Assistant
    from homeassistant.components.repairs import RepairsFlowResult


class _VoiceRepairFlow(RepairsFlow):
    """Base of the flows that change a voice."""

    def __init__(self, entry_id: str, subentry_id: str) -> None:
        """Initialize the flow of a voice."""
        self._entry_id = entry_id
        self._subentry_id = subentry_id

    async def _async_loaded_entry(self) -> OratorConfigEntry | None:
        """Return the account if it is loaded, after a reload that is under way, and still has the voice."""
        entry: OratorConfigEntry | None = self.hass.config_entries.async_get_entry(self._entry_id)
        if entry:
            async with entry.setup_lock:  # held during a reload, for example because of a changed catalog
                pass
        is_usable = entry and entry.state is ConfigEntryState.LOADED and self._subentry_id in entry.subentries
        return entry if is_usable else None

    def _update_voice(self, entry: OratorConfigEntry, data: Mapping[str, Any]) -> RepairsFlowResult:
        """Change the voice; the account's update listener reloads it."""
        self.hass.config_entries.async_update_subentry(entry, entry.subentries[self._subentry_id], data=data)
        return self.async_create_entry(data={})


class VoiceGoneRepairFlow(_VoiceRepairFlow):
    """Repair flow that replaces a saved voice that no longer exists."""

    async def async_step_init(self, _: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Refresh the saved voices; finish if the voice exists again."""
        if entry := await self._async_loaded_entry():
            with suppress(SpeechError):
                await entry.runtime_data.async_refetch_catalog()
        entry = await self._async_loaded_entry()
        if entry and not entry.runtime_data.is_voice_missing(entry.subentries[self._subentry_id].data):
            return self.async_create_entry(data={})
        return await self.async_step_voice()

    async def async_step_voice(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Select another saved voice."""
        if (entry := await self._async_loaded_entry()) is None:
            return self.async_abort(reason="entry_not_loaded")
        account = entry.runtime_data
        voice = entry.subentries[self._subentry_id]
        model = account.data.configured_model(voice.data)
        gone = voice.data.get(model.voice_key)
        model = replace(model, voices=tuple(known for known in model.voices if known.id != gone))
        errors: dict[str, str] = {}
        if user_input is not None:
            voice_id, errors = await _async_resolve_voice_id(account, model, user_input[model.voice_key])
            if not errors:
                return self._update_voice(entry, {**voice.data, model.voice_key: voice_id})
        marker, selector = voice_field(account.data, model)
        return self.async_show_form(
            step_id="voice",
            data_schema=vol.Schema({marker: selector}),
            errors=errors,
            description_placeholders={"voice": voice.title},
        )


class ModelEndRepairFlow(_VoiceRepairFlow):
    """Repair flow that migrates a voice to another model because its model ends."""

    _chosen_model_id: str | None = None
    """Model whose voices the form lists, or None for those of the suggested model."""

    async def async_step_init(self, _: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Start with the selection of the model."""
        return await self.async_step_model()

    async def async_step_model(self, user_input: dict[str, Any] | None = None) -> RepairsFlowResult:
        """Select the new model and one of its voices.

        A form lists the voices of one model only. If the chosen model lacks the voice, the form lists its own voices.
        """
        if (entry := await self._async_loaded_entry()) is None:
            return self.async_abort(reason="entry_not_loaded")
        account = entry.runtime_data
        voice = entry.subentries[self._subentry_id]
        ending = account.data.configured_model(voice.data)
        model = ending.successor or account.provider.initial_model(account.data.document)
        if self._chosen_model_id is not None:
            model = account.data.model(self._chosen_model_id)
        if user_input is not None:
            listed_ids = model.voice_ids
            model = account.data.model(_parse_id_or(model.id, user_input[CONF_MODEL]))
            migrated = account.provider.migrate_settings(voice.data, model)
            voice_id = _parse_id_or(migrated[CONF_VOICE], user_input[CONF_VOICE])
            if voice_id in model.voice_ids or voice_id not in listed_ids:
                return self._update_voice(entry, {**migrated, CONF_VOICE: voice_id})
            self._chosen_model_id = model.id
        suggested = account.provider.migrate_settings(voice.data, model)[CONF_VOICE]
        texts = await async_get_form_texts(self.hass)
        # In the executor, because a catalog may have thousands of models.
        _, models = await self.hass.async_add_executor_job(model_field, account.data, texts)
        _, voices = voice_field(account.data, model)
        fields = {
            vol.Required(CONF_MODEL, default=models.name(model.id)): models,
            vol.Required(CONF_VOICE, default=voices.name(suggested)): voices,
        }
        return self.async_show_form(
            step_id="model",
            data_schema=vol.Schema(fields),
            description_placeholders={"voice": voice.title, "model": ending.id},
        )


async def _async_resolve_voice_id(
    account: AccountCoordinator, model: Model, voice_id: str
) -> tuple[str, dict[str, str]]:
    """Return a voice ID as spelled by the provider, and form errors if the voice does not exist."""
    try:
        return await account.async_resolve_voice_id(model, parse_id(model.voice_key, voice_id)), {}
    except InvalidSettingError, VoiceGoneError:
        return voice_id, {model.voice_key: VoiceGoneError.translation_key}
    except SpeechError:  # accepted unchecked while the provider does not respond
        return voice_id, {}


def _parse_id_or(suggested: str, entered: str) -> str:
    """Return an entered ID, or the suggested one if the field was left blank or contains no ID."""
    try:
        return parse_id("", entered)
    except InvalidSettingError:
        return suggested


async def async_create_fix_flow(
    _hass: HomeAssistant, _issue_id: str, data: dict[str, str | int | float | None] | None
) -> RepairsFlow:
    """Create the flow that fixes an issue."""
    data = data or {}
    # Only issues about the end of a model contain the model.
    flow = ModelEndRepairFlow if "model" in data else VoiceGoneRepairFlow
    return flow(str(data["entry_id"]), str(data["subentry_id"]))
