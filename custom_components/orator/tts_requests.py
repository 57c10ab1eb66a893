"""Request speech from Home Assistant, and receive the synthesis report of the voice."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
import hashlib
from typing import Any, Final
from weakref import WeakSet

from homeassistant.components import tts
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.util.hass_dict import HassKey

from .audio.formats import AudioFormat, stream_of
from .const import DOMAIN
from .entity import entity_name
from .pipeline import SynthesisReport, is_output_extension
from .providers.models import Usage
from .tts_cache import (
    async_drop_from_memory,
    async_drop_stream,
    async_wait_until_on_disk,
    cache_key,
    is_in_memory,
    is_on_disk,
)

_BEGIN_TIMEOUT_S: Final = 15.0
PREFERRED_PREFIX: Final = "preferred_"
"""Prefix of the options for the output format, which Home Assistant accepts for every voice."""


@dataclass(slots=True, eq=False, weakref_slot=True)
class PendingReport:
    """The report of a request that Orator itself sends to Home Assistant."""

    report_key: str
    cache_key: str
    """Key of the audio in Home Assistant's cache."""
    from_cache: bool
    """Whether the audio was cached, or already being synthesized for an earlier request."""
    can_wait: bool = False
    """Whether the audio is prepared in advance."""
    is_fresh: bool = False
    """Whether the voice speaks again, rather than use the sentence cache."""
    is_critical: bool = False
    """Whether the message is a critical announcement, which may exceed the usage limits if the account allows it."""
    report: SynthesisReport | None = None
    """The report, once the audio has been read. None if the audio was cached."""
    error: HomeAssistantError | None = None
    """The reason why the voice cannot speak, if no audio was read."""
    _has_begun: asyncio.Event = field(default_factory=asyncio.Event)

    @callback
    def async_begin(self, error: HomeAssistantError | None = None) -> None:
        """Store that the first audio exists, or why there is none."""
        if not self._has_begun.is_set():
            self.error = error
            self._has_begun.set()

    async def async_wait_for_begin(self) -> None:
        """Wait for the first audio of a request that a voice has received, or for the error; the time is limited."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_BEGIN_TIMEOUT_S):
                await self._has_begun.wait()

    @property
    def usage(self) -> Usage:
        """The usage of the request so far; that of audio from the cache belongs to an earlier request."""
        return self.report.usage if self.report and not self.from_cache else Usage()


_PENDING_REPORTS: Final[HassKey[WeakSet[PendingReport]]] = HassKey("orator_pending_reports")


@callback
def expect_report(
    hass: HomeAssistant, stream: tts.ResultStream, message: str, *, is_streamed: bool = False, can_wait: bool = False
) -> PendingReport:
    """Return the pending report of a message that is about to be set on a stream.

    The voice delivers it with `deliver_report`, because Home Assistant passes on only the audio. A message that
    `is_streamed` is not cached. With `can_wait`, the voice waits for a provider that asks for a pause.
    """
    request = _request_parts(stream, message)
    key = cache_key(hass, *request)
    from_cache = not is_streamed and _is_cached(hass, stream, key)
    pending = PendingReport(_report_key(*request), key, from_cache=from_cache, can_wait=can_wait)
    hass.data.setdefault(_PENDING_REPORTS, WeakSet()).add(pending)
    return pending


@callback
def deliver_report(hass: HomeAssistant, report: SynthesisReport, request: tts.TTSAudioRequest, message: str) -> None:
    """Pass the report of a request to waiting callers."""
    for pending in _pending_reports(hass, report.own_name, request, message):
        pending.report = report
        pending.async_begin()


@callback
def deliver_begin(
    hass: HomeAssistant,
    entity_id: str,
    request: tts.TTSAudioRequest,
    message: str,
    error: HomeAssistantError | None = None,
) -> None:
    """Tell waiting callers that the first audio exists, or why there is none."""
    for pending in _pending_reports(hass, entity_id, request, message):
        pending.async_begin(error)


def _pending_reports(
    hass: HomeAssistant, entity_id: str, request: tts.TTSAudioRequest, message: str
) -> Iterator[PendingReport]:
    if waiting := hass.data.get(_PENDING_REPORTS):
        key = _report_key(entity_id, message, request.language, request.options)
        yield from [pending for pending in waiting if pending.report_key == key]


@callback
def can_wait(hass: HomeAssistant, entity_id: str, request: tts.TTSAudioRequest, message: str) -> bool:
    """Return whether the audio of a request is prepared in advance."""
    return any(pending.can_wait for pending in _pending_reports(hass, entity_id, request, message))


@callback
def must_be_fresh(hass: HomeAssistant, entity_id: str, request: tts.TTSAudioRequest, message: str) -> bool:
    """Return whether the voice has to speak a message again, rather than use the sentence cache."""
    return any(pending.is_fresh for pending in _pending_reports(hass, entity_id, request, message))


@callback
def is_critical(hass: HomeAssistant, entity_id: str, request: tts.TTSAudioRequest, deltas: Iterable[str]) -> bool:
    """Return whether the text that was read is a critical announcement."""
    return any(pending.is_critical for pending in _pending_reports(hass, entity_id, request, "".join(deltas)))


def _request_parts(stream: tts.ResultStream, message: str) -> tuple[str, str, str, Mapping[str, Any]]:
    """Return the entity ID, message, language and options that a request is identified by."""
    return str(stream.engine), message, str(stream.language), stream.options


def _is_cached(hass: HomeAssistant, stream: tts.ResultStream, key: str) -> bool:
    """Return whether a message is cached, or already being synthesized for an earlier request."""
    return is_in_memory(hass, key) or (stream.use_file_cache and is_on_disk(hass, key))


def _report_key(entity_id: str, message: str, language: str, options: Mapping[str, Any]) -> str:
    request = repr((entity_id, message, language, sorted(options.items())))
    return hashlib.sha256(request.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """A message for a voice, with the options of `tts.speak`."""

    message: str
    language: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    use_disk_cache: bool = True
    """Whether Home Assistant's cache on disk and the sentence cache are used."""
    can_wait: bool = False
    """Whether the audio is prepared in advance and can wait for a provider that asks for a pause."""


@dataclass(frozen=True, slots=True)
class SpeechResult:
    """Audio that is being synthesized or comes from the cache."""

    stream: tts.ResultStream
    _pending: PendingReport

    @property
    def cache_key(self) -> str:
        """The key of the audio in Home Assistant's cache."""
        return self._pending.cache_key

    @property
    def from_cache(self) -> bool:
        """Whether the audio was requested before: the message, or else each of its sentences."""
        report = self._pending.report
        return self._pending.from_cache or (report is not None and report.is_cached)

    @property
    def usage(self) -> Usage:
        """The usage of the request, complete once all audio has been read."""
        return self._pending.usage

    @property
    def spoken_by(self) -> list[str]:
        """The entity IDs of the voices that spoke. Cached audio is always the voice's own."""
        report = self._pending.report
        return list(report.spoken_by if report and report.spoken_by else [str(self.stream.engine)])

    @property
    def has_fallback_audio(self) -> bool:
        """Whether a voice was heard in place of the one that the request or its text names."""
        report = self._pending.report
        return report is not None and report.has_fallback_audio

    async def async_wait_for_audio(self) -> None:
        """Wait for the first audio. Raises HomeAssistantError."""
        async with aclosing(self._read()) as data:
            if not await anext(data, b""):
                raise _no_audio()

    async def async_read(self) -> bytes:
        """Return all audio. Raises HomeAssistantError."""
        if audio := b"".join([block async for block in self._read()]):
            return audio
        raise _no_audio()

    async def _read(self) -> AsyncGenerator[bytes]:
        """Yield the audio; any exception becomes a HomeAssistantError."""
        try:
            async for block in self.stream.async_stream_result():
                yield block
        except HomeAssistantError:
            raise
        except Exception as err:
            raise _no_audio() from err


@callback
def async_request_speech(hass: HomeAssistant, voice: tts.TextToSpeechEntity, request: SpeechRequest) -> SpeechResult:
    """Request a message from a voice or from the cache. Raises ServiceValidationError."""
    validate_request(voice, request)
    stream = _create_stream(hass, voice, request)
    pending = expect_report(hass, stream, request.message, can_wait=request.can_wait)
    pending.is_fresh = not request.use_disk_cache
    stream.async_set_message(request.message)
    return SpeechResult(stream, pending)


def _create_stream(hass: HomeAssistant, voice: tts.TextToSpeechEntity, request: SpeechRequest) -> tts.ResultStream:
    """Return a stream that has no message yet."""
    options = dict(request.options)
    stream = tts.async_create_stream(hass, voice.entity_id, language=request.language, options=options)
    stream.use_file_cache = request.use_disk_cache
    return stream


@callback
def resolve_request(
    hass: HomeAssistant, voice: tts.TextToSpeechEntity, request: SpeechRequest
) -> tuple[tts.TTSAudioRequest, bool]:
    """Return a request as the voice would receive it, and whether its audio is cached. Nothing is synthesized.

    Raises ServiceValidationError.
    """
    validate_request(voice, request)
    stream = _create_stream(hass, voice, request)
    async_drop_stream(hass, stream)
    is_cached = _is_cached(hass, stream, cache_key(hass, *_request_parts(stream, request.message)))
    return tts.TTSAudioRequest(str(stream.language), stream.options, stream_of(request.message)), is_cached


class SpokenByFallbackError(HomeAssistantError):
    """A fallback has spoken, so the audio is not cached."""


class PreparedMessage:
    """A message to synthesize in advance, once for each kind of request that players and satellites will send."""

    def __init__(self, hass: HomeAssistant, voice: tts.TextToSpeechEntity, requests: Sequence[SpeechRequest]) -> None:
        """Create a message; `async_prepare` synthesizes it."""
        self._hass = hass
        self._voice = voice
        self._requests = requests
        self._results: list[SpeechResult] = []

    @property
    def usage(self) -> Usage:
        """The usage of the message so far."""
        return sum((result.usage for result in self._results), Usage())

    @property
    def from_cache(self) -> bool:
        """Whether all audio was already cached."""
        return all(result.from_cache for result in self._results)

    @property
    def is_prepared(self) -> bool:
        """Whether all audio is already cached on disk."""
        return all(map(self._is_on_disk, self._requests))

    def _is_on_disk(self, request: SpeechRequest) -> bool:
        stream = _create_stream(self._hass, self._voice, request)
        async_drop_stream(self._hass, stream)
        return is_on_disk(self._hass, cache_key(self._hass, *_request_parts(stream, request.message)))

    async def async_prepare(self) -> None:
        """Write the audio to the cache on disk. Raises HomeAssistantError, SpokenByFallbackError among others."""
        for request in self._requests:
            await self._async_prepare(request)

    async def _async_prepare(self, request: SpeechRequest) -> None:
        """Write the audio of a request to the cache on disk.

        Audio that is only cached in memory, because it was requested without the disk cache, is synthesized again.
        """
        result = await self._async_speak(request)
        if result.from_cache and not await async_wait_until_on_disk(self._hass, result.cache_key):
            async_drop_from_memory(self._hass, result.cache_key)
            result = await self._async_speak(request)
        if not await async_wait_until_on_disk(self._hass, result.cache_key):
            raise HomeAssistantError(translation_domain=DOMAIN, translation_key="not_cached")

    async def _async_speak(self, request: SpeechRequest) -> SpeechResult:
        """Read the audio of a request. Raises SpokenByFallbackError if it is not the voice's own."""
        result = async_request_speech(self._hass, self._voice, request)
        self._results.append(result)
        await result.async_read()
        if result.has_fallback_audio:
            raise SpokenByFallbackError(translation_domain=DOMAIN, translation_key="spoken_by_fallback")
        return result


def validate_request(voice: tts.TextToSpeechEntity, request: SpeechRequest) -> None:
    """Check the language, the option names and the output format at no cost. Raises ServiceValidationError."""
    name = entity_name(voice.hass, voice.entity_id)
    if request.language is not None and request.language not in voice.supported_languages:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="language_not_spoken",
            translation_placeholders={"voice": name, "language": request.language},
        )
    supported = voice.supported_options or []
    names = [str(key) for key in request.options]
    unknown = [key for key in names if key not in supported and not key.startswith(PREFERRED_PREFIX)]
    if unknown:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="unknown_options",
            translation_placeholders={"voice": name, "options": ", ".join(unknown)},
        )
    if not is_output_extension(request.options.get(tts.ATTR_PREFERRED_FORMAT, AudioFormat.MP3)):
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="invalid_setting",
            translation_placeholders={"voice": f"{name}: ", "detail": tts.ATTR_PREFERRED_FORMAT},
        )


def _no_audio() -> HomeAssistantError:
    return HomeAssistantError(translation_domain=DOMAIN, translation_key="no_audio_created")


async def async_speak_and_check(
    hass: HomeAssistant, voice: tts.TextToSpeechEntity, request: SpeechRequest, play: Callable[[], Awaitable[None]]
) -> None:
    """Play a message, and wait for its first audio once a player has requested it.

    Raises ServiceValidationError if the model, the voice or a setting is invalid. Other errors are only logged: an
    outage must not stop the script that speaks.
    """
    stream = _create_stream(hass, voice, request)
    async_drop_stream(hass, stream)
    pending = expect_report(hass, stream, request.message)
    await play()
    if not pending.from_cache and is_in_memory(hass, pending.cache_key):
        await pending.async_wait_for_begin()
    if isinstance(pending.error, ServiceValidationError):
        raise pending.error


async def record_deltas(deltas: AsyncIterable[str], text: list[str]) -> AsyncGenerator[str]:
    """Yield the deltas of a message, and add them to `text`, which identifies the request."""
    async for delta in deltas:
        text.append(delta)
        yield delta
