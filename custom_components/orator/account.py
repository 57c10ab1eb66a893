"""What a loaded account owns: its connection, its provider, and what the provider offers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import ClientSession
from aiohttp.hdrs import USER_AGENT
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_API_KEY, EVENT_HOMEASSISTANT_CLOSE
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers.aiohttp_client import (
    DATA_RESOLVER,
    SERVER_SOFTWARE,
    HomeAssistantTCPConnector,
    async_get_clientsession,
)
from homeassistant.helpers.storage import Store
from homeassistant.util.ssl import get_default_context

from .const import CONF_BASE_URL, CONF_PROVIDER, DOMAIN
from .providers import PROVIDERS
from .providers.base import Model, Provider
from .providers.http import Json

_KEEP_ALIVE: Final = 600
"""Seconds that an idle connection is kept: the next announcement shall not wait for a handshake."""
_STORAGE_VERSION: Final = 1


@dataclass(slots=True)
class Account:
    """A provider with its key, and the catalogue of what it offers."""

    provider: Provider
    catalogue: Json = None

    @property
    def models(self) -> tuple[Model, ...]:
        """The models to choose from."""
        return self.provider.models(self.catalogue)

    def model(self, model_id: str) -> Model:
        """Say what a model can do, whether it is listed or not."""
        return self.provider.describe(model_id, self.catalogue)

    @property
    def option_keys(self) -> tuple[str, ...]:
        """Every setting that any model of this account takes."""
        return tuple(dict.fromkeys(option.key for model in self.models for option in model.options))


type OratorConfigEntry = ConfigEntry[Account]


def create_provider(session: ClientSession, data: Mapping[str, Any]) -> Provider:
    """Make the provider that an account's data describe."""
    return PROVIDERS[data[CONF_PROVIDER]](session, data[CONF_BASE_URL], data[CONF_API_KEY])


@callback
def async_create_session(hass: HomeAssistant, entry: OratorConfigEntry) -> ClientSession:
    """Make the session of an account, which is closed when the account is unloaded.

    It resolves names as Home Assistant does, mDNS included, but keeps its connections for longer than Home Assistant's
    own sessions.
    """
    async_get_clientsession(hass)  # brings the resolver about
    connector = HomeAssistantTCPConnector(
        resolver=hass.data[DATA_RESOLVER], ssl=get_default_context(), keepalive_timeout=_KEEP_ALIVE
    )
    session = ClientSession(connector=connector, headers={USER_AGENT: SERVER_SOFTWARE})

    async def close(_event: Event | None = None) -> None:
        await session.close()

    entry.async_on_unload(hass.bus.async_listen_once(EVENT_HOMEASSISTANT_CLOSE, close))
    entry.async_on_unload(close)
    return session


def catalogue_store(hass: HomeAssistant, entry: OratorConfigEntry) -> Store[dict[str, Any]]:
    """Return where an account's catalogue outlives a restart, so that its voices exist while the provider is away."""
    return Store(hass, _STORAGE_VERSION, f"{DOMAIN}.{entry.entry_id}")
