"""Coordinators of a loaded account: its catalog, its balance, and the state that its voices share."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
import logging
from typing import Any, Final, override

from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntry, ConfigEntryState, ConfigSubentry
from homeassistant.const import EVENT_HOMEASSISTANT_CLOSE
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryAuthFailed, ConfigEntryNotReady
from homeassistant.helpers.debounce import Debouncer
from homeassistant.helpers.storage import Store
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed

from .catalog import Catalog
from .client import async_create_provider
from .const import CONF_KIND, DOMAIN, KIND_ANNOUNCEMENTS, SUBMITTED_FLOWS
from .health import CircuitBreaker
from .issues import IssueManager, translate_error
from .limit_alerts import LimitAlerts
from .limits import UsageLimiter
from .pipeline import LoudnessTracker, VoiceStats
from .providers.base import Provider
from .providers.errors import InvalidKeyError, SpeechError
from .providers.json_documents import run_in_background
from .providers.models import Balance, Model, is_currency_code
from .shared_cache import async_get_sentence_cache
from .usage import UsageTracker

_LOGGER = logging.getLogger(__name__)

_CATALOG_INTERVAL: Final = timedelta(days=1)
_CATALOG_STORAGE_VERSION: Final = 1
_STORED_CATALOG: Final = "catalogue"
_STORED_CAPABILITIES: Final = "learned"
"""Keys of the stored data. Accounts of version 0.1.0 have them, so they keep these names."""
_DETECTED_SAVE_DELAY_S: Final = 10.0
"""Time after which detected capabilities and voice loudness are saved."""
_MAX_VOICE_STATS: Final = 200
_BALANCE_INTERVAL: Final = timedelta(hours=1)
"""Interval between fetches. Speech, which causes most changes, triggers a fetch anyway."""
_BALANCE_DELAY_S: Final = 10.0
"""Delay from the first request to fetching the balance: a reply takes several requests."""

type OratorConfigEntry = ConfigEntry[AccountCoordinator]


def is_account(entry: ConfigEntry) -> bool:
    """Return whether a config entry is an account of Orator; one of its entries has the settings of announcements."""
    return entry.domain == DOMAIN and entry.data.get(CONF_KIND) != KIND_ANNOUNCEMENTS


@callback
def async_get_accounts(hass: HomeAssistant) -> list[OratorConfigEntry]:
    """Return the config entries of all accounts, including those that are disabled or not loaded."""
    return [entry for entry in hass.config_entries.async_entries(DOMAIN) if is_account(entry)]


@callback
def async_get_loaded_accounts(hass: HomeAssistant) -> list[OratorConfigEntry]:
    """Return the config entries of the accounts that are loaded."""
    return [entry for entry in hass.config_entries.async_loaded_entries(DOMAIN) if is_account(entry)]


class AccountCoordinator(DataUpdateCoordinator[Catalog]):
    """Coordinator that refreshes the catalog of an account and holds the state that its voices share.

    If the provider does not respond, the last catalog is kept, so that voices stay available with their fallbacks. The
    circuit breaker records and logs the outage.
    """

    config_entry: OratorConfigEntry

    def __init__(self, hass: HomeAssistant, entry: OratorConfigEntry) -> None:
        """Initialize the coordinator, which is closed when the entry is unloaded."""
        self.provider = async_create_provider(hass, entry.data)
        super().__init__(
            hass, _LOGGER, config_entry=entry, name=f"catalog of {entry.title}", update_interval=_CATALOG_INTERVAL
        )
        self.data = Catalog(self.provider)
        self.balance = BalanceCoordinator(hass, entry, self.provider) if self.provider.has_balance else None
        self.store = account_store(hass, entry.entry_id)
        self.health = CircuitBreaker(hass, entry, self.async_refresh)
        self.issues = IssueManager(hass, entry, self.provider, self.health)
        self.usage = UsageTracker(hass, entry.entry_id)
        self.limiter = self._create_limiter()
        self.loudness_tracker = LoudnessTracker()
        self.sentence_cache = async_get_sentence_cache(hass)
        self._voice_stats: dict[tuple[str, str], VoiceStats] = {}
        self._has_new_address = False
        """Whether the stored catalog was fetched from an address other than the account's."""
        self.has_new_catalog = False
        """Whether a refresh has changed the catalog, in which case the account is about to be reloaded."""
        self._saved_capabilities: dict[str, bool] = {}
        self._save_time = 0.0
        """Time at which detected capabilities and loudness are saved, on the event loop's clock."""
        self._speech_count = 0
        self._is_closing = False

    async def async_setup(self, previous: AccountCoordinator | None) -> None:
        """Restore the account, or fetch the catalog of a new account.

        `previous`: the coordinator of the account before it was reloaded.

        Raises ConfigEntryAuthFailed or ConfigEntryNotReady if no catalog is available.
        """
        if previous:
            self._inherit(previous)
        entry = self.config_entry
        entry.async_on_unload(self.hass.bus.async_listen_once(EVENT_HOMEASSISTANT_CLOSE, self._async_close_now))
        await self.usage.async_load(entry.subentries.keys())
        if not await self._async_restore():
            await self._async_fetch_first_catalog()
        elif previous is None or not previous.has_new_catalog:  # otherwise the catalog has just been fetched
            entry.async_create_background_task(self.hass, self.async_refresh(), "orator refreshes a catalog")
        self.issues.async_start(self._configured_models())
        entry.async_on_unload(self.health.async_add_listener(self._async_finish_reauth))
        entry.async_on_unload(self.usage.async_start())
        entry.async_on_unload(self.limiter.async_start())
        self.limit_alerts = LimitAlerts(self.hass, entry, self.limiter)
        # Without a listener, no refresh would be scheduled.
        entry.async_on_unload(self.async_add_listener(self._async_handle_refresh))

    def _inherit(self, previous: AccountCoordinator) -> None:
        """Copy the state of the coordinator from before the reload."""
        self.usage = previous.usage
        self.limiter = self._create_limiter()
        self.limiter.inherit(previous.limiter)
        if self.provider.is_same_account(previous.provider):
            self.provider.inherit(previous.provider)
            self.issues.inherit(previous.issues)
            self.health.inherit(previous.health)
            self.loudness_tracker = previous.loudness_tracker
            self._voice_stats = previous._voice_stats

    def _create_limiter(self) -> UsageLimiter:
        return UsageLimiter(self.hass, self.config_entry, self.usage, self.health, lambda: self.data)

    async def _async_restore(self) -> bool:
        """Read the stored catalog and capabilities; return whether they exist."""
        stored = await self.store.async_load()
        if stored is None or not await run_in_background(_is_valid, stored, self.provider):
            return False
        self.data = Catalog(self.provider, stored[_STORED_CATALOG])
        self._has_new_address = stored.get("addresses") != self.provider.addresses
        if not self._has_new_address:
            self.provider.detected.update(stored[_STORED_CAPABILITIES])
            self.loudness_tracker.restore(stored.get("levels"))
        self._saved_capabilities = dict(self.provider.detected)
        return True

    async def _async_fetch_first_catalog(self) -> None:
        try:
            await self.async_fetch_catalog()
        except SpeechError as err:
            if err.needs_new_key and self.provider.accepts_key:
                raise ConfigEntryAuthFailed(**translate_error(err, self.provider)) from err
            raise ConfigEntryNotReady(**translate_error(err, self.provider)) from err

    @override
    async def _async_update_data(self) -> Catalog:
        """Fetch the catalog; if that fails, keep the last one and record the error."""
        try:
            has_changed = await self.async_fetch_catalog()
        except SpeechError as err:
            self.async_handle_error(err)
            _LOGGER.debug("Keeping the last catalog of %s: %s", self.config_entry.title, err)
            return self.data
        if not self._is_closing:
            self.has_new_catalog |= has_changed
            self.health.async_record_response()
            models = self._configured_models()
            self.issues.async_handle_new_catalog(models)
            for subentry_id, model in models.items():
                voice = self.config_entry.subentries[subentry_id]
                if self.is_voice_missing(voice.data):
                    self.issues.async_report_voice_gone(voice, model)
        return self.data

    @callback
    def _async_handle_refresh(self) -> None:
        """Report models that end soon, and reload the account if its catalog has changed."""
        self.issues.async_check_end_dates(self._configured_models())
        if self.has_new_catalog:
            self.hass.config_entries.async_schedule_reload(self.config_entry.entry_id)

    async def async_refetch_catalog(self) -> None:
        """Fetch the catalog between refreshes, and reload the account if it has changed. Raises SpeechError."""
        if await self.async_fetch_catalog() and not self._is_closing:
            self.has_new_catalog = True
            self._async_handle_refresh()

    async def async_fetch_catalog(self) -> bool:
        """Fetch and store the catalog; return whether it has changed. Raises SpeechError."""
        document = await self.provider.fetch_catalog(None if self._has_new_address else self.data.document)
        has_changed: bool = document != self.data.document
        must_save = has_changed or self._has_new_address or self.provider.detected != self._saved_capabilities
        self._has_new_address = False
        if has_changed:  # otherwise keep the document: providers use it as the cache key of their models
            self.data = Catalog(self.provider, document)
        if must_save and not self._is_closing:  # the account may have been removed
            await self.store.async_save(self._data_to_store())
        return has_changed

    @callback
    def async_handle_error(self, error: SpeechError, voice: ConfigSubentry | None = None) -> None:
        """Record an error of the provider; ask for a new API key and create an issue if the error requires it.

        `voice` is the voice that failed, if it was used as configured.
        """
        is_loaded = self.config_entry.state in (ConfigEntryState.LOADED, ConfigEntryState.SETUP_IN_PROGRESS)
        if error.needs_new_key and self.provider.accepts_key and is_loaded and not self._is_closing:
            self.config_entry.async_start_reauth(self.hass)
        self.health.async_record_failure(error)
        self.issues.async_handle_error(error, voice, self.data.configured_model(voice.data) if voice else None)

    @callback
    def _async_finish_reauth(self) -> None:
        """Close the request for a new API key once the account speaks again, because the provider accepts the key.

        A submitted form stays open: its key is being checked.
        """
        if self.health.outage is None:
            for flow in list(self.config_entry.async_get_active_flows(self.hass, {SOURCE_REAUTH})):
                if flow["flow_id"] not in self.hass.data.get(SUBMITTED_FLOWS, ()):
                    self.hass.config_entries.flow.async_abort(flow["flow_id"])

    def prefers_fallback(self, is_critical: Callable[[], bool]) -> bool:
        """Return whether the fallbacks of a voice come before it, except for a message that may exceed the limits."""
        return self.health.is_open and not (self.limiter.is_exceedable and is_critical())

    @callback
    def async_handle_speech(self, model: Model, voice: ConfigSubentry | None) -> None:
        """Record that a model has spoken; `voice` is the voice that spoke, if it was used as configured."""
        self.health.async_record_speech()
        self.issues.async_handle_speech(model, voice)

    async def async_resolve_voice_id(self, model: Model, voice_id: str) -> str:
        """Return a voice ID as spelled by the provider; a new saved voice is fetched. Raises SpeechError."""
        resolved = await self.provider.resolve_voice_id(model, voice_id)
        if model.has_saved_voices and resolved not in model.voice_ids:
            await self.async_refetch_catalog()
        return resolved

    def _configured_models(self) -> dict[str, Model]:
        """Return the configured model of each voice, by subentry ID."""
        return {key: self.data.configured_model(voice.data) for key, voice in self.config_entry.subentries.items()}

    def is_voice_missing(self, settings: Mapping[str, Any]) -> bool:
        """Return whether the settings refer to a saved voice that no longer exists."""
        model = self.data.configured_model(settings)
        return model.has_saved_voices and settings.get(model.voice_key) not in model.voice_ids

    def voice_stats(self, model: Model, voice_id: str) -> VoiceStats:
        """Return the statistics of a voice; the most recently used ones are kept."""
        stats = self._voice_stats.pop((model.id, voice_id), None) or VoiceStats()
        self._voice_stats[model.id, voice_id] = stats
        while len(self._voice_stats) > _MAX_VOICE_STATS:
            del self._voice_stats[next(iter(self._voice_stats))]
        return stats

    @asynccontextmanager
    async def keep_open(self) -> AsyncGenerator[None]:
        """Keep the connections open within the context, so that a reload does not interrupt speech."""
        self._speech_count += 1
        try:
            yield
        finally:
            self._speech_count -= 1
            if not self._is_closing:  # otherwise the account's next coordinator saves
                self._handle_detected()
            await self._async_close_if_unused()

    def _handle_detected(self) -> None:
        """Report models that were detected as retired, and schedule saving new capabilities and loudness."""
        has_new_capabilities = self.provider.detected != self._saved_capabilities
        if has_new_capabilities:
            index = run_in_background(self.provider.index, self.data.document)
            self.config_entry.async_create_background_task(self.hass, index, "orator indexes a catalog")
            self.issues.async_check_end_dates(self._configured_models())
        if has_new_capabilities or self.loudness_tracker.has_changes:
            data = self._data_to_store()  # not in the thread in which Home Assistant calls the function
            self.store.async_delay_save(lambda: data, _DETECTED_SAVE_DELAY_S)
            self._save_time = self.hass.loop.time() + _DETECTED_SAVE_DELAY_S

    def _data_to_store(self) -> dict[str, Any]:
        self._saved_capabilities = dict(self.provider.detected)
        return {
            _STORED_CATALOG: self.data.document,
            _STORED_CAPABILITIES: self._saved_capabilities,
            "addresses": self.provider.addresses,
            "levels": self.loudness_tracker.as_dict(),
        }

    @override
    async def async_shutdown(self) -> None:
        """Stop refreshing, and close the connections once no voice and no paid job needs them."""
        await super().async_shutdown()
        self._stop()
        self._is_closing = True
        if (
            self.hass.loop.time() < self._save_time + _DETECTED_SAVE_DELAY_S
        ):  # perhaps not saved; before the reloaded account reads the store
            await self.store.async_save(self._data_to_store())
        await self._async_close_if_unused()

    async def _async_close_now(self, _event: Event) -> None:
        """Close the connections, because Home Assistant stops."""
        self._stop()
        await self.provider.close()

    def _stop(self) -> None:
        self.issues.async_stop()
        self.health.async_stop()

    async def _async_close_if_unused(self) -> None:
        if not self._is_closing or self._speech_count:
            return
        if self.provider.has_pending_jobs:
            self.hass.async_create_background_task(self._async_finish_jobs_and_close(), "orator finishes paid jobs")
        else:
            await asyncio.shield(self.provider.close())

    async def _async_finish_jobs_and_close(self) -> None:
        try:
            await self.provider.finish_jobs()
        finally:
            await self.provider.close()


class BalanceCoordinator(DataUpdateCoordinator[Balance | None]):
    """Coordinator that fetches the balance of an account while an entity shows it."""

    config_entry: OratorConfigEntry

    def __init__(self, hass: HomeAssistant, entry: OratorConfigEntry, provider: Provider) -> None:
        """Initialize the coordinator, which fetches nothing until it has a listener or is refreshed."""
        self._debouncer: Debouncer[Coroutine[Any, Any, None]] = Debouncer(
            hass, _LOGGER, cooldown=_BALANCE_DELAY_S, immediate=False
        )
        super().__init__(
            hass,
            _LOGGER,
            config_entry=entry,
            name=f"balance of {entry.title}",
            update_interval=_BALANCE_INTERVAL,
            request_refresh_debouncer=self._debouncer,
            always_update=False,
        )
        self._provider = provider

    @callback
    def async_handle_usage(self) -> None:
        """Schedule one refresh for all requests in the next seconds."""
        self._debouncer.async_schedule_call()

    @override
    async def _async_update_data(self) -> Balance | None:
        """Fetch the balance."""
        try:
            return await self._provider.fetch_balance()
        except InvalidKeyError as err:
            raise ConfigEntryAuthFailed(**translate_error(err, self._provider)) from err
        except SpeechError as err:
            raise UpdateFailed(**translate_error(err, self._provider)) from err


def account_store(hass: HomeAssistant, entry_id: str) -> Store[dict[str, Any]]:
    """Return the storage of an account's catalog, detected capabilities and voice loudness."""
    return Store(hass, _CATALOG_STORAGE_VERSION, f"{DOMAIN}.{entry_id}", serialize_in_event_loop=False)


def _is_valid(stored: Mapping[str, Any], provider: Provider) -> bool:
    """Return whether stored data is usable, and index its catalog: it may be damaged or from another version."""
    try:
        provider.index(stored[_STORED_CATALOG])
        provider.initial_voice_settings(stored[_STORED_CATALOG])
        if not all(map(_has_valid_names, provider.models(stored[_STORED_CATALOG]))):
            return False
        return all(isinstance(value, bool) for value in stored[_STORED_CAPABILITIES].values())
    except AttributeError, LookupError, TypeError, ValueError:
        return False


def _has_valid_names(model: Model) -> bool:
    """Return whether the names in a model that entities and issues use are names."""
    has_valid_currency = model.price is None or is_currency_code(model.price.currency)
    return has_valid_currency and all(isinstance(name, str) for name in (model.id, model.name, model.vendor))
