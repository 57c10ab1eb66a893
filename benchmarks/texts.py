"""Texts that are the same in every run but never repeat within one, so no cache has their audio."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import suppress
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
"""Templates of sentences of about five seconds of speech; a number makes each sentence unique."""

_LONG_SENTENCE: Final = (
    "When visitors arrive at gate {}, the lamp above the door turns green, a camera takes a picture of the yard, the "
    "speaker in the kitchen plays a short melody, and the heating of the guest room slowly starts to warm up."
)
"""A sentence of 42 words, of which the first clause has 6."""
_JAPANESE_SENTENCE: Final = (
    "明日{}時の天気は雨のち晴れですが、午後は風が少し強くなるため洗濯物は早めに中へ取り込み、"
    "夕方に出かける方は念のため傘と上着を用意して駅へ向かうと安心です。"
)
"""A sentence of 80 characters."""
ASSIST_GATE_CHARS: Final = 60
"""Characters of a reply above which Home Assistant's Assist pipeline starts to stream."""

_TOKEN: Final = re.compile(r"[\u3040-\u9fff]{1,2}|\s?[^\W\u3040-\u9fff]{1,6}|\s?[^\w\s]|\s")
_numbers: Final = count(1000)


@dataclass(slots=True)
class Message:
    """A text that is complete from the start, or streamed as a language model generates it.

    words_per_second, characters_per_second: pace of a streamed text; both are None for a complete one.
    is_assist_reply: whether Home Assistant holds the start of the text back.
    lead_s: seconds from the start of a pipeline, when Home Assistant creates the stream, to the text.
    started_at, first_sentence_at, streamed_at: when the text started, when its first sentence was complete, and when
    Home Assistant began to stream it (time.monotonic).
    """

    sentences: tuple[str, ...]
    words_per_second: float | None = None
    characters_per_second: float | None = field(default=None, kw_only=True)
    is_assist_reply: bool = field(default=False, kw_only=True)
    lead_s: float = field(default=0.0, kw_only=True)
    started_at: float | None = field(default=None, init=False)
    first_sentence_at: float | None = field(default=None, init=False)
    streamed_at: float | None = field(default=None, init=False)

    @property
    def text(self) -> str:
        """The whole text."""
        return " ".join(self.sentences)

    @property
    def is_complete(self) -> bool:
        """Whether the text is complete from the start."""
        return self.words_per_second is None and self.characters_per_second is None

    def start(self) -> None:
        """Set the times of a complete text."""
        self.started_at = self.first_sentence_at = monotonic()

    async def deltas(self) -> AsyncGenerator[str]:
        """Yield pieces of the size of tokens, at the pace of a streamed text."""
        async for delta, _ in self._paced_tokens():
            yield delta

    async def write_through_gate(self, stream: Callable[[AsyncGenerator[str]], None]) -> None:
        """Pass the deltas to `stream` as the Assist pipeline does: the start as one delta, once it is long enough."""
        queue: asyncio.Queue[str] = asyncio.Queue()
        characters = 0
        async for token, _ in self._paced_tokens():
            queue.put_nowait(token)
            is_held = characters <= ASSIST_GATE_CHARS
            characters += len(token)
            if is_held and characters > ASSIST_GATE_CHARS:
                queue.put_nowait("".join(queue.get_nowait() for _ in range(queue.qsize())))
                self.streamed_at = monotonic()
                stream(_read(queue))
        queue.shutdown()

    async def chunks(self, max_chars: int) -> AsyncGenerator[str]:
        """Yield each sentence as soon as it is complete, or several at once of a complete text."""
        if self.is_complete:
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
        seconds = len(self.text.split()) / (self.words_per_second or inf)
        seconds += len(self.text) / (self.characters_per_second or inf)
        interval = seconds / len(tokens)
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


def announcement() -> Message:
    """Return a short announcement."""
    return Message((f"Dinner is ready at table {next(_numbers)}.",))


def reply(sentences: int = 8) -> Message:
    """Return a reply of an assistant."""
    templates = islice(cycle(SENTENCES), sentences)
    return Message(tuple(text.format(next(_numbers)) for text in templates), WORDS_PER_SECOND)


def dialogue(words_per_second: float | None, *, has_markup: bool) -> Message:
    """Return two sentences; with markup, there is a pause between them, and the second one is quieter and slower."""
    first, second = (text.format(next(_numbers)) for text in SENTENCES[:2])
    if has_markup:
        first = f"<speak>{first}"
        second = f'<break time="300ms"/><prosody rate="95%" volume="-3dB">{second}</prosody></speak>'
    return Message((first, second), words_per_second)


def slow_reply(words_per_second: float) -> Message:
    """Return a reply with a long first sentence that Assist streams."""
    first = _LONG_SENTENCE.format(next(_numbers))
    return Message((first, *reply(1).sentences), words_per_second, is_assist_reply=True)


def japanese_reply(*, is_assist_reply: bool) -> Message:
    """Return a reply in Japanese, whose sentence is long and has no spaces, at 20 characters per second."""
    first, second = (_JAPANESE_SENTENCE.format(next(_numbers)) for _ in range(2))
    return Message((first, second), characters_per_second=20, is_assist_reply=is_assist_reply)


async def _read(queue: asyncio.Queue[str]) -> AsyncGenerator[str]:
    """Yield the deltas of a queue until it is shut down."""
    with suppress(asyncio.QueueShutDown):
        while True:
            yield await queue.get()


def essay(characters: int, *, words_per_second: float | None = None) -> Message:
    """Return a text that exceeds a number of characters by less than a sentence."""
    sentences: list[str] = []
    length = -1
    for text in cycle(SENTENCES):
        if length >= characters:
            break
        sentences.append(text.format(next(_numbers)))
        length += len(sentences[-1]) + 1
    return Message(tuple(sentences), words_per_second)


def has_same_words(text: str, other: str) -> bool:
    """Return whether two texts consist of the same words in the same order."""
    return text.split() == other.split()
