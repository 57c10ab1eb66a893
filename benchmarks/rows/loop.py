"""How long Home Assistant has to wait for anything else while it speaks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
import gc
from typing import Any, Final

from ..book import ORATOR, Book, Promise, Unit, Where
from ..conditions import NORMAL, SATELLITE
from ..contenders import Contender, Place
from ..hearing import hear
from ..loop_watch import LoopWatch
from ..stage import Stage
from ..texts import Speech, essay, reply, sentence

LOOP: Final = "loop"
_WHOLE: Final = "longest handle"
_OWN: Final = "longest in Orator"
_COLLECTION: Final = "longest garbage collection"
_LIMIT: Final = 10.0  # milliseconds
_FORMATS: Final[Mapping[str, Mapping[str, Any]]] = {
    "mp3": {},
    "wav": {"preferred_format": "wav"},
    "satellite": SATELLITE,
}


@dataclass(frozen=True, slots=True)
class _Case:
    name: str
    speed: str
    make_speech: Callable[[], Speech]


async def measure(stage: Stage, book: Book) -> None:
    """Watch a reply as it usually is, and a long text of which all sound comes at once."""
    characters = stage.effort.size(12_000, 4_500)
    cases = (
        _Case("reply", NORMAL, lambda: reply(stage.effort.size(4, 1))),
        _Case(f"{characters} chars from a provider without limit", "at once", lambda: essay(characters)),
    )
    for kind, options in _FORMATS.items():
        for case in cases:
            name = f"{kind}, {case.name}"
            for _ in range(stage.effort.size(2, 1)):
                await _watch(book, name, case, stage.orator(case.speed), options)
            if not stage.effort.quick and not options:
                await _watch(book, name, case, stage.openai(case.speed), options)
            stage.forget()


async def _watch(book: Book, name: str, case: _Case, contender: Contender, options: Mapping[str, Any]) -> None:
    gc.collect()
    with LoopWatch() as watch:
        await hear(contender, sentence(), options, Place.STREAM)
        watch.forget()
        heard = await hear(contender, case.make_speech(), options, Place.STREAM)
    where = Where(LOOP, name, contender.name, Place.STREAM)
    unit = Unit.MILLISECONDS
    book.add(where, _WHOLE, watch.whole.seconds * 1000, unit)
    if watch.collection:
        book.add(where, _COLLECTION, watch.collection * 1000, unit)
    if contender.name == ORATOR:
        book.add(where, _OWN, heard.failure or watch.orator.seconds * 1000, unit)
        if watch.orator.seconds * 1000 > _LIMIT:
            book.note(LOOP, f"{name}: {watch.orator.seconds * 1000:.0f} ms, most of it in {watch.orator.on}")


def judge(book: Book) -> None:
    """Promise that it is never over ten milliseconds."""
    for series in [series for series in book.series if series.where.row == LOOP and series.metric == _OWN]:
        note = series.failures[0] if series.failures else "with Orator on the stack, without garbage collection"
        text = f"{series.where.case}: the loop is never blocked for over 10 ms"
        value = None if series.failures else series.worst
        book.promises.append(Promise(LOOP, text, _LIMIT, value, Unit.MILLISECONDS, note))
