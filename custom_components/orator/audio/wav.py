"""WAV: headers for a known or unknown length, and the samples of a stream."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
import struct
from typing import Final

import numpy as np
import numpy.typing as npt

from .formats import PcmLayout, prepend

UNKNOWN_LENGTH: Final = 0xFFFFFFFF
"""Length in the header of a stream that is still being produced; a player that trusts it expects hours of audio."""
MAX_HEADER_BYTES: Final = 1024 * 1024
"""Maximum length of the data before the samples; a stream with more is rejected."""

_MIN_PLACEHOLDER_LENGTH: Final = 0x7000_0000
"""Lengths of at least this value mean "unknown": servers write 0xFFFFFFFF, 0x7FFFFFFF, 2,000,000,000 and values close
to them.

The smallest of them would be five hours of CD audio.
"""

_RIFF_IDS: Final = (b"RIFF", b"RF64")
_RIFF_HEADER: Final = struct.Struct("<4s4x4s")
_HEADER: Final = struct.Struct("<4sI4s4sIHHIIHH4sI")
_CHUNK: Final = struct.Struct("<4sI")
_FMT_CHUNK: Final = struct.Struct("<HHIIHH")
_MAX_FORMAT_BYTES: Final = 4096  # the longest in use, WAVE_FORMAT_EXTENSIBLE, has 40
_PCM: Final = 1
_IEEE_FLOAT: Final = 3
_EXTENSIBLE: Final = 0xFFFE
_ENCODINGS: Final = ((_PCM, 8), (_PCM, 16), (_PCM, 24), (_PCM, 32), (_IEEE_FLOAT, 32), (_IEEE_FLOAT, 64))
"""Supported formats and bits per sample."""
_SUBFORMAT: Final = struct.Struct("<H14s")
_SUBFORMAT_OFFSET: Final = 24
_SUBFORMAT_GUID_REST: Final = bytes.fromhex("000000001000800000aa00389b71")
"""Bytes after the format number in every KSDATAFORMAT_SUBTYPE of WAVE_FORMAT_EXTENSIBLE."""
_MAX_CHANNELS: Final = 32
_VALID_RATES: Final = range(1_000, 1_000_001)


class MalformedWavError(ValueError):
    """The bytes are not a WAV with samples that can be read."""


def make_header(layout: PcmLayout, data_length: int | None = None) -> bytes:
    """Return the 44-byte header for `data_length` bytes of samples, or for a stream of unknown length."""
    if data_length is None:
        riff_length = data_length = UNKNOWN_LENGTH
    else:
        riff_length = _HEADER.size - _CHUNK.size + data_length
    return _HEADER.pack(
        b"RIFF",
        riff_length,
        b"WAVE",
        b"fmt ",
        16,
        _PCM,
        layout.channels,
        layout.rate,
        layout.byte_rate,
        layout.frame_size,
        layout.width * 8,
        b"data",
        data_length,
    )


class WavReader:
    """Reader that returns the samples of a WAV stream as 16-bit PCM.

    Other chunks are skipped. A placeholder length means that samples continue to the end of the stream. If a server
    concatenated several files, the samples of all of them are returned.

    Both methods raise MalformedWavError if the stream is not a WAV, if its encoding is not supported (integers of 8,
    16, 24 and 32 bits and floats of 32 and 64 bits are), or if a file with another layout follows; samples that precede
    the error are returned first.
    """

    def __init__(self) -> None:
        """Initialize the reader before the header."""
        self.layout: PcmLayout | None = None
        """Layout of the returned samples, once the header has been read."""
        self._buffer = bytearray()
        self._encoding: _Encoding | None = None
        self._has_form = False
        self._has_samples = False
        self._is_in_samples = False
        self._remaining: int | None = None
        """Bytes to the end of the samples; None if they continue to the end of the stream."""
        self._padding = 0
        """Bytes after the samples that make the length of their chunk even."""
        self._skip = 0
        """Bytes to skip before the next chunk."""
        self._header_bytes = 0
        self._rf64_length = 0
        self._error: MalformedWavError | None = None

    @property
    def missing(self) -> int:
        """Bytes of samples that the header announces but that have not arrived; 0 if the length is unknown."""
        return self._remaining or 0

    def feed(self, data: bytes) -> bytes:
        """Return the samples of the stream that are complete on all channels."""
        if self._error:
            raise self._error
        self._buffer += data
        samples = bytearray()
        try:
            while self._advance(samples):
                pass
        except MalformedWavError as err:
            self._error = err
            if not samples:
                raise
        return bytes(samples)

    def finish(self) -> None:
        """End the stream; an incomplete frame is dropped."""
        if self._error:
            raise self._error
        if not self._has_samples:
            raise MalformedWavError("no data chunk")

    def _advance(self, samples: bytearray) -> bool:
        """Process the next part of the buffer; return whether another part may be complete."""
        if self._skip:
            skipped = min(self._skip, len(self._buffer))
            del self._buffer[:skipped]
            self._skip -= skipped
            return not self._skip
        if self._is_in_samples and self._encoding:
            return self._read_samples(samples, self._encoding)
        if not self._has_form:
            return self._read_form()
        return self._read_chunk()

    def _read_form(self) -> bool:
        if len(self._buffer) < _RIFF_HEADER.size:
            return False
        form, kind = _RIFF_HEADER.unpack_from(self._buffer)
        if form not in _RIFF_IDS or kind != b"WAVE":
            raise MalformedWavError("neither RIFF nor RF64 with WAVE in it")
        self._has_form = True
        self._skip = _RIFF_HEADER.size
        return True

    def _read_chunk(self) -> bool:
        """Read the header of a data chunk, or read and skip any other chunk; return whether more may be complete."""
        if len(self._buffer) < _CHUNK.size:
            return False
        name, length = _CHUNK.unpack_from(self._buffer)
        if name in _RIFF_IDS and self._has_samples:  # another file
            self._skip = _RIFF_HEADER.size
            self._rf64_length = 0
            return True
        if name == b"data":
            self._begin_samples(length)
            return True
        if name in (b"fmt ", b"ds64") and length <= _MAX_FORMAT_BYTES:
            if len(self._buffer) < _CHUNK.size + length:
                return False
            self._read_description(name, bytes(self._buffer[_CHUNK.size : _CHUNK.size + length]))
        self._skip = _CHUNK.size + length + length % 2
        if not self._has_samples:
            self._header_bytes += _CHUNK.size + length
            if self._header_bytes > MAX_HEADER_BYTES:
                raise MalformedWavError("no data chunk within the limit")
        return True

    def _read_description(self, name: bytes, body: bytes) -> None:
        """Read the encoding of the samples, or their length in RF64."""
        if name == b"ds64":
            self._rf64_length = int.from_bytes(body[8:16], "little")
            return
        self._encoding = _parse_format_chunk(body)
        if self.layout not in (None, self._encoding.layout):
            raise MalformedWavError("the layout changes")
        self.layout = self._encoding.layout

    def _begin_samples(self, length: int) -> None:
        """Begin the samples of a data chunk that states a length."""
        if self._encoding is None:
            raise MalformedWavError("no format chunk before the samples")
        self._has_samples = self._is_in_samples = True
        del self._buffer[: _CHUNK.size]
        if length == UNKNOWN_LENGTH and self._rf64_length:
            self._remaining = self._rf64_length
        else:
            self._remaining = None if length == 0 or length >= _MIN_PLACEHOLDER_LENGTH else length
        self._padding = (self._remaining or 0) % 2

    def _read_samples(self, samples: bytearray, encoding: _Encoding) -> bool:
        """Append the samples in the buffer; return whether the data chunk ends."""
        available = len(self._buffer) if self._remaining is None else min(len(self._buffer), self._remaining)
        whole = available - available % encoding.frame_size
        samples += encoding.to_s16(bytes(self._buffer[:whole]))
        del self._buffer[:whole]
        if self._remaining is None:
            return False
        self._remaining -= whole
        if self._remaining >= encoding.frame_size:
            return False
        self._is_in_samples = False
        self._skip = self._remaining + self._padding
        return True


async def open_wav(data: AsyncGenerator[bytes]) -> tuple[PcmLayout | None, AsyncGenerator[bytes]]:
    """Return the layout and the samples of a WAV stream, or None and the stream itself if only libav can read it.

    libav is slower: it returns nothing before it has 64 KiB of a WAV, which is more than a second of audio.

    Raises MalformedWavError if the stream ends before its samples; iterating over the samples raises it as well.
    """
    reader = WavReader()
    read = bytearray()
    try:
        async for block in data:
            read += block
            samples = reader.feed(block)
            if reader.layout:
                return reader.layout, _remaining_samples(reader, samples, data)
    except MalformedWavError:
        return None, prepend(bytes(read), data)
    raise MalformedWavError("no format chunk")


async def _remaining_samples(reader: WavReader, first: bytes, data: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """Yield the samples of a WAV whose header has been read."""
    async with aclosing(data):
        yield first
        async for block in data:
            yield reader.feed(block)
    reader.finish()


@dataclass(frozen=True, slots=True)
class _Encoding:
    """Encoding of the samples in a WAV."""

    is_float: bool
    bits: int
    layout: PcmLayout
    """Layout after conversion to 16 bits."""

    @property
    def frame_size(self) -> int:
        """Bytes per encoded frame."""
        return self.bits // 8 * self.layout.channels

    def to_s16(self, encoded: bytes) -> bytes:
        """Return samples as signed 16-bit samples, rounded and clipped."""
        if self.is_float:
            numbers = np.nan_to_num(np.frombuffer(encoded, f"<f{self.bits // 8}"), posinf=1.0, neginf=-1.0)
            scaled: npt.NDArray[np.float64] = np.rint(numbers.clip(-1.0, 1.0).astype(np.float64) * 0x8000)
            return scaled.clip(-0x8000, 0x7FFF).astype("<i2").tobytes()
        if self.bits == 16:
            return encoded
        if self.bits == 8:
            centred = np.frombuffer(encoded, np.uint8).astype(np.int16) - 0x80
            return (centred << 8).astype("<i2").tobytes()
        octets = np.frombuffer(encoded, np.uint8).reshape(-1, self.bits // 8)
        wide = np.zeros((len(octets), 4), np.uint8)
        wide[:, 4 - self.bits // 8 :] = octets
        halves: npt.NDArray[np.int32] = wide.view("<i4") >> 15
        rounded: npt.NDArray[np.int32] = (halves + 1) >> 1
        return rounded.clip(-0x8000, 0x7FFF).astype("<i2").tobytes()


def _parse_format_chunk(body: bytes) -> _Encoding:
    """Parse a format chunk: WAVEFORMATEX or WAVEFORMATEXTENSIBLE."""
    if len(body) < _FMT_CHUNK.size:
        raise MalformedWavError("the format chunk is too short")
    number, channels, rate, _, _, bits = _FMT_CHUNK.unpack_from(body)
    if number == _EXTENSIBLE and len(body) >= _SUBFORMAT_OFFSET + _SUBFORMAT.size:
        subformat, rest = _SUBFORMAT.unpack_from(body, _SUBFORMAT_OFFSET)
        number = subformat if rest == _SUBFORMAT_GUID_REST else number
    if (number, bits) not in _ENCODINGS or not 1 <= channels <= _MAX_CHANNELS or rate not in _VALID_RATES:
        raise MalformedWavError(f"samples of format {number} with {bits} bits, {channels} channels and {rate} Hz")
    return _Encoding(number == _IEEE_FLOAT, bits, PcmLayout(rate, channels))
