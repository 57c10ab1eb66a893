"""Whether everything is said, and said without a pause that nobody meant."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from ..book import FLOOR, ORATOR, Book, Promise, Unit, Where, difference, largest
from ..conditions import NORMAL, SATELLITE, WORDS_PER_SECOND, spoken_seconds
from ..contenders import Contender, Place
from ..hearing import Heard, hear
from ..sound import decoded_seconds
from ..stage import Analysis, Stage
from ..texts import Speech, essay, reply, same_words
from .first_sound import draw

LONG: Final = "long"
SLOW: Final = "slow"

_FIRST_SOUND: Final = "first sound"
_LONGEST_GAP: Final = "longest gap"
_ALL_GAPS: Final = "all gaps"
_DURATION: Final = "sound lost or added"
_WORDS: Final = "requested words wrong"

_NATURAL_PAUSE: Final = 0.3  # seconds
_UNAVOIDABLE: Final = 0.05  # seconds by which the provider's pieces and this computer vary
_ROUNDING: Final = 1.0  # percent of the duration

# A speech's requests are known by its voice, so that each has its own; nobody else uses these.
_VOICES: Final = ("ash", "ballad", "cedar", "echo", "fable", "nova", "onyx", "sage", "shimmer", "verse")


@dataclass(frozen=True, slots=True)
class _Case:
    """A speech to be heard to its end."""

    row: str
    name: str
    speed: str
    make_speech: Callable[[], Speech]
    options: Mapping[str, Any]
    place: Place = Place.URL
    picture: str | None = None


async def measure_long(stage: Stage, book: Book) -> Analysis:
    """Hear a text over the limit of one request."""
    characters = stage.effort.size(12_000, 4_500)
    streamed = stage.effort.size(12_000, 2_000)
    cases = [
        _Case(LONG, f"{characters} chars, complete", NORMAL, partial(essay, characters), {}),
        _Case(
            LONG,
            f"{streamed} chars, streamed",
            NORMAL,
            partial(essay, streamed, words_per_second=WORDS_PER_SECOND),
            {},
            picture=f"{streamed:,} characters, streamed at {WORDS_PER_SECOND} words/s",
        ),
    ]
    return await _measure(stage, book, cases, stage.effort.size(2, 1))


def judge_long(book: Book) -> None:
    """Promise every word, and no gap over a natural pause."""
    for case in _cases(book, LONG):
        series = [book.of(Where(LONG, case, ORATOR, Place.URL), metric) for metric in (_WORDS, _DURATION, _LONGEST_GAP)]
        failures = next((one.failures[0] for one in series if one.failures), "")
        words, duration, gap = (None if failures else one.worst for one in series)
        promises = (
            (f"{case}: every word requested once, in order", 0, words, Unit.PERCENT),
            (f"{case}: as long as its words", _ROUNDING, duration, Unit.PERCENT),
            (f"{case}: no gap over a natural pause", _NATURAL_PAUSE, gap, Unit.SECONDS),
        )
        for text, limit, value, unit in promises:
            book.promises.append(Promise(LONG, text, limit, value, unit, failures))


async def measure_slow(stage: Stage, book: Book) -> Analysis:
    """Hear a provider that is hardly faster than speech."""
    satellite: Mapping[str, Any] = SATELLITE
    cases = [
        _Case(SLOW, "2x, reply streamed, mp3", "2x", reply, {}),
        _Case(SLOW, "2x, reply streamed, satellite", "2x", reply, satellite, Place.STREAM),
    ]
    if not stage.effort.quick:
        essay_at_2x = partial(essay, 2_000, words_per_second=WORDS_PER_SECOND)
        cases.append(_Case(SLOW, "2x, 2000 chars streamed, mp3", "2x", essay_at_2x, {}))
        cases.append(_Case(SLOW, "1x, reply streamed, mp3", "1x", reply, {}))
    return await _measure(stage, book, cases, 1)


def judge_slow(book: Book) -> None:
    """Promise no more silence than where everything is requested as soon as it is known."""
    for case in _cases(book, SLOW):
        if not case.startswith("2x"):
            continue
        place = Place.STREAM if case.endswith("satellite") else Place.URL
        gaps = book.of(Where(SLOW, case, ORATOR, place), _ALL_GAPS)
        floor = book.of(Where(SLOW, case, FLOOR, place), _ALL_GAPS)
        value = None if gaps.failures else difference(gaps.worst, floor.worst)
        text = f"{case}: no silence that prefetching avoids"
        note = gaps.failures[0] if gaps.failures else "beyond the floor's"
        book.promises.append(Promise(SLOW, text, _UNAVOIDABLE, value, Unit.SECONDS, note))
        added = book.of(Where(SLOW, case, ORATOR, place), _DURATION)
        note = gaps.failures[0] if gaps.failures else "silence fed in counts as sound added"
        value = None if gaps.failures else largest([added.worst])
        text = f"{case}: as long as its words"
        book.promises.append(Promise(SLOW, text, _ROUNDING, value, Unit.PERCENT, note))


def _cases(book: Book, row: str) -> list[str]:
    return list(dict.fromkeys(series.where.case for series in book.series if series.where.row == row))


async def _measure(stage: Stage, book: Book, cases: list[_Case], runs: int) -> Analysis:
    """Hear all at the same time: each takes a minute in which there is little to do."""
    speeches: list[tuple[_Case, Contender, str]] = []
    voices = {case.speed: iter(_VOICES) for case in cases}
    for case in cases * runs:
        floor, *speakers = stage.contenders(case.speed)
        speeches.append((case, floor, ""))
        speeches += [(case, speaker, next(voices[case.speed])) for speaker in speakers]
    heard = await asyncio.gather(*(_hear(index, *speech) for index, speech in enumerate(speeches)))

    async def analyse() -> None:
        for (case, _, voice), one in zip(speeches, heard, strict=True):
            requests = await stage.service.requests(case.speed, voice)
            await _write_down(book, case, one, [request.text for request in requests] if voice else None)
            if case.picture and not _is_drawn(book, case.picture, one):
                draw(book, case.picture, one)

    return analyse


def _is_drawn(book: Book, picture: str, heard: Heard) -> bool:
    return any(curve.picture == picture and curve.contender == heard.contender for curve in book.curves)


async def _hear(index: int, case: _Case, contender: Contender, voice: str) -> Heard:
    await asyncio.sleep(index * 0.07)
    options = {**case.options, "voice": voice} if voice else case.options
    return await hear(contender, case.make_speech(), options, case.place)


async def _write_down(book: Book, case: _Case, heard: Heard, said: list[str] | None) -> None:
    """Look at what was heard. said: what the provider was asked for, None where that is not in question."""
    where = Where(case.row, case.name, heard.contender, case.place)
    playback = heard.playback
    book.add(where, _FIRST_SOUND, heard.failure or heard.after_known)
    book.add(where, _LONGEST_GAP, heard.failure or max(playback.gaps, default=0.0))
    book.add(where, _ALL_GAPS, heard.failure or sum(playback.gaps))
    if said is None:
        return
    expected = sum(map(spoken_seconds, said)) if said else spoken_seconds(heard.speech.text)
    lasts = 0.0 if heard.failure else await decoded_seconds(heard.audio)
    duration = abs(lasts - expected) / expected * 100
    book.add(where, _DURATION, heard.failure or duration, Unit.PERCENT)
    wrong = 0.0 if same_words(" ".join(said), heard.speech.text) else 100.0
    book.add(where, _WORDS, heard.failure or wrong, Unit.PERCENT)
