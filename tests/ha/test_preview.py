"""A new account can be heard where it was added."""

from datetime import timedelta
import re

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import async_fire_time_changed
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from ..simulator import Fault, Simulator
from ..support.speech import spoken
from .test_config_flow import account_input, start


async def add_account(hass: HomeAssistant, simulator: Simulator) -> str:
    """Add an account, and return the address that its player shall play."""
    assert await async_setup_component(hass, "homeassistant", {})
    result = await hass.config_entries.flow.async_configure(await start(hass), account_input(simulator))
    await hass.async_block_till_done()
    assert result["description"] == "with_voice"
    element = re.fullmatch(
        r'<audio controls preload="none" src="([^"]+)"></audio>', result["description_placeholders"]["player"]
    )
    assert element
    return element[1]


async def test_first_voice_is_heard(
    hass: HomeAssistant, simulator: Simulator, hass_client_no_auth: ClientSessionGenerator
) -> None:
    """What is played is the first voice's sample, in the home's language; nothing is spoken before."""
    address = await add_account(hass, simulator)
    player = await hass_client_no_auth()
    assert not spoken(simulator)
    response = await player.get(address)
    assert (response.status, response.content_type) == (200, "audio/mpeg")
    assert len(await response.read()) > 1000
    (request,) = spoken(simulator)
    assert request["input"].startswith("Good morning!")
    assert (request["model"], request["voice"]) == ("gpt-4o-mini-tts", "coral")


async def test_twice_costs_once(
    hass: HomeAssistant, simulator: Simulator, hass_client_no_auth: ClientSessionGenerator
) -> None:
    """Who listens again hears what was made before."""
    address = await add_account(hass, simulator)
    player = await hass_client_no_auth()
    first, second = [await (await player.get(address)).read() for _ in range(2)]
    assert first == second
    assert len(spoken(simulator)) == 1


async def test_refusal_is_no_sound(
    hass: HomeAssistant, simulator: Simulator, hass_client_no_auth: ClientSessionGenerator
) -> None:
    """A service that does not speak is told as what it is."""
    address = await add_account(hass, simulator)
    player = await hass_client_no_auth()
    simulator.fail(Fault(path="*/audio/speech", status=400, json={"error": {"message": "No."}}))
    assert (await player.get(address)).status == 502


async def test_others_hear_nothing(
    hass: HomeAssistant, simulator: Simulator, hass_client_no_auth: ClientSessionGenerator
) -> None:
    """Only the address that was shown leads to the voice, and only as long as the account is there."""
    address = await add_account(hass, simulator)
    player = await hass_client_no_auth()
    assert (await player.get(f"{address}x")).status == 404
    (entry,) = hass.config_entries.async_entries("orator")
    await hass.config_entries.async_remove(entry.entry_id)
    assert (await player.get(address)).status == 404
    assert not spoken(simulator)


async def test_address_is_forgotten(
    hass: HomeAssistant, simulator: Simulator, hass_client_no_auth: ClientSessionGenerator
) -> None:
    """Nobody needs it later than it is shown; nothing that is remembered for it tells the key."""
    address = await add_account(hass, simulator)
    player = await hass_client_no_auth()
    assert simulator.api_key not in repr(hass.data["orator_setup_previews"])  # type: ignore[arg-type]
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=9))
    assert (await player.get(address)).status == 200
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(minutes=11))
    assert (await player.get(address)).status == 404
    assert not hass.data["orator_setup_previews"]  # type: ignore[arg-type]
