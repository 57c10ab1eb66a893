"""Events of announcers: the results of their announcements; and of accounts: what happens to their usage limits."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from typing import Final, override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .announce.entity import AnnouncerEntity, async_add_announcers
from .announce.models import Status
from .announce.runs import SIGNAL_REPORT, AnnouncementReport
from .coordinator import is_account
from .entity import OratorEntity
from .limit_alerts import LimitAlert, LimitEventType, limit_attributes

PARALLEL_UPDATES = 0

ATTR_ANNOUNCEMENT_ID: Final = "announcement_id"
ATTR_PLAYERS: Final = "players"
ATTR_ERROR: Final = "error"
ATTR_PERIOD: Final = "period"

LIMIT_EVENT: Final = EventEntityDescription(
    key="limit", translation_key="limit", event_types=[event_type.value for event_type in LimitEventType]
)

_UNKNOWN_ERROR: Final = "announcement_failed"
"""Key of an error of another integration that has none."""
_EVENT_INTERVAL_S: Final = 0.002
"""Interval between events: the state of an event entity is the time of its last event in milliseconds."""
_EVENT_TYPES: Final[Mapping[Status, str]] = {
    Status.PLAYED: Status.PLAYED,
    Status.STARTED: Status.PLAYED,
    Status.DEFERRED: Status.DEFERRED,
    Status.SKIPPED: Status.SKIPPED,
    Status.FAILED: Status.FAILED,
}
"""Event type of each result. An announcement whose end is unknown counts as played."""


async def async_setup_entry(
    hass: HomeAssistant,  # noqa: ARG001
    entry: ConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the event entity of an account, or of each announcer."""
    if is_account(entry):
        async_add_entities([LimitEvent(entry, LIMIT_EVENT)])
        return
    async_add_announcers(entry, async_add_entities, AnnouncementEvent)


class AnnouncementEvent(AnnouncerEntity, EventEntity):
    """Event with the result of each announcement of an announcer, without its text."""

    _attr_translation_key = "announcement"
    _attr_event_types = sorted(set(_EVENT_TYPES.values()))
    unique_key = "announcement"

    @override
    async def async_added_to_hass(self) -> None:
        """Subscribe to the results of announcements."""
        await super().async_added_to_hass()
        self.async_on_remove(async_dispatcher_connect(self.hass, SIGNAL_REPORT, self._async_handle_report))

    async def _async_handle_report(self, report: AnnouncementReport) -> None:
        """Trigger an event for each kind of result, with the players that have it."""
        if report.announcement.announcer_id != self.announcer.id:
            return
        players: dict[str, list[str]] = defaultdict(list)
        errors: dict[str, str] = {}
        for entity_id, result in report.results.items():
            event_type = _EVENT_TYPES[result.status]
            players[event_type].append(entity_id)
            if result.error:
                errors.setdefault(event_type, result.error.translation_key or _UNKNOWN_ERROR)
        for event_type, entity_ids in players.items():
            if event_type is not next(iter(players)):
                await asyncio.sleep(_EVENT_INTERVAL_S)
            error = {ATTR_ERROR: errors[event_type]} if event_type in errors else {}
            attributes = {ATTR_ANNOUNCEMENT_ID: report.announcement.id, ATTR_PLAYERS: entity_ids, **error}
            self._trigger_event(event_type, attributes)
            self.async_write_ha_state()


class LimitEvent(OratorEntity, EventEntity):
    """Event of the usage limits of an account: almost reached, reached, and no longer reached."""

    @override
    async def async_added_to_hass(self) -> None:
        """Subscribe to the alerts of the limits."""
        await super().async_added_to_hass()
        self.async_on_remove(self._account.limit_alerts.async_add_listener(self._async_handle_alerts))

    async def _async_handle_alerts(self, alerts: list[LimitAlert]) -> None:
        """Trigger an event for each alert."""
        for index, alert in enumerate(alerts):
            if index:
                await asyncio.sleep(_EVENT_INTERVAL_S)
            details = limit_attributes(alert.status) if alert.status else {}
            self._trigger_event(alert.event_type.value, {ATTR_PERIOD: alert.period.value, **details})
            self.async_write_ha_state()
