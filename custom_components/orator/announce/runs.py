"""An announcement on its speakers, from the request to the report."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from homeassistant.core import CALLBACK_TYPE
from homeassistant.util import dt as dt_util
from homeassistant.util.signal_type import SignalType

from ..const import DOMAIN
from .models import Announcement, SpeakerResult, Status
from .queued_announcement import QueuedAnnouncement
from .targets import Targets


@dataclass(frozen=True, slots=True)
class AnnouncementReport:
    """Results of an announcement by entity ID: once if it is deferred, and once when it has ended everywhere."""

    announcement: Announcement
    results: Mapping[str, SpeakerResult]


SIGNAL_REPORT: Final[SignalType[AnnouncementReport]] = SignalType(f"{DOMAIN}_announcement_report")
"""Dispatcher signal with each report, for event entities."""


@dataclass(slots=True, eq=False)
class AnnouncementRun:
    """An announcement on its speakers, until it has ended on all of them."""

    announcement: Announcement
    targets: Targets
    requested: datetime = field(default_factory=dt_util.utcnow)
    items: dict[str, QueuedAnnouncement] = field(default_factory=dict)
    """Queued announcement by entity ID of the speaker; a duplicate belongs to an earlier run, too."""
    results: dict[str, SpeakerResult] = field(default_factory=dict)
    """Results that are known, by entity ID."""
    is_deferred: bool = False
    is_replay: bool = False
    """Whether it repeats an announcement on purpose, so that it is not a duplicate."""
    cleanup: list[CALLBACK_TYPE] = field(default_factory=list)

    @property
    def current_results(self) -> dict[str, SpeakerResult]:
        """Results by entity ID; what is queued or played counts as started, because its end is not known yet."""
        results = dict(self.results)
        for speaker in self.targets.speakers:
            if item := self.items.get(speaker.entity_id):
                result = item.result.result() if item.result.done() else SpeakerResult(status=Status.STARTED)
                results[speaker.entity_id] = replace(result, route=speaker.route.kind.value)
        return results

    def id_of(self, entity_id: str) -> str:
        """Return the ID of the announcement that is played for an entity, which may be one that this duplicates."""
        item = self.items.get(entity_id)
        return item.announcement.id if item else self.announcement.id

    async def async_wait(self) -> dict[str, SpeakerResult]:
        """Wait until the announcement has ended on all speakers, unless it is deferred; return the results."""
        if futures := [item.result for item in self.items.values()]:
            await asyncio.wait(futures)
        return self.current_results

    def describe(self, results: Mapping[str, SpeakerResult]) -> dict[str, Any]:
        """Return the announcement and its results for diagnostics, without the text."""
        announcement = self.announcement
        return {
            "id": announcement.id,
            "requested": self.requested.isoformat(),
            "ended": None if self.is_deferred else dt_util.utcnow().isoformat(),
            "voice": announcement.voice,
            "priority": announcement.priority.name.lower(),
            "repeat": announcement.repeat,
            "announcer_id": announcement.announcer_id,
            "results": {
                entity_id: {
                    "status": result.status,
                    "error": result.error and result.error.translation_key,
                    "route": result.route,
                    "duration": result.duration,
                }
                for entity_id, result in results.items()
            },
        }
