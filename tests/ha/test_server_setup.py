"""OpenAI-compatible servers in Home Assistant: setup with and without a preset, and the first voice."""

from dataclasses import replace
from typing import Any

from homeassistant.config_entries import SOURCE_RECONFIGURE, SOURCE_USER
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.orator.providers.openai.servers import SERVERS
from tests.simulator import Fault
from tests.simulator.openai_compatible.hosted_profiles import GROQ
from tests.simulator.openai_compatible.profile import Profile
from tests.simulator.openai_compatible.profiles import BARE, KOKORO, LOCALAI, ORPHEUS, PROFILES
from tests.support.audio import RATE, decode
from tests.support.compatible import add_server_account, create_server_account, fetch_speech, get_server_requests
from tests.support.flows import get_choices, get_suggested_values, open_account_form, open_account_step
from tests.support.repository import TRANSLATIONS, load_json
from tests.support.server_profiles import WITH_PRESET, Start, get_default_voice, ids, preset_of
from tests.support.speech import wait_for_reload
from tests.support.streams import SENTENCE
from tests.support.word_decoder import assert_spoken


@pytest.mark.parametrize("profile", WITH_PRESET, ids=ids(WITH_PRESET))
async def test_preset(
    hass: HomeAssistant, compatible: Start, hass_client: ClientSessionGenerator, profile: Profile
) -> None:
    """A preset needs an address and perhaps an API key; setup synthesizes nothing, and its first voice speaks."""
    server = await compatible(profile)
    server.audio_mode = "tones"
    preset = SERVERS[preset_of(profile)]
    result = await add_server_account(hass, server, preset_of(profile))
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == f"{preset.name} ({server.url.removeprefix('http://')})"
    assert result["data"] == {
        "provider": "openai",
        "server": preset_of(profile),
        "base_url": server.base_url,
        "api_key": server.api_key or "",
    }
    assert not get_server_requests(server), "the key is checked without speech"
    (voice,) = result["result"].subentries.values()
    model = next((model for model in profile.models if model.name == voice.data["model"]), None)
    assert model
    assert voice.data["voice"] in (model.voices or ("alloy",))
    assert voice.title.startswith(f"{preset.name} ")
    sound = await decode(await fetch_speech(hass, hass_client))
    assert_spoken(sound.samples, RATE, SENTENCE)
    assert len(get_server_requests(server)) == 1


@pytest.mark.parametrize("profile", PROFILES, ids=ids(PROFILES))
async def test_other_server(
    hass: HomeAssistant, compatible: Start, hass_client: ClientSessionGenerator, profile: Profile
) -> None:
    """Every server also works without its preset, and its first voice speaks."""
    server = await compatible(profile)
    server.audio_mode = "tones"
    result = await add_server_account(hass, server, "other")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == f"Speech server ({server.url.removeprefix('http://')})"
    assert result["data"]["server"] == "other"
    assert all(not body["input"] for body in get_server_requests(server))
    (voice,) = result["result"].subentries.values()
    model = next((model for model in profile.models if model.name == voice.data["model"]), None)
    assert model or profile.unknown_model is None
    assert model is None or not model.voices or voice.data["voice"] in {*model.voices, *profile.aliases}
    for _ in range(2):
        sound = await decode(await fetch_speech(hass, hass_client, preferred_format="wav"))
        assert_spoken(sound.samples, RATE, SENTENCE)


@pytest.mark.parametrize(
    ("profile", "title"),
    [(KOKORO, "Kokoro-FastAPI Heart"), (ORPHEUS, "Orpheus-FastAPI Tara"), (LOCALAI, "LocalAI Alloy")],
    ids=["kokoro", "orpheus", "localai"],
)
async def test_voice_title(hass: HomeAssistant, compatible: Start, profile: Profile, title: str) -> None:
    """The first voice is the default voice, titled with the names of server and voice."""
    result = await add_server_account(hass, await compatible(profile), profile.name)
    (voice,) = result["result"].subentries.values()
    assert voice.title == title


@pytest.mark.parametrize("lists", [KOKORO.lists, ()], ids=["with lists", "without lists"])
async def test_server_added_as_openai(
    hass: HomeAssistant, compatible: Start, hass_client: ClientSessionGenerator, lists: Any
) -> None:
    """A server that was added as OpenAI with another address offers its own voices."""
    server = await compatible(replace(KOKORO, lists=lists))
    form = await open_account_form(hass, "openai")
    entered = {"server": {"base_url": server.base_url}}
    result = await hass.config_entries.flow.async_configure(form["flow_id"], entered)
    await hass.async_block_till_done()
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert "server" not in result["data"]
    (voice,) = result["result"].subentries.values()
    assert (voice.data["voice"] in KOKORO.voices) is bool(lists)
    assert await fetch_speech(hass, hass_client)


async def test_changed_address(hass: HomeAssistant, compatible: Start) -> None:
    """The catalog of the old address is not used for a new one whose lists fail."""
    voices = ("af_heart", "af_old_server")
    old = await compatible(replace(KOKORO, models=(replace(KOKORO.models[0], voices=voices),)))
    account = (await add_server_account(hass, old, preset_of(KOKORO)))["result"]
    await hass.async_block_till_done(wait_background_tasks=True)
    assert voices[1] in str(account.runtime_data.data.document)
    new = await compatible(KOKORO)
    new.fail(Fault(path="*/audio/voices", status=500, times=99))
    hass.config_entries.async_update_entry(account, data={**account.data, "base_url": new.base_url})
    await wait_for_reload(hass)
    assert voices[1] not in str(account.runtime_data.data.document)


async def test_failing_voice_list(hass: HomeAssistant, compatible: Start) -> None:
    """A server is added although its voice list fails; known voices remain while it fails."""
    server = await compatible(KOKORO)
    server.fail(Fault(path="*/audio/voices", status=500, times=2))
    result = await add_server_account(hass, server, "kokoro")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    account = result["result"]
    assert account.runtime_data.data.model("kokoro").voices == ()
    await account.runtime_data.async_fetch_catalog()
    assert len(account.runtime_data.data.model("kokoro").voices) == len(KOKORO.voices)
    server.fail(Fault(path="*/audio/voices", status=503))
    assert not await account.runtime_data.async_fetch_catalog()
    assert len(account.runtime_data.data.model("kokoro").voices) == len(KOKORO.voices)


@pytest.mark.parametrize(
    ("fault", "errors"),
    [
        ({"path": "*/audio/speech", "status": 404}, {"base_url": "not_a_speech_server"}),
        ({"path": "*", "status": 404}, {"base_url": "not_a_speech_server"}),
        ({"path": "*", "status": 503}, {"base": "provider_fault"}),
        ({"path": "*", "body": "<html>Welcome</html>"}, {"base_url": "not_a_speech_server"}),
        (
            {"path": "*", "status": 307, "headers": {"Location": "https://elsewhere.example/"}},
            {"base_url": "redirected"},
        ),
    ],
)
async def test_not_a_speech_server(
    hass: HomeAssistant, compatible: Start, fault: dict[str, Any], errors: dict[str, str]
) -> None:
    """A server without a speech endpoint, or one that fails or redirects, is not added."""
    server = await compatible(LOCALAI)
    server.fail(Fault(**fault, times=9))
    result = await add_server_account(hass, server, "other")
    assert result["errors"] == errors


async def test_failing_speech_endpoint(hass: HomeAssistant, compatible: Start) -> None:
    """A server without lists whose speech endpoint fails is not added."""
    server = await compatible(BARE)
    server.fail(Fault(path="*/audio/speech", status=500))
    assert (await add_server_account(hass, server, "other"))["errors"] == {"base": "provider_fault"}


@pytest.mark.parametrize("name", SERVERS)
async def test_account_form(hass: HomeAssistant, name: str) -> None:
    """The form contains the default address, and a field for the API key unless the server never has one."""
    form = await open_account_form(hass, f"openai.{name}")
    preset = SERVERS[name]
    steps = {"groq": "service", "openrouter": "service", "other": "other_server"}
    assert form["step_id"] == steps.get(name, "server")
    assert get_suggested_values(form)["base_url"] == preset.default_base_url
    assert ("api_key" in get_suggested_values(form)) is preset.accepts_key
    assert form["description_placeholders"] == {"name": preset.name, "key_page": preset.key_page}


async def test_choices(hass: HomeAssistant) -> None:
    """The menu leads to the cloud services, the self-hosted servers, and the form of any other server."""
    menu = await hass.config_entries.flow.async_init("orator", context={"source": SOURCE_USER})
    assert menu["menu_options"] == ["cloud_service", "self_hosted", "other_server", "announcements"]
    services, servers = (menu["description_placeholders"][key] for key in ("services", "servers"))
    assert services == "NanoGPT, OpenAI, Speechbase, Groq, OpenRouter"
    form = await open_account_step(hass, "cloud_service")
    assert get_choices(form, "provider") == ["nanogpt", "openai", "speechbase", "openai.groq", "openai.openrouter"]
    form = await open_account_step(hass, "self_hosted")
    self_hosted = SERVERS.keys() - {"groq", "openrouter", "other"}
    assert set(get_choices(form, "provider")) == {f"openai.{name}" for name in self_hosted}
    assert set(servers.split(", ")) == {SERVERS[name].name for name in self_hosted}
    keyless = form["description_placeholders"]["keyless"]
    assert keyless == "Kokoro-FastAPI, Chatterbox, Orpheus-FastAPI, openedai-speech"


async def test_name_of_unknown_server(hass: HomeAssistant, compatible: Start) -> None:
    """An account of an unknown server is named in Home Assistant's language, and renamed when its address changes."""
    hass.config.language = "de"
    name = load_json(TRANSLATIONS / "de.json")["selector"]["server"]["options"]["other"]
    server = await compatible(BARE)
    result = await add_server_account(hass, server, "other")
    assert result["title"] == f"{name} ({server.url.removeprefix('http://')})"
    server = await compatible(BARE)
    context = {"source": SOURCE_RECONFIGURE, "entry_id": result["result"].entry_id}
    form = await hass.config_entries.flow.async_init("orator", context=context)
    entered = {"base_url": server.base_url, "api_key": server.api_key or ""}
    await hass.config_entries.flow.async_configure(form["flow_id"], entered)
    assert result["result"].title == f"{name} ({server.url.removeprefix('http://')})"


async def test_cloud_server(hass: HomeAssistant, compatible: Start) -> None:
    """A cloud service requires an API key; the reconfigure form contains the account's address."""
    form = await open_account_form(hass, "openai.groq")
    entered = {"base_url": "https://api.groq.com/openai/v1", "api_key": ""}
    result = await hass.config_entries.flow.async_configure(form["flow_id"], entered)
    assert result["errors"] == {"api_key": "missing_key"}
    server = await compatible(GROQ)
    account = create_server_account(server, "groq", get_default_voice(GROQ))
    account.add_to_hass(hass)
    result = await account.start_reconfigure_flow(hass)
    assert get_suggested_values(result) == {"api_key": None, "base_url": server.base_url}
