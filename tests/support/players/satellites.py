"""Strict Assist satellites, after the code of Home Assistant's integrations."""

import asyncio
from typing import Any, Final, override

from homeassistant.components.assist_satellite import (
    AssistSatelliteAnnouncement,
    AssistSatelliteConfiguration,
    AssistSatelliteEntity,
    AssistSatelliteEntityFeature,
)
from homeassistant.components.assist_satellite.entity import AssistSatelliteState
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.device_registry import DeviceInfo

from .base import Heard, PlayerLog, StrictPlayer, fetch_media

_PLATFORMS: Final = ("esphome", "wyoming", "voip")


class StrictSatellite(AssistSatelliteEntity):
    """A satellite that announces until the end; VoIP accepts only a message."""

    def __init__(
        self, platform: str, name: str, *, device: DeviceInfo | None = None, player: StrictPlayer | None = None
    ) -> None:
        """Create a satellite, which sounds at the volume of its media player."""
        assert platform in _PLATFORMS
        self.platform_name = platform
        self._attr_name = name
        self._attr_unique_id = f"{platform} satellite {name}"
        self._attr_device_info = device
        self._attr_supported_features = AssistSatelliteEntityFeature.ANNOUNCE
        self._player = player
        self.log = PlayerLog()
        self.is_cut_off = False
        """Whether an announcement has cut off a conversation."""

    @override
    def async_get_configuration(self) -> AssistSatelliteConfiguration:
        raise NotImplementedError

    @override
    async def async_set_configuration(self, config: AssistSatelliteConfiguration) -> None:
        raise NotImplementedError

    @override
    def on_pipeline_event(self, event: Any) -> None:
        raise NotImplementedError

    def converse(self, *, is_over: bool = False) -> None:
        """Start or end a conversation."""
        self._set_state(AssistSatelliteState.IDLE if is_over else AssistSatelliteState.LISTENING)

    @override
    async def _cancel_running_pipeline(self) -> None:
        self.is_cut_off |= self.state != AssistSatelliteState.IDLE
        await super()._cancel_running_pipeline()

    @override
    async def async_announce(self, announcement: AssistSatelliteAnnouncement) -> None:
        assert announcement.preannounce_media_id is None
        if self.platform_name == "voip" and announcement.media_id_source != "tts":
            raise HomeAssistantError("VoIP does not currently support non-TTS announcements")
        self.log.commands.append("announce")
        url, audio, duration = await fetch_media(self.hass, announcement.media_id, None)
        volume = self._player.volume if self._player else None
        is_muted = bool(self._player and self._player.is_volume_muted)
        self.log.heard.append(Heard(audio, volume, is_muted, with_music=False, url=url))
        await asyncio.sleep(duration)
