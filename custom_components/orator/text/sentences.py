"""Where sentences end, on a stream; and where to cut one that is too long.

Written here because the libraries measured worse. `sentence-stream` 1.3.0, Home Assistant's own, fed "abc defg" letter
by letter takes 0.07 s for 2,000 characters and 2.0 s for 16,000, which is quadratic; it gives a sentence out when the
next one has begun, or not at all when that begins in lower case; it strips white space and asterisks, so that its
sentences do not add up to the text; it splits "3. Mai", "z. B.", "Prof. Braun", "e.g. Fred"; and it misses the marks of
Armenian, Burmese, Ethiopic, Khmer. `sentencex` is a binary; `pysbd` and `syntok` want the whole text and its language.
"""
# ruff: noqa: RUF001 the marks of all scripts look like others

from collections.abc import Callable, Iterator
from enum import IntEnum
from itertools import pairwise
from math import ceil
import re
from typing import Final, NamedTuple
from unicodedata import category, combining

from .abbreviations import (
    CLOSERS,
    END_MARKS,
    NEWLINES,
    STRONG_MARKS,
    THAI_OR_LAO,
    WIDE_MARKS,
    Kind,
    Rule,
    ends_before,
    ends_directly,
    find_kind,
    find_rule,
    is_closer,
)

_TIED: Final = "\u00a0\u202f\r"
"""White space that does not end anything yet: a closing guillemet may follow, or a line feed."""
_STOP: Final = re.compile(rf"[;{re.escape(END_MARKS + NEWLINES)}]")
_STOP_OR_PAUSE: Final = re.compile(rf"{_STOP.pattern}|(?:(?<={THAI_OR_LAO.pattern})|\A) ")

_CONTEXT: Final = 48
"""How many characters before a mark a decision looks at."""
_PATIENCE: Final = 12
"""How many characters after a mark a decision waits for."""


class SentenceSplitter:
    """Gives sentences out as soon as they are certain, however the text is divided.

    A sentence ends with its mark, closing quotes and one character of white space; more of that begins the next one. A
    period ends nothing where the word before it says so. What is in quotes or brackets goes on when a lower-case word
    follows ('"Stop!" he said.'), and so does an ellipsis. A line feed always ends. In Thai and Lao a space ends a
    sentence after a polite particle or when it has become long. It takes time in proportion to what is fed.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self._begin()

    def _begin(self) -> None:
        """Begin a sentence."""
        self._parts: list[str] = []
        self._before = ""
        self._length = 0
        self._has_content = False
        self._forget_mark()

    def _forget_mark(self) -> None:
        """Go back to reading text: no mark waits for a decision."""
        self._kind: Kind | None = None
        self._mark: list[str] = []
        self._is_closed = False
        self._space = ""
        self._rule = Rule.ENDS
        self._ahead = ""

    @property
    def rest(self) -> str:
        """What has been fed and not yet been given out."""
        self._parts = ["".join(self._parts)]
        return self._parts[0] + "".join(self._mark) + self._ahead

    @property
    def rest_is_complete(self) -> bool:
        """Whether the rest ends with a mark at which it can be spoken if nothing follows for a moment."""
        if self._kind in (None, Kind.PAUSE) or self._ahead or not self._has_content:
            return False
        if self._kind is Kind.PERIOD and not self._is_closed and self._before[-1:].isdigit():
            return False
        return self._find_rule() in (Rule.ENDS, Rule.UNLESS_LOWER, Rule.UNLESS_NUMBER)

    def feed(self, text: str) -> list[str]:
        """Return the sentences that are certain now, each with its white space."""
        sentences: list[str] = []
        stop = _STOP_OR_PAUSE if THAI_OR_LAO.search(self._before[-1:] + text) else _STOP
        position = 0
        while position < len(text):
            if self._kind is None:
                position = self._read(text, position, stop, sentences)
            elif self._follow(text[position], sentences):
                position += 1
        return sentences

    def finish(self) -> list[str]:
        """Return what is left."""
        sentences: list[str] = []
        if self._ahead:
            self._decide(sentences, is_whole=True)
        if rest := self.rest:
            sentences.append(rest)
        self._begin()
        return sentences

    def _read(self, text: str, position: int, stop: re.Pattern[str], sentences: list[str]) -> int:
        """Read up to the next mark and return the position after it."""
        match = stop.search(text, position)
        self._add(text[position : match.start() if match else len(text)])
        if match is None:
            return len(text)
        mark = match[0]
        if mark in NEWLINES:
            self._add(mark)
            self._end(sentences)
        elif (kind := find_kind(mark, self._before)) is None:
            self._add(mark)
        else:
            self._kind = kind
            self._mark.append(mark)
            if kind is Kind.PAUSE:
                self._reach_space(mark, sentences)
        return match.end()

    def _add(self, text: str) -> None:
        """Make text part of the sentence."""
        if text:
            self._parts.append(text)
            self._before = (self._before + text[-_CONTEXT:])[-_CONTEXT:]
            self._length += len(text)
            self._has_content = self._has_content or not text.isspace()

    def _follow(self, char: str, sentences: list[str]) -> bool:
        """Look at a character after a mark; False when it is to be looked at again."""
        if char in NEWLINES and not self._ahead:
            self._mark.append(char)
            self._add_mark()
            self._end(sentences)
            return True
        if self._space:
            return self._follow_space(char, sentences)
        return self._follow_mark(char, sentences)

    def _follow_mark(self, char: str, sentences: list[str]) -> bool:
        """Look at a character directly after a mark."""
        if kind := find_kind(char, ""):
            if self._is_closed:
                self._add_mark()
                return False
            self._kind = Kind.ELLIPSIS if kind is self._kind is Kind.PERIOD else max(kind, self._kind or kind)
        elif is_closer(char, self._kind):
            self._is_closed = True
        elif char.isspace():
            self._mark.append(char)
            self._reach_space(char, sentences)
            return True
        elif category(char) not in ("Mn", "Mc", "Me", "Cf"):
            self._resolve(sentences, ends=ends_directly(self._kind, char, is_closed=self._is_closed))
            return False
        self._mark.append(char)
        return True

    def _reach_space(self, space: str, sentences: list[str]) -> None:
        """Decide at white space after a mark, or begin to look ahead."""
        self._space = space
        self._rule = self._find_rule()
        if self._rule is Rule.GOES_ON:
            self._add_mark()
        elif self._rule is Rule.ENDS and space not in _TIED:
            self._resolve(sentences, ends=True)

    def _follow_space(self, char: str, sentences: list[str]) -> bool:
        """Look at a character after a mark and white space."""
        is_stop = char.isspace() or find_kind(char, "") is not None
        if self._ahead and is_stop:
            self._decide(sentences, is_whole=True)
            return False
        if char.isspace():
            self._mark.append(char)
            self._space = char
        elif char in "»›" and self._space in _TIED and not self._ahead:
            self._mark.append(char)
            self._is_closed, self._space = True, ""
        elif is_stop:
            self._resolve(sentences, ends=self._rule is not Rule.AT_PAUSE)
            return False
        else:
            self._ahead += char
            self._decide(sentences, is_whole=False)
        return True

    def _decide(self, sentences: list[str], *, is_whole: bool) -> None:
        """Decide by what follows the white space, if it suffices."""
        is_whole = is_whole or len(self._ahead) >= _PATIENCE
        ends = ends_before(self._ahead, self._rule, self._before, is_whole=is_whole)
        if ends is not None:
            self._resolve(sentences, ends=ends)

    def _find_rule(self) -> Rule:
        """Find what decides about the mark."""
        return find_rule(self._kind, self._before, self._length, is_closed=self._is_closed)

    def _resolve(self, sentences: list[str], *, ends: bool) -> None:
        """End the sentence at its mark, or go on with it."""
        ahead = self._ahead
        self._add_mark()
        if ends:
            self._end(sentences)
        self._add(ahead)

    def _add_mark(self) -> None:
        """Make the mark part of the sentence."""
        mark = "".join(self._mark)
        self._forget_mark()
        self._add(mark)

    def _end(self, sentences: list[str]) -> None:
        """Give the sentence out; an empty line belongs to the next one."""
        if self._has_content:
            sentences.append("".join(self._parts))
            self._begin()


_SPACE: Final = r"[^\S\u00a0\u202f]"
_PHRASED: Final = r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]"
"""Thai, Lao, Burmese and Khmer, where a space stands between clauses, not between words."""
_FREE: Final = f"[、，；：—{WIDE_MARKS}]"
_CLAUSE: Final = re.compile(
    rf"""(?:
        [,;:،؛၊፣፤፥፦·՝…{STRONG_MARKS}][{re.escape(CLOSERS)}]*(?={_SPACE})
        | (?:(?<!\d){_FREE}|(?<=\d){_FREE}(?=\D))[{re.escape(CLOSERS)}]*
        | (?<=\D\s)[–-](?=\s)
        | (?<={_PHRASED})(?=[ ]{_PHRASED})
    )(?P<space>{_SPACE}*)""",
    re.VERBOSE,
)
"""The end of a clause. A comma or colon in a number is none, nor is the period of an abbreviation."""
_WORD: Final = re.compile(rf"{_SPACE}+|[\S\u00a0\u202f]+")
_WIDE_LETTER: Final = re.compile("[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")
_HIRAGANA: Final = re.compile("[\u3041-\u309f]")
_NEVER_FIRST: Final = CLOSERS + "ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮー々、。，．！？：；"
_NEVER_LAST: Final = "เแโใไເແໂໃໄ"
"""What belongs to the character before it in Japanese and Chinese, or to the one after it in Thai and Lao."""

_EXTENDING: Final = "\u200c\u200d\u0e33\u0eb3\uff9e\uff9f\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"
_PREPENDED: Final = "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u08e2\U000110bd"
_JAMO: Final = re.compile(
    "[\u1100-\u115f\ua960-\ua97c][\u1100-\u11a7\ua960-\ua97c\ud7b0-\ud7c6\uac00-\ud7a3]"
    "|[\u1160-\u11ff\ud7b0-\ud7fb\uac00-\ud7a3][\u1160-\u11ff\ud7b0-\ud7fb]"
)
_FLAG: Final = re.compile("[\U0001f1e6-\U0001f1ff]{2}")


class _Rank(IntEnum):
    """How good it is to cut behind something."""

    GRAPHEME = 0
    SYLLABLE = 1
    """Between characters, at least one of which is of a script without spaces."""
    RUN = 2
    """Where such a script begins or ends, a Japanese ending is over, or behind punctuation inside a word."""
    WORD = 3
    CLAUSE = 4


class _Atom(NamedTuple):
    """What is not cut."""

    text: str
    rank: _Rank
    units: int


def split_first_clause(text: str, min_chars: int) -> tuple[str, str]:
    """Return the first clause of at least so many characters, and the rest; no clause when there is no such end."""
    for match in _CLAUSE.finditer(text):
        is_end = match.end() == len(text) and match[0][:1] in END_MARKS
        if match.start("space") >= min_chars and not is_end:
            return text[: match.end()], text[match.end() :]
    return "", text


def split_evenly(sentence: str, max_units: int, measure: Callable[[str], int] = len) -> list[str]:
    """Cut into pieces of about the same size and at most `max_units`: behind clauses, else words, else graphemes.

    Only a word longer than the limit is cut, and a grapheme never is, however long. `measure` should say about the same
    of a text as of its parts together; where it says more, pieces are halved until they fit.
    """
    if measure(sentence) <= max_units:
        return [sentence]
    limit = max(1, max_units)
    atoms = list(_atoms(sentence, limit, measure))
    left = sum(atom.units for atom in atoms)
    pieces: list[str] = []
    start = 0
    while start < len(atoms):
        end = len(atoms) if left <= limit else _find_end(atoms, start, limit, left / ceil(left / limit))
        left -= sum(atom.units for atom in atoms[start:end])
        pieces.extend(_halved([atom.text for atom in atoms[start:end]], limit, measure))
        start = end
    return pieces


def _find_end(atoms: list[_Atom], start: int, limit: int, aim: float) -> int:
    """Find where a piece of about `aim` units best ends: at a good place not far from that, else near to it."""
    best, best_key = start + 1, (-2, 0.0)
    used = 0
    for index in range(start, len(atoms)):
        used += atoms[index].units
        if used > limit:
            break
        distance = abs(used - aim) + 2 * (not atoms[index].text[-1:].isspace())  # rather behind a space than before it
        key = (atoms[index].rank if aim / 2 <= used <= aim * 3 / 2 else -1, -distance)
        if key > best_key:
            best, best_key = index + 1, key
    return best


def _halved(texts: list[str], limit: int, measure: Callable[[str], int]) -> Iterator[str]:
    """Join the atoms of a piece, in halves if it measures more than they did."""
    text = "".join(texts)
    if len(texts) == 1 or measure(text) <= limit:
        yield text
    else:
        middle = len(texts) // 2
        yield from _halved(texts[:middle], limit, measure)
        yield from _halved(texts[middle:], limit, measure)


def _atoms(sentence: str, limit: int, measure: Callable[[str], int]) -> Iterator[_Atom]:
    """Divide into words and spaces, and into graphemes where these are over the limit."""
    for text, rank in _words(sentence):
        units = measure(text)
        if units <= limit:
            yield _Atom(text, rank, units)
            continue
        graphemes = list(_graphemes(text))
        for one, other in pairwise(graphemes):
            yield _Atom(one, _rank_between(one, other[0]), measure(one))
        yield _Atom(graphemes[-1], rank, measure(graphemes[-1]))


def _words(sentence: str) -> Iterator[tuple[str, _Rank]]:
    """Divide into words and the spaces between them, and behind each clause."""
    text, rank = "", _Rank.WORD
    clauses = [match.end() for match in _CLAUSE.finditer(sentence)]
    for start, end in pairwise([0, *clauses, len(sentence)]):
        for match in _WORD.finditer(sentence, start, end):
            if text and not _is_joined(text[-1], match[0][0]):
                yield text, rank
                text = ""
            text += match[0]
            rank = _Rank.CLAUSE if match.end() == end else _Rank.WORD
    yield text, rank


def _rank_between(one: str, after: str) -> _Rank:
    """Tell how good it is to cut a word behind this grapheme and before that character."""
    before = one[0]
    if before == "\u200b":
        return _Rank.WORD
    if after in _NEVER_FIRST or before in _NEVER_LAST or category(before) in ("Ps", "Pi"):
        return _Rank.GRAPHEME
    if category(before)[0] in "PZ" or (_HIRAGANA.match(before) and not _HIRAGANA.match(after)):
        return _Rank.RUN
    if bool(_WIDE_LETTER.match(before)) is not bool(_WIDE_LETTER.match(after)):
        return _Rank.RUN
    is_inside = all(char.isdigit() or char.lower() != char.upper() for char in (before, after))
    return _Rank.GRAPHEME if is_inside else _Rank.SYLLABLE


def _graphemes(text: str) -> Iterator[str]:
    """Divide into what a reader takes for one character (Unicode annex 29; never more finely than that)."""
    start = 0
    is_flag = False
    for index, (before, after) in enumerate(pairwise(text), 1):
        is_flag = not is_flag and bool(_FLAG.fullmatch(before + after))
        if not is_flag and not _is_joined(before, after):
            yield text[start:index]
            start = index
    yield text[start:]


def _is_joined(before: str, after: str) -> bool:
    """Tell whether two characters belong to one grapheme, except flags."""
    if after < "\u0300":
        return (before == "\r" and after == "\n") or (before in _PREPENDED and after.isalnum())
    kind = category(after)
    if kind[0] == "M" or after in _EXTENDING or "\U000e0020" <= after <= "\U000e007f" or before in _PREPENDED:
        return True
    if before == "\u200d" or (combining(before) == 9 and kind == "Lo"):
        return True
    return bool(_JAMO.fullmatch(before + after))
