"""The rows of the table, one file for each kind."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from ..book import Book
from ..stage import Analysis, Stage
from . import crowd, effects, first_sound, long_texts, loop, memory, realtime


@dataclass(frozen=True, slots=True)
class Row:
    """Something to measure, and to judge afterwards.

    measure may return what is to be done when nothing is measured any more. is_light: others may be measured at the
    same time, since it takes long and hardly uses the computer; is_fairly_light: they may where time is short.
    """

    name: str
    title: str
    measure: Callable[[Stage, Book], Awaitable[Analysis | None]]
    judge: Callable[[Book], None]
    is_light: bool = False
    is_fairly_light: bool = False


ROWS: Final = (
    Row(
        first_sound.SENTENCE,
        "One sentence: time to the first sound",
        first_sound.measure_sentence,
        first_sound.judge_sentence,
    ),
    Row(
        first_sound.REPLY,
        "Reply of 8 sentences at 25 words/s: time to the first sound",
        first_sound.measure_reply,
        first_sound.judge_reply,
        is_fairly_light=True,
    ),
    Row(
        first_sound.SATELLITE,
        "The same for a satellite (wav, 16 kHz)",
        first_sound.measure_satellite,
        first_sound.judge_satellite,
        is_fairly_light=True,
    ),
    Row(
        realtime.REALTIME,
        "Realtime voice over an open socket: time to the first sound",
        realtime.measure,
        realtime.judge,
    ),
    Row(
        long_texts.LONG,
        "Long text: every word, no gap",
        long_texts.measure_long,
        long_texts.judge_long,
        is_light=True,
    ),
    Row(
        long_texts.SLOW,
        "Slow provider: silence between segments",
        long_texts.measure_slow,
        long_texts.judge_slow,
        is_light=True,
    ),
    Row(
        effects.EFFECTS,
        "Chime and loudness: the first sound, and what they cost",
        effects.measure,
        effects.judge,
    ),
    Row(crowd.CROWD, "50 replies at the same moment", crowd.measure, crowd.judge),
    Row(loop.LOOP, "Home Assistant's loop blocked, longest time", loop.measure, loop.judge),
    Row(memory.MEMORY, "Memory beside Home Assistant's own cache", memory.measure, memory.judge),
)
