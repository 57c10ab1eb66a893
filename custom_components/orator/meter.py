"""What an account has spent and how its voices did, kept over restarts and told to whoever shows it."""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect, async_dispatcher_send
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util

from .const import DOMAIN
from .providers.spending import Spending
from .usage import Experience, Usage

_STORAGE_VERSION: Final = 1
_KEEP_AFTER: Final = 10.0
"""Seconds until what was noted is written down; Home Assistant writes it down in any case when it ends."""


class Meter:
    """Adds up what an account spends. It goes on when the account is loaded anew."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Begin with nothing; `async_load` learns what was spent before."""
        self._hass = hass
        self._store: Store[dict[str, Any]] = Store(hass, _STORAGE_VERSION, f"{DOMAIN}.{entry_id}.usage")
        self._usage = Usage.begun(_today())
        self._experiences: dict[str, Experience] = {}
        self._signal = f"{DOMAIN}_meter_{entry_id}"
        self._stop_waiting: CALLBACK_TYPE | None = None
        self._is_loaded = False
        self._is_removed = False

    async def async_load(self, voice_ids: Collection[str]) -> None:
        """Learn what was known before, and forget voices that are no more."""
        if not self._is_loaded and (kept := await self._store.async_load()):
            with suppress(AttributeError, KeyError, TypeError, ValueError):  # damaged: it begins anew
                usage = Usage.from_dict(kept["usage"])
                self._experiences = {key: Experience.from_dict(one) for key, one in kept["voices"].items()}
                self._usage = usage
        self._is_loaded = True
        self._experiences = {key: one for key, one in self._experiences.items() if key in voice_ids}

    @property
    def usage(self) -> Usage:
        """What was spent today and this month, by Home Assistant's time zone."""
        self._usage = self._usage.at(_today())
        return self._usage

    def experience(self, voice_id: str) -> Experience:
        """Return how a voice did when it spoke last as it is configured."""
        return self._experiences.get(voice_id, Experience())

    @callback
    def async_spend(self, spending: Spending) -> None:
        """Add something that was spent."""
        self._usage = self.usage + spending
        self._changed()

    @callback
    def async_began(self, voice_id: str, first_sound: float) -> None:
        """Take note of how many seconds it took until a voice began."""
        self._experiences[voice_id] = replace(self.experience(voice_id), first_sound=first_sound)
        self._changed()

    @callback
    def async_failed(self, voice_id: str, error: str) -> None:
        """Take note of the name of what kept a voice from speaking."""
        self._experiences[voice_id] = replace(self.experience(voice_id), last_error=error)
        self._changed()

    @callback
    def async_listen(self, listener: CALLBACK_TYPE) -> CALLBACK_TYPE:
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
