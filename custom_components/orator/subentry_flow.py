"""The flow of a voice: first what decides what can be set, then what can be set."""

from collections.abc import Mapping
from html import escape
from itertools import chain, count
from typing import Any, Final

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    SOURCE_USER,
    ConfigEntryState,
    ConfigSubentryFlow,
    SubentryFlowResult,
)
from homeassistant.const import CONF_MODEL, CONF_NAME
import voluptuous as vol

from .chime_files import ChimeError
from .chimes import async_get_chimes
from .const import CONF_CLEAN_TEXT, CONF_FALLBACK, CONF_REPLACEMENTS, CONF_VOICE, DOMAIN
from .coordinator import AccountCoordinator, OratorConfigEntry
from .fallback import has_fallback_loop, voice_entity_id
from .preview import VoicePreview
from .providers.errors import InvalidSettingError, SpeechError, VoiceGoneError
from .providers.models import Model
from .schema import (
    SECTION_ADVANCED,
    SECTION_EFFECTS,
    choice_schema,
    default_voice,
    form_values,
    model_label,
    model_schema,
    voice_schema,
    voice_title,
)
from .voice_settings import CHIME_OPTIONS, chime_loudness, parse_effects

_UNSET: Final = {CONF_CLEAN_TEXT: True, CONF_REPLACEMENTS: [], CONF_FALLBACK: []}
"""What fields hold that can't be left empty, while nothing was set."""


class VoiceSubentryFlow(ConfigSubentryFlow):
    """Create or change a voice."""

    def __init__(self) -> None:
        """Begin with nothing chosen."""
        self._chosen: dict[str, Any] = {}
        self._usual_title = ""
        """What a voice that is changed would be called if its user had not named it."""
        self._unconnected: Model | None = None
        """What was chosen although it can't speak yet; whoever wants it nevertheless submits it once more."""

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Create a voice."""
        return await self._async_begin("user", user_input)

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Change a voice."""
        if (account := self._account()) and not self._chosen:
            subentry = self._get_reconfigure_subentry()
            self._chosen = {CONF_NAME: subentry.title, **subentry.data}
            model = account.model(subentry.data.get(CONF_MODEL, ""), subentry.data)
            self._usual_title = voice_title(account.data, model, subentry.data[model.voice_key])
        return await self._async_begin("reconfigure", user_input)

    async def _async_begin(self, step_id: str, user_input: dict[str, Any] | None) -> SubentryFlowResult:
        """Ask for what comes before the model, or for the model where nothing does."""
        if (account := self._account()) is None:
            return self.async_abort(reason="entry_not_loaded")
        schema = choice_schema(account.data, self._chosen)
        if not schema.schema:
            return await self._async_model(account, step_id, user_input)
        if user_input is None:
            return self._show(step_id, schema)
        self._keep_choices(account, user_input)
        if account.provider.has_models(self._chosen):
            return await self.async_step_model()
        self._chosen.pop(CONF_MODEL, None)
        return await self.async_step_voice()

    async def async_step_model(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Ask for the model."""
        if (account := self._account()) is None:
            return self.async_abort(reason="entry_not_loaded")
        return await self._async_model(account, "model", user_input)

    async def _async_model(
        self, account: AccountCoordinator, step_id: str, user_input: dict[str, Any] | None
    ) -> SubentryFlowResult:
        errors: dict[str, str] = {}
        if user_input is not None:
            model = account.model(user_input[CONF_MODEL].strip())
            if self._may_choose(model):
                self._choose_model(account, model, user_input.get(SECTION_ADVANCED, {}))
                return await self.async_step_voice()
            errors = {CONF_MODEL: "vendor_not_connected"}
        return self._show(step_id, model_schema(account.data, {**self._chosen, **(user_input or {})}), errors)

    def _may_choose(self, model: Model) -> bool:
        """Tell whether a model can speak, or is wanted although it can't yet."""
        is_wanted = model.is_connected or (self._unconnected is not None and self._unconnected.vendor == model.vendor)
        self._unconnected = None if is_wanted else model
        return is_wanted

    async def async_step_voice(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Ask for everything else, and keep only what was set."""
        if (account := self._account()) is None:
            return self.async_abort(reason="entry_not_loaded")
        entered = {**self._chosen, **(user_input or {})}
        model = account.model(self._chosen.get(CONF_MODEL, ""), entered)
        errors: dict[str, str] = {}
        if user_input is not None:
            data = self._data(account, model, user_input)
            errors = await self._async_check(account, model, data)
            if not errors:
                return self._finish(account, model, data, user_input.get(CONF_NAME, "").strip())
        schema = voice_schema(account.data, model)
        return self._show(
            "voice",
            self.add_suggested_values_to_schema(schema, form_values(model, user_input or self._chosen)),
            errors,
            model=model_label(model),
            **self._samples(account, model, entered),
        )

    def _samples(self, account: AccountCoordinator, model: Model, entered: Mapping[str, Any]) -> dict[str, str]:
        """Return what leads to the samples of a voice and of all voices beside it.

        They open beside the form: a link that Home Assistant follows itself would close it.
        """
        settings = {key: str(value) for key, value in account.parse_choices(entered).items()}
        if CONF_MODEL in self._chosen:
            settings[CONF_MODEL] = model.id
        beside = VoicePreview(self._get_entry().entry_id, settings)
        usual = default_voice(account.data, model)
        voice_id = entered.get(model.voice_key) or ("" if usual is vol.UNDEFINED else usual)
        name = next((voice.name for voice in model.voices if voice.id == voice_id), voice_id)
        place = beside.within({model.voice_key: voice_id}) if voice_id else beside
        begin, end = '<a href="{}" target="_blank">', "</a>"
        return {
            "voice": escape(name),
            "sample": begin.format(escape(place.page)),
            "sample_end": end,
            "samples": begin.format(escape(beside.page)),
            "samples_end": end,
        }

    def _data(self, account: AccountCoordinator, model: Model, user_input: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is kept of a voice: what was set."""
        data = account.parse_choices(self._chosen)
        if CONF_MODEL in self._chosen:
            data[CONF_MODEL] = model.id
        own = {key: value for key, value in user_input.items() if key not in (CONF_NAME, SECTION_EFFECTS)}
        entered = {**own, **parse_effects(user_input.get(SECTION_EFFECTS, {}))}
        return {key: value for key, value in {**data, **entered}.items() if value != _UNSET.get(key)}

    async def _async_check(self, account: AccountCoordinator, model: Model, data: dict[str, Any]) -> dict[str, str]:
        """Bring settings into the form in which they are kept; return what is wrong with them, by field."""
        key = model.voice_key
        own = self._get_reconfigure_subentry().subentry_id if self.source == SOURCE_RECONFIGURE else ""
        if has_fallback_loop(self.hass, data.get(CONF_FALLBACK, ()), voice_entity_id(self.hass, own)):
            return {CONF_FALLBACK: "fallback_loop"}
        if errors := await self._async_check_chimes(data):
            return errors
        try:
            for option in model.options:
                if option.key in data:
                    data[option.key] = option.parse(data[option.key])
            data[key] = await account.async_resolve_voice_id(model, data[key])
        except InvalidSettingError as err:
            return {str(err.code): err.translation_key}
        except VoiceGoneError as err:
            return {key: err.translation_key}
        except SpeechError:  # it can't be asked at the moment; whether there is such a voice shows when it speaks
            return {}
        has_model = CONF_MODEL in self._chosen  # and was asked about it
        return {} if has_model or self._may_choose(account.model("", data)) else {key: "vendor_not_connected"}

    async def _async_check_chimes(self, data: Mapping[str, Any]) -> dict[str, str]:
        """Return what is wrong with the chimes. The fields of a section have no place for errors of their own."""
        chimes = await async_get_chimes(self.hass)
        try:
            for name in filter(None, map(data.get, CHIME_OPTIONS)):
                await chimes.async_get(name, chime_loudness(data))
        except ChimeError as err:
            return {SECTION_EFFECTS: err.translation_key}
        return {}

    def _show(
        self, step_id: str, schema: vol.Schema, errors: dict[str, str] | None = None, **placeholders: str
    ) -> SubentryFlowResult:
        return self.async_show_form(
            step_id=step_id,
            data_schema=schema,
            errors=errors,
            description_placeholders={
                "name": self._chosen.get(CONF_NAME, ""),
                "vendor": self._unconnected.vendor if self._unconnected else "",
                **placeholders,
            },
            last_step=step_id == "voice",
        )

    def _account(self) -> AccountCoordinator | None:
        """Return the account, unless it is not loaded: it may have been changed since the form was opened."""
        entry: OratorConfigEntry = self._get_entry()
        return entry.runtime_data if entry.state is ConfigEntryState.LOADED else None

    def _choose_model(self, account: AccountCoordinator, model: Model, choices: Mapping[str, str]) -> None:
        """Change the model, and forget what was chosen for another one and can't be meant for this."""
        chosen = self._chosen
        if CONF_MODEL in chosen and CONF_VOICE in chosen:
            known = account.model(chosen[CONF_MODEL], chosen).voices
            if chosen[CONF_VOICE] in {voice.id for voice in known} - {voice.id for voice in model.voices}:
                del chosen[CONF_VOICE]
                self._forget_usual_name()
        chosen[CONF_MODEL] = model.id
        self._keep_choices(account, choices)

    def _keep_choices(self, account: AccountCoordinator, choices: Mapping[str, str]) -> None:
        """Keep what was chosen beside or before the model, unless it is the usual."""
        for choice in account.provider.choices:
            if choice.key in choices:
                before = self._chosen.pop(choice.key, choice.default)
                if choices[choice.key] != choice.default:
                    self._chosen[choice.key] = choices[choice.key]
                if choices[choice.key] != before and choice.precedes_model:  # another kind of voice altogether
                    self._forget_usual_name()

    def _forget_usual_name(self) -> None:
        """Do not suggest a name that nobody chose for what speaks now."""
        if self._chosen.get(CONF_NAME) == self._usual_title:
            self._chosen.pop(CONF_NAME, None)

    def _finish(self, account: AccountCoordinator, model: Model, data: dict[str, Any], name: str) -> SubentryFlowResult:
        """Create or change the voice; its account listens for that and loads itself anew."""
        usual = voice_title(account.data, account.model(model.id, data), data[model.voice_key])
        title = self._free_title(usual) if name in ("", self._usual_title) else name
        if self.source == SOURCE_USER:
            return self.async_create_entry(title=title, data=data)
        return self.async_update_and_abort(self._get_entry(), self._get_reconfigure_subentry(), title=title, data=data)

    def _free_title(self, title: str) -> str:
        """Return a title that no other voice has."""
        own = self._get_reconfigure_subentry() if self.source == SOURCE_RECONFIGURE else None
        entries = self.hass.config_entries.async_entries(DOMAIN)
        taken = {voice.title for entry in entries for voice in entry.subentries.values() if voice != own}
        numbered = (f"{title} {number}" for number in count(2))
        return next(free for free in chain([title], numbered) if free not in taken)
