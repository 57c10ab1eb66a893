"""Subentry flow of a voice."""

from collections.abc import Collection, Mapping, Sequence
from itertools import chain, count
import re
from typing import Any, Final

from homeassistant.config_entries import (
    SOURCE_RECONFIGURE,
    SOURCE_USER,
    ConfigEntryState,
    ConfigSubentry,
    ConfigSubentryFlow,
    SubentryFlowResult,
)
from homeassistant.const import CONF_MODEL, CONF_NAME
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import AbortFlow
import voluptuous as vol

from .chime_files import ChimeError
from .chimes import async_get_chimes
from .const import (
    CONF_CLEAN_TEXT,
    CONF_FALLBACK,
    CONF_FORMAT,
    CONF_REPLACEMENTS,
    CONF_SENTENCE_CACHE,
    CONF_SPEECH_TAGS,
    CONF_SPOKEN_UNITS,
    CONF_VOICE,
)
from .coordinator import AccountCoordinator, OratorConfigEntry, async_get_accounts
from .entity import voice_entity_id
from .fallback import has_fallback_loop
from .form_errors import FormError, describe_invalid_setting, number_ranges
from .form_texts import FormTexts, as_text, async_get_form_texts
from .preview import PreviewItem, create_voice_player, find_preview_entity, sample_of_voice
from .providers.errors import InvalidSettingError, SpeechError, VoiceGoneError
from .providers.models import Model
from .providers.options import parse_id
from .schema import (
    choice_schema,
    flatten_sections,
    model_schema,
    section_of,
    suggested_voice,
    voice_schema,
    voice_title,
)
from .voice_settings import (
    CHIME_OPTIONS,
    NUMBER_OPTIONS,
    POST_PROCESSING_OPTIONS,
    chime_loudness,
    parse_post_processing,
    parse_replacements,
)

_FORM_DEFAULTS: Final = {
    CONF_CLEAN_TEXT: True,
    CONF_REPLACEMENTS: [],
    CONF_SPOKEN_UNITS: False,
    CONF_SPEECH_TAGS: False,
    CONF_SENTENCE_CACHE: True,
    CONF_FALLBACK: [],
}
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
        """Title that a reconfigured voice has, perhaps with a number, unless the user has named it."""
        self._unconnected_vendor: str | None = None
        """Vendor of a model that was submitted although the model cannot speak yet."""

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Add a voice."""
        return await self._async_step_init("user", user_input)

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Change a voice."""
        if not self._settings:
            account, subentry = self._get_account(), self._get_reconfigure_subentry()
            settings = account.data.replace_unknown_choices(subentry.data)
            model = account.data.model_for(settings)
            self._default_title = voice_title(account.data, model, settings.get(model.voice_key, ""))
            self._settings = {CONF_NAME: subentry.title, **settings}
        return await self._async_step_init("reconfigure", user_input)

    async def _async_step_init(self, step_id: str, user_input: dict[str, Any] | None) -> SubentryFlowResult:
        """Show the choices that precede the model, or the model if there are none."""
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
        entered = flatten_sections(user_input or {})
        if user_input is not None:
            try:
                model = account.data.model(parse_id(CONF_MODEL, entered.get(CONF_MODEL)))
            except InvalidSettingError:
                errors[CONF_MODEL] = "invalid_text"
            else:
                if self._accept_model(model):
                    self._set_model(account, model)
                    self._set_choices(account, entered)
                    return await self.async_step_voice()
                errors[CONF_MODEL] = "vendor_not_connected"
        texts = await async_get_form_texts(self.hass)
        # In the executor, because a catalog may have thousands of models.
        settings = {**self._settings, **entered}
        schema = await self.hass.async_add_executor_job(model_schema, account.data, texts, settings)
        return self._show_form(step_id, schema, errors)

    async def async_step_voice(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Choose the voice and its settings."""
        account = self._get_account()
        texts = await async_get_form_texts(self.hass)
        entered = self._settings if user_input is None else flatten_sections(user_input)
        model = account.data.model_for({**self._settings, **entered})
        error: FormError | None = None
        if user_input is not None:
            try:
                data = await self._async_parse(account, texts, model, entered)
            except FormError as err:
                error = err
            else:
                return self._finish(account, texts, data, entered.get(CONF_NAME, "").strip())
        schema = voice_schema(
            account.data,
            model,
            texts,
            entered,
            own_entity_id=self._own_entity_id(),
            error_field=error.field if error else None,
        )
        errors, error_placeholders = self._describe_error(schema, texts, error)
        placeholders = {
            **number_ranges((*model.options, *NUMBER_OPTIONS), texts),
            **error_placeholders,
            "model": as_text(texts.model(model)),
            "preview": self._preview_link(account, texts, model, {**self._settings, **entered}),
            "samples": f'<a href="{_MEDIA_BROWSER_PATH}" target="_blank">',
            "samples_end": "</a>",
        }
        return self._show_form("voice", schema, errors, placeholders)

    def _get_account(self) -> AccountCoordinator:
        """Return the account, or abort if it is not loaded: the account may change while a form is open."""
        entry: OratorConfigEntry = self._get_entry()
        if entry.state is not ConfigEntryState.LOADED:
            raise AbortFlow(reason="entry_not_loaded")
        return entry.runtime_data

    def _show_form(
        self,
        step_id: str,
        schema: vol.Schema,
        errors: dict[str, str] | None = None,
        placeholders: Mapping[str, str] | None = None,
    ) -> SubentryFlowResult:
        return self.async_show_form(
            step_id=step_id,
            data_schema=schema,
            errors=errors,
            description_placeholders={
                "name": self._settings.get(CONF_NAME, ""),
                "vendor": self._unconnected_vendor or "",
                **(placeholders or {}),
            },
            last_step=step_id == "voice",
        )

    def _describe_error(
        self, schema: vol.Schema, texts: FormTexts, error: FormError | None
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Return the errors by field, and the placeholders of their texts.

        The frontend does not show errors of fields in a section, so these stand at the section.
        """
        if error is None:
            return {}, {}
        section = section_of(schema, error.field)
        placeholders = {"setting": texts.setting(error.field, section), **error.placeholders}
        return {section or error.field: error.translation_key}, placeholders

    def _preview_link(
        self, account: AccountCoordinator, texts: FormTexts, model: Model, settings: Mapping[str, Any]
    ) -> str:
        """Return a link that plays the voice, or nothing if there is no voice to suggest or to play it."""
        voice_id = settings.get(model.voice_key) or suggested_voice(account.data, model)
        if not voice_id or find_preview_entity(self.hass, self._get_entry()) is None:
            return ""
        chosen = account.data.parse_choices(settings)
        if CONF_MODEL in self._settings:
            chosen[CONF_MODEL] = model.id
        chosen[model.voice_key] = voice_id
        path = PreviewItem(self._get_entry().entry_id, chosen).signed_path(self.hass)
        price = texts.preview_price(model, sample_of_voice(self.hass, account.provider, model, chosen).sentence)
        return texts.preview_link(path, model.voice_name(voice_id), price)

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
        if self._is_default_title(self._settings.get(CONF_NAME, "")):
            self._settings.pop(CONF_NAME, None)

    def _is_default_title(self, title: str) -> bool:
        """Return whether the title of the voice is the previous default, with or without a number."""
        return re.fullmatch(rf"{re.escape(self._default_title)}( \d+)?", title) is not None

    async def _async_parse(
        self, account: AccountCoordinator, texts: FormTexts, model: Model, entered: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the data to store: valid settings that differ from their defaults. Raises FormError."""
        self._check_fallbacks(entered.get(CONF_FALLBACK, ()))
        data: dict[str, Any] = account.data.parse_choices(self._settings)
        if CONF_MODEL in self._settings:
            data[CONF_MODEL] = model.id
        data |= {key: value for key, value in entered.items() if key not in (CONF_NAME, *POST_PROCESSING_OPTIONS)}
        data.setdefault(CONF_FORMAT, model.file_formats[0].value)
        try:
            data |= parse_post_processing(entered)
            if CONF_NAME in entered:
                parse_id(CONF_NAME, entered[CONF_NAME])
            parse_replacements(data.get(CONF_REPLACEMENTS, []))
            for option in model.options:
                if option.key in data:
                    data[option.key] = option.parse(data[option.key])
            await self._async_check_chimes(data)
            await _async_resolve_voice(account, model, data)
        except InvalidSettingError as err:
            raise describe_invalid_setting(err, (*model.options, *NUMBER_OPTIONS), entered, texts) from err
        except VoiceGoneError as err:
            raise FormError(err.translation_key, model.voice_key) from err
        except SpeechError:  # the provider is unreachable; an invalid voice is reported when it is used
            pass
        else:
            if CONF_MODEL not in self._settings and not self._accept_model(account.data.model_for(data)):
                raise FormError("vendor_not_connected", model.voice_key)
        return {key: value for key, value in data.items() if value != _FORM_DEFAULTS.get(key)}

    def _own_entity_id(self) -> str | None:
        """Return the entity ID of a reconfigured voice."""
        is_new = self.source != SOURCE_RECONFIGURE
        return None if is_new else voice_entity_id(self.hass, self._get_reconfigure_subentry().subentry_id)

    def _check_fallbacks(self, entity_ids: Sequence[str]) -> None:
        """Raise FormError if a fallback leads back to this voice."""
        own_entity_id = self._own_entity_id()
        if own_entity_id in entity_ids:  # the form does not offer it, unless it was renamed since the form was opened
            raise FormError("fallback_self", CONF_FALLBACK)
        looping = [entity_id for entity_id in entity_ids if has_fallback_loop(self.hass, [entity_id], own_entity_id)]
        if looping:
            states = {entity_id: self.hass.states.get(entity_id) for entity_id in looping}
            names = [state.name if state else entity_id for entity_id, state in states.items()]
            raise FormError("fallback_loop", CONF_FALLBACK, voices=", ".join(names))

    async def _async_check_chimes(self, data: Mapping[str, Any]) -> None:
        """Raise FormError if a chime cannot be played."""
        chimes = await async_get_chimes(self.hass)
        for key in CHIME_OPTIONS:
            if key in data:
                try:
                    await chimes.async_get(data[key], chime_loudness(data))
                except ChimeError as err:
                    raise FormError(err.translation_key, key, chime=data[key]) from err

    def _finish(
        self, account: AccountCoordinator, texts: FormTexts, data: dict[str, Any], name: str
    ) -> SubentryFlowResult:
        """Create or update the voice, after which the account reloads itself, and offer to listen to it."""
        model = account.data.model_for(data)
        if not name or self._is_default_title(name):
            own_subentry = self._get_reconfigure_subentry() if self.source == SOURCE_RECONFIGURE else None
            title = voice_title(account.data, model, data.get(model.voice_key, ""))
            name = unique_voice_title(self.hass, title, own_subentry)
        entry = self._get_entry()
        placeholders = {
            "price": texts.preview_price(model, sample_of_voice(self.hass, account.provider, model, data).sentence),
            "player": create_voice_player(self.hass, entry.entry_id, name, data),
        }
        if self.source == SOURCE_USER:
            return self.async_create_entry(title=name, data=data, description_placeholders=placeholders)
        subentry = self._get_reconfigure_subentry()
        # async_update_and_abort takes no placeholders.
        self.hass.config_entries.async_update_subentry(entry, subentry, title=name, data=data)
        return self.async_abort(reason="reconfigure_successful", description_placeholders=placeholders)


def unique_voice_title(
    hass: HomeAssistant, title: str, own_subentry: ConfigSubentry | None = None, reserved: Collection[str] = ()
) -> str:
    """Return a title that no other voice has and that is not reserved, with a number if necessary."""
    accounts = async_get_accounts(hass)
    voices = chain.from_iterable(entry.subentries.values() for entry in accounts)
    taken = {*reserved, *(voice.title for voice in voices if voice != own_subentry)}
    numbered = (f"{title} {number}" for number in count(2))
    return next(free for free in chain([title], numbered) if free not in taken)


async def _async_resolve_voice(account: AccountCoordinator, model: Model, data: dict[str, Any]) -> None:
    """Set the voice in `data` as the provider spells it, unless the provider chooses the voice. Raises SpeechError."""
    if model.needs_voice or model.voice_key in data:
        voice_id = parse_id(model.voice_key, data.get(model.voice_key))
        data[model.voice_key] = await account.async_resolve_voice_id(model, voice_id)
