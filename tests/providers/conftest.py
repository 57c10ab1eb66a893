"""Fixtures for the tests of the providers: what they speak through, without Home Assistant."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aiohttp import ClientSession, TCPConnector
import pytest

from custom_components.orator.providers.base import Connections
from custom_components.orator.providers.downloads import public_socket
from custom_components.orator.providers.http import same_origin_only
from custom_components.orator.providers.openai import OpenAIProvider

from ..simulator import Simulator


@asynccontextmanager
async def _opened() -> AsyncGenerator[Connections]:
    """Open the connections of an account, as Home Assistant's side makes them."""
    async with (
        ClientSession(trace_configs=[same_origin_only()]) as own,
        ClientSession(connector=TCPConnector(socket_factory=public_socket)) as public,
    ):
        yield Connections(own, public)


@pytest.fixture
async def connections(simulator: Simulator) -> AsyncGenerator[Connections]:
    """Return the connections of an account."""
    async with _opened() as connections:
        yield connections


@pytest.fixture
async def other_connections(simulator: Simulator) -> AsyncGenerator[Connections]:
    """Return the connections of an account that was loaded anew."""
    async with _opened() as connections:
        yield connections


@pytest.fixture
async def reader(simulator: Simulator, connections: Connections) -> AsyncGenerator[OpenAIProvider]:
    """Return OpenAI, which reads aloud with its realtime models; what it says can be read back."""
    simulator.tongue = "tones"
    provider = OpenAIProvider(connections, {"base_url": simulator.openai_url}, simulator.api_key or "")
    yield provider
    await provider.async_close()
