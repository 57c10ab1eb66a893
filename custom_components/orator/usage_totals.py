"""Totals of the usage of an account by day and month, which survive a system clock that jumps."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from math import isfinite
from typing import Any, Final, Self

from .providers.models import Usage, is_currency_code, round_cost

_MAX_CLOCK_DELAY: Final = timedelta(days=1)
"""Time by which the clock of a system without a battery may be late until it is synchronized."""
_FIRST_YEAR: Final = 2026
"""The year before which a clock is evidently not set."""
_LATER_FIELDS: Final = ("cached_requests", "cached_characters", "unpriced_characters")
"""Fields of a total that version 0.1.0 did not have."""
_KEPT_TOTALS: Final = 6
"""Number of other days, and of other months, whose totals are kept in case the clock returns to them."""


@dataclass(frozen=True, slots=True)
class UsageTotal:
    """Usage since the beginning of a day."""

    since: date
    characters: int = 0
    requests: int = 0
    cost: float = 0.0
    currency: str | None = None
    estimated: float = 0.0
    """Part of the cost that is calculated from list prices rather than charged by the provider."""
    unpriced_requests: int = 0
    """Requests whose cost is unknown."""
    cached_requests: int = 0
    """Requests that the sentence cache has saved."""
    cached_characters: int = 0
    """Characters of these requests."""
    unpriced_characters: int = 0
    """Characters of the requests whose cost is unknown."""

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Self:
        """Return the total from its JSON. Raises AttributeError, KeyError, TypeError or ValueError."""
        total = cls(**{**stored, "since": date.fromisoformat(stored["since"])})
        cached = (total.cached_requests, total.cached_characters)
        unpriced = (total.unpriced_requests, total.unpriced_characters)
        numbers = (total.characters, total.requests, total.cost, total.estimated, *cached, *unpriced)
        if not all(map(isfinite, numbers)) or not (total.currency is None or is_currency_code(total.currency)):
            raise ValueError
        return total

    def as_dict(self) -> dict[str, Any]:
        """Return the total as JSON."""
        return {**asdict(self), "since": self.since.isoformat()}

    @property
    def is_empty(self) -> bool:
        """Whether nothing was used."""
        return self == type(self)(self.since)

    @property
    def rounded(self) -> Self:
        """The total with costs as they are shown."""
        return replace(self, cost=round_cost(self.cost), estimated=round_cost(self.estimated))

    @property
    def cached_share(self) -> float | None:
        """Share of the speech that came from the sentence cache; None if there was no speech."""
        requests = self.requests + self.cached_requests
        return self.cached_requests / requests if requests else None

    def add_cached(self, requests: int, characters: int) -> Self:
        """Return the total with requests added that the sentence cache has saved."""
        return replace(
            self,
            cached_requests=self.cached_requests + requests,
            cached_characters=self.cached_characters + characters,
        )

    def __add__(self, usage: Usage) -> Self:
        """Return the total with the usage added."""
        is_other_currency = None not in (self.currency, usage.currency) and self.currency != usage.currency
        counted = replace(self, characters=self.characters + usage.characters, requests=self.requests + usage.requests)
        if usage.cost is None or is_other_currency:
            return replace(
                counted,
                unpriced_requests=self.unpriced_requests + usage.requests,
                unpriced_characters=self.unpriced_characters + usage.characters,
            )
        return replace(
            counted,
            cost=self.cost + usage.cost,
            currency=self.currency or usage.currency,
            estimated=self.estimated + (usage.cost if usage.is_estimate else 0),
        )


@dataclass(frozen=True, slots=True)
class UsageByPeriod:
    """Usage of a day and its month."""

    today: UsageTotal
    month: UsageTotal

    @classmethod
    def starting(cls, day: date) -> Self:
        """Return empty usage that starts on a day."""
        return cls(UsageTotal(day), UsageTotal(day.replace(day=1)))

    @property
    def rounded(self) -> Self:
        """The totals with costs as they are shown."""
        return type(self)(self.today.rounded, self.month.rounded)

    def __add__(self, usage: Usage) -> Self:
        """Return both totals with the usage added."""
        return type(self)(self.today + usage, self.month + usage)

    def add_cached(self, requests: int, characters: int) -> Self:
        """Return both totals with requests added that the sentence cache has saved."""
        return type(self)(*(total.add_cached(requests, characters) for total in (self.today, self.month)))

    def as_dict(self) -> dict[str, Any]:
        """Return the totals as JSON."""
        return {"today": self.today.as_dict(), "month": self.month.as_dict()}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Self:
        """Return the usage from the result of `as_dict`. Raises AttributeError, KeyError, TypeError or ValueError."""
        return cls(**{name: UsageTotal.from_dict(total) for name, total in stored.items()})


class _PeriodTotals:
    """The total of the current day or month, and those of others between which the clock has jumped."""

    def __init__(self, current: UsageTotal) -> None:
        """Initialize with the current total only."""
        self.current = current
        self._others: dict[date, UsageTotal] = {}

    def restore(self, current: UsageTotal, others: list[UsageTotal]) -> None:
        """Use stored totals."""
        known = next((total for total in others if total.since == current.since), current)
        later = {name: max(getattr(current, name), getattr(known, name)) for name in _LATER_FIELDS}
        self.current = replace(current, **later)
        self._others = {total.since: total for total in others if total.since != current.since}

    def move_to(self, since: date) -> None:
        """Make a period the current one, with the total that it had before."""
        if since == self.current.since:
            return
        was_clock_set = self.current.since.year >= _FIRST_YEAR
        if was_clock_set and not self.current.is_empty:
            self._others[self.current.since] = self.current
        start = UsageTotal(since) if was_clock_set else replace(self.current, since=since)
        self.current = self._others.pop(since, start)
        while len(self._others) > _KEPT_TOTALS:
            del self._others[next(iter(self._others))]

    def as_list(self) -> list[dict[str, Any]]:
        """Return all totals as JSON."""
        return [total.as_dict() for total in (*self._others.values(), self.current)]


class UsageHistory:
    """Usage of the current day and month; the clock determines which they are, but may be wrong."""

    def __init__(self, today: date) -> None:
        """Initialize without usage."""
        totals = UsageByPeriod.starting(today)
        self._days, self._months = _PeriodTotals(totals.today), _PeriodTotals(totals.month)
        self._latest = today
        """The latest day since Home Assistant was started: until then, the clock may be late."""

    @property
    def totals(self) -> UsageByPeriod:
        """Usage of the current day and its month."""
        return UsageByPeriod(self._days.current, self._months.current)

    @totals.setter
    def totals(self, totals: UsageByPeriod) -> None:
        self._days.current, self._months.current = totals.today, totals.month

    def advance(self, today: date) -> None:
        """Set the current day.

        A clock that is not set, or late after a start, does not end a period. If the clock returns from another day or
        month, which it has shown by mistake, so do the totals.
        """
        self._latest = max(self._latest, today)
        if self._is_plausible(today, self._days.current.since):
            self._days.move_to(today)
        if self._is_plausible(today, self._months.current.since):
            self._months.move_to(today.replace(day=1))

    def _is_plausible(self, today: date, since: date) -> bool:
        """Return whether the current day can be before the start of a period, if it is."""
        is_late = self._latest < since and since - today <= _MAX_CLOCK_DELAY
        return today >= since or (today.year >= _FIRST_YEAR and not is_late)

    def as_dict(self) -> dict[str, Any]:
        """Return the usage as JSON.

        Version 0.1.0 reads `usage`, and accepts no other fields in it.
        """
        totals = {
            period: {name: value for name, value in total.items() if name not in _LATER_FIELDS}
            for period, total in self.totals.as_dict().items()
        }
        return {"usage": totals, "days": self._days.as_list(), "months": self._months.as_list()}

    def restore(self, stored: Mapping[str, Any]) -> None:
        """Use the result of `as_dict`. Raises AttributeError, KeyError, TypeError or ValueError."""
        totals = UsageByPeriod.from_dict(stored["usage"])
        days, months = (_read_totals(stored.get(key)) for key in ("days", "months"))
        self._days.restore(totals.today, days)
        self._months.restore(totals.month, months)


def _read_totals(stored: object) -> list[UsageTotal]:
    """Return stored totals without damaged ones; earlier versions stored none."""
    totals: list[UsageTotal] = []
    for total in stored if isinstance(stored, list) else []:
        with suppress(AttributeError, KeyError, TypeError, ValueError):
            totals.append(UsageTotal.from_dict(total))
    return totals[-_KEPT_TOTALS - 1 :]
