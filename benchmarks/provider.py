"""The simulated provider in a process of its own."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
import json
from pathlib import Path
import sys
from typing import Any, Final

from .conditions import ANY_KEY

_ROOT: Final = Path(__file__).parents[1]
_START_TIMEOUT_S: Final = 60.0
_STOP_TIMEOUT_S: Final = 5.0
_MAX_LINE_BYTES: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """A request for speech that the provider received."""

    voice: str
    text: str
    status: int | None


@dataclass(frozen=True, slots=True)
class Provider:
    """The running provider.

    urls: base URLs of its OpenAI API at each speed.
    any_key_url: base URL of a server of normal speed that accepts any API key.
    """

    urls: dict[str, str]
    any_key_url: str
    _process: asyncio.subprocess.Process
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _requests: dict[str, list[Request]] = field(default_factory=dict)

    async def requests(self, speed: str, voice: str) -> list[Request]:
        """Return the requests for a voice so far, in order."""
        if self._process.stdin is None:
            raise RuntimeError("the provider has no standard input")
        async with self._lock:
            self._process.stdin.write(b"\n")
            for name, requests in (await _read(self._process)).items():
                self._requests.setdefault(name, []).extend(Request(**request) for request in requests)
        return [request for request in self._requests.get(speed, []) if request.voice == voice]


@asynccontextmanager
async def run_provider() -> AsyncGenerator[Provider]:
    """Run the provider."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", f"{__package__}.provider_process"),
        cwd=_ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_MAX_LINE_BYTES,
        start_new_session=True,  # Ctrl+C does not reach the process
    )
    try:
        async with asyncio.timeout(_START_TIMEOUT_S):
            urls = await _read(process)
        any_key_url = urls.pop(ANY_KEY)
        yield Provider(urls, any_key_url, process)
    finally:
        await _stop(process)


async def _read(process: asyncio.subprocess.Process) -> dict[str, Any]:
    """Read a line of JSON."""
    line = await process.stdout.readline() if process.stdout else b""
    if not line:
        raise RuntimeError("the simulated provider has stopped")
    document: dict[str, Any] = json.loads(line)
    return document


async def _stop(process: asyncio.subprocess.Process) -> None:
    """Wait for a process to end, and kill it after a timeout."""
    if process.stdin:
        process.stdin.close()
    with suppress(TimeoutError):
        async with asyncio.timeout(_STOP_TIMEOUT_S):
            await process.wait()
    if process.returncode is None:
        process.kill()
        await process.wait()
