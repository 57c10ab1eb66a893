"""Usage limits of an account: reserve the usage of each request before it is sent, and compare it with the limits."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from math import isfinite
from typing import Any, Final, Self

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect, async_dispatcher_send
from homeassistant.util import dt as dt_util

from .catalog import Catalog
from .const import CONF_CRITICAL_MAY_EXCEED, CONF_DAILY_LIMIT, CONF_LIMIT_CURRENCY, CONF_MONTHLY_LIMIT, DOMAIN
from .health import CircuitBreaker
from .providers.errors import LimitReachedError, Outage
from .providers.models import Reservation, Usage, is_currency_code, round_cost
from .usage import UsageTracker
from .usage_totals import UsageTotal

_NEAR_SHARE: Final = 0.8
"""Share of a limit from which the user is notified."""
_RATE_CHARS: Final = 1000
"""Length of the request that compares the prices of models, which may have a part per request."""


class LimitPeriod(StrEnum):
    """Period of a usage limit."""

    DAY = "day"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class UsageLimits:
    """The usage limits in the options of an account."""

    daily_limit: float = 0.0
    """Maximum usage of a day; 0 for none."""
    monthly_limit: float = 0.0
    """Maximum usage of a month; 0 for none."""
    critical_may_exceed: bool = False
    """Whether critical announcements may exceed the limits."""
    currency: str | None = None
    """Currency of the limits; empty if they are in characters, None for the currency of the account's prices."""

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> Self:
        """Return the limits in the options of an account; invalid ones count as none."""
        currency = options.get(CONF_LIMIT_CURRENCY)
        return cls(
            _parse_limit(options.get(CONF_DAILY_LIMIT)),
            _parse_limit(options.get(CONF_MONTHLY_LIMIT)),
            options.get(CONF_CRITICAL_MAY_EXCEED) is True,
            currency if currency == "" or is_currency_code(currency) else None,
        )

    def as_options(self) -> dict[str, Any]:
        """Return the options of an account for these limits, without those that are not set."""
        options = {
            CONF_DAILY_LIMIT: self.daily_limit,
            CONF_MONTHLY_LIMIT: self.monthly_limit,
            CONF_CRITICAL_MAY_EXCEED: self.critical_may_exceed,
        }
        if self.is_set and self.currency is not None:
            return {key: value for key, value in options.items() if value} | {CONF_LIMIT_CURRENCY: self.currency}
        return {key: value for key, value in options.items() if value}

    @property
    def is_set(self) -> bool:
        """Whether there is a limit."""
        return self.daily_limit > 0 or self.monthly_limit > 0

    def limit(self, period: LimitPeriod) -> float:
        """Return the limit of a period, 0 for none."""
        return self.daily_limit if period is LimitPeriod.DAY else self.monthly_limit


LIMIT_OPTIONS: Final = (CONF_DAILY_LIMIT, CONF_MONTHLY_LIMIT, CONF_CRITICAL_MAY_EXCEED, CONF_LIMIT_CURRENCY)
"""Keys of the options of an account that hold its limits."""


def _parse_limit(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value):
        return 0.0
    return max(0.0, float(value))


@dataclass(frozen=True, slots=True)
class LimitStatus:
    """A usage limit, and how much of it is used."""

    period: LimitPeriod
    limit: float
    used: float
    """Charges of the period, and the estimated usage of the requests under way."""
    ends_at: datetime
    """End of the period."""
    is_reached: bool
    """Whether the limit is used up, or a request was refused because its usage did not fit."""

    @property
    def left(self) -> float:
        """The usage that is left until the limit."""
        return max(0.0, round_cost(self.limit - self.used))

    @property
    def is_near(self) -> bool:
        """Whether most of the limit is used."""
        return self.is_reached or self.used >= round_cost(_NEAR_SHARE * self.limit)


class _Reservation:
    """Estimated usage of a request that is about to be sent, or under way and not charged yet."""

    def __init__(self, limiter: UsageLimiter, estimate: Usage, may_exceed: Callable[[], bool]) -> None:
        """Reserve the usage. Raises LimitReachedError."""
        self._limiter = limiter
        self._may_exceed = may_exceed
        self.estimate = estimate
        limiter.async_add(self)

    def renew(self, estimate: Usage) -> None:
        """Reserve the usage of another request instead. Raises LimitReachedError."""
        self._limiter.async_remove(self)
        self.estimate = estimate
        self._limiter.async_add(self)

    def release(self) -> None:
        """Stop reserving: the request is charged, or it never will be."""
        self._limiter.async_remove(self)

    @property
    def may_exceed(self) -> bool:
        """Whether the request may exceed the limits."""
        return self._may_exceed()


class _UnderWay:
    """The reservations of an account. Its limiter is replaced when the account is reloaded."""

    def __init__(self) -> None:
        """Initialize without reservations."""
        self.reservations: set[_Reservation] = set()
        self.handle_change: CALLBACK_TYPE = lambda: None


class UsageLimiter:
    """The usage limits of an account.

    The circuit breaker is open while a limit is reached. The limits are those in the entry's options at any moment.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry[Any],
        tracker: UsageTracker,
        health: CircuitBreaker,
        get_catalog: Callable[[], Catalog],
    ) -> None:
        """Initialize the limiter; `async_start` opens the circuit breaker if a limit is reached."""
        self._hass = hass
        self._entry = entry
        self._tracker = tracker
        self._health = health
        self._get_catalog = get_catalog
        self._signal = f"{DOMAIN}_limits_{entry.entry_id}"
        self._under_way = _UnderWay()
        self._options: Mapping[str, Any] | None = None
        self._limits = UsageLimits()
        self._applied: UsageLimits | None = None
        """The limits that `async_handle_options` has applied."""
        self._catalog: Catalog | None = None
        """The catalog from which the currency and the highest price were read."""
        self._currency: str | None = None
        self._highest_rate = 0.0
        """The highest known price per character, with which models without a known price are counted."""
        self._is_scheduled = False
        self._is_stopped = False

    @callback
    def inherit(self, previous: UsageLimiter) -> None:
        """Continue the reservations of the limiter from before the reload."""
        self._under_way = previous._under_way
        self._applied = previous._applied

    @callback
    def async_start(self) -> CALLBACK_TYPE:
        """Open the circuit breaker whenever a limit is reached, until the returned function is called."""
        self._under_way.handle_change = self._schedule_update
        stop_tracking = self._tracker.async_add_listener(self._schedule_update)
        stop_health = self._health.async_add_listener(self._schedule_update)
        self.async_handle_options()

        @callback
        def stop() -> None:
            self._is_stopped = True
            stop_tracking()
            stop_health()

        return stop

    @callback
    def async_add_listener(self, listener: CALLBACK_TYPE) -> CALLBACK_TYPE:
        """Add a listener for possible changes of the limits or their use; return a function that removes it."""
        return async_dispatcher_connect(self._hass, self._signal, listener)

    @property
    def limits(self) -> UsageLimits:
        """The limits."""
        if self._entry.options is not self._options:
            self._options, self._limits = self._entry.options, UsageLimits.from_options(self._entry.options)
        return self._limits

    @property
    def is_exceedable(self) -> bool:
        """Whether only a limit keeps the account from speaking, and critical announcements may exceed it."""
        return self._health.outage is Outage.LIMIT_REACHED and self.limits.critical_may_exceed

    @property
    def unit(self) -> str | None:
        """The currency of the limits, or None if they are in characters."""
        self._read_catalog()
        if self.limits.is_set and self._limits.currency is not None:
            return self._limits.currency or None
        return self._currency

    @callback
    def async_set(self, limits: UsageLimits) -> None:
        """Store new limits, which apply at once. Their unit stays the same, even if prices become known later."""
        other = {key: value for key, value in self._entry.options.items() if key not in LIMIT_OPTIONS}
        stored = replace(limits, currency=self.unit or "").as_options()
        self._hass.config_entries.async_update_entry(self._entry, options={**other, **stored})
        self.async_handle_options()

    @callback
    def async_handle_options(self) -> None:
        """Apply the options; what did not fit in other limits may fit now."""
        if self._applied not in (None, self.limits):
            self._tracker.async_forget_refused()
        self._applied = self.limits
        self._async_update()

    @callback
    def reserve(self, estimate: Usage, *, may_exceed: Callable[[], bool] = lambda: False) -> Reservation:
        """Reserve the usage of a request that is about to be sent. Raises LimitReachedError if it does not fit.

        `may_exceed`: return whether the request belongs to a critical announcement.
        """
        return _Reservation(self, estimate, may_exceed)

    @callback
    def async_add(self, reservation: _Reservation) -> None:
        """Add a reservation. Raises LimitReachedError if it does not fit, unless it may exceed the limits."""
        if self.limits.is_set and (amount := self._amount(reservation.estimate)) > 0:
            exceeded = [status for status in self._statuses() if round_cost(status.used + amount) > status.limit]
            if exceeded and not (self._limits.critical_may_exceed and reservation.may_exceed):
                self._refuse(exceeded, amount)
        self._under_way.reservations.add(reservation)
        self._under_way.handle_change()

    def _refuse(self, exceeded: list[LimitStatus], amount: float) -> None:
        """Remember the usage that did not fit. Raises LimitReachedError."""
        for status in exceeded:
            self._tracker.async_refuse(status.period, self._total(status.period).since, amount)
        self._under_way.handle_change()
        raise _limit_error(max(status.ends_at for status in exceeded))

    @callback
    def async_remove(self, reservation: _Reservation) -> None:
        """Remove a reservation, if it was not removed before."""
        if reservation in self._under_way.reservations:
            self._under_way.reservations.discard(reservation)
            self._under_way.handle_change()

    def status(self, period: LimitPeriod) -> LimitStatus | None:
        """Return the limit of a period and its use, or None if there is no limit."""
        limit = self.limits.limit(period)
        if not limit:
            return None
        total = self._total(period)
        used = round_cost(self._charged(total) + sum(map(self._amount, self._pending_estimates)))
        refused = self._tracker.refused(period, total.since)
        is_reached = used >= limit or (refused is not None and round_cost(used + refused) > limit)
        return LimitStatus(period, limit, used, _period_end(period, total), is_reached)

    def _statuses(self) -> list[LimitStatus]:
        return [status for period in LimitPeriod if (status := self.status(period))]

    @property
    def _pending_estimates(self) -> list[Usage]:
        return [reservation.estimate for reservation in self._under_way.reservations]

    def _total(self, period: LimitPeriod) -> UsageTotal:
        totals = self._tracker.totals
        return totals.today if period is LimitPeriod.DAY else totals.month

    def _amount(self, usage: Usage) -> float:
        """Return the usage of a request in the unit of the limits."""
        unit = self.unit
        if unit is None:
            return usage.characters
        if usage.cost is None or usage.currency not in (None, unit):
            return usage.characters * self._highest_rate
        return usage.cost

    def _charged(self, total: UsageTotal) -> float:
        """Return the charges of a period in the unit of the limits."""
        unit = self.unit
        if unit is None:
            return total.characters
        if total.currency not in (None, unit):
            return total.characters * self._highest_rate
        return max(0.0, total.cost) + total.unpriced_characters * self._highest_rate  # the refund of an earlier charge

    def _read_catalog(self) -> None:
        """Read the currency and the highest price from a new catalog: listing many models would delay each request."""
        catalog = self._get_catalog()
        if catalog is not self._catalog:
            self._catalog = catalog
            prices = [model.price for model in catalog.models if model.price]
            self._currency = prices[0].currency if prices else None
            rates = [price.cost(_RATE_CHARS) / _RATE_CHARS for price in prices if price.currency == self._currency]
            self._highest_rate = max(rates, default=0.0)

    @callback
    def _schedule_update(self) -> None:
        """Update once for all changes in the current iteration of the event loop: a charge replaces a reservation."""
        if not self._is_scheduled:
            self._is_scheduled = True
            self._hass.loop.call_soon(self._async_update)

    @callback
    def _async_update(self) -> None:
        """Open or close the circuit breaker, and notify the listeners."""
        self._is_scheduled = False
        if self._is_stopped:
            return
        reached = [status for status in self._statuses() if status.is_reached]
        if reached and self._health.outage is None:
            self._health.async_record_failure(_limit_error(max(status.ends_at for status in reached)))
        elif not reached and self._health.outage is Outage.LIMIT_REACHED:
            self._health.async_end_limit()
        async_dispatcher_send(self._hass, self._signal)  # catches the errors of listeners


def _period_end(period: LimitPeriod, total: UsageTotal) -> datetime:
    """Return the end of the period of a total."""
    if period is LimitPeriod.DAY:
        return dt_util.start_of_local_day(total.since + timedelta(days=1))
    return dt_util.start_of_local_day((total.since + timedelta(days=31)).replace(day=1))


def _limit_error(until: datetime) -> LimitReachedError:
    """Return the error for a limit that is reached until a time, which it states as local time."""
    return LimitReachedError(code=f"{dt_util.as_local(until):%Y-%m-%d %H:%M}")
