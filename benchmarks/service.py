"""The provider's process, as the benchmark sees it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
import json
from pathlib import Path
import sys
from typing import Any, Final

_ROOT: Final = Path(__file__).parents[1]
_START_TIMEOUT: Final = 60.0  # seconds
_STOP_TIMEOUT: Final = 5.0
_LONGEST_LINE: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """A request for message that the provider got."""

    voice: str
    text: str
    status: int | None


@dataclass(frozen=True, slots=True)
class Service:
    """The provider. urls: the base URLs of OpenAI's API at each speed."""

    urls: dict[str, str]
    _process: asyncio.subprocess.Process
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _requests: dict[str, list[Request]] = field(default_factory=dict)

    async def requests(self, speed: str, voice: str) -> list[Request]:
        """Return the requests for a voice so far, in the order of their arrival."""
        if self._process.stdin is None:
            raise RuntimeError("the provider listens to nobody")
        async with self._turn:
            self._process.stdin.write(b"\n")
            for name, requests in (await _read(self._process)).items():
                self._requests.setdefault(name, []).extend(Request(**request) for request in requests)
        return [request for request in self._requests.get(speed, []) if request.voice == voice]


@asynccontextmanager
async def run_service() -> AsyncGenerator[Service]:
    """Run the provider until the end of the `async with`."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", f"{__package__}.provider"),
        cwd=_ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LONGEST_LINE,
        start_new_session=True,  # Ctrl+C is for us; we end the provider
    )
    try:
        async with asyncio.timeout(_START_TIMEOUT):
            urls = await _read(process)
        yield Service(urls, process)
    finally:
        await _end(process)


async def _read(process: asyncio.subprocess.Process) -> dict[str, Any]:
    """Read an answer."""
    line = await process.stdout.readline() if process.stdout else b""
    if not line:
        raise RuntimeError("the simulated provider has ended by itself")
    answer: dict[str, Any] = json.loads(line)
    return answer


async def _end(process: asyncio.subprocess.Process) -> None:
    """Let the process finish, and see to it that it does."""
    if process.stdin:
        process.stdin.close()
    with suppress(TimeoutError):
        async with asyncio.timeout(_STOP_TIMEOUT):
            await process.wait()
    if process.returncode is None:
        process.kill()
        await process.wait()
