"""The blueprint that warns when the balance runs low, as Home Assistant reads and runs it."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
import shutil
from typing import Any

from homeassistant.components.blueprint import BLUEPRINT_SCHEMA, Blueprint
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from homeassistant.util.yaml import load_yaml_dict
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
    async_fire_time_changed,
)

from ..simulator import Fault, Simulator
from ..support.speech import account_of

BLUEPRINT = Path(__file__).parents[2] / "blueprints" / "automation" / "orator" / "low_balance.yaml"
ENTITY = "sensor.nanogpt_balance"


@pytest.fixture
def entry(simulator: Simulator) -> MockConfigEntry:
    """Describe an account that tells its balance."""
    return account_of(simulator, "nanogpt", {"model": "Kokoro-82m", "voice": "af_bella"})


@pytest.fixture
async def automate(hass: HomeAssistant, account: MockConfigEntry) -> Callable[..., Awaitable[list[Any]]]:
    """Return what makes an automation of the blueprint, and what it tells."""

    async def make(amount: float, **inputs: Any) -> list[Any]:
        folder = Path(hass.config.path("blueprints", "automation", "orator"))
        await hass.async_add_executor_job(partial(shutil.copytree, BLUEPRINT.parent, folder))
        told = async_capture_events(hass, "warned")
        data = {"left": "{{ left }}", "currency": "{{ currency }}", "account": "{{ account }}"}
        warning = [{"event": "warned", "event_data": data}]
        chosen = {"balance": ENTITY, "amount": amount, "warning": warning, **inputs}
        used = {"path": "orator/low_balance.yaml", "input": chosen}
        assert await async_setup_component(hass, "automation", {"automation": [{"use_blueprint": used}]})
        await hass.async_block_till_done(wait_background_tasks=True)
        return told

    return make


async def left(hass: HomeAssistant, simulator: Simulator, amount: str | None) -> None:
    """Let an hour pass after which there is another balance, or none that is known."""
    simulator.nanogpt.balance = Decimal(amount or 0)
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=61))
    await hass.async_block_till_done(wait_background_tasks=True)
    shown = hass.states.get(ENTITY).state
    assert (float(shown) == float(amount)) if amount else (shown == "unavailable")


def test_blueprint_is_valid() -> None:
    """Home Assistant takes it, and nothing in it is left unset."""
    blueprint = Blueprint(
        load_yaml_dict(str(BLUEPRINT)), expected_domain="automation", path=BLUEPRINT.name, schema=BLUEPRINT_SCHEMA
    )
    assert blueprint.validate() is None
    assert set(blueprint.inputs) == {"balance", "amount", "warning"}
    assert blueprint.metadata["source_url"].endswith(f"/main/blueprints/automation/orator/{BLUEPRINT.name}")


async def test_low_balance_is_told_once(
    hass: HomeAssistant, simulator: Simulator, automate: Callable[..., Awaitable[list[Any]]]
) -> None:
    """A warning comes when the balance falls below the amount, and again only after it has risen."""
    told = await automate(5)
    await left(hass, simulator, "6")
    assert not told
    await left(hass, simulator, "4.25")
    await left(hass, simulator, "3")
    assert [event.data for event in told] == [{"left": 4.25, "currency": "USD", "account": "NanoGPT"}]
    await left(hass, simulator, "20")
    await left(hass, simulator, "1")
    assert len(told) == 2


@pytest.mark.parametrize("is_late", [False, True], ids=["known", "late"])
async def test_low_balance_is_told_at_start(
    hass: HomeAssistant,
    simulator: Simulator,
    account: MockConfigEntry,
    automate: Callable[..., Awaitable[list[Any]]],
    *,
    is_late: bool,
) -> None:
    """What has been spent while Home Assistant was off is told once, also if the balance is known only later."""
    await hass.async_block_till_done(wait_background_tasks=True)
    if is_late:
        simulator.fail(Fault(path="/api/check-balance", status=503))
        await left(hass, simulator, None)
    hass.set_state(CoreState.not_running)
    told = await automate(500)
    await hass.async_start()
    await hass.async_block_till_done(wait_background_tasks=True)
    if is_late:
        assert not told
        await left(hass, simulator, "129.5")
    assert [event.data["account"] for event in told] == ["NanoGPT"]


async def test_sum_of_what_was_spent_is_no_balance(
    hass: HomeAssistant, account: MockConfigEntry, automate: Callable[..., Awaitable[list[Any]]]
) -> None:
    """Whoever picks a sensor of what was spent, which is low each morning, is not warned for it."""
    hass.set_state(CoreState.not_running)
    told = await automate(5, balance="sensor.nanogpt_spent_today")
    assert float(hass.states.get("sensor.nanogpt_spent_today").state) < 5
    await hass.async_start()
    await hass.async_block_till_done(wait_background_tasks=True)
    assert not told
