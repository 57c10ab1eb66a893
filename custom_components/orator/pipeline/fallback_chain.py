"""The voices of a job in the order in which they speak, and the result of each of them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from ..providers.errors import SpeechError
from ..providers.models import Usage
from ..text import Replacement, replace_words
from .attempt import AttemptAudio, SynthesisAttempt
from .sentence_cache import VoiceCache
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
    cached_chunks: int = 0
    """Number of chunks whose audio was cached."""
    cached_characters: int = 0
    """Length of the text of these chunks."""
    is_cached: bool = False
    """Whether the audio of all chunks was cached, so that there was no request."""

    @property
    def has_fallback_audio(self) -> bool:
        """Whether a fallback was heard."""
        return any(name != self.own_name for name in self.spoken_by)


class FallbackChain:
    """The voices of one job, in the order in which they are used.

    A voice that has failed is used again only if no other voice is left.
    """

    def __init__(  # noqa: PLR0913 - the voices of a job and how they are used
        self,
        own: Synthesizer,
        fallbacks: Sequence[Synthesizer],
        *,
        prefers_fallback: bool,
        fallback_replacements: Sequence[Replacement],
        is_reply: bool,
        needs_full_audio: bool,
        cache: VoiceCache | None = None,
    ) -> None:
        """Create the chain; with `prefers_fallback`, the job's own voice comes last.

        `fallback_replacements` apply to the text of the fallbacks, if the provider of the job's own voice applies them
        itself. `cache` has the audio of the job's own voice; None if it is turned off.
        """
        self._own = own
        self._cache = cache
        self._synthesizers = [*fallbacks, own] if prefers_fallback else [own, *fallbacks]
        self._fallback_replacements = fallback_replacements
        self._is_reply = is_reply
        self.needs_full_audio = needs_full_audio
        """Whether the listener needs all audio of a chunk at once."""
        self._failures: dict[Synthesizer, SpeechError] = {}
        self._own_failures: list[SpeechError] = []
        self._first_audio_s: list[float] = []
        self._looked_truncated: list[bool] = []
        self._heard: dict[str, None] = {}
        self._has_own_audio = False
        self._cached_chunks = 0
        self._cached_characters = 0
        self._has_requested = False
        """Whether any voice was asked for audio."""
        self.interruption: SpeechError | None = None
        """The error that interrupted audio without being resumed, so that words are missing."""
        self._has_repetitions = False

    @property
    def error(self) -> SpeechError | None:
        """The reason why no voice speaks: preferably the error of the job's own voice, which the user can fix."""
        return self._failures.get(self._own) or next(iter(self._failures.values()), None)

    @property
    def event_count(self) -> int:
        """Number of voices, failures, first audio times, endings and cached chunks recorded so far."""
        heard = len(self._heard) + self._has_own_audio + self._cached_chunks
        return heard + len(self._own_failures) + len(self._first_audio_s) + len(self._looked_truncated)

    def report(self) -> SynthesisReport:
        """Return the result so far."""
        return SynthesisReport(
            own_name=self._own.name,
            spoken_by=tuple(self._heard),
            has_own_audio=self._has_own_audio,
            usage=sum((synthesizer.usage for synthesizer in self._synthesizers), Usage()),
            failures=tuple(self._own_failures),
            first_audio_s=tuple(self._first_audio_s),
            looked_truncated=tuple(self._looked_truncated),
            has_repetitions=self._has_repetitions,
            cached_chunks=self._cached_chunks,
            cached_characters=self._cached_characters,
            is_cached=self._cached_chunks > 0 and not self._has_requested,
        )

    def find_cached(self, text: str) -> AttemptAudio | None:
        """Return the audio of a chunk that the job's own voice has spoken before, even if it cannot speak now."""
        cached = self._cache.get(text) if self._cache else None
        if cached is None:
            return None
        self._cached_chunks += 1
        self._cached_characters += len(text)
        return AttemptAudio(cached.format, cached.read(), cached.pcm_layout, loudness_key=self._own.loudness_key)

    def add_to_cache(self, text: str, attempt: SynthesisAttempt) -> None:
        """Add the audio of a whole chunk to the cache, if it is complete and of the job's own voice."""
        if self._cache and attempt.synthesizer is self._own and attempt.complete_audio:
            self._cache.put(text, attempt.complete_audio)

    def next_untried(self, tried: Collection[Synthesizer]) -> Synthesizer | None:
        """Return the next voice that has not been tried for a chunk."""
        untried = [synthesizer for synthesizer in self._synthesizers if synthesizer not in tried]
        working = [synthesizer for synthesizer in untried if synthesizer not in self._failures]
        return next(iter([*working, *untried]), None)

    def divide(self, text: str) -> list[str]:
        """Return a text in pieces that the job's own voice accepts as far as is known."""
        return self._own.divide(text)

    def start_attempt(
        self, synthesizer: Synthesizer, text: str, *, is_last_attempt: bool, expects_break: bool
    ) -> SynthesisAttempt:
        """Start to synthesize a chunk with one voice; for the arguments see the attempt."""
        if synthesizer is not self._own and self._fallback_replacements:
            text = replace_words(text, self._fallback_replacements)
        self._has_requested = True
        return SynthesisAttempt(
            synthesizer,
            text,
            is_reply=self._is_reply,
            needs_full_audio=self.needs_full_audio,
            is_last_attempt=is_last_attempt,
            expects_break=expects_break,
            keeps_audio=self._cache is not None and synthesizer is self._own,
        )

    def record_heard(self, synthesizer: Synthesizer) -> None:
        """Record that the listener hears a voice."""
        self._heard[synthesizer.name] = None
        self._has_own_audio |= synthesizer is self._own

    def record_cached_heard(self) -> None:
        """Record that the listener hears the job's own voice with cached audio."""
        self._heard[self._own.name] = None

    def record_first_audio(self, synthesizer: Synthesizer, seconds: float) -> None:
        """Record the time to the first audio, unless the listener hears an earlier chunk."""
        if synthesizer is self._own and not self._heard:
            self._first_audio_s.append(seconds)

    def record_failure(self, synthesizer: Synthesizer, error: SpeechError) -> None:
        """Record that a voice has failed."""
        self._failures.setdefault(synthesizer, error)
        if synthesizer is self._own:
            self._own_failures.append(error)

    def record_ending(self, attempt: SynthesisAttempt) -> None:
        """Record whether the audio of an attempt looked truncated, unless it broke off in the middle."""
        if attempt.synthesizer is self._own and (attempt.error is None or attempt.looked_truncated):
            self._looked_truncated.append(attempt.looked_truncated)

    def record_resumption(self) -> None:
        """Record that interrupted audio was resumed."""
        self._has_repetitions = True

    def record_interruption(self, error: SpeechError) -> None:
        """Record that words are missing."""
        self.interruption = self.interruption or error
