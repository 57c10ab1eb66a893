"""A key goes over the internet encrypted, or not at all."""

from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers.aiohttp_client import DATA_RESOLVER
import pytest
from yarl import URL

from ..simulator import Compatible, Simulator
from ..simulator.openai_compatible.profiles import KOKORO, LOCALAI
from ..support.compatible import choose, entry_at, fields, load
from ..support.server_profiles import Start

HOME = "speech.example.org"


class Names(AbstractResolver):
    """Knows some names, in the place of Home Assistant's resolver."""

    def __init__(self, **addresses: list[str]) -> None:
        """Begin with the addresses of some names, with underscores for dots."""
        self._addresses = {name.replace("_", "."): found for name, found in addresses.items()}

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        """Return a name's addresses, as a resolver does."""
        if host not in self._addresses:
            raise OSError(f"{host} leads nowhere")
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family or 2, proto=0, flags=0)
            for address in self._addresses[host]
        ]

    async def close(self) -> None:
        """There is nothing to close."""

    async def real_close(self) -> None:
        """There is nothing to close at the end of Home Assistant either."""


@pytest.fixture
async def server(compatible: Start) -> Compatible:
    """Run a server with a key."""
    server = await compatible(LOCALAI)
    server.api_key = "sk-right"
    return server


async def enter(hass: HomeAssistant, address: str, key: str = "sk-right") -> Any:
    """Add an account at an address."""
    form = await choose(hass, "openai.localai")
    entered = {"base_url": address, "api_key": key}
    return await hass.config_entries.flow.async_configure(form["flow_id"], entered)


@pytest.mark.parametrize(
    "found", [["8.8.8.8"], ["192.168.1.20", "8.8.8.8"], ["2001:4860:4860::8888"]], ids=["public", "mixed", "IPv6"]
)
async def test_name_on_the_internet_is_refused(hass: HomeAssistant, found: list[str]) -> None:
    """A name that leads out of the house gets no key without encryption."""
    hass.data[DATA_RESOLVER] = Names(speech_example_org=found)
    assert (await enter(hass, f"http://{HOME}/v1"))["errors"] == {"base": "insecure_address"}


@pytest.mark.parametrize("address", ["http://8.8.8.8:8080/v1", "8.8.8.8:8080", "http://[2001:4860:4860::8888]/v1"])
async def test_address_on_the_internet_is_refused(hass: HomeAssistant, address: str) -> None:
    """Nor does an address; the form says why, and keeps what was entered."""
    result = await enter(hass, address)
    assert (result["type"], result["errors"]) == (FlowResultType.FORM, {"base": "insecure_address"})
    assert fields(result)["base_url"] == address


async def test_name_that_leads_home_is_fine(hass: HomeAssistant, server: Compatible) -> None:
    """A name that looks like any on the internet may be that of a machine at home."""
    hass.data[DATA_RESOLVER] = Names(speech_example_org=["127.0.0.1"])
    result = await enter(hass, f"http://{HOME}:{URL(server.url).port}/v1")
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_name_that_leads_nowhere_is_told(hass: HomeAssistant) -> None:
    """Who mistyped a name is not told to encrypt."""
    hass.data[DATA_RESOLVER] = Names()
    assert (await enter(hass, f"http://{HOME}/v1"))["errors"] == {"base": "name_not_found"}


async def test_without_a_key_there_is_nothing_to_hide(hass: HomeAssistant, compatible: Start) -> None:
    """A server on the internet that takes no key may do without encryption."""
    server = await compatible(LOCALAI)
    hass.data[DATA_RESOLVER] = Names(speech_example_org=["127.0.0.1"])
    result = await enter(hass, f"http://{HOME}:{URL(server.url).port}/v1", key="")
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_the_same_holds_for_a_change(hass: HomeAssistant, server: Compatible) -> None:
    """An account does not move to an address where its key could be read, and does not get a key there."""
    account = await load(hass, entry_at(server, "localai", {"model": "tts-1", "voice": "alloy"}))
    before = dict(account.data)
    hass.data[DATA_RESOLVER] = Names(speech_example_org=["8.8.8.8"])
    form = await account.start_reconfigure_flow(hass)
    entered = {"base_url": f"http://{HOME}/v1", "api_key": "sk-right"}
    result = await hass.config_entries.flow.async_configure(form["flow_id"], entered)
    assert result["errors"] == {"base": "insecure_address"}
    assert account.data == before


async def test_every_address_counts(hass: HomeAssistant, simulator: Simulator) -> None:
    """A key that goes to two addresses is encrypted on its way to either, or goes to none."""
    form = await choose(hass, "nanogpt")
    server = {"base_url": simulator.nanogpt_url, "speech_base_url": "http://8.8.8.8"}
    entered = {"api_key": simulator.api_key, "server": server}
    result = await hass.config_entries.flow.async_configure(form["flow_id"], entered)
    assert (result["type"], result.get("errors")) == (FlowResultType.FORM, {"base": "insecure_address"})
    assert not simulator.requests


@pytest.mark.parametrize(("choice", "address"), [("other", " "), ("other", "my server"), ("kokoro", "http://")])
async def test_address_is_needed(hass: HomeAssistant, choice: str, address: str) -> None:
    """Another server has no usual address."""
    form = await choose(hass, f"openai.{choice}")
    result = await hass.config_entries.flow.async_configure(form["flow_id"], {"base_url": address})
    assert result["errors"] == {"base": "invalid_address"}


async def test_server_that_moves(hass: HomeAssistant, compatible: Start) -> None:
    """A server keeps being what was chosen when its address changes; it is not asked for a key that it can't have."""
    account = await load(hass, entry_at(await compatible(KOKORO), "kokoro", {"model": "kokoro", "voice": "af_sky"}))
    other = await compatible(KOKORO)
    form = await account.start_reconfigure_flow(hass)
    assert list(fields(form)) == ["base_url"]
    result = await hass.config_entries.flow.async_configure(form["flow_id"], {"base_url": other.url})
    await hass.async_block_till_done()
    assert result["reason"] == "reconfigure_successful"
    assert account.data == {"provider": "openai", "server": "kokoro", "base_url": other.base_url, "api_key": ""}
    assert account.title == f"Kokoro-FastAPI ({other.url.removeprefix('http://')})"
