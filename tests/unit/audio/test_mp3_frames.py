"""Tests of MP3 frames."""

import pytest

from custom_components.orator.audio.mp3_frames import ChannelMode, Mp3Format, MpegVersion, parse_header, parse_side_info
from tests.unit.audio.signals import RATES, bare_mp3, frames


@pytest.mark.parametrize(
    ("word", "version", "bitrate", "rate", "mode", "length", "samples"),
    [
        ("fffb9064", MpegVersion.MPEG_1, 128_000, 44_100, ChannelMode.JOINT_STEREO, 417, 1152),
        ("fffb9264", MpegVersion.MPEG_1, 128_000, 44_100, ChannelMode.JOINT_STEREO, 418, 1152),
        ("fffb94c4", MpegVersion.MPEG_1, 128_000, 48_000, ChannelMode.MONO, 384, 1152),
        ("fffbe800", MpegVersion.MPEG_1, 320_000, 32_000, ChannelMode.STEREO, 1440, 1152),
        ("fff38480", MpegVersion.MPEG_2, 64_000, 24_000, ChannelMode.DUAL_CHANNEL, 192, 576),
        ("fff364c4", MpegVersion.MPEG_2, 48_000, 24_000, ChannelMode.MONO, 144, 576),
        ("ffe318c4", MpegVersion.MPEG_2_5, 8_000, 8_000, ChannelMode.MONO, 72, 576),
        ("ffe3e0c4", MpegVersion.MPEG_2_5, 160_000, 11_025, ChannelMode.MONO, 1044, 576),
    ],
)
def test_header(  # noqa: PLR0913  # the fields of a header
    *, word: str, version: MpegVersion, bitrate: int, rate: int, mode: ChannelMode, length: int, samples: int
) -> None:
    """A header is parsed according to the tables of the standards."""
    header = parse_header(bytes.fromhex(word))
    assert header
    assert (header.version, header.bitrate, header.rate, header.mode) == (version, bitrate, rate, mode)
    assert (header.length, header.samples, header.has_crc) == (length, samples, False)
    assert header.has_padding is (word == "fffb9264")
    assert header.format == Mp3Format(rate, 1 if mode is ChannelMode.MONO else 2)


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
