"""Decoding the words that the simulator speaks as tones (`tests.simulator.audio.tones`), from audio in any condition.

A fragment of a word, a word with a piece missing or repeated, and noise are returned as words without a code. Silence
is ignored, also inside a word: a player may have waited for data.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from tests.simulator.audio import tones
from tests.simulator.audio.espeak import speaker_of

type Samples = npt.NDArray[np.floating | np.int16]
type _Floats = npt.NDArray[np.float32]
type _Ints = npt.NDArray[np.int64]

# Audio is analyzed in overlapping frames.
_FRAME_S: Final = 0.032
_HOP_S: Final = 0.004
_BATCH_FRAMES: Final = 4096
# Power of a frame, relative to full scale; words of the simulator have 0.13.
_MIN_POWER: Final = 1e-4
_MIN_RELATIVE_POWER: Final = 0.1  # relative to the usual power of the audio
_MIN_CHORD_SHARE: Final = 0.45  # share of the frame's power in the chord's four tones; lower at the edges of a chord
_MIN_TONE_RATIO: Final = 4.0  # power of the loudest tone of a group, relative to the second loudest
# Values in the place of a chord.
_NOISE: Final = -1
_SILENCE: Final = -2
_MIN_SYMBOL_FRAMES: Final = 6  # at 1.25 times the normal speed
_MAX_SYMBOL_FRAMES: Final = 14  # at 0.95 times the normal speed; usually 10
_MIN_NOISE_FRAMES: Final = 7  # the transition between two symbols takes two or three
_MIN_CHORD_FRAMES: Final = 2  # a single frame may show a chord by chance
_MAX_NOISE_GAP_S: Final = 0.06  # maximum gap between noises that are joined
_MATCHING_WORDS: Final = 3  # words that have to match after a difference
_MAX_DIFFERENCE_WORDS: Final = 200
_MAX_SHOWN_DIFFERENCES: Final = 12


@dataclass(frozen=True, slots=True)
class HeardWord:
    """The codes of a word and of its voice, as returned by `codes_of` and `voice_of`; None for noise and fragments."""

    code: int | None
    voice: int | None
    start_seconds: float
    end_seconds: float


@dataclass(slots=True)
class _Symbol:
    """A chord or noise from frame `start` to before `end`, which was recognized in `frames` of them."""

    chord: int
    start: int
    end: int
    frames: int

    @property
    def position(self) -> int:
        """Position of the symbol in its word; negative for noise."""
        return self.chord >> tones.SYMBOL_BITS


def codes_of(text: str) -> list[int]:
    """Return the codes of the words of a text."""
    return [tones.word_code(word) for word in tones.split_words(text)]


def voice_of(name: str) -> int:
    """Return the code of a voice of the simulated OpenAI, or of the id of a custom voice."""
    return tones.speaker_code(speaker_of(name))


def heard_words(samples: Samples, rate: int) -> list[HeardWord]:
    """Return the words in mono audio of at least 8 kHz, spoken at 0.95 to 1.25 times the normal speed."""
    frames = _classify(*_analyze(_normalize(samples), rate))
    return list(_join_noise(_to_word(group) for group in _group(_merge(_symbols(frames)))))


def assert_spoken(samples: Samples, rate: int, text: str) -> list[HeardWord]:
    """Fail unless exactly the words of a text are heard, each once and in order. Returns what was heard."""
    heard = heard_words(samples, rate)
    expected = tones.split_words(text)
    differences = list(_describe_differences(heard, expected))
    shown = differences[:_MAX_SHOWN_DIFFERENCES]
    if more := len(differences) - len(shown):
        shown.append(f"and {more} more")
    summary = f"{len(heard)} words heard of {len(expected)}"
    assert not differences, "\n  ".join((summary, *shown))
    return heard


def _describe_differences(heard: list[HeardWord], expected: list[str]) -> Iterator[str]:
    codes = [tones.word_code(word) for word in expected]
    known = dict(zip(codes, expected, strict=True))
    for extra, missing in _differences([word.code for word in heard], codes):
        where = f"before word {missing.stop + 1} of the text" if missing.stop < len(codes) else "at the text's end"
        for word in heard[extra.start : extra.stop]:
            what = "noise or a fragment" if word.code is None else repr(known.get(word.code, "an unknown word"))
            yield f"at {word.start_seconds:.2f} to {word.end_seconds:.2f} s, {where}: unexpected {what}"
        yield from (f"word {index + 1} of the text is missing: {expected[index]!r}" for index in missing)


def _differences(heard: list[int | None], expected: list[int]) -> Iterator[tuple[range, range]]:
    """Yield the ranges in which two lists differ, each as short as possible."""
    heard_at = expected_at = 0
    while heard_at < len(heard) or expected_at < len(expected):
        if heard[heard_at : heard_at + 1] != expected[expected_at : expected_at + 1]:
            extra, missing = _shortest_difference(heard[heard_at:], expected[expected_at:])
            yield range(heard_at, heard_at + extra), range(expected_at, expected_at + missing)
            heard_at, expected_at = heard_at + extra, expected_at + missing
        heard_at, expected_at = heard_at + 1, expected_at + 1


def _shortest_difference(heard: list[int | None], expected: list[int]) -> tuple[int, int]:
    """Return how many entries to skip at the start of two lists so that they match again."""
    for distance in range(1, min(len(heard) + len(expected), _MAX_DIFFERENCE_WORDS)):
        for extra in range(max(0, distance - len(expected)), min(distance, len(heard)) + 1):
            missing = distance - extra
            count = min(_MATCHING_WORDS, len(heard) - extra, len(expected) - missing)
            if count and heard[extra : extra + count] == expected[missing : missing + count]:
                return extra, missing
    return len(heard), len(expected)


def _normalize(samples: Samples) -> _Floats:
    """Return samples as numbers between -1 and 1."""
    if samples.dtype == np.int16:
        return (samples / 32768).astype(np.float32)
    return samples.astype(np.float32)


def _analyze(samples: _Floats, rate: int) -> tuple[_Ints, _Floats, _Floats]:
    """Return for every frame its chord, the power of the chord (zero if it is not clear) and the total power."""
    width = round(_FRAME_S * rate)
    starts = np.arange(0, max(len(samples), 1), _HOP_S * rate).round().astype(np.int64)
    padded = np.pad(samples, (width // 2, width))
    frames = np.lib.stride_tricks.sliding_window_view(padded, width)
    window = np.hanning(width)
    rotations = np.exp(-2j * np.pi / rate * tones.TONES * np.arange(width)[:, None]) * window[:, None]
    bank = (np.hstack((rotations.real, rotations.imag)) * 2 / window.sum()).astype(np.float32)
    weights = (window**2 / (window**2).sum() * 2).astype(np.float32)
    chords, chord_powers, total_powers = [], [], []
    for begin in range(0, len(starts), _BATCH_FRAMES):
        batch = frames[starts[begin : begin + _BATCH_FRAMES]]
        parts = batch @ bank
        tone_powers = parts[:, : len(tones.TONES)] ** 2 + parts[:, len(tones.TONES) :] ** 2
        chord, power = _find_chords(tone_powers)
        chords.append(chord)
        chord_powers.append(power)
        total_powers.append(batch**2 @ weights)
    return np.concatenate(chords), np.concatenate(chord_powers), np.concatenate(total_powers)


def _find_chords(tone_powers: _Floats) -> tuple[_Ints, _Floats]:
    """Return the loudest tone of each group, as one number, and the power of all four if they are clear."""
    chord = np.zeros(len(tone_powers), np.int64)
    total = np.zeros(len(tone_powers), np.float32)
    is_clear = np.ones(len(tone_powers), np.bool_)
    for group in np.split(tone_powers, np.cumsum(tones.CHORD)[:-1], axis=1):
        ranked = np.sort(group, axis=1)
        chord = chord * 8 + group.argmax(axis=1)
        total += ranked[:, -1]
        is_clear &= ranked[:, -1] > _MIN_TONE_RATIO * ranked[:, -2]
    return chord, np.where(is_clear, total, np.float32(0))


def _classify(chords: _Ints, chord_powers: _Floats, total_powers: _Floats) -> _Ints:
    """Return for every frame its chord, _NOISE or _SILENCE."""
    audible = total_powers[total_powers > _MIN_POWER]
    usual = np.percentile(audible, 90) if len(audible) else np.inf
    is_loud = (total_powers > _MIN_RELATIVE_POWER * usual) & (total_powers > _MIN_POWER)
    found = np.where(chord_powers > _MIN_CHORD_SHARE * total_powers, chords, _NOISE)
    return np.where(is_loud, found, _SILENCE)


def _symbols(frames: _Ints) -> Iterator[_Symbol]:
    """Yield what is found in several consecutive frames, without silence."""
    starts = np.flatnonzero(np.diff(frames, prepend=_SILENCE - 1))
    ends = np.append(starts[1:], len(frames))
    min_frames = np.where(frames[starts] == _NOISE, _MIN_NOISE_FRAMES, _MIN_CHORD_FRAMES)
    selected = (frames[starts] != _SILENCE) & (ends - starts >= min_frames)
    for start, end in zip(starts[selected].tolist(), ends[selected].tolist(), strict=True):
        yield _Symbol(int(frames[start]), start, end, end - start)


def _merge(symbols: Iterable[_Symbol]) -> Iterator[_Symbol]:
    """Join consecutive pieces of one symbol."""
    last: _Symbol | None = None
    for symbol in symbols:
        if last and last.chord == symbol.chord:
            last = _Symbol(last.chord, last.start, symbol.end, last.frames + symbol.frames)
            continue
        if last:
            yield last
        last = symbol
    if last:
        yield last


def _group(symbols: Iterable[_Symbol]) -> Iterator[list[_Symbol]]:
    """Group symbols whose positions follow each other in a word."""
    group: list[_Symbol] = []
    for symbol in symbols:
        if group and (symbol.position <= 0 or symbol.position != group[-1].position + 1):
            yield group
            group = []
        group.append(symbol)
    if group:
        yield group


def _to_word(group: list[_Symbol]) -> HeardWord:
    """Return the word of a group of symbols, without a code unless it is complete and its checksum is right."""
    read = None
    has_valid_lengths = all(_MIN_SYMBOL_FRAMES <= symbol.frames <= _MAX_SYMBOL_FRAMES for symbol in group)
    if len(group) == tones.SYMBOLS and has_valid_lengths:
        bits = 0
        for symbol in group:
            bits = bits << tones.SYMBOL_BITS | symbol.chord % (1 << tones.SYMBOL_BITS)
        read = tones.decode_word(bits)
    code, voice = read or (None, None)
    return HeardWord(code, voice, group[0].start * _HOP_S, group[-1].end * _HOP_S)


def _join_noise(words: Iterable[HeardWord]) -> Iterator[HeardWord]:
    """Join noises and fragments that are close together."""
    last: HeardWord | None = None
    for word in words:
        if last and last.code is word.code is None and word.start_seconds - last.end_seconds < _MAX_NOISE_GAP_S:
            last = replace(last, end_seconds=word.end_seconds)
            continue
        if last:
            yield last
        last = word
    if last:
        yield last
