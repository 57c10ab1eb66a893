"""The blueprints for announcements and the morning briefing."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import datetime, timedelta
from pathlib import Path
import shutil
from typing import Any

from freezegun import freeze_time
from freezegun.api import FrozenDateTimeFactory
from homeassistant.components import tts
from homeassistant.components.automation.helpers import async_get_blueprints
from homeassistant.components.blueprint import DomainBlueprints
from homeassistant.core import HomeAssistant, ServiceCall, SupportsResponse
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
    async_mock_service,
)

from tests.simulator import Simulator
from tests.support.announce import add_announcements
from tests.support.audio import RATE, decode
from tests.support.speakers import Speaker, add_speakers
from tests.support.speech import create_account, get_speech_requests
from tests.support.streams import wait_until
from tests.support.word_decoder import assert_spoken

BLUEPRINTS = Path(__file__).parents[2] / "blueprints"
ANNOUNCE = "orator/announce.yaml"
BRIEFING = "orator/morning_briefing.yaml"
VOICE_AND_PLAYERS = {"voice": "tts.ann", "players": ["media_player.kitchen"]}
TARGET = {"entity_id": ["media_player.kitchen"]}
WASHER = {
    **VOICE_AND_PLAYERS,
    "triggers": [{"trigger": "state", "entity_id": "sensor.washer", "to": "done"}],
    "message": "{{ trigger.to_state.name }} is done.",
    "presence": ["person.maria", "binary_sensor.hall"],
}


@pytest.fixture
def entry(simulator: Simulator) -> MockConfigEntry:
    """Return an account whose speech can be decoded into words."""
    simulator.audio_mode = "tones"
    return create_account(simulator, "openai", {"model": "tts-1", "voice": "coral"})


@pytest.fixture
def played(hass: HomeAssistant, account: MockConfigEntry, tmp_path: Path) -> list[ServiceCall]:
    """Install the blueprints, and return the calls that play media."""
    shutil.copytree(BLUEPRINTS, tmp_path / "blueprints")
    return async_mock_service(hass, "media_player", "play_media")


async def create_automation(hass: HomeAssistant, blueprint: str, **inputs: Any) -> None:
    """Create an automation from a blueprint."""
    automation = {"id": "one", "alias": "One", "use_blueprint": {"path": blueprint, "input": inputs}}
    assert await async_setup_component(hass, "automation", {"automation": automation})
    await hass.async_block_till_done()
    assert hass.states.get("automation.one").state == "on"


async def assert_announced(hass: HomeAssistant, played: list[ServiceCall], *texts: str) -> None:
    """Assert that exactly these texts were played since the last call. An automation may still be running."""
    await wait_until(lambda: len(played) >= len(texts))
    await asyncio.sleep(0.2)
    assert len(played) == len(texts)
    for call, text in zip(played, texts, strict=True):
        assert call.data["entity_id"] == ["media_player.kitchen"]
        _, audio = await tts.async_get_media_source_audio(hass, call.data["media_content_id"])
        assert_spoken((await decode(audio)).samples, RATE, text)
    played.clear()


async def finish_washing(hass: HomeAssistant) -> None:
    """Change the state of the washing machine to done."""
    for state in ("washing", "done"):
        hass.states.async_set("sensor.washer", state, {"friendly_name": "The washer"})
        await asyncio.sleep(0.05)


@pytest.fixture
async def clock(hass: HomeAssistant, played: list[ServiceCall]) -> AsyncGenerator[FrozenDateTimeFactory]:
    """Return a running clock that can be set. The automation is turned off at the end."""
    with freeze_time(tick=True) as clock:
        yield clock
        await hass.services.async_call("automation", "turn_off", {"entity_id": "automation.one"}, blocking=True)


def set_time(hass: HomeAssistant, clock: FrozenDateTimeFactory, time: str) -> None:
    """Set the clock to a time on the next weekday."""
    day = dt_util.now() + timedelta(days=1)
    while day.weekday() > 4:
        day += timedelta(days=1)
    moment = datetime.combine(day, datetime.strptime(time, "%H:%M:%S").time(), dt_util.get_default_time_zone())  # noqa: DTZ007
    clock.move_to(moment)
    async_fire_time_changed(hass, moment)


@pytest.mark.parametrize("path", sorted(BLUEPRINTS.rglob("*.yaml")), ids=lambda path: path.stem)
async def test_blueprint_is_valid(hass: HomeAssistant, played: list[ServiceCall], path: Path) -> None:
    """Home Assistant accepts the blueprint, every input has a name, and the source URL is right."""
    blueprints: DomainBlueprints = async_get_blueprints(hass)
    blueprint = await blueprints.async_get_blueprint(str(path.relative_to(BLUEPRINTS / "automation")))
    assert blueprint.validate() is None
    assert all(field and field.get("name") and field.get("selector") for field in blueprint.inputs.values())
    assert blueprint.metadata["source_url"].endswith(f"/blob/main/{path.relative_to(BLUEPRINTS.parent)}")


@pytest.fixture
async def kitchen(hass: HomeAssistant, account: MockConfigEntry, tmp_path: Path) -> Speaker:
    """Install the blueprints, and add the speaker in the kitchen."""
    shutil.copytree(BLUEPRINTS, tmp_path / "blueprints", dirs_exist_ok=True)
    return (await add_speakers(hass, "kitchen"))["kitchen"]


async def assert_heard(speaker: Speaker, *texts: str) -> None:
    """Assert that a speaker has played exactly these texts since the last call."""
    await wait_until(lambda: len(speaker.played) >= len(texts))
    await asyncio.sleep(0.2)
    assert len(speaker.played) == len(texts)
    for audio, text in zip(speaker.played, texts, strict=True):
        assert_spoken((await decode(audio)).samples, RATE, text)
    speaker.played.clear()


async def test_announcement_with_presence(hass: HomeAssistant, kitchen: Speaker) -> None:
    """The message is announced while a person is at home or a presence sensor is on, and otherwise not."""
    await create_automation(hass, ANNOUNCE, **WASHER)
    await finish_washing(hass)
    await assert_heard(kitchen)
    hass.states.async_set("person.maria", "home")
    await finish_washing(hass)
    await assert_heard(kitchen, "The washer is done.")
    hass.states.async_set("person.maria", "not_home")
    hass.states.async_set("binary_sensor.hall", "on")
    await asyncio.sleep(3)  # the same message is not a duplicate any more
    await finish_washing(hass)
    await assert_heard(kitchen, "The washer is done.")


async def test_announcement_without_presence(hass: HomeAssistant, simulator: Simulator, kitchen: Speaker) -> None:
    """Without persons or sensors the message is always announced, with the default voice and the current volume."""
    await create_automation(hass, ANNOUNCE, **{**WASHER, "presence": [], "players": {"area_id": [], **TARGET}})
    await finish_washing(hass)
    await assert_heard(kitchen, "The washer is done.")
    assert kitchen.volumes == [0.3]


async def test_announcement_with_all_settings(hass: HomeAssistant, simulator: Simulator, kitchen: Speaker) -> None:
    """The message has the volume, the voice and the options of the automation; quotes and braces are spoken."""
    text = 'It\'s {ready} "now".'
    await create_automation(
        hass,
        ANNOUNCE,
        **{**WASHER, "presence": [], "message": text, "players": TARGET},
        volume=60,
        options={"speed": 1.5},
        priority="high",
    )
    await finish_washing(hass)
    await wait_until(lambda: kitchen.played and kitchen.volume_level == 0.3)
    assert kitchen.volumes == [0.6]
    (request,) = get_speech_requests(simulator)
    assert (request["input"], request["speed"]) == (text, 1.5)


@pytest.mark.parametrize(
    ("inputs", "now", "later"),
    [
        ({}, 0, 0),
        ({"in_quiet_hours": "skip"}, 0, 0),
        ({"in_quiet_hours": "defer"}, 0, 1),
        ({"in_quiet_hours": "wait"}, 0, 1),
        ({"in_quiet_hours": "ignore"}, 1, 0),
        ({"in_quiet_hours": "say", "quiet_begin": "22:00:00", "quiet_end": "07:00:00"}, 1, 0),
        ({"priority": "critical"}, 1, 0),
    ],
)
async def test_quiet_hours(hass: HomeAssistant, kitchen: Speaker, inputs: dict[str, Any], now: int, later: int) -> None:
    """In quiet hours the message is skipped, announced when they end, or announced anyway; earlier inputs work."""
    hass.states.async_set("schedule.night", "on")
    await add_announcements(hass, quiet_schedule="schedule.night")
    await create_automation(hass, ANNOUNCE, **{**WASHER, "presence": []}, **inputs)
    await finish_washing(hass)
    await assert_heard(kitchen, *["The washer is done."] * now)
    hass.states.async_set("schedule.night", "off")
    await assert_heard(kitchen, *["The washer is done."] * later)


async def test_messages_are_announced_in_order(hass: HomeAssistant, kitchen: Speaker) -> None:
    """Messages at the same time are announced one after the other."""
    message = {**WASHER, "message": "The {{ trigger.to_state.name }} is done.", "presence": []}
    await create_automation(hass, ANNOUNCE, **message)
    names = ("washer", "dryer", "dishwasher")
    for name in names:
        for state in ("washing", "done"):
            hass.states.async_set("sensor.washer", state, {"friendly_name": name})
        await hass.async_block_till_done()
    await assert_heard(kitchen, *(f"The {name} is done." for name in names))


@pytest.fixture
def forecast_and_calendars(hass: HomeAssistant) -> None:
    """Mock a forecast and two calendars."""
    day = {"datetime": "2026-11-23T00:00:00+00:00", "condition": "partlycloudy", "temperature": 11.6, "templow": 4}
    forecast = {"weather.home": {"forecast": [day, {**day, "condition": "snowy"}]}}
    local = dt_util.now().replace(hour=9, minute=30)
    agenda = {
        "calendar.work": {"events": [{"summary": "Dentist", "start": local.isoformat(), "end": local.isoformat()}]},
        "calendar.family": {
            "events": [{"summary": "Birthday of Ann", "start": str(local.date()), "end": str(local.date())}]
        },
    }
    async_mock_service(hass, "weather", "get_forecasts", response=forecast, supports_response=SupportsResponse.ONLY)
    async_mock_service(hass, "calendar", "get_events", response=agenda, supports_response=SupportsResponse.ONLY)


async def test_briefing_with_weather_and_calendars(
    hass: HomeAssistant, played: list[ServiceCall], clock: FrozenDateTimeFactory, forecast_and_calendars: None
) -> None:
    """Weather and events are announced on time, in one message."""
    set_time(hass, clock, "06:00:00")
    calendars = ["calendar.work", "calendar.family"]
    await create_automation(hass, BRIEFING, **VOICE_AND_PLAYERS, weather=["weather.home"], calendars=calendars)
    await assert_announced(hass, played)
    set_time(hass, clock, "07:00:00")
    weekday = dt_util.now().strftime("%A")
    await assert_announced(
        hass,
        played,
        f"Good morning! It's {weekday}. Today's weather: partly cloudy, with a high of 12 degrees. "
        "On your calendar today: Birthday of Ann. Dentist at 09:30.",
    )


async def test_briefing_without_weather_and_calendars(
    hass: HomeAssistant, played: list[ServiceCall], clock: FrozenDateTimeFactory
) -> None:
    """Without weather and calendars the briefing is a greeting; at weekends there is none."""
    set_time(hass, clock, "06:00:00")
    await create_automation(hass, BRIEFING, **VOICE_AND_PLAYERS)
    set_time(hass, clock, "07:00:00")
    await assert_announced(hass, played, f"Good morning! It's {dt_util.now().strftime('%A')}.")
    saturday = dt_util.now() + timedelta(days=(5 - dt_util.now().weekday()) % 7)
    clock.move_to(saturday)
    async_fire_time_changed(hass, saturday)
    await assert_announced(hass, played)


async def test_briefing_waits_for_motion(
    hass: HomeAssistant, played: list[ServiceCall], clock: FrozenDateTimeFactory
) -> None:
    """The briefing waits for motion, up to a time limit; its message is a template."""
    hass.states.async_set("binary_sensor.kitchen", "off")
    set_time(hass, clock, "06:00:00")
    await create_automation(
        hass, BRIEFING, **VOICE_AND_PLAYERS, motion=["binary_sensor.kitchen"], message="{{ events | count }} events."
    )
    set_time(hass, clock, "07:00:00")
    await assert_announced(hass, played)
    hass.states.async_set("binary_sensor.kitchen", "on")
    await assert_announced(hass, played, "0 events.")
    hass.states.async_set("binary_sensor.kitchen", "off")
    set_time(hass, clock, "07:00:00")
    clock.tick(timedelta(hours=4))
    async_fire_time_changed(hass)
    await asyncio.sleep(0.2)
    hass.states.async_set("binary_sensor.kitchen", "on")
    await assert_announced(hass, played)
