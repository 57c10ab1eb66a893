"""Split streamed text into chunks, one for each request: the first one early, and all within the model's limit."""

import asyncio
from bisect import bisect_right
from collections import deque
from collections.abc import AsyncIterable, Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate, islice
from types import TracebackType
from typing import Final, Self

from ..text import (
    PLAIN,
    SentenceSplitter,
    SpeechStyle,
    StyledText,
    TextCleaner,
    is_speakable,
    split_evenly,
    split_first_clause,
)
from .early_start import LETTERS_PER_S, EarlyStart, ReplyPace, count_letters_of_speech

_IDLE_S: Final = 0.1
"""Time without a delta after which a sentence with an end mark is complete."""
_SLICE_CHARS: Final = 500
"""Characters that are cleaned and split before other tasks of the event loop run.

A slice takes 1 ms for prose, 2 ms for lists and tables, 8 ms for markup that never ends ("![![!["). Slices of 2,000
characters were no faster and blocked the loop for up to 28 ms.
"""
_DELTA_CHARS: Final = 10
"""Characters whose cleaning takes as long as the handling of a delta of any length."""
_MAX_UNREAD_CHARS: Final = 200_000
"""Maximum length of text read in advance of the requests; beyond it, the source has to wait."""

_MIN_LATER_CHUNK_S: Final = 8.0
"""Speech gathered for a later chunk while audio is buffered: long chunks have a more natural intonation."""
_PROVIDER_START_S: Final = 1.5
"""Buffered audio left when gathering ends, so that the provider has time to begin."""
_MIN_CHECK_S: Final = 0.03
_MAX_CHECK_S: Final = 0.1
"""Shortest and longest time until the next check whether audio runs out."""


@dataclass(frozen=True, slots=True)
class _EarlyCut:
    """Durations of speech, in seconds, from which a sentence that has not ended yet is split."""

    clause_after_s: float
    """Duration beyond which a clause is taken."""
    min_clause_s: float
    """Minimum duration of a clause; shorter ones sound unnatural."""
    words_after_s: float
    """Duration beyond which whole words are taken if no clause has ended."""


_FIRST_CHUNK: Final = _EarlyCut(clause_after_s=8, min_clause_s=3.3, words_after_s=20)
_LATER_CHUNKS: Final = _EarlyCut(clause_after_s=40, min_clause_s=20, words_after_s=60)


@dataclass(frozen=True, slots=True)
class TextChunk:
    """The text of one request."""

    text: str
    style: SpeechStyle = PLAIN
    """Style of the whole text; its emphasis and pronunciation are empty."""
    words: tuple[StyledText, ...] = ()
    """Words of the text with an emphasis or pronunciation of their own, in order; they do not divide a sentence."""


class TextChunker:
    """Reader of text deltas that returns one chunk after the other.

    The chunker is a context manager that reads in the background; leaving the context stops reading.
    """

    def __init__(  # noqa: PLR0913 - the text and the model's limits
        self,
        deltas: AsyncIterable[str],
        cleaner: TextCleaner,
        *,
        max_chars: int,
        measure: Callable[[str], int],
        streams: bool,
        max_seconds: float,
        max_sentences: Callable[[], float],
        early_start: EarlyStart | None,
    ) -> None:
        """Initialize the chunker for chunks of at most `max_chars`, as measured by `measure`.

        Up to `max_sentences()` sentences share a chunk, up to `max_seconds` of speech. A model that `streams` starts
        early with a text of any length, so a complete text becomes one chunk for it; for any other model, the first
        chunk is short. `early_start` allows parts of unfinished sentences while the text is written slowly.
        """
        self._deltas = deltas
        self._cleaner = cleaner
        self._max_chars = max_chars
        self._measure = measure
        self._streams = streams
        self._max_seconds = max_seconds
        self._max_sentences = max_sentences
        self._early_start = early_start
        self._pace = ReplyPace()
        self.is_cached: Callable[[str], bool] = lambda _: False
        """Return whether the audio of a text is cached: a chunk ends before such a sentence, and after such a text."""
        self._splitter = SentenceSplitter()
        self._sentences: deque[str] = deque()
        self._reader_progress = asyncio.Event()
        self._room_available = asyncio.Event()
        self._is_splitting = False
        """Whether part of the last delta has not been split into sentences yet."""
        self._chars_since_pause = 0
        """Characters that were split since other tasks of the event loop could run."""
        self._is_complete = False
        self._is_first = True
        self._has_part = False
        """Whether the first sentence is a part that was taken before audio runs out."""
        self._reader: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start reading."""
        self._reader = asyncio.create_task(self._read(), name="orator reads deltas")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop reading."""
        if self._reader:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)

    @property
    def is_complete(self) -> bool:
        """Whether the whole text has been read."""
        return self._is_complete

    async def wait_for_sentence(self, buffered_seconds: Callable[[], float] = lambda: 0.0) -> bool:
        """Wait for a sentence, or a part of one; return False at the end of the text.

        `buffered_seconds` returns the duration of the audio that the listener has not heard yet.
        """
        while not self._is_complete and (self._is_splitting or not self._sentences):
            if not self._is_splitting and self._cut_unfinished_sentence(buffered_seconds()):
                break
            is_ended = self._splitter.is_pending_complete
            max_wait_s = _IDLE_S if is_ended else self._time_to_next_check(buffered_seconds())
            if not await self._wait_for_reader(max_wait_s) and is_ended:
                self._end_sentence()
        if not self._sentences and self._reader:
            await self._reader  # raises the exception of the text's source
        return bool(self._sentences)

    @property
    def is_single_chunk(self) -> bool:
        """Whether the sentences that have not been returned are known to be one chunk."""
        text, number = "".join(self._sentences), len(self._sentences)
        seconds = estimate_duration_by_letters_s(text)
        if self._streams:
            is_short = number == 1 or (seconds <= self._max_seconds and number <= self._max_sentences())
        else:
            is_short = number == 1 and seconds <= _FIRST_CHUNK.clause_after_s
        is_within_limits = self._is_complete and is_short and self._measure(text) <= self._max_chars
        return is_within_limits and self._end_at_cached(number) == number

    async def next(self, buffered_seconds: Callable[[], float]) -> str | None:
        """Return the next chunk, or None at the end of the text. Raises the exceptions of the text's source.

        `buffered_seconds` returns the duration of the audio that the listener has not heard yet. While there is some,
        sentences are gathered into a longer chunk.
        """
        while await self.wait_for_sentence(buffered_seconds):
            target = self._target_seconds(buffered_seconds())
            if not self._is_first and not self._has_part:
                await self._gather(target, max_wait_s=buffered_seconds() - _PROVIDER_START_S)
            await self._split_long_sentence()
            text = self._take(target).strip()
            self._has_part = False
            if is_speakable(text):
                self._is_first = False
                return text
            await asyncio.sleep(0)  # a long text without words does not block the event loop
        return None

    def _target_seconds(self, buffered_seconds: float) -> float:
        """Return the maximum duration of the next chunk if it has several sentences."""
        if self._is_complete and self._streams:
            return self._max_seconds
        if self._is_first:
            return 0
        # With a chunk as long as the buffered audio, even a provider that is no faster than speech keeps up.
        return min(max(_MIN_LATER_CHUNK_S, buffered_seconds), self._max_seconds)

    async def _read(self) -> None:
        """Split the deltas into sentences."""
        loop = asyncio.get_running_loop()
        try:
            self._pace.start_waiting(loop.time())
            async for delta in self._deltas:
                self._pace.add(delta, loop.time())
                await self._read_delta(delta)
                self._pace.start_waiting(loop.time())
            self._add(self._splitter.feed(self._cleaner.finish()) + self._splitter.finish())
        finally:
            self._is_complete = True
            self._reader_progress.set()

    async def _read_delta(self, delta: str) -> None:
        """Clean and split a delta in slices that do not block the event loop."""
        self._is_splitting = True
        for start in range(0, len(delta), _SLICE_CHARS):
            part = delta[start : start + _SLICE_CHARS]
            await self._pause(len(part) + _DELTA_CHARS)
            words = self._cleaner.feed(part)
            self._add(self._splitter.feed(words[:_SLICE_CHARS]))
            for position in range(_SLICE_CHARS, len(words), _SLICE_CHARS):  # replacements may be long
                await self._pause(_SLICE_CHARS)
                self._add(self._splitter.feed(words[position : position + _SLICE_CHARS]))
        self._is_splitting = False

    async def _pause(self, chars: int) -> None:
        """Before a slice, let other tasks run if the last slices were long, and wait for room for the sentences."""
        self._chars_since_pause += chars
        if self._chars_since_pause <= _SLICE_CHARS + _DELTA_CHARS:
            return
        self._chars_since_pause = chars
        await asyncio.sleep(0)
        while sum(map(len, self._sentences)) + len(self._splitter.pending) > _MAX_UNREAD_CHARS:
            self._is_splitting = False
            self._reader_progress.set()
            self._room_available.clear()
            await self._room_available.wait()
            self._is_splitting = True

    def _add(self, sentences: list[str]) -> None:
        self._sentences.extend(sentences)
        self._reader_progress.set()

    def _end_sentence(self) -> None:
        """End the pending sentence if it has an end mark, unless a delta has just arrived."""
        if self._splitter.is_pending_complete and not self._is_splitting:
            self._sentences.extend(self._splitter.finish())

    async def _gather(self, target: float, max_wait_s: float) -> None:
        """Wait for sentences up to `target` seconds of speech."""
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0, max_wait_s)):
                while not self._is_complete and not self._has_gathered(target):
                    await self._wait_for_reader()

    def _has_gathered(self, target: float) -> bool:
        """Return whether the sentences last for `target` seconds."""
        durations = accumulate(map(estimate_duration_by_letters_s, self._sentences), initial=0.0)
        return any(seconds >= target for seconds in durations)

    async def _wait_for_reader(self, max_wait_s: float | None = None) -> bool:
        """Wait for the reader to read a delta or to end; return whether it did in time."""
        self._reader_progress.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(max_wait_s):
                return await self._reader_progress.wait()
        return False

    def _cut_unfinished_sentence(self, buffered_seconds: float) -> bool:
        """Take a part of the pending sentence; return whether one was taken."""
        return self._cut_slow_sentence(buffered_seconds) or self._cut_long_sentence()

    def _cut_slow_sentence(self, buffered_seconds: float) -> bool:
        """Take a part of a sentence that is written slowly, so that audio starts early or does not run out."""
        now = asyncio.get_running_loop().time()
        early_start = self._early_start
        if early_start is None or self._splitter.is_pending_complete or not self._pace.is_slow(now):
            return False
        if self._is_first or buffered_seconds <= 0:
            length = early_start.find_start(self._splitter.pending, self._pace.speech_per_s(now))
        elif buffered_seconds <= early_start.reserve_s:
            length = early_start.find_continuation(self._splitter.pending, buffered_seconds)
        else:
            return False
        if length:
            self._sentences.append(self._splitter.take(length))
            self._has_part = True
        return length > 0

    def _time_to_next_check(self, buffered_seconds: float) -> float | None:
        """Return the time after which part of a sentence may be taken although no delta arrives; None if it is not."""
        if self._early_start is None or not self._splitter.pending:
            return None
        slow_in_s = self._pace.slow_in_s(asyncio.get_running_loop().time()) or 0.0
        if slow_in_s > 0:
            return max(_MIN_CHECK_S / 10, slow_in_s)
        if self._is_first or buffered_seconds <= 0:
            return None
        return min(_MAX_CHECK_S, max(_MIN_CHECK_S, buffered_seconds - self._early_start.reserve_s))

    def _cut_long_sentence(self) -> bool:
        """Take a clause, or otherwise whole words, from a long pending sentence; return whether a part was taken."""
        cut = _FIRST_CHUNK if self._is_first else _LATER_CHUNKS
        start = self._splitter.pending[: int(cut.words_after_s * LETTERS_PER_S) + 1]
        seconds = estimate_duration_by_letters_s(start)
        if seconds <= cut.clause_after_s:
            return False
        part, _ = split_first_clause(start, cut.min_clause_s * LETTERS_PER_S, count_letters_of_speech)
        if not part and seconds > cut.words_after_s:
            words = start[: round(len(start) * cut.words_after_s / seconds)]
            part = split_evenly(words, int(cut.words_after_s / 2 * LETTERS_PER_S), count_letters_of_speech)[0]
        if part:
            self._sentences.append(self._splitter.take(len(part)))
        return bool(part)

    async def _split_long_sentence(self) -> None:
        """Split the first sentence to meet the limit, or to start early with its first clause."""
        first = self._sentences[0]
        if self._measure(first) > self._max_chars:
            parts = await asyncio.to_thread(split_evenly, first, self._max_chars, self._measure)
            self._sentences.popleft()
            self._sentences.extendleft(reversed(parts))
        elif (
            self._is_first
            and not self._streams
            and estimate_duration_by_letters_s(first) > _FIRST_CHUNK.clause_after_s
            and not self.is_cached(first.strip())
        ):
            clause, rest = split_first_clause(first, _FIRST_CHUNK.min_clause_s * LETTERS_PER_S, count_letters_of_speech)
            if clause:
                self._sentences[0] = rest
                self._sentences.appendleft(clause)

    def _take(self, target: float) -> str:
        """Remove the first sentence and the following ones that fit into `target` seconds and the limit."""
        seconds, chars, candidates = 0.0, 0, 0
        chars_to_measure = self._max_chars
        max_sentences = self._max_sentences()
        for sentence in self._sentences:
            seconds += estimate_duration_by_letters_s(sentence)
            if candidates and (seconds > target or candidates >= max_sentences):
                break
            candidates += 1
            chars += len(sentence)
            if chars > chars_to_measure:  # a provider's unit may be several characters
                if self._measure_first(candidates) > self._max_chars:
                    break
                chars_to_measure *= 2
        fitting = bisect_right(range(1, candidates + 1), self._max_chars, key=self._measure_first)
        self._room_available.set()
        return "".join(self._sentences.popleft() for _ in range(self._end_at_cached(max(1, fitting))))

    def _end_at_cached(self, number: int) -> int:
        """Return how many of the first sentences are a chunk: those whose audio is cached, or those before such one."""
        sentences = list(islice(self._sentences, number))
        for end in range(number, 0, -1):
            if self.is_cached("".join(sentences[:end]).strip()):
                return end
        return next((end for end in range(1, number) if self.is_cached(sentences[end].strip())), number)

    def _measure_first(self, number: int) -> int:
        """Return the length of the first sentences in the provider's units."""
        return self._measure("".join(islice(self._sentences, number)))


def split_at_sentences(text: str, max_chars: int, measure: Callable[[str], int]) -> list[str]:
    """Cut a text into pieces of at most `max_chars`, as measured by `measure`: at sentences, or within longer ones."""
    splitter = SentenceSplitter()
    pieces = [""]
    for sentence in [*splitter.feed(text), *splitter.finish()]:
        if measure(pieces[-1] + sentence) <= max_chars:
            pieces[-1] += sentence
        elif measure(sentence) <= max_chars:
            pieces.append(sentence)
        else:
            pieces += split_evenly(sentence, max_chars, measure)
    return [piece.strip() for piece in pieces if is_speakable(piece)]


def estimate_duration_by_letters_s(text: str) -> float:
    """Return the approximate duration of a text as speech, in seconds.

    Letters are counted, which needs no word boundaries; some scripts have none.
    """
    return count_letters_of_speech(text) / LETTERS_PER_S
