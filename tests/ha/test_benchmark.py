"""The benchmark's way of adding an account."""

from homeassistant.core import HomeAssistant

from benchmarks.home_assistant import add_orator
from tests.simulator import Simulator


async def test_account_is_added(hass: HomeAssistant, simulator: Simulator) -> None:
    """The benchmark follows the forms to an account with a voice."""
    entity_id = await add_orator(hass, simulator.api_key or "", simulator.openai_url)
    assert hass.states.get(entity_id)
