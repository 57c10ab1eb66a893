"""Tests of reading and writing WAV."""

import io
import struct
import time
import wave

from hypothesis import given, settings, strategies as st
import numpy as np
import pytest

from custom_components.orator.audio.formats import PcmLayout
from custom_components.orator.audio.wav import (
    MAX_HEADER_BYTES,
    UNKNOWN_LENGTH,
    MalformedWavError,
    WavReader,
    make_header,
)
from tests.support.containers import LIST, chunk, description, extensible, riff
from tests.support.signals import divide, encode, run_ffmpeg, voice

SPEECH = voice(24_000, 1, 0.2)
LAYOUT = PcmLayout(24_000)
PLACEHOLDERS = [0, 0xFFFFFFFF, 0x7FFFFFFF, 2_000_000_000, 0xFFFFFFFF - 36, 0x7FFFFFFF - 36, 0xFFFFF000, 0x80000000]


def read(stream: bytes, cuts: list[int] | None = None) -> tuple[bytes, PcmLayout | None]:
    """Return the samples of a WAV that arrives in chunks, and their layout."""
    reader = WavReader()
    samples = b"".join([reader.feed(part) for part in divide(stream, cuts or [])])
    reader.finish()
    return samples, reader.layout


@pytest.mark.parametrize("claimed", PLACEHOLDERS)
@pytest.mark.parametrize("spare", [b"", b"\x01"])
def test_placeholder_length(claimed: int, spare: bytes) -> None:
    """With a placeholder length, samples continue to the end of the stream."""
    stream = riff(description(), struct.pack("<4sI", b"data", claimed), SPEECH, spare)
    assert read(stream) == (SPEECH, LAYOUT)


def test_own_headers() -> None:
    """Own headers can be read."""
    for layout in (LAYOUT, PcmLayout(44_100, 2)):
        assert read(make_header(layout) + SPEECH) == (SPEECH, layout)
        assert int.from_bytes(make_header(layout)[40:44], "little") == UNKNOWN_LENGTH
        assert read(make_header(layout, len(SPEECH)) + SPEECH) == (SPEECH, layout)


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(riff(description(), chunk(b"data", SPEECH), LIST), id="a chunk after"),
        pytest.param(riff(LIST, description(), LIST, chunk(b"data", SPEECH), LIST), id="chunks before and after"),
        pytest.param(riff(description(), chunk(b"fact", bytes(4)), chunk(b"data", SPEECH)), id="fact"),
        pytest.param(riff(chunk(b"JUNK", b"odd"), description(), chunk(b"data", SPEECH)), id="a chunk of odd length"),
        pytest.param(riff(description(more=bytes(2)), chunk(b"data", SPEECH)), id="a longer description"),
        pytest.param(riff(extensible(1, 16), chunk(b"data", SPEECH)), id="extensible"),
        pytest.param(riff(description(), chunk(b"data", SPEECH + b"\x07"), LIST), id="half a sample at the end"),
        pytest.param(riff(description(), chunk(b"data", SPEECH), b"garbage" * 9), id="garbage after"),
        pytest.param(
            riff(description(), chunk(b"data", SPEECH), b"fmt \xff\xff\xff\xff" * 9), id="a false format after"
        ),
        pytest.param(riff(description(), chunk(b"data", SPEECH), length=0), id="no length of the whole"),
        pytest.param(
            riff(
                chunk(b"ds64", struct.pack("<QQQI", 0, len(SPEECH), 0, 0)),
                description(),
                chunk(b"data", SPEECH, UNKNOWN_LENGTH),
                LIST,
                form=b"RF64",
            ),
            id="RF64",
        ),
        pytest.param(
            riff(description(), chunk(b"data", SPEECH[:400]), LIST)
            + riff(LIST, description(), chunk(b"data", SPEECH[400:], UNKNOWN_LENGTH)),
            id="two files",
        ),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_other_chunks(stream: bytes, size: int) -> None:
    """Only samples are returned, whatever chunks surround them."""
    assert read(stream, list(range(0, len(stream), size))) == (SPEECH, LAYOUT)


def test_delay() -> None:
    """A frame is returned with its last byte."""
    reader = WavReader()
    assert reader.layout is None
    assert reader.feed(make_header(PcmLayout(8_000, 2))) == b""
    assert reader.layout == PcmLayout(8_000, 2)
    assert [reader.feed(bytes([byte])) for byte in range(8)] == [b""] * 3 + [bytes(range(4))] + [b""] * 3 + [
        bytes(range(4, 8))
    ]


def with_true_length(stream: bytes) -> bytes:
    """Return a WAV with the true length of its samples, as ffmpeg needs it."""
    start = stream.index(b"data") + 8
    return stream[: start - 4] + struct.pack("<I", len(stream) - start) + stream[start:]


@pytest.mark.parametrize("sample_format", ["u8", "s16", "s24", "s32", "flt", "dbl"])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_encodings(sample_format: str, channels: int) -> None:
    """Encodings are converted like ffmpeg does, within rounding."""
    codec = {"u8": "pcm_u8", "flt": "pcm_f32le", "dbl": "pcm_f64le"}.get(sample_format, f"pcm_{sample_format}le")
    stream = encode(voice(16_000, channels, 0.5), 16_000, channels, "-c:a", codec, "-f", "wav")
    samples, layout = read(stream)
    assert layout == PcmLayout(16_000, channels)
    reading = ("-f", "wav", "-i", "pipe:0")
    expected = run_ffmpeg(*reading, "-f", "s16le", "pipe:1", given=with_true_length(stream), level="error")
    ours, theirs = np.frombuffer(samples, "<i2"), np.frombuffer(expected, "<i2")
    assert len(ours) == len(theirs) == 8000 * channels
    assert np.abs(ours.astype(int) - theirs).max() <= 1


def packed24(values: list[int]) -> bytes:
    """Return 24-bit samples."""
    return b"".join(value.to_bytes(3, "little", signed=True) for value in values)


@pytest.mark.parametrize(
    ("head", "stored", "expected"),
    [
        (description(bits=8), bytes([0, 1, 127, 128, 129, 255]), [-32768, -32512, -256, 0, 256, 32512]),
        (
            description(bits=24),
            packed24([0, 127, 128, -128, -129, 0x7FFFFF, -0x800000]),
            [0, 0, 1, 0, -1, 32767, -32768],
        ),
        (
            description(bits=32),
            struct.pack("<6i", 0, 0x7FFF, 0x8000, -0x8001, 0x7FFFFFFF, -0x80000000),
            [0, 0, 1, -1, 32767, -32768],
        ),
        (
            description(3, bits=32),
            struct.pack("<8f", 0, 0.5, -1, 1, 1.5, -9, float("nan"), float("-inf")),
            [0, 16384, -32768, 32767, 32767, -32768, 0, -32768],
        ),
        (extensible(3, 64), struct.pack("<3d", 0.25, -0.25, 1e300), [8192, -8192, 32767]),
    ],
)
def test_rounding(head: bytes, stored: bytes, expected: list[int]) -> None:
    """Samples are rounded to the nearest and clipped."""
    samples, _ = read(riff(head, chunk(b"data", stored)))
    assert np.frombuffer(samples, "<i2").tolist() == expected


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"RIFF\xff\xff", id="a beginning"),
        pytest.param(b'{"error": "no such voice"}', id="JSON"),
        pytest.param(struct.pack("<4sI4s", b"RIFF", 4, b"AVI "), id="another RIFF"),
        pytest.param(riff(description()), id="no samples"),
        pytest.param(riff(chunk(b"data", SPEECH)), id="no description"),
        pytest.param(riff(chunk(b"fmt ", bytes(10)), chunk(b"data", SPEECH)), id="a short description"),
        pytest.param(riff(description(rate=0), chunk(b"data", SPEECH)), id="no rate"),
        pytest.param(riff(description(channels=0), chunk(b"data", SPEECH)), id="no channels"),
        pytest.param(riff(description(bits=12), chunk(b"data", SPEECH)), id="12 bits"),
        pytest.param(riff(description(7, bits=8), chunk(b"data", SPEECH)), id="mu-law"),
        pytest.param(riff(extensible(7, 8), chunk(b"data", SPEECH)), id="mu-law, extensible"),
        pytest.param(riff(extensible(1, 16, "00" * 14), chunk(b"data", SPEECH)), id="an unknown subformat"),
        pytest.param(riff(chunk(b"JUNK", b"", 0xFFFFFFF0), description()), id="an endless chunk"),
        pytest.param(riff(*[chunk(b"JUNK", bytes(60_000))] * 18, description()), id="too much before the samples"),
        pytest.param(
            riff(description(), chunk(b"data", SPEECH)) + riff(description(rate=8000), chunk(b"data", SPEECH)),
            id="two layouts",
        ),
    ],
)
@pytest.mark.parametrize("size", [1, 100_000])
def test_malformed(stream: bytes, size: int) -> None:
    """A malformed WAV raises an error."""
    with pytest.raises(MalformedWavError):
        read(stream, list(range(0, min(len(stream), 2000), size)))


def test_samples_before_an_error() -> None:
    """Samples before an error are returned first, for chunks of any size."""
    stream = riff(description(), chunk(b"data", SPEECH)) + riff(description(rate=8000), chunk(b"data", SPEECH))
    for size in (1, 1000, len(stream)):
        reader = WavReader()
        samples = b""
        with pytest.raises(MalformedWavError, match="layout"):  # noqa: PT012
            for start in range(0, len(stream), size):
                samples += reader.feed(stream[start : start + size])
            reader.finish()
        assert samples == SPEECH
        with pytest.raises(MalformedWavError, match="layout"):
            reader.feed(b"")


def test_memory() -> None:
    """Large chunks are not buffered."""
    reader = WavReader()
    reader.feed(riff(chunk(b"PICT", b"", MAX_HEADER_BYTES - 100)))
    for _ in range(16):
        reader.feed(bytes(60_000))
        assert len(reader._buffer) == 0


HEADS = st.sampled_from(
    [description(), description(channels=2), description(bits=8), description(bits=24), description(3, bits=32), LIST]
)
DATA = st.tuples(st.binary(max_size=100), st.sampled_from([None, 0, 10, UNKNOWN_LENGTH])).map(
    lambda parts: chunk(b"data", *parts)
)
STREAMS = st.one_of(
    st.binary(max_size=200),
    st.binary(max_size=200).map(riff),
    st.lists(st.one_of(HEADS, DATA, st.binary(max_size=9)), max_size=6).map(lambda parts: riff(*parts)),
    st.lists(st.one_of(HEADS, DATA, st.just(riff())), max_size=9).map(lambda parts: riff(*parts)),
)


@settings(max_examples=500, deadline=None)
@given(stream=STREAMS, cuts=st.lists(st.integers(0, 500), max_size=20))
def test_any_division(stream: bytes, cuts: list[int]) -> None:
    """Samples and error are the same for chunks of any size."""

    def outcome(cuts: list[int]) -> tuple[bytes, PcmLayout | None] | str:
        try:
            return read(stream, cuts)
        except MalformedWavError as err:
            return str(err)

    expected = outcome([])
    assert outcome(cuts) == expected
    assert outcome(list(range(len(stream)))) == expected


def test_processing_time() -> None:
    """Two megabytes are read in less than 2 s of CPU time, whole and in small chunks."""
    stream = make_header(LAYOUT) + bytes(2_000_000)
    started = time.process_time()
    read(stream)
    read(stream, list(range(0, len(stream), 100)))
    assert time.process_time() - started < 2


def test_header_of_known_length() -> None:
    """A header of known length equals that of the standard library."""
    expected = io.BytesIO()
    with wave.open(expected, "wb") as file:
        file.setparams((1, 2, 24_000, 0, "NONE", ""))
        file.writeframes(SPEECH)
    assert make_header(LAYOUT, len(SPEECH)) + SPEECH == expected.getvalue()


@pytest.mark.parametrize(("channels", "rate"), [(1, 4_294_967_291), (60_000, 24_000), (1, 5)])
def test_implausible_wav_header(channels: int, rate: int) -> None:
    """A WAV header with an implausible layout is rejected before memory is allocated for it."""
    with pytest.raises(MalformedWavError):
        WavReader().feed(riff(description(channels=channels, rate=rate % 2**32, bits=8)))
