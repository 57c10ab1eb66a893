"""What a loaded account owns: its connection, its provider, and what the provider offers."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
import logging
import socket
from typing import Any, Final

from aiohttp import AddrInfoType, ClientSession, DummyCookieJar
from aiohttp.hdrs import USER_AGENT
from homeassistant.config_entries import ConfigEntry, ConfigEntryState, ConfigSubentry
from homeassistant.const import CONF_API_KEY, CONF_MODEL
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.aiohttp_client import (
    DATA_RESOLVER,
    SERVER_SOFTWARE,
    HomeAssistantTCPConnector,
    async_get_clientsession,
)
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util
from homeassistant.util.network import is_ip_address
from homeassistant.util.ssl import get_default_context
from yarl import URL

from .connection import Connection
from .const import CONF_PROVIDER, CONF_SERVER, CONF_VOICE, DOMAIN
from .meter import Meter
from .providers import PROVIDERS
from .providers.addresses import is_local_host
from .providers.base import Connections, Model, Provider
from .providers.downloads import public_socket
from .providers.errors import NameNotFoundError, SpeechError
from .providers.http import Json, same_origin_only
from .speech.habit import Habit
from .speech.levels import Levels
from .troubles import Troubles

_LOGGER = logging.getLogger(__name__)

_KEEP_ALIVE: Final = 600
"""Seconds that an idle connection is kept: the next announcement shall not wait for a handshake."""
_PROBE_AFTER: Final = 30
"""Seconds without traffic after which the system asks whether the other end of a connection is still there."""
_GIVE_UP_AFTER: Final = 5000
"""Milliseconds without a sign of life after which the system gives a connection up, so that a new one is tried."""
_STORAGE_VERSION: Final = 1
_MAX_HABITS: Final = 200
"""Voices of which it is remembered how long they take; those heard last."""
_KEEP_AFTER: Final = 10.0
"""Seconds until what was learned by speaking is written down."""


class Offer:
    """A provider, and the catalogue of what it offers."""

    def __init__(self, provider: Provider, catalogue: Json = None) -> None:
        """Describe what a provider offers."""
        self.provider = provider
        self.catalogue = catalogue

    @property
    def models(self) -> tuple[Model, ...]:
        """The models to choose from."""
        return self.provider.models(self.catalogue)

    @property
    def currency(self) -> str | None:
        """What the models' prices are in, None where nobody knows any."""
        return next((model.price.currency for model in self.models if model.price), None)

    def model(self, model_id: str, settings: Mapping[str, Any] | None = None) -> Model:
        """Say what a model can do, listed or not, with what `settings` chose. Raises InvalidSettingError."""
        settings = settings or {}
        return self.provider.describe(model_id, self.catalogue, {**settings, **self.chosen(settings)})

    def living(self, model: Model, settings: Mapping[str, Any]) -> tuple[Model, Mapping[str, Any]]:
        """Return a model and the settings of a voice; where it has ended, the one that follows and those for that."""
        if not model.follower or not model.has_ended(dt_util.utcnow().date()):
            return model, settings
        moved = self.provider.moved(settings, model.follower)
        return self.model(model.follower.id, moved), moved

    def chosen(self, settings: Mapping[str, Any]) -> dict[str, str]:
        """Return what settings chose of the provider's choices. Raises InvalidSettingError."""
        choices = self.provider.choices
        return {choice.key: choice.parse(settings[choice.key]) for choice in choices if choice.key in settings}


class Account(Offer):
    """A loaded account: its connections, what its provider offers, and what is wrong with it."""

    def __init__(self, hass: HomeAssistant, entry: OratorConfigEntry) -> None:
        """Own what a config entry describes; it has to be closed."""
        super().__init__(async_create_provider(hass, entry.data))
        self.connection = Connection(hass, entry, self.async_ask_again)
        self.troubles = Troubles(hass, entry, self.provider, self.connection)
        self.meter = Meter(hass, entry.entry_id)
        self._hass = hass
        self._entry = entry
        self._store = catalogue_store(hass, entry)
        self.is_outdated = False
        """Whether it is about to be loaded anew, because its provider offers something else now."""
        self._kept_lessons: dict[str, bool] = {}
        self.levels = Levels()
        self._is_moved = False
        """Whether the catalogue is from another address than the account's: nothing follows from it for this one."""
        self._habits: dict[tuple[str, str], Habit] = {}
        self._speaking = 0
        self._is_to_be_kept = False
        self._is_closing = False

    def habit(self, model: Model, voice: str) -> Habit:
        """Return what is known of how long a voice takes to begin."""
        key = (model.id, voice)
        habit = self._habits[key] = self._habits.pop(key) if key in self._habits else Habit()
        while len(self._habits) > _MAX_HABITS:
            del self._habits[next(iter(self._habits))]
        return habit

    def succeed(self, previous: Account) -> None:
        """Go on with what the account has begun before it was loaded anew."""
        self.meter = previous.meter
        if self.provider.is_same_account(previous.provider):
            self.provider.take_over(previous.provider)
            self.troubles.succeed(previous.troubles)
            self.levels = previous.levels
            self.connection.succeed(previous.connection)
            self._habits = previous._habits

    async def async_load(self) -> bool:
        """Learn what was known before; tell whether anything was."""
        await self.meter.async_load(self._entry.subentries.keys())
        kept = await self._store.async_load()
        if kept is None or not self._is_whole(kept):
            return False
        self.catalogue = kept["catalogue"]
        self._is_moved = kept.get("addresses") != self.provider.addresses
        if not self._is_moved:
            self.provider.learned.update(kept["learned"])
            self.levels.restore(kept.get("levels"))
        self._kept_lessons = dict(self.provider.learned)
        return True

    def _is_whole(self, kept: Mapping[str, Any]) -> bool:
        """Tell whether what was kept can be used: its file may be damaged, or be of another version."""
        try:
            self.provider.models(kept["catalogue"])
            self.provider.first_voice(kept["catalogue"])
            return all(isinstance(lesson, bool) for lesson in kept["learned"].values())
        except AttributeError, LookupError, TypeError, ValueError:
            return False

    async def async_ask(self) -> bool:
        """Ask the provider what it offers; tell whether that has changed. Raises SpeechError."""
        catalogue = await self.provider.fetch_catalogue(None if self._is_moved else self.catalogue)
        has_changed: bool = catalogue != self.catalogue
        has_news = has_changed or self._is_moved or self.provider.learned != self._kept_lessons
        self._is_moved = False
        if has_changed:  # else what has been made of it is still good
            self.catalogue = catalogue
        if has_news and not self._is_closing:  # else the account may be gone for good
            await self._store.async_save(self._kept())
        return has_changed

    async def async_ask_again(self) -> None:
        """Ask a known provider whether its offer has changed, and whether it is well."""
        try:
            has_changed = await self.async_ask()
        except SpeechError as err:
            self.async_failed(err)
            _LOGGER.debug(
                "%s did not tell what it offers (%s); it is taken to offer what it did", self._entry.title, err
            )
            return
        if self._is_closing:
            return
        self.connection.async_answered()
        self.troubles.async_answered(self.models_of_voices())
        for voice in self._entry.subentries.values():
            if self.misses(voice.data):
                self.troubles.async_voice_gone(voice)
        if has_changed:
            self.is_outdated = True
            self._hass.config_entries.async_schedule_reload(self._entry.entry_id)

    @callback
    def async_failed(self, error: SpeechError, voice: ConfigSubentry | None = None, model: Model | None = None) -> None:
        """Start what helps against an error, which kept the provider from answering or a voice from speaking.

        `voice` and `model` as `Troubles.async_failed` takes them.
        """
        is_loaded = self._entry.state in (ConfigEntryState.LOADED, ConfigEntryState.SETUP_IN_PROGRESS)
        if error.asks_for_key and self.provider.takes_key and is_loaded and not self._is_closing:
            self._entry.async_start_reauth(self._hass)
        self.connection.async_failed(error)
        self.troubles.async_failed(error, voice, model)

    @callback
    def async_spoken(self, model: Model, voice: ConfigSubentry | None) -> None:
        """Take note that a model has spoken, and a voice if it spoke just as it is configured."""
        self.connection.async_spoken()
        self.troubles.async_spoken(model, voice)

    async def async_check_voice(self, model: Model, voice_id: str) -> str:
        """Return a voice's ID as its provider writes it, and get to know it if it is new. Raises SpeechError."""
        known_id = await self.provider.check_voice(model, voice_id)
        if model.voice_key != CONF_VOICE and known_id not in [voice.id for voice in model.voices]:
            await self.async_ask()
        return known_id

    def models_of_voices(self) -> dict[str, Model]:
        """Return the models that the account's voices are configured with, by the voices' IDs."""
        voices = self._entry.subentries
        return {key: self.model(voice.data.get(CONF_MODEL, ""), voice.data) for key, voice in voices.items()}

    def misses(self, settings: Mapping[str, Any]) -> bool:
        """Tell whether a voice was to be one of those saved at the provider, and is no longer."""
        model = self.model(settings.get(CONF_MODEL, ""), settings)
        saved = [voice.id for voice in model.voices]
        return model.voice_key != CONF_VOICE and settings.get(model.voice_key) not in saved

    def _kept(self) -> dict[str, Any]:
        """Return what outlives a restart."""
        self._kept_lessons = dict(self.provider.learned)
        self._is_to_be_kept = False
        return {
            "catalogue": self.catalogue,
            "learned": self._kept_lessons,
            "addresses": self.provider.addresses,
            "levels": self.levels.as_dict(),
        }

    @asynccontextmanager
    async def speaking(self) -> AsyncGenerator[None]:
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
        has_lessons = self.provider.learned != self._kept_lessons
        if has_lessons:
            self.troubles.async_review(self.models_of_voices())
        if has_lessons or self.levels.has_news:
            self._is_to_be_kept = True
            self._store.async_delay_save(self._kept, _KEEP_AFTER)

    async def async_close(self) -> None:
        """Close the connections as soon as nobody speaks any more, and no order is on its way."""
        self._stop()
        self._is_closing = True
        if self._is_to_be_kept:  # before somebody else reads it
            await self._store.async_save(self._kept())
        await self._close_if_unused()

    async def async_forget(self) -> None:
        """Remove what was written down."""
        await self._store.async_remove()

    async def async_end(self) -> None:
        """Close the connections at once: everything ends."""
        self._stop()
        await self.provider.async_close()

    def _stop(self) -> None:
        self.troubles.async_stop()
        self.connection.async_stop()

    async def _close_if_unused(self) -> None:
        if not self._is_closing or self._speaking:
            return
        if self.provider.has_orders:
            self._hass.async_create_background_task(self._async_settle_and_close(), "orator waits for an order")
        else:
            await asyncio.shield(self.provider.async_close())

    async def _async_settle_and_close(self) -> None:
        try:
            await self.provider.async_settle()
        finally:
            await self.provider.async_close()


type OratorConfigEntry = ConfigEntry[Account]


@callback
def async_create_provider(hass: HomeAssistant, data: Mapping[str, Any]) -> Provider:
    """Make the provider that an account's data describe, with connections of its own. It has to be closed."""
    provider = PROVIDERS[data[CONF_PROVIDER]]
    connections = Connections(_async_session(hass, _probed_socket), _async_session(hass, public_socket))
    return provider(connections, addresses_of(data), data[CONF_API_KEY], server=data.get(CONF_SERVER, ""))


def addresses_of(data: Mapping[str, Any]) -> dict[str, str]:
    """Return the addresses in an account's data, with the usual one for each that is not there."""
    provider = PROVIDERS[data[CONF_PROVIDER]]
    entered = {key: data[key] for key in provider.address_keys if key in data}
    return {**provider.resolve_addresses(entered), **entered}


async def async_may_send_key(hass: HomeAssistant, addresses: Iterable[str]) -> bool:
    """Tell whether nobody can read a key on its way to these addresses: it is encrypted, or stays at home.

    Raises NameNotFoundError where a name leads nowhere.
    """
    return all([url.scheme == "https" or await _async_is_at_home(hass, url.host or "") for url in map(URL, addresses)])


async def _async_is_at_home(hass: HomeAssistant, name: str) -> bool:
    """Tell whether a name means a machine in the local network, also where only its addresses tell."""
    if is_local_host(name) or is_ip_address(name):
        return is_local_host(name)
    async_get_clientsession(hass)
    try:
        found = await hass.data[DATA_RESOLVER].resolve(name, family=socket.AF_UNSPEC)
    except Exception as err:  # mDNS has errors of its own, for names that are too long for instance
        raise NameNotFoundError from err
    return all(is_local_host(result["host"]) for result in found)


@callback
def _async_session(hass: HomeAssistant, socket_factory: Callable[[AddrInfoType], socket.socket]) -> ClientSession:
    """Make a session.

    Home Assistant's own sessions share a pool that drops connections after 15 seconds; announcements are further apart.
    Names are resolved as Home Assistant does it, mDNS included: its resolver comes with its shared session.
    """
    async_get_clientsession(hass)
    connector = HomeAssistantTCPConnector(
        resolver=hass.data[DATA_RESOLVER],
        ssl=get_default_context(),
        keepalive_timeout=_KEEP_ALIVE,
        socket_factory=socket_factory,
    )
    return ClientSession(
        connector=connector,
        headers={USER_AGENT: SERVER_SOFTWARE},
        cookie_jar=DummyCookieJar(),
        trace_configs=[same_origin_only()],
    )


def _probed_socket(address: AddrInfoType) -> socket.socket:
    """Make a socket that notices when an idle connection has been dropped on the way, as routers do."""
    family, kind, protocol, *_ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", _PROBE_AFTER), ("TCP_USER_TIMEOUT", _GIVE_UP_AFTER)):
        if option := getattr(socket, name, None):  # not on every system
            made.setsockopt(socket.IPPROTO_TCP, option, value)
    return made


def catalogue_store(hass: HomeAssistant, entry: OratorConfigEntry) -> Store[dict[str, Any]]:
    """Return where an account's catalogue outlives a restart, so that its voices exist while the provider is away."""
    return Store(hass, _STORAGE_VERSION, f"{DOMAIN}.{entry.entry_id}")
