"""Time and memory that Orator takes in a Home Assistant before it has spoken: run as a program, in a new process.

Prints JSON. The first argument is the address of the provider.
"""

import asyncio
import gc
from importlib import import_module
import json
import os
from pathlib import Path
import sys
from time import process_time
from typing import Final

from homeassistant.runner import create_event_loop
import psutil  # type: ignore[import-untyped]

from .conditions import api_key_of
from .home_assistant import add_orator, run_in_process

_INTEGRATION: Final = Path(__file__).parents[1] / "custom_components" / "orator"
_SPEED: Final = "at once"
_MIB: Final = 1024 * 1024


def _import_integration() -> None:
    """Import the modules that Home Assistant imports for an account, from files that the system has cached."""
    for file in sorted(_INTEGRATION.glob("*.py")):
        import_module(f"custom_components.orator.{file.stem}".removesuffix(".__init__"))


def _memory_mib() -> float:
    gc.collect()
    return float(psutil.Process().memory_info().rss / _MIB)


async def _measure(url: str) -> dict[str, float | bool]:
    async with run_in_process({}) as instance:
        before_mib, before_s = _memory_mib(), process_time()
        _import_integration()
        import_s, imported_mib = process_time() - before_s, _memory_mib()
        await add_orator(instance.hass, api_key_of(_SPEED), url)
        return {
            "import_s": import_s,
            "import_mib": imported_mib - before_mib,
            "account_mib": _memory_mib() - imported_mib,
            "has_pyav": "av" in sys.modules,
        }


def main() -> None:
    """Measure, and print the result."""
    with asyncio.Runner(loop_factory=create_event_loop) as runner:
        measured = runner.run(_measure(sys.argv[1]))
    sys.stdout.write(json.dumps(measured) + "\n")
    sys.stdout.flush()
    os._exit(0)  # skips the interpreter's cleanup of Home Assistant's modules, which takes seconds


if __name__ == "__main__":
    main()
