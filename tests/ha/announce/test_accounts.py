"""The config entry "Announcements" is no account: whatever lists or uses accounts leaves it alone."""

from typing import Any

from homeassistant.components.media_player import BrowseError
from homeassistant.components.media_source import async_browse_media
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, get_system_health_info
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.orator.preview import create_voice_player
from tests.simulator import Simulator
from tests.support.announce import add_announcements
from tests.support.flows import create_account_input, open_voice_form, start_account_flow, submit_voice_form
from tests.support.speech import write_store

ANNOUNCER = {"title": "OpenAI Coral", "target": {"entity_id": ["media_player.kitchen"]}}


@pytest.fixture
async def announcements(hass: HomeAssistant) -> MockConfigEntry:
    """Set up announcements with an announcer, before any account."""
    return await add_announcements(hass, ANNOUNCER, tts_entity_id="tts.ann")


async def test_account_is_added_as_before(
    hass: HomeAssistant, simulator: Simulator, announcements: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    """An account and its first voice are added, and its player plays."""
    flow_id = await start_account_flow(hass)
    result: Any = await hass.config_entries.flow.async_configure(flow_id, create_account_input(simulator))
    await hass.async_block_till_done()
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert hass.states.get("tts.openai_coral")
    assert 'src="' in result["description_placeholders"]["player"]
    account = result["result"]
    form = await open_voice_form(hass, account, "tts-1")
    added = await submit_voice_form(hass, form, {"voice": "coral"})
    assert added["title"] == "OpenAI Coral 2"  # the announcer's name is not the name of a voice


async def test_media_browser(hass: HomeAssistant, announcements: MockConfigEntry, account: MockConfigEntry) -> None:
    """The media browser lists only accounts, and refuses to open announcements."""
    assert await async_setup_component(hass, "media_source", {})
    root = await async_browse_media(hass, "media-source://orator")
    assert [item.title for item in root.children or ()] == ["OpenAI"]
    with pytest.raises(BrowseError):
        await async_browse_media(hass, f"media-source://orator/{announcements.entry_id}")


async def test_player_of_voice(
    hass: HomeAssistant,
    announcements: MockConfigEntry,
    account: MockConfigEntry,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """A player of a voice finds no announcer."""
    (announcer,) = announcements.subentries.values()
    player = create_voice_player(hass, announcements.entry_id, announcer.title, announcer.data)
    client = await hass_client_no_auth()
    response = await client.get(player.partition('src="')[2].partition('"')[0].replace("&amp;", "&"))
    assert response.status == 404


async def test_system_health(hass: HomeAssistant, announcements: MockConfigEntry, account: MockConfigEntry) -> None:
    """System health counts accounts and voices."""
    assert await async_setup_component(hass, "system_health", {})
    await hass.async_block_till_done()
    info = await get_system_health_info(hass, "orator")
    assert (info["accounts"], info["loaded_accounts"], info["voices"]) == (1, 1, 1)
    info["OpenAI"].close()


async def test_entities_of_accounts(
    hass: HomeAssistant, announcements: MockConfigEntry, account: MockConfigEntry
) -> None:
    """Announcements have neither voices nor sensors."""
    entities = er.async_entries_for_config_entry(er.async_get(hass), announcements.entry_id)
    assert not {entity.domain for entity in entities} & {"tts", "sensor"}


async def test_reload_and_remove_account(
    hass: HomeAssistant, announcements: MockConfigEntry, account: MockConfigEntry, hass_storage: dict[str, Any]
) -> None:
    """Accounts and announcements are reloaded on their own; the last account takes the shared data along."""
    for entry in (announcements, account):
        assert await hass.config_entries.async_reload(entry.entry_id)
        assert entry.state is ConfigEntryState.LOADED
    write_store(hass_storage, "orator.chimes", {})
    await hass.config_entries.async_remove(account.entry_id)
    assert announcements.state is ConfigEntryState.LOADED
    assert not {key for key in hass_storage if key.startswith("orator.")}


async def test_remove_announcements(
    hass: HomeAssistant, announcements: MockConfigEntry, account: MockConfigEntry, hass_storage: dict[str, Any]
) -> None:
    """Removing announcements leaves the data of the accounts."""
    write_store(hass_storage, "orator.chimes", {})
    before = {key for key in hass_storage if key.startswith("orator.")}
    await hass.config_entries.async_remove(announcements.entry_id)
    assert before == {key for key in hass_storage if key.startswith("orator.")}
    assert hass.states.get("tts.ann")
