"""Helpers of the tests of text: cleaning it, and measuring whether a function takes linear time."""

from collections.abc import Callable, Sequence
import time

from custom_components.orator.text import Replacement, TextCleaner


def clean(*deltas: str, replacements: Sequence[Replacement] = (), reads_markup: bool = True) -> str:
    """Return the spoken words of a text that is fed in deltas."""
    cleaner = TextCleaner(replacements, clean=reads_markup)
    return "".join(map(cleaner.feed, deltas)) + cleaner.finish()


def is_linear(action: Callable[[int], object]) -> bool:
    """Return whether 100,000 takes about ten times as long as 10,000, measured up to three times."""
    return any(_measure(action, 100_000) < 30 * _measure(action, 10_000) + 0.01 for _ in range(3))


def _measure(action: Callable[[int], object], count: int) -> float:
    start = time.process_time()
    action(count)
    return time.process_time() - start
