"""Filter graphs of PyAV, the Python binding of ffmpeg's libraries (libav).

Importing PyAV takes 64 ms and 18 MB. Therefore the modules that import it are themselves imported, in a thread, when
audio is first decoded, encoded or resampled: `codecs` and `resampler` by `conversion`.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
import gc
from math import sqrt
from typing import Final, Self, cast

from av import AudioCodecContext, AudioFrame, AudioResampler
from av.filter import Graph

FILTER_TAPS: Final = 116  # at the lower of the two rates
FILTER_CUTOFF: Final = 0.95
_RESAMPLER_OPTIONS: Final = f"filter_size={FILTER_TAPS}:cutoff={FILTER_CUTOFF}:filter_type=kaiser:kaiser_beta=9.6"
"""Measured: flat up to 0.45 of the lower rate, at most -98 dB from 0.5 on. With the default (32 taps) it is -14 dB."""
_LAYOUTS: Final = {1: "mono", 2: "stereo"}
_PCM_FORMATS: Final = {1: "u8", 2: "s16", 3: "s32", 4: "s32"}
_MIN_TEMPO: Final = 0.5
"""Lowest tempo of one filter; lower ones need several."""


@dataclass(frozen=True, slots=True)
class FrameFormat:
    """What the frames of a stream have in common, in libav's names."""

    rate: int
    layout: str
    sample_format: str

    @classmethod
    def of(cls, frame: AudioFrame) -> Self:
        """Return the format of a frame."""
        return cls(frame.sample_rate, frame.layout.name, frame.format.name)


def layout_name(channels: int) -> str:
    """Return the name of the usual layout of a number of channels."""
    return _LAYOUTS.get(channels, f"{channels}c")


def pcm_format(width: int) -> str:
    """Return the sample format for bytes per sample; samples of 3 bytes are the upper bytes of 4."""
    return _PCM_FORMATS[width]


def build_graph(source: FrameFormat, target: FrameFormat, tempo: float = 1.0) -> Graph:
    """Return a graph that converts frames, which takes 0.1 to 2 ms to build.

    `tempo`: factor of the speed, which leaves the pitch as it is.
    """
    options = _RESAMPLER_OPTIONS
    if (source.layout, target.layout) == ("mono", "stereo"):  # libswresample would lower the level by 3 dB
        options += f":rematrix_volume={sqrt(2)}"
    graph = Graph()
    with suppress(AttributeError):  # PyAV 16 lacks this setting; its graphs have a thread per processor
        graph.threads = 1
    graph.link_nodes(
        graph.add_abuffer(
            sample_rate=source.rate,
            format=source.sample_format,
            layout=source.layout,
            time_base=Fraction(1, source.rate),
        ),
        graph.add("aformat", "sample_fmts=fltp"),
        graph.add("aresample", f"{target.rate}:{options}"),
        *(graph.add("atempo", f"{factor:.6f}") for factor in _tempo_factors(tempo)),
        graph.add("aformat", f"sample_fmts={target.sample_format}:channel_layouts={target.layout}"),
        graph.add("abuffersink"),
    ).configure()
    return graph


def _tempo_factors(tempo: float) -> Iterator[float]:
    """Yield the tempos of consecutive filters."""
    while tempo < _MIN_TEMPO:
        yield _MIN_TEMPO
        tempo /= _MIN_TEMPO
    if tempo != 1.0:
        yield tempo


def pull_frames(graph: Graph) -> Iterator[AudioFrame]:
    """Yield the frames that are complete."""
    with suppress(BlockingIOError, EOFError):  # no more output until more input arrives, or at all
        while True:
            yield cast(AudioFrame, graph.pull())


def free_graph(graph: Graph) -> None:
    """Free a graph. PyAV 19 would free it only in a full garbage collection: it and its filters refer to each other."""
    for references in gc.get_referents(graph):
        if isinstance(references, dict):
            references.clear()


def free_encoder(encoder: AudioCodecContext) -> None:
    """Free the graph of an encoder, about 100 kB and a thread per processor."""
    for resampler in gc.get_referents(encoder):
        if isinstance(resampler, AudioResampler):
            for graph in gc.get_referents(resampler):
                if isinstance(graph, Graph):
                    free_graph(graph)
