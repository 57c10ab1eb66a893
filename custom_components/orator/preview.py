"""What the media browser knows voices by that can be listened to before they are chosen."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
import hmac
from html import escape
import secrets
from typing import Any, Final, Self
from urllib.parse import quote

from aiohttp import web
from homeassistant.components import media_source
from homeassistant.components.http import KEY_HASS, HomeAssistantView
from homeassistant.components.media_source import generate_media_source_id
from homeassistant.const import CONF_MODEL
from homeassistant.core import HassJob, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.event import async_call_later
from homeassistant.util.hass_dict import HassKey
from yarl import URL

from .const import DOMAIN
from .coordinator import OratorConfigEntry

PREVIEW_CONTENT_TYPE: Final = "audio/mpeg"

_LANGUAGE: Final = "language"
_BROWSER: Final = "/media-browser/browser/"
"""The page of the media browser that plays in the browser itself."""


@dataclass(frozen=True, slots=True)
class VoicePreview:
    """A place in the media browser: an account, and as much of a voice's settings as was chosen on the way there."""

    entry_id: str
    settings: Mapping[str, str] = field(default_factory=dict)
    language: str = ""
    """The tag of the sample, if one was chosen."""

    @classmethod
    def parse(cls, identifier: str) -> Self:
        """Return the place that an identifier leads to, whether or not there is anything. Raises ValueError."""
        url = URL(identifier)
        settings = dict(url.query)
        return cls(url.path, {key: settings[key] for key in settings if key != _LANGUAGE}, settings.get(_LANGUAGE, ""))

    @property
    def identifier(self) -> str:
        """What leads here within the media source."""
        query = {**self.settings, **({_LANGUAGE: self.language} if self.language else {})}
        return str(URL.build(path=self.entry_id, query=query))

    @property
    def page(self) -> str:
        """Where Home Assistant's frontend shows it. Read from that, as it is documented nowhere."""
        media_id = generate_media_source_id(DOMAIN, self.identifier)
        return _BROWSER + quote(f"{PREVIEW_CONTENT_TYPE},{media_id}", safe="")

    def within(self, settings: Mapping[str, str]) -> Self:
        """Return a place further in."""
        return replace(self, settings={**self.settings, **settings})

    def spoken_in(self, language: str) -> Self:
        """Return the sample in a language."""
        return replace(self, language=language)


_PATH: Final = f"/api/{DOMAIN}/greeting/"
_LASTS: Final = 600.0
"""Seconds that an address leads to a greeting: it is played where it is shown, and needs no login."""
_ACCOUNTS: Final[HassKey[dict[str, bytes]]] = HassKey("orator_greetings")
"""The marks of the accounts that were just added, by what only those know who have added them."""


@callback
def async_setup_preview(hass: HomeAssistant, data: Mapping[str, Any]) -> str:
    """Return, as HTML, what plays the greeting of an account that is about to be added. Only playing it costs."""
    token = secrets.token_urlsafe()
    accounts = hass.data.setdefault(_ACCOUNTS, {})
    accounts[token] = _mark(token, data)

    @callback
    def forget(_now: datetime) -> None:
        del accounts[token]

    async_call_later(hass, _LASTS, HassJob(forget, "orator forgets a greeting", cancel_on_shutdown=True))
    return f'<audio controls preload="none" src="{escape(_PATH + token)}"></audio>'


class SetupPreviewView(HomeAssistantView):
    """Where the greeting is. A player in a page does not log in: knowing the address is enough."""

    url = _PATH + "{token}"
    name = f"api:{DOMAIN}:greeting"
    requires_auth = False

    async def get(self, request: web.Request, token: str) -> web.Response:
        """Have the first voice speak, and send the player there as soon as it sounds."""
        hass = request.app[KEY_HASS]
        place = _first_voice(hass, token)
        if place is None:
            raise web.HTTPNotFound
        media_id = media_source.generate_media_source_id(DOMAIN, place.identifier)
        try:
            sound = await media_source.async_resolve_media(hass, media_id, None)
        except HomeAssistantError as err:
            raise web.HTTPBadGateway from err
        raise web.HTTPFound(sound.url)


def _mark(token: str, data: Mapping[str, Any]) -> bytes:
    """Return what an account is known by, which gives none of its data away: they hold its key."""
    return hmac.digest(token.encode(), repr(sorted(data.items())).encode(), "sha256")


def _first_voice(hass: HomeAssistant, token: str) -> VoicePreview | None:
    """Return where the sample of an account's first voice is, if there are both."""
    mark = hass.data.get(_ACCOUNTS, {}).get(token)
    entries: list[OratorConfigEntry] = hass.config_entries.async_loaded_entries(DOMAIN)
    for entry in entries:
        for voice_id, voice in entry.subentries.items():
            if _mark(token, entry.data) == mark:
                model = entry.runtime_data.configured_models()[voice_id]
                keys = (CONF_MODEL, model.voice_key)
                settings = {key: str(voice.data[key]) for key in keys if key in voice.data}
                return VoicePreview(entry.entry_id, {**entry.runtime_data.parse_choices(voice.data), **settings})
    return None
