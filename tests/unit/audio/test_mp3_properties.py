"""Property tests of joining MP3 streams."""

from contextlib import suppress
import random
import time

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.orator.audio.mp3 import MAX_TAG_BYTES, MalformedMp3Error, Mp3FormatChangedError, Mp3Joiner
from tests.support.containers import ID3V1, ape, id3v2, vbri
from tests.support.signals import bare_mp3, decode_mp3, divide, frames, join, mp3

PARTS = [
    bare_mp3(24_000, 1, "cbr", seconds=0.2),
    mp3(24_000, 1, "vbr", 2, seconds=0.2),
    mp3(24_000, 1, "id3v1", 3, seconds=0.2),
    mp3(44_100, 2, "vbr", seconds=0.2),
]
PIECES = st.one_of(
    st.sampled_from(PARTS),
    st.sampled_from([data for part in PARTS[:2] for _, data in frames(join(part))]),
    st.sampled_from([ID3V1, id3v2(40), id3v2(300, has_footer=True), ape(b"\xff\xf3" * 20), vbri(PARTS[0][:144])]),
    st.sampled_from([b"TAG", b"ID3", b"ID3\x07", b"APETAGEX", b"\xff", b"\xff\xf3\x64\xc4", bytes(30), b"T", b"AP"]),
    st.binary(max_size=60),
    st.tuples(st.sampled_from(PARTS), st.integers(0, 900)).map(lambda cut: cut[0][cut[1] : cut[1] + 400]),
)
STREAMS = st.lists(PIECES, max_size=6).map(b"".join)


def join_part(joiner: Mp3Joiner, stream: bytes, cuts: list[int]) -> tuple[bytes, str]:
    """Return the output for a part in chunks, and the name of the error that ends it."""
    output = b""
    try:
        for chunk in divide(stream, cuts):
            output += joiner.feed(chunk)
        output += joiner.end_part()
    except (MalformedMp3Error, Mp3FormatChangedError) as err:
        return output, type(err).__name__
    return output, ""


@settings(max_examples=300, deadline=None)
@given(streams=st.lists(STREAMS, min_size=1, max_size=3), cuts=st.lists(st.integers(0, 10_000), max_size=20))
def test_any_division(streams: list[bytes], cuts: list[int]) -> None:
    """Output and errors are the same for chunks of any size, and all output is frames."""
    whole, divided, single = Mp3Joiner(), Mp3Joiner(), Mp3Joiner()
    for stream in streams:
        expected = join_part(whole, stream, [])
        assert join_part(divided, stream, cuts) == expected
        assert join_part(single, stream, list(range(len(stream)))) == expected
        taken = list(frames(expected[0]))
        assert expected[1] or taken
    for joiner in (divided, single):
        assert joiner.format == whole.format


@settings(max_examples=300, deadline=None)
@given(stream=st.binary(max_size=3000))
def test_any_bytes(stream: bytes) -> None:
    """Any bytes lead to frames or documented errors."""
    list(frames(join_part(Mp3Joiner(), stream, [])[0]))


@pytest.mark.parametrize("seed", range(30))
def test_damaged_streams(seed: int) -> None:
    """Streams with changed, lost and added bytes continue, and never need data of another part."""
    chance = random.Random(seed)  # noqa: S311
    stream = bytearray(mp3(24_000, 1, ("vbr", "cbr", "abr")[seed % 3], seconds=2.0))
    for _ in range(chance.randrange(1, 30)):
        place = chance.randrange(len(stream))
        if chance.random() < 0.5:
            stream[place] ^= 1 << chance.randrange(8)
        elif chance.random() < 0.5:
            del stream[place : place + chance.randrange(300)]
        else:
            stream[place:place] = chance.randbytes(chance.randrange(300))
    before = bare_mp3(24_000, 1, "cbr")
    joiner = Mp3Joiner()
    output = joiner.feed(before) + joiner.end_part() + joiner.feed(bytes(stream)) + joiner.end_part()
    assert output.startswith(before)
    assert len(list(frames(output))) > len(list(frames(before))) + 20


def test_processing_time() -> None:
    """Apparent frames and tags are skipped in bounded CPU time, in one chunk and in small ones."""
    empty_tags = id3v2(0) * 6000
    for stream in (b"\xff" * 60_000, b"\xff\xfb\x90\x64" * 16_000, b"ID3" * 20_000, empty_tags):
        for size in (len(stream), 7):
            joiner = Mp3Joiner()
            started = time.process_time()
            with pytest.raises(MalformedMp3Error):  # noqa: PT012
                for start in range(0, len(stream), size):
                    joiner.feed(stream[start : start + size])
                joiner.end_part()
            assert time.process_time() - started < 5
    part = bare_mp3(24_000, 1, "cbr-bare", seconds=2.0) * 100
    joiner = Mp3Joiner()
    started = time.process_time()
    assert joiner.feed(part) == part
    assert time.process_time() - started < 2


def test_long_stream() -> None:
    """Thirty joined parts are decoded completely."""
    parts = [mp3(24_000, 1, "vbr", seed % 3 + 1, 0.5 + (seed % 3 + 1) / 10) for seed in range(30)]
    stream = join(*parts)
    assert len(decode_mp3(stream, 1)) == 576 * len(list(frames(stream)))


def test_endless_tags() -> None:
    """An mp3 that consists of tags is rejected at the size limit."""
    joiner, tag = Mp3Joiner(), id3v2(1024 * 1024)
    fed = 0
    with suppress(MalformedMp3Error):
        while fed < 2 * MAX_TAG_BYTES:
            joiner.feed(tag)
            fed += len(tag)
    assert fed <= MAX_TAG_BYTES
