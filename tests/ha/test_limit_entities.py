"""Numbers and sensors of usage limits, and what else shows them."""

from datetime import UTC, datetime
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.diagnostics import DOMAIN as DIAGNOSTICS
from homeassistant.components.sensor import SensorStateClass
from homeassistant.core import HomeAssistant, State
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.orator.providers.errors import LimitReachedError
from custom_components.orator.providers.models import Usage
from tests.simulator import Simulator
from tests.support.limits import set_limits, use
from tests.support.speech import create_account, get_issue, get_sensor, get_speech_requests, speak


@pytest.fixture
def entry(simulator: Simulator) -> MockConfigEntry:
    """Return an account with prices in dollars."""
    return create_account(simulator, "nanogpt", {"model": "Kokoro-82m", "voice": "af_bella"})


def get_limit(hass: HomeAssistant, name: str, device: str = "nanogpt") -> State:
    """Return the state of a number."""
    state = hass.states.get(f"number.{device}_{name}_limit")
    assert state, name
    return state


async def set_number(hass: HomeAssistant, name: str, value: float) -> None:
    """Set a limit with its number."""
    data = {"entity_id": f"number.nanogpt_{name}_limit", "value": value}
    await hass.services.async_call("number", "set_value", data, blocking=True)
    await hass.async_block_till_done()


async def test_numbers(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """The numbers show and set the limits at once; 0 is no limit, and other options are kept."""
    coordinator = account.runtime_data
    assert (get_limit(hass, "daily").state, get_limit(hass, "monthly").state) == ("0", "0")
    await set_limits(hass, account, monthly_limit=5.0, critical_may_exceed=True, other="kept")
    assert get_limit(hass, "monthly").state == "5"
    await set_number(hass, "daily", 0.25)
    assert get_limit(hass, "daily").state == "0.25"
    assert account.options == {
        "daily_limit": 0.25,
        "monthly_limit": 5.0,
        "critical_may_exceed": True,
        "limit_currency": "USD",
        "other": "kept",
    }
    await set_number(hass, "daily", 0)
    await set_number(hass, "monthly", 0)
    assert (get_limit(hass, "daily").state, get_limit(hass, "monthly").state) == ("0", "0")
    assert account.options == {"critical_may_exceed": True, "other": "kept"}
    assert account.runtime_data is coordinator


@pytest.mark.parametrize("value", [-1, 1e12, "nan"])
async def test_invalid_number(hass: HomeAssistant, account: MockConfigEntry, value: Any) -> None:
    """An invalid limit is an error, and the limit stays."""
    await set_number(hass, "daily", 0.25)
    with pytest.raises(ServiceValidationError):
        await set_number(hass, "daily", value)
    assert account.options == {"daily_limit": 0.25, "limit_currency": "USD"}


async def test_number_attributes(hass: HomeAssistant, account: MockConfigEntry, fallback_account: Any) -> None:
    """Limits are in the account's currency, or in characters if no price is known, and belong to the configuration."""
    for name in ("daily", "monthly"):
        attributes = get_limit(hass, name).attributes
        assert (attributes["unit_of_measurement"], attributes["min"], attributes["mode"]) == ("USD", 0, "box")
        attributes = get_limit(hass, name, "speechbase").attributes
        assert (attributes["unit_of_measurement"], attributes["min"], attributes["step"]) == ("characters", 0, 1)
        registered = er.async_get(hass).async_get(f"number.nanogpt_{name}_limit")
        assert registered is not None
        assert registered.entity_category == "config"


def get_precision(hass: HomeAssistant, entity_id: str) -> int | None:
    """Return the number of decimals that dashboards show."""
    registered = er.async_get(hass).async_get(entity_id)
    options = registered.options.get("sensor", {}) if registered else {}
    return options.get("suggested_display_precision")


async def test_left(hass: HomeAssistant, account: MockConfigEntry, freezer: FrozenDateTimeFactory) -> None:
    """The sensors show what is left of the limits, never less than 0, and again all when a period begins."""
    await hass.config.async_set_time_zone("UTC")
    freezer.move_to(datetime(2026, 12, 30, 12, tzinfo=UTC))
    await use(hass, account, 0.5)
    assert (get_sensor(hass, "left_today").state, get_sensor(hass, "left_this_month").state) == ("unknown", "unknown")
    assert "limit" not in get_sensor(hass, "left_today").attributes
    await set_limits(hass, account, daily_limit=1.0, monthly_limit=5.0)
    assert (get_sensor(hass, "left_today").state, get_sensor(hass, "left_this_month").state) == ("0.5", "4.5")
    attributes = get_sensor(hass, "left_today").attributes
    assert (attributes["limit"], attributes["used"], attributes["ends_at"]) == (1.0, 0.5, "2026-12-31T00:00:00+00:00")
    assert (attributes["unit_of_measurement"], attributes["state_class"]) == ("USD", SensorStateClass.MEASUREMENT)
    assert "device_class" not in attributes
    assert get_precision(hass, "sensor.nanogpt_left_today") == 4
    await use(hass, account, 0.7)
    assert (get_sensor(hass, "left_today").state, get_sensor(hass, "left_this_month").state) == ("0", "3.8")
    freezer.move_to(datetime(2026, 12, 31, 0, 0, 1, tzinfo=UTC))
    async_fire_time_changed(hass)
    await hass.async_block_till_done()
    assert (get_sensor(hass, "left_today").state, get_sensor(hass, "left_this_month").state) == ("1", "3.8")


async def test_left_in_characters(hass: HomeAssistant, fallback_account: MockConfigEntry) -> None:
    """Without known prices, the sensors show characters."""
    await set_limits(hass, fallback_account, daily_limit=1000.0)
    await use(hass, fallback_account, None, characters=250)
    left = get_sensor(hass, "left_today", "speechbase")
    assert (left.state, left.attributes["unit_of_measurement"]) == ("750", "characters")
    assert get_precision(hass, left.entity_id) == 0


async def test_reached_limit(hass: HomeAssistant, account: MockConfigEntry, simulator: Simulator) -> None:
    """A voice that would exceed the limit is not asked; the connection shows why, until the limit is raised."""
    await set_limits(hass, account, daily_limit=0.000001)
    with pytest.raises(HomeAssistantError, match="limit"):
        await speak(hass)
    await hass.async_block_till_done()
    assert not get_speech_requests(simulator)
    assert get_sensor(hass, "connection").state == "limit_reached"
    assert get_sensor(hass, "last_error", "ann").state == "limit_reached"
    assert hass.states.get("event.nanogpt_usage_limit").attributes["event_type"] == "limit_reached"
    assert get_issue(hass, account, "limit_reached")
    await set_number(hass, "daily", 10)
    assert hass.states.get("event.nanogpt_usage_limit").attributes["event_type"] == "limit_ended"
    assert not get_issue(hass, account, "limit_reached")
    assert get_sensor(hass, "connection").state == "connected"
    assert await speak(hass)


async def test_diagnostics(hass: HomeAssistant, account: MockConfigEntry, hass_client: ClientSessionGenerator) -> None:
    """Diagnostics contain the limits and what is used of them."""
    await set_limits(hass, account, daily_limit=1.0, critical_may_exceed=True)
    await use(hass, account, 0.9)
    assert await async_setup_component(hass, DIAGNOSTICS, {})
    client = await hass_client()
    response = await client.get(f"/api/diagnostics/config_entry/{account.entry_id}")
    data = (await response.json())["data"]
    assert (data["limits"]["unit"], data["limits"]["critical_may_exceed"]) == ("USD", True)
    assert (data["limits"]["day"]["used"], data["limits"]["day"]["is_near"]) == (0.9, True)
    assert data["limits"]["month"] is None
    assert [issue["id"] for issue in data["issues"]] == ["limit_near_day"]


@pytest.mark.parametrize("is_loaded", [True, False])
async def test_new_limit_after_refusal(hass: HomeAssistant, account: MockConfigEntry, *, is_loaded: bool) -> None:
    """A new limit is not reached because of a request that did not fit in the previous one."""
    await set_limits(hass, account, daily_limit=1.0)
    await use(hass, account, 0.5)
    with pytest.raises(LimitReachedError):
        account.runtime_data.limiter.reserve(Usage(5, 1, 0.6, "USD"))
    await hass.async_block_till_done()
    assert account.runtime_data.health.is_open
    if not is_loaded:
        await hass.config_entries.async_unload(account.entry_id)
    hass.config_entries.async_update_entry(account, options={"daily_limit": 1.05})
    if not is_loaded:
        await hass.config_entries.async_setup(account.entry_id)
    await hass.async_block_till_done()
    assert not account.runtime_data.health.is_open
