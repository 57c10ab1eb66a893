"""Replacement of words while the text arrives."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
import re
from typing import Final

from .characters import is_combining, is_spaced_letter, is_unspaced_letter
from .lookahead import IncompleteInputError, Window

_MAX_SPACE_CHARS: Final = 64
"""Maximum number of white space characters between two words of a match."""
_MAX_NUMBER_CHARS: Final = 32
_NUMBER_END: Final = re.compile(r"(?<!\w)(?<!\d[.,])\d+(?:[.,]\d+)*\Z")
_SPACE_OR_NOTHING: Final = re.compile(r"\s*")


@dataclass(frozen=True, slots=True)
class Replacement:
    """Words to speak instead of others."""

    find: str
    """Whole words, also directly after a number: "kWh" matches "3kWh".

    Without capitals, they match upper and lower case; a space matches any white space.
    """
    say: str


class _Pattern:
    """Matcher of the words of a replacement."""

    def __init__(self, find: str, say: str) -> None:
        """Compile the words of a replacement, which are separated by single spaces."""
        self.find = find
        self.say = say
        self._is_case_sensitive = find != find.lower()
        self._letters = [self._fold(letter) for letter in find]
        first = find[0]
        self.first_letters = (
            {first} if self._is_case_sensitive else {first, first.lower(), first.upper(), first.title()}
        )

    def match(self, window: Window, start: int) -> int:
        """Return the end of the match at the start of a word, or 0 if there is none.

        Raises IncompleteInputError if following text decides.
        """
        text = window.text
        end = start
        for letter in self._letters:
            if end == len(text):
                if window.is_final:
                    return 0
                raise IncompleteInputError
            length = self._measure(text, end, letter)
            if not length:
                return 0
            end += length
        if end < len(text):
            return 0 if _is_within_word(text[end - 1], text[end]) else end
        if _may_continue(text[end - 1]) and not window.is_final:
            raise IncompleteInputError
        return end

    def _measure(self, text: str, position: int, letter: str) -> int:
        """Return the length of a letter of the pattern in a text, or 0 if the text has another letter."""
        if letter != " ":
            return int(self._fold(text[position]) == letter)
        space = _SPACE_OR_NOTHING.match(text, position)
        length = space.end() - position if space else 0
        return length if length <= _MAX_SPACE_CHARS else 0

    def _fold(self, letter: str) -> str:
        return letter if self._is_case_sensitive else letter.lower()


class Replacer:
    """Replacer of words in a text that is still arriving: the longest first, and never within a replacement."""

    def __init__(self, replacements: Sequence[Replacement]) -> None:
        """Initialize the replacements; if several have the same words, the first one applies."""
        patterns = [_Pattern(find, one.say) for one in replacements if (find := " ".join(one.find.split()))]
        self._patterns: dict[str, list[_Pattern]] = {}
        """Patterns by the characters that a match can start with."""
        for pattern in sorted(patterns, key=lambda pattern: len(pattern.find), reverse=True):
            for letter in pattern.first_letters:
                self._patterns.setdefault(letter, []).append(pattern)
        self._first_letter = re.compile("|".join(map(re.escape, self._patterns)) or r"(?!)")
        self._text = ""
        self._before = ""
        """The last characters before the text."""
        self._last = ""
        """The last character that was returned."""
        self._is_after_replacement = False

    def feed(self, text: str, *, is_final: bool = False) -> str:
        """Return the text that later text cannot change, with replacements."""
        window = Window(self._text + text, is_final)
        output: list[str] = []
        copied = position = 0
        with suppress(IncompleteInputError):
            while first := self._first_letter.search(window.text, position):
                position = first.start()
                say, end = self._match(window, position)
                if end:
                    self._write(output, window.text[copied:position])
                    self._write(output, say, is_replacement=True)
                    copied = position = end
                else:
                    position += 1
            position = len(window.text)
        self._write(output, window.text[copied:position])
        self._before = self._peek_before(window, position)
        self._text = window.text[position:]
        return "".join(output)

    def _match(self, window: Window, start: int) -> tuple[str, int]:
        """Return the replacement at a position and the end of the words that it replaces, or 0 if there is none."""
        first = window.text[start]
        previous = window.text[start - 1] if start else self._before[-1:]
        is_after_number = False
        if _is_within_word(previous, first):
            is_after_number = previous.isdigit() and bool(_NUMBER_END.search(self._peek_before(window, start)))
            if not is_after_number or not first.isalpha():
                return "", 0
        for pattern in self._patterns.get(first, ()):
            if end := pattern.match(window, start):
                is_joined = is_after_number and is_spaced_letter(pattern.say[:1])
                return f" {pattern.say}" if is_joined else pattern.say, end
        return "", 0

    def _peek_before(self, window: Window, position: int) -> str:
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
