"""Frames of MP3: headers, side information and bit reservoir.

The format is MPEG audio layer III: ISO/IEC 11172-3 (MPEG-1), ISO/IEC 13818-3 (MPEG-2) and Fraunhofer's MPEG-2.5.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

HEADER_LENGTH: Final = 4
_CRC_LENGTH: Final = 2


@dataclass(frozen=True, slots=True)
class Mp3Format:
    """Properties that all frames of a stream share."""

    rate: int
    channels: int

    def __str__(self) -> str:
        """Return the format for a message."""
        return f"{self.rate} Hz with {self.channels} channel{'s' * (self.channels > 1)}"


_MPEG_1: Final = 3
_RATES_BY_VERSION: Final = {
    _MPEG_1: (44_100, 48_000, 32_000),
    2: (22_050, 24_000, 16_000),  # MPEG-2
    0: (11_025, 12_000, 8_000),  # MPEG-2.5
}
_KBPS_MPEG_1: Final = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBPS_MPEG_2: Final = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_LAYER_III: Final = 1
_MONO: Final = 3
_MAX_BIG_VALUES: Final = 288  # pairs: a granule has 576 frequency lines


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """The parsed header of a frame."""

    format: Mp3Format
    is_mpeg_1: bool
    """Whether the frame has two granules of 576 samples per channel, rather than one as in MPEG-2 and 2.5."""
    has_crc: bool
    length: int
    """Length of the whole frame in bytes."""

    @property
    def seconds(self) -> float:
        """Duration of the frame."""
        return (1152 if self.is_mpeg_1 else 576) / self.format.rate

    @property
    def side_info_start(self) -> int:
        """Offset of the side information in the frame."""
        return HEADER_LENGTH + _CRC_LENGTH * self.has_crc

    @property
    def side_info_length(self) -> int:
        """Length of the side information in bytes."""
        mono, stereo = (17, 32) if self.is_mpeg_1 else (9, 17)
        return mono if self.format.channels == 1 else stereo

    @property
    def main_data_start(self) -> int:
        """Offset of the bytes in the frame that hold main data of this frame and of following ones."""
        return self.side_info_start + self.side_info_length

    @property
    def main_data_begin_bits(self) -> int:
        """Length in bits of the first field of the side information, which points back into the bit reservoir."""
        return 9 if self.is_mpeg_1 else 8


@lru_cache(maxsize=512)
def parse_header(word: bytes) -> FrameHeader | None:
    """Parse the first four bytes of a frame; return None unless they are a layer III header with a stated bitrate."""
    if len(word) < HEADER_LENGTH or word[0] != 0xFF or word[1] & 0xE0 != 0xE0:
        return None
    version, layer = word[1] >> 3 & 3, word[1] >> 1 & 3
    kbps_index, rate_index = word[2] >> 4, word[2] >> 2 & 3
    if version not in _RATES_BY_VERSION or layer != _LAYER_III or kbps_index in (0, 15) or rate_index == 3:
        return None
    is_mpeg_1 = version == _MPEG_1
    rate = _RATES_BY_VERSION[version][rate_index]
    channels = 1 if word[3] >> 6 == _MONO else 2
    kbps = (_KBPS_MPEG_1 if is_mpeg_1 else _KBPS_MPEG_2)[kbps_index]
    padding = word[2] >> 1 & 1
    length = (144_000 if is_mpeg_1 else 72_000) * kbps // rate + padding
    return FrameHeader(Mp3Format(rate, channels), is_mpeg_1, not word[1] & 1, length)


@dataclass(frozen=True, slots=True)
class SideInfo:
    """Fields of the side information that locate a frame's main data (ISO 11172-3 2.4.1.7, 13818-3 2.4.1.7)."""

    main_data_begin: int
    """Bytes of main data in previous frames (the bit reservoir) at which this frame's main data begins."""
    main_data_bits: int
    """Length of this frame's main data in bits."""
    is_possible: bool
    """Whether no granule has more values than frequency lines."""


def parse_side_info(header: FrameHeader, frame: bytes) -> SideInfo:
    """Parse the side information of a frame."""
    stored = frame[header.side_info_start : header.main_data_start]
    bits = int.from_bytes(stored)
    channels = header.format.channels
    granules, granule_bits = (2 * channels, 59) if header.is_mpeg_1 else (channels, 63)
    main_data_bits = 0
    is_possible = True
    for granule in range(granules):  # from the last one, which ends the side information
        fields = bits >> (granule * granule_bits + granule_bits - 21)  # each begins with 12 + 9 bits
        main_data_bits += fields >> 9 & 0xFFF
        is_possible = is_possible and fields & 0x1FF <= _MAX_BIG_VALUES
    return SideInfo(bits >> (8 * len(stored) - header.main_data_begin_bits), main_data_bits, is_possible)


@dataclass(frozen=True, slots=True)
class Mp3Frame:
    """A frame of a stream."""

    header: FrameHeader
    data: bytes
    side_info: SideInfo
    follows_junk: bool
    """Whether data other than a tag precedes the frame, so that part of its bit reservoir may be missing."""

    def is_decodable(self, reservoir: int) -> bool:
        """Return whether the frame and `reservoir` bytes of main data before it hold all of its main data."""
        side_info = self.side_info
        available = side_info.main_data_begin + len(self.data) - self.header.main_data_start
        return (
            side_info.is_possible
            and side_info.main_data_begin <= reservoir
            and side_info.main_data_bits <= 8 * available
        )

    @property
    def is_plausible(self) -> bool:
        """Whether the frame is valid if its bit reservoir is complete."""
        return self.is_decodable(self.side_info.main_data_begin)

    @property
    def is_index(self) -> bool:
        """Whether this is a Xing, Info (LAME) or VBRI (Fraunhofer) header: a table of contents in a silent frame.

        Encoders write the first two where the main data of a frame without CRC begins, even if this frame has a CRC.
        """
        start = HEADER_LENGTH + self.header.side_info_length
        marks = (self.data[start : start + 4], self.data[start + 2 : start + 6] if self.header.has_crc else b"")
        return b"Xing" in marks or b"Info" in marks or self.data[36:40] == b"VBRI"

    def silenced(self, reservoir: int) -> bytes:
        """Return a silent frame that keeps this frame's main data for following ones.

        The silent frame points to the start of the reservoir, because decoders drop everything before the last pointer.
        """
        header = self.header
        begin_bits = header.main_data_begin_bits
        begin = min(reservoir, (1 << begin_bits) - 1)
        side_info = (begin << 8 * header.side_info_length - begin_bits).to_bytes(header.side_info_length)
        crc = _crc(self.data[2:HEADER_LENGTH] + side_info).to_bytes(_CRC_LENGTH) if header.has_crc else b""
        return self.data[:HEADER_LENGTH] + crc + side_info + self.data[header.main_data_start :]


def _crc(protected: bytes) -> int:
    """Return the checksum of header and side information (ISO 11172-3 2.4.3.1)."""
    crc = 0xFFFF
    for byte in protected:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ (0x8005 if crc & 0x8000 else 0)) & 0xFFFF
    return crc
