"""Comparison of a text with the transcript of its speech."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from itertools import product
import re
from typing import Final
import unicodedata

_TOKEN: Final = re.compile(
    r"""(?P<number>\d+(?:[.,:/']\d+)*|[%‰°€$£¥₹&+=@\#*/<>§])
    |(?P<character>[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])
    |(?P<word>[^\W\d_]+(?:'[^\W\d_]+)*)""",
    re.VERBOSE,
)
"""A number, a symbol, a character of a script without spaces, or a word."""
_CJK_CHARACTER: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_CHARACTERS_PER_WORD: Final = 2.5
_SECONDS_PER_WORD: Final = 0.4

_CONTRACTIONS: Final = {"can't": "can not", "cannot": "can not", "won't": "will not", "let's": "let us"}
_CONTRACTED_WORDS: Final = {"s": "is", "re": "are", "ll": "will", "ve": "have", "m": "am", "d": "would"}

_ALIGNMENT_WINDOW_WORDS: Final = 30
"""Maximum length of a difference after which a match can resume."""
_SKIPS: Final = sorted(product(range(_ALIGNMENT_WINDOW_WORDS), repeat=2), key=sum)[1:]
"""Numbers of words to skip in the text and in the transcript, smallest sum first."""
_MISMATCH_WORDS: Final = 4.0
"""Number of differing words from which the model says something else."""
_MIN_SPELLING_RATIO: Final = 0.6
"""Minimum similarity of two spellings that may stand for the same words."""
_MAX_SPELLING_CHARS: Final = 100
_CACHED_TEXTS: Final = 16


@dataclass(frozen=True, slots=True)
class TranscriptMatch:
    """How much of a text was spoken."""

    match_end: int
    """Index up to which the text was spoken; the rest has to be requested again."""
    is_exact: bool
    """Whether the whole text was spoken, and nothing else."""


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    start: int
    """Index in the text."""
    is_number: bool
    weight: float
    """Length in words."""


@dataclass(frozen=True, slots=True)
class _Difference:
    """Part of a text, and the part of the transcript in its place."""

    expected: Sequence[_Token]
    spoken: Sequence[_Token]

    @property
    def word_errors(self) -> float:
        """Number of differing words. Numbers may be spoken as several words, and words may be split differently."""
        expected, spoken = _without_numbers(self.expected), _without_numbers(self.spoken)
        expected_letters, spoken_letters = ("".join(word.text for word in words) for words in (expected, spoken))
        if expected_letters and _may_be_same(expected_letters, spoken_letters):
            return 0.0
        missing = sum(word.weight for word in expected) - _max_number_words(self.spoken)
        added = sum(word.weight for word in spoken) - _max_number_words(self.expected)
        return max(missing, added, 0.0)

    @property
    def has_wrong_numbers(self) -> bool:
        """Whether the transcript has numbers, as digits, that differ from those of the text."""
        expected, spoken = ([token.text for token in part if token.is_number] for part in (self.expected, self.spoken))
        return bool(expected) and len(expected) == len(spoken) and expected != spoken


def compare(text: str, transcript: str) -> TranscriptMatch:
    """Return how much of a text was spoken according to its transcript."""
    expected = _tokens(text)
    differences, rest = _align(expected, _tokens(transcript))
    parts = [*differences, rest]
    errors = sum(part.word_errors for part in parts)
    if errors > max(_weight(expected) / 2, 0.5):  # mostly something else
        first = next((part for part in parts if part.word_errors), rest).expected or expected[-1:]
        return TranscriptMatch(first[0].start if first else len(text), is_exact=not expected)
    if rest.expected and (not rest.spoken or rest.word_errors >= _MISMATCH_WORDS):
        return TranscriptMatch(rest.expected[0].start, is_exact=False)
    is_exact = errors < _MISMATCH_WORDS and not any(part.has_wrong_numbers for part in parts)
    return TranscriptMatch(len(text), is_exact=is_exact)


def starts_like(text: str, transcript: str) -> bool:
    """Return whether a transcript, which may end within a word, starts with the first word of a text."""
    expected, spoken = _tokens(text)[:1], _tokens(transcript)[:1]
    if not expected or not spoken or expected[0].is_number or spoken[0].is_number:
        return True
    return expected[0].text.startswith(spoken[0].text) or spoken[0].text.startswith(expected[0].text)


def is_mismatch_so_far(text: str, transcript: str) -> bool:
    """Return whether an unfinished transcript differs from the beginning of a text."""
    spoken = _tokens(transcript)[:-1]  # the last word may be incomplete
    differences, rest = _align(_tokens(text), spoken)
    last = _Difference(rest.expected[: len(rest.spoken) + 1], rest.spoken)
    errors = sum(part.word_errors for part in differences) + (last.word_errors if rest.spoken else 0.0)
    is_clear = _weight(rest.spoken) >= _MISMATCH_WORDS - 1 or errors >= _MISMATCH_WORDS
    return is_clear and errors > _weight(spoken) / 2


def count_words(text: str) -> int:
    """Return the number of words, numbers and characters of scripts without spaces."""
    return len(_tokens(text))


def estimate_duration_by_words_s(text: str) -> float:
    """Return the approximate duration of a text as speech, in seconds.

    Words are counted in the same way as when a text is compared with its transcript.
    """
    return _weight(_tokens(text)) * _SECONDS_PER_WORD


def _align(expected: Sequence[_Token], spoken: Sequence[_Token]) -> tuple[list[_Difference], _Difference]:
    """Return the differences after which text and transcript match again, and the rest of both."""
    expected_words, spoken_words = [token.text for token in expected], [token.text for token in spoken]
    differences: list[_Difference] = []
    i = j = 0
    while i < len(expected) and j < len(spoken):
        if expected_words[i] == spoken_words[j]:
            i, j = i + 1, j + 1
            continue
        skip = _next_match(
            expected_words[i : i + _ALIGNMENT_WINDOW_WORDS], spoken_words[j : j + _ALIGNMENT_WINDOW_WORDS]
        )
        if skip is None:
            break
        differences.append(_Difference(expected[i : i + skip[0]], spoken[j : j + skip[1]]))
        i, j = i + skip[0], j + skip[1]
    return differences, _Difference(expected[i:], spoken[j:])


def _next_match(expected: list[str], spoken: list[str]) -> tuple[int, int] | None:
    """Return the number of words to skip in both until two consecutive words, or the last ones, match."""
    for skipped, added in _SKIPS:
        words = expected[skipped : skipped + 2]
        if words and words == spoken[added : added + 2]:
            return skipped, added
    return None


def _may_be_same(expected: str, spoken: str) -> bool:
    """Return whether two spellings may stand for the same words. CJK text can be written in more than one script."""
    if len(expected + spoken) > _MAX_SPELLING_CHARS:
        return False
    if len(expected) == len(spoken) and _CJK_CHARACTER.match(expected) and _CJK_CHARACTER.match(spoken):
        return True
    return SequenceMatcher(None, expected, spoken, autojunk=False).ratio() >= _MIN_SPELLING_RATIO


def _without_numbers(tokens: Sequence[_Token]) -> list[_Token]:
    return [token for token in tokens if not token.is_number]


def _weight(tokens: Sequence[_Token]) -> float:
    """Return the length of tokens in words."""
    return sum(token.weight for token in tokens)


def _max_number_words(tokens: Sequence[_Token]) -> float:
    """Return the maximum number of words as which the numbers in tokens may be spoken."""
    return sum(len(token.text) + 2 for token in tokens if token.is_number)


@lru_cache(_CACHED_TEXTS)
def _tokens(text: str) -> Sequence[_Token]:
    """Return the normalized words of a text with their positions."""
    letters, indices = _fold(text)
    tokens: list[_Token] = []
    for match in _TOKEN.finditer(letters):
        start = indices[match.start()]
        if match["number"]:
            digits = "".join(filter(str.isalnum, match[0])) or match[0]
            tokens.append(_Token(digits, start, is_number=True, weight=1))
        elif match["character"]:
            tokens.append(_Token(match[0], start, is_number=False, weight=1 / _CHARACTERS_PER_WORD))
        else:
            words = _expand_contraction(match[0]).split()
            tokens += [_Token(word, start, is_number=False, weight=1) for word in words]
    return tokens


def _fold(text: str) -> tuple[str, Sequence[int]]:
    """Return a text in lower case without accents, and the index in the text of each of its letters."""
    if text.isascii():
        return text.lower(), range(len(text))
    letters: list[str] = []
    indices: list[int] = []
    for index, character in enumerate(text):
        for letter in unicodedata.normalize("NFKD", character).casefold():
            if not unicodedata.category(letter).startswith("M"):
                letters.append("'" if letter == "\u2019" else letter)
                indices.append(index)
    return "".join(letters), indices


def _expand_contraction(word: str) -> str:
    """Return an English contraction as whole words; other words are split at apostrophes."""
    if word in _CONTRACTIONS:
        return _CONTRACTIONS[word]
    if word.endswith("n't"):
        return f"{word[:-3]} not"
    first, *rest = word.split("'")
    return " ".join([first, *(_CONTRACTED_WORDS.get(part, part) for part in rest)])
