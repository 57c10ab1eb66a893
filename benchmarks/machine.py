"""Description of the machine and of the versions."""

from importlib.metadata import version
import os
from pathlib import Path
import platform
import subprocess
from typing import Final

_ROOT: Final = Path(__file__).parents[1]
_PACKAGES: Final = ("homeassistant", "aiohttp", "openai", "numpy")


def description() -> dict[str, str]:
    """Return the machine and the versions."""
    return {
        "machine": f"{_processor()}, {os.process_cpu_count()} cores, {platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **{package: version(package) for package in _PACKAGES},
        "orator": _revision(),
    }


def _processor() -> str:
    """Return the name of the processor."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _revision() -> str:
    """Return the commit, marked if there are uncommitted changes."""
    try:
        command = ("git", "-C", str(_ROOT), "describe", "--always", "--dirty")
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603
    except OSError, subprocess.CalledProcessError:
        return "unknown"
