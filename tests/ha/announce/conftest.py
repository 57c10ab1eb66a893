"""Fixtures of announcements: voices whose words can be decoded, and players that tests control."""

import asyncio
from collections.abc import Callable
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.orator.announce import playback, player as player_module, player_state
from tests.simulator import Simulator
from tests.support.controlled_player import ControlledPlayer, add_players, call_announce
from tests.support.players import Stage, StrictPlayer
from tests.support.speech import create_account

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
    player = ControlledPlayer("Kitchen")
    await add_players(hass, player)
    return player


@pytest.fixture
def announce(hass: HomeAssistant) -> Announce:
    """Return a function that starts the action `orator.announce` on the kitchen's player."""

    def start(message: str | None = None, **data: Any) -> asyncio.Task[dict[str, Any]]:
        if message is not None:
            data["message"] = message
        return hass.async_create_task(call_announce(hass, **data))

    return start


@pytest.fixture
async def assist_satellite(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """Set up satellites, before `stage` starts the web server."""
    assert await async_setup_component(hass, "assist_satellite", {})


@pytest.fixture
async def stage(hass: HomeAssistant, account: MockConfigEntry, hass_client: ClientSessionGenerator) -> Stage:
    """Return a stage for strict players, which fetch the audio over HTTP."""
    for component in ("media_source", "media_player"):
        assert await async_setup_component(hass, component, {})
    client = await hass_client()
    hass.config.internal_url = str(client.make_url("")).rstrip("/")
    return Stage(hass)


@pytest.fixture
async def player(stage: Stage) -> StrictPlayer:
    """Return a managed player with music."""
    player = await stage.add_player("dlna_dmr")
    player.start_music()
    return player


@pytest.fixture
def short_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait long for players that hang."""
    monkeypatch.setattr(player_module, "CALL_TIMEOUT_S", 0.3)
    monkeypatch.setattr(playback, "_CALL_TIMEOUT_S", 0.5)
    monkeypatch.setattr(playback, "_LOST_S", 0.2)
    monkeypatch.setattr(player_state, "_RETRY_DELAYS_S", (0.05, 0.05, 0.05))
