"""Who speaks, and who takes over from whom."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Protocol

from ..providers.base import Provider, SpeechAudio, SpeechRequest
from ..providers.errors import SpeechError
from .attempts import BRISK, PATIENT, synthesize


class Speaker(Protocol):
    """Somebody who can say a text."""

    @property
    def name(self) -> str:
        """What tells them from all others of an account."""
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
    is_last: bool
    """Whether nobody speaks if it can't, so that it is worth waiting for."""

    @property
    def name(self) -> str:
        """The model and its voice."""
        return f"{self.request.model.id} {self.request.voice}"

    def speak(self, text: str, *, is_reply: bool) -> AbstractAsyncContextManager[SpeechAudio]:  # noqa: ARG002
        """Give the sound of a text; what can pass is tried again, but not for long if somebody else can speak."""
        return synthesize(self.provider, replace(self.request, text=text), PATIENT if self.is_last else BRISK)


class Cast:
    """Speakers in the order in which they take over. Whoever has failed is not asked again for this utterance."""

    def __init__(
        self, speakers: Sequence[Speaker], tell: Callable[[Speaker, SpeechError], None], *, is_reply: bool = False
    ) -> None:
        """Begin with the first; `tell` hears of everybody who fails."""
        self.is_reply = is_reply
        self._speakers = speakers
        self._tell = tell
        self._failures: list[SpeechError] = []
        self.heard: set[Speaker] = set()
        """Those whose sound has begun."""
        self.interruption: SpeechError | None = None
        """What has broken sound off that was heard already, so that words are missing."""

    @property
    def speaker(self) -> Speaker:
        """Who speaks now."""
        return self._speakers[min(len(self._failures), len(self._speakers) - 1)]

    @property
    def error(self) -> SpeechError | None:
        """Why the first one does not speak, which is what the user can mend."""
        return self._failures[0] if self._failures else None

    def fail(self, speaker: Speaker, error: SpeechError) -> bool:
        """Take note that somebody has failed; tell whether there is somebody else."""
        self._tell(speaker, error)
        if speaker is self.speaker:
            self._failures.append(error)
        return error.lets_others_speak and len(self._failures) < len(self._speakers)
