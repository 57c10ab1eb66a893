"""Whether an account can speak, or rests until its provider answers again."""

from collections.abc import Awaitable, Callable
from datetime import datetime
import logging
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect, async_dispatcher_send
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

from .const import DOMAIN
from .providers.errors import CannotConnectError, NoHttpsError, Outage, SpeechError, UntrustedCertificateError

_LOGGER = logging.getLogger(__name__)

_PROOF: Final = 3
"""Errors in a row that make it certain that it was not chance."""
_LOOKS: Final = {
    Outage.UNREACHABLE: (30.0, 300.0),
    Outage.OUT_OF_CREDIT: (300.0, 3600.0),
    Outage.KEY_REFUSED: (10.0, 3600.0),
    Outage.GONE: (10.0, 3600.0),
}
"""Seconds until it is asked, at no cost, whether it is back, and at most: each time it takes twice as long."""
_ABSENCES: Final = (CannotConnectError, NoHttpsError, UntrustedCertificateError)
"""Errors that any answer disproves."""


class CircuitBreaker:
    """Knows whether an account's provider speaks; an account that rests is asked again and again at no cost."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry[Any], look: Callable[[], Awaitable[None]]) -> None:
        """Take the account to be well; `look` asks the provider and tells `async_failed` or `async_answered`."""
        self.outage: Outage | None = None
        """What is wrong, if anything."""
        self.error_key: str = ""
        """The key of the error that told so."""
        self.since: datetime | None = None
        self._hass = hass
        self._entry = entry
        self._look = look
        self._errors = 0
        self._was_absent = False
        self._is_worth_trying = False
        self._is_looking = False
        self._wait = 0.0
        self._stop_waiting: CALLBACK_TYPE | None = None
        self._is_stopped = False
        self._signal = f"{DOMAIN}_connection_{entry.entry_id}"

    @property
    def is_open(self) -> bool:
        """Whether others had better speak first."""
        return self.outage is not None and not self._is_worth_trying

    @callback
    def async_add_listener(self, listener: CALLBACK_TYPE) -> CALLBACK_TYPE:
        """Call somebody whenever `outage` or `rests` changes; returns what ends that."""
        return async_dispatcher_connect(self._hass, self._signal, listener)

    @callback
    def inherit(self, previous: CircuitBreaker) -> None:
        """Go on with what was known before the account was loaded anew."""
        self.outage, self.error_key, self.since = previous.outage, previous.error_key, previous.since
        self._errors, self._was_absent, self._wait = previous._errors, previous._was_absent, previous._wait
        if self.outage:
            self._is_worth_trying = True  # somebody may have seen to it
            self._look_later()

    @callback
    def async_record_failure(self, error: SpeechError) -> None:
        """Take note that the provider did not speak, or did not answer."""
        if error.outage is None or self._is_stopped:
            return
        self._errors += 1
        if self._is_looking and error.outage is Outage.UNREACHABLE:
            self._was_absent = True  # what is free was not answered, so that its answer disproves the outage
        if self._is_worth_trying:
            self._is_worth_trying = False
            self._tell()
        if self.outage is None and error.outage.needs_confirmation and self._errors < _PROOF:
            return
        if self.outage is None or not error.outage.needs_confirmation:
            self._rest(error.outage, error)
        self._look_later()

    @callback
    def async_record_speech(self) -> None:
        """Take note that the provider speaks."""
        if self._is_stopped:
            return
        self._errors = 0
        if self.outage:
            _LOGGER.info("%s speaks again", self._entry.title)
            self._recover()

    @callback
    def async_record_answer(self) -> None:
        """Take note that the provider answers what is free: so it may speak again, and does if it did not answer."""
        if self.outage is None or self._is_stopped:
            return
        if self._was_absent:
            _LOGGER.info("%s answers again", self._entry.title)
            self._errors = 0
            self._recover()
        else:  # it has always answered: only speech proves anything
            self._is_worth_trying = True
            self._tell()
            self._look_later()

    @callback
    def async_record_credit(self) -> None:
        """Take note that there is something to spend again."""
        if self.outage is Outage.OUT_OF_CREDIT and not self._is_stopped:
            _LOGGER.info("%s has credit again", self._entry.title)
            self._recover()

    @callback
    def async_stop(self) -> None:
        """Ask no more."""
        self._is_stopped = True
        self._cancel()

    def _rest(self, outage: Outage, error: SpeechError) -> None:
        if self.outage is None:
            self.since = dt_util.utcnow()
            _LOGGER.info("%s can't speak at the moment: %s", self._entry.title, error)
        if self.outage is not outage:
            self._wait = 0.0
        self.outage, self.error_key = outage, error.translation_key
        self._was_absent = isinstance(error, _ABSENCES)
        self._tell()

    def _recover(self) -> None:
        self.outage, self.error_key, self.since = None, "", None
        self._is_worth_trying = False
        self._wait = 0.0
        self._cancel()
        self._tell()

    def _tell(self) -> None:
        async_dispatcher_send(self._hass, self._signal)  # which lets no listener's error come in the way of speech

    def _look_later(self) -> None:
        if self.outage is None or self._stop_waiting or self._is_stopped:
            return
        first, last = _LOOKS[self.outage]
        self._wait = min(last, max(first, 2 * self._wait))
        job = HassJob(self._async_look, "orator asks whether a provider is back", cancel_on_shutdown=True)
        self._stop_waiting = async_call_later(self._hass, self._wait, job)

    async def _async_look(self, _now: datetime) -> None:
        self._stop_waiting = None
        self._is_looking = True
        try:
            await self._look()
        finally:
            self._is_looking = False
            self._look_later()  # whatever came of it

    def _cancel(self) -> None:
        if self._stop_waiting:
            self._stop_waiting()
            self._stop_waiting = None
