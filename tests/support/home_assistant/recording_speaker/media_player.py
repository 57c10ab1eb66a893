"""Media player that fetches audio over HTTP and saves it in a folder.

media_player:
  - platform: recording_speaker
    name: Kitchen speaker
    folder: /config/recordings
"""

from itertools import count
from pathlib import Path
import time
from typing import Any, override

from aiohttp import ClientError, ClientTimeout
from homeassistant.components import media_source
from homeassistant.components.media_player import (
    PLATFORM_SCHEMA as MEDIA_PLAYER_PLATFORM_SCHEMA,
    BrowseMedia,
    MediaPlayerDeviceClass,
    MediaPlayerEntity,
    MediaPlayerEntityFeature,
    MediaPlayerState,
    MediaType,
    async_process_play_media_url,
)
from homeassistant.const import CONF_NAME
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.entity_platform import AddEntitiesCallback
from homeassistant.helpers.typing import ConfigType, DiscoveryInfoType
import voluptuous as vol
from yarl import URL

CONF_FOLDER = "folder"
_TIMEOUT = ClientTimeout(total=60)

PLATFORM_SCHEMA = MEDIA_PLAYER_PLATFORM_SCHEMA.extend(
    {vol.Required(CONF_NAME): cv.string, vol.Required(CONF_FOLDER): cv.path}
)


async def async_setup_platform(
    hass: HomeAssistant,
    config: ConfigType,
    async_add_entities: AddEntitiesCallback,
    discovery_info: DiscoveryInfoType | None = None,
) -> None:
    """Set up the media player from YAML."""
    async_add_entities([RecordingSpeaker(config[CONF_NAME], Path(config[CONF_FOLDER]))])


class RecordingSpeaker(MediaPlayerEntity):
    """A media player that saves what it plays."""

    _attr_device_class = MediaPlayerDeviceClass.SPEAKER
    _attr_should_poll = False
    _attr_state = MediaPlayerState.IDLE
    _attr_supported_features = (
        MediaPlayerEntityFeature.PLAY_MEDIA
        | MediaPlayerEntityFeature.MEDIA_ANNOUNCE
        | MediaPlayerEntityFeature.BROWSE_MEDIA
    )

    def __init__(self, name: str, folder: Path) -> None:
        """Initialize the media player."""
        self._attr_name = name
        self._folder = folder
        self._numbers = count(1)

    @override
    async def async_browse_media(
        self, media_content_type: MediaType | str | None = None, media_content_id: str | None = None
    ) -> BrowseMedia:
        return await media_source.async_browse_media(
            self.hass, media_content_id, content_filter=lambda item: item.media_content_type.startswith("audio/")
        )

    @override
    async def async_play_media(self, media_type: MediaType | str, media_id: str, **_kwargs: Any) -> None:
        """Fetch the media completely; the attributes contain the file and the times afterwards."""
        if media_source.is_media_source_id(media_id):
            media_id = (await media_source.async_resolve_media(self.hass, media_id, self.entity_id)).url
        url = URL(async_process_play_media_url(self.hass, media_id))
        self._change_state(MediaPlayerState.PLAYING)
        try:
            audio, began_at = await self._fetch(url)
            file = self._folder / f"speaker-{next(self._numbers)}{url.suffix}"
            await self.hass.async_add_executor_job(file.write_bytes, audio)
        except (ClientError, TimeoutError) as err:
            raise HomeAssistantError(f"The speaker could not play: {type(err).__name__} {err}") from err
        else:
            self._attr_extra_state_attributes = {
                "recording": str(file),
                "began_at": began_at,
                "ended_at": time.time(),
            }
        finally:
            self._change_state(MediaPlayerState.IDLE)

    async def _fetch(self, url: URL) -> tuple[bytes, float]:
        """Return the content of a URL, and when its first byte arrived."""
        content = bytearray()
        began_at = 0.0
        async with async_get_clientsession(self.hass).get(url, timeout=_TIMEOUT) as response:
            response.raise_for_status()
            async for chunk in response.content.iter_any():
                began_at = began_at or time.time()
                content += chunk
        return bytes(content), began_at

    def _change_state(self, state: MediaPlayerState) -> None:
        """Set the state."""
        self._attr_state = state
        self.async_write_ha_state()
