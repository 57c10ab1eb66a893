"""Sound to test with: made, encoded by ffmpeg, and decoded by two decoders that share no code."""

from collections.abc import AsyncGenerator, Iterator
from functools import cache
from math import log10
import re
import shutil
import subprocess

import imageio_ffmpeg
import miniaudio
import numpy as np
import numpy.typing as npt

from custom_components.orator.audio.formats import PcmLayout
from custom_components.orator.audio.mp3 import Mp3Joiner
from custom_components.orator.audio.mp3_frames import FrameHeader, _crc, parse_header, parse_side_info

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


@cache
def ffmpeg() -> str:
    """Return the ffmpeg to run."""
    return shutil.which("ffmpeg") or imageio_ffmpeg.get_ffmpeg_exe()


def run_ffmpeg(*arguments: str, given: bytes = b"", level: str = "warning") -> bytes:
    """Run ffmpeg; a warning is a failure."""
    command = (ffmpeg(), "-hide_banner", "-nostdin", "-v", level, "-xerror", *arguments)
    done = subprocess.run(command, input=given, capture_output=True, check=False)
    assert not done.stderr, done.stderr.decode()
    assert not done.returncode
    return done.stdout


@cache
def voice(rate: int, channels: int = 1, seconds: float = 1.0, seed: int = 1) -> bytes:
    """Return something like a voice as 16 bit samples: harmonics of a gliding tone, syllables, breath."""
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


async def pieces(*chunks: bytes) -> AsyncGenerator[bytes]:
    """Yield sound as it arrives."""
    for chunk in chunks:
        yield chunk


def encode(samples: bytes, rate: int, channels: int, *arguments: str) -> bytes:
    """Encode samples; ffmpeg warns of raw ones because they do not tell which channel is which."""
    pcm = ("-f", "s16le", "-ar", str(rate), "-ac", str(channels), "-i", "pipe:0")
    return run_ffmpeg(*pcm, *arguments, "pipe:1", given=samples, level="error")


@cache
def mp3(rate: int, channels: int, kind: str, seed: int = 1, seconds: float = 0.7) -> bytes:
    """Return a voice as mp3."""
    return encode(voice(rate, channels, seconds, seed), rate, channels, "-c:a", "libmp3lame", *KINDS[kind], "-f", "mp3")


@cache
def bare_mp3(rate: int, channels: int, kind: str, seed: int = 1, seconds: float = 0.7) -> bytes:
    """Return the same without tags and index."""
    return join(mp3(rate, channels, kind, seed, seconds))


def join(*parts: bytes) -> bytes:
    """Join parts."""
    joiner = Mp3Joiner()
    return b"".join(joiner.feed(part) + joiner.end_part() for part in parts)


def frames(stream: bytes) -> Iterator[tuple[FrameHeader, bytes]]:
    """Take an mp3 apart that has nothing but frames."""
    position = 0
    while position < len(stream):
        header = parse_header(stream[position : position + 4])
        assert header
        assert position + header.length <= len(stream)
        yield header, stream[position : position + header.length]
        position += header.length


def decode(stream: bytes, channels: int, *arguments: str) -> Samples:
    """Decode an mp3 with ffmpeg."""
    decoded = run_ffmpeg(*arguments, "-f", "mp3", "-i", "pipe:0", "-f", "f32le", "pipe:1", given=stream)
    return np.frombuffer(decoded, "<f4").astype(np.float64).reshape(-1, channels) * 0x8000


def decode_otherwise(stream: bytes, channels: int) -> Samples:
    """Decode an mp3 with dr_mp3 (a descendant of minimp3)."""
    decoded = miniaudio.mp3_read_f32(stream)
    assert decoded.nchannels == channels
    return np.array(decoded.samples, dtype=np.float64).reshape(-1, channels) * 0x8000


def with_crc(stream: bytes) -> bytes:
    """Return an mp3 without tags with checksums, each frame of the next larger bitrate and its main data moved along.

    Encoders that write checksums are rare.
    """
    source = list(frames(stream))
    main = b"".join(data[header.main_data_start :] for header, data in source)
    starts, own = [], 0
    for header, data in source:
        starts.append(own - parse_side_info(header, data).main_data_begin)
        own += header.length - header.main_data_start
    made = bytearray()
    slots: list[tuple[bytes, int]] = []
    slot = 0
    for number, (header, data) in enumerate(source):
        word = bytes((data[0], data[1] & 0xFE, data[2] + (0x10 if data[2] < 0xE0 else 0), data[3]))
        larger = parse_header(word)
        assert larger
        limit = (1 << (9 if larger.samples == 1152 else 8)) - 1
        piece = main[starts[number] : (starts[number + 1 :] or [len(main)])[0]]
        made += bytes(max(0, slot - limit - len(made)))
        begin = slot - len(made)
        if begin < 0:
            raise ValueError("the larger frames are too small")
        made += piece
        bits = 8 * header.side_info_length
        begin_bits = 9 if limit == 511 else 8
        fields = int.from_bytes(data[header.side_info_start : header.main_data_start]) & ((1 << bits - begin_bits) - 1)
        side_info = (fields | begin << bits - begin_bits).to_bytes(header.side_info_length)
        slots.append((word + _crc(word[2:] + side_info).to_bytes(2) + side_info, larger.length))
        slot += larger.length - larger.main_data_start
        made += bytes(max(0, slot - limit - len(made)))
    made += bytes(max(0, slot - len(made)))
    rebuilt, taken = b"", 0
    for head, length in slots:
        rebuilt += head + made[taken : taken + length - len(head)]
        taken += length - len(head)
    return rebuilt


def loudness(samples: bytes, layout: PcmLayout) -> float:
    """Measure integrated loudness with ffmpeg, in LUFS, at 48 kHz: its filters for other rates are up to 0.2 LU off."""
    return _ebur128(samples, layout, "aresample=48000,ebur128=metadata=1:framelog=quiet", "I")


def true_peak(samples: bytes, layout: PcmLayout) -> float:
    """Measure the true peak with ffmpeg, in dBTP."""
    # Before the first sample ffmpeg supposes its mirror image; it says nothing of what ends between two steps.
    silence = bytes(layout.rate // 5 * layout.frame_size)
    peak = _ebur128(silence + samples + silence, layout, "ebur128=metadata=1:framelog=quiet:peak=true", "true_peak")
    return 20 * log10(peak) if peak else -float("inf")


def _ebur128(samples: bytes, layout: PcmLayout, filters: str, key: str) -> float:
    """Return the last value that ffmpeg's ebur128 says; it says one every 100 ms."""
    pcm = ("-f", "s16le", "-ar", str(layout.rate), "-ac", str(layout.channels), "-i", "pipe:0")
    told = f"{filters},ametadata=mode=print:key=lavfi.r128.{key}:file=-"
    said = run_ffmpeg(*pcm, "-af", told, "-f", "null", "-", given=samples, level="error").decode()
    return float(re.findall(rf"lavfi\.r128\.{key}=(\S+)", said)[-1])
