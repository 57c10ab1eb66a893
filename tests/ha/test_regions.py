"""The region of an OpenAI account."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.providers.base import Provider
from custom_components.orator.providers.errors import WrongRegionError
from custom_components.orator.providers.openai import OpenAIProvider
from tests.simulator import Fault, Simulator
from tests.support.flows import create_account_input, get_field_names, open_account_form, start_account_flow


async def test_region(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    """The region of OpenAI is chosen in the form, global by default; only the address is stored."""

    async def fetch_catalog(_self: OpenAIProvider, _known: Any = None) -> dict[str, Any]:
        return {"models": ["gpt-realtime-2.1-mini"], "ends": {}}

    monkeypatch.setattr(OpenAIProvider, "fetch_catalog", fetch_catalog)
    form = await open_account_form(hass)
    assert form["data_schema"].schema["region"].config["options"] == ["global", "us", "eu", "ae", "au", "in", "jp"]
    assert form["data_schema"]({"server": {}})["region"] == "global"
    result = await hass.config_entries.flow.async_configure(form["flow_id"], {"region": "eu", "server": {}})
    assert result["errors"] == {"api_key": "missing_key"}
    result = await hass.config_entries.flow.async_configure(
        form["flow_id"], {"region": "eu", "api_key": "sk-1", "server": {"base_url": " "}}
    )
    assert result["title"] == "OpenAI (eu.api.openai.com)"
    data = {"provider": "openai", "base_url": "https://eu.api.openai.com/v1", "api_key": "sk-1"}
    assert result["data"] == data
    for region, ends in (("eu", FlowResultType.ABORT), ("global", FlowResultType.CREATE_ENTRY)):
        flow_id = await start_account_flow(hass)
        entered = {"region": region, "api_key": "sk-1", "server": {}}
        assert (await hass.config_entries.flow.async_configure(flow_id, entered))["type"] is ends


async def test_wrong_region(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """An API key of another region is not called invalid; the error stands at the field of the region or address."""
    fault = Fault(status=401, json={"error": {"message": "m", "code": "incorrect_hostname"}}, times=2)
    simulator.fail(fault)
    configure = hass.config_entries.flow.async_configure
    result = await configure(await start_account_flow(hass), create_account_input(simulator, api_key="sk-2"))
    assert result["errors"] == {"server": "wrong_region"}
    result = await account.start_reconfigure_flow(hass)
    result = await configure(result["flow_id"], {"base_url": simulator.openai_url, "api_key": "sk-2"})
    assert result["errors"] == {"base_url": "wrong_region"}
    assert result["description_placeholders"]["address"] == simulator.openai_url


async def test_wrong_region_without_address(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    """If no address is entered, the region is wrong."""

    async def fetch_catalog(_self: Provider, _known: Any = None) -> None:
        raise WrongRegionError

    monkeypatch.setattr(Provider, "fetch_catalog", fetch_catalog)
    entered = {"region": "eu", "api_key": "sk-1", "server": {}}
    result = await hass.config_entries.flow.async_configure(await start_account_flow(hass), entered)
    assert result["errors"] == {"region": "wrong_region"}
    assert result["description_placeholders"]["address"] == "https://eu.api.openai.com/v1"


async def test_own_address_outranks_region(hass: HomeAssistant, simulator: Simulator) -> None:
    """An entered address is used, whatever the region; other providers have no region."""
    entered = create_account_input(simulator, region="jp")
    result = await hass.config_entries.flow.async_configure(await start_account_flow(hass), entered)
    assert result["data"]["base_url"] == simulator.openai_url
    assert "region" not in get_field_names(await open_account_form(hass, "nanogpt"))
