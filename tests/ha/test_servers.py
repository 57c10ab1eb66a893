"""OpenAI-compatible servers in Home Assistant: setup, voices, and differences from OpenAI."""

from dataclasses import replace
from http import HTTPStatus
from math import inf
from typing import Any, Final

from homeassistant.config_entries import SOURCE_USER, ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.orator.providers.openai.servers import SERVERS
from tests.simulator import CompatibleServer, Fault
from tests.simulator.openai_compatible.hosted_profiles import GROQ, OPENROUTER
from tests.simulator.openai_compatible.lists import models
from tests.simulator.openai_compatible.packaged_profiles import LITELLM, LOCAL_TTS_STUDIO
from tests.simulator.openai_compatible.profile import Listing, Profile
from tests.simulator.openai_compatible.profiles import BARE, CHATTERBOX, KOKORO, LOCALAI, ORPHEUS, PROFILES, SPEACHES
from tests.support.audio import RATE, decode
from tests.support.compatible import add_server_account, create_server_account, fetch_speech
from tests.support.flows import get_choices, get_suggested_values, open_account_form
from tests.support.server_profiles import WITH_PRESET, Start, ids, preset_of
from tests.support.speech import create_text, load_account, remove_markdown, wait_for_reload
from tests.support.streams import SENTENCE
from tests.support.word_decoder import assert_spoken

WITH_KEY = tuple(profile for profile in WITH_PRESET if profile.auth != "none")


def get_server_requests(server: CompatibleServer) -> list[dict[str, Any]]:
    """Return the bodies of the speech requests that a server received."""
    return [request.body for request in server.requests if request.path.endswith("/audio/speech") and request.body]


def get_default_voice(profile: Profile) -> dict[str, str]:
    """Return the settings of the default voice of a server's preset."""
    preset = SERVERS[preset_of(profile)]
    return {"model": preset.default_model, "voice": preset.default_voice}


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


async def add_account(hass: HomeAssistant, server: CompatibleServer, choice: str, key: str) -> ConfigFlowResult:
    """Submit the form of an account for a server, which may be added as OpenAI with another address."""
    if choice != "openai":
        return await add_server_account(hass, server, choice, key=key)
    form = await open_account_form(hass, "openai")
    entered = {"api_key": key, "server": {"base_url": server.base_url}}
    result = await hass.config_entries.flow.async_configure(form["flow_id"], entered)
    await hass.async_block_till_done()
    return result


KEYLESS: Final = replace(LOCAL_TTS_STUDIO, auth="none")
PUBLIC_LISTS: Final = replace(LOCAL_TTS_STUDIO, lists=(Listing("/models", models, is_public=True),))


ALL_LISTS: Final = ("*/voices*", "*models")
OPTIONAL_LISTS: Final = ("*/voices*", "*/audio/*models")


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


@pytest.mark.parametrize("name", SERVERS)
async def test_account_form(hass: HomeAssistant, name: str) -> None:
    """The form contains the default address, and a field for the API key unless the server never has one."""
    form = await open_account_form(hass, f"openai.{name}")
    preset = SERVERS[name]
    assert form["step_id"] == ("cloud" if name in ("groq", "openrouter") else "server")
    assert get_suggested_values(form)["base_url"] == preset.default_base_url
    assert ("api_key" in get_suggested_values(form)) is preset.accepts_key
    assert form["description_placeholders"] == {
        "provider": preset.list_label or preset.name,
        "key_page": preset.key_page,
    }


async def test_provider_order(hass: HomeAssistant) -> None:
    """The first form lists the services, then the presets, then other servers."""
    form = await hass.config_entries.flow.async_init("orator", context={"source": SOURCE_USER})
    offered = get_choices(form, "provider")
    assert offered[:3] == ["nanogpt", "openai", "speechbase"]
    assert offered[3:] == [f"openai.{name}" for name in SERVERS]
    assert offered[-1] == "openai.other"


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


@pytest.mark.parametrize(
    ("profile", "model", "options"),
    [
        (KOKORO, "kokoro", ["speed"]),
        (SPEACHES, "speaches-ai/piper-en_US-lessac-medium", ["speed"]),
        (CHATTERBOX, "chatterbox-tts-1", []),
        (ORPHEUS, "orpheus", []),
        (LOCALAI, "voice-en-us-amy-low", ["speed", "instructions"]),
        (GROQ, "canopylabs/orpheus-arabic-saudi", ["speed"]),
        (OPENROUTER, "google/gemini-3.1-flash-tts-preview", ["speed", "instructions"]),
    ],
    ids=["kokoro", "speaches", "chatterbox", "orpheus", "localai", "groq", "openrouter"],
)
async def test_voice_form(
    hass: HomeAssistant, compatible: Start, profile: Profile, model: str, options: list[str]
) -> None:
    """The form offers the speech models of the server, their voices, and the settings that they support."""
    account = await load_account(
        hass, create_server_account(await compatible(profile), profile.name, get_default_voice(profile))
    )
    flows = hass.config_entries.subentries
    form = await flows.async_init((account.entry_id, "voice"), context={"source": SOURCE_USER})
    assert set(get_choices(form, "model")) == {model.name for model in profile.models if model.speaks}
    form = await flows.async_configure(form["flow_id"], {"model": model})
    assert list(get_suggested_values(form)) == [
        "voice",
        "name",
        "format",
        *options,
        "extra_body",
        "fallback",
        "clean_text",
        "replacements",
        "spoken_units",
        "effects",
    ]
    assert set(get_choices(form, "voice")) == {
        voice for listed in profile.models if listed.name == model for voice in listed.voices
    }
    assert get_choices(form, "format")


async def test_voice_languages(hass: HomeAssistant, compatible: Start) -> None:
    """Assist is offered only the voices of its language if the languages of the voices are known."""
    server = await compatible(next(profile for profile in PROFILES if profile.name == "openai-edge-tts"))
    result = await add_server_account(hass, server, "openai-edge-tts")
    (voice,) = result["result"].subentries.values()
    assert (voice.title, voice.data["voice"]) == ("openai-edge-tts Ava", "en-US-AvaNeural")
    entity = hass.data["entity_components"]["tts"].get_entity("tts.openai_edge_tts_ava")
    assert [voice.voice_id for voice in entity.async_get_supported_voices("fr-FR")] == ["fr-FR-DeniseNeural"]
    assert {"de", "de-DE", "en", "en-GB"} <= set(entity.supported_languages)
    assert "pl" not in entity.supported_languages


@pytest.mark.parametrize("profile", [CHATTERBOX, GROQ], ids=["chatterbox", "groq"])
async def test_text_limit(
    hass: HomeAssistant, compatible: Start, hass_client: ClientSessionGenerator, profile: Profile
) -> None:
    """A long text is spoken completely, in requests within the server's limit."""
    server = await compatible(profile)
    server.audio_mode = "tones"
    await load_account(hass, create_server_account(server, profile.name, get_default_voice(profile)))
    text = remove_markdown(create_text(3_500))
    sound = await decode(await fetch_speech(hass, hass_client, text))
    assert_spoken(sound.samples, RATE, text)
    assert profile.limit
    assert all(len(body["input"]) <= profile.limit.characters for body in get_server_requests(server))


async def test_extra_body(hass: HomeAssistant, compatible: Start, hass_client: ClientSessionGenerator) -> None:
    """Extra fields override all others except the text; those of a call replace those of the voice."""
    server = await compatible(KOKORO)
    added = {"lang_code": "e", "input": "Something else.", "response_format": "wav"}
    await load_account(
        hass, create_server_account(server, "kokoro", {**get_default_voice(KOKORO), "extra_body": added})
    )
    assert (await fetch_speech(hass, hass_client, preferred_format="wav")).startswith(b"RIFF")
    await fetch_speech(hass, hass_client, extra_body={"volume_multiplier": 0.5})
    first, second = get_server_requests(server)
    assert first == {**get_default_voice(KOKORO), "input": SENTENCE, "response_format": "wav", "lang_code": "e"}
    assert second == {
        **get_default_voice(KOKORO),
        "input": SENTENCE,
        "response_format": "mp3",
        "volume_multiplier": 0.5,
    }


async def test_unsupported_field(hass: HomeAssistant, compatible: Start, hass_client: ClientSessionGenerator) -> None:
    """A request is repeated without an unsupported field, which is then neither sent nor offered again."""
    known = {name: field for name, field in BARE.fields.items() if name not in ("speed", "instructions")}
    server = await compatible(replace(BARE, fields=known))
    server.audio_mode = "tones"
    voice = {"model": "voxy", "voice": "ann", "speed": 1.5, "instructions": "Whisper."}
    account = await load_account(hass, create_server_account(server, "other", voice))
    server.reset()
    for sentence in ("The first one.", "The second one."):
        sound = await decode(await fetch_speech(hass, hass_client, sentence))
        assert_spoken(sound.samples, RATE, sentence)
    assert ["speed" in body for body in get_server_requests(server)] == [True, False, False]
    assert ["instructions" in body for body in get_server_requests(server)] == [True, False, False]
    flows = hass.config_entries.subentries
    form = await flows.async_init((account.entry_id, "voice"), context={"source": SOURCE_USER})
    form = await flows.async_configure(form["flow_id"], {"model": "voxy"})
    assert not {"speed", "instructions"} & get_suggested_values(form).keys()


async def test_unsupported_extra_field(
    hass: HomeAssistant, compatible: Start, hass_client: ClientSessionGenerator
) -> None:
    """An unsupported extra field is an error: the request is not repeated without it."""
    known = {name: field for name, field in BARE.fields.items() if name != "speed"}
    server = await compatible(replace(BARE, fields=known))
    voice = {"model": "voxy", "voice": "ann", "extra_body": {"speed": 1.5}}
    await load_account(hass, create_server_account(server, "other", voice))
    server.reset()
    assert not await fetch_speech(hass, hass_client)
    assert [body["speed"] for body in get_server_requests(server)] == [1.5]


async def test_refused_value(hass: HomeAssistant, compatible: Start, hass_client: ClientSessionGenerator) -> None:
    """A refused value is an error; the field is still sent with other values."""
    server = await compatible(SPEACHES)
    voice = {"model": "speaches-ai/Kokoro-82M-v1.0-ONNX", "voice": "af_heart"}
    await load_account(hass, create_server_account(server, "other", voice))
    assert not await fetch_speech(hass, hass_client, speed=3)
    assert await fetch_speech(hass, hass_client, speed=1.5)
    assert [body.get("speed") for body in get_server_requests(server) if body["input"]] == [3, 1.5]


async def test_refused_format(hass: HomeAssistant, compatible: Start, hass_client: ClientSessionGenerator) -> None:
    """A refused format is requested once; the format that the server sends instead is converted, then requested."""
    server = await compatible(GROQ)
    account = create_server_account(server, "other", get_default_voice(GROQ))
    await load_account(hass, account)
    server.reset()
    for sentence in ("The first one.", "The second one."):
        assert (await fetch_speech(hass, hass_client, sentence)).startswith(b"ID3")
    assert [body.get("response_format") for body in get_server_requests(server)] == ["mp3", None, "wav"]


async def test_unsupported_format_field(
    hass: HomeAssistant, compatible: Start, hass_client: ClientSessionGenerator
) -> None:
    """A server that refuses every format is sent none in the end."""
    known = {name: field for name, field in BARE.fields.items() if name != "response_format"}
    server = await compatible(replace(BARE, fields=known, default_format="wav"))
    await load_account(hass, create_server_account(server, "other", {"model": "voxy", "voice": "ann"}))
    for number in range(7):
        assert await fetch_speech(hass, hass_client, f"Number {number}.")
    server.reset()
    assert await fetch_speech(hass, hass_client, "The last one.")
    (body,) = get_server_requests(server)
    assert "response_format" not in body


async def test_server_that_does_not_stream(
    hass: HomeAssistant, compatible: Start, hass_client: ClientSessionGenerator
) -> None:
    """Once a server was found not to stream, texts start with a short chunk."""
    text = f"{SENTENCE} There is cake on the table, too, if the children have left any of it."
    server = await compatible(replace(KOKORO, delivery="whole"))
    await load_account(hass, create_server_account(server, "other", get_default_voice(KOKORO)))
    for number in range(2):
        server.reset()
        assert await fetch_speech(hass, hass_client, text.replace("tea", f"tea {number}"))
        assert (len(get_server_requests(server)) > 1) is bool(number)


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
        ({"path": "*/audio/speech", "status": 404}, {"base": "not_a_speech_server"}),
        ({"path": "*", "status": 404}, {"base": "not_a_speech_server"}),
        ({"path": "*", "status": 503}, {"base": "provider_fault"}),
        ({"path": "*", "body": "<html>Welcome</html>"}, {"base": "not_a_speech_server"}),
        ({"path": "*", "status": 307, "headers": {"Location": "https://elsewhere.example/"}}, {"base": "redirected"}),
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
