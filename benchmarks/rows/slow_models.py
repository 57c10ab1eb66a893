"""Time to the first audio, and silence within the reply, of language models that write slowly.

Home Assistant's Assist pipeline holds the first 60 characters of a reply back and then passes them on at once. The
floor requests whole sentences as soon as they are known.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from ..candidates import Candidate, Delivery
from ..conditions import FIRST_BYTE_S
from ..environment import Environment
from ..listener import RecordedMessage, record
from ..results import FLOOR, ORATOR, Goal, Results, SeriesKey, Unit
from ..texts import Message, japanese_reply, sentence, slow_reply
from .first_audio import AFTER_START

SLOW_MODEL: Final = "slowmodel"
_AFTER_GATE: Final = "first audio after the gate"
_SILENCE: Final = "silence within the reply"
_MAX_SILENCE_S: Final = 0.2
_STAGGER_S: Final = 0.13  # between concurrent replies, so that their first chunks do not coincide


@dataclass(frozen=True, slots=True)
class _Case:
    """A reply. after_start_s, after_gate_s: limits of the times from its start and from the gate to the first audio."""

    create_message: Callable[[], Message]
    after_start_s: float | None
    after_gate_s: float | None = None


def _after_gate_s(words_per_second: float) -> float:
    """Return the floor, 1.2 words and 0.1 s."""
    return FIRST_BYTE_S + 1.2 / words_per_second + 0.1


_CASES: Final[Mapping[str, _Case]] = {
    "5 words/s": _Case(partial(slow_reply, 5), 3.3, _after_gate_s(5)),
    "10 words/s": _Case(partial(slow_reply, 10), 1.9, _after_gate_s(10)),
    "25 words/s": _Case(partial(slow_reply, 25), None),
    "Japanese, 20 characters/s": _Case(partial(japanese_reply, is_assist_reply=True), 3.6),
    "Japanese, 20 characters/s, without gate": _Case(partial(japanese_reply, is_assist_reply=False), 2.1),
}


async def measure(environment: Environment, results: Results) -> None:
    """Measure staggered concurrent replies, which take fifteen seconds and hardly use the CPU."""
    for _ in range(2):
        await record(environment.orator(), sentence(), {}, Delivery.URL)  # measures the latency of the voice
    for _ in range(environment.effort.times(3, 1)):
        replies = [(case, candidate) for case in _CASES for candidate in environment.candidates()]
        recordings = await asyncio.gather(*(_record(index, *reply) for index, reply in enumerate(replies)))
        environment.clear_cache()
        for (case, candidate), recording in zip(replies, recordings, strict=True):
            key = SeriesKey(SLOW_MODEL, case, candidate.name, Delivery.URL)
            results.add(key, AFTER_START, recording.failure or recording.after_start)
            if candidate.name != FLOOR and recording.message.is_assist_reply:
                results.add(key, _AFTER_GATE, recording.failure or recording.after_gate)
            results.add(key, _SILENCE, recording.failure or sum(recording.playback.gaps))


async def _record(index: int, case: str, candidate: Candidate) -> RecordedMessage:
    await asyncio.sleep(index * _STAGGER_S)
    return await record(candidate, _CASES[case].create_message(), {}, Delivery.URL)


def add_goals(results: Results) -> None:
    """Add the limits for the first audio and for silence."""
    for case, limits in _CASES.items():
        for metric, limit in (
            (AFTER_START, limits.after_start_s),
            (_AFTER_GATE, limits.after_gate_s),
            (_SILENCE, _MAX_SILENCE_S),
        ):
            series = results.find(SeriesKey(SLOW_MODEL, case, ORATOR, Delivery.URL), metric)
            note = series.failures[0] if series.failures else "median"
            if limit is not None:
                results.goals.append(Goal(SLOW_MODEL, f"{case}: {metric}", limit, series.median, Unit.SECONDS, note))
