"""What is done to speech on its way out, in one pass over samples: chimes and silence around it, another level."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Final

from ..audio.effects import Effects, amplify, lead_in_and_chime
from ..audio.formats import AudioFormat, PcmLayout
from ..audio.pcm import Resampler
from ..providers.base import SpeechAudio
from .loudness import LoudnessSession, LoudnessTracker, track_loudness
from .output import PcmConstraints, PcmStream, convert_pcm, encode, to_pcm

DEFAULT_LAYOUT: Final = PcmLayout(rate=24_000)
"""What speech with effects is brought to where nobody wishes for anything else: what most models make."""
_AHEAD: Final = 4
"""Chunks of speech that wait for a chime to end; more of them wait where they are made."""

_MAX_LEADS: Final = 8
_leads: dict[tuple[Effects, PcmLayout], bytes] = {}
"""What comes before speech as mp3, the last ones that were asked for: 16 kB a second."""


@dataclass(frozen=True, slots=True)
class PostProcessing:
    """What is done to speech before it is handed on."""

    effects: Effects = field(default_factory=Effects)
    gain_db: float = 0.0
    loudness: float | None = None
    """LUFS to which every voice is brought, whoever speaks."""
    loudness_tracker: LoudnessTracker = field(default_factory=LoudnessTracker)

    @property
    def is_set(self) -> bool:
        """Whether anything is done at all."""
        return self.effects != Effects() or self.changes_level

    @property
    def changes_level(self) -> bool:
        """Whether speech becomes louder or quieter."""
        return self.loudness is not None or self.gain_db != 0

    def lesson(self, layout: PcmLayout) -> AbstractAsyncContextManager[LoudnessSession | None]:
        """Give what learns how loud the speakers are, where they are all to be at one level."""
        return nullcontext() if self.loudness is None else track_loudness(self.loudness_tracker, layout)

    async def levelled(
        self, parts: AsyncIterator[SpeechAudio], layout: PcmLayout, ffmpeg: str, overhearing: LoudnessSession | None
    ) -> AsyncGenerator[SpeechAudio]:
        """Yield sound at the right level, in samples of this layout; as it is where nothing is to be changed.

        Everybody's gain stays the same until all is said. Raises NotAudioError for what can't be decoded.
        """
        gains: dict[str, float] = {}
        async for part in parts:
            if not self.changes_level:
                yield part
                continue
            samples = await to_pcm(part, PcmConstraints.of(layout), ffmpeg)
            chunks = convert_pcm(samples, layout, ffmpeg)
            gain = gains.setdefault(part.speaker, self._gain_of(part.speaker))
            if overhearing:
                chunks = overhearing.overheard(chunks, part.speaker)
            yield SpeechAudio(AudioFormat.PCM, amplify(chunks, layout, gain), layout)
        if overhearing:
            overhearing.is_over = True

    def _gain_of(self, speaker: str) -> float:
        """Return by how many dB somebody becomes louder."""
        if self.loudness is None:
            return self.gain_db
        return self.gain_db + self.loudness_tracker.of(speaker).gain_to(self.loudness)

    def layout_for(self, wished: PcmLayout) -> PcmLayout:
        """Return the samples in which this can be done, as near as possible to those that are wished for."""
        layout = PcmLayout(wished.rate, min(wished.channels, 2))
        try:
            for chime in self.effects.chimes:
                Resampler(chime.layout, layout)
        except ValueError:
            return DEFAULT_LAYOUT
        return layout


async def encode_lead_in(effects: Effects, layout: PcmLayout, ffmpeg: str) -> bytes:
    """Return what comes before speech as mp3: at once where it was asked for before, for no program starts as soon.

    Raises NotAudioError where ffmpeg can't make it.
    """
    lead = replace(effects, chime_after=None, tail=0.0)
    made = _leads.pop((lead, layout), None)
    if made is None:
        pieces = PcmStream(layout, _pieces(lead, layout))
        made = b"".join([chunk async for chunk in encode(pieces, AudioFormat.MP3, ffmpeg)])
    _leads[lead, layout] = made
    while len(_leads) > _MAX_LEADS:
        del _leads[next(iter(_leads))]
    return made


async def _pieces(lead: Effects, layout: PcmLayout) -> AsyncGenerator[bytes]:
    for piece in lead_in_and_chime(layout, lead):
        yield piece
        await asyncio.sleep(0)


def prepend_lead_in(lead: bytes, samples: PcmStream) -> tuple[SpeechAudio, AsyncGenerator[SpeechAudio]]:
    """Return as parts what is played first and what follows it."""

    async def one[Thing](thing: Thing) -> AsyncGenerator[Thing]:
        yield thing

    speech = SpeechAudio(AudioFormat.PCM, samples.chunks, samples.layout)
    return SpeechAudio(AudioFormat.MP3, one(lead)), one(speech)


@asynccontextmanager
async def prefetch(chunks: AsyncGenerator[bytes]) -> AsyncGenerator[AsyncGenerator[bytes]]:
    """Let sound be made from now on, whether or not anybody listens yet; leaving the context ends that."""
    queue: asyncio.Queue[bytes] = asyncio.Queue(_AHEAD)

    async def make() -> None:
        try:
            async for chunk in chunks:
                await queue.put(chunk)
        finally:
            await chunks.aclose()
            queue.shutdown()

    async def made() -> AsyncGenerator[bytes]:
        while True:
            try:
                yield await queue.get()
            except asyncio.QueueShutDown:
                break
        await making  # raises what went wrong

    making = asyncio.create_task(make(), name="orator speaks ahead")
    try:
        yield made()
    finally:
        making.cancel()
        await asyncio.gather(making, return_exceptions=True)
