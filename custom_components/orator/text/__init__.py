"""Text in, text out: turn text deltas into the words and sentences that a voice speaks."""

from collections.abc import Iterable, Sequence

from .audio_tags import remove_audio_tags
from .characters import CLAUSE_MARKS, END_MARKS, count_syllable_letters, is_speakable
from .clauses import find_clause_ends, find_phrase_end
from .long_sentences import split_evenly, split_first_clause
from .replacements import Replacement, replace_words
from .sentences import SentenceSplitter
from .speech_parts import PLAIN, Clip, Pause, SpeechPart, SpeechStyle, StyledText
from .speech_reader import SpeechReader
from .ssml import SsmlReader
from .units import unit_replacements

__all__ = [
    "CLAUSE_MARKS",
    "END_MARKS",
    "PLAIN",
    "Clip",
    "Pause",
    "Replacement",
    "SentenceSplitter",
    "SpeechPart",
    "SpeechReader",
    "SpeechStyle",
    "SsmlReader",
    "StyledText",
    "TextCleaner",
    "count_syllable_letters",
    "find_clause_ends",
    "find_phrase_end",
    "is_speakable",
    "remove_audio_tags",
    "remove_ssml",
    "replace_words",
    "split_evenly",
    "split_first_clause",
    "unit_replacements",
]


class TextCleaner:
    """Converter of text deltas to the words to speak, without their styles."""

    def __init__(self, replacements: Sequence[Replacement] = (), *, clean: bool = True) -> None:
        """Initialize the cleaner with replacements; `clean` also reads Markdown and HTML."""
        self._reader = SpeechReader(replacements, clean=clean)

    def feed(self, delta: str) -> str:
        """Return the words that later text cannot change."""
        return _join_words(self._reader.feed(delta))

    def finish(self) -> str:
        """Return the remaining words."""
        return _join_words(self._reader.finish())


def remove_ssml(text: str) -> str:
    """Return the words of an SSML document, with those in place of its clips; any other text is returned as it is."""
    ssml = SsmlReader()
    reader = SpeechReader(clean=False, ssml=ssml)
    words = ""
    for part in [*reader.feed(text), *reader.finish()]:
        match part:
            case StyledText():
                words += part.text
            case Clip():
                words += f" {part.fallback} "
            case Pause():
                words += " "
    return " ".join(words.split()) if ssml.is_document else text


def _join_words(parts: Iterable[SpeechPart]) -> str:
    return "".join(part.text for part in parts if isinstance(part, StyledText))
