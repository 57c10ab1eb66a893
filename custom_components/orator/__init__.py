"""Orator: speech from NanoGPT, OpenAI and Speechbase for Home Assistant."""

from datetime import datetime, timedelta
import logging
from typing import Final

from homeassistant.const import EVENT_HOMEASSISTANT_CLOSE, Platform
from homeassistant.core import Event, HomeAssistant
from homeassistant.exceptions import ConfigEntryAuthFailed, ConfigEntryNotReady
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_track_time_interval

from .account import Account, OratorConfigEntry, async_create_provider, catalogue_store
from .const import DOMAIN
from .credit import CreditWatch, issue_id
from .messages import message_of
from .providers.errors import InvalidKeyError, SpeechError

_LOGGER = logging.getLogger(__name__)

PLATFORMS = (Platform.TTS,)

_REFRESH_EVERY: Final = timedelta(days=1)


async def async_setup_entry(hass: HomeAssistant, entry: OratorConfigEntry) -> bool:
    """Set up an account.

    What its provider offers is known from before, unless the account is new: its voices exist at once, even if the
    network comes later or the key has expired, so that another voice can speak for them.
    """
    provider = async_create_provider(hass, entry.data)
    account = Account(provider, CreditWatch(hass, entry, provider))

    async def close(_event: Event | None = None) -> None:
        await account.async_close()

    entry.async_on_unload(close)
    entry.async_on_unload(hass.bus.async_listen_once(EVENT_HOMEASSISTANT_CLOSE, close))

    account.catalogue = await catalogue_store(hass, entry).async_load()
    if account.catalogue is None:
        await _async_ask_new_account(hass, entry, account)
    else:
        entry.async_create_background_task(hass, _async_ask_again(hass, entry, account), "orator asks what is offered")
    entry.runtime_data = account
    account.credit.async_start()

    async def refresh(_now: datetime) -> None:
        await _async_ask_again(hass, entry, account)

    entry.async_on_unload(async_track_time_interval(hass, refresh, _REFRESH_EVERY, cancel_on_shutdown=True))
    entry.async_on_unload(entry.add_update_listener(_async_reload))
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    return True


async def async_unload_entry(hass: HomeAssistant, entry: OratorConfigEntry) -> bool:
    """Unload an account and its voices."""
    return await hass.config_entries.async_unload_platforms(entry, PLATFORMS)


async def async_remove_entry(hass: HomeAssistant, entry: OratorConfigEntry) -> None:
    """Forget what a removed account's provider offered, and what was wrong with the account."""
    ir.async_delete_issue(hass, DOMAIN, issue_id(entry))
    await catalogue_store(hass, entry).async_remove()


async def _async_ask_new_account(hass: HomeAssistant, entry: OratorConfigEntry, account: Account) -> None:
    """Ask the provider for the first time; without an answer there is nothing to set up."""
    try:
        account.catalogue = await account.provider.fetch_catalogue()
    except InvalidKeyError as err:
        raise ConfigEntryAuthFailed(**message_of(err, account.provider)) from err
    except SpeechError as err:
        raise ConfigEntryNotReady(**message_of(err, account.provider)) from err
    await catalogue_store(hass, entry).async_save(account.catalogue)


async def _async_ask_again(hass: HomeAssistant, entry: OratorConfigEntry, account: Account) -> None:
    """Ask a known provider whether its offer has changed."""
    try:
        catalogue = await account.provider.fetch_catalogue()
    except InvalidKeyError:
        entry.async_start_reauth(hass)
    except SpeechError as err:
        _LOGGER.info("%s could not be asked what it offers (%s); it is taken to offer what it did", entry.title, err)
    else:
        if catalogue != account.catalogue:
            await catalogue_store(hass, entry).async_save(catalogue)
            hass.config_entries.async_schedule_reload(entry.entry_id)


async def _async_reload(hass: HomeAssistant, entry: OratorConfigEntry) -> None:
    """Load an account anew after it, or one of its voices, has been changed, added or removed."""
    hass.config_entries.async_schedule_reload(entry.entry_id)
