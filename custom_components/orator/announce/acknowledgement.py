"""Wait until an announcement is acknowledged by the entity in `until`."""

from collections.abc import Callable
from typing import Final

from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import CALLBACK_TYPE, Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers.event import async_track_state_change_event

_PRESSED_DOMAINS: Final = ("button", "event", "input_button", "scene")
"""Domains of entities whose state is the time of the last press, and unknown before the first one."""


@callback
def async_track_acknowledgement(hass: HomeAssistant, entity_id: str, action: Callable[[], None]) -> CALLBACK_TYPE:
    """Call an action when an entity turns off, is pressed or changes to another state.

    Becoming unavailable or unknown is not a change, and neither is returning from there to the last known state. An
    entity that has never been pressed is unknown, and its first press is a change.
    """
    ignored = {STATE_UNAVAILABLE}
    if entity_id.partition(".")[0] not in _PRESSED_DOMAINS:
        ignored.add(STATE_UNKNOWN)
    state = hass.states.get(entity_id)
    known = state.state if state and state.state not in ignored else None

    @callback
    def handle_change(event: Event[EventStateChangedData]) -> None:
        nonlocal known
        new = event.data["new_state"]
        if new is None or new.state in ignored or new.state == known:
            return
        if known is not None and new.state != STATE_UNKNOWN:
            action()
        known = new.state

    return async_track_state_change_event(hass, entity_id, handle_change)
