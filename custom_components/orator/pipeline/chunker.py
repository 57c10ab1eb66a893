"""Split streamed text into chunks, one for each request: the first one early, and all within the model's limit."""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncIterable, Callable
from contextlib import suppress
from itertools import accumulate, islice
from types import TracebackType
from typing import Final, Self

from ..text import (
    Clip,
    Pause,
    SentenceSplitter,
    SpeechPart,
    SpeechReader,
    StyledText,
    is_speakable,
    split_evenly,
    split_first_clause,
)
from .early_start import (
    FIRST_CHUNK,
    LATER_CHUNKS,
    LETTERS_PER_S,
    EarlyStart,
    ReplyPace,
    count_letters_of_speech,
    find_cut,
)
from .text_runs import SpeechQueue, TextChunk, TextRun

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


class TextChunker:
    """Reader of text deltas that returns one chunk after the other, and the pauses and clips between them.

    The chunker is a context manager that reads in the background; leaving the context stops reading.
    """

    def __init__(  # noqa: PLR0913 - the text and the model's limits
        self,
        deltas: AsyncIterable[str],
        reader: SpeechReader,
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
        self._speech_reader = reader
        self._max_chars = max_chars
        self._measure = measure
        self._streams = streams
        self._max_seconds = max_seconds
        self._max_sentences = max_sentences
        self._early_start = early_start
        self._pace = ReplyPace()
        self.is_cached: Callable[[TextChunk], bool] = lambda _: False
        """Return whether the audio of a chunk is cached: a chunk ends before such a sentence, and after such a text."""
        self._queue = SpeechQueue()
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
        while not self._is_complete and (self._is_splitting or not self._queue.has_next):
            run = self._queue.open_run
            if run and not self._is_splitting and self._cut_unfinished_sentence(run, buffered_seconds()):
                break
            is_ended = run is not None and run.is_pending_complete
            if run and is_ended and not self._is_splitting and self._speech_reader.is_at_tag:
                self._end_sentence(run)  # the rest of the tag may take as long as several words
                continue
            max_wait_s = _IDLE_S if is_ended else self._time_to_next_check(run, buffered_seconds())
            if not await self._wait_for_reader(max_wait_s) and run and is_ended:
                self._end_sentence(run)
        if not self._queue.has_next and self._reader:
            await self._reader  # raises the exception of the text's source
        return self._queue.has_next

    @property
    def is_single_chunk(self) -> bool:
        """Whether everything that has not been returned is known to be one chunk."""
        run = self._queue.only_run
        if run is None:
            return False
        text, number = "".join(run.sentences), len(run.sentences)
        seconds = estimate_duration_by_letters_s(text)
        if self._streams:
            is_short = number == 1 or (seconds <= self._max_seconds and number <= self._max_sentences())
        else:
            is_short = number == 1 and seconds <= FIRST_CHUNK.clause_after_s
        is_within_limits = self._is_complete and is_short and self._measure(text) <= self._max_chars
        return is_within_limits and self._end_at_cached(run, number) == number

    async def next(self, buffered_seconds: Callable[[], float]) -> TextChunk | Pause | Clip | None:
        """Return the next chunk, pause or clip, or None at the end of the text.

        Raises the exceptions of the text's source. `buffered_seconds` returns the duration of the audio that the
        listener has not heard yet. While there is some, sentences are gathered into a longer chunk.
        """
        while await self.wait_for_sentence(buffered_seconds):
            run = self._queue.first
            if not isinstance(run, TextRun):
                return self._queue.take()
            target = self._target_seconds(run, buffered_seconds())
            if not self._is_first and not self._has_part:
                await self._gather(run, target, max_wait_s=buffered_seconds() - _PROVIDER_START_S)
            await self._split_long_sentence(run)
            chunk = self._take(run, target)
            self._has_part = False
            if is_speakable(chunk.text):
                self._is_first = False
                return chunk
            await asyncio.sleep(0)  # a long text without words does not block the event loop
        return None

    def _target_seconds(self, run: TextRun, buffered_seconds: float) -> float:
        """Return the maximum duration of the next chunk if it has several sentences."""
        if self._is_ended(run) and self._streams:
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
            for part in self._speech_reader.finish():
                await self._add(part)
            self._queue.end_run()
        finally:
            self._is_complete = True
            self._reader_progress.set()

    async def _read_delta(self, delta: str) -> None:
        """Clean and split a delta in slices that do not block the event loop."""
        self._is_splitting = True
        for start in range(0, len(delta), _SLICE_CHARS):
            part = delta[start : start + _SLICE_CHARS]
            await self._pause(len(part) + _DELTA_CHARS)
            for speech in self._speech_reader.feed(part):
                await self._add(speech)
            self._reader_progress.set()
        self._is_splitting = False

    async def _pause(self, chars: int) -> None:
        """Before a slice, let other tasks run if the last slices were long, and wait for room for the sentences."""
        self._chars_since_pause += chars
        if self._chars_since_pause <= _SLICE_CHARS + _DELTA_CHARS:
            return
        self._chars_since_pause = chars
        await asyncio.sleep(0)
        while self._queue.unread_chars > _MAX_UNREAD_CHARS:
            self._is_splitting = False
            self._reader_progress.set()
            self._room_available.clear()
            await self._room_available.wait()
            self._is_splitting = True

    async def _add(self, part: SpeechPart) -> None:
        """Add a part of the text; the text of a run is split in slices, because replacements may be long."""
        if not isinstance(part, StyledText):
            self._queue.add(part)
            return
        run = self._queue.continue_run(part.style)
        run.feed(part.text[:_SLICE_CHARS], part.style)
        for position in range(_SLICE_CHARS, len(part.text), _SLICE_CHARS):
            await self._pause(_SLICE_CHARS)
            run.feed(part.text[position : position + _SLICE_CHARS], part.style)

    def _end_sentence(self, run: TextRun) -> None:
        """End the pending sentence if it has an end mark, unless a delta has just arrived."""
        if run.is_pending_complete and not self._is_splitting:
            run.end_sentence()

    def _is_ended(self, run: TextRun) -> bool:
        return run.is_complete or self._is_complete

    async def _gather(self, run: TextRun, target: float, max_wait_s: float) -> None:
        """Wait for sentences of a run up to `target` seconds of speech."""
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0, max_wait_s)):
                while not self._is_ended(run) and not _has_gathered(run, target):
                    await self._wait_for_reader()

    async def _wait_for_reader(self, max_wait_s: float | None = None) -> bool:
        """Wait for the reader to read a delta or to end; return whether it did in time."""
        self._reader_progress.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(max_wait_s):
                return await self._reader_progress.wait()
        return False

    def _cut_unfinished_sentence(self, run: TextRun, buffered_seconds: float) -> bool:
        """Take a part of the pending sentence; return whether one was taken."""
        return self._cut_slow_sentence(run, buffered_seconds) or self._cut_long_sentence(run)

    def _cut_slow_sentence(self, run: TextRun, buffered_seconds: float) -> bool:
        """Take a part of a sentence that is written slowly, so that audio starts early or does not run out."""
        now = asyncio.get_running_loop().time()
        early_start = self._early_start
        if early_start is None or run.is_pending_complete or not self._pace.is_slow(now):
            return False
        if self._is_first or buffered_seconds <= 0:
            length = early_start.find_start(run.pending, self._pace.speech_per_s(now))
        elif buffered_seconds <= early_start.reserve_s:
            length = early_start.find_continuation(run.pending, buffered_seconds)
        else:
            return False
        if length:
            run.split_pending(length)
            self._has_part = True
        return length > 0

    def _time_to_next_check(self, run: TextRun | None, buffered_seconds: float) -> float | None:
        """Return the time after which part of a sentence may be taken although no delta arrives; None if it is not."""
        if self._early_start is None or run is None or not run.pending:
            return None
        slow_in_s = self._pace.slow_in_s(asyncio.get_running_loop().time()) or 0.0
        if slow_in_s > 0:
            return max(_MIN_CHECK_S / 10, slow_in_s)
        if self._is_first or buffered_seconds <= 0:
            return None
        return min(_MAX_CHECK_S, max(_MIN_CHECK_S, buffered_seconds - self._early_start.reserve_s))

    def _cut_long_sentence(self, run: TextRun) -> bool:
        """Take a part of a long pending sentence; return whether a part was taken."""
        length = find_cut(run.pending, FIRST_CHUNK if self._is_first else LATER_CHUNKS)
        if length:
            run.split_pending(length)
        return length > 0

    async def _split_long_sentence(self, run: TextRun) -> None:
        """Split the first sentence to meet the limit, or to start early with its first clause."""
        first = run.sentences[0]
        if self._measure(first) > self._max_chars:
            parts = await asyncio.to_thread(split_evenly, first, self._max_chars, self._measure)
            run.replace_first(*parts)
        elif (
            self._is_first
            and not self._streams
            and estimate_duration_by_letters_s(first) > FIRST_CHUNK.clause_after_s
            and not self.is_cached(run.peek(0, 1))
        ):
            clause, rest = split_first_clause(first, FIRST_CHUNK.min_clause_s * LETTERS_PER_S, count_letters_of_speech)
            if clause:
                run.replace_first(clause, rest)

    def _take(self, run: TextRun, target: float) -> TextChunk:
        """Remove the first sentence and the following ones that fit into `target` seconds and the limit."""
        seconds, chars, candidates = 0.0, 0, 0
        chars_to_measure = self._max_chars
        max_sentences = self._max_sentences()
        for sentence in run.sentences:
            seconds += estimate_duration_by_letters_s(sentence)
            if candidates and (seconds > target or candidates >= max_sentences):
                break
            candidates += 1
            chars += len(sentence)
            if chars > chars_to_measure:  # a provider's unit may be several characters
                if self._measure_first(run, candidates) > self._max_chars:
                    break
                chars_to_measure *= 2
        fitting = bisect_right(
            range(1, candidates + 1), self._max_chars, key=lambda number: self._measure_first(run, number)
        )
        self._room_available.set()
        return run.take(self._end_at_cached(run, max(1, fitting)))

    def _end_at_cached(self, run: TextRun, number: int) -> int:
        """Return how many of the first sentences are a chunk: those whose audio is cached, or those before such one."""
        for end in range(number, 0, -1):
            if self.is_cached(run.peek(0, end)):
                return end
        return next((end for end in range(1, number) if self.is_cached(run.peek(end, end + 1))), number)

    def _measure_first(self, run: TextRun, number: int) -> int:
        """Return the length of the first sentences in the provider's units."""
        return self._measure("".join(islice(run.sentences, number)))


def _has_gathered(run: TextRun, target: float) -> bool:
    """Return whether the sentences of a run last for `target` seconds."""
    durations = accumulate(map(estimate_duration_by_letters_s, run.sentences), initial=0.0)
    return any(seconds >= target for seconds in durations)


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
