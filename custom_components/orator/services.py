"""The actions: speech as a file or a link, and speech made ahead."""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from typing import Any, Final

from homeassistant.components import tts
from homeassistant.components.ffmpeg import get_ffmpeg_manager
from homeassistant.components.media_player import async_process_play_media_url
from homeassistant.components.tts import DOMAIN as TTS_DOMAIN, TextToSpeechEntity, generate_media_source_id
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import async_extract_entity_ids, async_register_platform_entity_service
from homeassistant.util.json import JsonObjectType
import voluptuous as vol

from .audio.ffmpeg import measure_duration
from .const import DOMAIN
from .coordinator import OratorConfigEntry
from .fallback import is_orator_voice
from .media_files import MediaFile, reserve_file, resolve_media_file
from .providers.models import Usage
from .speech import (
    PreparedMessage,
    SpeechRequest,
    SpeechResult,
    SpokenByFallbackError,
    async_request_speech,
    validate_request,
)

SERVICE_SYNTHESIZE: Final = "synthesize"
SERVICE_PREPARE: Final = "prepare"

_ATTR_MESSAGE: Final = "message"
_ATTR_MESSAGES: Final = "messages"
_ATTR_LANGUAGE: Final = "language"
_ATTR_OPTIONS: Final = "options"
_ATTR_CACHE: Final = "cache"
_ATTR_FILE_NAME: Final = "file_name"
_ATTR_OVERWRITE: Final = "overwrite"
_ATTR_SATELLITES: Final = "satellites"

_MAX_MESSAGES: Final = 100
_MAX_CHARS: Final = 2_000
"""Of each message that is made ahead."""
_AT_ONCE: Final = 3
"""Messages that a voice makes at the same time: it is also to answer whoever speaks with it meanwhile."""

_TEXT: Final = vol.All(cv.string, str.strip, vol.Length(min=1))
_HOW: Final = {vol.Optional(_ATTR_LANGUAGE): cv.string, vol.Optional(_ATTR_OPTIONS, default=dict): dict}
_SYNTHESIZE: Final = {
    vol.Required(_ATTR_MESSAGE): _TEXT,
    **_HOW,
    vol.Optional(_ATTR_CACHE, default=True): cv.boolean,
    vol.Optional(_ATTR_FILE_NAME): _TEXT,
    vol.Optional(_ATTR_OVERWRITE, default=False): cv.boolean,
}
_PREPARE: Final = {
    vol.Required(_ATTR_MESSAGES): vol.All(
        cv.ensure_list, [vol.All(_TEXT, vol.Length(max=_MAX_CHARS))], vol.Length(min=1, max=_MAX_MESSAGES)
    ),
    **_HOW,
    vol.Optional(_ATTR_SATELLITES, default=list): cv.entity_ids,
}


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions."""
    async_register_platform_entity_service(
        hass,
        DOMAIN,
        SERVICE_SYNTHESIZE,
        entity_domain=TTS_DOMAIN,
        schema=_SYNTHESIZE,
        func=_async_synthesize,
        supports_response=SupportsResponse.ONLY,
    )
    async_register_platform_entity_service(
        hass,
        DOMAIN,
        SERVICE_PREPARE,
        entity_domain=TTS_DOMAIN,
        schema=_PREPARE,
        func=_async_prepare,
        supports_response=SupportsResponse.OPTIONAL,
    )


async def _async_synthesize(voice: TextToSpeechEntity, call: ServiceCall) -> ServiceResponse:
    """Have a voice say something, and tell where it can be heard, how long it lasts and what it costs."""
    hass = call.hass
    order = SpeechRequest(
        call.data[_ATTR_MESSAGE], call.data.get(_ATTR_LANGUAGE), call.data[_ATTR_OPTIONS], call.data[_ATTR_CACHE]
    )
    file: MediaFile | None = None
    async with AsyncExitStack() as stack:
        if name := call.data.get(_ATTR_FILE_NAME):
            extension = order.options.get("preferred_format") or (voice.default_options or {})["preferred_format"]
            file = resolve_media_file(hass, name, str(extension), may_replace=call.data[_ATTR_OVERWRITE])
            if len(await _async_voices(call)) > 1:
                raise file.is_in_use
            await stack.enter_async_context(reserve_file(hass, file))
        making = async_request_speech(hass, voice, order)
        sound = await making.sound()
        if file:
            await hass.async_add_executor_job(file.write, sound)
    seconds = await measure_duration(sound, get_ffmpeg_manager(hass).binary)
    return {
        "media_id": file.media_id if file else _media_id(hass, voice, order, making),
        **_links(hass, file.url if file else making.stream.url),
        "content_type": making.stream.content_type,
        "format": making.stream.extension,
        "duration": None if seconds is None else round(seconds, 3),
        "size": len(sound),
        "from_cache": making.was_made,
        "spoken_by": list(making.spoken_by),
        **_spent(making.bill.total),
    }


async def _async_voices(call: ServiceCall) -> set[str]:
    """Return the voices that an action is for, whichever way they were named."""
    named = await async_extract_entity_ids(call)
    return {
        entity_id
        for entity_id in named
        if entity_id.startswith(f"{TTS_DOMAIN}.") and is_orator_voice(call.hass, entity_id)
    }


def _media_id(hass: HomeAssistant, voice: TextToSpeechEntity, order: SpeechRequest, making: SpeechResult) -> str:
    """Return an ID that plays what was heard: for good where it is kept, else for the minutes that it is remembered."""
    if not order.is_kept or making.spoken_by != [voice.entity_id]:
        return making.stream.media_source_id
    return generate_media_source_id(
        hass, order.message, voice.entity_id, order.language, dict(order.options), cache=order.is_kept
    )


def _links(hass: HomeAssistant, path: str) -> JsonObjectType:
    """Return a path within Home Assistant that needs no login, and the address of it where players can reach one."""
    try:
        url = async_process_play_media_url(hass, path)
    except HomeAssistantError:
        url = None
    return {"path": async_process_play_media_url(hass, path, allow_relative_url=True), "url": url}


def _spent(spending: Usage) -> JsonObjectType:
    """Return what was spent."""
    return {
        "characters": spending.characters,
        "cost": spending.cost,
        "currency": spending.currency,
        "is_estimate": spending.is_estimate,
    }


async def _async_prepare(voice: TextToSpeechEntity, call: ServiceCall) -> ServiceResponse:
    """Have a voice say things that Home Assistant then keeps, and tell which of them it has."""
    hass = call.hass
    satellites, language, options = call.data[_ATTR_SATELLITES], call.data.get(_ATTR_LANGUAGE), call.data[_ATTR_OPTIONS]
    if satellites and (language or options):
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="satellites_choose")
    wishes = satellite_requests(hass, satellites, voice.entity_id) or [(language, options)]
    limit = asyncio.Semaphore(_AT_ONCE)
    messages = [PreparedMessage(hass, voice) for _ in call.data[_ATTR_MESSAGES]]
    stand_in_spoke: HomeAssistantError | None = None

    async def prepare(ahead: PreparedMessage, message: str) -> HomeAssistantError | None:
        nonlocal stand_in_spoke
        orders = [SpeechRequest(message, *wish) for wish in wishes]
        async with limit:
            # What others would say is charged and not kept, so they are not asked again and again.
            refusal = stand_in_spoke or _rest(voice)
            if refusal and not all(map(ahead.is_kept, orders)):
                return refusal
            try:
                for order in orders:
                    await ahead.async_make(order)
            except SpokenByFallbackError as err:
                stand_in_spoke = err
                return err
            except HomeAssistantError as err:
                return err
        return None

    # What makes no sense is told before anything is spent.
    validate_request(voice, SpeechRequest("", *wishes[0]))
    errors = await asyncio.gather(*map(prepare, messages, call.data[_ATTR_MESSAGES], strict=True))
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
        **_spent(sum((ahead.spending for ahead in messages), Usage())),
        "messages": [
            {
                "ok": error is None,
                "error": str(error) if error else None,
                "error_key": error.translation_key if error else None,
                "from_cache": error is None and ahead.was_made,
                **_spent(ahead.spending),
            }
            for ahead, error in zip(messages, errors, strict=True)
        ],
    }


def _rest(voice: TextToSpeechEntity) -> HomeAssistantError | None:
    """Return what keeps a voice's account from speaking at the moment, so that only others would be heard."""
    entry: OratorConfigEntry | None = voice.platform.config_entry
    if entry is None or not entry.runtime_data.health.is_open:
        return None
    return HomeAssistantError(
        translation_domain=DOMAIN,
        translation_key="account_rests",
        translation_placeholders={"voice": voice.entity_id},
    )


_SATELLITES = "assist_satellite"
_PREFERRED_ASSISTANT = "preferred"


@callback
def satellite_requests(
    hass: HomeAssistant, satellites: Iterable[str], voice: str
) -> list[tuple[str | None, Mapping[str, Any]]]:
    """Return the language and the options of each satellite, same ones once. Raises ServiceValidationError."""
    found: list[tuple[str | None, Mapping[str, Any]]] = []
    for entity_id in satellites:
        wish = _wish(hass, entity_id, voice)
        if wish not in found:
            found.append(wish)
    return found


def _wish(hass: HomeAssistant, entity_id: str, voice: str) -> tuple[str | None, Mapping[str, Any]]:
    """Return what `assist_satellite.announce` asks the voice of a satellite's assistant for."""
    component = hass.data.get(_SATELLITES)
    satellite = component.get_entity(entity_id) if component else None
    if satellite is None:
        raise _refusal("satellite_not_found", entity_id, voice)
    # It needs components that only those have who have a satellite.
    from homeassistant.components.assist_pipeline import async_get_pipeline, async_get_pipelines  # noqa: PLC0415

    chosen = satellite.pipeline_entity_id and hass.states.get(satellite.pipeline_entity_id)
    named = chosen.state if chosen and chosen.state != _PREFERRED_ASSISTANT else None
    by_name = {pipeline.name: pipeline for pipeline in reversed(async_get_pipelines(hass))}
    pipeline = (by_name.get(named) if named else None) or async_get_pipeline(hass)
    if tts.async_resolve_engine(hass, pipeline.tts_engine) != voice:
        raise _refusal("satellite_speaks_otherwise", entity_id, voice)
    picked = {} if pipeline.tts_voice is None else {tts.ATTR_VOICE: pipeline.tts_voice}
    return pipeline.tts_language, {**picked, **(satellite.tts_options or {})}


def _refusal(key: str, satellite: str, voice: str) -> ServiceValidationError:
    return ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key=key,
        translation_placeholders={"satellite": satellite, "voice": voice},
    )
