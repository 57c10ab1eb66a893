"""PCM of one rate and number of channels to another, on the stream, without a program beside.

The filter is a windowed sinc (Kaiser) in polyphase form. Its coefficients are integers, and so are the samples: every
sum stays below 2**53, where doubles are exact. The result is therefore the same to the bit in whatever order the
matrix library adds, and in whatever division the samples arrive.
"""

from dataclasses import dataclass
from math import ceil, gcd, pi

import numpy as np
import numpy.typing as npt

from .formats import PcmLayout

PASSBAND_END = 0.45
"""As a part of the lower of the two rates; from half that rate on nothing passes."""
ATTENUATION = 96.0
"""dB of what does not pass: what 16 bits can tell apart."""

type _Numbers = npt.NDArray[np.float64]

_COEFFICIENT_BITS = 30
_WINDOW_POINTS = 16_384
_LARGEST_FACTOR = 2048  # 11,025 -> 32,000 Hz needs 1280
_GROUP = 64  # columns of a matrix: fewer waste calls, more waste zeros in it
_PRODUCTS = 1 << 17
"""So many a multiplication of matrices may take, and at least two rows it must have.

Beyond that OpenBLAS spreads it over threads, which on a busy machine makes a millisecond of work last hundreds.
"""
_SLICE = 16_384  # samples taken at a time, so that memory is bounded
_MOST_FILTERS = 32  # more than a house has pairs of rates


@dataclass(frozen=True, slots=True)
class _Group:
    """Neighbouring samples of a block, made by one multiplication."""

    place: int
    """Where in the block they are."""
    start: int
    """Where their input begins, counted from the block's own."""
    coefficients: _Numbers
    """A row for every sample taken, a column for every sample made."""


@dataclass(frozen=True, slots=True)
class _Filter:
    """How every block of `made` samples is made of `taken` ones and their neighbours."""

    made: int
    taken: int
    reach: int
    """How many samples before and after its place in the input a sample depends on."""
    groups: tuple[_Group, ...]


_filters: dict[tuple[int, int], _Filter] = {}
"""The filters that have been designed, by their ratios."""


def has_filter(source: PcmLayout, target: PcmLayout) -> bool:
    """Tell whether a `Resampler` of these layouts has its filter already, if any. Raises ValueError where that does."""
    up, down = _ratio(source, target)
    return up == down or (up, down) in _filters


def _ratio(source: PcmLayout, target: PcmLayout) -> tuple[int, int]:
    """Return how many samples are made of how many. Raises ValueError where a `Resampler` does."""
    is_same = source == target
    if not is_same and (source.width != 2 or target.width not in (1, 2, 3, 4)):
        raise ValueError("only 16 bit samples are resampled, to 8, 16, 24 or 32 bits")
    if source.channels != target.channels and {source.channels, target.channels} != {1, 2}:
        raise ValueError("only mono and stereo are turned into each other")
    if min(source.rate, target.rate) <= 0:
        raise ValueError("no rate")
    shared = gcd(source.rate, target.rate)
    up, down = target.rate // shared, source.rate // shared
    if max(up, down) > _LARGEST_FACTOR:
        raise ValueError(f"no simple ratio between {source.rate} and {target.rate} Hz")
    return up, down


def _filter(up: int, down: int) -> _Filter:
    """Return the filter that makes `up` samples of `down`."""
    made = _filters.get((up, down))
    if made is None:
        made = _design(up, down)
        if len(_filters) >= _MOST_FILTERS:
            _filters.clear()
        _filters[up, down] = made
    return made


def _design(up: int, down: int) -> _Filter:
    """Design the filter that makes `up` samples of `down`."""
    half = _half_of_kaiser_sinc(up, down)
    reach = (len(half) - 1) // up
    blocks = ceil(_GROUP / up)
    groups = []
    for samples in np.array_split(np.arange(up * blocks), ceil(up * blocks / _GROUP)):
        times = samples * down  # in units of 1 / (source rate * up)
        first = int(times[0]) // up - reach + 1
        inputs = np.arange(first, int(times[-1]) // up + reach + 1) * up
        distances = np.abs(times[np.newaxis, :] - inputs[:, np.newaxis])
        groups.append(_Group(int(samples[0]), first, half[np.minimum(distances, len(half) - 1)]))
    return _Filter(up * blocks, down * blocks, reach, tuple(groups))


def _half_of_kaiser_sinc(up: int, down: int) -> _Numbers:
    """Return the right half of the filter's response at `up` times the source's rate, ending in zero.

    Length and shape of the window are those of Kaiser (Oppenheim and Schafer, Discrete-Time Signal Processing, 7.6).
    """
    lower_rate = 1 / max(up, down)  # of the rate at which the response is sampled
    transition = 2 * pi * (0.5 - PASSBAND_END) * lower_rate
    reach = ceil((ATTENUATION - 7.95) / (2.285 * transition) / 2 / up)
    beta = 0.1102 * (ATTENUATION - 8.7)
    points = np.linspace(0, 1, _WINDOW_POINTS + 1)  # between which the window's shape is as good as straight
    distances = np.arange(reach * up + 1)
    window = np.interp(np.sqrt(1 - (distances / distances[-1]) ** 2), points, np.i0(beta * points) / np.i0(beta))
    window[-1] = 0
    bandwidth = (0.5 + PASSBAND_END) * lower_rate
    response = bandwidth * up * np.sinc(bandwidth * distances) * window
    whole: _Numbers = np.rint(response * (1 << _COEFFICIENT_BITS))
    return whole


class Resampler:
    """Brings PCM (16 bit) to another rate, another number of channels and another width.

    The first sample returned is at the time of the first one fed, and there are round(n * target / source) of them; a
    sample leaves when the 62 samples (at the lower of the two rates) that follow it have arrived, 3.9 ms at 16 kHz.
    The same layout passes through untouched.

    A second of sound takes some milliseconds. Whoever must not block an event loop feeds half a second at a time. The
    first use of a pair of rates designs its filter, which takes some milliseconds too.
    """

    def __init__(self, source: PcmLayout, target: PcmLayout) -> None:
        """Prepare to bring sound of one layout to another.

        Raises ValueError where the source is not of 16 bit, the target of 8 to 32, channels other than one and two are
        to be changed, or the rates have no simple ratio (all usual ones have).
        """
        self._up, self._down = _ratio(source, target)
        self._source, self._target = source, target
        self._is_mixed = source.channels > target.channels
        self._filter = _filter(self._up, self._down) if self._up != self._down else None
        self._begin()

    def feed(self, data: bytes) -> bytes:
        """Take samples, in any division of their bytes; return those that can be made now."""
        if self._source == self._target:
            return data
        self._bytes += data
        size = self._source.frame_size
        stored = memoryview(self._bytes)[: len(self._bytes) // size * size]
        slices = [stored[start : start + _SLICE * size] for start in range(0, len(stored), _SLICE * size)]
        made = b"".join([self._convert(self._numbers(part)) for part in slices])
        for view in (*slices, stored):
            view.release()
        del self._bytes[: len(self._bytes) // size * size]
        return made

    def end(self) -> bytes:
        """Tell that the sound is over; return its last samples. What is fed next begins another sound."""
        made = b""
        if self._filter is not None:
            total = (2 * self._received * self._up + self._down) // (2 * self._down)
            made = self._stored(self._made_until(total, self._filter))
        self._begin()
        return made

    def _begin(self) -> None:
        reach = self._filter.reach if self._filter else 0
        channels = 1 if self._is_mixed else self._source.channels
        self._bytes = bytearray()
        self._input = np.zeros((channels, reach))  # before the sound there is silence
        self._input_start = -reach
        self._received = 0
        self._made = 0

    def _numbers(self, stored: memoryview) -> _Numbers:
        """Return stored samples as whole numbers, a row a channel; of channels to be mixed, their sum."""
        samples = np.frombuffer(stored, "<i2").reshape(-1, self._source.channels).T.astype(np.float64)
        return samples.sum(axis=0, keepdims=True) if self._is_mixed else samples

    def _convert(self, samples: _Numbers) -> bytes:
        """Return what can be made once these samples have arrived."""
        if self._filter is None:
            return self._stored(samples)
        self._input = np.concatenate((self._input, samples), axis=1)
        self._received += samples.shape[1]
        ready = -(-(self._received - self._filter.reach) * self._up // self._down)
        return self._stored(self._made_until(ready, self._filter))

    def _made_until(self, end: int, design: _Filter) -> _Numbers:
        """Make the samples before the one with this number that are not made yet.

        Blocks are made whole, as if silence followed, and what of them is not due is made again when it is.
        """
        if end <= self._made:
            return np.empty((len(self._input), 0))
        first, last = self._made // design.made, -(-end // design.made)
        made = self._blocks(first, last - first, design)
        due = made[:, self._made - first * design.made : end - first * design.made]
        self._made = end
        unneeded = end // design.made * design.taken - design.reach + 1 - self._input_start
        if unneeded > 0:
            self._input = self._input[:, unneeded:].copy()
            self._input_start += unneeded
        return due

    def _blocks(self, first: int, count: int, design: _Filter) -> _Numbers:
        """Make whole blocks."""
        start = first * design.taken - self._input_start
        missing = start + (count + 1) * design.taken + design.reach - self._input.shape[1]
        samples = np.pad(self._input, ((0, 0), (0, max(0, missing))))
        made = np.empty((len(samples), count + 1, design.made))
        for group in design.groups:
            rows, columns = group.coefficients.shape
            windows = np.lib.stride_tricks.sliding_window_view(samples, rows, axis=1)
            windows = windows[:, start + group.start :: design.taken]
            step = max(2, _PRODUCTS // group.coefficients.size)
            for begin in range(0, count, step):
                end = max(begin + 2, min(begin + step, count))
                product = np.ascontiguousarray(windows[:, begin:end]) @ group.coefficients
                made[:, begin:end, group.place : group.place + columns] = product
        return made[:, :count].reshape(len(samples), -1)

    def _stored(self, numbers: _Numbers) -> bytes:
        """Return whole numbers as samples of the target: rounded; what is too loud becomes the loudest there is."""
        width = self._target.width
        bits = (_COEFFICIENT_BITS if self._filter else 0) + self._is_mixed
        loudest = 1 << 8 * width - 1
        scaled = np.rint(numbers.T * 2.0 ** (8 * (width - 2) - bits)).clip(-loudest, loudest - 1)
        if scaled.shape[1] < self._target.channels:
            scaled = scaled.repeat(self._target.channels, axis=1)
        if width == 1:
            return (scaled + loudest).astype(np.uint8).tobytes()
        if width == 3:
            wide = np.ascontiguousarray(scaled.astype("<i4"))
            return wide.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
        return scaled.astype(f"<i{width}").tobytes()
