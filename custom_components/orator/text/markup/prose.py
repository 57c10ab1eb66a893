"""Writes plain prose on a stream: single spaces, no emoji, one end mark where there were many."""

# ruff: noqa: RUF001 the marks of all scripts look like others

import re
from typing import Final

from ..characters import CLOSERS, EMOJI, END_MARKS, REPEATABLE, SPOKEN_EMOJI, comma, full_stop, is_tight

_UNSEEN: Final = "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\ufeff\ufffe\uffff\ud800-\udfff"
"""Controls, soft hyphens, byte order marks, halves of characters: nothing to say."""
_JOINER: Final = "\u200d"
_VARIANTS: Final = "\ufe0e\ufe0f\u20e3"
"""What makes a picture or a key of the character before it. The character itself is said: a key's digit is a word."""

_ODD: Final = f"{EMOJI}{''.join(SPOKEN_EMOJI)}{_UNSEEN}{_JOINER}{_VARIANTS}"
_WORD: Final = rf"[^\s{REPEATABLE}{_ODD}]++"
_PIECES: Final = re.compile(
    rf"(?P<space>\s+)|(?P<odd>[{_ODD}])|(?P<marks>[{REPEATABLE}]+)|(?P<words>{_WORD}(?: {_WORD})*+)"
)
_IS_UNSEEN: Final = re.compile(f"[{_UNSEEN}{_VARIANTS}]")
_MAY_REPEAT: Final = {".": 3, "…": 2}
_HARD_SPACES: Final = "\u00a0\u202f\u2007"
_TAIL: Final = 40

_SPACE, _WRAP, _COMMA, _PAUSE = " ", "\n", ",", "—"
_HUGS: Final = f"{END_MARKS})]}}）］｝」』】》〉".replace("—", "")
"""What stands close to the word before it, when only an emoji kept them apart."""


class Prose:
    """Takes words and pauses, hands out text. Space is written only when something follows it."""

    def __init__(self) -> None:
        """Begin a text."""
        self._out: list[str] = []
        self._gap = ""
        self._gap_is_of_emoji = False
        self._is_after_emoji = False
        self._is_fresh = True
        self._tail = ""
        self._marks = ""

    def take(self) -> str:
        """Return what has been written since the last time."""
        text = "".join(self._out)
        self._out.clear()
        return text

    def say(self, text: str, *, verbatim: bool = False) -> None:
        """Write words; in `verbatim` ones repeated marks stay."""
        for match in _PIECES.finditer(text):
            piece = match.group()
            match match.lastgroup:
                case "space":
                    self._space(piece)
                case "odd":
                    self._say_odd(piece)
                case "marks" if not verbatim:
                    self._say_marks(piece)
                case _:
                    self._put(piece)

    def wrap(self) -> None:
        """Let a line go on in the next one."""
        self._marks = ""
        if self._gap not in (_COMMA, _PAUSE):
            self._gap = _WRAP

    def comma(self) -> None:
        """Let a comma precede what follows."""
        self._gap = _COMMA

    def pause(self) -> None:
        """Let a dash precede what follows."""
        self._gap = _PAUSE

    def end_sentence(self) -> None:
        """End what has been said since the last break with a full stop, if it has no end mark."""
        if not self._is_fresh and self._last_of_sentence not in END_MARKS:
            self._gap = ""
            self._put(full_stop(self._tail))

    def line_break(self) -> None:
        """Begin a new line."""
        if not self._is_fresh:
            self._out.append("\n")
        self._is_fresh = True
        self._tail = self._marks = self._gap = ""
        self._gap_is_of_emoji = self._is_after_emoji = False

    @property
    def _last_of_sentence(self) -> str:
        return self._tail.rstrip(CLOSERS)[-1:] or self._tail[-1:]

    def _space(self, piece: str) -> None:
        self._marks = ""
        self._is_after_emoji = False
        if not self._gap:
            self._gap = piece if piece in _HARD_SPACES else _SPACE
        elif self._gap in _HARD_SPACES:
            self._gap = _SPACE

    def _say_odd(self, character: str) -> None:
        if said := SPOKEN_EMOJI.get(character):
            self._say_spoken(said)
        elif character == _JOINER:
            if not self._is_after_emoji:
                self._put(character)
        elif not _IS_UNSEEN.match(character):
            self._gap = self._gap or _SPACE
            self._gap_is_of_emoji = self._is_after_emoji = True

    def _say_spoken(self, said: str) -> None:
        """Write what an emoji stands for; an end mark only where there is none."""
        if said[0] not in END_MARKS:
            self.say(said)
        elif not self._is_fresh and self._last_of_sentence not in END_MARKS:
            self._gap = ""
            self.say(said)

    def _say_marks(self, piece: str) -> None:
        for mark in piece:
            if self._marks.count(mark) < _MAY_REPEAT.get(mark, 1):
                marks = self._marks
                self._put(mark)
                self._marks = marks + mark

    def _put(self, piece: str) -> None:
        """Write what is seen, after the gap before it."""
        if not self._is_fresh:
            self._write(self._filled(piece[0]))
        self._write(piece)
        self._is_fresh = self._gap_is_of_emoji = self._is_after_emoji = False
        self._gap = self._marks = ""

    def _write(self, text: str) -> None:
        self._out.append(text)
        self._tail = (self._tail + text[-_TAIL:])[-_TAIL:]

    def _filled(self, following: str) -> str:
        """Return what is written for the gap before a character."""
        is_ended = self._last_of_sentence in END_MARKS
        match self._gap:
            case gap if self._gap_is_of_emoji and gap not in (_COMMA, _PAUSE):
                return "" if following in _HUGS else _SPACE
            case "\n":
                return "" if is_tight(self._tail[-1:]) and is_tight(following) else _SPACE
            case ",":
                return _SPACE if is_ended else comma(self._tail)
            case "—":
                return _SPACE if is_ended else " — "
            case gap:
                return gap
