"""Time to the first audio of many replies at the same time."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from tests.support.streams import SATELLITE

from ..candidates import Candidate, Delivery
from ..environment import Environment
from ..listener import record
from ..results import ORATOR, Goal, Results, SeriesKey, Unit, difference
from ..texts import reply
from .first_audio import AFTER_KNOWN

CROWD: Final = "crowd"
_CONCURRENT_REPLIES: Final = 50
_MAX_DELAY_MS: Final = 300
_FORMATS: Final[Mapping[str, Mapping[str, Any]]] = {"mp3": {}, "satellite": SATELLITE}


async def measure(environment: Environment, results: Results) -> None:
    """Measure a single reply, then fifty."""
    for name in ("mp3",) if environment.effort.quick else _FORMATS:
        candidates: list[Candidate] = [environment.orator()]
        if not environment.effort.quick and name == "mp3":
            candidates = [environment.floor(), *candidates, environment.openai()]
        for candidate in candidates:
            for count in (1, _CONCURRENT_REPLIES):
                await _measure(environment, results, candidate, name, count)


async def _measure(environment: Environment, results: Results, candidate: Candidate, name: str, count: int) -> None:
    sentences = environment.effort.size(8, 4)
    messages = [record(candidate, reply(sentences), _FORMATS[name], Delivery.STREAM) for _ in range(count)]
    recordings = await asyncio.gather(*messages)
    environment.clear_cache()
    for recording in recordings:
        results.add(_key(count, name, candidate.name), AFTER_KNOWN, recording.failure or recording.after_known)


def _key(count: int, name: str, candidate: str) -> SeriesKey:
    return SeriesKey(CROWD, f"{count} at once, streamed, {name}", candidate, Delivery.STREAM)


def add_goals(results: Results) -> None:
    """Compare the 95th percentile of fifty replies with a single one."""
    for name in _FORMATS:
        many = results.find(_key(_CONCURRENT_REPLIES, name, ORATOR), AFTER_KNOWN)
        one = results.find(_key(1, name, ORATOR), AFTER_KNOWN)
        if not many.values and not many.failures:
            continue
        excess = None if many.failures else difference(many.percentile_95, one.median)
        note = many.failures[0] if many.failures else "95th percentile above a single reply"
        text = f"{_CONCURRENT_REPLIES} replies at once, {name}: a single reply + {_MAX_DELAY_MS} ms"
        value = None if excess is None else excess * 1000
        results.goals.append(Goal(CROWD, text, _MAX_DELAY_MS, value, Unit.MILLISECONDS, note))
