"""Find the sentences of a text that is still arriving.

No library met the requirements. `sentence-stream` 1.3.0, which Home Assistant uses, takes quadratic time (0.07 s for
2,000 characters fed one by one, 2.0 s for 16,000), returns a sentence only when the next one has started, removes white
space and asterisks, splits "3. Mai", "z. B." and "Prof. Braun", and ignores the end marks of Armenian, Burmese,
Ethiopic and Khmer. `sentencex` is a binary. `pysbd` and `syntok` need the whole text and its language.
"""

# ruff: noqa: RUF001 the punctuation of all scripts looks similar

from enum import IntEnum
import re
from typing import Final, NamedTuple
from unicodedata import category

from .abbreviations import (
    OPENERS,
    WORDS_AFTER_ORDINALS,
    EndRule,
    find_period_rule,
    is_after_armenian,
    is_number_of_item,
)
from .characters import CLAUSE_MARKS, CLOSERS, END_MARKS, STRONG_END_MARKS, UNAMBIGUOUS_END_MARKS
from .lookahead import IncompleteInputError, Window
from .quotations import MARK_OR_LINE_END, OpenQuotationError, closes_soon, find_closers

_CONTEXT_CHARS: Final = 80
"""Characters of the sentence before an end mark that a decision depends on."""
_MAX_END_MARK_CHARS: Final = 64
"""Characters of an end mark with the white space and the word after it."""
_LOOKAHEAD_CHARS: Final = 12
"""Characters of the word after an end mark."""
_MAX_QUOTATION_CHARS: Final = 20
"""Characters after an end mark in which a quotation has to close, or else the sentence ends inside it."""
_THAI_PAUSE_CHARS: Final = _CONTEXT_CHARS
"""Characters of Thai or Lao, which have no end marks, after which a space ends a sentence."""

_LINE_ENDS: Final = "\n\v\f\x85\u2028\u2029"
_CLOSERS_EXCEPT_CHINESE: Final = "“‘«‹"
"""Quotation marks that close in German and Danish, but open in Chinese."""
_BEFORE_CLOSING_GUILLEMET: Final = "\u00a0\u202f\r"
"""White space that may precede a closing guillemet, or a line feed."""
_THAI_OR_LAO: Final = re.compile(r"[\u0e00-\u0eff]")
_THAI_PARTICLES: Final = ("ครับ", "ค่ะ", "คะ")
"""Polite particles at the end of sentences."""
_THAI_REPETITION_MARKS: Final = "ๆฯໆ"
"""Marks that follow a space but belong to the word before it."""
_GREEK_LETTER_END: Final = re.compile(r"[\u0370-\u03ff\u1f00-\u1fff]['\"”’»)]?\Z")

_ASCII_STOP: Final = re.compile(r"[.!?\n\v\f]")
_STOP: Final = re.compile(rf"[;:{re.escape(END_MARKS + _LINE_ENDS)}]|(?<={_THAI_OR_LAO.pattern}) ")
"""End marks, line ends, Greek and Armenian marks, and Thai pauses."""
_SPACED_GUILLEMET: Final = re.compile(f"[{_BEFORE_CLOSING_GUILLEMET}]+[»›]")
_SPACED_GUILLEMET_AFTER_OPENING: Final = re.compile(f"[{_BEFORE_CLOSING_GUILLEMET} ]+[»›]")
_SPACES: Final = re.compile(rf"[^\S{_LINE_ENDS}]*")
_NEXT_WORD: Final = re.compile(
    rf"(?:[–—-][^\S{_LINE_ENDS}]+)?(?P<word>[^\s{re.escape(END_MARKS)}]{{0,{_LOOKAHEAD_CHARS}}}(?:\.\S?)?)"
)
"""The word after an end mark, maybe after a dash. Its period tells an initial, or the number of a list item."""
_NUMBER_OF_ITEM: Final = re.compile(r"\d{1,2}(?:\.|\.?\))")
_NUMERAL: Final = re.compile(r"[IVXLCDM]{2,}(?!\w)|[^\W\d_]\.")
"""A Roman numeral or an initial."""
_UNDECIDED_NUMBER: Final = re.compile(r"\d{1,2}\.?|[IVXLCDM]+|[^\W\d_]")
_DASHES: Final = ("–", "—", "-")


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


class _EndMark(NamedTuple):
    """End marks with closing quotation marks and the white space after them."""

    kind: _MarkKind
    is_closed: bool
    """Whether a closing quotation mark or bracket follows the marks."""
    length: int
    """Number of characters before the white space."""
    space: str
    open_closers: str
    """Marks that close the quotation around the marks; empty outside quotations."""


class SentenceSplitter:
    """Splitter that returns sentences as soon as later text cannot change them, however the text is split into deltas.

    A sentence ends with its mark, closing quotation marks and one character of white space; further white space starts
    the next sentence. A period after an abbreviation does not end a sentence; only a word that may be one waits for the
    following word. Sentences continue after quotations, brackets and ellipses before a word in lower case ('"Stop!" he
    said.'), and inside a quotation that closes soon. A line feed always ends a sentence. In Thai and Lao, a space ends
    a sentence after a polite particle, and when the sentence is long.
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
        self._undecided_chars = 0
        """Number of characters from `_position` on that leave the next decision open if they close no quotation."""

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
        mark = _read_end_mark(text, kind, before)
        is_numbered = mark.kind is _MarkKind.PERIOD and not mark.is_closed and before[-1:].isdigit()
        if is_numbered or mark.length + len(mark.space) < len(text):
            return False
        return _find_rule(mark, before) not in (EndRule.NEVER, EndRule.UNLESS_ORDINAL)

    def take(self, count: int) -> str:
        """Remove the first characters of the pending text and return them."""
        pending = self.pending
        offset = max(0, count - len(self._parts[0]))
        self._parts = [self._parts[0][count:]]
        self._text = self._text[offset:]
        self._position = max(0, self._position - offset)
        self._undecided_chars = 0
        return pending[:count]

    def feed(self, text: str) -> list[str]:
        """Return the sentences that later text cannot change, each with its white space."""
        if self._undecided_chars and self._is_undecided_by(text):
            self._text += text
            return []
        return self._split(text, is_final=False) if text else []

    def finish(self) -> list[str]:
        """Return the remaining sentences."""
        sentences = self._split("", is_final=True)
        if pending := self.pending:
            sentences.append(pending)
        self._reset()
        return sentences

    def _is_undecided_by(self, text: str) -> bool:
        """Return whether the next decision waits for a quotation to close that a text does not close."""
        chars = len(self._text) - self._position + len(text)
        return chars < self._undecided_chars and not MARK_OR_LINE_END.search(self._text[-1:] + text)

    def _split(self, text: str, *, is_final: bool) -> list[str]:
        text = self._text + text
        self._undecided_chars = 0
        stop = _ASCII_STOP if text.isascii() else _STOP
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
        except OpenQuotationError as error:
            self._undecided_chars = error.max_chars
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
    mark = _read_end_mark(text, kind, before)
    if mark.length == len(text) and not window.is_final:
        raise IncompleteInputError
    if mark.space:
        return _find_end_at_space(window, mark, before)
    following = text[mark.length : mark.length + 1]
    if following and following in _LINE_ENDS:
        return True, mark.length + 1
    return _ends_directly(mark, following) and not _is_in_short_quotation(window, mark), mark.length


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
    if rule is EndRule.NEVER:
        return False, mark.length + 1
    if rule is EndRule.ALWAYS and not mark.open_closers and mark.space[0] not in _BEFORE_CLOSING_GUILLEMET:
        return True, mark.length + 1
    text = window.text
    end = mark.length + len(mark.space)
    if end == len(text) and not window.is_final:
        raise IncompleteInputError
    if end < len(text) and text[end] in _LINE_ENDS:
        return True, end + 1
    if mark.is_closed and text[end : end + 1] == "(":
        return False, end  # the source of a quotation
    match = _NEXT_WORD.match(text, end)
    word = match["word"] if match else ""
    is_whole = window.is_final or len(word) >= _LOOKAHEAD_CHARS or (match is not None and match.end() < len(text))
    return _ends_before(Window(word, is_whole), rule, before) and not _is_in_short_quotation(window, mark), end


def _is_in_short_quotation(window: Window, mark: _EndMark) -> bool:
    """Return whether an end mark stands in a quotation that closes soon.

    Raises OpenQuotationError if following text decides.
    """
    if not mark.open_closers:
        return False
    return closes_soon(window, mark.length, mark.open_closers, mark.length + _MAX_QUOTATION_CHARS)


def _find_mark_kind(character: str, before: str) -> _MarkKind | None:
    """Return the kind of end mark that a character is after a text."""
    if character == ";":  # the Greek question mark
        return _MarkKind.STRONG if _GREEK_LETTER_END.search(before) else None
    if character == ":":  # the Armenian full stop, as keyboards have it
        return _MarkKind.STRONG if is_after_armenian(before) else None
    if character == "．" and before[-1:].isdigit():
        return None
    return _MARK_KINDS.get(character)


def _read_end_mark(text: str, kind: _MarkKind, before: str) -> _EndMark:
    """Read a run of end marks after a text; the kind of the first one is given."""
    is_closed = False
    end = 1
    open_closers = find_closers(before)
    spaced_guillemet = _SPACED_GUILLEMET_AFTER_OPENING if open_closers in ("»", "›") else _SPACED_GUILLEMET
    while end < len(text):
        character = text[end]
        other = _MARK_KINDS.get(character)
        if other and not is_closed:
            kind = _MarkKind.ELLIPSIS if kind is other is _MarkKind.PERIOD else max(kind, other)
        elif character in CLOSERS or (character in _CLOSERS_EXCEPT_CHINESE and kind is not _MarkKind.UNAMBIGUOUS):
            is_closed = True
        elif character.isspace():
            guillemet = spaced_guillemet.match(text, end)
            if not guillemet:
                break
            is_closed = True
            end = guillemet.end() - 1
        elif character.isascii() or category(character) not in ("Mn", "Mc", "Me", "Cf"):
            break
        end += 1
    return _EndMark(kind, is_closed, end, _match_at(_SPACES, text, end), "" if is_closed else open_closers)


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


def _find_rule(mark: _EndMark, before: str) -> EndRule:
    """Return the rule for an end mark before white space."""
    match mark.kind:
        case _MarkKind.UNAMBIGUOUS:
            return EndRule.ALWAYS
        case _MarkKind.STRONG if not mark.is_closed:
            is_dialogue = len(before) < _CONTEXT_CHARS and before.lstrip().startswith(_DASHES)
            return EndRule.UNLESS_LOWER_CASE if is_dialogue else EndRule.ALWAYS
        case _MarkKind.PERIOD if not mark.is_closed:
            return find_period_rule(before)
        case _MarkKind.PERIOD if is_number_of_item(before):
            return EndRule.NEVER
    return EndRule.UNLESS_LOWER_CASE


def _ends_before(window: Window, rule: EndRule, before: str) -> bool:
    """Return whether a sentence ends before a word.

    Raises IncompleteInputError if more of the word decides.
    """
    word = window.text.lstrip(OPENERS)
    if rule is EndRule.ALWAYS or (window.is_final and not word):
        return True
    if not word:
        raise IncompleteInputError
    if _is_lower(word[0]) or (word[0] == "." and before[-1:].isspace()):  # ". . ." is an ellipsis
        return False
    if rule is EndRule.UNLESS_ORDINAL:
        return _ends_before_ordinal(Window(word, window.is_final), before)
    if rule in (EndRule.UNLESS_DIGIT, EndRule.UNLESS_NUMBER):
        is_item = rule is EndRule.UNLESS_DIGIT and window.text[0] != "("
        return _ends_before_number(Window(word, window.is_final), rule, may_be_item=is_item)
    return True


def _ends_before_number(window: Window, rule: EndRule, *, may_be_item: bool) -> bool:
    """Return whether a sentence ends before a word that is not in lower case: not before most numbers."""
    word = window.text
    is_digit = word[0].isdigit()
    if word[0] in "№§" or (is_digit and not may_be_item):
        return False
    if rule is EndRule.UNLESS_DIGIT and not is_digit:
        return True
    if not window.is_final and _UNDECIDED_NUMBER.fullmatch(word):
        raise IncompleteInputError
    return bool(_NUMBER_OF_ITEM.fullmatch(word)) if is_digit else not _NUMERAL.match(word)


def _ends_before_ordinal(window: Window, before: str) -> bool:
    """Return whether a sentence ends between a number and a word in upper case or another number."""
    word = window.text
    if word[0].isdigit():
        return before[-3:].isdigit()
    name = re.sub(r"\W.*", "", word)
    if window.is_final or name != word:
        return name not in WORDS_AFTER_ORDINALS
    if any(month.startswith(name) for month in WORDS_AFTER_ORDINALS):
        raise IncompleteInputError
    return True


def _is_lower(character: str) -> bool:
    """Return whether a letter cannot start a sentence. All Georgian letters are lower case."""
    return character.islower() and not "\u10d0" <= character <= "\u10ff"
