"""What the system information tells of Orator: how much there is of it, and which providers can be reached."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from homeassistant.components import system_health
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.loader import async_get_integration
from yarl import URL

from .client import addresses_of
from .const import CONF_PROVIDER, CONF_SERVER, DOMAIN
from .coordinator import OratorConfigEntry
from .providers import PROVIDERS


@callback
def async_register(
    hass: HomeAssistant,  # noqa: ARG001 - that is how it is called
    register: system_health.SystemHealthRegistration,
) -> None:
    """Tell Home Assistant whom to ask."""
    register.async_register_info(_async_info, "/config/integrations/integration/orator")


async def _async_info(hass: HomeAssistant) -> dict[str, Any]:
    """Return what is shown. What is found out about addresses appears when it is."""
    entries: list[OratorConfigEntry] = hass.config_entries.async_entries(DOMAIN, include_disabled=False)
    loaded = [entry for entry in entries if entry.state is ConfigEntryState.LOADED]
    origins = {url: name for entry in entries for name, url in _origins(entry)}
    seen: Counter[str] = Counter()
    integration = await async_get_integration(hass, DOMAIN)
    return {
        "version": str(integration.version),
        "accounts": f"{len(loaded)} / {len(entries)}",
        "voices": sum(len(entry.subentries) for entry in entries),
        **{
            _numbered(name, seen): system_health.async_check_can_reach_url(hass, str(url))
            for url, name in origins.items()
        },
    }


def _numbered(name: str, seen: Counter[str]) -> str:
    """Return a name that none of those `seen` has: several servers may be of one kind, and their hosts are private."""
    seen[name] += 1
    return name if seen[name] == 1 else f"{name} {seen[name]}"


def _origins(entry: OratorConfigEntry) -> Iterator[tuple[str, URL]]:
    """Yield where an account's requests go, under names that everybody may know: people publish what is shown."""
    provider = PROVIDERS[entry.data[CONF_PROVIDER]]
    server = provider.servers.get(entry.data.get(CONF_SERVER, ""))
    known = [server.address] if server else provider.resolve_addresses({}).values()
    public = [URL(address).origin() for address in known if address]
    for address in addresses_of(entry.data).values():
        origin = URL(address).origin()
        is_public = origin in public and (server is None or server.is_service)
        yield str(origin.host) if is_public else (server.title if server else provider.name), origin
