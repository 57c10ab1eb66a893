"""How loud a sound is to a listener: integrated loudness as in ITU-R BS.1770-5 and EBU R 128."""

from array import array
from dataclasses import dataclass
from functools import lru_cache
from math import log10, pi

import numpy as np
import numpy.typing as npt

from .formats import PcmLayout

MAX_SECONDS = 600
"""What is measured of a sound: ten minutes tell how loud it is, and their energies fit into 48 kB."""

type _Numbers = npt.NDArray[np.float64]
type _Spectrum = npt.NDArray[np.complex128]

_STEPS = 10  # a second
_BLOCK = 4  # steps: 400 ms
_OFFSET = -0.691
"""LUFS of a mean square of 1 once it is weighted (BS.1770: a sine of 997 Hz at full scale has -3.01 LUFS)."""
_ABSOLUTE_GATE = -70.0  # LUFS under which it is silence
_RELATIVE_GATE = 0.1  # of the mean energy, -10 LU, under which it is a pause
_DEFINED_RATE = 48_000
_FILTERS = (
    (
        np.array([1.53512485958697, -2.69169618940638, 1.19839281085285]),
        np.array([1, -1.69065929318241, 0.73248077421585]),
    ),
    (np.array([1, -2, 1]), np.array([1, -1.99004745483398, 0.99007225036621])),
)
"""Numerator and denominator of both filters at that rate (BS.1770-5, tables 1 and 2)."""
_SHORTEST = 0.1
"""Seconds under which a sound is a click."""


@dataclass(frozen=True, slots=True)
class Loudness:
    """How loud a sound is."""

    lufs: float
    """Without its pauses."""
    seconds: float
    """How long it is, without its pauses."""


class Meter:
    """Measures the loudness of PCM (16 bit, one or two channels) as it arrives.

    A sound shorter than the 400 ms that the standard measures at a time is measured as one piece.
    """

    def __init__(self, layout: PcmLayout) -> None:
        """Begin with nothing heard. Raises ValueError where the samples are not of 16 bit."""
        if layout.width != 2:
            raise ValueError("only samples of 16 bit are measured")
        self._layout = layout
        self._step = round(layout.rate / _STEPS)  # samples
        self._bytes = bytearray()
        self._before = np.zeros((layout.channels, self._step))
        self._energies = array("d")

    def feed(self, data: bytes) -> None:
        """Take samples, in any division of their bytes. A second of sound takes about 2 ms."""
        size = self._step * self._layout.frame_size
        self._bytes += data
        end = len(self._bytes) // size * size
        whole = bytes(self._bytes[:end])
        del self._bytes[:end]
        for start in range(0, end, size):
            if len(self._energies) == MAX_SECONDS * _STEPS:
                return
            samples = self._numbers(whole[start : start + size])
            self._energies.append(self._energy(samples))
            self._before = samples

    def result(self) -> Loudness | None:
        """Return how loud what was fed is; None where nothing is to be heard."""
        if len(self._energies) < _BLOCK:
            return self._of_short_sound()
        energies = np.convolve(self._energies, np.full(_BLOCK, 1 / _BLOCK), "valid")
        heard = energies[energies > 10 ** ((_ABSOLUTE_GATE - _OFFSET) / 10)]
        if not len(heard):
            return None
        loud = heard[heard > _RELATIVE_GATE * heard.mean()]
        return Loudness(_lufs(loud.mean()), (len(loud) + _BLOCK - 1) / _STEPS)

    def _of_short_sound(self) -> Loudness | None:
        """Measure what is too short to be measured as the standard says."""
        rest = len(self._bytes) // self._layout.frame_size * self._layout.frame_size
        samples = self._numbers(bytes(self._bytes[:rest]).ljust(self._step * self._layout.frame_size, b"\0"))
        share = rest / self._layout.frame_size / self._step
        steps = len(self._energies) + share
        if steps < _SHORTEST * _STEPS:
            return None
        lufs = _lufs((sum(self._energies) + self._energy(samples)) / steps)
        return Loudness(lufs, steps / _STEPS) if lufs > _ABSOLUTE_GATE else None

    def _numbers(self, stored: bytes) -> _Numbers:
        """Return stored samples as numbers from -1 to 1, a row a channel."""
        samples: _Numbers = np.frombuffer(stored, "<i2").reshape(-1, self._layout.channels).T / 0x8000
        return samples

    def _energy(self, samples: _Numbers) -> float:
        """Return the mean square of a step of samples, weighted, on all channels.

        They are filtered together with the step before them: of that, nearly nothing lasts longer.
        """
        spectrum = np.fft.rfft(np.concatenate((self._before, samples), axis=1))
        weighted = np.fft.irfft(spectrum * _weighting(self._layout.rate, self._step), 2 * self._step)
        return float(np.square(weighted[:, self._step :]).sum() / self._step)


def _lufs(energy: float) -> float:
    """Return the loudness of a weighted mean square."""
    return _OFFSET + 10 * log10(energy) if energy > 0 else -float("inf")


@lru_cache(maxsize=16)
def _weighting(rate: int, step: int) -> _Spectrum:
    """Return the K-weighting of two steps' frequencies: a head's shelf of 4 dB above 1.7 kHz, and no bass.

    It is that of the standard's filters at 48 kHz, where they are defined, for the same frequencies at any rate.
    """
    frequencies = np.arange(step + 1) / (2 * step) * rate
    delay = np.exp(-2j * pi * np.minimum(frequencies, _DEFINED_RATE / 2) / _DEFINED_RATE)
    parts = delay ** np.arange(3)[:, np.newaxis]
    response: _Spectrum = np.ones(step + 1, np.complex128)
    for numerator, denominator in _FILTERS:
        response = response * (numerator @ parts) / (denominator @ parts)
    return response
