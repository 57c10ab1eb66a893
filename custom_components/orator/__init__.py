"""Orator: speech from NanoGPT, OpenAI and Speechbase for Home Assistant."""

from datetime import datetime, timedelta
from typing import Final

from homeassistant.const import EVENT_HOMEASSISTANT_CLOSE, Platform
from homeassistant.core import Event, HomeAssistant
from homeassistant.exceptions import ConfigEntryAuthFailed, ConfigEntryNotReady
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.helpers.typing import ConfigType
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN
from .coordinator import AccountCoordinator, OratorConfigEntry, catalog_store
from .entity import async_link_voice_devices, async_register_account_device
from .fallback import async_track_fallbacks
from .issues import async_delete_issues, translate_error
from .preview import SetupPreviewView
from .providers.errors import SpeechError
from .services import async_setup_services
from .usage import UsageTracker

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)
PLATFORMS = (Platform.SENSOR, Platform.TTS)

_REFRESH_EVERY: Final = timedelta(days=1)
_ACCOUNTS: Final[HassKey[dict[str, AccountCoordinator]]] = HassKey("orator_accounts")
"""The accounts that were loaded last: one that is loaded anew goes on with what it has begun."""


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:  # noqa: ARG001
    """Register the actions: they are there to be validated, whether or not an account is loaded."""
    async_setup_services(hass)
    hass.http.register_view(SetupPreviewView)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: OratorConfigEntry) -> bool:
    """Set up an account.

    What its provider offers is known from before, unless the account is new: its voices exist at once, even if the
    network comes later or the key has expired, so that another voice can speak for them.
    """
    account = AccountCoordinator(hass, entry)
    accounts = hass.data.setdefault(_ACCOUNTS, {})
    previous = accounts.get(entry.entry_id)
    accounts[entry.entry_id] = account
    if previous:
        account.inherit(previous)

    async def end(_event: Event) -> None:
        await account.async_close_now()

    entry.async_on_unload(account.async_close)
    entry.async_on_unload(hass.bus.async_listen_once(EVENT_HOMEASSISTANT_CLOSE, end))

    if not await account.async_load():
        await _async_ask_new_account(account)
    elif previous is None or not previous.is_outdated:  # else it was asked just now
        entry.async_create_background_task(hass, account.async_refresh_catalog(), "orator asks what is offered")
    entry.runtime_data = account
    account.issues.async_start(account.configured_models())
    entry.async_on_unload(account.usage.async_start())
    async_register_account_device(hass, entry)

    async def refresh(_now: datetime) -> None:
        await account.async_refresh_catalog()
        account.issues.async_check_end_dates(account.configured_models())

    entry.async_on_unload(async_track_time_interval(hass, refresh, _REFRESH_EVERY, cancel_on_shutdown=True))
    entry.async_on_unload(entry.add_update_listener(_async_reload))
    entry.async_on_unload(async_track_fallbacks(hass, entry))
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    async_link_voice_devices(hass, entry)
    return True


async def async_unload_entry(hass: HomeAssistant, entry: OratorConfigEntry) -> bool:
    """Unload an account and its voices."""
    return await hass.config_entries.async_unload_platforms(entry, PLATFORMS)


async def async_remove_entry(hass: HomeAssistant, entry: OratorConfigEntry) -> None:
    """Forget what a removed account's provider offered, what was wrong with the account, and what it has spent."""
    account = hass.data.get(_ACCOUNTS, {}).pop(entry.entry_id, None)
    meter = account.usage if account else UsageTracker(hass, entry.entry_id)
    await meter.async_remove()
    async_delete_issues(hass, entry.entry_id)
    await (account.async_remove() if account else catalog_store(hass, entry).async_remove())


async def _async_ask_new_account(account: AccountCoordinator) -> None:
    """Ask the provider for the first time; without an answer there is nothing to set up."""
    try:
        await account.async_fetch_catalog()
    except SpeechError as err:
        if err.needs_new_key and account.provider.takes_key:
            raise ConfigEntryAuthFailed(**translate_error(err, account.provider)) from err
        raise ConfigEntryNotReady(**translate_error(err, account.provider)) from err


async def _async_reload(hass: HomeAssistant, entry: OratorConfigEntry) -> None:
    """Load an account anew after it, or one of its voices, has been changed, added or removed."""
    hass.config_entries.async_schedule_reload(entry.entry_id)
