"""Classes of characters: punctuation, scripts, emoji."""

# ruff: noqa: RUF001 the punctuation of all scripts looks similar

import re
from typing import Final
import unicodedata

STRONG_END_MARKS: Final = "!?‼⁇⁈⁉‽\u037e"
"""Marks that end a sentence before white space or a capital."""
UNAMBIGUOUS_END_MARKS: Final = "。！？｡．؟۔։।॥။።፧፨។៕᠃᠉༎᱾᱿꯫߹෴"
"""Marks that end a sentence even if no white space follows."""
END_MARKS: Final = ".…" + STRONG_END_MARKS + UNAMBIGUOUS_END_MARKS
"""Marks that may end a sentence."""
CLAUSE_MARKS: Final = ",;:、，；：،؛"
"""Marks that separate clauses."""
NO_FULL_STOP_AFTER: Final = END_MARKS + CLAUSE_MARKS + "—"
"""Marks after which a heading or a list item needs no period."""
REPEATED_FOR_EMPHASIS: Final = ".!?…,;¡¿。！？，؟"
CLOSERS: Final = ")]}\"'”’»›」』）］｝】〉》〕〗｣"
"""Quotation marks and brackets that may follow the end mark of a sentence."""

KANA_AND_HAN: Final = (
    "\u3005-\u3007\u3040-\u30ff\u3100-\u312f\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f"
    "\U00020000-\U0003ffff"
)
"""Japanese and Chinese letters, for a character class of a regular expression."""
UNSPACED_SCRIPTS: Final = KANA_AND_HAN + "\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff"
"""Letters of scripts without spaces between words (also Thai, Lao, Tibetan, Burmese, Khmer), for a character class."""
EMOJI: Final = (
    "\u231a\u231b\u2328\u23cf\u23e9-\u23f3\u23f8-\u23fa\u25aa\u25ab\u25b6\u25c0\u25fb-\u25fe"
    "\u2600-\u2604\u2607-\u266c\u2670-\u2712\u2715\u2719-\u2767\u2794-\u27bf\u2934\u2935\u2b1b\u2b1c\u2b55"
    "\u3030\u303d\U0001f000-\U0001f0ff\U0001f10d-\U0001f10f\U0001f16d-\U0001f1ff\U0001f200-\U0001faff"
    "\U000e0020-\U000e007f"
)
"""Emoji, letters and tags of flags, and skin tones, for a character class.

Excluded are those that are spoken: digits, #, *, ©, ®, ™, °, arrows, check marks and crosses (✓ ✗), stars of a rating
(★ ⭐), sharps and flats (♯), circled numbers.
"""

STATUS_SIGNS: Final = {
    "✅": "✓",
    "☑": "✓",
    "✔": "✓",
    "❌": "✗",
    "❎": "✗",
    "✖": "✗",
    **{emoji: emoji for emoji in "🔒🔓🟢🔴🟡🟠"},
}
"""Emoji that tell a status at the start of a list item or a table cell, and the signs to speak.

Which word a sign stands for depends on the language, which only the voice knows.
"""
STANDALONE_EMOJI: Final = "🔵⚪⚫🟣🟤⚠🚫⛔👍👎🔋🪫🔌☀🌤⛅🌥☁🌦🌧⛈🌩🌨❄🌫🌙"
"""Emoji that are spoken only if they are all that a table cell or a label has: a status or the weather."""

_SYLLABIC: Final = re.compile(
    r"[\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\uff01-\uff60\uff66-\uff9f\U00020000-\U0003fffd]+"
)
"""Characters of the scripts in which one character is a syllable, and their punctuation, which is a pause."""
_LETTERS_PER_SYLLABLE: Final = 3

_UNSPACED_LETTER: Final = re.compile(f"[{UNSPACED_SCRIPTS}]")


def is_unspaced_letter(character: str) -> bool:
    """Return whether a character is a letter in a script without spaces between words."""
    return bool(_UNSPACED_LETTER.match(character))


def is_spaced_letter(character: str) -> bool:
    """Return whether a character is a letter, digit or combining mark in a script with spaces between words."""
    return bool(character) and (character.isalnum() or is_combining(character)) and not is_unspaced_letter(character)


def is_combining(character: str) -> bool:
    """Return whether a character combines with the preceding character."""
    return bool(character) and unicodedata.category(character)[0] == "M"


def is_space(character: str) -> bool:
    """Return whether a character is white space, or missing at the end of the text."""
    return not character or character.isspace()


def count_syllable_letters(text: str) -> int:
    """Return the letters that a text has as speech beyond its characters, because some characters are syllables."""
    return (_LETTERS_PER_SYLLABLE - 1) * sum(map(len, _SYLLABIC.findall(text)))


def is_speakable(text: str) -> bool:
    """Return whether a text contains more than punctuation and white space."""
    return any(unicodedata.category(character)[0] in "LNS" for character in set(text))
