"""NanoGPT in Home Assistant: set up, and spoken through."""

import logging
from typing import Any

from homeassistant.components import tts
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from ..simulator import Answer, Fault, Simulator, Timing
from ..support.audio import RATE, decode
from ..support.speech import SATELLITE, SENTENCE, Hear, account_of, speak
from ..support.word_decoder import assert_spoken
from .test_config_flow import start
from .test_subentry_flow import choices, field_names


@pytest.fixture
def entry(simulator: Simulator) -> MockConfigEntry:
    """Describe an account at the simulated NanoGPT, with a voice that answers with a link."""
    return account_of(simulator, "nanogpt", {"model": "Kokoro-82m", "voice": "af_bella"})


async def add_account(hass: HomeAssistant, simulator: Simulator, **changed: Any) -> Any:
    """Add an account with the forms; return what comes of it."""
    server = {"base_url": simulator.nanogpt_url, "speech_base_url": simulator.nanogpt_speech_url}
    entered = {"api_key": simulator.api_key, "server": server} | changed
    return await hass.config_entries.flow.async_configure(await start(hass, "nanogpt"), entered)


async def test_account_is_set_up_for_nothing(hass: HomeAssistant, simulator: Simulator) -> None:
    """A key is enough, and is checked without buying anything."""
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
async def test_wrong_key_is_told(hass: HomeAssistant, simulator: Simulator, status: int) -> None:
    """A key that is not known is said to be wrong, and can be corrected."""
    simulator.nanogpt.bad_key_status = status  # type: ignore[assignment]
    result = await add_account(hass, simulator, api_key="sk-wrong")
    assert result["errors"] == {"api_key": "invalid_key"}


async def test_the_service_itself_wants_a_key(hass: HomeAssistant, simulator: Simulator) -> None:
    """The official address is not even asked without a key."""
    result = await add_account(hass, simulator, api_key="", server={})
    assert result["errors"] == {"api_key": "missing_key"}


async def test_form_follows_model_and_route(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """What can be set depends on the model and the route, and nothing else is asked."""
    around = (["voice", "name", "format"], ["fallback", "clean_text", "replacements", "effects"])
    for model, endpoint, fields in (
        ("Kokoro-82m", "audio_speech", ["speed"]),
        ("gpt-4o-mini-tts", "audio_speech", ["instructions"]),
        ("nano-tts-1", "speech", ["speed", "language", "pitch", "emotion", "stability", "similarity"]),
        ("Elevenlabs-V3", "tts", ["speed", "stability", "similarity_boost", "style"]),
    ):
        result = await begin_voice(hass, account, model, endpoint)
        assert field_names(result) == [*around[0], *fields, *around[1]]


async def begin_voice(hass: HomeAssistant, account: MockConfigEntry, model: str, endpoint: str) -> Any:
    """Choose a model and a route for a new voice; return the form of its settings."""
    result = await hass.config_entries.subentries.async_init((account.entry_id, "voice"), context={"source": "user"})
    entered = {"model": model, "advanced": {"endpoint": endpoint}}
    return await hass.config_entries.subentries.async_configure(result["flow_id"], entered)


async def test_models_are_offered_with_their_price(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """One sees what a model costs before choosing it."""
    result = await hass.config_entries.subentries.async_init((account.entry_id, "voice"), context={"source": "user"})
    labels = [option["label"] for option in result["data_schema"].schema["model"].config["options"]]
    assert "Kokoro 82M · 1 USD / 1M" in labels
    assert not [label for label in labels if "Music" in label or "Whisper" in label]


async def test_voice_keeps_its_route(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """A route that is not the usual one is kept, shown again, and forgotten when it is set back."""
    form = await begin_voice(hass, account, "nano-tts-1", "speech")
    result = await hass.config_entries.subentries.async_configure(
        form["flow_id"], {"voice": "luna", "format": "mp3", "emotion": "friendly"}
    )
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
    result = await hass.config_entries.subentries.async_configure(result["flow_id"], {"voice": "luna", "format": "mp3"})
    await hass.async_block_till_done()
    assert account.subentries[subentry_id].data == {"model": "nano-tts-1", "voice": "luna", "format": "mp3"}


async def test_voices_are_listed_with_their_language(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """Voices that share a name are told apart."""
    result = await begin_voice(hass, account, "Kokoro-82m", "audio_speech")
    labels = {option["value"]: option["label"] for option in result["data_schema"].schema["voice"].config["options"]}
    assert (labels["jf_alpha"], labels["hf_alpha"]) == ("Alpha (ja-JP)", "Alpha (hi-IN)")
    assert choices(result, "voice")[0] == "af_bella"


async def test_picker_offers_a_languages_own_voices(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """Assist is offered the voices that speak its language, our own first if it does, and no others."""
    engine = tts.get_engine_instance(hass, "tts.ann")
    assert {"en", "en-GB", "fr", "ja", "zh-CN"} <= set(engine.supported_languages)
    assert "de" not in engine.supported_languages
    english = [voice.voice_id for voice in engine.async_get_supported_voices("en-GB")]
    assert english[0] == "af_bella"
    assert all(voice[0] in "ab" for voice in english)
    assert [voice.voice_id for voice in engine.async_get_supported_voices("fr")] == ["ff_siwis"]
    assert [voice.voice_id for voice in engine.async_get_supported_voices("it-IT")] == ["if_sara", "im_nicola"]


@pytest.mark.parametrize("kind", ["bytes", "link", "ticket"])
@pytest.mark.parametrize("endpoint", ["audio_speech", "speech", "tts"])
async def test_all_is_one_simple_voice(
    hass: HomeAssistant, simulator: Simulator, hear: Hear, kind: Any, endpoint: str
) -> None:
    """However the service answers, a player gets an mp3 with the words."""
    simulator.tongue = "tones"
    simulator.nanogpt.answers["tts-1"] = Answer(kind=kind)
    simulator.nanogpt.polls_until_done = 1
    audio = await hear(SENTENCE, model="tts-1", voice="nova", endpoint=endpoint)
    assert_spoken((await decode(audio)).samples, RATE, SENTENCE)


async def test_long_text_of_tickets(hass: HomeAssistant, simulator: Simulator, hear: Hear) -> None:
    """A text over the model's limit takes several jobs, and every word is heard once, in order."""
    simulator.tongue = "tones"
    simulator.nanogpt.polls_until_done = 1
    (row,) = (row for row in simulator.nanogpt.models if row["id"] == "Elevenlabs-Turbo-V2.5")
    row["supported_parameters"]["max_chars"] = 300
    text = " ".join(f"Sentence number {number} of this rather long story goes on." for number in range(12))
    audio = await hear(text, model="Elevenlabs-Turbo-V2.5", voice="Adam")
    assert_spoken((await decode(audio)).samples, RATE, text)
    assert len(simulator.nanogpt.jobs) > 2
    assert all(len(job.text) <= 300 for job in simulator.nanogpt.jobs)


async def test_first_sound_does_not_wait_for_the_file(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    """A player hears the beginning of a linked file while the rest is still downloaded."""
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
async def test_what_is_refused_is_never_kept(
    hass: HomeAssistant, simulator: Simulator, hear: Hear, broken: dict[str, Any], key: str
) -> None:
    """A refused file is said to be refused, nothing of it is played, and the next time is a new time."""
    simulator.tongue = "tones"
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
    """A signed link is as good as the sound behind it, and is nobody else's business; nor is the key."""
    caplog.set_level(logging.INFO)
    simulator.files.fail(Fault(status=404, times=9))
    assert not await hear(SENTENCE)
    assert "sig=" not in caplog.text
    assert simulator.api_key not in caplog.text


async def test_file_that_grows_too_large_is_not_kept(
    hass: HomeAssistant, simulator: Simulator, hear: Hear, broken_connections: None
) -> None:
    """A file whose length shows only on the way is broken off, and not kept either."""
    simulator.files.content_length = False
    simulator.files.grow_to = 200_000_000
    await hear(SENTENCE, **SATELLITE)
    simulator.files.grow_to = 0
    spoken_anew = await hear(SENTENCE, **SATELLITE)
    assert len(simulator.files.requests) == 2
    assert 50_000 < len(spoken_anew) < 500_000


async def test_option_that_cannot_be(hass: HomeAssistant, simulator: Simulator, hear: Hear) -> None:
    """A route that does not exist is refused before anything is asked."""
    simulator.requests.clear()
    assert not await hear(SENTENCE, endpoint="v2")
    assert not simulator.requests


async def test_reconfigure_shows_both_addresses(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry
) -> None:
    """Both addresses can be changed; the old key does not go to a new one."""
    result = await account.start_reconfigure_flow(hass)
    assert field_names(result) == ["api_key", "base_url", "speech_base_url"]
    entered = {"base_url": simulator.nanogpt_url, "speech_base_url": "http://127.0.0.1:9"}
    result = await hass.config_entries.flow.async_configure(result["flow_id"], entered)
    assert result["errors"] == {"api_key": "missing_key"}
    assert account.data["speech_base_url"] == simulator.nanogpt_speech_url


async def test_typed_model_without_voices(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """A model that is not listed can be typed; its voice then has to be typed, too."""
    result = await begin_voice(hass, account, "brand-new", "audio_speech")
    assert choices(result, "voice") == []
