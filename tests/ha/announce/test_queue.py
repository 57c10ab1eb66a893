"""The queue of a speaker: order, interruptions, duplicates, expiry and failures."""

from datetime import timedelta
from typing import Any

from homeassistant.components.media_player import MediaPlayerState
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.orator.announce.manager import async_get_manager
from tests.simulator import Fault, Simulator
from tests.support.controlled_player import MUSIC, ControlledPlayer, Heard, get_result
from tests.support.speech import OUT_OF_CREDIT, get_speech_requests
from tests.support.streams import wait_until

from .conftest import Announce


async def settle(hass: HomeAssistant) -> None:
    """Wait until nothing is announced and the players are restored."""
    await hass.async_block_till_done(wait_background_tasks=True)


async def test_order(hass: HomeAssistant, simulator: Simulator, kitchen: ControlledPlayer, announce: Announce) -> None:
    """Announcements are played by priority, then in the order of the requests; each has its own volume."""
    calls = [announce("Dinner", volume_level=0.8)]
    await kitchen.wait_for("dinner")
    calls += [
        announce("Laundry", priority="low"),
        announce("Letter"),
        announce("Window", volume_level=0.1),
        announce("Door", priority="high"),
    ]
    for word in ("door", "letter", "window", "laundry"):
        kitchen.finish()
        await kitchen.wait_for(*kitchen.words, word)
    kitchen.finish()
    assert [get_result(await call)["status"] for call in calls] == ["played"] * 5
    await settle(hass)
    assert [heard.volume for heard in kitchen.heard] == [0.8, 0.5, 0.5, 0.1, 0.5]
    assert kitchen.volume_level == 0.5
    assert len(get_speech_requests(simulator)) == 5


async def test_response(kitchen: ControlledPlayer, announce: Announce) -> None:
    """The response describes what was heard."""
    call = announce("Dinner", volume_level=0.8)
    await kitchen.wait_for("dinner")
    assert not call.done()
    kitchen.finish()
    response = await call
    result = response["media_player.kitchen"]
    assert result.pop("id")
    assert 0.1 < result.pop("duration") < 2
    assert response == {
        "media_player.kitchen": {
            "status": "played",
            "error": None,
            "route": "managed",
            "spoken_by": ["tts.ann"],
            "volume_before": 0.5,
        }
    }


async def test_prefetch(simulator: Simulator, kitchen: ControlledPlayer, announce: Announce) -> None:
    """The audio of the next announcement is generated while one is played, that of later ones is not."""
    calls = [announce("Dinner")]
    await kitchen.wait_for("dinner")
    calls += [announce("Letter"), announce("Window")]
    await wait_until(lambda: len(get_speech_requests(simulator)) == 2)
    assert [body["input"] for body in get_speech_requests(simulator)] == ["Dinner", "Letter"]
    for words in (("dinner", "letter"), ("dinner", "letter", "window")):
        kitchen.finish()
        await kitchen.wait_for(*words)
    kitchen.finish()
    assert [get_result(await call)["status"] for call in calls] == ["played"] * 3


async def test_critical_interrupts(hass: HomeAssistant, kitchen: ControlledPlayer, announce: Announce) -> None:
    """A critical announcement interrupts another one, which is said again; then the music goes on as before."""
    kitchen.play_music()
    dinner = announce("Dinner", volume_level=0.9)
    await kitchen.wait_for("dinner")
    letter = announce("Letter")
    fire = announce("Fire", priority="critical", volume_level=1)
    await kitchen.wait_for("dinner", "fire")
    kitchen.finish()
    assert get_result(await fire)["status"] == "played"
    await kitchen.wait_for("dinner", "fire", "dinner")
    kitchen.finish()
    await kitchen.wait_for("dinner", "fire", "dinner", "letter")
    kitchen.finish()
    results = [get_result(await call) for call in (dinner, fire, letter)]
    assert [(result["status"], result["volume_before"]) for result in results] == [("played", 0.5)] * 3
    await settle(hass)
    assert kitchen.heard == [
        Heard("dinner", 0.9),
        Heard("fire", 1.0),
        Heard("dinner", 0.9),
        Heard("letter", 0.5),
        Heard(MUSIC, 0.5),
    ]
    assert kitchen.state is MediaPlayerState.PLAYING
    assert kitchen.volume_level == 0.5


async def test_critical_does_not_interrupt_critical(kitchen: ControlledPlayer, announce: Announce) -> None:
    """Critical announcements are not lost to each other."""
    calls = [announce("Fire", priority="critical")]
    await kitchen.wait_for("fire")
    calls.append(announce("Door", priority="critical"))
    kitchen.finish()
    await kitchen.wait_for("fire", "door")
    kitchen.finish()
    assert [get_result(await call)["status"] for call in calls] == ["played"] * 2


async def test_replacement(kitchen: ControlledPlayer, announce: Announce) -> None:
    """An announcement that interrupts one of the same priority replaces it, before others that wait."""
    dinner = announce("Dinner")
    await kitchen.wait_for("dinner")
    letter = announce("Letter")
    window = announce("Window", if_busy="interrupt")
    await kitchen.wait_for("dinner", "window")
    kitchen.finish()
    await kitchen.wait_for("dinner", "window", "letter")
    kitchen.finish()
    assert get_result(await window)["status"] == get_result(await letter)["status"] == "played"
    result = get_result(await dinner)
    assert (result["status"], result["error"]) == ("skipped", "The announcement was replaced by another one")


async def test_lower_priority_does_not_interrupt(kitchen: ControlledPlayer, announce: Announce) -> None:
    """An announcement never interrupts one of a higher priority."""
    calls = [announce("Dinner", priority="high")]
    await kitchen.wait_for("dinner")
    calls.append(announce("Letter", if_busy="interrupt"))
    kitchen.finish()
    await kitchen.wait_for("dinner", "letter")
    kitchen.finish()
    assert [get_result(await call)["status"] for call in calls] == ["played"] * 2


async def test_skip_if_busy(kitchen: ControlledPlayer, announce: Announce) -> None:
    """An announcement can be skipped if another one is played."""
    dinner = announce("Dinner", if_busy="skip")
    await kitchen.wait_for("dinner")
    result = get_result(await announce("Letter", if_busy="skip"))
    assert result["status"] == "skipped"
    assert result["error"] == "The announcement was skipped because the speaker was busy with another one"
    kitchen.finish()
    assert get_result(await dinner)["status"] == "played"
    assert kitchen.words == ["dinner"]


async def test_not_busy_between_repetitions(hass: HomeAssistant, kitchen: ControlledPlayer, announce: Announce) -> None:
    """A speaker is not busy during a long delay before a repetition."""
    dinner = announce("Dinner", repeat=2, repeat_delay=600)
    await kitchen.wait_for("dinner")
    kitchen.finish()
    await wait_until(lambda: not async_get_manager(hass).diagnostics["queues"][0]["is_playing"])
    letter = announce("Letter", if_busy="skip")
    await kitchen.wait_for("dinner", "letter")
    kitchen.finish()
    assert get_result(await letter)["status"] == "played"
    await hass.services.async_call(
        "orator", "cancel_announcement", target={"entity_id": "media_player.kitchen"}, blocking=True
    )
    await dinner


async def test_duplicates(simulator: Simulator, kitchen: ControlledPlayer, announce: Announce) -> None:
    """The same announcement requested twice is said once, and both calls get its result."""
    calls = [announce("Dinner"), announce("Dinner"), announce("Letter"), announce("Letter", priority="low")]
    await kitchen.wait_for("dinner")
    kitchen.finish()
    await kitchen.wait_for("dinner", "letter")
    kitchen.finish()
    results = [get_result(await call) for call in calls]
    assert results[0] == results[1]
    assert results[2] == results[3]
    assert results[0] != results[2]
    assert kitchen.words == ["dinner", "letter"]
    assert len(get_speech_requests(simulator)) == 2


async def test_no_duplicate(kitchen: ControlledPlayer, announce: Announce) -> None:
    """The same text with other options, a higher priority or more repetitions is another announcement."""
    calls = [
        announce("Dinner"),
        announce("Dinner", options={"speed": 1.1}),
        announce("Dinner", priority="high"),
        announce("Dinner", repeat=2, repeat_delay=0),
    ]
    for count in range(1, 6):
        await kitchen.wait_for(*["dinner"] * count)
        kitchen.finish()
    assert len({get_result(await call)["id"] for call in calls}) == 4


@pytest.mark.parametrize(
    ("data", "seconds"), [({}, 600), ({"expires_after": 30}, 30), ({"expires_after": {"minutes": 2}}, 120)]
)
async def test_expiry(
    hass: HomeAssistant, kitchen: ControlledPlayer, announce: Announce, data: dict[str, Any], seconds: int
) -> None:
    """An announcement that has waited too long is skipped."""
    dinner = announce("Dinner")
    await kitchen.wait_for("dinner")
    letter = announce("Letter", **data)
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=seconds + 1))
    result = get_result(await letter)
    assert result["status"] == "skipped"
    assert result["error"].startswith("The announcement expired before it could be played")
    kitchen.finish()
    await dinner
    assert kitchen.words == ["dinner"]


async def test_expires_at_once(kitchen: ControlledPlayer, announce: Announce) -> None:
    """An announcement that expires at once is played by an idle speaker."""
    dinner = announce("Dinner", expires_after=0)
    await kitchen.wait_for("dinner")
    assert get_result(await announce("Letter", expires_after=0))["status"] == "skipped"
    kitchen.finish()
    assert get_result(await dinner)["status"] == "played"


async def test_full_queue(hass: HomeAssistant, kitchen: ControlledPlayer, announce: Announce) -> None:
    """A full queue skips new announcements, but drops one of a lower priority for a higher one."""
    calls = [announce("Dinner")]
    await kitchen.wait_for("dinner")
    calls += [announce(f"Letter {number}", priority="low") for number in range(50)]
    full = await announce("Window", priority="low")
    assert get_result(full)["error"].startswith("Too many announcements are waiting for this speaker")
    high = announce("Door", priority="high")
    assert get_result(await calls[-1])["status"] == "skipped"
    await hass.services.async_call(
        "orator", "cancel_announcement", target={"entity_id": "media_player.kitchen"}, blocking=True
    )
    assert {get_result(await call)["status"] for call in (*calls, high)} == {"skipped"}
    await settle(hass)
    assert kitchen.words == ["dinner"]
    assert kitchen.state is MediaPlayerState.IDLE


async def test_voice_fails(
    hass: HomeAssistant, simulator: Simulator, kitchen: ControlledPlayer, announce: Announce
) -> None:
    """If nothing can be generated, the music goes on and the result is the voice's error; the next one is played."""
    kitchen.play_music()
    simulator.fail(OUT_OF_CREDIT)
    result = get_result(await announce("Dinner", volume_level=0.9))
    assert (result["status"], result["spoken_by"]) == ("failed", [])
    assert result["error"].startswith("Ann (OpenAI): Your balance or quota")
    await settle(hass)
    assert kitchen.state is MediaPlayerState.PLAYING
    assert kitchen.volume_level == 0.5
    assert kitchen.words == []
    simulator.reset()
    letter = announce("Letter")
    await kitchen.wait_for("letter")
    kitchen.finish()
    assert get_result(await letter)["status"] == "played"


async def test_player_refuses(hass: HomeAssistant, kitchen: ControlledPlayer, announce: Announce) -> None:
    """A player that refuses to play fails, and does not hold up the next announcement."""
    kitchen.is_refusing = True
    result = get_result(await announce("Dinner"))
    assert (result["status"], result["error"]) == ("failed", "The player refuses")
    kitchen.is_refusing = False
    letter = announce("Letter")
    await kitchen.wait_for("letter")
    kitchen.finish()
    assert get_result(await letter)["status"] == "played"


async def test_slow_voice(simulator: Simulator, kitchen: ControlledPlayer, announce: Announce) -> None:
    """A critical announcement does not wait for the audio of another one."""
    simulator.fail(Fault(contains="Dinner", delay=20))
    dinner = announce("Dinner")
    await wait_until(lambda: get_speech_requests(simulator))
    fire = announce("Fire", priority="critical")
    await kitchen.wait_for("fire")
    kitchen.finish()
    assert get_result(await fire)["status"] == "played"
    assert not dinner.done()
