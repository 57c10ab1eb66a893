"""Synthesize the built-in chimes. No recordings are used, so the project owns the sounds."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from custom_components.orator.audio import wav
from custom_components.orator.audio.effects import CHIME_LUFS, BuiltInChime, Chime
from custom_components.orator.audio.formats import PcmLayout

TARGET = Path("custom_components/orator/audio/sounds")
LAYOUT = PcmLayout(24_000)
"""Sample rate of most voices; all partials are well below its limit of 12 kHz."""

type Sound = npt.NDArray[np.float64]
type Partials = Sequence[tuple[float, float, float]]
"""Frequency as a multiple of the note's, amplitude, and decay time constant in seconds."""

FADE_OUT_S = 0.03
PEAK = 0.5
"""Peak of full scale before the loudness is adjusted."""

BELL: Partials = ((0.5, 0.15, 0.5), (1, 1, 0.42), (2, 0.35, 0.25), (3.01, 0.12, 0.12), (4.17, 0.08, 0.06))
MARIMBA: Partials = ((1, 1, 0.3), (3.93, 0.25, 0.07), (9.2, 0.06, 0.02))
PAD: Partials = ((1, 1, 9), (1.003, 0.8, 9), (2, 0.25, 9), (3, 0.06, 9))
WOOD: Partials = ((1, 1, 0.12), (2.76, 0.5, 0.05), (5.4, 0.3, 0.03))
HORN: Partials = ((1, 1, 9), (2, 0.5, 9), (3, 0.6, 9), (4, 0.2, 9), (5, 0.3, 9), (7, 0.15, 9))


def sample_times(seconds: float) -> Sound:
    """Return the time of each sample in seconds."""
    return np.arange(round(seconds * LAYOUT.rate)) / LAYOUT.rate


def note(partials: Partials, frequency: float, seconds: float, attack: float) -> Sound:
    """Return a note with an attack of `attack` seconds, a decay of its own for each partial, and a fade-out."""
    time = sample_times(seconds)
    tones = [
        amplitude * np.exp(-time / decay) * np.sin(2 * np.pi * multiple * frequency * time)
        for multiple, amplitude, decay in partials
    ]
    attack_curve = np.sin(np.pi / 2 * np.minimum(1, time / attack)) ** 2
    fade = np.sin(np.pi / 2 * np.minimum(1, (time[-1] - time) / FADE_OUT_S)) ** 2
    return np.asarray(sum(tones) * attack_curve * fade)


def mix(seconds: float, notes: Sequence[tuple[float, Sound]]) -> Sound:
    """Return the sum of notes, each added at its start time."""
    sound = np.zeros(len(sample_times(seconds)))
    for start, one in notes:
        begin = round(start * LAYOUT.rate)
        sound[begin : begin + len(one)] += one[: len(sound) - begin]
    return sound


def ding_dong() -> Sound:
    """Return a doorbell: two strikes, a major third down."""
    return mix(1.7, [(0, note(BELL, 659.26, 1.2, 0.004)), (0.5, note(BELL, 523.25, 1.2, 0.004))])


def three_tone() -> Sound:
    """Return a station gong: three rising notes of a chord."""
    return mix(
        1.5,
        [
            (0, note(MARIMBA, 698.46, 0.8, 0.004)),
            (0.28, note(MARIMBA, 880.0, 0.8, 0.004)),
            (0.56, note(MARIMBA, 1046.5, 0.94, 0.004)),
        ],
    )


def soft() -> Sound:
    """Return a fifth that fades in and out."""
    seconds = 1.2
    envelope = np.sin(np.pi * sample_times(seconds) / seconds) ** 2
    return envelope * (note(PAD, 440.0, seconds, 0.2) + 0.8 * note(PAD, 659.26, seconds, 0.2))


def alert() -> Sound:
    """Return two rising knocks on a high wood block, for attention."""
    return mix(0.7, [(0, note(WOOD, 1174.66, 0.3, 0.003)), (0.17, note(WOOD, 1567.98, 0.53, 0.003))])


def alarm() -> Sound:
    """Return a horn that alternates two notes three times, for emergencies."""
    length = 0.3
    notes = [(length * number, note(HORN, 740.0 if number % 2 else 987.77, length, 0.015)) for number in range(6)]
    return mix(6 * length, notes)


SYNTHESIZERS: dict[BuiltInChime, Callable[[], Sound]] = {
    BuiltInChime.DING_DONG: ding_dong,
    BuiltInChime.THREE_TONE: three_tone,
    BuiltInChime.SOFT: soft,
    BuiltInChime.ALERT: alert,
    BuiltInChime.ALARM: alarm,
}
SYNTHESIZED_LUFS: dict[BuiltInChime, float] = {
    BuiltInChime.DING_DONG: -18.23,
    BuiltInChime.THREE_TONE: -17.89,
    BuiltInChime.SOFT: -16.26,
    BuiltInChime.ALERT: -20.94,
    BuiltInChime.ALARM: -11.17,
}
"""Loudness of each chime at `PEAK`, measured once with ffmpeg, so that the files are the same on every machine."""


def synthesize(name: BuiltInChime) -> bytes:
    """Return a chime as a WAV file."""
    sound = SYNTHESIZERS[name]()
    samples = np.rint(sound / np.abs(sound).max() * PEAK * 0x7FFF).astype("<i2").tobytes()
    chime = Chime(samples, LAYOUT, SYNTHESIZED_LUFS[name]).with_loudness(CHIME_LUFS)
    return wav.make_header(LAYOUT, len(chime.samples)) + chime.samples


def main() -> None:
    """Write every chime."""
    TARGET.mkdir(parents=True, exist_ok=True)
    for name in BuiltInChime:
        (TARGET / f"{name}.wav").write_bytes(synthesize(name))


if __name__ == "__main__":
    main()
