"""OpenAI-compatible servers in Home Assistant: whether a server needs an API key, and whether a key is valid."""

from dataclasses import replace
from http import HTTPStatus
from math import inf
from typing import Any, Final

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from tests.simulator import CompatibleServer, Fault
from tests.simulator.openai_compatible.lists import models
from tests.simulator.openai_compatible.packaged_profiles import LITELLM, LOCAL_TTS_STUDIO
from tests.simulator.openai_compatible.profile import Listing, Profile
from tests.simulator.openai_compatible.profiles import BARE, KOKORO, PROFILES
from tests.support.compatible import add_server_account, create_server_account, fetch_speech, get_server_requests
from tests.support.flows import open_account_form
from tests.support.server_profiles import WITH_PRESET, Start, preset_of
from tests.support.speech import load_account, wait_for_reload

WITH_KEY = tuple(profile for profile in WITH_PRESET if profile.auth != "none")
KEYLESS: Final = replace(LOCAL_TTS_STUDIO, auth="none")
PUBLIC_LISTS: Final = replace(LOCAL_TTS_STUDIO, lists=(Listing("/models", models, is_public=True),))
ALL_LISTS: Final = ("*/voices*", "*models")
OPTIONAL_LISTS: Final = ("*/voices*", "*/audio/*models")


async def add_account(hass: HomeAssistant, server: CompatibleServer, choice: str, key: str) -> ConfigFlowResult:
    """Submit the form of an account for a server, which may be added as OpenAI with another address."""
    if choice != "openai":
        return await add_server_account(hass, server, choice, key=key)
    form = await open_account_form(hass, "openai")
    entered = {"api_key": key, "server": {"base_url": server.base_url}}
    result = await hass.config_entries.flow.async_configure(form["flow_id"], entered)
    await hass.async_block_till_done()
    return result


@pytest.mark.parametrize("preset", ["other", *map(preset_of, WITH_KEY)])
async def test_invalid_and_missing_key(hass: HomeAssistant, compatible: Start, preset: str) -> None:
    """An invalid and a missing API key are detected in setup, even if the server's lists are public."""
    profile = next(profile for profile in PROFILES if profile.name == ("bare" if preset == "other" else preset))
    server = await compatible(profile)
    server.api_key = "sk-right"
    wrong = await add_server_account(hass, server, preset, key="sk-wrong")
    assert wrong["errors"] == {"api_key": "invalid_key"}
    assert (await add_server_account(hass, server, preset, key=""))["errors"] == {"api_key": "missing_key"}
    entered = {"base_url": server.base_url, "api_key": "sk-right"}
    result = await hass.config_entries.flow.async_configure(wrong["flow_id"], entered)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert not any(body["input"] for body in get_server_requests(server))


@pytest.mark.parametrize("preset", ["other", "openedai-speech"])
@pytest.mark.parametrize("status", [HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN])
async def test_key_is_checked_last(hass: HomeAssistant, compatible: Start, preset: str, status: HTTPStatus) -> None:
    """A list that refuses the API key outranks a speech endpoint that validates the body before the key."""
    refusal = replace(LOCAL_TTS_STUDIO.wrong_key, status=status, code=None)
    server = await compatible(replace(LOCAL_TTS_STUDIO, wrong_key=refusal, missing_key=refusal))
    if preset == "other":
        wrong = await add_server_account(hass, server, preset, key="sk-wrong")
        assert wrong["errors"] == {"api_key": "invalid_key"}
    missing = await add_server_account(hass, server, preset, key="")
    assert missing["errors"] == {"api_key" if preset == "other" else "base": "missing_key"}


async def test_reauth_checks_key(hass: HomeAssistant, compatible: Start, hass_client: ClientSessionGenerator) -> None:
    """A wrong key is refused in reauthentication and reconfiguration as in setup; the right key speaks."""
    server = await compatible(LOCAL_TTS_STUDIO)
    account = await load_account(hass, create_server_account(server, "other", {"model": "piper", "voice": "piper"}))
    address = {"base_url": server.base_url}
    for start, entered in ((account.start_reauth_flow, {}), (account.start_reconfigure_flow, address)):
        flow_id = (await start(hass))["flow_id"]
        result = await hass.config_entries.flow.async_configure(flow_id, {**entered, "api_key": "sk-wrong"})
        assert result["errors"] == {"api_key": "invalid_key"}
        result = await hass.config_entries.flow.async_configure(flow_id, {**entered, "api_key": server.api_key})
        assert result["type"] is FlowResultType.ABORT
        await wait_for_reload(hass)
    assert await fetch_speech(hass, hass_client)


async def test_server_without_keys(hass: HomeAssistant, compatible: Start) -> None:
    """A server that validates the body first and never asks for a key is added without one, and with one."""
    server = await compatible(replace(LOCAL_TTS_STUDIO, auth="none"))
    for key in ("", "sk-unused"):
        result = await add_server_account(hass, server, "other", key=key)
        assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize("status", [401, 403])
async def test_list_with_its_own_key(hass: HomeAssistant, compatible: Start, status: int) -> None:
    """A key that the speech endpoint accepts is accepted, although a list that is not needed refuses it."""
    server = await compatible(BARE)
    server.api_key = "sk-right"
    server.fail(Fault(path="*/voices*", status=status, times=9))
    assert (await add_server_account(hass, server, "other", key="sk-wrong"))["errors"] == {"api_key": "invalid_key"}
    assert (await add_server_account(hass, server, "other"))["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize(
    ("profile", "preset", "refusal"),
    [
        (KEYLESS, "other", (401, *OPTIONAL_LISTS)),
        (KEYLESS, "other", (403, *OPTIONAL_LISTS)),
        (KEYLESS, "other", (403, *ALL_LISTS)),
        (KEYLESS, "openai", (403, *ALL_LISTS)),
        (KEYLESS, "chatterbox", (403, *OPTIONAL_LISTS)),
        (LOCAL_TTS_STUDIO, "other", (401, *OPTIONAL_LISTS)),
        (LOCAL_TTS_STUDIO, "other", (403, *ALL_LISTS)),
        (LOCAL_TTS_STUDIO, "openai", (403, *ALL_LISTS)),
        (LOCAL_TTS_STUDIO, "speaches", (403, *OPTIONAL_LISTS)),
    ],
)
async def test_server_behind_firewall(
    hass: HomeAssistant, compatible: Start, profile: Profile, preset: str, refusal: tuple[Any, ...]
) -> None:
    """A working server whose other paths are forbidden is added; a wrong API key is refused all the same."""
    server = await compatible(profile)
    status, *paths = refusal
    for path in paths:
        server.fail(Fault(path=path, status=status, times=inf))
    if server.api_key:
        wrong = await add_account(hass, server, preset, "sk-wrong")
        assert wrong["errors"] == {"api_key": "invalid_key"}
    assert (await add_account(hass, server, preset, server.api_key or ""))["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize("preset", ["other", "openai"])
async def test_key_is_checked_by_speech(hass: HomeAssistant, compatible: Start, preset: str) -> None:
    """If lists are public and an empty text is refused with any key, a short text shows whether the key is valid."""
    server = await compatible(PUBLIC_LISTS)
    assert (await add_account(hass, server, preset, "sk-wrong"))["errors"] == {"api_key": "invalid_key"}
    assert (await add_account(hass, server, preset, server.api_key or ""))["type"] is FlowResultType.CREATE_ENTRY
    assert {body["input"] for body in get_server_requests(server)} == {"", "Hi."}


async def test_error_document_with_status_200(hass: HomeAssistant, compatible: Start) -> None:
    """An error about the key with status 200 is understood, in a list and in the response to the check."""
    server = await compatible(KOKORO)
    for path in ("*/models", "*/audio/speech"):
        server.fail(Fault(path=path, json={"error": {"code": "invalid_api_key"}}, times=9))
        server.fail(Fault(path="*/audio/speech", status=400, times=9))
        result = await add_server_account(hass, server, "other", key="sk-wrong")
        assert result["errors"] == {"api_key": "invalid_key"}
        server.reset()


async def test_litellm(hass: HomeAssistant, compatible: Start) -> None:
    """LiteLLM's model list says which models speak, whatever their names; its error for a wrong key is understood."""
    server = await compatible(LITELLM)
    wrong = await add_server_account(hass, server, "other", key="sk-wrong")
    assert wrong["errors"] == {"api_key": "invalid_key"}
    result = await add_server_account(hass, server, "other")
    assert [model.id for model in result["result"].runtime_data.data.models] == ["reader", "speech-tts"]


async def test_unexpected_key_check(hass: HomeAssistant, compatible: Start) -> None:
    """If a server without a field for the API key requires one, the error is shown for the whole form."""
    server = await compatible(replace(KOKORO, auth="required"))
    server.api_key = "sk-right"
    assert (await add_server_account(hass, server, "kokoro", key=""))["errors"] == {"base": "missing_key"}
