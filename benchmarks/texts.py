"""Texts that are the same in every run but never repeat within one, so no cache has their audio."""

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
    "A courier rang at door {} this morning, waited a while, and left a parcel behind.",
    "The car in bay {} has been charged to four fifths and will be full before dinner.",
    "Your next appointment is in office {}, right after lunch, and it will be short.",
    "The lights of hall {} stay on until the last guest has gone home for the night.",
    "Rain is on its way to garden {}, which means that the lawn needs no water today.",
    "The dishwasher of kitchen {} wants salt, and the shopping list has been told of it.",
    "All the doors of instance {} are locked now, except for the one to the balcony.",
    "The battery of sensor {} is running low and should be replaced during this week.",
)
"""Sentences of about five seconds of speech. A number makes each message unique."""

_TOKEN: Final = re.compile(r"\s?\w{1,6}|\s?[^\w\s]|\s")
_numbers: Final = count(1000)


@dataclass(slots=True)
class Message:
    """A text that is complete from the start, or streamed as a language model generates it.

    words_per_second: pace of a streamed text, None for a complete one.
    lead_s: seconds from the start of a pipeline, when Home Assistant creates the stream, to the text.
    started_at, first_sentence_at: when the text started, and when its first sentence was complete (time.monotonic).
    """

    sentences: tuple[str, ...]
    words_per_second: float | None = None
    lead_s: float = field(default=0.0, kw_only=True)
    started_at: float | None = field(default=None, init=False)
    first_sentence_at: float | None = field(default=None, init=False)

    @property
    def text(self) -> str:
        """The whole text."""
        return " ".join(self.sentences)

    def start(self) -> None:
        """Set the times of a complete text."""
        self.started_at = self.first_sentence_at = monotonic()

    async def deltas(self) -> AsyncGenerator[str]:
        """Yield pieces of the size of tokens, at the pace of a streamed text."""
        async for delta, _ in self._paced_tokens():
            yield delta

    async def chunks(self, max_chars: int) -> AsyncGenerator[str]:
        """Yield each sentence as soon as it is complete, or several at once of a complete text."""
        if self.words_per_second is None:
            self.start()
            for chunk in self._pack_sentences(max_chars):
                yield chunk
            return
        chunk = ""
        async for token, ends_sentence in self._paced_tokens():
            chunk += token
            if ends_sentence:
                yield chunk.strip()
                chunk = ""

    def _pack_sentences(self, max_chars: int) -> Iterator[str]:
        chunk = ""
        for sentence in self.sentences:
            if chunk and len(chunk) + len(sentence) >= max_chars:
                yield chunk
                chunk = ""
            chunk += f" {sentence}" if chunk else sentence
        yield chunk

    async def _paced_tokens(self) -> AsyncGenerator[tuple[str, bool]]:
        """Yield tokens at the pace of the text, and whether each completes a sentence."""
        tokens = list(self._tokens())
        words = len(self.text.split())
        interval = words / (self.words_per_second or inf) / len(tokens)
        self.started_at = monotonic()
        for index, (token, ends_sentence) in enumerate(tokens):
            if (wait := self.started_at + index * interval - monotonic()) > 0:
                await asyncio.sleep(wait)
            if ends_sentence and self.first_sentence_at is None:
                self.first_sentence_at = monotonic()
            yield token, ends_sentence

    def _tokens(self) -> Iterator[tuple[str, bool]]:
        for index, sentence in enumerate(self.sentences):
            tokens = _TOKEN.findall(f" {sentence}" if index else sentence)
            for position, token in enumerate(tokens, 1):
                yield token, position == len(tokens)


def sentence() -> Message:
    """Return one sentence."""
    return Message((SENTENCES[0].format(next(_numbers)),))


def reply(sentences: int = 8) -> Message:
    """Return a reply of an assistant."""
    number = next(_numbers)
    templates = islice(cycle(SENTENCES), sentences)
    return Message(tuple(text.format(number) for text in templates), WORDS_PER_SECOND)


def essay(characters: int, *, words_per_second: float | None = None) -> Message:
    """Return a text that exceeds a number of characters by less than a sentence."""
    number = next(_numbers)
    sentences: list[str] = []
    length = -1
    for text in cycle(SENTENCES):
        if length >= characters:
            break
        sentences.append(text.format(number))
        length += len(sentences[-1]) + 1
    return Message(tuple(sentences), words_per_second)


def has_same_words(text: str, other: str) -> bool:
    """Return whether two texts consist of the same words in the same order."""
    return text.split() == other.split()
