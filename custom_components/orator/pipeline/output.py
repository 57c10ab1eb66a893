"""The sound of several segments -> one stream of one format."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace
import logging
from typing import Final, Self

from ..audio.ffmpeg import ConversionError, convert
from ..audio.formats import AudioFormat, PcmLayout
from ..audio.mp3 import MalformedMp3Error, Mp3FormatChangedError, Mp3Joiner
from ..audio.pcm import Resampler, align_to_frames, split_into_blocks
from ..audio.wav import MalformedWavError, unwrapped
from ..providers.audio_response import prepend
from ..providers.base import SpeechAudio
from ..providers.errors import NotAudioError

_LOGGER = logging.getLogger(__name__)

_DECODED: Final = PcmLayout(rate=24_000)
"""What compressed sound is decoded to where nobody wishes for anything else: what most models make."""
_MP3_SLICE: Final = 16_384
"""How many bytes are joined before others get their turn."""


@dataclass(frozen=True, slots=True)
class PcmConstraints:
    """How a receiver wants its samples; None where it takes any."""

    rate: int | None = None
    channels: int | None = None
    width: int | None = None

    @classmethod
    def of(cls, layout: PcmLayout) -> Self:
        """Return the wish for a layout."""
        return cls(layout.rate, layout.channels, layout.width)

    @property
    def is_open(self) -> bool:
        """Whether the receiver takes any samples."""
        return self == PcmConstraints()

    def applied_to(self, layout: PcmLayout) -> PcmLayout:
        """Return what a layout becomes by this wish; no speaker has use for more than two channels of speech."""
        return PcmLayout(self.rate or layout.rate, self.channels or min(layout.channels, 2), self.width or layout.width)


@dataclass(frozen=True, slots=True)
class PcmStream:
    """Sound as raw samples."""

    layout: PcmLayout
    chunks: AsyncGenerator[bytes]


async def join_mp3(first: SpeechAudio, following: AsyncIterator[SpeechAudio], ffmpeg: str) -> AsyncGenerator[bytes]:
    """Join parts at their frames; a part of another kind is made like the first, which is mp3.

    Raises NotAudioError where a part turns out to have no sound.
    """
    joiner = Mp3Joiner()
    audio: SpeechAudio | None = first
    while audio:
        async with aclosing(_mp3_part(joiner, audio, ffmpeg)) as chunks:
            async for chunk in chunks:
                yield chunk
        audio = await anext(following, None)


async def to_pcm(audio: SpeechAudio, wish: PcmConstraints, ffmpeg: str) -> PcmStream:
    """Take the samples out of sound of any format, as it arrives. They are not yet as wished.

    Raises NotAudioError where a header promises samples and there are none.
    """
    if audio.format is AudioFormat.PCM and audio.pcm:
        return PcmStream(audio.pcm, audio.chunks)
    if audio.format is AudioFormat.WAV:
        return await _samples_of_wav(audio, wish, ffmpeg)
    layout = wish.applied_to(_DECODED)
    return PcmStream(layout, _converted(audio, AudioFormat.PCM, layout, ffmpeg))


async def join_pcm(
    first: PcmStream, following: AsyncIterator[SpeechAudio], layout: PcmLayout, ffmpeg: str
) -> AsyncGenerator[bytes]:
    """Yield the samples of all parts in one layout."""
    wish = PcmConstraints.of(layout)
    samples = first
    while True:
        async with aclosing(convert_pcm(samples, layout, ffmpeg)) as chunks:
            async for chunk in chunks:
                yield chunk
        audio = await anext(following, None)
        if audio is None:
            return
        samples = await to_pcm(audio, wish, ffmpeg)


async def _mp3_part(joiner: Mp3Joiner, audio: SpeechAudio, ffmpeg: str) -> AsyncGenerator[bytes]:
    """Yield one part's share of a joined mp3."""
    fed: list[bytes] = []
    async with aclosing(audio.chunks):
        if audio.format is AudioFormat.MP3:
            try:
                async for joined in _fed(joiner, audio.chunks, fed):
                    yield joined
            except Mp3FormatChangedError:
                audio = replace(audio, chunks=prepend(b"".join(fed), audio.chunks))
            else:
                return
        async with aclosing(_as_mp3(audio, joiner, ffmpeg)) as converted:
            async for joined in _fed(joiner, converted, []):
                yield joined


async def _fed(joiner: Mp3Joiner, chunks: AsyncIterator[bytes], fed: list[bytes]) -> AsyncGenerator[bytes]:
    """Yield what a joiner makes of a part; `fed` gets what it took before it made anything."""
    try:
        async for chunk in chunks:
            if joiner.part_format is None:
                fed.append(chunk)
            for start in range(0, len(chunk), _MP3_SLICE):
                await asyncio.sleep(0)  # a part that waits in memory would be joined without a break
                if joined := joiner.feed(chunk[start : start + _MP3_SLICE]):
                    yield joined
        if joined := joiner.end_part():
            yield joined
    except MalformedMp3Error as err:
        raise NotAudioError from err


def _as_mp3(audio: SpeechAudio, joiner: Mp3Joiner, ffmpeg: str) -> AsyncGenerator[bytes]:
    """Convert a part to mp3 that can follow what has been joined."""
    layout = PcmLayout(joiner.format.rate, joiner.format.channels) if joiner.format else _DECODED
    return _converted(audio, AudioFormat.MP3, layout, ffmpeg)


def encode(samples: PcmStream, target: AudioFormat, ffmpeg: str) -> AsyncGenerator[bytes]:
    """Make a file of samples. Raises NotAudioError where ffmpeg can't."""
    return _converted(SpeechAudio(AudioFormat.PCM, samples.chunks, samples.layout), target, samples.layout, ffmpeg)


async def _converted(audio: SpeechAudio, target: AudioFormat, layout: PcmLayout, ffmpeg: str) -> AsyncGenerator[bytes]:
    """Let ffmpeg make another format of sound. Raises NotAudioError where it can't."""
    converted = convert(
        audio.chunks, binary=ffmpeg, source=audio.format, source_pcm=audio.pcm, target=target, target_pcm=layout
    )
    try:
        async with aclosing(converted):
            async for chunk in converted:
                yield chunk
    except ConversionError as err:
        _LOGGER.debug("ffmpeg did not convert %s to %s: %s", audio.format, target, err.log)
        raise NotAudioError(code="ffmpeg") from err


async def _samples_of_wav(audio: SpeechAudio, wish: PcmConstraints, ffmpeg: str) -> PcmStream:
    """Read up to the first sample, to know how they lie; what is not plain samples is decoded."""
    try:
        layout, chunks = await unwrapped(audio.chunks)
    except MalformedWavError as err:
        raise NotAudioError from err
    if layout:
        return PcmStream(layout, _well_formed(chunks))
    layout = wish.applied_to(_DECODED)
    return PcmStream(layout, _converted(replace(audio, chunks=chunks), AudioFormat.PCM, layout, ffmpeg))


async def _well_formed(samples: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """Yield the samples of a WAV. Raises NotAudioError where that is malformed."""
    try:
        async with aclosing(samples):
            async for chunk in samples:
                yield chunk
    except MalformedWavError as err:
        raise NotAudioError from err


async def convert_pcm(samples: PcmStream, layout: PcmLayout, ffmpeg: str) -> AsyncGenerator[bytes]:
    """Bring samples to a layout: by ourselves at once, or with ffmpeg where they lie in an unusual way."""
    if samples.layout == layout:
        async with aclosing(align_to_frames(samples.chunks, layout)) as frames:
            async for frame in frames:
                yield frame
        return
    try:
        resampler = Resampler(samples.layout, layout)
    except ValueError:
        audio = SpeechAudio(AudioFormat.PCM, samples.chunks, samples.layout)
        chunks = align_to_frames(_converted(audio, AudioFormat.PCM, layout, ffmpeg), layout)
    else:
        chunks = _resampled(samples, resampler)
    async with aclosing(chunks):
        async for chunk in chunks:
            yield chunk


async def _resampled(samples: PcmStream, resampler: Resampler) -> AsyncGenerator[bytes]:
    """Resample a block at a time, so that the event loop is never kept for long."""
    async with aclosing(split_into_blocks(samples.chunks, samples.layout)) as blocks:
        async for block in blocks:
            if resampled := resampler.feed(block):
                yield resampled
        if rest := resampler.finish():
            yield rest
