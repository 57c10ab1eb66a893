"""The option "Undo the import" in the menu of an account."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from tests.simulator import Simulator
from tests.support.imports import OLD_VOICE_ID, load_openai_tts
from tests.support.speech import wait_for_reload

from .conftest import ImportVoices


@pytest.fixture
async def imported(hass: HomeAssistant, simulator: Simulator, import_voices: ImportVoices) -> MockConfigEntry:
    """Return an account that has taken over the ID of a voice of OpenAI TTS."""
    account = await import_voices(await load_openai_tts(hass, simulator), OLD_VOICE_ID)
    await wait_for_reload(hass)
    return account


async def open_menu(hass: HomeAssistant, account: MockConfigEntry) -> Any:
    """Open the options flow of an account."""
    return await hass.config_entries.options.async_init(account.entry_id)


async def open_undo_form(hass: HomeAssistant, account: MockConfigEntry) -> Any:
    """Choose the option of the menu."""
    menu = await open_menu(hass, account)
    assert (menu["type"], menu["menu_options"]) == (FlowResultType.MENU, ["limits", "undo_import"])
    return await hass.config_entries.options.async_configure(menu["flow_id"], {"next_step_id": "undo_import"})


async def test_undo(hass: HomeAssistant, imported: MockConfigEntry) -> None:
    """The form lists the entity IDs; afterwards there is nothing to undo any more."""
    form = await open_undo_form(hass, imported)
    assert form["description_placeholders"] == {
        "entity_ids": f"- `{OLD_VOICE_ID}`",
        "integrations": "OpenAI TTS (127.0.0.1)",
    }
    result = await hass.config_entries.options.async_configure(form["flow_id"], {})
    assert result["reason"] == "import_undone"
    await wait_for_reload(hass)
    registered = er.async_get(hass).async_get(OLD_VOICE_ID)
    assert registered
    assert registered.platform == "openai_tts"
    assert (await open_menu(hass, imported))["step_id"] == "limits"


async def test_entity_id_is_taken(hass: HomeAssistant, imported: MockConfigEntry) -> None:
    """An ID that another entity has by now is named."""
    registry = er.async_get(hass)
    registry.async_update_entity(OLD_VOICE_ID, new_entity_id="tts.mine")
    await hass.async_block_till_done()
    registry.async_get_or_create("tts", "piper", "1", suggested_object_id=OLD_VOICE_ID.removeprefix("tts."))
    form = await open_undo_form(hass, imported)
    result = await hass.config_entries.options.async_configure(form["flow_id"], {})
    assert result["reason"] == "import_partly_undone"
    assert result["description_placeholders"]["entity_ids"] == f"`{OLD_VOICE_ID}`"
    await wait_for_reload(hass)


async def test_limits_keep_import(hass: HomeAssistant, imported: MockConfigEntry) -> None:
    """Setting limits keeps the record of the import."""
    menu = await open_menu(hass, imported)
    form = await hass.config_entries.options.async_configure(menu["flow_id"], {"next_step_id": "limits"})
    await hass.config_entries.options.async_configure(form["flow_id"], {"daily_limit": 5})
    await wait_for_reload(hass)
    assert imported.options["daily_limit"] == 5
    await open_undo_form(hass, imported)
