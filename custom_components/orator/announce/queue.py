"""One queue per physical speaker: announcements by priority, one after the other, in one session of the speaker."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from itertools import count
import logging
from typing import Any, Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.event import async_call_later

from ..providers.redaction import log_unexpected_error
from .audio import Audio
from .models import (
    QUEUE_EXPIRY,
    Announcement,
    IfBusy,
    Priority,
    SpeakerResult,
    Status,
    announcement_error,
    failed_result,
    skipped_result,
)
from .queued_announcement import QueuedAnnouncement
from .session import SpeakerSession
from .targets import Speaker

_LOGGER = logging.getLogger(__name__)

_MAX_WAITING: Final = 50
_MAX_FAILURES: Final = 3
"""Number of failures in a row after which a repeated announcement is given up; one with `until` is tried less often."""
_STOP_TIMEOUT_S: Final = 10.0
_DUPLICATE_S: Final = 3.0
"""Time after which the same announcement is no longer a duplicate, unless the first one still waits."""
_RETRY_DELAY: Final = timedelta(seconds=15)
"""Minimum delay of a repetition after several failures; the speaker is restored meanwhile."""

type CreateSession = Callable[[HomeAssistant, Speaker], SpeakerSession]

_sequence = count()


class SpeakerQueue:
    """Queue of a physical speaker. Nothing runs while it is empty."""

    def __init__(self, hass: HomeAssistant, speaker: Speaker, create_session: CreateSession) -> None:
        """Initialize an empty queue."""
        self.speaker = speaker
        self.current: QueuedAnnouncement | None = None
        self._hass = hass
        self._create_session = create_session
        self._waiting: list[QueuedAnnouncement] = []
        self._recent: list[QueuedAnnouncement] = []
        """Announcements of the last seconds, used to find duplicates."""
        self._changed = asyncio.Event()
        self._has_begun = False
        """Whether the snapshot of the speaker was taken for the current session."""
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting_count(self) -> int:
        """Number of announcements that wait."""
        return len(self._waiting)

    @property
    def items(self) -> list[QueuedAnnouncement]:
        """The announcement that is played, and those that wait."""
        return [*([self.current] if self.current else []), *self._waiting]

    @property
    def _is_busy(self) -> bool:
        """Whether an announcement is played, or will be soon."""
        return self.current is not None or any(not item.is_delayed or item.is_reserving for item in self._waiting)

    @property
    def is_idle(self) -> bool:
        """Whether the speaker has been restored and nothing waits."""
        return self._task is None or self._task.done()

    @callback
    def async_add(
        self, announcement: Announcement, audio: Audio, volume: float | None, *, may_duplicate: bool = False
    ) -> QueuedAnnouncement:
        """Queue an announcement, and return it or, unless it may be one, the announcement that it duplicates."""
        now = self._hass.loop.time()
        item = QueuedAnnouncement(announcement, audio, volume, self._hass.loop.create_future(), created=now)
        if not may_duplicate and (duplicate := self._find_duplicate(item)):
            return duplicate
        if announcement.if_busy is IfBusy.SKIP and self._is_busy:
            item.set_result(skipped_result("speaker_busy"))
            return item
        item.order = next(_sequence)
        if self._interrupts(item):
            self._interrupt(item)
        if not self._make_room(item):
            return item
        self._recent.append(item)
        expiry = QUEUE_EXPIRY if announcement.expires_after is None else announcement.expires_after
        item.cancel_expiry = async_call_later(self._hass, expiry, self._timer(self._expire, item))
        self._insert(item)
        self._start()
        return item

    @callback
    def async_remove(
        self, item: QueuedAnnouncement, reason: HomeAssistantError, *, is_acknowledged: bool = False
    ) -> bool:
        """End an announcement, even if it is playing; return whether there was something to end."""
        if item in self._waiting:
            self._waiting.remove(item)
            item.is_acknowledged = is_acknowledged
            item.set_result(item.ended_result(reason))
            self._changed.set()
            return True
        if item is self.current and item.stop_reason is None:
            item.is_acknowledged = is_acknowledged
            item.stop_reason = reason
            item.stop.set()
            return True
        return False

    async def async_close(self, reason: HomeAssistantError) -> None:
        """End all announcements, and wait until the speaker is restored."""
        for item in self.items:
            self.async_remove(item, reason)
        if self._task is not None:
            await asyncio.wait((self._task,))

    def _find_duplicate(self, item: QueuedAnnouncement) -> QueuedAnnouncement | None:
        """Return the same announcement, if it waits or was requested just now.

        Its priority and its number of repetitions are at least those of the item.
        """
        start = item.created - _DUPLICATE_S
        self._recent = [recent for recent in self._recent if recent.created > start]
        for other in (*self._waiting, *self._recent):
            is_lost = other.stop.is_set() or (
                other.result.done() and other.result.result().status in (Status.SKIPPED, Status.FAILED)
            )
            is_enough = (
                other.announcement.priority >= item.announcement.priority
                and other.announcement.repeat >= item.announcement.repeat
            )
            if is_enough and not is_lost and other.content == item.content:
                return other
        return None

    def _interrupts(self, item: QueuedAnnouncement) -> bool:
        """Return whether an announcement interrupts the current one. Critical ones take turns."""
        if item.announcement.if_busy is not IfBusy.INTERRUPT or self.current is None:
            return False
        priority, other = item.announcement.priority, self.current.announcement.priority
        return priority > other or (priority == other and priority is not Priority.CRITICAL)

    def _interrupt(self, item: QueuedAnnouncement) -> None:
        """End the current announcement; if its priority is lower, it is played again later, otherwise replaced."""
        current = self.current
        if current is None or current.stop.is_set():
            return
        if item.announcement.priority == current.announcement.priority:
            item.order = -item.order  # before others of the same priority
            current.stop_reason = announcement_error(translation_key="announcement_interrupted")
        current.stop.set()

    def _make_room(self, item: QueuedAnnouncement) -> bool:
        """Return whether there is room for an announcement; one of a lower priority is dropped for it."""
        if len(self._waiting) < _MAX_WAITING:
            return True
        last = max(self._waiting, key=lambda waiting: waiting.sort_key)
        dropped = last if last.announcement.priority < item.announcement.priority else item
        if dropped is last:
            self._waiting.remove(last)
        dropped.set_result(skipped_result("queue_full"))
        return dropped is last

    def _insert(self, item: QueuedAnnouncement) -> None:
        """Add an announcement to those that wait."""
        self._waiting.append(item)
        self._waiting.sort(key=lambda waiting: waiting.sort_key)
        self._changed.set()

    def _start(self) -> None:
        """Play the waiting announcements; if the queue is running, generate the audio of the next one."""
        if self.is_idle:
            self._task = self._hass.async_create_background_task(
                self._async_run(), f"orator announces on {self.speaker.entity_id}"
            )
        else:
            self._prefetch()

    def _prefetch(self) -> None:
        """Generate the audio of the next announcement while another one is played."""
        if self._waiting:
            self._generate(self._waiting[0])

    def _generate(self, item: QueuedAnnouncement) -> None:
        """Generate the audio of an announcement, unless the voice of the speaker's own pipeline speaks it."""
        if not self.speaker.route.speaks_text:
            item.audio.async_start()

    def _timer(
        self, action: Callable[[QueuedAnnouncement], None], item: QueuedAnnouncement
    ) -> Callable[[datetime], None]:
        @callback
        def handle_time(_now: datetime) -> None:
            action(item)

        return handle_time

    def _expire(self, item: QueuedAnnouncement) -> None:
        """Drop an announcement that has waited too long; one that has had its turn may go on repeating."""
        item.cancel_expiry = None
        if item in self._waiting and item.last is None:
            self.async_remove(item, announcement_error(translation_key="announcement_expired"))

    def _end_delay(self, item: QueuedAnnouncement) -> None:
        item.is_delayed = False
        self._changed.set()
        self._start()

    def _next(self) -> QueuedAnnouncement | None:
        """Return the announcement to play now; those with a lower priority than a repetition that is due soon wait."""
        for item in self._waiting:
            if not item.is_delayed:
                return item
            if item.is_reserving and not any(
                other.announcement.priority == item.announcement.priority and not other.is_delayed
                for other in self._waiting
            ):
                return None
        return None

    async def _async_run(self) -> None:
        """Play all waiting announcements, and restore the speaker whenever none is left."""
        try:
            while self._next():
                session = self._create_session(self._hass, self.speaker)
                self._has_begun = False
                try:
                    while item := await self._async_next():
                        await self._async_play(session, item)
                finally:
                    await self._async_guard(session.async_end(), "restore")
        except Exception as err:  # noqa: BLE001 - every announcement gets a result
            log_unexpected_error(_LOGGER, f"announcements on {self.speaker.entity_id}", err)
            for item in self.items:
                item.set_result(failed_result())
            self.current = None
            self._waiting.clear()

    async def _async_next(self) -> QueuedAnnouncement | None:
        """Return the next announcement, after its delay if that is short, or None if nothing waits."""
        while True:
            self._changed.clear()
            if item := self._next():
                self._waiting.remove(item)
                return item
            if not any(waiting.is_reserving for waiting in self._waiting):
                return None
            await self._changed.wait()

    async def _async_play(self, session: SpeakerSession, item: QueuedAnnouncement) -> None:
        """Play an announcement once, unless something stops it."""
        self.current = item
        self._generate(item)
        self._prefetch()
        playing = self._hass.async_create_background_task(
            self._async_play_once(session, item), f"orator plays on {self.speaker.entity_id}"
        )
        stopping = asyncio.create_task(item.stop.wait())
        try:
            await asyncio.wait((playing, stopping), return_when=asyncio.FIRST_COMPLETED)
            if playing.done():
                self._finish(item, _result_of(playing))
                return
            playing.cancel()
            await asyncio.wait((playing,), timeout=_STOP_TIMEOUT_S)
            await self._async_guard(session.async_stop(), "stop")
            self._handle_stop(item)
        except asyncio.CancelledError:
            playing.cancel()
            item.set_result(skipped_result("announcements_stopped"))
            raise
        finally:
            self.current = None
            stopping.cancel()

    async def _async_play_once(self, session: SpeakerSession, item: QueuedAnnouncement) -> SpeakerResult:
        """Play an announcement, the first one of a session after the snapshot of the speaker."""
        if not self._has_begun:
            await session.async_begin()
            self._has_begun = True
        announcement = item.announcement
        is_critical = announcement.priority is Priority.CRITICAL
        session.set_context(announcement.context_id)
        return await session.async_play(item.audio, item.volume, resume=announcement.resume, is_critical=is_critical)

    def _handle_stop(self, item: QueuedAnnouncement) -> None:
        """Set the result of an announcement that was ended, or queue it again if it was only interrupted."""
        if item.stop_reason is not None:
            item.set_result(item.ended_result(item.stop_reason, was_playing=True))
            return
        if item.cancel_expiry is None and item.last is None:
            item.set_result(skipped_result("announcement_expired"))
            return
        item.stop = asyncio.Event()
        self._insert(item)

    def _finish(self, item: QueuedAnnouncement, result: SpeakerResult) -> None:
        """Set the result of an announcement that was played, or queue its next repetition."""
        announcement = item.announcement
        item.last = result
        has_played = result.status in (Status.PLAYED, Status.STARTED)
        item.played += has_played
        item.failures = 0 if has_played else item.failures + 1
        is_given_up = item.failures >= _MAX_FAILURES and announcement.until is None
        if item.played + item.failures >= announcement.repeat or is_given_up:
            item.set_result(result)
        elif item.stop_reason is not None:
            item.set_result(item.ended_result(item.stop_reason))
        else:
            self._repeat(item)

    def _repeat(self, item: QueuedAnnouncement) -> None:
        """Queue the next repetition of an announcement, after its delay."""
        item.order = next(_sequence)  # others of the same priority take turns
        item.stop = asyncio.Event()
        item.audio.async_retry()
        item.delay = item.announcement.repeat_delay
        if item.failures >= _MAX_FAILURES:  # an alarm goes on once the speaker and the voice work again
            item.delay = max(item.delay, _RETRY_DELAY)
            if item.failures == _MAX_FAILURES and item.last:
                _LOGGER.warning("An announcement keeps failing on %s: %s", self.speaker.entity_id, item.last.error)
        item.is_delayed = item.delay > timedelta()
        if item.is_delayed:
            item.cancel_delay = async_call_later(self._hass, item.delay, self._timer(self._end_delay, item))
        self._insert(item)

    async def _async_guard(self, action: Coroutine[Any, Any, None], name: str) -> None:
        """Await an action of a session, whose errors must not end the queue."""
        try:
            await action
        except Exception as err:  # noqa: BLE001 - see above
            log_unexpected_error(_LOGGER, f"{name} {self.speaker.entity_id} after an announcement", err)


def _result_of(playing: asyncio.Task[SpeakerResult]) -> SpeakerResult:
    """Return the result of playing an announcement; an error becomes a result, too."""
    try:
        return playing.result()
    except HomeAssistantError as err:
        return SpeakerResult(status=Status.FAILED, error=err)
    except asyncio.CancelledError:
        return skipped_result("announcements_stopped")
    except Exception as err:  # noqa: BLE001 - becomes a result
        log_unexpected_error(_LOGGER, "an announcement", err)
        return failed_result()
