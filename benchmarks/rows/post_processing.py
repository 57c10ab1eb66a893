"""Cost of chimes, loudness, limiter and resampling: time to the first audio, and CPU time."""

import asyncio
from collections.abc import Callable, Mapping
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from time import process_time
from typing import Any, Final

from custom_components.orator.audio.formats import PcmLayout
from custom_components.orator.audio.limiter import Limiter
from custom_components.orator.audio.loudness_meter import MAX_MEASURED_S, LoudnessMeter
from custom_components.orator.audio.pcm import blocks_of
from custom_components.orator.audio.resampler import Resampler
from custom_components.orator.audio.wav import WavReader
from tests.support.streams import SATELLITE

from ..candidates import Delivery
from ..conditions import SAMPLE_RATE
from ..environment import Environment
from ..listener import record
from ..results import ORATOR, Goal, Results, SeriesKey, Unit, difference, largest
from ..texts import essay, sentence
from .first_audio import FIRST_AUDIO

EFFECTS: Final = "effects"

_CPU: Final = "CPU seconds per minute of audio"
_CHILD_CPU: Final = "of these in child processes"
_NONE: Final = "none"
_CASES: Final[Mapping[str, Mapping[str, Any]]] = {
    _NONE: {},
    "chime": {"chime": "ding_dong"},
    "loudness": {"loudness": -18},
    "both": {"chime": "ding_dong", "loudness": -18},
}
_FORMATS: Final[Mapping[str, Mapping[str, Any]]] = {"mp3": {}, "wav 16 kHz": SATELLITE}
_MAX_CHIME_MS: Final = 50.0
_MAX_LOUDNESS_DELAY_MS: Final = 20.0
_MAX_PROCESSING_CPU_S: Final = 0.2
_MAX_TOTAL_CPU_S: Final = 0.222  # a third of the 0.665 s of ae864fe
_PAUSE_S: Final = 0.05

_LAYOUT: Final = PcmLayout(SAMPLE_RATE)
_PROCESSORS: Final[Mapping[str, Callable[[], Callable[[bytes], object]]]] = {
    "loudness meter": lambda: LoudnessMeter(_LAYOUT).feed,
    "limiter, + 6 dB": lambda: Limiter(_LAYOUT, 6).feed,
    "resampling, 24 to 16 kHz": lambda: Resampler(_LAYOUT, PcmLayout(16_000)).feed,
}
"""Functions that process samples block by block."""


async def measure(environment: Environment, results: Results) -> None:
    """Measure the time to the first audio, CPU time with a long text, and CPU time of the processing alone."""
    await _measure_first_audio(environment, results)
    await _measure_cpu(environment, results)
    await _measure_processors(environment, results)


async def _measure_first_audio(environment: Environment, results: Results) -> None:
    """Measure all cases in turn, so that they share the same conditions."""
    orator = environment.orator()
    for run in range(environment.effort.times(10, 3) + 1):
        for name, format_options in _FORMATS.items():
            for case, options in _CASES.items():
                recording = await record(orator, sentence(), {**format_options, **options}, Delivery.URL)
                if run:  # the first run warms up
                    results.add(_key(case, name), FIRST_AUDIO, recording.failure or recording.after_start)
                await asyncio.sleep(_PAUSE_S)
        environment.clear_cache()


async def _measure_cpu(environment: Environment, results: Results) -> None:
    orator = environment.orator("at once")
    for name, format_options in _FORMATS.items():
        for case, options in _CASES.items():
            before, children_before = _cpu_seconds(RUSAGE_SELF), _cpu_seconds(RUSAGE_CHILDREN)
            text = essay(environment.effort.size(4_500, 1_500))
            recording = await record(orator, text, {**format_options, **options}, Delivery.STREAM)
            children = _cpu_seconds(RUSAGE_CHILDREN) - children_before
            total = _cpu_seconds(RUSAGE_SELF) - before + children
            for metric, seconds in ((_CPU, total), (_CHILD_CPU, children)):
                per_minute = None if recording.failure else seconds / recording.playback.seconds * 60
                results.add(_key(case, name), metric, recording.failure or per_minute)
        environment.clear_cache()


async def _measure_processors(environment: Environment, results: Results) -> None:
    """Measure each processor with the samples of a message."""
    recording = await record(environment.orator("at once"), essay(1_000), {"preferred_format": "wav"}, Delivery.STREAM)
    environment.clear_cache()
    for run in range(environment.effort.times(10, 3) + 1):
        for case, create_processor in _PROCESSORS.items():
            seconds = None if recording.failure else _processing_cpu(create_processor(), recording.audio)
            if run:  # the first run warms up
                results.add(_processor_key(case), _CPU, recording.failure or seconds)


def _key(case: str, name: str) -> SeriesKey:
    return SeriesKey(EFFECTS, f"{name}, {case}", ORATOR, Delivery.URL)


def _processor_key(case: str) -> SeriesKey:
    return SeriesKey(EFFECTS, f"only {case}", ORATOR, "-")


def _cpu_seconds(who: int) -> float:
    """Return the CPU time of this process, or of its child processes that have ended."""
    usage = getrusage(who)
    return usage.ru_utime + usage.ru_stime


def _processing_cpu(process: Callable[[bytes], object], wav: bytes) -> float:
    """Return the CPU seconds per minute of audio. The audio is no longer than what the loudness meter measures."""
    samples = WavReader().feed(wav)[: int(MAX_MEASURED_S * _LAYOUT.byte_rate)]
    before = process_time()
    for block in blocks_of(samples, _LAYOUT):
        process(block)
    return (process_time() - before) / len(samples) * _LAYOUT.byte_rate * 60


def add_goals(results: Results) -> None:
    """Add goals for the first audio with a chime, the delay by loudness, the CPU time, and processes."""

    def median(case: str, name: str) -> float | None:
        return results.find(_key(case, name), FIRST_AUDIO).median

    chimes = [median(case, name) for case in ("chime", "both") for name in _FORMATS]
    delays = [difference(median("loudness", name), median(_NONE, name)) for name in _FORMATS]
    for text, limit_ms, values in (
        ("chime: first audio, independent of the provider", _MAX_CHIME_MS, chimes),
        ("loudness: delay", _MAX_LOUDNESS_DELAY_MS, delays),
    ):
        worst = largest(values)
        value = None if worst is None else worst * 1000
        note = "median, the worst of mp3 and wav 16 kHz, fetched from Home Assistant's web server"
        results.goals.append(Goal(EFFECTS, text, limit_ms, value, Unit.MILLISECONDS, note))
    costs = [results.find(_processor_key(case), _CPU).median for case in _PROCESSORS]
    total = None if largest(costs) is None else sum(filter(None, costs))
    text = "loudness, limiter and resampling: CPU per minute of audio"
    note = "the sum of the medians, for mono at 24 kHz"
    results.goals.append(Goal(EFFECTS, text, _MAX_PROCESSING_CPU_S, total, Unit.SECONDS, note))
    totals = [results.find(_key(case, name), _CPU).median for case in _CASES for name in _FORMATS]
    children = [results.find(_key(case, name), _CHILD_CPU).median for case in _CASES for name in _FORMATS]
    text = "decode, loudness, limiter, resample, join, encode: CPU per minute of audio"
    note = "the worst case, Home Assistant included"
    results.goals.append(Goal(EFFECTS, text, _MAX_TOTAL_CPU_S, largest(totals), Unit.SECONDS, note))
    text = "no process per utterance: CPU of child processes"
    results.goals.append(Goal(EFFECTS, text, 0.0, largest(children), Unit.SECONDS, "the worst case"))
