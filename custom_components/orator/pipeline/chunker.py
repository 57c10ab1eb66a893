"""Text deltas -> segments: what one request says, sized for an early start and for the model's limit."""

import asyncio
from bisect import bisect_right
from collections import deque
from collections.abc import AsyncIterable, Callable
from dataclasses import dataclass
from itertools import islice
from math import inf
import re
from types import TracebackType
from typing import Final, Self

from ..text import SentenceSplitter, TextCleaner, is_speakable, split_evenly, split_first_clause

_IDLE: Final = 0.1
"""Seconds without a delta after which a sentence with an end mark is taken to be over."""
_MAX_CHARS_PER_UNIT: Final = 8
"""More characters than any provider counts as one; it bounds the search for what fits."""
_SLICE: Final = 500
"""Characters cleaned and split before others get their turn.

Of prose that is a millisecond of work, of lists and tables two, of markup that never ends ("![![![") eight. A text of
100,000 takes as long as with slices of 2,000, of which some kept the event loop for 28 ms.
"""


@dataclass(frozen=True, slots=True)
class _Patience:
    """When a sentence whose end is not in sight is spoken in pieces, in characters."""

    clause_after: int
    """A clause of it is taken once there are more than this."""
    min_clause: int
    """A clause has at least this many: shorter ones sound torn off."""
    words_after: int
    """Without a clause, words are taken once there are more than this."""


_AT_FIRST: Final = _Patience(clause_after=120, min_clause=50, words_after=300)
_LATER: Final = _Patience(clause_after=600, min_clause=300, words_after=900)

_MIN_NEXT: Final = 8.0
"""Seconds of speech to gather for a later segment, so that its melody is whole, while the sound in hand lasts."""
_RESERVE: Final = 1.5
"""Seconds of sound in hand that gathering leaves for the provider to begin."""

_CHARS_PER_SECOND: Final = 15
_SYLLABLES_PER_SECOND: Final = 5
"""How fast people speak: letters, and characters of the scripts in which one is a syllable."""
_SYLLABLES: Final = re.compile(r"[\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003fffd]+")

_MAX_UNSPOKEN: Final = 200_000
"""Characters read ahead of what is spoken; whoever writes faster than anyone can speak has to wait."""


@dataclass(frozen=True, slots=True)
class TextChunk:
    """What one request says."""

    text: str

    @property
    def seconds(self) -> float:
        """How long it takes to say, by estimate."""
        return _seconds(self.text)


class TextChunker:
    """Reads deltas as they come and makes segments when asked for the next.

    Use it as a context, which ends the reading.
    """

    def __init__(  # noqa: PLR0913 - what there is to know of a text and of who speaks it
        self,
        deltas: AsyncIterable[str],
        cleaner: TextCleaner,
        *,
        max_chars: int,
        count: Callable[[str], int] = len,
        streams: bool,
        max_seconds: float = inf,
    ) -> None:
        """Make segments of at most `max_chars`, as `count` counts, and of more sentences than one up to `max_seconds`.

        A model that `speaks_while_reading` a request starts early with a text of any length, and speaks best what it
        gets in one go; for another one a complete text begins with a short segment, too.
        """
        self._deltas = deltas
        self._cleaner = cleaner
        self._splitter = SentenceSplitter()
        self._max_chars = max_chars
        self._count = count
        self._speaks_while_reading = streams
        self._max_seconds = max_seconds
        self._sentences: deque[str] = deque()
        self._changed = asyncio.Event()
        self._has_taken = asyncio.Event()
        self._is_busy = False  # with a delta that has not been split yet
        self._is_complete = False
        self._is_first = True
        self._reader: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin to read."""
        self._reader = asyncio.create_task(self._read(), name="orator reads deltas")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the reading."""
        if self._reader:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)

    @property
    def is_complete(self) -> bool:
        """Whether the whole text has been read."""
        return self._is_complete

    async def is_single_chunk(self) -> bool:
        """Wait for the first segment, and tell whether it is known to be the only one."""
        await self._wait_for_start()
        whole = "".join(self._sentences)
        is_small = len(self._sentences) == 1 or _seconds(whole) <= self._max_seconds
        return self._is_complete and self._speaks_while_reading and is_small and self._count(whole) <= self._max_chars

    async def next(self, buffered_seconds: Callable[[], float]) -> TextChunk | None:
        """Return the next segment, None at the end of the text.

        `in_hand` tells how many seconds of sound there are until silence: while there are some, sentences are gathered
        for a longer segment. Raises what the deltas raise.
        """
        while True:
            await self._wait_for_start()
            target = self._target(buffered_seconds())
            if not self._is_first:
                await self._gather(target, buffered_seconds() - _RESERVE)
            if not self._sentences:
                return None
            await self._cut_first()
            text = self._take(target).strip()
            if is_speakable(text):
                self._is_first = False
                return TextChunk(text)

    def _target(self, buffered_seconds: float) -> float:
        """Return how many seconds of speech to take at most, if there are more sentences than one."""
        if self._is_complete and self._speaks_while_reading:
            return self._max_seconds
        if self._is_first:
            return 0
        # As much as can be spoken while the sound in hand lasts: then even a provider no faster than speech keeps up.
        return min(max(_MIN_NEXT, buffered_seconds), self._max_seconds)

    async def _read(self) -> None:
        """Turn deltas into sentences."""
        try:
            async for delta in self._deltas:
                await self._read_delta(delta)
            self._add(self._splitter.feed(self._cleaner.finish()) + self._splitter.finish())
        finally:
            self._is_complete = True
            self._changed.set()

    async def _read_delta(self, delta: str) -> None:
        """Clean and split a delta, a slice at a time so that the event loop is never kept for long."""
        while sum(map(len, self._sentences)) > _MAX_UNSPOKEN:
            self._has_taken.clear()
            await self._has_taken.wait()
        self._is_busy = True
        for start in range(0, len(delta), _SLICE):
            if start:
                await asyncio.sleep(0)
            self._add(self._splitter.feed(self._cleaner.feed(delta[start : start + _SLICE])))
        self._is_busy = False

    def _add(self, sentences: list[str]) -> None:
        self._sentences.extend(sentences)
        self._changed.set()

    async def _wait_for_start(self) -> None:
        """Wait until there is something to say that nothing more can belong to, or the end of the text."""
        while not self._is_complete and (self._is_busy or not self._sentences):
            if not await self._wait_for_change(_IDLE if self._splitter.is_pending_complete else None):
                self._take_rest()
            elif not self._sentences and not self._is_busy:
                self._take_from_long_sentence(_AT_FIRST if self._is_first else _LATER)
        if self._is_complete and not self._sentences and self._reader:
            await self._reader  # raises what the deltas raised

    def _take_rest(self) -> None:
        """Take a sentence after which nothing came, unless just now something did."""
        if self._splitter.is_pending_complete and not self._is_busy:
            self._sentences.extend(self._splitter.finish())
            self._splitter = SentenceSplitter()

    async def _gather(self, target: float, patience: float) -> None:
        """Wait for more sentences up to so many seconds of speech, for some seconds at the most."""
        try:
            async with asyncio.timeout(max(0, patience)):
                while not self._is_complete and sum(map(_seconds, self._sentences)) < target:
                    await self._wait_for_change(None)
        except TimeoutError:
            return

    async def _wait_for_change(self, patience: float | None) -> bool:
        """Wait for the reader; False when nothing came in so many seconds."""
        self._changed.clear()
        try:
            async with asyncio.timeout(patience):
                await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def _take_from_long_sentence(self, patience: _Patience) -> None:
        """Take a clause, or else words, from a sentence that has become long without an end."""
        sentence = rest = self._splitter.pending
        if len(sentence) <= patience.clause_after:
            return
        clause, after_clause = split_first_clause(sentence, patience.min_clause)
        if clause:
            self._sentences.append(clause)
            rest = after_clause
        while not clause and len(rest) > patience.words_after:
            words = split_evenly(rest[: patience.words_after], patience.words_after // 2)[0]
            self._sentences.append(words)
            rest = rest[len(words) :]
        if rest is not sentence:
            self._splitter = SentenceSplitter()
            self._sentences.extend(self._splitter.feed(rest))

    def _take(self, target: float) -> str:
        """Take one sentence, and more while they fit into so many seconds and the limit."""
        seconds = chars = number = 0.0
        for sentence in self._sentences:
            seconds += _seconds(sentence)
            chars += len(sentence)
            if number and (seconds > target or chars > _MAX_CHARS_PER_UNIT * self._max_chars):
                break
            number += 1
        fitting = bisect_right(range(1, int(number) + 1), self._max_chars, key=self._count_of_first)
        self._has_taken.set()
        return "".join(self._sentences.popleft() for _ in range(max(1, fitting)))

    def _count_of_first(self, number: int) -> int:
        """Return how the provider counts the first sentences."""
        return self._count("".join(islice(self._sentences, number)))

    async def _cut_first(self) -> None:
        """Cut the first sentence where it is over the limit, or where a shorter beginning starts earlier."""
        first = self._sentences[0]
        if self._count(first) > self._max_chars:
            pieces = await asyncio.to_thread(split_evenly, first, self._max_chars, self._count)
            self._sentences.popleft()
            self._sentences.extendleft(reversed(pieces))
        elif self._is_first and not self._speaks_while_reading and len(first) > _AT_FIRST.clause_after:
            clause, rest = split_first_clause(first, _AT_FIRST.min_clause)
            if clause:
                self._sentences[0] = rest
                self._sentences.appendleft(clause)


def _seconds(text: str) -> float:
    """Estimate how long a text takes to say."""
    letters = len(_SYLLABLES.sub("", text))
    return (len(text) - letters) / _SYLLABLES_PER_SECOND + letters / _CHARS_PER_SECOND
