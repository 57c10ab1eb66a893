"""Use text-to-speech entities of Orator and of other integrations as fallbacks."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from copy import copy
from dataclasses import replace
from typing import Any, Final

from homeassistant.components import tts
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.start import async_at_started
from homeassistant.util import language as language_util
from homeassistant.util.hass_dict import HassKey

from .audio.formats import AudioFormat, stream_of
from .const import CONF_FALLBACK
from .coordinator import OratorConfigEntry
from .entity import entity_name, find_voice, is_orator_voice
from .pipeline import AudioChanges, VoicePace, VoiceStats, apply_style, reduce_style
from .providers.audio_responses import detect_audio
from .providers.base import SpeechAudio, SynthesisRequest
from .providers.errors import FallbackFailedError
from .providers.models import Usage
from .text import SpeechStyle, StyledText
from .tts_cache import has_cached_speech
from .tts_requests import PendingReport, expect_report
from .voice_settings import ATTR_FALLBACK_CALL, FallbackCall

_AUDIO_TIMEOUT_S: Final = 12.0
"""Timeout for the first audio of a fallback, and for each gap in its audio."""
_IGNORES_RENAMES: Final[HassKey[bool]] = HassKey("orator_ignores_renames")
_STREAMED_SAMPLES: Final = {
    tts.ATTR_PREFERRED_SAMPLE_RATE: 24_000,
    tts.ATTR_PREFERRED_SAMPLE_CHANNELS: 1,
    tts.ATTR_PREFERRED_SAMPLE_BYTES: 2,
}
"""Sample layout to request: without one, Home Assistant returns a WAV only once it is complete."""


class EntitySynthesizer:
    """A text-to-speech entity in a fallback chain; its cached audio is used as well."""

    has_false_truncations = False
    hedge_delay_s = VoiceStats().hedge_delay_s(streams=True)
    """Hedge delay of a voice without statistics."""

    def __init__(  # noqa: PLR0913 - the voice, and how it is called
        self,
        hass: HomeAssistant,
        entity_id: str,
        language: str,
        audio_format: AudioFormat,
        call: FallbackCall,
        *,
        is_critical: Callable[[], bool],
    ) -> None:
        """Initialize the synthesizer; `audio_format` is mp3 or wav, whichever is easier to join.

        `is_critical`: return whether a critical announcement is spoken, once its text has been read.
        """
        self.name = self.loudness_key = entity_id
        self.origin = self
        """The voice without a style."""
        self.changes = AudioChanges()
        self.pace = VoicePace(is_speed_known=False)
        self._hass = hass
        self._entity_id = entity_id
        self._language = language
        self._format = audio_format
        self._call = call
        self._style_options: dict[str, Any] = {}
        self._is_critical = is_critical
        self._reports: list[PendingReport] = []

    @property
    def understands_audio_tags(self) -> bool:
        """Whether the model of the voice, if it is one of Orator's, acts on tags in brackets."""
        request = self._find_request()
        return request is not None and request.model.understands_audio_tags

    @property
    def usage(self) -> Usage:
        """Usage of the job so far."""
        return sum((report.usage for report in self._reports), Usage())

    def with_style(self, style: SpeechStyle, words: Sequence[StyledText]) -> EntitySynthesizer:
        """Return the voice with a style: options of an Orator voice, the language, and changes of the audio."""
        language, changes, options = style.language or self._language, AudioChanges(style.rate, style.gain_db), {}
        if request := self._find_request():
            styled_request, changes = apply_style(request, replace(style, voice="", language=""), words)
            options = {
                key: value for key, value in styled_request.settings.items() if value != request.settings.get(key)
            }
        styled = copy(self)
        styled._language, styled.changes, styled._style_options = language, changes, options  # noqa: SLF001
        return styled

    def reduce_style(self, style: SpeechStyle) -> SpeechStyle:
        """Return a style without what makes no difference to the voice."""
        reduced = replace(style, emphasis="", expression="", pronunciation="")
        if request := self._find_request():
            supported = reduce_style(request, replace(style, voice="", language="", pronunciation=""))
            reduced = replace(supported, voice=style.voice, language=style.language)
        return reduced

    def estimate(self, text: str) -> Usage:
        """Return the usage to expect of a text; its cost is unknown for a voice of another integration."""
        request = self._find_request()
        return replace(request, text=text).estimate if request else Usage(len(text), 1, cost=None)

    def _find_request(self) -> SynthesisRequest | None:
        """Return the request of an Orator voice without its text, or None for a voice of another integration."""
        entry, voice = find_voice(self._hass, self._entity_id)
        if entry is None or voice is None or entry.state is not ConfigEntryState.LOADED:
            return None
        model = entry.runtime_data.data.configured_model(voice.data)
        return SynthesisRequest("", model, voice.data.get(model.voice_key, ""), self._format, voice.data)

    def divide(self, text: str) -> list[str]:
        """Return the whole text: the entity divides it itself."""
        return [text]

    def reduce_limit(self, text: str, divisions: int) -> bool:  # noqa: ARG002
        """Return False: the entity divides texts itself."""
        return False

    @asynccontextmanager
    async def synthesize(self, text: str, *, is_reply: bool) -> AsyncGenerator[SpeechAudio]:
        """Yield the audio of a text. Raises FallbackFailedError, including if the audio is late."""
        try:
            stream = self._create_stream()
            report = expect_report(self._hass, stream, text, is_streamed=is_reply)
            report.is_critical = self._is_critical()
            self._reports.append(report)
            if is_reply:  # Home Assistant does not cache messages that are streamed
                stream.async_set_message_stream(stream_of(text))
            else:
                stream.async_set_message(text)
            data = stream.async_stream_result()
        except Exception as err:
            raise FallbackFailedError(subject=entity_name(self._hass, self._entity_id)) from err
        async with aclosing(data):
            yield await detect_audio(self._read(data), self._format)

    def _create_stream(self) -> tts.ResultStream:
        engine = tts.get_engine_instance(self._hass, self._entity_id)
        if engine is None:
            raise FallbackFailedError(subject=entity_name(self._hass, self._entity_id))
        languages = language_util.matches(self._language, engine.supported_languages, self._hass.config.country)
        options: dict[str, Any] = {**self._style_options, tts.ATTR_PREFERRED_FORMAT: self._format.value}
        if self._format is AudioFormat.WAV:
            options |= _STREAMED_SAMPLES
        if is_orator_voice(self._hass, self._entity_id):
            options[ATTR_FALLBACK_CALL] = self._call.value
        return tts.async_create_stream(
            self._hass, self._entity_id, language=next(iter(languages), None), options=options
        )

    async def _read(self, data: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
        """Yield the audio. Raises FallbackFailedError for any exception and for a gap that is too long."""
        try:
            while True:
                async with asyncio.timeout(_AUDIO_TIMEOUT_S):
                    block = await anext(data, None)
                if block is None:
                    return
                yield block
        except Exception as err:
            raise FallbackFailedError(subject=entity_name(self._hass, self._entity_id)) from err


@callback
def create_fallbacks(  # noqa: PLR0913 - the voices, and how they are called
    hass: HomeAssistant,
    entity_ids: Iterable[str],
    own_entity_id: str,
    language: str,
    audio_format: AudioFormat,
    *,
    is_critical: Callable[[], bool],
) -> list[EntitySynthesizer]:
    """Return the fallbacks of a voice and, for Orator voices among them, their fallbacks; each voice occurs once.

    `is_critical`: return whether a critical announcement is spoken, once its text has been read.
    """
    chain = list(_expand_fallbacks(hass, entity_ids, {own_entity_id}))
    return [
        EntitySynthesizer(
            hass,
            entity_id,
            language,
            audio_format,
            FallbackCall.LAST if entity_id == chain[-1] else FallbackCall.FOLLOWED,
            is_critical=is_critical,
        )
        for entity_id in chain
    ]


@callback
def create_named_voice(
    hass: HomeAssistant, language: str, is_critical: Callable[[], bool], name: str
) -> EntitySynthesizer | None:
    """Return the text-to-speech entity that a text names, which the voice of the text replaces if it fails.

    `is_critical`: return whether a critical announcement is spoken, once its text has been read.
    """
    if not name.startswith(f"{tts.DOMAIN}.") or tts.get_engine_instance(hass, name) is None:
        return None
    return EntitySynthesizer(hass, name, language, AudioFormat.WAV, FallbackCall.FOLLOWED, is_critical=is_critical)


@callback
def first_fallback(hass: HomeAssistant, entity_ids: Iterable[str], own_entity_id: str) -> str | None:
    """Return the fallback of a voice that is used first, if any."""
    return next(_expand_fallbacks(hass, entity_ids, {own_entity_id}), None)


def _expand_fallbacks(hass: HomeAssistant, entity_ids: Iterable[str], seen: set[str]) -> Iterator[str]:
    """Yield voices, each followed by its fallbacks, or preceded by them if its account's circuit breaker is open."""
    for entity_id in entity_ids:
        if entity_id in seen:
            continue
        seen.add(entity_id)
        entry, voice = find_voice(hass, entity_id)
        nested = list(_expand_fallbacks(hass, voice.data.get(CONF_FALLBACK, ()), seen)) if voice else []
        is_open = entry is not None and entry.state is ConfigEntryState.LOADED and entry.runtime_data.health.is_open
        yield from [*nested, entity_id] if is_open else [entity_id, *nested]


@callback
def has_fallback_loop(hass: HomeAssistant, entity_ids: Iterable[str], own_entity_id: str | None) -> bool:
    """Return whether these fallbacks of a voice lead back to it."""
    return own_entity_id is not None and own_entity_id in _expand_fallbacks(hass, entity_ids, set())


@callback
def can_be_heard(hass: HomeAssistant, entity_ids: Iterable[str], own_entity_id: str) -> bool:
    """Return whether a voice has an available fallback, or cached audio."""
    states = [hass.states.get(entity_id) for entity_id in entity_ids]
    has_fallback = any(state is not None and state.state != STATE_UNAVAILABLE for state in states)
    return has_fallback or has_cached_speech(hass, own_entity_id)


@contextmanager
def ignore_renames(hass: HomeAssistant) -> Iterator[None]:
    """Keep the entity IDs of fallbacks while entities are renamed, because other entities take their IDs over."""
    hass.data[_IGNORES_RENAMES] = True
    try:
        yield
    finally:
        hass.data[_IGNORES_RENAMES] = False


@callback
def async_track_fallbacks(hass: HomeAssistant, entry: OratorConfigEntry) -> CALLBACK_TYPE:
    """Track renamed and missing fallbacks of an account until the returned function is called."""

    @callback
    def report_missing(_hass: HomeAssistant) -> None:
        entry.runtime_data.issues.async_set_missing_fallbacks(_find_missing(hass, entry))

    @callback
    def is_tts_entity(data: er.EventEntityRegistryUpdatedData) -> bool:
        return data["entity_id"].startswith(f"{tts.DOMAIN}.")

    @callback
    def handle_update(event: Event[er.EventEntityRegistryUpdatedData]) -> None:
        data = event.data
        if data["action"] == "update" and "old_entity_id" in data and not hass.data.get(_IGNORES_RENAMES):
            _rename(hass, entry, data["old_entity_id"], data["entity_id"])
        if hass.is_running:
            report_missing(hass)

    unsubscribe = hass.bus.async_listen(er.EVENT_ENTITY_REGISTRY_UPDATED, handle_update, event_filter=is_tts_entity)
    cancel_start = async_at_started(hass, report_missing)  # other integrations may be set up later

    @callback
    def stop() -> None:
        unsubscribe()
        cancel_start()

    return stop


def _rename(hass: HomeAssistant, entry: OratorConfigEntry, old: str, new: str) -> None:
    """Replace the entity ID of a fallback that was renamed."""
    for voice in list(entry.subentries.values()):
        entity_ids = voice.data.get(CONF_FALLBACK, [])
        if old in entity_ids:
            renamed = [new if entity_id == old else entity_id for entity_id in entity_ids]
            hass.config_entries.async_update_subentry(entry, voice, data={**voice.data, CONF_FALLBACK: renamed})


def _find_missing(hass: HomeAssistant, entry: OratorConfigEntry) -> dict[str, list[str]]:
    """Return the names of fallbacks that no longer exist or are disabled, by the subentry ID of their voice."""
    registry = er.async_get(hass)

    def is_missing(entity_id: str) -> bool:
        registered = registry.async_get(entity_id)
        if registered is not None:
            return registered.disabled_by is not None
        return hass.states.get(entity_id) is None

    missing = {
        subentry_id: [
            entity_name(hass, entity_id) for entity_id in voice.data.get(CONF_FALLBACK, ()) if is_missing(entity_id)
        ]
        for subentry_id, voice in entry.subentries.items()
    }
    return {subentry_id: names for subentry_id, names in missing.items() if names}
