"""Usage limits of accounts, and their entities."""

import asyncio
from typing import Any

from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.providers.models import Usage


async def use(hass: HomeAssistant, account: MockConfigEntry, cost: float | None = 0.0, characters: int = 0) -> None:
    """Record usage of an account, as its provider charges it."""
    currency = None if cost is None else "USD"
    account.runtime_data.usage.async_add(Usage(characters, 1, cost, currency))
    await _wait_for_limiter(hass)


async def set_limits(hass: HomeAssistant, account: MockConfigEntry, **limits: Any) -> None:
    """Replace the usage limits of an account by those given; the options flow stores them like this."""
    hass.config_entries.async_update_entry(account, options=limits)
    await _wait_for_limiter(hass)


async def _wait_for_limiter(hass: HomeAssistant) -> None:
    """Wait until the limiter has handled a change, which it does in the next iteration of the event loop."""
    await asyncio.sleep(0)
    await hass.async_block_till_done()
