"""Fixtures for the tests of the simulator."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.simulator import Simulator


@pytest.fixture(autouse=True)
def sockets(socket_enabled: None) -> None:
    """Allow connections to 127.0.0.1, also to the tests that start the simulator themselves."""


@pytest.fixture
async def client(simulator: Simulator) -> AsyncIterator[aiohttp.ClientSession]:
    """Open a session that has the right key and that notices everything that is wrong with an answer."""
    headers = {"Authorization": f"Bearer {simulator.api_key}"}
    async with aiohttp.ClientSession(simulator.url, headers=headers) as session:
        yield session
