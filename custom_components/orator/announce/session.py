"""The announcements of one speaker from idle to idle: what it played before is restored after the last one."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from homeassistant.components.media_player import DOMAIN as MEDIA_PLAYER_DOMAIN, MediaPlayerEntityFeature as Feature
from homeassistant.core import CALLBACK_TYPE, Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.event import async_track_state_change_event
from homeassistant.util.hass_dict import HassKey

from ..text import remove_ssml
from .models import AnnouncementAudio, SpeakerResult, Status
from .playback import Playback
from .player import Player, async_call, is_same_volume, speaker_error
from .player_state import PlayerState, PlayerStore, async_get_player_store
from .routes import RouteKind
from .targets import SATELLITE_DOMAIN, Speaker, async_set_replacing

_CONVERSATION_TIMEOUT_S: Final = 120.0
"""Time in which a satellite ends its conversation."""
_UNFINISHED_TIMEOUT_S: Final = 60.0
"""Time in which an announcement that cannot be stopped ends."""
_UNFINISHED: Final[HassKey[dict[str, asyncio.Task[None]]]] = HassKey("orator_unfinished_announcements")
"""Actions of announcements that were stopped, but which a player cannot stop, by its entity ID."""
_HEARD: Final = frozenset({Status.PLAYED, Status.STARTED})
_BUSY_STATES: Final = frozenset({"listening", "processing", "responding"})
_NO_LIMIT_S: Final = 3600.0
"""Limit of an action that the playback limits more precisely, as it knows the duration."""
_VOLUME_TIMEOUT_S: Final = 5.0
"""Time in which a player that was off or muted reports its volume."""
_MAX_ROUNDING: Final = 0.095
"""Largest difference that is taken for the rounding of a player with ten steps; Home Assistant's own step is 0.1."""
_EQUAL_VOLUME: Final = 0.005


class SpeakerSession:
    """One period of a speaker from idle to idle.

    `async_begin` comes first and `async_end` last, whatever happened in between. None of them raises a
    HomeAssistantError: a failed announcement is a result, and what cannot be restored is restored later.
    """

    def __init__(self, hass: HomeAssistant, speaker: Speaker) -> None:
        """Create the session of a speaker."""
        self._hass = hass
        self._speaker = speaker
        self._route = speaker.route
        own = (speaker.entity_id,) if speaker.entity_id.startswith(f"{MEDIA_PLAYER_DOMAIN}.") else ()
        self._players = {name: Player(hass, name) for name in dict.fromkeys((*own, *speaker.volume_entity_ids))}
        self._parent_id: str | None = None
        self._states: dict[str, PlayerState] = {}
        self._store: PlayerStore
        self._playback: Playback | None = None
        self._is_stopped = False
        self._is_sounding = False
        self._is_resumed = True
        self._unsubscribe: CALLBACK_TYPE | None = None
        self._late_volume: asyncio.Task[None] | None = None

    @property
    def _main(self) -> Player | None:
        """The player that plays; None for a satellite."""
        return self._players.get(self._speaker.entity_id)

    async def async_begin(self) -> None:
        """Read the state of the players. Nothing is changed yet."""
        self._store = await async_get_player_store(self._hass)
        await asyncio.gather(*(player.async_refresh() for player in self._players.values()))
        for entity_id, player in self._players.items():
            if entity_id in self._states:  # it was read by an attempt that was cancelled
                continue
            state = PlayerState.capture(player)
            if earlier := await self._store.async_take(entity_id):
                earlier.adopt_volume(player.volume)
                state = _merge(earlier, state)
            if player is self._main and (self._route.is_managed or self._route.is_overlay):
                state.resume = self._route.resume.value
            self._states[entity_id] = state
        if self._players:
            self._unsubscribe = async_track_state_change_event(self._hass, list(self._players), self._volume_reported)

    @callback
    def set_context(self, parent_id: str | None) -> None:
        """Set the ID of the context of the announcement that is played next."""
        self._parent_id = parent_id
        for player in self._players.values():
            player.parent_id = parent_id

    async def async_play(
        self, audio: AnnouncementAudio, volume: float | None, *, resume: bool = True, is_critical: bool = False
    ) -> SpeakerResult:
        """Play an announcement, and return when it was heard.

        Args:
            audio: The announcement.
            volume: Volume from 0 to 1; None for that before the announcements.
            resume: Whether music is resumed after the last announcement.
            is_critical: Whether a conversation with a satellite is cut off.

        """
        self._is_stopped = False
        self._is_resumed = resume
        status, error = Status.FAILED, None
        volume_before = self._volume_before
        try:
            if self._route.kind is RouteKind.SATELLITE and not is_critical:
                await self._async_wait_for_conversation()
            if self._route.is_managed:
                await self._async_interrupt(audio)
            if not is_critical:
                await self._async_wait_for_unfinished()
            error = await self._async_apply_volume(volume)
            if self._is_stopped:
                status = Status.SKIPPED
            else:
                status = await self._async_run(audio, volume)
        except HomeAssistantError as err:
            error = err
        finally:
            if self._late_volume:
                self._late_volume.cancel()
                self._late_volume = None
        return SpeakerResult(
            status=status,
            error=error,
            route=self._route.kind.value,
            spoken_by=() if self._route.speaks_text or status not in _HEARD else audio.spoken_by,
            duration=audio.duration,
            volume_before=volume_before,
        )

    async def async_stop(self) -> None:
        """Stop the announcement that plays; its result is `skipped`. An overlay cannot be stopped."""
        self._is_stopped = True
        if self._playback:
            self._playback.async_stop()
        await self._async_stop_sound()

    async def async_end(self) -> None:
        """Restore the players, also if the caller is cancelled meanwhile."""
        restoring = self._hass.async_create_background_task(
            self._async_restore_all(), f"orator restore {self._speaker.entity_id}"
        )
        await asyncio.shield(restoring)

    @property
    def _volume_before(self) -> float | None:
        return next((state.volume for state in self._states.values() if state.volume is not None), None)

    @property
    def _unfinished(self) -> asyncio.Task[None] | None:
        """Action of an announcement that was stopped, also in an earlier session, but which the player still plays."""
        task = self._hass.data.get(_UNFINISHED, {}).get(self._speaker.entity_id)
        return task if task and not task.done() else None

    @_unfinished.setter
    def _unfinished(self, task: asyncio.Task[None] | None) -> None:
        unfinished = self._hass.data.setdefault(_UNFINISHED, {})
        if task:
            unfinished[self._speaker.entity_id] = task
        else:
            unfinished.pop(self._speaker.entity_id, None)

    async def _async_wait_for_unfinished(self) -> None:
        """Wait for an announcement that could not be stopped; a player would refuse another one meanwhile."""
        if unfinished := self._unfinished:
            await asyncio.wait({unfinished}, timeout=_UNFINISHED_TIMEOUT_S)
            unfinished.cancel()
            self._unfinished = None

    @property
    def _is_conversing(self) -> bool:
        """Whether the satellite is in a conversation, or another announcement is made on it."""
        state = self._hass.states.get(self._speaker.entity_id)
        return state is not None and state.state in _BUSY_STATES

    async def _async_wait_for_conversation(self) -> None:
        """Wait until the satellite is no longer busy. Raises HomeAssistantError."""
        satellite = Player(self._hass, self._speaker.entity_id)
        if not await satellite.async_wait_until(lambda: not self._is_conversing, _CONVERSATION_TIMEOUT_S):
            raise speaker_error(self._hass, self._speaker.entity_id, "satellite_is_busy")

    async def _async_interrupt(self, audio: AnnouncementAudio) -> None:
        """Pause the music once there is something to announce, and store that it is resumed."""
        player = self._players[self._speaker.entity_id]
        state = self._states[player.entity_id]
        if player.is_playing:
            await audio.async_wait_for_begin()
        current = PlayerState.capture(player)
        if current.was_playing and not self._is_sounding and (state.is_interrupted or not state.was_playing):
            state = self._states[player.entity_id] = _replace_playback(state, current)  # a person has started it since
        if state.is_interrupted or not (state.was_playing or state.was_off or state.is_input):
            return
        state.position = player.position if player.position is not None else state.position
        state.is_interrupted = True
        await self._store.async_put(state)
        if player.is_playing:
            with suppress(HomeAssistantError):  # the announcement replaces the music
                await player.async_silence()

    async def _async_apply_volume(self, volume: float | None) -> HomeAssistantError | None:
        """Set the volume of all players at once, and return an error; the announcement is played nevertheless."""
        results = await asyncio.gather(
            *(self._async_apply_player_volume(self._players[name], volume) for name in self._speaker.volume_entity_ids),
            return_exceptions=True,
        )
        errors = [result for result in results if isinstance(result, BaseException)]
        for error in errors:
            if not isinstance(error, HomeAssistantError):
                raise error
        if not errors:
            return None
        return speaker_error(self._hass, self._speaker.entity_id, "speaker_volume_not_set", errors[0])

    async def _async_apply_player_volume(self, player: Player, volume: float | None) -> None:
        """Unmute a player and set its volume, stored before each change. Raises HomeAssistantError."""
        state = self._states[player.entity_id]
        if player.is_muted and player.supports(Feature.VOLUME_MUTE) and not (self._route.volume and player.is_playing):
            state.is_muted = state.is_unmuted = True
            await self._store.async_put(state)
            await player.async_call("volume_mute", is_volume_muted=False)
            if not state.volume:  # some platforms mute by a volume of 0
                await player.async_wait_until(lambda: bool(player.volume), 1.0)
                state.volume = player.volume
        if self._route.volume or self._route.has_fixed_volume:
            return
        if volume is None:
            volume = state.volume if state.set_volumes else None
        if volume is None:
            return
        if player.volume is None and state.volume is None:
            if player.is_off and player.supports(Feature.TURN_ON):
                await player.async_call("turn_on")
                await player.async_wait_until(lambda: player.volume is not None, _VOLUME_TIMEOUT_S)
            if player.volume is None:
                self._late_volume = self._hass.async_create_background_task(
                    self._async_set_late_volume(player, state, volume), "orator announce volume"
                )
                return
        await self._async_set_player_volume(player, state, volume)

    async def _async_set_late_volume(self, player: Player, state: PlayerState, volume: float) -> None:
        """Set the volume of a player that reports its volume only while it plays."""
        with suppress(HomeAssistantError):
            if await player.async_wait_until(lambda: player.volume is not None, _NO_LIMIT_S):
                await self._async_set_player_volume(player, state, volume)

    async def _async_set_player_volume(self, player: Player, state: PlayerState, volume: float) -> None:
        """Set the volume if it differs. Raises HomeAssistantError."""
        state.adopt_volume(player.volume)
        current = player.volume
        if current is not None and not state.set_volumes:
            state.volume = current
            if abs(current - volume) < _EQUAL_VOLUME:
                return
        if state.volume is None or not player.supports(Feature.VOLUME_SET):
            if player.supports(Feature.VOLUME_SET):
                return
            raise speaker_error(self._hass, player.entity_id, "speaker_has_no_volume")
        state.set_volumes.append(volume)
        await self._store.async_put(state)
        await player.async_set_volume(volume)

    async def _async_run(self, audio: AnnouncementAudio, volume: float | None) -> Status:
        """Play the audio, again if a conversation with the satellite has begun just before."""
        while True:
            try:
                return await self._async_run_once(audio, volume)
            except HomeAssistantError:  # even a critical announcement cannot interrupt every other one
                if self._unfinished:
                    await self._async_wait_for_unfinished()
                    continue
                if self._route.kind is not RouteKind.SATELLITE or not self._is_conversing:
                    raise
            await self._async_wait_for_conversation()

    async def _async_run_once(self, audio: AnnouncementAudio, volume: float | None) -> Status:
        """Play the audio once. Raises HomeAssistantError."""
        playback = self._playback = Playback(self._hass, self._speaker.entity_id, self._route, audio)
        self._is_sounding = True
        try:
            async with playback:
                status = await playback.async_run(self._play(audio, volume))
        finally:
            self._playback = None
            self._unfinished = playback.unfinished or self._unfinished
            if state := self._states.get(self._speaker.entity_id):
                state.announced += playback.announced
                if playback.has_replaced_music:
                    state.is_interrupted = state.was_playing or state.was_off
                    async_set_replacing(self._hass, self._speaker.entity_id)
        self._is_sounding = False
        return Status.SKIPPED if self._is_stopped else status

    def _play(self, audio: AnnouncementAudio, volume: float | None) -> Coroutine[Any, Any, None]:
        """Return the action that plays the audio."""
        if self._route.kind is RouteKind.SATELLITE:
            if not self._route.speaks_text:
                message = {"media_id": audio.media_id}
            elif audio.message is None:
                raise speaker_error(self._hass, self._speaker.entity_id, "satellite_speaks_text_only")
            else:
                message = {"message": remove_ssml(audio.message)}
            return async_call(
                self._hass,
                SATELLITE_DOMAIN,
                "announce",
                _NO_LIMIT_S,
                parent_id=self._parent_id,
                entity_id=self._speaker.entity_id,
                preannounce=False,
                **message,
            )
        data: dict[str, Any] = {"media_content_id": audio.media_id, "media_content_type": "music"}
        if self._route.is_native:
            data["announce"] = True
            if self._route.volume and volume is not None:
                data["extra"] = {self._route.volume.key: self._route.volume.value(volume)}
        return self._async_play_media(audio, data)

    async def _async_play_media(self, audio: AnnouncementAudio, data: dict[str, Any]) -> None:
        """Play media, once more if a managed player refuses it, as some do just after other media.

        Raises HomeAssistantError.
        """
        player = self._players[self._speaker.entity_id]
        try:
            await player.async_call("play_media", limit_s=_NO_LIMIT_S, **data)
        except HomeAssistantError:
            await audio.async_wait_for_begin()  # raises the error of a voice that has failed
            await player.async_refresh()
            if not self._route.is_managed or player.is_playing:
                raise
            await player.async_call("play_media", limit_s=_NO_LIMIT_S, **data)

    async def _async_stop_sound(self) -> None:
        """Stop an announcement that a managed player may still play."""
        player = self._main
        if not self._is_sounding or not self._route.is_managed or player is None:
            return
        await player.async_refresh()
        if not player.is_playing:
            return
        self._is_sounding = False
        service = "media_stop" if player.supports(Feature.STOP) else "media_pause"
        if player.supports(Feature.STOP | Feature.PAUSE):
            with suppress(HomeAssistantError):
                await player.async_call(service)

    @callback
    def _volume_reported(self, event: Event[EventStateChangedData]) -> None:
        """Remember how the player has rounded the volume that Orator has set."""
        state = self._states.get(event.data["entity_id"])
        if state is None or not state.set_volumes:
            return
        volume = self._players[state.entity_id].volume
        if volume is None or is_same_volume(volume, state.volume):
            return
        if volume not in state.set_volumes and abs(volume - state.set_volumes[-1]) <= _MAX_ROUNDING:
            state.set_volumes.append(volume)

    async def _async_restore_all(self) -> None:
        if self._unsubscribe:
            self._unsubscribe()
            self._unsubscribe = None
        await self._async_stop_sound()
        changed = [state for state in self._states.values() if state.is_changed or self._store.has(state.entity_id)]
        for state in changed:
            state.was_playing &= self._is_resumed
        if restoring := [self._store.async_restore(state) for state in changed]:
            await asyncio.wait(restoring)
        self._states = {}


def _replace_playback(state: PlayerState, current: PlayerState) -> PlayerState:
    """Return a state with the playback of another one."""
    return replace(
        current,
        volume=state.volume,
        is_muted=state.is_muted,
        set_volumes=state.set_volumes,
        is_unmuted=state.is_unmuted,
        announced=state.announced,
        resume=state.resume,
    )


def _merge(earlier: PlayerState, current: PlayerState) -> PlayerState:
    """Return the state to restore after an earlier announcement that could not be restored, and the new ones."""
    if earlier.is_interrupted and not current.was_playing:
        return earlier
    return _replace_playback(earlier, current)
