"""Tests of conversion with PyAV."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
import gc
from importlib import import_module
from pathlib import Path
import threading
import time

import numpy as np
import pytest

from custom_components.orator.audio.conversion import convert
from custom_components.orator.audio.formats import AudioFormat, ConversionError, PcmLayout, detect_format
from custom_components.orator.audio.wav import make_header
from tests.support.signals import encode, frames, join, mp3, run_ffmpeg, voice
from tests.support.streams import collect_all, wait_until

RATE = 24_000
SECONDS = 2.0
SPEECH = voice(RATE, 1, SECONDS)
SECRET = "nobody may read this"  # the spoken text, which some providers repeat in a tag
OPUS = ("-c:a", "libopus", "-b:a", "48k", "-page_duration", "20000", "-f", "ogg")
ENCODED = {
    AudioFormat.MP3: mp3(RATE, 1, "cbr", seconds=SECONDS),
    AudioFormat.OPUS: encode(SPEECH, RATE, 1, *OPUS),
    AudioFormat.OGG: encode(SPEECH, RATE, 1, *OPUS),
    AudioFormat.AAC: encode(SPEECH, RATE, 1, "-c:a", "aac", "-b:a", "64k", "-f", "adts"),
    AudioFormat.FLAC: encode(SPEECH, RATE, 1, "-c:a", "flac", "-f", "flac"),
    AudioFormat.WAV: make_header(PcmLayout(RATE)) + SPEECH,
    AudioFormat.PCM: SPEECH,
}


@pytest.fixture(autouse=True)
async def verify_threads_and_files() -> AsyncGenerator[None]:
    """Verify that a test starts no process and leaves no thread, filter graph and open file behind."""
    await asyncio.to_thread(import_module, "custom_components.orator.audio.codecs")

    def list_resources() -> tuple[int, ...]:
        process = Path("/proc/self")
        return len(list((process / "task").iterdir())), len(list((process / "fd").iterdir()))

    gc.disable()
    before = list_resources()
    yield
    gc.enable()
    with suppress(TimeoutError):
        await wait_until(lambda: list_resources() == before, timeout_s=1)
    assert list_resources() == before


class Source:
    """A stream of chunks that records its progress."""

    def __init__(self, data: bytes, *, size: int = 1000, pace: float = 0, error: Exception | None = None) -> None:
        """Prepare chunks of a size, seconds before each of them, and an error after the last."""
        self.data, self.size, self.pace, self.error = data, size, pace, error
        self.sent = 0
        self.is_closed = False
        self.may_continue = asyncio.Event()
        self.may_continue.set()

    async def chunks(self) -> AsyncGenerator[bytes]:
        """Yield the chunks."""
        try:
            for start in range(0, len(self.data), self.size):
                await self.may_continue.wait()
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
) -> AsyncGenerator[bytes]:
    """Return the converted audio of a source."""
    return convert(
        source.chunks(),
        source=source_format,
        source_pcm=PcmLayout(RATE) if source_format is AudioFormat.PCM else None,
        target=target,
        target_pcm=layout,
    )


def to_samples(audio: bytes, target: AudioFormat, layout: PcmLayout) -> np.ndarray:
    """Return converted audio as mono samples at 8 kHz."""
    raw = {1: "u8", 2: "s16le", 3: "s24le", 4: "s32le"}[layout.width]
    samples = (raw, "-ar", str(layout.rate), "-ac", str(layout.channels))
    reading = samples if target is AudioFormat.PCM else (target.value,)
    writing = ("-ar", "8000", "-ac", "1", "-f", "s16le", "pipe:1")
    decoded = run_ffmpeg("-f", *reading, "-i", "pipe:0", *writing, given=audio, level="error")
    return np.frombuffer(decoded, "<i2").astype(np.float64)


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Return the highest cross-correlation of two signals."""
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
async def test_convert(source: AudioFormat, target: AudioFormat, layout: PcmLayout) -> None:
    """The converted audio sounds the same and has the same duration."""
    stream = Source(ENCODED[source])
    audio = await collect_all(converted(stream, source, target, layout))
    assert stream.is_closed
    expected = np.frombuffer(SPEECH, "<i2").astype(np.float64)[::3]
    assert target is AudioFormat.PCM or detect_format(audio) is target
    decoded = to_samples(audio, target, layout)
    assert SECONDS - 0.01 < len(decoded) / 8000 < SECONDS + 0.25
    assert correlation(decoded, expected) > 0.9


@pytest.mark.parametrize("width", [1, 2, 3, 4])
async def test_pcm_width(width: int) -> None:
    """PCM has the requested channels and width."""
    layout = PcmLayout(RATE, 2, width)
    audio = await collect_all(converted(Source(SPEECH), AudioFormat.PCM, AudioFormat.PCM, layout))
    assert len(audio) == int(SECONDS * layout.byte_rate)


async def test_mp3_frames_only() -> None:
    """An MP3 consists of frames of the requested rate, without tags and index."""
    stream = Source(ENCODED[AudioFormat.FLAC])
    audio = await collect_all(converted(stream, AudioFormat.FLAC, AudioFormat.MP3, PcmLayout(16_000)))
    assert {header.format.rate for header, _ in frames(audio)} == {16_000}
    assert join(audio) == audio


async def test_tags() -> None:
    """Tags are removed."""
    tagged = encode(SPEECH, RATE, 1, "-metadata", f"title={SECRET}", "-c:a", "libmp3lame", "-f", "mp3")
    assert SECRET.encode() in tagged
    for target in (AudioFormat.MP3, AudioFormat.AAC):
        audio = await collect_all(converted(Source(tagged), AudioFormat.MP3, target, PcmLayout(RATE)))
        assert SECRET.encode() not in audio


async def test_mu_law_in_wav() -> None:
    """A WAV with an encoding that only libav supports is converted."""
    stream = encode(SPEECH, RATE, 1, "-c:a", "pcm_mulaw", "-f", "wav")
    layout = PcmLayout(RATE)
    audio = await collect_all(converted(Source(stream), AudioFormat.WAV, AudioFormat.PCM, layout))
    assert len(audio) == len(SPEECH)
    expected = np.frombuffer(SPEECH, "<i2").astype(np.float64)[::3]
    assert correlation(to_samples(audio, AudioFormat.PCM, layout), expected) > 0.95


@pytest.mark.parametrize(
    ("source", "limit"),
    [
        (AudioFormat.PCM, 0.5),
        (AudioFormat.MP3, 0.5),
        (AudioFormat.AAC, 0.5),
        (AudioFormat.OPUS, 0.5),
    ],
)
async def test_first_output(source: AudioFormat, limit: float) -> None:
    """Output begins early for audio that arrives at the speed of speech."""
    data = ENCODED[source]
    stream = Source(data, size=len(data) // 100, pace=SECONDS / 100)
    started = time.perf_counter()
    async with aclosing(converted(stream, source, AudioFormat.PCM, PcmLayout(16_000))) as chunks:
        await anext(chunks)
        assert time.perf_counter() - started < limit
    assert stream.is_closed


@pytest.mark.parametrize("source", [AudioFormat.MP3, AudioFormat.WAV])
async def test_close(source: AudioFormat) -> None:
    """Closing ends the thread and the source, whether the thread waits for input or for a reader."""
    long = mp3(RATE, 1, "cbr") * 300 if source is AudioFormat.MP3 else ENCODED[source] + SPEECH * 30
    stream = Source(long)
    async with aclosing(converted(stream, source, AudioFormat.PCM, PcmLayout(48_000, 2))) as chunks:
        await anext(chunks)
        await asyncio.sleep(0.2)
    assert stream.is_closed
    assert stream.sent < len(long) / stream.size
    stream = Source(long)
    async with aclosing(converted(stream, source, AudioFormat.PCM, PcmLayout(48_000))) as chunks:
        await anext(chunks)
        stream.may_continue.clear()
    assert stream.is_closed


async def test_cancel() -> None:
    """Cancellation while waiting for output leaves nothing behind."""
    stream = Source(ENCODED[AudioFormat.MP3])
    stream.may_continue.clear()
    task = asyncio.create_task(collect_all(converted(stream, AudioFormat.MP3, AudioFormat.PCM, PcmLayout(16_000))))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert stream.is_closed


async def test_cancel_twice() -> None:
    """A second cancellation, while the source is closed slowly, leaves no thread behind."""
    closing = asyncio.Event()

    async def source() -> AsyncGenerator[bytes]:
        try:
            yield (SPEECH * 10)[:60_000]
            await asyncio.sleep(10)
        finally:
            closing.set()
            await asyncio.sleep(10)

    async def read_first() -> None:
        chunks = convert(
            source(),
            source=AudioFormat.PCM,
            source_pcm=PcmLayout(24_000),
            target=AudioFormat.PCM,
            target_pcm=PcmLayout(48_000),
        )
        async with aclosing(chunks):
            await anext(chunks)
            await asyncio.sleep(10)

    task = asyncio.create_task(read_first())
    await wait_until(_conversion_threads)
    await asyncio.sleep(0.1)  # the output buffer fills
    task.cancel()
    await closing.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await wait_until(lambda: not _conversion_threads())


def _conversion_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "orator converts audio"]


async def test_slow_reader() -> None:
    """A slow reader slows the source."""
    stream = Source(SPEECH * 100, size=10_000)
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
    ],
)
async def test_not_audio(data: bytes, source: AudioFormat) -> None:
    """Data that is not audio raises an error that does not contain the data."""
    stream = Source(data)
    with pytest.raises(ConversionError) as failed:
        await collect_all(converted(stream, source, AudioFormat.PCM, PcmLayout(16_000)))
    assert stream.is_closed
    assert SECRET not in str(failed.value)
    assert failed.value.__cause__ is None


@pytest.mark.parametrize("source", list(ENCODED))
async def test_error_of_source(source: AudioFormat) -> None:
    """An error of the source is raised unchanged after the audio that precedes it."""
    stream = Source(ENCODED[source], error=ConnectionResetError("gone"))
    audio = b""
    with pytest.raises(ConnectionResetError, match="gone"):  # noqa: PT012
        async for chunk in converted(stream, source, AudioFormat.PCM, PcmLayout(RATE)):
            audio += chunk
    assert len(audio) > 0.9 * len(SPEECH)
    stream = Source(b"", error=ConnectionResetError("gone"))
    with pytest.raises(ConnectionResetError, match="gone"):
        await collect_all(converted(stream, source, AudioFormat.PCM, PcmLayout(RATE)))


async def test_pcm_without_layout() -> None:
    """Raw PCM without a layout is refused."""
    stream = Source(SPEECH)
    output = convert(
        stream.chunks(),
        source=AudioFormat.PCM,
        source_pcm=None,
        target=AudioFormat.MP3,
        target_pcm=PcmLayout(16_000),
    )
    with pytest.raises(ValueError, match="layout"):
        await collect_all(output)
