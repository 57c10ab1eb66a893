"""Options flow of an account: its usage limits, and undoing imports."""

from typing import Any, Final

from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult
from homeassistant.helpers.selector import BooleanSelector, NumberSelectorConfig, NumberSelectorMode
import voluptuous as vol

from .const import (
    CONF_CRITICAL_MAY_EXCEED,
    CONF_DAILY_LIMIT,
    CONF_LIMIT_CURRENCY,
    CONF_MONTHLY_LIMIT,
    MAX_USAGE_LIMIT,
)
from .coordinator import AccountCoordinator, OratorConfigEntry
from .form_texts import async_get_form_texts
from .importer.takeover import can_undo_import
from .importer.undo_flow import UndoImportFlow
from .limits import LIMIT_OPTIONS, LimitPeriod, UsageLimits
from .schema import NumberField

_LIMITS: Final = (CONF_DAILY_LIMIT, CONF_MONTHLY_LIMIT)


class AccountOptionsFlow(UndoImportFlow):
    """Handle the options flow of an account."""

    config_entry: OratorConfigEntry

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show a menu if there is a choice, otherwise the form of the usage limits."""
        if self.config_entry.state is not ConfigEntryState.LOADED:
            return self.async_abort(reason="entry_not_loaded")
        choices = self._choices()
        if len(choices) == 1:
            return await self.async_step_limits(user_input)
        return self.async_show_menu(
            step_id="init", menu_options=choices, description_placeholders={"account": self.config_entry.title}
        )

    def _choices(self) -> list[str]:
        """Return the steps of the menu."""
        return ["limits", *(["undo_import"] if can_undo_import(self.hass, self.config_entry) else [])]

    async def async_step_limits(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Set the usage limits."""
        account = self.config_entry.runtime_data
        unit = account.limiter.unit
        errors: dict[str, str] = {}
        if user_input is not None:
            errors = {key: "limit_out_of_range" for key in _LIMITS if not _is_limit(user_input.get(key, 0))}
            if not errors:
                limits = UsageLimits.from_options({**user_input, CONF_LIMIT_CURRENCY: unit or ""})
                others = {key: value for key, value in self.config_entry.options.items() if key not in LIMIT_OPTIONS}
                return self.async_create_entry(data=others | limits.as_options())
        texts = await async_get_form_texts(self.hass)
        schema = _limits_schema(unit or texts.option("usage", "unit"))
        return self.async_show_form(
            step_id="limits",
            data_schema=self.add_suggested_values_to_schema(schema, user_input or account.limiter.limits.as_options()),
            errors=errors,
            description_placeholders={
                "account": self.config_entry.title,
                "used_today": texts.usage(_used(account, LimitPeriod.DAY), unit),
                "used_month": texts.usage(_used(account, LimitPeriod.MONTH), unit),
                "maximum": texts.number(MAX_USAGE_LIMIT),
            },
        )


def _used(account: AccountCoordinator, period: LimitPeriod) -> float:
    """Return what is used in a period, in the unit of the limits."""
    if status := account.limiter.status(period):
        return status.used
    total = account.usage.totals.today if period is LimitPeriod.DAY else account.usage.totals.month
    return total.cost if account.limiter.unit else total.characters


def _limits_schema(unit: str) -> vol.Schema:
    """Return the fields of the limits."""
    limit = NumberField(
        NumberSelectorConfig(
            min=0, max=MAX_USAGE_LIMIT, step="any", mode=NumberSelectorMode.BOX, unit_of_measurement=unit
        )
    )
    return vol.Schema(
        {**{vol.Optional(key): limit for key in _LIMITS}, vol.Optional(CONF_CRITICAL_MAY_EXCEED): BooleanSelector()}
    )


def _is_limit(value: object) -> bool:
    """Return whether an entered value can be a limit; NaN cannot."""
    return isinstance(value, (int, float)) and 0 <= value <= MAX_USAGE_LIMIT
