"""How loud a voice is, learned from what it has said, so that all voices can be brought to one level.

A voice keeps its gain while it speaks, so nothing pumps; it is corrected from one utterance to the next.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final, Self

import numpy as np

from .loudness import Loudness

USUAL: Final = -20.0
"""LUFS of a voice that has not been heard: between what broadcasting (-23) and streaming (-16) ask for, as what speech
services deliver. A voice off by a few LU is corrected from its second utterance on."""
MAX_GAIN: Final = 20.0
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
class Level:
    """What is known of how loud a voice is."""

    heard: tuple[Loudness, ...] = ()
    """Its last utterances, the latest at the end."""

    @property
    def lufs(self) -> float:
        """How loud the voice is: the mean of what it has said, weighted by length, without what is out of line."""
        if not self.heard:
            return USUAL
        levels = np.array([one.lufs for one in self.heard])
        weights = np.array([min(one.seconds, _MAX_WEIGHT) for one in self.heard])
        order = np.argsort(levels, kind="stable")
        middle = np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)
        near = np.abs(levels - levels[order[middle]]) <= _NEAR
        return float(np.average(levels[near], weights=weights[near]))

    def learned(self, utterance: Loudness | None) -> Self:
        """Return what is known once another utterance has been heard, as it was before any gain."""
        if utterance is None or utterance.lufs < _QUIETEST or utterance.seconds <= 0:
            return self
        return type(self)((*self.heard, utterance)[-_KEPT:])

    def gain_to(self, target: float) -> float:
        """Return the gain in dB that brings the voice to a target in LUFS."""
        return max(-MAX_GAIN, min(MAX_GAIN, target - self.lufs))

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
                    level = level.learned(Loudness(float(lufs), float(seconds)))
                case _:
                    pass
        return level
