"""WAV: headers for audio of known and of unknown length, samples taken out."""

from collections.abc import AsyncGenerator, AsyncIterator, Generator
from dataclasses import dataclass
import struct

import numpy as np
import numpy.typing as npt

from .formats import PcmLayout

UNKNOWN_LENGTH = 0xFFFFFFFF
"""The length in the header of a WAV that is still being made; a player that trusts it sees hours of audio."""

HEADER_LIMIT = 1024 * 1024
"""Bytes before the samples, after which a stream counts as no WAV."""

_PLACEHOLDER_LENGTH = 0x7000_0000
"""A length from here on means "unknown": servers write 0xFFFFFFFF, 0x7FFFFFFF, 2,000,000,000 and what is near them.

Believed, the least of them would be five hours of CD sound.
"""

_FORMS = (b"RIFF", b"RF64")
_FORM = struct.Struct("<4s4x4s")
_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_CHUNK = struct.Struct("<4sI")
_DESCRIPTION = struct.Struct("<HHIIHH")
_DESCRIPTION_LIMIT = 4096  # the longest in use, WAVE_FORMAT_EXTENSIBLE, is 40 bytes
_PCM = 1
_IEEE_FLOAT = 3
_EXTENSIBLE = 0xFFFE
_KINDS = ((_PCM, 8), (_PCM, 16), (_PCM, 24), (_PCM, 32), (_IEEE_FLOAT, 32), (_IEEE_FLOAT, 64))
"""The formats that are read, with the bits of a sample."""
_SUBFORMAT = struct.Struct("<H14s")
_SUBFORMAT_START = 24
_SUBFORMAT_REST = bytes.fromhex("000000001000800000aa00389b71")
"""What follows the number of the format in each KSDATAFORMAT_SUBTYPE of WAVE_FORMAT_EXTENSIBLE."""


_CHANNELS = range(1, 33)
_RATES = range(1_000, 1_000_001)
"""Beyond these a header is not of speech, and what is done by the second would fill the memory."""


class MalformedWavError(ValueError):
    """The bytes are no WAV file with samples in it."""


def header(layout: PcmLayout, data_length: int | None = None) -> bytes:
    """Return the 44 bytes before `data_length` bytes of samples; without a length, before a stream that goes on."""
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
    """Takes the samples out of a WAV stream, as 16 bit signed ones.

    Feed the bytes in any division. Chunks before and after the samples are passed over; a length that is a placeholder
    stands for everything until the end of the stream. Where a server set one WAV after another, all are read.

    Both methods raise MalformedWavError where there is no WAV, where its samples are of a kind that is not read
    (integers of 8, 16, 24 or 32 bits and floats of 32 or 64 bits are), or where a WAV with another layout follows;
    what came before it is returned first.
    """

    def __init__(self) -> None:
        """Begin before the header."""
        self.layout: PcmLayout | None = None
        """Of the samples returned; known once the header has been read."""
        self.missing = 0
        """Bytes of samples that were promised and have not come yet; 0 where no length was stated."""
        self._buffer = bytearray()
        self._samples: list[bytes] = []
        self._encoding: _Encoding | None = None
        self._is_found = False  # whether there was a chunk of samples
        self._header_length = 0
        self._true_length = 0  # of the samples, where the lengths of RF64 are stated
        self._error: MalformedWavError | None = None
        self._reading = self._read()

    def feed(self, data: bytes) -> bytes:
        """Take bytes of the stream; return the samples that are complete on all channels."""
        if self._error:
            raise self._error
        self._buffer += data
        self._samples.clear()
        try:
            next(self._reading)
        except MalformedWavError as err:
            self._error = err
        samples = b"".join(self._samples)
        if self._error and not samples:
            raise self._error
        return samples

    def end(self) -> bytes:
        """Tell that the stream is over. What has not left is less than a sample on all channels, and is dropped."""
        if self._error:
            raise self._error
        if not self._is_found:
            raise MalformedWavError("no data chunk")
        self._buffer.clear()
        return b""

    def _read(self) -> Generator[None]:
        """Read the stream from its beginning; every yield waits for more bytes."""
        form, kind = _FORM.unpack((yield from self._take(_FORM.size)))
        if form not in _FORMS or kind != b"WAVE":
            raise MalformedWavError("neither RIFF nor RF64 with WAVE in it")
        while True:
            name, length = _CHUNK.unpack((yield from self._take(_CHUNK.size)))
            if name in _FORMS and self._is_found:
                yield from self._pass_over(_FORM.size - _CHUNK.size)
                self._true_length = 0
                continue
            if name == b"data":
                yield from self._read_samples(length)
            else:
                yield from self._read_other(name, length)
            yield from self._pass_over(length % 2)

    def _take(self, length: int) -> Generator[None, None, bytes]:
        """Return this many bytes."""
        while len(self._buffer) < length:
            yield
        taken = bytes(self._buffer[:length])
        del self._buffer[:length]
        return taken

    def _pass_over(self, length: int) -> Generator[None]:
        """Drop this many bytes without keeping them together."""
        while length > len(self._buffer):
            length -= len(self._buffer)
            self._buffer.clear()
            yield
        del self._buffer[:length]

    def _read_other(self, name: bytes, length: int) -> Generator[None]:
        """Read a chunk that describes the samples; pass over any other."""
        if not self._is_found:
            self._header_length += _CHUNK.size + length
            if self._header_length > HEADER_LIMIT:
                raise MalformedWavError("no data chunk within the limit")
        if name not in (b"fmt ", b"ds64") or length > _DESCRIPTION_LIMIT:
            yield from self._pass_over(length)
            return
        body = yield from self._take(length)
        if name == b"ds64":
            self._true_length = int.from_bytes(body[8:16], "little")
            return
        self._encoding = _parse_description(body)
        if self.layout not in (None, self._encoding.layout):
            raise MalformedWavError("the layout changes on the way")
        self.layout = self._encoding.layout

    def _read_samples(self, length: int) -> Generator[None]:
        """Read a chunk of samples that claims to be this long."""
        if self._encoding is None:
            raise MalformedWavError("samples without a description")
        self._is_found = True
        rest: int | None = length
        if length == UNKNOWN_LENGTH and self._true_length:
            rest = self._true_length
        elif length == 0 or length >= _PLACEHOLDER_LENGTH:
            rest = None
        frame_size = self._encoding.frame_size
        while rest is None or rest >= frame_size:
            present = len(self._buffer) if rest is None else min(len(self._buffer), rest)
            whole = present - present % frame_size
            self._samples.append(self._encoding.to_s16(bytes(self._buffer[:whole])))
            del self._buffer[:whole]
            if rest is not None:
                rest -= whole
                self.missing = rest
            if rest is None or rest >= frame_size:
                yield
        yield from self._pass_over(rest)


async def unwrapped(chunks: AsyncIterator[bytes]) -> tuple[PcmLayout | None, AsyncGenerator[bytes]]:
    """Return how the samples of a WAV lie, and these as they arrive; None and the WAV itself where it is not read here.

    ffmpeg may be able to read that. It takes 64 KiB of any WAV before anything comes out, over a second.

    Raises MalformedWavError where the WAV ends before its samples are described, and so do the samples on the way.
    """
    reader = WavReader()
    seen = bytearray()
    try:
        async for chunk in chunks:
            seen += chunk
            samples = reader.feed(chunk)
            if reader.layout:
                return reader.layout, _samples(reader, samples, chunks)
    except MalformedWavError:
        return None, _rejoined(bytes(seen), chunks)
    raise MalformedWavError("no description of samples")


async def _samples(reader: WavReader, first: bytes, chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """Yield the samples of a WAV of which the description has been read."""
    yield first
    async for chunk in chunks:
        yield reader.feed(chunk)
    reader.end()


async def _rejoined(first: bytes, chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """Yield what has been read already, and then the rest."""
    yield first
    async for chunk in chunks:
        yield chunk


@dataclass(frozen=True, slots=True)
class _Encoding:
    """How the samples of a WAV are stored."""

    is_float: bool
    bits: int
    layout: PcmLayout
    """Of the samples once they are 16 bit signed ones."""

    @property
    def frame_size(self) -> int:
        """Bytes of one stored sample on all channels."""
        return self.bits // 8 * self.layout.channels

    def to_s16(self, stored: bytes) -> bytes:
        """Return samples as 16 bit signed ones: rounded, not cut; what is too loud becomes the loudest there is."""
        if self.is_float:
            numbers = np.nan_to_num(np.frombuffer(stored, f"<f{self.bits // 8}"), posinf=1.0, neginf=-1.0)
            scaled: npt.NDArray[np.float64] = np.rint(numbers.clip(-1.0, 1.0).astype(np.float64) * 0x8000)
            return scaled.clip(-0x8000, 0x7FFF).astype("<i2").tobytes()
        if self.bits == 16:
            return stored
        if self.bits == 8:
            centred = np.frombuffer(stored, np.uint8).astype(np.int16) - 0x80
            return (centred << 8).astype("<i2").tobytes()
        octets = np.frombuffer(stored, np.uint8).reshape(-1, self.bits // 8)
        wide = np.zeros((len(octets), 4), np.uint8)
        wide[:, 4 - self.bits // 8 :] = octets
        halves: npt.NDArray[np.int32] = wide.view("<i4") >> 15
        rounded: npt.NDArray[np.int32] = (halves + 1) >> 1
        return rounded.clip(-0x8000, 0x7FFF).astype("<i2").tobytes()


def _parse_description(body: bytes) -> _Encoding:
    """Read a format chunk: WAVEFORMATEX, or WAVEFORMATEXTENSIBLE around it."""
    if len(body) < _DESCRIPTION.size:
        raise MalformedWavError("the description of the samples is cut off")
    kind, channels, rate, _, _, bits = _DESCRIPTION.unpack_from(body)
    if kind == _EXTENSIBLE and len(body) >= _SUBFORMAT_START + _SUBFORMAT.size:
        subformat, rest = _SUBFORMAT.unpack_from(body, _SUBFORMAT_START)
        kind = subformat if rest == _SUBFORMAT_REST else kind
    if (kind, bits) not in _KINDS or channels not in _CHANNELS or rate not in _RATES:
        raise MalformedWavError(f"samples of format {kind} with {bits} bits, {channels} channels and {rate} Hz")
    return _Encoding(kind == _IEEE_FLOAT, bits, PcmLayout(rate, channels))
