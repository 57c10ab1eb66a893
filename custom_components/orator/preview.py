"""Previews of voices: media source identifiers, and the player of a new account."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
import hmac
from html import escape
import secrets
from typing import Any, Final, Self

from aiohttp import web
from homeassistant.components.http import KEY_HASS, HomeAssistantView
from homeassistant.components.http.auth import async_sign_path
from homeassistant.components.media_source import async_resolve_media, generate_media_source_id
from homeassistant.const import CONF_MODEL
from homeassistant.core import HassJob, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, Unauthorized
from homeassistant.helpers.event import async_call_later
from homeassistant.util.hass_dict import HassKey
from yarl import URL

from .const import DOMAIN
from .coordinator import OratorConfigEntry
from .providers.errors import InvalidSettingError
from .providers.options import MAX_ID_CHARS, parse_id

PREVIEW_CONTENT_TYPE: Final = "audio/mpeg"

_MAX_IDENTIFIER_CHARS: Final = 8_000
"""Maximum length of an identifier: a few percent-encoded IDs."""
_QUERY_LANGUAGE: Final = "language"
_QUERY_ITEM: Final = "item"
_VOICE_PREVIEW_PATH: Final = f"/api/{DOMAIN}/voice_preview"
_VOICE_PREVIEW_LIFETIME: Final = timedelta(hours=1)
"""Time for which the link in a form can be used."""
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

    Speech is only synthesized, and charged, when it is played. The caption is the player's accessible name, because
    Home Assistant's frontend removes ARIA attributes.
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
    player = f'<audio controls preload="none" src="{escape(path)}"></audio>'
    return f"<figure><figcaption>{escape(name)}</figcaption>{player}</figure>"


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


def _first_voice_item(hass: HomeAssistant, token: str) -> PreviewItem | None:
    """Return the item of the first voice of a token's account, if both still exist."""
    digest = hass.data.get(_SETUP_PREVIEWS, {}).get(token)
    entries: list[OratorConfigEntry] = hass.config_entries.async_loaded_entries(DOMAIN)
    entry = next((entry for entry in entries if _digest(token, entry.data) == digest), None)
    if entry is None or not entry.subentries:
        return None
    account = entry.runtime_data
    subentry = next(iter(entry.subentries.values()))
    model = account.data.model_for(subentry.data)
    settings = {key: str(subentry.data[key]) for key in (CONF_MODEL, model.voice_key) if key in subentry.data}
    return PreviewItem(entry.entry_id, {**account.data.parse_choices(subentry.data), **settings})
