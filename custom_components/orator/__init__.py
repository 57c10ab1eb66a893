"""Orator: speech from NanoGPT, OpenAI and Speechbase for Home Assistant."""

from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ConfigEntryAuthFailed, ConfigEntryNotReady

from .account import Account, OratorConfigEntry, async_create_session, catalogue_store, create_provider
from .messages import message_of
from .providers.errors import InvalidKeyError, SpeechError

PLATFORMS = (Platform.TTS,)


async def async_setup_entry(hass: HomeAssistant, entry: OratorConfigEntry) -> bool:
    """Set up an account.

    A provider that can't be asked what it offers, but could be before, does not keep its voices from existing.
    """
    provider = create_provider(async_create_session(hass, entry), entry.data)
    store = catalogue_store(hass, entry)
    try:
        catalogue = await provider.fetch_catalogue()
    except InvalidKeyError as err:
        raise ConfigEntryAuthFailed(**message_of(err, provider)) from err
    except SpeechError as err:
        catalogue = await store.async_load()
        if catalogue is None:
            raise ConfigEntryNotReady(**message_of(err, provider)) from err
    else:
        await store.async_save(catalogue)
    entry.runtime_data = Account(provider, catalogue)
    entry.async_on_unload(entry.add_update_listener(_async_reload))
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    return True


async def async_unload_entry(hass: HomeAssistant, entry: OratorConfigEntry) -> bool:
    """Unload an account and its voices."""
    return await hass.config_entries.async_unload_platforms(entry, PLATFORMS)


async def async_remove_entry(hass: HomeAssistant, entry: OratorConfigEntry) -> None:
    """Forget what a removed account's provider offered."""
    await catalogue_store(hass, entry).async_remove()


async def _async_reload(hass: HomeAssistant, entry: OratorConfigEntry) -> None:
    """Load an account anew after it, or one of its voices, has been changed, added or removed."""
    hass.config_entries.async_schedule_reload(entry.entry_id)
