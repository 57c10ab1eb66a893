"""What `script/e2e` prints, and what it counts."""
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
_EXPECTED: Final = (AssertionError, ApiError, BrowserError, OSError, ProgramError, TimeoutError)


class ChapterFailedError(Exception):
    """A step went wrong, so that those after it make no sense."""


class Report:
    """Steps, one after the other, and how they went.

    on_failure: what is done as soon as a step goes wrong, such as taking a picture; it says what it did.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self.passed = 0
        self.failed = 0
        self.on_failure: Callable[[], Awaitable[str]] | None = None

    @asynccontextmanager
    async def step(self, name: str) -> AsyncGenerator[None]:
        """Do what is inside of the `async with`, and tell how it went."""
        begun = time.monotonic()
        try:
            yield
        except _EXPECTED as err:
            self.failed += 1
            _say(f"FAILED  {name}")
            print(f"        {type(err).__name__}: {err}", file=sys.stderr, flush=True)
            if self.on_failure is not None:
                print(f"        {await self.on_failure()}", file=sys.stderr, flush=True)
            raise ChapterFailedError(name) from err
        self.passed += 1
        _say(f"ok {time.monotonic() - begun:4.1f}  {name}")

    def conclude(self, log: str) -> int:
        """Print the result and, after a failure, what Home Assistant says; return the exit code."""
        if self.failed:
            print("The end of Home Assistant's log:", log or "(empty)", sep="\n", file=sys.stderr, flush=True)
        print(f"e2e: {self.passed} passed, {self.failed} failed", flush=True)
        return 1 if self.failed else 0


def progress(message: str) -> None:
    """Say what happens now."""
    _say(f"        {message}")


def _say(message: str) -> None:
    print(f"{time.monotonic() - _STARTED:5.1f} s  {message}", flush=True)
