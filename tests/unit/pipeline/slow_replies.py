"""Replies of slow language models, spoken by a simulated voice in virtual time."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
import re
from typing import Final

from custom_components.orator.audio.formats import AudioFormat, PcmLayout
from custom_components.orator.pipeline.early_start import LETTERS_PER_S, EarlyStart, count_letters_of_speech
from custom_components.orator.pipeline.prefetch import ChunkPrefetcher
from custom_components.orator.providers.base import SpeechAudio
from tests.support.virtual_time import run_in_virtual_time

from .chunks import create_chunker
from .voices import SimulatedVoice, create_speech

LAYOUT: Final = PcmLayout(8_000)
FLOOR_S: Final = 0.3
GATE_CHARS: Final = 60
"""Characters after which Home Assistant starts to stream a reply."""
_TOKEN: Final = re.compile(r"\s?\w{1,6}|\s?[^\w\s]|\s")
_BLOCK_S: Final = 0.1


@dataclass(eq=False)
class Voice(SimulatedVoice):
    """A voice with a constant latency that sends audio at ten times the pace of speech."""

    latency_s: float = FLOOR_S
    latency_per_s: float = 0.0
    """Further latency for each second of speech, of a model that does not stream."""
    speed: float = 1.0
    hedge_delay_s: float = 60.0

    @asynccontextmanager
    async def synthesize(self, text: str, *, is_reply: bool) -> AsyncGenerator[SpeechAudio]:  # noqa: ARG002
        """Yield the audio of a text."""
        self.requests.append(text)
        seconds = count_letters_of_speech(text) / LETTERS_PER_S / self.speed
        await asyncio.sleep(self.latency_s + self.latency_per_s * seconds)

        async def data() -> AsyncGenerator[bytes]:
            for _ in range(max(1, round(seconds / _BLOCK_S))):
                yield b"\x10\x27" * int(LAYOUT.rate * _BLOCK_S)
                await asyncio.sleep(_BLOCK_S / 10)

        yield SpeechAudio(AudioFormat.PCM, data(), LAYOUT)


@dataclass(frozen=True)
class Heard:
    """What a listener hears of a reply."""

    chunks: list[str]
    gate_s: float
    """Time at which Home Assistant starts to stream."""
    first_audio_s: float
    silence_s: float
    """Silence within the reply."""


def split_into_tokens(text: str) -> list[str]:
    """Return a text in pieces of the size of a language model's tokens."""
    return _TOKEN.findall(text)


async def write_through_gate(
    tokens: Sequence[str], intervals_s: Sequence[float], gate: asyncio.Event
) -> AsyncGenerator[str]:
    """Yield tokens with an interval after each, the first 60 characters at once, as Home Assistant's pipeline does."""
    queue: asyncio.Queue[str] = asyncio.Queue()

    async def write() -> None:
        chars = 0
        for token, interval_s in zip(tokens, intervals_s, strict=True):
            queue.put_nowait(token)
            chars += len(token)
            if chars > GATE_CHARS:
                gate.set()
            await asyncio.sleep(interval_s)
        queue.shutdown()
        gate.set()

    writer = asyncio.create_task(write())
    await gate.wait()
    held = []
    while not queue.empty():
        held.append(queue.get_nowait())
    yield "".join(held)
    while True:
        try:
            yield await queue.get()
        except asyncio.QueueShutDown:
            break
    await writer


async def _hear(
    parts: Sequence[str], intervals_s: Sequence[float], voice: Voice, early_start: EarlyStart | None, *, streams: bool
) -> Heard:
    loop = asyncio.get_running_loop()
    gate = asyncio.Event()
    gate_s = 0.0

    async def watch() -> None:
        nonlocal gate_s
        await gate.wait()
        gate_s = loop.time()

    watcher = asyncio.create_task(watch())
    speech = create_speech(voice, speed=voice.speed)
    first, plays_until, silence = 0.0, 0.0, 0.0
    chunker = create_chunker(write_through_gate(parts, intervals_s, gate), early_start=early_start, streams=streams)
    async with chunker:
        await chunker.wait_for_sentence()
        latency_s = (early_start.latency_s if early_start else None) or 0.0
        async with ChunkPrefetcher(chunker, speech, latency_s=latency_s) as prefetcher:
            async for audio in prefetcher.audio():
                async for block in audio.data:
                    now = loop.time()
                    if not first:
                        first = plays_until = now
                    silence += max(0.0, now - plays_until)
                    plays_until = max(plays_until, now) + len(block) / 2 / LAYOUT.rate
    await watcher
    return Heard(voice.requests, gate_s, first, silence)


def hear(
    text: str,
    words_per_s: float,
    voice: Voice | None = None,
    early_start: EarlyStart | None = EarlyStart(FLOOR_S, streams=True),  # noqa: B008 - immutable
    *,
    streams: bool = True,
) -> Heard:
    """Hear a reply that a language model writes at a pace."""
    tokens = split_into_tokens(text)
    interval_s = len(text.split()) / words_per_s / len(tokens)
    return run_in_virtual_time(
        _hear(tokens, [interval_s] * len(tokens), voice or Voice(), early_start, streams=streams)
    )


def hear_parts(parts: Sequence[str], intervals_s: Sequence[float], early_start: EarlyStart | None) -> Heard:
    """Hear a reply that arrives in parts, with an interval after each."""
    return run_in_virtual_time(_hear(parts, intervals_s, Voice(), early_start, streams=True))
