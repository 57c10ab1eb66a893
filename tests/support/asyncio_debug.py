"""Debug mode of asyncio and aiohttp without its long stack traces. Import this before asyncio.

In debug mode, which the test harness enables, every future, task, handle, request and response stores where it was
created. Extracting the whole stack, which is deep in tests, took a third of the CPU time of the tests with Home
Assistant. The innermost frame is enough to find the place; the other checks of the debug mode are not affected.
"""

from importlib import import_module
import sys
import traceback
from types import FrameType, SimpleNamespace

_extract_stack = traceback.extract_stack


def _extract_innermost_frame(f: FrameType | None = None, limit: int | None = None) -> traceback.StackSummary:
    frame = sys._getframe(1) if f is None else f
    code = frame.f_code
    place = traceback.FrameSummary(code.co_filename, frame.f_lineno, code.co_name, lookup_line=False)
    return traceback.StackSummary([place])


traceback.extract_stack = _extract_innermost_frame
import _asyncio  # noqa: E402, F401 - stores a reference to the function

traceback.extract_stack = _extract_stack

import asyncio.format_helpers  # noqa: E402

asyncio.format_helpers.extract_stack = _extract_innermost_frame


def shorten_stacks_of_aiohttp() -> None:
    """Let aiohttp store only the innermost frame with sessions, connections, requests and responses."""
    short = SimpleNamespace(StackSummary=traceback.StackSummary, extract_stack=_extract_innermost_frame)
    for module in ("client", "client_reqrep", "connector"):
        import_module(f"aiohttp.{module}").traceback = short
