"""Numbers of accounts: their usage limits."""

from dataclasses import dataclass
from math import isnan
from typing import Final, override

from homeassistant.components.number import NumberEntity, NumberEntityDescription, NumberMode
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import CONF_DAILY_LIMIT, CONF_LIMIT_CURRENCY, CONF_MONTHLY_LIMIT, DOMAIN, MAX_USAGE_LIMIT
from .coordinator import OratorConfigEntry
from .entity import LimitEntity
from .limits import LimitPeriod, UsageLimits

PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class LimitNumberDescription(NumberEntityDescription):
    """Description of a number that sets the usage limit of a period; its key is that of the limit's option."""

    entity_category: EntityCategory = EntityCategory.CONFIG
    mode: NumberMode = NumberMode.BOX
    native_min_value: float = 0
    native_max_value: float = MAX_USAGE_LIMIT
    period: LimitPeriod


LIMIT_NUMBERS: Final = (
    LimitNumberDescription(key=CONF_DAILY_LIMIT, period=LimitPeriod.DAY),
    LimitNumberDescription(key=CONF_MONTHLY_LIMIT, period=LimitPeriod.MONTH),
)


async def async_setup_entry(
    hass: HomeAssistant,  # noqa: ARG001
    entry: OratorConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the usage limits of an account."""
    async_add_entities([LimitNumber(entry, description) for description in LIMIT_NUMBERS])


class LimitNumber(LimitEntity, NumberEntity):
    """Number that sets a usage limit of an account; 0 means that there is no limit."""

    entity_description: LimitNumberDescription

    @property
    @override
    def native_step(self) -> float:
        return 0.01 if self.native_unit_of_measurement else 1

    @property
    @override
    def native_value(self) -> float:
        limit = self._account.limiter.limits.limit(self.entity_description.period)
        return int(limit) if limit.is_integer() else limit

    @override
    async def async_set_native_value(self, value: float) -> None:
        if isnan(value):  # which passes Home Assistant's comparison with the range
            raise ServiceValidationError(translation_domain=DOMAIN, translation_key="limit_invalid")
        limiter = self._account.limiter
        changed = {self.entity_description.key: value, CONF_LIMIT_CURRENCY: limiter.unit or ""}
        limiter.async_set(UsageLimits.from_options({**limiter.limits.as_options(), **changed}))
