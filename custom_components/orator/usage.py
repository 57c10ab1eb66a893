"""What was spent, added up: for one utterance, and for an account today and this month. No Home Assistant here."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from typing import Any, Final, Self

from .providers.errors import error_keys
from .providers.spending import Spending


@dataclass(frozen=True, slots=True)
class Sum:
    """What was spent since the beginning of a day."""

    since: date
    characters: int = 0
    requests: int = 0
    cost: float = 0.0
    currency: str | None = None
    estimated: float = 0.0
    """How much of the cost follows from a list of prices rather than from what the provider says it has charged."""
    unpriced_requests: int = 0
    """Requests that the cost lacks, since nobody knows what they cost."""

    def __add__(self, spending: Spending) -> Self:
        """Return the sum with something more."""
        is_other = None not in (self.currency, spending.currency) and self.currency != spending.currency
        counted = replace(
            self, characters=self.characters + spending.characters, requests=self.requests + spending.requests
        )
        if spending.cost is None or is_other:
            return replace(counted, unpriced_requests=self.unpriced_requests + spending.requests)
        return replace(
            counted,
            cost=self.cost + spending.cost,
            currency=self.currency or spending.currency,
            estimated=self.estimated + (spending.cost if spending.is_estimate else 0),
        )


@dataclass(frozen=True, slots=True)
class Usage:
    """What was spent on a day and in its month."""

    today: Sum
    month: Sum

    @classmethod
    def begun(cls, day: date) -> Self:
        """Return what was spent when a day begins on which everything begins."""
        return cls(Sum(day), Sum(day.replace(day=1)))

    def at(self, day: date) -> Self:
        """Return the same on a day: what was spent before it, or before its month, is no longer in it.

        A clock that was not set yet shows a day that is long past; nothing begins anew because of it.
        """
        fresh = self.begun(day)
        return type(self)(
            fresh.today if fresh.today.since > self.today.since else self.today,
            fresh.month if fresh.month.since > self.month.since else self.month,
        )

    def __add__(self, spending: Spending) -> Self:
        """Return the same with something more spent."""
        return type(self)(self.today + spending, self.month + spending)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {name: {**total, "since": total["since"].isoformat()} for name, total in asdict(self).items()}

    @classmethod
    def from_dict(cls, kept: dict[str, Any]) -> Self:
        """Return what `as_dict` has returned."""
        sums = {name: Sum(**{**total, "since": date.fromisoformat(total["since"])}) for name, total in kept.items()}
        return cls(**sums)


@dataclass(frozen=True, slots=True)
class Experience:
    """How a voice did when it spoke last as it is configured: samples and calls that name another are left out."""

    first_sound: float | None = None
    """Seconds from the first request to the first sound."""
    last_error: str | None = None
    """The name of what went wrong last."""

    @classmethod
    def from_dict(cls, kept: dict[str, Any]) -> Self:
        """Return what `asdict` has returned, without an error that another version of Orator knows."""
        one = cls(**kept)
        return one if one.last_error in error_keys() else replace(one, last_error=None)


@dataclass(slots=True)
class Bill:
    """What one utterance costs, each part with the entity that has spoken it."""

    items: list[tuple[str, Spending]] = field(default_factory=list)

    @property
    def total(self) -> Spending:
        """The sum so far; it is complete once all of the sound was read."""
        return sum((spending for _, spending in self.items), Spending())

    def add(self, entity_id: str, spending: Spending) -> None:
        """Put something on the bill."""
        self.items.append((entity_id, spending))


_BILL: Final[ContextVar[Bill | None]] = ContextVar("orator_bill", default=None)
"""The bill of what is being spoken: tasks that speak inherit it from the one that has them speak."""


@contextmanager
def billed() -> Iterator[Bill]:
    """Give a bill for what is begun to be spoken within the context, by voices that speak for others too.

    What comes out of Home Assistant's cache is not on it, as it costs nothing.
    """
    bill = Bill()
    token = _BILL.set(bill)
    try:
        yield bill
    finally:
        _BILL.reset(token)


def current_bill() -> Bill:
    """Return the bill of what is being spoken, one that nobody reads where nobody has asked for it."""
    return _BILL.get() or Bill()
