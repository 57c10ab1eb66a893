"""What is done to speech for a room: silence and chimes around it, another level, on the stream and in one pass."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from .chime import Chime
from .formats import PcmLayout
from .limiter import Limiter
from .loudness import Meter

PAUSE: Final = 0.15
"""Seconds between a chime and speech."""

_PIECE_BYTES = 16_384
"""How much is amplified or measured before others get their turn: a millisecond of work."""


@dataclass(frozen=True, slots=True)
class Effects:
    """What is put around speech."""

    lead_in: float = 0.0
    """Seconds of silence before everything, for speakers that swallow the beginning."""
    chime_before: Chime | None = None
    chime_after: Chime | None = None
    tail: float = 0.0
    """Seconds of silence after everything."""

    @property
    def chimes(self) -> tuple[Chime, ...]:
        """The chimes among them."""
        return tuple(chime for chime in (self.chime_before, self.chime_after) if chime)


async def applied(chunks: AsyncGenerator[bytes], layout: PcmLayout, effects: Effects) -> AsyncGenerator[bytes]:
    """Yield speech (16 bit samples, one or two channels) with effects.

    Lead-in and chime are yielded before the first chunk is asked for, so that they are heard while speech is made. That
    needs somebody who makes it meanwhile: give chunks that are prefetched, not a generator that begins when asked.

    Without effects, everything passes untouched. Chunks may be divided anywhere, and the result is the same to the bit;
    what is left of a sample at the end is dropped. Raises ValueError for a layout that effects can't be applied to.
    """
    async with aclosing(chunks):
        if effects == Effects():
            async for chunk in chunks:
                yield chunk
            return
        if layout.width != 2 or layout.channels not in (1, 2):
            raise ValueError("effects need 16 bit samples on one or two channels")
        for piece in before(layout, effects):
            yield piece
            await asyncio.sleep(0)
        async with aclosing(in_pieces(chunks, layout)) as spoken:
            async for piece in spoken:
                yield piece
        for piece in _after(layout, effects):
            yield piece
            await asyncio.sleep(0)


async def amplified(chunks: AsyncGenerator[bytes], layout: PcmLayout, gain_db: float) -> AsyncGenerator[bytes]:
    """Yield samples by so many dB louder or quieter, none of them above the limiter's ceiling."""
    limiter = Limiter(layout, gain_db)
    async with aclosing(in_pieces(chunks, layout)) as pieces:
        async for piece in pieces:
            if made := limiter.feed(piece):
                yield made
    if rest := limiter.end():
        yield rest


async def measured(chunks: AsyncGenerator[bytes], layout: PcmLayout, meter: Meter) -> AsyncGenerator[bytes]:
    """Yield samples as they are, and let a meter hear them."""
    async with aclosing(in_pieces(chunks, layout)) as pieces:
        async for piece in pieces:
            yield piece
            meter.feed(piece)


async def in_pieces(chunks: AsyncGenerator[bytes], layout: PcmLayout) -> AsyncGenerator[bytes]:
    """Yield samples in pieces that tear none apart, and that are worked on in a millisecond or two."""
    step = _PIECE_BYTES // layout.frame_size * layout.frame_size
    async with aclosing(whole_frames(chunks, layout)) as whole:
        async for samples in whole:
            for start in range(0, len(samples), step):
                if start:
                    await asyncio.sleep(0)
                yield samples[start : start + step]


async def whole_frames(chunks: AsyncGenerator[bytes], layout: PcmLayout) -> AsyncGenerator[bytes]:
    """Yield samples as they arrive, so that none is torn apart; what is left of one at the end is dropped."""
    size = layout.frame_size
    held = b""
    async with aclosing(chunks):
        async for chunk in chunks:
            waiting = held + chunk
            end = len(waiting) // size * size
            held = waiting[end:]
            if end:
                yield waiting[:end]


def before(layout: PcmLayout, effects: Effects) -> Generator[bytes]:
    """Yield what comes before speech. Raises ValueError where a chime can't be brought to the layout."""
    yield from _silence(layout, effects.lead_in)
    if effects.chime_before:
        yield from effects.chime_before.pieces(layout)
        yield from _silence(layout, PAUSE)


def _after(layout: PcmLayout, effects: Effects) -> Generator[bytes]:
    """Yield what comes after speech."""
    if effects.chime_after:
        yield from _silence(layout, PAUSE)
        yield from effects.chime_after.pieces(layout)
    yield from _silence(layout, effects.tail)


def _silence(layout: PcmLayout, seconds: float) -> Generator[bytes]:
    """Yield this many seconds of silence, if any."""
    if seconds > 0:
        yield bytes(round(layout.rate * seconds) * layout.frame_size)
