"""Time for which the event loop is blocked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
import gc
from typing import Any, Final

from tests.support.streams import SATELLITE

from ..candidates import Candidate, Delivery
from ..conditions import NORMAL_SPEED
from ..environment import Environment
from ..listener import record
from ..loop_monitor import LoopMonitor
from ..results import ORATOR, Goal, Results, SeriesKey, Unit
from ..texts import Message, essay, reply, sentence

LOOP: Final = "loop"
_HANDLE: Final = "longest handle"
_ORATOR: Final = "longest in Orator"
_COLLECTION: Final = "longest garbage collection"
_MAX_BLOCKED_MS: Final = 10.0
_FORMATS: Final[Mapping[str, Mapping[str, Any]]] = {
    "mp3": {},
    "wav": {"preferred_format": "wav"},
    "satellite": SATELLITE,
}


@dataclass(frozen=True, slots=True)
class _Case:
    name: str
    speed: str
    create_message: Callable[[], Message]


async def measure(environment: Environment, results: Results) -> None:
    """Monitor a usual reply, and a long text whose audio arrives at once."""
    characters = environment.effort.size(12_000, 4_500)
    cases = (
        _Case("reply", NORMAL_SPEED, lambda: reply(environment.effort.size(4, 1))),
        _Case(f"{characters} chars from a provider without limit", "at once", lambda: essay(characters)),
    )
    for name, options in _FORMATS.items():
        for case in cases:
            case_name = f"{name}, {case.name}"
            for _ in range(environment.effort.size(2, 1)):
                await _monitor(results, case_name, case, environment.orator(case.speed), options)
            if not environment.effort.quick and not options:
                await _monitor(results, case_name, case, environment.openai(case.speed), options)
            environment.clear_cache()


async def _monitor(results: Results, name: str, case: _Case, candidate: Candidate, options: Mapping[str, Any]) -> None:
    gc.collect()
    with LoopMonitor() as monitor:
        await record(candidate, sentence(), options, Delivery.STREAM)
        monitor.reset()
        recording = await record(candidate, case.create_message(), options, Delivery.STREAM)
    key = SeriesKey(LOOP, name, candidate.name, Delivery.STREAM)
    results.add(key, _HANDLE, monitor.handle.seconds * 1000, Unit.MILLISECONDS)
    if monitor.collection:
        results.add(key, _COLLECTION, monitor.collection * 1000, Unit.MILLISECONDS)
    if candidate.name == ORATOR:
        blocked = monitor.orator.seconds * 1000
        results.add(key, _ORATOR, recording.failure or blocked, Unit.MILLISECONDS)
        if blocked > _MAX_BLOCKED_MS:
            results.add_note(LOOP, f"{name}: {blocked:.0f} ms, most of it in {monitor.orator.function}")


def add_goals(results: Results) -> None:
    """Add the limit for Orator's code."""
    for series in [series for series in results.series if series.key.row == LOOP and series.metric == _ORATOR]:
        note = series.failures[0] if series.failures else "with Orator on the stack, without garbage collection"
        text = f"{series.key.case}: event loop never blocked for over {_MAX_BLOCKED_MS:.0f} ms"
        value = None if series.failures else series.worst
        results.goals.append(Goal(LOOP, text, _MAX_BLOCKED_MS, value, Unit.MILLISECONDS, note))
