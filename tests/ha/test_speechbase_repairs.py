"""Speechbase in Home Assistant: issues about vendors and saved voices, and their repairs."""

from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.orator.const import DOMAIN
from tests.simulator import Fault, Simulator
from tests.simulator.speechbase.catalog import DOCUMENTED_VOICE
from tests.support.flows import open_repair_form, submit_repair_form
from tests.support.speech import create_account, get_issue, get_post_requests, pass_day, speak, wait_for_reload


@pytest.fixture
def entry(simulator: Simulator) -> MockConfigEntry:
    """Return an account at the simulated Speechbase, with a saved voice."""
    return create_account(simulator, "speechbase", {"mode": "voice", "voice_id": DOCUMENTED_VOICE})


@pytest.fixture
def elevenlabs(simulator: Simulator) -> dict[str, Any]:
    """Return the row of the vendor of the saved voice in the simulator's list."""
    (row,) = (row for row in simulator.speechbase.providers if row["id"] == "elevenlabs")
    return row


@pytest.fixture
def saved_voice(simulator: Simulator) -> dict[str, Any]:
    """Return the row of the saved voice in the simulator's list."""
    (row,) = (row for row in simulator.speechbase.voices if row["id"] == DOCUMENTED_VOICE)
    return row


async def assert_voice_gone(hass: HomeAssistant) -> None:
    """Assert that speech fails because the saved voice does not exist."""
    with pytest.raises(HomeAssistantError) as caught:
        await speak(hass)
    assert caught.value.translation_key == "voice_gone"


async def test_vendor_key_missing_issue(
    hass: HomeAssistant, account: MockConfigEntry, elevenlabs: dict[str, Any]
) -> None:
    """The issue names the vendor, starts no reauthentication, and is cleared by successful speech."""
    elevenlabs["byok"] = False
    with pytest.raises(HomeAssistantError) as caught:
        await speak(hass)
    assert caught.value.translation_key == "vendor_key_missing"
    assert caught.value.translation_placeholders["subject"] == "ElevenLabs"
    found = get_issue(hass, account, "vendor_key_missing")
    assert found
    assert found.translation_placeholders["subject"] == "ElevenLabs"
    assert not [flow for flow in hass.config_entries.flow.async_progress() if flow["context"]["source"] == "reauth"]
    elevenlabs["byok"] = True
    await speak(hass)
    assert not get_issue(hass, account, "vendor_key_missing")


async def test_daily_update_clears_vendor_issue(
    hass: HomeAssistant, account: MockConfigEntry, elevenlabs: dict[str, Any], freezer: FrozenDateTimeFactory
) -> None:
    """The daily update clears the issue once the vendor is connected."""
    await hass.async_block_till_done(wait_background_tasks=True)  # timers, before time is frozen
    elevenlabs["byok"] = False
    with pytest.raises(HomeAssistantError):
        await speak(hass)
    await pass_day(hass, freezer)
    assert get_issue(hass, account, "vendor_key_missing")
    elevenlabs["byok"] = True
    await pass_day(hass, freezer)
    assert not get_issue(hass, account, "vendor_key_missing")


@pytest.mark.parametrize("change", [{"byok": False}, {"enabled": False}])
async def test_vendor_issue_of_unused_vendor(
    hass: HomeAssistant, account: MockConfigEntry, elevenlabs: dict[str, Any], change: dict[str, bool]
) -> None:
    """The issue is cleared when no voice uses the vendor any more."""
    elevenlabs.update(change)
    with pytest.raises(HomeAssistantError) as caught:
        await speak(hass)
    kind = caught.value.translation_key
    assert get_issue(hass, account, kind)
    (voice,) = account.subentries.values()
    hass.config_entries.async_update_subentry(account, voice, data={"model": "openai/tts-1", "voice": "nova"})
    await wait_for_reload(hass)
    assert not get_issue(hass, account, kind)


async def test_no_issue_for_options_of_a_call(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry
) -> None:
    """A vendor or saved voice that only a call asked for creates no issue."""
    vendor = {"mode": "inline", "model": "deepgram/aura-2", "voice": "x"}
    for kind, options in (("vendor_key_missing", vendor), ("voice_gone", {"voice_id": "no-such-voice"})):
        with pytest.raises(HomeAssistantError) as caught:
            await speak(hass, **options)
        assert caught.value.translation_key == kind
        assert not get_issue(hass, account, kind)


async def test_voice_of_a_call_keeps_issue(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, saved_voice: dict[str, Any]
) -> None:
    """Speech with another saved voice does not clear the issue."""
    simulator.speechbase.voices.remove(saved_voice)
    await assert_voice_gone(hass)
    assert await speak(hass, voice_id=simulator.speechbase.voices[0]["id"])
    assert get_issue(hass, account, "voice_gone")


@pytest.mark.parametrize("by_daily_update", [False, True], ids=["speech", "update"])
async def test_vendor_disabled_issue(
    hass: HomeAssistant,
    account: MockConfigEntry,
    elevenlabs: dict[str, Any],
    freezer: FrozenDateTimeFactory,
    *,
    by_daily_update: bool,
) -> None:
    """The issue about a disabled vendor is cleared by speech or by the daily update."""
    await hass.async_block_till_done(wait_background_tasks=True)  # timers, before time is frozen
    elevenlabs["enabled"] = False
    with pytest.raises(HomeAssistantError) as caught:
        await speak(hass)
    assert caught.value.translation_key == "vendor_disabled"
    assert get_issue(hass, account, "vendor_disabled")
    elevenlabs["enabled"] = True
    if by_daily_update:
        await pass_day(hass, freezer)
    else:
        await speak(hass)
    assert not get_issue(hass, account, "vendor_disabled")


async def test_repair_missing_voice(
    hass: HomeAssistant,
    simulator: Simulator,
    account: MockConfigEntry,
    saved_voice: dict[str, Any],
    hass_client: ClientSessionGenerator,
) -> None:
    """The repair of a missing saved voice offers the others, and the chosen one speaks at once."""
    simulator.speechbase.voices.remove(saved_voice)
    await assert_voice_gone(hass)
    found = get_issue(hass, account, "voice_gone")
    assert found
    assert found.is_fixable
    assert found.translation_placeholders["subject"] == "Ann"

    simulator.speechbase.voices.append({**simulator.speechbase.voices[0], "id": "new-voice", "title": "New"})
    form = await open_repair_form(hass, hass_client, account, "voice_gone")
    assert form["step_id"] == "voice"
    offered = {option["value"] for option in form["data_schema"][0]["selector"]["select"]["options"]}
    assert "New" in offered
    assert DOCUMENTED_VOICE not in offered
    other = simulator.speechbase.voices[5]["id"]
    for wrong in (DOCUMENTED_VOICE, "unknown", "../voices", " "):
        form = await submit_repair_form(hass_client, form, voice_id=wrong)
        assert form["errors"] == {"voice_id": "voice_gone"}
    result = await submit_repair_form(hass_client, form, voice_id=other)
    assert result["type"] == "create_entry"
    await wait_for_reload(hass)
    assert not get_issue(hass, account, "voice_gone")
    await speak(hass)
    assert get_post_requests(simulator)[-1]["voiceId"] == other


async def test_repair_restored_voice(
    hass: HomeAssistant,
    simulator: Simulator,
    account: MockConfigEntry,
    saved_voice: dict[str, Any],
    hass_client: ClientSessionGenerator,
) -> None:
    """The repair of a voice that was restored finishes without a form."""
    simulator.speechbase.voices.remove(saved_voice)
    await assert_voice_gone(hass)
    simulator.speechbase.voices.append(saved_voice)
    result = await open_repair_form(hass, hass_client, account, "voice_gone")
    assert result["type"] == "create_entry"
    assert not get_issue(hass, account, "voice_gone")


def get_device_model(hass: HomeAssistant, account: MockConfigEntry) -> str | None:
    """Return the model of the voice's device, which is set when its entity is created."""
    (subentry_id,) = account.subentries
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), account.entry_id)
    (device,) = (device for device in devices if (DOMAIN, subentry_id) in device.identifiers)
    return device.model


async def test_catalog_of_repair_reaches_entity(
    hass: HomeAssistant,
    simulator: Simulator,
    account: MockConfigEntry,
    saved_voice: dict[str, Any],
    hass_client: ClientSessionGenerator,
) -> None:
    """The entity uses the catalog that a repair has fetched, although the repair changes nothing."""
    simulator.speechbase.voices.remove(saved_voice)
    await assert_voice_gone(hass)
    simulator.speechbase.voices.append({**saved_voice, "model": "eleven_turbo_v2_5"})
    result = await open_repair_form(hass, hass_client, account, "voice_gone")
    assert result["type"] == "create_entry"
    await wait_for_reload(hass)
    assert get_device_model(hass, account) == "elevenlabs/eleven_turbo_v2_5"


async def test_catalog_of_voice_check_reaches_entity(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, saved_voice: dict[str, Any]
) -> None:
    """The entity uses the catalog that was fetched to check another voice, although that voice is not accepted."""
    saved_voice["model"] = "eleven_turbo_v2_5"
    simulator.speechbase.voices.append({**saved_voice, "id": "new", "provider": "deepgram", "model": "aura-2"})
    result: Any = await account.start_subentry_reconfigure_flow(hass, next(iter(account.subentries)))
    result = await hass.config_entries.subentries.async_configure(result["flow_id"], {"mode": "voice"})
    result = await hass.config_entries.subentries.async_configure(result["flow_id"], {"voice_id": "new"})
    assert result["errors"] == {"voice_id": "vendor_not_connected"}
    await wait_for_reload(hass)
    assert get_device_model(hass, account) == "elevenlabs/eleven_turbo_v2_5"


async def test_repair_during_outage(
    hass: HomeAssistant,
    simulator: Simulator,
    account: MockConfigEntry,
    saved_voice: dict[str, Any],
    hass_client: ClientSessionGenerator,
) -> None:
    """An ID that cannot be looked up at the moment is accepted."""
    simulator.speechbase.voices.remove(saved_voice)
    await hass.config_entries.async_reload(account.entry_id)
    await wait_for_reload(hass)
    simulator.fail(Fault(path="*/v1/voices*", status=503, times=99), Fault(path="*/providers", status=503, times=99))
    form = await open_repair_form(hass, hass_client, account, "voice_gone")
    result = await submit_repair_form(hass_client, form, voice_id="01940f8a-new")
    assert result["type"] == "create_entry"
    (voice,) = account.subentries.values()
    assert voice.data["voice_id"] == "01940f8a-new"


async def test_daily_update_finds_missing_voice(
    hass: HomeAssistant,
    simulator: Simulator,
    account: MockConfigEntry,
    saved_voice: dict[str, Any],
    freezer: FrozenDateTimeFactory,
) -> None:
    """The daily update reports a missing voice; the issue is cleared when the voice is back."""
    simulator.speechbase.voices.remove(saved_voice)
    await pass_day(hass, freezer)
    assert get_issue(hass, account, "voice_gone")
    simulator.speechbase.voices.append(saved_voice)
    await speak(hass)
    assert not get_issue(hass, account, "voice_gone")


async def test_removed_voice_has_no_issue(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    """The issue is deleted with its voice, and an open repair aborts."""
    simulator.speechbase.voices.clear()
    await assert_voice_gone(hass)
    form = await open_repair_form(hass, hass_client, account, "voice_gone")
    (subentry_id,) = account.subentries
    hass.config_entries.async_remove_subentry(account, subentry_id)
    await hass.async_block_till_done()
    result = await submit_repair_form(hass_client, form, voice_id="x")
    assert (result["type"], result["reason"]) == ("abort", "entry_not_loaded")
    assert not get_issue(hass, account, "voice_gone")
