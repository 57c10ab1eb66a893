"""Quiet hours: whether it is quiet now, when they end, and how an announcement is whispered."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import STATE_ON, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import CALLBACK_TYPE, Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers.event import async_track_point_in_time, async_track_state_change_event
from homeassistant.util import dt as dt_util

from ..const import CONF_CHIME, CONF_CHIME_AFTER
from ..entity import find_voice, is_orator_voice
from .models import Announcement
from .settings import NO_CHIME, AnnouncementSettings

_MAX_WHISPERED_VOLUME: Final = 0.2
_INSTRUCTIONS: Final = "instructions"
_WHISPER: Final = "Whisper softly."


@callback
def is_quiet(hass: HomeAssistant, settings: AnnouncementSettings) -> bool:
    """Return whether it is within quiet hours now. An unavailable schedule has none."""
    if settings.quiet_schedule:
        state = hass.states.get(settings.quiet_schedule)
        return state is not None and state.state == STATE_ON
    start, end = settings.quiet_start, settings.quiet_end
    if start is None or end is None:
        return False
    now = dt_util.now().time()
    return start <= now < end if start <= end else now >= start or now < end


@callback
def async_track_end(
    hass: HomeAssistant, settings: AnnouncementSettings, action: Callable[[], None]
) -> CALLBACK_TYPE | None:
    """Call an action when the current quiet hours end; return what stops tracking, or None without quiet hours."""
    if settings.quiet_schedule:
        return _track_schedule(hass, settings.quiet_schedule, action)
    if settings.quiet_end is None:
        return None

    @callback
    def handle_time(_now: datetime) -> None:
        action()

    now = dt_util.now()
    end = datetime.combine(now, settings.quiet_end, now.tzinfo)
    return async_track_point_in_time(hass, handle_time, end if end > now else end + timedelta(days=1))


def _track_schedule(hass: HomeAssistant, entity_id: str, action: Callable[[], None]) -> CALLBACK_TYPE:
    """Call an action when a schedule turns off or is removed; while it is unavailable, it may still be on."""

    @callback
    def handle_change(event: Event[EventStateChangedData]) -> None:
        state = event.data["new_state"]
        if state is None or state.state not in (STATE_ON, STATE_UNAVAILABLE, STATE_UNKNOWN):
            action()

    return async_track_state_change_event(hass, entity_id, handle_change)


def whispered_volume(volume: float | None) -> float:
    """Return the volume of a whispered announcement: half of the usual volume, at most 20 %."""
    return _MAX_WHISPERED_VOLUME if volume is None else min(volume / 2, _MAX_WHISPERED_VOLUME)


@callback
def whisper(hass: HomeAssistant, announcement: Announcement) -> Announcement:
    """Return an announcement without chimes, and with instructions to whisper if the model supports instructions."""
    if announcement.voice is None or not is_orator_voice(hass, announcement.voice):
        return announcement
    options = {**announcement.options, CONF_CHIME: NO_CHIME, CONF_CHIME_AFTER: NO_CHIME}
    account, voice = find_voice(hass, announcement.voice)
    if account and voice and account.state is ConfigEntryState.LOADED:
        settings: dict[str, Any] = {**voice.data, **options}
        model = account.runtime_data.data.configured_model(settings)
        if any(option.key == _INSTRUCTIONS for option in model.options):
            given = settings.get(_INSTRUCTIONS)
            options[_INSTRUCTIONS] = f"{given} {_WHISPER}" if given else _WHISPER
    return replace(announcement, options=options)
