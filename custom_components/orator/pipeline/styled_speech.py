"""The audio of each part of a text: chunks in their styles, pauses and clips."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Protocol

from ..audio.effects import Chime, UnusableChimeError, make_silence
from ..audio.formats import AudioFormat, PcmLayout, stream_of
from ..audio.pcm import blocks_of
from ..text import PLAIN, Clip, Pause, Replacement, SpeechStyle, StyledText, is_speakable
from .attempt import AttemptAudio
from .chunk_audio import ChunkAudio
from .chunker import estimate_duration_by_letters_s
from .convert import DEFAULT_LAYOUT
from .fallback_chain import FallbackChain
from .report import JobRecord
from .sentence_cache import VoiceCache
from .styles import AudioChanges
from .synthesizer import NamedVoice, Synthesizer
from .text_runs import TextChunk

type FindVoice = Callable[[str], NamedVoice | None]
"""Function that returns the voice with a name in a text, or None if only a voice of the same model can have it."""
type LoadClip = Callable[[str], Awaitable[Chime | None]]
"""Function that returns the recording with a source in a text, or None if it is not there at the moment.

It raises UnusableChimeError if the recording cannot be played at any time.
"""


class PartAudio(Protocol):
    """The audio of a part of a text."""

    def audio(self) -> AsyncGenerator[AttemptAudio]:
        """Yield the audio once it has begun, in several parts if it breaks off. Raises SpeechError."""

    async def synthesize(self) -> None:
        """Request the audio."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainSettings:
    """What the fallback chains of a job have in common."""

    fallbacks: Sequence[Synthesizer]
    prefers_fallback: bool
    """Whether the fallbacks come before the job's own voice."""
    fallback_replacements: Sequence[Replacement]
    is_reply: bool
    needs_full_audio: bool
    has_markup: bool


class StyledSpeech:
    """The voices of a job in the styles of its text, and the clips in it."""

    def __init__(  # noqa: PLR0913 - the voices, and what they need
        self,
        own: Synthesizer,
        settings: ChainSettings,
        *,
        speed: float,
        find_cache: Callable[[SpeechStyle, tuple[StyledText, ...]], VoiceCache | None],
        find_voice: FindVoice,
        load_clip: LoadClip,
    ) -> None:
        """Initialize the voices; `own` is the voice of text without a style, and `speed` its setting.

        `find_cache` returns the cached audio of the job's own voice in a style, with words in styles of their own.
        """
        self.record = JobRecord(own)
        self._own = own
        self._settings = settings
        self._speed = speed
        self._find_cache = find_cache
        self._find_voice = find_voice
        self._load_clip = load_clip
        self._chains: dict[tuple[SpeechStyle, tuple[StyledText, ...]], FallbackChain] = {}

    def create(self, part: TextChunk | Pause | Clip) -> PartAudio:
        """Return the audio of a part, which is not requested yet."""
        match part:
            case Pause():
                return RecordedAudio(make_silence(DEFAULT_LAYOUT, part.seconds), DEFAULT_LAYOUT)
            case Clip():
                return ClipAudio(self, part)
            case TextChunk():
                return ChunkAudio(self.chain(part.style, part.words), part.text)

    def estimate_duration_s(self, part: TextChunk | Pause | Clip) -> float:
        """Return the approximate duration of a part."""
        return estimate_duration_s(part, self._speed)

    def chain(self, style: SpeechStyle, words: tuple[StyledText, ...] = ()) -> FallbackChain:
        """Return the voices for text in a style, with words in styles of their own."""
        chain = self._chains.get((style, words))
        if chain is None:
            chain = self._chains[style, words] = self._create_chain(style, words)
        return chain

    async def load_clip(self, source: str) -> Chime | None:
        """Return a recording, or None if it cannot be played."""
        try:
            recording = await self._load_clip(source)
        except UnusableChimeError:
            return None
        if recording is None:
            self.record.record_missing_clip()
        return recording

    def _create_chain(self, style: SpeechStyle, words: tuple[StyledText, ...]) -> FallbackChain:
        """Create the chain of the job's own voice, or of another one that it and its fallbacks replace."""
        settings = self._settings
        named = self._find_voice(style.voice)
        if named:
            style = replace(style, voice="")

        def apply(voice: Synthesizer) -> Synthesizer:
            return voice if style == PLAIN and not words else voice.with_style(style, words)

        first = own = apply(self._own)
        others = [apply(one) for one in settings.fallbacks if named is None or one.name != named.name]
        if named:
            first = apply(named)
            others = [*others, own] if settings.prefers_fallback else [own, *others]
        return FallbackChain(
            first,
            others,
            prefers_fallback=settings.prefers_fallback and named is None,
            fallback_replacements=settings.fallback_replacements,
            is_reply=settings.is_reply,
            needs_full_audio=settings.needs_full_audio,
            has_audio_tags=settings.has_markup and first.understands_audio_tags,
            cache=None if named else self._find_cache(style, words),
            record=self.record,
        )


def estimate_duration_s(part: TextChunk | Pause | Clip, speed: float) -> float:
    """Return the approximate duration of a part; `speed` is the setting of the voice."""
    match part:
        case Pause():
            return part.seconds
        case Clip():
            return 0.0  # unknown until it is loaded, and short
        case TextChunk():
            return estimate_duration_by_letters_s(part.text) / (speed * part.style.rate)


class RecordedAudio:
    """Audio that exists already: silence, or a recording."""

    def __init__(self, samples: bytes, layout: PcmLayout, gain_db: float = 0.0) -> None:
        """Initialize the audio with 16-bit samples."""
        self._samples = samples
        self._layout = layout
        self._gain_db = gain_db

    async def synthesize(self) -> None:
        """Do nothing."""

    async def audio(self) -> AsyncGenerator[AttemptAudio]:
        """Yield the audio."""
        yield AttemptAudio(
            AudioFormat.PCM,
            stream_of(*blocks_of(self._samples, self._layout)),
            self._layout,
            loudness_key="",
            changes=AudioChanges(gain_db=self._gain_db),
        )


class ClipAudio:
    """The audio of a clip, or of its fallback if it cannot be played."""

    def __init__(self, speech: StyledSpeech, clip: Clip) -> None:
        """Initialize the audio of a clip; `synthesize` loads it."""
        self._speech = speech
        self._clip = clip
        self._parts: asyncio.Queue[PartAudio] = asyncio.Queue()

    async def synthesize(self) -> None:
        """Load the clip, or speak its fallback."""
        try:
            if recording := await self._speech.load_clip(self._clip.source):
                self._parts.put_nowait(RecordedAudio(recording.samples, recording.layout, self._clip.gain_db))
            elif is_speakable(self._clip.fallback):
                fallback = self._speech.create(TextChunk(self._clip.fallback, self._clip.style))
                self._parts.put_nowait(fallback)
                await fallback.synthesize()
        finally:
            self._parts.shutdown()

    async def audio(self) -> AsyncGenerator[AttemptAudio]:
        """Yield the audio. Raises SpeechError if no voice speaks the fallback."""
        while True:
            try:
                part = await self._parts.get()
            except asyncio.QueueShutDown:
                return
            async with aclosing(part.audio()) as parts:
                async for audio in parts:
                    yield audio
