"""Fixtures for the provider tests, which run without Home Assistant."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aiohttp import ClientSession, TCPConnector
import pytest

from custom_components.orator.providers.addresses import local_socket, public_socket
from custom_components.orator.providers.http import HttpSessions, refuse_cross_origin_redirects
from custom_components.orator.providers.openai import OpenAIProvider
from tests.simulator import Simulator


@asynccontextmanager
async def _open_sessions() -> AsyncGenerator[HttpSessions]:
    """Open the HTTP sessions of an account as the integration creates them."""
    async with (
        ClientSession(trace_configs=[refuse_cross_origin_redirects()]) as api,
        ClientSession(connector=TCPConnector(socket_factory=public_socket)) as downloads,
        ClientSession(
            connector=TCPConnector(socket_factory=local_socket), trace_configs=[refuse_cross_origin_redirects()]
        ) as unencrypted,
    ):
        yield HttpSessions(api, downloads, unencrypted)


@pytest.fixture
async def sessions(simulator: Simulator) -> AsyncGenerator[HttpSessions]:
    """Return the HTTP sessions of an account."""
    async with _open_sessions() as sessions:
        yield sessions


@pytest.fixture
async def new_sessions(simulator: Simulator) -> AsyncGenerator[HttpSessions]:
    """Return the HTTP sessions of the account after it was reloaded."""
    async with _open_sessions() as sessions:
        yield sessions


@pytest.fixture
async def realtime_provider(simulator: Simulator, sessions: HttpSessions) -> AsyncGenerator[OpenAIProvider]:
    """Return an OpenAI provider for realtime models; the simulator encodes the words in tones."""
    simulator.audio_mode = "tones"
    provider = OpenAIProvider(sessions, {"base_url": simulator.openai_url}, simulator.api_key or "")
    yield provider
    await provider.close()
