"""Fixtures of announcements: voices whose words can be decoded, and players that tests control."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from tests.simulator import Simulator
from tests.support.controlled_player import ControlledPlayer, add_players
from tests.support.speech import create_account

VOCABULARY = "dinner fire laundry letter window door"

type Announce = Callable[..., asyncio.Task[dict[str, Any]]]
"""Start the action `orator.announce` on the kitchen's player, and return the task with its response."""


@pytest.fixture
def entry(simulator: Simulator) -> MockConfigEntry:
    """Return an account whose speech can be decoded into words."""
    simulator.audio_mode = "tones"
    return create_account(simulator, "openai", {"model": "gpt-4o-mini-tts", "voice": "coral"})


@pytest.fixture
async def kitchen(hass: HomeAssistant, account: MockConfigEntry) -> ControlledPlayer:
    """Add the player `media_player.kitchen`."""
    player = ControlledPlayer("Kitchen", VOCABULARY)
    await add_players(hass, player)
    return player


async def call_announce(hass: HomeAssistant, **data: Any) -> dict[str, Any]:
    """Call the action and return its response."""
    target = data.pop("target", {"entity_id": "media_player.kitchen"})
    response = await hass.services.async_call(
        "orator", "announce", data, target=target, blocking=True, return_response=True
    )
    assert response is not None
    return response


@pytest.fixture
def announce(hass: HomeAssistant) -> Announce:
    """Return a function that starts the action `orator.announce` on the kitchen's player."""

    def start(message: str | None = None, **data: Any) -> asyncio.Task[dict[str, Any]]:
        if message is not None:
            data["message"] = message
        call: Coroutine[Any, Any, dict[str, Any]] = call_announce(hass, **data)
        return hass.async_create_task(call)

    return start
