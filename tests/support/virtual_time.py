"""An event loop whose time passes at once while nothing happens, for tests of timing that neither wait nor vary."""

import asyncio
from collections.abc import Coroutine
import selectors
from typing import Any, override


class _SkippingSelector(selectors.DefaultSelector):
    """A selector that adds the time it should have waited to the clock."""

    elapsed_s = 0.0

    @override
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0 if timeout is not None else None)
        if not events and timeout is not None:
            self.elapsed_s += max(0.0, timeout)
        return events


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop with a clock of its own. Threads and sockets must not be used."""

    def __init__(self) -> None:
        """Start the clock at 0."""
        self._virtual = _SkippingSelector()
        super().__init__(self._virtual)

    @override
    def time(self) -> float:
        return self._virtual.elapsed_s


def run_in_virtual_time[T](task: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in an event loop with a clock of its own."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(task)
