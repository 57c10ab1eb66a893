"""Previews of voices: media source identifiers, and the players at the end of the forms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
import hashlib
import hmac
from html import escape
import secrets
from typing import Any, Final, Self

from aiohttp import web
from homeassistant.auth.models import User
from homeassistant.auth.permissions.const import POLICY_CONTROL
from homeassistant.components.http import KEY_HASS, KEY_HASS_USER, HomeAssistantView, current_request
from homeassistant.components.http.auth import async_sign_path
from homeassistant.components.media_source import async_resolve_media, generate_media_source_id
from homeassistant.components.tts import ATTR_PREFERRED_FORMAT, TextToSpeechEntity, get_engine_instance
from homeassistant.components.websocket_api import current_connection
from homeassistant.config_entries import ConfigEntryState, ConfigSubentry
from homeassistant.const import CONF_MODEL
from homeassistant.core import HassJob, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, Unauthorized
from homeassistant.helpers.event import async_call_later
from homeassistant.util.hass_dict import HassKey
from yarl import URL

from .audio.formats import AudioFormat
from .const import CONF_CHIME, CONF_FALLBACK, CONF_LEAD_IN, DOMAIN
from .coordinator import OratorConfigEntry, async_get_loaded_accounts, is_account
from .entity import voice_entity_id
from .providers.base import Provider
from .providers.errors import InvalidSettingError
from .providers.models import Model, Voice
from .providers.options import MAX_ID_CHARS, LanguageOption, parse_id
from .sample_sentences import SampleSentence, pick_sample_sentence, sample_sentences_for
from .tts_requests import SpeechRequest, async_request_speech

PREVIEW_CONTENT_TYPE: Final = "audio/mpeg"

_MAX_IDENTIFIER_CHARS: Final = 8_000
"""Maximum length of an identifier: a few percent-encoded IDs."""
_QUERY_LANGUAGE: Final = "language"
_QUERY_ITEM: Final = "item"
_VOICE_PREVIEW_PATH: Final = f"/api/{DOMAIN}/voice_preview"
_VOICE_PLAYER_PATH: Final = f"/api/{DOMAIN}/voice_player/"
_VOICE_PREVIEW_LIFETIME: Final = timedelta(hours=1)
"""Time for which the link in a form, or the player after it, can be used."""
_SETUP_PREVIEW_PATH: Final = f"/api/{DOMAIN}/preview/"
_SETUP_PREVIEW_LIFETIME_S: Final = 600.0
_SETUP_PREVIEWS: Final[HassKey[dict[str, bytes]]] = HassKey("orator_setup_previews")
"""Digests of the data of new accounts by the token in the URL of their player."""


@dataclass(frozen=True, slots=True)
class PreviewItem:
    """An item of the media browser: an account and the settings chosen so far."""

    entry_id: str
    settings: Mapping[str, str] = field(default_factory=dict)
    language: str = ""
    """Language tag of the sample sentence; empty for Home Assistant's language."""

    @classmethod
    def parse(cls, identifier: str) -> Self:
        """Parse an identifier; its account need not exist. Raises ValueError or InvalidSettingError."""
        if len(identifier) > _MAX_IDENTIFIER_CHARS:
            raise ValueError(identifier[:MAX_ID_CHARS])
        url = URL(identifier)
        settings = {parse_id(key, key): parse_id(key, value) for key, value in url.query.items()}
        language = settings.pop(_QUERY_LANGUAGE, "")
        return cls(url.path, settings, language)

    @property
    def identifier(self) -> str:
        """The identifier within this media source."""
        query = {**self.settings, **({_QUERY_LANGUAGE: self.language} if self.language else {})}
        return str(URL.build(path=self.entry_id, query=query))

    @property
    def media_source_id(self) -> str:
        """The media source ID, which media players can play."""
        return generate_media_source_id(DOMAIN, self.identifier)

    def signed_path(self, hass: HomeAssistant) -> str:
        """Return a path that plays the preview, signed for the user who has opened the form."""
        path = URL.build(path=_VOICE_PREVIEW_PATH, query={_QUERY_ITEM: self.identifier})
        return async_sign_path(hass, str(path), _VOICE_PREVIEW_LIFETIME)

    def with_settings(self, settings: Mapping[str, str]) -> Self:
        """Return the item below this one that adds these settings."""
        return replace(self, settings={**self.settings, **settings})

    def in_language(self, tag: str) -> Self:
        """Return the item of this voice in a language."""
        return replace(self, language=tag)


@callback
def async_create_setup_player(hass: HomeAssistant, data: Mapping[str, Any], name: str) -> str:
    """Return an HTML player for the first voice, with this name, of an account that is about to be created.

    Speech is only synthesized, and charged, when it is played.
    """
    token = secrets.token_urlsafe()
    path = async_sign_path(hass, _SETUP_PREVIEW_PATH + token, timedelta(seconds=_SETUP_PREVIEW_LIFETIME_S))
    previews = hass.data.setdefault(_SETUP_PREVIEWS, {})
    previews[token] = _digest(token, data)

    @callback
    def expire(_now: datetime) -> None:
        del previews[token]

    job = HassJob(expire, "orator setup preview", cancel_on_shutdown=True)
    async_call_later(hass, _SETUP_PREVIEW_LIFETIME_S, job)
    return _player(path, name)


@callback
def create_voice_player(hass: HomeAssistant, entry_id: str, title: str, data: Mapping[str, Any]) -> str:
    """Return an HTML player for a voice that is about to be added or changed, which speaks with all its settings.

    Speech is only synthesized, and charged, when it is played.
    """
    path = f"{_VOICE_PLAYER_PATH}{entry_id}/{_voice_digest(title, data)}"
    return _player(async_sign_path(hass, path, _VOICE_PREVIEW_LIFETIME), title)


def _player(path: str, name: str) -> str:
    """Return an HTML player; its caption is its accessible name, because the frontend removes ARIA attributes."""
    player = f'<audio controls preload="none" src="{escape(path)}"></audio>'
    return f"<figure><figcaption>{escape(name)}</figcaption>{player}</figure>"


def sample_sentences(provider: Provider, model: Model, voice: Voice) -> Sequence[SampleSentence]:
    """Return the sample sentences in the languages of a voice."""
    return sample_sentences_for(voice.languages or model.languages or provider.languages)


def pick_sample(hass: HomeAssistant, samples: Sequence[SampleSentence], language: str | None = None) -> SampleSentence:
    """Return the best sample for a language, by default that of Home Assistant."""
    return pick_sample_sentence(samples, language or hass.config.language, hass.config.country)


def sample_of_voice(
    hass: HomeAssistant, provider: Provider, model: Model, settings: Mapping[str, Any]
) -> SampleSentence:
    """Return the sample in the language that is set for a voice, or in Home Assistant's."""
    voice_id = settings.get(model.voice_key, "")
    voice = next((voice for voice in model.voices if voice.id == voice_id), Voice(voice_id, voice_id))
    languages = (settings.get(option.key) for option in model.options if isinstance(option, LanguageOption))
    return pick_sample(hass, sample_sentences(provider, model, voice), next(languages, None))


def find_preview_entity(hass: HomeAssistant, entry: OratorConfigEntry) -> TextToSpeechEntity | None:
    """Return any voice entity of an account: given the options, every entity can speak with every voice."""
    for subentry_id in entry.subentries:
        entity = get_engine_instance(hass, voice_entity_id(hass, subentry_id) or "")
        if isinstance(entity, TextToSpeechEntity):
            return entity
    return None


def check_permission(voice: TextToSpeechEntity) -> None:
    """Raise Unauthorized unless the user may control the voice. Automations have no user."""
    connection, request = current_connection.get(), current_request.get()
    user: User | None = connection.user if connection else request.get(KEY_HASS_USER) if request else None
    if user and not user.permissions.check_entity(voice.entity_id, POLICY_CONTROL):
        raise Unauthorized(user_id=user.id, entity_id=voice.entity_id, permission=POLICY_CONTROL)


class SetupPreviewView(HomeAssistantView):
    """View that plays the first voice of a new account.

    An HTML audio element sends no access token, so its URL is signed for the user who adds the account.
    """

    url = _SETUP_PREVIEW_PATH + "{token}"
    name = f"api:{DOMAIN}:setup_preview"

    async def get(self, request: web.Request, token: str) -> web.Response:
        """Synthesize the preview, and redirect to its audio as soon as the audio begins."""
        hass = request.app[KEY_HASS]
        item = _first_voice_item(hass, token)
        if item is None:
            raise web.HTTPNotFound
        return await _async_play(hass, item)


class VoicePreviewView(HomeAssistantView):
    """View that plays the voice of a form, in another tab of the browser."""

    url = _VOICE_PREVIEW_PATH
    name = f"api:{DOMAIN}:voice_preview"

    async def get(self, request: web.Request) -> web.Response:
        """Synthesize the preview, and redirect to its audio as soon as the audio begins."""
        try:
            item = PreviewItem.parse(request.query.get(_QUERY_ITEM, ""))
        except (ValueError, InvalidSettingError) as err:
            raise web.HTTPNotFound from err
        return await _async_play(request.app[KEY_HASS], item)


class VoicePlayerView(HomeAssistantView):
    """View that plays a voice with all its settings, after its form has been submitted.

    An HTML audio element sends no access token, so its URL is signed for the user who has submitted the form.
    """

    url = _VOICE_PLAYER_PATH + "{entry_id}/{voice}"
    name = f"api:{DOMAIN}:voice_player"

    async def get(self, request: web.Request, entry_id: str, voice: str) -> web.Response:
        """Synthesize the sample sentence, and redirect to its audio as soon as the voice is known to speak."""
        hass = request.app[KEY_HASS]
        entry: OratorConfigEntry | None = hass.config_entries.async_get_entry(entry_id)
        subentry = _find_voice(entry, voice)
        if entry is None or subentry is None:
            raise web.HTTPNotFound
        async with entry.setup_lock:  # held during the reload that follows a change
            entity = get_engine_instance(hass, voice_entity_id(hass, subentry.subentry_id) or "")
        if entry.state is not ConfigEntryState.LOADED or not isinstance(entity, TextToSpeechEntity):
            raise web.HTTPServiceUnavailable
        check_permission(entity)
        account = entry.runtime_data
        sample = sample_of_voice(hass, account.provider, account.data.configured_model(subentry.data), subentry.data)
        options = {CONF_FALLBACK: [], ATTR_PREFERRED_FORMAT: AudioFormat.MP3.value}
        try:
            result = async_request_speech(hass, entity, SpeechRequest(sample.sentence, options=options))
            # A chime or silence before speech says nothing about whether the voice can speak.
            has_audio_before_speech = any(subentry.data.get(key) for key in (CONF_CHIME, CONF_LEAD_IN))
            await (result.async_read() if has_audio_before_speech else result.async_wait_for_audio())
        except HomeAssistantError as err:
            raise web.HTTPBadGateway(text=str(err)) from err
        raise web.HTTPFound(result.stream.url)


async def _async_play(hass: HomeAssistant, item: PreviewItem) -> web.Response:
    """Redirect to the audio of a preview. Raises Unauthorized if the user may not control the voice."""
    try:
        media = await async_resolve_media(hass, item.media_source_id, None)
    except Unauthorized:
        raise
    except HomeAssistantError as err:
        raise web.HTTPBadGateway(text=str(err)) from err
    raise web.HTTPFound(media.url)


def _digest(token: str, data: Mapping[str, Any]) -> bytes:
    """Return a digest of an account's data, because the data contains the API key."""
    return hmac.digest(token.encode(), repr(sorted(data.items())).encode(), "sha256")


def _voice_digest(title: str, data: Mapping[str, Any]) -> str:
    """Return a digest that identifies a voice by its name and settings: a new voice has no ID yet."""
    return hashlib.sha256(repr((title, sorted(data.items()))).encode()).hexdigest()


def _find_voice(entry: OratorConfigEntry | None, digest: str) -> ConfigSubentry | None:
    """Return the voice of an account with a digest, unless it has changed."""
    if entry is None or not is_account(entry):
        return None
    return next(
        (voice for voice in entry.subentries.values() if _voice_digest(voice.title, voice.data) == digest), None
    )


def _first_voice_item(hass: HomeAssistant, token: str) -> PreviewItem | None:
    """Return the item of the first voice of a token's account, if both still exist."""
    digest = hass.data.get(_SETUP_PREVIEWS, {}).get(token)
    accounts = async_get_loaded_accounts(hass)
    entry = next((entry for entry in accounts if _digest(token, entry.data) == digest), None)
    if entry is None or not entry.subentries:
        return None
    account = entry.runtime_data
    subentry = next(iter(entry.subentries.values()))
    model = account.data.model_for(subentry.data)
    settings = {key: str(subentry.data[key]) for key in (CONF_MODEL, model.voice_key) if key in subentry.data}
    return PreviewItem(entry.entry_id, {**account.data.parse_choices(subentry.data), **settings})
