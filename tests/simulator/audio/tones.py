"""Sound that a program can read back: a short burst of tones for each word, which says what word it is, and who spoke.

A word is five symbols, one after the other. A symbol is a chord of four tones: one of five says which of the word's
symbols it is, three of eight each carry three bits. That makes 45 bits: what the word is, who the speaker is, and a
checksum of both. Each symbol saying where it belongs, no pause is needed to tell words apart, none does any harm, and a
piece that was lost, repeated or moved is noticed. All tones are low enough for a telephone and far enough from each
other for codecs; `tests.words` hears them.
"""

from collections.abc import Iterator
from functools import cache
from hashlib import sha256
import string
import unicodedata
from zlib import crc32

import numpy as np
import numpy.typing as npt

from .espeak import Sound, Speaker

RATE = 24_000  # Hz
SYMBOLS = 5  # of a word
CHORD = (SYMBOLS, 8, 8, 8)  # one tone of each of these groups
TONES = 450.0 + 107.0 * np.arange(sum(CHORD))  # Hz
SYMBOL_SECONDS = 0.04
_GAP_SECONDS = 0.006  # after each symbol
_BEFORE_SECONDS = 0.014  # silence around a word
_AFTER_SECONDS = 0.01
_EDGE_SECONDS = 0.006  # in which a symbol fades in, or out
_AMPLITUDE = 0.18 * 32767  # of one tone
_SHORTEST = 0.1  # seconds; a text without words is silence, as in eSpeak

_WORD_BITS, _SPEAKER_BITS, _CHECK_BITS = 24, 10, 11
_DIGIT_BITS = 3
SYMBOL_BITS = 3 * _DIGIT_BITS

# Where words are not parted by spaces, by the first word of a character's Unicode name.
_SCRIPTS_WITHOUT_SPACES = frozenset(
    ("CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HALFWIDTH", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN")
)
_WITHIN_WORDS = frozenset(string.punctuation + "\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{RIGHT SINGLE QUOTATION MARK}")


def words_of(text: str) -> list[str]:
    """Return a text's words, as the tones tell them apart.

    Words stand between spaces, or punctuation other than ASCII's; upper and lower case are the same, and so is what
    punctuation is around. Where a script has no spaces each character is a word, with the marks on it.
    """
    spaced = "".join(_spaced(unicodedata.normalize("NFC", text)))
    stripped = (_without_punctuation(word) for word in spaced.split())
    return [word.casefold() for word in stripped if word]


def code_of(word: str) -> int:
    """Return the number that a word is known by."""
    return int.from_bytes(sha256(word.encode()).digest()) % (1 << _WORD_BITS)


def code_of_speaker(speaker: Speaker) -> int:
    """Return the number that a speaker is known by."""
    return crc32(f"{speaker.variant} {speaker.pitch}".encode()) % (1 << _SPEAKER_BITS)


def sealed(word: int, speaker: int) -> int:
    """Return the bits of a word that a speaker says, with their checksum."""
    said = word << _SPEAKER_BITS | speaker
    return said << _CHECK_BITS | _checksum(said)


def unsealed(bits: int) -> tuple[int, int] | None:
    """Return the word and the speaker, or nothing where the checksum is not theirs."""
    said = bits >> _CHECK_BITS
    if sealed(said >> _SPEAKER_BITS, said % (1 << _SPEAKER_BITS)) != bits:
        return None
    return said >> _SPEAKER_BITS, said % (1 << _SPEAKER_BITS)


def sound(text: str, speaker: Speaker) -> Sound:
    """Return a text as tones."""
    by = code_of_speaker(speaker)
    bits = np.array([sealed(code_of(word), by) for word in words_of(text)], np.int64)
    samples = _bursts(bits).tobytes()
    return Sound(samples.ljust(round(_SHORTEST * RATE) * 2, b"\0"), RATE)


def _spaced(text: str) -> Iterator[str]:
    """Put a space wherever one word ends and another may begin."""
    after_letter_alone = False
    for character in text:
        category = unicodedata.category(character)
        if category in {"Cf", "Cc"} and not character.isspace():
            continue
        alone = _is_word_of_its_own(character)
        if alone or (after_letter_alone and category[0] != "M"):
            yield " "
        yield " " if category[0] == "P" and character not in _WITHIN_WORDS else character
        after_letter_alone = alone or (after_letter_alone and category[0] == "M")


@cache
def _is_word_of_its_own(character: str) -> bool:
    """Tell whether a character is a letter of a script that has no spaces."""
    script = unicodedata.name(character, "").partition(" ")[0]
    return script in _SCRIPTS_WITHOUT_SPACES and unicodedata.category(character)[0] == "L"


def _without_punctuation(word: str) -> str:
    """Return a word without the punctuation around it."""
    kept = [index for index, character in enumerate(word) if unicodedata.category(character)[0] != "P"]
    return word[kept[0] : kept[-1] + 1] if kept else ""


def _checksum(bits: int) -> int:
    return crc32(bits.to_bytes(8)) % (1 << _CHECK_BITS)


def _bursts(bits: npt.NDArray[np.int64]) -> npt.NDArray[np.int16]:
    """Return the samples of words."""
    symbol, gap, before, after = (
        round(seconds * RATE) for seconds in (SYMBOL_SECONDS, _GAP_SECONDS, _BEFORE_SECONDS, _AFTER_SECONDS)
    )
    positions, digits = _chords()
    values = bits[:, None] >> SYMBOL_BITS * np.arange(SYMBOLS)[::-1] & (1 << SYMBOL_BITS) - 1
    words = np.zeros((len(bits), before + SYMBOLS * (symbol + gap) + after), np.int16)
    symbols = words[:, before : before + SYMBOLS * (symbol + gap)].reshape(len(bits), SYMBOLS, symbol + gap)
    symbols[:, :, :symbol] = positions + digits[values]
    return words.ravel()


@cache
def _chords() -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int16]]:
    """Return the samples of each place in a word, and of each nine bits."""
    times = np.arange(round(SYMBOL_SECONDS * RATE)) / RATE
    edge = np.minimum(times, times[::-1]) / _EDGE_SECONDS
    envelope = _AMPLITUDE * np.sin(np.pi / 2 * np.minimum(edge, 1)) ** 2
    tones = envelope * np.sin(2 * np.pi * TONES[:, None] * times)
    positions, high, middle, low = np.split(tones, np.cumsum(CHORD)[:-1])
    digits = high[:, None, None] + middle[:, None] + low
    return positions.astype(np.int16), digits.reshape(1 << SYMBOL_BITS, -1).astype(np.int16)
