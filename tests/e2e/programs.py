"""Debian's programs and their environment."""

import asyncio
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
import os
from pathlib import Path
import shutil
from typing import Final

_START_TIMEOUT_S: Final = 30.0
_POLL_S: Final = 0.05
_LOG_TAIL_CHARS: Final = 2000


class ProgramError(Exception):
    """A program is missing or does not work."""


@dataclass(frozen=True, slots=True)
class Programs:
    """Programs of the system, and those unpacked into the folder `prefix`."""

    prefix: Path | None

    def find(self, name: str) -> str:
        """Return the path of a program. Raises ProgramError."""
        path = shutil.which(name, path=self.environment["PATH"])
        if path is None:
            raise ProgramError(f"{name} is missing")
        return path

    @property
    def environment(self) -> Mapping[str, str]:
        """Environment in which the programs find their libraries, plug-ins and fonts."""
        if self.prefix is None:
            return os.environ
        usr = self.prefix / "usr"
        (libraries,) = usr.glob("lib/*-linux-gnu")
        folders = [libraries, *(path for path in libraries.iterdir() if path.is_dir())]
        system = f"/{libraries.relative_to(self.prefix)}"
        return {
            **os.environ,
            "PATH": _join_paths(usr / "lib/chromium", usr / "bin", os.environ["PATH"], "/usr/sbin", "/sbin"),
            "LD_LIBRARY_PATH": _join_paths(*folders),
            "GST_PLUGIN_SYSTEM_PATH_1_0": _join_paths(libraries / "gstreamer-1.0", f"{system}/gstreamer-1.0"),
            "XDG_DATA_HOME": str(usr / "share"),
        }


def _join_paths(*folders: object) -> str:
    return os.pathsep.join(map(str, folders))


async def wait_until_connected(
    connect: Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]], process: Process, log: Path
) -> None:
    """Wait until a program accepts connections. Raises ProgramError with the end of its log."""
    try:
        async with asyncio.timeout(_START_TIMEOUT_S):
            while process.returncode is None:
                try:
                    _, writer = await connect()
                except OSError:
                    await asyncio.sleep(_POLL_S)
                else:
                    writer.close()
                    return
    except TimeoutError:
        pass
    output = await asyncio.to_thread(log.read_text, errors="replace")
    raise ProgramError(f"{log.stem} does not accept connections:\n{output[-_LOG_TAIL_CHARS:]}")
