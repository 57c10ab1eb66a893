"""What characters are: emoji, words of scripts with and without spaces, and the marks that end a sentence."""

# ruff: noqa: RUF001 the marks of all scripts look like others

import re
from typing import Final
import unicodedata

_KANA_AND_HAN: Final = (
    "\u3005-\u3007\u3040-\u30ff\u3100-\u312f\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f"
    "\U00020000-\U0003ffff"
)
UNSPACED: Final = _KANA_AND_HAN + "\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff"
"""Letters of the scripts that put no space between words, as a regular expression's class: Chinese, Japanese, Thai,
Lao, Tibetan, Burmese, Khmer."""

EMOJI: Final = (
    "\u231a\u231b\u2328\u23cf\u23e9-\u23f3\u23f8-\u23fa\u25aa\u25ab\u25b6\u25c0\u25fb-\u25fe"
    "\u2600-\u2604\u2607-\u266c\u2670-\u2712\u2715\u2719-\u2767\u2794-\u27bf\u2934\u2935\u2b1b\u2b1c\u2b55"
    "\u3030\u303d\U0001f000-\U0001f0ff\U0001f10d-\U0001f10f\U0001f16d-\U0001f1ff\U0001f200-\U0001faff"
    "\U000e0020-\U000e007f"
)
"""Pictures, as a regular expression's class, with the flags' letters and tags, and the tones of skin.

Not among them, because they are read aloud: digits, #, *, ©, ®, ™, °, arrows, ticks and crosses (✓ ✗), stars of a
rating (★ ⭐), sharps and flats (♯), numbers in circles.
"""
SPOKEN_EMOJI: Final = {
    "\u203c": "!",
    "\u2049": "!?",
    "\u2753": "?",
    "\u2754": "?",
    "\u2755": "!",
    "\u2757": "!",
    "\u2795": "+",
    "\u2796": "-",
    "\u2797": "÷",
    "\u2716": "×",
    "\U0001f51f": "10",
}
"""Emoji that stand for a mark or a number."""

END_MARKS: Final = ".!?…:;,—。！？：；，、．｡।॥؟۔،؛։።፧။។៕‽"
"""After one of these a heading or an item needs no full stop."""
REPEATABLE: Final = ".!?…,;¡¿。！？，؟"
"""Marks that people repeat for emphasis."""
CLOSERS: Final = "\"'”’»›)]}）］｝」』】》〉"
"""What may follow the end mark of a sentence and still belong to it."""

_FULL_STOPS: Final = (
    ("。", re.compile(f"[{_KANA_AND_HAN}]")),
    ("।", re.compile("[\u0900-\u09ff\u0a00-\u0a7f\u0b00-\u0b7f]")),
    ("։", re.compile("[\u0530-\u058f]")),
    ("።", re.compile("[\u1200-\u139f]")),
    ("။", re.compile("[\u1000-\u109f]")),
    ("។", re.compile("[\u1780-\u17ff]")),
)
_COMMAS: Final = (
    ("、", re.compile(f"[{_KANA_AND_HAN}]")),
    ("، ", re.compile("[\u0600-\u077f]")),
)
_TIGHT: Final = re.compile(f"[{_KANA_AND_HAN}\u3001-\u303f\uff00-\uff65]")
_UNSPACED: Final = re.compile(f"[{UNSPACED}]")


def is_unspaced(character: str) -> bool:
    """Tell whether it is a letter of a script that puts no space between words."""
    return bool(_UNSPACED.match(character))


def is_tight(character: str) -> bool:
    """Tell whether lines are joined without a space at this character."""
    return bool(_TIGHT.match(character))


def is_spaced_word(character: str) -> bool:
    """Tell whether it is part of a word, in a script that puts spaces between words."""
    return bool(character) and (character.isalnum() or is_mark(character)) and not is_unspaced(character)


def is_mark(character: str) -> bool:
    """Tell whether it combines with the character before it."""
    return bool(character) and unicodedata.category(character)[0] == "M"


def full_stop(text: str) -> str:
    """Return the full stop of the script that a text ends in."""
    return _suited(text, _FULL_STOPS, ".")


def comma(text: str) -> str:
    """Return the comma of the script that a text ends in, with the space after it."""
    return _suited(text, _COMMAS, ", ")


def _suited(text: str, choices: tuple[tuple[str, re.Pattern[str]], ...], default: str) -> str:
    letter = next((character for character in reversed(text) if character.isalpha()), "")
    return next((mark for mark, script in choices if script.match(letter)), default)
