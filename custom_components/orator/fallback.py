"""Other voices of Home Assistant that speak when an account can't: anybody's, local ones too."""

import asyncio
from collections.abc import AsyncGenerator, Collection, Iterator
from contextlib import aclosing, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

from homeassistant.components import tts
from homeassistant.components.tts import (
    ATTR_PREFERRED_FORMAT,
    ATTR_PREFERRED_SAMPLE_BYTES,
    ATTR_PREFERRED_SAMPLE_CHANNELS,
    ATTR_PREFERRED_SAMPLE_RATE,
)
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.start import async_at_started
from homeassistant.util import language as language_util

from .audio.formats import AudioFormat
from .const import AROUND_SPEECH, CONF_FALLBACK, DOMAIN
from .coordinator import OratorConfigEntry
from .providers.audio_response import detect_audio
from .providers.base import SpeechAudio
from .providers.errors import FallbackFailedError
from .spoken import note_voice
from .tts_cache import has_cached_speech

_PATIENCE: Final = 12.0
"""Seconds that a voice may keep its listener waiting, before it begins and between two sounds."""
_SOON: Final = 6.0
"""Seconds after which the next one is asked as well."""
_SPEAKING: ContextVar[tuple[str, ...]] = ContextVar("orator_speaking", default=())
"""The voices that wait for what is being spoken: none of them can speak for itself."""
_SAMPLES: Final = {
    ATTR_PREFERRED_SAMPLE_RATE: 24_000,
    ATTR_PREFERRED_SAMPLE_CHANNELS: 1,
    ATTR_PREFERRED_SAMPLE_BYTES: 2,
}
"""With a wish for its samples a WAV comes as it is made, not at its end."""


@dataclass(frozen=True, slots=True, eq=False)
class EntitySynthesizer:
    """Speaks through another voice of Home Assistant, and through what that has spoken before."""

    hass: HomeAssistant
    entity_id: str
    language: str
    format: AudioFormat
    """What is convenient to join: mp3, or WAV."""
    waiting: tuple[str, ...]
    """The voices that wait for it."""

    @property
    def name(self) -> str:
        """Which entity it is."""
        return self.entity_id

    @property
    def patience(self) -> float:
        """Seconds that a listener waits for it."""
        return _SOON

    @property
    def is_always_truncated(self) -> bool:
        """Whether its sound always ends as if it were cut off: nobody knows."""
        return False

    @asynccontextmanager
    async def speak(self, text: str, *, is_reply: bool) -> AsyncGenerator[SpeechAudio]:
        """Give the sound of a text while the context lasts. Raises FallbackFailedError, also for what is too late."""
        try:
            chunks = self._stream(text, is_reply=is_reply).async_stream_result()
        except Exception as err:
            raise FallbackFailedError(subject=self.entity_id) from err
        async with aclosing(chunks):
            audio = await detect_audio(self._told(chunks), self.format)
            note_voice(self.entity_id)
            yield audio

    def _stream(self, text: str, *, is_reply: bool) -> tts.ResultStream:
        """Begin to speak. A reply is streamed, since Home Assistant keeps none of those."""
        engine = tts.get_engine_instance(self.hass, self.entity_id)
        if engine is None:
            raise FallbackFailedError(subject=self.entity_id)
        spoken = language_util.matches(self.language, engine.supported_languages, self.hass.config.country)
        options: dict[str, Any] = {ATTR_PREFERRED_FORMAT: self.format.value}
        if self.format is AudioFormat.WAV:
            options |= _SAMPLES
        if is_orator_voice(self.hass, self.entity_id):  # the voice that it speaks for has chimes and silence of its own
            options |= dict.fromkeys(AROUND_SPEECH)
        stream = tts.async_create_stream(self.hass, self.entity_id, language=next(iter(spoken), None), options=options)
        token = _SPEAKING.set(self.waiting)  # the task that speaks begins here, and knows for whom
        try:
            if is_reply:
                stream.async_set_message_stream(_once(text))
            else:
                stream.async_set_message(text)
        finally:
            _SPEAKING.reset(token)
        return stream

    async def _told(self, chunks: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
        """Yield sound; whatever goes wrong with it, or keeps it waiting, is told as one error."""
        try:
            while True:
                async with asyncio.timeout(_PATIENCE):
                    chunk = await anext(chunks, None)
                if chunk is None:
                    return
                yield chunk
        except Exception as err:
            raise FallbackFailedError(subject=self.entity_id) from err


async def _once(text: str) -> AsyncGenerator[str]:
    yield text


@callback
def fallback_synthesizers(
    hass: HomeAssistant, entity_ids: Collection[str], own: str, language: str, audio_format: AudioFormat
) -> list[EntitySynthesizer]:
    """Return who speaks for a voice, in this order, without those that wait for it themselves."""
    waiting = (*_SPEAKING.get(), own)
    free = [entity_id for entity_id in dict.fromkeys(entity_ids) if entity_id not in waiting]
    return [EntitySynthesizer(hass, entity_id, language, audio_format, waiting) for entity_id in free]


@callback
def has_fallback_loop(hass: HomeAssistant, entity_ids: Collection[str], own: str | None) -> bool:
    """Tell whether a voice would in the end speak for itself."""
    chains = dict(_chains(hass))
    reached: set[str] = set()
    ahead = list(entity_ids)
    while ahead:
        entity_id = ahead.pop()
        if entity_id not in reached:
            reached.add(entity_id)
            ahead += chains.get(entity_id, ())
    return own is not None and own in reached


def _chains(hass: HomeAssistant) -> Iterator[tuple[str, Collection[str]]]:
    """Yield Orator's voices and who speaks for them."""
    for entry in hass.config_entries.async_entries(DOMAIN):
        for subentry in entry.subentries.values():
            if entity_id := voice_entity_id(hass, subentry.subentry_id):
                yield entity_id, subentry.data.get(CONF_FALLBACK, ())


@callback
def voice_entity_id(hass: HomeAssistant, subentry_id: str) -> str | None:
    """Return the entity of a voice, None where there is none yet."""
    return er.async_get(hass).async_get_entity_id(tts.DOMAIN, DOMAIN, subentry_id)


@callback
def is_orator_voice(hass: HomeAssistant, entity_id: str) -> bool:
    """Tell whether an entity is one of Orator's voices."""
    entry = er.async_get(hass).async_get(entity_id)
    return entry is not None and entry.platform == DOMAIN


@callback
def can_be_heard(hass: HomeAssistant, entity_ids: Collection[str], own: str) -> bool:
    """Tell whether anything can be heard of a voice that can't speak: others, or what it has spoken before."""
    states = [hass.states.get(entity_id) for entity_id in entity_ids]
    has_others = any(state is not None and state.state != STATE_UNAVAILABLE for state in states)
    return has_others or has_cached_speech(hass, own)


@callback
def async_track_fallbacks(hass: HomeAssistant, entry: OratorConfigEntry) -> CALLBACK_TYPE:
    """Keep what an account's voices say of others true, until what is returned is called."""

    @callback
    def review(_hass: HomeAssistant) -> None:
        entry.runtime_data.issues.async_set_missing_fallbacks(_missing(hass, entry))

    @callback
    def is_voice(data: er.EventEntityRegistryUpdatedData) -> bool:
        return data["entity_id"].startswith(f"{tts.DOMAIN}.")

    @callback
    def follow(event: Event[er.EventEntityRegistryUpdatedData]) -> None:
        data = event.data
        if data["action"] == "update" and "old_entity_id" in data:
            _rename(hass, entry, data["old_entity_id"], data["entity_id"])
        if hass.is_running:
            review(hass)

    stop_to_follow = hass.bus.async_listen(er.EVENT_ENTITY_REGISTRY_UPDATED, follow, event_filter=is_voice)
    stop_to_wait = async_at_started(hass, review)  # others may come later than this account

    @callback
    def stop() -> None:
        stop_to_follow()
        stop_to_wait()

    return stop


def _rename(hass: HomeAssistant, entry: OratorConfigEntry, old: str, new: str) -> None:
    """Let an entity go on speaking for others under its new name."""
    for voice in list(entry.subentries.values()):
        names = voice.data.get(CONF_FALLBACK, [])
        if old in names:
            renamed = [new if name == old else name for name in names]
            hass.config_entries.async_update_subentry(entry, voice, data={**voice.data, CONF_FALLBACK: renamed})


def _missing(hass: HomeAssistant, entry: OratorConfigEntry) -> dict[str, list[str]]:
    """Return who is to speak and is no more, or is switched off, by the IDs of those they are to speak for."""
    registry = er.async_get(hass)

    def is_missing(entity_id: str) -> bool:
        known = registry.async_get(entity_id)
        if known is not None:
            return known.disabled_by is not None
        return hass.states.get(entity_id) is None

    missing = {
        voice_id: [name for name in voice.data.get(CONF_FALLBACK, ()) if is_missing(name)]
        for voice_id, voice in entry.subentries.items()
    }
    return {voice_id: names for voice_id, names in missing.items() if names}
