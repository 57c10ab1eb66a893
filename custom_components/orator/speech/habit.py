"""How a voice usually begins and ends, and how long to wait for it."""

from collections import deque
from statistics import quantiles
from typing import Final

_REMEMBERED: Final = 32
_ENOUGH: Final = 5
"""Beginnings that tell what is usual."""
_TIMES_USUAL: Final = 3
_CUSTOM: Final = 3
"""Abrupt endings in a row that are no accident."""


class Habit:
    """Learns from each beginning and each ending of a voice."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._seconds: deque[float] = deque(maxlen=_REMEMBERED)
        self._abrupt_endings = 0

    @property
    def is_abrupt(self) -> bool:
        """Whether its sound always ends as if it were cut off: its server does so to everything."""
        return self._abrupt_endings >= _CUSTOM

    def end(self, *, is_abrupt: bool) -> None:
        """Take note of an ending."""
        self._abrupt_endings = self._abrupt_endings + 1 if is_abrupt else 0

    def add(self, seconds: float) -> None:
        """Take note of how many seconds it took to the first sound."""
        self._seconds.append(seconds)

    def patience(self, least: float, most: float) -> float:
        """Return how many seconds to wait before something must be wrong, between two limits; `most` at first."""
        if len(self._seconds) < _ENOUGH:
            return most
        slow = quantiles(self._seconds, n=10)[-1]
        return min(most, max(least, _TIMES_USUAL * slow))
