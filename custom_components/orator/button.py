"""Buttons of announcers."""

from typing import override

from homeassistant.components.button import ButtonEntity
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .announce.entity import AnnouncerEntity, async_add_announcers
from .announce.manager import async_get_manager

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant,  # noqa: ARG001
    entry: ConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the button of each announcer."""
    async_add_announcers(entry, async_add_entities, CancelButton)


class CancelButton(AnnouncerEntity, ButtonEntity):
    """Button that cancels the announcements of an announcer."""

    _attr_translation_key = "cancel"
    unique_key = "cancel"

    @override
    async def async_press(self) -> None:
        """Stop the announcement that is played, and drop those that wait."""
        async_get_manager(self.hass).async_cancel(announcer_id=self.announcer.id)
