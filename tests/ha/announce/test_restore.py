"""Players that were announcing when Home Assistant ended are restored after it starts again."""

import asyncio
from datetime import timedelta
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
import pytest

from custom_components.orator.announce import player_state
from custom_components.orator.announce.models import Status
from custom_components.orator.announce.player_state import async_restore_players
from tests.support.players import Fault, Stage, StrictPlayer
from tests.support.players.base import MUSIC
from tests.support.players.stage import announce
from tests.support.speech import write_store
from tests.support.streams import wait_until

STORE = "orator.announcements_players"


def state_of(player: StrictPlayer, **changes: Any) -> dict[str, Any]:
    """Return the stored state of a player whose music was interrupted at a volume of 0.3."""
    return {
        "entity_id": player.entity_id,
        "volume": 0.3,
        "is_muted": False,
        "was_playing": True,
        "was_off": False,
        "media_content_id": MUSIC,
        "media_content_type": "music",
        "position": 42.0,
        "created_at": dt_util.utcnow().isoformat(),
        "set_volumes": [0.6],
        "is_interrupted": True,
        **changes,
    }


async def restart(hass: HomeAssistant, hass_storage: dict[str, Any], stored: dict[str, Any]) -> None:
    """Read the stored states as at the start of Home Assistant."""
    write_store(hass_storage, STORE, stored)
    hass.data.pop(player_state._PLAYER_STORE, None)
    await async_restore_players(hass)


@pytest.fixture
async def player(stage: Stage) -> StrictPlayer:
    """Return a player with the volume of an announcement."""
    player = await stage.add_player("dlna_dmr", volume=0.6)
    player.quiet_volume = 0.3
    return player


async def test_restart(hass: HomeAssistant, player: StrictPlayer, hass_storage: dict[str, Any]) -> None:
    """Volume and music are restored, and the store is removed."""
    await restart(hass, hass_storage, {player.entity_id: state_of(player)})
    await wait_until(lambda: STORE not in hass_storage)
    assert player.log.commands == ["volume 30", "play media", "seek 42"]
    assert player.music_plays


async def test_player_that_comes_later(hass: HomeAssistant, player: StrictPlayer, hass_storage: dict[str, Any]) -> None:
    """A player that is not available yet is restored as soon as it is."""
    player.vanish()
    await restart(hass, hass_storage, {player.entity_id: state_of(player)})
    await hass.async_block_till_done(wait_background_tasks=True)
    assert STORE in hass_storage
    assert not player.log.commands
    player.come_back()
    await wait_until(lambda: STORE not in hass_storage)
    assert player.log.commands == ["volume 30", "play media", "seek 42"]


async def test_muted_player(hass: HomeAssistant, player: StrictPlayer, hass_storage: dict[str, Any]) -> None:
    """A player that was muted is muted again."""
    state = state_of(player, is_muted=True, is_unmuted=True, is_interrupted=False)
    await restart(hass, hass_storage, {player.entity_id: state})
    await wait_until(lambda: STORE not in hass_storage)
    assert player.log.commands == ["volume 30", "mute"]


async def test_person_was_faster(hass: HomeAssistant, player: StrictPlayer, hass_storage: dict[str, Any]) -> None:
    """What a person has changed while Home Assistant was away stays."""
    player.turn_knob(0.45)
    player._set_content("http://other.example/song.mp3")
    player.async_write_ha_state()
    state = state_of(player, announced=["http://homeassistant.example/api/tts_proxy/x.mp3"])
    await restart(hass, hass_storage, {player.entity_id: state})
    await wait_until(lambda: STORE not in hass_storage)
    assert not player.log.commands


async def test_long_ago(hass: HomeAssistant, player: StrictPlayer, hass_storage: dict[str, Any]) -> None:
    """Music of long ago is not started, but the volume is restored."""
    created_at = (dt_util.utcnow() - timedelta(hours=1)).isoformat()
    await restart(hass, hass_storage, {player.entity_id: state_of(player, created_at=created_at)})
    await wait_until(lambda: STORE not in hass_storage)
    assert player.log.commands == ["volume 30"]


async def test_refusing_player(
    hass: HomeAssistant, player: StrictPlayer, hass_storage: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A player that refuses again and again is restored after it has restarted."""
    monkeypatch.setattr(player_state, "_RETRY_DELAYS_S", (0.01, 0.01, 0.01))
    player.faults["volume_set"] = [Fault.REFUSE] * 4
    await restart(hass, hass_storage, {player.entity_id: state_of(player)})
    await wait_until(lambda: not player.faults["volume_set"])
    await hass.async_block_till_done(wait_background_tasks=True)
    player.async_write_ha_state()
    assert player.volume == pytest.approx(0.6)
    player.vanish()
    player.come_back()
    await wait_until(lambda: STORE not in hass_storage)
    assert player.log.commands == [*["volume 30"] * 5, "play media", "seek 42"]


@pytest.mark.parametrize("stored", [{"media_player.x": {}}, {"media_player.x": {"volume": "?"}}, {}])
async def test_damaged_store(
    hass: HomeAssistant, stage: Stage, hass_storage: dict[str, Any], stored: dict[str, Any]
) -> None:
    """Damaged data are removed."""
    await restart(hass, hass_storage, stored)
    assert STORE not in hass_storage


async def test_unreadable_store(hass: HomeAssistant, stage: Stage, hass_storage: dict[str, Any]) -> None:
    """Announcements are played although the stored data are those of a later version."""
    player = await stage.add_player("dlna_dmr")
    hass_storage[STORE] = {"version": 99, "minor_version": 1, "key": STORE, "data": {}}
    hass.data.pop(player_state._PLAYER_STORE, None)
    result = await announce(hass, player.entity_id, "Dinner.", 0.6)
    assert result.status is Status.PLAYED
    assert player.volume == pytest.approx(0.3)


async def test_crash_in_mid_announcement(hass: HomeAssistant, stage: Stage, hass_storage: dict[str, Any]) -> None:
    """What was stored in mid-announcement restores a player whose speech has ended meanwhile."""
    player = await stage.add_player("mpd")
    player.start_music()
    player.async_write_ha_state()
    task = asyncio.create_task(announce(hass, player.entity_id, "Dinner.", 0.6))
    await wait_until(lambda: player.log.heard)
    stored = dict(hass_storage[STORE]["data"])
    await task
    player._stop()
    player._attr_volume_level = 0.6
    player.async_write_ha_state()
    player.log.commands.clear()
    await restart(hass, hass_storage, stored)
    await wait_until(lambda: STORE not in hass_storage)
    assert player.log.commands == ["volume 30", "play media", "seek 42"]
    assert not player.log.violations
