"""Orator's forms, filled in over Home Assistant's API as its frontend does."""

from typing import Final

from tests.support.home_assistant import Api, ApiError, Json
from tests.support.home_assistant.api import CONFIG_FLOW, SUBENTRY_FLOW

_ENTRIES: Final = "/api/config/config_entries/entry"
_CREATED: Final = "create_entry"


async def submit_account(api: Api, base_url: str, api_key: str) -> Json:
    """Submit the form of an account with another server, and return the next form or the result."""
    entered = {"base_url": base_url} | ({"api_key": api_key} if api_key else {})
    return await _submit(api, {"next_step_id": "other_server"}, entered)


async def submit_openai_account(api: Api, base_url: str, api_key: str) -> Json:
    """Submit the form of an account with OpenAI at another address, and return the next form or the result."""
    entered = {"api_key": api_key, "server": {"base_url": base_url}}
    return await _submit(api, {"next_step_id": "cloud_service"}, {"provider": "openai"}, entered)


async def _submit(api: Api, *forms: Json) -> Json:
    """Submit the menu and the forms of a new account, and return the next form or the result."""
    result: Json = await api.post(CONFIG_FLOW, {"handler": "orator"})
    for entered in forms:
        result = await api.post(f"{CONFIG_FLOW}/{result['flow_id']}", entered)
    return result


async def resubmit_account(api: Api, entry_id: str, base_url: str, api_key: str) -> Json:
    """Submit the form that changes an account with another API key, and return the next form or the result."""
    form = await api.post(CONFIG_FLOW, {"handler": "orator", "entry_id": entry_id})
    result: Json = await api.post(f"{CONFIG_FLOW}/{form['flow_id']}", {"base_url": base_url, "api_key": api_key})
    return result


async def assert_refused(api: Api, result: Json, error: str) -> None:
    """Assert that a form was refused with an error at the field of the API key; remove what it created otherwise."""
    if result["type"] == _CREATED:
        await delete_account(api, result["result"]["entry_id"])
    assert result["type"] == "form", f"the key was accepted: {result['type']}"
    assert result["errors"] == {"api_key": error}, f"the form shows {result['errors']}"


def assert_created(result: Json) -> str:
    """Assert that a form created an account, and return the ID of its config entry."""
    assert result["type"] == _CREATED, f"no account was created: {result.get('errors') or result}"
    return str(result["result"]["entry_id"])


async def delete_account(api: Api, entry_id: str) -> None:
    """Delete the config entry of an account."""
    await api.delete(f"{_ENTRIES}/{entry_id}")


async def open_voice_form(api: Api, entry_id: str) -> Json:
    """Return the first form of a new voice."""
    form: Json = await api.post(SUBENTRY_FLOW, {"handler": [entry_id, "voice"]})
    return form


async def choose_model(api: Api, entry_id: str, model: str) -> Json:
    """Choose the model of a new voice, and return the form with its settings."""
    form = await open_voice_form(api, entry_id)
    result: Json = await api.post(f"{SUBENTRY_FLOW}/{form['flow_id']}", {"model": model})
    if result["type"] != "form":
        raise ApiError(f"no form for the voice settings: {result}")
    return result


async def add_voice(api: Api, entry_id: str, model: str, settings: Json) -> None:
    """Add a voice with a model."""
    form = await choose_model(api, entry_id, model)
    result = await api.post(f"{SUBENTRY_FLOW}/{form['flow_id']}", settings)
    if result["type"] != _CREATED:
        raise ApiError(f"no voice was created: {result.get('errors') or result}")


def get_choices(form: Json, name: str) -> list[str]:
    """Return the options of a select field of a form or of its sections, without what labels say besides the name.

    Raises ApiError if there is no such field.
    """
    fields = {field["name"]: field for field in form["data_schema"]}
    for section in list(fields.values()):
        fields |= {field["name"]: field for field in section.get("schema", ())}
    if name not in fields:
        raise ApiError(f"the form has no field {name!r}: {list(fields)}")
    return [option["value"].partition(" · ")[0] for option in fields[name]["selector"]["select"]["options"]]
