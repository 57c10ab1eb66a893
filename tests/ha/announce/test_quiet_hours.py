"""Quiet hours: what they do to announcements, and when they end."""

from datetime import timedelta
from typing import Any

from freezegun import freeze_time
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.orator.announce import manager
from custom_components.orator.announce.models import Status
from custom_components.orator.announce.runs import SIGNAL_REPORT, AnnouncementReport
from tests.simulator import Simulator
from tests.support.announce import add_announcements
from tests.support.controlled_player import ControlledPlayer, Heard, call_announce, get_result
from tests.support.speech import create_account, get_speech_requests, load_account
from tests.support.streams import wait_until

from .conftest import Announce

SCHEDULE = "schedule.night"


@pytest.fixture
async def night(hass: HomeAssistant, kitchen: ControlledPlayer) -> MockConfigEntry:
    """Set up quiet hours that last until the schedule turns off."""
    hass.states.async_set(SCHEDULE, "on")
    return await add_announcements(hass, quiet_schedule=SCHEDULE)


@pytest.fixture
def reports(hass: HomeAssistant) -> list[dict[str, Status]]:
    """Return the reported results, in order."""
    reports: list[dict[str, Status]] = []

    @callback
    def add(report: AnnouncementReport) -> None:
        reports.append({key: result.status for key, result in report.results.items()})

    async_dispatcher_connect(hass, SIGNAL_REPORT, add)
    return reports


def get_statuses(reports: list[dict[str, Status]]) -> list[Status]:
    """Return the statuses of all reports, in order."""
    return [status for report in reports for status in report.values()]


async def play(hass: HomeAssistant, kitchen: ControlledPlayer, announce: Announce, **data: Any) -> dict[str, Any]:
    """Announce dinner, and return the result."""
    call = announce("Dinner", **data)
    await kitchen.wait_for("dinner")
    kitchen.finish()
    return get_result(await call)


async def test_skip(
    hass: HomeAssistant,
    night: MockConfigEntry,
    kitchen: ControlledPlayer,
    simulator: Simulator,
    reports: list[dict[str, Status]],
) -> None:
    """By default, nothing is said in quiet hours, and nothing is generated."""
    result = get_result(await call_announce(hass, message="Dinner"))
    assert (result["status"], result["error"]) == ("skipped", "The announcement was skipped because of quiet hours")
    assert reports == [{"media_player.kitchen": Status.SKIPPED}]
    assert get_speech_requests(simulator) == []


async def test_defer(
    hass: HomeAssistant,
    night: MockConfigEntry,
    kitchen: ControlledPlayer,
    simulator: Simulator,
    reports: list[dict[str, Status]],
) -> None:
    """Deferred announcements are said in their order when quiet hours end; an unavailable schedule ends nothing."""
    for message in ("Dinner", "Letter"):
        assert get_result(await call_announce(hass, message=message, quiet="defer"))["status"] == "deferred"
    for state in ("unavailable", "on"):
        hass.states.async_set(SCHEDULE, state)
        await hass.async_block_till_done()
    assert get_speech_requests(simulator) == []
    hass.states.async_set(SCHEDULE, "off")
    await kitchen.wait_for("dinner")
    kitchen.finish()
    await kitchen.wait_for("dinner", "letter")
    kitchen.finish()
    await hass.async_block_till_done(wait_background_tasks=True)
    assert get_statuses(reports) == [
        Status.DEFERRED,
        Status.DEFERRED,
        Status.PLAYED,
        Status.PLAYED,
    ]


async def test_too_many_deferred(
    hass: HomeAssistant,
    night: MockConfigEntry,
    kitchen: ControlledPlayer,
    reports: list[dict[str, Status]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of too many deferred announcements, the oldest with the lowest priority is dropped."""
    monkeypatch.setattr(manager, "_MAX_DEFERRED", 2)
    for message, priority in (("Dinner", "high"), ("Letter", "low"), ("Window", "normal")):
        await call_announce(hass, message=message, priority=priority, quiet="defer")
    assert get_statuses(reports) == [
        *[Status.DEFERRED] * 2,
        Status.SKIPPED,
        Status.DEFERRED,
    ]
    hass.states.async_set(SCHEDULE, "off")
    await kitchen.wait_for("dinner")
    kitchen.finish()
    await kitchen.wait_for("dinner", "window")
    kitchen.finish()
    await hass.async_block_till_done(wait_background_tasks=True)


async def test_defer_too_long(
    hass: HomeAssistant,
    night: MockConfigEntry,
    kitchen: ControlledPlayer,
    reports: list[dict[str, Status]],
) -> None:
    """Deferred announcements are dropped when they expire, after twelve hours by default."""
    await call_announce(hass, message="Dinner", quiet="defer")
    await call_announce(hass, message="Letter", quiet="defer", expires_after={"hours": 1})
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(hours=1, seconds=1))
    assert get_statuses(reports) == [
        Status.DEFERRED,
        Status.DEFERRED,
        Status.SKIPPED,
    ]
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(hours=12, seconds=1))
    assert get_statuses(reports)[3:] == [Status.SKIPPED]
    hass.states.async_set(SCHEDULE, "off")
    await hass.async_block_till_done(wait_background_tasks=True)
    assert kitchen.words == []


async def test_deferred_voice_is_removed(
    hass: HomeAssistant,
    night: MockConfigEntry,
    account: MockConfigEntry,
    reports: list[dict[str, Status]],
) -> None:
    """A deferred announcement fails if its voice was removed meanwhile."""
    await call_announce(hass, message="Dinner", quiet="defer")
    assert await hass.config_entries.async_remove(account.entry_id)
    hass.states.async_set(SCHEDULE, "off")
    await hass.async_block_till_done(wait_background_tasks=True)
    assert get_statuses(reports) == [Status.DEFERRED, Status.FAILED]


@pytest.mark.usefixtures("night")
@pytest.mark.parametrize(
    "case", [({}, 0.2), ({"volume_level": 0.3}, 0.15), ({"volume_levels": {"media_player.kitchen": 0.1}}, 0.05)]
)
async def test_whisper(
    hass: HomeAssistant,
    kitchen: ControlledPlayer,
    announce: Announce,
    simulator: Simulator,
    case: tuple[dict[str, Any], float],
) -> None:
    """A whispered announcement has half the volume, at most 20 %, instructions to whisper, and no chime."""
    data, heard = case
    options = {"instructions": "Speak like a butler.", "chime": "ding_dong"}
    result = await play(hass, kitchen, announce, quiet="whisper", options=options, **data)
    assert result["status"] == "played"
    assert kitchen.heard == [Heard("dinner", heard)]
    assert result["duration"] < 1.0
    assert [body["instructions"] for body in get_speech_requests(simulator)] == ["Speak like a butler. Whisper softly."]
    await hass.async_block_till_done(wait_background_tasks=True)
    assert kitchen.volume_level == 0.5


async def test_whisper_without_instructions(
    hass: HomeAssistant, night: MockConfigEntry, kitchen: ControlledPlayer, announce: Announce, simulator: Simulator
) -> None:
    """A model without instructions only has a lower volume."""
    await load_account(hass, create_account(simulator, "speechbase", {"model": "openai/tts-1", "voice": "nova"}, "Ben"))
    result = await play(hass, kitchen, announce, quiet="whisper", tts_entity_id="tts.ben")
    assert (result["status"], result["spoken_by"]) == ("played", ["tts.ben"])
    assert kitchen.heard == [Heard("dinner", 0.2)]


@pytest.mark.parametrize("data", [{"quiet": "ignore"}, {"priority": "critical"}])
async def test_ignore(
    hass: HomeAssistant, night: MockConfigEntry, kitchen: ControlledPlayer, announce: Announce, data: dict[str, Any]
) -> None:
    """Quiet hours have no effect on a critical announcement, or if they are to be ignored."""
    await play(hass, kitchen, announce, **data)
    assert kitchen.heard == [Heard("dinner", 0.5)]


@pytest.mark.parametrize("state", ["off", "unavailable", None])
async def test_no_quiet_hours(
    hass: HomeAssistant, night: MockConfigEntry, kitchen: ControlledPlayer, announce: Announce, state: str | None
) -> None:
    """There are no quiet hours while the schedule is off, unavailable or removed."""
    if state:
        hass.states.async_set(SCHEDULE, state)
    else:
        hass.states.async_remove(SCHEDULE)
    await play(hass, kitchen, announce)


@pytest.mark.parametrize(
    ("now", "times", "end"),
    [
        ("21:59", ("22:00:00", "07:00:00"), None),
        ("22:00", ("22:00:00", "07:00:00"), "2026-12-01T07:00:00+01:00"),
        ("06:59", ("22:00:00", "07:00:00"), "2026-11-30T07:00:00+01:00"),
        ("07:00", ("22:00:00", "07:00:00"), None),
        ("13:30", ("13:00:00", "15:00:00"), "2026-11-30T15:00:00+01:00"),
        ("15:00", ("13:00:00", "15:00:00"), None),
    ],
)
async def test_times(
    hass: HomeAssistant, kitchen: ControlledPlayer, now: str, times: tuple[str, str], end: str | None
) -> None:
    """Quiet hours are local times and may span midnight; deferred announcements are said when they end."""
    await hass.config.async_set_time_zone("Europe/Berlin")
    start, stop = times
    await add_announcements(hass, quiet_start=start, quiet_end=stop, quiet="defer")
    with freeze_time(f"2026-11-30T{now}:00+01:00", tick=True, real_asyncio=True):
        result = get_result(await call_announce(hass, message="Dinner", wait=False))
        assert result["status"] == ("deferred" if end else "started")
        if end and (ends := dt_util.parse_datetime(end)):
            async_fire_time_changed(hass, ends - timedelta(seconds=5))
            assert kitchen.words == []
            async_fire_time_changed(hass, ends + timedelta(seconds=1))
        await kitchen.wait_for("dinner")
        kitchen.finish()
        await hass.async_block_till_done(wait_background_tasks=True)


async def test_settings_change(hass: HomeAssistant, night: MockConfigEntry, kitchen: ControlledPlayer) -> None:
    """Deferred announcements follow changed quiet hours."""
    await call_announce(hass, message="Dinner", quiet="defer")
    hass.states.async_set("schedule.other", "on")
    hass.config_entries.async_update_entry(night, options={"quiet_schedule": "schedule.other"})
    await hass.async_block_till_done()
    hass.states.async_set(SCHEDULE, "off")
    await hass.async_block_till_done()
    assert kitchen.words == []
    hass.config_entries.async_update_entry(night, options={})
    await kitchen.wait_for("dinner")
    kitchen.finish()
    await hass.async_block_till_done(wait_background_tasks=True)


async def test_entry_is_removed(hass: HomeAssistant, night: MockConfigEntry, kitchen: ControlledPlayer) -> None:
    """Deferred announcements are said if the settings are removed."""
    await call_announce(hass, message="Dinner", quiet="defer")
    assert await hass.config_entries.async_remove(night.entry_id)
    await wait_until(lambda: kitchen.words)
    await kitchen.wait_for("dinner")
    kitchen.finish()
    await hass.async_block_till_done(wait_background_tasks=True)


async def test_acknowledged_while_deferred(
    hass: HomeAssistant,
    night: MockConfigEntry,
    kitchen: ControlledPlayer,
    reports: list[dict[str, Status]],
) -> None:
    """A deferred announcement that is acknowledged is not said when quiet hours end."""
    hass.states.async_set("binary_sensor.window", "on")
    await call_announce(hass, message="Window", quiet="defer", until="binary_sensor.window")
    hass.states.async_set("binary_sensor.window", "off")
    await hass.async_block_till_done()
    assert get_statuses(reports) == [Status.DEFERRED, Status.SKIPPED]
    hass.states.async_set(SCHEDULE, "off")
    await hass.async_block_till_done(wait_background_tasks=True)
    assert kitchen.words == []
