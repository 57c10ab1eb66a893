"""Output and result of the end-to-end test, and of `script/interop`."""
# ruff: noqa: T201

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
import sys
import time
from typing import Final

from playwright.async_api import Error as BrowserError

from tests.support.home_assistant import ApiError

from .programs import ProgramError

_STARTED: Final = time.monotonic()
_STEP_ERRORS: Final = (AssertionError, ApiError, BrowserError, OSError, ProgramError, TimeoutError)


class ChapterFailedError(Exception):
    """A step failed, so the rest of the chapter is skipped."""


class Report:
    """Results of the steps.

    title: name of the test.
    on_failure: awaited when a step fails; returns a message, such as the path of a screenshot.
    """

    def __init__(self, title: str) -> None:
        """Start without results."""
        self.title = title
        self.passed = 0
        self.failed = 0
        self.on_failure: Callable[[], Awaitable[str]] | None = None

    @asynccontextmanager
    async def step(self, name: str) -> AsyncGenerator[None]:
        """Run a step, and print its result."""
        started = time.monotonic()
        try:
            yield
        except _STEP_ERRORS as err:
            self.failed += 1
            _print(f"FAILED  {name}")
            print(f"        {type(err).__name__}: {err}", file=sys.stderr, flush=True)
            if self.on_failure is not None:
                print(f"        {await self.on_failure()}", file=sys.stderr, flush=True)
            raise ChapterFailedError(name) from err
        self.passed += 1
        _print(f"ok {time.monotonic() - started:4.1f}  {name}")

    def conclude(self, log: str) -> int:
        """Print the result, with Home Assistant's log after a failure, and return the exit code."""
        if self.failed:
            print("The end of Home Assistant's log:", log or "(empty)", sep="\n", file=sys.stderr, flush=True)
        print(f"{self.title}: {self.passed} passed, {self.failed} failed", flush=True)
        return 1 if self.failed else 0


def print_progress(message: str) -> None:
    """Print a message."""
    _print(f"        {message}")


def _print(message: str) -> None:
    print(f"{time.monotonic() - _STARTED:5.1f} s  {message}", flush=True)
