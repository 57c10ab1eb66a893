"""The balance is asked for rarely, and after use."""

from datetime import timedelta

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from ..simulator import Fault, Simulator
from ..support.speech import SENTENCE, account_of, speak
from .test_sensor import sensor


@pytest.fixture
def entry(simulator: Simulator) -> MockConfigEntry:
    """Describe an account at the simulated NanoGPT."""
    return account_of(simulator, "nanogpt", {"model": "Kokoro-82m", "voice": "af_bella"})


def asked_for_balance(simulator: Simulator) -> int:
    """Return how often the balance was asked for."""
    return sum(request.path == "/api/check-balance" for request in simulator.requests)


async def test_balance_is_shown(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """It is there soon after the start."""
    await hass.async_block_till_done(wait_background_tasks=True)
    assert float(sensor(hass, "balance").state) == pytest.approx(129.46956147)


async def test_balance_follows_use(hass: HomeAssistant, account: MockConfigEntry, simulator: Simulator) -> None:
    """It is asked for once, a moment after whatever was spoken."""
    await hass.async_block_till_done(wait_background_tasks=True)
    simulator.reset()
    for number in range(3):
        assert await speak(hass, f"{SENTENCE} {number}")
    assert not asked_for_balance(simulator)
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=11))
    await hass.async_block_till_done(wait_background_tasks=True)
    assert asked_for_balance(simulator) == 1
    assert float(sensor(hass, "balance").state) == pytest.approx(float(simulator.nanogpt.balance))
    assert float(sensor(hass, "balance").state) < 129.46956147


async def test_balance_is_asked_for_hourly(hass: HomeAssistant, account: MockConfigEntry, simulator: Simulator) -> None:
    """Somebody else may use the same account."""
    await hass.async_block_till_done(wait_background_tasks=True)
    simulator.reset()
    simulator.nanogpt.balance /= 2
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=61))
    await hass.async_block_till_done(wait_background_tasks=True)
    assert asked_for_balance(simulator) == 1
    assert float(sensor(hass, "balance").state) == pytest.approx(129.46956147 / 2)


async def test_balance_is_unavailable_without_an_answer(
    hass: HomeAssistant, account: MockConfigEntry, simulator: Simulator
) -> None:
    """What is not known is not shown, and nothing else suffers."""
    simulator.fail(Fault(path="/api/check-balance", status=503, times=99))
    await hass.config_entries.async_reload(account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert account.state is ConfigEntryState.LOADED
    assert sensor(hass, "balance").state == "unavailable"
    assert sensor(hass, "characters_today").state == "0"


async def test_balance_dead_key_is_replaced(
    hass: HomeAssistant, account: MockConfigEntry, simulator: Simulator
) -> None:
    """A key that is refused here is asked for like everywhere."""
    await hass.async_block_till_done(wait_background_tasks=True)
    simulator.api_key = "sk-another"
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=61))
    await hass.async_block_till_done(wait_background_tasks=True)
    assert [flow["context"]["source"] for flow in hass.config_entries.flow.async_progress()] == ["reauth"]


async def test_balance_nobody_asks_for_what_nobody_sees(
    hass: HomeAssistant, account: MockConfigEntry, simulator: Simulator
) -> None:
    """Who disables the sensor has no requests either."""
    er.async_get(hass).async_update_entity("sensor.nanogpt_balance", disabled_by=er.RegistryEntryDisabler.USER)
    await hass.config_entries.async_reload(account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    simulator.reset()
    assert await speak(hass)
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=61))
    await hass.async_block_till_done(wait_background_tasks=True)
    assert not asked_for_balance(simulator)
