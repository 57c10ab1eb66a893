"""Read text deltas as parts of speech: clean them, replace words, and apply markup."""

from collections.abc import Callable, Iterable, Sequence
import re
from typing import Final

from .characters import CLAUSE_MARKS, CLOSERS, END_MARKS
from .html_tags import Boundary, read_entity
from .long_markup import MAX_MARKUP_CHARS
from .lookahead import IncompleteInputError, InputBuffer
from .markdown import MarkdownReader
from .replacements import Replacement, Replacer
from .speech_parts import PLAIN, Clip, Pause, SpeechMark, SpeechPart, SpeechStyle, StyledText
from .ssml import SsmlReader

_XML_SPACE: Final = re.compile(r"[ \t\r\n]+")
_REST: Final = re.compile(r".+", re.DOTALL)
_LITERAL_TEXT: Final = re.compile(r"[^<&\[]+")
_END_OF_RUN: Final = re.compile(rf"[{re.escape(END_MARKS + CLAUSE_MARKS + CLOSERS)}]*\s*")
"""Marks and white space after a run of text that belong to it: "<emphasis>Never</emphasis>!"."""


class SpeechReader:
    """Reader of text deltas, however the text is split into deltas."""

    def __init__(
        self,
        replacements: Sequence[Replacement] = (),
        *,
        clean: bool = True,
        ssml: SsmlReader | None = None,
        resolve_style: Callable[[SpeechStyle], SpeechStyle] = lambda style: style,
    ) -> None:
        """Initialize the reader with replacements; `clean` also reads Markdown and HTML.

        `resolve_style` returns a style without what makes no difference to the voice, so that runs of text that sound
        alike are not divided.
        """
        ssml = ssml or SsmlReader()
        self._source = MarkdownReader(ssml) if clean else _LiteralReader(ssml)
        self._replacer = Replacer(replacements) if replacements else None
        self._resolve_style = resolve_style
        self._style = PLAIN
        """Style of the last words."""
        self._next_style = PLAIN
        """Style of the words that follow."""
        self._end_of_run = ""
        """Marks and white space that were read since the last words."""
        self._parts: list[SpeechPart] = []

    @property
    def is_at_tag(self) -> bool:
        """Whether a tag of SSML is arriving that does not continue a sentence with an end mark."""
        return self._source.is_at_tag

    def feed(self, delta: str) -> list[SpeechPart]:
        """Return the parts that later text cannot change; a run of text may continue in the next part."""
        items = self._source.feed(delta)
        return self._read(items) if items else []

    def finish(self) -> list[SpeechPart]:
        """Return the remaining parts."""
        parts = self._read(self._source.finish())
        self._finish_run()
        return parts + self._take()

    def _take(self) -> list[SpeechPart]:
        parts, self._parts = self._parts, []
        return parts

    def _read(self, items: Iterable[str | SpeechMark]) -> list[SpeechPart]:
        for item in items:
            match item:
                case str():
                    self._read_words(item)
                case SpeechStyle():
                    style = self._resolve_style(item)
                    self._next_style = self._style if style == self._style else style
                case Pause() | Clip():
                    self._start_run()
                    self._parts.append(item)
        return self._take()

    def _read_words(self, words: str) -> None:
        """Add words in the next style, after the marks that belong to the last style."""
        is_same = self._next_style is self._style
        if not is_same and self._next_style.of_sentence != self._style.of_sentence:
            seen = self._end_of_run
            match = _END_OF_RUN.match(seen + words)
            end = match.end() - len(seen) if match else 0
            self._end_of_run = seen + words[:end]
            self._replace(words[:end])
            words = words[end:]
            if not words:
                return
        if not is_same:
            self._start_run()
        self._end_of_run = ""
        self._replace(words)

    def _start_run(self) -> None:
        """End the run of text, and start another one in the next style."""
        self._finish_run()
        self._style = self._next_style
        self._end_of_run = ""

    def _finish_run(self) -> None:
        if self._replacer:
            self._add(self._replacer.feed("", is_final=True))

    def _replace(self, words: str) -> None:
        self._add(self._replacer.feed(words) if self._replacer else words)

    def _add(self, text: str) -> None:
        if not text:
            return
        last = self._parts[-1] if self._parts else None
        if isinstance(last, StyledText) and last.style == self._style:
            self._parts[-1] = StyledText(last.text + text, self._style)
        else:
            self._parts.append(StyledText(text, self._style))


class _LiteralReader:
    """Reader of text as it is, except for the markup of SSML."""

    def __init__(self, ssml: SsmlReader) -> None:
        """Initialize the reader without text."""
        self._buffer = InputBuffer()
        self._writer = _LiteralWriter()
        self._ssml = ssml
        self._is_at_start = True

    @property
    def is_at_tag(self) -> bool:
        """Whether a tag of SSML is arriving that does not continue a sentence with an end mark."""
        return self._ssml.is_at_tag(self._buffer)

    def feed(self, delta: str) -> list[str | SpeechMark]:
        """Return the text that later text cannot change, with the marks in it."""
        self._buffer.append(delta)
        return self._read()

    def finish(self) -> list[str | SpeechMark]:
        """Return the remaining text and marks."""
        self._buffer.is_complete = True
        return self._read()

    def _read(self) -> list[str | SpeechMark]:
        try:
            if self._is_at_start:
                self._buffer.read(self._ssml.start_document(self._buffer.peek(MAX_MARKUP_CHARS)) or 0)
                self._is_at_start = False
                self._writer.is_xml = self._ssml.is_document
            while character := self._buffer.next:
                self._buffer.read(self._read_next(character))
        except IncompleteInputError:
            pass  # read on when more text has arrived
        return self._writer.take()

    def _read_next(self, character: str) -> int:
        """Read the next part of the text, and return the number of its characters."""
        if not self._ssml.is_on:
            return self._write(self._buffer.peek_while(_REST))
        if length := self._ssml.read_on(self._buffer, self._writer):
            return length
        if text := self._buffer.peek_while(_LITERAL_TEXT):
            return self._write(text)
        if character == "<":
            length = self._ssml.read(self._buffer, self._writer)
        elif character == "[":
            length = self._ssml.read_bracket(self._buffer.peek())
        else:
            return self._write(*read_entity(self._buffer.peek())) if self._ssml.is_document else self._write(character)
        return length or self._write(character)

    def _write(self, text: str, length: int | None = None) -> int:
        self._writer.write(text)
        return len(text) if length is None else length


class _LiteralWriter:
    """Writer of text as it is; in a document, white space is one space as in XML."""

    def __init__(self) -> None:
        """Initialize the writer without text."""
        self._output: list[str | SpeechMark] = []
        self._last = "\n"
        """The last character, or a line feed at the start."""
        self.is_xml = False

    def take(self) -> list[str | SpeechMark]:
        """Return the text that was written since the last call, and the marks in it."""
        output, self._output = self._output, []
        return output

    def write(self, text: str, *, verbatim: bool = False) -> None:  # noqa: ARG002 - as other writers do
        """Write text."""
        if self.is_xml:
            text = _XML_SPACE.sub(" ", text)
            text = text.removeprefix(" ") if self._last in " \n" else text
        self._append(text)

    def add(self, mark: SpeechMark) -> None:
        """Add a mark after the text."""
        self._output.append(mark)

    def add_boundary(self, boundary: Boundary) -> None:
        """End a unit of speech: a line feed ends a sentence."""
        if boundary in (Boundary.SENTENCE, Boundary.LINE):
            self._append("" if self._last == "\n" else "\n")
        elif boundary is not Boundary.NONE:
            self._append("" if self._last.isspace() else " ")

    def _append(self, text: str) -> None:
        if text:
            self._last = text[-1]
            self._output.append(text)
