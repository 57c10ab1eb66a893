"""Conversion with ffmpeg: streams to PCM, MP3 or AAC, and files to PCM. Its libraries measure durations."""

import asyncio
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from io import BytesIO
from pathlib import Path
import time
from typing import Final

import av
from av.error import FFmpegError, InvalidDataError

from .formats import RECOGNITION_BYTES, AudioFormat, PcmLayout, detect_format, stream_of
from .pcm import MIN_PAUSE_S, count_quiet_samples

_READ_BYTES: Final = 16_384
_MAX_LOG_BYTES: Final = 2000

_PCM_FORMATS: Final = {1: "u8", 2: "s16le", 3: "s24le", 4: "s32le"}
"""ffmpeg's names of PCM formats by bytes per sample."""
_NO_PROBING: Final = ("-probesize", "32")
"""Options that start the output at once. Measured with audio arriving at the speed of speech: the first output takes
0.05 s instead of 1.2 s for MP3, and instead of 2.0 s for AAC. They make no difference for Ogg and FLAC.
-analyzeduration makes no difference for any format, and -fflags nobuffer adds 0.03 s.
"""
_INPUT_ARGUMENTS: Final = {
    AudioFormat.MP3: (*_NO_PROBING, "-f", "mp3"),
    AudioFormat.AAC: (*_NO_PROBING, "-f", "aac"),
    AudioFormat.WAV: (*_NO_PROBING, "-f", "wav"),
    AudioFormat.OPUS: ("-f", "ogg"),
    AudioFormat.OGG: ("-f", "ogg"),
    AudioFormat.FLAC: ("-f", "flac"),
}
_OUTPUT_ARGUMENTS: Final = {
    AudioFormat.MP3: ("-c:a", "libmp3lame", "-write_xing", "0", "-id3v2_version", "0", "-f", "mp3"),
    AudioFormat.AAC: ("-c:a", "aac", "-f", "adts"),
    AudioFormat.OPUS: ("-c:a", "libopus", "-f", "ogg"),
    AudioFormat.OGG: ("-c:a", "libopus", "-f", "ogg"),
    AudioFormat.FLAC: ("-c:a", "flac", "-f", "flac"),
}
_FILE_DEMUXERS: Final = "mp3,wav,w64,aiff,flac,ogg,aac,mov,matroska"
"""ffmpeg's demuxers for audio files. Playlists are excluded because they open other files."""
_DURATION_TIMEOUT_S: Final = 30.0


class ConversionError(Exception):
    """ffmpeg is missing, failed or produced no output."""

    def __init__(self, message: str, log: str = "") -> None:
        """Set the message and ffmpeg's own output."""
        super().__init__(message)
        self.log = log
        """Start of ffmpeg's output, to be logged at debug level."""


async def convert(  # noqa: PLR0913 - a format and a layout for source and target
    data: AsyncGenerator[bytes],
    *,
    binary: str,
    source: AudioFormat,
    source_pcm: PcmLayout | None,
    target: AudioFormat,
    target_pcm: PcmLayout,
) -> AsyncGenerator[bytes]:
    """Convert audio to PCM, MP3 or AAC as it arrives, without tags.

    `source_pcm` is only needed for raw PCM. `target_pcm` gives the rate and channel count of any target, and the sample
    width of PCM. Closing the generator ends ffmpeg and closes `data`.

    Errors of `data` are raised after all audio that precedes them. Raises ConversionError if ffmpeg fails.
    """
    async with aclosing(data):
        arguments = _input_arguments(source, source_pcm), _output_arguments(target, target_pcm)
        process = await _start_process(binary, *arguments)
        async with aclosing(_read_output(process, data)) as output:
            async for audio in output:
                yield audio


async def decode_file(path: Path, layout: PcmLayout, *, binary: str, max_seconds: float) -> bytes:
    """Return up to `max_seconds` of an audio file as PCM.

    Files that it refers to are not opened. Raises ConversionError.
    """
    arguments = ("-protocol_whitelist", "file", "-format_whitelist", _FILE_DEMUXERS, "-t", str(max_seconds))
    process = await _start_process(binary, arguments, _pcm_arguments(layout), f"file:{path}")
    async with aclosing(_read_output(process, stream_of())) as output:
        return b"".join([audio async for audio in output])


def measure_duration(audio: bytes) -> float | None:
    """Return the duration of a whole file in seconds, ignoring damaged packets.

    Returns None if nothing can be decoded, or if decoding takes longer than `_DURATION_TIMEOUT_S`. Blocks for about a
    millisecond per second of audio.
    """
    audio_format = detect_format(audio[:RECOGNITION_BYTES])
    if audio_format is None:
        return None
    # ffmpeg would search a WAV for DTS, which takes 20 ms.
    options = {"probesize": "32"} if audio_format is AudioFormat.WAV else {}
    deadline = time.monotonic() + _DURATION_TIMEOUT_S
    seconds = 0.0
    with (
        suppress(FFmpegError, IndexError),  # too damaged from here on, or a container without audio
        av.open(BytesIO(audio), "r", audio_format.value, options) as container,
    ):
        for packet in container.demux(audio=0):
            if time.monotonic() > deadline:
                return None
            with suppress(InvalidDataError):
                seconds += sum(frame.samples / frame.sample_rate for frame in packet.decode())
    return seconds or None


def ends_with_silence(audio: bytes) -> bool:
    """Return whether the end of an MP3, or a whole file of another format, ends with silence. Blocks while decoding."""
    audio_format = detect_format(audio[:RECOGNITION_BYTES]) or AudioFormat.MP3
    resampler = av.AudioResampler("s16", "mono")
    quiet_s = 0.0
    with suppress(FFmpegError, IndexError), av.open(BytesIO(audio), "r", audio_format.value) as container:
        for packet in container.demux(audio=0):
            with suppress(InvalidDataError):
                for frame in (mono for decoded in packet.decode() for mono in resampler.resample(decoded)):
                    quiet = count_quiet_samples(frame.to_ndarray()[0])
                    quiet_s = quiet / frame.sample_rate + (quiet_s if quiet == frame.samples else 0.0)
    return quiet_s >= MIN_PAUSE_S


def _input_arguments(source: AudioFormat, layout: PcmLayout | None) -> tuple[str, ...]:
    if source is not AudioFormat.PCM:
        return _INPUT_ARGUMENTS[source]
    if layout is None:
        raise ValueError("raw PCM without a layout")
    return (*_NO_PROBING, *_pcm_arguments(layout))


def _output_arguments(target: AudioFormat, layout: PcmLayout) -> tuple[str, ...]:
    if target is AudioFormat.PCM:
        return _pcm_arguments(layout)
    return ("-ar", str(layout.rate), "-ac", str(layout.channels), *_OUTPUT_ARGUMENTS[target])


def _pcm_arguments(layout: PcmLayout) -> tuple[str, ...]:
    return ("-f", _PCM_FORMATS[layout.width], "-ar", str(layout.rate), "-ac", str(layout.channels))


async def _start_process(
    binary: str, input_arguments: tuple[str, ...], output_arguments: tuple[str, ...], source: str = "pipe:0"
) -> Process:
    """Start ffmpeg. Raises ConversionError."""
    command = (
        *(binary, "-hide_banner", "-nostdin", "-loglevel", "error", "-threads", "1"),
        *(*input_arguments, "-i", source, "-map", "0:a:0", "-map_metadata", "-1"),
        *("-af", "asetpts=N/SR/TB"),  # ignore the timestamps of the source
        *("-fflags", "+bitexact", "-flush_packets", "1", *output_arguments, "pipe:1"),
    )
    try:
        return await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, stderr=PIPE)
    except OSError as err:
        raise ConversionError("ffmpeg could not be started") from err


async def _read_output(process: Process, data: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """Yield ffmpeg's output for the data; closing the generator ends the process and its tasks."""
    writing = asyncio.create_task(_write_input(process, data))
    reading_log = asyncio.create_task(_read_log(process))
    is_empty = True
    try:
        while audio := await _pipe(process.stdout).read(_READ_BYTES):
            is_empty = False
            yield audio
        code = await process.wait()
        if writing.done():
            writing.result()
        if code or is_empty:
            raise ConversionError(f"ffmpeg ended with code {code}" if code else "no output", await reading_log)
    finally:
        writing.cancel()
        await _end_process(process)
        await asyncio.gather(writing, reading_log, return_exceptions=True)


async def _write_input(process: Process, data: AsyncGenerator[bytes]) -> None:
    """Write the data to ffmpeg as fast as ffmpeg reads it."""
    stdin = _pipe(process.stdin)
    try:
        async for block in data:
            try:
                stdin.write(block)
                await stdin.drain()
            except BrokenPipeError, ConnectionResetError:
                break  # ffmpeg has ended; its exit code says why
    finally:
        stdin.close()


async def _read_log(process: Process) -> str:
    """Read all of ffmpeg's messages, so that ffmpeg never blocks, and return the first ones."""
    stderr = _pipe(process.stderr)
    log = b""
    while messages := await stderr.read(_READ_BYTES):
        log = (log + messages)[:_MAX_LOG_BYTES]
    return log.decode(errors="replace")


async def _end_process(process: Process) -> None:
    """End ffmpeg if it is running, and read its remaining output; otherwise the pipe would stay open."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
    while await _pipe(process.stdout).read(_READ_BYTES):
        pass
    await process.wait()
    stdin = _pipe(process.stdin)
    stdin.close()
    with suppress(BrokenPipeError, ConnectionResetError):
        await stdin.wait_closed()


def _pipe[Stream](stream: Stream | None) -> Stream:
    """Return a stream of a process that was started with pipes."""
    if stream is None:  # pragma: no cover
        raise AssertionError
    return stream
