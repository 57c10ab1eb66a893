"""Access to PyAV from the event loop: conversion of streams as they arrive, files and durations.

Only this module imports the modules that use PyAV, each time within a function that runs in a thread: PyAV takes 64 ms
and 18 MB, which an account that has not spoken yet does not need.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from pathlib import Path
import threading
from typing import TYPE_CHECKING, Final

from .formats import AudioFormat, PcmLayout

if TYPE_CHECKING:
    from .resampler import Resampler

_MAX_WAITING_BYTES: Final = 65_536
"""Maximum input, and maximum output, that waits for the other side; a block of any size may exceed it."""
_FIRST_READ_BYTES: Final = 4_000
"""Maximum input that is read at once before there is output: an encoder returns a block once all of it is encoded."""

type _Conversion = Callable[[Callable[[int], bytes], Callable[[bytes], None]], None]
"""Function that converts what it reads, and writes the result."""


async def convert(  # noqa: PLR0913 - a format and a layout for source and target
    data: AsyncGenerator[bytes],
    *,
    source: AudioFormat,
    source_pcm: PcmLayout | None,
    target: AudioFormat,
    target_pcm: PcmLayout,
    tempo: float = 1.0,
) -> AsyncGenerator[bytes]:
    """Convert audio to PCM, or encode it, as it arrives, without tags.

    `source_pcm` is only needed for raw PCM. `target_pcm` gives the rate and channel count of any target, and the sample
    width of PCM. `tempo` is the speed of PCM without a change of its pitch. Closing the generator ends the thread and
    closes `data`.

    Errors of `data` are raised after all audio that precedes them. Raises ConversionError.
    """
    if source is AudioFormat.PCM and source_pcm is None:
        raise ValueError("raw PCM without a layout")
    async with aclosing(data):

        def run(read: Callable[[int], bytes], write: Callable[[bytes], None]) -> None:
            from .codecs import convert_stream  # noqa: PLC0415 - see above

            convert_stream(
                read,
                write,
                source=source,
                source_pcm=source_pcm,
                target=target,
                target_pcm=target_pcm,
                tempo=tempo,
            )

        thread = _ConversionThread(run)
        feeding = asyncio.create_task(thread.feed(data))
        try:
            while audio := await thread.read_output():
                yield audio
            if feeding.done():
                feeding.result()
            if thread.error:
                raise thread.error
        finally:
            feeding.cancel()
            thread.stop()  # at once, because another cancellation may interrupt what follows
            await asyncio.gather(feeding, return_exceptions=True)
            await thread.wait_stopped()


def decode_file(path: Path, layout: PcmLayout, *, max_seconds: float, timeout_s: float) -> bytes:
    """Return up to `max_seconds` of an audio file as PCM. Blocks.

    Files and addresses that the file refers to are not opened. Raises ConversionError.
    """
    from . import codecs  # noqa: PLC0415 - see above

    return codecs.decode_file(path, layout, max_seconds=max_seconds, timeout_s=timeout_s)


def measure_duration(audio: bytes) -> float | None:
    """Return the duration of a whole file in seconds, ignoring damaged packets.

    Returns None if nothing can be decoded, or if decoding takes too long. Blocks for about a millisecond per second of
    audio.
    """
    from . import codecs  # noqa: PLC0415 - see above

    return codecs.measure_duration(audio)


def ends_with_silence(audio: bytes) -> bool:
    """Return whether the end of an MP3, or a whole file of another format, ends with silence. Blocks while decoding."""
    from . import codecs  # noqa: PLC0415 - see above

    return codecs.ends_with_silence(audio)


async def load_resampler() -> type[Resampler]:
    """Return the class `Resampler`."""

    def load() -> type[Resampler]:
        from .resampler import Resampler  # noqa: PLC0415 - see above

        return Resampler

    return await asyncio.to_thread(load)


class _CancelledError(Exception):
    """The output of a conversion is no longer needed."""


class _ConversionThread:
    """A thread that converts audio, with bounded buffers between it and the event loop."""

    def __init__(self, run: _Conversion) -> None:
        """Start the thread."""
        self.error: Exception | None = None
        """Error of the conversion, once all output has been read."""
        self._run_conversion = run
        self._loop = asyncio.get_running_loop()
        self._changed = threading.Condition()
        self._input = bytearray()
        self._output = bytearray()
        self._written: list[bytes] = []
        """Output that is passed on before the thread waits for input."""
        self._has_passed_on = False
        self._has_all_input = self._is_stopped = self._is_finished = False
        self._has_room = asyncio.Event()
        self._has_output = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="orator converts audio", daemon=True)
        self._thread.start()

    async def feed(self, data: AsyncGenerator[bytes]) -> None:
        """Pass data to the thread as fast as the thread reads it."""
        try:
            async for block in data:
                with self._changed:
                    self._input += block
                    self._changed.notify_all()
                while not self._is_stopped:
                    self._has_room.clear()
                    if len(self._input) < _MAX_WAITING_BYTES:
                        break
                    await self._has_room.wait()
        finally:
            with self._changed:
                self._has_all_input = True
                self._changed.notify_all()

    async def read_output(self) -> bytes:
        """Return the next output, or nothing at the end."""
        while True:
            self._has_output.clear()
            with self._changed:
                if self._output or self._is_finished:
                    output = bytes(self._output)
                    self._output.clear()
                    self._changed.notify_all()
                    return output
            await self._has_output.wait()

    def stop(self) -> None:
        """Let the thread end, which takes a few milliseconds."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()

    async def wait_stopped(self) -> None:
        """Wait until the thread has ended."""
        while not self._is_finished:
            self._has_output.clear()
            if not self._is_finished:
                await self._has_output.wait()
        self._thread.join()

    def _run(self) -> None:
        """Run the conversion in the thread."""
        try:
            self._run_conversion(self._read, self._write)
            self._pass_on()
        except _CancelledError:
            pass
        except Exception as err:  # noqa: BLE001 - raised in the event loop
            with suppress(_CancelledError):
                self._pass_on()
            self.error = err
        self._is_finished = True
        self._notify(self._has_output)

    def _read(self, size: int) -> bytes:
        """Return the input that has arrived, at most `size` bytes; wait for it if there is none."""
        if not self._input:
            self._pass_on()
        with self._changed:
            while not (self._input or self._has_all_input or self._is_stopped):
                self._changed.wait()
            if self._is_stopped:
                return b""
            was_full = len(self._input) >= _MAX_WAITING_BYTES
            if not self._has_passed_on:
                size = min(size, _FIRST_READ_BYTES)
            data = bytes(self._input[:size])
            del self._input[:size]
        if was_full:
            self._notify(self._has_room)
        return data

    def _write(self, data: bytes) -> None:
        """Collect output, apart from the first: the listener waits for it."""
        self._written.append(bytes(data))
        if not self._has_passed_on or sum(map(len, self._written)) >= _MAX_WAITING_BYTES // 4:
            self._pass_on()

    def _pass_on(self) -> None:
        """Pass collected output to the event loop as fast as it is read."""
        data = b"".join(self._written)
        self._written.clear()
        with self._changed:
            while len(self._output) >= _MAX_WAITING_BYTES and not self._is_stopped:
                self._changed.wait()
            if self._is_stopped:
                raise _CancelledError
            self._output += data
        if data:
            self._has_passed_on = True
            self._notify(self._has_output)

    def _notify(self, event: asyncio.Event) -> None:
        """Set an event of the event loop."""
        with suppress(RuntimeError):  # the event loop is closed
            self._loop.call_soon_threadsafe(event.set)
