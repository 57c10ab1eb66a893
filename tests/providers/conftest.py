"""Fixtures for the tests of the providers: what they speak through, without Home Assistant."""

from collections.abc import AsyncGenerator

from aiohttp import ClientSession, TCPConnector
import pytest

from custom_components.orator.providers.base import Connections
from custom_components.orator.providers.downloads import public_socket

from ..simulator import Simulator


@pytest.fixture
async def connections(simulator: Simulator) -> AsyncGenerator[Connections]:
    """Open the connections of an account, as Home Assistant's side makes them."""
    async with (
        ClientSession() as own,
        ClientSession(connector=TCPConnector(socket_factory=public_socket)) as public,
    ):
        yield Connections(own, public)
