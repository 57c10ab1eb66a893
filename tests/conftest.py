"""Fixtures for all tests: Home Assistant itself, and the simulated providers over real sockets."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestClient
from homeassistant.components import tts
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util import executor
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from .simulator import Compatible, Simulator
from .simulator.compatible_terms import Profile
from .support.listening import SENTENCE, Hear, account_of

# On a busy machine idle threads need their time to end; Home Assistant interrupts them, and then some never do.
executor.EXECUTOR_SHUTDOWN_TIMEOUT = 100


@pytest.fixture(autouse=True)
def use_custom_integrations(enable_custom_integrations: None) -> None:
    """Let Home Assistant load Orator from this checkout."""


@pytest.fixture
def hass_config_dir(tmp_path: Path) -> str:
    """Give Home Assistant an empty configuration folder of its own, where it also keeps spoken texts."""
    return str(tmp_path)


@pytest.fixture
async def hass(hass: HomeAssistant) -> AsyncGenerator[HomeAssistant]:
    """Let what still speaks end with its test: Home Assistant cancels it then, but waits for it no longer.

    Its converter is not cancelled: before 2026.11 that leaves a program behind. It ends when nothing comes any more.
    """
    yield hass
    speaking = [task for task in asyncio.all_tasks() if task.get_name().startswith("tts_load")]
    for task in speaking:
        task.cancel()
    if speaking:
        await asyncio.wait(speaking, timeout=5)


@pytest.fixture
async def simulator(socket_enabled: None) -> AsyncGenerator[Simulator]:
    """Run the simulated providers. The harness allows connections to 127.0.0.1 and nowhere else."""
    async with Simulator() as running:
        yield running


@pytest.fixture
async def compatible(socket_enabled: None) -> AsyncGenerator[Callable[[Profile], Awaitable[Compatible]]]:
    """Return what starts a server that is compatible with OpenAI's, by its profile; each has a port of its own."""
    async with AsyncExitStack() as running:

        async def start(profile: Profile) -> Compatible:
            return await running.enter_async_context(Compatible(profile))

        yield start


@pytest.fixture
async def broken_connections() -> None:
    """Let connections break without a fuss.

    The simulated servers complain of them to the loop, and the harness takes every complaint for an error of ours.
    """
    loop = asyncio.get_running_loop()
    usual = loop.get_exception_handler()

    def forgive(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if usual and not isinstance(context.get("exception"), ConnectionError):
            usual(loop, context)

    loop.set_exception_handler(forgive)


@pytest.fixture
def entry(simulator: Simulator) -> MockConfigEntry:
    """Describe an account at the simulated OpenAI, with one voice that has nothing set but what it needs."""
    return account_of(simulator, "openai", {"model": "gpt-4o-mini-tts", "voice": "coral"})


@pytest.fixture
async def account(hass: HomeAssistant, entry: MockConfigEntry) -> MockConfigEntry:
    """Load the account: `tts.ann` can speak."""
    assert await async_setup_component(hass, "homeassistant", {})
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    return entry


@pytest.fixture
async def other(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> MockConfigEntry:
    """Load another account, which is at another service: `tts.ben` can speak for `tts.ann`."""
    entry = account_of(simulator, "speechbase", {"model": "openai/tts-1", "voice": "nova"}, "Ben")
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    return entry


@pytest.fixture
async def hear(hass: HomeAssistant, account: MockConfigEntry, hass_client: ClientSessionGenerator) -> Hear:
    """Return what a speaker gets that plays a message; nothing where Home Assistant answers with an error."""
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
