"""Tests of the config flow, against the simulated provider."""

import asyncio
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from yarl import URL

from custom_components.orator.providers.base import Provider
from custom_components.orator.providers.errors import CannotConnectError, NameNotFoundError, SpeechError, TimedOutError
from tests.simulator import Fault, Simulator
from tests.support.flows import create_account_input, open_account_form, start_account_flow
from tests.support.speech import INVALID_KEY, SPEECH_PATH, Hear, get_speech_requests, pass_time, wait_for_reload
from tests.support.streams import wait_until

UNUSED_PORT = "http://127.0.0.1:9/v1"  # no server listens on the port of the discard protocol


async def test_account_with_first_voice(hass: HomeAssistant, simulator: Simulator) -> None:
    """A provider and an API key are enough for an account with a voice and its entity."""
    flow_id = await start_account_flow(hass)
    result = await hass.config_entries.flow.async_configure(flow_id, create_account_input(simulator))
    await hass.async_block_till_done()

    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == f"OpenAI ({simulator.url.removeprefix('http://')})"
    assert result["data"] == {
        "provider": "openai",
        "base_url": simulator.openai_url,
        "api_key": simulator.api_key,
    }
    (voice,) = result["result"].subentries.values()
    assert (voice.subentry_type, voice.title) == ("voice", "OpenAI Coral")
    assert voice.data == {"model": "gpt-4o-mini-tts", "voice": "coral"}
    assert hass.states.get("tts.openai_coral")


async def test_api_key_is_checked_free_of_charge(hass: HomeAssistant, simulator: Simulator) -> None:
    """Adding an account only lists the models."""
    await hass.config_entries.flow.async_configure(await start_account_flow(hass), create_account_input(simulator))
    assert {request.path for request in simulator.requests} == {"/v1/models"}


@pytest.mark.parametrize(
    "address", ["{url}", "{url}/", "{url}/v1", "{url}/v1/audio/speech", " {url}/v1/ ", "{host}", "{host}/v1"]
)
async def test_address_notations(hass: HomeAssistant, simulator: Simulator, address: str) -> None:
    """An address may lack its scheme and path, have spaces around it, or be that of an endpoint."""
    address = address.format(url=simulator.url, host=simulator.url.removeprefix("http://"))
    flow_id = await start_account_flow(hass)
    result = await hass.config_entries.flow.async_configure(flow_id, create_account_input(simulator, base_url=address))
    assert result["data"]["base_url"] == simulator.openai_url


async def test_missing_api_key(hass: HomeAssistant, simulator: Simulator) -> None:
    """An empty API key that the server refuses is reported as missing, not as invalid."""
    entered = create_account_input(simulator)
    del entered["api_key"]
    result = await hass.config_entries.flow.async_configure(await start_account_flow(hass), entered)
    assert result["errors"] == {"api_key": "missing_key"}


@pytest.mark.parametrize("address", ["my own server", "http://my server/v1", "http://"])
async def test_malformed_address(hass: HomeAssistant, simulator: Simulator, address: str) -> None:
    """A malformed address is refused without any request."""
    entered = create_account_input(simulator, base_url=address)
    result = await hass.config_entries.flow.async_configure(await start_account_flow(hass), entered)
    assert result["errors"] == {"server": "invalid_address"}
    assert result["description_placeholders"]["address"] == address
    assert not simulator.requests


async def test_server_without_api_key(hass: HomeAssistant, simulator: Simulator) -> None:
    """An account without an API key sends no Authorization header."""
    simulator.api_key = None
    entered = create_account_input(simulator)
    del entered["api_key"]
    result = await hass.config_entries.flow.async_configure(await start_account_flow(hass), entered)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"]["api_key"] == ""
    assert all("Authorization" not in request.headers for request in simulator.requests)


async def test_api_key_without_permission_to_list_models(hass: HomeAssistant, simulator: Simulator) -> None:
    """An API key that may not list models is checked with an empty text, which is free."""
    simulator.fail(Fault(path="/v1/models", status=403, times=9))
    result = await hass.config_entries.flow.async_configure(
        await start_account_flow(hass), create_account_input(simulator)
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    requests = [request for request in simulator.requests if request.path == SPEECH_PATH]
    assert not any(request.body["input"] for request in requests)
    assert {request.status for request in requests} == {400, 401}  # every second one has a wrong key on purpose


def create_openai_error(status: int, code: str) -> dict[str, Any]:
    """Return the arguments of a fault with an OpenAI error body."""
    return {"status": status, "json": {"error": {"message": "m", "type": code, "param": None, "code": code}}}


@pytest.mark.parametrize(
    ("fault", "errors"),
    [
        (Fault(**create_openai_error(401, "invalid_api_key")), {"api_key": "invalid_key"}),
        (Fault(**create_openai_error(403, "unsupported_country_region_territory"), times=2), {"base": "not_permitted"}),
        (Fault(status=403, times=2), {"base": "not_permitted"}),
        (Fault(**create_openai_error(429, "insufficient_quota")), {"base": "out_of_credit"}),
        (Fault(status=402), {"base": "out_of_credit"}),
        (Fault(status=429), {"base": "rate_limited"}),
        (Fault(status=500), {"base": "provider_fault"}),
        (Fault(status=404, times=2), {"server": "not_a_speech_server"}),
        (Fault(status=405), {"server": "not_a_speech_server"}),
        (Fault(body="<html>Welcome</html>"), {"server": "not_a_speech_server"}),
        (Fault(json={"models": "none"}), {"server": "not_a_speech_server"}),
        (Fault(status=307, headers={"Location": "https://elsewhere.example/v1/models"}), {"server": "redirected"}),
        (Fault(status=302, headers={"Location": "mailto:admin"}), {"server": "redirected"}),
        (Fault(status=302, headers={"Location": "http://[::1"}), {"server": "redirected"}),
        (
            Fault(status=401, json={"error": {"message": "Missing scopes: api.model.read", "code": None}}, times=2),
            {"base": "not_permitted"},
        ),
        (Fault(close=True, times=2), {"server": "cannot_connect_at_address"}),
    ],
)
async def test_provider_error_and_recovery(
    hass: HomeAssistant, simulator: Simulator, fault: Fault, errors: dict[str, str]
) -> None:
    """An error of the provider is shown, the input stays in the form, and a second attempt succeeds."""
    simulator.fail(fault)
    flow_id = await start_account_flow(hass)
    result = await hass.config_entries.flow.async_configure(flow_id, create_account_input(simulator))
    assert result["type"] is FlowResultType.FORM
    assert result["errors"] == errors
    if "server" in errors:
        assert result["description_placeholders"]["address"] == simulator.openai_url
    assert result["data_schema"].schema["server"].options == {"collapsed": False}
    server = result["data_schema"].schema["server"].schema.schema
    suggested = {str(key): key.description["suggested_value"] for key in server if key.description}
    assert suggested == {"base_url": simulator.openai_url}

    result = await hass.config_entries.flow.async_configure(flow_id, create_account_input(simulator))
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize(
    ("error", "key"),
    [(CannotConnectError, "cannot_connect"), (NameNotFoundError, "name_not_found"), (TimedOutError, "timed_out")],
)
async def test_unreachable_service(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch, error: type[SpeechError], key: str
) -> None:
    """The error of an unreachable service mentions no address unless the form shows one."""

    async def fetch_catalog(_self: Provider, _known: Any = None) -> None:
        raise error

    monkeypatch.setattr(Provider, "fetch_catalog", fetch_catalog)
    configure = hass.config_entries.flow.async_configure
    for choice, entered, errors in (
        ("nanogpt", {"server": {}}, {"base": key}),
        ("nanogpt", {"server": {"base_url": "127.0.0.1:9"}}, {"server": f"{key}_at_address"}),
        ("openai.groq", {"base_url": "https://api.groq.com"}, {"base_url": f"{key}_at_address"}),
    ):
        form = await open_account_form(hass, choice)
        result = await configure(form["flow_id"], {**entered, "api_key": "sk-1"})
        assert result["errors"] == errors
        assert result["description_placeholders"]["address"].startswith("http")


@pytest.mark.parametrize(
    ("changed", "errors"),
    [
        ({"api_key": "sk-wrong"}, {"api_key": "invalid_key"}),
        ({"base_url": UNUSED_PORT}, {"server": "cannot_connect_at_address"}),
        ({"base_url": "ftp://server"}, {"server": "invalid_address"}),
        ({"base_url": "http://user:password@server"}, {"server": "invalid_address"}),
        ({"base_url": "http://:password@server"}, {"server": "invalid_address"}),
        ({"base_url": "http://"}, {"server": "invalid_address"}),
        ({"base_url": "https://127.0.0.1:{port}"}, {"server": "no_https"}),
        ({"api_key": "sk-\x00"}, {"api_key": "invalid_key"}),
        ({"base_url": "", "api_key": ""}, {"api_key": "missing_key"}),
    ],
)
async def test_invalid_input_and_recovery(
    hass: HomeAssistant, simulator: Simulator, changed: dict[str, Any], errors: dict[str, str]
) -> None:
    """Each invalid input has its own error, and a second attempt succeeds."""
    flow_id = await start_account_flow(hass)
    changed = {key: value.format(port=URL(simulator.url).port) for key, value in changed.items()}
    result = await hass.config_entries.flow.async_configure(flow_id, create_account_input(simulator, **changed))
    assert result["errors"] == errors
    result = await hass.config_entries.flow.async_configure(flow_id, create_account_input(simulator))
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_same_account_only_once(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """A second account with the same provider, origin and API key is refused, whatever its path."""
    flow_id = await start_account_flow(hass)
    again = create_account_input(simulator, base_url=f"{simulator.url}/other/v1")
    result = await hass.config_entries.flow.async_configure(flow_id, again)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "already_configured")


async def test_same_account_in_parallel_flows(hass: HomeAssistant, simulator: Simulator) -> None:
    """Forms that are submitted at the same time create one account."""
    flows = [await start_account_flow(hass) for _ in range(3)]
    entered = create_account_input(simulator)
    configure = hass.config_entries.flow.async_configure
    results = await asyncio.gather(*(configure(flow, entered) for flow in flows))
    await hass.async_block_till_done()
    assert sorted(result["type"] for result in results) == ["abort", "abort", "create_entry"]
    assert len(hass.config_entries.async_entries("orator")) == 1


async def test_reauth(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, hear: Hear) -> None:
    """Reauthentication replaces the API key, and the voice speaks again."""
    simulator.api_key = "sk-new"
    assert not await hear()
    (progress,) = hass.config_entries.flow.async_progress()
    result = await hass.config_entries.flow.async_configure(progress["flow_id"], {"api_key": "sk-wrong"})
    assert result["errors"] == {"api_key": "invalid_key"}
    result = await hass.config_entries.flow.async_configure(progress["flow_id"], {"api_key": " sk-\nnew "})
    await hass.async_block_till_done()
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "reauth_successful")
    assert account.data["api_key"] == "sk-new"
    assert account.state is ConfigEntryState.LOADED
    assert await hear()


async def test_reauth_with_same_key(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, hear: Hear
) -> None:
    """An API key that the provider accepts again makes the voice available at once, and keeps the account's name."""
    simulator.fail(INVALID_KEY)
    assert not await hear()
    assert hass.states.get("tts.ann").state == "unavailable"
    simulator.reset()
    (progress,) = hass.config_entries.flow.async_progress()
    result = await hass.config_entries.flow.async_configure(progress["flow_id"], {"api_key": simulator.api_key})
    await wait_for_reload(hass)
    assert result["reason"] == "reauth_successful"
    assert hass.states.get("tts.ann").state != "unavailable"
    assert account.title == "OpenAI"
    assert await hear()


async def test_reauth_is_closed_when_key_works_again(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, hear: Hear
) -> None:
    """The request for a new API key and its repair issue disappear once the voice speaks again."""
    simulator.fail(INVALID_KEY)
    assert not await hear()
    assert len(hass.config_entries.flow.async_progress()) == 1
    assert len(ir.async_get(hass).issues) == 1
    simulator.reset()
    await pass_time(hass, seconds=11)
    assert await hear()
    assert not hass.config_entries.flow.async_progress()
    assert not ir.async_get(hass).issues


async def test_reauth_is_not_closed_while_the_new_key_is_checked(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, hear: Hear
) -> None:
    """A form that has been submitted is completed, although the voice speaks again meanwhile."""
    simulator.fail(INVALID_KEY)
    assert not await hear()
    simulator.reset()
    (progress,) = hass.config_entries.flow.async_progress()
    simulator.fail(Fault(path="/v1/models", delay=0.5))
    entered = {"api_key": simulator.api_key}
    checking = hass.async_create_task(hass.config_entries.flow.async_configure(progress["flow_id"], entered))
    await wait_until(lambda: any(request.path == "/v1/models" for request in simulator.requests))
    account.runtime_data.health.async_record_speech()
    assert (await checking)["reason"] == "reauth_successful"


async def test_reauth_of_account_that_failed_to_load(
    hass: HomeAssistant, simulator: Simulator, entry: MockConfigEntry
) -> None:
    """Reauthentication loads an account that could not be loaded with its API key."""
    simulator.api_key = "sk-new"
    entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    (progress,) = hass.config_entries.flow.async_progress()
    result = await hass.config_entries.flow.async_configure(progress["flow_id"], {"api_key": "sk-new"})
    await hass.async_block_till_done()
    assert result["reason"] == "reauth_successful"
    assert entry.state is ConfigEntryState.LOADED


async def test_reconfigure_keeps_api_key(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """An empty API key keeps the old one if the origin stays the same."""
    result = await account.start_reconfigure_flow(hass)
    result = await hass.config_entries.flow.async_configure(
        result["flow_id"], {"base_url": f"{simulator.url}/v1/audio/speech"}
    )
    await hass.async_block_till_done()
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "reconfigure_successful")
    assert account.data["api_key"] == simulator.api_key


async def test_reconfigure_to_other_origin(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, hear: Hear
) -> None:
    """The API key is not sent to another origin; the form asks for one again."""
    async with Simulator(api_key=simulator.api_key) as other:
        result = await account.start_reconfigure_flow(hass)
        flow_id = result["flow_id"]
        result = await hass.config_entries.flow.async_configure(flow_id, {"base_url": other.url})
        assert result["errors"] == {"api_key": "missing_key"}
        assert all("Authorization" not in request.headers for request in other.requests)

        entered = {"base_url": other.url, "api_key": simulator.api_key}
        result = await hass.config_entries.flow.async_configure(flow_id, entered)
        await hass.async_block_till_done(wait_background_tasks=True)
        assert result["reason"] == "reconfigure_successful"
        assert account.data["base_url"] == other.openai_url
        assert await hear()
        assert get_speech_requests(other)


async def test_reconfigure_errors(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """An invalid address or API key changes nothing."""
    before = dict(account.data)
    flow_id = (await account.start_reconfigure_flow(hass))["flow_id"]
    for entered, errors in (
        ({"base_url": "http://"}, {"base_url": "invalid_address"}),
        ({"base_url": simulator.url, "api_key": "sk-wrong"}, {"api_key": "invalid_key"}),
    ):
        result = await hass.config_entries.flow.async_configure(flow_id, entered)
        assert result["errors"] == errors
    assert account.data == before
