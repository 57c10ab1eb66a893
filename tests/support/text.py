"""Helpers of the tests of text: cleaning it, and measuring whether a function takes linear time."""

from collections.abc import Callable, Sequence
import time

from custom_components.orator.text import Replacement, TextCleaner


def clean(*deltas: str, replacements: Sequence[Replacement] = (), reads_markup: bool = True) -> str:
    """Return the spoken words of a text that is fed in deltas."""
    cleaner = TextCleaner(replacements, clean=reads_markup)
    return "".join(map(cleaner.feed, deltas)) + cleaner.finish()


def is_linear(action: Callable[[int], object], count: int = 100_000) -> bool:
    """Return whether `action(count)` takes at most 30 times as long as a tenth of it, in one of three measurements."""
    return any(_measure(action, count) < 30 * _measure(action, count // 10) + 0.01 for _ in range(3))


def _measure(action: Callable[[int], object], count: int) -> float:
    start = time.process_time()
    action(count)
    return time.process_time() - start
