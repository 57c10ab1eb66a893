"""Turn the text of one job into an audio response: clean, split, synthesize, join, post-process."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import Final

from ..audio.formats import AudioFormat, PcmLayout
from ..providers.base import Provider, SpeechAudio
from ..providers.models import Usage
from .attempt import AttemptAudio
from .job import SynthesisJob
from .output import AudioResponse, GapFiller, OutputFormat, build_response, join_audio_as_pcm
from .plan import SpeechPlan
from .prefetch import MAX_PARALLEL_REQUESTS, ChunkPrefetcher, prefetch_first
from .report import JobRecord, SynthesisReport
from .styled_speech import ChainSettings, StyledSpeech, estimate_duration_s
from .synthesizer import ANNOUNCEMENT, INTERACTIVE, PATIENT, WITH_FALLBACK, ProviderSynthesizer, RetryPolicy
from .text_runs import TextChunk

_JOINABLE: Final = (AudioFormat.MP3, AudioFormat.WAV, AudioFormat.PCM)
"""Formats whose chunks can be joined."""
_ENCODER_DELAY_S: Final = 0.02
"""Time to send the request before an encoder is started, which keeps the interpreter busy for milliseconds."""


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

    async def estimate(self, *, reads_cache: bool) -> SynthesisReport:
        """Return the report to expect of a complete text if the voice speaks without an error; no request is sent.

        The provider is assumed to be faster than speech. Raises the exceptions of the text's source.
        """
        usage = Usage()
        chunks = 0
        durations_s: list[float] = []
        cached: list[str] = []
        plan = self._plan(has_audio=lambda: chunks >= MAX_PARALLEL_REQUESTS)
        async with plan.chunker as chunker:
            await chunker.wait_for_sentence()
            plan.begin(self._choose_format(plan), reads_cache=reads_cache)
            while (part := await chunker.next(lambda: sum(durations_s))) is not None:
                if isinstance(part, TextChunk):
                    chunks += 1
                    if plan.is_cached(part):
                        cached.append(part.text)
                    else:
                        usage += plan.estimate(part)
                durations_s.append(estimate_duration_s(part, plan.request.speed))
                await asyncio.sleep(0)  # a long text does not block the event loop
        return SynthesisReport(
            self._job.name,
            spoken_by=(self._job.name,),
            usage=usage,
            cached_chunks=len(cached),
            cached_characters=sum(map(len, cached)),
            is_cached=bool(cached) and not usage.requests,
        )

    @asynccontextmanager
    async def _respond(self) -> AsyncGenerator[AudioResponse]:
        layout = self._job.post_processing.layout_for(self._job.model, self._output.pcm)
        async with self._synthesize() as speech, aclosing(self._apply_gain(speech, layout)) as audio:
            # Inserted silence must not be cached, and Home Assistant caches the audio of complete texts.
            gap_filler = self._gap_filler if speech.is_reply and not self._output.is_for_player else None
            if speech.reference_key is None:
                yield await build_response(audio, self._output, is_single=speech.is_single, gap_filler=gap_filler)
            else:
                async with self._respond_with_samples(audio, layout, gap_filler) as response:
                    yield response

    @asynccontextmanager
    async def _respond_with_samples(
        self, audio: AsyncGenerator[SpeechAudio], layout: PcmLayout, gap_filler: GapFiller | None
    ) -> AsyncGenerator[AudioResponse]:
        """Yield the response once the first audio has arrived; an encoder is started once the request is sent."""
        has_begun = asyncio.Event()
        error: Exception | None = None

        async def parts() -> AsyncGenerator[SpeechAudio]:
            nonlocal error
            try:
                async for part in audio:
                    has_begun.set()
                    yield part
            except Exception as err:
                error = err
                raise
            finally:
                has_begun.set()

        async with prefetch_first(join_audio_as_pcm(parts(), layout)) as samples:
            with suppress(TimeoutError):
                await asyncio.wait_for(has_begun.wait(), _ENCODER_DELAY_S)
            post_processing = self._job.post_processing
            response = await post_processing.build_response(samples, self._job.model, self._output, gap_filler)
            async with prefetch_first(response.data) as data:
                await has_begun.wait()
                if error:
                    raise error
                yield replace(response, data=data)

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
        job, plan = self._job, self._plan()
        async with plan.chunker as chunker:
            await chunker.wait_for_sentence()
            is_single = chunker.is_single_chunk
            is_reply = not chunker.is_complete
            plan.begin(self._choose_format(plan), reads_cache=is_reply or job.is_cache_read())
            own = ProviderSynthesizer(
                self._provider,
                plan.request,
                self._choose_retry_policy(is_reply=is_reply),
                name=job.name,
                stats=job.stats,
            )
            settings = ChainSettings(
                fallbacks=job.fallbacks,
                prefers_fallback=job.prefers_fallback(),
                fallback_replacements=job.replacements if plan.request.pronunciations else (),
                is_reply=is_reply,
                needs_full_audio=self._output.needs_full_audio,
                has_markup=plan.has_markup,
            )
            speech = StyledSpeech(
                own,
                settings,
                speed=plan.request.speed,
                find_cache=plan.find_cache,
                find_voice=plan.find_voice,
                load_clip=job.load_clip,
            )
            self._record = speech.record
            reference_key = own.loudness_key if plan.has_markup else None
            async with ChunkPrefetcher(chunker, speech, latency_s=plan.latency_s or 0.0) as prefetcher:
                yield _Speech(prefetcher.audio(), is_single, is_reply, reference_key)

    def _plan(self, has_audio: Callable[[], bool] = lambda: False) -> SpeechPlan:
        return SpeechPlan(
            self._provider, self._job, needs_full_audio=self._output.needs_full_audio, has_audio=has_audio
        )

    def _choose_retry_policy(self, *, is_reply: bool) -> RetryPolicy:
        if not is_reply and self._job.can_wait():
            return PATIENT
        if self._job.fallbacks or self._job.expects_fallback:
            return WITH_FALLBACK
        return INTERACTIVE if is_reply or not self._output.is_for_player else ANNOUNCEMENT

    def _choose_format(self, plan: SpeechPlan) -> AudioFormat:
        """Return the format to request: the job's or the player's if it can be passed through or joined, or samples."""
        if self._job.format:
            return self._job.format
        formats = self._job.model.formats
        is_single = plan.chunker.is_single_chunk
        usable = [candidate for candidate in formats if is_single or candidate in _JOINABLE]
        if self._job.post_processing.is_set:
            usable = [AudioFormat.MP3] if self._passes_mp3 else []
        if plan.has_markup:
            usable = []
        accepted = [candidate for candidate in usable if self._output.accepts(candidate)]
        exact = [candidate for candidate in accepted if candidate is self._output.format]
        # The header of a WAV states its layout; servers disagree on the layout of raw samples.
        samples = [candidate for candidate in (AudioFormat.WAV, AudioFormat.PCM) if candidate in formats]
        return [*exact, *accepted, *samples, *formats][0]
