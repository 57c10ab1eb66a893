"""What a model says that it has read aloud, held against what it was to read."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
import re
from typing import Final

_TOKEN: Final = re.compile(
    r"""(?P<number>\d+(?:[.,:/\u2019']\d+)*\w*|[%‰°€$£¥₹&+=@\#*/<>§])
    |(?P<sign>[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff])
    |(?P<word>[^\W\d_]+(?:['\u2019][^\W\d_]+)*)""",
    re.VERBOSE,
)
"""What counts as one: a number or a symbol, a sign of a script without spaces, or a word."""
_NUMBER: Final = "#"
"""What stands for all numbers and symbols: there is more than one way to write what is said of them."""
_WORDS_PER_NUMBER: Final = 8
_IRREGULAR: Final = {"can't": "can not", "cannot": "can not", "won't": "will not", "let's": "let us"}
_SHORT: Final = {"s": "is", "re": "are", "ll": "will", "ve": "have", "m": "am", "d": "would"}
"""What English writes shorter than it could."""
_TOLERATED: Final = 0.3
"""Share of words that may differ: names and abbreviations are written down in more than one way."""
_FEWEST: Final = 4
"""Words from which on it can be told that something else is being said."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How much of a text was read."""

    read_to: int
    """Where in the text that ends which was read."""
    is_faithful: bool
    """Whether all of it was read and nothing else was said."""


@dataclass(frozen=True, slots=True)
class _Word:
    word: str
    start: int


def judge(text: str, transcript: str) -> Verdict:
    """Tell how far a text was read, by what was said."""
    expected, said = list(_words(text)), [word.word for word in _words(transcript)]
    blocks = _aligned([word.word for word in expected], said)
    errors = same = words = read = 0
    for block in blocks:
        errors += block.errors
        words += len(block.words)
        same += len(block.words) if block.is_same else 0
        if block.is_same and block.words and errors <= _TOLERATED * words <= 2 * _TOLERATED * same:
            read = block.end
    breaks_off = bool(blocks) and blocks[-1].is_lost
    if not breaks_off and errors <= max(1.0, _TOLERATED * words):
        return Verdict(len(text), is_faithful=True)
    return Verdict(expected[read].start if read < len(expected) else len(text), is_faithful=False)


def begins_well(text: str, transcript: str) -> bool:
    """Tell whether the first word that was said, or what has come of it, is the first one of a text."""
    expected, said = next(_words(text), None), next(_words(transcript), None)
    if expected is None or said is None or _NUMBER in (expected.word, said.word):
        return True
    return expected.word.startswith(said.word) or said.word.startswith(expected.word)


def strays(text: str, transcript: str) -> bool:
    """Tell whether what was said so far is something else than the beginning of a text."""
    said = [word.word for word in _words(transcript)][:-1]  # the last one may go on
    if len(said) < _FEWEST:
        return False
    expected = [word.word for word in _words(text)][: 2 * len(said)]
    blocks = _aligned(expected, said)
    if blocks and blocks[-1].is_lost:  # it has not come to that yet
        blocks.pop()
    return sum(block.errors for block in blocks) > len(said) / 2


@dataclass(frozen=True, slots=True)
class _Block:
    """Words of a text and what was said instead."""

    expected: list[str]
    said: list[str]
    end: int

    @property
    def words(self) -> list[str]:
        """The words of the text, without its numbers."""
        return [word for word in self.expected if word != _NUMBER]

    @property
    def is_same(self) -> bool:
        return self.expected == self.said

    @property
    def is_lost(self) -> bool:
        """Whether nothing was said of them."""
        return not self.said and bool(self.words)

    @property
    def errors(self) -> int:
        """How many words differ; of a number and the unit beside it, many may."""
        if self.is_same:
            return 0
        numbers = self.expected.count(_NUMBER) + self.said.count(_NUMBER)
        lost = len(self.words) - numbers
        added = len(self.said) - self.said.count(_NUMBER) - _WORDS_PER_NUMBER * numbers
        return max(lost, added, 0)


def _aligned(expected: list[str], said: list[str]) -> list[_Block]:
    """Return what was said beside what was to be said. Mostly it is the same, which is quickly seen."""
    same = _same_at_start(expected, said)
    rest, said_after = expected[same:], said[same:]
    codes = SequenceMatcher(None, rest, said_after, autojunk=False).get_opcodes()
    start = [_Block(expected[:same], said[:same], same)] if same else []
    return start + [_Block(rest[a:b], said_after[c:d], same + b) for _, a, b, c, d in codes]


def _same_at_start(one: list[str], other: list[str]) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((index for index, (left, right) in pairs if left != right), min(len(one), len(other)))


def _words(text: str) -> Iterator[_Word]:
    """Yield the words of a text in one way of writing, and where they are."""
    for found in _TOKEN.finditer(text):
        if found["number"]:
            yield _Word(_NUMBER, found.start())
            continue
        for word in _written_out(found[0].lower().replace("\u2019", "'")).split():
            yield _Word(word, found.start())


def _written_out(word: str) -> str:
    """Return an English contraction as the words that it stands for, anything else with its parts apart."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word.endswith("n't"):
        return f"{word[:-3]} not"
    first, *rest = word.split("'")
    return " ".join([first, *(_SHORT.get(part, part) for part in rest)])
