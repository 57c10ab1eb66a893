"""Track the usage of an account today and this month, and the last synthesis of each voice."""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
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
from .usage_totals import UsageByPeriod, UsageHistory

_USAGE_STORAGE_VERSION: Final = 1
_SAVE_DELAY_S: Final = 10.0
_MAX_CHECK_INTERVAL_S: Final = 900.0
"""Maximum time between checks for the begin of a day, because the system clock can jump."""


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
        self._history = UsageHistory(_local_today())
        self._voices: dict[str, LastSynthesis] = {}
        self._refused: dict[str, tuple[date, float]] = {}
        """Begin of the period, and the smallest usage that did not fit in its limit, by the kind of period."""
        self._signal = f"{DOMAIN}_usage_{entry_id}"
        self._cancel_midnight: CALLBACK_TYPE | None = None
        self._noticed = self._periods
        """The periods of which listeners were notified."""
        self._is_loaded = False
        self._is_removed = False

    async def async_load(self, subentry_ids: Collection[str]) -> None:
        """Restore the stored usage, without voices that no longer exist."""
        if not self._is_loaded and (stored := await self._store.async_load()):
            with suppress(AttributeError, KeyError, TypeError, ValueError):  # a damaged file starts anew
                voices = {key: LastSynthesis.from_dict(last) for key, last in stored["voices"].items()}
                self._history.restore(stored)
                self._voices = voices
                self._refused = _read_refused(stored.get("refused", {}))
        self._is_loaded = True
        self._voices = {key: last for key, last in self._voices.items() if key in subentry_ids}

    @property
    def totals(self) -> UsageByPeriod:
        """Usage of today and this month, in Home Assistant's time zone."""
        self._history.advance(_local_today())
        return self._history.totals

    def last_synthesis(self, subentry_id: str) -> LastSynthesis:
        """Return the last synthesis of a voice."""
        return self._voices.get(subentry_id, LastSynthesis())

    @callback
    def async_add(self, usage: Usage) -> None:
        """Add the provider's charge to the usage."""
        self._history.totals = self.totals + usage
        self._changed()

    def refused(self, period: str, since: date) -> float | None:
        """Return the smallest usage that did not fit in the limit of a period that began on a day, if there was any."""
        start, usage = self._refused.get(period, (None, None))
        return usage if start == since else None

    @callback
    def async_refuse(self, period: str, since: date, usage: float) -> None:
        """Store that usage did not fit in the limit of a period that began on a day."""
        known = self.refused(period, since)
        if known is None or usage < known:
            self._refused[period] = since, usage
            self._changed()

    @callback
    def async_forget_refused(self) -> None:
        """Forget what did not fit, because the limits have changed."""
        if self._refused:
            self._refused.clear()
            self._changed()

    @callback
    def async_add_cached(self, requests: int, characters: int) -> None:
        """Add requests that the sentence cache has saved."""
        self._history.totals = self.totals.add_cached(requests, characters)
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
        self._noticed = self._periods
        midnight = dt_util.start_of_local_day(_local_today() + timedelta(days=1))
        job = HassJob(self._handle_midnight, "orator starts a day", cancel_on_shutdown=True)
        delay = min((midnight - dt_util.utcnow()).total_seconds(), _MAX_CHECK_INTERVAL_S)
        self._cancel_midnight = async_call_later(self._hass, delay, job)

    @callback
    def _handle_midnight(self, _now: datetime) -> None:
        has_changed = self._noticed != self._periods
        self._schedule_midnight()
        if has_changed:
            self._notify()

    @property
    def _periods(self) -> tuple[date, date]:
        """The first days of the current periods."""
        return self.totals.today.since, self.totals.month.since

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
        refused = {period: [since.isoformat(), usage] for period, (since, usage) in self._refused.items()}
        return {**self._history.as_dict(), "voices": voices, **({"refused": refused} if refused else {})}


def _read_refused(stored: dict[str, Any]) -> dict[str, tuple[date, float]]:
    """Return what did not fit. Raises AttributeError, TypeError or ValueError."""
    return {period: (date.fromisoformat(since), float(usage)) for period, (since, usage) in stored.items()}


def _local_today() -> date:
    return dt_util.now().date()
