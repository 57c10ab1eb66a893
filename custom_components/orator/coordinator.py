"""The balance of an account: asked for now and then, and a moment after something was spent."""

from collections.abc import Coroutine
from datetime import timedelta
import logging
from typing import Any, Final, override

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryAuthFailed
from homeassistant.helpers.debounce import Debouncer
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed

from .account import OratorConfigEntry
from .messages import message_of
from .providers.base import Balance
from .providers.errors import InvalidKeyError, SpeechError

_LOGGER = logging.getLogger(__name__)

_EVERY: Final = timedelta(hours=1)
"""To ask is free, but what changes a balance is mostly our own speech, after which it is asked for anyway."""
_AFTER_USE: Final = 10.0
"""Seconds from the first request until the balance is asked for: a reply is spoken in several."""


class BalanceCoordinator(DataUpdateCoordinator[Balance | None]):
    """Asks for a balance as long as somebody shows it."""

    config_entry: OratorConfigEntry

    def __init__(self, hass: HomeAssistant, entry: OratorConfigEntry) -> None:
        """Ask for the balance of an account."""
        self._soon: Debouncer[Coroutine[Any, Any, None]] = Debouncer(
            hass, _LOGGER, cooldown=_AFTER_USE, immediate=False
        )
        super().__init__(
            hass,
            _LOGGER,
            config_entry=entry,
            name=f"balance of {entry.title}",
            update_interval=_EVERY,
            request_refresh_debouncer=self._soon,
            always_update=False,
        )
        self._account = entry.runtime_data

    @callback
    def async_used(self) -> None:
        """Ask for the balance in a moment, once for all that is spent until then."""
        self._soon.async_schedule_call()

    @override
    async def _async_update_data(self) -> Balance | None:
        """Ask for the balance."""
        provider = self._account.provider
        try:
            return await provider.fetch_balance()
        except InvalidKeyError as err:
            raise ConfigEntryAuthFailed(**message_of(err, provider)) from err
        except SpeechError as err:
            raise UpdateFailed(**message_of(err, provider)) from err
