"""Copy what a user has set for an entity and its device to another entity and its device, and undo it."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er

_ENTITY_SETTINGS: Final = ("aliases", "area_id", "categories", "hidden_by", "icon", "labels", "name")
_DEVICE_SETTINGS: Final = ("area_id", "labels")
_OPTIONS: Final = "options"
_DEVICE: Final = "device"

_COMPUTED_NAME: Final = getattr(er, "COMPUTED_NAME", None)
"""Alias that stands for the name of the entity, stored as None; Home Assistant has it since 2026.4."""


@callback
def async_copy_settings(hass: HomeAssistant, source_id: str, target_id: str) -> dict[str, Any]:
    """Copy the user's settings of an entity and its device, and return what they replace, to be stored."""
    registry, devices = er.async_get(hass), dr.async_get(hass)
    source, target = registry.entities[source_id], registry.entities[target_id]
    entity = _differing(source, target, _ENTITY_SETTINGS)
    replaced = {name: _serialize(getattr(target, name)) for name in entity}
    if entity:
        registry.async_update_entity(target_id, **entity)
    options = {domain: values for domain, values in source.options.items() if values != target.options.get(domain)}
    for domain, values in options.items():
        registry.async_update_entity_options(target_id, domain, dict(values))
    replaced[_OPTIONS] = {domain: target.options.get(domain) for domain in options}
    source_device, target_device = devices.async_get(source.device_id or ""), devices.async_get(target.device_id or "")
    if source_device is not None and target_device is not None:
        device = _differing(source_device, target_device, _DEVICE_SETTINGS)
        replaced[_DEVICE] = {name: _serialize(getattr(target_device, name)) for name in device}
        if device:
            devices.async_update_device(target_device.id, **device)
    return replaced


@callback
def async_restore_settings(hass: HomeAssistant, source_id: str, target_id: str, replaced: Mapping[str, Any]) -> None:
    """Restore what `async_copy_settings` has replaced, except for what the user has changed since."""
    registry, devices = er.async_get(hass), dr.async_get(hass)
    source, target = registry.entities[source_id], registry.entities[target_id]
    if entity := _unchanged(source, target, {name: replaced[name] for name in _ENTITY_SETTINGS if name in replaced}):
        registry.async_update_entity(target_id, **entity)
    for domain, values in replaced.get(_OPTIONS, {}).items():
        if target.options.get(domain) == source.options.get(domain):
            registry.async_update_entity_options(target_id, domain, values)
    source_device, target_device = devices.async_get(source.device_id or ""), devices.async_get(target.device_id or "")
    if source_device is not None and target_device is not None:
        device = _unchanged(source_device, target_device, replaced.get(_DEVICE, {}))
        if device:
            devices.async_update_device(target_device.id, **device)


def _differing(source: object, target: object, names: tuple[str, ...]) -> dict[str, Any]:
    """Return the settings of the source that the target does not have."""
    values = {name: getattr(source, name) for name in names}
    return {name: value for name, value in values.items() if value and value != getattr(target, name)}


def _unchanged(source: object, target: object, replaced: Mapping[str, Any]) -> dict[str, Any]:
    """Return the replaced settings that the target still has from the source."""
    return {
        name: _deserialize(name, value, type(getattr(target, name)))
        for name, value in replaced.items()
        if getattr(source, name) == getattr(target, name)
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
