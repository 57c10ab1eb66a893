"""Strict players of each platform, after the code of Home Assistant's integrations."""

import asyncio
from typing import Any, ClassVar, Final, override

from homeassistant.components.media_player import (
    MediaPlayerDeviceClass,
    MediaPlayerEntityFeature as Feature,
    MediaPlayerState,
)
from homeassistant.exceptions import HomeAssistantError
from yarl import URL

from .base import MANAGED_FEATURES, MUSIC, StrictPlayer, fetch_media

_NATIVE = MANAGED_FEATURES | Feature.MEDIA_ANNOUNCE


class OverlayPlayer(StrictPlayer):
    """Overlays announcements at a volume in percent, returns at once, and never shows them."""

    features: ClassVar[Feature] = _NATIVE
    volume_key: ClassVar[str]
    min_volume: ClassVar[int] = 0
    suffixes: ClassVar[tuple[str, ...]] = ()
    """Extensions of the only formats that are played; empty if all are."""

    @override
    async def play_announcement(self, media_id: str, announce: object, extra: dict[str, Any]) -> None:
        assert announce
        assert set(extra) <= {self.volume_key}
        volume = extra.get(self.volume_key)
        assert volume is None or (type(volume) is int and self.min_volume <= volume <= 100)
        url, audio, _ = await fetch_media(self.hass, media_id, self.entity_id)
        assert not self.suffixes or URL(url).suffix in self.suffixes
        self.hear(url, audio, None if volume is None else volume / 100)


class SonosPlayer(OverlayPlayer):
    """Overlays audio clips in two formats."""

    platform_name = "sonos"
    volume_key = "volume"
    suffixes = (".mp3", ".wav")


class SonosS1Player(StrictPlayer):
    """Plays every announcement as ordinary media at its own volume, like speakers without audio clips."""

    platform_name = "sonos"
    features: ClassVar[Feature] = _NATIVE

    @override
    async def play_announcement(self, media_id: str, announce: object, extra: dict[str, Any]) -> None:
        await super().play_announcement(media_id, None, {})


class MusicAssistantPlayer(StrictPlayer):
    """Announces on the server, which returns after the end, and refuses a second announcement meanwhile."""

    platform_name = "music_assistant"
    features = _NATIVE | Feature.TURN_OFF
    volume_key: ClassVar[str] = "announce_volume"
    _is_announcing = False

    @override
    async def play_announcement(self, media_id: str, announce: object, extra: dict[str, Any]) -> None:
        assert announce
        assert set(extra) <= {self.volume_key}
        volume = self.check_volume(extra.get(self.volume_key))
        if self._is_announcing:
            raise HomeAssistantError("An announcement is already in progress")
        self._is_announcing = True
        before = (self._content, self._attr_state)
        try:
            url, audio, duration = await fetch_media(self.hass, media_id, self.entity_id)
            if self._attr_state == MediaPlayerState.PLAYING:
                self._set_state(MediaPlayerState.PAUSED)
            self._set_content(url)
            self._set_state(MediaPlayerState.PLAYING)
            self.hear(url, audio, volume)
            await asyncio.sleep(duration)
        finally:
            self._is_announcing = False
            self._set_content(before[0])
            self._set_state(before[1])

    def check_volume(self, volume: Any) -> float | None:
        """Return the volume of an announcement from 0 to 1, clamped as the server does by default."""
        assert volume is None or (type(volume) is int and 1 <= volume <= 100)
        return None if volume is None else min(0.75, max(0.15, volume / 100))


class SqueezeboxPlayer(MusicAssistantPlayer):
    """Announces on the server, with a volume from 0 to 1."""

    platform_name = "squeezebox"

    @override
    def check_volume(self, volume: Any) -> float | None:
        assert volume is None or (isinstance(volume, float) and 0 < volume <= 1)
        return volume


class BangOlufsenPlayer(OverlayPlayer):
    """Overlays announcements; a volume of 0 would mean that none is given."""

    platform_name = "bang_olufsen"
    volume_key = "overlay_absolute_volume"
    min_volume = 1


class EsphomePlayer(StrictPlayer):
    """Mixes the announcement into its music, and returns at once; shows `playing` if nothing else plays."""

    platform_name = "esphome"
    features = _NATIVE

    @override
    async def play_announcement(self, media_id: str, announce: object, extra: dict[str, Any]) -> None:
        assert announce
        assert not extra
        asyncio.get_running_loop().create_task(self._announce(media_id))

    async def _announce(self, media_id: str) -> None:
        url, audio, duration = await fetch_media(self.hass, media_id, self.entity_id)
        self.hear(url, audio)
        before = self._attr_state
        if before != MediaPlayerState.PLAYING:
            self._set_state(MediaPlayerState.PLAYING)
            await asyncio.sleep(duration)
            self._set_state(before)

    @override
    def _check_music(self) -> None:
        """Allow it, as the device lowers its music by itself while it announces."""


class OwnTonePlayer(MusicAssistantPlayer):
    """Announces at the volume of its options, and returns after it has restored the queue."""

    platform_name = "forked_daapd"

    @override
    def check_volume(self, volume: Any) -> float | None:
        assert volume is None
        return 0.8


class CastPlayer(StrictPlayer):
    """Starts an app, which takes a moment."""

    platform_name = "cast"
    start_delay_s = 0.3


class MpdPlayer(StrictPlayer):
    """Is polled, off whenever it is stopped, and mutes by a volume of 0."""

    platform_name = "mpd"
    features = MANAGED_FEATURES | Feature.TURN_OFF | Feature.TURN_ON
    stopped_state = MediaPlayerState.OFF
    _attr_should_poll = True
    _muted_volume: float | None = None

    @override
    async def async_mute_volume(self, mute: bool) -> None:
        async with self._command("volume_mute", "mute" if mute else "unmute"):
            if mute:
                self._muted_volume, self._attr_volume_level = self._attr_volume_level, 0.0
            else:
                self._attr_volume_level = self._muted_volume
            self._attr_is_volume_muted = mute

    @override
    def _set_state(self, state: MediaPlayerState) -> None:
        self._attr_state = state  # seen by the next poll


class VlcPlayer(StrictPlayer):
    """Is polled, and has no content IDs."""

    platform_name = "vlc_telnet"
    has_content_id = False
    _attr_should_poll = True

    @override
    def _set_state(self, state: MediaPlayerState) -> None:
        self._attr_state = state  # seen by the next poll


class SlimProtoPlayer(StrictPlayer):
    """Plays addresses, cannot seek, and can be off."""

    platform_name = "slimproto"
    features = (MANAGED_FEATURES | Feature.TURN_OFF | Feature.TURN_ON) & ~Feature.SEEK


class AppleTvPlayer(StrictPlayer):
    """Streams to the device, and returns after the end."""

    platform_name = "apple_tv"

    @override
    async def play_announcement(self, media_id: str, announce: object, extra: dict[str, Any]) -> None:
        await super().play_announcement(media_id, announce, extra)
        assert self._playing
        await asyncio.wait({self._playing})


class SilentPlayer(StrictPlayer):
    """A player of an unknown platform, which shows nothing about what it plays."""

    platform_name = "unknown"

    @override
    async def play_in_background(self, url: str, audio: bytes, duration: float) -> None:
        self._stop()
        self.hear(url, audio)


class KodiPlayer(StrictPlayer):
    """Can neither pause nor stop what it plays."""

    platform_name = "kodi"
    features = MANAGED_FEATURES & ~(Feature.PAUSE | Feature.STOP)


class ReceiverPlayer(StrictPlayer):
    """Switches to its network input to play, and back to no other by itself."""

    platform_name = "yamaha_musiccast"
    features = MANAGED_FEATURES | Feature.SELECT_SOURCE | Feature.TURN_OFF
    _attr_device_class = MediaPlayerDeviceClass.RECEIVER
    _attr_source = "HDMI 1"

    @override
    async def play_announcement(self, media_id: str, announce: object, extra: dict[str, Any]) -> None:
        self._attr_source = "Network"
        await super().play_announcement(media_id, announce, extra)

    @override
    async def async_select_source(self, source: str) -> None:
        async with self._command("select_source", f"source {source}"):
            self._attr_source = source
            self.async_write_ha_state()


PLAYERS: Final[dict[str, type[StrictPlayer]]] = {
    kind.platform_name: kind
    for kind in (
        *(SonosPlayer, MusicAssistantPlayer, SqueezeboxPlayer, BangOlufsenPlayer, EsphomePlayer, OwnTonePlayer),
        *(StrictPlayer, CastPlayer, MpdPlayer, VlcPlayer, SlimProtoPlayer, AppleTvPlayer, SilentPlayer, KodiPlayer),
        ReceiverPlayer,
    )
}
"""The strict player of each platform."""


def create_player(platform: str, name: str, **settings: Any) -> StrictPlayer:
    """Return a player of a platform; one without a class of its own is an ordinary managed one."""
    if kind := PLAYERS.get(platform):
        return kind(name, **settings)
    return type("ManagedPlayer", (StrictPlayer,), {"platform_name": platform})(name, **settings)


__all__ = ["MUSIC", "PLAYERS", "create_player"]
