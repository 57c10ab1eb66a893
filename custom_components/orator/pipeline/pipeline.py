"""Text in, a file or stream out: as its receiver wants it, from whatever the provider makes of it."""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from math import inf
from typing import Any, Final

from ..audio import wav
from ..audio.effects import with_effects
from ..audio.formats import AudioFormat, PcmLayout, is_same_container
from ..providers.base import Provider, SpeechAudio, SynthesisRequest
from ..providers.errors import SpeechError
from ..providers.models import Model
from ..text import Replacement, TextCleaner
from .chunker import TextChunker
from .fallback_chain import FallbackChain, ProviderSynthesizer, SynthesisCallbacks, Synthesizer
from .loudness import LoudnessSession
from .output import PcmConstraints, PcmStream, convert_pcm, encode, join_mp3, join_pcm, to_pcm
from .pacing import fill_gaps_with_silence
from .post_processing import DEFAULT_LAYOUT, PostProcessing, encode_lead_in, prefetch, prepend_lead_in
from .prefetch import ChunkPrefetcher
from .pronunciations import ReplacingSynthesizer, count_with_pronunciations, pronunciations_for
from .synthesizer import ANNOUNCEMENT, INTERACTIVE, WITH_FALLBACK, RetryPolicy

_AT_STAKE: Final = 12.0
"""Seconds of speech at most in one request where others can speak: so much is lost when sound breaks off."""
_SILENCE: Final = PcmLayout(rate=24_000)
_SILENCE_SECONDS: Final = 0.3
"""How long nothing is said where there is nothing to say: a file without any sound is an error to some players."""

_FORMATS_BY_EXTENSION: Final[Mapping[str, AudioFormat]] = {
    **{audio_format.value: audio_format for audio_format in AudioFormat},
    "oga": AudioFormat.OGG,
    "raw": AudioFormat.PCM,
}


@dataclass(frozen=True, slots=True)
class SynthesisJob:
    """All that is to be said, and how."""

    deltas: AsyncIterable[str]
    model: Model
    voice: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    format: AudioFormat | None = None
    """What the provider is to be asked for, where that is not to follow from what is wanted."""
    clean_text: bool = True
    replacements: Sequence[Replacement] = ()
    fallback: Sequence[Synthesizer] = ()
    """Who speaks when the provider does not, in this order."""
    prefers_fallback: bool = False
    """Whether the provider is unlikely to speak, so that the others are asked first."""
    patience: float = 10.0
    """Seconds after which the next one is asked as well, when the provider has not begun."""
    finish: PostProcessing = field(default_factory=PostProcessing)
    is_always_truncated: bool = False
    """Whether the voice's sound always ends as if it were cut off."""
    listener: SynthesisCallbacks = field(default_factory=SynthesisCallbacks)


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """What the receiver of the sound asks for. With a wish for its samples, it takes a WAV of unknown length."""

    extension: str
    samples: PcmConstraints = field(default_factory=PcmConstraints)
    is_converted: bool = False
    """Whether Home Assistant converts the sound in any case, to a bitrate for instance."""

    @property
    def is_for_player(self) -> bool:
        """Whether it goes to a player or into a file, rather than to a satellite, at which somebody waits."""
        return self.samples.is_open

    @property
    def needs_full_audio(self) -> bool:
        """Whether its length stands at its beginning, so that all of it has to be there before any is heard."""
        return self.format is AudioFormat.WAV and self.accepts(AudioFormat.WAV)

    @property
    def format(self) -> AudioFormat | None:
        """The format behind the extension, None where Orator does not know it."""
        return _FORMATS_BY_EXTENSION.get(self.extension)

    def accepts(self, audio_format: AudioFormat) -> bool:
        """Tell whether sound of a format needs no conversion."""
        is_open = self.samples.is_open and not self.is_converted
        return is_open and self.format is not None and is_same_container(audio_format, self.format)


@dataclass(frozen=True, slots=True)
class SynthesisReport:
    """Who has been heard."""

    own: bool
    """Whether the utterance's own voice was."""
    others: bool
    """Whether others were in its place."""
    has_gaps: bool = False
    """Whether silence was, while speech was waited for."""


@dataclass(frozen=True, slots=True)
class AudioResponse:
    """The bytes of a file, and which kind of file they make. Where it is not the wanted one, it has to be converted."""

    extension: str
    chunks: AsyncGenerator[bytes]
    heard: Callable[[], SynthesisReport] = lambda: SynthesisReport(own=False, others=False)
    """Tells who has been heard so far."""


@asynccontextmanager
async def synthesize_speech(
    provider: Provider, utterance: SynthesisJob, wanted: OutputFormat, ffmpeg: str
) -> AsyncGenerator[AudioResponse]:
    """Give what is spoken while the context lasts; leaving it cancels what is under way.

    That is once its first sound is there or, where something is done to the sound on its way out, at once: what it will
    be follows from what is wanted then, and a chime does not wait for speech.

    `ffmpeg` is the program that decodes what can't be joined otherwise. Raises SpeechError, and so do the chunks.
    """
    if utterance.finish.is_set:
        async with _finished(provider, utterance, wanted, ffmpeg) as delivery, aclosing(delivery.chunks):
            yield delivery
        return
    async with (
        _performed(provider, utterance, wanted) as performance,
        aclosing(performance.parts) as parts,
    ):
        delivery = await _delivery(
            parts, wanted, ffmpeg, is_single=performance.is_single, is_streamed=performance.is_streamed
        )
        async with aclosing(delivery.chunks):
            yield replace(delivery, heard=performance.heard)


@dataclass(frozen=True, slots=True)
class _Performance:
    """An utterance that is being spoken."""

    parts: AsyncGenerator[SpeechAudio]
    cast: FallbackChain
    own: Synthesizer
    is_single: bool
    """Whether all is said in one request."""
    is_streamed: bool
    """Whether the text is still being written."""

    def heard(self) -> SynthesisReport:
        """Tell who has been heard so far."""
        return SynthesisReport(self.own in self.cast.heard, bool(self.cast.heard - {self.own}))


@asynccontextmanager
async def _performed(provider: Provider, utterance: SynthesisJob, wanted: OutputFormat) -> AsyncGenerator[_Performance]:
    """Let an utterance be spoken while the context lasts."""
    model = utterance.model
    pronunciations = pronunciations_for(utterance.replacements, model)
    replacements = () if pronunciations else utterance.replacements
    segmenter = TextChunker(
        utterance.deltas,
        TextCleaner(replacements, clean=utterance.clean_text),
        max_chars=model.max_chars,
        count=count_with_pronunciations(pronunciations, model) if pronunciations else model.count,
        streams=model.streams,
        max_seconds=_AT_STAKE if utterance.fallback else inf,
    )
    async with segmenter:
        is_single = await segmenter.is_single_chunk()
        is_streamed = not segmenter.is_complete
        asked = replace(wanted, is_converted=True) if utterance.finish.is_set else wanted
        request = SynthesisRequest(
            text="",
            model=model,
            voice=utterance.voice,
            format=utterance.format or _format_to_ask_for(model, asked, is_single=is_single),
            settings=utterance.settings,
            pronunciations=pronunciations,
            record_usage=utterance.listener.spent,
        )
        persistence = _persistence(utterance, wanted, is_streamed=is_streamed)
        own = ProviderSynthesizer(provider, request, persistence, utterance.patience, utterance.is_always_truncated)
        stand_ins = [ReplacingSynthesizer(speaker, utterance.replacements) for speaker in utterance.fallback]
        others = stand_ins if pronunciations else utterance.fallback
        speakers = [*others, own] if utterance.prefers_fallback else [own, *others]
        cast = FallbackChain(
            own, speakers, utterance.listener, is_reply=is_streamed, needs_full_audio=wanted.needs_full_audio
        )
        async with ChunkPrefetcher(cast, segmenter) as synthesizer, aclosing(synthesizer.parts()) as parts:
            yield _Performance(parts, cast, own, is_single, is_streamed)


@asynccontextmanager
async def _finished(
    provider: Provider, utterance: SynthesisJob, wanted: OutputFormat, ffmpeg: str
) -> AsyncGenerator[AudioResponse]:
    """Give speech with its effects, as samples within, while the context lasts."""
    finish = utterance.finish
    wished = wanted.samples.applied_to(utterance.model.pcm or DEFAULT_LAYOUT)
    layout = finish.layout_for(wished)
    performances: list[_Performance] = []
    gaps: list[bool] = []

    def heard() -> SynthesisReport:
        so_far = performances[0].heard() if performances else SynthesisReport(own=False, others=False)
        return replace(so_far, has_gaps=bool(gaps))

    async def speech(lesson: LoudnessSession | None) -> AsyncGenerator[bytes]:
        async with (
            _performed(provider, utterance, wanted) as performance,
            aclosing(finish.levelled(performance.parts, layout, ffmpeg, lesson)) as parts,
        ):
            performances.append(performance)
            first = await anext(parts, None)
            wish = PcmConstraints.of(layout)
            samples = await to_pcm(first, wish, ffmpeg) if first else PcmStream(_SILENCE, _silence())
            async with aclosing(join_pcm(samples, parts, layout, ffmpeg)) as chunks:
                async for chunk in chunks:
                    yield chunk

    async with finish.lesson(layout) as lesson, prefetch(speech(lesson)) as spoken:
        if finish.effects.chime_before and wanted.accepts(AudioFormat.MP3):
            lead = await encode_lead_in(finish.effects, layout, ffmpeg)
            rest = with_effects(spoken, layout, replace(finish.effects, lead_in=0.0, chime_before=None))
            joined = join_mp3(*prepend_lead_in(lead, PcmStream(layout, rest)), ffmpeg)
            yield AudioResponse(wanted.extension, joined, heard)
            return
        chunks = with_effects(spoken, layout, finish.effects)
        if layout != wished:
            chunks = convert_pcm(PcmStream(layout, chunks), wished, ffmpeg)
        if not wanted.samples.is_open:  # silence in what Home Assistant would keep is told, and then it does not
            chunks = fill_gaps_with_silence(chunks, wished, tell=partial(gaps.append, True))  # noqa: FBT003
        yield replace(_in_file(PcmStream(wished, chunks), wanted, ffmpeg), heard=heard)


def _persistence(utterance: SynthesisJob, wanted: OutputFormat, *, is_streamed: bool) -> RetryPolicy:
    """Choose how long the provider is tried: who waits for an answer waits less long than who is told something."""
    if utterance.fallback:
        return WITH_FALLBACK
    return INTERACTIVE if is_streamed or not wanted.is_for_player else ANNOUNCEMENT


def _format_to_ask_for(model: Model, wanted: OutputFormat, *, is_single: bool) -> AudioFormat:
    """Choose the format of all requests: the wanted one where it can be passed on or joined, else samples."""
    joinable = (AudioFormat.MP3, AudioFormat.WAV, AudioFormat.PCM)
    possible = [candidate for candidate in model.formats if is_single or candidate in joinable]
    same = [candidate for candidate in possible if wanted.accepts(candidate)]
    exact = [candidate for candidate in same if candidate is wanted.format]
    # A WAV says itself how its samples lie; of raw ones, servers only assume that everyone knows.
    samples = [candidate for candidate in (AudioFormat.WAV, AudioFormat.PCM) if candidate in model.formats]
    return [*exact, *same, *samples, *model.formats][0]


async def _delivery(
    parts: AsyncGenerator[SpeechAudio], wanted: OutputFormat, ffmpeg: str, *, is_single: bool, is_streamed: bool
) -> AudioResponse:
    """Choose how to join the parts by what the first of them is, whatever was asked for."""
    first = await anext(parts, None)
    if first is None:
        return _delivered_samples(PcmStream(_SILENCE, _silence()), parts, wanted, ffmpeg, is_streamed=False)
    if wanted.accepts(first.format):
        if is_single and first.format not in (AudioFormat.WAV, AudioFormat.PCM):
            return AudioResponse(wanted.extension, _whole(first, parts))
        if first.format is AudioFormat.MP3:
            return AudioResponse(wanted.extension, join_mp3(first, parts, ffmpeg))
    samples = await to_pcm(first, wanted.samples, ffmpeg)
    return _delivered_samples(samples, parts, wanted, ffmpeg, is_streamed=is_streamed)


def _delivered_samples(
    first: PcmStream, parts: AsyncIterator[SpeechAudio], wanted: OutputFormat, ffmpeg: str, *, is_streamed: bool
) -> AudioResponse:
    """Deliver raw samples, a WAV of true length to who keeps it, or one that streams to who converts or plays it."""
    layout = wanted.samples.applied_to(first.layout)
    samples = join_pcm(first, parts, layout, ffmpeg)
    # Home Assistant keeps what is spoken of a complete text: no silence may get into that.
    is_live = is_streamed and not wanted.samples.is_open
    return _in_file(PcmStream(layout, fill_gaps_with_silence(samples, layout) if is_live else samples), wanted, ffmpeg)


def _in_file(samples: PcmStream, wanted: OutputFormat, ffmpeg: str) -> AudioResponse:
    """Make a file of samples that lie as wanted: one that streams, where it is not to be of true length."""
    if wanted.format is AudioFormat.PCM:
        return AudioResponse(wanted.extension, samples.chunks)
    if wanted.format is AudioFormat.AAC:  # Home Assistant can't make it
        return AudioResponse(wanted.extension, encode(samples, AudioFormat.AAC, ffmpeg))
    if wanted.needs_full_audio:
        return AudioResponse(AudioFormat.WAV, _wav_file(samples))
    return AudioResponse(AudioFormat.WAV, _wav_stream(samples, is_played=wanted.format is AudioFormat.WAV))


async def _whole(only: SpeechAudio, parts: AsyncGenerator[SpeechAudio]) -> AsyncGenerator[bytes]:
    """Yield the only part untouched, and raise what broke it off."""
    async for chunk in only.chunks:
        yield chunk
    await anext(parts, None)


async def _wav_file(samples: PcmStream) -> AsyncGenerator[bytes]:
    """Yield a WAV with its true length, which is known at the end of the samples. Raises what ends them too early."""
    chunks: list[bytes] = []
    error: SpeechError | None = None
    async with aclosing(samples.chunks):
        try:
            async for chunk in samples.chunks:
                chunks.append(chunk)  # noqa: PERF401 - a comprehension would lose them with the error
        except SpeechError as err:  # better some of it than nothing
            error = err
    if chunks:
        yield wav.header(samples.layout, sum(map(len, chunks)))
    for chunk in chunks:
        yield chunk
    if error:
        raise error


async def _wav_stream(samples: PcmStream, *, is_played: bool) -> AsyncGenerator[bytes]:
    """Yield a WAV of unknown length, at once for a converter, which begins to run then.

    One that `is_played` as it is begins with its first sample, so that without any there is an error and no file.
    """
    head = wav.header(samples.layout)
    async with aclosing(samples.chunks):
        if not is_played:
            yield head
            head = b""
        async for chunk in samples.chunks:
            yield head + chunk
            head = b""


async def _silence() -> AsyncGenerator[bytes]:
    yield bytes(int(_SILENCE.byte_rate * _SILENCE_SECONDS))
