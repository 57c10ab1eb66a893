"""Fixtures for the tests of the audio package."""

import asyncio
from collections.abc import AsyncIterator
import os
from pathlib import Path

import pytest


@pytest.fixture
async def nothing_is_left() -> AsyncIterator[None]:
    """Check that a test leaves no process, open file or task."""

    def resources() -> tuple[str, int]:
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
        return children, len(list(Path("/proc/self/fd").iterdir()))

    before, tasks = resources(), asyncio.all_tasks()
    yield
    await asyncio.sleep(0.01)
    assert resources() == before
    assert not asyncio.all_tasks() - tasks - {asyncio.current_task()}
