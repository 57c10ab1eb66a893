"""Programs that run beside the tests, and are gone afterwards with everything they have started."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
import os
from pathlib import Path
import signal
import socket
from typing import Final

LOCALHOST: Final = "127.0.0.1"
INTERRUPTED: Final = 130
"""The exit code of a program that a signal has ended, as shells have it."""
_STOP_TIMEOUT: Final = 10.0  # seconds


async def until_ended[Result](work: Awaitable[Result]) -> Result | None:
    """Do a program's work; a signal ends it in order, and then there is nothing."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        return None


@asynccontextmanager
async def running(
    command: Sequence[str], *, log: Path, folder: Path, environment: Mapping[str, str]
) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Run a program until the end of the `async with`; what it prints goes to a file."""
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=folder,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # Ctrl+C is for us; we end the program
        )
    try:
        yield process
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Let the process finish in order, then see to it that its whole session is gone."""
    try:
        with suppress(ProcessLookupError, TimeoutError):
            process.terminate()
            async with asyncio.timeout(_STOP_TIMEOUT):
                await process.wait()
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def free_port() -> int:
    """Return a port of this computer that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((LOCALHOST, 0))
        port: int = probe.getsockname()[1]
        return port
