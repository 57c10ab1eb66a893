"""How long sound lasts, measured by decoding it: what its headers tell may be missing, unknown or wrong."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from .ffmpeg import ConversionError, convert
from .formats import RECOGNITION_BYTES, AudioFormat, PcmLayout, recognise

_COARSE: Final = PcmLayout(rate=8_000)
"""Samples that are only counted need not be many."""


async def seconds_of(sound: bytes, ffmpeg: str) -> float | None:
    """Return how many seconds a whole file lasts, None where it is no sound that can be decoded."""
    found = recognise(sound[:RECOGNITION_BYTES])
    if found is None:
        return None
    samples = convert(
        _once(sound), binary=ffmpeg, source=found, source_pcm=None, target=AudioFormat.PCM, target_pcm=_COARSE
    )
    length = 0
    try:
        async with aclosing(samples):
            async for chunk in samples:
                length += len(chunk)
    except ConversionError:
        return None
    return length / _COARSE.byte_rate


async def _once(sound: bytes) -> AsyncGenerator[bytes]:
    yield sound
