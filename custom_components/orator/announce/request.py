"""Turn the data of an action or of an announcer into an announcement, and start it."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
import logging
from typing import Any, Final

from homeassistant.components import tts
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers.target import TargetSelection
from homeassistant.util.ulid import ulid_now

from ..const import CONF_CHIME, SUBENTRY_VOICE
from ..coordinator import async_get_accounts
from ..entity import entity_name, find_voice, is_orator_voice, voice_entity_id
from ..issues import translate_error
from ..providers.errors import InvalidSettingError
from ..tts_requests import SpeechRequest, validate_request
from ..voice_settings import VoiceSettings, configured_chimes
from .manager import async_get_manager
from .models import Announcement, IfBusy, Priority, SpeakerResult, Status, request_error
from .runs import AnnouncementRun
from .settings import AnnouncementSettings, Announcer, async_get_settings
from .targets import Targets, async_resolve_targets

_LOGGER = logging.getLogger(__name__)

ATTR_MESSAGE: Final = "message"
ATTR_MEDIA_ID: Final = "media_id"
ATTR_VOICE: Final = "tts_entity_id"
ATTR_LANGUAGE: Final = "language"
ATTR_OPTIONS: Final = "options"
ATTR_VOLUME_LEVEL: Final = "volume_level"
ATTR_VOLUME_LEVELS: Final = "volume_levels"
ATTR_PRIORITY: Final = "priority"
ATTR_IF_BUSY: Final = "if_busy"
ATTR_EXPIRES_AFTER: Final = "expires_after"
ATTR_QUIET: Final = "quiet"
ATTR_REPEAT: Final = "repeat"
ATTR_REPEAT_DELAY: Final = "repeat_delay"
ATTR_UNTIL: Final = "until"
ATTR_RESUME: Final = "resume"

MAX_MESSAGE_CHARS: Final = 100_000
MAX_REPEAT: Final = 1_000
"""Maximum number of repetitions, and the number with `until` if none is given."""
_REPEAT_DELAY: Final = timedelta(seconds=2)


async def async_start_announcement(
    hass: HomeAssistant,
    data: Mapping[str, Any],
    selection: TargetSelection,
    announcer: Announcer | None = None,
    context_id: str | None = None,
) -> AnnouncementRun:
    """Start an announcement on all speakers of a target, without waiting for its end.

    `data`: fields of the action `orator.announce`. Raises ServiceValidationError, whose message says what to do.
    """
    announcement = async_create_announcement(hass, data, announcer, context_id)
    targets = await async_resolve_targets(hass, selection, include_unavailable=announcement.until is not None)
    run = async_get_manager(hass).async_announce(announcement, targets)  # also reports speakers that cannot announce
    _raise_without_speakers(targets)
    return run


async def async_get_speakers(
    hass: HomeAssistant, selection: TargetSelection, *, include_unavailable: bool = False
) -> Targets:
    """Return the speakers of a target. Raises the error of the first one if none can announce."""
    targets = await async_resolve_targets(hass, selection, include_unavailable=include_unavailable)
    _raise_without_speakers(targets)
    return targets


def _raise_without_speakers(targets: Targets) -> None:
    """Raise the error of the first speaker if none can announce."""
    if targets.speakers:
        return
    if not targets.errors:
        raise request_error(translation_key="no_speakers")
    error = next(iter(targets.errors.values()))
    raise ServiceValidationError(
        translation_domain=error.translation_domain,
        translation_key=error.translation_key,
        translation_placeholders=error.translation_placeholders,
    ) from error


def raise_if_failed(results: Mapping[str, SpeakerResult]) -> None:
    """Raise the error of the first speaker if the announcement has failed on all of them."""
    if results and all(result.status is Status.FAILED for result in results.values()):
        error = next(result.error for result in results.values() if result.error)
        raise error


@callback
def async_create_announcement(
    hass: HomeAssistant, data: Mapping[str, Any], announcer: Announcer | None = None, context_id: str | None = None
) -> Announcement:
    """Return an announcement; missing fields come from the announcer and the settings of announcements.

    Raises ServiceValidationError.
    """
    settings = async_get_settings(hass)
    message, media_id = _parse_content(data)
    options = dict(data.get(ATTR_OPTIONS, {}))
    language = data.get(ATTR_LANGUAGE)
    priority: Priority = data.get(ATTR_PRIORITY, announcer.priority if announcer else Priority.NORMAL)
    chime, voice = data.get(CONF_CHIME), None
    if message is not None:
        voice = data.get(ATTR_VOICE)
        if voice and priority is Priority.CRITICAL and not _can_speak(hass, voice):
            _LOGGER.warning("%s cannot speak a critical announcement, so another voice does", voice)
            voice, options, language = None, {}, None
        voice = voice or _default_voice(hass, announcer.voice if announcer else None, settings.voice)
    if voice and is_orator_voice(hass, voice):
        options = (announcer.options if announcer else {}) | options | ({CONF_CHIME: chime} if chime else {})
    elif configured_chimes({CONF_CHIME: chime}):
        raise request_error(translation_key="chime_needs_voice")
    if voice:
        _validate_voice(hass, voice, SpeechRequest(str(message), language, options))
    if_busy = IfBusy.INTERRUPT if priority is Priority.CRITICAL else IfBusy.QUEUE
    until = data.get(ATTR_UNTIL)
    if until and hass.states.get(until) is None:
        if priority is not Priority.CRITICAL:
            raise request_error(translation_key="until_not_found", entity=until)
        _LOGGER.warning("%s was not found, so only canceling ends a critical announcement", until)
    return Announcement(
        id=ulid_now(),
        message=message,
        media_id=media_id,
        voice=voice,
        language=language,
        options=options,
        **_parse_volumes(data, settings, announcer),
        priority=priority,
        if_busy=data.get(ATTR_IF_BUSY, if_busy),
        expires_after=data.get(ATTR_EXPIRES_AFTER),
        quiet=data.get(ATTR_QUIET) or (announcer and announcer.quiet) or settings.quiet,
        repeat=data.get(ATTR_REPEAT, MAX_REPEAT if until else 1),
        repeat_delay=data.get(ATTR_REPEAT_DELAY, _REPEAT_DELAY),
        until=until,
        resume=data.get(ATTR_RESUME, True),
        announcer_id=announcer.id if announcer else None,
        context_id=context_id,
    )


def _parse_content(data: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return the message or the media ID. Raises ServiceValidationError unless there is exactly one of them."""
    message, media_id = str(data.get(ATTR_MESSAGE, "")).strip(), data.get(ATTR_MEDIA_ID) or None
    if bool(message) == bool(media_id):
        raise request_error(translation_key="message_or_media")
    if len(message) > MAX_MESSAGE_CHARS:
        raise request_error(translation_key="message_too_long", limit=f"{MAX_MESSAGE_CHARS:,}")
    return message or None, media_id


def _parse_volumes(
    data: Mapping[str, Any], settings: AnnouncementSettings, announcer: Announcer | None
) -> dict[str, Any]:
    """Return the volume for all speakers, and volumes by speaker: the default ones if no volume is given."""
    level = data.get(ATTR_VOLUME_LEVEL, announcer.volume_level if announcer else None)
    given: dict[str, float] = data.get(ATTR_VOLUME_LEVELS, {})
    for volume in (level, *given.values()):
        if volume is not None and not 0 <= volume <= 1:
            raise request_error(translation_key="volume_out_of_range", volume=str(volume))
    return {"volume_level": level, "volume_levels": given if level is not None else {**settings.volume_levels, **given}}


def _default_voice(hass: HomeAssistant, *preferred: str | None) -> str:
    """Return the first preferred voice that can speak, or else the first one of Orator.

    A voice that was removed, or whose account has an outage and which has no fallback, must not prevent an
    announcement. Raises ServiceValidationError if there is no voice.
    """
    voices = [voice for voice in (*preferred, *_orator_voices(hass)) if voice and tts.get_engine_instance(hass, voice)]
    if not voices:
        raise request_error(translation_key="no_voice")
    return next((voice for voice in voices if _can_speak(hass, voice)), voices[0])


def _can_speak(hass: HomeAssistant, voice: str) -> bool:
    """Return whether a voice is loaded and available."""
    state = hass.states.get(voice)
    return tts.get_engine_instance(hass, voice) is not None and state is not None and state.state != STATE_UNAVAILABLE


def _orator_voices(hass: HomeAssistant) -> Iterator[str | None]:
    """Yield the entity IDs of Orator's voices, in the order of accounts and voices."""
    for entry in async_get_accounts(hass):
        for subentry in entry.subentries.values():
            if subentry.subentry_type == SUBENTRY_VOICE:
                yield voice_entity_id(hass, subentry.subentry_id)


def _validate_voice(hass: HomeAssistant, voice: str, request: SpeechRequest) -> None:
    """Check a voice and its options at no cost. Raises ServiceValidationError."""
    entity = tts.get_engine_instance(hass, voice)
    if not isinstance(entity, tts.TextToSpeechEntity):
        raise request_error(translation_key="voice_not_found", voice=voice)
    validate_request(entity, request)
    account, subentry = find_voice(hass, voice)
    if account is None or subentry is None or account.state is not ConfigEntryState.LOADED:
        return
    given = {key: value for key, value in request.options.items() if value is not None}
    try:
        VoiceSettings.parse(
            account.runtime_data.data, {**(entity.default_options or {}), **given}, subentry.data, request.language
        )
    except InvalidSettingError as err:
        provider = account.runtime_data.provider
        raise ServiceValidationError(**translate_error(err, provider, entity_name(hass, voice))) from err
