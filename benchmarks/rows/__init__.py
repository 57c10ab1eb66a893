"""The rows of the benchmark."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from ..environment import Analysis, Environment
from ..results import Results
from . import (
    announcements,
    break_off,
    cached_sentence,
    catalog,
    concurrency,
    first_audio,
    long_texts,
    loop,
    markup,
    memory,
    post_processing,
    realtime,
    round_trip,
    slow_models,
)


@dataclass(frozen=True, slots=True)
class Row:
    """A group of measurements and their goals.

    measure: may return an analysis to run after all measurements.
    is_light: takes long but hardly uses the CPU, so other such rows may be measured at the same time.
    is_light_in_quick_runs: the same, if accuracy matters less than time.
    """

    name: str
    title: str
    measure: Callable[[Environment, Results], Awaitable[Analysis | None]]
    add_goals: Callable[[Results], None]
    is_light: bool = False
    is_light_in_quick_runs: bool = False


ROWS: Final = (
    Row(
        first_audio.SENTENCE,
        "One sentence: time to the first audio",
        first_audio.measure_sentence,
        first_audio.add_sentence_goal,
    ),
    Row(
        first_audio.REPLY,
        "Reply of 8 sentences at 25 words/s: time to the first audio",
        first_audio.measure_reply,
        first_audio.add_reply_goal,
        is_light_in_quick_runs=True,
    ),
    Row(
        first_audio.TO_SATELLITE,
        "The same for a satellite (wav, 16 kHz)",
        first_audio.measure_satellite,
        first_audio.add_satellite_goal,
        is_light_in_quick_runs=True,
    ),
    Row(
        cached_sentence.CACHED,
        "Reply whose first sentence was said before: time to the first audio",
        cached_sentence.measure,
        cached_sentence.add_goals,
        is_light_in_quick_runs=True,
    ),
    Row(
        realtime.REALTIME,
        "Realtime voice over an open socket: time to the first audio",
        realtime.measure,
        realtime.add_goals,
    ),
    Row(
        round_trip.ROUND_TRIP,
        "Service 100 ms away, connection open and closed: time to the first audio",
        round_trip.measure,
        round_trip.add_goals,
    ),
    Row(
        announcements.ANNOUNCE,
        "Announcement on a media player: time from the action to the first audio",
        announcements.measure,
        announcements.add_goals,
    ),
    Row(
        long_texts.LONG,
        "Long text: every word, no gap",
        long_texts.measure_long,
        long_texts.add_long_goals,
        is_light=True,
    ),
    Row(
        long_texts.SLOW,
        "Slow provider: silence between chunks",
        long_texts.measure_slow,
        long_texts.add_slow_goals,
        is_light=True,
    ),
    Row(
        slow_models.SLOW_MODEL,
        "Slow language models through Home Assistant's gate of 60 characters",
        slow_models.measure,
        slow_models.add_goals,
        is_light=True,
    ),
    Row(
        post_processing.EFFECTS,
        "Chime, loudness, resampling: time to the first audio, and CPU time",
        post_processing.measure,
        post_processing.add_goals,
    ),
    Row(
        markup.MARKUP,
        "Messages with and without markup: time to the first audio",
        markup.measure,
        markup.add_goals,
    ),
    Row(break_off.BREAK_OFF, "Audio that breaks off: words lost", break_off.measure, break_off.add_goals),
    Row(concurrency.CROWD, "50 replies at the same time", concurrency.measure, concurrency.add_goals),
    Row(loop.LOOP, "Event loop blocked, longest time", loop.measure, loop.add_goals),
    Row(catalog.CATALOG, "Event loop blocked by a large catalog", catalog.measure, catalog.add_goals),
    Row(memory.MEMORY, "Memory besides Home Assistant's own cache", memory.measure, memory.add_goals),
)
