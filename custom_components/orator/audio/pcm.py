"""Raw PCM: whole frames, blocks for the event loop, and conversion between layouts."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, suppress
from fractions import Fraction
from math import ceil, gcd
from typing import Final, cast
import weakref

from av import AudioFrame
from av.filter import Graph
import numpy as np
import numpy.typing as npt

from .formats import PcmLayout

_BLOCK_BYTES: Final = 16_384
MIN_PAUSE_S: Final = 0.15
"""Shortest silence after the last word; shorter ones occur within words."""
_MAX_PAUSE_AMPLITUDE: Final = 160
"""Largest amplitude of 16-bit samples in a pause between words: -46 dBFS."""
_CHANNEL_LAYOUTS: Final = {1: "mono", 2: "stereo"}
_SAMPLE_FORMATS: Final = {1: ("u8", "u1"), 2: ("s16", "i2"), 3: ("s32", "i4"), 4: ("s32", "i4")}
"""libav's and numpy's sample formats by bytes per sample; a width of 3 uses the upper 24 of 32 bits."""
_FILTER_TAPS: Final = 116  # at the lower of the two rates
_FILTER_CUTOFF: Final = 0.95
_RESAMPLER_OPTIONS: Final = f"filter_size={_FILTER_TAPS}:cutoff={_FILTER_CUTOFF}:filter_type=kaiser:kaiser_beta=9.6"
"""Measured: flat up to 0.45 of the lower rate, at most -98 dB from 0.5 on. With the default (32 taps) it is -14 dB."""
_MAX_RATIO_TERM: Final = 2048
"""Largest term of a rate ratio. Common rates need 1280 (11,025 to 32,000 Hz); larger terms take over 5 ms to set up."""
_MAX_IDLE_CONVERTERS: Final = 8


async def align_to_frames(samples: AsyncGenerator[bytes], layout: PcmLayout) -> AsyncGenerator[bytes]:
    """Yield whole frames as they arrive; an incomplete frame at the end is dropped."""
    pending = bytearray()
    async with aclosing(samples):
        async for block in samples:
            pending += block
            if frames := take_multiple(pending, layout.frame_size):
                yield frames


async def split_into_blocks(samples: AsyncGenerator[bytes], layout: PcmLayout) -> AsyncGenerator[bytes]:
    """Yield whole frames in the blocks of `blocks_of`, and let the event loop run between them."""
    async with aclosing(align_to_frames(samples, layout)) as aligned:
        async for frames in aligned:
            for number, block in enumerate(blocks_of(frames, layout)):
                if number:
                    await asyncio.sleep(0)
                yield block


def blocks_of(frames: bytes, layout: PcmLayout) -> Iterator[bytes]:
    """Yield whole frames in blocks that can each be processed in about a millisecond."""
    size = _BLOCK_BYTES // layout.frame_size * layout.frame_size
    for start in range(0, len(frames), size):
        yield frames[start : start + size]


def count_quiet_samples(samples: npt.NDArray[np.int16]) -> int:
    """Return the number of quiet samples at the end of 16-bit samples."""
    loud = np.flatnonzero((samples > _MAX_PAUSE_AMPLITUDE) | (samples < -_MAX_PAUSE_AMPLITUDE))
    return len(samples) - (int(loud[-1]) + 1 if len(loud) else 0)


def take_multiple(buffer: bytearray, size: int) -> bytes:
    """Remove as many bytes from a buffer as possible in multiples of a size, and return them."""
    end = len(buffer) // size * size
    taken = bytes(buffer[:end])
    del buffer[:end]
    return taken


def can_resample(source: PcmLayout, target: PcmLayout) -> bool:
    """Return whether `Resampler` converts one layout to the other.

    The source needs 16-bit samples, both layouts need one or two channels, and the rates need a simple ratio, as all
    common rates have.
    """
    if source == target:
        return True
    return (
        (source.width == 2 and target.width in _SAMPLE_FORMATS)
        and {source.channels, target.channels} <= _CHANNEL_LAYOUTS.keys()
        and min(source.rate, target.rate) > 0
        and max(source.rate, target.rate) // gcd(source.rate, target.rate) <= _MAX_RATIO_TERM
    )


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
        taps = _FILTER_TAPS / _FILTER_CUTOFF * max(1, self._down / self._up)
        self._filter_frames = 0 if self._up == self._down else ceil(taps) + 1
        """Input frames that fill the filter."""
        self._fed = self._produced = 0
        self._outdated = 0
        """Output frames of the previous stream that are still to come."""
        channels = min(source.channels, target.channels)
        self._copies = target.channels // channels
        sample_format, self._sample_type = _SAMPLE_FORMATS[target.width]
        self._graph = Graph()
        with suppress(AttributeError):  # PyAV 16 lacks this setting; its graphs have a thread per processor
            self._graph.threads = 1
        self._graph.link_nodes(
            self._graph.add_abuffer(
                sample_rate=source.rate,
                format="s16",
                layout=_CHANNEL_LAYOUTS[source.channels],
                time_base=Fraction(1, source.rate),
            ),
            self._graph.add("aformat", "sample_fmts=fltp"),
            self._graph.add("aresample", f"{target.rate}:{_RESAMPLER_OPTIONS}"),
            self._graph.add("aformat", f"sample_fmts={sample_format}:channel_layouts={_CHANNEL_LAYOUTS[channels]}"),
            self._graph.add("abuffersink"),
        ).configure()

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
        frame = AudioFrame("s16", _CHANNEL_LAYOUTS[source.channels], len(frames) // source.frame_size)
        frame.planes[0].update(frames)
        frame.sample_rate = source.rate
        self._graph.push(frame)
        converted = b""
        with suppress(BlockingIOError):  # no more output until more input arrives
            while True:
                converted += self._packed(cast(AudioFrame, self._graph.pull()))
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
