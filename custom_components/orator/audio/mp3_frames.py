"""The frames of MP3: their headers, their side information, and what of each needs the frames before it.

The format is that of ISO/IEC 11172-3 (MPEG-1), ISO/IEC 13818-3 (MPEG-2) and Fraunhofer's MPEG-2.5, layer III.
"""

from dataclasses import dataclass
from enum import Enum, IntEnum
from functools import lru_cache

HEADER_LENGTH = 4
_CRC_LENGTH = 2


@dataclass(frozen=True, slots=True)
class Mp3Format:
    """What has to be the same in all frames of a stream."""

    rate: int
    channels: int

    def __str__(self) -> str:
        """Return how people write it."""
        return f"{self.rate} Hz with {self.channels} channel{'s' * (self.channels > 1)}"


class MpegVersion(Enum):
    """The versions of MPEG audio; each halves the sample rates of the one before."""

    MPEG_1 = "1"
    MPEG_2 = "2"
    MPEG_2_5 = "2.5"


class ChannelMode(IntEnum):
    """How a frame codes its channels."""

    STEREO = 0
    JOINT_STEREO = 1
    DUAL_CHANNEL = 2
    MONO = 3


_VERSIONS = {0: MpegVersion.MPEG_2_5, 2: MpegVersion.MPEG_2, 3: MpegVersion.MPEG_1}
_RATES = {
    MpegVersion.MPEG_1: (44_100, 48_000, 32_000),
    MpegVersion.MPEG_2: (22_050, 24_000, 16_000),
    MpegVersion.MPEG_2_5: (11_025, 12_000, 8_000),
}
_KBPS_MPEG_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBPS_MPEG_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_LAYER_III = 1
_MAIN_DATA_BEGIN_BITS = {MpegVersion.MPEG_1: 9, MpegVersion.MPEG_2: 8, MpegVersion.MPEG_2_5: 8}
"""How far a frame can point back."""
_MAX_BIG_VALUES = 288  # pairs: a granule has 576 frequency lines


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """The header of a frame of layer III, and what follows from it."""

    version: MpegVersion
    bitrate: int
    """Bits a second."""
    rate: int
    mode: ChannelMode
    has_padding: bool
    has_crc: bool
    length: int
    """Bytes of the whole frame."""
    samples: int
    """Samples a channel."""
    side_info_length: int

    @property
    def channels(self) -> int:
        """How many channels the frame holds."""
        return 1 if self.mode is ChannelMode.MONO else 2

    @property
    def format(self) -> Mp3Format:
        """What other frames of the stream have to share."""
        return Mp3Format(self.rate, self.channels)

    @property
    def side_info_start(self) -> int:
        """Where in the frame the side information begins."""
        return HEADER_LENGTH + _CRC_LENGTH * self.has_crc

    @property
    def main_data_start(self) -> int:
        """Where in the frame the bytes begin that this frame and following ones keep their main data in."""
        return self.side_info_start + self.side_info_length


@lru_cache(maxsize=512)
def parse_header(word: bytes) -> FrameHeader | None:
    """Read the four bytes a frame begins with; None where they are no header of layer III with a stated bitrate."""
    if len(word) < HEADER_LENGTH or word[0] != 0xFF or word[1] & 0xE0 != 0xE0:
        return None
    version = _VERSIONS.get(word[1] >> 3 & 3)
    kbps_index, rate_index = word[2] >> 4, word[2] >> 2 & 3
    if version is None or word[1] >> 1 & 3 != _LAYER_III or kbps_index in (0, 15) or rate_index == 3:
        return None
    is_mpeg_1 = version is MpegVersion.MPEG_1
    bitrate = 1000 * (_KBPS_MPEG_1 if is_mpeg_1 else _KBPS_MPEG_2)[kbps_index]
    rate = _RATES[version][rate_index]
    mode = ChannelMode(word[3] >> 6)
    has_padding = bool(word[2] & 2)
    samples = 1152 if is_mpeg_1 else 576
    short, long = (17, 32) if is_mpeg_1 else (9, 17)
    side_info_length = short if mode is ChannelMode.MONO else long
    length = samples // 8 * bitrate // rate + has_padding
    has_crc = not word[1] & 1
    return FrameHeader(version, bitrate, rate, mode, has_padding, has_crc, length, samples, side_info_length)


@dataclass(frozen=True, slots=True)
class SideInfo:
    """What the side information says about where a frame's main data lies (ISO 11172-3 2.4.1.7, 13818-3 2.4.1.7)."""

    main_data_begin: int
    """How many bytes before this frame's own main data it begins, in that of the frames before: the bit reservoir."""
    main_data_bits: int
    is_possible: bool
    """Whether no granule claims more values than there are frequency lines."""


def parse_side_info(header: FrameHeader, frame: bytes) -> SideInfo:
    """Read the side information of a frame."""
    stored = frame[header.side_info_start : header.main_data_start]
    bits = int.from_bytes(stored)
    channels = header.channels
    granules, granule_bits = (2 * channels, 59) if header.version is MpegVersion.MPEG_1 else (channels, 63)
    lengths = 0
    is_possible = True
    for granule in range(granules):  # the last one is at the end, the fields in question at the start of each
        fields = bits >> (granule * granule_bits + granule_bits - 21)
        lengths += fields >> 9 & 0xFFF
        values = fields & 0x1FF
        is_possible = is_possible and values <= _MAX_BIG_VALUES
    return SideInfo(bits >> (8 * len(stored) - _MAIN_DATA_BEGIN_BITS[header.version]), lengths, is_possible)


@dataclass(frozen=True, slots=True)
class Mp3Frame:
    """A frame found in a stream."""

    header: FrameHeader
    data: bytes
    side_info: SideInfo
    follows_junk: bool
    """Whether something else than a tag lies before it: what its reservoir needs may be lost."""

    def is_decodable(self, reservoir: int) -> bool:
        """Tell whether its main data lies within this many bytes before its own and its own."""
        side_info = self.side_info
        present = side_info.main_data_begin + len(self.data) - self.header.main_data_start
        return (
            side_info.is_possible and side_info.main_data_begin <= reservoir and side_info.main_data_bits <= 8 * present
        )

    @property
    def is_plausible(self) -> bool:
        """Tell whether this may be a frame, if what it needs of the reservoir is there."""
        return self.is_decodable(self.side_info.main_data_begin)

    @property
    def is_index(self) -> bool:
        """Tell whether this is a Xing, Info (LAME) or VBRI (Fraunhofer) header: a table of contents in a silent frame.

        Encoders put the first two where the main data of a frame without CRC begins, even when this frame has one.
        """
        start = HEADER_LENGTH + self.header.side_info_length
        marks = (self.data[start : start + 4], self.data[start + 2 : start + 6] if self.header.has_crc else b"")
        return b"Xing" in marks or b"Info" in marks or self.data[36:40] == b"VBRI"

    def silenced(self, reservoir: int) -> bytes:
        """Return a silent frame in place of this one, with the main data that following frames may need.

        It points to the beginning of the reservoir itself: decoders forget what lies before the last pointer.
        """
        header = self.header
        begin_bits = _MAIN_DATA_BEGIN_BITS[header.version]
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
