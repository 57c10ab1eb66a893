"""Memory that a very long text needs, and what an account takes that has not spoken.

Measured at Orator's entity with audio that is discarded as it arrives, so Home Assistant's cache, which keeps all
audio, is not included. What remains is the memory of Orator, its HTTP client and the text. The goal is about Python's
traced allocations; the memory of the whole process is shown as well.
"""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
import gc
import json
import sys
import threading
import tracemalloc
from typing import Final

from homeassistant.components.tts import TTSAudioRequest
from homeassistant.components.tts.const import DATA_COMPONENT, DATA_TTS_MANAGER
import psutil  # type: ignore[import-untyped]

from ..environment import Environment
from ..playback import create_counter
from ..results import ORATOR, Goal, Results, SeriesKey, Unit
from ..texts import essay, sentence

MEMORY: Final = "memory"
_TRACED: Final = "peak traced"
_RESIDENT: Final = "peak resident, whole process"
_AUDIO: Final = "audio delivered"
_MIB: Final = 1024 * 1024
_MAX_TRACED_MIB: Final = 32.0  # a third of the audio of 100,000 characters
_SPEED: Final = "at once"
_DELIVERY: Final = "entity"
_SLOW_LISTENER_PAUSE_S: Final = 3.0
_SAMPLING_INTERVAL_S: Final = 0.01

_IDLE: Final = SeriesKey(MEMORY, "account that has not spoken", ORATOR, "-")
_IMPORT_CPU: Final = "CPU time of the import"
_IDLE_RESIDENT: Final = "resident, modules and account"
_MAX_IMPORT_S: Final = 0.5  # ae864fe and this version alike: 0.2 on an idle machine
_MAX_IDLE_MIB: Final = 10.0  # PyAV alone takes 18, numpy 12 where no other integration has loaded it


@dataclass(slots=True)
class _ResidentPeak:
    """Peak of the resident memory in bytes."""

    before: int = 0
    peak: int = 0

    def watch(self, stop: threading.Event) -> None:
        """Sample the memory until `stop` is set."""
        process = psutil.Process()
        while not stop.wait(_SAMPLING_INTERVAL_S):
            self.peak = max(self.peak, process.memory_info().rss)


async def measure(environment: Environment, results: Results) -> None:
    """Read audio as fast as it arrives, and with a pause after the first audio; measure an idle account."""
    await _measure_idle(environment, results)
    characters = environment.effort.size(100_000, 20_000)
    await _speak(environment, sentence().text, 0)
    for case, pause in (("read at once", 0.0), ("listener pauses for 3 s", _SLOW_LISTENER_PAUSE_S)):
        key = SeriesKey(MEMORY, f"{characters} chars, mp3, {case}", ORATOR, _DELIVERY)
        text = essay(characters).text
        failure: str | None = None
        gc.collect()
        resident = _ResidentPeak(before=psutil.Process().memory_info().rss)
        stop = threading.Event()
        watcher = threading.Thread(target=resident.watch, args=(stop,), daemon=True)
        tracemalloc.start()
        watcher.start()
        delivered = traced = 0
        try:
            delivered = await _speak(environment, text, pause)
            traced = tracemalloc.get_traced_memory()[1]
        except Exception as err:  # noqa: BLE001 - the failure is the result
            failure = f"{type(err).__name__}: {err}"
        finally:
            tracemalloc.stop()
            stop.set()
            await asyncio.to_thread(watcher.join)
        growth = max(0, resident.peak - resident.before)
        results.add(key, _TRACED, failure or traced / _MIB, Unit.MEBIBYTES)
        results.add(key, _RESIDENT, failure or growth / _MIB, Unit.MEBIBYTES)
        results.add(key, _AUDIO, failure or delivered / _MIB, Unit.MEBIBYTES)


async def _measure_idle(environment: Environment, results: Results) -> None:
    """Measure an account in a new process, because this one has imported everything."""
    for _ in range(environment.effort.times(3, 1)):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.idle", environment.provider.urls[_SPEED]),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        output, _ = await process.communicate()
        failure: str | None = None
        measured = {}
        try:
            measured = json.loads(output.splitlines()[-1])
        except IndexError, ValueError:
            failure = f"ended with code {process.returncode}"
        if measured.get("has_pyav"):
            failure = "PyAV was imported"
        results.add(_IDLE, _IMPORT_CPU, failure or measured["import_s"])
        results.add(_IDLE, _IDLE_RESIDENT, failure or measured["import_mib"] + measured["account_mib"], Unit.MEBIBYTES)


async def _speak(environment: Environment, text: str, pause: float) -> int:
    """Stream a text from Orator's entity, and return the number of bytes."""
    hass = environment.instance.hass
    entity_id = environment.instance.orator[_SPEED]
    entity = hass.data[DATA_COMPONENT].get_entity(entity_id)
    if entity is None:
        raise RuntimeError(f"{entity_id} does not exist")
    language, options = hass.data[DATA_TTS_MANAGER].process_options(entity, None, None)

    async def message() -> AsyncGenerator[str]:
        yield text

    response = await entity.internal_async_stream_tts_audio(TTSAudioRequest(language, options, message()))
    counter = create_counter(response.extension)
    delivered = 0
    async for chunk in response.data_gen:
        if pause and not delivered and counter.feed(chunk):
            await asyncio.sleep(pause)
        delivered += len(chunk)
    return delivered


def add_goals(results: Results) -> None:
    """Add the limits for traced memory, and for an account that has not spoken."""
    for text, metric, limit, unit in (
        ("import of the integration, CPU time", _IMPORT_CPU, _MAX_IMPORT_S, Unit.SECONDS),
        ("account that has not spoken, modules included", _IDLE_RESIDENT, _MAX_IDLE_MIB, Unit.MEBIBYTES),
    ):
        idle = results.find(_IDLE, metric)
        value = None if idle.failures else idle.median
        results.goals.append(Goal(MEMORY, text, limit, value, unit, "in a new Home Assistant with text-to-speech"))
    for series in [series for series in results.series if series.key.row == MEMORY and series.metric == _TRACED]:
        note = series.failures[0] if series.failures else "limit of this benchmark; traced allocations"
        value = None if series.failures else series.worst
        text = f"{series.key.case}: bounded"
        results.goals.append(Goal(MEMORY, text, _MAX_TRACED_MIB, value, Unit.MEBIBYTES, note))
