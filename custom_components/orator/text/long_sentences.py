"""Places to cut a sentence that is too long, or to start speaking before it ends."""

# ruff: noqa: RUF001 the punctuation of all scripts looks similar

from collections.abc import Callable, Iterator
from enum import IntEnum
from itertools import pairwise
from math import ceil
import re
from typing import Final, NamedTuple
from unicodedata import category, combining

from .characters import CLOSERS, END_MARKS, STRONG_END_MARKS, UNAMBIGUOUS_END_MARKS

_BREAKING_SPACE: Final = r"[^\S\u00a0\u202f]"
_SPACED_CLAUSES: Final = r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]"
"""Thai, Lao, Burmese and Khmer, which have spaces between clauses but not between words."""
_UNAMBIGUOUS_CLAUSE_MARK: Final = f"[、，；：—{UNAMBIGUOUS_END_MARKS}]"
CLAUSE_END: Final = re.compile(
    rf"""(?:
        [,;:،؛၊፣፤፥፦·՝…{STRONG_END_MARKS}][{re.escape(CLOSERS)}]*(?={_BREAKING_SPACE})
        | (?:(?<!\d){_UNAMBIGUOUS_CLAUSE_MARK}|(?<=\d){_UNAMBIGUOUS_CLAUSE_MARK}(?=\D))[{re.escape(CLOSERS)}]*
        | (?<=\D\s)[–-](?=\s)
        | (?<={_SPACED_CLAUSES})(?=[ ]{_SPACED_CLAUSES})
    )(?P<space>{_BREAKING_SPACE}*)""",
    re.VERBOSE,
)
"""End of a clause: not a comma or a colon in a number, and not a period, which may abbreviate."""
_SPACES_OR_WORD: Final = re.compile(rf"{_BREAKING_SPACE}+|[\S\u00a0\u202f]+")

_WIDE_LETTER: Final = re.compile("[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")
_HIRAGANA: Final = re.compile("[\u3041-\u309f]")
_NEVER_FIRST: Final = CLOSERS + "ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮー々、。，．！？：；"
"""Japanese and Chinese characters that belong to the preceding character."""
_NEVER_LAST: Final = "เแโใไເແໂໃໄ"
"""Thai and Lao vowels that belong to the following consonant."""

_EXTENDING_CHARACTERS: Final = "\u200c\u200d\u0e33\u0eb3\uff9e\uff9f\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"
_PREPENDED_CHARACTERS: Final = "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u08e2\U000110bd"
_JOINED_JAMO: Final = re.compile(
    "[\u1100-\u115f\ua960-\ua97c][\u1100-\u11a7\ua960-\ua97c\ud7b0-\ud7c6\uac00-\ud7a3]"
    "|[\u1160-\u11ff\ud7b0-\ud7fb\uac00-\ud7a3][\u1160-\u11ff\ud7b0-\ud7fb]"
)
_FLAG: Final = re.compile("[\U0001f1e6-\U0001f1ff]{2}")


class _CutQuality(IntEnum):
    """The quality of a place to cut; higher is better."""

    GRAPHEME = 0
    SYLLABLE = 1
    """Between two characters, one of which belongs to a script without spaces."""
    SCRIPT = 2
    """Where the script changes, after a Japanese ending, or after punctuation in a word."""
    WORD = 3
    CLAUSE = 4


class _Fragment(NamedTuple):
    """Text that is not cut any further."""

    text: str
    quality: _CutQuality
    """The quality of a cut after the fragment."""
    units: int


def split_first_clause(text: str, min_units: float, measure: Callable[[str], int] = len) -> tuple[str, str]:
    """Return the first clause of a minimum length and the rest; the clause is empty if there is none.

    The measure of a text should be about the sum of the measures of its parts.
    """
    units, position = 0, 0
    for match in CLAUSE_END.finditer(text):
        units += measure(text[position : match.start("space")])
        position = match.start("space")
        is_end_of_text = match.end() == len(text) and match[0][:1] in END_MARKS
        if units >= min_units and not is_end_of_text:
            return text[: match.end()], text[match.end() :]
    return "", text


def split_evenly(text: str, max_units: int, measure: Callable[[str], int] = len) -> list[str]:
    """Cut a text into similar pieces of at most `max_units`: after clauses, words or, as a last resort, graphemes.

    Words are cut only if they exceed the limit, and graphemes never. The measure of a text should be about the sum of
    the measures of its parts; pieces that measure more are halved until they fit.
    """
    if measure(text) <= max_units:
        return [text]
    limit = max(1, max_units)
    fragments = list(_split_into_fragments(text, limit, measure))
    remaining = sum(fragment.units for fragment in fragments)
    pieces: list[str] = []
    start = 0
    while start < len(fragments):
        target = remaining / ceil(remaining / limit) if remaining > limit else None
        end = _find_best_end(fragments, start, limit, target) if target else len(fragments)
        remaining -= sum(fragment.units for fragment in fragments[start:end])
        pieces.extend(_join_within_limit([fragment.text for fragment in fragments[start:end]], limit, measure))
        start = end
    return pieces


def _find_best_end(fragments: list[_Fragment], start: int, limit: int, target: float) -> int:
    """Return the end of a piece: the best cut from 0.5 to 1.5 times the target, or otherwise the nearest cut."""
    best, best_rank = start + 1, (-2, 0.0)
    units = 0
    for index in range(start, len(fragments)):
        fragment = fragments[index]
        units += fragment.units
        if units > limit:
            break
        distance = abs(units - target) + 2 * (not fragment.text[-1:].isspace())  # after a space rather than before it
        rank = (fragment.quality if target / 2 <= units <= target * 3 / 2 else -1, -distance)
        if rank > best_rank:
            best, best_rank = index + 1, rank
    return best


def _join_within_limit(texts: list[str], limit: int, measure: Callable[[str], int]) -> Iterator[str]:
    """Join texts into one piece, or into halves if the piece exceeds the limit."""
    text = "".join(texts)
    if len(texts) == 1 or measure(text) <= limit:
        yield text
    else:
        middle = len(texts) // 2
        yield from _join_within_limit(texts[:middle], limit, measure)
        yield from _join_within_limit(texts[middle:], limit, measure)


def _split_into_fragments(text: str, limit: int, measure: Callable[[str], int]) -> Iterator[_Fragment]:
    """Split into words and spaces, and into graphemes where these exceed the limit."""
    for word, quality in _split_into_words(text):
        units = measure(word)
        if units <= limit:
            yield _Fragment(word, quality, units)
            continue
        graphemes = list(_split_into_graphemes(word))
        for grapheme, following in pairwise(graphemes):
            yield _Fragment(grapheme, _rate_cut(grapheme[0], following[0]), measure(grapheme))
        yield _Fragment(graphemes[-1], quality, measure(graphemes[-1]))


def _split_into_words(text: str) -> Iterator[tuple[str, _CutQuality]]:
    """Split into words and the spaces between them, and after clauses."""
    word, quality = "", _CutQuality.WORD
    clause_ends = [match.end() for match in CLAUSE_END.finditer(text)]
    for start, end in pairwise([0, *clause_ends, len(text)]):
        for match in _SPACES_OR_WORD.finditer(text, start, end):
            if word and not _is_one_grapheme(word[-1], match[0][0]):
                yield word, quality
                word = ""
            word += match[0]
            quality = _CutQuality.CLAUSE if match.end() == end else _CutQuality.WORD
    yield word, quality


def _rate_cut(before: str, after: str) -> _CutQuality:
    """Return the quality of a cut in a word, between graphemes that start with two characters."""
    if before == "\u200b":
        return _CutQuality.WORD
    if after in _NEVER_FIRST or before in _NEVER_LAST or category(before) in ("Ps", "Pi"):
        return _CutQuality.GRAPHEME
    if category(before)[0] in "PZ" or (_HIRAGANA.match(before) and not _HIRAGANA.match(after)):
        return _CutQuality.SCRIPT
    if bool(_WIDE_LETTER.match(before)) is not bool(_WIDE_LETTER.match(after)):
        return _CutQuality.SCRIPT
    is_alphabetic = all(char.isdigit() or char.lower() != char.upper() for char in (before, after))
    return _CutQuality.GRAPHEME if is_alphabetic else _CutQuality.SYLLABLE


def _split_into_graphemes(text: str) -> Iterator[str]:
    """Split into user-perceived characters, never more finely than Unicode annex 29."""
    start = 0
    is_flag = False
    for index, (before, after) in enumerate(pairwise(text), 1):
        is_flag = not is_flag and bool(_FLAG.fullmatch(before + after))
        if not is_flag and not _is_one_grapheme(before, after):
            yield text[start:index]
            start = index
    yield text[start:]


def _is_one_grapheme(before: str, after: str) -> bool:
    """Return whether two characters belong to one grapheme. Flags are not considered."""
    if after < "\u0300":
        return (before == "\r" and after == "\n") or (before in _PREPENDED_CHARACTERS and after.isalnum())
    if before in _PREPENDED_CHARACTERS or after in _EXTENDING_CHARACTERS or "\U000e0020" <= after <= "\U000e007f":
        return True
    kind = category(after)
    if kind[0] == "M" or before == "\u200d" or (combining(before) == 9 and kind == "Lo"):
        return True
    return bool(_JOINED_JAMO.fullmatch(before + after))
