"""Fixtures for tests with a running Home Assistant: accounts at the simulated providers, and playing a message."""

import asyncio
from collections.abc import AsyncGenerator
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestClient
from homeassistant.components import tts
from homeassistant.core import HomeAssistant
from homeassistant.util import executor
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.orator.providers.nanogpt import provider
from custom_components.orator.providers.nanogpt.provider import PollSettings
from tests.simulator import Fault, Simulator
from tests.support.speech import Hear, create_account, load_account
from tests.support.streams import SENTENCE

# On a busy machine, idle threads take long to end. Home Assistant would interrupt them, and some interrupted threads
# never end.
executor.EXECUTOR_SHUTDOWN_TIMEOUT = 100


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name a parameter that is a fault after its status or settings, and a dictionary after its keys."""
    if isinstance(val, Fault):
        settings = ("json", "body", "delay", "close", "truncate_after")
        return f"status {val.status}" if val.status else " ".join(name for name in settings if getattr(val, name))
    return (" ".join(map(str, val)) or "empty") if isinstance(val, dict) else None


@pytest.fixture(autouse=True)
def use_custom_integrations(enable_custom_integrations: None) -> None:
    """Make Home Assistant load Orator from this checkout."""


@pytest.fixture(autouse=True)
def poll_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Poll NanoGPT's jobs 20 times as often as it recommends, because the simulator is faster."""
    monkeypatch.setattr(provider, "PollSettings", partial(PollSettings, interval_s=0.1))


@pytest.fixture
def hass_config_dir(tmp_path: Path) -> str:
    """Return an empty configuration folder for each test; Home Assistant also caches speech in it."""
    return str(tmp_path)


@pytest.fixture
async def hass(hass: HomeAssistant) -> AsyncGenerator[HomeAssistant]:
    """Cancel running synthesis at the end of a test, and wait for it and for reloads; Home Assistant does neither.

    Its ffmpeg converter is not cancelled: before 2026.11 that would leave a process behind. It ends with its input.
    """
    yield hass
    tasks = asyncio.all_tasks()
    speaking = [task for task in tasks if task.get_name().startswith("tts_load")]
    for task in speaking:
        task.cancel()
    reloading = [task for task in tasks if task.get_name().startswith("config entry reload")]
    if ending := [*speaking, *reloading]:
        await asyncio.wait(ending, timeout=30)


@pytest.fixture
def entry(simulator: Simulator) -> MockConfigEntry:
    """Return an account at the simulated OpenAI, with a voice that has only its required settings."""
    return create_account(simulator, "openai", {"model": "gpt-4o-mini-tts", "voice": "coral"})


@pytest.fixture
async def account(hass: HomeAssistant, entry: MockConfigEntry) -> MockConfigEntry:
    """Load the account, which provides `tts.ann`."""
    return await load_account(hass, entry)


@pytest.fixture
async def fallback_account(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> MockConfigEntry:
    """Load a second account, at Speechbase, whose voice `tts.ben` can be a fallback of `tts.ann`."""
    entry = create_account(simulator, "speechbase", {"model": "openai/tts-1", "voice": "nova"}, "Ben")
    return await load_account(hass, entry)


@pytest.fixture
async def hear(hass: HomeAssistant, account: MockConfigEntry, hass_client: ClientSessionGenerator) -> Hear:
    """Return a function that fetches a message as a player does, empty if Home Assistant returns an error."""
    client: TestClient[Any, Any] = await hass_client()

    async def fetch(
        message: str | AsyncGenerator[str] = SENTENCE, *, language: str | None = None, **options: Any
    ) -> bytes:
        stream = tts.async_create_stream(hass, "tts.ann", language=language, options=options)
        if isinstance(message, str):
            stream.async_set_message(message)
        else:
            stream.async_set_message_stream(message)
        response = await client.get(stream.url)
        body = await response.read()
        await hass.async_block_till_done(wait_background_tasks=True)
        return body if response.status == 200 else b""

    return fetch
