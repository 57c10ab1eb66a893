"""Who speaks, and who takes over from whom."""

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Protocol

from ..providers.base import Provider, SpeechAudio, SpeechRequest
from ..providers.errors import IncompleteError, SpeechError
from ..providers.spending import Spending
from .attempts import Persistence, synthesize


class Speaker(Protocol):
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
    def is_abrupt(self) -> bool:
        """Whether its sound always ends as if it were cut off, so that this means nothing."""
        ...

    def speak(self, text: str, *, is_reply: bool) -> AbstractAsyncContextManager[SpeechAudio]:
        """Give the sound of a text while the context lasts. Entering and reading it raises SpeechError.

        `is_reply`: whether it belongs to a reply that is still being written, which nobody is to keep.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class ProviderSpeaker:
    """Speaks through a provider, with requests that differ in their texts alone."""

    provider: Provider
    request: SpeechRequest
    persistence: Persistence
    patience: float
    is_abrupt: bool

    @property
    def name(self) -> str:
        """The model and its voice."""
        return f"{self.request.model.id} {self.request.voice}"

    def speak(self, text: str, *, is_reply: bool) -> AbstractAsyncContextManager[SpeechAudio]:  # noqa: ARG002
        """Give the sound of a text; what can pass is tried again."""
        return synthesize(self.provider, replace(self.request, text=text), self.persistence)


@dataclass(frozen=True, slots=True)
class Listener:
    """Hears what becomes of an utterance's own voice."""

    failed: Callable[[SpeechError], None] = lambda _: None
    """Why it did not speak, whether or not somebody else does."""
    began: Callable[[float], None] = lambda _: None
    """How many seconds it took to its first sound; of a voice that another one has overtaken, at least that many."""
    ended: Callable[[bool], None] = lambda _: None
    """Whether it ended as if it were cut off, each time that it came to its end."""
    spent: Callable[[Spending], None] = lambda _: None
    """What its provider has charged, also for what nobody gets to hear."""


class Cast:
    """Speakers in the order in which they take over.

    Who has failed is not asked again for this utterance, unless there is nobody else.
    """

    def __init__(
        self, own: Speaker, speakers: Sequence[Speaker], listener: Listener, *, is_reply: bool, is_gathered: bool
    ) -> None:
        """Begin with the first of `speakers`, among whom is `own`: the voice that the utterance is for.

        `is_gathered`: whether nobody hears anything before everything is said.
        """
        self.is_reply = is_reply
        self.is_gathered = is_gathered
        self._own = own
        self._speakers = speakers
        self._listener = listener
        self._failures: dict[Speaker, SpeechError] = {}
        self.heard: set[Speaker] = set()
        """Those whose sound was taken."""
        self.interruption: SpeechError | None = None
        """What has broken sound off that was heard already, so that words are missing."""

    @property
    def error(self) -> SpeechError | None:
        """Why nobody speaks: what the own voice says, which the user can mend."""
        return self._failures.get(self._own) or next(iter(self._failures.values()), None)

    def next_but(self, tried: Collection[Speaker]) -> Speaker | None:
        """Return who is to say a text that those who were `tried` have not said."""
        free = [speaker for speaker in self._speakers if speaker not in tried]
        fresh = [speaker for speaker in free if speaker not in self._failures]
        return next(iter([*fresh, *free]), None)

    def fail(self, speaker: Speaker, error: SpeechError) -> None:
        """Take note that somebody has failed."""
        self._failures.setdefault(speaker, error)
        if speaker is self._own:
            self._listener.failed(error)

    def break_off(self, speaker: Speaker, error: SpeechError) -> None:
        """Take note that somebody has failed in mid-sound."""
        self.fail(speaker, error)
        self.interruption = self.interruption or error

    def note_ending(self, speaker: Speaker, error: SpeechError | None) -> None:
        """Take note of how somebody's sound has ended, where it did not break off."""
        is_abrupt = isinstance(error, IncompleteError)
        if speaker is self._own and (error is None or is_abrupt):
            self._listener.ended(is_abrupt)

    def note_beginning(self, speaker: Speaker, seconds: float) -> None:
        """Take note of how long somebody took to begin, unless that was in the shadow of what came before."""
        if speaker is self._own and not self.heard:
            self._listener.began(seconds)
