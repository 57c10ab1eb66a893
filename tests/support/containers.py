"""Tags of MP3 files and chunks of WAV files, built byte by byte."""

import struct

ID3V1 = b"TAG" + b"A title".ljust(125, b"\0")


def id3v2(size: int, *, has_footer: bool = False) -> bytes:
    """Return an ID3v2 tag that contains apparent frames."""
    length = bytes(size >> 7 * place & 0x7F for place in (3, 2, 1, 0))
    flags = bytes([0x10 if has_footer else 0])
    footer = b"3DI\x04\x00" + flags + length if has_footer else b""
    return b"ID3\x04\x00" + flags + length + (b"\xff\xfb\x90\x64" * size)[:size] + footer


def ape(items: bytes, *, has_header: bool = True) -> bytes:
    """Return an APEv2 tag."""

    def edge(flags: int) -> bytes:
        numbers = (2000, len(items) + 32, 1, flags)
        return b"APETAGEX" + b"".join(number.to_bytes(4, "little") for number in numbers) + bytes(8)

    return (edge(0xA000_0000) if has_header else b"") + items + edge(0x8000_0000 if has_header else 0)


def vbri(frame: bytes) -> bytes:
    """Return a frame that holds a VBRI header (Fraunhofer)."""
    index = b"VBRI" + bytes(22)
    return frame[:4] + bytes(32) + index + bytes(len(frame) - 36 - len(index))


def chunk(name: bytes, body: bytes, length: int | None = None) -> bytes:
    """Return a chunk, padded to an even length."""
    return struct.pack("<4sI", name, len(body) if length is None else length) + body + bytes(len(body) % 2)


def description(kind: int = 1, channels: int = 1, rate: int = 24_000, bits: int = 16, more: bytes = b"") -> bytes:
    """Return a format chunk."""
    size = channels * bits // 8
    return chunk(b"fmt ", struct.pack("<HHIIHH", kind, channels, rate, rate * size, size, bits) + more)


def extensible(kind: int, bits: int, rest: str = "000000001000800000aa00389b71") -> bytes:
    """Return a WAVE_FORMAT_EXTENSIBLE format chunk."""
    return description(0xFFFE, bits=bits, more=struct.pack("<HHIH", 22, bits, 4, kind) + bytes.fromhex(rest))


def riff(*chunks: bytes, length: int = 0xFFFFFFFF, form: bytes = b"RIFF") -> bytes:
    """Return a WAV of these chunks."""
    return struct.pack("<4sI4s", form, length, b"WAVE") + b"".join(chunks)


LIST = chunk(b"LIST", b"INFOISFT" + struct.pack("<I", 3) + b"abc")
