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
from tests.support.audio import RATE, decode
from tests.support.speech import create_account
from tests.support.streams import wait_until
from tests.support.word_decoder import assert_spoken

BLUEPRINTS = Path(__file__).parents[2] / "blueprints"
ANNOUNCE = "orator/announce.yaml"
BRIEFING = "orator/morning_briefing.yaml"
VOICE_AND_PLAYERS = {"voice": "tts.ann", "players": ["media_player.kitchen"]}
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


async def test_announcement_with_presence(
    hass: HomeAssistant, played: list[ServiceCall], clock: FrozenDateTimeFactory
) -> None:
    """The message is announced while a person is at home or a presence sensor is on, and otherwise not."""
    set_time(hass, clock, "12:00:00")
    await create_automation(hass, ANNOUNCE, **WASHER)
    await finish_washing(hass)
    await assert_announced(hass, played)
    hass.states.async_set("person.maria", "home")
    await finish_washing(hass)
    await assert_announced(hass, played, "The washer is done.")
    hass.states.async_set("person.maria", "not_home")
    hass.states.async_set("binary_sensor.hall", "on")
    await finish_washing(hass)
    await assert_announced(hass, played, "The washer is done.")


async def test_announcement_without_presence(
    hass: HomeAssistant, played: list[ServiceCall], clock: FrozenDateTimeFactory
) -> None:
    """Without persons or sensors the message is always announced."""
    set_time(hass, clock, "21:59:59")
    await create_automation(hass, ANNOUNCE, **{**WASHER, "presence": []})
    await finish_washing(hass)
    await assert_announced(hass, played, "The washer is done.")


@pytest.mark.parametrize("time", ["22:00:00", "23:30:00", "06:59:59"])
@pytest.mark.parametrize(("in_quiet_hours", "now", "later"), [("skip", 0, 0), ("wait", 0, 1), ("say", 1, 0)])
async def test_quiet_hours(  # noqa: PLR0913, PLR0917
    hass: HomeAssistant,
    played: list[ServiceCall],
    clock: FrozenDateTimeFactory,
    time: str,
    in_quiet_hours: str,
    now: int,
    later: int,
) -> None:
    """In quiet hours the message is skipped, announced when they end, or announced anyway."""
    set_time(hass, clock, time)
    await create_automation(hass, ANNOUNCE, **{**WASHER, "presence": []}, in_quiet_hours=in_quiet_hours)
    await finish_washing(hass)
    await assert_announced(hass, played, *["The washer is done."] * now)
    set_time(hass, clock, "07:00:00")
    await assert_announced(hass, played, *["The washer is done."] * later)


async def test_delayed_messages_are_announced_in_order(
    hass: HomeAssistant, played: list[ServiceCall], clock: FrozenDateTimeFactory
) -> None:
    """Delayed messages are announced in order, each once the media player has finished the one before."""
    set_time(hass, clock, "23:00:00")
    hass.states.async_set("media_player.kitchen", "idle")
    message = {**WASHER, "message": "The {{ trigger.to_state.name }} is done.", "presence": []}
    await create_automation(hass, ANNOUNCE, **message, in_quiet_hours="wait")
    for name in ("washer", "dryer", "dishwasher"):
        for state in ("washing", "done"):
            hass.states.async_set("sensor.washer", state, {"friendly_name": name})
            await asyncio.sleep(0.05)
    await assert_announced(hass, played)
    set_time(hass, clock, "07:00:00")
    for name in ("washer", "dryer", "dishwasher"):
        await wait_until(lambda: bool(played))
        hass.states.async_set("media_player.kitchen", "playing")
        await asyncio.sleep(5)
        await assert_announced(hass, played, f"The {name} is done.")
        hass.states.async_set("media_player.kitchen", "idle")
    await asyncio.sleep(5)
    assert not played


async def test_no_quiet_hours(hass: HomeAssistant, played: list[ServiceCall], clock: FrozenDateTimeFactory) -> None:
    """There are no quiet hours if they begin when they end."""
    set_time(hass, clock, "07:00:00")
    await create_automation(hass, ANNOUNCE, **{**WASHER, "presence": []}, quiet_begin="07:00:00")
    await finish_washing(hass)
    await assert_announced(hass, played, "The washer is done.")


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
