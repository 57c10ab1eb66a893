"""Repeated announcements, and those that are repeated until an entity acknowledges them."""

from datetime import timedelta
from typing import Any

from homeassistant.components.media_player import MediaPlayerState
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.orator.announce.manager import async_get_manager
from tests.simulator import Simulator
from tests.support.controlled_player import MUSIC, ControlledPlayer, Heard, get_result
from tests.support.speech import OUT_OF_CREDIT, get_speech_requests
from tests.support.streams import wait_until

from .conftest import Announce


async def wait_for_delay(hass: HomeAssistant, *, waiting: int = 1) -> None:
    """Wait until the delay before the next repetition has begun."""

    def is_delayed() -> bool:
        queues = async_get_manager(hass).diagnostics["queues"]
        return [(queue["is_playing"], queue["waiting"]) for queue in queues] == [(False, waiting)]

    await wait_until(is_delayed)


async def pass_delay(hass: HomeAssistant, seconds: float, *, waiting: int = 1) -> None:
    """Let the delay before the next repetition pass, once it has begun."""
    await wait_for_delay(hass, waiting=waiting)
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=seconds + 1))


async def test_repeat(hass: HomeAssistant, simulator: Simulator, kitchen: ControlledPlayer, announce: Announce) -> None:
    """An announcement is repeated after a delay during which the music stays paused; it is generated once."""
    kitchen.play_music()
    call = announce("Letter", repeat=3, repeat_delay=5, volume_level=0.7)
    for count in range(1, 4):
        await kitchen.wait_for(*["letter"] * count)
        kitchen.finish()
        if count < 3:
            assert not call.done()
            await pass_delay(hass, 5)
    assert get_result(await call)["status"] == "played"
    await hass.async_block_till_done(wait_background_tasks=True)
    assert kitchen.heard == [*[Heard("letter", 0.7)] * 3, Heard(MUSIC, 0.5)]
    assert len(get_speech_requests(simulator)) == 1


async def test_long_delay(hass: HomeAssistant, kitchen: ControlledPlayer, announce: Announce) -> None:
    """The music goes on during a long delay, and other announcements are played."""
    kitchen.play_music()
    call = announce("Letter", repeat=2, repeat_delay=60, priority="high")
    await kitchen.wait_for("letter")
    kitchen.finish()
    await wait_until(lambda: kitchen.heard[-1].words == MUSIC)
    low = announce("Laundry", priority="low")
    await kitchen.wait_for("letter", "laundry")
    kitchen.finish()
    assert get_result(await low)["status"] == "played"
    await wait_until(lambda: kitchen.heard[-1].words == MUSIC and kitchen.state is MediaPlayerState.PLAYING)
    await pass_delay(hass, 60)
    await kitchen.wait_for("letter", "laundry", "letter")
    kitchen.finish()
    assert get_result(await call)["status"] == "played"
    await hass.async_block_till_done(wait_background_tasks=True)
    assert kitchen.state is MediaPlayerState.PLAYING


async def test_turns(hass: HomeAssistant, kitchen: ControlledPlayer, announce: Announce) -> None:
    """Between repetitions, announcements of the same priority are played, and those of a lower one wait."""
    fire = announce("Fire", repeat=2, repeat_delay=5, priority="critical")
    await kitchen.wait_for("fire")
    low = announce("Laundry")
    door = announce("Door", priority="critical")
    kitchen.finish()
    await kitchen.wait_for("fire", "door")
    kitchen.finish()
    assert get_result(await door)["status"] == "played"
    await pass_delay(hass, 5, waiting=2)
    await kitchen.wait_for("fire", "door", "fire")
    kitchen.finish()
    assert get_result(await fire)["status"] == "played"
    await kitchen.wait_for("fire", "door", "fire", "laundry")
    kitchen.finish()
    assert get_result(await low)["status"] == "played"


@pytest.mark.parametrize(
    ("entity_id", "states"),
    [
        ("binary_sensor.smoke", ["on", "unavailable", "unknown", "on", "off"]),
        ("input_boolean.heard", ["off", "unavailable", "off", "on"]),
        ("input_button.heard", ["unknown", "unavailable", "unknown", "2026-11-30T20:00:00+00:00"]),
        ("event.remote", ["2026-11-30T19:00:00+00:00", "unavailable", "2026-11-30T20:00:00+00:00"]),
        ("lock.door", ["unavailable", "unlocked", "locked"]),
    ],
)
async def test_until(
    hass: HomeAssistant, kitchen: ControlledPlayer, announce: Announce, entity_id: str, states: list[str]
) -> None:
    """An announcement is repeated until an entity gets the last one of these states, which also stops the sound."""
    hass.states.async_set(entity_id, states[0])
    call = announce("Fire", until=entity_id, repeat_delay=0, volume_level=1)
    await kitchen.wait_for("fire")
    kitchen.finish()
    await kitchen.wait_for("fire", "fire")
    for state in states[1:-1]:
        hass.states.async_set(entity_id, state)
    kitchen.finish()
    await kitchen.wait_for("fire", "fire", "fire")
    hass.states.async_set(entity_id, states[-1])
    result = get_result(await call)
    assert (result["status"], result["error"], result["spoken_by"]) == ("played", None, ["tts.ann"])
    await hass.async_block_till_done(wait_background_tasks=True)
    assert kitchen.state is MediaPlayerState.IDLE
    assert kitchen.volume_level == 0.5
    assert len(kitchen.words) == 3


async def test_critical_without_its_entity(
    hass: HomeAssistant, kitchen: ControlledPlayer, announce: Announce, caplog: pytest.LogCaptureFixture
) -> None:
    """A critical announcement is repeated although nothing can acknowledge it yet."""
    call = announce("Fire", until="input_button.heard", priority="critical", repeat_delay=0)
    await kitchen.wait_for("fire")
    assert "input_button.heard was not found" in caplog.text
    kitchen.finish()
    await kitchen.wait_for("fire", "fire")
    hass.states.async_set("input_button.heard", "unknown")
    hass.states.async_set("input_button.heard", "2026-11-30T20:00:00+00:00")
    assert get_result(await call)["status"] == "played"


async def test_acknowledged_at_once(hass: HomeAssistant, kitchen: ControlledPlayer, announce: Announce) -> None:
    """An announcement that is acknowledged while it is heard for the first time was played; one that waits was not."""
    hass.states.async_set("input_button.heard", "unknown")
    fire = announce("Fire", until="input_button.heard")
    await kitchen.wait_for("fire")
    letter = announce("Letter", until="input_button.heard")
    hass.states.async_set("input_button.heard", "2026-11-30T20:00:00+00:00")
    assert get_result(await fire)["status"] == "played"
    result = get_result(await letter)
    assert (result["status"], result["error"]) == ("skipped", "The announcement was acknowledged")


async def test_repetition_fails(
    hass: HomeAssistant, simulator: Simulator, kitchen: ControlledPlayer, announce: Announce
) -> None:
    """A repeated announcement is given up after three failures in a row."""
    simulator.fail(OUT_OF_CREDIT)
    result = get_result(await announce("Fire", repeat=9, repeat_delay=0))
    assert result["status"] == "failed"
    assert kitchen.words == []


@pytest.mark.parametrize("failing", ["voice", "player", "connection"])
async def test_alarm_is_not_given_up(
    hass: HomeAssistant, simulator: Simulator, kitchen: ControlledPlayer, announce: Announce, failing: str
) -> None:
    """An announcement that waits for an acknowledgement is heard once the voice and the player work again."""
    hass.states.async_set("binary_sensor.smoke", "on")
    if failing == "voice":
        simulator.fail(OUT_OF_CREDIT)
    kitchen.is_refusing = failing == "player"
    kitchen.set_available(failing != "connection")
    call = announce("Fire", until="binary_sensor.smoke", repeat_delay=0, priority="critical", expires_after=60)
    await wait_for_delay(hass)  # after three failures
    simulator.reset()
    kitchen.is_refusing = False
    kitchen.set_available(True)
    (account,) = hass.config_entries.async_entries("orator")
    assert await hass.config_entries.async_reload(account.entry_id)  # closes the circuit breaker
    await pass_delay(hass, 61)  # longer than it may wait in the queue
    await kitchen.wait_for("fire")
    kitchen.finish()
    await kitchen.wait_for("fire", "fire")
    hass.states.async_set("binary_sensor.smoke", "off")
    assert get_result(await call)["status"] == "played"


async def test_alarm_on_unavailable_speaker(
    hass: HomeAssistant, kitchen: ControlledPlayer, announce: Announce, caplog: pytest.LogCaptureFixture
) -> None:
    """An alarm that a speaker could never play has failed there when it is acknowledged; the log says why."""
    hass.states.async_set("binary_sensor.smoke", "on")
    kitchen.set_available(False)
    call = announce("Fire", until="binary_sensor.smoke", repeat_delay=0)
    await wait_for_delay(hass)
    hass.states.async_set("binary_sensor.smoke", "off")
    result = get_result(await call)
    assert (result["status"], "unavailable" in result["error"]) == ("failed", True)
    assert "An announcement keeps failing on media_player.kitchen" in caplog.text
    assert "Fire" not in str([record.getMessage() for record in caplog.records if "orator" in record.name])


async def test_data(hass: HomeAssistant, kitchen: ControlledPlayer, announce: Announce) -> None:
    """An announcement is played once if it is not to be repeated."""
    data: dict[str, Any] = {"repeat_delay": 3}
    call = announce("Letter", **data)
    await kitchen.wait_for("letter")
    kitchen.finish()
    assert get_result(await call)["status"] == "played"
