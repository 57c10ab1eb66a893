"""Find the sentences of a text that is still arriving.

No library met the requirements. `sentence-stream` 1.3.0, which Home Assistant uses, takes quadratic time (0.07 s for
2,000 characters fed one by one, 2.0 s for 16,000), returns a sentence only when the next one has started, removes white
space and asterisks, splits "3. Mai", "z. B." and "Prof. Braun", and ignores the end marks of Armenian, Burmese,
Ethiopic and Khmer. `sentencex` is a binary. `pysbd` and `syntok` need the whole text and its language.
"""

# ruff: noqa: RUF001 the punctuation of all scripts looks similar

from enum import Enum, IntEnum, auto
import re
from typing import Final, NamedTuple
from unicodedata import category, east_asian_width

from .abbreviations import (
    ABBREVIATIONS,
    ABBREVIATIONS_BEFORE_LOWER_CASE,
    ABBREVIATIONS_BEFORE_NUMBERS,
    GERMAN_MONTHS,
    WORDS_BEFORE_ORDINALS,
)
from .characters import CLAUSE_MARKS, CLOSERS, END_MARKS, STRONG_END_MARKS, UNAMBIGUOUS_END_MARKS
from .lookahead import IncompleteInputError, Window

_CONTEXT_CHARS: Final = 80
"""Characters of the sentence before an end mark that a decision depends on."""
_MAX_END_MARK_CHARS: Final = 64
"""Characters of an end mark with the white space and the word after it."""
_LOOKAHEAD_CHARS: Final = 12
"""Characters of the word after an end mark."""
_THAI_PAUSE_CHARS: Final = _CONTEXT_CHARS
"""Characters of Thai or Lao, which have no end marks, after which a space ends a sentence."""

_LINE_ENDS: Final = "\n\v\f\x85\u2028\u2029"
_CLOSERS_EXCEPT_CHINESE: Final = "“‘«‹"
"""Quotation marks that close in German and Danish, but open in Chinese."""
_BEFORE_CLOSING_GUILLEMET: Final = "\u00a0\u202f\r"
"""White space that may precede a closing guillemet, or a line feed."""
_OPENERS: Final = "([{\"'“„«»‚‘’”‹›<*_¿¡–—-/"
_THAI_OR_LAO: Final = re.compile(r"[\u0e00-\u0eff]")
_THAI_PARTICLES: Final = ("ครับ", "ค่ะ", "คะ")
"""Polite particles at the end of sentences."""
_THAI_REPETITION_MARKS: Final = "ๆฯໆ"
"""Marks that follow a space but belong to the word before it."""
_GREEK_LETTER_END: Final = re.compile(r"[\u0370-\u03ff\u1f00-\u1fff]['\"”’»)]?\Z")

_STOP: Final = re.compile(rf"[;{re.escape(END_MARKS + _LINE_ENDS)}]")
_STOP_OR_PAUSE: Final = re.compile(rf"{_STOP.pattern}|(?<={_THAI_OR_LAO.pattern}) ")
_SPACED_GUILLEMET: Final = re.compile(f"[{_BEFORE_CLOSING_GUILLEMET}]+[»›]")
_SPACES: Final = re.compile(rf"[^\S{_LINE_ENDS}]*")
_NEXT_WORD: Final = re.compile(rf"[^\s{re.escape(END_MARKS)}]{{0,{_LOOKAHEAD_CHARS}}}")

_NUMBER_BEFORE_PERIOD: Final = re.compile(r"(?:\d{1,2}\.)*(\d{1,4})")
_INITIALS: Final = re.compile(r"(?:[^\W\d_]\.-?)*[^\W\d_]")
_ROMAN_NUMERAL: Final = re.compile(r"[IVXLCDM]{2,}")


class _MarkKind(IntEnum):
    """The kind of a run of end marks; the highest kind in the run counts."""

    PERIOD = 1
    ELLIPSIS = 2
    STRONG = 3
    UNAMBIGUOUS = 4


_MARK_KINDS: Final = (
    {".": _MarkKind.PERIOD, "…": _MarkKind.ELLIPSIS}
    | dict.fromkeys(STRONG_END_MARKS, _MarkKind.STRONG)
    | dict.fromkeys(UNAMBIGUOUS_END_MARKS, _MarkKind.UNAMBIGUOUS)
)


class _EndRule(Enum):
    """Condition under which a sentence ends at an end mark before white space."""

    ALWAYS = auto()
    NEVER = auto()
    UNLESS_LOWER_CASE = auto()
    """Unless a word in lower case follows."""
    UNLESS_NUMBER = auto()
    """Unless a number or a word in lower case follows."""
    UNLESS_ORDINAL = auto()
    """After a number, unless the text after it makes it an ordinal."""


_RULES_FOR_ABBREVIATIONS: Final = (
    dict.fromkeys(ABBREVIATIONS, _EndRule.NEVER)
    | dict.fromkeys(ABBREVIATIONS_BEFORE_LOWER_CASE, _EndRule.UNLESS_LOWER_CASE)
    | dict.fromkeys(ABBREVIATIONS_BEFORE_NUMBERS, _EndRule.UNLESS_NUMBER)
)


class _EndMark(NamedTuple):
    """End marks with closing quotation marks and the white space after them."""

    kind: _MarkKind
    is_closed: bool
    """Whether a closing quotation mark or bracket follows the marks."""
    length: int
    """Number of characters before the white space."""
    space: str


class SentenceSplitter:
    """Splitter that returns sentences as soon as later text cannot change them, however the text is split into deltas.

    A sentence ends with its mark, closing quotation marks and one character of white space; further white space starts
    the next sentence. A period after an abbreviation does not end a sentence. Sentences continue after quotations,
    brackets and ellipses before a word in lower case ('"Stop!" he said.'). A line feed always ends a sentence. In Thai
    and Lao, a space ends a sentence after a polite particle, and when the sentence is long.
    """

    def __init__(self) -> None:
        """Initialize the splitter without text."""
        self._reset()

    def _reset(self) -> None:
        self._parts: list[str] = []
        """The start of the sentence."""
        self._text = ""
        """The rest of the sentence that has arrived."""
        self._position = 0
        """Position in `_text` before which all marks have been decided."""

    @property
    def pending(self) -> str:
        """The text that has not been returned."""
        self._parts = ["".join(self._parts)]
        return self._parts[0] + self._text

    @property
    def is_pending_complete(self) -> bool:
        """Whether the pending text ends with a mark, so that it can be spoken if no text follows for a moment."""
        before, text = self._text[: self._position], self._text[self._position :]
        kind = _find_mark_kind(text[:1], before)
        if kind is None or not before.strip():
            return False
        mark = _read_end_mark(text, kind)
        is_numbered = mark.kind is _MarkKind.PERIOD and not mark.is_closed and before[-1:].isdigit()
        if is_numbered or mark.length + len(mark.space) < len(text):
            return False
        return _find_rule(mark, before) in (_EndRule.ALWAYS, _EndRule.UNLESS_LOWER_CASE, _EndRule.UNLESS_NUMBER)

    def feed(self, text: str) -> list[str]:
        """Return the sentences that later text cannot change, each with its white space."""
        return self._split(text, is_final=False) if text else []

    def finish(self) -> list[str]:
        """Return the remaining sentences."""
        sentences = self._split("", is_final=True)
        if pending := self.pending:
            sentences.append(pending)
        self._reset()
        return sentences

    def _split(self, text: str, *, is_final: bool) -> list[str]:
        text = self._text + text
        stop = _STOP if text.isascii() else _STOP_OR_PAUSE
        start, position = 0, self._position
        sentences: list[str] = []
        try:
            while match := stop.search(text, position):
                position = match.start()
                before = text[max(start, position - _CONTEXT_CHARS) : position]
                after = text[position : position + _MAX_END_MARK_CHARS]
                is_end, length = _find_end(Window(after, is_final or len(after) == _MAX_END_MARK_CHARS), before)
                position += length
                if is_end:
                    sentences.append("".join([*self._parts, text[start:position]]))
                    self._parts.clear()
                    start = position
        except IncompleteInputError:
            pass
        else:
            position = len(text)
        context_start = max(start, position - _CONTEXT_CHARS)
        self._parts.append(text[start:context_start])
        self._text = text[context_start:]
        self._position = position - context_start
        return sentences


def _find_end(window: Window, before: str) -> tuple[bool, int]:
    """Return whether a sentence ends with the mark after a text, and how many characters this decision covers.

    Raises IncompleteInputError if following text decides.
    """
    text = window.text
    if text[0] == " ":
        return _find_end_at_pause(window, before)
    kind = _find_mark_kind(text[0], before)
    if kind is None:
        # An empty line belongs to the next sentence.
        return text[0] in _LINE_ENDS and bool(before.strip()), 1
    mark = _read_end_mark(text, kind)
    if mark.length == len(text) and not window.is_final:
        raise IncompleteInputError
    if mark.space:
        return _find_end_at_space(window, mark, before)
    following = text[mark.length : mark.length + 1]
    is_line_end = following != "" and following in _LINE_ENDS
    return is_line_end or _ends_directly(mark, following), mark.length + is_line_end


def _find_end_at_pause(window: Window, before: str) -> tuple[bool, int]:
    """Decide like `_find_end` for a space after Thai or Lao: after a particle, or in a long text that continues."""
    if before.endswith(_THAI_PARTICLES):
        return True, 1
    if len(before) < _THAI_PAUSE_CHARS:
        return False, 1
    end = len(_match_at(_SPACES, window.text, 0))
    following = window.text[end : end + 1]
    if not following and not window.is_final:
        raise IncompleteInputError
    is_line_end = following != "" and following in _LINE_ENDS
    is_continued = bool(_THAI_OR_LAO.match(following)) and following not in _THAI_REPETITION_MARKS
    return is_line_end or is_continued, end + is_line_end


def _find_end_at_space(window: Window, mark: _EndMark, before: str) -> tuple[bool, int]:
    """Decide like `_find_end` for a mark before white space."""
    rule = _find_rule(mark, before)
    if rule is _EndRule.NEVER:
        return False, mark.length + 1
    if rule is _EndRule.ALWAYS and mark.space[0] not in _BEFORE_CLOSING_GUILLEMET:
        return True, mark.length + 1
    text = window.text
    end = mark.length + len(mark.space)
    if end == len(text) and not window.is_final:
        raise IncompleteInputError
    if end < len(text) and text[end] in _LINE_ENDS:
        return True, end + 1
    word = _match_at(_NEXT_WORD, text, end)
    is_whole = window.is_final or len(word) == _LOOKAHEAD_CHARS or end + len(word) < len(text)
    return _ends_before(Window(word, is_whole), rule, before), end


def _find_mark_kind(character: str, before: str) -> _MarkKind | None:
    """Return the kind of end mark that a character is after a text."""
    if character == ";":  # the Greek question mark
        return _MarkKind.STRONG if _GREEK_LETTER_END.search(before) else None
    if character == "．" and before[-1:].isdigit():
        return None
    return _MARK_KINDS.get(character)


def _read_end_mark(text: str, kind: _MarkKind) -> _EndMark:
    """Read a run of end marks; the kind of the first one is given."""
    is_closed = False
    end = 1
    while end < len(text):
        character = text[end]
        other = _MARK_KINDS.get(character)
        if other and not is_closed:
            kind = _MarkKind.ELLIPSIS if kind is other is _MarkKind.PERIOD else max(kind, other)
        elif character in CLOSERS or (character in _CLOSERS_EXCEPT_CHINESE and kind is not _MarkKind.UNAMBIGUOUS):
            is_closed = True
        elif guillemet := _SPACED_GUILLEMET.match(text, end):
            is_closed = True
            end = guillemet.end() - 1
        elif category(character) not in ("Mn", "Mc", "Me", "Cf"):
            break
        end += 1
    return _EndMark(kind, is_closed, end, _match_at(_SPACES, text, end))


def _match_at(pattern: re.Pattern[str], text: str, position: int) -> str:
    match = pattern.match(text, position)
    return match.group() if match else ""


def _ends_directly(mark: _EndMark, following: str) -> bool:
    """Return whether a sentence ends at its mark although no white space follows before a character."""
    if not following or following in _MARK_KINDS:
        return False
    if mark.kind is _MarkKind.UNAMBIGUOUS:
        # Japanese continues after a quotation: 「はい。」と言った。
        return following not in CLAUSE_MARKS and not (mark.is_closed and following in "とっ")
    if mark.kind is not _MarkKind.STRONG:
        return False
    return following in "¿¡" or category(following) in ("Lu", "Lt", "Lo", "Ps", "Pi", "So")


def _find_rule(mark: _EndMark, before: str) -> _EndRule:
    """Return the rule for an end mark before white space."""
    match mark.kind:
        case _MarkKind.UNAMBIGUOUS:
            return _EndRule.ALWAYS
        case _MarkKind.STRONG if not mark.is_closed:
            return _EndRule.ALWAYS
        case _MarkKind.PERIOD if not mark.is_closed:
            return _find_period_rule(before)
    return _EndRule.UNLESS_LOWER_CASE


def _find_period_rule(before: str) -> _EndRule:
    """Return the rule for a single period after a text.

    A sentence does not end after initials: joining "Plan A." and "Then" does less harm than speaking "J." alone.
    After a number, a single letter is a unit ("21 C. Then"). In Thai, a period always marks an abbreviation.
    """
    words = before.split()
    if not words or before[-1].isspace():
        return _EndRule.ALWAYS
    word = words[-1].lstrip(_OPENERS)
    previous = words[-2].lstrip(_OPENERS) if len(words) > 1 else ""
    if number := _NUMBER_BEFORE_PERIOD.fullmatch(word):
        return _find_number_rule(number[1], previous)
    if rule := _find_abbreviation_rule(word, previous):
        return rule
    if _THAI_OR_LAO.match(word[-1:]) or (_INITIALS.fullmatch(word) and east_asian_width(word[-1]) not in "WF"):
        return _EndRule.UNLESS_LOWER_CASE if previous[-1:].isdigit() else _EndRule.NEVER
    return _EndRule.UNLESS_LOWER_CASE if _ROMAN_NUMERAL.fullmatch(word) else _EndRule.ALWAYS


def _find_abbreviation_rule(word: str, previous: str) -> _EndRule | None:
    """Look up a word with the preceding one ("p. ex."), alone, and without an elided article ("l'avv.")."""
    names = (previous + word if previous.endswith(".") else word, word, re.split("['’-]", word)[-1])
    for name in names:
        rule = _RULES_FOR_ABBREVIATIONS.get(name) or _RULES_FOR_ABBREVIATIONS.get(name[:1].lower() + name[1:])
        if rule:
            return rule
    return None


def _find_number_rule(number: str, previous: str) -> _EndRule:
    """Return the rule for a period after a number.

    The sentence continues after a number at its start ("1. First") and after some German words ("am 3. Mai"). Otherwise
    it continues before a word in lower case ("den 3. maj"), after a short number before another ("3. 5. 2024"), and
    before a German month ("Montag, 3. Mai").
    """
    if len(number) < 4 and (not previous or previous.lower() in WORDS_BEFORE_ORDINALS):
        return _EndRule.NEVER
    return _EndRule.UNLESS_ORDINAL


def _ends_before(window: Window, rule: _EndRule, before: str) -> bool:
    """Return whether a sentence ends before a word.

    Raises IncompleteInputError if more of the word decides.
    """
    word = window.text.lstrip(_OPENERS)
    if rule is _EndRule.ALWAYS or (window.is_final and not word):
        return True
    if not word:
        raise IncompleteInputError
    if _is_lower(word[0]):
        return False
    if rule is _EndRule.UNLESS_NUMBER:
        return not word[0].isdigit()
    return rule is not _EndRule.UNLESS_ORDINAL or _ends_before_ordinal(Window(word, window.is_final), before)


def _ends_before_ordinal(window: Window, before: str) -> bool:
    """Return whether a sentence ends between a number and a word in upper case or another number."""
    word = window.text
    if word[0].isdigit():
        return before[-3:].isdigit()
    name = re.sub(r"\W.*", "", word)
    if window.is_final or name != word:
        return name not in GERMAN_MONTHS
    if any(month.startswith(name) for month in GERMAN_MONTHS):
        raise IncompleteInputError
    return True


def _is_lower(character: str) -> bool:
    """Return whether a letter cannot start a sentence. All Georgian letters are lower case."""
    return character.islower() and not "\u10d0" <= character <= "\u10ff"
