"""The state of a player before an announcement: stored before anything is touched, and restored."""

import asyncio
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timedelta
import logging
from typing import Any, Final

from homeassistant.components.media_player import MediaPlayerDeviceClass, MediaPlayerEntityFeature as Feature
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import CALLBACK_TYPE, Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.event import async_call_later, async_track_state_change_event
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN
from .player import Player, is_available, is_same_volume, speaker_error
from .routes import Resume

_LOGGER = logging.getLogger(__name__)

_STORE_KEY: Final = f"{DOMAIN}.announcements_players"
_STORE_VERSION: Final = 1
_MAX_RESUME_AGE: Final = timedelta(minutes=10)
"""Music that an announcement interrupted longer ago is not started again after a restart."""
_RETRY_DELAYS_S: Final = (10.0, 60.0, 600.0)
"""Delays after which a player that refuses to be restored is asked again."""
_PLAYING_TIMEOUT_S: Final = 5.0
_MIN_SEEK_S: Final = 2.0
_SEEK_DELAYS_S: Final = (0.0, 0.2, 0.5, 1.0)
"""Delays of the attempts to go to a position."""
_DEVICES_WITH_INPUTS: Final = frozenset({MediaPlayerDeviceClass.RECEIVER, MediaPlayerDeviceClass.TV})
_ADDRESS_PREFIXES: Final = ("http://", "https://", "media-source://", "rtsp://")


@dataclass(slots=True, kw_only=True)
class PlayerState:
    """The state of a player before an announcement, and what Orator has changed since."""

    entity_id: str
    volume: float | None
    is_muted: bool
    was_playing: bool
    was_off: bool
    media_content_id: str | None = None
    media_content_type: str | None = None
    position: float | None = None
    source: str | None = None
    is_input: bool = False
    """Whether the source is an input, such as that of a receiver, which does not start anything."""
    created_at: str = field(default_factory=lambda: dt_util.utcnow().isoformat())
    set_volumes: list[float] = field(default_factory=list)
    """The volumes that Orator has set, also as the player has rounded them; empty if the volume is as before."""
    is_unmuted: bool = False
    """Whether Orator has unmuted the player."""
    is_interrupted: bool = False
    """Whether Orator has paused the music, or played something else."""
    announced: list[str] = field(default_factory=list)
    """Content IDs that the player has reported for announcements."""
    resume: str | None = None
    """How the music is resumed; None if the player does it by itself."""

    @classmethod
    def capture(cls, player: Player) -> PlayerState:
        """Return the state of a player."""
        return cls(
            entity_id=player.entity_id,
            volume=player.volume,
            is_muted=player.is_muted,
            was_playing=player.is_playing and not player.is_speaking,
            was_off=player.is_off,
            media_content_id=player.content_id,
            media_content_type=_text(player.attribute("media_content_type")),
            position=player.position,
            source=_text(player.attribute("source")),
            is_input=player.attribute("device_class") in _DEVICES_WITH_INPUTS,
        )

    @classmethod
    def from_store(cls, data: dict[str, Any]) -> PlayerState:
        """Return a stored state. Raises TypeError if a field is missing."""
        names = {item.name for item in fields(cls)}
        return cls(**{name: value for name, value in data.items() if name in names})

    @property
    def is_changed(self) -> bool:
        """Whether there is anything to restore."""
        return bool(self.set_volumes) or self.is_unmuted or self.is_interrupted

    def adopt_volume(self, current: float | None) -> None:
        """Keep a volume that a person has set after Orator."""
        known = (*self.set_volumes, self.volume)
        if self.set_volumes and current is not None and not any(is_same_volume(current, volume) for volume in known):
            self.volume = current
            self.set_volumes = []

    async def async_restore_sound(self, player: Player) -> None:
        """Restore volume and mute. Raises HomeAssistantError."""
        self.adopt_volume(player.volume)
        if self.set_volumes and self.volume is not None:
            await player.async_set_volume(self.volume)
        self.set_volumes = []
        if self.is_unmuted:
            await player.async_call("volume_mute", is_volume_muted=True)
            self.is_unmuted = False

    async def async_restore_playback(self, player: Player) -> None:
        """Turn off or resume the player, unless a person has started something else. Raises HomeAssistantError."""
        if not self.is_interrupted:
            return
        content_id = player.content_id
        is_changed = content_id not in (None, self.media_content_id, *self.announced) and bool(self.announced)
        if self.was_off and not is_changed:
            if not player.is_off and not player.is_playing and player.supports(Feature.TURN_OFF):
                await player.async_call("turn_off")
        elif self.is_input and self.source and not is_changed and player.attribute("source") != self.source:
            await self._async_select_source(player)
        elif self.was_playing and not is_changed:
            await self._async_resume(player, is_paused=content_id is not None and content_id == self.media_content_id)
        self.is_interrupted = False

    async def _async_resume(self, player: Player, *, is_paused: bool) -> None:
        """Play again what was playing."""
        if player.is_playing:
            return  # by itself
        if is_paused and player.supports(Feature.PLAY):
            await player.async_call("media_play")
            return
        if self.resume == Resume.NONE:
            return
        if self._is_replayable:
            await player.async_call(
                "play_media",
                media_content_id=self.media_content_id,
                media_content_type=self.media_content_type or "music",
            )
        else:
            await self._async_select_source(player)
            return
        await self._async_seek(player)

    async def _async_select_source(self, player: Player) -> None:
        if self.source and player.supports(Feature.SELECT_SOURCE):
            await player.async_call("select_source", source=self.source)

    async def _async_seek(self, player: Player) -> None:
        """Go to the position at which the music was interrupted; a live stream has no duration."""
        if self.position is None or self.position < _MIN_SEEK_S:
            return

        def can_seek() -> bool:  # some players support it only while they play
            return player.is_playing and player.supports(Feature.SEEK)

        if not await player.async_wait_until(can_seek, _PLAYING_TIMEOUT_S):
            return
        for delay in _SEEK_DELAYS_S:  # some players ignore it while they load the music
            await asyncio.sleep(delay)
            try:
                await player.async_call("media_seek", seek_position=self.position)
            except HomeAssistantError:  # it plays, from its beginning
                return
            if not player.is_polled:  # its position may be reported later
                return
            await player.async_refresh()
            if not player.is_playing or player.position is None or player.position > self.position - _MIN_SEEK_S:
                return

    @property
    def _is_replayable(self) -> bool:
        if not self.media_content_id:
            return False
        return self.resume == Resume.CONTENT_ID or self.media_content_id.startswith(_ADDRESS_PREFIXES)


class PlayerStore:
    """The states of players that are announcing, or that have become unavailable before they could be restored."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Create the store; `async_load` reads it."""
        self._hass = hass
        self._store = Store[dict[str, dict[str, Any]]](hass, _STORE_VERSION, _STORE_KEY)
        self._states: dict[str, PlayerState] = {}
        self._waiting: dict[str, CALLBACK_TYPE] = {}
        self._restoring: dict[str, asyncio.Task[None]] = {}
        self._is_stored = False
        self._is_stopped = False
        self._lock = asyncio.Lock()
        hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, self._stop)

    async def async_load(self) -> None:
        """Read the states that were stored when Home Assistant ended, and restore them when the players are back."""
        try:
            stored = await self._store.async_load()
        except HomeAssistantError, OSError:  # announcements must work nevertheless
            _LOGGER.exception("Could not read the states of players before their announcements")
            stored = None
        self._is_stored = stored is not None
        for entity_id, data in (stored or {}).items():
            try:
                state = PlayerState.from_store(data)
            except TypeError, ValueError:
                _LOGGER.debug("Ignoring the stored state of %s", entity_id)
                continue
            if _is_outdated(state):
                state.is_interrupted = False
            self._states[entity_id] = state
            self.async_restore_later(state)
        if stored is not None and not self._states:
            await self._async_save()

    def has(self, entity_id: str) -> bool:
        """Return whether a state is stored."""
        return entity_id in self._states

    async def async_put(self, state: PlayerState) -> None:
        """Store a state before or after a change."""
        self._states[state.entity_id] = state
        await self._async_save()

    async def async_remove(self, entity_id: str) -> None:
        """Forget a state that was restored."""
        if self._states.pop(entity_id, None):
            await self._async_save()

    async def async_take(self, entity_id: str) -> PlayerState | None:
        """Return a state that waits to be restored, because a new announcement begins instead."""
        while restoring := self._restoring.get(entity_id):
            await asyncio.wait({restoring})
        if unsubscribe := self._waiting.pop(entity_id, None):
            unsubscribe()
            return self._states.get(entity_id)
        return None

    @callback
    def async_restore_later(self, state: PlayerState, attempt: int = 0) -> None:
        """Restore a state as soon as its player is available.

        If an available player refuses, Orator retries after a delay, and finally when the player has restarted.
        """
        if self._is_stopped:
            return
        player = Player(self._hass, state.entity_id)
        must_restart = attempt > len(_RETRY_DELAYS_S)

        @callback
        def retry(event: Event[EventStateChangedData] | datetime | None) -> None:
            if not player.is_available or (state.set_volumes and player.volume is None):
                return
            if must_restart and isinstance(event, Event) and is_available(event.data["old_state"]):
                return
            if unsubscribe := self._waiting.pop(state.entity_id, None):
                unsubscribe()
                self.async_restore(state, attempt)

        is_refused = attempt and player.is_available and not must_restart
        self._waiting[state.entity_id] = (
            async_call_later(self._hass, _RETRY_DELAYS_S[attempt - 1], retry)
            if is_refused
            else async_track_state_change_event(self._hass, state.entity_id, retry)
        )
        if not is_refused and not must_restart:
            retry(None)

    @callback
    def async_restore(self, state: PlayerState, attempt: int = 0) -> asyncio.Task[None]:
        """Restore a state now, or later if its player is unavailable or refuses. The task never fails."""
        task = self._hass.async_create_background_task(
            self._async_restore(state, attempt), f"orator restore {state.entity_id}"
        )
        self._restoring[state.entity_id] = task
        task.add_done_callback(lambda _task: self._restoring.pop(state.entity_id, None))
        return task

    async def _async_restore(self, state: PlayerState, attempt: int) -> None:
        player = Player(self._hass, state.entity_id)
        try:
            if not player.is_available:
                raise speaker_error(self._hass, state.entity_id, "speaker_unavailable")
            await player.async_refresh()
            await state.async_restore_sound(player)
            await state.async_restore_playback(player)
        except HomeAssistantError as err:
            if attempt == len(_RETRY_DELAYS_S):
                _LOGGER.warning("Could not restore %s: %s", state.entity_id, err)
            await self.async_put(state)
            self.async_restore_later(state, attempt + 1)
        else:
            await self.async_remove(state.entity_id)

    async def _async_save(self) -> None:
        async with self._lock:
            if self._states:
                self._is_stored = True
                await self._store.async_save({entity_id: asdict(state) for entity_id, state in self._states.items()})
            elif self._is_stored:
                self._is_stored = False
                await self._store.async_remove()

    @callback
    def _stop(self, _event: Event) -> None:
        """Stop waiting for players; their states stay stored."""
        self._is_stopped = True
        for unsubscribe in self._waiting.values():
            unsubscribe()
        self._waiting.clear()


_PLAYER_STORE: Final[HassKey[asyncio.Future[PlayerStore]]] = HassKey("orator_player_store")


async def async_get_player_store(hass: HomeAssistant) -> PlayerStore:
    """Return the store, which is loaded once."""
    if (loading := hass.data.get(_PLAYER_STORE)) is None:
        loading = hass.data[_PLAYER_STORE] = hass.loop.create_future()
        store = PlayerStore(hass)
        try:
            await store.async_load()
        except BaseException:
            del hass.data[_PLAYER_STORE]
            loading.cancel()
            raise
        loading.set_result(store)
    return await asyncio.shield(loading)


async def async_restore_players(hass: HomeAssistant) -> None:
    """Restore players that were announcing when Home Assistant ended, as soon as each is available."""
    await async_get_player_store(hass)


def _is_outdated(state: PlayerState) -> bool:
    created_at = dt_util.parse_datetime(state.created_at)
    return created_at is None or dt_util.utcnow() - created_at > _MAX_RESUME_AGE


def _text(value: object) -> str | None:
    return str(value) if value else None
