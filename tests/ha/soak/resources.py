"""Resources that the process uses."""

import asyncio
import ctypes
from dataclasses import dataclass
import gc
import os
from pathlib import Path
from typing import Final

_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Resources:
    """Resident memory in MB, number of open files and sockets, number of tasks."""

    memory: float
    files: int
    tasks: int

    @classmethod
    def measure(cls) -> Resources:
        """Measure after releasing unused memory."""
        gc.collect()
        if malloc_trim := getattr(ctypes.CDLL(None), "malloc_trim", None):  # glibc only
            malloc_trim(0)
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return cls(pages * _PAGE_BYTES / 1e6, len(list(Path("/proc/self/fd").iterdir())), len(asyncio.all_tasks()))
