"""Time to the first audio of messages with and without markup, in turn, so that they share the same conditions."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from tests.support.streams import SATELLITE

from ..candidates import Delivery
from ..conditions import WORDS_PER_SECOND
from ..environment import Environment
from ..listener import RecordedMessage, record
from ..results import ORATOR, Goal, Results, SeriesKey, Unit, difference, largest
from ..texts import Message, dialogue
from .first_audio import AFTER_KNOWN

MARKUP: Final = "markup"

_FORMATS: Final[Mapping[str, Mapping[str, Any]]] = {"mp3": {}, "wav 16 kHz": SATELLITE}
_PACES: Final[Mapping[str, float | None]] = {"complete": None, "streamed": WORDS_PER_SECOND}
_MARKUP: Final = {"without markup": False, "with markup": True}
_MAX_DELAY_MS: Final = 5.0
_PAUSE_S: Final = 0.05
_STAGGER_S: Final = 0.13  # between concurrent messages, so that their first chunks do not coincide


async def measure(environment: Environment, results: Results) -> None:
    """Measure complete messages one after the other, and streamed ones staggered."""
    for run in range(environment.effort.times(12, 3) + 1):
        for pace in _PACES:
            await _measure(environment, results if run else Results(), pace)  # the first run warms up
        environment.clear_cache()


async def _measure(environment: Environment, results: Results, pace: str) -> None:
    cases = [(name, case) for name in _FORMATS for case in _MARKUP]
    if _PACES[pace] is None:
        recordings = []
        for name, case in cases:
            recordings.append(await _record(environment, pace, name, case))
            await asyncio.sleep(_PAUSE_S)
    else:
        messages = (
            _record(environment, pace, name, case, index * _STAGGER_S) for index, (name, case) in enumerate(cases)
        )
        recordings = await asyncio.gather(*messages)
    for (name, case), recording in zip(cases, recordings, strict=True):
        results.add(_key(pace, name, case), AFTER_KNOWN, recording.failure or recording.after_known)


async def _record(environment: Environment, pace: str, name: str, case: str, delay_s: float = 0.0) -> RecordedMessage:
    await asyncio.sleep(delay_s)
    message: Message = dialogue(_PACES[pace], has_markup=_MARKUP[case])
    return await record(environment.orator(), message, _FORMATS[name], Delivery.STREAM)


def _key(pace: str, name: str, case: str) -> SeriesKey:
    return SeriesKey(MARKUP, f"{pace}, {name}, {case}", ORATOR, Delivery.STREAM)


def add_goals(results: Results) -> None:
    """Compare messages with and without markup."""
    plain, with_markup = _MARKUP
    for pace in _PACES:
        delays = [
            difference(
                results.find(_key(pace, name, with_markup), AFTER_KNOWN).median,
                results.find(_key(pace, name, plain), AFTER_KNOWN).median,
            )
            for name in _FORMATS
        ]
        worst = largest(delays)
        value = None if worst is None else worst * 1000
        text = f"{pace}: as without markup, + {_MAX_DELAY_MS:.0f} ms"
        note = "difference of the medians, the worse of mp3 and wav 16 kHz"
        results.goals.append(Goal(MARKUP, text, _MAX_DELAY_MS, value, Unit.MILLISECONDS, note))
