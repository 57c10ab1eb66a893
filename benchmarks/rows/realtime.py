"""How soon a realtime model is heard over a socket that is open."""

import asyncio
from typing import Final

from ..book import ORATOR, Book, Promise, Unit, Where, difference
from ..conditions import SATELLITE
from ..contenders import Place
from ..hearing import hear
from ..realtime_floor import MODEL, VOICE, RealtimeFloor
from ..stage import Stage
from ..texts import reply, sentence
from .first_sound import AFTER_KNOWN, FIRST_SOUND

REALTIME: Final = "realtime"

_COMPLETE: Final = "complete, wav 16 kHz"
_COMPLETE_MP3: Final = "complete, mp3"
_STREAMED: Final = "streamed, wav 16 kHz"
_OPTIONS: Final = {"model": MODEL, "voice": VOICE}
_PAUSE: Final = 0.05


async def measure(stage: Stage, book: Book) -> None:
    """One after the other, for satellites, which take samples, and for speakers, for whom mp3 is made of them."""
    orator, floor = stage.orator(), RealtimeFloor.of(stage)
    satellite = {**_OPTIONS, **SATELLITE}
    for contender in (floor, orator):  # sockets, imports, first use of everything
        await hear(contender, sentence(), satellite, Place.STREAM)
    for _ in range(stage.effort.times(10, 3)):
        for contender in (floor, orator):
            heard = await hear(contender, sentence(), satellite, Place.STREAM)
            where = Where(REALTIME, _COMPLETE, contender.name, Place.STREAM)
            book.add(where, FIRST_SOUND, heard.failure or heard.after_start)
            await asyncio.sleep(_PAUSE)
        heard = await hear(orator, sentence(), _OPTIONS, Place.URL)
        book.add(Where(REALTIME, _COMPLETE_MP3, ORATOR, Place.URL), FIRST_SOUND, heard.failure or heard.after_start)
        stage.forget()
    for _ in range(stage.effort.times(3, 1)):
        heard = await hear(orator, reply(), satellite, Place.STREAM)
        book.add(Where(REALTIME, _STREAMED, ORATOR, Place.STREAM), AFTER_KNOWN, heard.failure or heard.after_known)
        stage.forget()
    await floor.close()


def judge(book: Book) -> None:
    """Compare with a bare socket; medians are compared, the floor varies, too."""
    where = Where(REALTIME, _COMPLETE, ORATOR, Place.STREAM)
    found = book.of(where, FIRST_SOUND)
    floor = book.of(Where(REALTIME, _COMPLETE, RealtimeFloor.name, Place.STREAM), FIRST_SOUND)
    excess = difference(found.median, floor.median)
    note = f"failed, {found.failures[0]}" if found.failures else "above a bare open socket, median"
    value = None if excess is None else excess * 1000
    text = "realtime voice, warm socket: server's first delta + 30 ms"
    book.promises.append(Promise(REALTIME, text, 30, value, Unit.MILLISECONDS, note))
