"""Reading and controlling one media player, with a time limit for everything."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
import math
from typing import Any, Final, TypeIs

from homeassistant.components.media_player import (
    DOMAIN as MEDIA_PLAYER_DOMAIN,
    MediaPlayerEntity,
    MediaPlayerEntityFeature as Feature,
    MediaPlayerState,
)
from homeassistant.const import ATTR_SUPPORTED_FEATURES, STATE_UNAVAILABLE
from homeassistant.core import Context, Event, EventStateChangedData, HomeAssistant, State, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.entity import Entity
from homeassistant.helpers.entity_component import DATA_INSTANCES, async_update_entity
from homeassistant.helpers.event import async_track_state_change_event
from homeassistant.util import dt as dt_util

from ..const import DOMAIN
from ..entity import entity_name

CALL_TIMEOUT_S: Final = 5.0
"""Limit of an action other than playing."""
_REFRESH_TIMEOUT_S: Final = 0.3
_VOLUME_TOLERANCE: Final = 0.015
"""Players round to whole percents."""

SPEECH_PATH: Final = "/api/tts_proxy/"
"""Part of the address of all speech of Home Assistant."""
_SPEECH_SOURCE: Final = "media-source://tts/"
"""Prefix of the media source IDs of speech, which may contain its text."""
PLAYING_STATES: Final = frozenset({MediaPlayerState.PLAYING, MediaPlayerState.BUFFERING})
OFF_STATES: Final = frozenset({MediaPlayerState.OFF, "standby"})


def speaker_error(hass: HomeAssistant, entity_id: str, key: str, detail: object = "") -> HomeAssistantError:
    """Return an error that names a speaker."""
    return HomeAssistantError(
        translation_domain=DOMAIN,
        translation_key=key,
        translation_placeholders={"speaker": entity_name(hass, entity_id), "detail": str(detail)},
    )


def find_entity(hass: HomeAssistant, entity_id: str) -> Entity | None:
    """Return an entity, for what its state does not show."""
    component = hass.data.get(DATA_INSTANCES, {}).get(entity_id.partition(".")[0])
    return component.get_entity(entity_id) if component else None


def is_available(state: State | None) -> TypeIs[State]:
    """Return whether a state is that of an available entity."""
    return state is not None and state.state != STATE_UNAVAILABLE


def is_same_volume(one: float | None, other: float | None) -> bool:
    """Return whether two volumes are equal except for rounding."""
    return one is not None and other is not None and abs(one - other) <= _VOLUME_TOLERANCE


def exact_volume(volume: float) -> float:
    """Return a volume that platforms which cut off decimals of a percentage do not change.

    For example, `int(0.29 * 100)` is 28.
    """
    volume = min(1.0, max(0.0, volume))
    percent = round(volume * 100)
    if math.isclose(volume * 100, percent, abs_tol=1e-9):
        while int(volume * 100) < percent:
            volume = math.nextafter(volume, 2)
    return volume


async def async_call(
    hass: HomeAssistant, domain: str, service: str, limit_s: float, *, parent_id: str | None = None, **data: Any
) -> None:
    """Call an action of an entity. Raises HomeAssistantError, whatever the platform raises.

    `parent_id`: ID of the context of the announcement.
    """
    entity_id = data["entity_id"]
    state = hass.states.get(entity_id)
    if not is_available(state):  # Home Assistant ignores the call
        raise speaker_error(hass, entity_id, "speaker_unavailable")
    try:
        async with asyncio.timeout(limit_s):
            await hass.services.async_call(domain, service, data, blocking=True, context=Context(parent_id=parent_id))
    except TimeoutError as err:
        raise speaker_error(hass, entity_id, "speaker_timeout") from err
    except HomeAssistantError:
        raise
    except Exception as err:
        detail = "" if "message" in data else str(err)  # an error of an action with a text may repeat the text
        raise speaker_error(hass, entity_id, "speaker_failed", detail or type(err).__name__) from err


class Player:
    """A media player."""

    def __init__(self, hass: HomeAssistant, entity_id: str) -> None:
        """Create the player of an entity."""
        self.hass = hass
        self.entity_id = entity_id
        self.parent_id: str | None = None
        """ID of the context of the current announcement."""

    @property
    def state(self) -> str | None:
        """The state; None if the entity is unavailable or does not exist."""
        state = self.hass.states.get(self.entity_id)
        return state.state if is_available(state) else None

    @property
    def is_available(self) -> bool:
        """Whether the player can be controlled."""
        return self.state is not None

    @property
    def is_playing(self) -> bool:
        """Whether the player plays."""
        return self.state in PLAYING_STATES

    @property
    def is_off(self) -> bool:
        """Whether the player is off; some are off whenever they do not play."""
        return self.state in OFF_STATES

    def attribute(self, name: str) -> Any:
        """Return an attribute, which Home Assistant hides while a player is off."""
        state = self.hass.states.get(self.entity_id)
        if state is not None and name in state.attributes:
            return state.attributes[name]
        if self.is_off and (entity := self._entity):
            with suppress(Exception):  # of the platform
                return getattr(entity, name)
        return None

    @property
    def _entity(self) -> MediaPlayerEntity | None:
        entity = find_entity(self.hass, self.entity_id)
        return entity if isinstance(entity, MediaPlayerEntity) else None

    @property
    def volume(self) -> float | None:
        """The volume from 0 to 1, if known."""
        volume = self.attribute("volume_level")
        return float(volume) if isinstance(volume, (int, float)) else None

    @property
    def is_muted(self) -> bool:
        """Whether the player is known to be muted."""
        return self.attribute("is_volume_muted") is True

    @property
    def content_id(self) -> str | None:
        """The content ID of what is played, unless it contains the text of speech."""
        content_id = self.attribute("media_content_id")
        return str(content_id) if content_id and not str(content_id).startswith(_SPEECH_SOURCE) else None

    @property
    def position(self) -> float | None:
        """The position in seconds of what is played; None if the player cannot seek."""
        if not self.supports(Feature.SEEK):
            return None
        position = self.attribute("media_position")
        if not isinstance(position, (int, float)):
            return None
        updated_at = self.attribute("media_position_updated_at")
        if self.is_playing and updated_at:
            position += max(0.0, (dt_util.utcnow() - updated_at).total_seconds())
        return float(position)

    @property
    def is_speaking(self) -> bool:
        """Whether the player plays or has played speech, which is never resumed."""
        content_id = str(self.attribute("media_content_id") or "")
        return SPEECH_PATH in content_id or content_id.startswith(_SPEECH_SOURCE)

    def supports(self, feature: Feature) -> bool:
        """Return whether a feature is supported."""
        state = self.hass.states.get(self.entity_id)
        return bool(state and int(state.attributes.get(ATTR_SUPPORTED_FEATURES, 0)) & feature)

    async def async_call(self, service: str, *, limit_s: float | None = None, **data: Any) -> None:
        """Call an action of the player. Raises HomeAssistantError."""
        await async_call(
            self.hass,
            MEDIA_PLAYER_DOMAIN,
            service,
            limit_s or CALL_TIMEOUT_S,
            parent_id=self.parent_id,
            entity_id=self.entity_id,
            **data,
        )

    async def async_set_volume(self, volume: float) -> None:
        """Set the volume. Raises HomeAssistantError."""
        await self.async_call("volume_set", volume_level=exact_volume(volume))

    @property
    def is_polled(self) -> bool:
        """Whether Home Assistant polls the player, so that `async_refresh` updates it."""
        entity = self._entity
        return entity is not None and entity.should_poll

    async def async_refresh(self) -> None:
        """Update a player that is polled, so that its state is not some seconds old; the time is limited."""
        if not self.is_polled:
            return
        update = self.hass.async_create_background_task(
            async_update_entity(self.hass, self.entity_id), f"orator refresh {self.entity_id}"
        )
        await asyncio.wait({update}, timeout=_REFRESH_TIMEOUT_S)  # a cancelled update might leave connections open

    async def async_wait_until(self, is_reached: Callable[[], bool], limit_s: float) -> bool:
        """Wait for a state change that leads to a condition, and return whether it was reached in time."""
        if is_reached():
            return True
        reached = asyncio.Event()

        @callback
        def state_changed(_event: Event[EventStateChangedData]) -> None:
            if is_reached():
                reached.set()

        unsubscribe = async_track_state_change_event(self.hass, self.entity_id, state_changed)
        try:
            async with asyncio.timeout(limit_s):
                await reached.wait()
        except TimeoutError:
            return False
        finally:
            unsubscribe()
        return True

    async def async_silence(self) -> None:
        """Pause, or stop a player that cannot pause, and wait until its state shows it."""
        if self.supports(Feature.PAUSE):
            await self.async_call("media_pause")
        elif self.supports(Feature.STOP):
            await self.async_call("media_stop")
        else:
            return
        await self.async_wait_until(lambda: not self.is_playing, 1.0)
