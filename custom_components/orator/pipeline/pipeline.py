"""Turn the text of one job into an audio response: clean, split, synthesize, join, post-process."""

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from functools import cache
from math import inf
from typing import Any, Final

from ..audio.formats import AudioFormat, PcmLayout
from ..providers.base import Provider, SpeechAudio, SynthesisRequest
from ..providers.models import Model, Usage
from ..text import Replacement, SpeechReader, SpeechStyle, SsmlReader, StyledText
from .attempt import AttemptAudio
from .chunker import TextChunker
from .early_start import EarlyStart
from .output import AudioResponse, GapFiller, OutputFormat, build_response, join_audio_as_pcm
from .post_processing import PostProcessing
from .prefetch import ChunkPrefetcher, prefetch_first
from .pronunciations import measure_with_pronunciations, pronunciations_for
from .report import JobRecord, SynthesisReport
from .sentence_cache import SentenceCache, VoiceCache
from .styled_speech import ChainSettings, FindVoice, LoadClip, StyledSpeech
from .styles import apply_style, reduce_style
from .synthesizer import (
    ANNOUNCEMENT,
    INTERACTIVE,
    PATIENT,
    WITH_FALLBACK,
    NamedVoice,
    ProviderSynthesizer,
    RetryPolicy,
    Synthesizer,
    VoiceStats,
)
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
_JOINABLE: Final = (AudioFormat.MP3, AudioFormat.WAV, AudioFormat.PCM)
"""Formats whose chunks can be joined."""


@dataclass(frozen=True, slots=True)
class SynthesisJob:
    """A text, and the voice that speaks it."""

    name: str
    """Name of the voice in the report."""
    deltas: AsyncIterable[str]
    model: Model
    voice: str
    settings: Mapping[str, Any]
    format: AudioFormat | None
    """Format to request from the provider, or None to choose it by the output."""
    clean_text: bool
    language: str
    """Language tag of the text."""
    allows_tags: bool
    """Whether single tags of SSML are read in a text that is no SSML document."""
    replacements: Sequence[Replacement]
    fallbacks: Sequence[Synthesizer]
    prefers_fallback: bool
    """Whether the fallbacks come first, because the account is unlikely to work."""
    expects_fallback: bool
    """Whether another voice takes over when this job fails."""
    stats: VoiceStats
    """Latency statistics of the voice."""
    post_processing: PostProcessing
    can_wait: Callable[[], bool]
    """Return whether the audio is prepared in advance, once the text has been read."""
    record_usage: Callable[[Usage], None]
    """Called with each charge of the voice's provider, even after the job has ended."""
    cache: SentenceCache | None
    """Cache for the audio of whole chunks; None if the voice does not use it."""
    is_cache_read: Callable[[], bool]
    """Return whether cached audio may be used, once the text has been read."""
    find_voice: FindVoice
    """Return the voice that the text names, if it is another one than those of the model."""
    load_clip: LoadClip
    """Return the recording that the text names."""


@dataclass(frozen=True, slots=True)
class _Speech:
    """Audio that is being synthesized."""

    audio: AsyncGenerator[AttemptAudio]
    is_single: bool
    """Whether one request has the whole text."""
    is_reply: bool
    """Whether the text is still being written."""
    reference_key: str | None
    """Loudness key of the job's own voice if the text has markup: the audio is changed and joined as samples."""


class SpeechPipeline:
    """Synthesis of one job."""

    def __init__(self, provider: Provider, job: SynthesisJob, output: OutputFormat) -> None:
        """Initialize the pipeline of a job."""
        self._provider = provider
        self._job = job
        self._output = output
        self._record: JobRecord | None = None
        self._gap_filler = GapFiller()
        self._named_voices: dict[str, NamedVoice | None] = {}

    @property
    def event_count(self) -> int:
        """Number of events in the report so far; cheaper than the report, to notice that it has changed."""
        return self._record.event_count if self._record else 0

    @property
    def report(self) -> SynthesisReport:
        """The result so far."""
        if self._record is None:
            return SynthesisReport(self._job.name)
        return replace(self._record.report(), has_gaps=self._gap_filler.has_filled)

    @property
    def _passes_mp3(self) -> bool:
        """Whether mp3 is joined to chimes and silence as it is."""
        job = self._job
        return job.format in (None, AudioFormat.MP3) and job.post_processing.passes_mp3(job.model, self._output)

    @asynccontextmanager
    async def respond(self) -> AsyncGenerator[AudioResponse]:
        """Yield the response as soon as the first audio has arrived; leaving the context cancels all requests.

        With post-processing, the response is yielded at once, because a chime does not wait for speech. Entering the
        context and reading the response raise SpeechError.
        """
        respond = self._respond_with_post_processing if self._job.post_processing.is_set else self._respond
        async with respond() as response, aclosing(response.data):
            yield response

    @asynccontextmanager
    async def _respond(self) -> AsyncGenerator[AudioResponse]:
        layout = self._job.post_processing.layout_for(self._job.model, self._output.pcm)
        async with self._synthesize() as speech, aclosing(self._apply_gain(speech, layout)) as audio:
            yield await build_response(
                audio,
                self._output,
                is_single=speech.is_single,
                # Inserted silence must not be cached, and Home Assistant caches the audio of complete texts.
                gap_filler=self._gap_filler if speech.is_reply and not self._output.is_for_player else None,
            )

    @asynccontextmanager
    async def _respond_with_post_processing(self) -> AsyncGenerator[AudioResponse]:
        post_processing, model, output = self._job.post_processing, self._job.model, self._output
        if self._passes_mp3:
            async with prefetch_first(self._synthesize_chunks()) as chunks:
                yield await post_processing.join_response(chunks, model, output)
            return
        layout = post_processing.layout_for(model, output.pcm)
        async with prefetch_first(self._synthesize_as_pcm(layout)) as speech:
            yield await post_processing.build_response(speech, model, output, self._gap_filler)

    async def _synthesize_chunks(self) -> AsyncGenerator[SpeechAudio]:
        """Yield the audio of all chunks as it is, or in one part if the text has markup."""
        layout = self._job.post_processing.layout_for(self._job.model, self._output.pcm)
        async with self._synthesize() as speech, aclosing(self._apply_gain(speech, layout)) as audio:
            if speech.reference_key is not None:
                yield SpeechAudio(AudioFormat.PCM, join_audio_as_pcm(audio, layout), layout)
                return
            async for part in audio:
                yield part

    async def _synthesize_as_pcm(self, layout: PcmLayout) -> AsyncGenerator[bytes]:
        """Yield the samples of all chunks in one layout, with gain and loudness applied."""
        async with (
            self._synthesize() as speech,
            aclosing(self._apply_gain(speech, layout)) as audio,
            aclosing(join_audio_as_pcm(audio, layout)) as samples,
        ):
            async for block in samples:
                yield block

    async def _apply_gain(self, speech: _Speech, layout: PcmLayout) -> AsyncGenerator[SpeechAudio]:
        """Yield the audio of all chunks, as samples of a layout if its level or speed is changed."""
        apply_gain = self._job.post_processing.apply_gain
        async with (
            aclosing(speech.audio),
            aclosing(apply_gain(speech.audio, layout, reference_key=speech.reference_key)) as audio,
        ):
            async for part in audio:
                yield part

    @asynccontextmanager
    async def _synthesize(self) -> AsyncGenerator[_Speech]:
        """Read the text, and synthesize its chunks in advance."""
        job = self._job
        request = self._create_request()
        ssml = SsmlReader(
            allows_tags=job.allows_tags, keeps_audio_tags=self._understands_audio_tags, language=job.language
        )
        async with self._create_chunker(request, ssml) as chunker:
            await chunker.wait_for_sentence()
            has_markup = ssml.is_on
            is_single = chunker.is_single_chunk
            is_reply = not chunker.is_complete
            audio_format = job.format or self._choose_format(is_single=is_single, has_markup=has_markup)
            request = replace(request, format=audio_format)

            @cache
            def find_cache(style: SpeechStyle, words: tuple[StyledText, ...]) -> VoiceCache | None:
                return self._cache_for(apply_style(request, style, words)[0], is_reply=is_reply)

            def is_cached(chunk: TextChunk) -> bool:
                found = None if self._find_voice(chunk.style.voice) else find_cache(chunk.style, chunk.words)
                return found is not None and found.has(chunk.text)

            # With a price per request, more requests for less text would cost more. A complete text stays one request:
            # that words are missing at the end of its audio is less certain for short parts.
            if job.cache and not self._has_fixed_price and not is_single:
                chunker.is_cached = is_cached
            own = ProviderSynthesizer(
                self._provider,
                request,
                self._choose_retry_policy(is_reply=is_reply),
                name=job.name,
                stats=job.stats,
            )
            settings = ChainSettings(
                fallbacks=job.fallbacks,
                prefers_fallback=job.prefers_fallback,
                fallback_replacements=job.replacements if request.pronunciations else (),
                is_reply=is_reply,
                needs_full_audio=self._output.needs_full_audio,
                has_markup=has_markup,
            )
            speech = StyledSpeech(
                own,
                settings,
                speed=request.speed,
                find_cache=find_cache,
                find_voice=self._find_voice,
                load_clip=job.load_clip,
            )
            self._record = speech.record
            reference_key = own.loudness_key if has_markup else None
            async with ChunkPrefetcher(chunker, speech, latency_s=self._latency_s or 0.0) as prefetcher:
                yield _Speech(prefetcher.audio(), is_single, is_reply, reference_key)

    def _create_request(self) -> SynthesisRequest:
        """Return a request of the voice without a text."""
        job, model = self._job, self._job.model
        return SynthesisRequest(
            text="",
            model=model,
            voice=job.voice,
            format=job.format or model.formats[0],
            settings=job.settings,
            pronunciations=pronunciations_for(job.replacements, model),
            record_usage=job.record_usage,
        )

    def _create_chunker(self, request: SynthesisRequest, ssml: SsmlReader) -> TextChunker:
        """Return the chunker of the text."""
        job, model = self._job, self._job.model
        pronunciations, has_fixed_price = request.pronunciations, self._has_fixed_price
        pace = job.stats.pace(request)
        starts_early = not has_fixed_price and not self._output.needs_full_audio

        def resolve_style(style: SpeechStyle) -> SpeechStyle:
            if style.voice == job.name:
                style = replace(style, voice="")
            named = self._find_voice(style.voice)
            return named.reduce_style(style) if named else reduce_style(request, style)

        return TextChunker(
            job.deltas,
            SpeechReader(
                () if pronunciations else job.replacements,
                clean=job.clean_text,
                ssml=ssml,
                resolve_style=resolve_style,
            ),
            max_chars=min(model.max_chars, job.stats.max_chars or model.max_chars),
            measure=measure_with_pronunciations(pronunciations, model) if pronunciations else model.measure,
            streams=model.streams,
            max_seconds=_MAX_CHUNK_WITH_FALLBACK_S if job.fallbacks else _MAX_CHUNK_S,
            max_sentences=lambda: inf if pace.is_known or has_fixed_price else _MAX_SENTENCES_AT_UNKNOWN_PACE,
            early_start=(
                EarlyStart(self._latency_s, streams=model.streams, speed=request.speed) if starts_early else None
            ),
        )

    @property
    def _has_fixed_price(self) -> bool:
        """Whether several short requests cost more than a long one."""
        price = self._job.model.price
        return price is not None and price.has_fixed_part

    @property
    def _latency_s(self) -> float | None:
        """Expected time to the first audio; None if it is unknown."""
        return None if self._job.prefers_fallback else self._job.stats.latency_s

    def _find_voice(self, name: str) -> NamedVoice | None:
        """Return the voice that a text names, or None for those of the job's own model."""
        if name and name not in self._named_voices:
            self._named_voices[name] = self._job.find_voice(name)
        return self._named_voices.get(name)

    def _understands_audio_tags(self, voice: str) -> bool:
        """Return whether the voice with a name in the text acts on tags in brackets."""
        named = self._find_voice(voice)
        return named.understands_audio_tags if named else self._job.model.understands_audio_tags

    def _cache_for(self, request: SynthesisRequest, *, is_reply: bool) -> VoiceCache | None:
        """Return the cached audio of the voice with the settings of a request, or None if it does not use the cache."""
        job = self._job
        if job.cache is None:
            return None
        return job.cache.for_voice(self._provider.identity, request, is_read=is_reply or job.is_cache_read())

    def _choose_retry_policy(self, *, is_reply: bool) -> RetryPolicy:
        if not is_reply and self._job.can_wait():
            return PATIENT
        if self._job.fallbacks or self._job.expects_fallback:
            return WITH_FALLBACK
        return INTERACTIVE if is_reply or not self._output.is_for_player else ANNOUNCEMENT

    def _choose_format(self, *, is_single: bool, has_markup: bool) -> AudioFormat:
        """Return the format to request: the player's if it can be passed through or joined, otherwise samples."""
        formats = self._job.model.formats
        usable = [candidate for candidate in formats if is_single or candidate in _JOINABLE]
        if self._job.post_processing.is_set:
            usable = [AudioFormat.MP3] if self._passes_mp3 else []
        if has_markup:
            usable = []
        accepted = [candidate for candidate in usable if self._output.accepts(candidate)]
        exact = [candidate for candidate in accepted if candidate is self._output.format]
        # The header of a WAV states its layout; servers disagree on the layout of raw samples.
        samples = [candidate for candidate in (AudioFormat.WAV, AudioFormat.PCM) if candidate in formats]
        return [*exact, *accepted, *samples, *formats][0]
