"""Usage per day and month."""

from datetime import date
import json
from typing import Any

import pytest

from custom_components.orator.providers.models import Usage
from custom_components.orator.usage_totals import UsageByPeriod, UsageHistory

FRIDAY = date(2026, 7, 31)
SATURDAY = date(2026, 8, 1)
CHARGED = Usage(100, 1, 0.006, "USD")
ESTIMATED = Usage(50, 1, 0.001, "USD", is_estimate=True)
UNKNOWN = Usage(30, 1, None)


def test_requests_with_unknown_cost() -> None:
    """Known costs are added up, and requests with an unknown cost are counted."""
    usage = UsageByPeriod.starting(FRIDAY) + CHARGED + ESTIMATED + UNKNOWN + Usage(1, 1, 1.0, "EUR")
    for period in (usage.today, usage.month):
        assert (period.characters, period.requests, period.unpriced_requests) == (181, 4, 2)
        assert period.cost == pytest.approx(0.007)
        assert period.estimated == pytest.approx(0.001)


def test_refund() -> None:
    """A refund reduces the cost, but not the requests and characters."""
    usage = UsageByPeriod.starting(FRIDAY) + CHARGED + Usage(cost=-0.006, currency="USD")
    assert (usage.today.requests, usage.today.characters, usage.today.cost) == (1, 100, 0)


def create_history(day: date, *usage: Usage) -> UsageHistory:
    """Return usage that was recorded on a day."""
    history = UsageHistory(day)
    add(history, day, *usage)
    return history


def add(history: UsageHistory, day: date, *usage: Usage) -> UsageByPeriod:
    """Record usage while the clock shows a day, and return the totals."""
    history.advance(day)
    for one in usage:
        history.totals += one
    return history.totals


def restart(history: UsageHistory, day: date) -> UsageHistory:
    """Return usage that was stored, as restored after a restart on a day."""
    restored = UsageHistory(day)
    restored.restore(json.loads(json.dumps(history.as_dict())))
    return restored


def test_new_day_and_month() -> None:
    """A new day resets the usage of the day, a new month that of both."""
    history = create_history(date(2026, 7, 30), CHARGED)
    usage = add(history, FRIDAY, CHARGED)
    assert (usage.today.requests, usage.month.requests) == (1, 2)
    usage = add(history, SATURDAY)
    assert (usage.today.requests, usage.month.requests) == (0, 0)
    assert (usage.today.since, usage.month.since) == (SATURDAY, SATURDAY)


@pytest.mark.parametrize("year", [1970, 2025])
def test_clock_that_is_not_set(year: int) -> None:
    """Usage counts for the last known day before the clock is set by the network, also after a restart."""
    history = create_history(FRIDAY, CHARGED)
    assert add(history, date(year, 1, 1), CHARGED) == add(history, FRIDAY)
    history = restart(history, date(year, 1, 1))
    assert add(history, date(year, 1, 1), CHARGED).month.requests == 3
    assert add(history, FRIDAY).month.requests == 3


def test_first_usage_before_clock_is_set() -> None:
    """The usage of a new account counts for the first known day if the clock was not set at first."""
    history = create_history(date(1970, 1, 1), CHARGED)
    usage = add(history, FRIDAY)
    assert (usage.today.since, usage.today.requests, usage.month.requests) == (FRIDAY, 1, 1)


def test_clock_that_is_late_after_restart() -> None:
    """A clock that is late by hours after a restart does not end the new period."""
    history = restart(create_history(SATURDAY, CHARGED), FRIDAY)
    assert add(history, FRIDAY, CHARGED) == add(history, SATURDAY)
    assert history.totals.month.requests == history.totals.today.requests == 2


@pytest.mark.parametrize("wrong_day", [SATURDAY, date(2026, 8, 20), date(2026, 12, 31), date(2038, 1, 19)])
@pytest.mark.parametrize("is_restarted", [False, True])
def test_clock_that_was_in_the_future(wrong_day: date, is_restarted: bool) -> None:  # noqa: FBT001
    """The totals return with the clock, even after a restart meanwhile."""
    history = create_history(FRIDAY, CHARGED)
    assert add(history, wrong_day, ESTIMATED).month.requests == 1
    if is_restarted:
        history = restart(history, wrong_day)
    usage = add(history, FRIDAY, CHARGED)
    assert (usage.today.since, usage.today.requests, usage.month.requests) == (FRIDAY, 2, 2)
    assert add(history, date(2026, 8, 2)).today.requests == 0


def test_clock_that_was_in_the_past() -> None:
    """The totals return with the clock from another month."""
    history = create_history(date(2026, 8, 10), CHARGED)
    assert add(history, date(2026, 6, 3), ESTIMATED).month.characters == ESTIMATED.characters
    assert add(history, date(2026, 8, 10)).month.characters == CHARGED.characters


def test_restart_in_wrong_future() -> None:
    """The clock is corrected while Home Assistant does not run."""
    history = create_history(FRIDAY, CHARGED)
    add(history, date(2027, 5, 5), CHARGED)
    assert add(restart(history, FRIDAY), FRIDAY).month.requests == 1


def test_many_jumps() -> None:
    """The number of totals is limited."""
    history = create_history(FRIDAY, CHARGED)
    for month in range(8, 13):
        for day in range(1, 29):
            add(history, date(2026, month, day), CHARGED)
    stored = history.as_dict()
    assert len(stored["days"]) <= 7
    assert len(stored["months"]) <= 7


def test_stored_usage() -> None:
    """Usage that is stored and read again is the same."""
    history = create_history(FRIDAY, CHARGED, UNKNOWN)
    history.totals = history.totals.add_cached(2, 70)
    assert restart(history, FRIDAY).totals == history.totals
    assert history.totals.month.unpriced_characters == UNKNOWN.characters


@pytest.mark.parametrize(
    "damage", [{"days": 5}, {"months": None}, {"days": [None, {}, {"since": "x"}]}, {"months": [{"cost": 1}]}], ids=str
)
def test_damaged_history(damage: dict[str, Any]) -> None:
    """Damaged totals of other periods do not affect the current ones."""
    history = create_history(FRIDAY, CHARGED)
    restored = UsageHistory(FRIDAY)
    restored.restore({**history.as_dict(), **damage})
    assert restored.totals == history.totals


def test_usage_of_earlier_version() -> None:
    """Usage without other periods and later counts, as version 0.1.0 stores it, is restored."""
    history = create_history(FRIDAY, CHARGED)
    restored = UsageHistory(FRIDAY)
    restored.restore({"usage": history.as_dict()["usage"]})
    assert restored.totals == history.totals
