"""Fixtures for the tests of the providers: what they speak through, without Home Assistant."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aiohttp import ClientSession, TCPConnector
import pytest

from custom_components.orator.providers.addresses import public_socket
from custom_components.orator.providers.base import HttpSessions
from custom_components.orator.providers.http import refuse_cross_origin_redirects
from custom_components.orator.providers.openai import OpenAIProvider
from tests.simulator import Simulator


@asynccontextmanager
async def _opened() -> AsyncGenerator[HttpSessions]:
    """Open the connections of an account, as Home Assistant's side makes them."""
    async with (
        ClientSession(trace_configs=[refuse_cross_origin_redirects()]) as own,
        ClientSession(connector=TCPConnector(socket_factory=public_socket)) as public,
    ):
        yield HttpSessions(own, public)


@pytest.fixture
async def connections(simulator: Simulator) -> AsyncGenerator[HttpSessions]:
    """Return the connections of an account."""
    async with _opened() as connections:
        yield connections


@pytest.fixture
async def other_connections(simulator: Simulator) -> AsyncGenerator[HttpSessions]:
    """Return the connections of an account that was loaded anew."""
    async with _opened() as connections:
        yield connections


@pytest.fixture
async def reader(simulator: Simulator, connections: HttpSessions) -> AsyncGenerator[OpenAIProvider]:
    """Return OpenAI, which reads aloud with its realtime models; what it says can be read back."""
    simulator.tongue = "tones"
    provider = OpenAIProvider(connections, {"base_url": simulator.openai_url}, simulator.api_key or "")
    yield provider
    await provider.async_close()
