"""What chimes and loudness cost: time to the first sound, and computing time."""

import asyncio
from collections.abc import Mapping
import os
import resource
from typing import Any, Final

from ..book import ORATOR, Book, Promise, Unit, Where, difference, largest
from ..conditions import SATELLITE
from ..contenders import Place
from ..hearing import Heard, hear
from ..stage import Stage
from ..texts import essay, sentence
from .first_sound import FIRST_SOUND

EFFECTS: Final = "effects"

_CPU: Final = "CPU seconds per minute of audio"
_NONE: Final = "none"
_CASES: Final[Mapping[str, Mapping[str, Any]]] = {
    _NONE: {},
    "chime": {"chime": "ding_dong"},
    "loudness": {"loudness": -18},
    "both": {"chime": "ding_dong", "loudness": -18},
}
_RECEIVERS: Final[Mapping[str, Mapping[str, Any]]] = {"mp3": {}, "wav 16 kHz": SATELLITE}
_CHIME_LIMIT: Final = 50.0  # milliseconds
_LOUDNESS_LIMIT: Final = 20.0  # milliseconds more than without
_PAUSE: Final = 0.05


async def measure(stage: Stage, book: Book) -> None:
    """One after the other, in turn, so that whatever else happens hits all of them alike; a long text for the cost."""
    orator = stage.orator()
    for run in range(stage.effort.times(10, 3) + 1):
        for receiver, wishes in _RECEIVERS.items():
            for case, options in _CASES.items():
                heard = await hear(orator, sentence(), {**wishes, **options}, Place.URL)
                if run:  # the first of everything is not counted
                    book.add(_where(case, receiver), FIRST_SOUND, heard.failure or heard.after_start)
                await asyncio.sleep(_PAUSE)
        stage.forget()
    quick = stage.orator("at once")
    for receiver, wishes in _RECEIVERS.items():
        for case, options in _CASES.items():
            before = _used()
            heard = await hear(quick, essay(stage.effort.size(4_500, 1_500)), {**wishes, **options}, Place.STREAM)
            book.add(_where(case, receiver), _CPU, heard.failure or _cost(heard, _used() - before))
        stage.forget()


def _where(case: str, receiver: str) -> Where:
    return Where(EFFECTS, f"{receiver}, {case}", ORATOR, Place.URL)


def _used() -> float:
    """Return the computing time that this process and those that it has waited for have used."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = os.times()
    return own.user + own.system + children.ru_utime + children.ru_stime


def _cost(heard: Heard, used: float) -> float:
    return used / heard.playback.seconds * 60


def judge(book: Book) -> None:
    """Promise a chime at once, and loudness nearly for nothing."""

    def median(case: str, receiver: str) -> float | None:
        return book.of(_where(case, receiver), FIRST_SOUND).median

    chimes = [median(case, receiver) for case in ("chime", "both") for receiver in _RECEIVERS]
    excess = [difference(median("loudness", receiver), median(_NONE, receiver)) for receiver in _RECEIVERS]
    for text, limit, values in (
        ("chime: first sound, whatever the provider does", _CHIME_LIMIT, chimes),
        ("loudness: later by", _LOUDNESS_LIMIT, excess),
    ):
        worst = largest(values)
        value = None if worst is None else worst * 1000
        note = "median, the worst of mp3 and wav 16 kHz, fetched from Home Assistant's web server"
        book.promises.append(Promise(EFFECTS, text, limit, value, Unit.MILLISECONDS, note))
