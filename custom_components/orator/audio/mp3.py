"""MP3: several streams joined into one."""

from collections.abc import Iterator
from enum import Enum, auto
import re

from .mp3_frames import HEADER_LENGTH, FrameHeader, Mp3Format, Mp3Frame, parse_header, parse_side_info

JUNK_LIMIT = 65_536
"""Bytes that are neither tag nor frame, after which a part counts as no MP3; ffmpeg's reader gives up there too."""

TAG_LIMIT = 16 * 1024 * 1024
"""Bytes of tags before the first frame, after which a part counts as no MP3. An APEv2 tag alone that claims more is
none, for ffmpeg as for us."""

_ID3V1 = (b"TAG", 128)
_ID3V1_ENHANCED = (b"TAG+", 227)
_ID3V2, _ID3V2_HEADER_LENGTH, _ID3V2_HAS_FOOTER = b"ID3", 10, 0x10
_APE, _APE_HEADER_LENGTH, _APE_IS_HEADER = b"APETAGEX", 32, 1 << 29
_TAGS = (_ID3V1[0], _ID3V2, _APE)
_TAG_STARTS = tuple(tag[:HEADER_LENGTH] for tag in _TAGS)

_PROMISING = re.compile(rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb]|ID3[\x02-\x04]|APETAGEX")
"""Where a frame of layer III or a tag may begin among what is neither."""
_PROMISING_LENGTH = len(_APE)


class MalformedMp3Error(ValueError):
    """The bytes are no MP3 with sound in it, or one of free format (the bitrate of which is not stated)."""


class Mp3FormatChangedError(ValueError):
    """A part has another sample rate or other channels than what it would be joined to; nothing of it was joined."""


class _Verdict(Enum):
    """What a position in a stream is, when it is no frame."""

    JUNK = auto()
    UNKNOWN_YET = auto()
    CUT_OFF = auto()
    """A frame that the stream ends in the middle of."""


class FrameScanner:
    """Finds the frames of one part."""

    def __init__(self) -> None:
        """Begin before the first byte."""
        self._buffer = bytearray()
        self._position = 0
        self._tag_rest = 0  # bytes of a tag that have not arrived yet
        self._is_boundary = True  # a frame is to be expected at the position
        self._last: FrameHeader | None = None
        self._junk = 0
        self._tagged = 0
        self._follows_junk = False

    def feed(self, data: bytes) -> Iterator[Mp3Frame]:
        """Take more of the part; return the frames that are complete."""
        self._buffer += data
        return self._frames(is_end=False)

    def end(self) -> Iterator[Mp3Frame]:
        """Return the frames that only the end of the part makes certain."""
        return self._frames(is_end=True)

    @property
    def rest(self) -> int:
        """How many bytes wait for more; after the end, those of a frame that it cut off."""
        return len(self._buffer) - self._position

    def _frames(self, *, is_end: bool) -> Iterator[Mp3Frame]:
        while self._position < len(self._buffer):
            if self._tag_rest:
                passed = min(self._tag_rest, len(self._buffer) - self._position)
                self._position += passed
                self._tag_rest -= passed
                continue
            found = self._look(is_end=is_end)
            if isinstance(found, Mp3Frame):
                yield found
            elif found is _Verdict.JUNK:
                self._seek()
            elif found is _Verdict.UNKNOWN_YET or found is _Verdict.CUT_OFF:
                break
        del self._buffer[: self._position]
        self._position = 0

    def _look(self, *, is_end: bool) -> Mp3Frame | _Verdict | None:
        """Take the frame or begin to pass over the tag (None) at the position, or tell why there is none."""
        if not self._is_boundary and not _PROMISING.match(self._buffer, self._position):
            is_certain = is_end or len(self._buffer) - self._position >= _PROMISING_LENGTH
            return _Verdict.JUNK if is_certain else _Verdict.UNKNOWN_YET
        if self._buffer[self._position] == 0xFF:
            found = self._frame(is_end=is_end)
            if isinstance(found, Mp3Frame):
                self._position += found.header.length
                self._last = found.header
                self._is_boundary = True
                self._follows_junk = False
            return found
        length = tag_length(bytes(self._buffer[self._position : self._position + _APE_HEADER_LENGTH]))
        if length is None:
            return _Verdict.JUNK if is_end else _Verdict.UNKNOWN_YET
        if not length:
            return _Verdict.JUNK
        self._tag_rest = length
        self._tagged += length
        if self._last is None and self._tagged > TAG_LIMIT:
            raise MalformedMp3Error("nothing but tags")
        self._is_boundary = True
        return None

    def _frame(self, *, is_end: bool) -> Mp3Frame | _Verdict:
        """Return the frame at the position."""
        present = len(self._buffer) - self._position
        header = parse_header(bytes(self._buffer[self._position : self._position + HEADER_LENGTH]))
        if header is None:
            return _Verdict.JUNK if is_end or present >= HEADER_LENGTH else _Verdict.UNKNOWN_YET
        is_in_step = self._is_boundary and self._last is not None and self._last.format == header.format
        if present < header.length:
            if not is_end:
                return _Verdict.UNKNOWN_YET
            return _Verdict.CUT_OFF if is_in_step else _Verdict.JUNK
        data = bytes(self._buffer[self._position : self._position + header.length])
        frame = Mp3Frame(header, data, parse_side_info(header, data), self._follows_junk)
        if is_in_step or self._opens_part(frame):
            return frame
        if not frame.is_plausible:
            return _Verdict.JUNK
        return self._confirmed(frame, is_end=is_end)

    def _opens_part(self, frame: Mp3Frame) -> bool:
        """Tell whether this is so clearly a first frame that it need not wait for the second one to confirm it."""
        is_first = self._is_boundary and self._last is None
        return is_first and frame.is_decodable(0)

    def _confirmed(self, frame: Mp3Frame, *, is_end: bool) -> Mp3Frame | _Verdict:
        """Accept a frame that is followed by another of the same format, by a tag or by the end."""
        end = self._position + frame.header.length
        after = bytes(self._buffer[end : end + HEADER_LENGTH])
        if len(after) < HEADER_LENGTH:
            return frame if is_end else _Verdict.UNKNOWN_YET
        following = parse_header(after)
        is_confirmed = after.startswith(_TAG_STARTS) or (
            following is not None and following.format == frame.header.format
        )
        return frame if is_confirmed else _Verdict.JUNK

    def _seek(self) -> None:
        """Go on to the next position that may be a frame or a tag."""
        found = _PROMISING.search(self._buffer, self._position + 1)
        if found is None:
            position = max(self._position + 1, len(self._buffer) - _PROMISING_LENGTH + 1)
        else:
            position = found.start()
        self._junk += position - self._position
        self._position = position
        self._is_boundary = False
        self._follows_junk = True
        if self._last is None and self._junk > JUNK_LIMIT:
            raise MalformedMp3Error("no frame of MPEG audio layer III with a stated bitrate")


def tag_length(head: bytes) -> int | None:
    """Return how long the tag is that begins with these bytes; 0 where none does, None where more bytes are needed."""
    if head.startswith(_ID3V2):
        return _id3v2_length(head) if len(head) >= _ID3V2_HEADER_LENGTH else None
    if head.startswith(_ID3V1[0]):
        mark, length = _ID3V1_ENHANCED if head.startswith(_ID3V1_ENHANCED[0]) else _ID3V1
        return length if len(head) >= len(_ID3V1_ENHANCED[0]) or mark == _ID3V1_ENHANCED[0] else None
    if head.startswith(_APE):
        return _ape_length(head) if len(head) >= _APE_HEADER_LENGTH else None
    return None if any(tag.startswith(head) for tag in _TAGS) else 0


def _id3v2_length(head: bytes) -> int:
    """Return the length of an ID3v2 tag: seven bits a byte, without header and footer (ID3v2.4 structure, 3.1)."""
    if 0xFF in head[3:5] or any(byte & 0x80 for byte in head[6:10]):
        return 0
    size = sum(byte << 7 * place for place, byte in enumerate(reversed(head[6:10])))
    footer = _ID3V2_HEADER_LENGTH if head[5] & _ID3V2_HAS_FOOTER else 0
    return _ID3V2_HEADER_LENGTH + size + footer


def _ape_length(head: bytes) -> int:
    """Return the length of an APEv2 tag: its size counts items and footer; a footer alone stands for itself."""
    size, flags = int.from_bytes(head[12:16], "little"), int.from_bytes(head[20:24], "little")
    if size > TAG_LIMIT:
        return 0
    return _APE_HEADER_LENGTH + (size if flags & _APE_IS_HEADER else 0)


class Mp3Joiner:
    """Several MP3 streams become one.

    Tags (ID3v1, ID3v2, APEv2), Xing, Info and VBRI headers and everything else that is no frame are left out of every
    part. A frame of which main data is missing (the reservoir it points into belongs to another part, or was lost)
    would be decoded as noise: a silent one takes its place, so that the time stays right, and keeps its main data for
    the frames after it.

    Feed the bytes in any division; a frame leaves when it is complete. A minute of sound takes some 50 ms: whoever has
    long parts at once and must not block an event loop feeds them in pieces. A part that changes its format on the way
    (its server joined what does not belong together) is passed on as it is: losing words would be worse.
    """

    def __init__(self) -> None:
        """Begin without a part."""
        self.format: Mp3Format | None = None
        """Of the joined stream: that of its first frame."""
        self.part_format: Mp3Format | None = None
        """Of the part being fed, once its first frame is complete."""
        self._begin_part()

    def feed(self, data: bytes) -> bytes:
        """Take bytes of the part; return what can be passed on of the joined stream.

        Raises Mp3FormatChangedError where a following part cannot be joined as it is, and MalformedMp3Error where
        there is no frame within `JUNK_LIMIT` bytes. Then nothing of the part has left, it counts as over, and what is
        fed next begins another part: the same one converted, for instance.
        """
        return self._join(self._scanner.feed(data))

    def end_part(self) -> bytes:
        """Tell that the part is over; return what was held back. What is fed next begins another part.

        A last frame that is incomplete is dropped. Raises MalformedMp3Error where the part held no frame, and
        Mp3FormatChangedError as `feed` does where the part was too short for it.
        """
        joined = self._join(self._scanner.end())
        had_frames = self.part_format is not None
        self._begin_part()
        if not had_frames:
            raise MalformedMp3Error("no frame of MPEG audio layer III with a stated bitrate")
        return joined

    def _begin_part(self) -> None:
        self.part_format = None
        self._scanner = FrameScanner()
        self._reservoir = 0  # bytes of main data before the next frame that belong to this part

    def _join(self, frames: Iterator[Mp3Frame]) -> bytes:
        try:
            return b"".join([self._joined(frame) for frame in frames])
        except ValueError:
            self._begin_part()
            raise

    def _joined(self, frame: Mp3Frame) -> bytes:
        """Return what takes the place of a frame in the joined stream."""
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
