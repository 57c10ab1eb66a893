"""How much memory a very long text takes on its way.

Measured at Orator's entity, whose sound is thrown away as it comes: Home Assistant's cache, which keeps everything, is
not part of it. What is left is what Orator, its HTTP client and the text itself hold. Python's own allocations are
traced (the promise is about them); the memory of the whole process is shown beside it.
"""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
import gc
import threading
import tracemalloc
from typing import Final

from homeassistant.components.tts import TTSAudioRequest
from homeassistant.components.tts.const import DATA_COMPONENT, DATA_TTS_MANAGER
import psutil  # type: ignore[import-untyped]  # comes without types

from ..book import ORATOR, Book, Promise, Unit, Where
from ..sound import meter
from ..stage import Stage
from ..texts import essay, sentence

MEMORY: Final = "memory"
_TRACED: Final = "peak traced"
_RESIDENT: Final = "peak resident, whole process"
_AUDIO: Final = "sound delivered"
_MIB: Final = 1024 * 1024
_LIMIT: Final = 32.0  # MiB; a third of what 100,000 characters sound like
_SPEED: Final = "at once"
_PLACE: Final = "entity"
_NAP: Final = 3.0  # seconds for which a slow listener reads nothing


@dataclass(slots=True)
class _Peak:
    """The most that the process took, beyond what it had at first."""

    before: int = 0
    most: int = 0

    def watch(self, stop: threading.Event) -> None:
        """Look all the time."""
        process = psutil.Process()
        while not stop.wait(0.01):
            self.most = max(self.most, process.memory_info().rss)


async def measure(stage: Stage, book: Book) -> None:
    """Read as fast as it comes, and with a nap after the first sound."""
    characters = stage.effort.size(100_000, 20_000)
    await _speak(stage, sentence().text, 0)
    for case, nap in (("read at once", 0.0), ("listener naps for 3 s", _NAP)):
        name = f"{characters} chars, mp3, {case}"
        where = Where(MEMORY, name, ORATOR, _PLACE)
        text = essay(characters).text
        failure: str | None = None
        gc.collect()
        peak = _Peak(before=psutil.Process().memory_info().rss)
        stop = threading.Event()
        watcher = threading.Thread(target=peak.watch, args=(stop,), daemon=True)
        tracemalloc.start()
        watcher.start()
        delivered = 0
        try:
            delivered = await _speak(stage, text, nap)
            traced = tracemalloc.get_traced_memory()[1]
        except Exception as err:  # noqa: BLE001 - whatever it is, it is the result
            failure = f"{type(err).__name__}: {err}"
            traced = 0
        finally:
            tracemalloc.stop()
            stop.set()
            await asyncio.to_thread(watcher.join)
        book.add(where, _TRACED, failure or traced / _MIB, Unit.MEBIBYTES)
        book.add(where, _RESIDENT, failure or max(0, peak.most - peak.before) / _MIB, Unit.MEBIBYTES)
        book.add(where, _AUDIO, failure or delivered / _MIB, Unit.MEBIBYTES)


async def _speak(stage: Stage, text: str, nap: float) -> int:
    """Let Orator's entity speak; return how many bytes it gave."""
    hass = stage.house.hass
    entity_id = stage.house.orator[_SPEED]
    entity = hass.data[DATA_COMPONENT].get_entity(entity_id)
    if entity is None:
        raise RuntimeError(f"{entity_id} is gone")
    language, options = hass.data[DATA_TTS_MANAGER].process_options(entity, None, None)

    async def whole() -> AsyncGenerator[str]:
        yield text

    response = await entity.internal_async_stream_tts_audio(TTSAudioRequest(language, options, whole()))
    counter = meter(response.extension)
    delivered = 0
    async for chunk in response.data_gen:
        if nap and not delivered and counter.feed(chunk):
            await asyncio.sleep(nap)
        delivered += len(chunk)
    return delivered


def judge(book: Book) -> None:
    """Promise that a long text takes no more than a short one."""
    for series in [series for series in book.series if series.where.row == MEMORY and series.metric == _TRACED]:
        note = series.failures[0] if series.failures else "the benchmark's own limit; traced allocations"
        value = None if series.failures else series.worst
        text = f"{series.where.case}: bounded"
        book.promises.append(Promise(MEMORY, text, _LIMIT, value, Unit.MEBIBYTES, note))
