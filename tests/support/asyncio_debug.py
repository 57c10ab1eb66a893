"""Asyncio's debug mode without its long stack traces. Import this before asyncio.

In debug mode, which the test harness enables, every future, task and handle stores where it was created. Extracting the
whole stack, which is deep in tests, took a third of the CPU time of the tests with Home Assistant. The innermost frame
is enough to find the place; the other checks of the debug mode are not affected.
"""

import sys
import traceback
from types import FrameType

_extract_stack = traceback.extract_stack


def _extract_innermost_frame(f: FrameType | None = None, limit: int | None = None) -> traceback.StackSummary:
    frame = sys._getframe().f_back if f is None else f
    return traceback.StackSummary.extract(traceback.walk_stack(frame), limit=1, lookup_lines=False)


traceback.extract_stack = _extract_innermost_frame
import _asyncio  # noqa: E402, F401 - stores a reference to the function

traceback.extract_stack = _extract_stack

import asyncio.constants  # noqa: E402

asyncio.constants.DEBUG_STACK_DEPTH = 1
