"""The config entry "Announcements" and its announcers."""

from typing import Any

from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.announce.settings import Announcer, async_get_announcements_entry
from custom_components.orator.const import DOMAIN, KIND_ANNOUNCEMENTS


def create_announcements(*announcers: dict[str, Any], **options: Any) -> MockConfigEntry:
    """Return the config entry with these settings and announcers; `title` is the name of an announcer."""
    return MockConfigEntry(
        domain=DOMAIN,
        title="Announcements",
        unique_id=KIND_ANNOUNCEMENTS,
        data={"kind": KIND_ANNOUNCEMENTS},
        options=options,
        subentries_data=[
            {
                "subentry_type": "announcer",
                "title": announcer["title"],
                "data": {key: value for key, value in announcer.items() if key != "title"},
                "unique_id": None,
            }
            for announcer in announcers
        ],
    )


async def add_announcements(hass: HomeAssistant, *announcers: dict[str, Any], **options: Any) -> MockConfigEntry:
    """Set up the config entry with these settings and announcers."""
    entry = create_announcements(*announcers, **options)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    return entry


def get_announcers(hass: HomeAssistant) -> list[Announcer]:
    """Return all announcers, in the order in which they were added."""
    entry = async_get_announcements_entry(hass)
    return [Announcer.from_subentry(announcer) for announcer in entry.subentries.values()] if entry else []
