"""What is found in other integrations, and what is imported of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_API_KEY

from ..catalog import Catalog
from ..form_errors import FormError


@dataclass(frozen=True, slots=True)
class FoundVoice:
    """A voice of another integration."""

    unique_id: str
    """Unique ID of the voice subentry that is created of it, from the integration, entry and subentry."""
    title: str
    settings: Mapping[str, Any]
    """Settings as the other integration understands them, under the names of Orator's voice settings."""
    entity_id: str | None = None
    """Entity ID of the voice in the other integration, if it has an entity."""
    unsupported: tuple[str, ...] = ()
    """Settings without a counterpart, as keys of translated texts."""


@dataclass(frozen=True, slots=True)
class FoundAccount:
    """A config entry of another integration that speaks with an API that Orator knows."""

    domain: str
    """Domain of the other integration."""
    entry_id: str
    """ID of the config entry in the other integration."""
    title: str
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Data of the account that is created of it, with the API key; empty if there is a problem."""
    voices: tuple[FoundVoice, ...] = ()
    has_other_entities: bool = False
    """Whether the entry has more than speech, so that it must not be disabled as a whole."""
    problem: str | None = None
    """Why it cannot be imported, as the key of a translated text."""


@dataclass(frozen=True, slots=True)
class TakeOver:
    """The entities of another integration whose IDs the voices of an account take over."""

    domain: str
    entry_id: str
    """ID of the config entry in the other integration."""
    entity_ids: Mapping[str, str]
    """Entity ID in the other integration by the unique ID of the voice subentry in Orator's config entry."""
    has_other_entities: bool
    """Whether only these entities are disabled, because the entry has more than speech."""


@dataclass(slots=True)
class Candidate:
    """A config entry of another integration, checked for import."""

    found: FoundAccount
    data: dict[str, Any] = field(repr=False)
    """Data of the account that gets the voices."""
    catalog: Catalog
    title: str
    """Title of the account that gets the voices."""
    entry: ConfigEntry | None = None
    """The account if it exists."""
    error: FormError | None = None
    """Why the account cannot speak at the moment."""

    @property
    def needs_key(self) -> bool:
        """Whether the API key is missing or rejected, so that the user has to enter a new one."""
        return self.error is not None and self.error.field == CONF_API_KEY

    @property
    def is_selectable(self) -> bool:
        """Whether the account can be imported."""
        return self.error is None or self.needs_key
