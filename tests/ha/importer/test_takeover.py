"""Imported voices take over entity IDs, and give them back."""

import json
from types import MappingProxyType

from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState, ConfigSubentry
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
    label_registry as lr,
)
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.importer.models import TakeOver
from custom_components.orator.importer.takeover import async_undo_import, can_undo_import, with_take_over
from tests.simulator import Fault, Simulator
from tests.support.flows import open_account_step, submit_account_form
from tests.support.imports import OLD_VOICE_ID, get_platform, load_openai_tts
from tests.support.speech import create_account, get_issue, load_account, speak, wait_for_reload

from .conftest import ImportVoices

RENAMED_ID = f"{OLD_VOICE_ID}_old"
OWN_ID = "tts.ann"


@pytest.fixture
async def old(hass: HomeAssistant, simulator: Simulator) -> MockConfigEntry:
    """Load OpenAI TTS with the voice `OLD_VOICE_ID`."""
    return await load_openai_tts(hass, simulator)


def assert_taken(hass: HomeAssistant) -> None:
    """Assert that Orator's voice has the ID of the old voice."""
    assert get_platform(hass, OLD_VOICE_ID) == "orator"
    assert get_platform(hass, RENAMED_ID) == "openai_tts"
    assert get_platform(hass, OWN_ID) is None
    state = hass.states.get(OLD_VOICE_ID)
    assert state
    assert state.state != "unavailable"
    assert hass.states.get(OWN_ID) is None


def assert_as_before(hass: HomeAssistant, old: MockConfigEntry) -> None:
    """Assert that both voices have their own IDs, and are available."""
    assert get_platform(hass, OLD_VOICE_ID) == "openai_tts"
    assert get_platform(hass, OWN_ID) == "orator"
    assert get_platform(hass, RENAMED_ID) is None
    assert (old.disabled_by, old.state) == (None, ConfigEntryState.LOADED)
    for entity_id in (OLD_VOICE_ID, OWN_ID):
        state = hass.states.get(entity_id)
        assert state
        assert state.state != "unavailable"


async def undo(hass: HomeAssistant, account: MockConfigEntry) -> list[str]:
    """Undo the import, and wait for reloads."""
    kept = await async_undo_import(hass, account)
    await wait_for_reload(hass)
    return kept


async def restart(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """Load the account again as after a restart, with its options as they are stored."""
    assert await hass.config_entries.async_unload(account.entry_id)
    stored = json.loads(json.dumps(account.as_dict()["options"]))
    hass.config_entries.async_update_entry(account, options=stored)
    assert await hass.config_entries.async_setup(account.entry_id)
    await wait_for_reload(hass)


@pytest.mark.parametrize("is_restarted", [False, True])
async def test_take_over_and_undo(
    hass: HomeAssistant, old: MockConfigEntry, import_voices: ImportVoices, *, is_restarted: bool
) -> None:
    """The old entity is renamed and its entry disabled; undoing it, also after a restart, leaves all as before."""
    account = await import_voices(old, OLD_VOICE_ID)
    await wait_for_reload(hass)
    assert_taken(hass)
    assert (old.disabled_by, old.state) == (ConfigEntryDisabler.USER, ConfigEntryState.NOT_LOADED)
    if is_restarted:
        await restart(hass, account)
        assert_taken(hass)
    assert can_undo_import(hass, account)
    assert not await undo(hass, account)
    assert_as_before(hass, old)
    assert not can_undo_import(hass, account)
    assert not account.options


async def test_only_some_voices(hass: HomeAssistant, simulator: Simulator, import_voices: ImportVoices) -> None:
    """If not all voices of an entry are imported, the others go on."""
    old = await load_openai_tts(hass, simulator, Kitchen="nova", Garage="nova")
    account = await import_voices(old, OLD_VOICE_ID)
    await wait_for_reload(hass)
    assert_taken(hass)
    assert old.state is ConfigEntryState.LOADED
    other = hass.states.get("tts.openai_tts_garage")
    assert other
    assert other.state != "unavailable"
    assert hass.states.get(RENAMED_ID) is None
    assert not await undo(hass, account)
    assert_as_before(hass, old)


async def test_several_voices(hass: HomeAssistant, simulator: Simulator, import_voices: ImportVoices) -> None:
    """All voices of an entry are taken over."""
    old = await load_openai_tts(hass, simulator, Kitchen="nova", Garage="nova")
    account = await import_voices(old, OLD_VOICE_ID, "tts.openai_tts_garage")
    await wait_for_reload(hass)
    assert_taken(hass)
    assert get_platform(hass, "tts.openai_tts_garage") == "orator"
    assert old.disabled_by
    await undo(hass, account)
    assert_as_before(hass, old)
    assert get_platform(hass, "tts.openai_tts_garage") == "openai_tts"
    assert get_platform(hass, "tts.ann_2") == "orator"


async def test_disabled_entry(hass: HomeAssistant, old: MockConfigEntry, import_voices: ImportVoices) -> None:
    """An entry that was disabled before stays disabled."""
    await hass.config_entries.async_set_disabled_by(old.entry_id, ConfigEntryDisabler.USER)
    account = await import_voices(old, OLD_VOICE_ID)
    await wait_for_reload(hass)
    assert_taken(hass)
    assert not await undo(hass, account)
    assert get_platform(hass, OLD_VOICE_ID) == "openai_tts"
    assert old.disabled_by


async def test_entry_removed_before(hass: HomeAssistant, old: MockConfigEntry, import_voices: ImportVoices) -> None:
    """If the old entry was removed before the account is loaded, Orator's voice gets its ID all the same."""
    await hass.config_entries.async_remove(old.entry_id)
    account = await import_voices(old, OLD_VOICE_ID)
    await wait_for_reload(hass)
    assert get_platform(hass, OLD_VOICE_ID) == "orator"
    assert not can_undo_import(hass, account)


async def test_entry_removed_later(hass: HomeAssistant, old: MockConfigEntry, import_voices: ImportVoices) -> None:
    """Once the old entry is removed, there is nothing to undo, and Orator's voice keeps the ID."""
    account = await import_voices(old, OLD_VOICE_ID)
    await hass.config_entries.async_remove(old.entry_id)
    await wait_for_reload(hass)
    assert not can_undo_import(hass, account)
    assert not await undo(hass, account)
    assert get_platform(hass, OLD_VOICE_ID) == "orator"


async def test_entity_id_taken_before(
    hass: HomeAssistant,
    old: MockConfigEntry,
    simulator: Simulator,
    import_voices: ImportVoices,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An ID that another integration has meanwhile is not taken over."""
    registry = er.async_get(hass)
    registry.async_update_entity(OLD_VOICE_ID, new_entity_id="tts.other")
    await hass.async_block_till_done()
    registry.async_get_or_create("tts", "piper", "1", suggested_object_id=OLD_VOICE_ID.removeprefix("tts."))
    account = await import_voices(old, OLD_VOICE_ID)
    await wait_for_reload(hass)
    assert get_platform(hass, OWN_ID) == "orator"
    assert get_platform(hass, OLD_VOICE_ID) == "piper"
    assert old.state is ConfigEntryState.LOADED
    assert "belongs to piper" in caplog.text
    assert not can_undo_import(hass, account)


async def test_entity_id_taken_later(hass: HomeAssistant, old: MockConfigEntry, import_voices: ImportVoices) -> None:
    """An ID that another integration has when the import is undone stays with it, and is reported."""
    account = await import_voices(old, OLD_VOICE_ID)
    await wait_for_reload(hass)
    registry = er.async_get(hass)
    registry.async_update_entity(OLD_VOICE_ID, new_entity_id="tts.mine")
    await hass.async_block_till_done()
    registry.async_get_or_create("tts", "piper", "1", suggested_object_id=OLD_VOICE_ID.removeprefix("tts."))
    assert await undo(hass, account) == [OLD_VOICE_ID]
    assert get_platform(hass, "tts.mine") == "orator"
    assert get_platform(hass, RENAMED_ID) == "openai_tts"
    assert old.state is ConfigEntryState.LOADED


async def test_voices_renamed_by_user(hass: HomeAssistant, old: MockConfigEntry, import_voices: ImportVoices) -> None:
    """Orator's voice keeps an ID that the user has given it, and the old voice gets its own back."""
    account = await import_voices(old, OLD_VOICE_ID)
    await wait_for_reload(hass)
    registry = er.async_get(hass)
    registry.async_update_entity(OLD_VOICE_ID, new_entity_id="tts.mine")
    registry.async_update_entity(RENAMED_ID, new_entity_id="tts.retired")
    await hass.async_block_till_done()
    assert not await undo(hass, account)
    assert get_platform(hass, "tts.mine") == "orator"
    assert get_platform(hass, OLD_VOICE_ID) == "openai_tts"


async def test_account_removed(hass: HomeAssistant, old: MockConfigEntry, import_voices: ImportVoices) -> None:
    """Removing the account gives the IDs back, so that the user only has to enable the old entry."""
    account = await import_voices(old, OLD_VOICE_ID)
    await wait_for_reload(hass)
    await hass.config_entries.async_remove(account.entry_id)
    await hass.async_block_till_done()
    assert get_platform(hass, OLD_VOICE_ID) == "openai_tts"
    assert old.disabled_by
    await hass.config_entries.async_set_disabled_by(old.entry_id, None)
    await hass.async_block_till_done()
    assert hass.states.get(OLD_VOICE_ID)


async def test_settings_of_entity(hass: HomeAssistant, old: MockConfigEntry, import_voices: ImportVoices) -> None:
    """Area, labels, exposure and icon go over, and back, unless the user changes them in between."""
    registry, devices = er.async_get(hass), dr.async_get(hass)
    area = ar.async_get(hass).async_create("Kitchen").id
    label = lr.async_get(hass).async_create("Voices").label_id
    registry.async_update_entity(OLD_VOICE_ID, labels={label}, icon="mdi:account", name="Cook")
    registry.async_update_entity(OLD_VOICE_ID, area_id=area)
    own_aliases = registry.entities[OLD_VOICE_ID].aliases
    aliases = type(own_aliases)(["Chef"])  # a set, or a list in later versions
    registry.async_update_entity(OLD_VOICE_ID, aliases=aliases, hidden_by=er.RegistryEntryHider.USER)
    registry.async_update_entity_options(OLD_VOICE_ID, "conversation", {"should_expose": True})
    account = await import_voices(old, OLD_VOICE_ID)
    await wait_for_reload(hass)
    voice = registry.entities[OLD_VOICE_ID]
    assert (voice.labels, voice.icon) == ({label}, "mdi:account")
    assert (voice.aliases, voice.hidden_by) == (aliases, er.RegistryEntryHider.USER)
    assert voice.options["conversation"] == {"should_expose": True}
    device = devices.async_get(voice.device_id or "")
    assert device
    assert device.area_id == area
    registry.async_update_entity(OLD_VOICE_ID, icon="mdi:chef-hat")
    await restart(hass, account)
    await undo(hass, account)
    voice = registry.entities[OWN_ID]
    assert (voice.labels, voice.icon) == (set(), "mdi:chef-hat")
    assert (voice.aliases, voice.hidden_by) == (own_aliases, None)
    assert "conversation" not in voice.options
    device = devices.async_get(voice.device_id or "")
    assert device
    assert device.area_id is None
    assert registry.entities[OLD_VOICE_ID].labels == {label}


async def test_fallbacks(
    hass: HomeAssistant, simulator: Simulator, old: MockConfigEntry, import_voices: ImportVoices
) -> None:
    """A fallback with the old ID keeps it, and is not reported as missing."""
    voice = {"model": "openai/tts-1", "voice": "nova", "fallback": [OLD_VOICE_ID]}
    other = await load_account(hass, create_account(simulator, "speechbase", voice, "Ben"))
    (subentry,) = other.subentries.values()
    account = await import_voices(old, OLD_VOICE_ID)
    await wait_for_reload(hass)
    assert other.subentries[subentry.subentry_id].data["fallback"] == [OLD_VOICE_ID]
    assert not get_issue(hass, other, "fallback")
    await undo(hass, account)
    assert other.subentries[subentry.subentry_id].data["fallback"] == [OLD_VOICE_ID]
    er.async_get(hass).async_update_entity(OLD_VOICE_ID, new_entity_id="tts.moved")
    await wait_for_reload(hass)
    assert other.subentries[subentry.subentry_id].data["fallback"] == ["tts.moved"]


async def test_fallbacks_of_existing_voice(
    hass: HomeAssistant, simulator: Simulator, old: MockConfigEntry, import_voices: ImportVoices
) -> None:
    """A voice that takes over an ID later stays the fallback of other voices, and is not its own fallback."""
    account = await import_voices(old)
    voice = {"model": "gpt-4o-mini-tts", "voice": "coral", "fallback": [OLD_VOICE_ID]}
    subentry = ConfigSubentry(
        data=MappingProxyType(voice), subentry_type="voice", title="Ann", unique_id="openai_tts_0"
    )
    hass.config_entries.async_add_subentry(account, subentry)
    await wait_for_reload(hass)
    other = await load_account(
        hass, create_account(simulator, "speechbase", {"model": "m", "voice": "v", "fallback": [OWN_ID]}, "Ben")
    )
    (ben,) = other.subentries

    def get_fallbacks() -> tuple[list[str] | None, list[str] | None]:
        own = account.subentries[subentry.subentry_id].data.get("fallback")
        return own, other.subentries[ben].data.get("fallback")

    take_over = TakeOver(old.domain, old.entry_id, {"openai_tts_0": OLD_VOICE_ID}, has_other_entities=False)
    hass.config_entries.async_update_entry(account, options=with_take_over(account.options, take_over))
    await hass.config_entries.async_reload(account.entry_id)
    await wait_for_reload(hass)
    assert_taken(hass)
    assert get_fallbacks() == (None, [OLD_VOICE_ID])
    assert not await undo(hass, account)
    assert get_fallbacks() == ([OLD_VOICE_ID], [OWN_ID])


async def test_account_cannot_be_loaded(
    hass: HomeAssistant, simulator: Simulator, old: MockConfigEntry, import_voices: ImportVoices
) -> None:
    """The old voice goes on until Orator's voice can speak, also if that is after a restart."""
    simulator.fail(Fault(path="*", close=True, times=99))
    with pytest.raises(AssertionError):
        await import_voices(old, OLD_VOICE_ID)
    (account,) = hass.config_entries.async_entries("orator")
    assert account.state is ConfigEntryState.SETUP_RETRY
    assert get_platform(hass, OLD_VOICE_ID) == "openai_tts"
    assert old.state is ConfigEntryState.LOADED
    assert not can_undo_import(hass, account)
    simulator.reset()
    assert await hass.config_entries.async_reload(account.entry_id)
    await wait_for_reload(hass)
    assert_taken(hass)


async def test_unexpected_error(
    hass: HomeAssistant, old: MockConfigEntry, import_voices: ImportVoices, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unexpected error does not keep the account from loading, and what has been changed can be undone."""
    monkeypatch.setattr("custom_components.orator.importer.takeover.async_adapt_fallbacks", lambda *_: 1 / 0)
    account = await import_voices(old, OLD_VOICE_ID)
    await wait_for_reload(hass)
    assert account.state is ConfigEntryState.LOADED
    assert_taken(hass)
    assert not await undo(hass, account)
    assert_as_before(hass, old)


async def test_import_flow(hass: HomeAssistant, simulator: Simulator, old: MockConfigEntry) -> None:
    """The flow creates an account whose voice already has the old ID when the flow ends; importing again adds none."""
    form = await open_account_step(hass, "import_accounts")
    result = await submit_account_form(hass, form, {})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert get_platform(hass, OLD_VOICE_ID) == "orator"
    assert hass.states.get(OLD_VOICE_ID)
    assert old.disabled_by
    assert await speak(hass, entity_id=OLD_VOICE_ID)
    account = result["result"]
    assert not await undo(hass, account)
    assert get_platform(hass, OLD_VOICE_ID) == "openai_tts"
    form = await open_account_step(hass, "import_accounts")
    result = await submit_account_form(hass, form, {})
    await wait_for_reload(hass)
    assert result["reason"] == "taken_over"
    assert len(account.subentries) == 1
    assert get_platform(hass, OLD_VOICE_ID) == "orator"


async def test_import_flow_to_existing_account(hass: HomeAssistant, simulator: Simulator, old: MockConfigEntry) -> None:
    """Voices that are added to an existing account take over the IDs once it has reloaded."""
    account = await load_account(hass, create_account(simulator, "openai", {"model": "tts-1", "voice": "ash"}))
    form = await open_account_step(hass, "import_accounts")
    result = await submit_account_form(hass, form, {})
    await wait_for_reload(hass)
    assert result["reason"] == "imported"
    assert get_platform(hass, OLD_VOICE_ID) == "orator"
    assert get_platform(hass, OWN_ID) == "orator"
    assert can_undo_import(hass, account)
    assert not await undo(hass, account)
    assert get_platform(hass, OLD_VOICE_ID) == "openai_tts"


async def test_is_taken_over_once(hass: HomeAssistant, old: MockConfigEntry, import_voices: ImportVoices) -> None:
    """An ID that the user has changed after the import is not taken over again when the account is loaded."""
    account = await import_voices(old, OLD_VOICE_ID)
    await wait_for_reload(hass)
    er.async_get(hass).async_update_entity(OLD_VOICE_ID, new_entity_id="tts.mine")
    await hass.config_entries.async_reload(account.entry_id)
    await wait_for_reload(hass)
    assert get_platform(hass, "tts.mine") == "orator"
