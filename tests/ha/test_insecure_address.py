"""API keys are never sent unencrypted over the internet."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
from yarl import URL

from tests.simulator import CompatibleServer, Simulator
from tests.simulator.openai_compatible.profiles import KOKORO, LOCALAI
from tests.support.compatible import create_server_account
from tests.support.flows import get_suggested_values, open_account_form
from tests.support.resolvers import StaticResolver
from tests.support.server_profiles import Start
from tests.support.speech import load_account, replace_resolver

HOME = "speech.example.org"


@pytest.fixture
async def server(compatible: Start) -> CompatibleServer:
    """Return a server that requires an API key."""
    server = await compatible(LOCALAI)
    server.api_key = "sk-right"
    return server


async def enter(hass: HomeAssistant, address: str, key: str = "sk-right") -> Any:
    """Submit the form of an account with a base URL."""
    form = await open_account_form(hass, "openai.localai")
    entered = {"base_url": address, "api_key": key}
    return await hass.config_entries.flow.async_configure(form["flow_id"], entered)


@pytest.mark.parametrize(
    "found", [["8.8.8.8"], ["192.168.1.20", "8.8.8.8"], ["2001:4860:4860::8888"]], ids=["public", "mixed", "IPv6"]
)
async def test_public_host_name(hass: HomeAssistant, found: list[str]) -> None:
    """A host name with a public address is refused without https."""
    replace_resolver(hass, StaticResolver(speech_example_org=found))
    assert (await enter(hass, f"http://{HOME}/v1"))["errors"] == {"base_url": "insecure_address"}


@pytest.mark.parametrize("address", ["http://8.8.8.8:8080/v1", "8.8.8.8:8080", "http://[2001:4860:4860::8888]/v1"])
async def test_public_ip_address(hass: HomeAssistant, address: str) -> None:
    """A public IP address is refused without https; the form keeps the entered address."""
    result = await enter(hass, address)
    assert (result["type"], result["errors"]) == (FlowResultType.FORM, {"base_url": "insecure_address"})
    assert get_suggested_values(result)["base_url"] == address


@pytest.mark.parametrize("host", ["server", "speech.local", "134744072", "0x8080808", "[::ffff:8.8.8.8]"])
async def test_public_address_behind_a_local_name(hass: HomeAssistant, host: str) -> None:
    """A name without a domain, a local name or a number is refused if it stands for a public address."""
    replace_resolver(hass, StaticResolver(server=["8.8.8.8"], speech_local=["8.8.8.8"]))
    assert (await enter(hass, f"http://{host}/v1"))["errors"] == {"base_url": "insecure_address"}


async def test_local_name_with_public_addresses(hass: HomeAssistant, server: CompatibleServer) -> None:
    """A local name may have public IPv6 addresses besides its local one, which is the one that gets the key."""
    replace_resolver(hass, StaticResolver(speech_local=["2001:4860:4860::8888", "127.0.0.1"]))
    result = await enter(hass, f"http://speech.local:{URL(server.url).port}/v1")
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_local_host_name(hass: HomeAssistant, server: CompatibleServer) -> None:
    """A host name with a local address is accepted without https."""
    replace_resolver(hass, StaticResolver(speech_example_org=["127.0.0.1"]))
    result = await enter(hass, f"http://{HOME}:{URL(server.url).port}/v1")
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_unknown_host_name(hass: HomeAssistant) -> None:
    """A host name that cannot be resolved is reported as such."""
    replace_resolver(hass, StaticResolver())
    assert (await enter(hass, f"http://{HOME}/v1"))["errors"] == {"base_url": "name_not_found_at_address"}


async def test_no_key(hass: HomeAssistant, compatible: Start) -> None:
    """Without an API key, https is not required."""
    server = await compatible(LOCALAI)
    replace_resolver(hass, StaticResolver(speech_example_org=["127.0.0.1"]))
    result = await enter(hass, f"http://{HOME}:{URL(server.url).port}/v1", key="")
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_reconfigure_to_public_host_name(hass: HomeAssistant, server: CompatibleServer) -> None:
    """An account cannot be changed to a public address without https."""
    account = await load_account(hass, create_server_account(server, "localai", {"model": "tts-1", "voice": "alloy"}))
    before = dict(account.data)
    replace_resolver(hass, StaticResolver(speech_example_org=["8.8.8.8"]))
    form = await account.start_reconfigure_flow(hass)
    entered = {"base_url": f"http://{HOME}/v1", "api_key": "sk-right"}
    result = await hass.config_entries.flow.async_configure(form["flow_id"], entered)
    assert result["errors"] == {"base_url": "insecure_address"}
    assert account.data == before


async def test_second_address(hass: HomeAssistant, simulator: Simulator) -> None:
    """Every address of an account is checked before any request."""
    form = await open_account_form(hass, "nanogpt")
    server = {"base_url": simulator.nanogpt_url, "speech_base_url": "http://8.8.8.8"}
    entered = {"api_key": simulator.api_key, "server": server}
    result = await hass.config_entries.flow.async_configure(form["flow_id"], entered)
    assert (result["type"], result.get("errors")) == (FlowResultType.FORM, {"server": "insecure_address"})
    assert result["description_placeholders"]["address"] == "http://8.8.8.8"
    assert not simulator.requests


@pytest.mark.parametrize(("choice", "address"), [("other", " "), ("other", "my server"), ("kokoro", "http://")])
async def test_invalid_address(hass: HomeAssistant, choice: str, address: str) -> None:
    """An address without a host is refused."""
    form = await open_account_form(hass, f"openai.{choice}")
    result = await hass.config_entries.flow.async_configure(form["flow_id"], {"base_url": address})
    assert result["errors"] == {"base_url": "invalid_address"}


async def test_reconfigure_preset(hass: HomeAssistant, compatible: Start) -> None:
    """An account keeps its preset when its address changes, and its form has no field for an unused API key."""
    account = await load_account(
        hass, create_server_account(await compatible(KOKORO), "kokoro", {"model": "kokoro", "voice": "af_sky"})
    )
    title = f"Kokoro-FastAPI ({URL(account.data['base_url']).authority})"
    hass.config_entries.async_update_entry(account, title=title)
    other = await compatible(KOKORO)
    form = await account.start_reconfigure_flow(hass)
    assert list(get_suggested_values(form)) == ["base_url"]
    result = await hass.config_entries.flow.async_configure(form["flow_id"], {"base_url": other.url})
    await hass.async_block_till_done()
    assert result["reason"] == "reconfigure_successful"
    assert account.data == {"provider": "openai", "server": "kokoro", "base_url": other.base_url, "api_key": ""}
    assert account.title == f"Kokoro-FastAPI ({other.url.removeprefix('http://')})"
