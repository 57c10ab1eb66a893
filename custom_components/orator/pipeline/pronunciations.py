"""Turn replacements into pronunciations, for providers that apply them themselves, and back."""

from collections.abc import Callable, Sequence
from functools import lru_cache
import re
from typing import Final

from ..providers.base import SynthesisRequest
from ..providers.models import Model, Pronunciation
from ..text import Replacement, StyledText, replace_words

_LETTERS: Final = re.compile(r"[^\W\d_]+")
"""A word of letters only: every provider finds its end."""
_MAX_PRONUNCIATION_CHARS: Final = 200
"""A longer replacement is not a pronunciation but a text, which may have to be split into chunks."""
_COUNT_CACHE_SIZE: Final = 16


def pronunciations_for(replacements: Sequence[Replacement], model: Model) -> tuple[Pronunciation, ...]:
    """Return the replacements as pronunciations, or none if the provider cannot apply all of them.

    If two replacements are for the same word, the first one applies.
    """
    words: dict[str, str] = {}
    for replacement in replacements:
        word = " ".join(replacement.find.split())
        if word.lower() not in words:  # a lower-case word stands for all its spellings
            words.setdefault(word, replacement.say)
    is_supported = all(
        _LETTERS.fullmatch(word) and 0 < len(say) <= _MAX_PRONUNCIATION_CHARS for word, say in words.items()
    )
    if not is_supported or len(words) > model.max_pronunciations:
        return ()
    return tuple(Pronunciation(word, say, match_case=word != word.lower()) for word, say in words.items())


def add_pronunciations(request: SynthesisRequest, words: Sequence[StyledText]) -> tuple[Pronunciation, ...]:
    """Return the pronunciations of a request, with those of words of its text first; each word has one."""
    added = {
        word.text.lower(): Pronunciation(word.text, word.style.pronunciation, match_case=False)
        for word in words
        if word.style.pronunciation and _LETTERS.fullmatch(word.text)
    }
    others = [one for one in request.pronunciations if one.word.lower() not in added]
    return (*added.values(), *others)[: request.model.max_pronunciations]


def apply_pronunciations(text: str, pronunciations: Sequence[Pronunciation]) -> str:
    """Return a text with its words replaced by their pronunciations."""
    return replace_words(text, [Replacement(one.word, one.say) for one in pronunciations])


def measure_with_pronunciations(pronunciations: Sequence[Pronunciation], model: Model) -> Callable[[str], int]:
    """Return a function that measures a text with its pronunciations applied; the result may be slightly too high.

    The function counts a word wherever its letters occur: finding word boundaries takes too long, because the function
    is called with every beginning of a long text.
    """
    # The longest pronunciation of a word counts.
    by_size = sorted((model.measure(one.say), one.word.lower()) for one in pronunciations)
    sizes = {word: size for size, word in by_size}

    @lru_cache(_COUNT_CACHE_SIZE)
    def measure(text: str) -> int:
        units = model.measure(text)
        if units > model.max_chars:
            return units
        letters = text.lower()
        return units + sum(letters.count(word) * size for word, size in sizes.items())

    return measure
