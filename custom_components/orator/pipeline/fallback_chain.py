"""The voices of a chunk in the order in which they speak."""

from collections.abc import Collection, Sequence

from ..text import Replacement, remove_audio_tags, replace_words
from .attempt import AttemptAudio, SynthesisAttempt
from .report import JobRecord
from .sentence_cache import VoiceCache
from .synthesizer import Synthesizer


class FallbackChain:
    """The voices of one job in one style, in the order in which they are used.

    A voice that has failed is used again only if no other voice is left.
    """

    def __init__(  # noqa: PLR0913 - the voices of a job and how they are used
        self,
        first: Synthesizer,
        fallbacks: Sequence[Synthesizer],
        *,
        prefers_fallback: bool,
        fallback_replacements: Sequence[Replacement],
        is_reply: bool,
        needs_full_audio: bool,
        has_audio_tags: bool = False,
        cache: VoiceCache | None = None,
        record: JobRecord | None = None,
    ) -> None:
        """Create the chain of the voice that the job or its text names; with `prefers_fallback`, it comes last.

        `fallback_replacements` apply to the text of all voices but the job's own, if the provider of that one applies
        them itself. `has_audio_tags`: the text may have tags in brackets for `first`, which other voices would speak.
        `cache` has the audio of `first`; None if it is turned off. `record` is that of the job, whose own
        voice is `first` if there is none yet.
        """
        self._first = first
        self._cache = cache
        self._synthesizers = [*fallbacks, first] if prefers_fallback else [first, *fallbacks]
        self._fallback_replacements = fallback_replacements
        self._has_audio_tags = has_audio_tags
        self._is_reply = is_reply
        self.needs_full_audio = needs_full_audio
        """Whether the listener needs all audio of a chunk at once."""
        self.record = record or JobRecord(first)
        """What has happened in the job."""
        for synthesizer in self._synthesizers:
            self.record.add_voice(synthesizer)

    def find_cached(self, text: str) -> AttemptAudio | None:
        """Return the audio of a chunk that the first voice has spoken before, even if it cannot speak now."""
        cached = self._cache.get(text) if self._cache else None
        if cached is None:
            return None
        self.record.record_cached(text)
        return AttemptAudio(
            cached.format,
            cached.read(),
            cached.pcm_layout,
            loudness_key=self._first.loudness_key,
            changes=self._first.changes,
        )

    def add_to_cache(self, text: str, attempt: SynthesisAttempt) -> None:
        """Add the audio of a whole chunk to the cache, if it is complete and of the first voice."""
        if self._cache and attempt.synthesizer is self._first and attempt.complete_audio:
            self._cache.put(text, attempt.complete_audio)

    def next_untried(self, tried: Collection[Synthesizer]) -> Synthesizer | None:
        """Return the next voice that has not been tried for a chunk."""
        untried = [synthesizer for synthesizer in self._synthesizers if synthesizer not in tried]
        working = [synthesizer for synthesizer in untried if not self.record.has_failed(synthesizer)]
        return next(iter([*working, *untried]), None)

    def divide(self, text: str) -> list[str]:
        """Return a text in pieces that the first voice accepts as far as is known."""
        return self._first.divide(text)

    def start_attempt(
        self, synthesizer: Synthesizer, text: str, *, is_last_attempt: bool, expects_break: bool
    ) -> SynthesisAttempt:
        """Start to synthesize a chunk with one voice; for the arguments see the attempt."""
        if self._fallback_replacements and not self.record.is_own(synthesizer):
            text = replace_words(text, self._fallback_replacements)
        if self._has_audio_tags and not synthesizer.understands_audio_tags:
            text = remove_audio_tags(text)
        self.record.has_requested = True
        return SynthesisAttempt(
            synthesizer,
            text,
            is_reply=self._is_reply,
            needs_full_audio=self.needs_full_audio,
            is_last_attempt=is_last_attempt,
            expects_break=expects_break,
            keeps_audio=self._cache is not None and synthesizer is self._first,
        )

    def record_heard(self, synthesizer: Synthesizer) -> None:
        """Record that the listener hears a voice."""
        self.record.record_heard(synthesizer, is_fallback=synthesizer is not self._first)
