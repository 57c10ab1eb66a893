"""Convert audio in any format to PCM in one layout, and encode PCM."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
import logging
from typing import Final, Self

from ..audio.conversion import convert, load_resampler
from ..audio.formats import AudioFormat, ConversionError, PcmLayout
from ..audio.pcm import align_to_frames, can_resample, split_into_blocks
from ..audio.wav import MalformedWavError, open_wav
from ..providers.base import SpeechAudio
from ..providers.errors import NotAudioError

_LOGGER = logging.getLogger(__name__)

DEFAULT_LAYOUT: Final = PcmLayout(rate=24_000)
"""The layout if the player states none: that of most models."""


@dataclass(frozen=True, slots=True)
class PcmConstraints:
    """The sample layout that a satellite asks for; None stands for any value."""

    rate: int | None = None
    channels: int | None = None
    width: int | None = None

    @classmethod
    def of(cls, layout: PcmLayout) -> Self:
        """Return constraints that only this layout meets."""
        return cls(layout.rate, layout.channels, layout.width)

    @property
    def is_any(self) -> bool:
        """Whether any layout is accepted."""
        return self == PcmConstraints()

    def apply(self, layout: PcmLayout) -> PcmLayout:
        """Return the nearest accepted layout, with at most two channels unless more are asked for."""
        return PcmLayout(self.rate or layout.rate, self.channels or min(layout.channels, 2), self.width or layout.width)


@dataclass(frozen=True, slots=True)
class PcmStream:
    """Raw samples."""

    layout: PcmLayout
    samples: AsyncGenerator[bytes]


async def to_pcm(audio: SpeechAudio, constraints: PcmConstraints) -> PcmStream:
    """Return the samples of audio in any format as they arrive, in their own layout.

    This function and iterating raise NotAudioError if a WAV is malformed or has no data chunk, or if the audio
    cannot be decoded.
    """
    audio = await _unwrap_wav(audio)
    if audio.format is AudioFormat.PCM and audio.pcm_layout:
        return PcmStream(audio.pcm_layout, audio.data)
    layout = constraints.apply(DEFAULT_LAYOUT)
    return PcmStream(layout, _run_conversion(audio, AudioFormat.PCM, layout))


async def convert_pcm(stream: PcmStream, layout: PcmLayout) -> AsyncGenerator[bytes]:
    """Yield samples in another layout. Unusual layouts are converted in a thread."""
    if stream.layout == layout:
        samples = align_to_frames(stream.samples, layout)
    elif can_resample(stream.layout, layout):
        samples = _resample(stream, layout)
    else:
        audio = SpeechAudio(AudioFormat.PCM, stream.samples, stream.layout)
        samples = align_to_frames(_run_conversion(audio, AudioFormat.PCM, layout), layout)
    async with aclosing(samples):
        async for block in samples:
            yield block


def stretch_pcm(stream: PcmStream, tempo: float) -> PcmStream:
    """Return samples at another speed and the same pitch."""
    audio = SpeechAudio(AudioFormat.PCM, stream.samples, stream.layout)
    return PcmStream(stream.layout, _run_conversion(audio, AudioFormat.PCM, stream.layout, tempo))


def encode(stream: PcmStream, target: AudioFormat) -> AsyncGenerator[bytes]:
    """Encode samples. Raises NotAudioError if the audio cannot be decoded."""
    audio = SpeechAudio(AudioFormat.PCM, stream.samples, stream.layout)
    return _run_conversion(audio, target, stream.layout)


async def transcode(audio: SpeechAudio, target: AudioFormat, layout: PcmLayout) -> AsyncGenerator[bytes]:
    """Convert audio to another format. Raises NotAudioError if a WAV is malformed, or if decoding fails."""
    async with aclosing(audio.data):
        unwrapped = await _unwrap_wav(audio, code="ffmpeg")
        async with aclosing(_run_conversion(unwrapped, target, layout)) as converted:
            async for block in converted:
                yield block


async def _run_conversion(
    audio: SpeechAudio, target: AudioFormat, layout: PcmLayout, tempo: float = 1.0
) -> AsyncGenerator[bytes]:
    """Yield audio as converted. Raises NotAudioError if the audio cannot be decoded."""
    converted = convert(
        audio.data,
        source=audio.format,
        source_pcm=audio.pcm_layout,
        target=target,
        target_pcm=layout,
        tempo=tempo,
    )
    try:
        async with aclosing(converted):
            async for block in converted:
                yield block
    except ConversionError as err:
        _LOGGER.debug("Failed to convert %s to %s: %s", audio.format, target, err)
        raise NotAudioError(code="ffmpeg") from err


async def _unwrap_wav(audio: SpeechAudio, code: str | None = None) -> SpeechAudio:
    """Return the samples of a WAV, or the audio as it is if it is no WAV or only libav can read it.

    This function and iterating raise NotAudioError with the code if the WAV is malformed.
    """
    if audio.format is not AudioFormat.WAV:
        return audio

    async def read() -> AsyncGenerator[bytes]:
        try:
            async with aclosing(data):
                async for block in data:
                    yield block
        except MalformedWavError as err:
            raise NotAudioError(code=code) from err

    try:
        layout, data = await open_wav(audio.data)
    except MalformedWavError as err:
        raise NotAudioError(code=code) from err
    return SpeechAudio(AudioFormat.PCM, read(), layout) if layout else replace(audio, data=data)


async def _resample(stream: PcmStream, layout: PcmLayout) -> AsyncGenerator[bytes]:
    """Yield samples in another layout; `can_resample` must be true."""
    resampler = (await load_resampler())(stream.layout, layout)
    async with aclosing(split_into_blocks(stream.samples, stream.layout)) as blocks:
        async for block in blocks:
            if resampled := resampler.feed(block):
                yield resampled
    if rest := resampler.finish():
        yield rest
