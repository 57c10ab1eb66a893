"""Sessions: several announcements, cancelling, and a person's changes."""

import asyncio
from typing import Any

from homeassistant.components.media_player import MediaPlayerState
from homeassistant.core import HomeAssistant
import pytest

from custom_components.orator.announce.models import Status
from tests.support.players import StrictPlayer
from tests.support.players.base import MUSIC
from tests.support.players.stage import announce, assert_heard, assert_restored, create_audio, create_session
from tests.support.streams import wait_until

TEXT = "Dinner."
STORE = "orator.announcements_players"


async def test_two_announcements(hass: HomeAssistant, player: StrictPlayer) -> None:
    """A second announcement does not take the raised volume for the original, and the music is resumed once."""
    session = await create_session(hass, player.entity_id)
    await session.async_begin()
    await session.async_play(create_audio(hass, TEXT), 0.6)
    await session.async_play(create_audio(hass, "Wash your hands."), 0.5)
    await session.async_play(create_audio(hass, "Come now."), None)
    await session.async_end()
    await assert_heard(player.log.heard, TEXT, "Wash your hands.", "Come now.")
    assert [heard.volume for heard in player.log.heard] == pytest.approx([0.6, 0.5, 0.3])
    assert player.log.commands.count("pause") == 1
    assert player.music_plays
    assert_restored(player)


async def test_speech_of_another_action(
    hass: HomeAssistant, player: StrictPlayer, hass_storage: dict[str, Any]
) -> None:
    """Speech that was interrupted is neither resumed nor stored, as its ID may contain the text."""
    player._set_content("media-source://tts/tts.ann?message=Secret")
    player.async_write_ha_state()
    task = asyncio.create_task(announce(hass, player.entity_id, TEXT, 0.6))
    await wait_until(lambda: player.log.heard)
    assert "Secret" not in str(hass_storage[STORE])
    await task
    assert player.state == MediaPlayerState.IDLE
    assert_restored(player)


async def test_no_resume(hass: HomeAssistant, player: StrictPlayer) -> None:
    """Music is not resumed if that is not wanted; the volume is restored nevertheless."""
    await announce(hass, player.entity_id, TEXT, 0.6, resume=False)
    assert not player.music_plays
    assert_restored(player)


async def test_stop(hass: HomeAssistant, player: StrictPlayer) -> None:
    """An announcement that is stopped is skipped, and the music is resumed."""
    session = await create_session(hass, player.entity_id)
    await session.async_begin()
    playing = asyncio.create_task(session.async_play(create_audio(hass, f"{TEXT} " * 40), 0.6))
    await wait_until(lambda: player.log.heard)
    await session.async_stop()
    assert (await playing).status is Status.SKIPPED
    await session.async_end()
    assert player.music_plays
    assert_restored(player)


async def test_cancel(hass: HomeAssistant, player: StrictPlayer, hass_storage: dict[str, Any]) -> None:
    """A session whose task is cancelled restores the player, and leaves nothing stored."""
    task = asyncio.create_task(announce(hass, player.entity_id, f"{TEXT} " * 40, 0.6))
    await wait_until(lambda: player.log.heard)
    assert hass_storage[STORE]["data"][player.entity_id]["volume"] == 0.3
    task.cancel()
    await asyncio.wait({task})
    await wait_until(lambda: player.music_plays)
    assert STORE not in hass_storage
    assert_restored(player)


async def test_stored_before_any_change(
    hass: HomeAssistant, player: StrictPlayer, hass_storage: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state is stored before the player is paused and before its volume is set."""
    stored: list[dict[str, Any]] = []
    for name in ("async_media_pause", "async_set_volume_level"):
        command = getattr(player, name)

        async def record(command: Any = command, **settings: Any) -> None:
            stored.append(dict(hass_storage[STORE]["data"][player.entity_id]))
            await command(**settings)

        monkeypatch.setattr(player, name, record)
    await announce(hass, player.entity_id, TEXT, 0.6)
    assert stored[0]["is_interrupted"]
    assert stored[1]["set_volumes"] == [0.6]
    assert stored[1]["media_content_id"] == MUSIC
    assert STORE not in hass_storage


@pytest.mark.parametrize("volume", [0.45, 0.7])
async def test_person_changes_volume(hass: HomeAssistant, player: StrictPlayer, volume: float) -> None:
    """A volume that a person sets during an announcement stays."""
    task = asyncio.create_task(announce(hass, player.entity_id, f"{TEXT} " * 6, 0.6))
    await wait_until(lambda: player.log.heard)
    player.turn_knob(volume)
    await task
    assert player.log.commands.count("volume 30") == 0
    assert player.music_plays
    assert_restored(player, volume)


async def test_person_changes_volume_between_announcements(hass: HomeAssistant, player: StrictPlayer) -> None:
    """A volume that a person sets between announcements is the one that is restored."""
    session = await create_session(hass, player.entity_id)
    await session.async_begin()
    await session.async_play(create_audio(hass, TEXT), 0.6)
    player.turn_knob(0.2)
    await session.async_play(create_audio(hass, TEXT), 0.5)
    await session.async_end()
    assert player.log.heard[1].volume == pytest.approx(0.5)
    assert_restored(player, 0.2)


async def test_person_starts_other_music(hass: HomeAssistant, player: StrictPlayer) -> None:
    """What a person starts during an announcement is not replaced by the earlier music."""
    task = asyncio.create_task(announce(hass, player.entity_id, f"{TEXT} " * 10, 0.6))
    await wait_until(lambda: player.log.heard)
    player._end_playing()
    player._set_content("http://other.example/song.mp3")
    player._set_state(MediaPlayerState.PLAYING)
    player._set_state(MediaPlayerState.PAUSED)
    await task
    assert player.log.commands[-1] == "volume 30"
    assert player.media_content_id == "http://other.example/song.mp3"


async def test_rounding_player(hass: HomeAssistant, player: StrictPlayer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A player with coarse steps of volume is restored; its rounding is not taken for a person's change."""
    set_volume = player.async_set_volume_level

    async def set_coarse(volume: float) -> None:
        await set_volume(round(volume * 20) / 20)

    monkeypatch.setattr(player, "async_set_volume_level", set_coarse)
    await announce(hass, player.entity_id, TEXT, 0.62)
    assert player.log.heard[0].volume == pytest.approx(0.6)
    assert_restored(player)
