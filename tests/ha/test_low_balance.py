"""The low balance blueprint."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
import shutil
from typing import Any

from homeassistant.components.blueprint import BLUEPRINT_SCHEMA, Blueprint
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import load_yaml_dict
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
)

from tests.simulator import Fault, Simulator
from tests.support.speech import create_account, pass_time

BLUEPRINT = Path(__file__).parents[2] / "blueprints" / "automation" / "orator" / "low_balance.yaml"
ENTITY = "sensor.nanogpt_balance"


@pytest.fixture
def entry(simulator: Simulator) -> MockConfigEntry:
    """Return an account whose provider has a balance."""
    return create_account(simulator, "nanogpt", {"model": "Kokoro-82m", "voice": "af_bella"})


@pytest.fixture
async def automate(hass: HomeAssistant, account: MockConfigEntry) -> Callable[..., Awaitable[list[Any]]]:
    """Return a function that sets up the automation, and returns the list of its warnings."""

    async def set_up(amount: float, **inputs: Any) -> list[Any]:
        folder = Path(hass.config.path("blueprints", "automation", "orator"))
        await hass.async_add_executor_job(partial(shutil.copytree, BLUEPRINT.parent, folder))
        warnings = async_capture_events(hass, "warned")
        data = {"left": "{{ left }}", "currency": "{{ currency }}", "account": "{{ account }}"}
        action = [{"event": "warned", "event_data": data}]
        blueprint = {
            "path": "orator/low_balance.yaml",
            "input": {"balance": ENTITY, "amount": amount, "warning": action, **inputs},
        }
        assert await async_setup_component(hass, "automation", {"automation": [{"use_blueprint": blueprint}]})
        await hass.async_block_till_done(wait_background_tasks=True)
        return warnings

    return set_up


async def set_balance(hass: HomeAssistant, simulator: Simulator, amount: str | None) -> None:
    """Let the hourly refresh return a balance, or fail."""
    simulator.nanogpt.balance = Decimal(amount or 0)
    await pass_time(hass, minutes=61)
    state = hass.states.get(ENTITY).state
    assert (float(state) == float(amount)) if amount else (state == "unavailable")


def test_blueprint_is_valid() -> None:
    """Home Assistant accepts the blueprint, whose inputs are all used."""
    blueprint = Blueprint(
        load_yaml_dict(str(BLUEPRINT)), expected_domain="automation", path=BLUEPRINT.name, schema=BLUEPRINT_SCHEMA
    )
    assert blueprint.validate() is None
    assert set(blueprint.inputs) == {"balance", "amount", "warning"}
    assert blueprint.metadata["source_url"].endswith(f"/main/blueprints/automation/orator/{BLUEPRINT.name}")


def test_only_balances_are_offered(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """The entity picker offers the balance of an account, and no other sensor of Orator."""
    blueprint = load_yaml_dict(str(BLUEPRINT))["blueprint"]
    selector = blueprint["input"]["balance"]["selector"]["entity"]["filter"]
    offered = [
        entity.entity_id
        for entity in er.async_get(hass).entities.values()
        if (entity.platform, entity.domain) == (selector["integration"], selector["domain"])
        and (state := hass.states.get(entity.entity_id))
        and state.attributes.get("device_class") == selector["device_class"]
    ]
    assert selector.keys() == {"integration", "domain", "device_class"}
    assert offered == [ENTITY]
    assert hass.states.get("sensor.nanogpt_spent_today")


async def test_warning(
    hass: HomeAssistant, simulator: Simulator, automate: Callable[..., Awaitable[list[Any]]]
) -> None:
    """The automation warns once each time that the balance falls below the amount."""
    warnings = await automate(5)
    await set_balance(hass, simulator, "6")
    assert not warnings
    await set_balance(hass, simulator, "4.25")
    await set_balance(hass, simulator, "3")
    assert [event.data for event in warnings] == [{"left": 4.25, "currency": "USD", "account": "NanoGPT"}]
    await set_balance(hass, simulator, "20")
    await set_balance(hass, simulator, "1")
    assert len(warnings) == 2


@pytest.mark.parametrize("is_unknown", [False, True], ids=["known", "unknown"])
async def test_warning_at_start(
    hass: HomeAssistant,
    simulator: Simulator,
    account: MockConfigEntry,
    automate: Callable[..., Awaitable[list[Any]]],
    *,
    is_unknown: bool,
) -> None:
    """A low balance at start causes one warning, even if the balance is not known at first."""
    await hass.async_block_till_done(wait_background_tasks=True)
    if is_unknown:
        simulator.fail(Fault(path="/api/check-balance", status=503))
        await set_balance(hass, simulator, None)
    hass.set_state(CoreState.not_running)
    warnings = await automate(500)
    await hass.async_start()
    await hass.async_block_till_done(wait_background_tasks=True)
    if is_unknown:
        assert not warnings
        await set_balance(hass, simulator, "129.5")
    assert [event.data["account"] for event in warnings] == ["NanoGPT"]


async def test_cost_sensor_as_balance(
    hass: HomeAssistant, account: MockConfigEntry, automate: Callable[..., Awaitable[list[Any]]]
) -> None:
    """A cost sensor, which is low each morning, causes no warning."""
    hass.set_state(CoreState.not_running)
    warnings = await automate(5, balance="sensor.nanogpt_spent_today")
    assert float(hass.states.get("sensor.nanogpt_spent_today").state) < 5
    await hass.async_start()
    await hass.async_block_till_done(wait_background_tasks=True)
    assert not warnings
