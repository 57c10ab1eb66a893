"""Buttons of announcers."""

from typing import override

from homeassistant.components.button import ButtonEntity
from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .announce.entity import AnnouncerEntity
from .announce.manager import async_get_manager

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant,  # noqa: ARG001
    entry: ConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the button of each announcer."""
    for subentry_id, announcer in entry.subentries.items():
        async_add_entities([CancelButton(announcer)], config_subentry_id=subentry_id)


class CancelButton(AnnouncerEntity, ButtonEntity):
    """Button that cancels the announcements of an announcer."""

    _attr_translation_key = "cancel"

    def __init__(self, announcer: ConfigSubentry) -> None:
        """Initialize the button."""
        super().__init__(announcer, "cancel")

    @override
    async def async_press(self) -> None:
        """Stop the announcement that is played, and drop those that wait."""
        async_get_manager(self.hass).async_cancel(announcer_id=self.announcer.id)
