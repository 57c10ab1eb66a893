"""Actions that generate speech as a file or link, or in advance."""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Final

from homeassistant.components import tts
from homeassistant.components.media_player import async_process_play_media_url
from homeassistant.components.tts import ATTR_PREFERRED_FORMAT, TextToSpeechEntity
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import async_extract_entity_ids, async_register_platform_entity_service
from homeassistant.util.json import JsonObjectType
import voluptuous as vol

from .audio.conversion import measure_duration
from .const import CONF_FALLBACK, DOMAIN
from .coordinator import OratorConfigEntry
from .entity import entity_name, find_voice, is_orator_voice
from .estimates import EstimatingVoice, SpeechEstimate, async_estimate_speech
from .limits import LimitPeriod
from .media_files import MediaFile, async_get_stored_files, reserve_file, resolve_media_file
from .providers.models import Usage, round_cost
from .tts_requests import (
    PreparedMessage,
    SpeechRequest,
    SpeechResult,
    SpokenByFallbackError,
    async_request_speech,
    validate_request,
)

if TYPE_CHECKING:  # its requirements are only installed if there are satellites
    from homeassistant.components.assist_satellite import AssistSatelliteEntity

_SERVICE_SYNTHESIZE: Final = "synthesize"
_SERVICE_PREPARE: Final = "prepare"

_ATTR_MESSAGE: Final = "message"
_ATTR_MESSAGES: Final = "messages"
_ATTR_LANGUAGE: Final = "language"
_ATTR_OPTIONS: Final = "options"
_ATTR_CACHE: Final = "cache"
_ATTR_DRY_RUN: Final = "dry_run"
_ATTR_FILE_NAME: Final = "file_name"
_ATTR_OVERWRITE: Final = "overwrite"
_ATTR_SATELLITES: Final = "satellites"

_MAX_MESSAGES: Final = 100
_MAX_PREPARED_CHARS: Final = 2_000
_MAX_SYNTHESIZED_CHARS: Final = 100_000
_MAX_PARALLEL_MESSAGES: Final = 3
"""Maximum number of messages prepared in parallel, so that the voice can still serve other calls."""
_SATELLITE_DOMAIN: Final = "assist_satellite"
_PREFERRED_PIPELINE: Final = "preferred"
_CHARACTERS: Final = "characters"

_TEXT: Final = vol.All(cv.string, str.strip, vol.Length(min=1))
_LANGUAGE_AND_OPTIONS: Final = {
    vol.Optional(_ATTR_LANGUAGE): cv.string,
    vol.Optional(_ATTR_OPTIONS, default=dict): dict,
}
_SYNTHESIZE: Final = {
    vol.Required(_ATTR_MESSAGE): vol.All(_TEXT, vol.Length(max=_MAX_SYNTHESIZED_CHARS)),
    **_LANGUAGE_AND_OPTIONS,
    vol.Optional(_ATTR_CACHE, default=True): cv.boolean,
    vol.Optional(_ATTR_DRY_RUN, default=False): cv.boolean,
    vol.Optional(_ATTR_FILE_NAME): _TEXT,
    vol.Optional(_ATTR_OVERWRITE, default=False): cv.boolean,
}
_PREPARE: Final = {
    vol.Required(_ATTR_MESSAGES): vol.All(
        cv.ensure_list, [vol.All(_TEXT, vol.Length(max=_MAX_PREPARED_CHARS))], vol.Length(min=1, max=_MAX_MESSAGES)
    ),
    **_LANGUAGE_AND_OPTIONS,
    vol.Optional(_ATTR_SATELLITES, default=list): cv.entity_ids,
}


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions."""
    async_register_platform_entity_service(
        hass,
        DOMAIN,
        _SERVICE_SYNTHESIZE,
        entity_domain=tts.DOMAIN,
        schema=_SYNTHESIZE,
        func=_async_synthesize,
        supports_response=SupportsResponse.ONLY,
    )
    async_register_platform_entity_service(
        hass,
        DOMAIN,
        _SERVICE_PREPARE,
        entity_domain=tts.DOMAIN,
        schema=_PREPARE,
        func=_async_prepare,
        supports_response=SupportsResponse.OPTIONAL,
    )


async def _async_synthesize(voice: EstimatingVoice, call: ServiceCall) -> ServiceResponse:
    """Generate speech, and return its URL, duration and cost; with `dry_run`, only estimate the cost."""
    hass = call.hass
    options = call.data[_ATTR_OPTIONS]
    request = SpeechRequest(
        call.data[_ATTR_MESSAGE],
        call.data.get(_ATTR_LANGUAGE),
        options,
        call.data[_ATTR_CACHE],
        can_wait=not {**(voice.default_options or {}), **options}.get(CONF_FALLBACK),
    )
    if call.data[_ATTR_DRY_RUN]:
        return _estimate_response(hass, await async_estimate_speech(hass, voice, request))
    validate_request(voice, request)
    file: MediaFile | None = None
    async with AsyncExitStack() as stack:
        if name := call.data.get(_ATTR_FILE_NAME):
            if call.data[_ATTR_OVERWRITE]:
                await _async_require_admin(call)
            extension = {**(voice.default_options or {}), **options}[ATTR_PREFERRED_FORMAT]
            file = resolve_media_file(hass, name, extension, may_replace=call.data[_ATTR_OVERWRITE])
            if len(await _async_target_voices(call)) > 1:
                raise file.in_use_error
            await stack.enter_async_context(reserve_file(hass, file))
        result = async_request_speech(hass, voice, request)
        audio = await result.async_read()
        if file:
            await (await async_get_stored_files(hass)).async_write(file, audio)
    duration = await hass.async_add_executor_job(measure_duration, audio)
    return {
        "media_id": file.media_id if file else _media_id(hass, voice, request, result),
        **_links(hass, file.url if file else result.stream.url),
        "content_type": result.stream.content_type,
        "format": result.stream.extension,
        "duration": None if duration is None else round(duration, 3),
        "size": len(audio),
        "from_cache": result.from_cache,
        "spoken_by": list(result.spoken_by),
        **_usage_response(result.usage),
    }


async def _async_require_admin(call: ServiceCall) -> None:
    """Raise Unauthorized if a user without administrator rights calls; automations have no user."""
    user_id = call.context.user_id
    user = await call.hass.auth.async_get_user(user_id) if user_id else None
    if user_id and not (user and user.is_admin):
        raise Unauthorized(context=call.context)


async def _async_target_voices(call: ServiceCall) -> set[str]:
    """Return the Orator voices that an action targets."""
    return {entity_id for entity_id in await async_extract_entity_ids(call) if is_orator_voice(call.hass, entity_id)}


def _media_id(hass: HomeAssistant, voice: TextToSpeechEntity, request: SpeechRequest, result: SpeechResult) -> str:
    """Return a media ID of the same audio: permanent if the audio is cached on disk, otherwise valid for minutes."""
    if not request.use_disk_cache or result.has_fallback_audio:
        return result.stream.media_source_id
    return tts.generate_media_source_id(
        hass, request.message, voice.entity_id, request.language, dict(request.options), cache=request.use_disk_cache
    )


def _links(hass: HomeAssistant, path: str) -> JsonObjectType:
    """Return a signed path in Home Assistant, and a URL if players can reach one."""
    try:
        url = async_process_play_media_url(hass, path)
    except HomeAssistantError:
        url = None
    return {"path": async_process_play_media_url(hass, path, allow_relative_url=True), "url": url}


def _estimate_response(hass: HomeAssistant, estimate: SpeechEstimate) -> JsonObjectType:
    """Return an estimate, and what is left of the usage limits of the account that would be charged."""
    entry, _ = find_voice(hass, estimate.spoken_by)
    limiter = entry.runtime_data.limiter if entry and entry.state is ConfigEntryState.LOADED else None
    today, month = (limiter.status(period) if limiter else None for period in LimitPeriod)
    return {
        "from_cache": estimate.from_cache,
        "spoken_by": [estimate.spoken_by],
        "requests": estimate.usage.requests,
        **_usage_response(estimate.usage),
        "left_today": today.left if today else None,
        "left_this_month": month.left if month else None,
        "limit_unit": (limiter.unit or _CHARACTERS) if limiter and (today or month) else None,
    }


def _usage_response(usage: Usage) -> JsonObjectType:
    return {
        "characters": usage.characters,
        "cost": None if usage.cost is None else round_cost(usage.cost),
        "currency": usage.currency,
        "is_estimate": usage.is_estimate,
    }


async def _async_prepare(voice: TextToSpeechEntity, call: ServiceCall) -> ServiceResponse:
    """Synthesize messages into Home Assistant's cache, and return which of them are cached."""
    hass = call.hass
    satellites, language, options = call.data[_ATTR_SATELLITES], call.data.get(_ATTR_LANGUAGE), call.data[_ATTR_OPTIONS]
    if satellites and (language or options):
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="satellites_choose")
    variants = _satellite_variants(hass, satellites, voice.entity_id) or [(language, options)]
    validate_request(voice, SpeechRequest("", *variants[0]))
    messages = [
        PreparedMessage(hass, voice, [SpeechRequest(text, *variant, can_wait=True) for variant in variants])
        for text in call.data[_ATTR_MESSAGES]
    ]
    errors = await _async_prepare_messages(voice, messages)
    failures = [error for error in errors if error]
    if failures and not call.return_response:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="not_all_prepared",
            translation_placeholders={
                "failed": str(len(failures)),
                "count": str(len(errors)),
                "reason": str(failures[0]),
            },
        ) from failures[0]
    return {
        "ok": not failures,
        **_usage_response(sum((message.usage for message in messages), Usage())),
        "messages": [_message_response(*prepared) for prepared in zip(messages, errors, strict=True)],
    }


async def _async_prepare_messages(
    voice: TextToSpeechEntity, messages: Iterable[PreparedMessage]
) -> list[HomeAssistantError | None]:
    """Prepare a few messages at a time; return the error of each message.

    Fallbacks are charged but not cached, so once a fallback has spoken, only cached messages succeed.
    """
    limit = asyncio.Semaphore(_MAX_PARALLEL_MESSAGES)
    spoken_by_fallback: HomeAssistantError | None = None

    async def prepare(message: PreparedMessage) -> HomeAssistantError | None:
        nonlocal spoken_by_fallback
        async with limit:
            obstacle = spoken_by_fallback or _open_circuit_error(voice)
            if obstacle and not message.is_prepared:
                return obstacle
            try:
                await message.async_prepare()
            except SpokenByFallbackError as err:
                spoken_by_fallback = err
                return err
            except HomeAssistantError as err:
                return err
        return None

    return await asyncio.gather(*map(prepare, messages))


def _message_response(message: PreparedMessage, error: HomeAssistantError | None) -> JsonObjectType:
    return {
        "ok": error is None,
        "error": str(error) if error else None,
        "error_key": error.translation_key if error else None,
        "from_cache": error is None and message.from_cache,
        **_usage_response(message.usage),
    }


def _open_circuit_error(voice: TextToSpeechEntity) -> HomeAssistantError | None:
    """Return the error for a voice whose fallbacks are used first because its account's circuit breaker is open."""
    entry: OratorConfigEntry | None = voice.platform.config_entry
    if entry is None or not entry.runtime_data.health.is_open:
        return None
    return HomeAssistantError(
        translation_domain=DOMAIN,
        translation_key="voice_unavailable",
        translation_placeholders={"voice": entity_name(voice.hass, voice.entity_id)},
    )


@callback
def _satellite_variants(
    hass: HomeAssistant, satellites: Iterable[str], voice_entity_id: str
) -> list[tuple[str | None, Mapping[str, Any]]]:
    """Return the distinct languages and options that satellites announce with. Raises ServiceValidationError."""
    variants: list[tuple[str | None, Mapping[str, Any]]] = []
    for entity_id in satellites:
        variant = _satellite_variant(hass, entity_id, voice_entity_id)
        if variant not in variants:
            variants.append(variant)
    return variants


def _satellite_variant(
    hass: HomeAssistant, entity_id: str, voice_entity_id: str
) -> tuple[str | None, Mapping[str, Any]]:
    """Return the language and options that `assist_satellite.announce` uses for the satellite's pipeline."""
    satellite = _find_satellite(hass, entity_id)
    if satellite is None:
        raise _satellite_error(hass, "satellite_not_found", entity_id, voice_entity_id)
    from homeassistant.components.assist_pipeline import async_get_pipeline, async_get_pipelines  # noqa: PLC0415

    state = satellite.pipeline_entity_id and hass.states.get(satellite.pipeline_entity_id)
    name = state.state if state and state.state != _PREFERRED_PIPELINE else None
    by_name = {pipeline.name: pipeline for pipeline in reversed(async_get_pipelines(hass))}
    pipeline = (by_name.get(name) if name else None) or async_get_pipeline(hass)
    if tts.async_resolve_engine(hass, pipeline.tts_engine) != voice_entity_id:
        raise _satellite_error(hass, "satellite_uses_other_voice", entity_id, voice_entity_id)
    picked = {} if pipeline.tts_voice is None else {tts.ATTR_VOICE: pipeline.tts_voice}
    return pipeline.tts_language, {**picked, **(satellite.tts_options or {})}


def _find_satellite(hass: HomeAssistant, entity_id: str) -> AssistSatelliteEntity | None:
    """Return the entity of a satellite, or None if there is none."""
    if _SATELLITE_DOMAIN not in hass.config.components:
        return None
    # The requirements of these two integrations are only installed if there are satellites.
    from homeassistant.components.assist_satellite.const import DATA_COMPONENT  # noqa: PLC0415

    return hass.data[DATA_COMPONENT].get_entity(entity_id)


def _satellite_error(hass: HomeAssistant, key: str, entity_id: str, voice_entity_id: str) -> ServiceValidationError:
    return ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key=key,
        translation_placeholders={
            "satellite": entity_name(hass, entity_id),
            "voice": entity_name(hass, voice_entity_id),
        },
    )
