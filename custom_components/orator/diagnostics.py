"""Diagnostics of accounts and voices, and of announcements."""

from collections.abc import Iterable
from dataclasses import asdict
import re
from typing import Any, Final

from homeassistant.components.diagnostics import REDACTED, async_redact_data
from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.const import CONF_API_KEY
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, entity_registry as er, issue_registry as ir
from yarl import URL

from .announce.manager import async_get_manager
from .const import CONF_REPLACEMENTS, DOMAIN
from .coordinator import OratorConfigEntry, is_account
from .limit_alerts import limit_attributes
from .limits import LimitPeriod, LimitStatus
from .providers import PROVIDERS
from .providers.models import Model

_REDACTED_ACCOUNT_DATA: Final = {CONF_API_KEY}
_ADDRESSES: Final = sorted({key for provider in PROVIDERS.values() for key in provider.address_keys})
_USUAL_PATH_PART: Final = re.compile(r"(api|openai|v[0-9]{1,2}|audio|speech|tts)?")
_REDACTED_VOICE_DATA: Final = {CONF_REPLACEMENTS, "instructions", "provider_options", "extra_body"}
"""Settings with free text, which may contain names or keys."""


async def async_get_config_entry_diagnostics(hass: HomeAssistant, entry: OratorConfigEntry) -> dict[str, Any]:
    """Return diagnostics for an account and all its voices, or for announcements."""
    if not is_account(entry):
        return _announcements_diagnostics(hass, entry, entry.subentries.values())
    return _account_diagnostics(hass, entry, entry.subentries.values())


async def async_get_device_diagnostics(
    hass: HomeAssistant, entry: OratorConfigEntry, device: dr.DeviceEntry
) -> dict[str, Any]:
    """Return diagnostics for the account of a device and, if the device is a voice, for the voice; or an announcer."""
    identifiers = {identifier for domain, identifier in device.identifiers if domain == DOMAIN}
    subentries = [subentry for subentry_id, subentry in entry.subentries.items() if subentry_id in identifiers]
    if not is_account(entry):
        return _announcements_diagnostics(hass, entry, subentries)
    return _account_diagnostics(hass, entry, subentries)


def _announcements_diagnostics(
    hass: HomeAssistant, entry: ConfigEntry, announcers: Iterable[ConfigSubentry]
) -> dict[str, Any]:
    return {
        **async_get_manager(hass).diagnostics,
        "settings": dict(entry.options),
        "announcers": [{"title": announcer.title, "data": dict(announcer.data)} for announcer in announcers],
    }


def _account_diagnostics(
    hass: HomeAssistant, entry: OratorConfigEntry, voices: Iterable[ConfigSubentry]
) -> dict[str, Any]:
    account = entry.runtime_data
    return {
        "account": {"title": entry.title, "data": _account_data(entry)},
        "offered_models": [model.id for model in account.data.models],
        "connection": {
            "outage": account.health.outage,
            "reason": account.health.error_key,
            "since": account.health.since.isoformat() if account.health.since else None,
        },
        "detected": dict(account.provider.detected),
        "counts": dict(account.provider.counters),
        "sentence_cache": asdict(account.sentence_cache.stats),
        "usage": account.usage.totals.rounded.as_dict(),
        "limits": {
            "unit": account.limiter.unit,
            **{period: _limit_diagnostics(account.limiter.status(period)) for period in LimitPeriod},
            "critical_may_exceed": account.limiter.limits.critical_may_exceed,
        },
        "issues": [
            {"id": issue_id.removeprefix(f"{entry.entry_id}_"), "active": issue.active}
            for (domain, issue_id), issue in ir.async_get(hass).issues.items()
            if domain == DOMAIN and issue_id.startswith(entry.entry_id)
        ],
        "voices": [_voice_diagnostics(hass, entry, voice) for voice in voices],
        "announcements": async_get_manager(hass).diagnostics,
    }


def _limit_diagnostics(status: LimitStatus | None) -> dict[str, Any] | None:
    """Return a usage limit and how much of it is used."""
    return {**limit_attributes(status), "is_near": status.is_near, "is_reached": status.is_reached} if status else None


def _account_data(entry: OratorConfigEntry) -> dict[str, Any]:
    """Return the data of an account without its API key and without secrets in its addresses."""
    addresses = {key: _redact_address(entry.data[key]) for key in _ADDRESSES if key in entry.data}
    return {**async_redact_data(dict(entry.data), _REDACTED_ACCOUNT_DATA), **addresses}


def _redact_address(address: str) -> str:
    """Return an address without unusual parts of its path: some proxies expect a secret there."""
    url = URL(address)
    parts = [part if _USUAL_PATH_PART.fullmatch(part) else REDACTED for part in url.path.split("/")]
    return f"{url.origin()}{'/'.join(parts)}"


def _voice_diagnostics(hass: HomeAssistant, entry: OratorConfigEntry, voice: ConfigSubentry) -> dict[str, Any]:
    account = entry.runtime_data
    entities = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    return {
        "title": voice.title,
        "data": async_redact_data(dict(voice.data), _REDACTED_VOICE_DATA),
        "model": _model_diagnostics(account.data.configured_model(voice.data)),
        "last_synthesis": asdict(account.usage.last_synthesis(voice.subentry_id)),
        "entities": [
            {"entity_id": entity.entity_id, "disabled_by": entity.disabled_by}
            for entity in entities
            if entity.config_subentry_id == voice.subentry_id
        ],
    }


def _model_diagnostics(model: Model) -> dict[str, Any]:
    """Return the fields of a model, with the number of voices and the names of options and successor."""
    fields = asdict(model)
    del fields["measure"]
    return fields | {
        "end_date": model.end_date.isoformat() if model.end_date else None,
        "successor": model.successor.id if model.successor else None,
        "options": [option.key for option in model.options],
        "voices": len(model.voices),
    }
