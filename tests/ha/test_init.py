"""Setup, reload, unloading and removal of an account."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from homeassistant.components import tts
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.const import DOMAIN
from tests.simulator import Fault, Simulator, Timing
from tests.support.speech import Hear, get_speech_requests, wait_for_reload, write_store


async def test_load_and_unload(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """A voice is available as long as its account is loaded."""
    assert account.state is ConfigEntryState.LOADED
    assert hass.states.get("tts.ann").name == "Ann"
    assert await hass.config_entries.async_unload(account.entry_id)
    assert account.state is ConfigEntryState.NOT_LOADED
    assert hass.states.get("tts.ann").state == "unavailable"


async def test_devices(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """Accounts and voices are service devices; the account is the parent of its voices."""
    parent, voice = sorted(
        dr.async_entries_for_config_entry(dr.async_get(hass), account.entry_id), key=lambda device: device.name == "Ann"
    )
    assert (parent.name, parent.manufacturer, parent.entry_type) == ("OpenAI", "OpenAI", dr.DeviceEntryType.SERVICE)
    assert voice.via_device_id == parent.id
    assert (voice.name, voice.manufacturer, voice.model) == ("Ann", "OpenAI", "gpt-4o-mini-tts")
    assert voice.entry_type is dr.DeviceEntryType.SERVICE
    assert voice.identifiers == {("orator", next(iter(account.subentries)))}


async def test_remove_voice(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """Removing a voice removes its entity and its device, without a restart."""
    (subentry_id,) = account.subentries
    hass.config_entries.async_remove_subentry(account, subentry_id)
    await hass.async_block_till_done()
    assert hass.states.get("tts.ann") is None
    (device,) = dr.async_entries_for_config_entry(dr.async_get(hass), account.entry_id)
    assert device.identifiers == {("orator", account.entry_id)}
    assert account.state is ConfigEntryState.LOADED


async def test_new_account_with_invalid_key(hass: HomeAssistant, simulator: Simulator, entry: MockConfigEntry) -> None:
    """A new account whose API key is refused starts reauthentication."""
    simulator.api_key = "sk-another"
    entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_ERROR
    assert [flow["context"]["source"] for flow in hass.config_entries.flow.async_progress()] == ["reauth"]


@pytest.mark.parametrize("fault", [Fault(status=503, times=9), Fault(body="<html>", times=9)])
async def test_new_account_without_answer(
    hass: HomeAssistant, simulator: Simulator, entry: MockConfigEntry, fault: Fault
) -> None:
    """Setup of a new account is retried; the reason names the host, not the API key."""
    simulator.fail(fault)
    entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert "127.0.0.1" in entry.reason
    assert simulator.api_key not in entry.reason


@pytest.mark.parametrize("fault", [Fault(close=True, times=9), Fault(delay=30, times=9), Fault(status=402, times=9)])
async def test_known_account_without_answer(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    """A known account loads at once, because the network may start after Home Assistant."""
    simulator.fail(fault)
    async with asyncio.timeout(5):
        await hass.config_entries.async_reload(account.entry_id)
    assert account.state is ConfigEntryState.LOADED
    assert hass.states.get("tts.ann").state != "unavailable"
    if not fault.delay:
        await hass.async_block_till_done(wait_background_tasks=True)
        outages = [record for record in caplog.records if "can't speak at the moment" in record.getMessage()]
        assert len(outages) == (fault.status == 402)  # a single connection error is no outage


async def test_known_account_with_invalid_key(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, hear: Hear
) -> None:
    """An API key that is refused at start starts reauthentication; voices with cached speech stay available."""
    await hear()
    await asyncio.sleep(0.5)
    simulator.api_key = "sk-another"
    await hass.config_entries.async_reload(account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert hass.states.get("tts.ann").state != "unavailable"
    assert [flow["context"]["source"] for flow in hass.config_entries.flow.async_progress()] == ["reauth"]


async def test_new_model(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """A model that the provider has added is listed after the next start."""
    assert "tts-9" not in [model.id for model in account.runtime_data.data.models]
    simulator.openai.models.append({"id": "tts-9", "object": "model", "created": 0, "owned_by": "openai"})
    await hass.config_entries.async_reload(account.entry_id)
    await wait_for_reload(hass)
    assert "tts-9" in [model.id for model in account.runtime_data.data.models]


async def test_reload_while_speaking(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """Reloading an account does not interrupt its voices."""
    simulator.timing = Timing(rate=8)
    engine = tts.get_engine_instance(hass, "tts.ann")
    sentences = [f"This is sentence number {number}, which is neither short nor long. " for number in range(6)]

    async def reply() -> AsyncGenerator[str]:
        for sentence in sentences:
            yield sentence
            await asyncio.sleep(0.05)

    request = tts.TTSAudioRequest("en", dict(engine.default_options), reply())
    response = await engine.async_stream_tts_audio(request)
    await anext(response.data_gen)
    hass.config_entries.async_update_entry(account, title="Renamed")
    await hass.async_block_till_done()
    assert account.runtime_data is not None
    async for _ in response.data_gen:
        pass
    text = " ".join(body["input"] for body in get_speech_requests(simulator))
    assert text == "".join(sentences).strip()


async def test_remove_account(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, hass_storage: dict[str, object]
) -> None:
    """Removing an account removes its stored data, which does not contain the API key."""
    key = f"orator.{account.entry_id}"
    assert key in hass_storage
    assert simulator.api_key not in str(hass_storage[key])
    await hass.config_entries.async_remove(account.entry_id)
    assert key not in hass_storage


async def test_remove_last_account(hass: HomeAssistant, account: MockConfigEntry, hass_storage: dict[str, Any]) -> None:
    """Only removing the last account removes the data that all accounts share."""
    other = MockConfigEntry(domain=DOMAIN, data=account.data)
    other.add_to_hass(hass)
    shared = {"orator.chimes", "orator.cache_revisions", "orator.stored_files"}
    for key in shared:
        write_store(hass_storage, key, {})
    await hass.config_entries.async_remove(other.entry_id)
    assert shared <= hass_storage.keys()
    await hass.config_entries.async_remove(account.entry_id)
    assert not {key for key in hass_storage if key.startswith("orator.")}
