"""Servers that imitate OpenAI, each set up and heard as a person would do it."""

from dataclasses import replace
from typing import Any

from homeassistant.config_entries import SOURCE_USER
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.orator.providers.openai.servers import SERVERS

from ..simulator import Compatible, Fault
from ..simulator.openai_compatible.hosted_profiles import GROQ, OPENROUTER
from ..simulator.openai_compatible.profile import Profile
from ..simulator.openai_compatible.profiles import BARE, CHATTERBOX, KOKORO, LOCALAI, ORPHEUS, PROFILES, SPEACHES
from ..support.audio import RATE, decode
from ..support.compatible import add, choices, choose, entry_at, fields, heard_at, load
from ..support.server_profiles import WITH_PRESET, Start, ids, preset_of
from ..support.speech import SENTENCE
from ..support.word_decoder import assert_spoken
from .test_words import text_of

WITH_KEY = tuple(profile for profile in WITH_PRESET if profile.auth != "none")


def spoken(server: Compatible) -> list[dict[str, Any]]:
    """Return the requests for speech that a server got."""
    return [request.body for request in server.requests if request.path.endswith("/audio/speech") and request.body]


def voice_of(profile: Profile) -> dict[str, str]:
    """Return a voice that a server has."""
    preset = SERVERS[preset_of(profile)]
    return {"model": preset.model, "voice": preset.voice}


@pytest.mark.parametrize("profile", WITH_PRESET, ids=ids(WITH_PRESET))
async def test_preset_makes_an_account_that_speaks(
    hass: HomeAssistant, compatible: Start, hass_client: ClientSessionGenerator, profile: Profile
) -> None:
    """A server of the list needs its address and perhaps a key: a voice that it really has speaks every word."""
    server = await compatible(profile)
    server.tongue = "tones"
    preset = SERVERS[preset_of(profile)]
    result = await add(hass, server, preset_of(profile))
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == f"{preset.label} ({server.url.removeprefix('http://')})"
    assert result["data"] == {
        "provider": "openai",
        "server": preset_of(profile),
        "base_url": server.base_url,
        "api_key": server.api_key or "",
    }
    assert not spoken(server), "a key can be checked and lists can be had without speech"
    (voice,) = result["result"].subentries.values()
    model = next((model for model in profile.models if model.name == voice.data["model"]), None)
    assert model
    assert voice.data["voice"] in (model.voices or ("alloy",))
    assert voice.title.startswith(f"{preset.label} ")
    sound = await decode(await heard_at(hass, hass_client))
    assert_spoken(sound.samples, RATE, SENTENCE)
    assert len(spoken(server)) == 1


@pytest.mark.parametrize("profile", PROFILES, ids=ids(PROFILES))
async def test_another_server_is_found_out_about(
    hass: HomeAssistant, compatible: Start, hass_client: ClientSessionGenerator, profile: Profile
) -> None:
    """A server that is not in the list is asked what it has, and speaks as well."""
    server = await compatible(profile)
    server.tongue = "tones"
    result = await add(hass, server, "other")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == f"Speech server ({server.url.removeprefix('http://')})"
    assert result["data"]["server"] == "other"
    assert all(not body["input"] for body in spoken(server))
    (voice,) = result["result"].subentries.values()
    model = next((model for model in profile.models if model.name == voice.data["model"]), None)
    assert model or profile.unknown_model is None
    assert model is None or not model.voices or voice.data["voice"] in {*model.voices, *profile.aliases}
    for _ in range(2):
        sound = await decode(await heard_at(hass, hass_client, preferred_format="wav"))
        assert_spoken(sound.samples, RATE, SENTENCE)


@pytest.mark.parametrize(
    ("profile", "title"),
    [(KOKORO, "Kokoro-FastAPI Heart"), (ORPHEUS, "Orpheus-FastAPI Tara"), (LOCALAI, "LocalAI Alloy")],
    ids=["kokoro", "orpheus", "localai"],
)
async def test_voice_is_called_after_its_server(
    hass: HomeAssistant, compatible: Start, profile: Profile, title: str
) -> None:
    """The usual voice is chosen, and called what people would call it."""
    result = await add(hass, await compatible(profile), profile.name)
    (voice,) = result["result"].subentries.values()
    assert voice.title == title


async def test_account_that_has_moved_forgets_the_former_server(hass: HomeAssistant, compatible: Start) -> None:
    """What can't be asked at the new address is not taken from the old one."""
    voices = ("af_heart", "af_of_the_old_server")
    old = await compatible(replace(KOKORO, models=(replace(KOKORO.models[0], voices=voices),)))
    account = (await add(hass, old, preset_of(KOKORO)))["result"]
    await hass.async_block_till_done(wait_background_tasks=True)
    assert voices[1] in str(account.runtime_data.document)
    new = await compatible(KOKORO)
    new.fail(Fault(path="*/audio/voices", status=500, times=99))
    hass.config_entries.async_update_entry(account, data={**account.data, "base_url": new.base_url})
    await hass.async_block_till_done(wait_background_tasks=True)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert voices[1] not in str(account.runtime_data.document)


@pytest.mark.parametrize("preset", ["other", *map(preset_of, WITH_KEY)])
async def test_wrong_key_is_told_from_a_missing_one(hass: HomeAssistant, compatible: Start, preset: str) -> None:
    """Whatever a server answers to a wrong key, and however open its lists are, the key is said to be wrong."""
    profile = next(profile for profile in PROFILES if profile.name == ("bare" if preset == "other" else preset))
    server = await compatible(profile)
    server.api_key = "sk-right"
    wrong = await add(hass, server, preset, key="sk-wrong")
    assert wrong["errors"] == {"api_key": "invalid_key"}
    assert (await add(hass, server, preset, key=""))["errors"] == {"api_key": "missing_key"}
    entered = {"base_url": server.base_url, "api_key": "sk-right"}
    result = await hass.config_entries.flow.async_configure(wrong["flow_id"], entered)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert not any(body["input"] for body in spoken(server))


async def test_key_that_nobody_expected(hass: HomeAssistant, compatible: Start) -> None:
    """A server that takes no key, behind somebody who wants one: that is said where it can be seen."""
    server = await compatible(replace(KOKORO, auth="required"))
    server.api_key = "sk-right"
    assert (await add(hass, server, "kokoro", key=""))["errors"] == {"base": "missing_key"}


@pytest.mark.parametrize("name", SERVERS)
async def test_form_of_a_server(hass: HomeAssistant, name: str) -> None:
    """The usual address is filled in, and a key is only asked for where there may be one."""
    form = await choose(hass, f"openai.{name}")
    preset = SERVERS[name]
    assert form["step_id"] == ("cloud" if name in ("groq", "openrouter") else "server")
    assert fields(form)["base_url"] == preset.address
    assert ("api_key" in fields(form)) is preset.takes_key
    assert form["description_placeholders"] == {"provider": preset.label, "key_page": preset.key_page}


async def test_services_come_before_servers(hass: HomeAssistant) -> None:
    """The first form lists the services, and then every server that is known."""
    form = await hass.config_entries.flow.async_init("orator", context={"source": SOURCE_USER})
    offered = choices(form, "provider")
    assert offered[:3] == ["nanogpt", "openai", "speechbase"]
    assert offered[3:] == [f"openai.{name}" for name in SERVERS]
    assert offered[-1] == "openai.other"


async def test_service_at_its_usual_address_is_named_alone(hass: HomeAssistant, compatible: Start) -> None:
    """Nobody needs to be told where Groq is, but where their own server is."""
    form = await choose(hass, "openai.groq")
    entered = {"base_url": "https://api.groq.com/openai/v1", "api_key": ""}
    result = await hass.config_entries.flow.async_configure(form["flow_id"], entered)
    assert result["errors"] == {"api_key": "missing_key"}
    server = await compatible(GROQ)
    account = entry_at(server, "groq", voice_of(GROQ))
    account.add_to_hass(hass)
    result = await account.start_reconfigure_flow(hass)
    assert fields(result) == {"api_key": None, "base_url": server.base_url}


@pytest.mark.parametrize(
    ("profile", "model", "asked"),
    [
        (KOKORO, "kokoro", ["speed"]),
        (SPEACHES, "speaches-ai/piper-en_US-lessac-medium", ["speed"]),
        (CHATTERBOX, "chatterbox-tts-1", []),
        (ORPHEUS, "orpheus", []),
        (LOCALAI, "voice-en-us-amy-low", ["speed", "instructions"]),
        (GROQ, "canopylabs/orpheus-arabic-saudi", ["speed"]),
        (OPENROUTER, "google/gemini-3.1-flash-tts-preview", ["speed", "instructions"]),
    ],
    ids=lambda value: value.name if isinstance(value, Profile) else "",
)
async def test_form_of_a_voice(
    hass: HomeAssistant, compatible: Start, profile: Profile, model: str, asked: list[str]
) -> None:
    """The models that speak are offered with the voices that they have, and only the settings that are heeded."""
    account = await load(hass, entry_at(await compatible(profile), profile.name, voice_of(profile)))
    flows = hass.config_entries.subentries
    form = await flows.async_init((account.entry_id, "voice"), context={"source": SOURCE_USER})
    assert set(choices(form, "model")) == {model.name for model in profile.models if model.speaks}
    form = await flows.async_configure(form["flow_id"], {"model": model})
    assert list(fields(form)) == [
        "voice",
        "name",
        "format",
        *asked,
        "extra_body",
        "fallback",
        "clean_text",
        "replacements",
        "effects",
    ]
    assert set(choices(form, "voice")) == {voice for one in profile.models if one.name == model for voice in one.voices}
    assert choices(form, "format")


async def test_voice_with_its_languages(hass: HomeAssistant, compatible: Start) -> None:
    """Where it is known what a voice speaks, Assist is only offered those that speak its language."""
    server = await compatible(next(profile for profile in PROFILES if profile.name == "openai-edge-tts"))
    result = await add(hass, server, "openai-edge-tts")
    (voice,) = result["result"].subentries.values()
    assert (voice.title, voice.data["voice"]) == ("openai-edge-tts Ava", "en-US-AvaNeural")
    entity = hass.data["entity_components"]["tts"].get_entity("tts.openai_edge_tts_ava")
    assert [one.voice_id for one in entity.async_get_supported_voices("fr-FR")] == ["fr-FR-DeniseNeural"]
    assert {"de", "de-DE", "en", "en-GB"} <= set(entity.supported_languages)
    assert "pl" not in entity.supported_languages


@pytest.mark.parametrize("profile", [CHATTERBOX, GROQ], ids=["chatterbox", "groq"])
async def test_long_text_keeps_to_the_limit(
    hass: HomeAssistant, compatible: Start, hass_client: ClientSessionGenerator, profile: Profile
) -> None:
    """A text that is longer than a server takes is spoken whole, in requests that it does take."""
    server = await compatible(profile)
    server.tongue = "tones"
    await load(hass, entry_at(server, profile.name, voice_of(profile)))
    text = text_of(3_500).replace("**", "").replace("[", "").replace("](https://harbour.example/times)", "")
    sound = await decode(await heard_at(hass, hass_client, text))
    assert_spoken(sound.samples, RATE, text)
    assert profile.limit
    assert all(len(body["input"]) <= profile.limit.characters for body in spoken(server))


async def test_extra_fields_are_sent_along(
    hass: HomeAssistant, compatible: Start, hass_client: ClientSessionGenerator
) -> None:
    """What a user adds goes before what Orator sends, except for the text; a call may add something else."""
    server = await compatible(KOKORO)
    added = {"lang_code": "e", "input": "Something else.", "response_format": "wav"}
    await load(hass, entry_at(server, "kokoro", {**voice_of(KOKORO), "extra_body": added}))
    assert (await heard_at(hass, hass_client, preferred_format="wav")).startswith(b"RIFF")
    await heard_at(hass, hass_client, extra_body={"volume_multiplier": 0.5})
    first, second = spoken(server)
    assert first == {**voice_of(KOKORO), "input": SENTENCE, "response_format": "wav", "lang_code": "e"}
    assert second == {**voice_of(KOKORO), "input": SENTENCE, "response_format": "mp3", "volume_multiplier": 0.5}


async def test_field_that_a_server_refuses_is_left_out(
    hass: HomeAssistant, compatible: Start, hass_client: ClientSessionGenerator
) -> None:
    """A setting that a server does not know costs one request more, once, and is not asked for any more."""
    known = {name: field for name, field in BARE.fields.items() if name not in ("speed", "instructions")}
    server = await compatible(replace(BARE, fields=known))
    server.tongue = "tones"
    voice = {"model": "voxy", "voice": "ann", "speed": 1.5, "instructions": "Whisper."}
    account = await load(hass, entry_at(server, "other", voice))
    server.reset()
    for sentence in ("The first one.", "The second one."):
        sound = await decode(await heard_at(hass, hass_client, sentence))
        assert_spoken(sound.samples, RATE, sentence)
    assert ["speed" in body for body in spoken(server)] == [True, False, False]
    assert ["instructions" in body for body in spoken(server)] == [True, False, False]
    flows = hass.config_entries.subentries
    form = await flows.async_init((account.entry_id, "voice"), context={"source": SOURCE_USER})
    form = await flows.async_configure(form["flow_id"], {"model": "voxy"})
    assert not {"speed", "instructions"} & fields(form).keys()


async def test_extra_field_that_a_server_refuses_is_told(
    hass: HomeAssistant, compatible: Start, hass_client: ClientSessionGenerator
) -> None:
    """What a user adds is not left out in silence, also where Orator would leave out what it sends itself."""
    known = {name: field for name, field in BARE.fields.items() if name != "speed"}
    server = await compatible(replace(BARE, fields=known))
    voice = {"model": "voxy", "voice": "ann", "extra_body": {"speed": 1.5}}
    await load(hass, entry_at(server, "other", voice))
    server.reset()
    assert not await heard_at(hass, hass_client)
    assert [body["speed"] for body in spoken(server)] == [1.5]


async def test_value_that_a_server_refuses_is_told(
    hass: HomeAssistant, compatible: Start, hass_client: ClientSessionGenerator
) -> None:
    """A speed that is too high is its user's to correct: the next one may be possible."""
    server = await compatible(SPEACHES)
    voice = {"model": "speaches-ai/Kokoro-82M-v1.0-ONNX", "voice": "af_heart"}
    await load(hass, entry_at(server, "other", voice))
    assert not await heard_at(hass, hass_client, speed=3)
    assert await heard_at(hass, hass_client, speed=1.5)
    assert [body.get("speed") for body in spoken(server) if body["input"]] == [3, 1.5]


async def test_format_that_a_server_refuses_becomes_another(
    hass: HomeAssistant, compatible: Start, hass_client: ClientSessionGenerator
) -> None:
    """A server that makes only wav is asked for mp3 once; what it sends instead is heard, and converted."""
    server = await compatible(GROQ)
    account = entry_at(server, "other", voice_of(GROQ))
    await load(hass, account)
    server.reset()
    for sentence in ("The first one.", "The second one."):
        assert (await heard_at(hass, hass_client, sentence)).startswith(b"ID3")
    assert [body.get("response_format") for body in spoken(server)] == ["mp3", None, "wav"]


async def test_server_that_refuses_every_format(
    hass: HomeAssistant, compatible: Start, hass_client: ClientSessionGenerator
) -> None:
    """A server that has never heard of formats is not asked for one any more."""
    known = {name: field for name, field in BARE.fields.items() if name != "response_format"}
    server = await compatible(replace(BARE, fields=known, default_format="wav"))
    await load(hass, entry_at(server, "other", {"model": "voxy", "voice": "ann"}))
    for number in range(7):
        assert await heard_at(hass, hass_client, f"Number {number}.")
    server.reset()
    assert await heard_at(hass, hass_client, "The last one.")
    (body,) = spoken(server)
    assert "response_format" not in body


async def test_server_that_sends_all_at_once_gets_short_texts_first(
    hass: HomeAssistant, compatible: Start, hass_client: ClientSessionGenerator
) -> None:
    """Where sound comes only when a text has been spoken to its end, the next text begins with a short piece."""
    server = await compatible(replace(KOKORO, delivery="whole"))
    await load(hass, entry_at(server, "other", voice_of(KOKORO)))
    for number in range(2):
        server.reset()
        assert await heard_at(hass, hass_client, text_of(600) + str(number))
        assert (len(spoken(server)) > 1) is bool(number)


async def test_list_that_fails_is_no_failure(hass: HomeAssistant, compatible: Start) -> None:
    """A server without its list of voices is added; once they are known, a failing list does not take them away."""
    server = await compatible(KOKORO)
    server.fail(Fault(path="*/audio/voices", status=500, times=2))
    result = await add(hass, server, "kokoro")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    account = result["result"]
    assert account.runtime_data.model("kokoro").voices == ()
    await account.runtime_data.async_ask()
    assert len(account.runtime_data.model("kokoro").voices) == len(KOKORO.voices)
    server.fail(Fault(path="*/audio/voices", status=503))
    assert not await account.runtime_data.async_ask()
    assert len(account.runtime_data.model("kokoro").voices) == len(KOKORO.voices)


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
async def test_what_is_no_speech_server(
    hass: HomeAssistant, compatible: Start, fault: dict[str, Any], errors: dict[str, str]
) -> None:
    """A server that has models but does not speak, or is something else altogether, is not added."""
    server = await compatible(LOCALAI)
    server.fail(Fault(**fault, times=9))
    result = await add(hass, server, "other")
    assert result["errors"] == errors


async def test_server_that_is_broken_is_told(hass: HomeAssistant, compatible: Start) -> None:
    """A server without lists that fails to speak, even if it lets the key in, has to be mended first."""
    server = await compatible(BARE)
    server.fail(Fault(path="*/audio/speech", status=500))
    assert (await add(hass, server, "other"))["errors"] == {"base": "provider_fault"}


@pytest.mark.parametrize("voice_list", [KOKORO.lists, ()], ids=["with lists", "without lists"])
async def test_server_that_was_entered_as_openai(
    hass: HomeAssistant, compatible: Start, hass_client: ClientSessionGenerator, voice_list: Any
) -> None:
    """Who chose OpenAI and entered the address of another server gets that server's voices all the same."""
    server = await compatible(replace(KOKORO, lists=voice_list))
    form = await choose(hass, "openai")
    entered = {"server": {"base_url": server.base_url}}
    result = await hass.config_entries.flow.async_configure(form["flow_id"], entered)
    await hass.async_block_till_done()
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert "server" not in result["data"]
    (voice,) = result["result"].subentries.values()
    assert (voice.data["voice"] in KOKORO.voices) is bool(voice_list)
    assert await heard_at(hass, hass_client)
