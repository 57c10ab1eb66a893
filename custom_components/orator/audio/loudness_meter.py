"""Integrated loudness according to ITU-R BS.1770 and EBU R 128."""

from dataclasses import dataclass
from functools import lru_cache
from math import log10
from typing import Final

import numpy as np
import numpy.typing as npt

from .formats import PcmLayout
from .pcm import take_multiple

MAX_MEASURED_S: Final = 30.0
"""Maximum number of seconds measured, from the start of the audio."""

_HOPS_PER_SECOND: Final = 10
_BLOCK_HOPS: Final = 4
"""Hops in a gating block: 400 ms, overlapping by 75 %."""
_OFFSET_LUFS: Final = -0.691
_ABSOLUTE_GATE: Final = 10 ** ((-70 - _OFFSET_LUFS) / 10)
"""Power of a block at -70 LUFS."""
_RELATIVE_GATE: Final = 0.1
"""-10 LU."""

_FILTER_RATE: Final = 48_000
_FILTERS: Final = (
    ((1.53512485958697, -2.69169618940638, 1.19839281085285), (1.0, -1.69065929318241, 0.73248077421585)),
    ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621)),
)
"""K-weighting: numerators and denominators of both stages at 48 kHz (BS.1770-5, annex 1, tables 1 and 2)."""


@dataclass(frozen=True, slots=True)
class LoudnessMeasurement:
    """The loudness of a piece of audio."""

    lufs: float
    """Integrated loudness, which leaves out pauses."""
    seconds: float
    """Measured duration, including pauses."""


class LoudnessMeter:
    """Meter for the integrated loudness of 16-bit PCM.

    The spectrum of every 100 ms is weighted with the response that the standard defines at 48 kHz. This measures every
    sample rate exactly, without designing filters or resampling.
    """

    def __init__(self, layout: PcmLayout) -> None:
        """Initialize the meter for one stream."""
        self._layout = layout
        self._hop = layout.rate // _HOPS_PER_SECOND
        self._weights = _k_weights(layout.rate, self._hop)
        self._max_bytes = int(MAX_MEASURED_S * layout.rate) * layout.frame_size
        self._fed = 0
        self._pending = bytearray()
        self._powers: list[float] = []
        """Weighted mean squares of the complete hops."""

    def feed(self, data: bytes) -> None:
        """Measure more of the stream; audio after `MAX_MEASURED_S` is ignored."""
        data = data[: self._max_bytes - self._fed]
        self._fed += len(data)
        self._pending += data
        if hops := take_multiple(self._pending, self._hop * self._layout.frame_size):
            samples = np.frombuffer(hops, "<i2").reshape(-1, self._hop, self._layout.channels)
            self._powers += _weighted_powers(samples, self._weights).tolist()

    def result(self) -> LoudnessMeasurement | None:
        """Return the loudness so far, or None for silence and for less than 100 ms.

        The standard needs 400 ms. Shorter audio is measured as if it were repeated.
        """
        if not self._powers:
            return None
        if len(self._powers) < _BLOCK_HOPS:
            blocks = np.array([self._mean_power()])
        else:
            blocks = np.convolve(self._powers, np.full(_BLOCK_HOPS, 1 / _BLOCK_HOPS), "valid")
        lufs = _gated_loudness(blocks)
        return None if lufs is None else LoudnessMeasurement(lufs, self._fed / self._layout.byte_rate)

    def _mean_power(self) -> float:
        """Return the weighted mean square of all samples, the last incomplete hop included."""
        frames = len(self._pending) // self._layout.frame_size
        powers, lengths = list(self._powers), [self._hop] * len(self._powers)
        if frames:
            rest = np.frombuffer(self._pending, "<i2", frames * self._layout.channels)
            samples = rest.reshape(1, frames, self._layout.channels)
            powers += _weighted_powers(samples, _k_weights(self._layout.rate, frames)).tolist()
            lengths.append(frames)
        return float(np.average(powers, weights=lengths))


def measure_loudness(samples: bytes, layout: PcmLayout) -> float | None:
    """Return the integrated loudness of 16-bit PCM in LUFS, or None for silence and for less than 100 ms.

    Takes about 0.4 ms per second of audio.
    """
    meter = LoudnessMeter(layout)
    meter.feed(samples)
    measured = meter.result()
    return None if measured is None else measured.lufs


@lru_cache(maxsize=8)
def _k_weights(rate: int, length: int) -> npt.NDArray[np.float32]:
    """Return the factors that turn the squared magnitudes of a spectrum into K-weighted mean squares.

    `length` is the number of samples in the spectrum; full scale is 1.
    """
    frequencies = np.minimum(np.fft.rfftfreq(length, 1 / rate), _FILTER_RATE / 2)
    delay = np.exp(-2j * np.pi * frequencies / _FILTER_RATE)
    weights = np.full(len(frequencies), 2 / (length * 0x8000) ** 2)
    weights[0] /= 2
    if length % 2 == 0:
        weights[-1] /= 2
    for numerator, denominator in _FILTERS:
        weights *= np.abs(np.polyval(numerator[::-1], delay) / np.polyval(denominator[::-1], delay)) ** 2
    return weights.astype(np.float32)


def _weighted_powers(samples: npt.NDArray[np.int16], weights: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the weighted mean square of each hop, summed over the channels (hops x samples x channels)."""
    spectra = np.fft.rfft(np.moveaxis(samples, 2, 0).astype(np.float32))
    by_channel = ((spectra.real**2 + spectra.imag**2) * weights).sum(axis=2)
    powers: npt.NDArray[np.float32] = by_channel.sum(axis=0)
    return powers


def _gated_loudness(blocks: npt.NDArray[np.float64]) -> float | None:
    """Return the loudness in LUFS of the blocks that pass both gates, or None if no block does."""
    audible = blocks[blocks > _ABSOLUTE_GATE]
    if not len(audible):
        return None
    spoken = audible[audible > _RELATIVE_GATE * audible.mean()]
    return _OFFSET_LUFS + 10 * log10(spoken.mean())
