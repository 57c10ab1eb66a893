"""Post-processing of speech: chimes and silence before and after it, gain and loudness."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from ..audio.effects import Effects, amplify, lead_in_and_chime
from ..audio.formats import AudioFormat, PcmLayout
from ..audio.loudness import LoudnessMeter
from ..audio.pcm import can_resample
from ..providers.base import SpeechAudio
from .attempt import AttemptAudio
from .convert import DEFAULT_LAYOUT, PcmConstraints, PcmStream, convert_pcm, encode, to_pcm
from .loudness import LoudnessTracker

_MAX_ENCODED_LEAD_INS: Final = 8
_encoded_lead_ins: dict[tuple[Effects, PcmLayout], bytes] = {}
"""The most recent lead-ins and chimes as mp3, which takes 16 kB per second."""


@dataclass(frozen=True, slots=True)
class PostProcessing:
    """Changes to speech before the player receives it."""

    effects: Effects = field(default_factory=Effects)
    gain_db: float = 0.0
    loudness: float | None = None
    """Target in LUFS for every voice."""
    loudness_tracker: LoudnessTracker = field(default_factory=LoudnessTracker)

    @property
    def is_set(self) -> bool:
        """Whether any post-processing is on."""
        return self.effects != Effects() or self._changes_level

    @property
    def _changes_level(self) -> bool:
        return self.loudness is not None or self.gain_db != 0

    async def adjust(
        self, audio: AsyncGenerator[AttemptAudio], layout: PcmLayout, ffmpeg: str
    ) -> AsyncGenerator[SpeechAudio]:
        """Yield audio as amplified samples of a layout, or untouched if neither gain nor loudness is set.

        The gain of a voice stays the same within a job, so that its level does not change audibly. With a loudness
        target, the voices are measured before the gain and added to the tracker at the end. Raises NotAudioError.
        """
        gains: dict[str, float] = {}
        meters: dict[str, LoudnessMeter] = {}
        async for speech in audio:
            if not self._changes_level:
                yield speech
                continue
            key = speech.loudness_key
            if key not in gains:
                gains[key] = self._gain_for(key)
            meter = meters.setdefault(key, LoudnessMeter(layout)) if self.loudness is not None else None
            stream = await to_pcm(speech, PcmConstraints.of(layout), ffmpeg)
            samples = amplify(convert_pcm(stream, layout, ffmpeg), layout, gains[key], meter)
            yield SpeechAudio(AudioFormat.PCM, samples, layout)
        for key, meter in meters.items():
            self.loudness_tracker.add(key, meter.result())

    def _gain_for(self, loudness_key: str) -> float:
        """Return the gain in dB for a voice."""
        if self.loudness is None:
            return self.gain_db
        return self.gain_db + self.loudness_tracker.get(loudness_key).gain_to(self.loudness)

    def layout_near(self, output: PcmLayout) -> PcmLayout:
        """Return the layout nearest to the output's in which chimes and gain can be applied."""
        layout = PcmLayout(output.rate, min(output.channels, 2))
        is_supported = all(can_resample(chime.layout, layout) for chime in self.effects.chimes)
        return layout if is_supported else DEFAULT_LAYOUT


async def encode_lead_in(effects: Effects, layout: PcmLayout, ffmpeg: str) -> bytes:
    """Return the lead-in and the chime as mp3, cached if possible because ffmpeg takes too long to start.

    Raises NotAudioError if ffmpeg fails.
    """
    key = (replace(effects, chime_after=None, tail_s=0.0), layout)
    encoded = _encoded_lead_ins.pop(key, None)
    if encoded is None:
        stream = PcmStream(layout, _lead_in(effects, layout))
        encoded = b"".join([block async for block in encode(stream, AudioFormat.MP3, ffmpeg)])
    _encoded_lead_ins[key] = encoded
    while len(_encoded_lead_ins) > _MAX_ENCODED_LEAD_INS:
        del _encoded_lead_ins[next(iter(_encoded_lead_ins))]
    return encoded


async def _lead_in(effects: Effects, layout: PcmLayout) -> AsyncGenerator[bytes]:
    for block in lead_in_and_chime(layout, effects):
        yield block
        await asyncio.sleep(0)


@asynccontextmanager
async def prefetch_first(samples: AsyncGenerator[bytes]) -> AsyncGenerator[AsyncGenerator[bytes]]:
    """Request the first samples before the listener reads any; leaving the context closes `samples`."""
    first = asyncio.ensure_future(anext(samples, None))

    async def started() -> AsyncGenerator[bytes]:
        block = await first
        while block is not None:
            yield block
            block = await anext(samples, None)

    async with aclosing(samples):
        try:
            yield started()
        finally:
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
