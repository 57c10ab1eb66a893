"""Sounds before and after speech: the built-in ones, and the user's own brought to their kind."""

from collections.abc import Generator
from dataclasses import dataclass
from enum import StrEnum
from math import ceil
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from . import wav
from .formats import PcmLayout
from .limiter import Limiter
from .resample import Resampler

LOUDNESS: Final = -20.0
"""LUFS of every chime, as loud as a voice usually is: the built-in ones are made so, one's own are brought to it."""
MAX_SECONDS: Final = 15.0
"""How long a user's own sound may be: speech waits until it is over."""

_SOUNDS = Path(__file__).parent / "sounds"
_FADE_IN_SECONDS = 0.002
_FADE_OUT_SECONDS = 0.02
"""What a sound that begins or ends all of a sudden needs in order not to click."""
_PIECE_SECONDS = 0.1


class BuiltIn(StrEnum):
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
    lufs: float = LOUDNESS
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
        if rest := resampler.end():
            yield rest

    def at(self, lufs: float) -> Chime:
        """Return the same at another loudness. Takes some milliseconds a second of sound: not for an event loop."""
        limiter = Limiter(self.layout, lufs - self.lufs)
        return Chime(limiter.feed(self.samples) + limiter.end(), self.layout, lufs)


def built_in(name: BuiltIn) -> Chime:
    """Load a built-in chime. Reads a file: not for an event loop."""
    reader = wav.WavReader()
    samples = reader.feed((_SOUNDS / f"{name}.wav").read_bytes())
    if reader.layout is None:
        raise wav.MalformedWavError("the header is not complete")
    return Chime(samples, reader.layout)


def own(samples: bytes, layout: PcmLayout, lufs: float | None) -> Chime:
    """Make a chime of a user's own sound: as loud as the others, without a click at either end.

    `lufs` is how loud it is, None where nothing is to be heard. Takes some milliseconds a second of sound: not for an
    event loop. Raises UnusableChimeError.
    """
    if layout.width != 2 or layout.channels not in (1, 2):
        raise UnusableChimeError("only 16 bit samples on one or two channels make a chime")
    if len(samples) > MAX_SECONDS * layout.byte_rate:
        raise UnusableChimeError("too long")
    if lufs is None:
        raise UnusableChimeError("nothing is to be heard")
    whole = samples[: len(samples) // layout.frame_size * layout.frame_size]
    return Chime(_faded(whole, layout), layout, lufs).at(LOUDNESS)


def _faded(samples: bytes, layout: PcmLayout) -> bytes:
    """Return a sound that comes from silence and goes there."""
    numbers = np.frombuffer(samples, "<i2").reshape(-1, layout.channels)
    from_start = np.arange(len(numbers))[:, np.newaxis] / ceil(_FADE_IN_SECONDS * layout.rate)
    from_end = np.arange(len(numbers))[::-1, np.newaxis] / ceil(_FADE_OUT_SECONDS * layout.rate)
    faded: npt.NDArray[np.int16] = np.rint(numbers * np.minimum(1, np.minimum(from_start, from_end))).astype("<i2")
    return faded.tobytes()
