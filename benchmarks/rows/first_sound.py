"""How soon there is sound."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from ..book import FLOOR, ORATOR, Book, Curve, Promise, Unit, Where, difference, largest
from ..conditions import SATELLITE as SATELLITE_OPTIONS
from ..contenders import Contender, Place
from ..hearing import Heard, hear
from ..stage import Stage
from ..texts import reply, sentence

SENTENCE: Final = "sentence"
REPLY: Final = "reply"
SATELLITE: Final = "satellite"

AFTER_KNOWN: Final = "first sound after 1st sentence"
AFTER_START: Final = "first sound after start of reply"
FIRST_SOUND: Final = "first sound"

_PAUSE: Final = 0.05  # seconds between two speeches
_STAGGER: Final = 0.13  # seconds between two that begin side by side, so that their moments do not meet


async def measure_sentence(stage: Stage, book: Book) -> None:
    """One after the other, since each takes only a second."""
    for place in Place:  # connections, imports, first use of everything
        for contender in stage.contenders():
            await hear(contender, sentence(), {}, place)
    for _ in range(stage.effort.times(10, 2)):
        for place in Place:
            for contender in stage.contenders():
                heard = await hear(contender, sentence(), {}, place)
                where = Where(SENTENCE, "complete, mp3", contender.name, place)
                book.add(where, FIRST_SOUND, heard.failure or heard.after_start)
                await asyncio.sleep(_PAUSE)
        stage.forget()


def judge_sentence(book: Book) -> None:
    """Compare with the floor at the same place."""
    _promise(book, Where(SENTENCE, "complete, mp3", ORATOR, ""), FIRST_SOUND, "one sentence: floor + 30 ms", 30)


async def measure_reply(stage: Stage, book: Book) -> None:
    """For a speaker."""
    await _measure_reply(stage, book, REPLY, "streamed, mp3", {})


def judge_reply(book: Book) -> None:
    """Compare with the floor at the same place."""
    text = "streamed reply: first sentence known + floor, + 50 ms"
    _promise(book, Where(REPLY, "streamed, mp3", ORATOR, ""), AFTER_KNOWN, text, 50)


async def measure_satellite(stage: Stage, book: Book) -> None:
    """For a satellite."""
    await _measure_reply(stage, book, SATELLITE, "streamed, wav 16 kHz", SATELLITE_OPTIONS)


def judge_satellite(book: Book) -> None:
    """Compare with the floor at the same place."""
    text = "the same for a satellite: + 100 ms more"
    _promise(book, Where(SATELLITE, "streamed, wav 16 kHz", ORATOR, ""), AFTER_KNOWN, text, 150)


async def _measure_reply(stage: Stage, book: Book, row: str, case: str, options: Mapping[str, Any]) -> None:
    """Side by side, each a little after the other, since each takes ten seconds in which there is little to do."""
    for run in range(stage.effort.times(4, 1)):
        speakers = [(contender, place) for place in Place for contender in stage.contenders()]
        for heard in await asyncio.gather(*(_hear(index, *one, options) for index, one in enumerate(speakers))):
            where = Where(row, case, heard.contender, heard.place)
            book.add(where, AFTER_KNOWN, heard.failure or heard.after_known)
            book.add(where, AFTER_START, heard.failure or heard.after_start)
            if run == 0 and row == REPLY and heard.place is Place.URL:
                draw(book, "Reply of 8 sentences, streamed at 25 words/s", heard)
        stage.forget()


async def _hear(index: int, contender: Contender, place: Place, options: Mapping[str, Any]) -> Heard:
    await asyncio.sleep(index * _STAGGER)
    return await hear(contender, reply(), options, place)


def draw(book: Book, picture: str, heard: Heard) -> None:
    """Keep what arrived when, for the plot; nothing of who failed."""
    start = heard.speech.started_at or 0.0
    timeline = () if heard.failure else heard.playback.timeline
    points = tuple((round(moment - start, 4), round(sound, 3)) for moment, sound in timeline)
    book.curves.append(Curve(picture, heard.contender, points))


def _promise(book: Book, where: Where, metric: str, text: str, limit: float) -> None:
    """Promise a limit in milliseconds above the floor, at each place; medians are compared, the floor varies, too."""
    excess = []
    notes = []
    for place in Place:
        orator = book.of(replace(where, place=place), metric)
        floor = book.of(replace(where, place=place, contender=FLOOR), metric)
        excess.append(difference(orator.median, floor.median))
        notes.append(f"{place}: failed, {orator.failures[0]}" if orator.failures else "")
    worst = largest(excess)
    note = "; ".join(filter(None, notes)) or "above the floor, median, the worse of stream and url"
    value = None if worst is None else worst * 1000
    book.promises.append(Promise(where.row, text, limit, value, Unit.MILLISECONDS, note))
