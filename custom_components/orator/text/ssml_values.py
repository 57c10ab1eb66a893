"""Values of SSML attributes: rates, volumes, durations, languages and pronunciations.

W3C SSML 1.1 leaves the values of labels to the voice. Rates and breaks have those that Azure Speech publishes.
"""

# ruff: noqa: RUF001 letters of the International Phonetic Alphabet look like others

from collections.abc import Iterator
from itertools import batched
from math import inf, log10
import re
from typing import Final

MIN_RATE: Final = 0.25
MAX_RATE: Final = 4.0
MIN_STYLE_GAIN_DB: Final = -60.0
MAX_STYLE_GAIN_DB: Final = 12.0
MAX_PAUSE_S: Final = 10.0

_RATES: Final = {"x-slow": 0.5, "slow": 0.64, "medium": 1.0, "default": 1.0, "fast": 1.55, "x-fast": 2.0}
_GAINS_DB: Final = {
    "silent": -inf,
    "x-soft": -12.0,
    "soft": -6.0,
    "medium": 0.0,
    "default": 0.0,
    "loud": 4.0,
    "x-loud": 8.0,
}
_PAUSES_S: Final = {"none": 0.0, "x-weak": 0.25, "weak": 0.5, "medium": 0.75, "strong": 1.0, "x-strong": 1.25}
_DEFAULT_STRENGTH: Final = "medium"

_SIGNED_NUMBER: Final = r"(?P<sign>[+-]?)(?P<number>\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})"
_QUANTITY: Final = re.compile(rf"{_SIGNED_NUMBER}\s*(?P<unit>%|db)?", re.ASCII)
_DURATION: Final = re.compile(r"\+?(?P<number>\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})\s*(?P<unit>ms|s)", re.ASCII)
_XML_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,3}", re.ASCII)
_EXPRESSION: Final = re.compile(r"[^\W_]+(?:[ ,'’-]+[^\W_]+){0,5}")
_MAX_EXPRESSION_CHARS: Final = 60
_MAX_PRONUNCIATION_CHARS: Final = 200


def parse_rate(value: str, outer: float) -> float:
    """Return the factor of the speed that an attribute states; a value with a sign changes the outer factor.

    An invalid value returns the outer factor.
    """
    value = value.strip().lower()
    if value in _RATES:
        return _RATES[value]
    match = _QUANTITY.fullmatch(value)
    if not match or match["unit"] == "db":
        return outer
    number = float(match["number"]) / (100 if match["unit"] else 1)
    factors = {"": number, "+": outer * (1 + number), "-": outer * (1 - number)}
    return min(max(factors[match["sign"]], MIN_RATE), MAX_RATE)


def parse_volume(value: str, outer_db: float) -> float:
    """Return the gain in decibels that an attribute states; decibels and values with a sign change the outer gain.

    Numbers without a unit, as in SSML 1.0, are percentages of the full volume. An invalid value returns the outer gain.
    """
    value = value.strip().lower()
    if value in _GAINS_DB:
        return _GAINS_DB[value]
    match = _QUANTITY.fullmatch(value)
    if not match:
        return outer_db
    change = float(match["sign"] + match["number"])
    if match["unit"] == "db":
        return add_gains(outer_db, change)
    share = (100 + change if match["sign"] else change) / 100
    gain_db = 20 * log10(share) if share > 0 else -inf
    return add_gains(outer_db if match["sign"] else 0.0, gain_db)


def add_gains(first_db: float, second_db: float) -> float:
    """Return the sum of two gains, within the limits unless it is silence."""
    gain_db = first_db + second_db
    return gain_db if gain_db == -inf else min(max(gain_db, MIN_STYLE_GAIN_DB), MAX_STYLE_GAIN_DB)


def parse_pause(time: str, strength: str) -> float:
    """Return the duration of a break in seconds; an invalid time counts as none."""
    if match := _DURATION.fullmatch(time.strip().lower()):
        seconds = float(match["number"]) / (1000 if match["unit"] == "ms" else 1)
        return min(seconds, MAX_PAUSE_S)
    return _PAUSES_S.get(strength.strip().lower(), _PAUSES_S[_DEFAULT_STRENGTH])


def parse_language(value: str) -> str:
    """Return a language tag, or an empty text if the value is none."""
    value = value.strip()
    return value.replace("_", "-") if _XML_LANGUAGE.fullmatch(value) else ""


def parse_expression(value: str) -> str:
    """Return a manner of speaking in lower case with spaces between its words, or an empty text."""
    value = " ".join(value.replace("_", " ").replace("-", " ").split()).lower()
    return value if len(value) <= _MAX_EXPRESSION_CHARS and _EXPRESSION.fullmatch(value) else ""


def parse_pronunciation(value: str, alphabet: str) -> str:
    """Return a pronunciation in the International Phonetic Alphabet, or an empty text for another alphabet."""
    value = " ".join(value.split())
    if not 0 < len(value) <= _MAX_PRONUNCIATION_CHARS:
        return ""
    match alphabet.strip().lower():
        case "" | "ipa":
            return value
        case "x-sampa" | "xsampa":
            return _convert_x_sampa(value)
    return ""


# Source: J. C. Wells, "Computer-coding the IPA: a proposed extension of SAMPA" (1995).
_X_SAMPA_LETTERS: Final = r"""
    b_< ɓ   d` ɖ   d_< ɗ   g ɡ   g_< ɠ   h\ ɦ   j\ ʝ   l` ɭ   l\ ɺ   n` ɳ   p\ ɸ   r` ɽ   r\ ɹ   r\` ɻ   s` ʂ   s\ ɕ
    t` ʈ   v\ ʋ   x\ ɧ   z` ʐ   z\ ʑ   A ɑ   B β   B\ ʙ   C ç   D ð   E ɛ   F ɱ   G ɣ   G\ ɢ   G\_< ʛ   H ɥ   H\ ʜ   I ɪ
    J ɲ   J\ ɟ   J\_< ʄ   K ɬ   K\ ɮ   L ʎ   L\ ʟ   M ɯ   M\ ɰ   N ŋ   N\ ɴ   O ɔ   O\ ʘ   P ʋ   Q ɒ   R ʁ   R\ ʀ   S ʃ
    T θ   U ʊ   V ʌ   W ʍ   X χ   X\ ħ   Y ʏ   Z ʒ   @ ə   @\ ɘ   @` ɚ   { æ   } ʉ   1 ɨ   2 ø   3 ɜ   3\ ɞ   4 ɾ   5 ɫ
    6 ɐ   7 ɤ   8 ɵ   9 œ   & ɶ   ? ʔ   ?\ ʕ   <\ ʢ   >\ ʡ   !\ ǃ   |\ ǀ   |\|\ ǁ   =\ ǂ   -\ ‿   || ‖   ^ ꜛ   ! ꜜ
    " ˈ   % ˌ   : ː   :\ ˑ   ' ʲ   _j ʲ   _> ʼ   ` ˞   _G ˠ   _h ʰ   _l ˡ   _n ⁿ   _w ʷ   _?\ ˤ
"""
_X_SAMPA_DIACRITICS: Final = r"""
    _" 308   _+ 31f   _- 320   _/ 30c   _0 325   = 329   _= 329   _\ 302   _^ 32f   _} 31a   ~ 303   _~ 303   _A 318
    _a 33a   _B 30f   _c 31c   _d 32a   _e 334   _F 302   _H 301   _k 330   _L 300   _M 304   _m 33b   _N 33c   _O 339
    _o 31e   _q 319   _R 30c   _r 31d   _T 30b   _t 324   _v 32c   _X 306   _x 33d
"""
"""Combining characters, by their code points."""


def _parse_table(table: str) -> Iterator[tuple[str, str]]:
    return batched(table.split(), 2, strict=True)


_X_SAMPA: Final = dict(_parse_table(_X_SAMPA_LETTERS)) | {
    symbol: chr(int(code_point, 16)) for symbol, code_point in _parse_table(_X_SAMPA_DIACRITICS)
}
_X_SAMPA_SYMBOL: Final = re.compile("|".join(map(re.escape, sorted(_X_SAMPA, key=len, reverse=True))))


def _convert_x_sampa(value: str) -> str:
    return _X_SAMPA_SYMBOL.sub(lambda match: _X_SAMPA[match.group()], value)
