"""Text in, text out: turn text deltas into the words and sentences that a voice speaks."""

from collections.abc import Sequence

from .characters import count_syllable_letters, is_speakable
from .clauses import find_clause_ends, find_phrase_end
from .long_sentences import split_evenly, split_first_clause
from .markdown import MarkdownReader
from .replacements import Replacement, Replacer, replace_words
from .sentences import SentenceSplitter
from .speech_parts import PLAIN, Clip, Pause, SpeechPart, SpeechStyle, StyledText
from .units import unit_replacements

__all__ = [
    "PLAIN",
    "Clip",
    "Pause",
    "Replacement",
    "SentenceSplitter",
    "SpeechPart",
    "SpeechStyle",
    "StyledText",
    "TextCleaner",
    "count_syllable_letters",
    "find_clause_ends",
    "find_phrase_end",
    "is_speakable",
    "replace_words",
    "split_evenly",
    "split_first_clause",
    "unit_replacements",
]


class TextCleaner:
    """Converter of text deltas to the words to speak, however the text is split into deltas."""

    def __init__(self, replacements: Sequence[Replacement] = (), *, clean: bool = True) -> None:
        """Initialize the cleaner with replacements; `clean` also reads Markdown and HTML."""
        self._markdown = MarkdownReader() if clean else None
        self._replacer = Replacer(replacements) if replacements else None

    def feed(self, delta: str) -> str:
        """Return the words that later text cannot change."""
        words = self._markdown.feed(delta) if self._markdown else delta
        return self._replacer.feed(words) if self._replacer else words

    def finish(self) -> str:
        """Return the remaining words."""
        words = self._markdown.finish() if self._markdown else ""
        return self._replacer.feed(words, is_final=True) if self._replacer else words
