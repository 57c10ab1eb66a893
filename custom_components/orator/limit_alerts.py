"""Alerts of an account's usage limits: events and repair issues."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.dispatcher import async_dispatcher_connect, async_dispatcher_send
from homeassistant.util import dt as dt_util

from .const import DOMAIN
from .form_texts import FormTexts, async_get_form_texts
from .limits import LimitPeriod, LimitStatus, UsageLimiter
from .providers.models import round_cost

_NEAR: Final = "limit_near"
_REACHED: Final = "limit_reached"
"""Kinds of issues, as their IDs name them."""
_TEXTS: Final = {
    (_NEAR, LimitPeriod.DAY): "daily_limit_near",
    (_NEAR, LimitPeriod.MONTH): "monthly_limit_near",
    (_REACHED, LimitPeriod.DAY): "daily_limit_reached",
    (_REACHED, LimitPeriod.MONTH): "monthly_limit_reached",
}
"""Translation key of each issue."""
_SEVERITIES: Final = {_NEAR: ir.IssueSeverity.WARNING, _REACHED: ir.IssueSeverity.ERROR}


class LimitEventType(StrEnum):
    """What has happened to a usage limit."""

    NEAR = "near_limit"
    """80 % of the limit are used."""
    REACHED = "limit_reached"
    """The account generates no more speech."""
    ENDED = "limit_ended"
    """The account generates speech again: a new period has begun, or the limit was raised or removed."""


@dataclass(frozen=True, slots=True)
class LimitAlert:
    """An event of a usage limit."""

    event_type: LimitEventType
    period: LimitPeriod
    status: LimitStatus | None
    """Status of the limit; None if it was removed."""


class LimitAlerts:
    """Alerts of an account, created once per period and limit.

    The issues persist across restarts, and so they also record which events have been sent: their data is the limit and
    the end of the period that they are about.
    """

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry[Any], limiter: UsageLimiter) -> None:
        """Initialize the alerts, which begin with `async_start`."""
        self._hass = hass
        self._entry = entry
        self._limiter = limiter
        self._signal = f"{DOMAIN}_limit_alerts_{entry.entry_id}"
        self._texts: FormTexts

    async def async_start(self) -> None:
        """Create the alerts that are due, and watch the limits until the account is unloaded."""
        self._texts = await async_get_form_texts(self._hass)
        self._entry.async_on_unload(self._limiter.async_add_listener(self._async_update))
        self._async_update()

    @callback
    def async_add_listener(self, listener: Callable[[list[LimitAlert]], Any]) -> CALLBACK_TYPE:
        """Add a listener for alerts that happen at the same time; return a function that removes it."""
        return async_dispatcher_connect(self._hass, self._signal, listener)

    @callback
    def _async_update(self) -> None:
        """Update the issues, and send the alerts."""
        alerts = [
            LimitAlert(event_type, period, self._limiter.status(period))
            for period in LimitPeriod
            for event_type in self._update_period(period)
        ]
        if alerts:
            async_dispatcher_send(self._hass, self._signal, alerts)  # catches the errors of listeners

    def _update_period(self, period: LimitPeriod) -> list[LimitEventType]:
        """Update the issues of a period, and return what has happened."""
        status = self._limiter.status(period)
        data = _issue_data(status) if status else None
        near, reached = (self._find_issue(kind, period) for kind in (_NEAR, _REACHED))
        is_known = data is not None and data in [issue.data for issue in (near, reached) if issue]
        is_reached = status is not None and status.is_reached
        # A refund ends no warning: it would be repeated soon.
        is_near = status is not None and not is_reached and (status.is_near or is_known)
        self._set_issue(_NEAR, period, status if is_near else None)
        self._set_issue(_REACHED, period, status if is_reached else None)

        events: list[LimitEventType] = []
        if reached and not is_reached:
            events.append(LimitEventType.ENDED)
        if is_reached and not reached:
            events.append(LimitEventType.REACHED)
        if is_near and not is_known:
            events.append(LimitEventType.NEAR)
        return events

    def _find_issue(self, kind: str, period: LimitPeriod) -> ir.IssueEntry | None:
        return ir.async_get(self._hass).async_get_issue(DOMAIN, self._issue_id(kind, period))

    def _issue_id(self, kind: str, period: LimitPeriod) -> str:
        return f"{self._entry.entry_id}_{kind}_{period}"

    def _set_issue(self, kind: str, period: LimitPeriod, status: LimitStatus | None) -> None:
        """Create, update or delete an issue; `status`: the status of the limit that it is about, if it should exist."""
        if status is None:
            ir.async_delete_issue(self._hass, DOMAIN, self._issue_id(kind, period))
            return
        data = _issue_data(status)
        found = self._find_issue(kind, period)
        if found and found.data == data:
            return
        ir.async_create_issue(
            self._hass,
            DOMAIN,
            self._issue_id(kind, period),
            data=data,
            is_fixable=False,
            is_persistent=True,
            severity=_SEVERITIES[kind],
            translation_key=_TEXTS[kind, period],
            translation_placeholders={
                "account": self._entry.title,
                "limit": self._texts.usage(status.limit, self._limiter.unit),
                "day": dt_util.as_local(status.ends_at).date().isoformat(),
            },
        )


def _issue_data(status: LimitStatus) -> dict[str, str | int | float | None]:
    """Return what distinguishes a limit in a period from others."""
    return {"limit": status.limit, "ends_at": status.ends_at.isoformat()}


def limit_attributes(status: LimitStatus) -> dict[str, Any]:
    """Return the attributes of the entities that show a limit."""
    return {"limit": status.limit, "used": round_cost(status.used), "ends_at": status.ends_at.isoformat()}
