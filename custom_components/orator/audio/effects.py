"""Sounds before and after speech: the built-in ones, and the user's own brought to their kind."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing
from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from . import wav
from .formats import PcmLayout
from .loudness import LoudnessMeter, measure_loudness
from .pcm import Limiter, Resampler, split_into_blocks

CHIME_LUFS: Final = -20.0
"""LUFS of every chime, as loud as a voice usually is: the built-in ones are made so, one's own are brought to it."""
MAX_CHIME_S: Final = 15.0
"""How long a user's own sound may be: speech waits until it is over."""

_SOUNDS = Path(__file__).parent / "sounds"
_FADE_IN_SECONDS = 0.002
_FADE_OUT_SECONDS = 0.02
"""What a sound that begins or ends all of a sudden needs in order not to click."""
_PIECE_SECONDS = 0.1


class BuiltInChime(StrEnum):
    """The names of the built-in chimes."""

    DING_DONG = "ding_dong"
    THREE_TONE = "three_tone"
    SOFT = "soft"
    ALERT = "alert"
    ALARM = "alarm"


class UnusableChimeError(ValueError):
    """A sound can't be a chime: it is silent, too long, or of a layout that is not read."""


@dataclass(frozen=True, slots=True)
class Chime:
    """A sound to be played with speech, as 16 bit samples that begin and end in silence."""

    samples: bytes
    layout: PcmLayout
    lufs: float = CHIME_LUFS
    """How loud it is."""

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.samples) / self.layout.byte_rate

    def pieces(self, layout: PcmLayout) -> Generator[bytes]:
        """Yield the samples in another layout, a tenth of a second at a time: to make one takes a millisecond or two.

        Raises ValueError where `Resampler` does.
        """
        resampler = Resampler(self.layout, layout)
        step = int(self.layout.rate * _PIECE_SECONDS) * self.layout.frame_size
        for start in range(0, len(self.samples), step):
            yield resampler.feed(self.samples[start : start + step])
        if rest := resampler.finish():
            yield rest

    def at(self, lufs: float) -> Chime:
        """Return the same at another loudness. Takes some milliseconds a second of sound: not for an event loop."""
        limiter = Limiter(self.layout, lufs - self.lufs)
        return Chime(limiter.feed(self.samples) + limiter.finish(), self.layout, lufs)


def load_built_in_chime(name: BuiltInChime) -> Chime:
    """Load a built-in chime. Reads a file: not for an event loop."""
    reader = wav.WavReader()
    samples = reader.feed((_SOUNDS / f"{name}.wav").read_bytes())
    if reader.layout is None:
        raise wav.MalformedWavError("the header is not complete")
    return Chime(samples, reader.layout)


def make_chime(samples: bytes, layout: PcmLayout) -> Chime:
    """Make a chime of a user's own sound: as loud as the others, without a click at either end.

    Takes some milliseconds a second of sound: not for an event loop. Raises UnusableChimeError.
    """
    if layout.width != 2 or layout.channels not in (1, 2):
        raise UnusableChimeError("only 16 bit samples on one or two channels make a chime")
    if len(samples) > MAX_CHIME_S * layout.byte_rate:
        raise UnusableChimeError("too long")
    lufs = measure_loudness(samples, layout)
    if lufs is None:
        raise UnusableChimeError("nothing is to be heard")
    whole = samples[: len(samples) // layout.frame_size * layout.frame_size]
    return Chime(_faded(whole, layout), layout, lufs).at(CHIME_LUFS)


def _faded(samples: bytes, layout: PcmLayout) -> bytes:
    """Return a sound that comes from silence and goes there."""
    numbers = np.frombuffer(samples, "<i2").reshape(-1, layout.channels)
    from_start = np.arange(len(numbers))[:, np.newaxis] / ceil(_FADE_IN_SECONDS * layout.rate)
    from_end = np.arange(len(numbers))[::-1, np.newaxis] / ceil(_FADE_OUT_SECONDS * layout.rate)
    faded: npt.NDArray[np.int16] = np.rint(numbers * np.minimum(1, np.minimum(from_start, from_end))).astype("<i2")
    return faded.tobytes()


CHIME_PAUSE_S: Final = 0.15
"""Seconds between a chime and speech."""


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


async def with_effects(chunks: AsyncGenerator[bytes], layout: PcmLayout, effects: Effects) -> AsyncGenerator[bytes]:
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
        for piece in lead_in_and_chime(layout, effects):
            yield piece
            await asyncio.sleep(0)
        async with aclosing(split_into_blocks(chunks, layout)) as spoken:
            async for piece in spoken:
                yield piece
        for piece in _chime_and_tail(layout, effects):
            yield piece
            await asyncio.sleep(0)


async def amplify(chunks: AsyncGenerator[bytes], layout: PcmLayout, gain_db: float) -> AsyncGenerator[bytes]:
    """Yield samples by so many dB louder or quieter, none of them above the limiter's ceiling."""
    limiter = Limiter(layout, gain_db)
    async with aclosing(split_into_blocks(chunks, layout)) as pieces:
        async for piece in pieces:
            if made := limiter.feed(piece):
                yield made
    if rest := limiter.finish():
        yield rest


async def measure_while_passing(
    chunks: AsyncGenerator[bytes], layout: PcmLayout, meter: LoudnessMeter
) -> AsyncGenerator[bytes]:
    """Yield samples as they are, and let a meter hear them."""
    async with aclosing(split_into_blocks(chunks, layout)) as pieces:
        async for piece in pieces:
            yield piece
            meter.feed(piece)


def lead_in_and_chime(layout: PcmLayout, effects: Effects) -> Generator[bytes]:
    """Yield what comes before speech. Raises ValueError where a chime can't be brought to the layout."""
    yield from _silence(layout, effects.lead_in)
    if effects.chime_before:
        yield from effects.chime_before.pieces(layout)
        yield from _silence(layout, CHIME_PAUSE_S)


def _chime_and_tail(layout: PcmLayout, effects: Effects) -> Generator[bytes]:
    """Yield what comes after speech."""
    if effects.chime_after:
        yield from _silence(layout, CHIME_PAUSE_S)
        yield from effects.chime_after.pieces(layout)
    yield from _silence(layout, effects.tail)


def _silence(layout: PcmLayout, seconds: float) -> Generator[bytes]:
    """Yield this many seconds of silence, if any."""
    if seconds > 0:
        yield bytes(round(layout.rate * seconds) * layout.frame_size)
