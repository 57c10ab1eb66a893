"""Says words differently, as the voice's user wants them said, on a stream."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
import re
from typing import Final

from .characters import is_mark, is_spaced_word, is_unspaced

_LONGEST_SPACE: Final = 64
"""Characters of space between two words of a match."""
_OPEN: Final = -1
_NONE: Final = 0


@dataclass(frozen=True, slots=True)
class Replacement:
    """What to say instead of what is written."""

    find: str
    """Whole words, in any case unless it has capitals; its spaces stand for any space."""
    say: str


@dataclass(frozen=True)
class _Rule:
    find: str
    say: str

    @cached_property
    def is_exact(self) -> bool:
        """Whether capitals matter."""
        return self.find != self.find.lower()

    @cached_property
    def letters(self) -> tuple[str, ...]:
        """The characters to compare with."""
        return tuple(self.find if self.is_exact else (character.lower() for character in self.find))

    @cached_property
    def first_letters(self) -> set[str]:
        """What a match can begin with."""
        first = self.find[0]
        return {first} if self.is_exact else {first, first.lower(), first.upper(), first.title()}

    def match(self, text: str, start: int, before: str, *, is_final: bool) -> int:
        """Return where a match that starts here ends, _OPEN where that depends on what follows, _NONE where none is."""
        if _is_inside_word(before, text[start]):
            return _NONE
        end = start
        for letter in self.letters:
            end = _skip_space(text, end) if letter == " " else _skip(text, end, letter, is_exact=self.is_exact)
            if end == _NONE:
                return _NONE
            if end == _OPEN:
                return _NONE if is_final else _OPEN
        if end == len(text):
            return end if is_final or not _can_go_on(text[end - 1]) else _OPEN
        return _NONE if _is_inside_word(text[end - 1], text[end]) else end


class Replacer:
    """Replaces on a stream: the longest first, and never in what it has replaced."""

    def __init__(self, replacements: Sequence[Replacement]) -> None:
        """Take the replacements; of two with the same `find`, the first counts."""
        rules = [_Rule(" ".join(one.find.split()), one.say) for one in replacements]
        self._rules: dict[str, list[_Rule]] = {}
        for rule in sorted((rule for rule in rules if rule.find), key=lambda rule: len(rule.find), reverse=True):
            for letter in rule.first_letters:
                self._rules.setdefault(letter, []).append(rule)
        self._starts = re.compile("|".join(map(re.escape, self._rules)) or r"(?!)")
        self._text = ""
        self._before = ""

    def feed(self, text: str, *, is_final: bool = False) -> str:
        """Return what is certain so far."""
        self._text += text
        said: list[str] = []
        done = at = 0
        while start := self._starts.search(self._text, at):
            at = start.start()
            rule, end = self._find(at, is_final=is_final)
            if end == _OPEN:
                break
            if rule:
                said += self._text[done:at], rule.say
                done = at = end
            else:
                at += 1
        else:
            at = len(self._text)
        said.append(self._text[done:at])
        self._before = self._text[at - 1] if at else self._before
        self._text = self._text[at:]
        return "".join(said)

    def _find(self, start: int, *, is_final: bool) -> tuple[_Rule | None, int]:
        """Return the first rule that matches, and where its match ends."""
        before = self._text[start - 1] if start else self._before
        for rule in self._rules.get(self._text[start], ()):
            end = rule.match(self._text, start, before, is_final=is_final)
            if end != _NONE:
                return rule, end
        return None, _NONE


def _skip(text: str, start: int, letter: str, *, is_exact: bool) -> int:
    """Return the end of one character, if it is the one expected."""
    if start == len(text):
        return _OPEN
    return start + 1 if (text[start] if is_exact else text[start].lower()) == letter else _NONE


def _skip_space(text: str, start: int) -> int:
    """Return the end of a run of space."""
    end = start
    while end < len(text) and text[end].isspace():
        end += 1
        if end - start > _LONGEST_SPACE:
            return _NONE
    if end == len(text):
        return _OPEN
    return end if end > start else _NONE


def _is_inside_word(before: str, after: str) -> bool:
    """Tell whether a word goes on between two characters; scripts without spaces do not tell."""
    return _can_go_on(before) and (is_mark(after) or (_is_of_word(before) and _is_of_word(after)))


def _is_of_word(character: str) -> bool:
    return character == "_" or is_spaced_word(character)


def _can_go_on(last: str) -> bool:
    """Tell whether the next character may belong to the same word, or be a mark on it."""
    return _is_of_word(last) or is_unspaced(last)
