"""The announcements of Home Assistant: started, deferred, cancelled, repeated and remembered."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from homeassistant.components.media_player import ATTR_MEDIA_VOLUME_LEVEL
from homeassistant.config_entries import SIGNAL_CONFIG_ENTRY_CHANGED, ConfigEntry, ConfigEntryChange
from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.dispatcher import async_dispatcher_connect, async_dispatcher_send
from homeassistant.helpers.event import async_call_later
from homeassistant.util.hass_dict import HassKey
from homeassistant.util.ulid import ulid_now

from ..const import DOMAIN
from ..coordinator import is_account
from .acknowledgement import async_track_acknowledgement
from .audio import async_create_audio
from .models import (
    DEFERRAL_EXPIRY,
    Announcement,
    IfBusy,
    Priority,
    QuietBehavior,
    SpeakerResult,
    Status,
    announcement_error,
)
from .queue import SpeakerQueue
from .quiet_hours import async_track_end, is_quiet, whisper, whispered_volume
from .runs import SIGNAL_REPORT, AnnouncementReport, AnnouncementRun
from .session import SpeakerSession
from .settings import async_get_settings
from .targets import Speaker, Targets

_MAX_HISTORY: Final = 10
_MAX_DEFERRED: Final = 100
_REPLAY_PERIOD: Final = timedelta(hours=6)
"""Time after which an announcement is forgotten and cannot be replayed."""
_STOP_TIMEOUT_S: Final = 10.0
_MANAGER: Final[HassKey[AnnouncementManager]] = HassKey("orator_announcements")


class AnnouncementManager:
    """All announcements that are played, queued or deferred. Texts are kept in memory only."""

    def __init__(
        self, hass: HomeAssistant, create_session: Callable[[HomeAssistant, Speaker], SpeakerSession] = SpeakerSession
    ) -> None:
        """Initialize without announcements."""
        self._hass = hass
        self._create_session = create_session
        self._queues: dict[str, SpeakerQueue] = {}
        self._runs: dict[str, AnnouncementRun] = {}
        self._last: dict[str, tuple[Announcement, CALLBACK_TYPE]] = {}
        """Last announcement that was heard, by key of the speaker, and what cancels the timer that forgets it."""
        self._history: dict[str, dict[str, Any]] = {}
        """The last announcements by ID, without texts."""
        self._untrack_quiet_hours: CALLBACK_TYPE | None = None
        self._is_stopping = False
        hass.async_add_shutdown_job(HassJob(self.async_stop, cancel_on_shutdown=False))
        async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, self._handle_entry_change)

    @callback
    def async_announce(
        self, announcement: Announcement, targets: Targets, *, is_replay: bool = False
    ) -> AnnouncementRun:
        """Start, queue, defer or skip an announcement; nothing is awaited. Raises ServiceValidationError.

        Targets with an error count as failed.
        """
        run = AnnouncementRun(announcement, targets, is_replay=is_replay)
        run.results = {
            entity_id: SpeakerResult(status=Status.FAILED, error=error) for entity_id, error in targets.errors.items()
        }
        if self._is_stopping:
            self._set_results(run, Status.SKIPPED, announcement_error(translation_key="announcements_stopped"))
            return run
        behavior = self._quiet_behavior(announcement)
        if behavior is QuietBehavior.SKIP:
            self._set_results(run, Status.SKIPPED, announcement_error(translation_key="quiet_hours"))
            self._report(run, run.results)
            return run
        if behavior is QuietBehavior.DEFER:
            async_create_audio(self._hass, announcement).async_close()  # checks the voice and its options
            self._runs[announcement.id] = run
            self._defer(run)
        else:
            is_whispered = behavior is QuietBehavior.WHISPER
            spoken = whisper(self._hass, announcement) if is_whispered else announcement
            self._start(run, spoken, is_whispered=is_whispered)
        if announcement.until and announcement.id in self._runs:
            run.cleanup.append(
                async_track_acknowledgement(self._hass, announcement.until, lambda: self._acknowledge(run))
            )
        return run

    @callback
    def async_cancel(
        self,
        announcement_id: str | None = None,
        *,
        speakers: Collection[str] | None = None,
        announcer_id: str | None = None,
    ) -> int:
        """Cancel the announcements with an ID, of an announcer or on speakers; return their number.

        `speakers`: keys or entity IDs.
        """
        reason = announcement_error(translation_key="announcement_cancelled")
        return sum(
            self._end(run, reason, speakers)
            for run in list(self._runs.values())
            if announcement_id in (None, run.announcement.id)
            if announcer_id in (None, run.announcement.announcer_id)
        )

    @callback
    def async_get_speakers(self, announcement_id: str) -> tuple[Speaker, ...]:
        """Return the speakers of an announcement that has not ended."""
        run = self._runs.get(announcement_id)
        return run.targets.speakers if run else ()

    @callback
    def async_replay(self, speakers: Iterable[Speaker]) -> list[AnnouncementRun]:
        """Repeat the last announcement that was heard on each speaker, even during quiet hours."""
        heard: dict[str, tuple[Announcement, list[Speaker]]] = {}
        for speaker in speakers:
            if speaker.key in self._last:
                announcement, _ = self._last[speaker.key]
                heard.setdefault(announcement.id, (announcement, []))[1].append(speaker)
        return [
            self.async_announce(_replayed(announcement), Targets(tuple(heard_on), {}), is_replay=True)
            for announcement, heard_on in heard.values()
        ]

    @property
    def diagnostics(self) -> dict[str, Any]:
        """Queues and the last announcements, without texts."""
        return {
            "queues": [
                {
                    "speaker": queue.speaker.entity_id,
                    "is_playing": queue.current is not None,
                    "waiting": queue.waiting_count,
                }
                for queue in self._queues.values()
            ],
            "deferred": sum(run.is_deferred for run in self._runs.values()),
            "last_announcements": list(self._history.values()),
        }

    async def async_stop(self) -> None:
        """End all announcements, and wait a limited time until the speakers are restored."""
        self._is_stopping = True
        self._untrack()
        reason = announcement_error(translation_key="announcements_stopped")
        for run in list(self._runs.values()):
            self._end(run, reason)
        if closing := [asyncio.create_task(queue.async_close(reason)) for queue in self._queues.values()]:
            await asyncio.wait(closing, timeout=_STOP_TIMEOUT_S)
            for task in closing:
                task.cancel()
        for _, cancel in self._last.values():
            cancel()
        self._last.clear()

    def _quiet_behavior(self, announcement: Announcement) -> QuietBehavior:
        """Return what quiet hours do to an announcement now."""
        if announcement.priority is Priority.CRITICAL or not is_quiet(self._hass, async_get_settings(self._hass)):
            return QuietBehavior.IGNORE
        return announcement.quiet

    def _start(self, run: AnnouncementRun, announcement: Announcement, *, is_whispered: bool = False) -> None:
        """Queue an announcement on all speakers."""
        speakers = run.targets.speakers
        accepted = [frozenset(formats) for speaker in speakers if (formats := speaker.route.formats)]
        audio = async_create_audio(
            self._hass, announcement, frozenset.intersection(*accepted) if accepted else frozenset()
        )
        self._runs[announcement.id] = run
        for speaker in speakers:
            queue = self._queues.get(speaker.key)
            if queue is None:
                queue = self._queues[speaker.key] = SpeakerQueue(self._hass, speaker, self._create_session)
            elif queue.is_idle:
                queue.speaker = speaker  # its entity may have changed
            volume = self._volume(announcement, speaker, is_whispered=is_whispered)
            run.items[speaker.entity_id] = queue.async_add(announcement, audio, volume, may_duplicate=run.is_replay)
        run.cleanup.append(audio.async_close)
        self._hass.async_create_background_task(self._async_finish(run), f"orator announcement {announcement.id}")

    def _volume(self, announcement: Announcement, speaker: Speaker, *, is_whispered: bool) -> float | None:
        """Return the volume for a speaker, or None to keep its volume."""
        volume = announcement.volume_for(speaker.entity_id, *speaker.volume_entity_ids, *speaker.requested)
        if not is_whispered:
            return volume
        if volume is None and (state := self._hass.states.get(next(iter(speaker.volume_entity_ids), ""))):
            volume = state.attributes.get(ATTR_MEDIA_VOLUME_LEVEL)
        return whispered_volume(volume)

    async def _async_finish(self, run: AnnouncementRun) -> None:
        """Report a run once it has ended on all speakers."""
        results = await run.async_wait()
        for speaker in run.targets.speakers:
            if results[speaker.entity_id].status in (Status.PLAYED, Status.STARTED):
                self._remember(speaker, run.announcement)
        self._close(run)
        self._report(run, results)

    def _close(self, run: AnnouncementRun) -> None:
        self._runs.pop(run.announcement.id, None)
        while run.cleanup:
            run.cleanup.pop()()
        if not any(other.is_deferred for other in self._runs.values()):
            self._untrack()

    def _set_results(
        self,
        run: AnnouncementRun,
        status: Status,
        error: HomeAssistantError | None = None,
        speakers: Iterable[Speaker] | None = None,
    ) -> None:
        """Set the same result for some speakers, by default for all."""
        for speaker in run.targets.speakers if speakers is None else speakers:
            run.results[speaker.entity_id] = SpeakerResult(status=status, error=error, route=speaker.route.kind.value)

    def _end(self, run: AnnouncementRun, reason: HomeAssistantError, keys: Collection[str] | None = None) -> bool:
        """End a run, on speakers with certain keys or entity IDs only if given; return whether it has such speakers."""
        speakers = [
            speaker
            for speaker in run.targets.speakers
            if keys is None or speaker.key in keys or speaker.entity_id in keys
        ]
        if run.is_deferred:
            self._set_results(run, Status.SKIPPED, reason, speakers)
            ended = {speaker.entity_id for speaker in speakers}
            run.targets = replace(
                run.targets,
                speakers=tuple(item for item in run.targets.speakers if item.entity_id not in ended),
            )
            if not run.targets.speakers:
                run.is_deferred = False
                self._close(run)
                self._report(run, run.results)
            return bool(ended)
        return sum(self._remove(run, speaker, reason) for speaker in speakers) > 0

    def _acknowledge(self, run: AnnouncementRun) -> None:
        """End a run because its `until` entity has acknowledged it."""
        reason = announcement_error(translation_key="announcement_acknowledged")
        if run.is_deferred:
            self._end(run, reason)
            return
        for speaker in run.targets.speakers:
            self._remove(run, speaker, reason, is_acknowledged=True)

    def _remove(
        self, run: AnnouncementRun, speaker: Speaker, reason: HomeAssistantError, *, is_acknowledged: bool = False
    ) -> bool:
        """End a run on one speaker, and return whether there was something to end."""
        item = run.items[speaker.entity_id]
        return self._queues[speaker.key].async_remove(item, reason, is_acknowledged=is_acknowledged)

    def _defer(self, run: AnnouncementRun) -> None:
        """Keep an announcement until quiet hours end; of too many, the oldest with the lowest priority is dropped."""
        deferred = [other for other in self._runs.values() if other.is_deferred]
        if len(deferred) >= _MAX_DEFERRED:
            dropped = min(deferred, key=lambda other: other.announcement.priority)
            self._end(dropped, announcement_error(translation_key="queue_full"))
        run.is_deferred = True
        self._set_results(run, Status.DEFERRED)
        self._report(run, run.results)

        @callback
        def expire(_now: datetime) -> None:
            if run.is_deferred:
                self._end(run, announcement_error(translation_key="announcement_expired"))

        expires_after = run.announcement.expires_after
        expiry = DEFERRAL_EXPIRY if expires_after is None else expires_after
        run.cleanup.append(async_call_later(self._hass, expiry, expire))
        if self._untrack_quiet_hours is None:
            self._untrack_quiet_hours = async_track_end(
                self._hass, async_get_settings(self._hass), self._start_deferred
            )

    @callback
    def _start_deferred(self) -> None:
        """Start the deferred announcements, at the end of quiet hours."""
        self._untrack()
        for run in [run for run in self._runs.values() if run.is_deferred]:
            run.is_deferred = False
            try:
                self._start(run, run.announcement)
            except HomeAssistantError as err:  # the voice was removed, for example
                self._set_results(run, Status.FAILED, err)
                self._close(run)
                self._report(run, run.results)

    @callback
    def _handle_entry_change(self, _change: ConfigEntryChange, entry: ConfigEntry) -> None:
        """Apply changed quiet hours to deferred announcements."""
        if self._untrack_quiet_hours is None or entry.domain != DOMAIN or is_account(entry):
            return
        self._untrack()
        settings = async_get_settings(self._hass)
        if is_quiet(self._hass, settings):
            self._untrack_quiet_hours = async_track_end(self._hass, settings, self._start_deferred)
        else:
            self._start_deferred()

    def _untrack(self) -> None:
        if self._untrack_quiet_hours:
            self._untrack_quiet_hours()
            self._untrack_quiet_hours = None

    def _remember(self, speaker: Speaker, announcement: Announcement) -> None:
        """Keep an announcement for `async_replay`, for a limited time."""
        if last := self._last.pop(speaker.key, None):
            last[1]()

        @callback
        def forget(_now: datetime) -> None:
            self._last.pop(speaker.key, None)

        self._last[speaker.key] = announcement, async_call_later(self._hass, _REPLAY_PERIOD, forget)

    def _report(self, run: AnnouncementRun, results: Mapping[str, SpeakerResult]) -> None:
        """Add the results to the history, without the text, and send them to event entities."""
        report = AnnouncementReport(run.announcement, dict(results))
        self._history.pop(run.announcement.id, None)
        self._history[run.announcement.id] = run.describe(results)
        while len(self._history) > _MAX_HISTORY:
            del self._history[next(iter(self._history))]
        async_dispatcher_send(self._hass, SIGNAL_REPORT, report)


def _replayed(announcement: Announcement) -> Announcement:
    """Return a copy of an announcement to play now, even during quiet hours, because a person asks for it."""
    return replace(
        announcement,
        id=ulid_now(),
        priority=Priority.NORMAL,
        if_busy=IfBusy.QUEUE,
        expires_after=None,
        quiet=QuietBehavior.IGNORE,
        repeat=1,
        until=None,
    )


@callback
def async_get_manager(hass: HomeAssistant) -> AnnouncementManager:
    """Return the manager of all announcements."""
    if _MANAGER not in hass.data:
        hass.data[_MANAGER] = AnnouncementManager(hass)
    return hass.data[_MANAGER]
