"""What ffmpeg does for us: brings sound to another format on the stream, decodes files, measures loudness."""

import asyncio
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Final

from .formats import RECOGNITION_BYTES, AudioFormat, PcmLayout, detect_format
from .wav import MalformedWavError, unwrapped

_READ_LENGTH = 16_384
_LOG_LIMIT = 2000

_SAMPLES = {1: "u8", 2: "s16le", 3: "s24le", 4: "s32le"}

_NO_PROBING = ("-probesize", "32")
"""Measured with sound that arrives as fast as it is spoken: without it the first sound of an MP3 leaves after 1.2 s
and that of AAC after 2.0 s, with it after 0.05 s. Ogg and FLAC gain nothing (their pages and frames take what they
take), nor does anything from -analyzeduration; -fflags nobuffer costs 0.03 s."""

_READING = {
    AudioFormat.MP3: (*_NO_PROBING, "-f", "mp3"),
    AudioFormat.AAC: (*_NO_PROBING, "-f", "aac"),
    AudioFormat.WAV: (*_NO_PROBING, "-f", "wav"),
    AudioFormat.OPUS: ("-f", "ogg"),
    AudioFormat.OGG: ("-f", "ogg"),
    AudioFormat.FLAC: ("-f", "flac"),
}
_WRITING = {
    AudioFormat.MP3: ("-c:a", "libmp3lame", "-write_xing", "0", "-id3v2_version", "0", "-f", "mp3"),
    AudioFormat.AAC: ("-c:a", "aac", "-f", "adts"),
}
_FILES = "mp3,wav,w64,aiff,flac,ogg,aac,mov,matroska"
"""The kinds of files that hold sound and no more, by ffmpeg's names: none that lists other files."""
MAX_FILE_S = 16.0
"""How much of a file is decoded."""


class ConversionError(Exception):
    """ffmpeg is missing, failed, or made nothing of what it was given."""

    def __init__(self, message: str, log: str = "") -> None:
        """Tell what happened."""
        super().__init__(message)
        self.log = log
        """Some of what ffmpeg said itself: for the log at DEBUG, not for people."""


async def convert(  # noqa: PLR0913  # a format is two things, and there are two of them
    chunks: AsyncIterator[bytes],
    *,
    binary: str,
    source: AudioFormat,
    source_pcm: PcmLayout | None,
    target: AudioFormat,
    target_pcm: PcmLayout,
) -> AsyncGenerator[bytes]:
    """Bring sound to PCM, MP3 or AAC as it arrives.

    `source_pcm` is needed for raw PCM only. `target_pcm` gives rate and channels of every target, and the width of PCM.
    No tags come out, whatever went in.

    Whoever stops early closes this generator, which ends ffmpeg and closes `chunks`. What `chunks` raises is raised
    here, after all sound that came before it. Raises ConversionError for everything that is ffmpeg's.
    """
    arriving = chunks
    try:
        if source is AudioFormat.WAV:
            source_pcm, arriving = await unwrapped(chunks)
            source = AudioFormat.PCM if source_pcm else source
        process = await _start(binary, _reading(source, source_pcm), _writing(target, target_pcm))
        async with aclosing(_run(process, arriving)) as sounds:
            async for sound in sounds:
                yield sound
    except MalformedWavError as err:
        raise ConversionError("the WAV is malformed") from err
    finally:
        await _close(chunks)


async def decode_file(path: Path, layout: PcmLayout, *, binary: str) -> bytes:
    """Decode the beginning of a sound file of any usual kind, as long as `FILE_SECONDS` at most.

    Nothing but the file itself is opened, whatever it refers to. Raises ConversionError.
    """
    reading = ("-protocol_whitelist", "file", "-format_whitelist", _FILES, "-t", str(MAX_FILE_S))
    process = await _start(binary, reading, _pcm(layout), f"file:{path}")
    async with aclosing(_run(process, _nothing())) as sounds:
        return b"".join([sound async for sound in sounds])


async def _nothing() -> AsyncGenerator[bytes]:
    return
    yield


def _reading(source: AudioFormat, layout: PcmLayout | None) -> tuple[str, ...]:
    """Return ffmpeg's arguments for what goes in."""
    if source is not AudioFormat.PCM:
        return _READING[source]
    if layout is None:
        raise ValueError("raw samples without a layout")
    return (*_NO_PROBING, *_pcm(layout))


def _pcm(layout: PcmLayout) -> tuple[str, ...]:
    """Return ffmpeg's arguments for raw samples."""
    return ("-f", _SAMPLES[layout.width], "-ar", str(layout.rate), "-ac", str(layout.channels))


def _writing(target: AudioFormat, layout: PcmLayout) -> tuple[str, ...]:
    """Return ffmpeg's arguments for what comes out."""
    if target is AudioFormat.PCM:
        return _pcm(layout)
    return ("-ar", str(layout.rate), "-ac", str(layout.channels), *_WRITING[target])


async def _start(binary: str, reading: tuple[str, ...], writing: tuple[str, ...], source: str = "pipe:0") -> Process:
    """Start ffmpeg."""
    return await _spawn(
        *(binary, "-hide_banner", "-nostdin", "-loglevel", "error", "-threads", "1"),
        *(*reading, "-i", source, "-map", "0:a:0", "-map_metadata", "-1"),
        *("-af", "asetpts=N/SR/TB"),  # one sample after the other, whatever the times in the source say
        *("-fflags", "+bitexact", "-flush_packets", "1", *writing, "pipe:1"),
    )


async def _spawn(*command: str) -> Process:
    """Start a program that is fed and read."""
    try:
        return await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, stderr=PIPE)
    except OSError as err:
        raise ConversionError("ffmpeg could not be started") from err


async def _run(process: Process, chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """Return what ffmpeg makes of what arrives; leave nothing running."""
    feeding = asyncio.create_task(_feed(process, chunks))
    logging = asyncio.create_task(_read_log(process))
    is_empty = True
    try:
        while sound := await _pipe(process.stdout).read(_READ_LENGTH):
            is_empty = False
            yield sound
        code = await process.wait()
        if feeding.done():
            feeding.result()
        if code or is_empty:
            raise ConversionError(f"ffmpeg ended with code {code}" if code else "no sound came out", await logging)
    finally:
        feeding.cancel()
        await _end(process)
        await asyncio.gather(feeding, logging, return_exceptions=True)


async def _feed(process: Process, chunks: AsyncIterator[bytes]) -> None:
    """Hand ffmpeg what arrives, as fast as it takes it."""
    stdin = _pipe(process.stdin)
    try:
        async for chunk in chunks:
            try:
                stdin.write(chunk)
                await stdin.drain()
            except BrokenPipeError, ConnectionResetError:
                break  # ffmpeg has ended; its exit code tells why
    finally:
        stdin.close()


async def _read_log(process: Process, *, kept: slice = slice(_LOG_LIMIT)) -> str:
    """Return the beginning of what ffmpeg says, or what else is `kept`; and read all, so that it need not wait."""
    stderr = _pipe(process.stderr)
    log = b""
    while said := await stderr.read(_READ_LENGTH):
        log = (log + said)[kept]
    return log.decode(errors="replace")


async def _end(process: Process) -> None:
    """End ffmpeg if it still runs, and read what it left: its pipe would stay open else."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
    while await _pipe(process.stdout).read(_READ_LENGTH):
        pass
    await process.wait()
    stdin = _pipe(process.stdin)
    stdin.close()
    with suppress(BrokenPipeError, ConnectionResetError):
        await stdin.wait_closed()


def _pipe[Stream](stream: Stream | None) -> Stream:
    """Return a stream that is there because the process was started with it."""
    if stream is None:  # pragma: no cover
        raise AssertionError
    return stream


async def _close(chunks: AsyncIterator[bytes]) -> None:
    """Close a generator that may stand in the middle."""
    if isinstance(chunks, AsyncGenerator):
        await chunks.aclose()


_DURATION_LAYOUT: Final = PcmLayout(rate=8_000)
"""Samples that are only counted need not be many."""


async def measure_duration(sound: bytes, ffmpeg: str) -> float | None:
    """Return how many seconds a whole file lasts, None where it is no sound that can be decoded."""
    found = detect_format(sound[:RECOGNITION_BYTES])
    if found is None:
        return None
    samples = convert(
        _single(sound),
        binary=ffmpeg,
        source=found,
        source_pcm=None,
        target=AudioFormat.PCM,
        target_pcm=_DURATION_LAYOUT,
    )
    length = 0
    try:
        async with aclosing(samples):
            async for chunk in samples:
                length += len(chunk)
    except ConversionError:
        return None
    return length / _DURATION_LAYOUT.byte_rate


async def _single(sound: bytes) -> AsyncGenerator[bytes]:
    yield sound
