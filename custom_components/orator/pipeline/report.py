"""What has happened in a job so far, and the report of it."""

from dataclasses import dataclass, field

from ..providers.errors import SpeechError
from ..providers.models import Usage
from .synthesizer import Synthesizer


@dataclass(frozen=True, slots=True)
class SynthesisReport:
    """The result of a job apart from its audio, complete once all audio has been read.

    `failures`, `first_audio_s` and `looked_truncated` are about the job's own voice, not about its fallbacks.
    """

    own_name: str = ""
    """Name of the job's own voice."""
    spoken_by: tuple[str, ...] = ()
    """Names of the voices that were heard, in order."""
    has_own_audio: bool = False
    """Whether the job's own voice was heard, apart from cached chunks."""
    has_fallback_audio: bool = False
    """Whether a voice was heard in place of the one that the job or its text names."""
    usage: Usage = field(default_factory=Usage)
    """The usage of the job so far, including that of fallbacks."""
    failures: tuple[SpeechError, ...] = ()
    """Errors of the voice, whether or not a fallback took over."""
    first_audio_s: tuple[float, ...] = ()
    """Seconds until the first audio while the listener waited; lower bounds where a fallback was faster."""
    looked_truncated: tuple[bool, ...] = ()
    """Whether the audio looked truncated, for each chunk that the voice has finished."""
    has_gaps: bool = False
    """Whether silence was inserted while waiting for audio."""
    has_repetitions: bool = False
    """Whether audio broke off and was resumed, so that part of a sentence may be heard twice."""
    misses_clip: bool = False
    """Whether a recording in the text was not there, so that its text was spoken instead."""
    cached_chunks: int = 0
    """Number of chunks whose audio was cached."""
    cached_characters: int = 0
    """Length of the text of these chunks."""
    is_cached: bool = False
    """Whether the audio of all chunks was cached, so that there was no request."""


class JobRecord:
    """What has happened in a job, for all styles of its text."""

    def __init__(self, own: Synthesizer) -> None:
        """Create an empty record; `own` is the job's own voice."""
        self.own = own
        self.interruption: SpeechError | None = None
        """The error that interrupted audio without being resumed, so that words are missing."""
        self.has_requested = False
        """Whether any voice was asked for audio."""
        self._voices: dict[Synthesizer, None] = {own: None}
        self._failures: dict[Synthesizer, SpeechError] = {}
        self._own_failures: list[SpeechError] = []
        self._first_audio_s: list[float] = []
        self._looked_truncated: list[bool] = []
        self._heard: dict[str, None] = {}
        self._has_own_audio = False
        self._has_fallback_audio = False
        self._has_repetitions = False
        self._misses_clip = False
        self._cached_chunks = 0
        self._cached_characters = 0

    @property
    def error(self) -> SpeechError | None:
        """The reason why no voice speaks: preferably the error of the job's own voice, which the user can fix."""
        return self._failures.get(self.own) or next(iter(self._failures.values()), None)

    @property
    def event_count(self) -> int:
        """Number of voices, failures, first audio times, endings and cached chunks recorded so far."""
        heard = len(self._heard) + self._has_own_audio + self._cached_chunks
        return heard + len(self._own_failures) + len(self._first_audio_s) + len(self._looked_truncated)

    def report(self) -> SynthesisReport:
        """Return the result so far."""
        return SynthesisReport(
            own_name=self.own.name,
            spoken_by=tuple(self._heard),
            has_own_audio=self._has_own_audio,
            has_fallback_audio=self._has_fallback_audio,
            usage=sum((voice.usage for voice in self._voices), Usage()),
            failures=tuple(self._own_failures),
            first_audio_s=tuple(self._first_audio_s),
            looked_truncated=tuple(self._looked_truncated),
            has_repetitions=self._has_repetitions,
            misses_clip=self._misses_clip,
            cached_chunks=self._cached_chunks,
            cached_characters=self._cached_characters,
            is_cached=self._cached_chunks > 0 and not self.has_requested,
        )

    def has_failed(self, synthesizer: Synthesizer) -> bool:
        """Return whether a voice has failed, in whatever style."""
        return synthesizer.origin in self._failures

    def is_own(self, synthesizer: Synthesizer) -> bool:
        """Return whether a voice is the job's own, in whatever style."""
        return synthesizer.origin is self.own

    def add_voice(self, synthesizer: Synthesizer) -> None:
        """Add a voice whose usage belongs to the job."""
        self._voices[synthesizer.origin] = None

    def record_heard(self, synthesizer: Synthesizer, *, is_fallback: bool) -> None:
        """Record that the listener hears a voice."""
        self._heard[synthesizer.name] = None
        self._has_own_audio |= self.is_own(synthesizer)
        self._has_fallback_audio |= is_fallback

    def record_cached(self, text: str) -> None:
        """Record that the audio of a chunk is cached."""
        self._cached_chunks += 1
        self._cached_characters += len(text)

    def record_cached_heard(self) -> None:
        """Record that the listener hears the job's own voice with cached audio."""
        self._heard[self.own.name] = None

    def record_first_audio(self, synthesizer: Synthesizer, seconds: float) -> None:
        """Record the time to the first audio, unless the listener hears an earlier chunk."""
        if self.is_own(synthesizer) and not self._heard:
            self._first_audio_s.append(seconds)

    def record_failure(self, synthesizer: Synthesizer, error: SpeechError) -> None:
        """Record that a voice has failed."""
        self._failures.setdefault(synthesizer.origin, error)
        if self.is_own(synthesizer):
            self._own_failures.append(error)

    def record_ending(self, synthesizer: Synthesizer, *, looked_truncated: bool) -> None:
        """Record whether the audio of a chunk looked truncated, unless it broke off in the middle."""
        if self.is_own(synthesizer):
            self._looked_truncated.append(looked_truncated)

    def record_resumption(self) -> None:
        """Record that interrupted audio was resumed."""
        self._has_repetitions = True

    def record_interruption(self, error: SpeechError) -> None:
        """Record that words are missing."""
        self.interruption = self.interruption or error

    def record_missing_clip(self) -> None:
        """Record that a recording was not there."""
        self._misses_clip = True
