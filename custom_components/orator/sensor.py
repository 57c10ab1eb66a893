"""What an account has spent and has left, and how its voices did."""

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
from homeassistant.const import EntityCategory, UnitOfTime
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.typing import StateType
from homeassistant.helpers.update_coordinator import CoordinatorEntity
from homeassistant.util import dt as dt_util

from .const import SUBENTRY_VOICE
from .coordinator import AccountCoordinator, BalanceCoordinator, OratorConfigEntry
from .entity import account_device, voice_device
from .providers.errors import Outage, error_translation_keys
from .usage import LastSynthesis, UsageByPeriod, UsageTotal

PARALLEL_UPDATES = 0

_DIGITS: Final = 9
"""Decimal places of money: sums of binary fractions have more of them than money has."""


@dataclass(frozen=True, kw_only=True)
class AccountSensorDescription(SensorEntityDescription):
    """A sensor of an account that shows something which the account itself knows."""

    value: Callable[[AccountCoordinator], StateType]
    listen: Callable[[AccountCoordinator, Callable[[], None]], Callable[[], None]]
    """Calls somebody whenever the value may have changed, until what is returned is called."""


_CONNECTED: Final = "connected"

ACCOUNT_SENSORS: Final = (
    AccountSensorDescription(
        key="connection",
        translation_key="connection",
        device_class=SensorDeviceClass.ENUM,
        entity_category=EntityCategory.DIAGNOSTIC,
        options=[_CONNECTED, *Outage],
        value=lambda account: account.health.outage or _CONNECTED,
        listen=lambda account, listener: account.health.async_add_listener(listener),
    ),
)
"""What an account shows beside what it has spent and has left."""


@dataclass(frozen=True, kw_only=True)
class UsageSensorDescription(SensorEntityDescription):
    """A sensor of what was spent since the beginning of a day or a month."""

    state_class: SensorStateClass = SensorStateClass.TOTAL
    period: Callable[[UsageByPeriod], UsageTotal]
    value: Callable[[UsageTotal], StateType]
    is_money: bool = False


_PERIODS: Final[Mapping[str, Callable[[UsageByPeriod], UsageTotal]]] = {
    "today": lambda usage: usage.today,
    "month": lambda usage: usage.month,
}
USAGE_SENSORS: Final = tuple(
    description
    for name, period in _PERIODS.items()
    for description in (
        UsageSensorDescription(
            key=f"characters_{name}",
            translation_key=f"characters_{name}",
            period=period,
            value=lambda spent: spent.characters,
        ),
        UsageSensorDescription(
            key=f"requests_{name}",
            translation_key=f"requests_{name}",
            entity_category=EntityCategory.DIAGNOSTIC,
            period=period,
            value=lambda spent: spent.requests,
        ),
        UsageSensorDescription(
            key=f"cost_{name}",
            translation_key=f"cost_{name}",
            device_class=SensorDeviceClass.MONETARY,
            suggested_display_precision=4,
            period=period,
            value=lambda spent: round(spent.cost, _DIGITS),
            is_money=True,
        ),
    )
)


@dataclass(frozen=True, kw_only=True)
class VoiceSensorDescription(SensorEntityDescription):
    """A sensor of how a voice did when it spoke last."""

    entity_category: EntityCategory = EntityCategory.DIAGNOSTIC
    entity_registry_enabled_default: bool = False
    value: Callable[[LastSynthesis], StateType]


VOICE_SENSORS: Final = (
    VoiceSensorDescription(
        key="first_sound",
        translation_key="first_sound",
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.SECONDS,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=2,
        value=lambda experience: experience.first_sound,
    ),
    VoiceSensorDescription(
        key="last_error",
        translation_key="last_error",
        device_class=SensorDeviceClass.ENUM,
        options=error_translation_keys(),
        value=lambda experience: experience.last_error,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant, entry: OratorConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add the sensors of an account and of its voices."""
    account = entry.runtime_data
    sensors: list[SensorEntity] = [AccountSensor(entry, description) for description in ACCOUNT_SENSORS]
    sensors += [
        UsageSensor(entry, description) for description in USAGE_SENSORS if not description.is_money or account.currency
    ]
    if account.provider.has_balance:
        sensors.append(BalanceSensor(BalanceCoordinator(hass, entry)))
    async_add_entities(sensors)
    for voice in entry.subentries.values():
        if voice.subentry_type == SUBENTRY_VOICE:
            async_add_entities(
                [VoiceSensor(entry, voice, description) for description in VOICE_SENSORS],
                config_subentry_id=voice.subentry_id,
            )


class _OratorSensor[DescriptionT: SensorEntityDescription](SensorEntity):
    """What all sensors have in common."""

    _attr_has_entity_name = True
    _attr_should_poll = False
    entity_description: DescriptionT

    def __init__(self, entry: OratorConfigEntry, owner: str, description: DescriptionT) -> None:
        """Show what a description says; `owner` is the account's or the voice's ID."""
        self.entity_description = description
        self._account = entry.runtime_data
        self._attr_unique_id = f"{owner}_{description.key}"
        self._attr_device_info = account_device(entry)

    @callback
    def _show(self) -> None:
        """Show what has changed."""
        self.async_write_ha_state()


class AccountSensor(_OratorSensor[AccountSensorDescription]):
    """Something that an account knows."""

    def __init__(self, entry: OratorConfigEntry, description: AccountSensorDescription) -> None:
        """Show it."""
        super().__init__(entry, entry.entry_id, description)

    @override
    async def async_added_to_hass(self) -> None:
        self.async_on_remove(self.entity_description.listen(self._account, self._show))

    @property
    @override
    def native_value(self) -> StateType:
        return self.entity_description.value(self._account)


class UsageSensor(_OratorSensor[UsageSensorDescription]):
    """What an account has spent since the beginning of a day or a month."""

    _unrecorded_attributes = frozenset({"estimated", "unpriced_requests"})

    def __init__(self, entry: OratorConfigEntry, description: UsageSensorDescription) -> None:
        """Show it."""
        super().__init__(entry, entry.entry_id, description)
        if description.is_money:
            self._attr_native_unit_of_measurement = self._account.currency

    @override
    async def async_added_to_hass(self) -> None:
        self.async_on_remove(self._account.usage.async_add_listener(self._show))

    @property
    def _sum(self) -> UsageTotal:
        return self.entity_description.period(self._account.usage.totals)

    @property
    @override
    def native_value(self) -> StateType:
        return self.entity_description.value(self._sum)

    @property
    @override
    def last_reset(self) -> datetime:
        return dt_util.start_of_local_day(self._sum.since)

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any] | None:
        """Tell how much of the money is an estimate, and how often nobody knows what was to be paid."""
        if not self.entity_description.is_money:
            return None
        spent = self._sum
        return {"estimated": round(spent.estimated, _DIGITS), "unpriced_requests": spent.unpriced_requests}


class VoiceSensor(_OratorSensor[VoiceSensorDescription]):
    """How a voice did when it spoke last."""

    def __init__(self, entry: OratorConfigEntry, voice: ConfigSubentry, description: VoiceSensorDescription) -> None:
        """Show it."""
        super().__init__(entry, voice.subentry_id, description)
        self._voice_id = voice.subentry_id
        self._attr_device_info = voice_device(entry, voice)

    @override
    async def async_added_to_hass(self) -> None:
        self.async_on_remove(self._account.usage.async_add_listener(self._show))

    @property
    @override
    def native_value(self) -> StateType:
        return self.entity_description.value(self._account.usage.last_synthesis(self._voice_id))


class BalanceSensor(CoordinatorEntity[BalanceCoordinator], SensorEntity):
    """What is left to spend."""

    _attr_has_entity_name = True
    _attr_device_class = SensorDeviceClass.MONETARY
    _attr_state_class = SensorStateClass.TOTAL
    _attr_suggested_display_precision = 2
    _attr_translation_key = "balance"

    def __init__(self, coordinator: BalanceCoordinator) -> None:
        """Show it."""
        super().__init__(coordinator)
        entry = coordinator.config_entry
        self._account = entry.runtime_data
        self._attr_unique_id = f"{entry.entry_id}_balance"
        self._attr_device_info = account_device(entry)

    @override
    async def async_added_to_hass(self) -> None:
        """Ask for the balance now, which nothing waits for, and whenever a voice has spoken or failed."""
        await super().async_added_to_hass()
        self.async_on_remove(self._account.usage.async_add_listener(self.coordinator.async_used))
        self.coordinator.config_entry.async_create_background_task(
            self.hass, self.coordinator.async_refresh(), "orator asks for a balance"
        )

    @property
    @override
    def native_value(self) -> StateType:
        return self.coordinator.data.amount if self.coordinator.data else None

    @property
    @override
    def native_unit_of_measurement(self) -> str | None:
        return self.coordinator.data.currency if self.coordinator.data else self._account.currency
