"""NanoGPT in Home Assistant: setup, forms and speech."""

import asyncio
from contextlib import suppress
import logging
from typing import Any

from homeassistant.components import tts
from homeassistant.const import EVENT_HOMEASSISTANT_CLOSE
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.util import slugify
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from tests.simulator import Fault, ModelResponse, Simulator, Timing
from tests.support.audio import RATE, decode
from tests.support.flows import get_choices, get_field_names, start_account_flow, submit_voice_form
from tests.support.speech import Hear, create_account, get_post_requests, load_account, speak
from tests.support.streams import SATELLITE, SENTENCE, wait_until
from tests.support.word_decoder import assert_spoken


@pytest.fixture
def entry(simulator: Simulator) -> MockConfigEntry:
    """Return an account at the simulated NanoGPT, with a voice whose audio is linked."""
    return create_account(simulator, "nanogpt", {"model": "Kokoro-82m", "voice": "af_bella"})


async def add_account(hass: HomeAssistant, simulator: Simulator, **changed: Any) -> Any:
    """Add an account through the forms and return the flow result."""
    entered = {"api_key": simulator.api_key, "server": simulator.addresses("nanogpt")} | changed
    return await hass.config_entries.flow.async_configure(await start_account_flow(hass, "nanogpt"), entered)


async def test_setup_is_free(hass: HomeAssistant, simulator: Simulator) -> None:
    """An API key is enough for setup, which costs nothing."""
    result = await add_account(hass, simulator)
    await hass.async_block_till_done()
    assert result["data"] == {
        "provider": "nanogpt",
        "base_url": simulator.nanogpt_url,
        "speech_base_url": simulator.nanogpt_speech_url,
        "api_key": simulator.api_key,
    }
    assert hass.states.get("tts.nanogpt_coral")
    assert {request.path for request in simulator.requests} == {"/api/check-balance", "/api/v1/audio-models"}
    assert simulator.nanogpt.charged == 0


@pytest.mark.parametrize("status", [400, 401])
async def test_invalid_key(hass: HomeAssistant, simulator: Simulator, status: int) -> None:
    """An invalid API key is an error of its field."""
    simulator.nanogpt.wrong_key_status = status  # type: ignore[assignment]
    result = await add_account(hass, simulator, api_key="sk-wrong")
    assert result["errors"] == {"api_key": "invalid_key"}


async def test_missing_key(hass: HomeAssistant, simulator: Simulator) -> None:
    """The official server is not contacted without an API key."""
    result = await add_account(hass, simulator, api_key="", server={})
    assert result["errors"] == {"api_key": "missing_key"}


async def test_form_fields(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """The form shows the options of the model on the chosen endpoint only."""
    for model, endpoint, fields, fine_tuning in (
        ("Kokoro-82m", "audio_speech", ["speed"], []),
        ("gpt-4o-mini-tts", "audio_speech", ["instructions"], []),
        ("nano-tts-1", "speech", ["speed", "language"], ["pitch", "emotion", "stability", "similarity"]),
        ("Elevenlabs-V3", "tts", ["speed"], ["stability", "similarity_boost", "style"]),
    ):
        form = await start_voice_flow(hass, account, model, endpoint)
        assert get_field_names(form) == ["voice", "name", "fallback", *fields, "effects", "fine_tuning", "advanced"]
        assert get_field_names(form, "fine_tuning") == [
            *fine_tuning,
            "clean_text",
            "replacements",
            "spoken_units",
            "speech_tags",
        ]
        assert get_field_names(form, "advanced") == ["format", "sentence_cache"]


async def start_voice_flow(hass: HomeAssistant, account: MockConfigEntry, model: str, endpoint: str) -> Any:
    """Choose the model and endpoint of a new voice, and return the form of its settings."""
    result = await hass.config_entries.subentries.async_init((account.entry_id, "voice"), context={"source": "user"})
    entered = {"model": model, "advanced": {"endpoint": endpoint}}
    return await hass.config_entries.subentries.async_configure(result["flow_id"], entered)


async def test_model_prices(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """The list of models shows their prices and how soon they start, in Home Assistant's language."""
    result = await hass.config_entries.subentries.async_init((account.entry_id, "voice"), context={"source": "user"})
    labels = [option["label"] for option in result["data_schema"].schema["model"].config["options"]]
    assert "Kokoro 82M · slow start · $0.10 per 1,000 announcements" in labels
    assert not [label for label in labels if "Music" in label or "Whisper" in label]


async def test_endpoint_of_a_voice(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """An endpoint other than the default is stored, shown again, and removed when the default is chosen."""
    form = await start_voice_flow(hass, account, "nano-tts-1", "speech")
    result = await submit_voice_form(hass, form, {"voice": "luna", "emotion": "friendly"})
    await hass.async_block_till_done()
    data = {"model": "nano-tts-1", "endpoint": "speech", "voice": "luna", "format": "mp3", "emotion": "friendly"}
    assert result["data"] == data
    (subentry_id,) = (key for key, voice in account.subentries.items() if voice.title == "NanoGPT Luna")
    result = await account.start_subentry_reconfigure_flow(hass, subentry_id)
    advanced = result["data_schema"].schema["advanced"]
    assert not advanced.options["collapsed"]
    result = await hass.config_entries.subentries.async_configure(
        result["flow_id"], {"model": "nano-tts-1", "advanced": {"endpoint": "audio_speech"}}
    )
    result = await hass.config_entries.subentries.async_configure(result["flow_id"], {"voice": "luna"})
    await hass.async_block_till_done()
    assert account.subentries[subentry_id].data == {"model": "nano-tts-1", "voice": "luna", "format": "mp3"}


async def test_voice_languages(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """Voices with the same name are listed with their language."""
    result = await start_voice_flow(hass, account, "Kokoro-82m", "audio_speech")
    labels = result["data_schema"].schema["voice"].names
    assert (labels["jf_alpha"], labels["hf_alpha"]) == ("Alpha (ja-JP)", "Alpha (hi-IN)")
    assert get_choices(result, "voice")[0] == "af_bella"


async def test_voices_of_a_language(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """Assist is offered the voices of its language only, the configured one first."""
    engine = tts.get_engine_instance(hass, "tts.ann")
    assert {"en", "en-GB", "fr", "ja", "zh-CN"} <= set(engine.supported_languages)
    assert "de" not in engine.supported_languages
    english = [voice.voice_id for voice in engine.async_get_supported_voices("en-GB")]
    assert english[0] == "af_bella"
    assert all(voice[0] in "ab" for voice in english)
    assert [voice.voice_id for voice in engine.async_get_supported_voices("fr")] == ["ff_siwis"]
    assert [voice.voice_id for voice in engine.async_get_supported_voices("it-IT")] == ["if_sara", "im_nicola"]


async def test_default_voice_of_the_provider(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry
) -> None:
    """On the endpoint that needs no voice, the voice field may stay empty; the provider's default voice speaks."""
    simulator.audio_mode = "tones"
    form = await start_voice_flow(hass, account, "Kokoro-82m", "tts")
    result = await hass.config_entries.subentries.async_configure(form["flow_id"], {})
    await hass.async_block_till_done()
    name = result["title"]
    assert result["data"] == {"model": "Kokoro-82m", "endpoint": "tts", "format": "mp3"}
    entity_id = f"tts.{slugify(name)}"
    audio = await speak(hass, entity_id=entity_id)
    assert_spoken((await decode(audio)).samples, RATE, SENTENCE)
    assert get_post_requests(simulator)[-1] == {"model": "Kokoro-82m", "text": SENTENCE}
    voices = tts.get_engine_instance(hass, entity_id).async_get_supported_voices("fr")
    assert [voice.voice_id for voice in voices] == ["ff_siwis"]
    subentry_id = next(key for key, voice in account.subentries.items() if voice.title == name)
    form = await account.start_subentry_reconfigure_flow(hass, subentry_id)
    entered = {"model": "Kokoro-82m", "advanced": {"endpoint": "audio_speech"}}
    form = await hass.config_entries.subentries.async_configure(form["flow_id"], entered)
    await hass.config_entries.subentries.async_configure(form["flow_id"], {})
    await hass.async_block_till_done()
    assert account.subentries[subentry_id].data["voice"] == "af_bella"


NANO = {"model": "nano-tts-1", "endpoint": "speech", "voice": "luna"}


@pytest.mark.parametrize(
    ("stored", "called", "sent"),
    [
        (None, {}, None),  # the service detects the language, which may not be that of Home Assistant
        (None, {"language": "en-US"}, None),
        (None, {"language": "en"}, "en"),
        (None, {"language": "fr"}, "fr"),
        (None, {"language": "fr", "options": {"language": "de-at"}}, "de-AT"),
        ("pt_br", {}, "pt-BR"),
        ("pt_br", {"language": "es"}, "es"),
        ("pt_br", {"language": "es", "options": {"language": "de"}}, "de"),
        ("English please", {}, None),
        ("English please", {"language": "fr"}, "fr"),
    ],
)
async def test_language(
    hass: HomeAssistant, simulator: Simulator, stored: str | None, called: dict[str, Any], sent: str | None
) -> None:
    """The endpoint receives the language of the call, unless it is the default, and an option outranks it."""
    entry = create_account(simulator, "nanogpt", {**NANO, **({"language": stored} if stored else {})})
    await load_account(hass, entry)
    stream = tts.async_create_stream(hass, "tts.ann", **called)
    stream.async_set_message(SENTENCE)
    assert b"".join([block async for block in stream.async_stream_result()])
    assert get_post_requests(simulator)[-1].get("language") == sent


async def test_invalid_language(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """Text that is no language tag is refused in the form and in a call."""
    form = await start_voice_flow(hass, account, "nano-tts-1", "speech")
    result = await submit_voice_form(hass, form, {"voice": "luna", "language": "English please"})
    assert result["errors"] == {"language": "invalid_language"}
    assert result["description_placeholders"]["value"] == "English please"
    simulator.reset()
    with pytest.raises(ServiceValidationError):
        await speak(hass, **NANO, language="English please")
    assert not simulator.requests


@pytest.mark.parametrize("kind", ["bytes", "link", "ticket"])
@pytest.mark.parametrize("endpoint", ["audio_speech", "speech", "tts"])
async def test_response_kinds(hass: HomeAssistant, simulator: Simulator, hear: Hear, kind: Any, endpoint: str) -> None:
    """Every kind of response on every endpoint gives a player an mp3 of the text."""
    simulator.audio_mode = "tones"
    simulator.nanogpt.responses["tts-1"] = ModelResponse(kind=kind)
    simulator.nanogpt.polls_until_done = 1
    audio = await hear(SENTENCE, model="tts-1", voice="nova", endpoint=endpoint)
    assert_spoken((await decode(audio)).samples, RATE, SENTENCE)


@pytest.mark.parametrize(
    ("settings", "field", "audio_format"),
    [
        *((NANO, "format", audio_format) for audio_format in ("ogg", "opus", "aac", "flac")),
        *(
            ({"model": "tts-1", "endpoint": "tts", "voice": "nova"}, "response_format", audio_format)
            for audio_format in ("opus", "aac", "flac")
        ),
    ],
)
async def test_format_of_a_single_request(
    simulator: Simulator, hear: Hear, settings: dict[str, str], field: str, audio_format: str
) -> None:
    """A message for one request arrives in the player's format without conversion, if the service has the format."""
    simulator.audio_mode = "tones"
    audio = await hear(SENTENCE, **settings, preferred_format=audio_format)
    assert_spoken((await decode(audio)).samples, RATE, SENTENCE)
    assert get_post_requests(simulator)[-1][field] == audio_format


async def test_long_text(hass: HomeAssistant, simulator: Simulator, hear: Hear) -> None:
    """A text over the model's limit takes several jobs, and every word is spoken once and in order."""
    simulator.audio_mode = "tones"
    simulator.nanogpt.polls_until_done = 1
    (row,) = (row for row in simulator.nanogpt.models if row["id"] == "Elevenlabs-Turbo-V2.5")
    row["supported_parameters"]["max_chars"] = 300
    text = " ".join(f"Sentence number {number} of this rather long story goes on." for number in range(12))
    audio = await hear(text, model="Elevenlabs-Turbo-V2.5", voice="Adam")
    assert_spoken((await decode(audio)).samples, RATE, text)
    assert len(simulator.nanogpt.jobs) > 2
    assert all(len(job.text) <= 300 for job in simulator.nanogpt.jobs)


async def test_audio_is_passed_on_during_the_download(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    """A player receives the start of a linked file while the rest is still downloaded."""
    simulator.files.timing = Timing(rate=4)
    client = await hass_client()
    stream = tts.async_create_stream(hass, "tts.ann", options=SATELLITE)
    stream.async_set_message(f"{'on and ' * 40}on it goes.")
    response = await client.get(stream.url)
    first = await response.content.readexactly(4000)
    (download,) = simulator.files.requests
    assert not download.finished.is_set()
    assert len(first + await response.read()) > 200_000


@pytest.mark.parametrize(
    ("broken", "key"),
    [
        ({"grow_to": 200_000_000}, "answer_too_large"),
        ({"fault": Fault(body="<html>Sign in</html>", times=9)}, "not_audio"),
        ({"redirect_to": "ftp://127.0.0.1{file}"}, "unsafe_link"),
        ({"fault": Fault(status=404, times=9)}, "download_failed"),
    ],
)
async def test_refused_file_is_not_cached(
    hass: HomeAssistant, simulator: Simulator, hear: Hear, broken: dict[str, Any], key: str
) -> None:
    """A refused file is an error and is neither played nor cached, and the next request may succeed."""
    simulator.audio_mode = "tones"
    for name, value in broken.items():
        if name == "fault":
            simulator.files.fail(value)
        else:
            setattr(simulator.files, name, value)
    with pytest.raises(HomeAssistantError) as caught:
        await speak(hass, SENTENCE)
    assert caught.value.translation_key == key
    assert not await hear(SENTENCE)
    simulator.files.reset()
    simulator.files.grow_to, simulator.files.redirect_to = 0, None
    assert_spoken((await decode(await hear(SENTENCE))).samples, RATE, SENTENCE)


async def test_links_and_keys_are_not_logged(
    hass: HomeAssistant, simulator: Simulator, hear: Hear, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the API key nor signed links are logged."""
    caplog.set_level(logging.INFO)
    simulator.files.fail(Fault(status=404, times=9))
    assert not await hear(SENTENCE)
    assert "sig=" not in caplog.text
    assert simulator.api_key not in caplog.text


async def test_oversized_file_is_not_cached(
    hass: HomeAssistant, simulator: Simulator, hear: Hear, ignore_broken_connections: None
) -> None:
    """A file that turns out to be too large is neither played to its end nor cached."""
    simulator.files.announces_length = False
    simulator.files.grow_to = 200_000_000
    await hear(SENTENCE, **SATELLITE)
    simulator.files.grow_to = 0
    audio = await hear(SENTENCE, **SATELLITE)
    assert len(simulator.files.requests) == 2
    assert 50_000 < len(audio) < 500_000


async def test_invalid_endpoint(hass: HomeAssistant, simulator: Simulator, hear: Hear) -> None:
    """An unknown endpoint is refused before a request is sent."""
    simulator.requests.clear()
    assert not await hear(SENTENCE, endpoint="v2")
    assert not simulator.requests


async def test_reconfigure_addresses(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """Both addresses can be changed; the stored API key is not sent to a new one."""
    result = await account.start_reconfigure_flow(hass)
    assert get_field_names(result) == ["api_key", "base_url", "speech_base_url"]
    entered = {"base_url": simulator.nanogpt_url, "speech_base_url": "http://127.0.0.1:9"}
    result = await hass.config_entries.flow.async_configure(result["flow_id"], entered)
    assert result["errors"] == {"api_key": "missing_key"}
    assert account.data["speech_base_url"] == simulator.nanogpt_speech_url


async def test_unlisted_model(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """A model that is not listed can be entered; its voice must be entered, too."""
    result = await start_voice_flow(hass, account, "brand-new", "audio_speech")
    assert get_choices(result, "voice") == []


async def test_polling_ends_with_home_assistant(hass: HomeAssistant, simulator: Simulator) -> None:
    """No job is polled after Home Assistant has stopped."""
    await load_account(hass, create_account(simulator, "nanogpt", {"model": "Elevenlabs-Turbo-V2.5", "voice": "Adam"}))
    simulator.nanogpt.outcomes["kettle"] = "endless"
    speech = asyncio.create_task(speak(hass))
    await wait_until(lambda: simulator.nanogpt.jobs and simulator.nanogpt.jobs[0].polls)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_CLOSE)
    await hass.async_block_till_done()
    await asyncio.sleep(1)  # the request is repeated meanwhile
    await wait_until(lambda: not [task for task in asyncio.all_tasks() if task.get_name() == "orator NanoGPT job"])
    polls = simulator.nanogpt.jobs[0].polls
    speech.cancel()
    with suppress(HomeAssistantError, asyncio.CancelledError):
        await speech
    assert simulator.nanogpt.jobs[0].polls == polls
