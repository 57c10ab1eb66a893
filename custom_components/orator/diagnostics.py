"""What helps to find out what is wrong with an account, without its key and without anything that was spoken."""

from dataclasses import asdict
from typing import Any, Final

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.const import CONF_API_KEY
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir

from .account import OratorConfigEntry
from .const import CONF_REPLACEMENTS, DOMAIN
from .providers.base import Model

_SECRET: Final = {CONF_API_KEY}
_PERSONAL: Final = {CONF_REPLACEMENTS, "instructions", "provider_options", "extra_body"}
"""What people write themselves, and may hold names or keys."""


async def async_get_config_entry_diagnostics(hass: HomeAssistant, entry: OratorConfigEntry) -> dict[str, Any]:
    """Return what is known of an account and its voices."""
    account = entry.runtime_data
    models = account.models_of_voices()
    return {
        "account": {"title": entry.title, "data": async_redact_data(dict(entry.data), _SECRET)},
        "voices": [
            {
                "title": voice.title,
                "data": async_redact_data(dict(voice.data), _PERSONAL),
                "model": _described(models[voice_id]),
            }
            for voice_id, voice in entry.subentries.items()
        ],
        "offered_models": [model.id for model in account.models],
        "connection": {
            "outage": account.connection.outage,
            "reason": account.connection.reason,
            "since": account.connection.since.isoformat() if account.connection.since else None,
        },
        "learned": dict(account.provider.learned),
        "counts": dict(account.provider.counts),
        "issues": [
            {"id": issue_id.removeprefix(f"{entry.entry_id}_"), "active": issue.active}
            for (domain, issue_id), issue in ir.async_get(hass).issues.items()
            if domain == DOMAIN and issue_id.startswith(entry.entry_id)
        ],
    }


def _described(model: Model) -> dict[str, Any]:
    """Return what a model can do, with its voices counted rather than listed."""
    known = {
        key: value for key, value in asdict(model).items() if key not in ("count", "voices", "follower", "options")
    }
    return known | {
        "ends": model.ends.isoformat() if model.ends else None,
        "follower": model.follower.id if model.follower else None,
        "options": [option.key for option in model.options],
        "voices": len(model.voices),
    }
