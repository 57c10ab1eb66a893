"""Track the loudness of each voice, and compute the gain for a target loudness."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final, Self

import numpy as np

from ..audio.loudness_meter import LoudnessMeasurement

DEFAULT_LUFS: Final = -20.0
"""Loudness assumed before any measurement, between the targets of broadcasting (-23) and streaming (-16)."""
MAX_GAIN_DB: Final = 20.0
"""Maximum gain or attenuation; audio that needs more is noise rather than speech."""

_MAX_VOICES: Final = 200
_MAX_MEASUREMENTS: Final = 16
"""Measurements kept per voice. When a provider changes a voice, the median follows once half of them are new."""
_MIN_SPEECH_LUFS: Final = -55.0
_MAX_WEIGHT_S: Final = 10.0
"""Duration beyond which the weight of a measurement does not grow."""
_MAX_DEVIATION_LU: Final = 3.0
"""Distance from the median beyond which a measurement (a whisper, a laugh) does not count."""


@dataclass(frozen=True, slots=True)
class VoiceLoudness:
    """The loudness of a voice, measured in its past speech."""

    measurements: tuple[LoudnessMeasurement, ...] = ()
    """The last measurements, the latest at the end."""

    @property
    def is_known(self) -> bool:
        """Whether the voice was measured."""
        return bool(self.measurements)

    @property
    def lufs(self) -> float:
        """Mean of the measurements, weighted by duration, without outliers."""
        if not self.is_known:
            return DEFAULT_LUFS
        levels = np.array([measurement.lufs for measurement in self.measurements])
        weights = np.array([min(measurement.seconds, _MAX_WEIGHT_S) for measurement in self.measurements])
        order = np.argsort(levels, kind="stable")
        middle = np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)
        is_usual = np.abs(levels - levels[order[middle]]) <= _MAX_DEVIATION_LU
        return float(np.average(levels[is_usual], weights=weights[is_usual]))

    def add(self, measurement: LoudnessMeasurement | None) -> Self:
        """Return the loudness with another measurement, made before any gain."""
        if measurement is None or measurement.lufs < _MIN_SPEECH_LUFS or measurement.seconds <= 0:
            return self
        return type(self)((*self.measurements, measurement)[-_MAX_MEASUREMENTS:])

    def gain_to(self, target: float) -> float:
        """Return the gain in dB that brings the voice to a target in LUFS."""
        return max(-MAX_GAIN_DB, min(MAX_GAIN_DB, target - self.lufs))

    def as_dict(self) -> dict[str, Any]:
        """Return the measurements as JSON."""
        return {"heard": [[round(one.lufs, 2), round(one.seconds, 2)] for one in self.measurements]}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return the loudness from the result of `as_dict`, without damaged values."""
        loudness = cls()
        pairs = stored.get("heard")
        for pair in pairs if isinstance(pairs, list) else ():
            match pair:
                case [int() | float() as lufs, int() | float() as seconds] if isfinite(lufs) and isfinite(seconds):
                    loudness = loudness.add(LoudnessMeasurement(float(lufs), float(seconds)))
                case _:
                    pass
        return loudness


class LoudnessTracker:
    """The loudness of an account's voices."""

    def __init__(self) -> None:
        """Initialize a tracker without measurements."""
        self._voices: dict[str, VoiceLoudness] = {}
        self.has_changes = False
        """Whether a measurement was added since the last `as_dict`."""

    def get(self, key: str) -> VoiceLoudness:
        """Return the loudness of a voice."""
        return self._voices.get(key, VoiceLoudness())

    def add(self, key: str, measurement: LoudnessMeasurement | None) -> None:
        """Add a measurement of a voice, made before any gain."""
        self._voices[key] = self._voices.pop(key, VoiceLoudness()).add(measurement)
        while len(self._voices) > _MAX_VOICES:
            del self._voices[next(iter(self._voices))]
        self.has_changes = True

    def as_dict(self) -> dict[str, Any]:
        """Return all measurements as JSON."""
        self.has_changes = False
        return {key: loudness.as_dict() for key, loudness in self._voices.items()}

    def restore(self, stored: Any) -> None:
        """Add the voices from the result of `as_dict`, except those measured since, without damaged values."""
        voices = stored if isinstance(stored, Mapping) else {}
        restored = {str(key): VoiceLoudness.from_dict(one) for key, one in voices.items() if isinstance(one, Mapping)}
        self._voices = {**restored, **self._voices}
