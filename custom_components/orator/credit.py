"""Telling users that they have run out of credit, until they have some again."""

from datetime import datetime, timedelta
import logging
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_track_time_interval

from .const import DOMAIN
from .providers.base import Provider
from .providers.errors import SpeechError

_LOGGER = logging.getLogger(__name__)

_LOOK_EVERY: Final = timedelta(minutes=5)


class CreditWatch:
    """Knows whether an account has run out of credit, and says so in Home Assistant's repairs.

    The issue goes when speech is sold again or, at a service that tells its balance, when there is more than there was.
    """

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry[Any], provider: Provider) -> None:
        """Watch an account; `async_stop` ends it."""
        self._hass = hass
        self._entry = entry
        self._provider = provider
        self._issue_id = issue_id(entry)
        self._lowest: float | None = None
        self._stop_looking: CALLBACK_TYPE | None = None

    @callback
    def async_start(self) -> None:
        """Go on watching where an issue is open from before."""
        if ir.async_get(self._hass).async_get_issue(DOMAIN, self._issue_id):
            self._look_regularly()

    @callback
    def async_refused(self) -> None:
        """Take note that the service wanted money before it speaks."""
        ir.async_create_issue(
            self._hass,
            DOMAIN,
            self._issue_id,
            is_fixable=False,
            severity=ir.IssueSeverity.ERROR,
            translation_key="out_of_credit",
            translation_placeholders={"account": self._entry.title, "provider": self._provider.name},
            learn_more_url=self._provider.credit_page,
        )
        self._look_regularly()
        self._entry.async_create_background_task(self._hass, self._async_look(), "orator looks at the balance")

    @callback
    def async_spoken(self) -> None:
        """Take note that the service speaks."""
        if self._stop_looking:
            self._close()

    @callback
    def async_stop(self) -> None:
        """Stop watching; an open issue stays."""
        if self._stop_looking:
            self._stop_looking()
            self._stop_looking = None

    @callback
    def _look_regularly(self) -> None:
        if self._stop_looking is None:
            self._stop_looking = async_track_time_interval(
                self._hass, self._async_look, _LOOK_EVERY, name="orator balance", cancel_on_shutdown=True
            )

    async def _async_look(self, _now: datetime | None = None) -> None:
        """See whether there is more to spend than when the service refused."""
        try:
            balance = await self._provider.fetch_balance()
        except SpeechError as err:
            _LOGGER.debug("%s did not tell its balance: %s", self._entry.title, err)
            return
        if balance is None or self._stop_looking is None:
            return
        if self._lowest is None or balance.amount <= self._lowest:
            self._lowest = balance.amount
        else:
            self._close()

    @callback
    def _close(self) -> None:
        self.async_stop()
        self._lowest = None
        ir.async_delete_issue(self._hass, DOMAIN, self._issue_id)


def issue_id(entry: ConfigEntry[Any]) -> str:
    """Return the name of an account's issue."""
    return f"out_of_credit_{entry.entry_id}"
