"""Media players of Home Assistant that fetch announcements over HTTP, and take time for their commands."""

import asyncio
from datetime import timedelta
import logging
from time import monotonic
from typing import Any, Final, override

import aiohttp
from homeassistant.components.media_player import (
    DOMAIN as MEDIA_PLAYER_DOMAIN,
    MediaPlayerEntity,
    MediaPlayerEntityFeature as Feature,
    MediaPlayerState,
    MediaType,
    async_process_play_media_url,
)
from homeassistant.components.media_source import async_resolve_media, is_media_source_id
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import EntityPlatform

from .conditions import PAUSE_S, QUIET_VOLUME, VOLUME_S
from .playback import create_counter

_LOGGER: Final = logging.getLogger(__name__)
_MUSIC: Final = "http://radio.example/stream.mp3"
_NATIVE_VOLUME: Final = "announce_volume"
_FIRST_AUDIO_TIMEOUT_S: Final = 5.0
MANAGED_PLATFORM: Final = "dlna_dmr"
NATIVE_PLATFORM: Final = "music_assistant"


class NoSoundError(Exception):
    """A player has received no audio, or at the wrong volume."""


class Player(MediaPlayerEntity):
    """A player that plays everything as ordinary media: announcements replace its music."""

    features = (
        Feature.PLAY_MEDIA | Feature.PLAY | Feature.PAUSE | Feature.STOP | Feature.VOLUME_SET | Feature.VOLUME_MUTE
    )
    platform_name = MANAGED_PLATFORM

    _attr_should_poll = False
    _attr_media_content_type = MediaType.MUSIC

    def __init__(self, name: str, session: aiohttp.ClientSession) -> None:
        """Create an idle player."""
        self._attr_name = self._attr_unique_id = name
        self._attr_supported_features = self.features
        self._attr_volume_level = QUIET_VOLUME
        self._attr_is_volume_muted = False
        self._attr_state = MediaPlayerState.IDLE
        self._session = session
        self._first_audio: asyncio.Future[tuple[float, float]] | None = None
        self._task: asyncio.Task[None] | None = None

    def prepare(self, *, is_playing: bool) -> None:
        """Start or stop music, and expect an announcement."""
        self._end()
        self._attr_volume_level = QUIET_VOLUME
        self._first_audio = self.hass.loop.create_future()
        self._show(MediaPlayerState.PLAYING if is_playing else MediaPlayerState.IDLE, _MUSIC if is_playing else None)

    async def wait_for_first_audio(self, volume: float) -> float:
        """Return the time at which the first audio of an announcement arrived. Raises NoSoundError."""
        if self._first_audio is None:
            raise NoSoundError("not prepared")
        try:
            async with asyncio.timeout(_FIRST_AUDIO_TIMEOUT_S):
                moment, heard = await self._first_audio
        except TimeoutError as err:
            raise NoSoundError("no audio") from err
        if abs(heard - volume) > 0.005:
            raise NoSoundError(f"volume {heard} instead of {volume}")
        return moment

    @override
    async def async_play_media(self, media_type: MediaType | str, media_id: str, **kwargs: Any) -> None:
        self._end()
        if media_id == _MUSIC:
            self._show(MediaPlayerState.PLAYING, _MUSIC)
            return
        await self._announce(await self._resolve(media_id), kwargs.get("extra") or {})

    @override
    async def async_media_pause(self) -> None:
        await asyncio.sleep(PAUSE_S)
        self._end()
        self._show(MediaPlayerState.PAUSED, self._attr_media_content_id)

    @override
    async def async_media_play(self) -> None:
        self._show(MediaPlayerState.PLAYING, self._attr_media_content_id)

    @override
    async def async_media_stop(self) -> None:
        self._end()
        self._show(MediaPlayerState.IDLE, None)

    @override
    async def async_set_volume_level(self, volume: float) -> None:
        await asyncio.sleep(VOLUME_S)
        self._attr_volume_level = volume
        self.async_write_ha_state()

    @override
    async def async_mute_volume(self, mute: bool) -> None:
        self._attr_is_volume_muted = mute
        self.async_write_ha_state()

    async def _announce(self, url: str, extra: dict[str, Any]) -> None:
        """Play in the background, and be idle afterwards."""
        del extra
        self._task = self.hass.async_create_background_task(self._play_to_end(url), f"play {self.entity_id}")

    async def _play_to_end(self, url: str) -> None:
        await self._play(url, self._attr_volume_level or 0.0)
        self._show(MediaPlayerState.IDLE, None)

    async def _resolve(self, media_id: str) -> str:
        """Return the URL of media."""
        if is_media_source_id(media_id):
            media_id = (await async_resolve_media(self.hass, media_id, self.entity_id)).url
        return async_process_play_media_url(self.hass, media_id)

    async def _play(self, url: str, volume: float) -> None:
        """Fetch audio, and play it from its first frame on in real time."""
        try:
            await self._fetch(url, volume)
        except aiohttp.ClientError as err:
            if self._first_audio and not self._first_audio.done():
                self._first_audio.set_exception(NoSoundError(f"{type(err).__name__}: {err}"))

    async def _fetch(self, url: str, volume: float) -> None:
        counter = create_counter("mp3")
        started_at, seconds = 0.0, 0.0
        async with self._session.get(url) as response:
            response.raise_for_status()
            async for chunk in response.content.iter_any():
                seconds = counter.feed(chunk)
                if seconds and not started_at:
                    started_at = monotonic()
                    if self._first_audio and not self._first_audio.done():
                        self._first_audio.set_result((started_at, volume))
                    self._show(MediaPlayerState.PLAYING, url)
        await asyncio.sleep(max(0.0, started_at + seconds - monotonic()))

    def _show(self, state: MediaPlayerState, content_id: str | None) -> None:
        self._attr_state, self._attr_media_content_id = state, content_id
        self.async_write_ha_state()

    def _end(self) -> None:
        if self._task:
            self._task.cancel()
            self._task = None


class NativePlayer(Player):
    """A player whose server pauses the music, sets the volume, announces and restores both; the action waits."""

    features = Player.features | Feature.MEDIA_ANNOUNCE
    platform_name = NATIVE_PLATFORM

    @override
    async def _announce(self, url: str, extra: dict[str, Any]) -> None:
        before = self._attr_state or MediaPlayerState.IDLE, self._attr_media_content_id
        volume = self._attr_volume_level or 0.0
        if before[0] is MediaPlayerState.PLAYING:
            await asyncio.sleep(PAUSE_S)
        if _NATIVE_VOLUME in extra:
            await asyncio.sleep(VOLUME_S)
            volume = extra[_NATIVE_VOLUME] / 100
        await self._play(url, volume)
        self._show(*before)


async def add_players(hass: HomeAssistant, *players: Player) -> None:
    """Add players, each as one of its platform."""
    for player in players:
        platform = EntityPlatform(
            hass=hass,
            logger=_LOGGER,
            domain=MEDIA_PLAYER_DOMAIN,
            platform_name=player.platform_name,
            platform=None,
            scan_interval=timedelta(seconds=30),
            entity_namespace=None,
        )
        await platform.async_add_entities([player])
