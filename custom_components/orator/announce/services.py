"""Actions for announcements: announce, cancel and replay."""

from collections.abc import Iterable
import logging
from typing import Any, Final

from homeassistant.auth.permissions.const import POLICY_CONTROL
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.exceptions import Unauthorized, UnknownUser
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.target import TargetSelection
from homeassistant.util.json import JsonObjectType
import voluptuous as vol

from ..const import CONF_CHIME, DOMAIN
from .manager import async_get_manager
from .models import IfBusy, Priority, QuietBehavior, SpeakerResult, Status, request_error
from .request import (
    ATTR_EXPIRES_AFTER,
    ATTR_IF_BUSY,
    ATTR_LANGUAGE,
    ATTR_MEDIA_ID,
    ATTR_MESSAGE,
    ATTR_OPTIONS,
    ATTR_PRIORITY,
    ATTR_QUIET,
    ATTR_REPEAT,
    ATTR_REPEAT_DELAY,
    ATTR_RESUME,
    ATTR_UNTIL,
    ATTR_VOICE,
    ATTR_VOLUME_LEVEL,
    ATTR_VOLUME_LEVELS,
    MAX_REPEAT,
    async_create_announcement,
    async_get_speakers,
    raise_if_failed,
)
from .runs import AnnouncementRun
from .targets import Speaker, async_resolve_targets

_LOGGER = logging.getLogger(__name__)

_SERVICE_ANNOUNCE: Final = "announce"
_SERVICE_CANCEL: Final = "cancel_announcement"
_SERVICE_REPLAY: Final = "replay_announcement"

_ATTR_WAIT: Final = "wait"
_ATTR_ANNOUNCEMENT_ID: Final = "announcement_id"

_PRIORITIES: Final = {priority.name.lower(): priority for priority in Priority}


def _parse_priority(value: Any) -> Priority:
    return _PRIORITIES[vol.In(list(_PRIORITIES))(value)]


_WAIT: Final = {vol.Optional(_ATTR_WAIT, default=True): cv.boolean}
_ANNOUNCE: Final = cv.make_entity_service_schema(
    {
        vol.Optional(ATTR_MESSAGE): cv.string,
        vol.Optional(ATTR_MEDIA_ID): cv.string,
        vol.Optional(ATTR_VOICE): cv.entity_id,
        vol.Optional(ATTR_LANGUAGE): cv.string,
        vol.Optional(ATTR_OPTIONS, default=dict): dict,
        vol.Optional(ATTR_VOLUME_LEVEL): vol.Coerce(float),
        vol.Optional(ATTR_VOLUME_LEVELS, default=dict): {cv.entity_id: vol.Coerce(float)},
        vol.Optional(ATTR_PRIORITY): _parse_priority,
        vol.Optional(ATTR_IF_BUSY): vol.Coerce(IfBusy),
        vol.Optional(ATTR_EXPIRES_AFTER): cv.positive_time_period,
        vol.Optional(ATTR_QUIET): vol.Coerce(QuietBehavior),
        vol.Optional(ATTR_REPEAT): vol.All(vol.Coerce(int), vol.Range(min=1, max=MAX_REPEAT)),
        vol.Optional(ATTR_REPEAT_DELAY): cv.positive_time_period,
        vol.Optional(ATTR_UNTIL): cv.entity_id,
        vol.Optional(CONF_CHIME): cv.string,
        vol.Optional(ATTR_RESUME, default=True): cv.boolean,
        **_WAIT,
    }
)
_CANCEL: Final = vol.Schema(
    {vol.Remove("metadata"): dict, vol.Optional(_ATTR_ANNOUNCEMENT_ID): cv.string, **cv.ENTITY_SERVICE_FIELDS}
)
_REPLAY: Final = cv.make_entity_service_schema(_WAIT)


@callback
def async_setup_announcement_services(hass: HomeAssistant) -> None:
    """Register the actions."""
    for name, function, schema in (
        (_SERVICE_ANNOUNCE, _async_announce, _ANNOUNCE),
        (_SERVICE_CANCEL, _async_cancel, _CANCEL),
        (_SERVICE_REPLAY, _async_replay, _REPLAY),
    ):
        hass.services.async_register(DOMAIN, name, function, schema, supports_response=SupportsResponse.OPTIONAL)


async def _async_announce(call: ServiceCall) -> ServiceResponse:
    """Announce, and return the result by entity ID."""
    announcement = async_create_announcement(call.hass, call.data, context_id=call.context.id)
    # An alarm that is repeated until it is acknowledged is tried again on speakers that are unavailable.
    targets = await async_get_speakers(
        call.hass, TargetSelection(call.data), include_unavailable=announcement.until is not None
    )
    await _async_require_control(call, targets.speakers)
    return await _async_respond(call, [async_get_manager(call.hass).async_announce(announcement, targets)])


async def _async_cancel(call: ServiceCall) -> ServiceResponse:
    """Cancel announcements by their ID, by their speakers, or both; return how many there were."""
    announcement_id, selection = call.data.get(_ATTR_ANNOUNCEMENT_ID), TargetSelection(call.data)
    manager, speakers = async_get_manager(call.hass), None
    if selection.has_any_target:
        targets = await async_resolve_targets(call.hass, selection)
        await _async_require_control(call, targets.speakers)
        speakers = {speaker.key for speaker in targets.speakers} | targets.errors.keys()
    elif announcement_id is None:
        raise request_error(translation_key="cancel_what")
    else:
        await _async_require_control(call, manager.async_get_speakers(announcement_id))
    return {"cancelled": manager.async_cancel(announcement_id, speakers=speakers)}


async def _async_replay(call: ServiceCall) -> ServiceResponse:
    """Repeat the last announcement of each speaker, and return the result by entity ID."""
    targets = await async_get_speakers(call.hass, TargetSelection(call.data))
    await _async_require_control(call, targets.speakers)
    runs = async_get_manager(call.hass).async_replay(targets.speakers)
    if not runs:
        raise request_error(translation_key="nothing_to_replay")
    return await _async_respond(call, runs)


async def _async_respond(call: ServiceCall, runs: Iterable[AnnouncementRun]) -> ServiceResponse:
    """Return the results by entity ID, after the end if the action waits. Raises HomeAssistantError if all failed."""
    response: dict[str, Any] = {}
    results: dict[str, SpeakerResult] = {}
    for run in runs:
        found = await run.async_wait() if call.data[_ATTR_WAIT] else run.current_results
        results |= found
        response |= {entity_id: _describe(run.id_of(entity_id), result) for entity_id, result in found.items()}
    if call.return_response:
        return response
    raise_if_failed(results)
    for entity_id, result in results.items():
        if result.status is Status.FAILED:
            _LOGGER.warning("The announcement failed on %s: %s", entity_id, result.error)
    return None


def _describe(announcement_id: str, result: SpeakerResult) -> JsonObjectType:
    return {
        "id": announcement_id,
        "status": result.status.value,
        "error": None if result.error is None else str(result.error),
        "route": result.route,
        "spoken_by": list(result.spoken_by),
        "duration": None if result.duration is None else round(result.duration, 3),
        "volume_before": result.volume_before,
    }


async def _async_require_control(call: ServiceCall, speakers: Iterable[Speaker]) -> None:
    """Raise Unauthorized if the calling user may not control the speakers; automations have no user."""
    if not call.context.user_id:
        return
    user = await call.hass.auth.async_get_user(call.context.user_id)
    if user is None:
        raise UnknownUser(context=call.context)
    for speaker in speakers:
        if not user.permissions.check_entity(speaker.entity_id, POLICY_CONTROL):
            raise Unauthorized(context=call.context, entity_id=speaker.entity_id, permission=POLICY_CONTROL)
