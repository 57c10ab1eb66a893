"""OpenAI-compatible servers in Home Assistant: the models, voices, settings and formats that they support."""

from dataclasses import replace

from homeassistant.config_entries import SOURCE_USER
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.orator.audio.formats import AudioFormat, detect_format
from tests.simulator.openai_compatible.hosted_profiles import GROQ, OPENROUTER
from tests.simulator.openai_compatible.profile import Profile
from tests.simulator.openai_compatible.profiles import BARE, CHATTERBOX, KOKORO, LOCALAI, ORPHEUS, PROFILES, SPEACHES
from tests.support.audio import RATE, decode
from tests.support.compatible import add_server_account, create_server_account, fetch_speech, get_server_requests
from tests.support.flows import get_choices, get_field_names, get_suggested_values
from tests.support.server_profiles import Start, get_default_voice
from tests.support.speech import create_text, load_account, remove_markdown
from tests.support.streams import SENTENCE
from tests.support.word_decoder import assert_spoken


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
    fields = ["voice", "name", "fallback", *options, "effects", "fine_tuning", "advanced"]
    assert get_field_names(form) == fields
    assert get_field_names(form, "advanced") == ["format", "sentence_cache", "extra_body"]
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
        audio = await fetch_speech(hass, hass_client, sentence)
        assert detect_format(audio) is AudioFormat.MP3
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
