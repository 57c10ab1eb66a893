"""Usage per day and month."""

from datetime import date

import pytest

from custom_components.orator.providers.models import Usage
from custom_components.orator.usage import UsageByPeriod, UsageTotal

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


def test_new_day_and_month() -> None:
    """A new day resets the usage of the day, a new month that of both."""
    usage = (UsageByPeriod.starting(date(2026, 7, 30)) + CHARGED).on(FRIDAY) + CHARGED
    assert (usage.today.requests, usage.month.requests) == (1, 2)
    usage = usage.on(SATURDAY)
    assert (usage.today.requests, usage.month.requests) == (0, 0)
    assert (usage.today.since, usage.month.since) == (SATURDAY, SATURDAY)


def test_clock_in_the_past() -> None:
    """A date in the past, as before the clock is set by the network, does not reset the usage."""
    usage = UsageByPeriod.starting(FRIDAY) + CHARGED
    assert usage.on(date(1970, 1, 1)).on(FRIDAY) == usage


def test_clock_slightly_in_the_past() -> None:
    """A clock that is late by hours, as after a restart, does not reset the usage."""
    usage = UsageByPeriod.starting(SATURDAY) + CHARGED
    assert usage.on(FRIDAY).on(SATURDAY) == usage


@pytest.mark.parametrize("wrong_day", [date(2026, 8, 20), date(2026, 12, 31), date(2038, 1, 19)])
def test_clock_that_was_in_the_future(wrong_day: date) -> None:
    """Periods that began while the clock was wrong start anew, and so do the following ones."""
    usage = (UsageByPeriod.starting(FRIDAY) + CHARGED).on(wrong_day) + CHARGED
    usage = usage.on(SATURDAY) + CHARGED
    assert (usage.today, usage.today.requests) == (UsageTotal(SATURDAY) + CHARGED, 1)
    assert usage.month.since == SATURDAY
    assert usage.on(date(2026, 8, 2)).today.requests == 0


def test_stored_usage() -> None:
    """Usage that is stored and read again is the same."""
    usage = UsageByPeriod.starting(FRIDAY) + CHARGED + UNKNOWN
    assert UsageByPeriod.from_dict(usage.as_dict()) == usage
