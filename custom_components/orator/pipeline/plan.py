"""Plan the speech of a job: how its text is divided, and the requests for its chunks. Nothing is requested here."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from math import inf
from typing import Final

from ..audio.formats import AudioFormat
from ..providers.base import Provider, SynthesisRequest
from ..providers.models import Usage
from ..text import SpeechReader, SpeechStyle, SsmlReader, StyledText
from .chunker import TextChunker
from .early_start import EarlyStart
from .job import SynthesisJob
from .pronunciations import measure_with_pronunciations, pronunciations_for
from .sentence_cache import VoiceCache
from .styles import apply_style, reduce_style
from .synthesizer import NamedVoice
from .text_runs import TextChunk

_MAX_CHUNK_S: Final = 45.0
"""Maximum speech in one request with several sentences.

When audio breaks off, its position in the text is less certain in longer audio: after 45 seconds, by about a sentence.
"""
_MAX_CHUNK_WITH_FALLBACK_S: Final = 12.0
"""The same for a voice with fallbacks. When audio breaks off, the rest of the request is bought again."""
_MAX_SENTENCES_AT_UNKNOWN_PACE: Final = 2
"""Maximum number of sentences in one request while the pace of the voice is unknown.

Wherever the audio of two sentences breaks off, no more than one of them is heard twice. The maximum does not apply to
models with a price per request.
"""


class SpeechPlan:
    """The chunks of a job's text, and the requests for them."""

    def __init__(
        self,
        provider: Provider,
        job: SynthesisJob,
        *,
        needs_full_audio: bool,
        has_audio: Callable[[], bool] = lambda: False,
    ) -> None:
        """Initialize the plan; `needs_full_audio`: whether the listener needs all audio of a chunk at once.

        `has_audio`: return whether audio that shows the pace of the voice is assumed, although there is none.
        """
        self._provider = provider
        self._job = job
        self._named_voices: dict[str, NamedVoice | None] = {}
        self.request = self._create_request()
        """The request of all chunks without a style. Its text is empty, and its format is final after `begin`."""
        self._ssml = SsmlReader(
            allows_documents=not job.is_fallback_call,
            allows_tags=job.allows_tags,
            keeps_audio_tags=self._understands_audio_tags,
            language=job.language,
        )
        self.chunker = self._create_chunker(needs_full_audio=needs_full_audio, has_audio=has_audio)
        self._find_voice_cache: Callable[[SpeechStyle, tuple[StyledText, ...]], VoiceCache | None] = lambda *_: None

    @property
    def has_markup(self) -> bool:
        """Whether the text that has been read has markup."""
        return self._ssml.is_on

    @property
    def latency_s(self) -> float | None:
        """Time to the first audio; None if it is unknown or a fallback speaks first."""
        return None if self._job.prefers_fallback() else self._job.stats.latency_s

    @property
    def _has_fixed_price(self) -> bool:
        """Whether several short requests cost more than a long one."""
        price = self._job.model.price
        return price is not None and price.has_fixed_part

    def begin(self, audio_format: AudioFormat, *, reads_cache: bool) -> None:
        """Set the format of the requests and use the sentence cache, after the first sentence has been read.

        Chunks then end at cached sentences, with two exceptions. With a price per request, more requests for less text
        would cost more. A complete text stays one request: that words are missing at the end of its audio is less
        certain for short parts.
        """
        job = self._job
        request = self.request = replace(self.request, format=audio_format)
        sentences = job.cache
        if sentences is None:
            return
        identity = self._provider.identity

        @cache
        def find_cache(style: SpeechStyle, words: tuple[StyledText, ...]) -> VoiceCache | None:
            styled, _ = apply_style(request, style, words)
            return sentences.for_voice(identity, styled, is_read=reads_cache)

        self._find_voice_cache = find_cache
        if not self._has_fixed_price and not self.chunker.is_single_chunk:
            self.chunker.is_cached = self.is_cached

    def find_cache(self, style: SpeechStyle, words: tuple[StyledText, ...]) -> VoiceCache | None:
        """Return the cached audio of the job's own voice in a style, or None if it does not use the cache.

        `words` are words of the text with a style of their own.
        """
        return self._find_voice_cache(style, words)

    def is_cached(self, chunk: TextChunk) -> bool:
        """Return whether the job's own voice has spoken a chunk before."""
        found = None if self.find_voice(chunk.style.voice) else self.find_cache(chunk.style, chunk.words)
        return found is not None and found.has(chunk.text)

    def estimate(self, chunk: TextChunk) -> Usage:
        """Return the usage to expect of a chunk."""
        if named := self.find_voice(chunk.style.voice):
            return named.estimate(chunk.text)
        return replace(self.request, text=chunk.text).estimate

    def find_voice(self, name: str) -> NamedVoice | None:
        """Return the voice that a text names, or None for those of the job's own model."""
        if name and name not in self._named_voices:
            self._named_voices[name] = self._job.find_voice(name)
        return self._named_voices.get(name)

    def _understands_audio_tags(self, voice: str) -> bool:
        """Return whether the voice with a name in the text acts on tags in brackets."""
        named = self.find_voice(voice)
        return named.understands_audio_tags if named else self._job.model.understands_audio_tags

    def _create_request(self) -> SynthesisRequest:
        job, model = self._job, self._job.model
        return SynthesisRequest(
            text="",
            model=model,
            voice=job.voice,
            format=job.format or model.formats[0],
            settings=job.settings,
            pronunciations=pronunciations_for(job.replacements, model),
            record_usage=job.record_usage,
            reserve=job.reserve,
        )

    def _resolve_style(self, style: SpeechStyle) -> SpeechStyle:
        """Return a style without what makes no difference to the voice that speaks in it."""
        if style.voice == self._job.name:
            style = replace(style, voice="")
        named = self.find_voice(style.voice)
        return named.reduce_style(style) if named else reduce_style(self.request, style)

    def _create_chunker(self, *, needs_full_audio: bool, has_audio: Callable[[], bool]) -> TextChunker:
        job, model, request = self._job, self._job.model, self.request
        pronunciations, has_fixed_price = request.pronunciations, self._has_fixed_price
        pace = job.stats.pace(request)
        early_start = None
        if not has_fixed_price and not needs_full_audio:
            early_start = EarlyStart(self.latency_s, streams=model.streams, speed=request.speed)
        return TextChunker(
            job.deltas,
            SpeechReader(
                () if pronunciations else job.replacements,
                clean=job.clean_text,
                ssml=self._ssml,
                resolve_style=self._resolve_style,
            ),
            max_chars=min(model.max_chars, job.stats.max_chars or model.max_chars),
            measure=measure_with_pronunciations(pronunciations, model) if pronunciations else model.measure,
            streams=model.streams,
            max_seconds=_MAX_CHUNK_WITH_FALLBACK_S if job.fallbacks else _MAX_CHUNK_S,
            max_sentences=lambda: (
                inf if pace.is_known or has_audio() or has_fixed_price else _MAX_SENTENCES_AT_UNKNOWN_PACE
            ),
            early_start=early_start,
        )
