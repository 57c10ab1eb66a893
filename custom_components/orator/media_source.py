"""Media source of voice previews. Audio is only synthesized, and charged, when it is played."""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any, Final, override

from homeassistant.components.media_player import BrowseError, MediaClass
from homeassistant.components.media_source import (
    BrowseMediaSource,
    MediaSource,
    MediaSourceItem,
    PlayMedia,
    Unresolvable,
)
from homeassistant.components.tts import ATTR_PREFERRED_FORMAT, TextToSpeechEntity
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_MODEL
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.translation import async_get_translations
from homeassistant.util import dt as dt_util

from .audio.formats import AudioFormat
from .const import DOMAIN
from .coordinator import AccountCoordinator, OratorConfigEntry, async_get_loaded_accounts, is_account
from .preview import (
    PREVIEW_CONTENT_TYPE,
    PreviewItem,
    check_permission,
    find_preview_entity,
    pick_sample,
    sample_sentences,
)
from .providers.errors import InvalidSettingError, SpeechError
from .providers.models import Model, Voice
from .sample_sentences import sample_sentences_for
from .tts_requests import PREFERRED_PREFIX, SpeechRequest, async_request_speech

_MAX_TITLE_LANGUAGES: Final = 3


async def async_get_media_source(hass: HomeAssistant) -> OratorMediaSource:
    """Set up the media source."""
    return OratorMediaSource(hass)


class OratorMediaSource(MediaSource):
    """Media source of previews of all voices, by account and model."""

    name = "Orator"

    def __init__(self, hass: HomeAssistant) -> None:
        """Initialize the media source."""
        super().__init__(DOMAIN)
        self._hass = hass

    @override
    async def async_browse_media(self, item: MediaSourceItem) -> BrowseMediaSource:
        """Return the accounts, or an account's models, a model's voices, or a voice's languages."""
        if not item.identifier:
            accounts = async_get_loaded_accounts(self._hass)
            return _folder(self.name, None, [_folder(entry.title, PreviewItem(entry.entry_id)) for entry in accounts])
        preview_item, entry = self._parse(item, BrowseError)
        account = entry.runtime_data
        if not preview_item.settings:
            return _folder(entry.title, preview_item, await self._async_model_folders(preview_item, account))
        model, voice = _model_and_voice(account, preview_item, BrowseError)
        if voice is None:
            return _folder(model.name, preview_item, _voice_items(preview_item, account, model))
        samples = sample_sentences(account.provider, model, voice)
        first = pick_sample(self._hass, samples)
        browse = _playable(_voice_title(voice), preview_item, can_expand=True)
        browse.children = [
            _playable(sample.language, preview_item.in_language(sample.tag))
            for sample in sorted(samples, key=lambda sample: sample is not first)
        ]
        return browse

    @override
    async def async_resolve_media(self, item: MediaSourceItem) -> PlayMedia:
        """Synthesize a sample sentence, and return its URL as soon as its audio begins.

        Raises Unauthorized if a user who may not control the account's voices requests it: it may be charged.
        """
        preview_item, entry = self._parse(item, Unresolvable)
        account = entry.runtime_data
        model, voice = _model_and_voice(account, preview_item, Unresolvable)
        if voice is None:
            raise Unresolvable(translation_domain=DOMAIN, translation_key="preview_voice_missing")
        samples = sample_sentences(account.provider, model, voice)
        requested = (sample for sample in samples if sample.tag == preview_item.language)
        sample = next(requested, None) or pick_sample(self._hass, samples)
        entity = find_preview_entity(self._hass, entry)
        if entity is None:
            raise Unresolvable(
                translation_domain=DOMAIN,
                translation_key="no_voice_for_preview",
                translation_placeholders={"account": entry.title},
            )
        check_permission(entity)
        defaults = {choice.key: choice.default for choice in account.provider.choices}
        options = _preview_options(entity, {**defaults, **preview_item.settings})
        try:
            result = async_request_speech(self._hass, entity, SpeechRequest(sample.sentence, options=options))
            await result.async_wait_for_audio()
        except HomeAssistantError as err:
            raise Unresolvable(
                str(err),
                translation_domain=err.translation_domain,
                translation_key=err.translation_key,
                translation_placeholders=err.translation_placeholders,
            ) from err
        return PlayMedia(result.stream.url, result.stream.content_type)

    def _parse(self, item: MediaSourceItem, error: type[HomeAssistantError]) -> tuple[PreviewItem, OratorConfigEntry]:
        """Return the preview item that an item of the media browser identifies, and its account. Raises `error`."""
        try:
            preview_item = PreviewItem.parse(item.identifier)
        except (ValueError, InvalidSettingError) as err:
            raise error(translation_domain=DOMAIN, translation_key="preview_voice_missing") from err
        entry: OratorConfigEntry | None = self._hass.config_entries.async_get_entry(preview_item.entry_id)
        if entry is None or not is_account(entry) or entry.state is not ConfigEntryState.LOADED:
            raise error(translation_domain=DOMAIN, translation_key="account_not_loaded")
        return preview_item, entry

    async def _async_model_folders(self, item: PreviewItem, account: AccountCoordinator) -> list[BrowseMediaSource]:
        """Return a folder for each model of an account and each choice that needs no model."""
        today = dt_util.utcnow().date()
        folders: list[BrowseMediaSource] = []
        for choices in _choices_before_model(account):
            if not account.provider.has_model_choice(choices):
                folders.append(_folder(await self._async_choices_title(choices), item.with_settings(choices)))
                continue
            for model in account.data.models:
                settings = {**choices, CONF_MODEL: model.id}
                has_voices = bool(account.data.model_for(settings).voices)
                if has_voices and model.is_connected and not model.is_retired(today):
                    folders.append(_folder(model.name, item.with_settings(settings)))
        return folders

    async def _async_choices_title(self, choices: Mapping[str, str]) -> str:
        """Return the choices as shown in the forms."""
        texts = await async_get_translations(self._hass, self._hass.config.language, "selector", [DOMAIN])
        keys = [f"component.{DOMAIN}.selector.{key}.options.{value}" for key, value in choices.items()]
        return ", ".join(texts.get(key, key) for key in keys)


def _choices_before_model(account: AccountCoordinator) -> Iterator[dict[str, str]]:
    """Yield every combination of the choices that are made before the model."""
    choices = [choice for choice in account.provider.choices if choice.precedes_model]
    for values in product(*(choice.choices for choice in choices)):
        yield {choice.key: value for choice, value in zip(choices, values, strict=True)}


def _model_and_voice(
    account: AccountCoordinator, item: PreviewItem, error: type[HomeAssistantError]
) -> tuple[Model, Voice | None]:
    """Return the model and, if chosen, the voice of an item, whether or not they are listed. Raises `error`."""
    try:
        model = account.data.model_for(item.settings)
    except SpeechError as err:
        raise error(translation_domain=DOMAIN, translation_key="preview_voice_missing") from err
    voice_id = item.settings.get(model.voice_key)
    if not voice_id:
        return model, None
    return model, next((voice for voice in model.voices if voice.id == voice_id), Voice(voice_id, voice_id))


def _voice_items(parent: PreviewItem, account: AccountCoordinator, model: Model) -> list[BrowseMediaSource]:
    """Return the items of a model's voices, without saved voices that cannot speak."""
    voices = [(voice, parent.with_settings({model.voice_key: voice.id})) for voice in model.voices]
    if model.has_saved_voices:
        voices = [(voice, item) for voice, item in voices if account.data.model_for(item.settings).is_connected]
    return [
        _playable(_voice_title(voice), item, can_expand=len(sample_sentences(account.provider, model, voice)) > 1)
        for voice, item in voices
    ]


def _preview_options(entity: TextToSpeechEntity, settings: Mapping[str, str]) -> dict[str, Any]:
    """Return options that override all settings of the entity, including fallbacks."""
    # All supported options are set, so that a preview is still found in the cache after the voice has changed.
    names = [name for name in entity.supported_options or () if not name.startswith(PREFERRED_PREFIX)]
    return {**dict.fromkeys(names), **settings, ATTR_PREFERRED_FORMAT: AudioFormat.MP3.value}


def _voice_title(voice: Voice) -> str:
    """Return a voice's name and, if there are only a few, its languages."""
    languages = [sample.language for sample in sample_sentences_for(voice.languages)] if voice.languages else []
    return f"{voice.name} · {', '.join(languages)}" if 0 < len(languages) <= _MAX_TITLE_LANGUAGES else voice.name


def _folder(title: str, item: PreviewItem | None, children: list[BrowseMediaSource] | None = None) -> BrowseMediaSource:
    return BrowseMediaSource(
        domain=DOMAIN,
        identifier=item.identifier if item else None,
        media_class=MediaClass.DIRECTORY,
        media_content_type="",
        title=title,
        can_play=False,
        can_expand=True,
        children=children,
    )


def _playable(title: str, item: PreviewItem, *, can_expand: bool = False) -> BrowseMediaSource:
    return BrowseMediaSource(
        domain=DOMAIN,
        identifier=item.identifier,
        media_class=MediaClass.MUSIC,
        media_content_type=PREVIEW_CONTENT_TYPE,
        title=title,
        can_play=True,
        can_expand=can_expand,
    )
