"""Pytest plugin for tests that do not use Home Assistant: `pytest -p tests.without_home_assistant tests/unit`.

It keeps Home Assistant's test harness from loading and makes every import of Home Assistant fail. The integration's
packages below Home Assistant (`audio`, `pipeline`, `providers`, `text`) are imported without the integration's own
`__init__.py`, which imports Home Assistant.
"""

from tests.support.asyncio_debug import shorten_stacks_of_aiohttp  # noqa: I001 - before asyncio

import asyncio
from collections.abc import AsyncGenerator
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
import inspect
from math import inf
from pathlib import Path
import sys
import threading

import pytest
import pytest_socket

import custom_components

shorten_stacks_of_aiohttp()
_INTEGRATION = Path(__file__).parents[1] / "custom_components" / "orator"


def pytest_addoption(pluginmanager: pytest.PytestPluginManager) -> None:
    """Block the harness before pytest loads the installed plugins."""
    pluginmanager.set_blocked("homeassistant")
    sys.modules["homeassistant"] = None  # type: ignore[assignment]
    spec = ModuleSpec("custom_components.orator", loader=None, is_package=True)
    spec.submodule_search_locations = [str(_INTEGRATION)]
    package = module_from_spec(spec)
    sys.modules[spec.name] = package
    custom_components.orator = package  # type: ignore[attr-defined]


def pytest_runtest_setup() -> None:
    """Refuse connections to other machines; the fixture `socket_enabled` allows those to this one."""
    pytest_socket.socket_allow_hosts(["127.0.0.1"])
    pytest_socket.disable_socket(allow_unix_socket=True)


@pytest.fixture(autouse=True)
def verify_cleanup(request: pytest.FixtureRequest) -> None:
    """Verify that asynchronous tests leave no task or thread behind, as the harness does."""
    if inspect.iscoroutinefunction(request.function):
        request.getfixturevalue("verify_async_cleanup")


@pytest.fixture
async def verify_async_cleanup() -> AsyncGenerator[None]:
    """Verify that no task or thread is left behind. Set up before, and torn down after, all other fixtures."""
    asyncio.get_running_loop().slow_callback_duration = inf  # on a busy machine, any callback may be slow
    tasks, threads = asyncio.all_tasks(), set(threading.enumerate())
    yield
    await asyncio.get_running_loop().shutdown_default_executor()
    assert asyncio.all_tasks() - tasks - {asyncio.current_task()} == set()
    left = set(threading.enumerate()) - threads
    assert {thread for thread in left if "_run_safe_shutdown_loop" not in thread.name} == set()  # of pycares
