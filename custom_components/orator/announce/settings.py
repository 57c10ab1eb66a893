"""Settings of announcements: those of the config entry "Announcements", and those of its announcers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from typing import Any, Final, Self

from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.const import CONF_ENTITY_ID, CONF_TARGET
from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util

from ..const import CONF_CHIME, DOMAIN
from ..coordinator import is_account
from .models import Priority, QuietBehavior

CONF_VOICE_ENTITY: Final = "tts_entity_id"
CONF_QUIET: Final = "quiet"
CONF_QUIET_START: Final = "quiet_start"
CONF_QUIET_END: Final = "quiet_end"
CONF_QUIET_SCHEDULE: Final = "quiet_schedule"
CONF_PLAYERS: Final = "players"
CONF_SAME_SPEAKER: Final = "same_speaker"
CONF_VOLUME_LEVEL: Final = "volume_level"
CONF_PRIORITY: Final = "priority"

NO_CHIME: Final = "none"
"""Value of the chime that turns off the chime of the voice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnouncementSettings:
    """Settings of all announcements; without the config entry they have their defaults."""

    voice: str | None = None
    """Entity ID of the default voice."""
    quiet: QuietBehavior = QuietBehavior.SKIP
    """What quiet hours do to an announcement without a setting of its own."""
    quiet_start: time | None = None
    quiet_end: time | None = None
    """Local times of the quiet hours, which may span midnight; both are set, or neither."""
    quiet_schedule: str | None = None
    """Entity ID of a schedule or another entity that is on during quiet hours; it replaces the times."""
    volume_levels: Mapping[str, float] = field(default_factory=dict)
    """Default volume, from 0 to 1, by entity ID of the player or satellite."""
    same_speakers: Mapping[str, str] = field(default_factory=dict)
    """Entity ID of another player that is the same physical speaker, by entity ID of a player."""

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> Self:
        """Return the settings that are stored in the options of the config entry."""
        players: list[dict[str, Any]] = options.get(CONF_PLAYERS, [])
        return cls(
            voice=options.get(CONF_VOICE_ENTITY),
            quiet=QuietBehavior(options.get(CONF_QUIET, QuietBehavior.SKIP)),
            quiet_start=dt_util.parse_time(options.get(CONF_QUIET_START, "")),
            quiet_end=dt_util.parse_time(options.get(CONF_QUIET_END, "")),
            quiet_schedule=options.get(CONF_QUIET_SCHEDULE),
            volume_levels={
                player[CONF_ENTITY_ID]: player[CONF_VOLUME_LEVEL] for player in players if CONF_VOLUME_LEVEL in player
            },
            same_speakers={
                player[CONF_ENTITY_ID]: player[CONF_SAME_SPEAKER] for player in players if CONF_SAME_SPEAKER in player
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcer:
    """Settings of an announcer, which always speaks in the same rooms in the same way."""

    id: str
    """ID of its subentry."""
    name: str
    target: Mapping[str, Any]
    """Target of its announcements, as in actions: entities, devices, areas, floors and labels."""
    voice: str | None = None
    """Entity ID of its voice; None for the default voice."""
    volume_level: float | None = None
    """Volume from 0 to 1; None for the default volume of each player."""
    chime: str | None = None
    """Chime before speech, `none` for no chime, or None for the voice's."""
    quiet: QuietBehavior | None = None
    """What quiet hours do to its announcements; None for the default of all announcements."""
    priority: Priority = Priority.NORMAL

    @classmethod
    def from_subentry(cls, subentry: ConfigSubentry) -> Self:
        """Return the settings that are stored in a subentry."""
        data = subentry.data
        return cls(
            id=subentry.subentry_id,
            name=subentry.title,
            target=data[CONF_TARGET],
            voice=data.get(CONF_VOICE_ENTITY),
            volume_level=data.get(CONF_VOLUME_LEVEL),
            chime=data.get(CONF_CHIME),
            quiet=QuietBehavior(data[CONF_QUIET]) if CONF_QUIET in data else None,
            priority=Priority[data[CONF_PRIORITY].upper()] if CONF_PRIORITY in data else Priority.NORMAL,
        )

    @property
    def options(self) -> dict[str, Any]:
        """Options of its voice, as for `tts.speak`."""
        return {CONF_CHIME: self.chime} if self.chime else {}


@callback
def async_get_announcements_entry(hass: HomeAssistant) -> ConfigEntry | None:
    """Return the config entry "Announcements", even if it is being reloaded, unless it is disabled."""
    entries = hass.config_entries.async_entries(DOMAIN, include_disabled=False)
    return next((entry for entry in entries if not is_account(entry)), None)


@callback
def async_get_settings(hass: HomeAssistant) -> AnnouncementSettings:
    """Return the settings of all announcements."""
    entry = async_get_announcements_entry(hass)
    return AnnouncementSettings.from_options(entry.options) if entry else AnnouncementSettings()
