"""Time to the first audio."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from tests.support.streams import SATELLITE

from ..candidates import Candidate, Delivery
from ..environment import Environment
from ..listener import RecordedMessage, record
from ..results import FLOOR, ORATOR, Curve, Goal, Results, SeriesKey, Unit, difference, largest
from ..texts import reply, sentence

SENTENCE: Final = "sentence"
REPLY: Final = "reply"
TO_SATELLITE: Final = "satellite"

AFTER_KNOWN: Final = "first audio after 1st sentence"
AFTER_START: Final = "first audio after start of reply"
FIRST_AUDIO: Final = "first audio"

_MAX_SENTENCE_DELAY_MS: Final = 30
_MAX_REPLY_DELAY_MS: Final = 50
_MAX_SATELLITE_DELAY_MS: Final = 150
_PAUSE_S: Final = 0.05  # between two messages
_STAGGER_S: Final = 0.13  # between concurrent messages, so that their first chunks do not coincide


async def measure_sentence(environment: Environment, results: Results) -> None:
    """Measure one message after the other."""
    for delivery in Delivery:  # warm up: connections, imports
        for candidate in environment.candidates():
            await record(candidate, sentence(), {}, delivery)
    for _ in range(environment.effort.times(10, 2)):
        for delivery in Delivery:
            for candidate in environment.candidates():
                recording = await record(candidate, sentence(), {}, delivery)
                key = SeriesKey(SENTENCE, "complete, mp3", candidate.name, delivery)
                results.add(key, FIRST_AUDIO, recording.failure or recording.after_start)
                await asyncio.sleep(_PAUSE_S)
        environment.clear_cache()


def add_sentence_goal(results: Results) -> None:
    """Compare with the floor."""
    text = f"one sentence: floor + {_MAX_SENTENCE_DELAY_MS} ms"
    key = SeriesKey(SENTENCE, "complete, mp3", ORATOR, "")
    _add_goal(results, key, FIRST_AUDIO, text, _MAX_SENTENCE_DELAY_MS)


async def measure_reply(environment: Environment, results: Results) -> None:
    """Measure streamed replies on a speaker."""
    await _measure_reply(environment, results, REPLY, "streamed, mp3", {})


def add_reply_goal(results: Results) -> None:
    """Compare with the floor."""
    text = f"streamed reply: first sentence known + floor, + {_MAX_REPLY_DELAY_MS} ms"
    _add_goal(results, SeriesKey(REPLY, "streamed, mp3", ORATOR, ""), AFTER_KNOWN, text, _MAX_REPLY_DELAY_MS)


async def measure_satellite(environment: Environment, results: Results) -> None:
    """Measure streamed replies on a satellite."""
    await _measure_reply(environment, results, TO_SATELLITE, "streamed, wav 16 kHz", SATELLITE)


def add_satellite_goal(results: Results) -> None:
    """Compare with the floor."""
    text = f"the same for a satellite: + {_MAX_SATELLITE_DELAY_MS - _MAX_REPLY_DELAY_MS} ms more"
    key = SeriesKey(TO_SATELLITE, "streamed, wav 16 kHz", ORATOR, "")
    _add_goal(results, key, AFTER_KNOWN, text, _MAX_SATELLITE_DELAY_MS)


async def _measure_reply(
    environment: Environment, results: Results, row: str, case: str, options: Mapping[str, Any]
) -> None:
    """Measure staggered concurrent replies, which take ten seconds and hardly use the CPU."""
    for run in range(environment.effort.times(4, 1)):
        pairs = [(candidate, delivery) for delivery in Delivery for candidate in environment.candidates()]
        for recording in await asyncio.gather(*(_record(index, *pair, options) for index, pair in enumerate(pairs))):
            key = SeriesKey(row, case, recording.candidate, recording.delivery)
            results.add(key, AFTER_KNOWN, recording.failure or recording.after_known)
            results.add(key, AFTER_START, recording.failure or recording.after_start)
            if run == 0 and row == REPLY and recording.delivery is Delivery.URL:
                add_curve(results, "Reply of 8 sentences, streamed at 25 words/s", recording)
        environment.clear_cache()


async def _record(index: int, candidate: Candidate, delivery: Delivery, options: Mapping[str, Any]) -> RecordedMessage:
    await asyncio.sleep(index * _STAGGER_S)
    return await record(candidate, reply(), options, delivery)


def add_curve(results: Results, plot: str, recording: RecordedMessage) -> None:
    """Add the audio of a recording over time to a plot; an empty curve for a failure."""
    start = recording.message.started_at or 0.0
    timeline = () if recording.failure else recording.playback.timeline
    points = tuple((round(moment - start, 4), round(seconds, 3)) for moment, seconds in timeline)
    results.curves.append(Curve(plot, recording.candidate, points))


def _add_goal(results: Results, key: SeriesKey, metric: str, text: str, limit_ms: float) -> None:
    """Add a goal above the floor. Medians are compared, since the floor varies as well."""
    excess = []
    notes = []
    for delivery in Delivery:
        orator = results.find(replace(key, delivery=delivery), metric)
        floor = results.find(replace(key, delivery=delivery, candidate=FLOOR), metric)
        excess.append(difference(orator.median, floor.median))
        notes.append(f"{delivery}: failed, {orator.failures[0]}" if orator.failures else "")
    worst = largest(excess)
    note = "; ".join(filter(None, notes)) or "above the floor, median, the worse of stream and url"
    value = None if worst is None else worst * 1000
    results.goals.append(Goal(key.row, text, limit_ms, value, Unit.MILLISECONDS, note))
