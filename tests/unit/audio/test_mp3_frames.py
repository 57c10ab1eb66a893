"""Tests of MP3 frames."""

import pytest

from custom_components.orator.audio.mp3_frames import Mp3Format, parse_header, parse_side_info
from tests.support.signals import RATES, bare_mp3, frames


@pytest.mark.parametrize(
    ("word", "rate", "channels", "length", "is_mpeg_1"),
    [
        pytest.param("fffb9064", 44_100, 2, 417, True, id="joint stereo, 128 kbit/s"),
        pytest.param("fffb9264", 44_100, 2, 418, True, id="joint stereo, 128 kbit/s, padding"),
        pytest.param("fffb94c4", 48_000, 1, 384, True, id="mono, 128 kbit/s"),
        pytest.param("fffbe800", 32_000, 2, 1440, True, id="stereo, 320 kbit/s"),
        pytest.param("fff38480", 24_000, 2, 192, False, id="MPEG-2, dual channel, 64 kbit/s"),
        pytest.param("fff364c4", 24_000, 1, 144, False, id="MPEG-2, mono, 48 kbit/s"),
        pytest.param("ffe318c4", 8_000, 1, 72, False, id="MPEG-2.5, mono, 8 kbit/s"),
        pytest.param("ffe3e0c4", 11_025, 1, 1044, False, id="MPEG-2.5, mono, 160 kbit/s"),
    ],
)
def test_header(*, word: str, rate: int, channels: int, length: int, is_mpeg_1: bool) -> None:
    """A header is parsed according to the tables of the standards."""
    header = parse_header(bytes.fromhex(word))
    assert header
    assert header.format == Mp3Format(rate, channels)
    assert (header.length, header.is_mpeg_1, header.has_crc) == (length, is_mpeg_1, False)


def test_checksum() -> None:
    """A cleared protection bit means a checksum of two bytes before the side information."""
    plain, protected = (parse_header(bytes.fromhex(word)) for word in ("fffb9064", "fffa9064"))
    assert plain
    assert protected
    assert (plain.side_info_start, plain.main_data_start) == (4, 36)
    assert (protected.side_info_start, protected.main_data_start) == (6, 38)
    assert protected.has_crc


@pytest.mark.parametrize(
    "word",
    [
        "",
        "fffb90",
        "00000000",
        "fffbf064",  # the forbidden bitrate
        "fffb0064",  # free format
        "fffb9c64",  # the reserved rate
        "ffeb9064",  # the reserved version
        "fffd9064",  # layer II
        "ffff9064",  # layer I
        "fff15080",  # AAC
        "ff7b9064",  # no sync word
    ],
)
def test_no_header(word: str) -> None:
    """Other data is not a header."""
    assert parse_header(bytes.fromhex(word)) is None


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("channels", [1, 2])
def test_side_information(rate: int, channels: int) -> None:
    """The main data of encoded frames lies within the frames so far and fills most of them."""
    sent = used = 0
    for header, data in frames(bare_mp3(rate, channels, "vbr")):
        side_info = parse_side_info(header, data)
        own = header.length - header.main_data_start
        assert side_info.is_possible
        assert side_info.main_data_begin <= sent
        assert side_info.main_data_bits <= 8 * (side_info.main_data_begin + own)
        sent += own
        used += side_info.main_data_bits
    assert 4 * sent < used <= 8 * sent


def test_format_as_text() -> None:
    """A format is readable in messages."""
    assert str(Mp3Format(24_000, 1)) == "24000 Hz with 1 channel"
    assert str(Mp3Format(44_100, 2)) == "44100 Hz with 2 channels"
