"""An office, a hotel: many replies at the same moment."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from ..book import ORATOR, Book, Promise, Unit, Where, difference
from ..conditions import SATELLITE
from ..contenders import Contender, Place
from ..hearing import hear
from ..stage import Stage
from ..texts import reply

CROWD: Final = "crowd"
_AT_ONCE: Final = 50
_AFTER_KNOWN: Final = "first sound after 1st sentence"
_MOST: Final = 0.3  # seconds
_KINDS: Final[Mapping[str, Mapping[str, Any]]] = {"mp3": {}, "satellite": SATELLITE}


async def measure(stage: Stage, book: Book) -> None:
    """Hear one reply, then fifty."""
    for kind in ("mp3",) if stage.effort.quick else _KINDS:
        contenders: list[Contender] = [stage.orator()]
        if not stage.effort.quick:
            contenders = [stage.floor(), *contenders, stage.openai()] if kind == "mp3" else contenders
        for contender in contenders:
            for replies in (1, _AT_ONCE):
                await _measure(stage, book, contender, kind, replies)


async def _measure(stage: Stage, book: Book, contender: Contender, kind: str, replies: int) -> None:
    sentences = stage.effort.size(8, 4)
    speeches = (hear(contender, reply(sentences), _KINDS[kind], Place.STREAM) for _ in range(replies))
    heard = await asyncio.gather(*speeches)
    stage.forget()
    where = Where(CROWD, _case(replies, kind), contender.name, Place.STREAM)
    for one in heard:
        book.add(where, _AFTER_KNOWN, one.failure or one.after_known)


def _case(replies: int, kind: str) -> str:
    return f"{replies} at once, streamed, {kind}"


def judge(book: Book) -> None:
    """Compare the 95th percentile of fifty with one alone."""
    for kind in _KINDS:
        many = book.of(Where(CROWD, _case(_AT_ONCE, kind), ORATOR, Place.STREAM), _AFTER_KNOWN)
        one = book.of(Where(CROWD, _case(1, kind), ORATOR, Place.STREAM), _AFTER_KNOWN)
        if not many.values and not many.failures:
            continue
        excess = None if many.failures else difference(many.percentile_95, one.median)
        note = many.failures[0] if many.failures else "95th percentile above one reply's"
        text = f"50 replies at once, {kind}: one reply's + 300 ms"
        value = None if excess is None else excess * 1000
        book.promises.append(Promise(CROWD, text, _MOST * 1000, value, Unit.MILLISECONDS, note))
