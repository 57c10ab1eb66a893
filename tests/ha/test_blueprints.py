"""Blueprints: Home Assistant takes them, and with their defaults they say what they promise."""

import asyncio
from collections.abc import AsyncGenerator, Callable
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

from ..simulator import Simulator
from ..support.audio import RATE, decode
from ..support.speech import account_of
from ..support.word_decoder import assert_spoken

BLUEPRINTS = Path(__file__).parents[2] / "blueprints"
ANNOUNCE = "orator/announce.yaml"
BRIEFING = "orator/morning_briefing.yaml"
HOW = {"voice": "tts.ann", "players": ["media_player.kitchen"]}
WASHER = {
    **HOW,
    "triggers": [{"trigger": "state", "entity_id": "sensor.washer", "to": "done"}],
    "message": "{{ trigger.to_state.name }} is done.",
    "presence": ["person.maria", "binary_sensor.hall"],
}


@pytest.fixture
def entry(simulator: Simulator) -> MockConfigEntry:
    """Describe a voice whose words can be read back."""
    simulator.tongue = "tones"
    return account_of(simulator, "openai", {"model": "tts-1", "voice": "coral"})


@pytest.fixture
def played(hass: HomeAssistant, account: MockConfigEntry, tmp_path: Path) -> list[ServiceCall]:
    """Install the blueprints as their users do, and take what media players are told to play."""
    shutil.copytree(BLUEPRINTS, tmp_path / "blueprints")
    return async_mock_service(hass, "media_player", "play_media")


async def automate(hass: HomeAssistant, blueprint: str, **inputs: Any) -> None:
    """Make an automation of a blueprint."""
    automation = {"id": "one", "alias": "One", "use_blueprint": {"path": blueprint, "input": inputs}}
    assert await async_setup_component(hass, "automation", {"automation": automation})
    await hass.async_block_till_done()
    assert hass.states.get("automation.one").state == "on"


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for something."""
    async with asyncio.timeout(10):
        while not is_so():  # noqa: ASYNC110 - the played calls are a list of the harness
            await asyncio.sleep(0.02)


async def assert_heard(hass: HomeAssistant, played: list[ServiceCall], *texts: str) -> None:
    """Listen to everything that is played, and forget it. An automation may go on waiting meanwhile."""
    await until(lambda: len(played) >= len(texts))
    await asyncio.sleep(0.2)
    assert len(played) == len(texts)
    for call, text in zip(played, texts, strict=True):
        assert call.data["entity_id"] == ["media_player.kitchen"]
        _, audio = await tts.async_get_media_source_audio(hass, call.data["media_content_id"])
        assert_spoken((await decode(audio)).samples, RATE, text)
    played.clear()


async def finish_washing(hass: HomeAssistant) -> None:
    """Let the washing machine finish."""
    for state in ("washing", "done"):
        hass.states.async_set("sensor.washer", state, {"friendly_name": "The washer"})
        await asyncio.sleep(0.05)


@pytest.fixture
async def clock(hass: HomeAssistant, played: list[ServiceCall]) -> AsyncGenerator[FrozenDateTimeFactory]:
    """Give a clock that goes on, and can be set; no automation waits for it in the end."""
    with freeze_time(tick=True) as clock:
        yield clock
        await hass.services.async_call("automation", "turn_off", {"entity_id": "automation.one"}, blocking=True)


def at(hass: HomeAssistant, clock: FrozenDateTimeFactory, hour: str) -> None:
    """Set the clock to a time of the next day, which is a weekday."""
    day = dt_util.now() + timedelta(days=1)
    while day.weekday() > 4:
        day += timedelta(days=1)
    moment = datetime.combine(day, datetime.strptime(hour, "%H:%M:%S").time(), dt_util.get_default_time_zone())  # noqa: DTZ007
    clock.move_to(moment)
    async_fire_time_changed(hass, moment)


@pytest.mark.parametrize("path", sorted(BLUEPRINTS.rglob("*.yaml")), ids=lambda path: path.stem)
async def test_blueprint_is_valid(hass: HomeAssistant, played: list[ServiceCall], path: Path) -> None:
    """Home Assistant reads it, every input says what it is for, and it can be found again where it came from."""
    blueprints: DomainBlueprints = async_get_blueprints(hass)
    blueprint = await blueprints.async_get_blueprint(str(path.relative_to(BLUEPRINTS / "automation")))
    assert blueprint.validate() is None
    assert all(field and field.get("name") and field.get("selector") for field in blueprint.inputs.values())
    assert blueprint.metadata["source_url"].endswith(f"/blob/main/{path.relative_to(BLUEPRINTS.parent)}")


async def test_announcement_is_heard_by_whoever_is_at_home(
    hass: HomeAssistant, played: list[ServiceCall], clock: FrozenDateTimeFactory
) -> None:
    """It is said while a person is at home or a sensor sees somebody, and otherwise not."""
    at(hass, clock, "12:00:00")
    await automate(hass, ANNOUNCE, **WASHER)
    await finish_washing(hass)
    await assert_heard(hass, played)
    hass.states.async_set("person.maria", "home")
    await finish_washing(hass)
    await assert_heard(hass, played, "The washer is done.")
    hass.states.async_set("person.maria", "not_home")
    hass.states.async_set("binary_sensor.hall", "on")
    await finish_washing(hass)
    await assert_heard(hass, played, "The washer is done.")


async def test_announcement_without_anybody_to_look_for(
    hass: HomeAssistant, played: list[ServiceCall], clock: FrozenDateTimeFactory
) -> None:
    """Who names nobody hears it in any case."""
    at(hass, clock, "21:59:59")
    await automate(hass, ANNOUNCE, **{**WASHER, "presence": []})
    await finish_washing(hass)
    await assert_heard(hass, played, "The washer is done.")


@pytest.mark.parametrize("hour", ["22:00:00", "23:30:00", "06:59:59"])
@pytest.mark.parametrize(("then", "at_once", "later"), [("skip", 0, 0), ("wait", 0, 1), ("say", 1, 0)])
async def test_quiet_hours(  # noqa: PLR0913, PLR0917
    hass: HomeAssistant,
    played: list[ServiceCall],
    clock: FrozenDateTimeFactory,
    hour: str,
    then: str,
    at_once: int,
    later: int,
) -> None:
    """At night it is left out, said in the morning, or said nevertheless."""
    at(hass, clock, hour)
    await automate(hass, ANNOUNCE, **{**WASHER, "presence": []}, in_quiet_hours=then)
    await finish_washing(hass)
    await assert_heard(hass, played, *["The washer is done."] * at_once)
    at(hass, clock, "07:00:00")
    await assert_heard(hass, played, *["The washer is done."] * later)


async def test_messages_of_a_night_are_said_one_after_the_other(
    hass: HomeAssistant, played: list[ServiceCall], clock: FrozenDateTimeFactory
) -> None:
    """What was held back is all said, in its order, each message only once the speaker is done with that before it."""
    at(hass, clock, "23:00:00")
    hass.states.async_set("media_player.kitchen", "idle")
    message = {**WASHER, "message": "The {{ trigger.to_state.name }} is done.", "presence": []}
    await automate(hass, ANNOUNCE, **message, in_quiet_hours="wait")
    for name in ("washer", "dryer", "dishwasher"):
        for state in ("washing", "done"):
            hass.states.async_set("sensor.washer", state, {"friendly_name": name})
            await asyncio.sleep(0.05)
    await assert_heard(hass, played)
    at(hass, clock, "07:00:00")
    for name in ("washer", "dryer", "dishwasher"):
        await until(lambda: bool(played))
        hass.states.async_set("media_player.kitchen", "playing")
        await asyncio.sleep(5)
        await assert_heard(hass, played, f"The {name} is done.")
        hass.states.async_set("media_player.kitchen", "idle")
    await asyncio.sleep(5)
    assert not played


async def test_never_quiet(hass: HomeAssistant, played: list[ServiceCall], clock: FrozenDateTimeFactory) -> None:
    """Quiet hours that begin when they end are none."""
    at(hass, clock, "07:00:00")
    await automate(hass, ANNOUNCE, **{**WASHER, "presence": []}, quiet_begin="07:00:00")
    await finish_washing(hass)
    await assert_heard(hass, played, "The washer is done.")


@pytest.fixture
def knowledge(hass: HomeAssistant) -> None:
    """Give Home Assistant a forecast and two calendars."""
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


async def test_briefing_tells_weather_and_calendar(
    hass: HomeAssistant, played: list[ServiceCall], clock: FrozenDateTimeFactory, knowledge: None
) -> None:
    """On the minute, in one message that sounds like one."""
    at(hass, clock, "06:00:00")
    calendars = ["calendar.work", "calendar.family"]
    await automate(hass, BRIEFING, **HOW, weather=["weather.home"], calendars=calendars)
    await assert_heard(hass, played)
    at(hass, clock, "07:00:00")
    weekday = dt_util.now().strftime("%A")
    await assert_heard(
        hass,
        played,
        f"Good morning! It is {weekday}. Today's weather: partly cloudy, up to 12 degrees. "
        "In your calendar: Birthday of Ann. Dentist at 09:30.",
    )


async def test_briefing_needs_nothing(
    hass: HomeAssistant, played: list[ServiceCall], clock: FrozenDateTimeFactory
) -> None:
    """Without weather and calendars there is still a good morning; not on other days."""
    at(hass, clock, "06:00:00")
    await automate(hass, BRIEFING, **HOW)
    at(hass, clock, "07:00:00")
    await assert_heard(hass, played, f"Good morning! It is {dt_util.now().strftime('%A')}.")
    saturday = dt_util.now() + timedelta(days=(5 - dt_util.now().weekday()) % 7)
    clock.move_to(saturday)
    async_fire_time_changed(hass, saturday)
    await assert_heard(hass, played)


async def test_briefing_waits_for_somebody(
    hass: HomeAssistant, played: list[ServiceCall], clock: FrozenDateTimeFactory
) -> None:
    """It is said to whoever comes, and to nobody else; a message of one's own is a template."""
    hass.states.async_set("binary_sensor.kitchen", "off")
    at(hass, clock, "06:00:00")
    await automate(hass, BRIEFING, **HOW, motion=["binary_sensor.kitchen"], message="{{ events | count }} events.")
    at(hass, clock, "07:00:00")
    await assert_heard(hass, played)
    hass.states.async_set("binary_sensor.kitchen", "on")
    await assert_heard(hass, played, "0 events.")
    hass.states.async_set("binary_sensor.kitchen", "off")
    at(hass, clock, "07:00:00")
    clock.tick(timedelta(hours=4))
    async_fire_time_changed(hass)
    await asyncio.sleep(0.2)
    hass.states.async_set("binary_sensor.kitchen", "on")
    await assert_heard(hass, played)
