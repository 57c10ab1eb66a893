"""Base of the entities of announcers."""

from homeassistant.config_entries import ConfigSubentry
from homeassistant.helpers.device_registry import DeviceEntryType, DeviceInfo
from homeassistant.helpers.entity import Entity

from ..const import DOMAIN
from .settings import Announcer


class AnnouncerEntity(Entity):
    """Base of the entities of an announcer, which share its device."""

    _attr_has_entity_name = True
    _attr_should_poll = False

    def __init__(self, subentry: ConfigSubentry, key: str) -> None:
        """Initialize the entity."""
        self.announcer = Announcer.from_subentry(subentry)
        self._attr_unique_id = f"{subentry.subentry_id}_{key}"
        self._attr_device_info = DeviceInfo(
            identifiers={(DOMAIN, subentry.subentry_id)},
            name=subentry.title,
            manufacturer="Orator",
            entry_type=DeviceEntryType.SERVICE,
        )
