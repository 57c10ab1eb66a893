"""Wait until an announcement was heard, by state changes and the measured duration of the audio."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, Self

from homeassistant.components.media_player import MediaPlayerState
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers.event import async_track_state_change_event

from .models import AnnouncementAudio, Status
from .player import PLAYING_STATES, SPEECH_PATH, Player, is_available, speaker_error
from .routes import Route

_FIRST_AUDIO_TIMEOUT_S: Final = 60.0
"""Limit of the first audio; the voices have their own, shorter ones."""
_CALL_TIMEOUT_S: Final = 20.0
"""Limit of an action that starts to play, from the first audio."""
_UNKNOWN_DURATION_S: Final = 300.0
"""Limit of an announcement whose duration cannot be measured."""
_BLOCKING_MARGIN_S: Final = 30.0
"""Time that a blocking action may take beyond the duration, for example to fade, restore or pick up a phone."""
_PLAYING_MARGIN_S: Final = 5.0
"""Time that a player may report `playing` beyond the duration, because it has buffered."""
_SILENT_MARGIN_S: Final = 1.0
"""Time added to the duration for a player that does not show what it plays."""
_START_TIMEOUT_S: Final = 6.0
"""Time in which a player that shows what it plays reports `playing`."""
_SETTLE_S: Final = 1.0
"""Time in which a player that seems to have ended too early may report `playing` again."""
_CANCEL_TIMEOUT_S: Final = 1.0
_LOST_S: Final = 5.0
"""Time in which an unavailable player may come back."""


def _retrieve_error(task: asyncio.Task[None]) -> None:
    """Retrieve the error of a task, so that asyncio does not report it."""
    if not task.cancelled():
        task.exception()


class Playback:
    """One announcement on one player, as a context: leaving it ends what still runs."""

    def __init__(self, hass: HomeAssistant, entity_id: str, route: Route, audio: AnnouncementAudio) -> None:
        """Create the playback; entering the context watches the player."""
        self._hass = hass
        self._entity_id = entity_id
        self._player = Player(hass, entity_id)
        self._route = route
        self._audio = audio
        self._started: asyncio.Future[None] = hass.loop.create_future()
        self._ended: asyncio.Future[None] = hass.loop.create_future()
        self._started_at: float | None = None
        self._is_playing = False
        self._is_visible = not route.is_overlay and not (route.is_native and self._player.is_playing)
        self._is_lost = False
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.unfinished: asyncio.Task[None] | None = None
        """Action that still runs, because the player cannot stop an announcement."""
        self.has_replaced_music = False
        """Whether a player that should overlay the announcement plays it instead of its music."""
        self.announced: list[str] = []
        """Content IDs that the player has reported for the announcement."""

    async def __aenter__(self) -> Self:
        """Begin to watch the player."""
        self._unsubscribe = async_track_state_change_event(self._hass, self._entity_id, self._state_changed)
        return self

    async def __aexit__(self, *exception: object) -> None:
        """End the action and stop watching. The action of a player that cannot stop an announcement keeps running."""
        self._unsubscribe()
        self._cancel_timer()
        if (
            self._tasks
            and self._route.is_native
            and self._route.is_blocking
            and not isinstance(exception[1], Exception)
        ):
            self.unfinished = self._tasks.pop(0)
            self.unfinished.add_done_callback(_retrieve_error)
        for task in self._tasks:
            task.cancel()
            task.add_done_callback(_retrieve_error)
        if self._tasks:  # the time is limited, as the action of a platform may ignore that it was cancelled
            await asyncio.wait(self._tasks, timeout=_CANCEL_TIMEOUT_S)

    @callback
    def async_stop(self) -> None:
        """Return from `async_run` as soon as possible."""
        self._end()

    async def async_run(self, play: Coroutine[Any, Any, None]) -> Status:
        """Run the action that plays, and wait until the announcement was heard. Raises HomeAssistantError."""
        call = self._hass.async_create_background_task(play, f"orator announce {self._entity_id}")
        self._tasks = [call]
        if self._route.speaks_text:  # another voice speaks until the phone is hung up
            await self._wait(call, (), _UNKNOWN_DURATION_S)
            return Status.PLAYED
        begin = self._hass.async_create_background_task(self._audio.async_wait_for_begin(), "orator announce begin")
        generation = self._hass.async_create_background_task(self._audio.async_wait_for_end(), "orator announce end")
        self._tasks = [call, begin, generation]
        await self._wait(begin, (call,), _FIRST_AUDIO_TIMEOUT_S)
        if self._route.is_blocking:
            return await self._async_wait_for_call(call, generation)
        await self._wait(call, (begin,), _CALL_TIMEOUT_S)
        called_at = self._hass.loop.time()
        await self._wait(generation, (), None)
        return await self._async_wait_for_end(called_at)

    async def _async_wait_for_call(self, call: asyncio.Task[None], generation: asyncio.Task[None]) -> Status:
        """Wait until a blocking action returns."""
        await self._wait(call, (generation,), None, until=generation)
        if not call.done():
            duration = self._audio.duration
            limit_s = _UNKNOWN_DURATION_S if duration is None else duration + _BLOCKING_MARGIN_S
            await self._wait(call, (), limit_s)
        await self._wait(generation, (), None)
        return Status.PLAYED

    async def _async_wait_for_end(self, called_at: float) -> Status:
        """Wait until a player has played what was generated."""
        duration = self._audio.duration
        silent_limit_s = _START_TIMEOUT_S if duration is None else duration + _SILENT_MARGIN_S
        if not self._is_visible:
            await self._wait_for_end_until(called_at + silent_limit_s, self._started)
        elif self._started_at is None:
            await self._wait_for_end_until(called_at + max(silent_limit_s, _START_TIMEOUT_S), self._started)
        if self._started_at is None:
            return Status.STARTED if duration is None else Status.PLAYED
        if duration is None:
            await self._wait_for_end_until(self._started_at + _UNKNOWN_DURATION_S)
        else:
            await self._async_poll_until(self._started_at + duration)
            await self._wait_for_end_until(self._started_at + duration + _PLAYING_MARGIN_S)
        return Status.PLAYED

    async def _async_poll_until(self, expected: float) -> None:
        """Wait for the expected end, and update a player that is polled, which would report the end seconds later."""
        for delay in (0.0, 0.5, 1.0, 2.0):
            if await self._wait_for_end_until(expected + delay):
                return
            await self._player.async_refresh()

    async def _wait_for_end_until(self, deadline: float, *others: asyncio.Future[None]) -> bool:
        """Wait until the player ends, another event or a time of the loop. Return whether the player has ended."""
        await asyncio.wait(
            {self._ended, *others},
            timeout=max(0.0, deadline - self._hass.loop.time()),
            return_when=asyncio.FIRST_COMPLETED,
        )
        self._raise_if_lost()
        return self._ended.done()

    async def _wait(
        self,
        task: asyncio.Task[None],
        others: tuple[asyncio.Task[None], ...],
        limit_s: float | None,
        *,
        until: asyncio.Task[None] | None = None,
    ) -> None:
        """Wait until a task, the task `until` or the player ends. Raises the tasks' errors, or that of the limit."""
        pending = {task, *others}
        while not task.done() and not self._ended.done() and not (until and until.done()):
            watched = {item for item in pending if not item.done()} | {self._ended}
            done, _ = await asyncio.wait(watched, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
            for item in pending & done:
                item.result()
            if not done:
                raise speaker_error(self._hass, self._entity_id, "speaker_timeout")
        self._raise_if_lost()
        for item in pending:
            if item.done():
                item.result()

    def _is_announcement(self, content_id: str) -> bool:
        """Return whether a content ID is that of the announcement: the first one, or one of text-to-speech."""
        return content_id not in self.announced and (not self.announced or SPEECH_PATH in content_id)

    def _raise_if_lost(self) -> None:
        if self._is_lost:
            raise speaker_error(self._hass, self._entity_id, "speaker_unavailable")

    @callback
    def _state_changed(self, event: Event[EventStateChangedData]) -> None:
        """Track whether the player plays."""
        if self._ended.done():
            return
        self._cancel_timer()
        loop = self._hass.loop
        state = event.data["new_state"]
        if not is_available(state):
            self._timer = loop.call_later(_LOST_S, self._lose)
            return
        content_id = str(state.attributes.get("media_content_id") or "")
        if self._route.is_overlay and state.state in PLAYING_STATES and SPEECH_PATH in content_id:
            self.has_replaced_music = self._is_visible = True
        if not self._is_visible:
            return
        if state.state in PLAYING_STATES:
            if content_id and self._is_announcement(content_id):
                self.announced.append(content_id)
            if not self._is_playing:
                self._started_at = loop.time()
                self._is_playing = state.state == MediaPlayerState.PLAYING
                if not self._started.done():
                    self._started.set_result(None)
        elif self._started_at is not None and not self._route.is_blocking:
            duration = self._audio.duration
            is_expected = duration is not None and loop.time() >= self._started_at + duration - _SETTLE_S
            self._timer = loop.call_later(0 if is_expected else _SETTLE_S, self._end)

    @callback
    def _lose(self) -> None:
        self._is_lost = True
        self._end()

    @callback
    def _end(self) -> None:
        if not self._ended.done():
            self._ended.set_result(None)

    def _cancel_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
