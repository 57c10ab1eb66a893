"""Subentry flow of a voice."""

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
from homeassistant.data_entry_flow import AbortFlow
import voluptuous as vol

from .chime_files import ChimeError
from .chimes import async_get_chimes
from .const import CONF_CLEAN_TEXT, CONF_FALLBACK, CONF_REPLACEMENTS, CONF_SPOKEN_UNITS, CONF_VOICE, DOMAIN
from .coordinator import AccountCoordinator, OratorConfigEntry
from .entity import voice_entity_id
from .fallback import has_fallback_loop
from .preview import PreviewItem
from .providers.errors import InvalidSettingError, SpeechError, VoiceGoneError
from .providers.models import Model
from .providers.options import parse_id
from .schema import (
    SECTION_ADVANCED,
    SECTION_POST_PROCESSING,
    choice_schema,
    form_values,
    model_label,
    model_schema,
    suggested_voice,
    voice_schema,
    voice_title,
)
from .voice_settings import CHIME_OPTIONS, chime_loudness, parse_post_processing, parse_replacements

_FORM_DEFAULTS: Final = {CONF_CLEAN_TEXT: True, CONF_REPLACEMENTS: [], CONF_SPOKEN_UNITS: False, CONF_FALLBACK: []}
"""Values that the form returns for untouched fields, which are not stored."""

_MEDIA_BROWSER_PATH: Final = "/media-browser"
"""Path of Home Assistant's media browser; the paths below it are private to its frontend."""


class VoiceSubentryFlow(ConfigSubentryFlow):
    """Handle a subentry flow for a voice."""

    def __init__(self) -> None:
        """Initialize the subentry flow."""
        self._settings: dict[str, Any] = {}
        """Name and settings of the voice, from its data and the previous forms."""
        self._default_title = ""
        """Title that a reconfigured voice has unless the user has named it."""
        self._unconnected_vendor: str | None = None
        """Vendor of a model that was submitted although the model cannot speak yet."""

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Add a voice."""
        return await self._async_step_init("user", user_input)

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Change a voice."""
        if not self._settings:
            account, subentry = self._get_account(), self._get_reconfigure_subentry()
            model = account.data.model_for(subentry.data)
            self._default_title = voice_title(account.data, model, subentry.data.get(model.voice_key, ""))
            self._settings = {CONF_NAME: subentry.title, **subentry.data}
        return await self._async_step_init("reconfigure", user_input)

    async def _async_step_init(self, step_id: str, user_input: dict[str, Any] | None) -> SubentryFlowResult:
        """Make the choices before the model, or choose the model if there are none."""
        account = self._get_account()
        schema = choice_schema(account.data, self._settings)
        if not schema.schema:
            return await self._async_step_model(step_id, user_input)
        if user_input is None:
            return self._show_form(step_id, schema)
        self._set_choices(account, user_input)
        if account.provider.has_model_choice(self._settings):
            return await self.async_step_model()
        self._settings.pop(CONF_MODEL, None)
        return await self.async_step_voice()

    async def async_step_model(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Choose the model after the other choices."""
        return await self._async_step_model("model", user_input)

    async def _async_step_model(self, step_id: str, user_input: dict[str, Any] | None) -> SubentryFlowResult:
        """Choose the model."""
        account = self._get_account()
        errors: dict[str, str] = {}
        if user_input is not None:
            try:
                model = account.data.model(parse_id(CONF_MODEL, user_input[CONF_MODEL]))
            except InvalidSettingError as err:
                errors[CONF_MODEL] = err.translation_key
            else:
                if self._accept_model(model):
                    self._set_model(account, model)
                    self._set_choices(account, user_input.get(SECTION_ADVANCED, {}))
                    return await self.async_step_voice()
                errors[CONF_MODEL] = "vendor_not_connected"
        return self._show_form(step_id, model_schema(account.data, {**self._settings, **(user_input or {})}), errors)

    async def async_step_voice(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Choose the voice and its settings."""
        account = self._get_account()
        entered = {**self._settings, **(user_input or {})}
        model = account.data.model_for(entered)
        errors: dict[str, str] = {}
        if user_input is not None:
            data = self._subentry_data(account, model, user_input)
            name = user_input.get(CONF_NAME, "").strip()
            errors = await self._async_parse_data(account, model, data, name)
            if not errors:
                return self._finish(account, data, name)
        return self._show_form(
            "voice",
            self.add_suggested_values_to_schema(
                voice_schema(account.data, model), form_values(user_input or self._settings)
            ),
            errors,
            model=model_label(model),
            **self._preview_links(account, model, entered),
        )

    def _get_account(self) -> AccountCoordinator:
        """Return the account, or abort if it is not loaded: the account may change while a form is open."""
        entry: OratorConfigEntry = self._get_entry()
        if entry.state is not ConfigEntryState.LOADED:
            raise AbortFlow(reason="entry_not_loaded")
        return entry.runtime_data

    def _show_form(
        self, step_id: str, schema: vol.Schema, errors: dict[str, str] | None = None, **placeholders: str
    ) -> SubentryFlowResult:
        return self.async_show_form(
            step_id=step_id,
            data_schema=schema,
            errors=errors,
            description_placeholders={
                "name": self._settings.get(CONF_NAME, ""),
                "vendor": self._unconnected_vendor or "",
                **placeholders,
            },
            last_step=step_id == "voice",
        )

    def _preview_links(self, account: AccountCoordinator, model: Model, settings: Mapping[str, Any]) -> dict[str, str]:
        """Return the links to the preview of the voice, and to the media browser with the previews of all voices.

        The links open a new tab: Home Assistant would follow them in place, which closes the form.
        """
        chosen = account.data.parse_choices(settings)
        if CONF_MODEL in self._settings:
            chosen[CONF_MODEL] = model.id
        voice_id = settings.get(model.voice_key) or suggested_voice(account.data, model)
        path = _MEDIA_BROWSER_PATH
        if voice_id:
            path = PreviewItem(self._get_entry().entry_id, {**chosen, model.voice_key: voice_id}).signed_path(self.hass)
        link, link_end = '<a href="{}" target="_blank">', "</a>"
        return {
            "voice": escape(model.voice_name(voice_id)),
            "sample": link.format(escape(path)),
            "sample_end": link_end,
            "samples": link.format(_MEDIA_BROWSER_PATH),
            "samples_end": link_end,
        }

    def _accept_model(self, model: Model) -> bool:
        """Return whether the model can speak, or was submitted again although it cannot speak yet."""
        is_accepted = model.is_connected or model.vendor == self._unconnected_vendor
        self._unconnected_vendor = None if is_accepted else model.vendor
        return is_accepted

    def _set_model(self, account: AccountCoordinator, model: Model) -> None:
        """Set the model, and drop a voice that only the previous model has."""
        settings = self._settings
        if CONF_MODEL in settings and CONF_VOICE in settings:
            previous = account.data.model_for(settings)
            if settings[CONF_VOICE] in previous.voice_ids and settings[CONF_VOICE] not in model.voice_ids:
                del settings[CONF_VOICE]
                self._drop_default_name()
        settings[CONF_MODEL] = model.id

    def _set_choices(self, account: AccountCoordinator, entered: Mapping[str, str]) -> None:
        """Set the provider's choices that differ from the default."""
        for choice in account.provider.choices:
            if choice.key in entered:
                value = entered[choice.key]
                previous = self._settings.pop(choice.key, choice.default)
                if value != choice.default:
                    self._settings[choice.key] = value
                if value != previous and choice.precedes_model:
                    self._drop_default_name()

    def _drop_default_name(self) -> None:
        """Drop the name of the voice if it is the default title of the previous voice."""
        if self._settings.get(CONF_NAME) == self._default_title:
            self._settings.pop(CONF_NAME, None)

    def _subentry_data(
        self, account: AccountCoordinator, model: Model, user_input: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the data to store: settings that differ from their defaults."""
        data: dict[str, Any] = account.data.parse_choices(self._settings)
        if CONF_MODEL in self._settings:
            data[CONF_MODEL] = model.id
        data |= {key: value for key, value in user_input.items() if key not in (CONF_NAME, SECTION_POST_PROCESSING)}
        data |= parse_post_processing(user_input.get(SECTION_POST_PROCESSING, {}))
        return {key: value for key, value in data.items() if value != _FORM_DEFAULTS.get(key)}

    async def _async_parse_data(
        self, account: AccountCoordinator, model: Model, data: dict[str, Any], name: str
    ) -> dict[str, str]:
        """Parse the name, and the settings in `data` in place; return the errors by field."""
        own_id = self._get_reconfigure_subentry().subentry_id if self.source == SOURCE_RECONFIGURE else ""
        if has_fallback_loop(self.hass, data.get(CONF_FALLBACK, ()), voice_entity_id(self.hass, own_id)):
            return {CONF_FALLBACK: "fallback_loop"}
        chimes = await async_get_chimes(self.hass)
        try:
            for chime in filter(None, map(data.get, CHIME_OPTIONS)):
                await chimes.async_get(chime, chime_loudness(data))
            if name:
                parse_id(CONF_NAME, name)
            parse_replacements(data.get(CONF_REPLACEMENTS, []))
            for option in model.options:
                if option.key in data:
                    data[option.key] = option.parse(data[option.key])
            await _async_resolve_voice(account, model, data)
        except ChimeError as err:  # the frontend does not show errors at fields in a section
            return {SECTION_POST_PROCESSING: err.translation_key}
        except InvalidSettingError as err:
            return {str(err.code): err.translation_key}
        except VoiceGoneError as err:
            return {model.voice_key: err.translation_key}
        except SpeechError:  # the provider is unreachable; an invalid voice is reported when it is used
            return {}
        is_accepted = CONF_MODEL in self._settings or self._accept_model(account.data.model_for(data))
        return {} if is_accepted else {model.voice_key: "vendor_not_connected"}

    def _finish(self, account: AccountCoordinator, data: dict[str, Any], name: str) -> SubentryFlowResult:
        """Create or update the voice, after which the account reloads itself."""
        if name in ("", self._default_title):
            model = account.data.model_for(data)
            name = self._unique_title(voice_title(account.data, model, data.get(model.voice_key, "")))
        if self.source == SOURCE_USER:
            return self.async_create_entry(title=name, data=data)
        return self.async_update_and_abort(self._get_entry(), self._get_reconfigure_subentry(), title=name, data=data)

    def _unique_title(self, title: str) -> str:
        """Return a unique title, with a number if necessary."""
        own_subentry = self._get_reconfigure_subentry() if self.source == SOURCE_RECONFIGURE else None
        entries = self.hass.config_entries.async_entries(DOMAIN)
        taken = {voice.title for entry in entries for voice in entry.subentries.values() if voice != own_subentry}
        numbered = (f"{title} {number}" for number in count(2))
        return next(free for free in chain([title], numbered) if free not in taken)


async def _async_resolve_voice(account: AccountCoordinator, model: Model, data: dict[str, Any]) -> None:
    """Set the voice in `data` as the provider spells it, unless the provider chooses the voice. Raises SpeechError."""
    if model.needs_voice or model.voice_key in data:
        voice_id = parse_id(model.voice_key, data[model.voice_key])
        data[model.voice_key] = await account.async_resolve_voice_id(model, voice_id)
