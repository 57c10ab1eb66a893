"""Announcements on strict players of every platform: volume, order, words, and what is restored."""

from homeassistant.components.media_player import MediaPlayerState
from homeassistant.core import HomeAssistant
import pytest

from custom_components.orator.announce.models import Status
from tests.support.players import PLAYERS, Stage
from tests.support.players.platforms import SonosS1Player
from tests.support.players.stage import announce, assert_heard

TEXT = "Dinner."
OVERLAYS = ("sonos", "bang_olufsen")
NATIVE = (*OVERLAYS, "music_assistant", "squeezebox", "esphome", "forked_daapd")
NATIVE_VOLUME = (*OVERLAYS, "music_assistant", "squeezebox")
MANAGED = tuple(name for name in PLAYERS if name not in (*NATIVE, "yamaha_musiccast"))


@pytest.mark.parametrize("platform", PLAYERS)
async def test_idle(hass: HomeAssistant, stage: Stage, platform: str) -> None:
    """An idle player speaks at the volume of the announcement, and is as before afterwards."""
    player = await stage.add_player(platform)
    before = player.state
    result = await announce(hass, player.entity_id, TEXT, 0.57)
    assert result.error is None
    assert result.status is Status.PLAYED
    await assert_heard(player.log.heard, TEXT)
    assert player.log.heard[0].volume == pytest.approx(0.8 if platform == "forked_daapd" else 0.57)
    assert player.volume == pytest.approx(0.3)
    assert player.state == before
    assert not player.log.violations
    if platform in NATIVE_VOLUME:
        assert player.log.commands == ["play media"]


RESUMED = {
    "vlc_telnet": [],
    "slimproto": ["play media"],
    "kodi": ["play media", "seek 42"],
}


@pytest.mark.parametrize("platform", MANAGED)
async def test_managed_while_music_plays(hass: HomeAssistant, stage: Stage, platform: str) -> None:
    """Music is paused before the volume is raised, and resumed at its position after the volume is lowered."""
    player = await stage.add_player(platform)
    player.start_music()
    player.async_write_ha_state()
    result = await announce(hass, player.entity_id, TEXT, 0.57)
    assert (result.status, result.error, result.volume_before) == (Status.PLAYED, None, 0.3)
    await assert_heard(player.log.heard, TEXT)
    assert player.log.heard[0].volume == pytest.approx(0.57)
    assert player.music_plays is (platform != "vlc_telnet")
    pause = [] if platform == "kodi" else ["pause"]
    resume = RESUMED.get(platform, ["play media", "seek 42"])
    assert player.log.commands == [*pause, "volume 57", "play media", "volume 30", *resume]
    if platform != "kodi":  # it cannot be silenced
        assert not player.log.violations


@pytest.mark.parametrize("platform", MANAGED)
async def test_managed_while_music_is_paused(hass: HomeAssistant, stage: Stage, platform: str) -> None:
    """Music that was paused is not started."""
    player = await stage.add_player(platform)
    player.start_music(paused=True)
    player.async_write_ha_state()
    await announce(hass, player.entity_id, TEXT, 0.57)
    await assert_heard(player.log.heard, TEXT)
    assert player.log.commands == ["volume 57", "play media", "volume 30"]
    assert player.state != MediaPlayerState.PLAYING
    assert player.volume == pytest.approx(0.3)


@pytest.mark.parametrize("platform", NATIVE)
@pytest.mark.parametrize("paused", [False, True], ids=["playing", "paused"])
async def test_native_with_music(hass: HomeAssistant, stage: Stage, platform: str, paused: bool) -> None:  # noqa: FBT001
    """A native player returns to its music by itself, and only its volume is set if it has none for announcements."""
    player = await stage.add_player(platform)
    player.start_music(paused=paused)
    result = await announce(hass, player.entity_id, TEXT, 0.57)
    assert result.status is Status.PLAYED
    await assert_heard(player.log.heard, TEXT)
    volume = platform == "esphome"
    assert player.log.commands == (["volume 57", "play media", "volume 30"] if volume else ["play media"])
    assert player.music_plays is not paused
    assert player.volume == pytest.approx(0.3)


@pytest.mark.parametrize("platform", PLAYERS)
async def test_no_volume(hass: HomeAssistant, stage: Stage, platform: str) -> None:
    """Without a volume, none is set."""
    player = await stage.add_player(platform)
    await announce(hass, player.entity_id, TEXT)
    assert player.log.commands == ["play media", *(["source HDMI 1"] if platform == "yamaha_musiccast" else [])]
    await assert_heard(player.log.heard, TEXT)


@pytest.mark.parametrize("platform", ["esphome", "dlna_dmr", "mpd", "cast"])
async def test_muted(hass: HomeAssistant, stage: Stage, platform: str) -> None:
    """A muted player speaks, and is muted again."""
    player = await stage.add_player(platform)
    await player.async_mute_volume(mute=True)
    player.async_write_ha_state()
    player.log.commands.clear()
    await announce(hass, player.entity_id, TEXT, 0.57)
    heard = player.log.heard[0]
    assert (heard.is_muted, heard.volume) == (False, pytest.approx(0.57))
    assert player.log.commands == ["unmute", "volume 57", "play media", "volume 30", "mute"]
    await player.async_mute_volume(mute=False)
    assert player.volume == pytest.approx(0.3)


async def test_muted_music_of_native_player(hass: HomeAssistant, stage: Stage) -> None:
    """The muted music of a player with a volume for announcements does not become audible."""
    player = await stage.add_player("sonos")
    player.start_music()
    await player.async_mute_volume(mute=True)
    player.log.commands.clear()
    await announce(hass, player.entity_id, TEXT, 0.57)
    assert player.log.commands == ["play media"]


async def test_player_that_was_off(hass: HomeAssistant, stage: Stage) -> None:
    """A player that was off is turned off again."""
    player = await stage.add_player("slimproto")
    await player.async_turn_off()
    player.log.commands.clear()
    result = await announce(hass, player.entity_id, TEXT, 0.57)
    assert result.volume_before == 0.3
    assert player.log.commands == ["volume 57", "play media", "volume 30", "turn off"]
    assert player.state == MediaPlayerState.OFF


async def test_player_without_volume_while_off(hass: HomeAssistant, stage: Stage) -> None:
    """A player that reports its volume only while it is on is turned on first."""
    player = await stage.add_player("slimproto", volume=None)
    await player.async_turn_off()
    player.log.commands.clear()
    turn_on = player.async_turn_on

    async def turn_on_with_volume() -> None:
        player._attr_volume_level = player.quiet_volume = 0.2
        await turn_on()

    player.async_turn_on = turn_on_with_volume  # type: ignore[method-assign]
    await announce(hass, player.entity_id, TEXT, 0.57)
    assert player.log.commands == ["turn on", "volume 57", "play media", "volume 20", "turn off"]
    assert player.log.heard[0].volume == pytest.approx(0.57)


@pytest.mark.parametrize("volume", [0.0, 0.01, 0.29, 0.58, 1.0])
@pytest.mark.parametrize("platform", ["sonos", "squeezebox", "music_assistant", "bang_olufsen", "dlna_dmr"])
async def test_volumes(hass: HomeAssistant, stage: Stage, platform: str, volume: float) -> None:
    """Every volume is in the platform's unit and range, and is not rounded down."""
    player = await stage.add_player(platform)
    result = await announce(hass, player.entity_id, "Yes.", volume)
    assert (result.status, result.error) == (Status.PLAYED, None)
    expected = {"music_assistant": min(0.75, max(0.15, volume)), "sonos": volume, "dlna_dmr": volume}
    assert player.log.heard[0].volume == pytest.approx(expected.get(platform, max(0.01, volume)))


async def test_sonos_s1(hass: HomeAssistant, stage: Stage) -> None:
    """A player that replaces its music resumes it, and is managed from the second announcement on."""
    player = SonosS1Player("Kitchen")
    await stage.add("media_player", "sonos", player)
    player.start_music()
    player.async_write_ha_state()
    result = await announce(hass, player.entity_id, TEXT, 0.57)
    assert (result.status, result.route) == (Status.PLAYED, "native")
    assert player.log.commands == ["play media", "play media", "seek 42"]
    assert player.music_plays
    player.log.commands.clear()
    result = await announce(hass, player.entity_id, TEXT, 0.57)
    assert (result.status, result.route) == (Status.PLAYED, "managed")
    assert player.log.commands[:5] == ["pause", "volume 57", "play media", "volume 30", "play media"]
    assert player.music_plays


@pytest.mark.parametrize("state", [MediaPlayerState.ON, MediaPlayerState.PLAYING])
async def test_receiver(hass: HomeAssistant, stage: Stage, state: MediaPlayerState) -> None:
    """A receiver returns to its input."""
    player = await stage.add_player("yamaha_musiccast")
    player._set_state(state)
    await announce(hass, player.entity_id, TEXT, 0.57)
    pause = ["pause"] if state is MediaPlayerState.PLAYING else []
    assert player.log.commands == [*pause, "volume 57", "play media", "volume 30", "source HDMI 1"]


async def test_volume_that_is_reported_only_while_playing(hass: HomeAssistant, stage: Stage) -> None:
    """The volume of a player that reports it only while it plays is set as soon as it does, and restored."""
    player = await stage.add_player("dlna_dmr", volume=None)
    set_state = player._set_state

    def set_state_with_volume(state: MediaPlayerState) -> None:
        if player._attr_volume_level is None:
            player._attr_volume_level = player.quiet_volume = 0.2
        set_state(state)

    player._set_state = set_state_with_volume  # type: ignore[method-assign]
    result = await announce(hass, player.entity_id, f"{TEXT} " * 3, 0.57)
    assert (result.status, result.error) == (Status.PLAYED, None)
    assert player.log.commands == ["play media", "volume 57", "volume 20"]
