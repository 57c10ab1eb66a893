"""Post-processing of speech for a room: chimes and silence around it, gain and loudness."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from ..audio.effects import Effects, lead_in_and_chime
from ..audio.formats import AudioFormat, PcmLayout
from ..audio.pcm import Resampler
from ..providers.base import SpeechAudio
from .convert import DEFAULT_LAYOUT, PcmStream, encode
from .loudness import LoudnessTracker, adjust_loudness

_MAX_PREFETCHED_CHUNKS: Final = 4
"""Chunks of speech that wait for a chime to end; more of them wait at their source."""
_MAX_ENCODED_LEAD_INS: Final = 8
_encoded_lead_ins: dict[tuple[Effects, PcmLayout], bytes] = {}
"""The last lead-ins and chimes as mp3, 16 kB per second."""


@dataclass(frozen=True, slots=True)
class PostProcessing:
    """What is done to speech before it is handed to the player."""

    effects: Effects = field(default_factory=Effects)
    gain_db: float = 0.0
    loudness: float | None = None
    """Target in LUFS for every voice."""
    loudness_tracker: LoudnessTracker = field(default_factory=LoudnessTracker)

    @property
    def is_set(self) -> bool:
        """Whether there is anything to do."""
        return self.effects != Effects() or self._changes_level

    @property
    def _changes_level(self) -> bool:
        return self.loudness is not None or self.gain_db != 0

    def adjust(self, audio: AsyncGenerator[SpeechAudio], layout: PcmLayout, ffmpeg: str) -> AsyncGenerator[SpeechAudio]:
        """Yield audio at the right level, untouched if that is its own."""
        if not self._changes_level:
            return audio
        return adjust_loudness(
            audio, layout, ffmpeg, gain_db=self.gain_db, target=self.loudness, tracker=self.loudness_tracker
        )

    def layout_near(self, wanted: PcmLayout) -> PcmLayout:
        """Return the nearest layout that chimes and gain can be applied in."""
        layout = PcmLayout(wanted.rate, min(wanted.channels, 2))
        try:
            for chime in self.effects.chimes:
                Resampler(chime.layout, layout)
        except ValueError:
            return DEFAULT_LAYOUT
        return layout


async def encode_lead_in(effects: Effects, layout: PcmLayout, ffmpeg: str) -> bytes:
    """Return what precedes speech as mp3, from a cache if possible: starting ffmpeg takes longer than a chime may wait.

    Raises NotAudioError if ffmpeg fails.
    """
    key = (replace(effects, chime_after=None, tail=0.0), layout)
    encoded = _encoded_lead_ins.pop(key, None)
    if encoded is None:
        stream = PcmStream(layout, _lead_in(effects, layout))
        encoded = b"".join([chunk async for chunk in encode(stream, AudioFormat.MP3, ffmpeg)])
    _encoded_lead_ins[key] = encoded
    while len(_encoded_lead_ins) > _MAX_ENCODED_LEAD_INS:
        del _encoded_lead_ins[next(iter(_encoded_lead_ins))]
    return encoded


async def _lead_in(effects: Effects, layout: PcmLayout) -> AsyncGenerator[bytes]:
    for block in lead_in_and_chime(layout, effects):
        yield block
        await asyncio.sleep(0)


@asynccontextmanager
async def prefetch(chunks: AsyncGenerator[bytes]) -> AsyncGenerator[AsyncGenerator[bytes]]:
    """Read chunks in the background, before the listener takes any; leaving the context stops that."""
    queue: asyncio.Queue[bytes] = asyncio.Queue(_MAX_PREFETCHED_CHUNKS)

    async def fill() -> None:
        try:
            async for chunk in chunks:
                await queue.put(chunk)
        finally:
            await chunks.aclose()
            queue.shutdown()

    async def prefetched() -> AsyncGenerator[bytes]:
        while True:
            try:
                yield await queue.get()
            except asyncio.QueueShutDown:
                break
        await filling  # raises what interrupted the chunks

    filling = asyncio.create_task(fill(), name="orator prefetches speech")
    try:
        yield prefetched()
    finally:
        filling.cancel()
        await asyncio.gather(filling, return_exceptions=True)
