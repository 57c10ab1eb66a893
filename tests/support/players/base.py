"""The base of strict media players: state, volume, music, faults, and audio that is really fetched over HTTP."""

import asyncio
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Final, override

from aiohttp import ClientError
from homeassistant.components import media_source
from homeassistant.components.media_player import (
    MediaPlayerDeviceClass,
    MediaPlayerEntity,
    MediaPlayerEntityFeature as Feature,
    MediaPlayerState,
    MediaType,
    async_process_play_media_url,
)
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.util import dt as dt_util

from custom_components.orator.audio.conversion import measure_duration

MUSIC: Final = "http://radio.example/stream.mp3"
"""What a player plays when music is started."""
MUSIC_POSITION: Final = 42.0

MANAGED_FEATURES: Final = (
    Feature.PLAY_MEDIA
    | Feature.PLAY
    | Feature.PAUSE
    | Feature.STOP
    | Feature.VOLUME_SET
    | Feature.VOLUME_MUTE
    | Feature.SEEK
)


class Fault(StrEnum):
    """What goes wrong with a command."""

    REFUSE = "refuse"
    """The command raises an error, and does nothing."""
    HANG = "hang"
    """The command never returns, and does nothing."""
    LATE = "late"
    """The command takes effect, and then raises an error."""
    VANISH = "vanish"
    """The player becomes unavailable instead."""


@dataclass(frozen=True, slots=True)
class Heard:
    """An announcement that was heard."""

    audio: bytes
    volume: float | None
    is_muted: bool
    with_music: bool
    url: str


@dataclass(slots=True)
class PlayerLog:
    """The commands that a player has received, and what was heard."""

    commands: list[str] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    """What must never happen, such as music at the volume of an announcement."""


async def fetch_media(hass: HomeAssistant, media_id: str, entity_id: str | None) -> tuple[str, bytes, float]:
    """Return the address of media, its content and duration, as a player fetches it. Raises HomeAssistantError."""
    if media_source.is_media_source_id(media_id):
        media_id = (await media_source.async_resolve_media(hass, media_id, entity_id)).url
    url = async_process_play_media_url(hass, media_id)
    try:
        async with async_get_clientsession(hass).get(url) as response:
            response.raise_for_status()
            audio = await response.read()
    except ClientError as err:
        raise HomeAssistantError(f"The player could not fetch: {type(err).__name__}") from err
    duration = await hass.async_add_executor_job(measure_duration, audio)
    if duration is None:
        raise HomeAssistantError("The player could not decode the audio")
    return url, audio, duration


class StrictPlayer(MediaPlayerEntity):
    """A managed player, which plays everything as ordinary media. Subclasses announce as their platforms do."""

    platform_name: ClassVar[str] = "dlna_dmr"
    features: ClassVar[Feature] = MANAGED_FEATURES
    stopped_state: ClassVar[MediaPlayerState] = MediaPlayerState.IDLE
    has_content_id: ClassVar[bool] = True
    start_delay_s: ClassVar[float] = 0.0
    """Time from the command to `playing`."""

    _attr_device_class = MediaPlayerDeviceClass.SPEAKER
    _attr_should_poll = False
    _attr_media_content_type = MediaType.MUSIC

    def __init__(
        self, name: str, *, volume: float | None = 0.3, device: DeviceInfo | None = None, unique_id: bool = True
    ) -> None:
        """Create an idle player."""
        self._attr_name = name
        self._attr_unique_id = f"{self.platform_name} {name}" if unique_id else None
        self._attr_device_info = device
        self._attr_supported_features = self.features
        self._attr_volume_level = volume
        self._attr_is_volume_muted = False
        self._attr_state = self.stopped_state
        self.log = PlayerLog()
        self.faults: dict[str, list[Fault]] = {}
        self.quiet_volume = volume
        """The volume at which music may play; a person may change it."""
        self._playing: asyncio.Task[None] | None = None
        self._content: str | None = None
        self.is_ending_on_its_own = True

    @property
    def music_plays(self) -> bool:
        """Whether music is playing."""
        return self._attr_state == MediaPlayerState.PLAYING and self._content == MUSIC

    @property
    def volume(self) -> float | None:
        """The volume of the device."""
        return self._attr_volume_level

    # What a person does.

    def start_music(self, *, paused: bool = False) -> None:
        """Start music, or put it on pause."""
        self._end_playing()
        self._set_content(MUSIC)
        self._attr_media_position, self._attr_media_duration = MUSIC_POSITION, 200
        self._attr_media_position_updated_at = dt_util.utcnow()
        self._set_state(MediaPlayerState.PAUSED if paused else MediaPlayerState.PLAYING)

    def turn_knob(self, volume: float) -> None:
        """Change the volume at the device."""
        self._attr_volume_level = self.quiet_volume = volume
        self.async_write_ha_state()

    def vanish(self) -> None:
        """Lose the connection, and whatever was playing."""
        self._end_playing()
        self._attr_available = False
        self._attr_state = self.stopped_state
        self.async_write_ha_state()

    def come_back(self) -> None:
        """Connect again."""
        self._attr_available = True
        self.async_write_ha_state()

    # Commands.

    @override
    async def async_set_volume_level(self, volume: float) -> None:
        percent = int(volume * 100)  # as many platforms do
        async with self._command("volume_set", f"volume {percent}"):
            self._attr_volume_level = percent / 100
            self._check_music()
            self.async_write_ha_state()

    @override
    async def async_mute_volume(self, mute: bool) -> None:
        async with self._command("volume_mute", "mute" if mute else "unmute"):
            self._attr_is_volume_muted = mute
            self.async_write_ha_state()

    @override
    async def async_media_pause(self) -> None:
        async with self._command("media_pause", "pause"):
            self._end_playing()
            if self._attr_state == MediaPlayerState.PLAYING:
                self._set_state(MediaPlayerState.PAUSED)

    @override
    async def async_media_play(self) -> None:
        async with self._command("media_play", "play"):
            if self._content is None:
                self.log.violations.append("play without anything to play")
                return
            if self._content != MUSIC:
                self.log.violations.append("announcement is played again")
            self._set_state(MediaPlayerState.PLAYING)
            self._check_music()

    @override
    async def async_media_stop(self) -> None:
        async with self._command("media_stop", "stop"):
            self._stop()

    @override
    async def async_media_seek(self, position: float) -> None:
        async with self._command("media_seek", f"seek {position:.0f}"):
            if self._attr_state != MediaPlayerState.PLAYING:
                self.log.violations.append("seek without playing")
            self._attr_media_position = position

    @override
    async def async_turn_on(self) -> None:
        async with self._command("turn_on", "turn on"):
            self._set_state(MediaPlayerState.IDLE)

    @override
    async def async_turn_off(self) -> None:
        async with self._command("turn_off", "turn off"):
            self._stop()
            self._set_state(MediaPlayerState.OFF)

    @override
    async def async_play_media(self, media_type: MediaType | str, media_id: str, **kwargs: Any) -> None:
        async with self._command("play_media", "play media"):
            assert media_type == "music"
            if media_id == MUSIC:
                self._end_playing()
                self._set_content(MUSIC)
                self._attr_media_position = 0
                self._attr_media_position_updated_at = dt_util.utcnow()
                self._set_state(MediaPlayerState.PLAYING)
                self._check_music()
                return
            await self.play_announcement(media_id, kwargs.get("announce"), kwargs.get("extra") or {})

    async def play_announcement(self, media_id: str, announce: object, extra: dict[str, Any]) -> None:
        """Play as ordinary media, which replaces the music."""
        assert not announce
        assert not extra
        url, audio, duration = await fetch_media(self.hass, media_id, self.entity_id)
        await self.play_in_background(url, audio, duration)

    async def play_in_background(self, url: str, audio: bytes, duration: float) -> None:
        """Show `playing` while something other than the music plays."""
        self._end_playing()
        self._set_content(url)
        self.hear(url, audio)

        async def play() -> None:
            if self.start_delay_s:
                await asyncio.sleep(self.start_delay_s)
            self._set_state(MediaPlayerState.PLAYING)
            await asyncio.sleep(duration)
            if self.is_ending_on_its_own:
                self._playing = None
                self._stop()

        self._playing = self.hass.async_create_background_task(play(), f"play {self.entity_id}")
        await asyncio.sleep(0)

    def hear(self, url: str, audio: bytes, volume: float | None = None) -> None:
        """Record an announcement, at a volume of its own or that of the player."""
        volume = self._attr_volume_level if volume is None else volume
        self.log.heard.append(Heard(audio, volume, bool(self._attr_is_volume_muted), self.music_plays, url))

    def _command(self, service: str, log: str) -> _Command:
        return _Command(self, service, log)

    def _check_music(self) -> None:
        """Record music that is louder than before the announcement."""
        volume = self._attr_volume_level
        if volume is None or self.quiet_volume is None:
            return
        if self.music_plays and volume > self.quiet_volume + 0.005:
            self.log.violations.append(f"music at {volume}")

    def _stop(self) -> None:
        self._end_playing()
        self._set_content(None)
        self._set_state(self.stopped_state)

    def _set_content(self, content: str | None) -> None:
        self._content = content
        self._attr_media_content_id = content if self.has_content_id else None

    def _set_state(self, state: MediaPlayerState) -> None:
        self._attr_state = state
        self.async_write_ha_state()

    def _end_playing(self) -> None:
        if self._playing:
            self._playing.cancel()
            self._playing = None


class _Command:
    """A command, as a context that applies the player's next fault."""

    def __init__(self, player: StrictPlayer, service: str, log: str) -> None:
        self._player, self._service, self._log = player, service, log
        self._fault: Fault | None = None

    async def __aenter__(self) -> None:
        self._player.log.commands.append(self._log)
        faults = self._player.faults.get(self._service)
        self._fault = faults.pop(0) if faults else None
        if self._fault is Fault.HANG:
            await asyncio.Event().wait()
        if self._fault is Fault.VANISH:
            self._player.vanish()
        if self._fault in (Fault.REFUSE, Fault.VANISH):
            raise HomeAssistantError(f"The player refuses {self._service}")

    async def __aexit__(self, *exception: object) -> None:
        if self._fault is Fault.LATE and exception[0] is None:
            raise HomeAssistantError(f"The player fails after {self._service}")
