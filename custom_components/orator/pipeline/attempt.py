"""Synthesize one chunk with one voice, and validate its audio before anything is passed on."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
import logging
from math import inf
from typing import Final

from ..audio.conversion import ends_with_silence, measure_duration
from ..audio.formats import AudioFormat
from ..audio.mp3 import MalformedMp3Error
from ..audio.validation import AudioValidator
from ..providers.base import SpeechAudio
from ..providers.errors import (
    ConnectionLostError,
    FallbackFailedError,
    NotAudioError,
    ResponseTooLargeError,
    SilentAudioError,
    SpeechError,
    TimedOutError,
    TooShortAudioError,
    TruncatedAudioError,
)
from ..providers.redaction import log_unexpected_error
from .pace import measure_speech
from .sentence_cache import MAX_ENTRY_BYTES, CachedAudio
from .styles import AudioChanges
from .synthesizer import Synthesizer

_LOGGER = logging.getLogger(__name__)

_MIN_AUDIO_BYTES: Final = 100
"""Minimum length of audio: anything shorter is no more than a header."""
_FIRST_AUDIO_BYTES: Final = 512
"""Enough audio to play: an mp3 frame at the usual bitrates, or 10 ms of samples."""
_MAX_SILENT_BYTES: Final = 1024 * 1024
"""Leading silence after which no speech is expected: more than ten seconds of samples."""
_MAX_BUFFERED_BYTES: Final = 2 * 1024 * 1024
"""Audio that may wait for earlier chunks; when the buffer is full, the provider has to wait."""
_MAX_FULL_AUDIO_BYTES: Final = 64 * 1024 * 1024
"""Audio held for a listener that needs all of it at once: more than twenty minutes of samples."""
_MAX_BYTES_PER_S: Final = 192_000
"""Bytes per second of the largest audio: 16-bit stereo at 48 kHz."""
_MAX_ENCODED_BYTES_PER_S: Final = {
    AudioFormat.OPUS: 40_000,
    AudioFormat.OGG: 40_000,
    AudioFormat.AAC: 40_000,
    AudioFormat.FLAC: 100_000,
}
"""The same for formats whose duration is not known before the end."""
_USUAL_BYTES_PER_S: Final = 8_000
"""Bytes per second of compressed audio whose duration is not known yet."""
_MAX_WAIT_S: Final = 60.0
"""Maximum time to wait for another second of audio, or for all audio apart from `_MAX_WAIT_PER_SECOND`."""
_MAX_WAIT_PER_SECOND: Final = 4.0
"""Further time to wait, in seconds for each second of audio that has arrived."""
_BREAKS: Final = (ConnectionLostError, TimedOutError, FallbackFailedError)
"""Errors that may end audio at any place, even after its last word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptAudio(SpeechAudio):
    """Audio of a synthesis attempt."""

    loudness_key: str
    """Key of the voice in the loudness tracker; empty for audio that is no speech."""
    changes: AudioChanges = field(default_factory=AudioChanges)
    """What is left to change of the audio."""


class _AudioBuffer:
    """A queue of audio, full once it holds `max_bytes`."""

    def __init__(self, max_bytes: float) -> None:
        """Create an empty buffer."""
        self._max_bytes = max_bytes
        self._size = 0
        self._blocks: asyncio.Queue[bytes] = asyncio.Queue()
        self._room_available = asyncio.Event()

    async def put(self, block: bytes) -> None:
        """Add audio once there is room."""
        while self._size >= self._max_bytes:
            self._room_available.clear()
            await self._room_available.wait()
        self._size += len(block)
        self._blocks.put_nowait(block)

    def close(self) -> None:
        """Close the buffer; readers still get the audio in it."""
        self._blocks.shutdown()

    async def read(self) -> AsyncGenerator[bytes]:
        """Yield the audio until the buffer is closed and empty."""
        while True:
            try:
                block = await self._blocks.get()
            except asyncio.QueueShutDown:
                return
            self._size -= len(block)
            self._room_available.set()
            yield block


class SynthesisAttempt:
    """Synthesis of one chunk by one voice, which starts as soon as the attempt is created.

    An attempt has begun once there is enough audible audio to play, or, if the listener needs all audio at once, once
    the audio is complete.
    """

    def __init__(  # noqa: PLR0913 - the text, and how its audio is used
        self,
        synthesizer: Synthesizer,
        text: str,
        *,
        is_reply: bool,
        needs_full_audio: bool,
        is_last_attempt: bool = False,
        expects_break: bool = False,
        keeps_audio: bool = False,
    ) -> None:
        """Start to synthesize a text.

        `is_last_attempt`: the voice has failed before, and no other voice is left; `expects_break`: it has broken off
        at the end of a text, where the audio of the last attempt may end as well; `keeps_audio`: the audio is for the
        cache, too.
        """
        loop = asyncio.get_running_loop()
        self.synthesizer = synthesizer
        self.audio: AttemptAudio | None = None
        """The audio, once the attempt has begun."""
        self.error: SpeechError | None = None
        """Reason why the attempt ended early."""
        self.looked_truncated = False
        """Whether the audio looked truncated or broke off, although it was as long as that of the text."""
        self.has_received = False
        """Whether any audio has arrived."""
        self.seconds: float | None = None
        """Duration of all audio, once the attempt has ended; None if it is unknown."""
        self.first_audio_s: float | None = None
        """Seconds until there was enough audio to play, which may be before the attempt has begun."""
        self.complete_audio: CachedAudio | None = None
        """All audio, if it is for the cache and certainly that of the text, once the attempt has ended."""
        self.started_at = loop.time()
        self.settled: asyncio.Future[None] = loop.create_future()
        """Done once the attempt has begun, or has ended before it began."""
        self._text = text
        self._length = measure_speech(text)
        self._max_seconds = synthesizer.pace.max_seconds(self._length)
        self._is_reply = is_reply
        self._needs_full_audio = needs_full_audio
        self._is_last_attempt = is_last_attempt
        self._expects_break = expects_break
        self._received = 0
        self._kept: list[bytes] | None = [] if keeps_audio else None
        """The audio that has arrived; None if it is not for the cache, or too long for it."""
        self._waited_s = 0.0
        self._last_progress_s = 0.0
        """Duration of the audio when it last had grown by a second."""
        self._waited_since_progress_s = 0.0
        self._buffer = _AudioBuffer(inf if needs_full_audio else _MAX_BUFFERED_BYTES)
        self._task = asyncio.create_task(self._run(), name="orator synthesizes a chunk")

    async def wait(self) -> None:
        """Wait until all audio has arrived or the attempt has failed."""
        await asyncio.wait([self._task])

    async def cancel(self) -> None:
        """Cancel the request."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        try:
            async with self.synthesizer.synthesize(self._text, is_reply=self._is_reply) as audio:
                await self._receive(audio)
        except SpeechError as err:
            self.error = err
        except Exception as err:  # noqa: BLE001 - another voice can speak, whatever the error
            self.error = _unexpected_error(err)
        finally:
            self._buffer.close()
            self._settle()

    @property
    def min_spoken_letters(self) -> float:
        """Letters of the text that the audio has reached at least, as far as is known."""
        return self.synthesizer.pace.min_letters(self.seconds or 0.0)

    async def _receive(self, audio: SpeechAudio) -> None:
        """Receive all audio. Raises SpeechError if the audio is silent, truncated, too short, endless or missing."""
        validator = AudioValidator(audio.format, audio.pcm_layout)
        error: SpeechError | None = None
        try:
            await self._receive_data(audio, validator)
        except SpeechError as err:
            error = err
        else:
            if validator.is_empty or self._received < _MIN_AUDIO_BYTES:
                raise NotAudioError
            if not validator.is_audible:
                raise SilentAudioError
            self._record_first_audio()
        self.seconds = await _measure(validator)
        if error is None or (self._needs_full_audio and self.first_audio_s is not None):
            self._begin(audio)
        error = error or self._find_missing_end(validator)
        if error and not await self._is_complete(error, validator):
            raise error
        if self.seconds is not None:
            if self._kept and self._is_certainly_complete(self.seconds) and audio.is_exact():
                self.complete_audio = CachedAudio(audio.format, b"".join(self._kept), audio.pcm_layout)
            self.synthesizer.pace.add(self._length, self.seconds)

    def _is_certainly_complete(self, seconds: float) -> bool:
        """Return whether complete audio is good enough for the cache: without an error, words may still be missing."""
        return not self.looked_truncated and self.synthesizer.pace.is_plausible(self._length, seconds)

    def _find_missing_end(self, validator: AudioValidator) -> SpeechError | None:
        """Return an error if the end of the audio seems to be missing."""
        pace, seconds = self.synthesizer.pace, self.seconds
        if seconds is not None and pace.is_too_short(self._length, seconds, is_last_attempt=self._is_last_attempt):
            return TooShortAudioError()
        return TruncatedAudioError() if validator.is_truncated else None

    async def _is_complete(self, error: SpeechError, validator: AudioValidator) -> bool:
        """Return whether audio is complete although an error ended it.

        Some servers state a wrong length, or close the connection without ending the response.
        """
        is_truncated = isinstance(error, TruncatedAudioError)
        is_expected = self.synthesizer.has_false_truncations
        if self.audio is None or not (is_truncated or isinstance(error, _BREAKS)):
            return False
        if self.seconds is None or not self.synthesizer.pace.may_be_complete(self._length, self.seconds):
            self.looked_truncated = is_truncated
            return is_truncated and is_expected
        self.looked_truncated = True
        if is_truncated or is_expected or (self._is_last_attempt and self._expects_break):
            return True
        return validator.ends_silently or await asyncio.to_thread(ends_with_silence, validator.undecoded_end)

    async def _receive_data(self, audio: SpeechAudio, validator: AudioValidator) -> None:
        while (data := await self._next_block(audio, self._arrived_s(validator))) is not None:
            self.has_received = True
            self._received += len(data)
            try:
                validator.feed(data)
            except MalformedMp3Error as err:
                raise NotAudioError from err
            self._keep(data)
            await self._buffer.put(data)
            if validator.is_audible and self._received >= _FIRST_AUDIO_BYTES:
                self._record_first_audio()
                if not self._needs_full_audio:
                    self._begin(audio)
            self._check_size(validator, audio.format)

    def _keep(self, data: bytes) -> None:
        """Keep audio for the cache, unless there is too much of it."""
        if self._received > MAX_ENTRY_BYTES:
            self._kept = None
        elif self._kept is not None:
            self._kept.append(data)

    def _arrived_s(self, validator: AudioValidator) -> float:
        """Return the approximate duration of the audio that has arrived."""
        return self._received / _USUAL_BYTES_PER_S if validator.seconds is None else validator.seconds

    async def _next_block(self, audio: SpeechAudio, arrived_s: float) -> bytes | None:
        """Return the next data, or None at the end.

        Raises TimedOutError if the audio hardly moves, or if it arrives much more slowly than it is played while the
        listener waits for all of it.
        """
        if arrived_s >= self._last_progress_s + 1:
            self._last_progress_s = arrived_s
            self._waited_since_progress_s = 0.0
        left_s = _MAX_WAIT_S - self._waited_since_progress_s
        if self._needs_full_audio and self.synthesizer.hedge_delay_s < inf:
            left_s = _MAX_WAIT_S + _MAX_WAIT_PER_SECOND * arrived_s - self._waited_s
        loop = asyncio.get_running_loop()
        started = loop.time()
        try:
            async with asyncio.timeout(left_s):
                data = await anext(audio.data, None)
        except TimeoutError as err:
            raise TimedOutError from err
        self._waited_s += loop.time() - started
        self._waited_since_progress_s += loop.time() - started
        return data

    def _check_size(self, validator: AudioValidator, audio_format: AudioFormat) -> None:
        """Raise SpeechError if there is more audio than the text can have, or nothing but silence."""
        is_endless = (validator.seconds or 0.0) > self._max_seconds
        max_bytes_per_s = _MAX_ENCODED_BYTES_PER_S.get(audio_format, _MAX_BYTES_PER_S)
        if is_endless or self._received > self._max_seconds * max_bytes_per_s:
            raise ResponseTooLargeError
        if self._needs_full_audio and self._received > _MAX_FULL_AUDIO_BYTES:
            raise ResponseTooLargeError
        if self._received > _MAX_SILENT_BYTES and not validator.is_audible:
            raise SilentAudioError

    def _record_first_audio(self) -> None:
        if self.first_audio_s is None:
            self.first_audio_s = asyncio.get_running_loop().time() - self.started_at

    def _begin(self, audio: SpeechAudio) -> None:
        if self.audio is None:
            self.audio = AttemptAudio(
                audio.format,
                self._buffer.read(),
                audio.pcm_layout,
                loudness_key=self.synthesizer.loudness_key,
                changes=self.synthesizer.changes,
            )
            self._settle()

    def _settle(self) -> None:
        if not self.settled.done():
            self.settled.set_result(None)


async def _measure(validator: AudioValidator) -> float | None:
    """Return the duration of the received audio, or None if it cannot be decoded."""
    if validator.seconds is not None:
        return validator.seconds
    return await asyncio.to_thread(measure_duration, validator.undecoded)


def _unexpected_error(cause: Exception) -> SpeechError:
    """Return an error for an unexpected exception, and log where it was raised.

    Its message is not logged: it may contain the text.
    """
    log_unexpected_error(_LOGGER, "synthesis", cause)
    error = SpeechError(code=type(cause).__name__)
    error.__cause__ = cause
    return error
