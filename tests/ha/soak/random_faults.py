"""Faults that befall one request in five, whichever it is: always the same ones for a seed."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from random import Random
from typing import Final, override

from tests.ha.faults.endpoints import Route
from tests.ha.faults.failures import Wrong, wrongs_of
from tests.simulator.faults import NO_FAULT, Fault, FaultScript

SHARE: Final = 0.2


class Dice(FaultScript):
    """Decides about every request on its own."""

    def __init__(self, seed: str, route: Route) -> None:
        """Know what can go wrong on a route."""
        super().__init__()
        self._random = Random(seed)  # noqa: S311 - it is to be the same every time
        self._route = route
        self._paths = {"order": route.order, "sound": route.brings, "poll": route.poll}
        self._wrongs = tuple(wrong for wrong in wrongs_of(route) if not (wrong.shuts or wrong.fate))
        self.requests = 0
        self.fallen: Counter[str] = Counter()

    @override
    def take(self, method: str, path: str, about: str = "") -> Fault:
        """Return what befalls a request, mostly NO_FAULT. Questions about the account are always answered."""
        fitting = self._fitting(path)
        if not fitting:
            return NO_FAULT
        self.requests += 1
        if self._random.random() >= SHARE:
            return NO_FAULT
        wrong = self._random.choice(fitting)
        self.fallen[wrong.name] += 1
        return replace(wrong.fault, path="*")

    def _fitting(self, path: str) -> Sequence[Wrong]:
        return [wrong for wrong in self._wrongs if fnmatchcase(path, self._paths[wrong.at] or "-")]
