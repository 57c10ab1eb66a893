"""The circuit breaker of an account."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from enum import Enum, auto
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

_FAILURES_TO_OPEN: Final = 3
"""Consecutive failures that open the breaker if a single one needs confirmation."""
_PROBE_DELAYS_S: Final = {
    Outage.UNREACHABLE: (30.0, 300.0),
    Outage.OUT_OF_CREDIT: (300.0, 3600.0),
    Outage.KEY_REFUSED: (10.0, 3600.0),
    Outage.GONE: (10.0, 3600.0),
}
"""Delay before the first probe, and maximum delay; the delay doubles with every probe. A usage limit needs no probe."""
_CONNECTION_ERRORS: Final = (CannotConnectError, NoHttpsError, UntrustedCertificateError)
"""Errors that are resolved by any response of the provider."""


class CircuitState(Enum):
    """State of a circuit breaker."""

    CLOSED = auto()
    """The account is used."""
    OPEN = auto()
    """Fallbacks are used first; the provider is probed with free requests."""
    HALF_OPEN = auto()
    """The account is used again; the next speech closes the breaker, the next failure opens it."""


class CircuitBreaker:
    """Circuit breaker that detects when an account cannot speak, and when it can again."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry[Any], probe: Callable[[], Awaitable[None]]) -> None:
        """Initialize a closed breaker.

        `probe` sends a free request, and calls `async_record_failure` or `async_record_response`.
        """
        self.outage: Outage | None = None
        """Reason why the breaker is not closed."""
        self.error_key = ""
        """Translation key of the error that opened the breaker."""
        self.since: datetime | None = None
        """Time at which the breaker opened."""
        self._hass = hass
        self._entry = entry
        self._probe = probe
        self._signal = f"{DOMAIN}_connection_{entry.entry_id}"
        self._state = CircuitState.CLOSED
        self._failures = 0
        self._closes_on_response = False
        """Whether any response closes the breaker; otherwise only speech does."""
        self._probe_delay_s = 0.0
        self._cancel_probe: CALLBACK_TYPE | None = None
        self._is_probing = False
        self._is_stopped = False

    @property
    def is_open(self) -> bool:
        """Whether fallbacks should be used first."""
        return self._state is CircuitState.OPEN

    @callback
    def async_add_listener(self, listener: CALLBACK_TYPE) -> CALLBACK_TYPE:
        """Add a listener for possible changes of `outage` or `is_open`; return a function that removes it."""
        return async_dispatcher_connect(self._hass, self._signal, listener)

    @callback
    def inherit(self, previous: CircuitBreaker) -> None:
        """Copy the state of the breaker from before the reload."""
        self.outage, self.error_key, self.since = previous.outage, previous.error_key, previous.since
        self._failures, self._closes_on_response = previous._failures, previous._closes_on_response
        self._probe_delay_s = previous._probe_delay_s
        if self.outage is Outage.LIMIT_REACHED:
            self._state = CircuitState.OPEN
        elif self.outage:
            self._state = CircuitState.HALF_OPEN  # the user may have fixed the account
            self._schedule_probe()

    @callback
    def async_record_failure(self, error: SpeechError) -> None:
        """Count an error of the provider, and open the breaker if it concerns the whole account."""
        if error.outage is None or self._is_stopped:
            return
        if error.outage is Outage.LIMIT_REACHED:
            if self.outage is None:  # another outage lasts until the provider can be used again
                self._transition(CircuitState.OPEN, error)
            return
        self._failures += 1
        if self._is_probing and error.outage is Outage.UNREACHABLE:
            # Free requests fail as well, so any response will show that the provider is back.
            self._closes_on_response = True
        is_certain = not error.outage.needs_confirmation
        if is_certain or (self.outage is None and self._failures >= _FAILURES_TO_OPEN):
            self._transition(CircuitState.OPEN, error)
        elif self._state is CircuitState.HALF_OPEN:
            self._transition(CircuitState.OPEN)
        self._schedule_probe()

    @callback
    def async_record_speech(self) -> None:
        """Close the breaker after successful speech."""
        if self._is_stopped:
            return
        self._failures = 0
        if self.outage and self.outage is not Outage.LIMIT_REACHED:  # which critical announcements may exceed
            _LOGGER.info("%s can speak again", self._entry.title)
            self._transition(CircuitState.CLOSED)

    @callback
    def async_record_response(self) -> None:
        """Close or half open the breaker after a response to a free request."""
        if self.outage in (None, Outage.LIMIT_REACHED) or self._is_stopped:
            return
        if self._closes_on_response:
            _LOGGER.info("%s responds again", self._entry.title)
            self._failures = 0
            self._transition(CircuitState.CLOSED)
        else:
            self._transition(CircuitState.HALF_OPEN)
            self._schedule_probe()

    @callback
    def async_record_credit(self) -> None:
        """Close a breaker that is open for lack of credit, because the balance has increased."""
        if self.outage is Outage.OUT_OF_CREDIT and not self._is_stopped:
            _LOGGER.info("%s has credit again", self._entry.title)
            self._transition(CircuitState.CLOSED)

    @callback
    def async_end_limit(self) -> None:
        """Close a breaker that is open because a usage limit was reached."""
        if self.outage is Outage.LIMIT_REACHED and not self._is_stopped:
            _LOGGER.info("The usage limit of %s is no longer reached", self._entry.title)
            self._transition(CircuitState.CLOSED)

    @callback
    def async_stop(self) -> None:
        """Stop probing, and ignore all later records."""
        self._is_stopped = True
        self._unschedule_probe()

    def _transition(self, state: CircuitState, error: SpeechError | None = None) -> None:
        """Enter a state, with the error as the new reason if there is one, and notify the listeners."""
        self._state = state
        if state is CircuitState.CLOSED:
            self.outage, self.error_key, self.since = None, "", None
            self._probe_delay_s = 0.0
            self._unschedule_probe()
        elif error:
            if self.outage is None:
                self.since = dt_util.utcnow()
                _LOGGER.info("%s can't speak at the moment: %s", self._entry.title, error)
            if self.outage is not error.outage:
                self._probe_delay_s = 0.0
            self.outage, self.error_key = error.outage, error.translation_key
            self._closes_on_response = isinstance(error, _CONNECTION_ERRORS)
        async_dispatcher_send(self._hass, self._signal)  # catches the errors of listeners

    def _schedule_probe(self) -> None:
        if self.outage is None or self.outage not in _PROBE_DELAYS_S or self._cancel_probe or self._is_stopped:
            return
        first, longest = _PROBE_DELAYS_S[self.outage]
        self._probe_delay_s = min(longest, max(first, 2 * self._probe_delay_s))
        job = HassJob(self._async_probe, "orator probes a provider", cancel_on_shutdown=True)
        self._cancel_probe = async_call_later(self._hass, self._probe_delay_s, job)

    def _unschedule_probe(self) -> None:
        if self._cancel_probe:
            self._cancel_probe()
            self._cancel_probe = None

    async def _async_probe(self, _now: datetime) -> None:
        self._cancel_probe = None
        self._is_probing = True
        try:
            await self._probe()
        finally:
            self._is_probing = False
            self._schedule_probe()
