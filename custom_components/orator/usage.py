"""What was spent, added up: for one utterance, and for an account today and this month. No Home Assistant here."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final

from .providers.spending import Spending


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
