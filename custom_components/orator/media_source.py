"""Voices to listen to before they are chosen: in the media browser, on any player. Only what is played costs."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
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
from homeassistant.components.tts import ATTR_PREFERRED_FORMAT, TextToSpeechEntity, get_engine_instance
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_MODEL
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.translation import async_get_translations
from homeassistant.util import dt as dt_util

from .audio.formats import AudioFormat
from .const import CONF_VOICE, DOMAIN
from .coordinator import AccountCoordinator, OratorConfigEntry
from .fallback import voice_entity_id
from .preview import PREVIEW_CONTENT_TYPE, VoicePreview
from .providers.errors import SpeechError
from .providers.models import Model, Voice
from .sample_sentences import SampleSentence, pick_sample_sentence, sample_sentences_for
from .speech import PREFERRED_PREFIX, SpeechRequest, async_request_speech

_FEW: Final = 3
"""Languages that a voice's title names."""


async def async_get_media_source(hass: HomeAssistant) -> OratorMediaSource:
    """Offer the voices of all accounts."""
    return OratorMediaSource(hass)


class OratorMediaSource(MediaSource):
    """Accounts, their models, and the models' voices, each with a sample in every language that it speaks."""

    name = "Orator"

    def __init__(self, hass: HomeAssistant) -> None:
        """Offer what Home Assistant's accounts have."""
        super().__init__(DOMAIN)
        self._hass = hass

    @override
    async def async_browse_media(self, item: MediaSourceItem) -> BrowseMediaSource:
        """Return what there is at a place. Raises BrowseError."""
        if not item.identifier:
            entries: list[OratorConfigEntry] = self._hass.config_entries.async_loaded_entries(DOMAIN)
            accounts = [_folder(entry.title, VoicePreview(entry.entry_id)) for entry in entries]
            return _folder(self.name, None, accounts)
        place, entry = self._found(item, BrowseError)
        if not place.settings:
            return _folder(entry.title, place, [group async for group in self._groups(place, entry.runtime_data)])
        model, voice = _chosen(entry.runtime_data, place, BrowseError)
        if voice is None:
            return _folder(model.name, place, self._voices(place, entry.runtime_data, model))
        samples = _samples(entry.runtime_data, model, voice)
        shown = _playable(_title(voice), place, can_expand=True)
        shown.children = [_playable(sample.language, place.spoken_in(sample.tag)) for sample in samples]
        return shown

    @override
    async def async_resolve_media(self, item: MediaSourceItem) -> PlayMedia:
        """Have a sample spoken, and return where it is as soon as it sounds. Raises Unresolvable."""
        place, entry = self._found(item, Unresolvable)
        account = entry.runtime_data
        model, voice = _chosen(account, place, Unresolvable)
        if voice is None:
            raise Unresolvable(translation_domain=DOMAIN, translation_key="no_such_sample")
        samples = _samples(account, model, voice)
        sample = next((one for one in samples if one.tag == place.language), None) or self._preferred(samples)
        speaker = self._speaker(entry)
        usual = {choice.key: choice.default for choice in account.provider.choices}
        options = _only(speaker, {**usual, **place.settings})
        try:
            making = async_request_speech(self._hass, speaker, SpeechRequest(sample.sentence, options=options))
            await making.async_wait_for_audio()
        except HomeAssistantError as err:
            raise _told(err, Unresolvable) from err
        return PlayMedia(making.stream.url, making.stream.content_type)

    def _found(self, item: MediaSourceItem, error: type[HomeAssistantError]) -> tuple[VoicePreview, OratorConfigEntry]:
        """Return the place that an item is, and the account there."""
        try:
            place = VoicePreview.parse(item.identifier)
        except ValueError as err:
            raise error(translation_domain=DOMAIN, translation_key="no_such_sample") from err
        entry: OratorConfigEntry | None = self._hass.config_entries.async_get_entry(place.entry_id)
        if entry is None or entry.domain != DOMAIN or entry.state is not ConfigEntryState.LOADED:
            raise error(translation_domain=DOMAIN, translation_key="account_not_loaded")
        return place, entry

    async def _groups(self, place: VoicePreview, account: AccountCoordinator) -> AsyncIterator[BrowseMediaSource]:
        """Yield the models of an account, and what else there is to choose voices from."""
        today = dt_util.utcnow().date()
        for settings in _beginnings(account):
            if not account.provider.has_models(settings):
                yield _folder(await self._name(settings), place.within(settings))
                continue
            for model in account.models:
                has_voices = account.model(model.id, settings).voices
                if has_voices and model.is_connected and not model.is_retired(today):
                    yield _folder(model.name, place.within({**settings, CONF_MODEL: model.id}))

    async def _name(self, settings: Mapping[str, str]) -> str:
        """Return what forms call what was chosen."""
        texts = await async_get_translations(self._hass, self._hass.config.language, "selector", [DOMAIN])
        keys = [f"component.{DOMAIN}.selector.{key}.options.{value}" for key, value in settings.items()]
        return ", ".join(texts.get(key, key) for key in keys)

    def _voices(self, place: VoicePreview, account: AccountCoordinator, model: Model) -> list[BrowseMediaSource]:
        """Return the voices of a model that can speak."""
        places = {voice: place.within({model.voice_key: voice.id}) for voice in model.voices}
        if model.voice_key != CONF_VOICE:  # each of them has a model of its own
            places = {voice: own for voice, own in places.items() if account.model("", own.settings).is_connected}
        return [
            _playable(_title(voice), own, can_expand=len(_samples(account, model, voice)) > 1)
            for voice, own in places.items()
        ]

    def _preferred(self, samples: Sequence[SampleSentence]) -> SampleSentence:
        config = self._hass.config
        return pick_sample_sentence(samples, config.language, config.country)

    def _speaker(self, entry: OratorConfigEntry) -> TextToSpeechEntity:
        """Return any voice of an account: it can speak with all of them."""
        for subentry_id in entry.subentries:
            speaker = get_engine_instance(self._hass, voice_entity_id(self._hass, subentry_id) or "")
            if isinstance(speaker, TextToSpeechEntity):
                return speaker
        raise Unresolvable(
            translation_domain=DOMAIN, translation_key="no_voice_yet", translation_placeholders={"account": entry.title}
        )


def _beginnings(account: AccountCoordinator) -> Iterator[dict[str, str]]:
    """Yield all that can be chosen before a model."""
    choices = [choice for choice in account.provider.choices if choice.precedes_model]
    for values in product(*(choice.choices for choice in choices)):
        yield {choice.key: value for choice, value in zip(choices, values, strict=True)}


def _chosen(
    account: AccountCoordinator, place: VoicePreview, error: type[HomeAssistantError]
) -> tuple[Model, Voice | None]:
    """Return the model at a place, and the voice if one was chosen, listed or not."""
    try:
        model = account.model(place.settings.get(CONF_MODEL, ""), place.settings)
    except SpeechError as err:
        raise error(translation_domain=DOMAIN, translation_key="no_such_sample") from err
    voice_id = place.settings.get(model.voice_key)
    known = (voice for voice in model.voices if voice.id == voice_id)
    return model, next(known, Voice(voice_id, voice_id)) if voice_id else None


def _samples(account: AccountCoordinator, model: Model, voice: Voice) -> Sequence[SampleSentence]:
    """Return the samples in the languages that a voice speaks."""
    return sample_sentences_for(voice.languages or model.languages or account.provider.languages)


def _only(speaker: TextToSpeechEntity, settings: Mapping[str, str]) -> dict[str, Any]:
    """Return the options with which a voice speaks with these settings and none of its own; nobody speaks for it."""
    # All that there are, set or not: a sample that was bought is found again after the voice was edited.
    own = [key for key in speaker.supported_options or () if not key.startswith(PREFERRED_PREFIX)]
    return {**dict.fromkeys(own), **settings, ATTR_PREFERRED_FORMAT: AudioFormat.MP3.value}


def _told(error: HomeAssistantError, kind: type[HomeAssistantError]) -> HomeAssistantError:
    """Return an error as another kind of error, in the same words."""
    return kind(
        str(error),
        translation_domain=error.translation_domain,
        translation_key=error.translation_key,
        translation_placeholders=error.translation_placeholders,
    )


def _title(voice: Voice) -> str:
    """Return a voice's name and, where they are few, its languages."""
    languages = [sample.language for sample in sample_sentences_for(voice.languages)] if voice.languages else []
    return f"{voice.name} · {', '.join(languages)}" if 0 < len(languages) <= _FEW else voice.name


def _folder(
    title: str, place: VoicePreview | None, children: list[BrowseMediaSource] | None = None
) -> BrowseMediaSource:
    return BrowseMediaSource(
        domain=DOMAIN,
        identifier=place.identifier if place else None,
        media_class=MediaClass.DIRECTORY,
        media_content_type="",
        title=title,
        can_play=False,
        can_expand=True,
        children=children,
    )


def _playable(title: str, place: VoicePreview, *, can_expand: bool = False) -> BrowseMediaSource:
    return BrowseMediaSource(
        domain=DOMAIN,
        identifier=place.identifier,
        media_class=MediaClass.MUSIC,
        media_content_type=PREVIEW_CONTENT_TYPE,
        title=title,
        can_play=True,
        can_expand=can_expand,
    )
