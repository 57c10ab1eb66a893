"""Replacement of words while the text arrives."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
import re
from typing import Final

from .characters import is_combining, is_spaced_letter, is_unspaced_letter
from .lookahead import IncompleteInputError

_MAX_SPACE_CHARS: Final = 64
"""Maximum number of white space characters between two words of a match."""
_MAX_NUMBER_CHARS: Final = 32
_NUMBER_END: Final = re.compile(r"(?<!\w)(?<!\d[.,])\d+(?:[.,]\d+)*\Z")
_DECIMAL_MARK: Final = re.compile(r"\d[.,]\Z")
_IRREGULAR_SPACE: Final = re.compile(r"[^\S ]|\s{2}")
_SPACE_OR_WORD: Final = re.compile(r"\s+|\S+")
_ORDINAL_ENDS: Final = frozenset(("st", "nd", "rd", "th", "er", "e", "ª", "º"))
"""Ends of ordinals in lower case, which are not replaced after a number: "21st Main st"."""
_PREPARED_RULES: Final = 16
"""Number of lists of replacements that stay prepared, such as those of the voices."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """Words to speak instead of others."""

    find: str
    """Whole words, also directly after a number: "kWh" matches "3kWh".

    Without capitals, they match upper and lower case; a space matches any white space.
    """
    say: str
    is_unit: bool = False
    """Whether the words are a unit, which matches only after a number, or a unit with a whole number of its own."""


class _SortedWords:
    """Words to find, sorted so that those at the start of a text are found without trying all of them."""

    def __init__(self, words: Iterable[str]) -> None:
        """Sort the words."""
        self._sorted = sorted(words)
        self._prefixes: list[int] = []
        """For each of the words, the index of the longest others that they start with, or -1."""
        for index, found in enumerate(self._sorted):
            prefix = index - 1
            while prefix >= 0 and not found.startswith(self._sorted[prefix]):
                prefix = self._prefixes[prefix]
            self._prefixes.append(prefix)

    def may_complete(self, text: str) -> bool:
        """Return whether words start with a text and are longer."""
        index = bisect_right(self._sorted, text)
        return index < len(self._sorted) and self._sorted[index].startswith(text)

    def at_start_of(self, text: str) -> Iterator[str]:
        """Yield the words that a text starts with, the longest first."""
        index = bisect_right(self._sorted, text) - 1
        while index >= 0:
            if text.startswith(self._sorted[index]):
                yield self._sorted[index]
            index = self._prefixes[index]


class _Rules:
    """Replacements that are prepared for a search."""

    def __init__(self, replacements: Iterable[Replacement]) -> None:
        """Sort the replacements; if several have the same words, the first one applies."""
        self.exact: dict[str, str] = {}
        """What to say instead of words with capitals."""
        self.folded: dict[str, str] = {}
        """What to say instead of words without capitals."""
        self.units: set[str] = set()
        """Units in lower case."""
        for replacement in replacements:
            words = " ".join(replacement.find.split())
            if words and _fold(words) not in self.folded:
                says, key = (self.folded, _fold(words)) if words == words.lower() else (self.exact, words)
                if key not in says and replacement.is_unit:
                    self.units.add(_fold(words))
                says.setdefault(key, replacement.say)
        self.exact_words = _SortedWords(self.exact)
        self.folded_words = _SortedWords(self.folded)
        self.max_chars = max(map(len, (*self.exact, *self.folded)), default=0)
        letters = {_fold(words[0]) for words in (*self.exact, *self.folded)}
        self.first_letter = re.compile(f"[{''.join(map(re.escape, sorted(letters)))}]" if letters else r"(?!)")
        """Pattern of the folded letters that a match can start with."""


@lru_cache(_PREPARED_RULES)
def _prepare(replacements: tuple[Replacement, ...]) -> _Rules:
    return _Rules(replacements)


class _Window:
    """Text that has arrived, prepared for a search: each white space is one space."""

    def __init__(self, text: str, *, is_final: bool) -> None:
        """Prepare a text; without `is_final`, more text follows."""
        self.text = text
        self._is_final = is_final
        self._positions: Sequence[int] = range(len(text))
        """For each character of the prepared text, its position in the text."""
        self._exact = text
        if _IRREGULAR_SPACE.search(text):
            self._exact, self._positions = _normalize_space(text)
        self.folded = _fold(self._exact)

    def position(self, index: int) -> int:
        """Return the position in the text of a character of the prepared text."""
        return self._positions[index] if index < len(self._positions) else len(self.text)

    def match(self, rules: _Rules, start: int) -> tuple[str, int]:
        """Return what to say at the start of a word, and the index after the words that it replaces.

        The index is 0 if nothing is replaced. Raises IncompleteInputError if following text decides.
        """
        end = start + rules.max_chars
        exact, folded = self._exact[start:end], self.folded[start:end]
        is_incomplete = end > len(self._exact) and not self._is_final
        if is_incomplete and (rules.exact_words.may_complete(exact) or rules.folded_words.may_complete(folded)):
            raise IncompleteInputError
        exact_end = self._find_end(rules.exact_words.at_start_of(exact), start)
        folded_end = self._find_end(rules.folded_words.at_start_of(folded), start)
        if exact_end >= folded_end:
            return rules.exact.get(self._exact[start:exact_end], ""), exact_end
        return rules.folded[self.folded[start:folded_end]], folded_end

    def _find_end(self, matches: Iterable[str], start: int) -> int:
        """Return the index after the first match that ends with a word, or 0 if there is none."""
        for words in matches:
            end = start + len(words)
            if end == len(self._exact):
                if _may_continue(self._exact[end - 1]) and not self._is_final:
                    raise IncompleteInputError
                return end
            if not _is_within_word(self._exact[end - 1], self._exact[end]):
                return end
        return 0


class Replacer:
    """Replacer of words in a text that is still arriving: the longest first, and never within a replacement."""

    def __init__(self, replacements: Sequence[Replacement]) -> None:
        """Initialize the replacements; if several have the same words, the first one applies."""
        self._rules = _prepare(tuple(replacements))
        self._text = ""
        self._before = ""
        """The last characters before the text."""
        self._last = ""
        """The last character that was returned."""
        self._is_after_replacement = False

    def feed(self, text: str, *, is_final: bool = False) -> str:
        """Return the text that later text cannot change, with replacements."""
        window = _Window(self._text + text, is_final=is_final)
        output: list[str] = []
        copied = index = 0
        with suppress(IncompleteInputError):
            while first := self._rules.first_letter.search(window.folded, index):
                index = first.start()
                say, end = self._match(window, index)
                if end:
                    self._write(output, window.text[window.position(copied) : window.position(index)])
                    self._write(output, say, is_replacement=True)
                    copied = index = end
                else:
                    index += 1
            index = len(window.folded)
        position = window.position(index)
        self._write(output, window.text[window.position(copied) : position])
        self._before = self._peek_before(window, position)
        self._text = window.text[position:]
        return "".join(output)

    def _match(self, window: _Window, index: int) -> tuple[str, int]:
        """Return the replacement at an index and the end of the words that it replaces, or 0 if there is none."""
        start = window.position(index)
        first = window.text[start]
        previous = window.text[start - 1] if start else self._before[-1:]
        is_after_number = False
        if _is_within_word(previous, first):
            is_after_number = previous.isdigit() and bool(_NUMBER_END.search(self._peek_before(window, start)))
            if not is_after_number or not first.isalpha():
                return "", 0
        say, end = window.match(self._rules, index)
        if is_after_number and window.folded[index:end] in _ORDINAL_ENDS:
            return "", 0
        if window.folded[index:end] in self._rules.units:
            if not self._may_be_unit(window, start):
                return "", 0
            is_after_number = previous.isdigit()
        return f" {say}" if is_after_number and is_spaced_letter(say[:1]) else say, end

    def _may_be_unit(self, window: _Window, start: int) -> bool:
        """Return whether a unit may start at a position: after a number, or as a number without decimals before it."""
        before = self._peek_before(window, start)
        if window.text[start].isdigit():
            return not _DECIMAL_MARK.search(before)
        return bool(_NUMBER_END.search(before[:-1] if before[-1:].isspace() else before))

    def _peek_before(self, window: _Window, position: int) -> str:
        """Return the last characters before a position, which may end with a number."""
        return (self._before + window.text[max(0, position - _MAX_NUMBER_CHARS) : position])[-_MAX_NUMBER_CHARS:]

    def _write(self, output: list[str], text: str, *, is_replacement: bool = False) -> None:
        """Write text; between a replacement and other text, one of two spaces is dropped."""
        if not text:
            return
        is_doubled = (not self._last or self._last.isspace()) and text[0].isspace()
        if is_doubled and (is_replacement or self._is_after_replacement):
            text = text[1:]
        output.append(text)
        self._last = text[-1:] or self._last
        self._is_after_replacement = is_replacement


def replace_words(text: str, replacements: Sequence[Replacement]) -> str:
    """Return a complete text with its words replaced."""
    return Replacer(replacements).feed(text, is_final=True)


def _fold(text: str) -> str:
    """Return a text of the same length in lower case; each letter is folded independently of its neighbours."""
    return text.replace("İ", "i").replace("Σ", "σ").replace("ς", "σ").lower()  # noqa: RUF001


def _normalize_space(text: str) -> tuple[str, list[int]]:
    """Return a text with one space for each white space, and the positions of its characters in the text.

    White space that is too long to be part of a match becomes two spaces.
    """
    parts: list[str] = []
    positions: list[int] = []
    for match in _SPACE_OR_WORD.finditer(text):
        part = match.group()
        if part.isspace():
            part = " " if len(part) <= _MAX_SPACE_CHARS else "  "
        parts.append(part)
        positions += range(match.start(), match.start() + len(part))
    return "".join(parts), positions


def _is_within_word(previous: str, following: str) -> bool:
    """Return whether two characters belong to one word. In scripts without spaces, each letter is a word."""
    if not _may_continue(previous):
        return False
    return is_combining(following) or (_is_word_character(previous) and _is_word_character(following))


def _may_continue(last: str) -> bool:
    """Return whether a word may continue after a character."""
    return _is_word_character(last) or is_unspaced_letter(last)


def _is_word_character(character: str) -> bool:
    return character == "_" or is_spaced_letter(character)
