"""Damaged audio: its intact part is passed on, or the documented error is raised."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress

from hypothesis import strategies as st
import pytest

from custom_components.orator.audio.formats import RECOGNITION_BYTES, AudioFormat, PcmLayout, detect_format
from custom_components.orator.audio.mp3 import MalformedMp3Error, Mp3FormatChangedError, Mp3Joiner
from custom_components.orator.audio.pcm import can_resample
from custom_components.orator.audio.resampler import Resampler
from custom_components.orator.audio.wav import MalformedWavError, WavReader
from custom_components.orator.pipeline.convert import PcmConstraints, to_pcm
from custom_components.orator.pipeline.output import join_mp3, join_pcm
from custom_components.orator.providers.audio_responses import detect_audio
from custom_components.orator.providers.base import SpeechAudio
from custom_components.orator.providers.errors import NotAudioError
from tests.support.signals import frames

from .fuzzing import fuzzed
from .samples import COMPRESSED, MP3S, SAMPLES, WAVS
from .strategies import bytes_like, divisions, split_at

FILES = MP3S + WAVS + COMPRESSED


def join(parts: list[bytes], cuts: list[int]) -> tuple[bytes, list[str]]:
    """Return the joined mp3 stream of several parts, and the names of the errors."""
    joiner, stream, failures = Mp3Joiner(), b"", []
    for part in parts:
        try:
            for piece in split_at(part, cuts):
                stream += joiner.feed(piece)
            stream += joiner.end_part()
        except (MalformedMp3Error, Mp3FormatChangedError) as err:
            failures.append(type(err).__name__)
    return stream, failures


def read(stream: bytes, cuts: list[int]) -> tuple[bytes, PcmLayout | None, str]:
    """Return the samples of a WAV, their layout, and the error message if there is one."""
    reader, samples = WavReader(), b""
    try:
        for piece in split_at(stream, cuts):
            samples += reader.feed(piece)
        reader.finish()
    except MalformedWavError as err:
        return samples, reader.layout, str(err)
    return samples, reader.layout, ""


@fuzzed(50, parts=st.lists(bytes_like(MP3S), min_size=1, max_size=3), cuts=divisions())
def test_mp3(parts: list[bytes], cuts: list[int]) -> None:
    """The joined stream consists of frames of the input, the same for any division of it."""
    stream, failures = join(parts, [])
    assert len(stream) <= sum(map(len, parts))
    assert failures or list(frames(stream))
    assert join(parts, cuts) == (stream, failures)


@fuzzed(80, stream=bytes_like(WAVS), cuts=divisions())
def test_wav(stream: bytes, cuts: list[int]) -> None:
    """Whole samples are returned, at most twice the size of the input, the same for any division of it."""
    samples, layout, failure = read(stream, [])
    assert len(samples) <= 2 * len(stream)
    assert layout or not samples
    assert not layout or len(samples) % layout.frame_size == 0
    assert read(stream, cuts) == (samples, layout, failure)


@fuzzed(25, stream=bytes_like(WAVS), rate=st.sampled_from([8_000, 16_000, 22_050, 48_000]), cuts=divisions())
def test_resampled_wav(stream: bytes, rate: int, cuts: list[int]) -> None:
    """Any sample rate in a header is resampled or rejected, the same for any division of the input."""
    samples, layout, _ = read(stream, [])
    if layout is None or not can_resample(layout, PcmLayout(rate)):
        return
    whole, pieces = Resampler(layout, PcmLayout(rate)), Resampler(layout, PcmLayout(rate))
    resampled = whole.feed(samples) + whole.finish()
    assert len(resampled) <= (len(samples) * rate / layout.rate / layout.channels + 4)
    assert b"".join([*map(pieces.feed, split_at(samples, cuts)), pieces.finish()]) == resampled


async def stream_of(pieces: list[bytes]) -> AsyncGenerator[bytes]:
    """Yield chunks."""
    for piece in pieces:
        yield piece


@fuzzed(
    60,
    body=bytes_like([*FILES, b'{"a": 1}' * 3, b"<html></html>" * 2, SAMPLES, b" " * 20 + b"{}"]),
    requested=st.sampled_from(list(AudioFormat)),
    content_type=st.sampled_from(["", "audio/mpeg", "application/json", "text/html", "audio/pcm"]),
    cuts=divisions(),
)
async def test_recognition(body: bytes, requested: AudioFormat, content_type: str, cuts: list[int]) -> None:
    """A body is recognized as the same format for any division of it, and passed on completely."""
    found = []
    for pieces in ([body] if body else [], split_at(body, cuts)):
        try:
            audio = await detect_audio(stream_of(pieces), requested, content_type, PcmLayout(24_000))
        except NotAudioError:
            found.append(None)
        else:
            found.append(audio.format)
            assert b"".join([piece async for piece in audio.data]) == body
            assert audio.format is AudioFormat.PCM or detect_format(body[:RECOGNITION_BYTES])
    assert found[0] is found[1]


async def _as_samples(audio: SpeechAudio, following: AsyncGenerator[SpeechAudio]) -> AsyncGenerator[bytes]:
    first = await to_pcm(audio, PcmConstraints(rate=16_000))
    async for piece in join_pcm(first, following, PcmLayout(16_000)):
        yield piece


def _as_mp3(audio: SpeechAudio, following: AsyncGenerator[SpeechAudio]) -> AsyncGenerator[bytes]:
    return join_mp3(audio, following)


@pytest.mark.parametrize("convert", [_as_samples, _as_mp3])
@fuzzed(8, bodies=st.lists(bytes_like(FILES), min_size=1, max_size=2), cuts=divisions())
async def test_conversion(
    convert: Callable[[SpeechAudio, AsyncGenerator[SpeechAudio]], AsyncGenerator[bytes]],
    bodies: list[bytes],
    cuts: list[int],
) -> None:
    """Damaged parts are joined and converted, or rejected, in bounded time."""

    def audio_of(body: bytes) -> SpeechAudio:
        return SpeechAudio(
            detect_format(body) or AudioFormat.MP3, stream_of(split_at(body, cuts if len(cuts) > 1 else []))
        )

    async def following() -> AsyncGenerator[SpeechAudio]:
        for body in bodies[1:]:
            yield audio_of(body)

    size = 0
    async with asyncio.timeout(30):
        with suppress(NotAudioError):
            async for piece in convert(audio_of(bodies[0]), following()):
                size += len(piece)
    assert size < 40_000_000
