"""Gain without clipping: what would become too loud is turned down just before it comes, and up again after it."""

from functools import cache
from math import ceil

import numpy as np
import numpy.typing as npt

from .formats import PcmLayout

CEILING_DBTP = -1.0
"""dBTP, decibels of true peak under full scale, that nothing exceeds: what EBU R 128 allows."""
LOOK_AHEAD_S = 0.005
"""Seconds in which the gain goes down before a peak: as many as the sound is delayed by, and less than an echo."""
RELEASE_S = 0.3
"""Seconds in which the gain would rise from nothing to its full value. A syllable lasts about as long."""

type _Numbers = npt.NDArray[np.float64]
type _Integers = npt.NDArray[np.int64]

_MARGIN = 0.4
"""dB for what is left between the points at which peaks are measured, and for rounding to 16 bits."""
_OVERSAMPLING = 4  # ITU-R BS.1770-5, annex 2
_REACH = 16
"""Samples on either side that a point between two samples is made of."""
_KAISER_BETA = 6.0
_COEFFICIENT_BITS = 30
_GAIN_BITS = 30
_FULL = 1 << _GAIN_BITS
"""The gain where nothing is turned down; gains are whole numbers, so that their sums are exact."""


@cache
def _between() -> tuple[_Numbers, ...]:
    """Return the filters (windowed sincs) that make the points between two samples of their neighbours.

    The coefficients are integers: every sum of products is exact in whatever order they are added.
    """
    places = np.arange(1, _OVERSAMPLING) / _OVERSAMPLING
    distances = places[:, np.newaxis] - np.arange(1 - _REACH, _REACH + 1)
    window = np.i0(_KAISER_BETA * np.sqrt(1 - (distances / _REACH) ** 2)) / np.i0(_KAISER_BETA)
    return tuple(np.rint(np.sinc(distances) * window * (1 << _COEFFICIENT_BITS)))


class Limiter:
    """Changes the level of PCM (16 bit) by a gain, and turns down what would exceed `CEILING`.

    The gain stays as it is, but around peaks: there it goes down in `LOOK_AHEAD` before them and up in part of
    `RELEASE` after them, on all channels alike. What comes out is as long as what was fed; a sample leaves when those
    of the next six milliseconds or so have arrived. The result is the same to the bit in whatever division they do.
    """

    def __init__(self, layout: PcmLayout, gain_db: float) -> None:
        """Prepare for one sound. Raises ValueError where the samples are not of 16 bit."""
        if layout.width != 2:
            raise ValueError("only samples of 16 bit are amplified")
        self._layout = layout
        self._gain = 10 ** (gain_db / 20)
        self._limit = 0x8000 * 10 ** ((CEILING_DBTP - _MARGIN) / 20) / self._gain  # of a sample that is fed
        self._window = ceil(LOOK_AHEAD_S * layout.rate)
        self._rise = ceil(_FULL / (RELEASE_S * layout.rate))  # a sample
        self._begin()

    def feed(self, data: bytes) -> bytes:
        """Take samples, in any division of their bytes; return those that can be made now."""
        self._bytes += data
        end = len(self._bytes) // self._layout.frame_size * self._layout.frame_size
        stored = bytes(self._bytes[:end])
        del self._bytes[:end]
        return self._limited(stored) if stored else b""

    def end(self) -> bytes:
        """Tell that the sound is over; return its last samples. What is fed next begins another sound."""
        made = self._limited(bytes(self._delay * self._layout.frame_size))
        self._begin()
        return made

    @property
    def _delay(self) -> int:
        """Samples between what arrives and what leaves."""
        return self._window + _REACH

    def _begin(self) -> None:
        """Set everything to what it is after silence."""
        self._bytes = bytearray()
        self._samples = np.zeros((self._layout.channels, self._delay))
        self._needed = np.full(self._window, _FULL)
        self._released = np.full(self._window, _FULL)
        self._early = self._delay
        """Samples of the silence before the sound that have not left yet: they never do."""

    def _limited(self, stored: bytes) -> bytes:
        """Return what can be made once these samples have arrived, as many as they are but at the beginning."""
        arrived = np.frombuffer(stored, "<i2").reshape(-1, self._layout.channels).T
        samples = np.concatenate((self._samples, arrived), axis=1)
        self._samples = samples[:, -self._delay :].copy()
        gains = self._gains(_peaks(samples[:, self._window - _REACH :]))
        made: npt.NDArray[np.int16] = np.rint(samples[:, : len(gains)] * self._gain * gains).astype("<i2")
        skipped = min(self._early, len(gains))
        self._early -= skipped
        return made[:, skipped:].T.tobytes()

    def _gains(self, peaks: _Numbers) -> _Numbers:
        """Return by how much the samples are turned down that lie `LOOK_AHEAD` before these peaks, from 0 to 1.

        Each gain is the mean of the lowest ones that any peak in reach needs: so it glides, and is low enough in time.
        """
        needed = (np.minimum(1, self._limit / np.maximum(peaks, self._limit)) * _FULL).astype(np.int64)
        needed = np.concatenate((self._needed, needed))
        self._needed = needed[-self._window :].copy()
        released = self._rising(_lowest(needed, self._window + 1))
        released = np.concatenate((self._released, released))
        self._released = released[-self._window :].copy()
        sums = np.concatenate(([0], np.cumsum(released)))
        means: _Numbers = (sums[self._window + 1 :] - sums[: -self._window - 1]) / (_FULL * (self._window + 1))
        return means

    def _rising(self, gains: _Integers) -> _Integers:
        """Return the highest gains that are nowhere above these, and rise no faster than at the rate of release."""
        slope = self._rise * np.arange(len(gains) + 1)
        level = np.concatenate((self._released[-1:], gains)) - slope
        risen: _Integers = np.minimum.accumulate(level) + slope
        return risen[1:]


def _peaks(samples: _Numbers) -> _Numbers:
    """Return the largest magnitude at and around each sample but `_REACH` at either end, on any channel."""
    highest = np.abs(samples).max(axis=0)
    around = np.zeros(len(highest) - 2 * _REACH + 1)
    for coefficients in _between():
        for channel in samples:
            np.maximum(around, np.abs(np.correlate(channel, coefficients, "valid")), out=around)
    around /= 1 << _COEFFICIENT_BITS
    peaks: _Numbers = np.maximum(highest[_REACH:-_REACH], np.maximum(around[:-1], around[1:]))
    return peaks


def _lowest(values: _Integers, width: int) -> _Integers:
    """Return the minimum of every `width` neighbours, each step doubling how many are compared."""
    reached = 1
    while reached < width:
        step = min(reached, width - reached)
        values = np.minimum(values[:-step], values[step:])
        reached += step
    return values
