"""Random faults of an endpoint, which a seed reproduces."""

from collections import Counter
from fnmatch import fnmatchcase
from random import Random
from typing import Final, override

from tests.ha.faults.endpoints import Endpoint
from tests.ha.faults.failures import get_failures
from tests.simulator.faults import NO_FAULT, Fault, FaultScript

_FAULT_PROBABILITY: Final = 0.2


class RandomFaults(FaultScript):
    """Faults of requests for speech, audio and job status; other requests succeed.

    requests: the number of these requests; faults: the number of failed ones by failure.
    """

    def __init__(self, seed: str, endpoint: Endpoint) -> None:
        """Choose among the failures of an endpoint."""
        super().__init__()
        self.requests = 0
        self.faults: Counter[str] = Counter()
        self._random = Random(seed)  # noqa: S311 - reproducible
        self._paths = {"speech": endpoint.speech_path, "audio": endpoint.audio_path, "poll": endpoint.poll_path}
        self._failures = [
            failure for failure in get_failures(endpoint) if not (failure.unreachable or failure.realtime_fault)
        ]

    @override
    def take(self, method: str, path: str, content: str = "") -> Fault:
        """Return the fault of a request, usually NO_FAULT."""
        candidates = [failure for failure in self._failures if fnmatchcase(path, self._paths[failure.request] or "-")]
        if not candidates:
            return NO_FAULT
        self.requests += 1
        if self._random.random() >= _FAULT_PROBABILITY:
            return NO_FAULT
        failure = self._random.choice(candidates)
        self.faults[failure.name] += 1
        return failure.fault
