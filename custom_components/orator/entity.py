"""The devices that Home Assistant shows: an account, and its voices as what is reached through it."""

from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import CONF_MODEL
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import DeviceEntryType, DeviceInfo

from .const import DOMAIN
from .coordinator import OratorConfigEntry


def account_device(entry: OratorConfigEntry) -> DeviceInfo:
    """Return what belongs to an account."""
    return DeviceInfo(identifiers={(DOMAIN, entry.entry_id)})


def voice_device(entry: OratorConfigEntry, voice: ConfigSubentry) -> DeviceInfo:
    """Return what belongs to a voice."""
    account = entry.runtime_data
    return DeviceInfo(
        identifiers={(DOMAIN, voice.subentry_id)},
        name=voice.title,
        manufacturer=account.provider.name,
        model=account.model(voice.data.get(CONF_MODEL, ""), voice.data).id,
        entry_type=DeviceEntryType.SERVICE,
    )


@callback
def async_register_account_device(hass: HomeAssistant, entry: OratorConfigEntry) -> None:
    """Register the device of an account, before anything that belongs to it."""
    provider = entry.runtime_data.provider
    dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id,
        identifiers={(DOMAIN, entry.entry_id)},
        name=entry.title,
        manufacturer=provider.name,
        entry_type=DeviceEntryType.SERVICE,
        configuration_url=provider.credit_page or provider.key_page or None,
    )


@callback
def async_link_voice_devices(hass: HomeAssistant, entry: OratorConfigEntry) -> None:
    """Let the devices of voices hang on that of their account.

    Home Assistant takes that link from an entity by one name before 2026.8, and by another from then on.
    """
    registry = dr.async_get(hass)
    devices = {
        identifier: device
        for device in dr.async_entries_for_config_entry(registry, entry.entry_id)
        for _, identifier in device.identifiers
    }
    account = devices[entry.entry_id]
    for voice_id in entry.subentries.keys() & devices.keys():
        registry.async_update_device(devices[voice_id].id, via_device_id=account.id)
