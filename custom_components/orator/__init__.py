"""The Orator integration: text-to-speech from NanoGPT, OpenAI and Speechbase."""

from typing import Final

from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.typing import ConfigType
from homeassistant.util.hass_dict import HassKey

from .announce.entry import async_setup_announcements, async_unload_announcements
from .announce.player_state import async_restore_players
from .announce.services import async_setup_announcement_services
from .chimes import async_get_chimes
from .const import DOMAIN
from .coordinator import AccountCoordinator, OratorConfigEntry, account_store, async_get_accounts, is_account
from .entity import async_link_voice_devices, async_register_account_device
from .fallback import async_track_fallbacks
from .importer.preview import ImportPreviewView
from .importer.takeover import async_release_entity_ids, async_take_over
from .issues import async_delete_issues
from .media_files import async_get_stored_files
from .preview import SetupPreviewView, VoicePlayerView, VoicePreviewView
from .services import async_setup_services
from .shared_cache import async_get_sentence_cache, async_open_sentence_cache
from .tts_cache import async_get_cache_revisions
from .usage import UsageTracker

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)
PLATFORMS = (Platform.EVENT, Platform.NUMBER, Platform.SENSOR, Platform.TTS)

_ACCOUNTS: Final[HassKey[dict[str, AccountCoordinator]]] = HassKey("orator_accounts")
"""Last coordinator of each account by entry ID; a reloaded account takes over its state."""


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:  # noqa: ARG001
    """Register the actions and the preview views, whether or not an account is loaded."""
    async_setup_services(hass)
    async_setup_announcement_services(hass)
    hass.async_create_background_task(async_restore_players(hass), "orator restores players")
    hass.http.register_view(SetupPreviewView)
    hass.http.register_view(VoicePreviewView)
    hass.http.register_view(VoicePlayerView)
    hass.http.register_view(ImportPreviewView)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: OratorConfigEntry) -> bool:
    """Set up an account, or the announcers, from a config entry.

    Only a new account waits for its provider. Other accounts load at once, so that their fallbacks are available.
    """
    if not is_account(entry):
        return await async_setup_announcements(hass, entry)
    accounts = hass.data.setdefault(_ACCOUNTS, {})
    previous = accounts.get(entry.entry_id)
    account = accounts[entry.entry_id] = AccountCoordinator(hass, entry)
    await account.async_setup(previous)
    entry.runtime_data = account

    entry.async_on_unload(async_open_sentence_cache(hass))
    async_register_account_device(hass, entry)
    configuration = _configuration(entry)

    async def reload_if_changed(hass: HomeAssistant, entry: OratorConfigEntry) -> None:
        if _configuration(entry) != configuration:
            hass.config_entries.async_schedule_reload(entry.entry_id)
        else:
            entry.runtime_data.limiter.async_handle_options()

    entry.async_on_unload(entry.add_update_listener(reload_if_changed))
    entry.async_on_unload(async_track_fallbacks(hass, entry))
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    await account.limit_alerts.async_start()  # once the event entity listens
    async_link_voice_devices(hass, entry)
    await async_take_over(hass, entry)
    return True


async def async_unload_entry(hass: HomeAssistant, entry: OratorConfigEntry) -> bool:
    """Unload an account or the announcers."""
    if not is_account(entry):
        return await async_unload_announcements(hass, entry)
    return await hass.config_entries.async_unload_platforms(entry, PLATFORMS)


async def async_remove_entry(hass: HomeAssistant, entry: OratorConfigEntry) -> None:
    """Remove the stored data and issues of an account, and with the last account also those that accounts share."""
    if not is_account(entry):
        return
    await async_release_entity_ids(hass, entry)
    account = hass.data.get(_ACCOUNTS, {}).pop(entry.entry_id, None)
    await (account.usage if account else UsageTracker(hass, entry.entry_id)).async_remove()
    await (account.store if account else account_store(hass, entry.entry_id)).async_remove()
    async_get_sentence_cache(hass).clear()
    async_delete_issues(hass, entry.entry_id)
    if not async_get_accounts(hass):
        await (await async_get_chimes(hass)).files.async_remove()
        await (await async_get_cache_revisions(hass)).async_remove()
        await (await async_get_stored_files(hass)).async_remove()


def _configuration(entry: OratorConfigEntry) -> tuple[object, ...]:
    """Return what requires a reload if it changes: the account and its voices, but not its options."""
    # Home Assistant changes subentries in place, but replaces their data.
    voices = {key: (voice.subentry_type, voice.title, voice.data) for key, voice in entry.subentries.items()}
    return entry.title, entry.data, voices
