"""Adding strict players to Home Assistant, and speaking through them."""

from typing import Any

from homeassistant.components.media_player import DOMAIN as MEDIA_PLAYER_DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity import Entity
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockEntityPlatform

from custom_components.orator.announce.audio import Audio, async_create_audio
from custom_components.orator.announce.models import Announcement, SpeakerResult
from custom_components.orator.announce.session import SpeakerSession
from custom_components.orator.announce.targets import async_resolve_targets
from tests.support.audio import RATE, decode
from tests.support.word_decoder import assert_spoken

from .base import Heard, StrictPlayer
from .platforms import create_player
from .satellites import StrictSatellite


def device(name: str, **details: Any) -> DeviceInfo:
    """Return a device; entities with the same name share it."""
    return DeviceInfo(identifiers={("test", name)}, name=name, **details)


class Stage:
    """The players of a test, each registered under the name of its platform."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Create an empty stage."""
        self._hass = hass
        self._entries: dict[str, MockConfigEntry] = {}

    async def add_player(self, platform: str, name: str = "Kitchen", **settings: Any) -> StrictPlayer:
        """Add a media player."""
        player = create_player(platform, name, **settings)
        await self.add(MEDIA_PLAYER_DOMAIN, platform, player)
        return player

    async def add_satellite(self, platform: str, name: str = "Desk", **settings: Any) -> StrictSatellite:
        """Add a satellite; the fixture `assist_satellite` prepares it."""
        satellite = StrictSatellite(platform, name, **settings)
        await self.add("assist_satellite", platform, satellite)
        return satellite

    async def add(self, domain: str, platform: str, *entities: Entity) -> None:
        """Add entities of a platform."""
        if (entry := self._entries.get(platform)) is None:
            entry = self._entries[platform] = MockConfigEntry(domain=platform)
            entry.add_to_hass(self._hass)
        entity_platform = MockEntityPlatform(self._hass, domain=domain, platform_name=platform)
        entity_platform.config_entry = entry
        await entity_platform.async_add_entities(entities)


async def assert_heard(heard: list[Heard], *texts: str) -> None:
    """Fail unless exactly these messages were heard, one after the other."""
    assert len(heard) == len(texts)
    for item, text in zip(heard, texts, strict=True):
        assert_spoken((await decode(item.audio)).samples, RATE, text)


def create_audio(hass: HomeAssistant, message: str) -> Audio:
    """Return a message of the voice `tts.ann`, which begins to be generated."""
    audio = async_create_audio(hass, Announcement(id="test", message=message, voice="tts.ann"))
    audio.async_start()
    return audio


async def create_session(hass: HomeAssistant, entity_id: str) -> SpeakerSession:
    """Return the session of the speaker of an entity."""
    targets = await async_resolve_targets(hass, {"entity_id": [entity_id]})
    for error in targets.errors.values():
        raise error
    return SpeakerSession(hass, targets.speakers[0])


async def announce(
    hass: HomeAssistant, entity_id: str, message: str, volume: float | None = None, **settings: Any
) -> SpeakerResult:
    """Speak a message in a session of its own."""
    session = await create_session(hass, entity_id)
    await session.async_begin()
    try:
        return await session.async_play(create_audio(hass, message), volume, **settings)
    finally:
        await session.async_end()


def assert_restored(player: StrictPlayer, volume: float = 0.3) -> None:
    """Fail unless the volume is as before and nothing bad was heard."""
    assert player.volume == pytest.approx(volume)
    assert not player.log.violations
