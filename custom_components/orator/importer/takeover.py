"""Take over the entity IDs of imported voices, so that automations and assistants go on unchanged, and undo it.

The flow stores a take-over in the account's options. It is carried out when the account is loaded and its voices have
entities, and its record stays in the options until it is undone.
"""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
import logging
from typing import Any, Final

from homeassistant.components.tts import DOMAIN as TTS_DOMAIN, TextToSpeechEntity, get_engine_instance
from homeassistant.config_entries import ConfigEntryDisabler, OperationNotAllowed
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback, split_entity_id
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.event import async_track_state_change_event

from ..coordinator import OratorConfigEntry
from ..entity import voice_entity_id
from ..fallback import ignore_renames
from .models import TakeOver
from .references import (
    async_adapt_fallbacks,
    async_adapt_pipelines,
    async_restore_fallbacks,
    async_restore_pipelines,
    uses_actions,
)
from .registry import async_copy_settings, async_restore_settings

_LOGGER: Final = logging.getLogger(__name__)

CONF_IMPORTS: Final = "imports"
"""Option of an account: its take-overs, the oldest first."""

_ENTRY_ID: Final = "entry_id"
_ENTITY_IDS: Final = "entity_ids"
_HAS_OTHER_ENTITIES: Final = "has_other_entities"
_VOICES: Final = "voices"
"""What has been changed, by the ID of the voice subentry; absent in a take-over that is not carried out yet."""
_IS_ENTRY_DISABLED: Final = "is_entry_disabled"
_FALLBACKS: Final = "fallbacks"
_PIPELINES: Final = "pipelines"

_PLATFORM: Final = "platform"
_UNIQUE_ID: Final = "unique_id"
_ENTITY_ID: Final = "entity_id"
_DISABLED_BY: Final = "disabled_by"
_OWN_ENTITY_ID: Final = "own_entity_id"
_SETTINGS: Final = "settings"

_RENAME_TIMEOUT_S: Final = 10.0
"""Timeout for an entity to be removed from the state machine, or added to it, after a change in the registry."""


def with_take_over(options: Mapping[str, Any], take_over: TakeOver) -> dict[str, Any]:
    """Return the options of an account with a take-over that is carried out when the account is loaded."""
    record = {
        "domain": take_over.domain,
        _ENTRY_ID: take_over.entry_id,
        _ENTITY_IDS: dict(take_over.entity_ids),
        _HAS_OTHER_ENTITIES: take_over.has_other_entities,
    }
    return {**options, CONF_IMPORTS: [*options.get(CONF_IMPORTS, ()), record]}


@callback
def can_undo_import(hass: HomeAssistant, entry: OratorConfigEntry) -> bool:
    """Return whether an account has taken over entity IDs of entities that still exist."""
    return bool(taken_entity_ids(hass, entry))


@callback
def taken_entity_ids(hass: HomeAssistant, entry: OratorConfigEntry) -> list[str]:
    """Return the entity IDs that an account has taken over and can give back."""
    registry = er.async_get(hass)
    return [
        voice[_ENTITY_ID]
        for record in entry.options.get(CONF_IMPORTS, ())
        for voice in record.get(_VOICES, {}).values()
        if _find_previous(registry, voice) is not None
    ]


@callback
def taken_from(hass: HomeAssistant, entry: OratorConfigEntry) -> list[str]:
    """Return the names of the config entries whose entity IDs an account has taken over."""
    entries = [hass.config_entries.async_get_entry(record[_ENTRY_ID]) for record in entry.options.get(CONF_IMPORTS, ())]
    return list(dict.fromkeys(one.title for one in entries if one is not None))


async def async_take_over(hass: HomeAssistant, entry: OratorConfigEntry) -> None:
    """Carry out the take-overs of a loaded account that are not carried out yet."""
    records = [dict(record) for record in entry.options.get(CONF_IMPORTS, ())]
    pending = [record for record in records if _VOICES not in record]
    for record in pending:
        record |= {_VOICES: {}, _IS_ENTRY_DISABLED: False}
        try:
            await _async_take_over(hass, entry, record)
        except Exception:  # the account has to load, and what has been changed so far can be undone
            _LOGGER.exception("Unexpected error while taking over entity IDs of %s", record["domain"])
    if pending:
        _store(hass, entry, records)


async def _async_take_over(hass: HomeAssistant, entry: OratorConfigEntry, record: dict[str, Any]) -> None:
    """Carry out a take-over, and add what is changed to its record."""
    registry = er.async_get(hass)
    voices = {voice.unique_id: voice.subentry_id for voice in entry.subentries.values()}
    taken: dict[str, str] = {}
    for unique_id, entity_id in record[_ENTITY_IDS].items():
        previous = registry.async_get(entity_id)
        if previous is not None and previous.config_entry_id != record[_ENTRY_ID]:
            _LOGGER.warning("%s belongs to %s, so the imported voice keeps its own ID", entity_id, previous.platform)
        elif (subentry_id := voices.get(unique_id)) and (own_entity_id := voice_entity_id(hass, subentry_id)):
            taken[own_entity_id] = entity_id
            record[_VOICES][subentry_id] = _describe_previous(registry, entity_id) | {_OWN_ENTITY_ID: own_entity_id}
    await _async_disable(hass, record, taken.values())
    renamed: dict[str, str] = {}
    engines: dict[str, TextToSpeechEntity] = {}
    for voice in record[_VOICES].values():
        entity_id, own_entity_id = voice[_ENTITY_ID], voice[_OWN_ENTITY_ID]
        engine = get_engine_instance(hass, own_entity_id)
        if registry.async_get(entity_id) is not None:
            voice[_SETTINGS] = async_copy_settings(hass, entity_id, own_entity_id)
            _rename(hass, entity_id, f"{split_entity_id(entity_id)[1]}_old")
        if await _async_rename_to(hass, own_entity_id, entity_id):
            renamed[own_entity_id] = entity_id
            if isinstance(engine, TextToSpeechEntity):
                engines[entity_id] = engine
                await _async_wait_for_state(hass, entity_id, exists=True)
    record[_FALLBACKS] = async_adapt_fallbacks(hass, renamed)
    record[_PIPELINES] = await async_adapt_pipelines(hass, engines)


async def async_undo_import(hass: HomeAssistant, entry: OratorConfigEntry) -> list[str]:
    """Give the entity IDs back and enable the previous entities, and return the IDs that others use meanwhile."""
    kept: list[str] = []
    for record in reversed(entry.options.get(CONF_IMPORTS, [])):
        kept += await _async_release(hass, record)
        await _async_enable(hass, record)
    _store(hass, entry, [])
    return kept


async def async_release_entity_ids(hass: HomeAssistant, entry: OratorConfigEntry) -> None:
    """Give the entity IDs back before an account is removed; the previous entities stay disabled."""
    for record in reversed(entry.options.get(CONF_IMPORTS, [])):
        await _async_release(hass, record)


async def _async_release(hass: HomeAssistant, record: Mapping[str, Any]) -> list[str]:
    """Give the entity IDs of a take-over back, and return those that others use meanwhile."""
    registry = er.async_get(hass)
    kept: list[str] = []
    await async_restore_pipelines(hass, record.get(_PIPELINES, {}))
    for subentry_id, voice in record.get(_VOICES, {}).items():
        previous_entity_id = _find_previous(registry, voice)
        if previous_entity_id is None:  # removed meanwhile, so Orator's voice goes on speaking under its ID
            continue
        entity_id, own_entity_id = voice[_ENTITY_ID], voice_entity_id(hass, subentry_id)
        if own_entity_id is not None:
            async_restore_settings(hass, previous_entity_id, own_entity_id, voice.get(_SETTINGS, {}))
        if own_entity_id == entity_id:
            _rename(hass, entity_id, split_entity_id(voice[_OWN_ENTITY_ID])[1])
        if not await _async_rename_to(hass, previous_entity_id, entity_id):
            kept.append(entity_id)
    async_restore_fallbacks(hass, record.get(_FALLBACKS, {}))
    return kept


def _describe_previous(registry: er.EntityRegistry, entity_id: str) -> dict[str, Any]:
    """Return the record of an entity whose ID is taken over; it has no unique ID if the entity does not exist."""
    previous = registry.async_get(entity_id)
    return {
        _ENTITY_ID: entity_id,
        _PLATFORM: previous and previous.platform,
        _UNIQUE_ID: previous and previous.unique_id,
        _DISABLED_BY: previous and previous.disabled_by and previous.disabled_by.value,
    }


def _find_previous(registry: er.EntityRegistry, voice: Mapping[str, Any]) -> str | None:
    """Return the present entity ID of the previous entity, or None if it has been removed."""
    if voice[_UNIQUE_ID] is None:
        return None
    return registry.async_get_entity_id(TTS_DOMAIN, voice[_PLATFORM], voice[_UNIQUE_ID])


async def _async_disable(hass: HomeAssistant, record: dict[str, Any], entity_ids: Iterable[str]) -> None:
    """Disable the previous config entry, or only the entities, and record whether the config entry is disabled.

    A disabled integration would have no actions, which automations may use with the taken-over entity IDs.
    """
    registry = er.async_get(hass)
    entry = hass.config_entries.async_get_entry(record[_ENTRY_ID])
    if entry is None or entry.disabled_by:
        return
    taken = set(entity_ids)
    speech = {
        one.entity_id
        for one in er.async_entries_for_config_entry(registry, entry.entry_id)
        if one.domain == TTS_DOMAIN and not one.disabled
    }
    is_used = record[_HAS_OTHER_ENTITIES] or uses_actions(hass, entry.domain)
    if taken and speech <= taken and not is_used:
        record[_IS_ENTRY_DISABLED] = True
        with suppress(OperationNotAllowed):  # it could not be unloaded, so its entities are removed at the next start
            await hass.config_entries.async_set_disabled_by(entry.entry_id, ConfigEntryDisabler.USER)
        er.async_config_entry_disabled_by_changed(registry, entry)
        return
    for entity_id in speech & taken:
        registry.async_update_entity(entity_id, disabled_by=er.RegistryEntryDisabler.USER)


async def _async_enable(hass: HomeAssistant, record: Mapping[str, Any]) -> None:
    """Enable what a take-over has disabled, unless it was removed."""
    registry = er.async_get(hass)
    entry = hass.config_entries.async_get_entry(record[_ENTRY_ID])
    if entry is None:
        return
    if record.get(_IS_ENTRY_DISABLED) and entry.disabled_by:
        with suppress(OperationNotAllowed):
            await hass.config_entries.async_set_disabled_by(entry.entry_id, None)
        return
    disabled = [
        entity_id
        for voice in record.get(_VOICES, {}).values()
        if voice[_DISABLED_BY] is None
        and (entity_id := _find_previous(registry, voice))
        and registry.entities[entity_id].disabled_by is er.RegistryEntryDisabler.USER
    ]
    for entity_id in disabled:
        registry.async_update_entity(entity_id, disabled_by=None)
    if disabled and not entry.disabled_by:
        hass.config_entries.async_schedule_reload(entry.entry_id)  # Home Assistant would wait for 30 seconds


async def _async_rename_to(hass: HomeAssistant, entity_id: str, new_entity_id: str) -> bool:
    """Rename an entity once the ID is free, and return whether it has the ID."""
    registry = er.async_get(hass)
    if entity_id == new_entity_id:
        return True
    if registry.async_get(entity_id) is None:
        return False
    if registry.async_get(new_entity_id) is None:
        await _async_wait_for_state(hass, new_entity_id, exists=False)
    if registry.async_get(new_entity_id) is not None or not hass.states.async_available(new_entity_id):
        return False
    with ignore_renames(hass):
        registry.async_update_entity(entity_id, new_entity_id=new_entity_id)
    return True


def _rename(hass: HomeAssistant, entity_id: str, object_id: str) -> None:
    """Rename an entity, with a number if the ID is taken."""
    registry = er.async_get(hass)
    new_entity_id = registry.async_get_available_entity_id(TTS_DOMAIN, object_id)
    with ignore_renames(hass):
        registry.async_update_entity(entity_id, new_entity_id=new_entity_id)


async def _async_wait_for_state(hass: HomeAssistant, entity_id: str, *, exists: bool) -> None:
    """Wait until an entity has a state, or none, but not longer than the timeout: entities are renamed in tasks."""
    changed = asyncio.Event()

    @callback
    def handle_change(event: Event[EventStateChangedData]) -> None:
        if (event.data["new_state"] is not None) == exists:
            changed.set()

    stop = async_track_state_change_event(hass, entity_id, handle_change)
    try:
        async with asyncio.timeout(_RENAME_TIMEOUT_S):
            if (hass.states.get(entity_id) is not None) != exists:
                await changed.wait()
    except TimeoutError:
        _LOGGER.debug("%s was not renamed in time", entity_id)
    finally:
        stop()


def _store(hass: HomeAssistant, entry: OratorConfigEntry, records: list[dict[str, Any]]) -> None:
    """Store the take-overs of an account."""
    options = {key: value for key, value in entry.options.items() if key != CONF_IMPORTS}
    hass.config_entries.async_update_entry(entry, options={**options, CONF_IMPORTS: records} if records else options)
