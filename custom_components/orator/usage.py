"""Track the usage of an account today and this month, and the last synthesis of each voice."""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from math import isfinite
from typing import Any, Final, Self

from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect, async_dispatcher_send
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util

from .const import DOMAIN
from .providers.errors import error_translation_keys
from .providers.models import Usage, is_currency_code, round_cost

_USAGE_STORAGE_VERSION: Final = 1
_SAVE_DELAY_S: Final = 10.0
_MAX_CLOCK_DELAY: Final = timedelta(days=1)
"""Time by which the clock of a system without a battery may be late until it is synchronized."""
_FIRST_YEAR: Final = 2026
"""The year before which a clock is evidently not set."""


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

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Self:
        """Return the total from its JSON. Raises AttributeError, KeyError, TypeError or ValueError."""
        total = cls(**{**stored, "since": date.fromisoformat(stored["since"])})
        counts = (total.characters, total.requests, total.cached_requests, total.cached_characters)
        numbers = (*counts, total.cost, total.estimated, total.unpriced_requests)
        if not all(map(isfinite, numbers)) or not (total.currency is None or is_currency_code(total.currency)):
            raise ValueError
        return total

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
            return replace(counted, unpriced_requests=self.unpriced_requests + usage.requests)
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

    def on(self, day: date) -> Self:
        """Return the usage as of a day, without that of other periods.

        The system clock may be wrong until it is synchronized. So a day shortly before a period does not start a new
        one, nor does a clock that is not set. But a period further in the future is due to a clock that was wrong.
        """
        fresh = self.starting(day)

        def is_over(total: UsageTotal, new: UsageTotal) -> bool:
            is_in_future = total.since - day > _MAX_CLOCK_DELAY and day.year >= _FIRST_YEAR
            return new.since > total.since or is_in_future

        return type(self)(
            fresh.today if is_over(self.today, fresh.today) else self.today,
            fresh.month if is_over(self.month, fresh.month) else self.month,
        )

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
        return {name: {**total, "since": total["since"].isoformat()} for name, total in asdict(self).items()}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Self:
        """Return the usage from the result of `as_dict`. Raises AttributeError, KeyError, TypeError or ValueError."""
        return cls(**{name: UsageTotal.from_dict(total) for name, total in stored.items()})


@dataclass(frozen=True, slots=True)
class LastSynthesis:
    """The last synthesis of a voice with its configured model and voice."""

    first_sound: float | None = None
    """Seconds from the first request to the first audio."""
    last_error: str | None = None
    """Translation key of the last error."""

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Self:
        """Return the synthesis from the result of `asdict`, without an error that this version does not know."""
        last = cls(**stored)
        return last if last.last_error in error_translation_keys() else replace(last, last_error=None)


class UsageTracker:
    """The usage of an account, kept across reloads and restarts."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Initialize the tracker without usage; `async_load` restores the stored usage."""
        self._hass = hass
        self._store: Store[dict[str, Any]] = Store(hass, _USAGE_STORAGE_VERSION, f"{DOMAIN}.{entry_id}.usage")
        self._totals = UsageByPeriod.starting(_local_today())
        self._voices: dict[str, LastSynthesis] = {}
        self._signal = f"{DOMAIN}_usage_{entry_id}"
        self._cancel_midnight: CALLBACK_TYPE | None = None
        self._is_loaded = False
        self._is_removed = False

    async def async_load(self, subentry_ids: Collection[str]) -> None:
        """Restore the stored usage, without voices that no longer exist."""
        if not self._is_loaded and (stored := await self._store.async_load()):
            with suppress(AttributeError, KeyError, TypeError, ValueError):  # a damaged file starts anew
                totals = UsageByPeriod.from_dict(stored["usage"])
                self._voices = {key: LastSynthesis.from_dict(last) for key, last in stored["voices"].items()}
                self._totals = totals
        self._is_loaded = True
        self._voices = {key: last for key, last in self._voices.items() if key in subentry_ids}

    @property
    def totals(self) -> UsageByPeriod:
        """Usage of today and this month, in Home Assistant's time zone."""
        self._totals = self._totals.on(_local_today())
        return self._totals

    def last_synthesis(self, subentry_id: str) -> LastSynthesis:
        """Return the last synthesis of a voice."""
        return self._voices.get(subentry_id, LastSynthesis())

    @callback
    def async_add(self, usage: Usage) -> None:
        """Add the provider's charge to the usage."""
        self._totals = self.totals + usage
        self._changed()

    @callback
    def async_add_cached(self, requests: int, characters: int) -> None:
        """Add requests that the sentence cache has saved."""
        self._totals = self.totals.add_cached(requests, characters)
        self._changed()

    @callback
    def async_record_first_audio(self, subentry_id: str, seconds: float) -> None:
        """Store the time to a voice's first audio."""
        self._voices[subentry_id] = replace(self.last_synthesis(subentry_id), first_sound=seconds)
        self._changed()

    @callback
    def async_record_error(self, subentry_id: str, translation_key: str) -> None:
        """Store the error that kept a voice from speaking."""
        self._voices[subentry_id] = replace(self.last_synthesis(subentry_id), last_error=translation_key)
        self._changed()

    @callback
    def async_add_listener(self, listener: CALLBACK_TYPE) -> CALLBACK_TYPE:
        """Add a listener for changes; return a function that removes it."""
        return async_dispatcher_connect(self._hass, self._signal, listener)

    @callback
    def async_start(self) -> CALLBACK_TYPE:
        """Notify listeners when a day begins, until the returned function is called."""
        self._schedule_midnight()
        return self._stop

    @callback
    def _schedule_midnight(self) -> None:
        midnight = dt_util.start_of_local_day(_local_today() + timedelta(days=1))
        job = HassJob(self._handle_midnight, "orator starts a day", cancel_on_shutdown=True)
        delay = (midnight - dt_util.utcnow()).total_seconds()
        self._cancel_midnight = async_call_later(self._hass, delay, job)

    @callback
    def _handle_midnight(self, _now: datetime) -> None:
        self._schedule_midnight()
        self._notify()

    @callback
    def _stop(self) -> None:
        if self._cancel_midnight:
            self._cancel_midnight()
            self._cancel_midnight = None

    async def async_remove(self) -> None:
        """Remove the stored usage."""
        self._is_removed = True
        await self._store.async_remove()

    def _changed(self) -> None:
        if not self._is_removed:  # charges can arrive after the account was removed
            self._store.async_delay_save(self._data_to_store, _SAVE_DELAY_S)
            self._notify()

    def _notify(self) -> None:
        async_dispatcher_send(self._hass, self._signal)  # catches the errors of listeners

    def _data_to_store(self) -> dict[str, Any]:
        voices = {subentry_id: asdict(last) for subentry_id, last in self._voices.items()}
        return {"usage": self._totals.as_dict(), "voices": voices}


def _local_today() -> date:
    return dt_util.now().date()
