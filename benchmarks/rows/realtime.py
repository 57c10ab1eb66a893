"""Time to the first audio of a realtime model over an open socket."""

import asyncio
from typing import Final

from tests.support.streams import SATELLITE

from ..candidates import Delivery
from ..environment import Environment
from ..listener import record
from ..realtime_floor import MODEL, VOICE, RealtimeFloor
from ..results import ORATOR, Goal, Results, SeriesKey, Unit, difference
from ..texts import reply, sentence
from .first_audio import AFTER_KNOWN, FIRST_AUDIO

REALTIME: Final = "realtime"

_COMPLETE: Final = "complete, wav 16 kHz"
_COMPLETE_MP3: Final = "complete, mp3"
_STREAMED: Final = "streamed, wav 16 kHz"
_OPTIONS: Final = {"model": MODEL, "voice": VOICE}
_MAX_DELAY_MS: Final = 30
_PAUSE_S: Final = 0.05


async def measure(environment: Environment, results: Results) -> None:
    """Measure samples for satellites, and mp3 that is encoded from them for speakers."""
    orator, floor = environment.orator(), RealtimeFloor.of(environment)
    satellite = {**_OPTIONS, **SATELLITE}
    for candidate in (floor, orator):  # warm up: sockets, imports
        await record(candidate, sentence(), satellite, Delivery.STREAM)
    for _ in range(environment.effort.times(10, 3)):
        for candidate in (floor, orator):
            recording = await record(candidate, sentence(), satellite, Delivery.STREAM)
            key = SeriesKey(REALTIME, _COMPLETE, candidate.name, Delivery.STREAM)
            results.add(key, FIRST_AUDIO, recording.failure or recording.after_start)
            await asyncio.sleep(_PAUSE_S)
        recording = await record(orator, sentence(), _OPTIONS, Delivery.URL)
        key = SeriesKey(REALTIME, _COMPLETE_MP3, ORATOR, Delivery.URL)
        results.add(key, FIRST_AUDIO, recording.failure or recording.after_start)
        environment.clear_cache()
    for _ in range(environment.effort.times(3, 1)):
        recording = await record(orator, reply(), satellite, Delivery.STREAM)
        key = SeriesKey(REALTIME, _STREAMED, ORATOR, Delivery.STREAM)
        results.add(key, AFTER_KNOWN, recording.failure or recording.after_known)
        environment.clear_cache()
    await floor.close()


def add_goals(results: Results) -> None:
    """Compare with a bare socket. Medians are compared, since the floor varies as well."""
    series = results.find(SeriesKey(REALTIME, _COMPLETE, ORATOR, Delivery.STREAM), FIRST_AUDIO)
    floor = results.find(SeriesKey(REALTIME, _COMPLETE, RealtimeFloor.name, Delivery.STREAM), FIRST_AUDIO)
    excess = difference(series.median, floor.median)
    note = f"failed, {series.failures[0]}" if series.failures else "above a bare open socket, median"
    value = None if excess is None else excess * 1000
    text = f"realtime voice, open socket: server's first delta + {_MAX_DELAY_MS} ms"
    results.goals.append(Goal(REALTIME, text, _MAX_DELAY_MS, value, Unit.MILLISECONDS, note))
