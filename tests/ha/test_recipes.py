"""Tests that run the recipes of the documentation: each reacts to its trigger and speaks its message."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Any

from freezegun import freeze_time
from homeassistant.components import tts
from homeassistant.components.media_source import async_resolve_media
from homeassistant.core import HomeAssistant, ServiceCall, SupportsResponse
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed, async_mock_service

from custom_components.orator.audio.effects import CHIME_PAUSE_S, BuiltInChime, load_built_in_chime
from custom_components.orator.providers.errors import OutOfCreditError
from tests.simulator import Simulator
from tests.support.actions import create_media_folder
from tests.support.announce import add_announcements
from tests.support.audio import RATE, Sound, decode
from tests.support.examples import read_examples, set_up_examples, turn_off_automations
from tests.support.limits import set_limits, use
from tests.support.speakers import add_speakers, read_speech
from tests.support.speech import create_account, get_speech_requests, load_account, pass_time
from tests.support.streams import wait_until
from tests.support.word_decoder import assert_spoken

RECIPES = {example.name: example for page in ("docs/recipes.md", "README.md") for example in read_examples(page)}
PERSON = {"friendly_name": "Anna"}
WHISPER = "Whisper softly and slowly."
WINDOW = {"friendly_name": "Bedroom window"}


@pytest.fixture
def entry(hass: HomeAssistant, simulator: Simulator, tmp_path: Path) -> MockConfigEntry:
    """Return an account with the voice that the recipes use; its speech can be decoded into words."""
    create_media_folder(hass, tmp_path)
    simulator.audio_mode = "tones"
    return create_account(simulator, "openai", {"model": "gpt-4o-mini-tts", "voice": "coral"}, "OpenAI Coral")


@pytest.fixture
async def played(hass: HomeAssistant, account: MockConfigEntry) -> AsyncGenerator[list[ServiceCall]]:
    """Yield the calls that play media, and turn off automations at the end."""
    assert await async_setup_component(hass, "media_source", {})
    yield async_mock_service(hass, "media_player", "play_media")
    await turn_off_automations(hass)


async def run_script(hass: HomeAssistant, name: str, **data: Any) -> None:
    """Set up a recipe that is a script, and run it."""
    await set_up_examples(hass, RECIPES[name])
    await hass.services.async_call("script", RECIPES[name].object_id, data, blocking=True)


async def run_automation(hass: HomeAssistant, name: str, *states: tuple[str, str, dict[str, Any]]) -> None:
    """Set up a recipe that is an automation, and change states one after the other."""
    await set_up_examples(hass, RECIPES[name])
    for state in states:
        hass.states.async_set(*state)
        await hass.async_block_till_done()


async def trigger(hass: HomeAssistant, name: str, **variables: Any) -> None:
    """Trigger an automation with the variables of its trigger."""
    automation = hass.data["automation"].get_entity(RECIPES[name].entity_id)
    await automation.async_trigger({"trigger": variables})


async def hear(hass: HomeAssistant, call: ServiceCall) -> Sound:
    """Return the audio that a call plays."""
    media_id = call.data.get("media_content_id") or call.data["media"]["media_content_id"]
    _, audio = await tts.async_get_media_source_audio(hass, media_id)
    return await decode(audio)


async def assert_announced(
    hass: HomeAssistant, simulator: Simulator, played: list[ServiceCall], text: str
) -> dict[str, Any]:
    """Assert that a message was announced once; return the request that the service received."""
    await wait_until(lambda: played)
    (call,) = played
    assert (await hear(hass, call)).samples.any()
    await hass.async_block_till_done(wait_background_tasks=True)
    (request,) = get_speech_requests(simulator)
    assert request["input"] == text
    return request


@pytest.mark.parametrize(
    ("name", "states", "text"),
    [
        (
            "Rain and open windows",
            [
                ("binary_sensor.bedroom_window", "on", WINDOW),
                ("binary_sensor.bathroom_window", "off", {}),
                ("binary_sensor.rain", "on", {}),
            ],
            "It's starting to rain. Still open: Bedroom window.",
        ),
        (
            "Storm warning",
            [("weather.home", "windy", {"wind_speed": 20}), ("weather.home", "windy", {"wind_speed": 71.6})],
            "A storm is coming, with winds of 72 kilometers per hour. Bring in the garden chairs.",
        ),
        (
            "Welcome home",
            [("person.anna", "not_home", PERSON), ("person.anna", "home", PERSON)],
            "Welcome home, Anna!",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and value in RECIPES else "",
)
async def test_state_changes(  # noqa: PLR0913, PLR0917
    hass: HomeAssistant,
    simulator: Simulator,
    played: list[ServiceCall],
    name: str,
    states: list[tuple[str, str, dict[str, Any]]],
    text: str,
) -> None:
    """A change of a state is announced."""
    await run_automation(hass, name, *states)
    await assert_announced(hass, simulator, played, text)


async def test_closed_windows(hass: HomeAssistant, played: list[ServiceCall]) -> None:
    """Rain is not announced if all windows are closed."""
    closed = ("binary_sensor.bedroom_window", "off", {})
    await run_automation(hass, "Rain and open windows", closed, ("binary_sensor.rain", "on", {}))
    assert not played


async def test_washing_machine(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """The end is announced once the machine has used little power for two minutes."""
    kitchen = (await add_speakers(hass, "kitchen"))["kitchen"]
    power = "sensor.washing_machine_power"
    await run_automation(hass, "Washing machine finished", (power, "900", {}), (power, "2", {}))
    assert not kitchen.played
    await pass_time(hass, seconds=121)
    await wait_until(lambda: kitchen.played)
    assert_spoken((await decode(kitchen.played[0])).samples, RATE, "The washing machine is done.")
    await turn_off_automations(hass)


async def test_garage_door(hass: HomeAssistant, simulator: Simulator, played: list[ServiceCall]) -> None:
    """The open door is announced after ten minutes."""
    states = [("cover.garage_door", state, {}) for state in ("closed", "open")]
    await run_automation(hass, "Garage door left open", *states)
    assert not played
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=10, seconds=1))
    await wait_until(lambda: played)
    await turn_off_automations(hass)  # it waits for the next ten minutes
    await assert_announced(hass, simulator, played, "The garage door is still open.")


async def test_low_batteries(hass: HomeAssistant, simulator: Simulator, played: list[ServiceCall]) -> None:
    """The batteries are announced that are low."""
    for name, level in (("Door", "12"), ("Remote", "7"), ("Lock", "80"), ("Old", "unavailable")):
        attributes = {"device_class": "battery", "friendly_name": name}
        hass.states.async_set(f"sensor.{name.lower()}_battery", level, attributes)
    await run_automation(hass, "Low batteries")
    await trigger(hass, "Low batteries")
    await assert_announced(hass, simulator, played, "2 batteries are low: Door, Remote.")


async def test_timer(hass: HomeAssistant, simulator: Simulator, played: list[ServiceCall]) -> None:
    """The end of the timer is announced, between two chimes."""
    await run_automation(hass, "Kitchen timer finished")
    hass.bus.async_fire("timer.finished", {"entity_id": "timer.kitchen"})
    await hass.async_block_till_done()
    await assert_announced(hass, simulator, played, "The kitchen timer has finished.")


async def test_calendar(hass: HomeAssistant, simulator: Simulator, played: list[ServiceCall]) -> None:
    """The event that starts soon is announced."""
    assert await async_setup_component(hass, "calendar", {})
    await run_automation(hass, "Calendar reminder")
    await trigger(hass, "Calendar reminder", calendar_event={"summary": "Dentist"})
    await assert_announced(hass, simulator, played, "In 15 minutes: Dentist.")


async def test_briefing(hass: HomeAssistant, simulator: Simulator, played: list[ServiceCall]) -> None:
    """The text of the AI is announced in the morning, once; the AI knows the weather and the events."""
    only = SupportsResponse.ONLY
    forecast = {"weather.home": {"forecast": [{"condition": "sunny", "temperature": 21}]}}
    events = {"calendar.family": {"events": [{"summary": "Birthday of Ben"}]}}
    async_mock_service(hass, "weather", "get_forecasts", response=forecast, supports_response=only)
    async_mock_service(hass, "calendar", "get_events", response=events, supports_response=only)
    written = async_mock_service(
        hass, "ai_task", "generate_data", response={"data": "Good morning!"}, supports_response=only
    )
    motion = [("binary_sensor.kitchen_motion", state, {}) for state in ("off", "on", "off", "on")]
    await hass.config.async_set_time_zone("UTC")
    with freeze_time("2026-12-01 07:00:00", tick=True):
        await run_automation(hass, "Morning briefing", *motion)
        await assert_announced(hass, simulator, played, "Good morning!")
    (call,) = written
    assert "sunny" in call.data["instructions"]
    assert "Birthday of Ben" in call.data["instructions"]
    assert "Tuesday" in call.data["instructions"]


async def test_prepared_announcement(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """A message that was prepared is announced while the service cannot be reached."""
    speakers = await add_speakers(hass, "kitchen", "bedroom")
    await run_automation(hass, "Water leak")
    await trigger(hass, "Water leak", id="prepare")
    assert len(get_speech_requests(simulator)) == 1
    await simulator.close()
    await trigger(hass, "Water leak", id="leak")
    await wait_until(lambda: all(speaker.played for speaker in speakers.values()))
    for speaker in speakers.values():
        assert_spoken((await decode(speaker.played[0])).samples, RATE, "There is water in the cellar.")
    await turn_off_automations(hass)


async def test_dinner(hass: HomeAssistant, simulator: Simulator, played: list[ServiceCall]) -> None:
    """Dinner is announced with the instructions."""
    await run_script(hass, "Dinner is ready")
    request = await assert_announced(hass, simulator, played, "Dinner is ready! Please come to the table.")
    assert request["instructions"] == "Cheerful, like calling children in from the garden."


@pytest.mark.parametrize(
    ("used", "players"),
    [
        (["office"], ["office"]),
        (["kitchen", "bedroom"], ["kitchen", "bedroom"]),
        ([], ["kitchen", "office", "bedroom"]),
    ],
)
async def test_rooms_in_use(
    hass: HomeAssistant, simulator: Simulator, played: list[ServiceCall], used: list[str], players: list[str]
) -> None:
    """The message is played in the rooms with motion, and everywhere if there is none."""
    for room in used:
        hass.states.async_set(f"binary_sensor.{room}_motion", "on")
    await run_script(hass, "Announce where someone is", message="Hello.")
    assert played[0].data["entity_id"] == [f"media_player.{room}" for room in players]
    await assert_announced(hass, simulator, played, "Hello.")


async def test_doorbell(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """Both speakers play the chime and the message, which is generated once, and have their own volume again."""
    speakers = await add_speakers(hass, "kitchen", "office")
    bell = "binary_sensor.front_door_bell"
    await run_automation(hass, "Doorbell", (bell, "off", {}), (bell, "on", {}))
    await wait_until(lambda: all(speaker.played for speaker in speakers.values()))
    await wait_until(lambda: all(speaker.volume_level == 0.3 for speaker in speakers.values()))
    chime = load_built_in_chime(BuiltInChime.DING_DONG)
    for speaker in speakers.values():
        assert speaker.volumes == [0.5]
        samples = (await decode(speaker.played[0])).samples[round((chime.seconds + CHIME_PAUSE_S / 2) * RATE) :]
        assert_spoken(samples, RATE, "There is someone at the front door.")
    assert len(get_speech_requests(simulator)) == 1
    await turn_off_automations(hass)


async def test_smoke_alarm(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """The alarm is repeated, also in quiet hours, until the button is pressed."""
    hass.states.async_set("schedule.night", "on")
    hass.states.async_set("input_button.stop_the_alarm", "2026-11-01T12:00:00+00:00")
    await add_announcements(hass, quiet_schedule="schedule.night")
    speakers = await add_speakers(hass, "kitchen", "bedroom")
    smoke = "binary_sensor.hall_smoke"
    await run_automation(hass, "Smoke alarm", (smoke, "off", {}), (smoke, "on", {}))
    for _ in range(2):
        await wait_until(lambda: all(speaker.played for speaker in speakers.values()))
        for speaker in speakers.values():
            assert speaker.volumes[-1] == 0.8
            speaker.played.clear()
        async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=6))
    hass.states.async_set("input_button.stop_the_alarm", "2026-12-01T12:00:00+00:00")
    await wait_until(lambda: all(speaker.volume_level == 0.3 for speaker in speakers.values()))
    await turn_off_automations(hass)


@pytest.mark.parametrize(("lock", "text"), [("locked", "locked"), ("unlocked", "not locked"), (None, "not locked")])
async def test_good_night(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, lock: str | None, text: str
) -> None:
    """The voice whispers, quietly and also in quiet hours, whether the door is locked."""
    hass.states.async_set("schedule.night", "on")
    await add_announcements(hass, quiet_schedule="schedule.night")
    bedroom = (await add_speakers(hass, "bedroom"))["bedroom"]
    if lock:
        hass.states.async_set("lock.front_door", lock)
    await run_script(hass, "Good night")
    assert bedroom.volumes == [0.15]
    assert bedroom.volume_level == 0.3
    (request,) = get_speech_requests(simulator)
    assert request["input"] == f"Good night! The front door is {text}."
    assert request["instructions"] == WHISPER


async def test_satellite(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """The satellite gets the audio of the voice."""
    hass.states.async_set("assist_satellite.kitchen", "idle", {"supported_features": 1})
    calls = async_mock_service(hass, "assist_satellite", "announce")
    await run_script(hass, "Announce on the satellite", message="Hello.")
    (call,) = calls
    assert call.data["entity_id"] in ("assist_satellite.kitchen", ["assist_satellite.kitchen"])
    assert_spoken((await decode(await read_speech(hass, call.data["media_id"]))).samples, RATE, "Hello.")


async def test_language(hass: HomeAssistant, simulator: Simulator, played: list[ServiceCall]) -> None:
    """A message in another language is spoken."""
    await run_script(hass, "Announce in German")
    assert "language=de" in played[0].data["media_content_id"]
    await assert_announced(hass, simulator, played, "Das Essen ist fertig!")


async def test_stored_file(hass: HomeAssistant, simulator: Simulator, played: list[ServiceCall]) -> None:
    """The file is stored, also if it exists already, and the doorbell plays it."""
    await run_script(hass, "Create the doorbell announcement")
    await run_script(hass, "Create the doorbell announcement")
    assert len(get_speech_requests(simulator)) == 1
    await simulator.close()
    bell = "binary_sensor.front_door_bell"
    await run_automation(hass, "Doorbell from a file", (bell, "off", {}), (bell, "on", {}))
    (call,) = played
    assert call.data["announce"] is True
    media = await async_resolve_media(hass, call.data["media"]["media_content_id"], None)
    assert media.path is not None
    assert (await decode(media.path.read_bytes())).seconds > 1


@pytest.mark.parametrize(
    ("sensor", "text"),
    [
        ("binary_sensor.hall_smoke", "Fire alarm. Leave the house now."),
        ("binary_sensor.basement_leak", "There is water in the basement."),
    ],
)
async def test_alarm_without_internet(
    hass: HomeAssistant, simulator: Simulator, played: list[ServiceCall], sensor: str, text: str
) -> None:
    """Prepared alarms are played while the service cannot be reached."""
    await set_up_examples(hass, RECIPES["Prepare alarms"], RECIPES["Alarm"])
    await trigger(hass, "Prepare alarms")
    texts = {"Fire alarm. Leave the house now.", "There is water in the basement."}
    assert {body["input"] for body in get_speech_requests(simulator)} == texts
    await simulator.close()
    for state in ("off", "on"):
        hass.states.async_set(sensor, state)
        await asyncio.sleep(0.05)
    await wait_until(lambda: played)
    assert played[0].data["entity_id"] == ["media_player.bedroom", "media_player.kitchen"]
    sound = await hear(hass, played[0])
    chime = load_built_in_chime(BuiltInChime.ALARM)
    assert_spoken(sound.samples[round((chime.seconds + CHIME_PAUSE_S / 2) * RATE) :], RATE, text)
    assert len(get_speech_requests(simulator)) == len(texts)


async def test_cost_warning(hass: HomeAssistant, played: list[ServiceCall]) -> None:
    """A notification warns once the account has spent the amount."""
    calls = async_mock_service(hass, "persistent_notification", "create")
    spent, unit = "sensor.nanogpt_spent_this_month", {"unit_of_measurement": "USD"}
    await run_automation(hass, "Cost warning", (spent, "4.9", unit), (spent, "5.1", unit))
    (call,) = calls
    assert call.data["message"].startswith("You have spent 5.1")
    assert call.data["message"].endswith(" USD this month.")


async def test_usage_limit_warning(hass: HomeAssistant, simulator: Simulator) -> None:
    """A notification tells what is used at 80 % of the limit, and until when fallback voices speak at the limit."""
    calls = async_mock_service(hass, "persistent_notification", "create")
    voice = {"model": "Kokoro-82m", "voice": "af_bella"}
    account = await load_account(hass, create_account(simulator, "nanogpt", voice))
    await set_limits(hass, account, monthly_limit=5.0)
    await set_up_examples(hass, RECIPES["Usage limit warning"])
    for cost in (3.9, 0.2004, 0.4, 0.6):
        await use(hass, account, cost)
    assert calls[0].data["message"] == "4.1 of 5.0 USD are used."
    assert calls[1].data["message"].startswith("5.1 of 5.0 USD are used. Fallback voices speak until 01 ")
    await hass.config_entries.async_reload(account.entry_id)
    await set_limits(hass, account)
    await hass.async_block_till_done()
    assert len(calls) == 2


async def test_service_is_down(hass: HomeAssistant, account: MockConfigEntry, played: list[ServiceCall]) -> None:
    """A notification tells after ten minutes why an account cannot speak."""
    calls = async_mock_service(hass, "persistent_notification", "create")
    assert hass.states.get("sensor.openai_connection").state == "connected"
    await run_automation(hass, "Text-to-speech is down")
    account.runtime_data.health.async_record_failure(OutOfCreditError())
    await hass.async_block_till_done()
    assert not calls
    await pass_time(hass, minutes=10, seconds=1)
    (call,) = calls
    assert call.data["message"] == "OpenAI: Out of credit."
