"""Resampling of 16-bit PCM."""

from collections import deque
from math import ceil, gcd
from typing import Final
import weakref

from av import AudioFrame
import numpy as np

from .formats import PcmLayout
from .libav import FILTER_CUTOFF, FILTER_TAPS, FrameFormat, build_graph, layout_name, pcm_format, pull_frames
from .pcm import can_resample, take_multiple

_SAMPLE_TYPES: Final = {1: "u1", 2: "i2", 3: "i4", 4: "i4"}
"""numpy's sample types by bytes per sample; a width of 3 uses the upper 24 of 32 bits."""
_MAX_IDLE_CONVERTERS: Final = 8


class Resampler:
    """Converter of 16-bit PCM to another rate, to mono or stereo, and to another sample width.

    The output is aligned with the input, has the same duration, and does not depend on how the input is split. A sample
    is returned once the next 62 samples of the lower rate have arrived (3.9 ms at 16 kHz).
    """

    def __init__(self, source: PcmLayout, target: PcmLayout) -> None:
        """Initialize the resampler for one stream. Raises ValueError if `can_resample` is false for the layouts."""
        if not can_resample(source, target):
            raise ValueError(f"{source} is not converted to {target}")
        self._source, self._target = source, target
        self._converter: _Converter | None = None
        self._pending = bytearray()
        self._received = self._returned = 0
        if source != target:
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
        """Build the graph, which takes 0.1 to 2 ms."""
        self.layouts = (source, target)
        shared = gcd(source.rate, target.rate)
        self._up, self._down = target.rate // shared, source.rate // shared
        taps = FILTER_TAPS / FILTER_CUTOFF * max(1, self._down / self._up)
        self._filter_frames = 0 if self._up == self._down else ceil(taps) + 1
        """Input frames that fill the filter."""
        self._fed = self._produced = 0
        self._outdated = 0
        """Output frames of the previous stream that are still to come."""
        channels = min(source.channels, target.channels)
        self._copies = target.channels // channels
        self._sample_type = _SAMPLE_TYPES[target.width]
        self._graph = build_graph(
            FrameFormat(source.rate, layout_name(source.channels), "s16"),
            FrameFormat(target.rate, layout_name(channels), pcm_format(target.width)),
        )

    def restart(self) -> None:
        """Begin another stream after silence; nothing of the previous one is returned."""
        self._outdated = 0
        self.convert_silence()
        self._outdated = self._fed * self._up // self._down - self._produced

    def convert_silence(self) -> bytes:
        """Convert enough silence to empty the filter and end at a whole output frame."""
        frames = self._filter_frames + -(self._fed + self._filter_frames) % self._down
        return self.convert(bytes(frames * self.layouts[0].frame_size))

    def convert(self, frames: bytes) -> bytes:
        """Return the output frames that are complete."""
        if not frames:
            return b""
        source, target = self.layouts
        frame = AudioFrame("s16", layout_name(source.channels), len(frames) // source.frame_size)
        frame.planes[0].update(frames)
        frame.sample_rate = source.rate
        self._graph.push(frame)
        converted = b"".join([self._packed(frame) for frame in pull_frames(self._graph)])
        self._fed += len(frames) // source.frame_size
        self._produced += len(converted) // target.frame_size
        outdated = min(self._outdated, len(converted) // target.frame_size)
        self._outdated -= outdated
        return converted[outdated * target.frame_size :]

    def _packed(self, frame: AudioFrame) -> bytes:
        """Return the samples of a converted frame in the target's channel count and width."""
        samples = np.frombuffer(frame.planes[0], self._sample_type, frame.samples * frame.layout.nb_channels)
        if self._copies > 1:  # libswresample would lower mono by 3 dB when converting to stereo
            samples = samples.repeat(self._copies)
        if self.layouts[1].width == 3:
            return samples.view(np.uint8).reshape(-1, 4)[:, 1:].tobytes()
        return samples.tobytes()


_idle_converters: deque[_Converter] = deque(maxlen=_MAX_IDLE_CONVERTERS)
"""Converters to use again. PyAV 19 frees a graph (0.1 to 1 MB) only in a full garbage collection."""


def _start_converter(source: PcmLayout, target: PcmLayout) -> _Converter:
    """Return a converter for these layouts, ready for a new stream."""
    for converter in tuple(_idle_converters):
        if converter.layouts == (source, target):
            _idle_converters.remove(converter)
            break
    else:
        converter = _Converter(source, target)
    converter.restart()
    return converter
