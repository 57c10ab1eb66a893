"""Refreshing the balance."""

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from tests.simulator import Fault, Simulator
from tests.support.speech import create_account, get_sensor, pass_time, speak
from tests.support.streams import SENTENCE


@pytest.fixture
def entry(simulator: Simulator) -> MockConfigEntry:
    """Return an account of the simulated NanoGPT."""
    return create_account(simulator, "nanogpt", {"model": "Kokoro-82m", "voice": "af_bella"})


def count_balance_requests(simulator: Simulator) -> int:
    """Return the number of requests for the balance."""
    return sum(request.path == "/api/check-balance" for request in simulator.requests)


async def test_balance_at_start(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """The balance is fetched at start."""
    await hass.async_block_till_done(wait_background_tasks=True)
    assert float(get_sensor(hass, "balance").state) == pytest.approx(129.46956147)


async def test_balance_after_speech(hass: HomeAssistant, account: MockConfigEntry, simulator: Simulator) -> None:
    """The balance is fetched once, some seconds after several requests."""
    await hass.async_block_till_done(wait_background_tasks=True)
    simulator.reset()
    for number in range(3):
        assert await speak(hass, f"{SENTENCE} {number}")
    assert not count_balance_requests(simulator)
    await pass_time(hass, seconds=11)
    assert count_balance_requests(simulator) == 1
    assert float(get_sensor(hass, "balance").state) == pytest.approx(float(simulator.nanogpt.balance))
    assert float(get_sensor(hass, "balance").state) < 129.46956147


async def test_balance_every_hour(hass: HomeAssistant, account: MockConfigEntry, simulator: Simulator) -> None:
    """The balance is fetched every hour, because the account may be used elsewhere."""
    await hass.async_block_till_done(wait_background_tasks=True)
    simulator.reset()
    simulator.nanogpt.balance /= 2
    await pass_time(hass, minutes=61)
    assert count_balance_requests(simulator) == 1
    assert float(get_sensor(hass, "balance").state) == pytest.approx(129.46956147 / 2)


async def test_balance_without_answer(hass: HomeAssistant, account: MockConfigEntry, simulator: Simulator) -> None:
    """Without an answer the sensor is unavailable, and the account works."""
    simulator.fail(Fault(path="/api/check-balance", status=503, times=99))
    await hass.config_entries.async_reload(account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert account.state is ConfigEntryState.LOADED
    assert get_sensor(hass, "balance").state == "unavailable"
    assert get_sensor(hass, "characters_today").state == "0"


async def test_balance_with_invalid_key(hass: HomeAssistant, account: MockConfigEntry, simulator: Simulator) -> None:
    """An API key that is refused starts reauthentication."""
    await hass.async_block_till_done(wait_background_tasks=True)
    simulator.api_key = "sk-another"
    await pass_time(hass, minutes=61)
    assert [flow["context"]["source"] for flow in hass.config_entries.flow.async_progress()] == ["reauth"]


async def test_disabled_balance_sensor(hass: HomeAssistant, account: MockConfigEntry, simulator: Simulator) -> None:
    """The balance is not fetched for a disabled sensor."""
    er.async_get(hass).async_update_entity("sensor.nanogpt_balance", disabled_by=er.RegistryEntryDisabler.USER)
    await hass.config_entries.async_reload(account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    simulator.reset()
    assert await speak(hass)
    await pass_time(hass, minutes=61)
    assert not count_balance_requests(simulator)
