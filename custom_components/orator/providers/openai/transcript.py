"""What a model says that it has read aloud, held against what it was to read."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
import re
from typing import Final
import unicodedata

_TOKEN: Final = re.compile(
    r"""(?P<number>\d+(?:[.,:/']\d+)*|[%‰°€$£¥₹&+=@\#*/<>§])
    |(?P<sign>[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])
    |(?P<word>[^\W\d_]+(?:'[^\W\d_]+)*)""",
    re.VERBOSE,
)
"""What counts as one: a number or a symbol, a sign of a script without spaces, or a word."""
_IRREGULAR: Final = {"can't": "can not", "cannot": "can not", "won't": "will not", "let's": "let us"}
_SHORT: Final = {"s": "is", "re": "are", "ll": "will", "ve": "have", "m": "am", "d": "would"}
"""What English writes shorter than it could."""
_WINDOW: Final = 30
"""Words in which something else may be said before the text goes on."""
_ALIKE: Final = 0.6
"""Share of letters from which on two ways of writing are taken for the same."""
_LONGEST_SPELLING: Final = 100
_SIGN: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_ANOTHER: Final = 4.0
"""Words that differ, one after the other, from which on something else is being said."""
_SECONDS_PER_WORD: Final = 0.4
_KEPT: Final = 16
"""Texts whose words are kept at hand while they are being read."""
_SIGNS_PER_WORD: Final = 2.5


@dataclass(frozen=True, slots=True)
class TranscriptMatch:
    """How much of a text was read."""

    read_to: int
    """Where in the text that ends which was read; what follows is to be read once more."""
    is_faithful: bool
    """Whether all of it was read and nothing else was said."""


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    start: int
    is_number: bool
    weight: float
    """How much it counts, in words."""


@dataclass(frozen=True, slots=True)
class _Block:
    """A part of a text, and what was said instead."""

    expected: Sequence[_Token]
    said: Sequence[_Token]

    @property
    def errors(self) -> float:
        """How many words differ. Numbers can be said in many words, and words be parted in more than one way."""
        words, said_words = _words_of(self.expected), _words_of(self.said)
        ours, theirs = "".join(token.text for token in words), "".join(token.text for token in said_words)
        if ours and _are_alike(ours, theirs):
            return 0.0
        lost = sum(token.weight for token in words) - _room_of(self.said)
        added = sum(token.weight for token in said_words) - _room_of(self.expected)
        return max(lost, added, 0.0)

    @property
    def has_other_numbers(self) -> bool:
        """Whether numbers were said that are not those of the text."""
        ours, theirs = ([token.text for token in part if token.is_number] for part in (self.expected, self.said))
        return bool(ours) and len(ours) == len(theirs) and ours != theirs


def _are_alike(one: str, other: str) -> bool:
    """Tell whether two spellings may be of the same words; signs of one language are often written in two scripts."""
    if len(one + other) > _LONGEST_SPELLING:
        return False
    if len(one) == len(other) and _SIGN.match(one) and _SIGN.match(other):
        return True
    return SequenceMatcher(None, one, other, autojunk=False).ratio() >= _ALIKE


def compare(text: str, transcript: str) -> TranscriptMatch:
    """Tell how far a text was read, by what was said."""
    expected = _tokens(text)
    blocks, rest = _aligned(expected, _tokens(transcript))
    every = [*blocks, rest]
    words = sum(token.weight for token in expected)
    errors = sum(block.errors for block in every)
    first = next((block for block in every if block.errors), rest)
    if errors > max(words / 2, 0.5):  # on the whole it is something else
        at = first.expected or expected[-1:] or ()
        return TranscriptMatch(at[0].start if at else len(text), is_faithful=not expected)
    if rest.expected and (not rest.said or rest.errors >= _ANOTHER):
        return TranscriptMatch(rest.expected[0].start, is_faithful=False)
    is_faithful = errors < _ANOTHER and not any(block.has_other_numbers for block in every)
    return TranscriptMatch(len(text), is_faithful=is_faithful)


def starts_like(text: str, transcript: str) -> bool:
    """Tell whether the first word that was said, or what has come of it, is the first one of a text."""
    expected, said = _tokens(text)[:1], _tokens(transcript)[:1]
    if not expected or not said or expected[0].is_number or said[0].is_number:
        return True
    return expected[0].text.startswith(said[0].text) or said[0].text.startswith(expected[0].text)


def is_mismatch_so_far(text: str, transcript: str) -> bool:
    """Tell whether what was said so far is something else than the beginning of a text."""
    said = _tokens(transcript)[:-1]  # the last one may go on
    blocks, rest = _aligned(_tokens(text), said)
    ahead = _Block(rest.expected[: len(rest.said) + 1], rest.said)
    errors = sum(block.errors for block in blocks) + (ahead.errors if rest.said else 0.0)
    added = sum(token.weight for token in rest.said)
    return errors > sum(token.weight for token in said) / 2 and (added >= _ANOTHER - 1 or errors >= _ANOTHER)


def count_words(transcript: str) -> int:
    """Return how many words, signs and numbers there are."""
    return len(_tokens(transcript))


def estimate_seconds(text: str) -> float:
    """Return about how long it takes to read a text."""
    return sum(token.weight for token in _tokens(text)) * _SECONDS_PER_WORD


def _aligned(expected: Sequence[_Token], said: Sequence[_Token]) -> tuple[list[_Block], _Block]:
    """Return the blocks in which something else was said before the text went on, and what is left of both."""
    blocks: list[_Block] = []
    at = now = 0
    while at < len(expected) and now < len(said):
        if expected[at].text == said[now].text:
            at, now = at + 1, now + 1
        elif found := _meeting(expected[at : at + _WINDOW], said[now : now + _WINDOW], len(expected) - at):
            blocks.append(_Block(expected[at : at + found[0]], said[now : now + found[1]]))
            at, now = at + found[0], now + found[1]
        else:
            break
    return blocks, _Block(expected[at:], said[now:])


def _meeting(expected: Sequence[_Token], said: Sequence[_Token], left: int) -> tuple[int, int] | None:
    """Return after how many words of both they are the same again: two in a row, or the last of the text."""
    for distance in range(1, len(expected) + len(said)):
        for skipped in range(max(0, distance - len(said) + 1), min(distance, len(expected) - 1) + 1):
            here, there = skipped, distance - skipped
            if expected[here].text != said[there].text:
                continue
            is_last = here == left - 1 and there == len(said) - 1
            if is_last or [t.text for t in expected[here + 1 : here + 2]] == [
                t.text for t in said[there + 1 : there + 2]
            ]:
                return here, there
    return None


def _words_of(tokens: Sequence[_Token]) -> list[_Token]:
    return [token for token in tokens if not token.is_number]


def _room_of(tokens: Sequence[_Token]) -> float:
    """Return how many words the numbers among tokens may take."""
    return sum(len(token.text) + 2 for token in tokens if token.is_number)


@lru_cache(_KEPT)
def _tokens(text: str) -> Sequence[_Token]:
    """Return the words of a text in one way of writing, and where they are."""
    letters, places = _plain(text)
    found: list[_Token] = []
    for match in _TOKEN.finditer(letters):
        start = places[match.start()]
        if match["number"]:
            digits = "".join(filter(str.isalnum, match[0])) or match[0]
            found.append(_Token(digits, start, is_number=True, weight=1))
        elif match["sign"]:
            found.append(_Token(match[0], start, is_number=False, weight=1 / _SIGNS_PER_WORD))
        else:
            parts = _written_out(match[0]).split()
            found += [_Token(part, start, is_number=False, weight=1) for part in parts]
    return found


def _plain(text: str) -> tuple[str, Sequence[int]]:
    """Return a text in small letters without marks on them, and where in the text each letter is."""
    if text.isascii():
        return text.lower(), range(len(text))
    letters: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        for letter in unicodedata.normalize("NFKD", character).casefold():
            if not unicodedata.category(letter).startswith("M"):
                letters.append("'" if letter == "\u2019" else letter)
                places.append(place)
    return "".join(letters), places


def _written_out(word: str) -> str:
    """Return an English contraction as the words that it stands for, anything else with its parts apart."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word.endswith("n't"):
        return f"{word[:-3]} not"
    first, *rest = word.split("'")
    return " ".join([first, *(_SHORT.get(part, part) for part in rest)])
