"""Effects applied to speech: silence, chimes and gain."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from . import wav
from .conversion import load_resampler
from .formats import PcmLayout
from .limiter import Limiter
from .loudness_meter import LoudnessMeter, measure_loudness
from .pcm import blocks_of, split_into_blocks

CHIME_LUFS: Final = -20.0
"""Loudness of every chime in LUFS, typical of a voice. The built-in chimes are at this loudness already."""
MAX_CHIME_S: Final = 15.0
"""Maximum duration of a chime: speech waits until the chime has ended."""
MAX_CLIP_S: Final = 30.0
"""Maximum duration of a recording within a text."""
CHIME_PAUSE_S: Final = 0.15
"""Pause between a chime and speech."""

_CHIME_FOLDER: Final = Path(__file__).parent / "sounds"
_FADE_IN_S: Final = 0.002
"""Shortest fade that avoids a click at the start of a chime."""
_FADE_OUT_S: Final = 0.02
"""Shortest fade that avoids a click at the end of a chime."""


class BuiltInChime(StrEnum):
    """Names of the built-in chimes."""

    DING_DONG = "ding_dong"
    THREE_TONE = "three_tone"
    SOFT = "soft"
    ALERT = "alert"
    ALARM = "alarm"


class UnusableChimeError(ValueError):
    """Audio that cannot be a chime: too long, silent or in an unsupported layout."""


@dataclass(frozen=True, slots=True)
class Chime:
    """A chime as 16-bit samples that begin and end in silence."""

    samples: bytes
    layout: PcmLayout
    lufs: float = CHIME_LUFS
    """Loudness in LUFS."""

    @property
    def seconds(self) -> float:
        """Duration in seconds."""
        return len(self.samples) / self.layout.byte_rate

    async def convert(self, layout: PcmLayout) -> AsyncGenerator[bytes]:
        """Yield the samples in another layout, in blocks that each take about a millisecond to convert.

        Raises ValueError if `can_resample` is false for the layouts.
        """
        if layout == self.layout:
            for block in blocks_of(self.samples, layout):
                yield block
            return
        resampler = (await load_resampler())(self.layout, layout)
        for block in blocks_of(self.samples, self.layout):
            yield resampler.feed(block)
            await asyncio.sleep(0)
        if rest := resampler.finish():
            yield rest

    def with_loudness(self, lufs: float) -> Chime:
        """Return the chime at a loudness. Blocks for a few milliseconds per second of audio."""
        limiter = Limiter(self.layout, lufs - self.lufs)
        return Chime(limiter.feed(self.samples) + limiter.finish(), self.layout, lufs)


def load_built_in_chime(name: BuiltInChime) -> Chime:
    """Load a built-in chime from its file. Blocks."""
    reader = wav.WavReader()
    samples = reader.feed((_CHIME_FOLDER / f"{name}.wav").read_bytes())
    if reader.layout is None:
        raise wav.MalformedWavError("the header is incomplete")
    return Chime(samples, reader.layout)


def make_chime(samples: bytes, layout: PcmLayout, max_seconds: float = MAX_CHIME_S) -> Chime:
    """Make a chime, or a recording within a text, from 16-bit samples: normalize the loudness and fade both ends.

    Blocks for a few milliseconds per second of audio. Raises UnusableChimeError.
    """
    if not _is_supported_layout(layout):
        raise UnusableChimeError("a chime needs 16-bit samples on one or two channels")
    if len(samples) > max_seconds * layout.byte_rate:
        raise UnusableChimeError("too long")
    lufs = measure_loudness(samples, layout)
    if lufs is None:
        raise UnusableChimeError("silent")
    return Chime(_fade(samples, layout), layout, lufs).with_loudness(CHIME_LUFS)


def _is_supported_layout(layout: PcmLayout) -> bool:
    """Return whether chimes and effects support a layout: 16-bit samples on one or two channels."""
    return layout.width == 2 and layout.channels in (1, 2)


def _fade(samples: bytes, layout: PcmLayout) -> bytes:
    """Return 16-bit samples faded in and out, without an incomplete frame."""
    frames = len(samples) // layout.frame_size
    numbers = np.frombuffer(samples, "<i2", frames * layout.channels).reshape(-1, layout.channels)
    from_start = np.arange(frames)[:, np.newaxis] / ceil(_FADE_IN_S * layout.rate)
    from_end = np.arange(frames)[::-1, np.newaxis] / ceil(_FADE_OUT_S * layout.rate)
    faded: npt.NDArray[np.int16] = np.rint(numbers * np.minimum(1, np.minimum(from_start, from_end))).astype("<i2")
    return faded.tobytes()


@dataclass(frozen=True, slots=True)
class Effects:
    """Silence and chimes before and after speech."""

    lead_in_s: float = 0.0
    """Seconds of silence before everything else, for speakers that cut off the beginning."""
    chime_before: Chime | None = None
    chime_after: Chime | None = None
    tail_s: float = 0.0
    """Seconds of silence after everything else."""

    @property
    def chimes(self) -> tuple[Chime, ...]:
        """Chimes before and after speech."""
        return tuple(chime for chime in (self.chime_before, self.chime_after) if chime)


async def with_effects(samples: AsyncGenerator[bytes], layout: PcmLayout, effects: Effects) -> AsyncGenerator[bytes]:
    """Yield 16-bit speech on one or two channels with effects before and after it.

    The lead-in and the chime are yielded before any speech is requested, so they play while speech is being
    generated if it is prefetched. Without effects, all samples pass unchanged. An incomplete frame at the end
    is dropped.

    Raises ValueError for a layout that effects do not support.
    """
    async with aclosing(samples):
        if effects == Effects():
            async for block in samples:
                yield block
            return
        if not _is_supported_layout(layout):
            raise ValueError("effects need 16-bit samples on one or two channels")
        async for block in lead_in_and_chime(layout, effects):
            yield block
        async with aclosing(split_into_blocks(samples, layout)) as speech:
            async for block in speech:
                yield block
        async for block in chime_and_tail(layout, effects):
            yield block


async def amplify(
    samples: AsyncGenerator[bytes], layout: PcmLayout, gain_db: float, meter: LoudnessMeter | None = None
) -> AsyncGenerator[bytes]:
    """Yield 16-bit samples amplified by a `Limiter`; the meter measures them before the gain."""
    limiter = Limiter(layout, gain_db)
    async with aclosing(measure(samples, layout, meter)) as blocks:
        async for block in blocks:
            if amplified := limiter.feed(block):
                yield amplified
    if rest := limiter.finish():
        yield rest


async def measure(
    samples: AsyncGenerator[bytes], layout: PcmLayout, meter: LoudnessMeter | None
) -> AsyncGenerator[bytes]:
    """Yield samples in blocks, each of which a meter then measures, if there is one."""
    async with aclosing(split_into_blocks(samples, layout)) as blocks:
        async for block in blocks:
            yield block
            if meter:
                meter.feed(block)


async def lead_in_and_chime(layout: PcmLayout, effects: Effects) -> AsyncGenerator[bytes]:
    """Yield the effects before speech. Raises ValueError if the chime cannot be converted to the layout."""
    if effects.lead_in_s:
        yield make_silence(layout, effects.lead_in_s)
    if effects.chime_before:
        async for block in effects.chime_before.convert(layout):
            yield block
        yield make_silence(layout, CHIME_PAUSE_S)


async def chime_and_tail(layout: PcmLayout, effects: Effects) -> AsyncGenerator[bytes]:
    """Yield the effects after speech."""
    if effects.chime_after:
        yield make_silence(layout, CHIME_PAUSE_S)
        async for block in effects.chime_after.convert(layout):
            yield block
    if effects.tail_s:
        yield make_silence(layout, effects.tail_s)


def make_silence(layout: PcmLayout, seconds: float) -> bytes:
    """Return silence."""
    return bytes(round(layout.rate * seconds) * layout.frame_size)
