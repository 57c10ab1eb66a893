"""What was spent, added up: for one utterance, and for an account today and this month. No Home Assistant here."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Final, Self

from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect, async_dispatcher_send
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util

from .const import DOMAIN
from .providers.errors import error_translation_keys
from .providers.models import Usage


@dataclass(frozen=True, slots=True)
class UsageTotal:
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

    def __add__(self, spending: Usage) -> Self:
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
class UsageByPeriod:
    """What was spent on a day and in its month."""

    today: UsageTotal
    month: UsageTotal

    @classmethod
    def begun(cls, day: date) -> Self:
        """Return what was spent when a day begins on which everything begins."""
        return cls(UsageTotal(day), UsageTotal(day.replace(day=1)))

    def at(self, day: date) -> Self:
        """Return the same on a day: what was spent before it, or before its month, is no longer in it.

        A clock that was not set yet shows a day that is long past; nothing begins anew because of it.
        """
        fresh = self.begun(day)
        return type(self)(
            fresh.today if fresh.today.since > self.today.since else self.today,
            fresh.month if fresh.month.since > self.month.since else self.month,
        )

    def __add__(self, spending: Usage) -> Self:
        """Return the same with something more spent."""
        return type(self)(self.today + spending, self.month + spending)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {name: {**total, "since": total["since"].isoformat()} for name, total in asdict(self).items()}

    @classmethod
    def from_dict(cls, kept: dict[str, Any]) -> Self:
        """Return what `as_dict` has returned."""
        sums = {
            name: UsageTotal(**{**total, "since": date.fromisoformat(total["since"])}) for name, total in kept.items()
        }
        return cls(**sums)


@dataclass(frozen=True, slots=True)
class LastSynthesis:
    """How a voice did when it spoke last as it is configured: samples and calls that name another are left out."""

    first_sound: float | None = None
    """Seconds from the first request to the first sound."""
    last_error: str | None = None
    """The name of what went wrong last."""

    @classmethod
    def from_dict(cls, kept: dict[str, Any]) -> Self:
        """Return what `asdict` has returned, without an error that another version of Orator knows."""
        one = cls(**kept)
        return one if one.last_error in error_translation_keys() else replace(one, last_error=None)


@dataclass(slots=True)
class Bill:
    """What one utterance costs, each part with the entity that has spoken it."""

    items: list[tuple[str, Usage]] = field(default_factory=list)

    @property
    def total(self) -> Usage:
        """The sum so far; it is complete once all of the sound was read."""
        return sum((spending for _, spending in self.items), Usage())

    def add(self, entity_id: str, spending: Usage) -> None:
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


_STORAGE_VERSION: Final = 1
_KEEP_AFTER: Final = 10.0
"""Seconds until what was noted is written down; Home Assistant writes it down in any case when it ends."""


class UsageTracker:
    """Adds up what an account spends. It goes on when the account is loaded anew."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Begin with nothing; `async_load` learns what was spent before."""
        self._hass = hass
        self._store: Store[dict[str, Any]] = Store(hass, _STORAGE_VERSION, f"{DOMAIN}.{entry_id}.usage")
        self._usage = UsageByPeriod.begun(_today())
        self._experiences: dict[str, LastSynthesis] = {}
        self._signal = f"{DOMAIN}_meter_{entry_id}"
        self._stop_waiting: CALLBACK_TYPE | None = None
        self._is_loaded = False
        self._is_removed = False

    async def async_load(self, voice_ids: Collection[str]) -> None:
        """Learn what was known before, and forget voices that are no more."""
        if not self._is_loaded and (kept := await self._store.async_load()):
            with suppress(AttributeError, KeyError, TypeError, ValueError):  # damaged: it begins anew
                usage = UsageByPeriod.from_dict(kept["usage"])
                self._experiences = {key: LastSynthesis.from_dict(one) for key, one in kept["voices"].items()}
                self._usage = usage
        self._is_loaded = True
        self._experiences = {key: one for key, one in self._experiences.items() if key in voice_ids}

    @property
    def totals(self) -> UsageByPeriod:
        """What was spent today and this month, by Home Assistant's time zone."""
        self._usage = self._usage.at(_today())
        return self._usage

    def last_synthesis(self, voice_id: str) -> LastSynthesis:
        """Return how a voice did when it spoke last as it is configured."""
        return self._experiences.get(voice_id, LastSynthesis())

    @callback
    def async_add(self, spending: Usage) -> None:
        """Add something that was spent."""
        self._usage = self.totals + spending
        self._changed()

    @callback
    def async_record_first_audio(self, voice_id: str, first_sound: float) -> None:
        """Take note of how many seconds it took until a voice began."""
        self._experiences[voice_id] = replace(self.last_synthesis(voice_id), first_sound=first_sound)
        self._changed()

    @callback
    def async_record_error(self, voice_id: str, error: str) -> None:
        """Take note of the name of what kept a voice from speaking."""
        self._experiences[voice_id] = replace(self.last_synthesis(voice_id), last_error=error)
        self._changed()

    @callback
    def async_add_listener(self, listener: CALLBACK_TYPE) -> CALLBACK_TYPE:
        """Call somebody whenever anything changes, until what is returned is called."""
        return async_dispatcher_connect(self._hass, self._signal, listener)

    @callback
    def async_start(self) -> CALLBACK_TYPE:
        """Tell when a day begins, until what is returned is called."""
        self._await_midnight()
        return self._stop

    @callback
    def _await_midnight(self) -> None:
        midnight = dt_util.start_of_local_day(_today() + timedelta(days=1))
        job = HassJob(self._begin_day, "orator begins a day", cancel_on_shutdown=True)
        wait = (midnight - dt_util.utcnow()).total_seconds()
        self._stop_waiting = async_call_later(self._hass, wait, job)

    @callback
    def _begin_day(self, _now: datetime) -> None:
        self._await_midnight()
        self._tell()

    @callback
    def _stop(self) -> None:
        if self._stop_waiting:
            self._stop_waiting()
            self._stop_waiting = None

    async def async_remove(self) -> None:
        """Forget everything for good."""
        self._is_removed = True
        await self._store.async_remove()

    def _changed(self) -> None:
        if not self._is_removed:  # what was begun before an account was removed may end after that
            self._store.async_delay_save(self._kept, _KEEP_AFTER)
            self._tell()

    def _tell(self) -> None:
        async_dispatcher_send(self._hass, self._signal)  # which lets no listener's error come in the way of speech

    def _kept(self) -> dict[str, Any]:
        """Return what outlives a restart."""
        voices = {voice_id: asdict(one) for voice_id, one in self._experiences.items()}
        return {"usage": self._usage.as_dict(), "voices": voices}


def _today() -> date:
    return dt_util.now().date()
