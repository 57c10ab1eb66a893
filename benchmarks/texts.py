"""What is said: the same in every run, and yet never twice, so that no cache knows it."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass, field
from itertools import count, cycle, islice
from math import inf
import re
from time import monotonic
from typing import Final

from .conditions import WORDS_PER_SECOND

SENTENCES: Final = (
    "The washing machine in flat {} has finished, and its drum is waiting to be emptied.",
    "Tomorrow begins with fog along the river, and room {} will see the sun by noon.",
    "I have turned down the heating on floor {} because every window there is open.",
    "The train on track {} leaves ten minutes late today, so there is time for a coffee.",
    "Somebody rang at door {} this morning, waited a while, and left a parcel behind.",
    "The car in bay {} has been charged to four fifths and will be full before dinner.",
    "Your next appointment is in office {}, right after lunch, and it will be short.",
    "The lights of hall {} stay on until the last guest has gone home for the night.",
    "Rain is on its way to garden {}, which means that the lawn needs no water today.",
    "The dishwasher of kitchen {} wants salt, and the shopping list has been told of it.",
    "All the doors of house {} are locked now, except for the one to the balcony.",
    "The battery of sensor {} is running low and should be replaced during this week.",
)
"""About as long as a spoken sentence is: thirteen words, five seconds. The brace takes the number of the speech."""

_TOKEN: Final = re.compile(r"\s?\w{1,6}|\s?[^\w\s]|\s")
_numbers: Final = count(1000)


@dataclass(slots=True)
class Speech:
    """A text to be said in one go, or word by word as an assistant thinks of it.

    words_per_second: how fast its words come; None when all are there from the start.
    started_at, known_at: when it was first read, and when its first sentence was complete (time.monotonic).
    """

    sentences: tuple[str, ...]
    words_per_second: float | None = None
    started_at: float | None = field(default=None, init=False)
    known_at: float | None = field(default=None, init=False)

    @property
    def text(self) -> str:
        """All of it."""
        return " ".join(self.sentences)

    def begin(self) -> None:
        """Note that the text is handed over now, all at once."""
        self.started_at = self.known_at = monotonic()

    async def deltas(self) -> AsyncGenerator[str]:
        """Yield pieces the size of tokens, at the speed of the words."""
        async for delta, _ in self._spoken_tokens():
            yield delta

    async def pieces(self, max_chars: int) -> AsyncGenerator[str]:
        """Yield each sentence when it is known; if all is known, as many sentences as fit into a piece."""
        if self.words_per_second is None:
            self.begin()
            for piece in self._packed(max_chars):
                yield piece
            return
        piece = ""
        async for token, ends_sentence in self._spoken_tokens():
            piece += token
            if ends_sentence:
                yield piece.strip()
                piece = ""

    def _packed(self, max_chars: int) -> Iterator[str]:
        piece = ""
        for sentence in self.sentences:
            if piece and len(piece) + len(sentence) >= max_chars:
                yield piece
                piece = ""
            piece += f" {sentence}" if piece else sentence
        yield piece

    async def _spoken_tokens(self) -> AsyncGenerator[tuple[str, bool]]:
        """Yield tokens, and whether one completes a sentence, at the speed of the words."""
        tokens = list(self._tokens())
        words = len(self.text.split())
        pause = words / (self.words_per_second or inf) / len(tokens)
        self.started_at = monotonic()
        for index, (token, ends_sentence) in enumerate(tokens):
            if (wait := self.started_at + index * pause - monotonic()) > 0:
                await asyncio.sleep(wait)
            if ends_sentence and self.known_at is None:
                self.known_at = monotonic()
            yield token, ends_sentence

    def _tokens(self) -> Iterator[tuple[str, bool]]:
        for index, sentence in enumerate(self.sentences):
            tokens = _TOKEN.findall(f" {sentence}" if index else sentence)
            for position, token in enumerate(tokens, 1):
                yield token, position == len(tokens)


def sentence() -> Speech:
    """Return one sentence."""
    return Speech((SENTENCES[0].format(next(_numbers)),))


def reply(sentences: int = 8, *, words_per_second: float | None = WORDS_PER_SECOND) -> Speech:
    """Return an assistant's answer."""
    number = next(_numbers)
    said = islice(cycle(SENTENCES), sentences)
    return Speech(tuple(text.format(number) for text in said), words_per_second)


def essay(characters: int, *, words_per_second: float | None = None) -> Speech:
    """Return a text of at least that many characters, by less than a sentence more."""
    number = next(_numbers)
    sentences: list[str] = []
    length = -1
    for text in cycle(SENTENCES):
        if length >= characters:
            break
        sentences.append(text.format(number))
        length += len(sentences[-1]) + 1
    return Speech(tuple(sentences), words_per_second)


def same_words(one: str, other: str) -> bool:
    """Tell whether two texts are the same words in the same order."""
    return one.split() == other.split()
