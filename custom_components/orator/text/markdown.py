"""Convert Markdown and HTML to the words that a person would read aloud, while the text is arriving.

Headings, list items and table rows become sentences; code is spoken as written, without its fences.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
import re
from typing import Final

from .html_tags import THOUGHT_TAG
from .inline import InlineReader
from .line_marks import (
    BULLET,
    CODE_FENCE,
    EMOJI_BULLET,
    FIRST_ITEMS,
    FOOTNOTE_LABEL,
    HEADING_MARK,
    ITEM_LETTER,
    ITEM_NUMBER,
    KEPT_LINE_CHARS,
    LINE_MARKS,
    QUOTE_MARK,
    RULE_LINE,
    TABLE_BORDER,
    TABLE_ROW_MARK,
    TASK_BOX,
    THEMATIC_BREAK,
    UNDERLINE,
    ListNumbers,
    is_end_of_sentence,
)
from .links import LINK_DEFINITION
from .long_markup import MAX_MARKUP_CHARS
from .lookahead import IncompleteInputError, InputBuffer, Syntax, Window
from .normalize import PlainTextWriter
from .speech_parts import SpeechMark
from .ssml import SsmlReader

_HARD_BREAK: Final = "  "
"""The end of a line that is not joined with the next one."""
_FIRST_WORD: Final = re.compile(r"(?:[ \t*_~`\[(\"'“„«]|1[.)][ \t])*(\w{0,40})")
"""The first word of an item, whose text may start with the mark of a nested item."""
_REST_OF_LINE: Final = re.compile(r"[^\n]+")


class _LineKind(Enum):
    PARAGRAPH = auto()
    LIST_ITEM = auto()
    HEADING = auto()
    TABLE_ROW = auto()
    CODE = auto()


@dataclass(slots=True)
class _Line:
    """The part of a line that has been read."""

    kind: _LineKind | None = None
    """Kind of line; None until its text starts."""
    marks_end: int = 0
    """Number of characters of the marks that have been read."""
    has_list_mark: bool = False
    has_only_emoji: bool = False
    """Whether the mark of a list item is an emoji."""
    has_quote_mark: bool = False
    has_hard_break: bool = False
    text: str = ""
    """Text of a paragraph's line; of a long line, only the start."""


class MarkdownReader:
    """Reader of deltas that returns the spoken words as soon as they cannot be part of markup."""

    def __init__(self, ssml: SsmlReader | None = None) -> None:
        """Initialize the reader without text."""
        self._buffer = InputBuffer()
        self._writer = PlainTextWriter()
        self._ssml = ssml or SsmlReader()
        self._may_start_document = True
        """Whether a document of SSML may start, because no text has been read."""
        self._inline = InlineReader(self._buffer, self._writer, self._ssml)
        self._line = _Line()
        self._open_line: _Line | None = None
        """Last line of a paragraph or list item that may continue."""
        self._column = 0
        """Number of characters before the mark or the text that is read."""
        self._numbers = ListNumbers()
        self._is_table = False
        self._fence = ""
        self._fence_indent = ""
        self._mark_readers: dict[Syntax, Callable[[re.Match[str]], bool]] = {
            RULE_LINE: self._read_rule_line,
            BULLET: self._start_list_item,
            ITEM_NUMBER: self._start_numbered_item,
            ITEM_LETTER: self._start_lettered_item,
            TABLE_ROW_MARK: self._start_table_row,
            HEADING_MARK: self._start_heading,
            QUOTE_MARK: self._start_quote,
            CODE_FENCE: self._start_code,
            TASK_BOX: self._read_task_box,
            FOOTNOTE_LABEL: self._start_list_item,
            LINK_DEFINITION: self._read_link_definition,
            EMOJI_BULLET: self._start_emoji_item,
        }
        """Readers of the marks before the text of a line; they return False if the match is text."""

    @property
    def is_at_tag(self) -> bool:
        """Whether a tag of SSML is arriving that does not continue a sentence with an end mark."""
        return self._ssml.is_at_tag(self._buffer)

    def feed(self, delta: str) -> list[str | SpeechMark]:
        """Return the words that later text cannot change, with the marks between them."""
        self._buffer.append(delta.replace("\r", " "))
        self._read()
        return self._writer.take()

    def finish(self) -> list[str | SpeechMark]:
        """Return the remaining words and marks."""
        self._buffer.is_complete = True
        self._read()
        is_started = self._line.kind or self._line.has_list_mark
        line = self._line if is_started else self._open_line
        if line and (line.has_list_mark or line.kind not in (_LineKind.PARAGRAPH, _LineKind.CODE)):
            self._writer.end_sentence()
        words = self._writer.take()
        if self._inline.thought and not self._writer.has_written:
            return self._read_thought()  # rather than nothing
        return words

    def _read_thought(self) -> list[str | SpeechMark]:
        """Return the words of the last thought."""
        reader = MarkdownReader()
        return reader.feed(THOUGHT_TAG.sub("", self._inline.thought)) + reader.finish()

    def _read(self) -> None:
        buffer = self._buffer
        try:
            while character := buffer.next:
                text = buffer.read(self._read_next(character))
                line = self._line
                if line.kind is _LineKind.PARAGRAPH and len(line.text) <= KEPT_LINE_CHARS:
                    line.text += text
        except IncompleteInputError:
            pass  # read on when more text has arrived

    def _read_next(self, character: str) -> int:
        """Read the next part of a line, given its first character, and return the number of its characters."""
        if length := self._ssml.read_on(self._buffer, self._writer):
            return length
        if self._inline.is_in_thought:
            return self._inline.read_thought()
        if self._line.kind is None:
            return self._read_code_line_start() if self._fence else self._read_line_start()
        if character == "\n":
            self._end_line()
            return 1
        if self._line.kind is _LineKind.CODE:
            code = self._buffer.peek_while(_REST_OF_LINE)
            self._writer.write(code, verbatim=True)
            return len(code)
        return self._inline.read(character)

    def _end_line(self) -> None:
        """End a line. Whether its sentence continues is decided at the start of the next line."""
        if self._line.kind in (_LineKind.PARAGRAPH, _LineKind.LIST_ITEM):
            self._line.has_hard_break = self._buffer.before == _HARD_BREAK
            self._open_line = self._line
        else:
            if self._line.kind is not _LineKind.CODE:
                self._writer.end_sentence()
            self._writer.end_line()
        self._line = _Line()

    def _end_block(self) -> None:
        """End the paragraph or list item before this line."""
        if self._open_line and self._open_line.kind is _LineKind.LIST_ITEM:
            self._writer.end_sentence()
        self._writer.end_line()
        self._inline.start_block()
        self._open_line = None

    def _start_text(self, kind: _LineKind) -> None:
        """Start the text of a line that does not continue a sentence."""
        if self._open_line:
            self._end_block()
        self._inline.start_block()
        self._line.kind = kind
        is_item = kind is _LineKind.LIST_ITEM and not self._line.has_only_emoji
        self._inline.start_line(
            is_heading=kind is _LineKind.HEADING, is_table_row=kind is _LineKind.TABLE_ROW, is_item=is_item
        )

    def _start_plain_text(self, body: Window, *, is_indented: bool) -> None:
        """Start the text of a line without a mark of its own."""
        if self._is_table:
            self._start_text(_LineKind.TABLE_ROW)
        elif self._line.has_list_mark:
            self._start_text(_LineKind.LIST_ITEM)
        elif not self._continue_block(body, is_indented=is_indented):
            self._numbers.start_block(self._column)
            self._start_text(_LineKind.PARAGRAPH)

    def _continue_block(self, body: Window, *, is_indented: bool) -> bool:
        """Continue the paragraph or list item of the last line; return False if this line starts another paragraph."""
        last = self._open_line
        if last is None or last.has_quote_mark != self._line.has_quote_mark:
            return False
        if last.kind is _LineKind.LIST_ITEM and not is_indented:
            return False
        is_paragraph = last.kind is _LineKind.PARAGRAPH
        if is_paragraph and is_end_of_sentence(last.text, body):
            self._writer.end_sentence()
            self._writer.end_line()
        elif is_paragraph and last.has_hard_break:
            self._writer.end_line()
        else:
            self._writer.join_lines()
        self._inline.start_line()
        self._line.kind = last.kind
        self._open_line = None
        return True

    def _peek_line(self, indent_chars: str = " \t") -> tuple[int, Window]:
        """Return the length of the indentation of a line, and the text after it."""
        line = self._buffer.peek_line()
        body = line.text.lstrip(indent_chars)
        if len(body) == len(line.text):
            return 0, line
        return len(line.text) - len(body), Window(body, line.is_final)

    def _read_line_start(self) -> int:
        """Read one of the marks before the text of a line, or start the text."""
        indent, body = self._peek_line()
        if body.text in ("", "\n"):
            return indent + self._read_blank_line(body)
        if body.text[0] == "<" and not indent and (length := self._inline.read_thought()):
            return length
        if self._may_start_document:
            prolog = self._ssml.start_document(self._buffer.peek(MAX_MARKUP_CHARS))
            self._may_start_document = False
            if prolog:
                return prolog
        if body.text[0] == "[":  # a link definition may have several lines
            text, is_final = self._buffer.peek()
            body = Window(text[indent:], is_final)
        line = self._line
        self._column = line.marks_end + indent
        for mark in _find_line_marks(body.text[0]):
            if (match := mark.match(body)) and self._mark_readers[mark](match):
                line.marks_end = self._column + match.end()
                return indent + match.end()
        self._start_plain_text(body, is_indented=indent > 0)
        return indent

    def _read_blank_line(self, body: Window) -> int:
        if not body.is_final:
            raise IncompleteInputError
        if body.text:
            self._end_block()
            self._is_table = False
            self._line = _Line()
        return len(body.text)

    def _read_code_line_start(self) -> int:
        """Read the indentation of a line of code, an empty line, or the closing fence."""
        indent, body = self._peek_line(self._fence_indent)
        code = body.text.rstrip()
        is_fence_only = not code.strip(self._fence[0])
        if is_fence_only and not body.is_final:
            raise IncompleteInputError
        if is_fence_only and len(code) >= len(self._fence):
            self._fence = ""
        elif code:
            self._start_text(_LineKind.CODE)
            return indent
        return indent + len(body.text)

    @property
    def _is_after_paragraph(self) -> bool:
        return self._open_line is not None and self._open_line.kind is _LineKind.PARAGRAPH

    def _read_rule_line(self, match: re.Match[str]) -> bool:
        """Read a line under a heading, between paragraphs, or under the first row of a table."""
        line = match.group()
        is_underline = self._is_after_paragraph and not self._line.has_list_mark and bool(UNDERLINE.match(line))
        is_under_table_head = "|" in line and "-" in line
        if not (is_underline or is_under_table_head or THEMATIC_BREAK.match(line) or TABLE_BORDER.match(line)):
            return False
        self._numbers.start_block(self._column)
        if is_underline or is_under_table_head:
            self._writer.end_sentence()
        self._end_block()
        self._is_table = is_under_table_head
        self._line = _Line()
        return True

    def _start_list_item(self, _: re.Match[str]) -> bool:
        """Start a list item, whose text may start with further marks."""
        self._numbers.start_block(self._column)
        self._start_item()
        return True

    def _start_item(self) -> None:
        self._end_block()
        self._line.has_list_mark = True
        self._is_table = False

    def _start_numbered_item(self, match: re.Match[str]) -> bool:
        """Start an item whose number is spoken; in a paragraph, only 1 starts a list."""
        if self._is_after_paragraph and match[1] not in FIRST_ITEMS:
            return False
        is_after_number = self._line.has_list_mark and self._buffer.previous in ".)"
        word = self._peek_first_word(match.end()) if match[1] == "1" or is_after_number else ""
        if is_after_number and (match[1] != "1" or word[:1].isdigit()):  # a date: 24. 12. 2026
            return False
        self._start_item()
        number = self._numbers.start_item(self._column, self._column + match.end(), match[1], word)
        self._writer.write(f"{number}{match[2]} ")
        return True

    def _peek_first_word(self, start: int) -> str:
        """Return the first word of a line after a position."""
        _, body = self._peek_line()
        word = _FIRST_WORD.match(body.text, start)
        if not body.is_final and (not word or word.end() >= len(body.text) - 1):
            raise IncompleteInputError
        return word[1] if word else ""

    def _start_lettered_item(self, match: re.Match[str]) -> bool:
        """Start an item whose letter is spoken; only the first letter starts a list."""
        is_after_item = self._open_line is not None and self._open_line.kind is _LineKind.LIST_ITEM
        if not is_after_item and match.group() not in FIRST_ITEMS:
            return False
        self._start_list_item(match)
        self._writer.write(f"{match.group()} ")
        return True

    def _start_emoji_item(self, match: re.Match[str]) -> bool:
        """Start an item with an emoji, which is part of its text."""
        if not self._line.has_list_mark:
            self._line.has_only_emoji = True
            self._start_list_item(match)
        return False

    def _start_heading(self, _: re.Match[str]) -> bool:
        self._numbers.start_block(self._column)
        self._start_text(_LineKind.HEADING)
        return True

    def _start_table_row(self, _: re.Match[str]) -> bool:
        self._numbers.start_block(self._column)
        self._start_text(_LineKind.TABLE_ROW)
        return True

    def _start_quote(self, _: re.Match[str]) -> bool:
        self._line.has_quote_mark = True
        return True

    def _start_code(self, match: re.Match[str]) -> bool:
        self._numbers.start_block(self._column)
        self._end_block()
        line = match.group()
        self._fence = line[: len(line) - len(line.lstrip(line[0]))]
        self._fence_indent = " \t>" if self._line.has_quote_mark else " \t"
        self._line = _Line()
        return True

    def _read_task_box(self, _: re.Match[str]) -> bool:
        return self._line.has_list_mark

    def _read_link_definition(self, match: re.Match[str]) -> bool:
        self._inline.define_label(match["label"][1:-2])
        self._line = _Line()
        return True


@lru_cache(maxsize=256)
def _find_line_marks(first: str) -> tuple[Syntax, ...]:
    """Return the marks that a line may start with, given its first character."""
    return tuple(mark for mark in LINE_MARKS if mark.may_start_with(first))
