"""Estimate what a message will use, without a request."""

from abc import abstractmethod
from dataclasses import dataclass

from homeassistant.components import tts
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant

from .const import CONF_FALLBACK
from .entity import find_voice
from .fallback import first_fallback
from .pipeline import SynthesisReport
from .providers.models import Usage
from .tts_requests import SpeechRequest, resolve_request
from .voice_settings import ATTR_FALLBACK_CALL, FallbackCall


class EstimatingVoice(tts.TextToSpeechEntity):
    """A voice that knows what a message will use."""

    @abstractmethod
    async def async_estimate(self, request: tts.TTSAudioRequest, *, reads_cache: bool) -> SynthesisReport:
        """Return the report to expect of a complete message; no request is sent. Raises HomeAssistantError.

        `reads_cache`: whether the sentence cache is used, unless the voice does not use it.
        """


@dataclass(frozen=True, slots=True)
class SpeechEstimate:
    """What a message is expected to use."""

    spoken_by: str
    """Entity ID of the voice that is expected to speak."""
    from_cache: bool
    """Whether the audio is cached: the message, or all of its sentences."""
    usage: Usage


async def async_estimate_speech(hass: HomeAssistant, voice: EstimatingVoice, request: SpeechRequest) -> SpeechEstimate:
    """Estimate what a message uses if the first voice that is asked speaks all of it. Raises HomeAssistantError."""
    resolved, is_cached = resolve_request(hass, voice, request)
    if is_cached:
        return SpeechEstimate(voice.entity_id, from_cache=True, usage=Usage())
    report = await voice.async_estimate(resolved, reads_cache=request.use_disk_cache)
    fallback = None if report.is_cached else _find_speaking_fallback(hass, voice.entity_id, resolved)
    if fallback is None:
        return SpeechEstimate(voice.entity_id, from_cache=report.is_cached, usage=report.usage)
    engine = tts.get_engine_instance(hass, fallback)
    if isinstance(engine, EstimatingVoice):
        language = request.language if request.language in engine.supported_languages else None
        options = {ATTR_FALLBACK_CALL: FallbackCall.LAST.value}
        return await async_estimate_speech(hass, engine, SpeechRequest(request.message, language, options))
    unknown = Usage(report.usage.characters, report.usage.requests, cost=None)
    return SpeechEstimate(fallback, from_cache=False, usage=unknown)


def _find_speaking_fallback(hass: HomeAssistant, entity_id: str, request: tts.TTSAudioRequest) -> str | None:
    """Return the fallback that is asked first, because the circuit breaker of the voice's account is open."""
    entry, _ = find_voice(hass, entity_id)
    is_open = entry and entry.state is ConfigEntryState.LOADED and entry.runtime_data.health.is_open
    if not is_open or ATTR_FALLBACK_CALL in request.options:
        return None
    return first_fallback(hass, request.options.get(CONF_FALLBACK) or [], entity_id)
