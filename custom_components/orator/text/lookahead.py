"""Decisions about text that is still arriving.

A decision looks at a window of limited length, and raises `IncompleteInputError` until no following text can change the
decision. So it does not matter how the text is split into deltas, and little text is held back.
"""

from collections.abc import Sequence
import re
from typing import Final, NamedTuple, Self

_WINDOW_CHARS: Final = 300
MAX_PROSE_CHARS: Final = 100
"""Length of text without marks of code or mathematics from which an opening delimiter is taken for prose."""


class IncompleteInputError(Exception):
    """Text that has not arrived yet can change a decision."""


class Window(NamedTuple):
    """Text that a decision depends on."""

    text: str
    is_final: bool
    """Whether following text is ignored, because there is none or the window has its full length."""


class Syntax:
    """A pattern that matches only when no following text can change the result."""

    def __init__(self, whole: str, start: str, flags: re.RegexFlag = re.NOFLAG) -> None:
        """Compile a pattern, and another for all texts that can become the start of a match."""
        self._whole = re.compile(whole, flags)
        self._start = re.compile(rf"(?:{start})\Z", flags)

    @classmethod
    def from_parts(cls, *alternatives: Sequence[str], flags: re.RegexFlag = re.NOFLAG) -> Self:
        """Compile alternatives, each given as successive parts.

        A part matches one character, possibly repeated. So the start of a match consists of whole parts.
        """
        whole = "|".join("".join(parts) for parts in alternatives)
        start = "|".join("(?:".join(parts[:-1]) + ")?" * (len(parts) - 2) for parts in alternatives)
        return cls(whole, start, flags)

    def match(self, window: Window) -> re.Match[str] | None:
        """Match at the start of a window.

        Raises IncompleteInputError if following text can complete or change the match.
        """
        if not window.is_final and self._start.match(window.text):
            raise IncompleteInputError
        return self._whole.match(window.text)

    def may_start_with(self, character: str) -> bool:
        """Return whether a match can start with a character."""
        return bool(self._start.match(character) or self._whole.match(character))


class InputBuffer:
    """Buffer of text that has arrived but has not been read."""

    def __init__(self) -> None:
        """Initialize an empty buffer."""
        self.is_complete = False
        """Whether the whole text has arrived."""
        self._text = ""
        self._position = 0
        self._discarded_chars = 0

    def append(self, delta: str) -> None:
        """Append text, and discard the text that has been read, except for its last characters."""
        start = max(0, self._position - 2)
        self._text = self._text[start:] + delta
        self._position -= start
        self._discarded_chars += start

    @property
    def offset(self) -> int:
        """The number of characters that have been read."""
        return self._discarded_chars + self._position

    @property
    def previous(self) -> str:
        """The last character that has been read; a line feed at the start of the text."""
        return self._text[self._position - 1] if self._position else "\n"

    @property
    def before(self) -> str:
        """The last two characters that have been read; fewer at the start of the text."""
        return self._text[max(0, self._position - 2) : self._position]

    @property
    def next(self) -> str:
        """The next character; empty if all text that has arrived has been read."""
        return self._text[self._position : self._position + 1]

    def peek(self, max_chars: int = _WINDOW_CHARS) -> Window:
        """Return the next characters without reading them."""
        text = self._text[self._position : self._position + max_chars]
        return Window(text, self.is_complete or len(text) == max_chars)

    def peek_line(self) -> Window:
        """Return the next characters up to the end of the line, without reading them."""
        end = self._text.find("\n", self._position, self._position + _WINDOW_CHARS) + 1
        return Window(self._text[self._position : end], is_final=True) if end else self.peek()

    def peek_syntax(self, syntax: Syntax) -> re.Match[str] | None:
        """Match the next characters without reading them."""
        return syntax.match(self.peek())

    def peek_while(self, pattern: re.Pattern[str]) -> str:
        """Return the next characters that match a pattern, as far as they have arrived, without reading them."""
        match = pattern.match(self._text, self._position)
        return match.group() if match else ""

    def starts_with(self, pattern: re.Pattern[str], max_chars: int) -> bool:
        """Return whether the next characters, as far as they have arrived, start with a pattern."""
        return pattern.match(self._text, self._position, self._position + max_chars) is not None

    @property
    def available_chars(self) -> int:
        """The number of characters that have arrived but have not been read."""
        return len(self._text) - self._position

    def find(self, pattern: re.Pattern[str], start: int) -> tuple[str, int, str] | None:
        """Return the group, the position and the text of the first match among the next characters.

        `start`: the number of characters to skip.
        """
        match = pattern.search(self._text, self._position + start)
        return match and (match.lastgroup or "", match.start() - self._position, match.group())

    def read(self, count: int) -> str:
        """Return the next characters."""
        start = self._position
        self._position += count
        return self._text[start : self._position]
