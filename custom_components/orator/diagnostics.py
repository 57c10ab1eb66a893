"""What helps to find out what is wrong with an account, without its key and without anything that was spoken."""

from dataclasses import asdict
from typing import Any, Final

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import CONF_API_KEY, CONF_MODEL
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er, issue_registry as ir

from .const import CONF_REPLACEMENTS, DOMAIN
from .coordinator import OratorConfigEntry
from .providers.models import Model

_SECRET: Final = {CONF_API_KEY}
_PERSONAL: Final = {CONF_REPLACEMENTS, "instructions", "provider_options", "extra_body"}
"""What people write themselves, and may hold names or keys."""


async def async_get_config_entry_diagnostics(hass: HomeAssistant, entry: OratorConfigEntry) -> dict[str, Any]:
    """Return what is known of an account and its voices."""
    return {**_account(hass, entry), "voices": [_voice(hass, entry, voice) for voice in entry.subentries.values()]}


async def async_get_device_diagnostics(
    hass: HomeAssistant, entry: OratorConfigEntry, device: dr.DeviceEntry
) -> dict[str, Any]:
    """Return what is known of a device: of a voice, or of the account that has it."""
    own = {identifier for domain, identifier in device.identifiers if domain == DOMAIN}
    voices = [voice for voice_id, voice in entry.subentries.items() if voice_id in own]
    return {**_account(hass, entry), "voices": [_voice(hass, entry, voice) for voice in voices]}


def _account(hass: HomeAssistant, entry: OratorConfigEntry) -> dict[str, Any]:
    """Return what is known of an account apart from its voices."""
    account = entry.runtime_data
    return {
        "account": {"title": entry.title, "data": async_redact_data(dict(entry.data), _SECRET)},
        "offered_models": [model.id for model in account.models],
        "connection": {
            "outage": account.health.outage,
            "reason": account.health.error_key,
            "since": account.health.since.isoformat() if account.health.since else None,
        },
        "learned": dict(account.provider.detected),
        "counts": dict(account.provider.counters),
        "usage": account.usage.totals.as_dict(),
        "issues": [
            {"id": issue_id.removeprefix(f"{entry.entry_id}_"), "active": issue.active}
            for (domain, issue_id), issue in ir.async_get(hass).issues.items()
            if domain == DOMAIN and issue_id.startswith(entry.entry_id)
        ],
    }


def _voice(hass: HomeAssistant, entry: OratorConfigEntry, voice: ConfigSubentry) -> dict[str, Any]:
    """Return what is known of a voice."""
    entities = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    return {
        "title": voice.title,
        "data": async_redact_data(dict(voice.data), _PERSONAL),
        "model": _described(entry.runtime_data.model(voice.data.get(CONF_MODEL, ""), voice.data)),
        "experience": asdict(entry.runtime_data.usage.last_synthesis(voice.subentry_id)),
        "entities": [
            {"entity_id": entity.entity_id, "disabled_by": entity.disabled_by}
            for entity in entities
            if entity.config_subentry_id == voice.subentry_id
        ],
    }


def _described(model: Model) -> dict[str, Any]:
    """Return what a model can do, with its voices counted rather than listed."""
    known = {
        key: value for key, value in asdict(model).items() if key not in ("count", "voices", "successor", "options")
    }
    return known | {
        "ends": model.ends.isoformat() if model.ends else None,
        "follower": model.successor.id if model.successor else None,
        "options": [option.key for option in model.options],
        "voices": len(model.voices),
    }
