"""Gain with a true-peak limiter."""

from math import ceil
from typing import Final

import numpy as np
import numpy.typing as npt

from .formats import PcmLayout
from .pcm import take_multiple

CEILING_DBTP: Final = -1.0
"""Highest true peak of limited audio in dBTP, the maximum that EBU R 128 allows."""
LOOK_AHEAD_S: Final = 0.005
"""Seconds before a peak during which the gain falls."""
RELEASE_S: Final = 0.3
"""Seconds in which the gain rises from zero to full: about one syllable."""

_HEADROOM_DB: Final = 0.4
"""Headroom in dB for peaks between the measured points, and for rounding to 16 bits."""
_OVERSAMPLING: Final = 4  # ITU-R BS.1770-5, annex 2
_REACH: Final = 16
"""Samples on either side of a point between two samples that the interpolation uses."""
_KAISER_BETA: Final = 6.0
_COEFFICIENT_ONE: Final = 1 << 30
"""Fixed-point representation of the coefficient 1."""
_MIN_GAIN_DB: Final = -100.0
"""Gain at which every sample is zero."""
_GAIN_ONE: Final = 1 << 30
"""Fixed-point representation of the gain 1."""

type _Samples = npt.NDArray[np.float64]
type _FixedPoint = npt.NDArray[np.int64]


def _design_interpolator() -> _Samples:
    """Return the matrix that turns three rows of `_REACH` samples into the points after each sample of the second row.

    The filters are windowed sincs, one for each of the points between two samples. Coefficients and samples are
    integers, so that every sum of products is exact in any order.
    """
    places = np.arange(1, _OVERSAMPLING) / _OVERSAMPLING
    distances = places[:, np.newaxis] - np.arange(1 - _REACH, _REACH + 1)
    window = np.i0(_KAISER_BETA * np.sqrt(1 - (distances / _REACH) ** 2)) / np.i0(_KAISER_BETA)
    filters = np.rint(np.sinc(distances) * window * _COEFFICIENT_ONE)
    matrix = np.zeros((3 * _REACH, len(places), _REACH))
    for number in range(_REACH):
        matrix[number + 1 : number + 1 + 2 * _REACH, :, number] = filters.T
    return matrix.reshape(3 * _REACH, -1)


_INTERPOLATOR: Final = _design_interpolator()
_ROW_WEIGHTS: Final = np.abs(_INTERPOLATOR).reshape(3, _REACH, -1).sum(axis=1).T / _COEFFICIENT_ONE * (1 + 1e-9)
"""Highest ratio of each point to the largest sample in each of the three rows, slightly more for rounding errors."""
_MAX_OVERSHOOT: Final = float(_ROW_WEIGHTS.sum(axis=1).max())
"""Highest ratio of a true peak to the largest sample around it: 7.9 dB."""
_MAX_ROWS: Final = 100
"""Rows interpolated at once. For larger products of matrices, OpenBLAS would use a thread per processor."""


class Limiter:
    """Amplifier for 16-bit PCM that keeps the true peak below `CEILING_DBTP`.

    The gain is constant except around peaks that would exceed the ceiling: there it falls within `LOOK_AHEAD_S` before
    the peak and rises again at the rate of `RELEASE_S`, on all channels alike. The output is as long as the input, lags
    it by about 6 ms, and is the same however the input is divided.
    """

    def __init__(self, layout: PcmLayout, gain_db: float) -> None:
        """Initialize the limiter for one stream. Raises ValueError unless the samples are 16-bit."""
        if layout.width != 2:
            raise ValueError("only 16-bit samples are amplified")
        self._layout = layout
        self._gain = 10 ** (max(gain_db, _MIN_GAIN_DB) / 20)
        self._max_peak = 0x8000 * 10 ** ((CEILING_DBTP - _HEADROOM_DB) / 20) / self._gain
        """Highest true peak of the input that needs no reduction."""
        self._window = ceil(LOOK_AHEAD_S * layout.rate)
        """Length of the look-ahead in samples."""
        self._release_step = ceil(_GAIN_ONE / (RELEASE_S * layout.rate))
        self._delay = self._window + _REACH
        self._pending = bytearray()
        self._samples: _Samples = np.zeros((layout.channels, self._delay))
        self._needed = np.full(self._window, _GAIN_ONE)
        """Gain factors that the last peaks need."""
        self._released = np.full(self._window, _GAIN_ONE)
        """Last gain factors after look-ahead and release."""
        self._leading = self._delay
        """Samples of leading silence that are still to be dropped from the output."""

    def feed(self, data: bytes) -> bytes:
        """Amplify input of any length; return the output that is complete."""
        self._pending += data
        frames = take_multiple(self._pending, self._layout.frame_size)
        return self._limit(frames) if frames else b""

    def finish(self) -> bytes:
        """Return the rest of the output; an incomplete frame of the input is dropped."""
        return self._limit(bytes(self._delay * self._layout.frame_size))

    def _limit(self, frames: bytes) -> bytes:
        """Limit frames; return as many frames as arrive, delayed by the look-ahead."""
        arriving = np.frombuffer(frames, "<i2").reshape(-1, self._layout.channels).T
        samples = np.concatenate((self._samples, arriving), axis=1)
        self._samples = samples[:, -self._delay :].copy()
        leaving = samples[:, : arriving.shape[1]] * self._gain
        peaks = _true_peaks(samples[:, self._window - _REACH :], self._max_peak)
        if peaks is not None or min(self._needed.min(), self._released.min()) < _GAIN_ONE:
            leaving *= self._reductions(np.zeros(arriving.shape[1]) if peaks is None else peaks)
        dropped = min(self._leading, arriving.shape[1])
        self._leading -= dropped
        limited: npt.NDArray[np.int16] = np.rint(leaving[:, dropped:]).T.astype("<i2")
        return limited.tobytes()

    def _reductions(self, peaks: _Samples) -> _Samples:
        """Return the factors, up to 1, for the samples that are `LOOK_AHEAD_S` before these peaks.

        Each is the mean of the lowest factors that the peaks in reach need: it changes smoothly and is low enough in
        time for each peak.
        """
        needed = (self._max_peak / np.maximum(peaks, self._max_peak) * _GAIN_ONE).astype(np.int64)
        needed = np.concatenate((self._needed, needed))
        self._needed = needed[-self._window :].copy()
        released = self._release(_sliding_minimum(needed, self._window + 1))
        released = np.concatenate((self._released, released))
        self._released = released[-self._window :].copy()
        sums = np.concatenate(([0], np.cumsum(released)))
        means: _Samples = (sums[self._window + 1 :] - sums[: -self._window - 1]) / (_GAIN_ONE * (self._window + 1))
        return means

    def _release(self, factors: _FixedPoint) -> _FixedPoint:
        """Return the highest factors that never exceed these and rise no faster than the release allows."""
        slope = self._release_step * np.arange(len(factors) + 1)
        levels = np.concatenate((self._released[-1:], factors)) - slope
        released: _FixedPoint = np.minimum.accumulate(levels) + slope
        return released[1:]


def _true_peaks(samples: _Samples, threshold: float) -> _Samples | None:
    """Return the largest magnitude at and around each sample except `_REACH` at either end, on any channel.

    Points between samples count where they may exceed the threshold. None means that no peak exceeds it.
    """
    channels, count = samples.shape
    padded = np.zeros((channels, (ceil(count / _REACH) + 1) * _REACH))
    padded[:, _REACH : _REACH + count] = samples
    magnitudes = np.abs(padded).max(axis=0)
    highest = np.maximum.reduceat(magnitudes, np.arange(0, len(magnitudes), _REACH))
    if highest.max() * _MAX_OVERSHOOT <= threshold:
        return None
    bounds = _ROW_WEIGHTS @ np.stack((highest[:-2], highest[1:-1], highest[2:]))
    loud = np.flatnonzero(bounds.max(axis=0) > threshold)
    if not len(loud):
        return None
    between = np.zeros((len(highest), _REACH))
    for rows in padded.reshape(channels, -1, _REACH):
        for start in range(0, len(loud), _MAX_ROWS):
            first = loud[start : start + _MAX_ROWS]
            neighbors = np.concatenate((rows[first], rows[first + 1], rows[first + 2]), axis=1)
            points = np.abs(neighbors @ _INTERPOLATOR).reshape(len(first), -1, _REACH).max(axis=1)
            between[first + 1] = np.maximum(between[first + 1], points / _COEFFICIENT_ONE)
    after = between.ravel()[2 * _REACH - 1 : count]
    peaks: _Samples = np.maximum(magnitudes[2 * _REACH : count], np.maximum(after[:-1], after[1:]))
    return peaks if peaks.max() > threshold else None


def _sliding_minimum(values: _FixedPoint, width: int) -> _FixedPoint:
    """Return the minimum of every `width` neighbors; each step doubles the number compared."""
    reached = 1
    while reached < width:
        step = min(reached, width - reached)
        values = np.minimum(values[:-step], values[step:])
        reached += step
    return values
