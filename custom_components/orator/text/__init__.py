"""Markup -> words, on a stream: what a person would say who reads the text aloud."""

from collections.abc import Sequence

from .markup.lines import MarkdownReader
from .replacements import Replacement, Replacer
from .sentences import SentenceSplitter

__all__ = ["Replacement", "SentenceSplitter", "TextCleaner"]


class TextCleaner:
    """Turns deltas into the words to be said. What comes out does not depend on where the deltas were divided."""

    def __init__(self, replacements: Sequence[Replacement] = (), *, clean: bool = True) -> None:
        """Begin a text; without `clean` only the replacements apply."""
        self._markup = MarkdownReader() if clean else None
        self._replacer = Replacer(replacements) if replacements else None

    def feed(self, delta: str) -> str:
        """Return what is certain so far."""
        words = self._markup.feed(delta) if self._markup else delta
        return self._replacer.feed(words) if self._replacer else words

    def finish(self) -> str:
        """Return the rest."""
        words = self._markup.finish() if self._markup else ""
        return self._replacer.feed(words, is_final=True) if self._replacer else words
