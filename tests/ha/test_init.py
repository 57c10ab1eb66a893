"""An account is loaded, unloaded, changed and removed."""

import asyncio
from collections.abc import AsyncGenerator

from homeassistant.components import tts
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from ..simulator import Fault, Simulator, Timing
from ..support.speech import Hear, spoken


async def test_load_and_unload(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """A loaded account has its voice; an unloaded one has not."""
    assert account.state is ConfigEntryState.LOADED
    assert hass.states.get("tts.ann").name == "Ann"
    assert await hass.config_entries.async_unload(account.entry_id)
    assert account.state is ConfigEntryState.NOT_LOADED
    assert hass.states.get("tts.ann").state == "unavailable"


async def test_voice_has_a_service_device_of_its_own(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """Each voice is a service with the provider and model that make it, and is reached through its account."""
    own, device = sorted(
        dr.async_entries_for_config_entry(dr.async_get(hass), account.entry_id), key=lambda device: device.name == "Ann"
    )
    assert (own.name, own.manufacturer, own.entry_type) == ("OpenAI", "OpenAI", dr.DeviceEntryType.SERVICE)
    assert device.via_device_id == own.id
    assert (device.name, device.manufacturer, device.model) == ("Ann", "OpenAI", "gpt-4o-mini-tts")
    assert device.entry_type is dr.DeviceEntryType.SERVICE
    assert device.identifiers == {("orator", next(iter(account.subentries)))}


async def test_removed_voice_takes_its_device_along(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """A voice is removed without a trace, and without a restart."""
    (subentry_id,) = account.subentries
    hass.config_entries.async_remove_subentry(account, subentry_id)
    await hass.async_block_till_done()
    assert hass.states.get("tts.ann") is None
    (own,) = dr.async_entries_for_config_entry(dr.async_get(hass), account.entry_id)
    assert own.identifiers == {("orator", account.entry_id)}
    assert account.state is ConfigEntryState.LOADED


async def test_refused_key_asks_for_a_new_one(
    hass: HomeAssistant, simulator: Simulator, entry: MockConfigEntry
) -> None:
    """A key that has expired while Home Assistant was off starts reauthentication."""
    simulator.api_key = "sk-another"
    entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_ERROR
    assert [flow["context"]["source"] for flow in hass.config_entries.flow.async_progress()] == ["reauth"]


@pytest.mark.parametrize("fault", [Fault(status=503, times=9), Fault(body="<html>", times=9)])
async def test_new_account_waits_for_its_provider(
    hass: HomeAssistant, simulator: Simulator, entry: MockConfigEntry, fault: Fault
) -> None:
    """Where nothing is known of what a provider offers, setting up is tried again later."""
    simulator.fail(fault)
    entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert "127.0.0.1" in entry.reason
    assert simulator.api_key not in entry.reason


@pytest.mark.parametrize("fault", [Fault(close=True, times=9), Fault(delay=30, times=9), Fault(status=402, times=9)])
async def test_known_account_does_not_wait(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    """Once known, a voice is there even if its provider is not: the network may come later than Home Assistant."""
    simulator.fail(fault)
    async with asyncio.timeout(5):
        await hass.config_entries.async_reload(account.entry_id)
    assert account.state is ConfigEntryState.LOADED
    assert hass.states.get("tts.ann").state != "unavailable"
    if not fault.delay:
        await hass.async_block_till_done(wait_background_tasks=True)
        told = [record for record in caplog.records if "can't speak at the moment" in record.getMessage()]
        assert len(told) == (fault.status == 402)  # that it is not reached may be chance, once


async def test_known_account_with_a_dead_key_keeps_its_voices(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, hear: Hear
) -> None:
    """A key that is refused at start is asked for again, and its voices stay: what is kept can be heard."""
    await hear()
    await asyncio.sleep(0.5)
    simulator.api_key = "sk-another"
    await hass.config_entries.async_reload(account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert hass.states.get("tts.ann").state != "unavailable"
    assert [flow["context"]["source"] for flow in hass.config_entries.flow.async_progress()] == ["reauth"]


async def test_new_models_are_offered(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """What the provider has added is there after the next start."""
    assert "tts-9" not in [model.id for model in account.runtime_data.models]
    simulator.openai.models.append({"id": "tts-9", "object": "model", "created": 0, "owned_by": "openai"})
    await hass.config_entries.async_reload(account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert "tts-9" in [model.id for model in account.runtime_data.models]


async def test_change_of_the_account_interrupts_nobody(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry
) -> None:
    """Whoever speaks while a voice is added or a key changed speaks to the end."""
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
    said = " ".join(body["input"] for body in spoken(simulator))
    assert said == "".join(sentences).strip()


async def test_removed_account_leaves_nothing(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, hass_storage: dict[str, object]
) -> None:
    """What was kept of a provider goes with the account."""
    key = f"orator.{account.entry_id}"
    assert key in hass_storage
    assert simulator.api_key not in str(hass_storage[key])
    await hass.config_entries.async_remove(account.entry_id)
    assert key not in hass_storage
