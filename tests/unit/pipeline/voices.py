"""Voices whose audio is a tone, and listening to them."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import batched
from types import MappingProxyType
from typing import Any, cast

import numpy as np

from custom_components.orator.audio import wav
from custom_components.orator.audio.effects import Chime
from custom_components.orator.audio.formats import AudioFormat, PcmLayout
from custom_components.orator.pipeline import AudioChanges, VoicePace
from custom_components.orator.pipeline.chunk_audio import ChunkAudio
from custom_components.orator.pipeline.fallback_chain import FallbackChain
from custom_components.orator.pipeline.sentence_cache import VoiceCache
from custom_components.orator.pipeline.styled_speech import ChainSettings, StyledSpeech
from custom_components.orator.providers.base import SpeechAudio
from custom_components.orator.providers.errors import SpeechError
from custom_components.orator.providers.models import Usage
from tests.support.signals import run_ffmpeg

LAYOUT = PcmLayout(8_000)


@dataclass(frozen=True)
class Response:
    """The audio of a request."""

    seconds: float
    silence_s: float = 0.0
    missing_s: float = 0.0
    """Duration that the header of the WAV states in addition."""
    error: SpeechError | None = None
    format: AudioFormat = AudioFormat.WAV

    def encode(self) -> bytes:
        """Return the audio as a file."""
        tone = np.sin(np.arange(int(self.seconds * LAYOUT.rate)) * 0.3) * 8000
        samples = tone.astype("<i2").tobytes() + bytes(2 * int(self.silence_s * LAYOUT.rate))
        if self.format is AudioFormat.MP3:
            return run_ffmpeg("-f", "s16le", "-ar", "8000", "-i", "-", "-b:a", "32k", "-f", "mp3", "-", given=samples)
        return wav.make_header(LAYOUT, len(samples) + 2 * int(self.missing_s * LAYOUT.rate)) + samples


@dataclass(eq=False, kw_only=True)
class SimulatedVoice:
    """Base of simulated voices: what the fallback chain reads of a voice, and the texts that were requested."""

    pace: VoicePace = field(default_factory=VoicePace)
    has_false_truncations: bool = False
    name: str = "voice"
    loudness_key: str = "voice"
    hedge_delay_s: float = 6.0
    understands_audio_tags: bool = False
    usage: Usage = field(default_factory=Usage)
    changes: AudioChanges = field(default_factory=AudioChanges)
    requests: list[str] = field(default_factory=list)

    @property
    def origin(self) -> Any:
        """Return the voice without a style."""
        return self

    def divide(self, text: str) -> list[str]:
        """Return the whole text."""
        return [text]


@dataclass(eq=False)
class Voice(SimulatedVoice):
    """A voice whose audio is a tone of the length that `respond` returns for a text."""

    respond: Callable[[str], Response]

    @asynccontextmanager
    async def synthesize(self, text: str, *, is_reply: bool) -> AsyncGenerator[SpeechAudio]:  # noqa: ARG002
        """Yield the audio of a text."""
        self.requests.append(text)
        response = self.respond(text)

        async def data() -> AsyncGenerator[bytes]:
            for block in batched(response.encode(), 4_000, strict=False):
                yield bytes(block)
                await asyncio.sleep(0)  # the listener hears it
            if response.error:
                raise response.error

        yield SpeechAudio(response.format, data(), None)


def create_speech(
    own: SimulatedVoice,
    *fallbacks: SimulatedVoice,
    named: Mapping[str, SimulatedVoice] = MappingProxyType({}),
    clips: Mapping[str, Chime] = MappingProxyType({}),
    speed: float = 1.0,
    prefers_fallback: bool = False,
) -> StyledSpeech:
    """Return the speech of a job whose text may name other voices and clips."""

    async def load_clip(source: str) -> Chime | None:
        return clips.get(source)

    settings = ChainSettings(
        fallbacks=cast(Any, fallbacks),
        prefers_fallback=prefers_fallback,
        fallback_replacements=(),
        has_markup=False,
        is_reply=True,
        needs_full_audio=False,
    )
    return StyledSpeech(
        cast(Any, own),
        settings,
        speed=speed,
        find_cache=lambda _, __: None,
        find_voice=cast(Any, named.get),
        load_clip=load_clip,
    )


async def listen(
    text: str, *voices: Voice, needs_full_audio: bool = False, cache: VoiceCache | None = None
) -> FallbackChain:
    """Hear the audio of a text."""
    own, *fallbacks = cast(list[Any], list(voices))
    chain = FallbackChain(
        own,
        fallbacks,
        prefers_fallback=False,
        fallback_replacements=(),
        is_reply=False,
        needs_full_audio=needs_full_audio,
        cache=cache,
    )
    chunk = ChunkAudio(chain, text)

    async def hear() -> None:
        async for audio in chunk.audio():
            async for _ in audio.data:
                pass

    await asyncio.gather(hear(), chunk.synthesize())
    return chain
