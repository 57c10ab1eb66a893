"""The queue of a speaker: order, interruptions, repetitions, duplicates and expiry."""

from typing import Any

from homeassistant.core import HomeAssistant

from tests.simulator import Simulator
from tests.support.controlled_player import ControlledPlayer
from tests.support.speech import get_speech_requests

from .conftest import Announce

KITCHEN = "media_player.kitchen"


def only(response: dict[str, Any]) -> dict[str, Any]:
    """Return the result of the only speaker of a response."""
    (result,) = response.values()
    return result


async def test_one_after_the_other(
    hass: HomeAssistant, simulator: Simulator, kitchen: ControlledPlayer, announce: Announce
) -> None:
    """Announcements are played in the order of their priority, then of their requests, and each is generated once."""
    dinner = announce("Dinner", volume_level=0.8)
    await kitchen.wait_for("dinner")
    others = [
        announce("Laundry", priority="low"),
        announce("Letter"),
        announce("Window"),
        announce("Door", priority="high"),
    ]
    for word in ("door", "letter", "window", "laundry"):
        kitchen.finish()
        await kitchen.wait_for(*kitchen.words, word)
    kitchen.finish()
    assert only(await dinner)["status"] == "played"
    assert [only(await other)["status"] for other in others] == ["played"] * 4
    await hass.async_block_till_done(wait_background_tasks=True)
    assert [heard.volume for heard in kitchen.heard] == [0.8, 0.5, 0.5, 0.5, 0.5]
    assert kitchen.volume_level == 0.5
    assert len(get_speech_requests(simulator)) == 5
