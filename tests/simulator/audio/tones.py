"""Speech encoded as tones, which a program can decode: a burst per word that identifies the word and the speaker.

A word is five symbols in sequence. A symbol is a chord of four tones: one of five gives the symbol's position in the
word, and three of eight carry three bits each. That makes 45 bits for the word, the speaker and a checksum of both.
Because every symbol carries its position, words need no pauses between them, pauses do no harm, and missing, repeated
or moved parts are detected. All tones are low enough for telephone audio and far enough apart for codecs.
`tests.support.word_decoder` decodes them.
"""

from collections.abc import Iterator
from functools import cache
from hashlib import sha256
import string
import unicodedata
from zlib import crc32

import numpy as np
import numpy.typing as npt

from .espeak import MIN_SOUND_S, Speaker, SpokenSamples

RATE = 24_000  # Hz
SYMBOLS = 5  # of a word
CHORD = (SYMBOLS, 8, 8, 8)  # sizes of the groups of tones; a chord has one tone of each
TONES = 450.0 + 107.0 * np.arange(sum(CHORD))  # Hz
SYMBOL_SECONDS = 0.04
_GAP_S = 0.006  # after each symbol
_SILENCE_BEFORE_S = 0.014  # before a word
_SILENCE_AFTER_S = 0.01
_FADE_S = 0.006  # at both ends of a symbol
_AMPLITUDE = 0.18 * 32767  # of one tone

_WORD_BITS, _SPEAKER_BITS, _CHECKSUM_BITS = 24, 10, 11
_BITS_PER_TONE = 3
SYMBOL_BITS = 3 * _BITS_PER_TONE

# Scripts that do not separate words by spaces, by the first word of a character's Unicode name.
_SCRIPTS_WITHOUT_SPACES = frozenset(
    ("CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HALFWIDTH", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN")
)
_WITHIN_WORDS = frozenset(string.punctuation + "\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{RIGHT SINGLE QUOTATION MARK}")


def split_words(text: str) -> list[str]:
    """Split a text into the words that the tones distinguish.

    Words are separated by spaces and by punctuation other than ASCII's. Case and surrounding punctuation are ignored.
    In scripts without spaces, each character is a word, together with its combining marks.
    """
    spaced = "".join(_add_spaces(unicodedata.normalize("NFC", text)))
    stripped = (_strip_punctuation(word) for word in spaced.split())
    return [word.casefold() for word in stripped if word]


def word_code(word: str) -> int:
    """Return the number that encodes a word."""
    return int.from_bytes(sha256(word.encode()).digest()) % (1 << _WORD_BITS)


def speaker_code(speaker: Speaker) -> int:
    """Return the number that encodes a speaker."""
    return crc32(f"{speaker.variant} {speaker.pitch}".encode()) % (1 << _SPEAKER_BITS)


def encode_word(word: int, speaker: int) -> int:
    """Return the bits of a word and its speaker, with a checksum."""
    content = word << _SPEAKER_BITS | speaker
    return content << _CHECKSUM_BITS | _checksum(content)


def decode_word(bits: int) -> tuple[int, int] | None:
    """Return the word and the speaker, or None if the checksum is wrong."""
    content = bits >> _CHECKSUM_BITS
    word, speaker = content >> _SPEAKER_BITS, content % (1 << _SPEAKER_BITS)
    return (word, speaker) if encode_word(word, speaker) == bits else None


def synthesize_tones(text: str, speaker: Speaker) -> SpokenSamples:
    """Synthesize a text as tones."""
    code = speaker_code(speaker)
    bits = np.array([encode_word(word_code(word), code) for word in split_words(text)], np.int64)
    samples = _synthesize_words(bits).tobytes()
    return SpokenSamples(samples.ljust(round(MIN_SOUND_S * RATE) * 2, b"\0"), RATE)


def _add_spaces(text: str) -> Iterator[str]:
    """Yield the text's characters with spaces between all words."""
    after_single = False
    for character in text:
        category = unicodedata.category(character)
        if category in {"Cf", "Cc"} and not character.isspace():
            continue
        is_single = _is_single_word(character)
        if is_single or (after_single and category[0] != "M"):
            yield " "
        yield " " if category[0] == "P" and character not in _WITHIN_WORDS else character
        after_single = is_single or (after_single and category[0] == "M")


@cache
def _is_single_word(character: str) -> bool:
    """Return whether a character is a letter of a script without spaces."""
    script = unicodedata.name(character, "").partition(" ")[0]
    return script in _SCRIPTS_WITHOUT_SPACES and unicodedata.category(character)[0] == "L"


def _strip_punctuation(word: str) -> str:
    """Return a word without surrounding punctuation."""
    kept = [index for index, character in enumerate(word) if unicodedata.category(character)[0] != "P"]
    return word[kept[0] : kept[-1] + 1] if kept else ""


def _checksum(bits: int) -> int:
    return crc32(bits.to_bytes(8)) % (1 << _CHECKSUM_BITS)


def _synthesize_words(bits: npt.NDArray[np.int64]) -> npt.NDArray[np.int16]:
    """Return the samples of encoded words."""
    symbol, gap, before, after = (
        round(seconds * RATE) for seconds in (SYMBOL_SECONDS, _GAP_S, _SILENCE_BEFORE_S, _SILENCE_AFTER_S)
    )
    positions, values = _chords()
    symbol_values = bits[:, None] >> SYMBOL_BITS * np.arange(SYMBOLS)[::-1] & (1 << SYMBOL_BITS) - 1
    words = np.zeros((len(bits), before + SYMBOLS * (symbol + gap) + after), np.int16)
    symbols = words[:, before : before + SYMBOLS * (symbol + gap)].reshape(len(bits), SYMBOLS, symbol + gap)
    symbols[:, :, :symbol] = positions + values[symbol_values]
    return words.ravel()


@cache
def _chords() -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int16]]:
    """Return the samples of each position in a word and of each nine-bit value."""
    times = np.arange(round(SYMBOL_SECONDS * RATE)) / RATE
    fade = np.minimum(times, times[::-1]) / _FADE_S
    envelope = _AMPLITUDE * np.sin(np.pi / 2 * np.minimum(fade, 1)) ** 2
    tones = envelope * np.sin(2 * np.pi * TONES[:, None] * times)
    positions, high, middle, low = np.split(tones, np.cumsum(CHORD)[:-1])
    values = high[:, None, None] + middle[:, None] + low
    return positions.astype(np.int16), values.reshape(1 << SYMBOL_BITS, -1).astype(np.int16)
