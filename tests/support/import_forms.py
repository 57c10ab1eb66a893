"""The forms of the import, and the accounts and voices that it creates."""

from collections.abc import Iterable
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.const import DOMAIN
from tests.simulator import Simulator

from .flows import open_account_step, submit_account_form
from .speech import wait_for_reload
from .stored_entries import openai_tts


def create_old(simulator: Simulator, *profiles: dict[str, Any], **changed: Any) -> MockConfigEntry:
    """Return an account of OpenAI TTS at the simulated OpenAI."""
    account = {"url": f"{simulator.openai_url}/audio/speech", "provider": "openai", "api_key": simulator.api_key}
    return openai_tts(*profiles, **(account | changed))


async def open_import_form(hass: HomeAssistant) -> Any:
    """Open the form of the import, and return it."""
    form = await open_account_step(hass, "import_accounts")
    assert (form["type"], form["step_id"]) == (FlowResultType.FORM, "import_accounts")
    return form


async def import_all(hass: HomeAssistant, **entered: Any) -> Any:
    """Submit the form of the import, by default without a change, and return the result."""
    result = await submit_account_form(hass, await open_import_form(hass), entered)
    await wait_for_reload(hass)
    return result


def get_accounts(hass: HomeAssistant) -> list[Any]:
    """Return Orator's accounts."""
    return hass.config_entries.async_entries(DOMAIN)


def get_voices(accounts: Iterable[Any]) -> dict[str, dict[str, Any]]:
    """Return the data of all voices by title."""
    return {voice.title: dict(voice.data) for entry in accounts for voice in entry.subentries.values()}
