"""What speech costs: the type that tells it, from the request that was charged to whoever adds it up."""

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Spending:
    """What was asked of a provider, and what that costs; of several, the sum."""

    characters: int = 0
    requests: int = 0
    cost: float | None = 0.0
    """In units of the currency; None where nobody knows, or knows only in part."""
    currency: str | None = None
    is_estimate: bool = False
    """Whether any of the cost follows from a list of prices rather than from what the provider says it has charged."""

    def __add__(self, other: Self) -> Self:
        """Return both together. What two currencies cost together is not known."""
        currencies = {currency for currency in (self.currency, other.currency) if currency}
        is_known = self.cost is not None and other.cost is not None and len(currencies) < 2
        return type(self)(
            characters=self.characters + other.characters,
            requests=self.requests + other.requests,
            cost=(self.cost or 0) + (other.cost or 0) if is_known else None,
            currency=next(iter(currencies)) if is_known and currencies else None,
            is_estimate=is_known and (self.is_estimate or other.is_estimate),
        )
