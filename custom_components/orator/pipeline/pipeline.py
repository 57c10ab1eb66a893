"""Turn the text of one job into an audio response: clean, split, synthesize, join, post-process."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from math import inf
from typing import Any, Final

from ..audio.formats import AudioFormat, PcmLayout
from ..providers.base import Provider, SpeechAudio, SynthesisRequest
from ..providers.models import Model, Reservation, Usage
from ..text import Replacement, TextCleaner
from .attempt import AttemptAudio
from .chunker import TextChunker, estimate_duration_by_letters_s
from .early_start import EarlyStart
from .fallback_chain import FallbackChain, SynthesisReport
from .output import AudioResponse, GapFiller, OutputFormat, build_response, join_audio_as_pcm
from .post_processing import PostProcessing
from .prefetch import MAX_PARALLEL_REQUESTS, ChunkPrefetcher, prefetch_first
from .pronunciations import measure_with_pronunciations, pronunciations_for
from .sentence_cache import SentenceCache, VoiceCache
from .synthesizer import (
    ANNOUNCEMENT,
    INTERACTIVE,
    PATIENT,
    WITH_FALLBACK,
    ProviderSynthesizer,
    RetryPolicy,
    Synthesizer,
    VoiceStats,
)

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
    replacements: Sequence[Replacement]
    fallbacks: Sequence[Synthesizer]
    prefers_fallback: Callable[[], bool]
    """Return whether the fallbacks come first, because the account is unlikely to work; critical texts may differ."""
    expects_fallback: bool
    """Whether another voice takes over when this job fails."""
    stats: VoiceStats
    """Latency statistics of the voice."""
    post_processing: PostProcessing
    can_wait: Callable[[], bool]
    """Return whether the audio is prepared in advance, once the text has been read."""
    record_usage: Callable[[Usage], None]
    """Called with each charge of the voice's provider, even after the job has ended."""
    reserve: Callable[[Usage], Reservation]
    """Called before each request of the voice's provider. Raises LimitReachedError."""
    cache: SentenceCache | None
    """Cache for the audio of whole chunks; None if the voice does not use it."""
    is_cache_read: Callable[[], bool]
    """Return whether cached audio may be used, once the text has been read."""


@dataclass(frozen=True, slots=True)
class _Speech:
    """Audio that is being synthesized."""

    audio: AsyncGenerator[AttemptAudio]
    is_single: bool
    """Whether one request has the whole text."""
    is_reply: bool
    """Whether the text is still being written."""


class SpeechPipeline:
    """Synthesis of one job."""

    def __init__(self, provider: Provider, job: SynthesisJob, output: OutputFormat) -> None:
        """Initialize the pipeline of a job."""
        self._provider = provider
        self._job = job
        self._output = output
        self._chain: FallbackChain | None = None
        self._gap_filler = GapFiller()

    @property
    def event_count(self) -> int:
        """Number of events in the report so far; cheaper than the report, to notice that it has changed."""
        return self._chain.event_count if self._chain else 0

    @property
    def report(self) -> SynthesisReport:
        """The result so far."""
        if self._chain is None:
            return SynthesisReport(self._job.name)
        return replace(self._chain.report(), has_gaps=self._gap_filler.has_filled)

    @property
    def _has_fixed_price(self) -> bool:
        """Whether several short requests cost more than a long one."""
        price = self._job.model.price
        return price is not None and price.has_fixed_part

    @property
    def _latency_s(self) -> float | None:
        """Time to the first audio; None if it is unknown or a fallback speaks first."""
        return None if self._job.prefers_fallback() else self._job.stats.latency_s

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

    async def estimate(self, *, reads_cache: bool) -> SynthesisReport:
        """Return the report to expect of a complete text if the voice speaks without an error; no request is sent.

        The provider is assumed to be faster than speech. Raises the exceptions of the text's source.
        """
        job = self._job
        usage = Usage()
        durations_s: list[float] = []
        request, chunker = self._plan(has_audio=lambda: len(durations_s) >= MAX_PARALLEL_REQUESTS)
        cached: list[str] = []
        async with chunker:
            await chunker.wait_for_sentence()
            request = replace(request, format=job.format or self._choose_format(is_single=chunker.is_single_chunk))
            cache = self._cache_for(request, chunker, is_read=reads_cache)
            while (text := await chunker.next(lambda: sum(durations_s))) is not None:
                if cache and cache.has(text):
                    cached.append(text)
                else:
                    usage += replace(request, text=text).estimate
                durations_s.append(estimate_duration_by_letters_s(text) / request.speed)
                await asyncio.sleep(0)  # a long text does not block the event loop
        return SynthesisReport(
            job.name,
            spoken_by=(job.name,),
            usage=usage,
            cached_chunks=len(cached),
            cached_characters=sum(map(len, cached)),
            is_cached=bool(cached) and not usage.requests,
        )

    @asynccontextmanager
    async def _respond(self) -> AsyncGenerator[AudioResponse]:
        async with self._synthesize() as speech, aclosing(speech.audio):
            yield await build_response(
                speech.audio,
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
        """Yield the audio of all chunks as it is."""
        async with self._synthesize() as speech, aclosing(speech.audio):
            async for audio in speech.audio:
                yield audio

    async def _synthesize_as_pcm(self, layout: PcmLayout) -> AsyncGenerator[bytes]:
        """Yield the samples of all chunks in one layout, with gain and loudness applied."""
        async with (
            self._synthesize() as speech,
            aclosing(speech.audio),
            aclosing(self._job.post_processing.apply_gain(speech.audio, layout)) as audio,
            aclosing(join_audio_as_pcm(audio, layout)) as samples,
        ):
            async for block in samples:
                yield block

    @asynccontextmanager
    async def _synthesize(self) -> AsyncGenerator[_Speech]:
        """Read the text, and synthesize its chunks in advance."""
        job = self._job
        request, chunker = self._plan()
        async with chunker:
            await chunker.wait_for_sentence()
            is_single = chunker.is_single_chunk
            is_reply = not chunker.is_complete
            request = replace(request, format=job.format or self._choose_format(is_single=is_single))
            cache = self._cache_for(request, chunker, is_read=is_reply or job.is_cache_read())
            own = ProviderSynthesizer(
                self._provider,
                request,
                self._choose_retry_policy(is_reply=is_reply),
                name=job.name,
                stats=job.stats,
            )
            self._chain = FallbackChain(
                own,
                job.fallbacks,
                prefers_fallback=job.prefers_fallback(),
                fallback_replacements=job.replacements if request.pronunciations else (),
                is_reply=is_reply,
                needs_full_audio=self._output.needs_full_audio,
                cache=cache,
            )
            async with ChunkPrefetcher(
                chunker, self._chain, latency_s=self._latency_s or 0.0, speed=request.speed
            ) as prefetcher:
                yield _Speech(prefetcher.audio(), is_single, is_reply)

    def _plan(self, has_audio: Callable[[], bool] = lambda: False) -> tuple[SynthesisRequest, TextChunker]:
        """Return the request of all chunks, whose text and format are not final, and the chunker of the text.

        `has_audio`: returns whether audio that shows the pace of the voice is assumed, although there is none.
        """
        job, model = self._job, self._job.model
        pronunciations = pronunciations_for(job.replacements, model)
        request = SynthesisRequest(
            text="",
            model=model,
            voice=job.voice,
            format=job.format or model.formats[0],
            settings=job.settings,
            pronunciations=pronunciations,
            record_usage=job.record_usage,
            reserve=job.reserve,
        )
        pace = job.stats.pace(request)
        has_fixed_price = self._has_fixed_price
        early_start = None
        if not has_fixed_price and not self._output.needs_full_audio:
            early_start = EarlyStart(self._latency_s, streams=model.streams, speed=request.speed)
        chunker = TextChunker(
            job.deltas,
            TextCleaner(() if pronunciations else job.replacements, clean=job.clean_text),
            max_chars=min(model.max_chars, job.stats.max_chars or model.max_chars),
            measure=measure_with_pronunciations(pronunciations, model) if pronunciations else model.measure,
            streams=model.streams,
            max_seconds=_MAX_CHUNK_WITH_FALLBACK_S if job.fallbacks else _MAX_CHUNK_S,
            max_sentences=lambda: (
                inf if pace.is_known or has_audio() or has_fixed_price else _MAX_SENTENCES_AT_UNKNOWN_PACE
            ),
            early_start=early_start,
        )
        return request, chunker

    def _cache_for(self, request: SynthesisRequest, chunker: TextChunker, *, is_read: bool) -> VoiceCache | None:
        """Return the cached audio of the voice with the settings of a request, or None if it does not use the cache.

        Chunks then end at cached sentences, with two exceptions. With a price per request, more requests for less text
        would cost more. A complete text stays one request: that words are missing at the end of its audio is less
        certain for short parts.
        """
        job = self._job
        if job.cache is None:
            return None
        cache = job.cache.for_voice(self._provider.identity, request, is_read=is_read)
        if not self._has_fixed_price and not chunker.is_single_chunk:
            chunker.is_cached = cache.has
        return cache

    def _choose_retry_policy(self, *, is_reply: bool) -> RetryPolicy:
        if not is_reply and self._job.can_wait():
            return PATIENT
        if self._job.fallbacks or self._job.expects_fallback:
            return WITH_FALLBACK
        return INTERACTIVE if is_reply or not self._output.is_for_player else ANNOUNCEMENT

    def _choose_format(self, *, is_single: bool) -> AudioFormat:
        """Return the format to request: the player's if it can be passed through or joined, otherwise samples."""
        formats = self._job.model.formats
        usable = [candidate for candidate in formats if is_single or candidate in _JOINABLE]
        if self._job.post_processing.is_set:
            usable = [AudioFormat.MP3] if self._passes_mp3 else []
        accepted = [candidate for candidate in usable if self._output.accepts(candidate)]
        exact = [candidate for candidate in accepted if candidate is self._output.format]
        # The header of a WAV states its layout; servers disagree on the layout of raw samples.
        samples = [candidate for candidate in (AudioFormat.WAV, AudioFormat.PCM) if candidate in formats]
        return [*exact, *accepted, *samples, *formats][0]
