"""Fixtures for all tests: the simulated providers over real sockets."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.simulator import CompatibleServer, Simulator
from tests.simulator.openai_compatible.profile import Profile


@pytest.fixture
async def simulator(socket_enabled: None) -> AsyncGenerator[Simulator]:
    """Run the simulated providers. Connections to other machines stay refused."""
    async with Simulator() as running:
        yield running


@pytest.fixture
async def compatible(socket_enabled: None) -> AsyncGenerator[Callable[[Profile], Awaitable[CompatibleServer]]]:
    """Return a function that starts an OpenAI-compatible server with a profile, each on a port of its own."""
    async with AsyncExitStack() as running:

        async def start(profile: Profile) -> CompatibleServer:
            return await running.enter_async_context(CompatibleServer(profile))

        yield start


@pytest.fixture
async def ignore_broken_connections() -> None:
    """Ignore connections that break.

    The simulated servers report them to the event loop, and the test harness fails a test for every report.
    """
    loop = asyncio.get_running_loop()
    default_handler = loop.get_exception_handler()

    def ignore_connection_errors(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if default_handler and not isinstance(context.get("exception"), ConnectionError):
            default_handler(loop, context)

    loop.set_exception_handler(ignore_connection_errors)
