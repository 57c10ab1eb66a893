"""One announcement in the queue of a speaker."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

from homeassistant.core import CALLBACK_TYPE
from homeassistant.exceptions import HomeAssistantError

from .audio import Audio
from .models import Announcement, SpeakerResult, Status

_KEEP_OPEN: Final = timedelta(seconds=10)
"""Maximum delay of a repetition for which the speaker is kept, with its music paused; others wait that long, too."""


@dataclass(slots=True, eq=False)
class QueuedAnnouncement:
    """An announcement on one speaker, from the request to the result."""

    announcement: Announcement
    audio: Audio
    volume: float | None
    """Volume from 0 to 1; None keeps the volume of the speaker."""
    result: asyncio.Future[SpeakerResult]
    created: float
    """Time of the event loop at which it was requested."""
    order: int = 0
    delay: timedelta = timedelta()
    """Delay before its next repetition."""
    is_delayed: bool = False
    """Whether it waits for the delay before its next repetition."""
    is_acknowledged: bool = False
    played: int = 0
    """Number of times that it was played."""
    failures: int = 0
    """Number of failures since it was last played."""
    last: SpeakerResult | None = None
    """Result of the last time that it was played."""
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    """Set to stop its audio."""
    stop_reason: HomeAssistantError | None = None
    cancel_expiry: CALLBACK_TYPE | None = None
    cancel_delay: CALLBACK_TYPE | None = None

    @property
    def sort_key(self) -> tuple[int, int]:
        """Key that sorts the next announcement first."""
        return -self.announcement.priority, self.order

    @property
    def content(self) -> tuple[Any, ...]:
        """What is heard; the same content requested twice is spoken once."""
        item = self.announcement
        return item.message, item.media_id, item.voice, item.language, dict(item.options)

    @property
    def is_reserving(self) -> bool:
        """Whether the speaker waits for its next repetition."""
        return self.is_delayed and self.delay <= _KEEP_OPEN

    def set_result(self, result: SpeakerResult) -> None:
        """Set the result, unless there is one, and stop the timers."""
        for cancel in (self.cancel_expiry, self.cancel_delay):
            if cancel:
                cancel()
        self.cancel_expiry = self.cancel_delay = None
        if not self.result.done():
            self.result.set_result(result)

    def ended_result(self, reason: HomeAssistantError, *, was_playing: bool = False) -> SpeakerResult:
        """Return the result of an announcement that was ended: played if it was acknowledged after it was heard."""
        if self.is_acknowledged and (self.played or was_playing):
            return self.last or SpeakerResult(status=Status.PLAYED, spoken_by=self.audio.spoken_by)
        if self.is_acknowledged and self.last:
            return self.last  # it has failed until then
        return replace(self.last or SpeakerResult(status=Status.SKIPPED), status=Status.SKIPPED, error=reason)
