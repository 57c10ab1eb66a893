"""Test audio: synthesized, encoded by ffmpeg, and decoded by two independent decoders."""

from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from math import log10
import re
import subprocess

import miniaudio
import numpy as np
import numpy.typing as npt

from custom_components.orator.audio.formats import PcmLayout
from custom_components.orator.audio.mp3 import Mp3Joiner
from custom_components.orator.audio.mp3_frames import FrameHeader, _crc, parse_header, parse_side_info
from tests.simulator.audio.encoding import find_ffmpeg

type Samples = npt.NDArray[np.float64]

RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
KINDS = {
    "cbr": ("-b:a", "48k"),
    "cbr-bare": ("-b:a", "128k", "-write_xing", "0", "-id3v2_version", "0"),
    "vbr": ("-q:a", "2"),
    "abr": ("-b:a", "64k", "-abr", "1"),
    "no-reservoir": ("-b:a", "64k", "-reservoir", "0"),
    "no-joint-stereo": ("-b:a", "96k", "-joint_stereo", "0"),
    "id3v1": ("-b:a", "64k", "-write_id3v1", "1", "-metadata", "title=A title", "-metadata", "artist=Someone"),
}


def run_ffmpeg(*arguments: str, given: bytes = b"", level: str = "warning") -> bytes:
    """Run ffmpeg and return its output; a warning fails the test."""
    command = (find_ffmpeg(), "-hide_banner", "-nostdin", "-v", level, "-xerror", *arguments)
    done = subprocess.run(command, input=given, capture_output=True, check=False)
    assert not done.stderr, done.stderr.decode()
    assert not done.returncode
    return done.stdout


@cache
def voice(rate: int, channels: int = 1, seconds: float = 1.0, seed: int = 1) -> bytes:
    """Return voice-like audio as 16-bit samples: harmonics of a gliding tone, syllables and noise."""
    random = np.random.default_rng(seed)
    times = np.arange(int(rate * seconds)) / rate
    sides = []
    for side in range(channels):
        pitch = 150 + 100 * random.random() + 60 * np.sin(2 * np.pi * 2.3 * times + side)
        phase = 2 * np.pi * np.cumsum(pitch) / rate
        tone = sum(np.sin(harmonic * phase) / harmonic for harmonic in range(1, 12) if harmonic * 320 < rate / 2)
        syllables = 0.55 + 0.45 * np.sin(2 * np.pi * 3 * times + seed)
        sides.append(tone * syllables + 0.1 * random.standard_normal(len(times)))
    sound = np.stack(sides, axis=1)
    return bytes((sound / np.abs(sound).max() * 16_000).astype("<i2").tobytes())


def divide[T: (bytes, str)](data: T, cuts: list[int]) -> list[T]:
    """Divide data or a text at these positions, which are reduced to its length."""
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


def encode(samples: bytes, rate: int, channels: int, *arguments: str) -> bytes:
    """Encode 16-bit samples; ffmpeg's warning about their unknown channel layout is ignored."""
    pcm = ("-f", "s16le", "-ar", str(rate), "-ac", str(channels), "-i", "pipe:0")
    return run_ffmpeg(*pcm, *arguments, "pipe:1", given=samples, level="error")


@cache
def mp3(rate: int, channels: int, kind: str, seed: int = 1, seconds: float = 0.7) -> bytes:
    """Return a voice as MP3."""
    return encode(voice(rate, channels, seconds, seed), rate, channels, "-c:a", "libmp3lame", *KINDS[kind], "-f", "mp3")


@cache
def bare_mp3(rate: int, channels: int, kind: str, seed: int = 1, seconds: float = 0.7) -> bytes:
    """Return a voice as MP3 without tags and index."""
    return join(mp3(rate, channels, kind, seed, seconds))


def join(*parts: bytes) -> bytes:
    """Join the parts of an MP3."""
    joiner = Mp3Joiner()
    return b"".join(joiner.feed(part) + joiner.end_part() for part in parts)


def frames(stream: bytes) -> Iterator[tuple[FrameHeader, bytes]]:
    """Yield the frames of an MP3 that consists of nothing else."""
    position = 0
    while position < len(stream):
        header = parse_header(stream[position : position + 4])
        assert header
        assert position + header.length <= len(stream)
        yield header, stream[position : position + header.length]
        position += header.length


def sample_count(header: FrameHeader) -> int:
    """Return the number of samples per channel in a frame."""
    return 1152 if header.is_mpeg_1 else 576


def decode_mp3(stream: bytes, channels: int, *arguments: str) -> Samples:
    """Decode an MP3 with ffmpeg."""
    decoded = run_ffmpeg(*arguments, "-f", "mp3", "-i", "pipe:0", "-f", "f32le", "pipe:1", given=stream)
    return np.frombuffer(decoded, "<f4").astype(np.float64).reshape(-1, channels) * 0x8000


def decode_otherwise(stream: bytes, channels: int) -> Samples:
    """Decode an MP3 with dr_mp3, which is derived from minimp3."""
    decoded = miniaudio.mp3_read_f32(stream)
    assert decoded.nchannels == channels
    return np.array(decoded.samples, dtype=np.float64).reshape(-1, channels) * 0x8000


def with_crc(stream: bytes) -> bytes:
    """Return an MP3 of frames only with checksums, which few encoders write.

    Every frame gets the next higher bitrate to make room, and the main data is distributed again.
    """
    source = list(frames(stream))
    main = b"".join(data[header.main_data_start :] for header, data in source)
    starts, own = [], 0
    for header, data in source:
        starts.append(own - parse_side_info(header, data).main_data_begin)
        own += header.length - header.main_data_start
    main_data = bytearray()
    slots: list[tuple[bytes, int]] = []
    slot = 0
    for number, (header, data) in enumerate(source):
        word = bytes((data[0], data[1] & 0xFE, data[2] + (0x10 if data[2] < 0xE0 else 0), data[3]))
        larger = parse_header(word)
        assert larger
        limit = (1 << larger.main_data_begin_bits) - 1
        piece = main[starts[number] : (starts[number + 1 :] or [len(main)])[0]]
        main_data += bytes(max(0, slot - limit - len(main_data)))
        begin = slot - len(main_data)
        if begin < 0:
            raise ValueError("the larger frames are too small")
        main_data += piece
        bits = 8 * header.side_info_length
        begin_bits = header.main_data_begin_bits
        fields = int.from_bytes(data[header.side_info_start : header.main_data_start]) & ((1 << bits - begin_bits) - 1)
        side_info = (fields | begin << bits - begin_bits).to_bytes(header.side_info_length)
        slots.append((word + _crc(word[2:] + side_info).to_bytes(2) + side_info, larger.length))
        slot += larger.length - larger.main_data_start
        main_data += bytes(max(0, slot - limit - len(main_data)))
    main_data += bytes(max(0, slot - len(main_data)))
    stream_with_crc, taken = b"", 0
    for head, length in slots:
        stream_with_crc += head + main_data[taken : taken + length - len(head)]
        taken += length - len(head)
    return stream_with_crc


def loudness(samples: bytes, layout: PcmLayout) -> float:
    """Return the integrated loudness in LUFS by ffmpeg, at 48 kHz: its filters at other rates are up to 0.2 LU off."""
    return _ebur128(samples, layout, "aresample=48000,ebur128=metadata=1:framelog=quiet", "I")


def true_peak(samples: bytes, layout: PcmLayout) -> float:
    """Return the true peak in dBTP by ffmpeg."""
    # ffmpeg mirrors the audio at its beginning and reports nothing about an incomplete step at its end.
    silence = bytes(layout.rate // 5 * layout.frame_size)
    peak = _ebur128(silence + samples + silence, layout, "ebur128=metadata=1:framelog=quiet:peak=true", "true_peak")
    return 20 * log10(peak) if peak else -float("inf")


def _ebur128(samples: bytes, layout: PcmLayout, filters: str, key: str) -> float:
    """Return the last value that ffmpeg's ebur128 reports; it reports one every 100 ms."""
    pcm = ("-f", "s16le", "-ar", str(layout.rate), "-ac", str(layout.channels), "-i", "pipe:0")
    printing = f"{filters},ametadata=mode=print:key=lavfi.r128.{key}:file=-"
    report = run_ffmpeg(*pcm, "-af", printing, "-f", "null", "-", given=samples, level="error").decode()
    return float(re.findall(rf"lavfi\.r128\.{key}=(\S+)", report)[-1])
