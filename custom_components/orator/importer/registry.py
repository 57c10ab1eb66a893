"""Copy what a user has set for an entity and its device to another entity and its device, and undo it."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er

_ENTITY_SETTINGS: Final = ("aliases", "categories", "hidden_by", "icon", "labels")
_AREA: Final = "area_id"
_LABELS: Final = "labels"
_OPTIONS: Final = "options"
_DEVICE: Final = "device"

_COMPUTED_NAME: Final = getattr(er, "COMPUTED_NAME", None)
"""Alias that stands for the name of the entity, stored as None; early supported versions do not have it."""


@callback
def async_copy_settings(hass: HomeAssistant, source_id: str, target_id: str) -> dict[str, Any]:
    """Copy the user's settings of an entity and its device, and return what they replace, to be stored.

    The area becomes that of the device: the voice is its main entity, which must not have an area of its own. The name
    is the title of the imported voice.
    """
    registry = er.async_get(hass)
    source, target = registry.entities[source_id], registry.entities[target_id]
    wanted, present = _get_settings(source, _ENTITY_SETTINGS), _get_settings(target, _ENTITY_SETTINGS)
    entity = {name: value for name, value in wanted.items() if value and value != present[name]}
    if entity:
        registry.async_update_entity(target_id, **entity)
    options = {domain: values for domain, values in source.options.items() if values != target.options.get(domain)}
    for domain, values in options.items():
        registry.async_update_entity_options(target_id, domain, dict(values))
    wanted, present = _get_device_settings(hass, source), _get_device_settings(hass, target)
    device = {name: value for name, value in wanted.items() if value and value != present.get(name)}
    if device and target.device_id:
        dr.async_get(hass).async_update_device(target.device_id, **device)
    return {
        **{name: _serialize(getattr(target, name)) for name in entity},
        _OPTIONS: {domain: target.options.get(domain) for domain in options},
        _DEVICE: {name: _serialize(present.get(name)) for name in device},
    }


@callback
def async_restore_settings(hass: HomeAssistant, source_id: str, target_id: str, replaced: Mapping[str, Any]) -> None:
    """Restore what `async_copy_settings` has replaced, except for what the user has changed since."""
    registry = er.async_get(hass)
    source, target = registry.entities[source_id], registry.entities[target_id]
    wanted, present = _get_settings(source, _ENTITY_SETTINGS), _get_settings(target, _ENTITY_SETTINGS)
    entity = _unchanged(wanted, present, {name: replaced[name] for name in wanted if name in replaced})
    if entity:
        registry.async_update_entity(target_id, **entity)
    for domain, values in replaced.get(_OPTIONS, {}).items():
        if target.options.get(domain) == source.options.get(domain):
            registry.async_update_entity_options(target_id, domain, values)
    wanted, present = _get_device_settings(hass, source), _get_device_settings(hass, target)
    device = _unchanged(wanted, present, replaced.get(_DEVICE, {}))
    if device and target.device_id:
        dr.async_get(hass).async_update_device(target.device_id, **device)


def _get_settings(entity: er.RegistryEntry, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(entity, name) for name in names}


def _get_device_settings(hass: HomeAssistant, entity: er.RegistryEntry) -> dict[str, Any]:
    """Return the labels of an entity's device, and the area that the entity is in."""
    device = dr.async_get(hass).async_get(entity.device_id) if entity.device_id else None
    return {
        _AREA: entity.area_id or (device.area_id if device else None),
        _LABELS: device.labels if device else set(),
    }


def _unchanged(wanted: Mapping[str, Any], present: Mapping[str, Any], replaced: Mapping[str, Any]) -> dict[str, Any]:
    """Return the replaced settings of those that are still as they were copied."""
    return {
        name: _deserialize(name, value, type(present[name]))
        for name, value in replaced.items()
        if present.get(name) == wanted.get(name)
    }


def _serialize(value: Any) -> Any:
    """Return a setting as it is stored."""
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, (list, tuple)):
        return [None if one is _COMPUTED_NAME else one for one in value]
    return dict(value) if isinstance(value, Mapping) else value


def _deserialize(name: str, value: Any, kind: Callable[[Any], Any]) -> Any:
    """Return a stored setting as the registries have it."""
    if name == "hidden_by":
        return value and er.RegistryEntryHider(value)
    if isinstance(value, list):
        return kind(_COMPUTED_NAME if one is None else one for one in value)
    return value
