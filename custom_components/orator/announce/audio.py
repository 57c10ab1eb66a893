"""Audio of announcements: generated or resolved once, in the background, and measured."""

from abc import ABC, abstractmethod
import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import suppress
import logging
from pathlib import Path
from typing import Final, override

from homeassistant.components import tts
from homeassistant.components.media_source import async_resolve_media, is_media_source_id
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from yarl import URL

from ..audio.conversion import measure_duration
from ..audio.formats import AudioFormat
from ..tts_requests import PendingReport, expect_report
from .models import Announcement, Priority, announcement_error

_LOGGER = logging.getLogger(__name__)

_BLOCK_TIMEOUT_S: Final = 60.0
"""Timeout for the first audio, and between blocks of it; Orator's own voices end much earlier."""
_MAX_MEASURED_BYTES: Final = 20_000_000
_TTS_PROXY_PREFIX: Final = "/api/tts_proxy/"


class _BackgroundAudio(ABC):
    """Audio that is read once by a background task."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Initialize the audio; `async_start` begins to read it."""
        self._hass = hass
        self._reset()
        self.duration: float | None = None
        """Seconds of audio, once all of it was generated; None before that, or if it cannot be measured."""

    def _reset(self) -> None:
        self._begin: asyncio.Future[None] = self._hass.loop.create_future()
        self._end: asyncio.Future[None] = self._hass.loop.create_future()
        self._task: asyncio.Task[None] | None = None

    @callback
    def async_start(self) -> None:
        """Start to generate the audio, unless this was done before."""
        if self._task is None:
            self._task = self._hass.async_create_background_task(self._async_run(), "orator reads an announcement")

    @callback
    def async_retry(self) -> None:
        """Generate the audio again the next time it is started, if it has failed."""
        if self._end.done() and self._end.exception():
            self._reset()

    @callback
    def async_close(self) -> None:
        """Stop reading; Home Assistant completes its own cache entry."""
        if self._task is not None:
            self._task.cancel()

    async def async_wait_for_begin(self) -> None:
        """Wait for the first audio. Raises HomeAssistantError if there is none."""
        self.async_start()
        await _wait(self._begin)

    async def async_wait_for_end(self) -> None:
        """Wait until all audio was generated. Raises HomeAssistantError if the audio is incomplete."""
        self.async_start()
        await _wait(self._end)

    async def _async_run(self) -> None:
        """Read the audio, and pass its beginning, its end or its error to those that wait."""
        error: HomeAssistantError | None = None
        try:
            await self._async_read()
        except HomeAssistantError as err:
            error = err
        except Exception as err:  # noqa: BLE001  # voices and media sources of other integrations raise any exception
            error = announcement_error(translation_key="no_audio_created")
            error.__cause__ = err
        except asyncio.CancelledError:
            error = announcement_error(translation_key="announcement_cancelled")
            raise
        finally:
            self._finish(error)

    def _finish(self, error: HomeAssistantError | None) -> None:
        """Pass the end or an error to those that wait."""
        for waiting in (self._begin, self._end):
            if waiting.done():
                continue
            if error:
                waiting.set_exception(error)
                waiting.exception()  # retrieved, so that asyncio does not report it if nothing waits
            else:
                waiting.set_result(None)

    @abstractmethod
    async def _async_read(self) -> None:
        """Read the audio; `_begin` ends with the first of it."""

    async def _async_read_stream(self, stream: tts.ResultStream) -> None:
        """Read a stream, and measure it once it is complete."""
        audio = b"".join([block async for block in self._blocks(stream)])
        if not audio:
            raise announcement_error(translation_key="no_audio_created")
        await self._async_measure(audio)

    async def _blocks(self, stream: tts.ResultStream) -> AsyncGenerator[bytes]:
        """Yield the blocks of a stream. Raises HomeAssistantError if one is late."""
        blocks = stream.async_stream_result()
        while True:
            try:
                async with asyncio.timeout(_BLOCK_TIMEOUT_S):
                    block = await anext(blocks, b"")
            except TimeoutError as err:
                raise announcement_error(translation_key="no_audio_created") from err
            if not block:
                return
            if not self._begin.done():
                self._begin.set_result(None)
            yield block

    async def _async_measure(self, audio: bytes) -> None:
        self.duration = await self._hass.async_add_executor_job(measure_duration, audio)


class MessageAudio(_BackgroundAudio):
    """A message that is spoken by a text-to-speech entity of any integration.

    Players get the ID of a stream of Home Assistant, which contains no text, and from which all of them hear the same
    audio.
    """

    _pending: PendingReport | None = None
    _is_spent = False
    """Whether an attempt that failed has used the stream."""

    def __init__(self, hass: HomeAssistant, announcement: Announcement, formats: Iterable[str] = ()) -> None:
        """Create the stream without generating anything.

        `formats`: extensions that all players accept, or none if they accept any. Raises ServiceValidationError if the
        voice does not have the options.
        """
        super().__init__(hass)
        self._voice = str(announcement.voice)
        self.message = str(announcement.message)
        """Text, for satellites that accept only a text."""
        self._language = announcement.language
        self._is_critical = announcement.priority is Priority.CRITICAL
        self._options = dict(announcement.options)
        self._stream = self._create_stream()
        accepted = frozenset(formats) or {self._stream.extension}
        if self._stream.extension not in accepted:
            preferred = AudioFormat.MP3.value if AudioFormat.MP3 in accepted else min(accepted)
            self._options[tts.ATTR_PREFERRED_FORMAT] = preferred
            self._stream = self._create_stream()

    @property
    def media_id(self) -> str:
        """Media source ID of the speech. Raises HomeAssistantError if the voice was removed."""
        return self.stream.media_source_id

    @property
    def stream(self) -> tts.ResultStream:
        """Stream of the speech; Home Assistant forgets unused streams after minutes, and has their audio cached."""
        self.async_start()
        if tts.async_get_stream(self._hass, self._stream.token) is None:
            self._stream = self._create_stream()
            self._stream.async_set_message(self.message)
        return self._stream

    @property
    def spoken_by(self) -> tuple[str, ...]:
        """Entity IDs of the voices that were heard, once all audio was generated."""
        report = self._pending.report if self._pending else None
        return tuple(report.spoken_by) if report and report.spoken_by else (self._voice,)

    def _create_stream(self) -> tts.ResultStream:
        return tts.async_create_stream(self._hass, self._voice, language=self._language, options=dict(self._options))

    @callback
    def async_start(self) -> None:
        """Start to generate the audio, unless this was done before."""
        if self._end.done():
            return
        try:
            if self._pending is None:
                if self._is_spent or tts.async_get_stream(self._hass, self._stream.token) is None:  # it has waited
                    self._stream = self._create_stream()
                    self._is_spent = False
                self._pending = expect_report(self._hass, self._stream, self.message)
                self._pending.is_critical = self._is_critical
                self._stream.async_set_message(self.message)
        except HomeAssistantError as err:  # the voice was removed meanwhile
            self._finish(err)
        else:
            super().async_start()

    @override
    def _reset(self) -> None:
        super()._reset()
        self._is_spent = self._pending is not None
        self._pending = None

    @override
    async def _async_read(self) -> None:
        await self._async_read_stream(self._stream)


class MediaAudio(_BackgroundAudio):
    """Media that is played as an announcement, which is only resolved to measure it."""

    message = None
    spoken_by: tuple[str, ...] = ()

    def __init__(self, hass: HomeAssistant, media_id: str) -> None:
        """Initialize the audio."""
        super().__init__(hass)
        self.media_id = media_id

    @override
    async def _async_read(self) -> None:
        """Measure the media, if it is a file or a stream of Home Assistant."""
        self._begin.set_result(None)
        if not is_media_source_id(self.media_id):
            return
        try:
            media = await async_resolve_media(self._hass, self.media_id, None)
        except Exception:  # media sources raise any exception; the player resolves the media itself, with its own error
            _LOGGER.debug("The media of an announcement could not be measured", exc_info=True)
            return
        if media.path is not None:
            await self._async_measure(await self._hass.async_add_executor_job(_read_file, media.path))
        elif media.url.startswith(_TTS_PROXY_PREFIX):
            token = URL(media.url).path.removeprefix(_TTS_PROXY_PREFIX)
            if stream := tts.async_get_stream(self._hass, token):
                await self._async_read_stream(stream)


async def _wait(future: asyncio.Future[None]) -> None:
    """Wait for a future that others wait for, too. A shield would report its error if the waiting was cancelled."""
    await asyncio.wait((future,))
    future.result()


def _read_file(path: Path) -> bytes:
    """Return the content of a file, or nothing if it cannot be read or is too large to be measured."""
    with suppress(OSError):
        if path.stat().st_size <= _MAX_MEASURED_BYTES:
            return path.read_bytes()
    return b""


type Audio = MessageAudio | MediaAudio


@callback
def async_create_audio(hass: HomeAssistant, announcement: Announcement, formats: Iterable[str] = ()) -> Audio:
    """Return the audio of an announcement, without generating anything. Raises ServiceValidationError."""
    if announcement.media_id is not None:
        return MediaAudio(hass, announcement.media_id)
    return MessageAudio(hass, announcement, formats)
