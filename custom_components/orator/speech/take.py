"""One speaker's sound of a text, between its request and its turn."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
import logging
from traceback import format_tb
from typing import Final, override

from ..audio.hearing import Hearing
from ..audio.mp3 import MalformedMp3Error
from ..providers.base import SpeechAudio
from ..providers.errors import AnswerTooLargeError, IncompleteError, NotAudioError, SilentError, SpeechError
from .cast import Speaker

_LOGGER = logging.getLogger(__name__)

_AUDIBLE_BYTES: Final = 512
"""As much as begins to sound: a frame of mp3 at the usual bitrates, ten milliseconds of samples."""
_FEWEST_BYTES: Final = 100
"""Less is a header at best."""
_MAX_SILENT_BYTES: Final = 1024 * 1024
"""Silence at the beginning after which nothing is taken to come: more than ten seconds of samples."""
_MAX_GATHERED_BYTES: Final = 64 * 1024 * 1024
"""More than twenty minutes of samples, which are all held until the last of them is there."""
_MAX_HELD_BYTES: Final = 2 * 1024 * 1024
"""Sound that may wait for the segments before it; beyond that its provider has to wait, too."""


class _ByteQueue(asyncio.Queue[bytes]):
    """A queue that is full when it holds too many bytes, rather than too many things."""

    @override
    def _init(self, maxsize: int) -> None:
        super()._init(maxsize)
        self._held = 0

    @override
    def _put(self, item: bytes) -> None:
        super()._put(item)
        self._held += len(item)

    @override
    def _get(self) -> bytes:
        item = super()._get()
        self._held -= len(item)
        return item

    @override
    def qsize(self) -> int:
        return self._held


class Take:
    """A speaker says a text. It has begun once there is enough to be heard, and has not when it ends before."""

    def __init__(self, speaker: Speaker, text: str, *, is_reply: bool, is_gathered: bool) -> None:
        """Prepare; `start` begins. What `is_gathered` begins when it is complete, since nobody hears it earlier."""
        self.speaker = speaker
        self.audio: SpeechAudio | None = None
        """What is heard, once it has begun."""
        self.error: SpeechError | None = None
        """What has ended it too early."""
        self.has_arrived = False
        """Whether any sound has come."""
        self.turned = asyncio.get_running_loop().create_future()
        """Done when it has begun, or has ended without."""
        self.started = asyncio.get_running_loop().time()
        self.seconds = 0.0
        """How long it took until there was something to be heard."""
        self.has_sounded = False
        """Whether there is, though it may not have begun yet."""
        self._text = text
        self._is_reply = is_reply
        self._is_gathered = is_gathered
        self._received = 0
        self._queue = _ByteQueue(0 if is_gathered else _MAX_HELD_BYTES)
        self._task = asyncio.create_task(self._speak(), name="orator speaks a segment")

    async def wait(self) -> None:
        """Wait until all of it has come, or it has ended too early."""
        await asyncio.wait([self._task])

    async def end(self) -> None:
        """Cancel what is under way."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def chunks(self) -> AsyncGenerator[bytes]:
        """Yield the sound as it comes, until it ends in whichever way."""
        while True:
            try:
                yield await self._queue.get()
            except asyncio.QueueShutDown:
                return

    async def _speak(self) -> None:
        try:
            await self._fetch()
        except SpeechError as err:  # it is raised where the sound is missed
            self.error = err
        except Exception as err:  # noqa: BLE001 - whatever is wrong with us, somebody else can speak
            self.error = _unforeseen(err)
        finally:
            self._queue.shutdown()
            self._turn()

    async def _fetch(self) -> None:
        async with self.speaker.speak(self._text, is_reply=self._is_reply) as audio:
            hearing = Hearing(audio.format, audio.pcm)
            try:
                await self._hear(audio, hearing)
            except SpeechError:
                if self._is_gathered and hearing.is_audible and self._received >= _AUDIBLE_BYTES:
                    self._begin(audio)
                raise
            if hearing.is_empty or self._received < _FEWEST_BYTES:
                raise NotAudioError
            if not hearing.is_audible:
                raise SilentError
            if self.audio is None:
                self._begin(audio)
            if hearing.is_cut_off:
                raise IncompleteError

    async def _hear(self, audio: SpeechAudio, hearing: Hearing) -> None:
        """Take what comes."""
        async for chunk in audio.chunks:
            self.has_arrived = True
            self._received += len(chunk)
            try:
                hearing.feed(chunk)
            except MalformedMp3Error as err:
                raise NotAudioError from err
            await self._queue.put(chunk)
            if hearing.is_audible and self._received >= _AUDIBLE_BYTES:
                self._sound()
            if self.has_sounded and self.audio is None and not self._is_gathered:
                self._begin(audio)
            if self._is_gathered and self._received > _MAX_GATHERED_BYTES:
                raise AnswerTooLargeError
            if self._received > _MAX_SILENT_BYTES and not hearing.is_audible:
                raise SilentError

    def _begin(self, audio: SpeechAudio) -> None:
        self.audio = replace(audio, chunks=self.chunks(), speaker=self.speaker.name)
        self._sound()
        self._turn()

    def _sound(self) -> None:
        if not self.has_sounded:
            self.has_sounded = True
            self.seconds = asyncio.get_running_loop().time() - self.started

    def _turn(self) -> None:
        if not self.turned.done():
            self.turned.set_result(None)


def _unforeseen(cause: Exception) -> SpeechError:
    """Return an error for what nobody has thought of, and log where it was, but not what it says: it may be a text."""
    kind = type(cause).__name__
    _LOGGER.error("Unforeseen %s while speaking:\n%s", kind, "".join(format_tb(cause.__traceback__)))
    error = SpeechError(code=kind)
    error.__cause__ = cause
    return error
