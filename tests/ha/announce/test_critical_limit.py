"""Critical announcements may exceed the usage limits of an account if it allows them to."""

from typing import Any

from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.providers.errors import Outage
from custom_components.orator.providers.models import Usage
from tests.simulator import Fault, Simulator
from tests.support.controlled_player import ControlledPlayer, get_result
from tests.support.speech import create_account, get_speech_requests, load_account

from .conftest import Announce


async def reach_limit(hass: HomeAssistant, account: MockConfigEntry, **options: Any) -> None:
    """Set a limit that is already reached."""
    hass.config_entries.async_update_entry(account, options={"daily_limit": 1, **options})
    account.runtime_data.usage.async_add(Usage(10, 1, 1.0, account.runtime_data.data.currency))
    await hass.async_block_till_done()


async def test_critical_announcement(
    hass: HomeAssistant,
    simulator: Simulator,
    account: MockConfigEntry,
    kitchen: ControlledPlayer,
    announce: Announce,
) -> None:
    """Only critical announcements exceed a limit, and only if the account allows it; the limit stays reached."""
    for is_allowed in (False, True):
        await reach_limit(hass, account, critical_may_exceed=is_allowed)
        assert get_result(await announce("Dinner"))["status"] == "failed"
        call = announce("Fire", priority="critical")
        if is_allowed:
            await kitchen.wait_for("fire")
            kitchen.finish()
        assert get_result(await call)["status"] == ("played" if is_allowed else "failed")
        assert len(get_speech_requests(simulator)) == is_allowed
        assert account.runtime_data.health.outage is Outage.LIMIT_REACHED


async def test_critical_with_fallback(
    hass: HomeAssistant,
    simulator: Simulator,
    account: MockConfigEntry,
    kitchen: ControlledPlayer,
    announce: Announce,
) -> None:
    """Critical announcements exceed the limits of the voice and of its fallback; others are spoken by the fallback."""
    voice = {"model": "openai/tts-1", "voice": "nova", "fallback": ["tts.ann"]}
    own = await load_account(hass, create_account(simulator, "speechbase", voice, "Ben"))
    await reach_limit(hass, own, critical_may_exceed=True)
    for message, priority, speaker in (("Dinner", "normal", "tts.ann"), ("Fire", "critical", "tts.ben")):
        call = announce(message, priority=priority, tts_entity_id="tts.ben")
        await kitchen.wait_for(*(["dinner"] if message == "Dinner" else ["dinner", "fire"]))
        kitchen.finish()
        assert get_result(await call)["spoken_by"] == [speaker]
    await reach_limit(hass, account, critical_may_exceed=True)
    simulator.fail(Fault(path="*/speechbase/*", status=503, times=99))
    call = announce("Door", priority="critical", tts_entity_id="tts.ben")
    await kitchen.wait_for("dinner", "fire", "door")
    kitchen.finish()
    assert get_result(await call)["spoken_by"] == ["tts.ann"]
