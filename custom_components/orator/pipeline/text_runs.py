"""Runs of text in one style, whose sentences become chunks."""

from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import Final

from ..text import CLAUSE_MARKS, END_MARKS, PLAIN, Clip, Pause, SentenceSplitter, SpeechStyle, StyledText, is_speakable

_SPACES_AND_MARKS: Final = " \n\u00a0" + END_MARKS + CLAUSE_MARKS


@dataclass(frozen=True, slots=True)
class TextChunk:
    """The text of one request."""

    text: str
    style: SpeechStyle = PLAIN
    """Style of the whole text; its emphasis and pronunciation are empty."""
    words: tuple[StyledText, ...] = ()
    """Words of the text with an emphasis or pronunciation of their own, in order; they do not divide a sentence."""


@dataclass(slots=True)
class _MarkedWords:
    """Words with an emphasis or pronunciation of their own."""

    start: int
    """Position of the words in the text of the run."""
    end: int
    style: SpeechStyle


class TextRun:
    """Text in one style, in which words may be emphasized or have a pronunciation of their own."""

    def __init__(self, style: SpeechStyle) -> None:
        """Initialize a run without text."""
        self.style = style
        self.sentences: deque[str] = deque()
        """Sentences, or parts of sentences, that have not been taken."""
        self.is_complete = False
        """Whether no text follows in this run."""
        self._splitter = SentenceSplitter()
        self._words: deque[_MarkedWords] = deque()
        self._read_chars = 0
        self._taken_chars = 0

    @property
    def unread_chars(self) -> int:
        """Length of the text that has not been taken."""
        return self._read_chars - self._taken_chars

    @property
    def pending(self) -> str:
        """The start of a sentence that has not ended."""
        return self._splitter.pending

    @property
    def is_pending_complete(self) -> bool:
        """Whether the pending text can be spoken if no text follows for a moment."""
        return self._splitter.is_pending_complete

    def feed(self, text: str, style: SpeechStyle) -> None:
        """Add text in a style that differs from the style of the run in emphasis and pronunciation only."""
        if style != self.style:
            last = self._words[-1] if self._words else None
            end = self._read_chars + len(text)
            if last and last.style == style and last.end == self._read_chars:
                last.end = end
            else:
                self._words.append(_MarkedWords(self._read_chars, end, style))
        self._read_chars += len(text)
        self.sentences += self._splitter.feed(text)

    def end_sentence(self) -> None:
        """End the pending sentence."""
        self.sentences += self._splitter.finish()

    def finish(self) -> None:
        """End the run."""
        self.end_sentence()
        self.is_complete = True

    def split_pending(self, length: int) -> None:
        """Make the first characters of the pending text a sentence of their own."""
        self.sentences.append(self._splitter.take(length))

    def replace_first(self, *parts: str) -> None:
        """Divide the first sentence into parts."""
        self.sentences.popleft()
        self.sentences.extendleft(reversed(parts))

    def peek(self, start: int, end: int) -> TextChunk:
        """Return a chunk of the sentences with these numbers, without taking them."""
        skipped = sum(map(len, islice(self.sentences, start))) if start else 0
        return self._chunk("".join(islice(self.sentences, start, end)), self._taken_chars + skipped)

    def take(self, number: int) -> TextChunk:
        """Remove the first sentences, and return a chunk of them."""
        text = "".join(self.sentences.popleft() for _ in range(number))
        chunk = self._chunk(text, self._taken_chars)
        self._taken_chars += len(text)
        while self._words and self._words[0].end <= self._taken_chars:
            self._words.popleft()
        return chunk

    def _chunk(self, text: str, position: int) -> TextChunk:
        """Return a chunk of the text at a position."""
        end = position + len(text)
        words: list[StyledText] = []
        for marked in self._words:
            if marked.start >= end:
                break
            part = text[max(0, marked.start - position) : max(0, marked.end - position)].strip(_SPACES_AND_MARKS)
            if is_speakable(part):
                words.append(StyledText(part, marked.style))
        return TextChunk(text.strip(), self.style, tuple(words))


class SpeechQueue:
    """What has been read and not taken: runs of text, pauses and clips. Only the last run may be incomplete."""

    def __init__(self) -> None:
        """Initialize an empty queue."""
        self._parts: deque[TextRun | Pause | Clip] = deque()

    @property
    def first(self) -> TextRun | Pause | Clip | None:
        """What is taken next: a run that has sentences or is incomplete, a pause or a clip."""
        while self._parts and isinstance(run := self._parts[0], TextRun) and run.is_complete and not run.sentences:
            self._parts.popleft()
        return self._parts[0] if self._parts else None

    @property
    def has_next(self) -> bool:
        """Whether there is a sentence, a pause or a clip."""
        first = self.first
        return bool(first.sentences) if isinstance(first, TextRun) else first is not None

    @property
    def only_run(self) -> TextRun | None:
        """The run, if there is nothing else."""
        first = self.first
        return first if isinstance(first, TextRun) and len(self._parts) == 1 else None

    @property
    def open_run(self) -> TextRun | None:
        """The run that may continue."""
        last = self._parts[-1] if self._parts else None
        return last if isinstance(last, TextRun) and not last.is_complete else None

    @property
    def unread_chars(self) -> int:
        """Length of the text that has not been taken."""
        return sum(part.unread_chars for part in self._parts if isinstance(part, TextRun))

    def continue_run(self, style: SpeechStyle) -> TextRun:
        """Return the run for text in a style, which is another one if the last one has another style."""
        run = self.open_run
        if run is None or run.style != style.of_sentence:
            self.end_run()
            run = TextRun(style.of_sentence)
            self._parts.append(run)
        return run

    def add(self, part: Pause | Clip) -> None:
        """Add a pause or a clip, which ends the run before it."""
        self.end_run()
        self._parts.append(part)

    def end_run(self) -> None:
        """End the run that may continue."""
        if run := self.open_run:
            run.finish()

    def take(self) -> Pause | Clip | None:
        """Remove the first part if it is a pause or a clip, and return it."""
        first = self.first
        if first is None or isinstance(first, TextRun):
            return None
        self._parts.popleft()
        return first
