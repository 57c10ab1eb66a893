"""Words that are said otherwise: by the provider itself where it can, else by who writes them otherwise."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import lru_cache
import re
from typing import Final

from ..providers.base import SpeechAudio
from ..providers.models import Model, Pronunciation
from ..text import Replacement, Replacer
from .fallback_chain import Synthesizer

_WORD: Final = re.compile(r"[^\W\d_]+")
"""A word that everybody takes for one, whatever they take for its end."""
_MAX_SAID: Final = 200
"""Characters that say a word; more of them are a text, which has to be spoken in parts like any other."""
_COUNTS_KEPT: Final = 16
"""Texts of which it is remembered how they were counted: the same ones are asked for again and again."""


@dataclass(frozen=True, slots=True, eq=False)
class ReplacingSynthesizer:
    """Says words otherwise that the provider would have said otherwise itself."""

    speaker: Synthesizer
    replacements: Sequence[Replacement]

    @property
    def name(self) -> str:
        """What the speaker is known by."""
        return self.speaker.name

    @property
    def patience(self) -> float:
        """Seconds that a listener waits for it."""
        return self.speaker.patience

    @property
    def is_always_truncated(self) -> bool:
        """Whether its sound always ends as if it were cut off."""
        return self.speaker.is_always_truncated

    def speak(self, text: str, *, is_reply: bool) -> AbstractAsyncContextManager[SpeechAudio]:
        """Give the sound of a text."""
        return self.speaker.speak(Replacer(self.replacements).feed(text, is_final=True), is_reply=is_reply)


def pronunciations_for(replacements: Sequence[Replacement], model: Model) -> tuple[Pronunciation, ...]:
    """Return the replacements as what the provider says otherwise, nothing where it can't do so with all of them.

    Of two for the same word the first counts, as where they are replaced here; who sends both can't know.
    """
    said: dict[str, str] = {}
    for one in replacements:
        word = " ".join(one.find.split())
        if word.lower() not in said:  # in lower case, a word stands for all the ways to write it
            said.setdefault(word, one.say)
    is_sayable = all(_WORD.fullmatch(word) and 0 < len(say) <= _MAX_SAID for word, say in said.items())
    if not is_sayable or len(said) > model.max_pronunciations:
        return ()
    return tuple(Pronunciation(word, say, match_case=word != word.lower()) for word, say in said.items())


def count_with_pronunciations(pronunciations: Sequence[Pronunciation], model: Model) -> Callable[[str], int]:
    """Return how a provider counts that counts what it says instead of what is written, or a little more.

    A word counts wherever its letters are: to find its ends takes too long for what is asked of every beginning of a
    long text. A text that is too long as it is needs no closer look.
    """
    by_size = sorted((model.count(one.say), one.word.lower()) for one in pronunciations)
    sizes = {word: size for size, word in by_size}

    @lru_cache(_COUNTS_KEPT)
    def count(text: str) -> int:
        units = model.count(text)
        if units > model.max_chars:
            return units
        letters = text.lower()
        return units + sum(letters.count(word) * size for word, size in sizes.items())

    return count
