"""What a loaded account owns: its connection, its provider, and what the provider offers."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
import logging
from typing import Any, Final, override

from homeassistant.config_entries import ConfigEntry, ConfigEntryState, ConfigSubentry
from homeassistant.const import CONF_MODEL
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ConfigEntryAuthFailed
from homeassistant.helpers.debounce import Debouncer
from homeassistant.helpers.storage import Store
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed
from homeassistant.util import dt as dt_util

from .client import async_create_provider
from .const import CONF_VOICE, DOMAIN
from .health import CircuitBreaker
from .issues import IssueManager, translate_error
from .pipeline import LatencyStats
from .pipeline.loudness import LoudnessTracker
from .providers.base import Provider
from .providers.errors import InvalidKeyError, SpeechError
from .providers.json_documents import Json
from .providers.models import Balance, Model
from .usage import UsageTracker

_LOGGER = logging.getLogger(__name__)

_STORAGE_VERSION: Final = 1
_MAX_HABITS: Final = 200
"""Voices of which it is remembered how long they take; those heard last."""
_KEEP_AFTER: Final = 10.0
"""Seconds until what was learned by speaking is written down."""


class Catalog:
    """A provider, and the catalogue of what it offers."""

    def __init__(self, provider: Provider, catalog: Json = None) -> None:
        """Describe what a provider offers."""
        self.provider = provider
        self.document = catalog

    @property
    def models(self) -> tuple[Model, ...]:
        """The models to choose from."""
        return self.provider.models(self.document)

    @property
    def currency(self) -> str | None:
        """What the models' prices are in, None where nobody knows any."""
        return next((model.price.currency for model in self.models if model.price), None)

    def model(self, model_id: str, settings: Mapping[str, Any] | None = None) -> Model:
        """Say what a model can do, listed or not, with what `settings` chose. Raises InvalidSettingError."""
        settings = settings or {}
        return self.provider.describe_model(model_id, self.document, {**settings, **self.parse_choices(settings)})

    def resolve_retired(self, model: Model, settings: Mapping[str, Any]) -> tuple[Model, Mapping[str, Any]]:
        """Return a model and the settings of a voice; where it has ended, the one that follows and those for that."""
        if not model.successor or not model.is_retired(dt_util.utcnow().date()):
            return model, settings
        moved = self.provider.migrate_settings(settings, model.successor)
        return self.model(model.successor.id, moved), moved

    def parse_choices(self, settings: Mapping[str, Any]) -> dict[str, str]:
        """Return what settings chose of the provider's choices. Raises InvalidSettingError."""
        choices = self.provider.choices
        return {choice.key: choice.parse(settings[choice.key]) for choice in choices if choice.key in settings}


class AccountCoordinator(Catalog):
    """A loaded account: its connections, what its provider offers, and what is wrong with it."""

    def __init__(self, hass: HomeAssistant, entry: OratorConfigEntry) -> None:
        """Own what a config entry describes; it has to be closed."""
        super().__init__(async_create_provider(hass, entry.data))
        self.health = CircuitBreaker(hass, entry, self.async_refresh_catalog)
        self.issues = IssueManager(hass, entry, self.provider, self.health)
        self.usage = UsageTracker(hass, entry.entry_id)
        self._hass = hass
        self._entry = entry
        self._store = catalog_store(hass, entry)
        self.is_outdated = False
        """Whether it is about to be loaded anew, because its provider offers something else now."""
        self._kept_lessons: dict[str, bool] = {}
        self.loudness_tracker = LoudnessTracker()
        self._is_moved = False
        """Whether the catalogue is from another address than the account's: nothing follows from it for this one."""
        self._habits: dict[tuple[str, str], LatencyStats] = {}
        self._speaking = 0
        self._is_to_be_kept = False
        self._is_closing = False

    def latency(self, model: Model, voice: str) -> LatencyStats:
        """Return what is known of how long a voice takes to begin."""
        key = (model.id, voice)
        habit = self._habits[key] = self._habits.pop(key) if key in self._habits else LatencyStats()
        while len(self._habits) > _MAX_HABITS:
            del self._habits[next(iter(self._habits))]
        return habit

    def inherit(self, previous: AccountCoordinator) -> None:
        """Go on with what the account has begun before it was loaded anew."""
        self.usage = previous.usage
        if self.provider.is_same_account(previous.provider):
            self.provider.inherit(previous.provider)
            self.issues.inherit(previous.issues)
            self.loudness_tracker = previous.loudness_tracker
            self.health.inherit(previous.health)
            self._habits = previous._habits

    async def async_load(self) -> bool:
        """Learn what was known before; tell whether anything was."""
        await self.usage.async_load(self._entry.subentries.keys())
        kept = await self._store.async_load()
        if kept is None or not self._is_whole(kept):
            return False
        self.document = kept["catalogue"]
        self._is_moved = kept.get("addresses") != self.provider.addresses
        if not self._is_moved:
            self.provider.detected.update(kept["learned"])
            self.loudness_tracker.restore(kept.get("levels"))
        self._kept_lessons = dict(self.provider.detected)
        return True

    def _is_whole(self, kept: Mapping[str, Any]) -> bool:
        """Tell whether what was kept can be used: its file may be damaged, or be of another version."""
        try:
            self.provider.models(kept["catalogue"])
            self.provider.initial_voice_settings(kept["catalogue"])
            return all(isinstance(lesson, bool) for lesson in kept["learned"].values())
        except AttributeError, LookupError, TypeError, ValueError:
            return False

    async def async_fetch_catalog(self) -> bool:
        """Ask the provider what it offers; tell whether that has changed. Raises SpeechError."""
        catalog = await self.provider.fetch_catalog(None if self._is_moved else self.document)
        has_changed: bool = catalog != self.document
        has_news = has_changed or self._is_moved or self.provider.detected != self._kept_lessons
        self._is_moved = False
        if has_changed:  # else what has been made of it is still good
            self.document = catalog
        if has_news and not self._is_closing:  # else the account may be gone for good
            await self._store.async_save(self._kept())
        return has_changed

    async def async_refresh_catalog(self) -> None:
        """Ask a known provider whether its offer has changed, and whether it is well."""
        try:
            has_changed = await self.async_fetch_catalog()
        except SpeechError as err:
            self.async_handle_error(err)
            _LOGGER.debug(
                "%s did not tell what it offers (%s); it is taken to offer what it did", self._entry.title, err
            )
            return
        if self._is_closing:
            return
        self.health.async_record_answer()
        self.issues.async_provider_answered(self.configured_models())
        for voice in self._entry.subentries.values():
            if self.is_voice_missing(voice.data):
                self.issues.async_voice_gone(voice)
        if has_changed:
            self.is_outdated = True
            self._hass.config_entries.async_schedule_reload(self._entry.entry_id)

    @callback
    def async_handle_error(
        self, error: SpeechError, voice: ConfigSubentry | None = None, model: Model | None = None
    ) -> None:
        """Start what helps against an error, which kept the provider from answering or a voice from speaking.

        `voice` and `model` as `Troubles.async_failed` takes them.
        """
        is_loaded = self._entry.state in (ConfigEntryState.LOADED, ConfigEntryState.SETUP_IN_PROGRESS)
        if error.needs_new_key and self.provider.takes_key and is_loaded and not self._is_closing:
            self._entry.async_start_reauth(self._hass)
        self.health.async_record_failure(error)
        self.issues.async_handle_error(error, voice, model)

    @callback
    def async_voice_spoke(self, model: Model, voice: ConfigSubentry | None) -> None:
        """Take note that a model has spoken, and a voice if it spoke just as it is configured."""
        self.health.async_record_speech()
        self.issues.async_voice_spoke(model, voice)

    async def async_resolve_voice_id(self, model: Model, voice_id: str) -> str:
        """Return a voice's ID as its provider writes it, and get to know it if it is new. Raises SpeechError."""
        known_id = await self.provider.resolve_voice_id(model, voice_id)
        if model.voice_key != CONF_VOICE and known_id not in [voice.id for voice in model.voices]:
            await self.async_fetch_catalog()
        return known_id

    def configured_models(self) -> dict[str, Model]:
        """Return the models that the account's voices are configured with, by the voices' IDs."""
        voices = self._entry.subentries
        return {key: self.model(voice.data.get(CONF_MODEL, ""), voice.data) for key, voice in voices.items()}

    def is_voice_missing(self, settings: Mapping[str, Any]) -> bool:
        """Tell whether a voice was to be one of those saved at the provider, and is no longer."""
        model = self.model(settings.get(CONF_MODEL, ""), settings)
        saved = [voice.id for voice in model.voices]
        return model.voice_key != CONF_VOICE and settings.get(model.voice_key) not in saved

    def _kept(self) -> dict[str, Any]:
        """Return what outlives a restart."""
        self._kept_lessons = dict(self.provider.detected)
        self._is_to_be_kept = False
        return {
            "catalogue": self.document,
            "learned": self._kept_lessons,
            "addresses": self.provider.addresses,
            "levels": self.loudness_tracker.as_dict(),
        }

    @asynccontextmanager
    async def keep_open(self) -> AsyncGenerator[None]:
        """Keep the connection while the context lasts: an account that changes does not interrupt its voices."""
        self._speaking += 1
        try:
            yield
        finally:
            self._speaking -= 1
            if not self._is_closing:  # else somebody else writes down what is learned
                self._keep_news()
            await self._close_if_unused()

    def _keep_news(self) -> None:
        """Write down what was learned by speaking, in a moment."""
        has_lessons = self.provider.detected != self._kept_lessons
        if has_lessons:
            self.issues.async_check_end_dates(self.configured_models())
        if has_lessons or self.loudness_tracker.has_changes:
            self._is_to_be_kept = True
            self._store.async_delay_save(self._kept, _KEEP_AFTER)

    async def async_close(self) -> None:
        """Close the connections as soon as nobody speaks any more, and no order is on its way."""
        self._stop()
        self._is_closing = True
        if self._is_to_be_kept:  # before somebody else reads it
            await self._store.async_save(self._kept())
        await self._close_if_unused()

    async def async_remove(self) -> None:
        """Remove what was written down."""
        await self._store.async_remove()

    async def async_close_now(self) -> None:
        """Close the connections at once: everything ends."""
        self._stop()
        await self.provider.async_close()

    def _stop(self) -> None:
        self.issues.async_stop()
        self.health.async_stop()

    async def _close_if_unused(self) -> None:
        if not self._is_closing or self._speaking:
            return
        if self.provider.has_pending_jobs:
            self._hass.async_create_background_task(self._async_settle_and_close(), "orator waits for an order")
        else:
            await asyncio.shield(self.provider.async_close())

    async def _async_settle_and_close(self) -> None:
        try:
            await self.provider.async_finish_jobs()
        finally:
            await self.provider.async_close()


type OratorConfigEntry = ConfigEntry[AccountCoordinator]


def catalog_store(hass: HomeAssistant, entry: OratorConfigEntry) -> Store[dict[str, Any]]:
    """Return where an account's catalogue outlives a restart, so that its voices exist while the provider is away."""
    return Store(hass, _STORAGE_VERSION, f"{DOMAIN}.{entry.entry_id}")


_LOGGER = logging.getLogger(__name__)

_EVERY: Final = timedelta(hours=1)
"""To ask is free, but what changes a balance is mostly our own speech, after which it is asked for anyway."""
_AFTER_USE: Final = 10.0
"""Seconds from the first request until the balance is asked for: a reply is spoken in several."""


class BalanceCoordinator(DataUpdateCoordinator[Balance | None]):
    """Asks for a balance as long as somebody shows it."""

    config_entry: OratorConfigEntry

    def __init__(self, hass: HomeAssistant, entry: OratorConfigEntry) -> None:
        """Ask for the balance of an account."""
        self._soon: Debouncer[Coroutine[Any, Any, None]] = Debouncer(
            hass, _LOGGER, cooldown=_AFTER_USE, immediate=False
        )
        super().__init__(
            hass,
            _LOGGER,
            config_entry=entry,
            name=f"balance of {entry.title}",
            update_interval=_EVERY,
            request_refresh_debouncer=self._soon,
            always_update=False,
        )
        self._account = entry.runtime_data

    @callback
    def async_used(self) -> None:
        """Ask for the balance in a moment, once for all that is spent until then."""
        self._soon.async_schedule_call()

    @override
    async def _async_update_data(self) -> Balance | None:
        """Ask for the balance."""
        provider = self._account.provider
        try:
            return await provider.fetch_balance()
        except InvalidKeyError as err:
            raise ConfigEntryAuthFailed(**translate_error(err, provider)) from err
        except SpeechError as err:
            raise UpdateFailed(**translate_error(err, provider)) from err
