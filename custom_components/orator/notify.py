"""Notify entities of announcers, which speak messages."""

from typing import override

from homeassistant.components.notify import NotifyEntity
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.target import TargetSelection

from .announce.entity import AnnouncerEntity, async_add_announcers
from .announce.request import ATTR_MESSAGE, async_start_announcement

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant,  # noqa: ARG001
    entry: ConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Set up the notify entity of each announcer."""
    async_add_announcers(entry, async_add_entities, AnnouncerNotifyEntity)


class AnnouncerNotifyEntity(AnnouncerEntity, NotifyEntity):
    """Notify entity that speaks messages in the rooms of an announcer. Titles are not spoken."""

    _attr_name = None
    unique_key = "notify"

    @override
    async def async_send_message(self, message: str, title: str | None = None) -> None:
        """Start an announcement; its result is an event of the announcer. Raises HomeAssistantError.

        Nothing waits for its end, because a notification to several people must not be held up by a queue.
        """
        target = TargetSelection(dict(self.announcer.target))
        context_id = self._context.id if self._context else None
        await async_start_announcement(self.hass, {ATTR_MESSAGE: message}, target, self.announcer, context_id)
