"""Raw PCM: whole frames, blocks for the event loop, and pauses."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from math import gcd
from typing import Final

import numpy as np
import numpy.typing as npt

from .formats import PcmLayout

_BLOCK_BYTES: Final = 16_384
MIN_PAUSE_S: Final = 0.15
"""Shortest silence after the last word; shorter ones occur within words."""
_MAX_PAUSE_AMPLITUDE: Final = 160
"""Largest amplitude of 16-bit samples in a pause between words: -46 dBFS."""
_MAX_RATIO_TERM: Final = 2048
"""Largest term of a rate ratio. Common rates need 1280 (11,025 to 32,000 Hz); larger terms take over 5 ms to set up."""


async def align_to_frames(samples: AsyncGenerator[bytes], layout: PcmLayout) -> AsyncGenerator[bytes]:
    """Yield whole frames as they arrive; an incomplete frame at the end is dropped."""
    pending = bytearray()
    async with aclosing(samples):
        async for block in samples:
            pending += block
            if frames := take_multiple(pending, layout.frame_size):
                yield frames


async def split_into_blocks(samples: AsyncGenerator[bytes], layout: PcmLayout) -> AsyncGenerator[bytes]:
    """Yield whole frames in the blocks of `blocks_of`, and let the event loop run between them."""
    async with aclosing(align_to_frames(samples, layout)) as aligned:
        async for frames in aligned:
            for number, block in enumerate(blocks_of(frames, layout)):
                if number:
                    await asyncio.sleep(0)
                yield block


def blocks_of(frames: bytes, layout: PcmLayout) -> Iterator[bytes]:
    """Yield whole frames in blocks that can each be processed in about a millisecond."""
    size = _BLOCK_BYTES // layout.frame_size * layout.frame_size
    for start in range(0, len(frames), size):
        yield frames[start : start + size]


def count_quiet_samples(samples: npt.NDArray[np.int16]) -> int:
    """Return the number of quiet samples at the end of 16-bit samples."""
    loud = np.flatnonzero((samples > _MAX_PAUSE_AMPLITUDE) | (samples < -_MAX_PAUSE_AMPLITUDE))
    return len(samples) - (int(loud[-1]) + 1 if len(loud) else 0)


def take_multiple(buffer: bytearray, size: int) -> bytes:
    """Remove as many bytes from a buffer as possible in multiples of a size, and return them."""
    end = len(buffer) // size * size
    taken = bytes(buffer[:end])
    del buffer[:end]
    return taken


def can_resample(source: PcmLayout, target: PcmLayout) -> bool:
    """Return whether `Resampler` converts one layout to the other.

    The source needs 16-bit samples, both layouts need one or two channels, and the rates need a simple ratio, as all
    common rates have.
    """
    if source == target:
        return True
    return (
        (source.width == 2 and 1 <= target.width <= 4)
        and {source.channels, target.channels} <= {1, 2}
        and min(source.rate, target.rate) > 0
        and max(source.rate, target.rate) // gcd(source.rate, target.rate) <= _MAX_RATIO_TERM
    )
