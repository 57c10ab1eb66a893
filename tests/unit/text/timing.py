"""Measurement of the time that functions take."""

from collections.abc import Callable
import time


def is_linear(action: Callable[[int], object]) -> bool:
    """Return whether 100,000 takes about ten times as long as 10,000, measured up to three times."""
    return any(_measure(action, 100_000) < 30 * _measure(action, 10_000) + 0.01 for _ in range(3))


def _measure(action: Callable[[int], object], count: int) -> float:
    start = time.process_time()
    action(count)
    return time.process_time() - start
