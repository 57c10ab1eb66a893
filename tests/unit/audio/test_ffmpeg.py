"""Conversion on the stream: early, complete, and without leaving anything behind."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path
import time

import numpy as np
import pytest

from custom_components.orator.audio.ffmpeg import ConversionError, convert
from custom_components.orator.audio.formats import AudioFormat, PcmLayout, detect_format
from custom_components.orator.audio.wav import header
from tests.unit.audio.signals import encode, ffmpeg, frames, join, mp3, run_ffmpeg, voice

RATE = 24_000
SECONDS = 2.0
SPOKEN = voice(RATE, 1, SECONDS)
SECRET = "nobody may read this"  # words that were spoken, as a tag repeats them
OPUS = ("-c:a", "libopus", "-b:a", "48k", "-page_duration", "20000", "-f", "ogg")
ENCODED = {
    AudioFormat.MP3: mp3(RATE, 1, "cbr", seconds=SECONDS),
    AudioFormat.OPUS: encode(SPOKEN, RATE, 1, *OPUS),
    AudioFormat.OGG: encode(SPOKEN, RATE, 1, *OPUS),
    AudioFormat.AAC: encode(SPOKEN, RATE, 1, "-c:a", "aac", "-b:a", "64k", "-f", "adts"),
    AudioFormat.FLAC: encode(SPOKEN, RATE, 1, "-c:a", "flac", "-f", "flac"),
    AudioFormat.WAV: header(PcmLayout(RATE)) + SPOKEN,
    AudioFormat.PCM: SPOKEN,
}

pytestmark = pytest.mark.usefixtures("nothing_is_left")


class Source:
    """A stream of pieces, which knows whether it was closed."""

    def __init__(self, data: bytes, *, size: int = 1000, pace: float = 0, error: Exception | None = None) -> None:
        """Prepare to send data in pieces of a size, with a pause before each, and to fail after the last."""
        self.data, self.size, self.pace, self.error = data, size, pace, error
        self.sent = 0
        self.is_closed = False
        self.goes_on = asyncio.Event()
        self.goes_on.set()

    async def chunks(self) -> AsyncGenerator[bytes]:
        """Send."""
        try:
            for start in range(0, len(self.data), self.size):
                await self.goes_on.wait()
                await asyncio.sleep(self.pace)
                self.sent += 1
                yield self.data[start : start + self.size]
            if self.error:
                raise self.error
        finally:
            self.is_closed = True


def converted(
    source: Source,
    source_format: AudioFormat,
    target: AudioFormat,
    layout: PcmLayout,
    *,
    binary: str | None = None,
) -> AsyncGenerator[bytes]:
    """Convert a source."""
    return convert(
        source.chunks(),
        binary=binary or ffmpeg(),
        source=source_format,
        source_pcm=PcmLayout(RATE) if source_format is AudioFormat.PCM else None,
        target=target,
        target_pcm=layout,
    )


async def collected(chunks: AsyncGenerator[bytes]) -> bytes:
    """Return all of a stream."""
    return b"".join([chunk async for chunk in chunks])


def heard(sound: bytes, target: AudioFormat, layout: PcmLayout) -> np.ndarray:
    """Return the samples of converted sound at 8000 Hz, mono."""
    raw = {1: "u8", 2: "s16le", 3: "s24le", 4: "s32le"}[layout.width]
    samples = (raw, "-ar", str(layout.rate), "-ac", str(layout.channels))
    reading = samples if target is AudioFormat.PCM else (target.value,)
    writing = ("-ar", "8000", "-ac", "1", "-f", "s16le", "pipe:1")
    decoded = run_ffmpeg("-f", *reading, "-i", "pipe:0", *writing, given=sound, level="error")
    return np.frombuffer(decoded, "<i2").astype(np.float64)


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    """Return how alike two sounds are where they fit best."""
    length = min(len(one), len(other)) - 1000
    spectra = np.fft.rfft(one, 1 << 16) * np.conj(np.fft.rfft(other[:length], 1 << 16))
    return float(np.fft.irfft(spectra).max() / np.linalg.norm(one) / np.linalg.norm(other[:length]))


@pytest.mark.parametrize("source", list(ENCODED))
@pytest.mark.parametrize(
    ("target", "layout"),
    [
        (AudioFormat.PCM, PcmLayout(16_000)),
        (AudioFormat.PCM, PcmLayout(44_100, 2, 3)),
        (AudioFormat.MP3, PcmLayout(RATE)),
        (AudioFormat.MP3, PcmLayout(44_100, 2)),
        (AudioFormat.AAC, PcmLayout(RATE)),
    ],
    ids=str,
)
async def test_any_format_to_those_made(source: AudioFormat, target: AudioFormat, layout: PcmLayout) -> None:
    """The same sound comes out, as long as it went in."""
    stream = Source(ENCODED[source])
    sound = await collected(converted(stream, source, target, layout))
    assert stream.is_closed
    expected = np.frombuffer(SPOKEN, "<i2").astype(np.float64)[::3]
    assert target is AudioFormat.PCM or detect_format(sound) is target
    decoded = heard(sound, target, layout)
    assert SECONDS - 0.01 < len(decoded) / 8000 < SECONDS + 0.25
    assert likeness(decoded, expected) > 0.9


@pytest.mark.parametrize("width", [1, 2, 3, 4])
async def test_width_of_samples(width: int) -> None:
    """PCM comes with the samples asked for."""
    layout = PcmLayout(RATE, 2, width)
    sound = await collected(converted(Source(SPOKEN), AudioFormat.PCM, AudioFormat.PCM, layout))
    assert len(sound) == int(SECONDS * layout.byte_rate)


async def test_mp3_is_bare_and_as_wished() -> None:
    """An mp3 has frames of the wished rate and nothing else: no tag, no index."""
    stream = Source(ENCODED[AudioFormat.FLAC])
    sound = await collected(converted(stream, AudioFormat.FLAC, AudioFormat.MP3, PcmLayout(16_000)))
    assert {header.format.rate for header, _ in frames(sound)} == {16_000}
    assert join(sound) == sound


async def test_tags_do_not_travel() -> None:
    """What a tag says, and a picture in it, is left behind."""
    tagged = encode(SPOKEN, RATE, 1, "-metadata", f"title={SECRET}", "-c:a", "libmp3lame", "-f", "mp3")
    assert SECRET.encode() in tagged
    for target in (AudioFormat.MP3, AudioFormat.AAC):
        sound = await collected(converted(Source(tagged), AudioFormat.MP3, target, PcmLayout(RATE)))
        assert SECRET.encode() not in sound


async def test_mu_law_in_wav() -> None:
    """A WAV with samples that only ffmpeg can read is read by ffmpeg."""
    stream = encode(SPOKEN, RATE, 1, "-c:a", "pcm_mulaw", "-f", "wav")
    layout = PcmLayout(RATE)
    sound = await collected(converted(Source(stream), AudioFormat.WAV, AudioFormat.PCM, layout))
    assert len(sound) == len(SPOKEN)
    expected = np.frombuffer(SPOKEN, "<i2").astype(np.float64)[::3]
    assert likeness(heard(sound, AudioFormat.PCM, layout), expected) > 0.95


@pytest.mark.parametrize(
    ("source", "limit"),
    [
        (AudioFormat.PCM, 0.5),
        (AudioFormat.WAV, 0.5),
        (AudioFormat.MP3, 0.5),
        (AudioFormat.AAC, 0.5),
        (AudioFormat.OPUS, 0.5),
    ],
)
async def test_sound_leaves_early(source: AudioFormat, limit: float) -> None:
    """Of sound that arrives as it is spoken, the first leaves long before ffmpeg would know all about it."""
    data = ENCODED[source]
    stream = Source(data, size=len(data) // 100, pace=SECONDS / 100)
    started = time.perf_counter()
    async with aclosing(converted(stream, source, AudioFormat.PCM, PcmLayout(16_000))) as chunks:
        await anext(chunks)
        assert time.perf_counter() - started < limit
    assert stream.is_closed


@pytest.mark.parametrize("source", [AudioFormat.MP3, AudioFormat.WAV])
async def test_listener_leaves(source: AudioFormat) -> None:
    """Closed in the middle, everything ends: while ffmpeg waits for sound, and while nobody takes its own."""
    long = mp3(RATE, 1, "cbr") * 300 if source is AudioFormat.MP3 else ENCODED[source] + SPOKEN * 30
    stream = Source(long)
    async with aclosing(converted(stream, source, AudioFormat.PCM, PcmLayout(48_000, 2))) as chunks:
        await anext(chunks)
        await asyncio.sleep(0.2)
    assert stream.is_closed
    assert stream.sent < len(long) / stream.size
    stream = Source(long)
    async with aclosing(converted(stream, source, AudioFormat.PCM, PcmLayout(48_000))) as chunks:
        await anext(chunks)
        stream.goes_on.clear()
    assert stream.is_closed


async def test_task_is_cancelled() -> None:
    """Whoever is cancelled while waiting for sound leaves nothing behind either."""
    stream = Source(ENCODED[AudioFormat.MP3])
    stream.goes_on.clear()
    task = asyncio.create_task(collected(converted(stream, AudioFormat.MP3, AudioFormat.PCM, PcmLayout(16_000))))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert stream.is_closed


async def test_slow_listener_slows_the_source() -> None:
    """What nobody takes is not piled up."""
    stream = Source(SPOKEN * 100, size=10_000)
    async with aclosing(converted(stream, AudioFormat.PCM, AudioFormat.PCM, PcmLayout(48_000))) as chunks:
        await anext(chunks)
        await asyncio.sleep(0.3)
        assert stream.sent * stream.size < 1_000_000 < len(stream.data)


@pytest.mark.parametrize(
    ("data", "source"),
    [
        (b"", AudioFormat.MP3),
        (b"", AudioFormat.PCM),
        (b"", AudioFormat.WAV),
        (SECRET.encode() * 100, AudioFormat.MP3),
        (SECRET.encode() * 100, AudioFormat.OPUS),
        (SECRET.encode() * 100, AudioFormat.FLAC),
        (SECRET.encode() * 100, AudioFormat.AAC),
        (SECRET.encode() * 100, AudioFormat.WAV),
        (b"RIFF\xff\xff\xff\xffWAVE" + SECRET.encode() * 100, AudioFormat.WAV),
        (header(PcmLayout(RATE), 20) + bytes(20) + header(PcmLayout(8000), 20) + bytes(20), AudioFormat.WAV),
    ],
)
async def test_failure(data: bytes, source: AudioFormat) -> None:
    """What is no sound is an error, in which no word of it is repeated."""
    stream = Source(data)
    with pytest.raises(ConversionError) as failed:
        await collected(converted(stream, source, AudioFormat.PCM, PcmLayout(16_000)))
    assert stream.is_closed
    assert SECRET not in str(failed.value) + failed.value.log
    assert len(failed.value.log) <= 2000


@pytest.mark.parametrize("binary", ["/nonexistent/ffmpeg", "/etc/hostname"])
async def test_no_ffmpeg(binary: str) -> None:
    """Without ffmpeg there is no conversion."""
    stream = Source(ENCODED[AudioFormat.MP3])
    with pytest.raises(ConversionError, match="started"):
        await collected(converted(stream, AudioFormat.MP3, AudioFormat.PCM, PcmLayout(16_000), binary=binary))


async def test_ffmpeg_gives_up(tmp_path: Path) -> None:
    """An error does not wait for a source that has nothing to say, and a talkative one takes no memory."""
    binary = tmp_path / "ffmpeg"
    binary.write_text("#!/bin/sh\nhead -c 9000000 /dev/zero | tr '\\0' x >&2\nexit 3\n")
    binary.chmod(0o700)
    stream = Source(SPOKEN)
    stream.goes_on.clear()
    made = converted(stream, AudioFormat.PCM, AudioFormat.MP3, PcmLayout(16_000), binary=str(binary))
    async with asyncio.timeout(10):
        with pytest.raises(ConversionError, match="code 3") as failed:
            await collected(made)
    assert failed.value.log == "x" * 2000
    assert stream.is_closed


async def test_ffmpeg_stops_listening(tmp_path: Path) -> None:
    """A source that goes on when nobody takes its sound is left alone, and the reason is told."""
    binary = tmp_path / "ffmpeg"
    binary.write_text("#!/bin/sh\nexec <&-\nsleep 0.3\nexit 4\n")
    binary.chmod(0o700)
    stream = Source(SPOKEN * 100, size=100_000)
    with pytest.raises(ConversionError, match="code 4"):
        await collected(converted(stream, AudioFormat.PCM, AudioFormat.MP3, PcmLayout(16_000), binary=str(binary)))
    assert stream.is_closed
    assert stream.sent < 10


async def test_source_that_is_no_generator() -> None:
    """Any iterator can be converted; what cannot be closed is not."""

    class Pieces:
        def __init__(self) -> None:
            self.left = [SPOKEN[:10_000], SPOKEN[10_000:]]

        def __aiter__(self) -> AsyncIterator[bytes]:
            return self

        async def __anext__(self) -> bytes:
            if not self.left:
                raise StopAsyncIteration
            return self.left.pop(0)

    made = convert(
        Pieces(),
        binary=ffmpeg(),
        source=AudioFormat.PCM,
        source_pcm=PcmLayout(RATE),
        target=AudioFormat.PCM,
        target_pcm=PcmLayout(RATE),
    )
    assert await collected(made) == SPOKEN


async def test_wav_that_changes_on_the_way() -> None:
    """Another layout in the middle of a WAV is an error, after all sound that came before it."""
    head = ENCODED[AudioFormat.WAV][:40] + len(SPOKEN).to_bytes(4, "little")
    stream = Source(head + SPOKEN + header(PcmLayout(8_000)) + SPOKEN)
    sound = b""
    with pytest.raises(ConversionError, match="malformed"):  # noqa: PT012
        async for chunk in converted(stream, AudioFormat.WAV, AudioFormat.PCM, PcmLayout(RATE)):
            sound += chunk
    assert sound == SPOKEN


@pytest.mark.parametrize("source", list(ENCODED))
async def test_source_fails(source: AudioFormat) -> None:
    """The sound before a failure of the source is heard, and then the failure is told as it is."""
    stream = Source(ENCODED[source], error=ConnectionResetError("gone"))
    sound = b""
    with pytest.raises(ConnectionResetError, match="gone"):  # noqa: PT012
        async for chunk in converted(stream, source, AudioFormat.PCM, PcmLayout(RATE)):
            sound += chunk
    assert len(sound) > 0.9 * len(SPOKEN)
    stream = Source(b"", error=ConnectionResetError("gone"))
    with pytest.raises(ConnectionResetError, match="gone"):
        await collected(converted(stream, source, AudioFormat.PCM, PcmLayout(RATE)))


async def test_samples_need_a_layout() -> None:
    """Raw samples mean nothing by themselves."""
    stream = Source(SPOKEN)
    made = convert(
        stream.chunks(),
        binary=ffmpeg(),
        source=AudioFormat.PCM,
        source_pcm=None,
        target=AudioFormat.MP3,
        target_pcm=PcmLayout(16_000),
    )
    with pytest.raises(ValueError, match="layout"):
        await collected(made)
