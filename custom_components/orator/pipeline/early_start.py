"""Decide when part of an unfinished sentence is spoken because the language model writes slowly."""

from dataclasses import dataclass
from typing import Final

from ..text import count_syllable_letters, find_clause_ends, find_phrase_end, split_evenly, split_first_clause

LETTERS_PER_S: Final = 15

_BURST_WAIT_S: Final = 0.005
"""Wait for a delta up to which it belongs to the part before.

Home Assistant holds the first 60 characters back, and many services send several tokens at once.
"""
_FAST_REPLY: Final = 4.4
"""Seconds of speech written per second (12 words) from which an early start is not worth it."""
_MIN_OBSERVATIONS_S: Final = (0.5, 0.1, 0.2)
"""Time after which the pace is known if no part, one or more have come.

Without a part, the text may come in parts of a dozen words. More parts come with short tokens, a few of which say
little about the pace.
"""
_MODEL_PAUSE_S: Final = 1.5
"""Wait after which the language model has paused, for example to use a tool, rather than written slowly."""

_MIN_CLAUSE_S: Final = 2.0
"""Minimum speech of the first part of a sentence; shorter ones sound unnatural."""
_MIN_CLAUSE_AT_UNKNOWN_LATENCY_S: Final = 3.3
_MAX_CLAUSE_S: Final = 8.0
"""Speech beyond which starting early is not worth it; a clause is taken then in any case."""
_MIN_LATER_S: Final = 1.3
"""Minimum speech of a later part, which keeps audio from running out."""
_MIN_NEXT_S: Final = 2.0
"""Speech that is expected to be known when the first part has been heard."""
_MAX_CONSIDERED_CHARS: Final = 400
_JITTER_S: Final = 0.25
"""Variation of the time to the first audio."""
_DEFAULT_LATENCY_S: Final = 1.0
_CLAUSE_FACTORS: Final = {True: 2.0, False: 3.0}
"""Speech of the first part by the voice's latency, by whether the model streams.

The latency of a model that does not stream grows with the text, and the second part is longer than the first.
"""
_RESERVE_FACTORS: Final = {True: 1.0, False: 1.5}


@dataclass(frozen=True, slots=True)
class EarlyCut:
    """Durations of speech, in seconds, from which a sentence that has not ended yet is split."""

    clause_after_s: float
    """Duration beyond which a clause is taken."""
    min_clause_s: float
    """Minimum duration of a clause; shorter ones sound unnatural."""
    words_after_s: float
    """Duration beyond which whole words are taken if no clause has ended."""


FIRST_CHUNK: Final = EarlyCut(clause_after_s=8, min_clause_s=3.3, words_after_s=20)
LATER_CHUNKS: Final = EarlyCut(clause_after_s=40, min_clause_s=20, words_after_s=60)


def count_letters_of_speech(text: str) -> int:
    """Return the length of a text as speech, in letters of an alphabet."""
    return len(text) if text.isascii() else len(text) + count_syllable_letters(text)


def find_cut(pending: str, cut: EarlyCut) -> int:
    """Return the length of the part of a long unfinished sentence to speak: a clause or whole words; 0 for none."""
    start = pending[: int(cut.words_after_s * LETTERS_PER_S) + 1]
    seconds = count_letters_of_speech(start) / LETTERS_PER_S
    if seconds <= cut.clause_after_s:
        return 0
    part, _ = split_first_clause(start, cut.min_clause_s * LETTERS_PER_S, count_letters_of_speech)
    if not part and seconds > cut.words_after_s:
        words = start[: round(len(start) * cut.words_after_s / seconds)]
        part = split_evenly(words, int(cut.words_after_s / 2 * LETTERS_PER_S), count_letters_of_speech)[0]
    return len(part)


class ReplyPace:
    """The pace at which a reply is written, in seconds of speech per second of waiting for deltas."""

    def __init__(self) -> None:
        """Initialize the pace of a reply that has not started."""
        self._is_started = False
        self._parts = 0
        """Number of parts, each of one or more deltas, after the text that had been written before."""
        self._speech_s = 0.0
        self._waited_s = 0.0
        self._waits_since: float | None = None

    def start_waiting(self, now: float) -> None:
        """Record that the next delta is awaited."""
        self._waits_since = now

    def add(self, delta: str, now: float) -> None:
        """Add a delta that has just arrived."""
        waited_s = now - (now if self._waits_since is None else self._waits_since)
        self._waits_since = None
        if waited_s >= _MODEL_PAUSE_S:
            self._is_started = False
            self._parts, self._speech_s, self._waited_s = 0, 0.0, 0.0
        starts_part = waited_s >= _BURST_WAIT_S
        if self._is_started and (starts_part or self._parts):
            self._parts += starts_part
            self._speech_s += count_letters_of_speech(delta) / LETTERS_PER_S
            self._waited_s += waited_s
        self._is_started = True

    def speech_per_s(self, now: float) -> float:
        """Return the seconds of speech that are written per second."""
        return self._speech_s / max(self._elapsed_s(now), _BURST_WAIT_S)

    def slow_in_s(self, now: float) -> float | None:
        """Return the time after which the reply is slow if no delta arrives; None before its start.

        The next part, which is being written, is expected to be as long as the others.
        A reply that is already slow returns 0 or less.
        """
        if not self._is_started:
            return None
        observation_s = _MIN_OBSERVATIONS_S[min(self._parts, 2)]
        next_part_s = self._speech_s / max(1, self._parts)
        pace_known_in_s = max(observation_s, (self._speech_s + next_part_s) / _FAST_REPLY) - self._elapsed_s(now)
        part_ends_in_s = _BURST_WAIT_S - self._current_wait_s(now)
        return max(pace_known_in_s, part_ends_in_s)

    def is_slow(self, now: float) -> bool:
        """Return whether the reply is written slowly."""
        remaining_s = self.slow_in_s(now)
        return remaining_s is not None and remaining_s <= 0

    def _elapsed_s(self, now: float) -> float:
        return self._waited_s + self._current_wait_s(now)

    def _current_wait_s(self, now: float) -> float:
        return 0.0 if self._waits_since is None else now - self._waits_since


@dataclass(frozen=True, slots=True)
class EarlyStart:
    """Conditions under which a voice speaks part of an unfinished sentence."""

    latency_s: float | None
    """Time to the first audio that is seldom exceeded; None if it is unknown."""
    streams: bool
    """Whether the voice's model streams, so that the time to its first audio does not depend on the text."""
    speed: float = 1.0
    """Setting of the voice; 1.0 is normal."""

    @property
    def min_clause_s(self) -> float:
        """Minimum duration of the first part, with which the next one is ready before the first one ends."""
        minimum = _MIN_CLAUSE_S if self.streams and self.latency_s is not None else _MIN_CLAUSE_AT_UNKNOWN_LATENCY_S
        return max(minimum, _CLAUSE_FACTORS[self.streams] * (self.latency_s or 0.0))

    @property
    def reserve_s(self) -> float:
        """Duration of the audio not heard yet at which the next part has to be requested."""
        latency_s = _DEFAULT_LATENCY_S if self.latency_s is None else self.latency_s
        return _RESERVE_FACTORS[self.streams] * latency_s + _JITTER_S

    def find_start(self, text: str, speech_per_s: float) -> int:
        """Return the number of characters of an unfinished sentence to start with; 0 to wait.

        The part ends at a clause, after which enough text has to follow in time, at the pace of the reply. If the model
        streams, the part is as long as possible, because a longer part starts as early as a shorter one.
        """
        text = text[:_MAX_CONSIDERED_CHARS]
        whole_s = self._duration_s(text)
        best = 0
        if self.min_clause_s > _MAX_CLAUSE_S or whole_s < self.min_clause_s:
            return 0
        for end in find_clause_ends(text, count_letters_of_speech):
            part_s = self._duration_s(text[:end])
            next_s = whole_s - part_s + speech_per_s / self.speed * (part_s - _JITTER_S)
            if part_s >= self.min_clause_s and next_s >= _MIN_NEXT_S:
                best = end
                if not self.streams:
                    break
        return best

    def find_continuation(self, text: str, buffered_s: float) -> int:
        """Return the number of characters of an unfinished sentence with which audio continues; 0 to wait.

        The part ends at a clause, or between phrases if audio would run out otherwise.
        """
        text = text[:_MAX_CONSIDERED_CHARS]
        ends = find_clause_ends(text, count_letters_of_speech)
        best = max((end for end in ends if self._duration_s(text[:end]) >= _MIN_LATER_S), default=0)
        if not best and buffered_s <= self.reserve_s - _JITTER_S:
            best = find_phrase_end(text, _MIN_LATER_S * LETTERS_PER_S * self.speed, count_letters_of_speech)
        return best

    def _duration_s(self, text: str) -> float:
        return count_letters_of_speech(text.rstrip()) / LETTERS_PER_S / self.speed
