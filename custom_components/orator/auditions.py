"""What the media browser knows voices by that can be listened to before they are chosen."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Self
from urllib.parse import quote

from homeassistant.components.media_source import generate_media_source_id
from yarl import URL

from .const import DOMAIN

SAMPLE_TYPE: Final = "audio/mpeg"

_LANGUAGE: Final = "language"
_BROWSER: Final = "/media-browser/browser/"
"""The page of the media browser that plays in the browser itself."""


@dataclass(frozen=True, slots=True)
class Audition:
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
        return _BROWSER + quote(f"{SAMPLE_TYPE},{media_id}", safe="")

    def within(self, settings: Mapping[str, str]) -> Self:
        """Return a place further in."""
        return replace(self, settings={**self.settings, **settings})

    def spoken_in(self, language: str) -> Self:
        """Return the sample in a language."""
        return replace(self, language=language)
