"""Raw PCM: whole frames, conversion between layouts, gain with a limiter."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from fractions import Fraction
from math import ceil, gcd
from typing import Final
import weakref

from av import AudioFrame
from av.filter import Graph
import numpy as np
import numpy.typing as npt

from .formats import PcmLayout

CEILING_DBTP: Final = -1.0
"""Highest true peak of limited audio in dBTP, the maximum that EBU R 128 allows."""
LOOK_AHEAD_S: Final = 0.005
"""Seconds before a peak in which the gain falls."""
RELEASE_S: Final = 0.3
"""Seconds in which the gain rises from zero to its full value: about one syllable."""

_BLOCK_BYTES: Final = 16_384
"""Bytes processed without yielding to the event loop: about a millisecond of work."""

_CHANNEL_LAYOUTS: Final = {1: "mono", 2: "stereo"}
_SAMPLE_FORMATS: Final = {1: "u8", 2: "s16", 3: "s32", 4: "s32"}
"""libav's sample formats by bytes per sample; of 32 bits, the upper 24 are used for a width of 3."""
_FILTER_TAPS: Final = 116  # at the lower of the two rates
_FILTER_CUTOFF: Final = 0.95
_FILTER: Final = f"filter_size={_FILTER_TAPS}:cutoff={_FILTER_CUTOFF}:filter_type=kaiser:kaiser_beta=9.6"
"""Measured: flat up to 0.45 of the lower rate, at most -98 dB from 0.5 on. With the default (32 taps) it is -14 dB."""
_MAX_RATIO_TERM: Final = 2048
"""Largest term of a rate ratio. Usual rates need 1280 (11,025 to 32,000 Hz); larger ones take over 5 ms to set up."""
_MAX_IDLE_CONVERTERS: Final = 8

_HEADROOM_DB: Final = 0.4
"""dB for peaks between the points at which they are measured, and for rounding to 16 bits."""
_OVERSAMPLING: Final = 4  # ITU-R BS.1770-5, annex 2
_REACH: Final = 16
"""Samples on either side of a point between two samples that the interpolation uses."""
_KAISER_BETA: Final = 6.0
_COEFFICIENT_ONE: Final = 1 << 30
_GAIN_ONE: Final = 1 << 30

type _Samples = npt.NDArray[np.float64]
type _FixedPoint = npt.NDArray[np.int64]


async def align_to_frames(chunks: AsyncGenerator[bytes], layout: PcmLayout) -> AsyncGenerator[bytes]:
    """Yield whole frames as they arrive; an incomplete frame at the end is dropped."""
    pending = bytearray()
    async with aclosing(chunks):
        async for chunk in chunks:
            pending += chunk
            if frames := take_multiple(pending, layout.frame_size):
                yield frames


async def split_into_blocks(chunks: AsyncGenerator[bytes], layout: PcmLayout) -> AsyncGenerator[bytes]:
    """Yield whole frames in blocks small enough for the event loop, yielding to it between them."""
    size = _BLOCK_BYTES // layout.frame_size * layout.frame_size
    async with aclosing(align_to_frames(chunks, layout)) as aligned:
        async for frames in aligned:
            for start in range(0, len(frames), size):
                if start:
                    await asyncio.sleep(0)
                yield frames[start : start + size]


def take_multiple(buffer: bytearray, size: int) -> bytes:
    """Remove as many bytes from a buffer as are a multiple of a size, and return them."""
    end = len(buffer) // size * size
    taken = bytes(buffer[:end])
    del buffer[:end]
    return taken


class Resampler:
    """Converts 16-bit PCM to another rate, to mono or stereo, and to another sample width.

    The output is aligned with the input, lasts as long, and is the same however the input is divided. A sample is
    returned once the next 62 samples of the lower rate have arrived (3.9 ms at 16 kHz).
    """

    def __init__(self, source: PcmLayout, target: PcmLayout) -> None:
        """Prepare for one stream.

        Raises ValueError for a source that is not 16-bit, a target wider than 32 bits, more than two channels, and
        rates without a simple ratio (all usual ones have one). Equal layouts are always supported.
        """
        self._source, self._target = source, target
        self._converter: _Converter | None = None
        self._pending = bytearray()
        self._received = self._returned = 0
        if source != target:
            _check_layouts(source, target)
            self._converter = _start_converter(source, target)
            weakref.finalize(self, _idle_converters.append, self._converter)

    def feed(self, data: bytes) -> bytes:
        """Convert input of any length; return the output that is complete."""
        if self._converter is None:
            return data
        self._pending += data
        frames = take_multiple(self._pending, self._source.frame_size)
        self._received += len(frames) // self._source.frame_size
        converted = self._converter.convert(frames)
        self._returned += len(converted) // self._target.frame_size
        return converted

    def finish(self) -> bytes:
        """Return the rest of the output; an incomplete frame of the input is dropped."""
        if self._converter is None:
            return b""
        source, target = self._source.rate, self._target.rate
        missing = (2 * self._received * target + source) // (2 * source) - self._returned
        return self._converter.convert_silence()[: missing * self._target.frame_size]


class _Converter:
    """A filter graph around libswresample that converts one stream after another."""

    def __init__(self, source: PcmLayout, target: PcmLayout) -> None:
        """Build the graph: 0.1 to 2 ms."""
        self.layouts = (source, target)
        shared = gcd(source.rate, target.rate)
        self._up, self._down = target.rate // shared, source.rate // shared
        taps = _FILTER_TAPS / _FILTER_CUTOFF * max(1, self._down / self._up)
        self._filter_frames = 0 if self._up == self._down else ceil(taps) + 1
        """Input frames that fill the filter."""
        self._fed = self._produced = 0
        self._outdated = 0
        """Output frames of the previous stream that are still to come."""
        channels = min(source.channels, target.channels)
        self._copies = target.channels // channels
        self._graph = Graph()
        with suppress(AttributeError):  # PyAV 16 has no such setting; a graph has a thread per processor there
            self._graph.threads = 1
        self._graph.link_nodes(
            self._graph.add_abuffer(
                sample_rate=source.rate,
                format="s16",
                layout=_CHANNEL_LAYOUTS[source.channels],
                time_base=Fraction(1, source.rate),
            ),
            self._graph.add("aformat", "sample_fmts=fltp"),
            self._graph.add("aresample", f"{target.rate}:{_FILTER}"),
            self._graph.add(
                "aformat", f"sample_fmts={_SAMPLE_FORMATS[target.width]}:channel_layouts={_CHANNEL_LAYOUTS[channels]}"
            ),
            self._graph.add("abuffersink"),
        ).configure()

    def restart(self) -> None:
        """Begin another stream after silence; nothing of the previous one is returned."""
        self._outdated = 0
        self.convert_silence()
        self._outdated = self._fed * self._up // self._down - self._produced

    def convert_silence(self) -> bytes:
        """Convert as much silence as empties the filter and ends at a whole output frame."""
        frames = self._filter_frames + -(self._fed + self._filter_frames) % self._down
        return self.convert(bytes(frames * self.layouts[0].frame_size))

    def convert(self, frames: bytes) -> bytes:
        """Return the output frames that are complete."""
        if not frames:
            return b""
        source, target = self.layouts
        samples = np.frombuffer(frames, "<i2").reshape(1, -1)
        frame = AudioFrame.from_ndarray(samples, format="s16", layout=_CHANNEL_LAYOUTS[source.channels])
        frame.sample_rate = source.rate
        self._graph.push(frame)
        converted = b""
        with suppress(BlockingIOError):  # no more output until more input arrives
            while True:
                converted += self._packed(self._graph.pull().to_ndarray())
        self._fed += len(frames) // source.frame_size
        self._produced += len(converted) // target.frame_size
        outdated = min(self._outdated, len(converted) // target.frame_size)
        self._outdated -= outdated
        return converted[outdated * target.frame_size :]

    def _packed(self, samples: npt.NDArray[np.generic]) -> bytes:
        """Return samples in the target's channel count and width."""
        if self._copies > 1:  # libswresample would lower mono by 3 dB in stereo
            samples = samples.repeat(self._copies)
        if self.layouts[1].width == 3:
            return samples.view(np.uint8).reshape(-1, 4)[:, 1:].tobytes()
        return samples.tobytes()


_idle_converters: deque[_Converter] = deque(maxlen=_MAX_IDLE_CONVERTERS)
"""Converters for further streams. PyAV 19 frees a graph (0.1 to 1 MB) only in a full garbage collection."""


def _start_converter(source: PcmLayout, target: PcmLayout) -> _Converter:
    """Return a converter for these layouts at the beginning of a stream."""
    for converter in tuple(_idle_converters):
        if converter.layouts == (source, target):
            _idle_converters.remove(converter)
            break
    else:
        converter = _Converter(source, target)
    converter.restart()
    return converter


def _check_layouts(source: PcmLayout, target: PcmLayout) -> None:
    """Raise ValueError for layouts that are not converted into each other."""
    if source.width != 2 or target.width not in _SAMPLE_FORMATS:
        raise ValueError("only 16-bit samples are converted, to 8, 16, 24 or 32 bits")
    if not {source.channels, target.channels} <= set(_CHANNEL_LAYOUTS):
        raise ValueError("only mono and stereo are converted")
    if min(source.rate, target.rate) <= 0:
        raise ValueError("a rate is not positive")
    if max(source.rate, target.rate) // gcd(source.rate, target.rate) > _MAX_RATIO_TERM:
        raise ValueError(f"no simple ratio between {source.rate} and {target.rate} Hz")


def _design_interpolators() -> tuple[_Samples, ...]:
    """Return the filters (windowed sincs) for the points between two samples.

    Coefficients and samples are integers, so that every sum of products is exact in any order.
    """
    places = np.arange(1, _OVERSAMPLING) / _OVERSAMPLING
    distances = places[:, np.newaxis] - np.arange(1 - _REACH, _REACH + 1)
    window = np.i0(_KAISER_BETA * np.sqrt(1 - (distances / _REACH) ** 2)) / np.i0(_KAISER_BETA)
    return tuple(np.rint(np.sinc(distances) * window * _COEFFICIENT_ONE))


_INTERPOLATORS: Final = _design_interpolators()
_MAX_OVERSHOOT: Final = max(float(np.abs(one).sum()) for one in _INTERPOLATORS) / _COEFFICIENT_ONE
"""Highest ratio of a true peak to the largest sample around it: 7.9 dB."""


class Limiter:
    """Applies a gain to 16-bit PCM and keeps the true peak below `CEILING_DBTP`.

    The gain is constant except around peaks that would exceed the ceiling: there it falls within `LOOK_AHEAD_S` before
    the peak and rises again at the rate of `RELEASE_S`, on all channels alike. The output is as long as the input, lags
    it by about 6 ms, and is the same however the input is divided.
    """

    def __init__(self, layout: PcmLayout, gain_db: float) -> None:
        """Prepare for one stream. Raises ValueError for samples that are not 16-bit."""
        if layout.width != 2:
            raise ValueError("only 16-bit samples are amplified")
        self._layout = layout
        self._gain = 10 ** (gain_db / 20)
        self._max_peak = 0x8000 * 10 ** ((CEILING_DBTP - _HEADROOM_DB) / 20) / self._gain
        """Highest true peak of the input that needs no reduction."""
        self._window = ceil(LOOK_AHEAD_S * layout.rate)
        self._release_step = ceil(_GAIN_ONE / (RELEASE_S * layout.rate))
        self._delay = self._window + _REACH
        self._pending = bytearray()
        self._samples: _Samples = np.zeros((layout.channels, self._delay))
        self._needed = np.full(self._window, _GAIN_ONE)
        self._released = np.full(self._window, _GAIN_ONE)
        self._leading = self._delay
        """Samples of silence before the stream that are still to be dropped from the output."""

    def feed(self, data: bytes) -> bytes:
        """Amplify input of any length; return the output that is complete."""
        self._pending += data
        frames = take_multiple(self._pending, self._layout.frame_size)
        return self._limit(frames) if frames else b""

    def finish(self) -> bytes:
        """Return the rest of the output; an incomplete frame of the input is dropped."""
        return self._limit(bytes(self._delay * self._layout.frame_size))

    def _limit(self, frames: bytes) -> bytes:
        """Return as many frames as arrive, delayed."""
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

        Each is the mean of the lowest factors that the peaks in reach need: it changes smoothly and is low in time.
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
        """Return the highest factors that are nowhere above these and rise no faster than the release allows."""
        slope = self._release_step * np.arange(len(factors) + 1)
        levels = np.concatenate((self._released[-1:], factors)) - slope
        released: _FixedPoint = np.minimum.accumulate(levels) + slope
        return released[1:]


def _true_peaks(samples: _Samples, threshold: float) -> _Samples | None:
    """Return the largest magnitude at and around each sample except `_REACH` at either end, on any channel.

    None means that no peak exceeds the threshold.
    """
    magnitudes = np.abs(samples).max(axis=0)
    if magnitudes.max() * _MAX_OVERSHOOT <= threshold:
        return None
    between = np.zeros(len(magnitudes) - 2 * _REACH + 1)
    for coefficients in _INTERPOLATORS:
        for channel in samples:
            np.maximum(between, np.abs(np.correlate(channel, coefficients, "valid")), out=between)
    between /= _COEFFICIENT_ONE
    peaks: _Samples = np.maximum(magnitudes[_REACH:-_REACH], np.maximum(between[:-1], between[1:]))
    return peaks if peaks.max() > threshold else None


def _sliding_minimum(values: _FixedPoint, width: int) -> _FixedPoint:
    """Return the minimum of every `width` neighbours; each step doubles how many are compared."""
    reached = 1
    while reached < width:
        step = min(reached, width - reached)
        values = np.minimum(values[:-step], values[step:])
        reached += step
    return values
