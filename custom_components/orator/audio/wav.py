"""WAV headers: written for audio of known and of unknown length, and mended where a server left the length out."""

import struct

from .formats import PcmLayout

UNKNOWN_LENGTH = 0xFFFFFFFF
"""The length in the header of a WAV that is still being made; a player that trusts it sees hours of audio."""

_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_CHUNK = struct.Struct("<4sI")
_PCM = 1


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


def with_true_lengths(wav: bytes) -> bytes:
    """Return a complete WAV file with the lengths its bytes really have.

    Servers that stream put 0, 0xFFFFFFFF or another placeholder there. What follows samples of a believable length
    (other chunks) is kept.

    Raises MalformedWavError where there is no data chunk.
    """
    position = 12
    while position + _CHUNK.size <= len(wav):
        name, length = _CHUNK.unpack_from(wav, position)
        start = position + _CHUNK.size
        if name == b"data":
            return _with_data_length(wav, start, length)
        position = start + length + length % 2
    msg = "no data chunk"
    raise MalformedWavError(msg)


def _with_data_length(wav: bytes, start: int, length: int) -> bytes:
    """Correct the lengths of a file whose samples begin at `start` and claim to be `length` bytes."""
    present = len(wav) - start
    if length == 0 or length > present:
        length = present
    mended = bytearray(wav)
    struct.pack_into("<I", mended, 4, len(wav) - _CHUNK.size)
    struct.pack_into("<I", mended, start - 4, length)
    return bytes(mended)
