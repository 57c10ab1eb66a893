"""Forms of accounts, voices and repairs."""

from typing import Any, Final

from homeassistant.components.repairs import DOMAIN as REPAIRS
from homeassistant.config_entries import SOURCE_USER, ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, section
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
import voluptuous as vol

from custom_components.orator.const import DOMAIN
from custom_components.orator.schema import NamePicker, section_of
from tests.simulator import Simulator

from .speech import get_issue

_SERVICES: Final = ("nanogpt", "openai", "speechbase", "openai.groq", "openai.openrouter")
_OTHER_SERVER: Final = "openai.other"


async def open_account_step(hass: HomeAssistant, step: str) -> ConfigFlowResult:
    """Start a config flow, choose an option of its menu, and return the next form."""
    result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    assert (result["type"], result["step_id"]) == (FlowResultType.MENU, "user")
    return await hass.config_entries.flow.async_configure(result["flow_id"], {"next_step_id": step})


async def open_account_form(hass: HomeAssistant, choice: str = "openai") -> ConfigFlowResult:
    """Start a config flow, choose a service or server, and return the next form."""
    if choice == _OTHER_SERVER:
        return await open_account_step(hass, "other_server")
    form = await open_account_step(hass, "cloud_service" if choice in _SERVICES else "self_hosted")
    return await hass.config_entries.flow.async_configure(form["flow_id"], {"provider": choice})


async def start_account_flow(hass: HomeAssistant, provider: str = "openai") -> str:
    """Open the account form of a provider, and return its flow ID."""
    form = await open_account_form(hass, provider)
    assert form["step_id"] == "account"
    return form["flow_id"]


def create_account_input(simulator: Simulator, **changed: Any) -> dict[str, Any]:
    """Return the input of the account form of OpenAI, with some values changed."""
    address = changed.pop("base_url", simulator.openai_url)
    server = {"base_url": address} if address else {}
    return {"api_key": simulator.api_key, "server": server, **changed}


async def open_voice_form(hass: HomeAssistant, account: MockConfigEntry, model: str) -> Any:
    """Start the flow of a new voice, choose a model, and return the form with the voice settings."""
    result = await hass.config_entries.subentries.async_init(
        (account.entry_id, "voice"), context={"source": SOURCE_USER}
    )
    assert result["step_id"] == "user"
    return await hass.config_entries.subentries.async_configure(result["flow_id"], {"model": model})


async def open_repair_form(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, account: MockConfigEntry, kind: str
) -> dict[str, Any]:
    """Start the repair of an account's issue of a kind, and return its form or result."""
    assert await async_setup_component(hass, REPAIRS, {})
    found = get_issue(hass, account, kind)
    assert found
    client = await hass_client()
    response = await client.post("/api/repairs/issues/fix", json={"handler": DOMAIN, "issue_id": found.issue_id})
    result: dict[str, Any] = await response.json()
    return result


async def submit_repair_form(
    hass_client: ClientSessionGenerator, form: dict[str, Any], **entered: str
) -> dict[str, Any]:
    """Submit the form of a repair, and return the next form or the result."""
    client = await hass_client()
    response = await client.post(f"/api/repairs/issues/fix/{form['flow_id']}", json=entered)
    result: dict[str, Any] = await response.json()
    return result


async def submit_account_form(hass: HomeAssistant, form: Any, entered: dict[str, Any]) -> Any:
    """Submit a form of the config flow, and return the next form or the result.

    As the frontend does, it also submits what the form shows in other fields; a field with the value None is cleared.
    """
    submitted = {**_get_initial_values(form["data_schema"]), **entered}
    submitted = {key: value for key, value in submitted.items() if value is not None}
    return await hass.config_entries.flow.async_configure(form["flow_id"], submitted)


async def submit_voice_form(hass: HomeAssistant, form: Any, entered: dict[str, Any]) -> Any:
    """Submit the form with the voice settings, and return the next form or the result.

    As the frontend does, it also submits what the form shows in other fields; a field with the value None is cleared.
    """
    submitted = _get_initial_values(form["data_schema"])
    for field, value in entered.items():
        key = section_of(form["data_schema"], field)
        fields = submitted[key] if key else submitted
        fields[field] = value
        if value is None:
            del fields[field]
    return await hass.config_entries.subentries.async_configure(form["flow_id"], submitted)


def get_field_names(form: Any, key: str | None = None) -> list[str]:
    """Return the names of the fields of a form, or of one of its sections."""
    return [str(field) for field in _get_fields(form, key)]


def get_choices(form: Any, field: str) -> list[str]:
    """Return the options of a select field of a form: IDs or values."""
    selector = _get_fields(form, section_of(form["data_schema"], field))[field]
    if isinstance(selector, NamePicker):
        return list(selector.names)
    return [option["value"] for option in selector.config["options"]]


def get_suggested_values(form: Any) -> dict[str, Any]:
    """Return the suggested value of each field of a form, None if a field has none; sections are dictionaries."""
    return _get_suggested_values(form["data_schema"])


def get_open_sections(form: Any) -> list[str]:
    """Return the sections of a form that are open."""
    fields = form["data_schema"].schema.items()
    return [str(key) for key, value in fields if isinstance(value, section) and not value.options["collapsed"]]


def _get_fields(form: Any, key: str | None) -> Any:
    schema = form["data_schema"].schema
    return schema[key].schema.schema if key else schema


def _get_suggested_values(schema: vol.Schema) -> dict[str, Any]:
    return {
        str(key): _get_suggested_values(value.schema)
        if isinstance(value, section)
        else (key.description or {}).get("suggested_value")
        for key, value in schema.schema.items()
    }


def _get_initial_values(schema: vol.Schema) -> dict[str, Any]:
    """Return the values that the frontend shows in a new form: the suggested ones, otherwise the defaults."""
    values: dict[str, Any] = {}
    for key, selector in schema.schema.items():
        if isinstance(selector, section):
            values[str(key)] = _get_initial_values(selector.schema)
        elif (suggested := (key.description or {}).get("suggested_value")) is not None:
            values[str(key)] = suggested
        elif not isinstance(key.default, vol.Undefined):
            values[str(key)] = key.default()
    return values
