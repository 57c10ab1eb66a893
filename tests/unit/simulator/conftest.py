"""Fixtures for the tests of the simulator."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.simulator import Simulator


@pytest.fixture(autouse=True)
def sockets(socket_enabled: None) -> None:
    """Allow connections to 127.0.0.1 in all tests."""


@pytest.fixture
async def client(simulator: Simulator) -> AsyncIterator[aiohttp.ClientSession]:
    """Open a session with the accepted key."""
    headers = {"Authorization": f"Bearer {simulator.api_key}"}
    async with aiohttp.ClientSession(simulator.url, headers=headers) as session:
        yield session
