"""Cost of chimes and loudness: time to the first audio, and CPU time."""

import asyncio
from collections.abc import Mapping
import os
import resource
from typing import Any, Final

from ..candidates import Delivery
from ..conditions import SATELLITE_OPTIONS
from ..environment import Environment
from ..listener import record
from ..results import ORATOR, Goal, Results, SeriesKey, Unit, difference, largest
from ..texts import essay, sentence
from .first_audio import FIRST_AUDIO

EFFECTS: Final = "effects"

_CPU: Final = "CPU seconds per minute of audio"
_NONE: Final = "none"
_CASES: Final[Mapping[str, Mapping[str, Any]]] = {
    _NONE: {},
    "chime": {"chime": "ding_dong"},
    "loudness": {"loudness": -18},
    "both": {"chime": "ding_dong", "loudness": -18},
}
_FORMATS: Final[Mapping[str, Mapping[str, Any]]] = {"mp3": {}, "wav 16 kHz": SATELLITE_OPTIONS}
_MAX_CHIME_MS: Final = 50.0
_MAX_LOUDNESS_DELAY_MS: Final = 20.0
_PAUSE_S: Final = 0.05


async def measure(environment: Environment, results: Results) -> None:
    """Measure all cases in turn, so that they share the same conditions, and then CPU time with a long text."""
    orator = environment.orator()
    for run in range(environment.effort.times(10, 3) + 1):
        for name, format_options in _FORMATS.items():
            for case, options in _CASES.items():
                recording = await record(orator, sentence(), {**format_options, **options}, Delivery.URL)
                if run:  # the first run warms up
                    results.add(_key(case, name), FIRST_AUDIO, recording.failure or recording.after_start)
                await asyncio.sleep(_PAUSE_S)
        environment.clear_cache()
    fast = environment.orator("at once")
    for name, format_options in _FORMATS.items():
        for case, options in _CASES.items():
            before = _cpu_seconds()
            text = essay(environment.effort.size(4_500, 1_500))
            recording = await record(fast, text, {**format_options, **options}, Delivery.STREAM)
            cost = (_cpu_seconds() - before) / recording.playback.seconds * 60 if not recording.failure else None
            results.add(_key(case, name), _CPU, recording.failure or cost)
        environment.clear_cache()


def _key(case: str, name: str) -> SeriesKey:
    return SeriesKey(EFFECTS, f"{name}, {case}", ORATOR, Delivery.URL)


def _cpu_seconds() -> float:
    """Return the CPU time of this process and of its child processes that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = os.times()
    return own.user + own.system + children.ru_utime + children.ru_stime


def add_goals(results: Results) -> None:
    """Add goals for the first audio with a chime, and for the delay by loudness."""

    def median(case: str, name: str) -> float | None:
        return results.find(_key(case, name), FIRST_AUDIO).median

    chimes = [median(case, name) for case in ("chime", "both") for name in _FORMATS]
    delays = [difference(median("loudness", name), median(_NONE, name)) for name in _FORMATS]
    for text, limit_ms, values in (
        ("chime: first audio, independent of the provider", _MAX_CHIME_MS, chimes),
        ("loudness: delay", _MAX_LOUDNESS_DELAY_MS, delays),
    ):
        worst = largest(values)
        value = None if worst is None else worst * 1000
        note = "median, the worst of mp3 and wav 16 kHz, fetched from Home Assistant's web server"
        results.goals.append(Goal(EFFECTS, text, limit_ms, value, Unit.MILLISECONDS, note))
