"""Base of the entities of announcers."""

from collections.abc import Callable
from typing import ClassVar

from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.core import callback
from homeassistant.helpers.device_registry import DeviceEntryType, DeviceInfo
from homeassistant.helpers.entity import Entity
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from ..const import DOMAIN
from .settings import Announcer


class AnnouncerEntity(Entity):
    """Base of the entities of an announcer, which share its device."""

    _attr_has_entity_name = True
    _attr_should_poll = False

    unique_key: ClassVar[str]
    """Part of the unique ID that distinguishes the entities of an announcer."""

    def __init__(self, subentry: ConfigSubentry) -> None:
        """Initialize the entity."""
        self.announcer = Announcer.from_subentry(subentry)
        self._attr_unique_id = f"{subentry.subentry_id}_{self.unique_key}"
        self._attr_device_info = DeviceInfo(
            identifiers={(DOMAIN, subentry.subentry_id)},
            name=subentry.title,
            manufacturer="Orator",
            entry_type=DeviceEntryType.SERVICE,
        )


@callback
def async_add_announcers(
    entry: ConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
    create_entity: Callable[[ConfigSubentry], AnnouncerEntity],
) -> None:
    """Add an entity for each announcer."""
    for subentry_id, announcer in entry.subentries.items():
        async_add_entities([create_entity(announcer)], config_subentry_id=subentry_id)
