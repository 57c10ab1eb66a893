"""The actions that cancel and repeat announcements."""

from typing import Any

from homeassistant.components.media_player import MediaPlayerState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
import pytest

from tests.simulator import Simulator
from tests.support.announce import add_announcements
from tests.support.controlled_player import MUSIC, ControlledPlayer, Heard, add_players, call_announce, get_result
from tests.support.speech import get_speech_requests, pass_time
from tests.support.streams import wait_until

from .conftest import Announce

KITCHEN = {"entity_id": "media_player.kitchen"}


async def cancel(hass: HomeAssistant, target: dict[str, Any] | None = None, **data: Any) -> int:
    """Call the action that cancels, and return the number of cancelled announcements."""
    response = await hass.services.async_call(
        "orator", "cancel_announcement", data, target=target, blocking=True, return_response=True
    )
    assert response
    count = response["cancelled"]
    assert isinstance(count, int)
    return count


async def test_cancel_target(hass: HomeAssistant, kitchen: ControlledPlayer, announce: Announce) -> None:
    """All announcements of a speaker are cancelled: the sound stops, and the music goes on."""
    kitchen.play_music()
    calls = [announce("Dinner", volume_level=0.9)]
    await kitchen.wait_for("dinner")
    calls += [announce("Letter"), announce("Fire", priority="high")]
    assert await cancel(hass, KITCHEN) == 3
    results = [get_result(await call) for call in calls]
    assert [(result["status"], result["error"]) for result in results] == [
        ("skipped", "The announcement was canceled")
    ] * 3
    await hass.async_block_till_done(wait_background_tasks=True)
    assert kitchen.heard == [Heard("dinner", 0.9), Heard(MUSIC, 0.5)]
    assert kitchen.state is MediaPlayerState.PLAYING
    assert await cancel(hass, KITCHEN) == 0


async def test_cancel_id(hass: HomeAssistant, kitchen: ControlledPlayer, announce: Announce) -> None:
    """An announcement is cancelled by its ID, which the action returns at once if it does not wait."""
    dinner = announce("Dinner")
    await kitchen.wait_for("dinner")
    result = get_result(await announce("Letter", wait=False))
    assert (result["status"], result["route"]) == ("started", "managed")
    window = announce("Window")
    assert await cancel(hass, announcement_id=result["id"]) == 1
    assert await cancel(hass, announcement_id=result["id"]) == 0
    kitchen.finish()
    await kitchen.wait_for("dinner", "window")
    kitchen.finish()
    assert get_result(await dinner)["status"] == get_result(await window)["status"] == "played"


async def test_cancel_one_of_two_speakers(hass: HomeAssistant, account: object, announce: Announce) -> None:
    """An announcement goes on on the speakers for which it was not cancelled."""
    kitchen, hall = ControlledPlayer("Kitchen"), ControlledPlayer("Hall")
    await add_players(hass, kitchen, hall)
    call = announce("Dinner", target={"entity_id": ["media_player.kitchen", "media_player.hall"]})
    await kitchen.wait_for("dinner")
    await hall.wait_for("dinner")
    assert await cancel(hass, KITCHEN) == 1
    await wait_until(lambda: kitchen.state is MediaPlayerState.IDLE)
    hall.finish()
    response = await call
    assert {entity_id: result["status"] for entity_id, result in response.items()} == {
        "media_player.kitchen": "skipped",
        "media_player.hall": "played",
    }


async def test_cancel_deferred(hass: HomeAssistant, kitchen: ControlledPlayer) -> None:
    """An announcement that waits for the end of quiet hours is cancelled."""
    hass.states.async_set("schedule.night", "on")
    await add_announcements(hass, quiet_schedule="schedule.night", quiet="defer")
    result = get_result(await call_announce(hass, message="Dinner"))
    assert result["status"] == "deferred"
    assert await cancel(hass, announcement_id=result["id"]) == 1
    hass.states.async_set("schedule.night", "off")
    await hass.async_block_till_done(wait_background_tasks=True)
    assert kitchen.words == []


async def test_cancel_nothing(hass: HomeAssistant, kitchen: ControlledPlayer) -> None:
    """The action requires a target or an ID."""
    with pytest.raises(ServiceValidationError, match="Select the speakers on which to cancel"):
        await cancel(hass)


async def replay(hass: HomeAssistant, **data: Any) -> dict[str, Any]:
    """Call the action that repeats the last announcement, and return its response."""
    response = await hass.services.async_call(
        "orator", "replay_announcement", data, target=KITCHEN, blocking=True, return_response=True
    )
    assert response
    return response


async def test_replay(hass: HomeAssistant, simulator: Simulator, kitchen: ControlledPlayer, announce: Announce) -> None:
    """The last announcement that was heard is repeated once, in quiet hours too, and is not generated again."""
    call = announce("Dinner", volume_level=0.7, repeat=2, repeat_delay=0)
    for count in (1, 2):
        await kitchen.wait_for(*["dinner"] * count)
        kitchen.finish()
    await call
    hass.states.async_set("schedule.night", "on")
    await add_announcements(hass, quiet_schedule="schedule.night")
    assert get_result(await call_announce(hass, message="Letter"))["status"] == "skipped"
    replaying = hass.async_create_task(replay(hass))
    await kitchen.wait_for("dinner", "dinner", "dinner")
    kitchen.finish()
    result = get_result(await replaying)
    assert result["status"] == "played"
    assert result["id"] != get_result(await call)["id"]
    assert kitchen.heard == [Heard("dinner", 0.7)] * 3
    assert len(get_speech_requests(simulator)) == 1
    assert get_result(await replay(hass, wait=False))["status"] == "started"
    await kitchen.wait_for(*["dinner"] * 4)
    kitchen.finish()
    await hass.async_block_till_done(wait_background_tasks=True)


async def test_nothing_to_replay(hass: HomeAssistant, kitchen: ControlledPlayer, announce: Announce) -> None:
    """Announcements are forgotten after six hours."""
    with pytest.raises(ServiceValidationError, match="Nothing was announced"):
        await replay(hass)
    call = announce("Dinner")
    await kitchen.wait_for("dinner")
    kitchen.finish()
    await call
    await hass.async_block_till_done(wait_background_tasks=True)
    await pass_time(hass, hours=6, seconds=1)
    with pytest.raises(ServiceValidationError, match="Nothing was announced"):
        await replay(hass)
