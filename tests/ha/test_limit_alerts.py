"""Alerts of usage limits: the event entity and the issues of an account."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from freezegun import freeze_time
from freezegun.api import FrozenDateTimeFactory
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_track_state_change_event
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed, flush_store

from tests.simulator import Simulator
from tests.support.limits import set_limits, use
from tests.support.speech import create_account, get_issue

EVENT = "event.nanogpt_usage_limit"
NOON = datetime(2026, 12, 30, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> Iterator[FrozenDateTimeFactory]:
    """Start the clock at noon, two days before the month ends; events at the same time are milliseconds apart."""
    with freeze_time(NOON, tick=True, real_asyncio=True) as clock:
        yield clock


@pytest.fixture
async def entry(hass: HomeAssistant, simulator: Simulator, clock: FrozenDateTimeFactory) -> MockConfigEntry:
    """Return an account with prices in dollars."""
    await hass.config.async_set_time_zone("UTC")
    return create_account(simulator, "nanogpt", {"model": "Kokoro-82m", "voice": "af_bella"})


@pytest.fixture
def events(hass: HomeAssistant) -> list[Any]:
    """Return the types and periods of all events of the account, without those restored."""
    found: list[Any] = []

    @callback
    def add(event: Event[EventStateChangedData]) -> None:
        old, new = event.data["old_state"], event.data["new_state"]
        assert new
        if old and old.state != STATE_UNAVAILABLE and new.state not in (STATE_UNAVAILABLE, STATE_UNKNOWN):
            found.append((new.attributes["event_type"], new.attributes["period"]))

    async_track_state_change_event(hass, EVENT, add)
    return found


def get_issues(hass: HomeAssistant, account: MockConfigEntry) -> set[str]:
    """Return the translation keys of the open issues of the account's limits."""
    issues = ir.async_get(hass).issues.values()
    prefix = f"{account.entry_id}_limit_"
    return {str(issue.translation_key) for issue in issues if issue.issue_id.startswith(prefix)}


async def reload(hass: HomeAssistant, account: MockConfigEntry, *, is_restart: bool = False) -> None:
    """Reload the account; a restart also forgets all that is not stored."""
    await flush_store(account.runtime_data.usage._store)
    await hass.config_entries.async_unload(account.entry_id)
    if is_restart:
        for key in ("orator_accounts", "orator_sentence_cache"):
            hass.data.pop(key)
        registry = ir.async_get(hass)
        await flush_store(registry._store)
        registry.issues.clear()
        await registry.async_load()
    await hass.config_entries.async_setup(account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)


async def move_to(hass: HomeAssistant, clock: FrozenDateTimeFactory, *moment: int) -> None:
    """Move to a moment in UTC, and run what is scheduled until then."""
    clock.move_to(datetime(*moment, tzinfo=UTC))  # type: ignore[arg-type]
    async_fire_time_changed(hass)
    await hass.async_block_till_done(wait_background_tasks=True)


async def test_near_and_reached(hass: HomeAssistant, account: MockConfigEntry, events: list[Any]) -> None:
    """At 80 % of the limit a warning is created, and replaced by an error at the limit."""
    await set_limits(hass, account, daily_limit=1.0)
    await use(hass, account, 0.79)
    assert not events
    assert not get_issues(hass, account)

    await use(hass, account, 0.02)
    assert events == [("near_limit", "day")]
    attributes = hass.states.get(EVENT).attributes
    assert (attributes["limit"], attributes["used"]) == (1, 0.81)
    assert attributes["ends_at"] == "2026-12-31T00:00:00+00:00"
    assert get_issues(hass, account) == {"daily_limit_near"}
    issue = get_issue(hass, account, "limit_near")
    assert (issue.severity, issue.is_fixable, issue.is_persistent) == (ir.IssueSeverity.WARNING, False, True)
    assert issue.translation_placeholders == {"account": "NanoGPT", "limit": "$1", "day": "2026-12-31"}

    await use(hass, account, 0.1)
    assert len(events) == 1
    await use(hass, account, 0.2)
    assert events[1:] == [("limit_reached", "day")]
    assert get_issues(hass, account) == {"daily_limit_reached"}
    assert get_issue(hass, account, "limit_reached").severity is ir.IssueSeverity.ERROR
    await use(hass, account, 0.2)
    assert len(events) == 2


async def test_both_limits_at_once(hass: HomeAssistant, account: MockConfigEntry, events: list[Any]) -> None:
    """Each period has its own events and issues, also if both limits are reached at the same time."""
    await set_limits(hass, account, daily_limit=1.0, monthly_limit=1.2)
    await use(hass, account, 1.1)
    assert sorted(events) == [("limit_reached", "day"), ("near_limit", "month")]
    assert get_issues(hass, account) == {"daily_limit_reached", "monthly_limit_near"}
    await use(hass, account, 0.2)
    assert events[2:] == [("limit_reached", "month")]
    issue = get_issue(hass, account, "limit_reached_month")
    assert issue.translation_placeholders == {"account": "NanoGPT", "limit": "$1.20", "day": "2027-01-01"}


@pytest.mark.parametrize("is_restart", [False, True], ids=["reload", "restart"])
async def test_alerts_are_not_repeated(
    hass: HomeAssistant, account: MockConfigEntry, events: list[Any], *, is_restart: bool
) -> None:
    """A reload and a restart in the same period repeat neither events nor issues, and issues stay ignored."""
    await set_limits(hass, account, daily_limit=1.0, monthly_limit=2.0)
    await use(hass, account, 0.9)
    issue = get_issue(hass, account, "limit_near_day")
    ir.async_ignore_issue(hass, issue.domain, issue.issue_id, ignore=True)
    created = issue.created
    await reload(hass, account, is_restart=is_restart)
    await use(hass, account, 0.01)
    assert events == [("near_limit", "day")]
    issue = get_issue(hass, account, "limit_near_day")
    assert issue.dismissed_version
    assert issue.created == created

    await use(hass, account, 0.1)
    await reload(hass, account, is_restart=is_restart)
    await use(hass, account, 0.01)
    assert events == [("near_limit", "day"), ("limit_reached", "day")]
    assert get_issues(hass, account) == {"daily_limit_reached"}


async def test_next_period(
    hass: HomeAssistant, account: MockConfigEntry, events: list[Any], clock: FrozenDateTimeFactory
) -> None:
    """When a period ends, its issues are deleted and an event is sent; alerts are created again in the next period."""
    await set_limits(hass, account, daily_limit=1.0, monthly_limit=1.2)
    await use(hass, account, 1.0)
    assert get_issues(hass, account) == {"daily_limit_reached", "monthly_limit_near"}
    events.clear()
    await move_to(hass, clock, 2026, 12, 31, 0, 0, 1)
    assert events == [("limit_ended", "day")]
    assert hass.states.get(EVENT).attributes["used"] == 0
    assert get_issues(hass, account) == {"monthly_limit_near"}
    await use(hass, account, 0.9)
    assert events[1:] == [("near_limit", "day"), ("limit_reached", "month")]
    await move_to(hass, clock, 2027, 1, 1, 0, 0, 1)
    assert events[3:] == [("limit_ended", "month")]
    assert not get_issues(hass, account)


async def test_period_ends_while_home_assistant_is_off(
    hass: HomeAssistant, account: MockConfigEntry, events: list[Any], clock: FrozenDateTimeFactory
) -> None:
    """Issues of a period that has ended before the start are deleted, and the event is sent."""
    await set_limits(hass, account, daily_limit=1.0, monthly_limit=10.0)
    await use(hass, account, 1.0)
    events.clear()
    clock.move_to(datetime(2027, 1, 2, tzinfo=UTC))
    await reload(hass, account, is_restart=True)
    assert not get_issues(hass, account)
    assert hass.states.get(EVENT).attributes["event_type"] == "limit_ended"


async def test_limit_is_changed(hass: HomeAssistant, account: MockConfigEntry, events: list[Any]) -> None:
    """Raising or removing the limit ends it at once; a new limit has its own alerts."""
    await set_limits(hass, account, daily_limit=1.0)
    await use(hass, account, 1.0)
    assert events == [("limit_reached", "day")]
    await set_limits(hass, account, daily_limit=1.1)
    assert events[1:] == [("limit_ended", "day"), ("near_limit", "day")]
    assert get_issues(hass, account) == {"daily_limit_near"}
    assert get_issue(hass, account, "limit_near").translation_placeholders["limit"] == "$1.10"
    await set_limits(hass, account, daily_limit=0.5)
    assert events[3:] == [("limit_reached", "day")]
    await set_limits(hass, account, daily_limit=5.0)
    assert events[4:] == [("limit_ended", "day")]
    assert not get_issues(hass, account)
    await set_limits(hass, account, daily_limit=1.1)
    await set_limits(hass, account)
    assert events[5:] == [("near_limit", "day")]
    assert not get_issues(hass, account)


async def test_refund(hass: HomeAssistant, account: MockConfigEntry, events: list[Any]) -> None:
    """A refund ends a reached limit, but the warning is not repeated."""
    await set_limits(hass, account, daily_limit=1.0)
    await use(hass, account, 0.9)
    await use(hass, account, -0.5)
    await use(hass, account, 0.5)
    assert events == [("near_limit", "day")]
    await use(hass, account, 0.1)
    await use(hass, account, -0.15)
    assert events[1:] == [("limit_reached", "day"), ("limit_ended", "day")]
    assert get_issues(hass, account) == {"daily_limit_near"}


async def test_characters(hass: HomeAssistant, simulator: Simulator, fallback_account: MockConfigEntry) -> None:
    """Without known prices, the issue states the limit in characters."""
    await set_limits(hass, fallback_account, monthly_limit=10_000)
    await use(hass, fallback_account, None, characters=9_000)
    issue = get_issue(hass, fallback_account, "limit_near")
    assert issue.translation_key == "monthly_limit_near"
    assert issue.translation_placeholders["limit"] == "10,000 characters"


async def test_remove_account(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """Removing an account deletes its issues."""
    await set_limits(hass, account, daily_limit=1.0)
    await use(hass, account, 0.9)
    await hass.config_entries.async_remove(account.entry_id)
    assert not get_issues(hass, account)
