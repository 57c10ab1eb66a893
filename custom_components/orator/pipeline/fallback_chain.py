"""Who speaks, and who takes over from whom."""

from collections import deque
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from statistics import quantiles
from typing import Final, Protocol

from ..providers.base import Provider, SpeechAudio, SynthesisRequest
from ..providers.errors import SpeechError, TruncatedAudioError
from ..providers.models import Usage
from .synthesizer import RetryPolicy, synthesize_with_retries


class Synthesizer(Protocol):
    """Somebody who can say a text."""

    @property
    def name(self) -> str:
        """What tells them from all others of an account."""
        ...

    @property
    def patience(self) -> float:
        """Seconds that a listener waits for the first sound before the next speaker is asked as well."""
        ...

    @property
    def is_always_truncated(self) -> bool:
        """Whether its sound always ends as if it were cut off, so that this means nothing."""
        ...

    def speak(self, text: str, *, is_reply: bool) -> AbstractAsyncContextManager[SpeechAudio]:
        """Give the sound of a text while the context lasts. Entering and reading it raises SpeechError.

        `is_reply`: whether it belongs to a reply that is still being written, which nobody is to keep.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class ProviderSynthesizer:
    """Speaks through a provider, with requests that differ in their texts alone."""

    provider: Provider
    request: SynthesisRequest
    persistence: RetryPolicy
    patience: float
    is_always_truncated: bool

    @property
    def name(self) -> str:
        """The model and its voice."""
        return f"{self.request.model.id} {self.request.voice}"

    def speak(self, text: str, *, is_reply: bool) -> AbstractAsyncContextManager[SpeechAudio]:  # noqa: ARG002
        """Give the sound of a text; what can pass is tried again."""
        return synthesize_with_retries(self.provider, replace(self.request, text=text), self.persistence)


@dataclass(frozen=True, slots=True)
class SynthesisCallbacks:
    """Hears what becomes of an utterance's own voice."""

    failed: Callable[[SpeechError], None] = lambda _: None
    """Why it did not speak, whether or not somebody else does."""
    began: Callable[[float], None] = lambda _: None
    """How many seconds it took to its first sound; of a voice that another one has overtaken, at least that many."""
    ended: Callable[[bool], None] = lambda _: None
    """Whether it ended as if it were cut off, each time that it came to its end."""
    spent: Callable[[Usage], None] = lambda _: None
    """What its provider has charged, also for what nobody gets to hear."""


class FallbackChain:
    """Speakers in the order in which they take over.

    Who has failed is not asked again for this utterance, unless there is nobody else.
    """

    def __init__(
        self,
        own: Synthesizer,
        speakers: Sequence[Synthesizer],
        listener: SynthesisCallbacks,
        *,
        is_reply: bool,
        needs_full_audio: bool,
    ) -> None:
        """Begin with the first of `speakers`, among whom is `own`: the voice that the utterance is for.

        `is_gathered`: whether nobody hears anything before everything is said.
        """
        self.is_reply = is_reply
        self.needs_full_audio = needs_full_audio
        self._own = own
        self._speakers = speakers
        self._listener = listener
        self._failures: dict[Synthesizer, SpeechError] = {}
        self.heard: set[Synthesizer] = set()
        """Those whose sound was taken."""
        self.interruption: SpeechError | None = None
        """What has broken sound off that was heard already, so that words are missing."""

    @property
    def error(self) -> SpeechError | None:
        """Why nobody speaks: what the own voice says, which the user can mend."""
        return self._failures.get(self._own) or next(iter(self._failures.values()), None)

    def next_but(self, tried: Collection[Synthesizer]) -> Synthesizer | None:
        """Return who is to say a text that those who were `tried` have not said."""
        free = [speaker for speaker in self._speakers if speaker not in tried]
        fresh = [speaker for speaker in free if speaker not in self._failures]
        return next(iter([*fresh, *free]), None)

    def fail(self, speaker: Synthesizer, error: SpeechError) -> None:
        """Take note that somebody has failed."""
        self._failures.setdefault(speaker, error)
        if speaker is self._own:
            self._listener.failed(error)

    def break_off(self, speaker: Synthesizer, error: SpeechError) -> None:
        """Take note that somebody has failed in mid-sound."""
        self.fail(speaker, error)
        self.interruption = self.interruption or error

    def note_ending(self, speaker: Synthesizer, error: SpeechError | None) -> None:
        """Take note of how somebody's sound has ended, where it did not break off."""
        is_always_truncated = isinstance(error, TruncatedAudioError)
        if speaker is self._own and (error is None or is_always_truncated):
            self._listener.ended(is_always_truncated)

    def note_beginning(self, speaker: Synthesizer, seconds: float) -> None:
        """Take note of how long somebody took to begin, unless that was in the shadow of what came before."""
        if speaker is self._own and not self.heard:
            self._listener.began(seconds)


_REMEMBERED: Final = 32
_ENOUGH: Final = 5
"""Beginnings that tell what is usual."""
_TIMES_USUAL: Final = 3
_CUSTOM: Final = 3
"""Abrupt endings in a row that are no accident."""


class LatencyStats:
    """Learns from each beginning and each ending of a voice."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._seconds: deque[float] = deque(maxlen=_REMEMBERED)
        self._abrupt_endings = 0

    @property
    def is_always_truncated(self) -> bool:
        """Whether its sound always ends as if it were cut off: its server does so to everything."""
        return self._abrupt_endings >= _CUSTOM

    def end(self, *, is_always_truncated: bool) -> None:
        """Take note of an ending."""
        self._abrupt_endings = self._abrupt_endings + 1 if is_always_truncated else 0

    def add(self, seconds: float) -> None:
        """Take note of how many seconds it took to the first sound."""
        self._seconds.append(seconds)

    def patience(self, least: float, most: float) -> float:
        """Return how many seconds to wait before something must be wrong, between two limits; `most` at first."""
        if len(self._seconds) < _ENOUGH:
            return most
        slow = quantiles(self._seconds, n=10)[-1]
        return min(most, max(least, _TIMES_USUAL * slow))
