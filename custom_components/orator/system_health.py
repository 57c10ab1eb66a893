"""System health information."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from homeassistant.components import system_health
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, callback
from homeassistant.loader import async_get_integration
from yarl import URL

from .client import account_addresses, account_server
from .const import CONF_PROVIDER, DOMAIN
from .coordinator import OratorConfigEntry, async_get_accounts
from .providers import PROVIDERS


@callback
def async_register(
    hass: HomeAssistant,  # noqa: ARG001
    register: system_health.SystemHealthRegistration,
) -> None:
    """Register the system health callback."""
    register.async_register_info(_async_system_health_info, "/config/integrations/integration/orator")


async def _async_system_health_info(hass: HomeAssistant) -> dict[str, Any]:
    """Return the version, the numbers of accounts and voices, and a check of each address."""
    entries = [entry for entry in async_get_accounts(hass) if not entry.disabled_by]
    loaded = [entry for entry in entries if entry.state is ConfigEntryState.LOADED]
    labels = {origin: label for entry in entries for label, origin in _labeled_origins(entry)}
    seen: Counter[str] = Counter()
    integration = await async_get_integration(hass, DOMAIN)
    info: dict[str, Any] = {
        "version": str(integration.version),
        "accounts": len(entries),
        "loaded_accounts": len(loaded),
        "voices": sum(len(entry.subentries) for entry in entries),
    }
    for origin, label in labels.items():
        seen[label] += 1
        numbered = label if seen[label] == 1 else f"{label} {seen[label]}"
        info[numbered] = system_health.async_check_can_reach_url(hass, str(origin))
    return info


def _labeled_origins(entry: OratorConfigEntry) -> Iterator[tuple[str, URL]]:
    """Yield the origins of an account with labels. Users publish this page, so labels name no private host."""
    provider = PROVIDERS[entry.data[CONF_PROVIDER]]
    server = account_server(entry.data)
    default_addresses = [server.default_base_url] if server else provider.resolve_addresses({}).values()
    default_origins = [URL(address).origin() for address in default_addresses if address]
    for address in account_addresses(entry.data).values():
        origin = URL(address).origin()
        is_public = origin in default_origins and (server is None or server.is_service)
        yield str(origin.host) if is_public else (server.name if server else provider.name), origin
