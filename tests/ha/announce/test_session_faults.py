"""Sessions of players that refuse, hang or vanish, of voices that fail, and of interrupted announcements."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import Any

from homeassistant.core import HomeAssistant
import pytest

from custom_components.orator.announce import playback, player as player_module, player_state
from custom_components.orator.announce.models import Status
from custom_components.orator.announce.session import SpeakerSession
from custom_components.orator.announce.targets import async_resolve_targets
from tests.support.players import Fault, Stage, StrictPlayer
from tests.support.players.stage import announce, assert_heard, assert_restored, create_audio, create_session
from tests.support.streams import wait_until

TEXT = "Dinner."
STORE = "orator.announcements_players"


FAULTS = [
    (service, fault)
    for service in ("media_pause", "volume_set", "play_media")
    for fault in (Fault.REFUSE, Fault.HANG, Fault.LATE)
]


@pytest.mark.usefixtures("short_limits")
@pytest.mark.parametrize(("service", "fault"), FAULTS)
async def test_fault(hass: HomeAssistant, player: StrictPlayer, service: str, fault: Fault) -> None:
    """Whatever fails, the volume is as before, and the music plays."""
    player.faults[service] = [fault]
    result = await announce(hass, player.entity_id, TEXT, 0.6)
    await wait_until(lambda: player.music_plays)
    assert player.volume == pytest.approx(0.3)
    if service == "play_media" and fault is not Fault.REFUSE:
        assert result.status is Status.FAILED
        assert result.error
    else:
        assert result.status is Status.PLAYED
        await assert_heard(player.log.heard, TEXT)
        assert bool(result.error) is (service == "volume_set")
    if service != "media_pause":  # music that was not silenced is louder for a moment
        assert not player.log.violations


async def test_refusals(hass: HomeAssistant, player: StrictPlayer) -> None:
    """A player that refuses to play is asked once more, in each announcement."""
    player.faults["play_media"] = [Fault.REFUSE, Fault.REFUSE, Fault.REFUSE]
    session = await create_session(hass, player.entity_id)
    await session.async_begin()
    results = [await session.async_play(create_audio(hass, text), 0.6) for text in (TEXT, "Come now.")]
    await session.async_end()
    assert [result.status for result in results] == [Status.FAILED, Status.PLAYED]
    await assert_heard(player.log.heard, "Come now.")
    assert player.music_plays
    assert_restored(player)


@pytest.mark.usefixtures("short_limits")
@pytest.mark.parametrize("service", ["volume_set", "play_media", "media_seek"])
@pytest.mark.parametrize("fault", [Fault.REFUSE, Fault.HANG, Fault.LATE])
async def test_fault_while_restoring(hass: HomeAssistant, player: StrictPlayer, service: str, fault: Fault) -> None:
    """A player that refuses to be restored is asked again."""
    task = asyncio.create_task(announce(hass, player.entity_id, TEXT, 0.6))
    await wait_until(lambda: player.log.heard)
    player.faults[service] = [fault]
    assert (await task).status is Status.PLAYED
    await wait_until(lambda: player.music_plays and player.volume == pytest.approx(0.3))
    assert_restored(player)


@pytest.mark.parametrize(("is_polled", "seeks"), [(True, 2), (False, 1)])
async def test_ignored_seek(
    hass: HomeAssistant, player: StrictPlayer, monkeypatch: pytest.MonkeyPatch, *, is_polled: bool, seeks: int
) -> None:
    """A player that ignores a position while it loads the music is asked again, if it can be asked where it is."""
    seek = player.async_media_seek

    async def ignore_first(position: float) -> None:
        if (command := f"seek {position:.0f}") in player.log.commands:
            await seek(position)
        else:
            player.log.commands.append(command)

    monkeypatch.setattr(player, "async_media_seek", ignore_first)
    player._attr_should_poll = is_polled
    await announce(hass, player.entity_id, TEXT, 0.6)
    await wait_until(lambda: player.log.commands.count("seek 42") == seeks)
    assert_restored(player)


@pytest.mark.usefixtures("short_limits")
@pytest.mark.parametrize("service", ["media_pause", "volume_set", "play_media"])
async def test_vanish(hass: HomeAssistant, player: StrictPlayer, service: str, hass_storage: dict[str, Any]) -> None:
    """A player that vanishes is restored when it comes back, and its state is stored until then."""
    player.faults[service] = [Fault.VANISH]
    result = await announce(hass, player.entity_id, TEXT, 0.6)
    assert result.status is Status.FAILED
    assert player.entity_id in hass_storage[STORE]["data"]
    player.come_back()
    await wait_until(lambda: player.music_plays)
    await wait_until(lambda: STORE not in hass_storage)
    assert_restored(player)


@pytest.mark.usefixtures("short_limits")
async def test_vanish_while_speaking(hass: HomeAssistant, player: StrictPlayer, hass_storage: dict[str, Any]) -> None:
    """A player that restarts in mid-announcement is restored when it is back."""
    task = asyncio.create_task(announce(hass, player.entity_id, f"{TEXT} " * 40, 0.6))
    await wait_until(lambda: player.log.heard)
    player.vanish()
    result = await task
    assert (result.status, result.error and result.error.translation_key) == (Status.FAILED, "speaker_unavailable")
    assert player.volume == pytest.approx(0.6)
    player.come_back()
    await wait_until(lambda: STORE not in hass_storage)
    assert player.volume == pytest.approx(0.3)


@pytest.mark.usefixtures("short_limits")
async def test_next_announcement_before_player_was_restored(hass: HomeAssistant, player: StrictPlayer) -> None:
    """An announcement on a player that could not be restored knows the original volume."""
    task = asyncio.create_task(announce(hass, player.entity_id, TEXT, 0.6))
    await wait_until(lambda: player.log.heard)
    player.faults["volume_set"] = [Fault.REFUSE]
    await task
    result = await announce(hass, player.entity_id, TEXT, 0.7)
    assert result.volume_before == 0.3
    await wait_until(lambda: player.music_plays)
    assert_restored(player)


@pytest.mark.parametrize("platform", ["music_assistant", "sonos", "dlna_dmr"])
async def test_voice_fails(hass: HomeAssistant, stage: Stage, simulator: Any, platform: str) -> None:
    """A voice that cannot speak is an error, and the music goes on."""
    from tests.simulator import Fault as VoiceFault  # noqa: PLC0415

    simulator.fail(VoiceFault(path="/v1/audio/speech", status=400, json={"error": {"code": "invalid_value"}}, times=9))
    player = await stage.add_player(platform)
    player.start_music()
    result = await announce(hass, player.entity_id, TEXT, 0.6)
    assert result.status is Status.FAILED
    assert player.music_plays
    assert player.log.commands in ([], ["play media"])
    assert_restored(player)


async def interrupt_first(hass: HomeAssistant, session: SpeakerSession, player: StrictPlayer) -> None:
    """Start an announcement, and interrupt it once the player was asked to play."""
    await session.async_begin()
    first = asyncio.create_task(session.async_play(create_audio(hass, TEXT), 0.6))
    await wait_until(lambda: player.log.heard or (player.faults and player.log.commands))
    first.cancel()
    await asyncio.wait({first})
    await session.async_stop()


@pytest.mark.parametrize("is_new_session", [False, True])
@pytest.mark.parametrize("is_critical", [False, True])
@pytest.mark.parametrize("platform", ["music_assistant", "squeezebox"])
async def test_interrupted_native_player(
    hass: HomeAssistant, stage: Stage, platform: str, *, is_critical: bool, is_new_session: bool
) -> None:
    """A player that cannot stop an announcement, and refuses another one meanwhile, plays the next one after it."""
    player = await stage.add_player(platform)
    session = await create_session(hass, player.entity_id)
    await interrupt_first(hass, session, player)
    if is_new_session:
        await session.async_end()
        session = await create_session(hass, player.entity_id)
        await session.async_begin()
    result = await session.async_play(create_audio(hass, "Fire."), 0.6, is_critical=is_critical)
    await session.async_end()
    assert (result.status, result.error) == (Status.PLAYED, None)
    await assert_heard(player.log.heard, TEXT, "Fire.")


@pytest.mark.parametrize("platform", ["music_assistant", "squeezebox", "sonos", "dlna_dmr"])
async def test_critical_after_hanging_announcement(hass: HomeAssistant, stage: Stage, platform: str) -> None:
    """A critical announcement does not wait for one that hangs."""
    player = await stage.add_player(platform)
    player.faults["play_media"] = [Fault.HANG]
    session = await create_session(hass, player.entity_id)
    await interrupt_first(hass, session, player)
    async with asyncio.timeout(5):
        result = await session.async_play(create_audio(hass, "Fire."), 0.6, is_critical=True)
    await session.async_end()
    assert result.status is Status.PLAYED
    await assert_heard(player.log.heard, "Fire.")


async def test_critical_after_stubborn_announcement(
    hass: HomeAssistant, player: StrictPlayer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A critical announcement does not wait for an action that ignores that it was cancelled."""
    play_media, called, released = player.async_play_media, asyncio.Event(), asyncio.Event()

    async def ignore_cancellation(*_args: str, **_kwargs: Any) -> None:
        called.set()
        while not released.is_set():
            with suppress(asyncio.CancelledError):
                await released.wait()

    monkeypatch.setattr(playback, "_CANCEL_TIMEOUT_S", 0.1)
    session = await create_session(hass, player.entity_id)
    await session.async_begin()
    with monkeypatch.context() as patch:
        patch.setattr(player, "async_play_media", ignore_cancellation)
        first = asyncio.create_task(session.async_play(create_audio(hass, TEXT), 0.6))
        await called.wait()
        first.cancel()
        await asyncio.wait({first})
        await session.async_stop()
    assert player.async_play_media == play_media
    async with asyncio.timeout(5):
        result = await session.async_play(create_audio(hass, "Fire."), 0.6, is_critical=True)
    released.set()
    await session.async_end()
    assert result.status is Status.PLAYED
    await assert_heard(player.log.heard, "Fire.")
    assert_restored(player)


async def test_begin_is_cancelled(hass: HomeAssistant, player: StrictPlayer, stage: Stage) -> None:
    """The original volume of a player that could not be restored is known after the session was cancelled."""
    hall = await stage.add_player("dlna_dmr", "Hall")
    store = await player_state.async_get_player_store(hass)
    state = player_state.PlayerState.capture(player_module.Player(hass, player.entity_id))
    state.volume, state.set_volumes = 0.1, [0.3]
    await store.async_put(state)
    store.async_restore_later(state, attempt=1)
    (speaker,) = (await async_resolve_targets(hass, {"entity_id": [player.entity_id]})).speakers
    session = SpeakerSession(hass, replace(speaker, volume_entity_ids=(player.entity_id, hall.entity_id)))
    store._restoring[hall.entity_id] = restoring = asyncio.create_task(asyncio.Event().wait())  # type: ignore[arg-type]
    beginning = asyncio.create_task(session.async_begin())
    await wait_until(lambda: player.entity_id in session._states)
    for task in (beginning, restoring):
        task.cancel()
    await asyncio.wait({beginning, restoring})
    store._restoring.clear()
    await session.async_begin()
    await session.async_play(create_audio(hass, TEXT), 0.6)
    await session.async_end()
    assert_restored(player, 0.1)
    assert hall.volume == pytest.approx(0.3)
