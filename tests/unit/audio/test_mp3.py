"""Tests of joining MP3 streams."""

import numpy as np
import pytest

from custom_components.orator.audio.mp3 import (
    MAX_JUNK_BYTES,
    MalformedMp3Error,
    Mp3FormatChangedError,
    Mp3Joiner,
    tag_length,
)
from custom_components.orator.audio.mp3_frames import Mp3Format, Mp3Frame, parse_header, parse_side_info
from tests.support.containers import ID3V1, ape, id3v2, vbri
from tests.support.signals import (
    KINDS,
    RATES,
    Samples,
    bare_mp3,
    decode_mp3,
    decode_otherwise,
    encode,
    frames,
    join,
    mp3,
    sample_count,
    voice,
    with_crc,
)

CASES = [
    *((rate, channels, kind) for rate in RATES for channels, kind in ((1, "vbr"), (2, "cbr"))),
    *((24_000, 1, kind) for kind in KINDS),
    *((44_100, 2, kind) for kind in KINDS),
]


def silent_frames(stream: bytes, count: int) -> bytes:
    """Return silent frames in the format of a stream."""
    header, data = list(frames(stream))[-1]
    return Mp3Frame(header, data, parse_side_info(header, data), follows_junk=False).silenced(0) * count


def count_samples(stream: bytes) -> int:
    """Return the number of samples per channel."""
    return sum(sample_count(header) for header, _ in frames(stream))


def count_replaced(joined: bytes, stream: bytes) -> int:
    """Return how many frames of a joined stream were replaced with silent ones."""
    given = {data for _, data in frames(stream)}
    return sum(data not in given for _, data in frames(joined))


def loudest(audio: Samples) -> float:
    """Return the largest amplitude in 16-bit steps."""
    return float(np.abs(audio).max(initial=0))


@pytest.mark.parametrize(("rate", "channels", "kind"), CASES)
def test_joined_parts(rate: int, channels: int, kind: str) -> None:
    """Joined parts have all of their frames and no others, and two decoders return the right samples without a warning.

    Frames overlap: a decoder adds the end of a frame to the beginning of the next. So the joined audio is the sum of
    every part and of the end of the previous part, which is decoded here with silent frames after it.
    """
    parts = [mp3(rate, channels, kind, seed, 0.5 + seed / 10) for seed in (1, 2, 3)]
    bare = [bare_mp3(rate, channels, kind, seed, 0.5 + seed / 10) for seed in (1, 2, 3)]
    joiner = Mp3Joiner()
    joined = b"".join(joiner.feed(part) + joiner.end_part() for part in parts)

    assert joined == b"".join(bare)
    assert all(data in parts[0] + parts[1] + parts[2] for _, data in frames(joined))  # none is silent
    assert joiner.format == Mp3Format(rate, channels)
    for decoder, rounding in (
        (decode_mp3, 1),
        (decode_otherwise, 4),
    ):  # the second one rounds three times here
        decoded = decoder(joined, channels)
        assert len(decoded) == count_samples(joined)
        expected = np.zeros_like(decoded)
        start = 0
        for part in bare:
            alone = decoder(part + silent_frames(part, 4), channels)[: len(decoded) - start]
            expected[start : start + len(alone)] += alone
            start += count_samples(part)
        assert loudest(decoded) > 3000
        assert loudest(decoded - expected) < rounding


@pytest.mark.parametrize("kind", ["cbr", "vbr", "id3v1"])
def test_no_speech_is_lost(kind: str) -> None:
    """A part has the duration of its source plus the delay of encoder and decoder."""
    part = bare_mp3(24_000, 1, kind, seconds=2.0)
    decoded = decode_mp3(part, 1)[:, 0]
    speech = np.frombuffer(voice(24_000, 1, 2.0), "<i2").astype(np.float64)
    assert 0 < len(decoded) - len(speech) < 4 * 576
    delay = int(np.argmax(np.correlate(decoded, speech[:12_000], "valid")))
    assert delay < 2000
    assert np.corrcoef(decoded[delay : delay + len(speech)], speech)[0, 1] > 0.95


CUTS = [
    (24_000, 1, "cbr-bare"),
    (44_100, 2, "vbr"),
    (48_000, 1, "vbr"),
    (8_000, 1, "vbr"),
    (22_050, 2, "abr"),
    (16_000, 1, "cbr"),
]


@pytest.mark.parametrize("has_crc", [False, True], ids=["plain", "crc"])
@pytest.mark.parametrize(("rate", "channels", "kind"), CUTS)
def test_part_without_its_beginning(rate: int, channels: int, kind: str, *, has_crc: bool) -> None:
    """Frames are silent while their bit reservoir is missing, and right afterwards."""
    before, whole = bare_mp3(rate, channels, kind, 2), bare_mp3(rate, channels, kind, 1)
    if has_crc:
        before, whole = with_crc(before), with_crc(whole)
    taken = list(frames(whole))
    missing = next(
        number for number, frame in enumerate(taken) if number > 3 and parse_side_info(*frame).main_data_begin
    )
    cut = b"".join(data for _, data in taken[missing:])
    joiner = Mp3Joiner()
    joined = joiner.feed(before) + joiner.end_part() + joiner.feed(cut) + joiner.end_part()

    assert len(joined) == len(before) + len(cut)
    quiet = count_replaced(joined, before + cut)
    assert 1 <= quiet <= 4
    length = sample_count(taken[0][0])
    settled = quiet + 2  # a frame needs the one before, and the filter bank a moment more
    checks = ("-err_detect", "crccheck+explode") if has_crc else ()
    for decoded, expected in (
        (decode_mp3(joined, channels, *checks), decode_mp3(whole, channels)),
        (decode_otherwise(joined, channels), decode_otherwise(whole, channels)),
    ):
        assert len(decoded) == count_samples(joined)
        after = decoded[count_samples(before) :]
        right = expected[missing * length :]
        assert loudest(after[settled * length :] - right[settled * length :]) < 1
        assert loudest(right[settled * length :]) > 1000
        ringing = decode_mp3(before + silent_frames(before, 2), channels)[count_samples(before) :]
        assert loudest(after[: length // 2] - ringing[: length // 2]) < 400  # of the first decoded frame


def test_noise_without_silent_frames() -> None:
    """Without silent frames, the previous test would find noise: frames are decoded with data of another part."""
    before, whole = bare_mp3(44_100, 2, "vbr", 2), bare_mp3(44_100, 2, "vbr", 1)
    cut = b"".join(data for _, data in list(frames(whole))[10:])
    assert parse_side_info(*next(frames(cut))).main_data_begin
    start = count_samples(before)
    naive, ours = decode_mp3(before + cut, 2), decode_mp3(join(before, cut), 2)
    assert loudest(naive[start : start + 1152]) > 1000
    assert loudest(ours[start : start + 500]) < 100


def xing_in_protected(frame: bytes) -> bytes:
    """Return a frame with a checksum and an Info header where LAME puts it, as if there were no checksum."""
    header = parse_header(frame[:4])
    assert header
    start = 4 + header.side_info_length
    return (
        frame[:1] + bytes([frame[1] & 0xFE]) + frame[2:4] + bytes(start - 4) + b"Info" + bytes(len(frame) - start - 4)
    )


BARE = bare_mp3(24_000, 1, "cbr-bare")
FIRST_FRAME = next(frames(BARE))[1]
HALF = len(b"".join(data for _, data in list(frames(BARE))[:10]))


@pytest.mark.parametrize(
    "part",
    [
        pytest.param(BARE, id="bare"),
        pytest.param(id3v2(0) + BARE, id="empty ID3v2"),
        pytest.param(id3v2(300) + BARE, id="ID3v2"),
        pytest.param(id3v2(70_000, has_footer=True) + BARE, id="long ID3v2 with footer"),
        pytest.param(id3v2(20) + id3v2(1000) + BARE, id="two ID3v2"),
        pytest.param(id3v2(20) + bytes(1000) + BARE, id="ID3v2 and padding"),
        pytest.param(bytes(500) + id3v2(2000) + BARE, id="padding and ID3v2"),
        pytest.param(BARE + ID3V1, id="ID3v1"),
        pytest.param(BARE + b"TAG+" + bytes(223) + ID3V1, id="enhanced ID3v1"),
        pytest.param(BARE + ape(b"\xff\xfb\x90\x64" * 40), id="APEv2"),
        pytest.param(BARE + ape(b"Title\0x" * 20, has_header=False) + ID3V1, id="APEv2 without header, ID3v1"),
        pytest.param(ape(b"cover\0" * 99) + BARE, id="leading APEv2"),
        pytest.param(BARE + b"LYRICSBEGIN and so on LYRICS200" + ID3V1, id="Lyrics3"),
        pytest.param(BARE + id3v2(40, has_footer=True), id="trailing ID3v2"),
        pytest.param(b"\r\n" + BARE, id="a line break before"),
        pytest.param(b"\xff\xfb" + BARE, id="a sync word before"),
        pytest.param(b"\xff\xf3\x94\xc4 as if" + bytes(99) + BARE, id="a false header before"),
        pytest.param(BARE + bytes(3000), id="padding"),
        pytest.param(BARE + FIRST_FRAME[:-1], id="a frame cut off"),
        pytest.param(BARE + FIRST_FRAME[:3], id="a header cut off"),
        pytest.param(BARE + FIRST_FRAME[:20] + ID3V1[:100], id="a frame cut off, and a tag"),
        pytest.param(BARE + b"ID3", id="a tag cut off"),
        pytest.param(vbri(FIRST_FRAME) + BARE, id="VBRI"),
        pytest.param(xing_in_protected(FIRST_FRAME) + BARE, id="Info beside a checksum"),
        pytest.param(BARE[:HALF] + id3v2(99) + BARE[HALF:], id="ID3v2 in the middle"),
    ],
)
def test_only_frames_remain(part: bytes) -> None:
    """Tags, indexes, padding and incomplete frames are removed."""
    assert join(part) == BARE
    assert join(part, part) == BARE + BARE


def test_concatenated_files() -> None:
    """Files that a server concatenated are joined at their frames."""
    files = [mp3(24_000, 1, kind, seed) for seed, kind in ((1, "id3v1"), (2, "vbr"), (3, "cbr"))]
    bare = [bare_mp3(24_000, 1, kind, seed) for seed, kind in ((1, "id3v1"), (2, "vbr"), (3, "cbr"))]
    assert join(b"".join(files)) == b"".join(bare)


def test_format_changes_within_part() -> None:
    """A part that changes its format is passed on, so that no word is lost."""
    one, other = bare_mp3(24_000, 1, "cbr"), bare_mp3(44_100, 2, "cbr")
    joiner = Mp3Joiner()
    assert joiner.feed(one + other) + joiner.end_part() == one + other
    assert joiner.format == Mp3Format(24_000, 1)


def test_damaged_part() -> None:
    """The stream continues without decoder warnings after lost or added bytes."""
    whole = bare_mp3(44_100, 2, "vbr", seconds=2.0)
    taken = [data for _, data in frames(whole)]
    added = b"".join(taken[:20]) + b"garbage, \xff\xfb and more" * 30 + b"".join(taken[20:])
    lost = b"".join(taken[:20]) + taken[20][60:] + b"".join(taken[21:])
    for stream, count in ((added, len(taken)), (lost, len(taken) - 1)):
        joiner = Mp3Joiner()
        joined = joiner.feed(stream) + joiner.end_part()
        assert len(list(frames(joined))) == count
        assert 1 <= count_replaced(joined, whole) <= 4
        for decoder in (decode_mp3, decode_otherwise):
            decoded = decoder(joined, 2)
            assert len(decoded) == count * 1152
            assert loudest(decoded[-1152 * 10 :] - decoder(whole, 2)[-1152 * 10 :]) < 1


def test_delay() -> None:
    """A frame is returned with its last byte, from the first frame on."""
    part = mp3(24_000, 1, "cbr")
    joiner = Mp3Joiner()
    due = joined = 0
    ends = []
    for _, data in frames(bare_mp3(24_000, 1, "cbr")):
        due += len(data)
        ends.append((part.index(data) + len(data), due))
    for position in range(len(part)):
        joined += len(joiner.feed(part[position : position + 1]))
        assert joined == max((due for end, due in ends if end <= position + 1), default=0)
    assert joiner.end_part() == b""


def test_first_frame_needs_confirmation() -> None:
    """A first frame that needs a bit reservoir is confirmed by the next frame or by the end."""
    data = next(data for header, data in frames(BARE) if parse_side_info(header, data).main_data_begin)
    joiner = Mp3Joiner()
    assert joiner.feed(data) == b""
    assert joiner.feed(FIRST_FRAME[:3]) == b""
    assert len(joiner.feed(FIRST_FRAME[3:4])) == len(data)
    joiner.end_part()
    assert joiner.feed(data) == b""
    assert len(joiner.end_part()) == len(data)


def test_other_format() -> None:
    """A part of another rate or channel count is refused before any of it is returned."""
    joiner = Mp3Joiner()
    one = bare_mp3(24_000, 1, "cbr")
    joined = joiner.feed(one) + joiner.end_part()
    assert joiner.part_format is None
    for rate, channels in ((24_000, 2), (22_050, 1), (48_000, 1)):
        with pytest.raises(Mp3FormatChangedError) as refused:
            joiner.feed(mp3(rate, channels, "cbr"))
        assert str(refused.value) == f"{Mp3Format(rate, channels)} cannot follow {Mp3Format(24_000, 1)}"
        assert joiner.part_format is None
    joined += joiner.feed(one) + joiner.end_part()  # the part converted
    assert joined == one + one


def test_other_format_of_short_part() -> None:
    """A very short part is refused at its end."""
    joiner = Mp3Joiner()
    joiner.feed(BARE)
    joiner.end_part()
    stream = bare_mp3(44_100, 2, "cbr")
    data = next(data for header, data in frames(stream) if parse_side_info(header, data).main_data_begin)
    assert joiner.feed(data) == b""
    with pytest.raises(Mp3FormatChangedError):
        joiner.end_part()


NOT_MP3 = [
    pytest.param(b"", id="nothing"),
    pytest.param(b'{"error": "no"}', id="JSON"),
    pytest.param(bytes(1000), id="zeros"),
    pytest.param(b"\xff" * 1000, id="ones"),
    pytest.param(id3v2(500), id="a tag"),
    pytest.param(id3v2(500)[:300], id="part of a tag"),
    pytest.param(FIRST_FRAME[:-1], id="less than a frame"),
    pytest.param(vbri(FIRST_FRAME), id="an index"),
    pytest.param(bytes.fromhex("fffb0064") + bytes(400) + bytes.fromhex("fffb0064") + bytes(400), id="free format"),
    pytest.param(encode(voice(24_000), 24_000, 1, "-c:a", "aac", "-f", "adts"), id="AAC"),
    pytest.param(encode(voice(24_000), 24_000, 1, "-c:a", "mp2", "-f", "mp2"), id="layer II"),
    pytest.param(encode(voice(24_000), 24_000, 1, "-f", "wav"), id="WAV"),
]


@pytest.mark.parametrize("part", NOT_MP3)
def test_no_frame(part: bytes) -> None:
    """A part without a frame is refused, and the next part is joined."""
    joiner = Mp3Joiner()
    assert joiner.feed(part) == b""
    with pytest.raises(MalformedMp3Error):
        joiner.end_part()
    assert joiner.feed(BARE) + joiner.end_part() == BARE


def test_junk_limit() -> None:
    """A part is refused after `MAX_JUNK_BYTES`, not only at its end, and accepted with exactly as many."""
    joiner = Mp3Joiner()
    joiner.feed(bytes(MAX_JUNK_BYTES - 8))
    with pytest.raises(MalformedMp3Error):
        joiner.feed(bytes(20))
    assert join(bytes(MAX_JUNK_BYTES) + BARE) == BARE
    with pytest.raises(MalformedMp3Error):
        joiner.feed(bytes(MAX_JUNK_BYTES + 1) + BARE)


def test_memory() -> None:
    """Long tags and streams are not buffered."""
    joiner = Mp3Joiner()
    tag = id3v2(8_000_000)
    for start in range(0, len(tag), 65_536):
        assert joiner.feed(tag[start : start + 65_536]) == b""
        assert len(joiner._scanner._buffer) < 100
    for _ in range(200):
        joiner.feed(BARE)
        assert len(joiner._scanner._buffer) < 2000


@pytest.mark.parametrize(
    ("head", "length"),
    [
        (b"", None),
        (b"ID", None),
        (b"ID3\x04\x00\x00\x00\x00\x02", None),
        (b"ID3\x04\x00\x00\x00\x00\x02\x01", 267),
        (b"ID3\x04\x00\x10\x00\x00\x02\x01", 277),
        (b"ID3\x04\x00\x00\x00\x00\x82\x01", 0),
        (b"ID3\xff\x00\x00\x00\x00\x02\x01", 0),
        (b"TAG", None),
        (b"TAG.", 128),
        (b"TAG+", 227),
        (b"APETAGE", None),
        (ape(b"x" * 68)[:32], 132),
        (ape(b"x" * 68)[-32:], 32),
        (b"APETAGEX" + b"\xff" * 24, 0),
        (b"RIFF", 0),
    ],
)
def test_tag_length(head: bytes, length: int | None) -> None:
    """The length of a tag follows from its first bytes."""
    assert tag_length(head) == length
