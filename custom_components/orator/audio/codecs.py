"""Decoding and encoding with PyAV: streams as they arrive, files, and durations."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from pathlib import Path
import time
from typing import Final, cast

import av
from av import AudioCodecContext, AudioFrame, AudioStream, Codec, CodecContext
from av.codec.codec import UnknownCodecError
from av.container import InputContainer
from av.error import FFmpegError, InvalidDataError
from av.filter import Graph
import numpy as np

from .formats import RECOGNITION_BYTES, AudioFormat, ConversionError, PcmLayout, detect_format
from .libav import FrameFormat, build_graph, free_encoder, free_graph, layout_name, pcm_format, pull_frames
from .pcm import MIN_PAUSE_S, count_quiet_samples, take_multiple

_READ_BYTES: Final = 16_384
_NO_PROBING: Final = {"probesize": "32"}
"""Options that start the output at once. Measured with audio arriving at the speed of speech: the first output takes
0.05 s instead of 1.2 s for MP3, and instead of 2.0 s for AAC. They make no difference for Ogg and FLAC.
"""
_DEMUXERS: Final = {AudioFormat.OPUS: "ogg"}
"""libav's demuxers that have other names than the format."""
_DEMUXER_OPTIONS: Final = {
    AudioFormat.MP3: _NO_PROBING,
    AudioFormat.AAC: _NO_PROBING,
    AudioFormat.WAV: _NO_PROBING,  # libav would also search a WAV for DTS, which takes 20 ms
}
_FILE_OPTIONS: Final = {
    "format_whitelist": "mp3,wav,w64,aiff,flac,ogg,aac,mov,matroska",
    "protocol_whitelist": "none",
}
"""Options for a user's file: formats of audio, which cannot make libav open another file or address."""
_DURATION_TIMEOUT_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class _Encoder:
    """How a format is encoded. muxer: None if the encoder's packets need no container."""

    codec: str
    sample_format: str
    bit_rate: int = 0
    muxer: str | None = None
    options: tuple[tuple[str, str], ...] = ()


_OPUS: Final = _Encoder("libopus", "s16", muxer="ogg")
_ENCODERS: Final = {
    # Measured: this level takes 0.10 instead of 0.19 s of CPU time per minute, with the same bandwidth and less noise.
    # With a bit reservoir, the first frame would come a frame later.
    AudioFormat.MP3: _Encoder("libmp3lame", "s16p", 128_000, options=(("compression_level", "7"), ("reservoir", "0"))),
    AudioFormat.AAC: _Encoder("aac", "fltp", 128_000),
    AudioFormat.OPUS: _OPUS,
    AudioFormat.OGG: _OPUS,
    # Within a joined stream, libav ignores blocks that are longer than those of the first part.
    AudioFormat.FLAC: _Encoder("flac", "s16", muxer="flac", options=(("frame_size", "576"),)),
}
_AAC_RATES: Final = (
    96_000,
    88_200,
    64_000,
    48_000,
    44_100,
    32_000,
    24_000,
    22_050,
    16_000,
    12_000,
    11_025,
    8_000,
    7_350,
)
"""Rates by their number in ADTS (ISO 14496-3, table 1.18)."""
_ADTS_HEADER_LENGTH: Final = 7
_MUXER_OPTIONS: Final = {"fflags": "+bitexact", "flush_packets": "1"}


@dataclass(frozen=True, slots=True)
class _Reader:
    """The input of a conversion as a file for libav, which cannot be rewound."""

    read: Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class _Writer:
    """The output of a conversion as a file for libav."""

    write: Callable[[bytes], None]


def convert_stream(  # noqa: PLR0913 - a format and a layout for source and target
    read: Callable[[int], bytes],
    write: Callable[[bytes], None],
    *,
    source: AudioFormat,
    source_pcm: PcmLayout | None,
    target: AudioFormat,
    target_pcm: PcmLayout,
    tempo: float = 1.0,
) -> None:
    """Convert a stream to PCM, or encode it without tags. Blocks until the stream ends.

    `read` returns the next data, at most as many bytes as asked for, and nothing at the end. `source_pcm` is only
    needed for raw PCM. `target_pcm` gives the rate and channel count of any target, and the sample width of PCM.
    `tempo` is the speed of PCM without a change of its pitch.

    Raises ConversionError, and what `read` and `write` raise.
    """
    if source_pcm and source is AudioFormat.PCM:
        frames = _frames_of_pcm(read, source_pcm, _frame_format(source_pcm, target))
    else:
        frames = _decode(read, source)
    try:
        with closing(frames):
            if target is AudioFormat.PCM:
                _write_pcm(frames, write, target_pcm, tempo)
            else:
                _encode(frames, write, target, target_pcm)
    except (FFmpegError, UnknownCodecError) as err:
        raise ConversionError(f"{source} to {target}: {type(err).__name__}") from None  # a message may quote a tag


def decode_file(path: Path, layout: PcmLayout, *, max_seconds: float, timeout_s: float) -> bytes:
    """Return up to `max_seconds` of an audio file as PCM. Blocks.

    Files and addresses that the file refers to are not opened. Raises ConversionError.
    """
    samples = bytearray()
    max_bytes = round(max_seconds * layout.rate) * layout.frame_size
    deadline = time.monotonic() + timeout_s

    def write(data: bytes) -> None:
        samples.extend(data)
        if len(samples) >= max_bytes:
            raise _EnoughError
        if time.monotonic() > deadline:
            raise ConversionError("decoding takes too long")

    try:
        with path.open("rb") as file, av.open(file, "r", options=_FILE_OPTIONS) as container:
            _write_pcm(_frames_of(container), write, layout)
    except _EnoughError:
        pass
    except (FFmpegError, OSError) as err:
        raise ConversionError(type(err).__name__) from None
    return bytes(samples[:max_bytes])


class _EnoughError(Exception):
    """The maximum duration has been decoded."""


def measure_duration(audio: bytes) -> float | None:
    """Return the duration of a whole file in seconds, as `conversion.measure_duration` does."""
    audio_format = detect_format(audio[:RECOGNITION_BYTES])
    if audio_format is None:
        return None
    # libav would search a WAV for DTS, which takes 20 ms.
    options = _NO_PROBING if audio_format is AudioFormat.WAV else {}
    deadline = time.monotonic() + _DURATION_TIMEOUT_S
    seconds = 0.0
    # the audio is damaged from some point on, or the container has none
    with suppress(FFmpegError, ConversionError), av.open(BytesIO(audio), "r", audio_format.value, options) as container:
        for frame in _frames_of(container):
            if time.monotonic() > deadline:
                return None
            seconds += frame.samples / frame.sample_rate
    return seconds or None


def ends_with_silence(audio: bytes) -> bool:
    """Return whether the end of an MP3, or a whole file of another format, ends with silence. Blocks while decoding."""
    audio_format = detect_format(audio[:RECOGNITION_BYTES]) or AudioFormat.MP3
    quiet_s = 0.0
    with suppress(FFmpegError, ConversionError), av.open(BytesIO(audio), "r", audio_format.value) as container:
        for frame in _converted(_frames_of(container), None, "mono", "s16"):
            quiet = count_quiet_samples(frame.to_ndarray()[0])
            quiet_s = quiet / frame.sample_rate + (quiet_s if quiet == frame.samples else 0.0)
    return quiet_s >= MIN_PAUSE_S


def _decode(read: Callable[[int], bytes], source: AudioFormat) -> Generator[AudioFrame]:
    """Yield the decoded frames of a stream. Raises ConversionError and FFmpegError."""
    demuxer = _DEMUXERS.get(source, source.value)
    with av.open(_Reader(read), "r", demuxer, _DEMUXER_OPTIONS.get(source, {}), buffer_size=_READ_BYTES) as container:
        yield from _frames_of(container)


def _frames_of(container: InputContainer) -> Iterator[AudioFrame]:
    """Yield the decoded frames of the first audio stream without damaged packets."""
    if not container.streams.audio:
        raise ConversionError("no audio stream")
    for packet in container.demux(container.streams.audio[0]):
        with suppress(InvalidDataError):
            yield from packet.decode()


def _frame_format(layout: PcmLayout, target: AudioFormat) -> str:
    """Return the sample format for samples that are encoded or converted.

    Mono samples are planar as well as packed. Those that an encoder takes as they are need no graph.
    """
    packed = pcm_format(layout.width)
    planar = f"{packed}p"
    is_planar = target is not AudioFormat.PCM and _ENCODERS[target].sample_format == planar
    return planar if is_planar and layout.channels == 1 else packed


def _frames_of_pcm(read: Callable[[int], bytes], layout: PcmLayout, sample_format: str) -> Generator[AudioFrame]:
    """Yield samples as frames of a format; an incomplete frame at the end is dropped."""
    pending = bytearray()
    while data := read(_READ_BYTES):
        pending += data
        if samples := take_multiple(pending, layout.frame_size):
            frame = AudioFrame(sample_format, layout_name(layout.channels), len(samples) // layout.frame_size)
            frame.planes[0].update(_widen(samples) if layout.width == 3 else samples)
            frame.sample_rate = layout.rate
            yield frame


def _widen(samples: bytes) -> bytes:
    """Return samples of 24 bits as samples of 32 bits."""
    octets = np.frombuffer(samples, np.uint8).reshape(-1, 3)
    wide = np.zeros((len(octets), 4), np.uint8)
    wide[:, 1:] = octets
    return wide.tobytes()


def _converted(
    frames: Iterable[AudioFrame], rate: int | None, layout: str, sample_format: str, tempo: float = 1.0
) -> Iterator[AudioFrame]:
    """Yield frames in one format. A server may have joined files whose formats differ."""
    source: FrameFormat | None = None
    graph: Graph | None = None
    for frame in frames:
        if FrameFormat.of(frame) != source:
            if graph:
                yield from _flushed(graph)
            source = FrameFormat.of(frame)
            target = FrameFormat(rate or source.rate, layout, sample_format)
            graph = None if source == target and tempo == 1.0 else build_graph(source, target, tempo)
        if graph is None:
            yield frame
            continue
        frame.pts = None
        graph.push(frame)
        yield from pull_frames(graph)
    if graph:
        yield from _flushed(graph)


def _flushed(graph: Graph) -> Iterator[AudioFrame]:
    """Yield the last frames of a graph, and free it."""
    graph.push(None)
    yield from pull_frames(graph)
    free_graph(graph)


def _write_pcm(
    frames: Iterable[AudioFrame], write: Callable[[bytes], None], layout: PcmLayout, tempo: float = 1.0
) -> None:
    """Write frames as PCM. Raises ConversionError if there are none."""
    is_empty = True
    for frame in _converted(frames, layout.rate, layout_name(layout.channels), pcm_format(layout.width), tempo):
        width = 4 if layout.width == 3 else layout.width
        samples = memoryview(frame.planes[0])[: frame.samples * layout.channels * width]
        if layout.width == 3:
            write(np.frombuffer(samples, np.uint8).reshape(-1, 4)[:, 1:].tobytes())
        else:
            write(bytes(samples))
        is_empty = False
    if is_empty:
        raise ConversionError("no samples")


def _encode(
    frames: Iterable[AudioFrame], write: Callable[[bytes], None], target: AudioFormat, layout: PcmLayout
) -> None:
    """Write frames as an encoded stream. Raises ConversionError if there are none."""
    settings = _ENCODERS[target]
    rates = Codec(settings.codec, "w").audio_rates or [layout.rate]
    rate = layout.rate if layout.rate in rates else min((one for one in rates if one > layout.rate), default=max(rates))
    channels = layout_name(layout.channels)
    position = 0
    open_encoder = _open_packet_encoder if settings.muxer is None else _open_file_encoder
    with open_encoder(settings, rate, channels, write) as encode:
        for frame in _converted(frames, rate, channels, settings.sample_format):
            frame.pts, frame.time_base = position, Fraction(1, rate)
            position += frame.samples
            encode(frame)
        if not position:
            raise ConversionError("no samples")
        encode(None)


@contextmanager
def _open_packet_encoder(
    settings: _Encoder, rate: int, layout: str, write: Callable[[bytes], None]
) -> Iterator[Callable[[AudioFrame | None], None]]:
    """Yield a function that encodes a frame, or the end, and writes the packets: MP3, or AAC in ADTS."""
    encoder = cast(AudioCodecContext, CodecContext.create(settings.codec, "w"))
    encoder.sample_rate, encoder.layout, encoder.format = rate, layout, settings.sample_format
    encoder.bit_rate = settings.bit_rate
    encoder.options = dict(settings.options)
    encoder.thread_count = 1
    encoder.open()  # before the first frame arrives

    def encode(frame: AudioFrame | None) -> None:
        for packet in encoder.encode(frame):
            header = _adts_header(encoder, packet.size) if settings.codec == "aac" else b""
            write(header + bytes(packet))

    try:
        yield encode
    finally:
        free_encoder(encoder)


@contextmanager
def _open_file_encoder(
    settings: _Encoder, rate: int, layout: str, write: Callable[[bytes], None]
) -> Iterator[Callable[[AudioFrame | None], None]]:
    """Yield a function that encodes a frame, or the end, into a container."""
    with av.open(_Writer(write), "w", settings.muxer, _MUXER_OPTIONS) as container:
        stream = cast(
            AudioStream,
            container.add_stream(
                settings.codec, rate, dict(settings.options), layout=layout, format=settings.sample_format
            ),
        )
        yield lambda frame: container.mux(stream.encode(frame))


def _adts_header(encoder: AudioCodecContext, size: int) -> bytes:
    """Return the header of an AAC-LC packet (ISO 13818-7, 6.2): one frame without checksum, at a variable rate."""
    length = _ADTS_HEADER_LENGTH + size
    rate, channels = _AAC_RATES.index(encoder.sample_rate), min(encoder.layout.nb_channels, 7)
    bits = 0xFFF1 << 40 | 1 << 38 | rate << 34 | channels << 30 | length << 13 | 0x7FF << 2
    return bits.to_bytes(_ADTS_HEADER_LENGTH)
