"""A media player whose sounds last until the test ends them, so that tests decide what happens in the meantime."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final, override

from homeassistant.components import media_player, tts
from homeassistant.components.media_player import MediaPlayerEntity, MediaPlayerEntityFeature, MediaPlayerState
from homeassistant.components.media_source import async_resolve_media
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import setup_test_component_platform

from tests.simulator.audio.tones import word_code

from .audio import RATE, decode
from .streams import wait_until
from .word_decoder import heard_words

_FEATURES: Final = (
    MediaPlayerEntityFeature.PLAY_MEDIA
    | MediaPlayerEntityFeature.PLAY
    | MediaPlayerEntityFeature.PAUSE
    | MediaPlayerEntityFeature.STOP
    | MediaPlayerEntityFeature.VOLUME_SET
)
_WORDS: Final = {word_code(word): word for word in ("dinner", "fire", "laundry", "letter", "window", "door")}
"""Words that tests announce."""
MUSIC: Final = "http://radio.example/stream"


@dataclass(frozen=True, slots=True)
class Heard:
    """What a player has played, and at which volume."""

    words: str
    volume: float


class ControlledPlayer(MediaPlayerEntity):
    """A player that pauses for announcements; `finish` ends the sound that it plays."""

    _attr_should_poll = False
    _attr_supported_features = _FEATURES

    def __init__(self, name: str, *, hangs: bool = False) -> None:
        """Create a player."""
        self._attr_name = name
        self._attr_unique_id = name
        self._attr_volume_level = 0.5
        self._attr_state = MediaPlayerState.IDLE
        self._hangs = hangs
        self.heard: list[Heard] = []
        """Everything that was played, music included."""
        self.is_refusing = False

    @property
    def words(self) -> list[str]:
        """The announcements that have begun, in order."""
        return [heard.words for heard in self.heard if heard.words != MUSIC]

    def play_music(self) -> None:
        """Play music, as a person does."""
        self._attr_media_content_id = MUSIC
        self._attr_media_content_type = "music"
        self._attr_state = MediaPlayerState.PLAYING
        self.async_write_ha_state()

    def set_available(self, is_available: bool) -> None:  # noqa: FBT001
        """Lose the connection, or connect again."""
        self._attr_available = is_available
        self.async_write_ha_state()

    async def wait_for(self, *words: str) -> None:
        """Wait until exactly these announcements have begun, in this order, and the last one is played."""
        await wait_until(lambda: self.words == list(words) and self.state is MediaPlayerState.PLAYING)

    def finish(self) -> None:
        """End the sound."""
        assert self.state is MediaPlayerState.PLAYING
        self._attr_state = MediaPlayerState.IDLE
        self.async_write_ha_state()

    @override
    async def async_play_media(self, media_type: str, media_id: str, **kwargs: Any) -> None:
        if self._hangs:
            await asyncio.Event().wait()
        if self.is_refusing:
            raise HomeAssistantError("The player refuses")
        words = media_id
        if media_id != MUSIC:
            media = await async_resolve_media(self.hass, media_id, self.entity_id)
            stream = tts.async_get_stream(self.hass, media.url.rpartition("/")[2])
            assert stream
            sound = await decode(b"".join([block async for block in stream.async_stream_result()]))
            words = " ".join(_WORDS[word.code] for word in heard_words(sound.samples, RATE) if word.code)
        assert self.volume_level is not None
        self.heard.append(Heard(words, self.volume_level))
        self._attr_media_content_id = media_id
        self._attr_state = MediaPlayerState.PLAYING
        self.async_write_ha_state()

    @override
    async def async_media_pause(self) -> None:
        self._attr_state = MediaPlayerState.PAUSED
        self.async_write_ha_state()

    @override
    async def async_media_play(self) -> None:
        self._attr_state = MediaPlayerState.PLAYING
        self.async_write_ha_state()

    @override
    async def async_media_stop(self) -> None:
        self._attr_state = MediaPlayerState.IDLE
        self.async_write_ha_state()

    @override
    async def async_set_volume_level(self, volume: float) -> None:
        self._attr_volume_level = volume
        self.async_write_ha_state()


async def call_announce(hass: HomeAssistant, **data: Any) -> dict[str, Any]:
    """Call the action `orator.announce`, by default for the kitchen's player, and return its response."""
    target = data.pop("target", {"entity_id": "media_player.kitchen"})
    response = await hass.services.async_call(
        "orator", "announce", data, target=target, blocking=True, return_response=True
    )
    assert response is not None
    return response


def get_result(response: dict[str, Any]) -> dict[str, Any]:
    """Return the result of the only speaker of a response."""
    (result,) = response.values()
    assert isinstance(result, dict)
    return result


async def add_players(hass: HomeAssistant, *players: ControlledPlayer) -> None:
    """Add players to Home Assistant."""
    setup_test_component_platform(hass, media_player.DOMAIN, players)
    assert await async_setup_component(hass, "media_source", {})
    assert await async_setup_component(hass, media_player.DOMAIN, {media_player.DOMAIN: {"platform": "test"}})
    await hass.async_block_till_done()
