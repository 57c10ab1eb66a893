"""Speakers that take announcements in the tests of what users set up: recipes, blueprints and announcers."""

from datetime import datetime
from typing import Any, override

from homeassistant.components import tts
from homeassistant.components.media_player import (
    DOMAIN as MEDIA_PLAYER,
    MediaPlayerEntity,
    MediaPlayerEntityFeature,
    MediaPlayerState,
)
from homeassistant.components.media_source import async_resolve_media
from homeassistant.core import HassJob, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.setup import async_setup_component

_PLAYING_S = 0.05


class Speaker(MediaPlayerEntity):
    """A media player that announces, and plays everything in a moment. `played`: the audio that it has played."""

    _attr_should_poll = False
    _attr_state = MediaPlayerState.IDLE
    _attr_supported_features = (
        MediaPlayerEntityFeature.PLAY_MEDIA
        | MediaPlayerEntityFeature.MEDIA_ANNOUNCE
        | MediaPlayerEntityFeature.VOLUME_SET
        | MediaPlayerEntityFeature.STOP
    )

    def __init__(self, name: str, *, volume: float = 0.3) -> None:
        """Initialize the speaker."""
        self.entity_id = f"{MEDIA_PLAYER}.{name}"
        self._attr_name = name.title()
        self._attr_unique_id = name
        self._attr_volume_level = volume
        self.played: list[bytes] = []
        self.volumes: list[float] = []
        """The volume of each audio."""
        self.error: Exception | None = None
        """What playing raises."""
        self.stays_busy = False
        """Whether the speaker plays until it is stopped."""

    @override
    async def async_play_media(self, media_type: str, media_id: str, **kwargs: Any) -> None:
        if self.error:
            raise self.error
        self.played.append(await read_speech(self.hass, media_id))
        self.volumes.append(self.volume_level or 0)
        self._set_state(MediaPlayerState.PLAYING)
        if not self.stays_busy:
            async_call_later(self.hass, _PLAYING_S, HassJob(self._end, cancel_on_shutdown=True))

    @override
    async def async_set_volume_level(self, volume: float) -> None:
        self._attr_volume_level = volume
        self.async_write_ha_state()

    @override
    async def async_media_stop(self) -> None:
        self._set_state(MediaPlayerState.IDLE)

    @callback
    def _end(self, _now: datetime) -> None:
        self._set_state(MediaPlayerState.IDLE)

    @callback
    def _set_state(self, state: MediaPlayerState) -> None:
        self._attr_state = state
        self.async_write_ha_state()


async def add_speakers(hass: HomeAssistant, *names: str) -> dict[str, Speaker]:
    """Add speakers, and return them by name."""
    assert await async_setup_component(hass, MEDIA_PLAYER, {})
    speakers = {name: Speaker(name) for name in names}
    await hass.data[MEDIA_PLAYER].async_add_entities(speakers.values())
    await hass.async_block_till_done()
    return speakers


async def read_speech(hass: HomeAssistant, media_id: str) -> bytes:
    """Return the audio of a media source ID of speech."""
    media = await async_resolve_media(hass, media_id, None)
    stream = tts.async_get_stream(hass, media.url.rpartition("/")[2])
    assert stream
    return b"".join([chunk async for chunk in stream.async_stream_result()])
