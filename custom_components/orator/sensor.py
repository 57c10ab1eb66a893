"""Sensors of accounts and voices."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import PERCENTAGE, EntityCategory, UnitOfTime
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.typing import StateType
from homeassistant.helpers.update_coordinator import CoordinatorEntity
from homeassistant.util import dt as dt_util

from .const import SUBENTRY_VOICE
from .coordinator import BalanceCoordinator, OratorConfigEntry
from .entity import LimitEntity, OratorEntity
from .limit_alerts import limit_attributes
from .limits import LimitPeriod
from .providers.errors import Outage, error_translation_keys
from .providers.models import COST_DECIMALS
from .usage import LastSynthesis
from .usage_totals import UsageByPeriod, UsageTotal

PARALLEL_UPDATES = 0

_CONNECTED: Final = "connected"
_SHOWN_COST_DECIMALS: Final = 4
"""Decimals of a cost on dashboards: a sentence costs less than a cent."""


@dataclass(frozen=True, kw_only=True)
class UsageSensorDescription(SensorEntityDescription):
    """Description of a sensor that shows the usage of a day or a month."""

    state_class: SensorStateClass = SensorStateClass.TOTAL
    period_fn: Callable[[UsageByPeriod], UsageTotal]
    value_fn: Callable[[UsageTotal], StateType]
    is_cost: bool = False


@dataclass(frozen=True, kw_only=True)
class VoiceSensorDescription(SensorEntityDescription):
    """Description of a sensor that shows the last synthesis of a voice."""

    entity_category: EntityCategory = EntityCategory.DIAGNOSTIC
    value_fn: Callable[[LastSynthesis], StateType]


@dataclass(frozen=True, kw_only=True)
class LimitSensorDescription(SensorEntityDescription):
    """Description of a sensor that shows what is left of the usage limit of a period."""

    period: LimitPeriod


CONNECTION_SENSOR: Final = SensorEntityDescription(
    key="connection",
    translation_key="connection",
    device_class=SensorDeviceClass.ENUM,
    entity_category=EntityCategory.DIAGNOSTIC,
    options=[_CONNECTED, *Outage],
)

_PERIODS: Final[Mapping[str, Callable[[UsageByPeriod], UsageTotal]]] = {
    "today": lambda usage: usage.today,
    "month": lambda usage: usage.month,
}

USAGE_SENSORS: Final = tuple(
    description
    for period, period_fn in _PERIODS.items()
    for description in (
        UsageSensorDescription(
            key=f"characters_{period}",
            translation_key=f"characters_{period}",
            period_fn=period_fn,
            value_fn=lambda total: total.characters,
        ),
        UsageSensorDescription(
            key=f"requests_{period}",
            translation_key=f"requests_{period}",
            entity_category=EntityCategory.DIAGNOSTIC,
            period_fn=period_fn,
            value_fn=lambda total: total.requests,
        ),
        UsageSensorDescription(
            key=f"cost_{period}",
            translation_key=f"cost_{period}",
            # Not `monetary`: entity pickers filter by device class, and those for a balance must not offer a cost.
            suggested_display_precision=_SHOWN_COST_DECIMALS,
            period_fn=period_fn,
            value_fn=lambda total: _plain_number(total.cost),
            is_cost=True,
        ),
    )
)

VOICE_SENSORS: Final = (
    VoiceSensorDescription(
        key="first_sound",
        translation_key="first_sound",
        entity_registry_enabled_default=False,
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.SECONDS,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=2,
        value_fn=lambda synthesis: synthesis.first_sound,
    ),
    VoiceSensorDescription(
        key="last_error",
        translation_key="last_error",
        device_class=SensorDeviceClass.ENUM,
        options=error_translation_keys(),
        value_fn=lambda synthesis: synthesis.last_error,
    ),
)

CACHED_SENSOR: Final = SensorEntityDescription(
    key="cached_today",
    translation_key="cached_today",
    entity_category=EntityCategory.DIAGNOSTIC,
    entity_registry_enabled_default=False,  # changes with each reply
    native_unit_of_measurement=PERCENTAGE,
    state_class=SensorStateClass.MEASUREMENT,
    suggested_display_precision=0,
)

LEFT_SENSORS: Final = tuple(
    LimitSensorDescription(key=key, state_class=SensorStateClass.MEASUREMENT, period=period)
    for key, period in (("left_today", LimitPeriod.DAY), ("left_month", LimitPeriod.MONTH))
)

BALANCE_SENSOR: Final = SensorEntityDescription(
    key="balance",
    translation_key="balance",
    device_class=SensorDeviceClass.MONETARY,
    state_class=SensorStateClass.TOTAL,
    suggested_display_precision=2,
)


def _plain_number(cost: float) -> str:
    """Return a cost without an exponent, which Python uses for less than 0.0001."""
    return f"{cost:.{COST_DECIMALS}f}".rstrip("0").removesuffix(".")


async def async_setup_entry(
    hass: HomeAssistant,  # noqa: ARG001
    entry: OratorConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the sensors of an account and its voices."""
    account = entry.runtime_data
    currency = account.data.currency
    sensors: list[SensorEntity] = [ConnectionSensor(entry, CONNECTION_SENSOR)]
    sensors += [UsageSensor(entry, description) for description in USAGE_SENSORS if currency or not description.is_cost]
    sensors += [LeftSensor(entry, description) for description in LEFT_SENSORS]
    sensors.append(CachedSensor(entry, CACHED_SENSOR))
    if account.balance:
        sensors.append(BalanceSensor(entry, account.balance))
    async_add_entities(sensors)
    for subentry in entry.subentries.values():
        if subentry.subentry_type == SUBENTRY_VOICE:
            async_add_entities(
                [VoiceSensor(entry, description, subentry) for description in VOICE_SENSORS],
                config_subentry_id=subentry.subentry_id,
            )


class ConnectionSensor(OratorEntity, SensorEntity):
    """Sensor that shows whether an account can speak."""

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self.async_on_remove(self._account.health.async_add_listener(self.async_write_ha_state))

    @property
    @override
    def native_value(self) -> str:
        return self._account.health.outage or _CONNECTED


class UsageSensor(OratorEntity, SensorEntity):
    """Sensor that shows the usage of an account in the current day or month."""

    entity_description: UsageSensorDescription

    _unrecorded_attributes = frozenset({"estimated", "unpriced_requests"})

    def __init__(self, entry: OratorConfigEntry, description: UsageSensorDescription) -> None:
        """Initialize the sensor."""
        super().__init__(entry, description)
        if description.is_cost:
            self._attr_native_unit_of_measurement = self._account.data.currency

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self.async_on_remove(self._account.usage.async_add_listener(self.async_write_ha_state))

    @property
    def _total(self) -> UsageTotal:
        return self.entity_description.period_fn(self._account.usage.totals)

    @property
    @override
    def native_value(self) -> StateType:
        return self.entity_description.value_fn(self._total)

    @property
    @override
    def last_reset(self) -> datetime:
        return dt_util.start_of_local_day(self._total.since)

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any] | None:
        """The estimated part of a cost, and the number of requests without a known cost."""
        if not self.entity_description.is_cost:
            return None
        total = self._total
        return {"estimated": total.rounded.estimated, "unpriced_requests": total.unpriced_requests}


class LeftSensor(LimitEntity, SensorEntity):
    """Sensor that shows what is left of a usage limit; unknown without a limit."""

    entity_description: LimitSensorDescription

    _unrecorded_attributes = frozenset({"limit", "used", "ends_at"})

    @property
    @override
    def suggested_display_precision(self) -> int:
        return _SHOWN_COST_DECIMALS if self.native_unit_of_measurement else 0

    @property
    @override
    def native_value(self) -> StateType:
        status = self._account.limiter.status(self.entity_description.period)
        if status is None:
            return None
        return _plain_number(status.left) if self.native_unit_of_measurement else round(status.left)

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any] | None:
        """The limit, what is used of it, and when it ends."""
        status = self._account.limiter.status(self.entity_description.period)
        return limit_attributes(status) if status else None


class CachedSensor(OratorEntity, SensorEntity):
    """Sensor that shows how much of an account's speech came from the sentence cache today."""

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self.async_on_remove(self._account.usage.async_add_listener(self.async_write_ha_state))

    @property
    @override
    def native_value(self) -> float | None:
        share = self._account.usage.totals.today.cached_share
        return None if share is None else round(share * 100, 1)


class VoiceSensor(OratorEntity, SensorEntity):
    """Sensor that shows the last synthesis of a voice."""

    entity_description: VoiceSensorDescription

    def __init__(self, entry: OratorConfigEntry, description: VoiceSensorDescription, voice: ConfigSubentry) -> None:
        """Initialize the sensor."""
        super().__init__(entry, description, voice)
        self._subentry_id = voice.subentry_id

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self.async_on_remove(self._account.usage.async_add_listener(self.async_write_ha_state))

    @property
    @override
    def native_value(self) -> StateType:
        return self.entity_description.value_fn(self._account.usage.last_synthesis(self._subentry_id))


class BalanceSensor(CoordinatorEntity[BalanceCoordinator], OratorEntity, SensorEntity):
    """Sensor that shows the balance of an account."""

    def __init__(self, entry: OratorConfigEntry, coordinator: BalanceCoordinator) -> None:
        """Initialize the sensor."""
        CoordinatorEntity.__init__(self, coordinator)
        OratorEntity.__init__(self, entry, BALANCE_SENSOR)

    @override
    async def async_added_to_hass(self) -> None:
        """Fetch the balance in the background, and again after each use of a voice."""
        await super().async_added_to_hass()
        self.async_on_remove(self._account.usage.async_add_listener(self.coordinator.async_handle_usage))
        self.coordinator.config_entry.async_create_background_task(
            self.hass, self.coordinator.async_refresh(), "orator fetches a balance"
        )

    @property
    @override
    def native_value(self) -> StateType:
        return self.coordinator.data.amount if self.coordinator.data else None

    @property
    @override
    def native_unit_of_measurement(self) -> str | None:
        return self.coordinator.data.currency if self.coordinator.data else self._account.data.currency
