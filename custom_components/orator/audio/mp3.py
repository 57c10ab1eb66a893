"""Joining of MP3 streams at their frames."""

from collections.abc import Iterator
from enum import Enum, auto
import re
from typing import Final

from .mp3_frames import HEADER_LENGTH, FrameHeader, Mp3Format, Mp3Frame, parse_header, parse_side_info

MAX_JUNK_BYTES: Final = 65_536
"""Maximum length of junk before the first frame; like ffmpeg, the joiner rejects a part with more."""
MAX_TAG_BYTES: Final = 16 * 1024 * 1024
"""Maximum length of tags before the first frame; ffmpeg ignores an APEv2 tag that claims more."""

_ID3V1, _ID3V1_LENGTH = b"TAG", 128
_ID3V1_ENHANCED, _ID3V1_ENHANCED_LENGTH = b"TAG+", 227
_ID3V2, _ID3V2_HEADER_LENGTH, _ID3V2_HAS_FOOTER = b"ID3", 10, 0x10
_APE, _APE_HEADER_LENGTH, _APE_IS_HEADER = b"APETAGEX", 32, 1 << 29
_TAGS: Final = (_ID3V1, _ID3V2, _APE)
_TAG_STARTS: Final = tuple(tag[:HEADER_LENGTH] for tag in _TAGS)

_CANDIDATE: Final = re.compile(rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb]|ID3[\x02-\x04]|APETAGEX")
"""Start of a frame or tag within junk."""
_CANDIDATE_LENGTH: Final = len(_APE)


class MalformedMp3Error(ValueError):
    """A part has no frame of layer III with a stated bitrate."""

    def __init__(self, message: str = "no frame of MPEG audio layer III with a stated bitrate") -> None:
        """Set the message."""
        super().__init__(message)


class Mp3FormatChangedError(ValueError):
    """A part differs from the joined stream in sample rate or channel count; none of the part was joined."""


class _Found(Enum):
    """Results of the scanner other than a frame."""

    TAG = auto()
    JUNK = auto()
    INCOMPLETE = auto()
    """More bytes are needed; at the end of the part, a frame that was cut off."""


class FrameScanner:
    """Scanner that finds the frames of one part and skips everything else."""

    def __init__(self) -> None:
        """Initialize the scanner at the start of a part."""
        self._buffer = bytearray()
        self._position = 0
        self._tag_bytes_left = 0
        self._is_boundary = True
        """Whether a frame or tag ends at the position, rather than junk."""
        self._last: FrameHeader | None = None
        self._junk_bytes = 0
        self._tag_bytes = 0
        self._follows_junk = False

    def feed(self, data: bytes) -> Iterator[Mp3Frame]:
        """Return the frames that are complete."""
        self._buffer += data
        return self._scan(is_end=False)

    def finish(self) -> Iterator[Mp3Frame]:
        """Return the frames that only the end of the part confirms."""
        return self._scan(is_end=True)

    @property
    def pending_bytes(self) -> int:
        """Bytes that are not complete yet; at the end of the part, those of a frame that was cut off."""
        return len(self._buffer) - self._position

    def _scan(self, *, is_end: bool) -> Iterator[Mp3Frame]:
        while self._position < len(self._buffer):
            if self._tag_bytes_left:
                skipped = min(self._tag_bytes_left, self.pending_bytes)
                self._position += skipped
                self._tag_bytes_left -= skipped
                continue
            found = self._examine(is_end=is_end)
            if isinstance(found, Mp3Frame):
                yield found
            elif found is _Found.JUNK:
                self._skip_junk()
            elif found is _Found.INCOMPLETE:
                break
        del self._buffer[: self._position]
        self._position = 0

    def _examine(self, *, is_end: bool) -> Mp3Frame | _Found:
        """Examine the position: pass a frame, begin to skip a tag, or report junk."""
        if not self._is_boundary and not _CANDIDATE.match(self._buffer, self._position):
            is_certain = is_end or self.pending_bytes >= _CANDIDATE_LENGTH
            return _Found.JUNK if is_certain else _Found.INCOMPLETE
        if self._buffer[self._position] == 0xFF:
            found = self._examine_frame(is_end=is_end)
            if isinstance(found, Mp3Frame):
                self._position += found.header.length
                self._last = found.header
                self._is_boundary = True
                self._follows_junk = False
            return found
        length = tag_length(bytes(self._buffer[self._position : self._position + _APE_HEADER_LENGTH]))
        if length is None and not is_end:
            return _Found.INCOMPLETE
        if not length:
            return _Found.JUNK
        self._tag_bytes_left = length
        self._tag_bytes += length
        if self._last is None and self._tag_bytes > MAX_TAG_BYTES:
            raise MalformedMp3Error("nothing but tags")
        self._is_boundary = True
        return _Found.TAG

    def _examine_frame(self, *, is_end: bool) -> Mp3Frame | _Found:
        """Return the frame at the position, which begins with a sync word."""
        available = self.pending_bytes
        header = parse_header(bytes(self._buffer[self._position : self._position + HEADER_LENGTH]))
        if header is None:
            return _Found.JUNK if is_end or available >= HEADER_LENGTH else _Found.INCOMPLETE
        is_expected = self._is_boundary and self._last is not None and self._last.format == header.format
        if available < header.length:
            return _Found.JUNK if is_end and not is_expected else _Found.INCOMPLETE
        data = bytes(self._buffer[self._position : self._position + header.length])
        frame = Mp3Frame(header, data, parse_side_info(header, data), self._follows_junk)
        if is_expected or self._is_certain_start(frame):
            return frame
        if not frame.is_plausible:
            return _Found.JUNK
        return self._confirm(frame, is_end=is_end)

    def _is_certain_start(self, frame: Mp3Frame) -> bool:
        """Return whether this is a first frame that needs no confirmation by the second."""
        return self._is_boundary and self._last is None and frame.is_decodable(0)

    def _confirm(self, frame: Mp3Frame, *, is_end: bool) -> Mp3Frame | _Found:
        """Return the frame if another of the same format, a tag or the end of the part follows."""
        end = self._position + frame.header.length
        following = bytes(self._buffer[end : end + HEADER_LENGTH])
        if len(following) < HEADER_LENGTH:
            return frame if is_end else _Found.INCOMPLETE
        header = parse_header(following)
        is_confirmed = following.startswith(_TAG_STARTS) or (header and header.format == frame.header.format)
        return frame if is_confirmed else _Found.JUNK

    def _skip_junk(self) -> None:
        """Move to the next position that may be a frame or a tag."""
        candidate = _CANDIDATE.search(self._buffer, self._position + 1)
        if candidate:
            position = candidate.start()
        else:
            position = max(self._position + 1, len(self._buffer) - _CANDIDATE_LENGTH + 1)
        self._junk_bytes += position - self._position
        self._position = position
        self._is_boundary = False
        self._follows_junk = True
        if self._last is None and self._junk_bytes > MAX_JUNK_BYTES:
            raise MalformedMp3Error


def tag_length(head: bytes) -> int | None:
    """Return the length of the tag that begins with these bytes: 0 without a tag, None if more bytes are needed."""
    if head.startswith(_ID3V2):
        return _id3v2_length(head) if len(head) >= _ID3V2_HEADER_LENGTH else None
    if head.startswith(_ID3V1_ENHANCED):
        return _ID3V1_ENHANCED_LENGTH
    if head.startswith(_ID3V1):
        return _ID3V1_LENGTH if len(head) >= len(_ID3V1_ENHANCED) else None
    if head.startswith(_APE):
        return _ape_length(head) if len(head) >= _APE_HEADER_LENGTH else None
    return None if any(tag.startswith(head) for tag in _TAGS) else 0


def _id3v2_length(head: bytes) -> int:
    """Return the length of an ID3v2 tag, stated without header and footer in seven bits per byte (ID3v2.4, 3.1)."""
    if 0xFF in head[3:5] or any(byte & 0x80 for byte in head[6:10]):
        return 0
    size = sum(byte << 7 * place for place, byte in enumerate(reversed(head[6:10])))
    footer = _ID3V2_HEADER_LENGTH if head[5] & _ID3V2_HAS_FOOTER else 0
    return _ID3V2_HEADER_LENGTH + size + footer


def _ape_length(head: bytes) -> int:
    """Return the length of an APEv2 tag, stated with the footer; a footer at the start has no items after it."""
    size, flags = int.from_bytes(head[12:16], "little"), int.from_bytes(head[20:24], "little")
    if size > MAX_TAG_BYTES:
        return 0
    return _APE_HEADER_LENGTH + (size if flags & _APE_IS_HEADER else 0)


class Mp3Joiner:
    """Joiner that turns several MP3 streams into one.

    Tags (ID3v1, ID3v2, APEv2), Xing, Info and VBRI headers and other data between frames are removed from every part.
    A frame whose bit reservoir is missing, because it belongs to another part or was lost, would be decoded as noise.
    It is replaced with a silent frame, which keeps the timing and the main data for the following frames.

    Data may be fed in blocks of any size; a frame is returned as soon as it is complete. A minute of audio takes about
    10 ms. A part whose format changes midway (because the server joined different files) is passed on unchanged:
    losing words would be worse.
    """

    def __init__(self) -> None:
        """Initialize the joiner before its first part."""
        self.format: Mp3Format | None = None
        """Format of the joined stream: that of its first frame."""
        self.part_format: Mp3Format | None = None
        """Format of the current part, once its first frame is complete."""
        self._begin_part()

    def feed(self, data: bytes) -> bytes:
        """Return the frames of the current part that are complete.

        Raises Mp3FormatChangedError if the part cannot be joined without conversion, and MalformedMp3Error if it has no
        frame within `MAX_JUNK_BYTES`. In both cases, none of the part has been returned, and the next data begins
        another part, for example the same one after conversion.
        """
        return self._join(self._scanner.feed(data))

    def end_part(self) -> bytes:
        """Return the rest of the current part without an incomplete frame; the next data begins another part.

        Raises MalformedMp3Error if the part had no frame, and Mp3FormatChangedError like `feed` if it was very short.
        """
        joined = self._join(self._scanner.finish())
        had_frames = self.part_format is not None
        self._begin_part()
        if not had_frames:
            raise MalformedMp3Error
        return joined

    def _begin_part(self) -> None:
        self.part_format = None
        self._scanner = FrameScanner()
        self._reservoir = 0
        """Bytes of this part's main data before the next frame."""

    def _join(self, frames: Iterator[Mp3Frame]) -> bytes:
        try:
            return b"".join([self._join_frame(frame) for frame in frames])
        except ValueError:
            self._begin_part()
            raise

    def _join_frame(self, frame: Mp3Frame) -> bytes:
        """Return the frame, a silent frame if it cannot be decoded, or nothing if it is an index."""
        if frame.is_index:
            self._reservoir = 0
            return b""
        header = frame.header
        if self.part_format is None:
            self.format = self.format or header.format
            if header.format != self.format:
                raise Mp3FormatChangedError(f"{header.format} cannot follow {self.format}")
            self.part_format = header.format
        if frame.follows_junk:
            self._reservoir = 0
        joined = frame.data if frame.is_decodable(self._reservoir) else frame.silenced(self._reservoir)
        self._reservoir += header.length - header.main_data_start
        return joined
