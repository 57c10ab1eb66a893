"""Text in, text out: text deltas become the words and sentences that a voice speaks."""

from collections.abc import Sequence

from .characters import is_speakable
from .long_sentences import split_evenly, split_first_clause
from .markdown import MarkdownReader
from .replacements import Replacement, Replacer
from .sentences import SentenceSplitter

__all__ = [
    "Replacement",
    "Replacer",
    "SentenceSplitter",
    "TextCleaner",
    "is_speakable",
    "split_evenly",
    "split_first_clause",
]


class TextCleaner:
    """Turns text deltas into the words to speak, which do not depend on how the text is divided."""

    def __init__(self, replacements: Sequence[Replacement] = (), *, clean: bool = True) -> None:
        """Apply replacements and, with `clean`, read Markdown and HTML."""
        self._markdown = MarkdownReader() if clean else None
        self._replacer = Replacer(replacements) if replacements else None

    def feed(self, delta: str) -> str:
        """Return the words that are certain."""
        words = self._markdown.feed(delta) if self._markdown else delta
        return self._replacer.feed(words) if self._replacer else words

    def finish(self) -> str:
        """Return the remaining words."""
        words = self._markdown.finish() if self._markdown else ""
        return self._replacer.feed(words, is_final=True) if self._replacer else words
