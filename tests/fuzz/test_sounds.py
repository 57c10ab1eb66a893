"""Sound that is damaged: what is sound of it is passed on, and the rest is the documented error."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress

from hypothesis import strategies as st
import pytest

from custom_components.orator.audio.formats import RECOGNITION_BYTES, AudioFormat, PcmLayout, detect_format
from custom_components.orator.audio.mp3 import MalformedMp3Error, Mp3FormatChangedError, Mp3Joiner
from custom_components.orator.audio.pcm import Resampler
from custom_components.orator.audio.wav import MalformedWavError, WavReader, header
from custom_components.orator.pipeline.convert import PcmConstraints, to_pcm
from custom_components.orator.pipeline.output import join_mp3, join_pcm
from custom_components.orator.providers.audio_response import detect_audio
from custom_components.orator.providers.base import SpeechAudio
from custom_components.orator.providers.errors import NotAudioError
from tests.unit.audio.signals import bare_mp3, encode, ffmpeg, frames, mp3, voice
from tests.unit.audio.test_mp3 import ID3V1, ape, id3v2
from tests.unit.audio.test_wav import LIST, chunk, description, extensible, riff

from .damage import bytes_like, divided, divisions
from .effort import fuzzed

SPOKEN = voice(24_000, 1, 0.1)
MP3S = [
    bare_mp3(24_000, 1, "cbr", seconds=0.2),
    mp3(24_000, 1, "vbr", seconds=0.2),
    mp3(44_100, 2, "id3v1", seconds=0.1),
    id3v2(300, has_footer=True) + bare_mp3(24_000, 1, "cbr", seconds=0.1) + ape(bytes(40)) + ID3V1,
]
WAVS = [
    header(PcmLayout(24_000), len(SPOKEN)) + SPOKEN,
    header(PcmLayout(48_000, 2)) + SPOKEN,
    riff(LIST, description(), LIST, chunk(b"data", SPOKEN), LIST),
    riff(description(3, bits=32), chunk(b"data", SPOKEN)),
    riff(extensible(1, 24), chunk(b"data", SPOKEN, 0)),
    riff(description(bits=8, channels=2), chunk(b"data", SPOKEN, 0x7FFFFFFF)),
]
OTHERS = [
    encode(SPOKEN, 24_000, 1, "-c:a", "flac", "-f", "flac"),
    encode(SPOKEN, 24_000, 1, "-c:a", "aac", "-f", "adts"),
    encode(SPOKEN, 24_000, 1, "-c:a", "libopus", "-f", "ogg"),
]
SOUNDS = MP3S + WAVS + OTHERS


def joined(parts: list[bytes], cuts: list[int]) -> tuple[bytes, list[str]]:
    """Return one stream of several parts of mp3, and the names of the errors that there were."""
    joiner, made, failures = Mp3Joiner(), b"", []
    for part in parts:
        try:
            for piece in divided(part, cuts):
                made += joiner.feed(piece)
            made += joiner.end_part()
        except (MalformedMp3Error, Mp3FormatChangedError) as err:
            failures.append(type(err).__name__)
    return made, failures


def read(stream: bytes, cuts: list[int]) -> tuple[bytes, PcmLayout | None, str]:
    """Return the samples of a WAV, how they lie, and the name of the error in which it ends."""
    reader, made = WavReader(), b""
    try:
        for piece in divided(stream, cuts):
            made += reader.feed(piece)
        reader.finish()
    except MalformedWavError as err:
        return made, reader.layout, str(err)
    return made, reader.layout, ""


@fuzzed(50, parts=st.lists(bytes_like(MP3S), min_size=1, max_size=3), cuts=divisions())
def test_mp3(parts: list[bytes], cuts: list[int]) -> None:
    """Frames leave, no more bytes than came, and the same ones however they came."""
    made, failures = joined(parts, [])
    assert len(made) <= sum(map(len, parts))
    assert failures or list(frames(made))
    assert joined(parts, cuts) == (made, failures)


@fuzzed(80, stream=bytes_like(WAVS), cuts=divisions())
def test_wav(stream: bytes, cuts: list[int]) -> None:
    """Whole samples leave, at most twice as many bytes as came, and the same ones however they came."""
    samples, layout, failure = read(stream, [])
    assert len(samples) <= 2 * len(stream)
    assert layout or not samples
    assert not layout or len(samples) % layout.frame_size == 0
    assert read(stream, cuts) == (samples, layout, failure)


@fuzzed(25, stream=bytes_like(WAVS), rate=st.sampled_from([8_000, 16_000, 22_050, 48_000]), cuts=divisions())
def test_resampled_wav(stream: bytes, rate: int, cuts: list[int]) -> None:
    """What a header claims decides about the filter, which is small or not made at all."""
    samples, layout, _ = read(stream, [])
    if layout is None:
        return
    try:
        whole, pieces = Resampler(layout, PcmLayout(rate)), Resampler(layout, PcmLayout(rate))
    except ValueError:
        return
    made = whole.feed(samples) + whole.finish()
    assert len(made) <= (len(samples) * rate / layout.rate / layout.channels + 4)
    assert b"".join([*map(pieces.feed, divided(samples, cuts)), pieces.finish()]) == made


async def arriving(pieces: list[bytes]) -> AsyncGenerator[bytes]:
    """Yield bytes one after the other."""
    for piece in pieces:
        yield piece


@fuzzed(
    60,
    body=bytes_like([*SOUNDS, b'{"a": 1}' * 3, b"<html></html>" * 2, SPOKEN, b" " * 20 + b"{}"]),
    promised=st.sampled_from(list(AudioFormat)),
    claimed=st.sampled_from(["", "audio/mpeg", "application/json", "text/html", "audio/pcm"]),
    cuts=divisions(),
)
async def test_recognition(body: bytes, promised: AudioFormat, claimed: str, cuts: list[int]) -> None:
    """A body is sound or it is not, however it comes; nothing of it is lost."""
    found = []
    for pieces in ([body] if body else [], divided(body, cuts)):
        try:
            audio = await detect_audio(arriving(pieces), promised, claimed, PcmLayout(24_000))
        except NotAudioError:
            found.append(None)
        else:
            found.append(audio.format)
            assert b"".join([piece async for piece in audio.chunks]) == body
            assert audio.format is AudioFormat.PCM or detect_format(body[:RECOGNITION_BYTES])
    assert found[0] is found[1]


async def _as_samples(audio: SpeechAudio, following: AsyncGenerator[SpeechAudio]) -> AsyncGenerator[bytes]:
    first = await to_pcm(audio, PcmConstraints(rate=16_000), ffmpeg())
    async for piece in join_pcm(first, following, PcmLayout(16_000), ffmpeg()):
        yield piece


def _as_mp3(audio: SpeechAudio, following: AsyncGenerator[SpeechAudio]) -> AsyncGenerator[bytes]:
    return join_mp3(audio, following, ffmpeg())


@pytest.mark.parametrize("way", [_as_samples, _as_mp3])
@fuzzed(8, bodies=st.lists(bytes_like(SOUNDS), min_size=1, max_size=2), cuts=divisions())
async def test_conversion(
    way: Callable[[SpeechAudio, AsyncGenerator[SpeechAudio]], AsyncGenerator[bytes]],
    bodies: list[bytes],
    cuts: list[int],
) -> None:
    """Damaged parts are joined and converted, or are no sound; nobody waits for them, and no program stays."""

    def audio_of(body: bytes) -> SpeechAudio:
        return SpeechAudio(
            detect_format(body) or AudioFormat.MP3, arriving(divided(body, cuts if len(cuts) > 1 else []))
        )

    async def following() -> AsyncGenerator[SpeechAudio]:
        for body in bodies[1:]:
            yield audio_of(body)

    made = 0
    async with asyncio.timeout(30):
        with suppress(NotAudioError):
            async for piece in way(audio_of(bodies[0]), following()):
                made += len(piece)
    assert made < 40_000_000
