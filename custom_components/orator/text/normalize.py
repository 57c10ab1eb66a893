"""Write plain text for speech: single spaces, no emoji, no repeated marks, punctuation for pauses."""

# ruff: noqa: RUF001 the punctuation of all scripts looks similar

import re
from typing import Final

from .characters import CLOSERS, EMOJI, KANA_AND_HAN, NO_FULL_STOP_AFTER, REPEATED_FOR_EMPHASIS
from .html_tags import Boundary
from .speech_parts import SpeechMark

_SPOKEN_EMOJI: Final = {
    "\u203c": "!",
    "\u2049": "!?",
    "\u2753": "?",
    "\u2754": "?",
    "\u2755": "!",
    "\u2757": "!",
    "\u2795": "+",
    "\u2796": "-",
    "\u2797": "÷",
    "\u2716": "×",
    "\U0001f51f": "10",
}
"""Emoji that stand for a mark or a number."""
_INVISIBLE: Final = "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\ufeff\ufffe\uffff\ud800-\udfff"
"""Control characters, soft hyphens, byte order marks and surrogates."""
_ZERO_WIDTH_JOINER: Final = "\u200d"
_LINES: Final = "\u2500-\u259f"
"""Drawn lines and blocks, which are dropped as emoji are."""
_PRESENTATION_MARKS: Final = "\ufe0e\ufe0f\u20e3"
"""Variation selectors and the frame of a keycap; the character before them is spoken."""

_SPECIAL: Final = f"{EMOJI}{_LINES}{''.join(_SPOKEN_EMOJI)}{_INVISIBLE}{_ZERO_WIDTH_JOINER}{_PRESENTATION_MARKS}"
_PLAIN_WORD: Final = rf"[^\s{REPEATED_FOR_EMPHASIS}{_SPECIAL}]++"
_WORDS: Final = re.compile(rf"{_PLAIN_WORD}(?: {_PLAIN_WORD})*+")
_PIECE: Final = re.compile(
    rf"(?P<words>{_WORDS.pattern})|(?P<space>\s+)|(?P<marks>[{REPEATED_FOR_EMPHASIS}]+)"
    rf"|(?P<special>[{_SPECIAL}])"
)
_SILENT: Final = re.compile(f"[{_INVISIBLE}{_PRESENTATION_MARKS}]")

_MAX_REPEATS: Final = {".": 3, "…": 2}
_NO_BREAK_SPACES: Final = frozenset("\u00a0\u202f\u2007")
_LINE_CONTEXT_CHARS: Final = 40

_WORD_AT_END: Final = re.compile(r"\w+(?=\W*\Z)")
_LABEL_ENDS: Final = frozenset(":：—–-=→")

_SPACE, _LINE_FEED, _COMMA, _DASH = " ", "\n", ",", "—"
_NO_SPACE_AFTER_SKIPPED: Final = NO_FULL_STOP_AFTER.replace("—", "") + ")]}）］｝」』】》〉"
"""Marks before which the space before skipped text is dropped as well."""

_FULL_STOPS_BY_SCRIPT: Final = (
    ("。", re.compile(f"[{KANA_AND_HAN}]")),
    ("।", re.compile("[\u0900-\u09ff\u0a00-\u0a7f\u0b00-\u0b7f]")),
    ("։", re.compile("[\u0530-\u058f]")),
    ("።", re.compile("[\u1200-\u139f]")),
    ("။", re.compile("[\u1000-\u109f]")),
    ("។", re.compile("[\u1780-\u17ff]")),
)
_COMMAS_BY_SCRIPT: Final = (
    ("、", re.compile(f"[{KANA_AND_HAN}]")),
    ("، ", re.compile("[\u0600-\u077f]")),
)
_WIDE_CHARACTER: Final = re.compile(f"[{KANA_AND_HAN}\u3001-\u303f\uff00-\uff65]")


class PlainTextWriter:
    """Writer of words and pauses as plain text. A separator is written only once more text follows in the line."""

    def __init__(self) -> None:
        """Initialize the writer without text."""
        self._marked: list[str | SpeechMark] = []
        """The text up to the last mark, and the mark."""
        self._output: list[str] = []
        """The text after the last mark."""
        self._line_context = ""
        """The end of the current line."""
        self._separator = ""
        self._has_skipped = False
        """Whether an emoji or other text without words was skipped after the end of the line."""
        self.has_written = False
        """Whether any text has been written."""
        self.is_at_start = True
        """Whether no text of the line or of the table cell has been written."""
        self._mark_run = ""
        """The run of marks at the end of the line."""

    def take(self) -> list[str | SpeechMark]:
        """Return the text that was written since the last call, and the marks in it."""
        if self._output:
            self._marked.append(self._take_text())
        if not self._marked:
            return []
        marked, self._marked = self._marked, []
        return marked

    def add(self, mark: SpeechMark) -> None:
        """Add a mark after the text; a space before it is written once more text follows."""
        if self._output:
            self._marked.append(self._take_text())
        self._marked.append(mark)

    def _take_text(self) -> str:
        text = "".join(self._output)
        self._output.clear()
        self.has_written = True
        return text

    def add_boundary(self, boundary: Boundary) -> None:
        """End a unit of speech."""
        if boundary is Boundary.SENTENCE:
            self.end_sentence()
        if boundary in (Boundary.SENTENCE, Boundary.LINE):
            self.end_line()
        elif boundary is Boundary.CELL:
            self.add_comma()
        elif boundary is Boundary.WORD:
            self.write(" ")
            self.skip()

    def write(self, text: str, *, verbatim: bool = False) -> None:
        """Write words; `verbatim` keeps repeated marks."""
        start = 0
        if words := _WORDS.match(text):
            start = words.end()
            self._append(words.group())
            if start == len(text):
                return
        for match in _PIECE.finditer(text, start):
            piece = match.group()
            match match.lastgroup:
                case "words":
                    self._append(piece)
                case "space":
                    self._add_space(piece)
                case "special":
                    self._write_special(piece)
                case _ if verbatim:
                    self._append(piece)
                case _:
                    self._write_marks(piece)

    def join_lines(self) -> None:
        """Continue the sentence after a line feed."""
        self._mark_run = ""
        if self._separator not in (_COMMA, _DASH):
            self._separator = _LINE_FEED

    def skip(self) -> None:
        """Skip text that is not spoken, without a space before a following mark."""
        self._has_skipped = self._has_skipped or self._separator == _SPACE

    def add_comma(self) -> None:
        """Separate the next words by a comma."""
        self._separator = _COMMA

    def add_dash(self) -> None:
        """Separate the next words by a dash."""
        self._separator = _DASH

    def write_sign(self, sign: str) -> None:
        """Write an emoji that is spoken."""
        self._append(sign)

    def end_sentence(self) -> None:
        """Write a period unless the line is empty or ends with a mark."""
        if self._line_context and not self._ends_with_mark:
            self._separator = ""
            self._append(_find_by_script(self._line_context, _FULL_STOPS_BY_SCRIPT, "."))

    def end_line(self) -> None:
        """Write a line feed unless the line is empty."""
        if self._line_context:
            self._output.append("\n")
        self._line_context = self._separator = self._mark_run = ""
        self._has_skipped = False

    @property
    def is_within_sentence(self) -> bool:
        """Whether the line has text that does not end with a mark."""
        return bool(self._line_context) and not self._ends_with_mark

    @property
    def last_word(self) -> str:
        """The last word of the line, without the marks after it."""
        word = _WORD_AT_END.search(self._line_context)
        return word.group() if word else ""

    @property
    def ends_with_label(self) -> bool:
        """Whether the line ends with a colon or a dash, such as "Door:"."""
        return self._line_context[-1:] in _LABEL_ENDS

    @property
    def _ends_with_mark(self) -> bool:
        """Whether the line ends with a mark, or a mark and closing quotation marks."""
        context = self._line_context
        return (context.rstrip(CLOSERS)[-1:] or context[-1:]) in NO_FULL_STOP_AFTER

    def _add_space(self, space: str) -> None:
        self._mark_run = ""
        if not self._separator:
            self._separator = space if space in _NO_BREAK_SPACES else _SPACE
        elif self._separator in _NO_BREAK_SPACES:
            self._separator = _SPACE

    def _write_special(self, character: str) -> None:
        if spoken := _SPOKEN_EMOJI.get(character):
            self._write_spoken_emoji(spoken)
        elif character == _ZERO_WIDTH_JOINER:
            if not self._has_skipped:
                self._append(character)
        elif not _SILENT.match(character):
            self._separator = self._separator or _SPACE
            self._has_skipped = True

    def _write_spoken_emoji(self, spoken: str) -> None:
        """Write the mark or number of an emoji; an end mark is written only after words that have none."""
        if spoken[0] not in NO_FULL_STOP_AFTER:
            self.write(spoken)
        elif self._line_context and not self._ends_with_mark:
            self._separator = ""
            self.write(spoken)

    def _write_marks(self, marks: str) -> None:
        """Write marks that have not been repeated too often."""
        for mark in marks:
            written = self._mark_run
            if written.count(mark) < _MAX_REPEATS.get(mark, 1):
                self._append(mark)
                self._mark_run = written + mark

    def _append(self, text: str) -> None:
        """Write visible text after the separator."""
        if self._line_context and (self._separator or self._has_skipped):
            text = self._resolve_separator(text[0]) + text
        self._output.append(text)
        self._line_context = (self._line_context + text)[-_LINE_CONTEXT_CHARS:]
        self._separator = self._mark_run = ""
        self._has_skipped = self.is_at_start = False

    def _resolve_separator(self, following: str) -> str:
        """Return the separator to write before a character."""
        is_pause = self._separator in (_COMMA, _DASH)
        if self._has_skipped and not is_pause:
            return "" if following in _NO_SPACE_AFTER_SKIPPED else _SPACE
        if self._separator == _LINE_FEED:
            is_unspaced = all(map(_WIDE_CHARACTER.match, (self._line_context[-1], following)))
            return "" if is_unspaced else _SPACE
        if not is_pause:
            return self._separator
        if self._ends_with_mark:
            return _SPACE
        return " — " if self._separator == _DASH else _find_by_script(self._line_context, _COMMAS_BY_SCRIPT, ", ")


def _find_by_script(text: str, choices: tuple[tuple[str, re.Pattern[str]], ...], default: str) -> str:
    """Return the punctuation of the script of the last letter of a text."""
    letter = next((character for character in reversed(text) if character.isalpha()), "")
    return next((mark for mark, script in choices if script.match(letter)), default)
