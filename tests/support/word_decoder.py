"""Hearing the words that the simulator says in tones, whatever has become of the sound on its way.

A piece of a word, a word with something missing or repeated within, and any other noise are heard as well: as something
that is no word. Silence does no harm, not even within a word, where a player was kept waiting.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..simulator import tones
from ..simulator.openai_voices import speaker_of

type Samples = npt.NDArray[np.floating | np.int16]

_WINDOW = 0.032  # seconds that are looked at at once
_HOP = 0.004  # seconds from one look to the next
_CHUNK = 4096  # looks at once
_FAINTEST = 1e-4  # power of sound that there may be nothing but; that of the simulator is 0.13
_QUIET = 0.1  # of the usual power
_PURITY = 0.45  # of the power: so much at least is in the four tones of a chord; there is less where it begins and ends
_CLEARNESS = 4.0  # how much more power a tone has than any other of its group
_NOISE = -1  # in the place of a chord
_SILENCE = -2
_SHORTEST, _LONGEST = 6, 14  # looks at a symbol, from a speed of 1.25 to one of 0.95; usually 10
_NOISE_LOOKS = 7  # one symbol turning into the next takes two or three
_FEWEST_LOOKS = 2  # a chord is seen in one look now and then where there is none
_ONE_PIECE = 0.06  # seconds between noises that are one
_ALIKE = 3  # words that have to be right after a difference
_LARGEST_MISFIT = 200  # words
_SHOWN = 12  # differences in a message

type _Floats = npt.NDArray[np.float32]
type _Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class HeardWord:
    """A word's code and its speaker's, as in `codes_of` and `voice_of`; both are None where no word was recognised."""

    code: int | None
    voice: int | None
    start_seconds: float
    end_seconds: float


@dataclass(slots=True)
class _Symbol:
    """A chord, or noise; the first look at it and the one after the last; how many looks in between saw it."""

    chord: int
    start: int
    end: int
    looks: int

    @property
    def place(self) -> int:
        """Which of a word's symbols it is; a negative number for noise."""
        return self.chord >> tones.SYMBOL_BITS


def codes_of(text: str) -> list[int]:
    """Return the codes of a text's words."""
    return [tones.code_of(word) for word in tones.words_of(text)]


def voice_of(name: str) -> int:
    """Return the code of a voice of the simulated OpenAI, or of a custom voice's id."""
    return tones.code_of_speaker(speaker_of(name))


def heard_words(samples: Samples, rate: int) -> list[HeardWord]:
    """Return the words in a sound of one channel, at any rate from 8 kHz on, at about normal speed (0.95 to 1.25)."""
    looks = _classified(*_looks(_scaled(samples), rate))
    return list(_joined(_word(group) for group in _grouped(_merged(_symbols(looks)))))


def assert_spoken(samples: Samples, rate: int, text: str) -> list[HeardWord]:
    """Fail unless a text's words are heard, each once and in order, and nothing else. Returns what was heard."""
    heard = heard_words(samples, rate)
    differences = list(_differences(heard, tones.words_of(text)))
    shown = differences[:_SHOWN]
    if more := len(differences) - len(shown):
        shown.append(f"and {more} more")
    summary = f"{len(heard)} words heard of {len(tones.words_of(text))}"
    assert not differences, "\n  ".join((summary, *shown))
    return heard


def _differences(heard: list[HeardWord], expected: list[str]) -> Iterator[str]:
    """Say where what was heard is not what was expected."""
    codes = [tones.code_of(word) for word in expected]
    known = dict(zip(codes, expected, strict=True))
    for extra, missing in _misfits([word.code for word in heard], codes):
        where = f"before word {missing.stop + 1} of the text" if missing.stop < len(codes) else "at the text's end"
        for word in heard[extra.start : extra.stop]:
            what = "noise or a piece of a word" if word.code is None else repr(known.get(word.code, "an unknown word"))
            yield f"at {word.start_seconds:.2f} to {word.end_seconds:.2f} s, {where}: {what} too much"
        yield from (f"word {index + 1} of the text is missing: {expected[index]!r}" for index in missing)


def _misfits(heard: list[int | None], expected: list[int]) -> Iterator[tuple[range, range]]:
    """Return which of two lists' parts differ, as short as they can be until some words are the same again."""
    at = first = 0
    while at < len(heard) or first < len(expected):
        if heard[at : at + 1] != expected[first : first + 1]:
            skipped, missed = _shortest_misfit(heard[at:], expected[first:])
            yield range(at, at + skipped), range(first, first + missed)
            at, first = at + skipped, first + missed
        at, first = at + 1, first + 1


def _shortest_misfit(heard: list[int | None], expected: list[int]) -> tuple[int, int]:
    """Return how many entries to leave out at the start of two lists, for both to go on alike."""
    for distance in range(1, min(len(heard) + len(expected), _LARGEST_MISFIT)):
        for skipped in range(max(0, distance - len(expected)), min(distance, len(heard)) + 1):
            left = min(_ALIKE, len(heard) - skipped, len(expected) - distance + skipped)
            missed = distance - skipped
            if left and heard[skipped : skipped + left] == expected[missed : missed + left]:
                return skipped, missed
    return len(heard), len(expected)


def _scaled(samples: Samples) -> _Floats:
    """Return samples between -1 and 1."""
    if samples.dtype == np.int16:
        return (samples / 32768).astype(np.float32)
    return samples.astype(np.float32)


def _looks(samples: _Floats, rate: int) -> tuple[_Ints, _Floats, _Floats]:
    """Look at a sound every few milliseconds: the chord that may be there, its power, and the power of everything.

    The chord is a number; the power that it has is zero where it is not clear.
    """
    width = round(_WINDOW * rate)
    hop_times = np.arange(0, max(len(samples), 1), _HOP * rate).round().astype(np.int64)
    padded = np.pad(samples, (width // 2, width))
    frames = np.lib.stride_tricks.sliding_window_view(padded, width)
    window = np.hanning(width)
    turns = np.exp(-2j * np.pi / rate * tones.TONES * np.arange(width)[:, None]) * window[:, None]
    bank = (np.hstack((turns.real, turns.imag)) * 2 / window.sum()).astype(np.float32)
    weights = (window**2 / (window**2).sum() * 2).astype(np.float32)
    chords, clear, all_ = [], [], []
    for begin in range(0, len(hop_times), _CHUNK):
        chunk = frames[hop_times[begin : begin + _CHUNK]]
        parts = chunk @ bank
        powers = parts[:, : len(tones.TONES)] ** 2 + parts[:, len(tones.TONES) :] ** 2
        chord, power = _chord(powers)
        chords.append(chord)
        clear.append(power)
        all_.append(chunk**2 @ weights)
    return np.concatenate(chords), np.concatenate(clear), np.concatenate(all_)


def _chord(powers: _Floats) -> tuple[_Ints, _Floats]:
    """Return which tone of each group is the loudest, as one number, and the power of all four, if they are clear."""
    chord = np.zeros(len(powers), np.int64)
    total = np.zeros(len(powers), np.float32)
    clear = np.ones(len(powers), np.bool_)
    for group in np.split(powers, np.cumsum(tones.CHORD)[:-1], axis=1):
        ranked = np.sort(group, axis=1)
        chord = chord * 8 + group.argmax(axis=1)
        total += ranked[:, -1]
        clear &= ranked[:, -1] > _CLEARNESS * ranked[:, -2]
    return chord, np.where(clear, total, np.float32(0))


def _classified(chords: _Ints, clear: _Floats, power: _Floats) -> _Ints:
    """Return what is seen in each look: a chord, noise or silence."""
    audible = power[power > _FAINTEST]
    usual = np.percentile(audible, 90) if len(audible) else np.inf
    loud = (power > _QUIET * usual) & (power > _FAINTEST)
    return np.where(loud, np.where(clear > _PURITY * power, chords, _NOISE), _SILENCE)


def _symbols(looks: _Ints) -> Iterator[_Symbol]:
    """Return what is seen in several looks running, without silence."""
    starts = np.flatnonzero(np.diff(looks, prepend=_SILENCE - 1))
    ends = np.append(starts[1:], len(looks))
    least = np.where(looks[starts] == _NOISE, _NOISE_LOOKS, _FEWEST_LOOKS)
    kept = (looks[starts] != _SILENCE) & (ends - starts >= least)
    for start, end in zip(starts[kept].tolist(), ends[kept].tolist(), strict=True):
        yield _Symbol(int(looks[start]), start, end, end - start)


def _merged(symbols: Iterable[_Symbol]) -> Iterator[_Symbol]:
    """Put pieces of one symbol together."""
    last: _Symbol | None = None
    for symbol in symbols:
        if last and last.chord == symbol.chord:
            last = _Symbol(last.chord, last.start, symbol.end, last.looks + symbol.looks)
            continue
        if last:
            yield last
        last = symbol
    if last:
        yield last


def _grouped(symbols: Iterable[_Symbol]) -> Iterator[list[_Symbol]]:
    """Put symbols together that follow each other within a word."""
    group: list[_Symbol] = []
    for symbol in symbols:
        if group and (symbol.place <= 0 or symbol.place != group[-1].place + 1):
            yield group
            group = []
        group.append(symbol)
    if group:
        yield group


def _word(group: list[_Symbol]) -> HeardWord:
    """Return the word that symbols make, if they do."""
    read = None
    if len(group) == tones.SYMBOLS and all(_SHORTEST <= symbol.looks <= _LONGEST for symbol in group):
        bits = 0
        for symbol in group:
            bits = bits << tones.SYMBOL_BITS | symbol.chord % (1 << tones.SYMBOL_BITS)
        read = tones.unsealed(bits)
    code, voice = read or (None, None)
    return HeardWord(code, voice, group[0].start * _HOP, group[-1].end * _HOP)


def _joined(words: Iterable[HeardWord]) -> Iterator[HeardWord]:
    """Make one of the pieces of what is no word."""
    last: HeardWord | None = None
    for word in words:
        if last and last.code is word.code is None and word.start_seconds - last.end_seconds < _ONE_PIECE:
            last = replace(last, end_seconds=word.end_seconds)
            continue
        if last:
            yield last
        last = word
    if last:
        yield last
