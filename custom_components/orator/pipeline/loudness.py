"""How loud a voice is, learned from what it has said, so that all voices can be brought to one level.

A voice keeps its gain while it speaks, so nothing pumps; it is corrected from one utterance to the next.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final, Self

import numpy as np

from ..audio.effects import measure_while_passing
from ..audio.formats import PcmLayout
from ..audio.loudness import LoudnessMeasurement, LoudnessMeter

DEFAULT_LUFS: Final = -20.0
"""LUFS of a voice that has not been heard: between what broadcasting (-23) and streaming (-16) ask for, as what speech
services deliver. A voice off by a few LU is corrected from its second utterance on."""
MAX_GAIN_DB: Final = 20.0
"""dB up or down, beyond which a sound is no voice at a level but noise."""

_KEPT = 16
"""Utterances remembered: a voice that its provider has changed is known anew after half of them."""
_QUIETEST = -55.0
"""LUFS under which nobody speaks."""
_MAX_WEIGHT = 10.0
"""Seconds by which an utterance counts at most: longer ones know no better."""
_NEAR = 3.0
"""LU around the median, beyond which an utterance is out of the ordinary (a whisper, a laugh) and does not count."""


@dataclass(frozen=True, slots=True)
class VoiceLoudness:
    """What is known of how loud a voice is."""

    heard: tuple[LoudnessMeasurement, ...] = ()
    """Its last utterances, the latest at the end."""

    @property
    def lufs(self) -> float:
        """How loud the voice is: the mean of what it has said, weighted by length, without what is out of line."""
        if not self.heard:
            return DEFAULT_LUFS
        levels = np.array([one.lufs for one in self.heard])
        weights = np.array([min(one.seconds, _MAX_WEIGHT) for one in self.heard])
        order = np.argsort(levels, kind="stable")
        middle = np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)
        near = np.abs(levels - levels[order[middle]]) <= _NEAR
        return float(np.average(levels[near], weights=weights[near]))

    def learned(self, utterance: LoudnessMeasurement | None) -> Self:
        """Return what is known once another utterance has been heard, as it was before any gain."""
        if utterance is None or utterance.lufs < _QUIETEST or utterance.seconds <= 0:
            return self
        return type(self)((*self.heard, utterance)[-_KEPT:])

    def gain_to(self, target: float) -> float:
        """Return the gain in dB that brings the voice to a target in LUFS."""
        return max(-MAX_GAIN_DB, min(MAX_GAIN_DB, target - self.lufs))

    def as_dict(self) -> dict[str, Any]:
        """Return the same for JSON."""
        return {"heard": [[round(one.lufs, 2), round(one.seconds, 2)] for one in self.heard]}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return what `as_dict` made; what is damaged in it is forgotten."""
        level = cls()
        heard = stored.get("heard")
        for pair in heard if isinstance(heard, list) else ():
            match pair:
                case [int() | float() as lufs, int() | float() as seconds] if isfinite(lufs) and isfinite(seconds):
                    level = level.learned(LoudnessMeasurement(float(lufs), float(seconds)))
                case _:
                    pass
        return level


_MAX_VOICES: Final = 200
"""Voices remembered; who names more of them in calls has those forgotten that were not heard for the longest time."""


class LoudnessTracker:
    """How loud the voices of an account are, learned from what they have said."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        self._known: dict[str, VoiceLoudness] = {}
        self.has_news = False
        """Whether something has been learned since `as_dict` was called."""

    def of(self, voice: str) -> VoiceLoudness:
        """Return what is known of a voice."""
        return self._known.get(voice, VoiceLoudness())

    def learn(self, voice: str, heard: LoudnessMeasurement | None) -> None:
        """Remember what was measured of a voice before any gain."""
        self._known[voice] = self._known.pop(voice, VoiceLoudness()).learned(heard)
        while len(self._known) > _MAX_VOICES:
            del self._known[next(iter(self._known))]
        self.has_news = True

    def as_dict(self) -> dict[str, Any]:
        """Return everything for JSON."""
        self.has_news = False
        return {voice: level.as_dict() for voice, level in self._known.items()}

    def restore(self, kept: Any) -> None:
        """Know what `as_dict` returned of voices that are not known better; what is damaged in it is forgotten."""
        stored = kept if isinstance(kept, Mapping) else {}
        restored = {
            str(voice): VoiceLoudness.from_dict(one) for voice, one in stored.items() if isinstance(one, Mapping)
        }
        self._known = {**restored, **self._known}


class LoudnessSession:
    """What one utterance tells of how loud those are who speak in it."""

    def __init__(self, layout: PcmLayout) -> None:
        """Begin before anybody speaks."""
        self._layout = layout
        self._meters: dict[str, LoudnessMeter] = {}
        self.is_over = False
        """Whether all has been said."""

    def overheard(self, chunks: AsyncGenerator[bytes], voice: str) -> AsyncGenerator[bytes]:
        """Yield a voice's samples as they are."""
        meter = self._meters.setdefault(voice, LoudnessMeter(self._layout))
        return measure_while_passing(chunks, self._layout, meter)

    def learn(self, levels: LoudnessTracker) -> None:
        """Remember how loud everybody was."""
        for voice, meter in self._meters.items():
            levels.learn(voice, meter.result())


@asynccontextmanager
async def track_loudness(levels: LoudnessTracker, layout: PcmLayout) -> AsyncGenerator[LoudnessSession]:
    """Learn from an utterance of which the sound is handed on meanwhile, if it comes to its end."""
    overhearing = LoudnessSession(layout)
    yield overhearing
    if overhearing.is_over:
        overhearing.learn(levels)
