"""The config entry "Announcements", with the entities of its announcers."""

from typing import Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant

_PLATFORMS: Final = (Platform.BUTTON, Platform.EVENT, Platform.NOTIFY)


async def async_setup_announcements(hass: HomeAssistant, entry: ConfigEntry) -> bool:
    """Set up the entities of the announcers."""
    entry.async_on_unload(entry.add_update_listener(_async_reload))
    await hass.config_entries.async_forward_entry_setups(entry, _PLATFORMS)
    return True


async def async_unload_announcements(hass: HomeAssistant, entry: ConfigEntry) -> bool:
    """Unload the entities of the announcers."""
    return await hass.config_entries.async_unload_platforms(entry, _PLATFORMS)


async def _async_reload(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Reload the announcers after a change."""
    hass.config_entries.async_schedule_reload(entry.entry_id)
