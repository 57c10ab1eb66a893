"""Speechbase in Home Assistant: setup, forms and speech in both modes."""

from datetime import timedelta
import threading
from typing import Any
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components import tts
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from tests.simulator import Fault, Simulator
from tests.simulator.speechbase.catalog import DOCUMENTED_VOICE
from tests.support.audio import RATE, decode, decode_output
from tests.support.flows import (
    get_choices,
    get_field_names,
    get_open_sections,
    get_suggested_values,
    start_account_flow,
    submit_voice_form,
)
from tests.support.speech import (
    Hear,
    create_account,
    get_issue,
    get_post_requests,
    pass_time,
    speak,
    wait_for_reload,
    write_store,
)
from tests.support.streams import SATELLITE, SENTENCE
from tests.support.word_decoder import assert_spoken


@pytest.fixture
def entry(simulator: Simulator) -> MockConfigEntry:
    """Return an account at the simulated Speechbase, with a saved voice."""
    return create_account(simulator, "speechbase", {"mode": "voice", "voice_id": DOCUMENTED_VOICE})


async def start_voice_flow(hass: HomeAssistant, account: MockConfigEntry, mode: str) -> Any:
    """Choose the mode of a new voice and return the next form."""
    result = await hass.config_entries.subentries.async_init((account.entry_id, "voice"), context={"source": "user"})
    assert get_field_names(result) == ["mode"]
    return await hass.config_entries.subentries.async_configure(result["flow_id"], {"mode": mode})


async def test_setup_creates_saved_voice(hass: HomeAssistant, simulator: Simulator) -> None:
    """Setup creates the newest saved voice that can speak, at no cost."""
    entered = {"api_key": simulator.api_key, "server": {"base_url": simulator.speechbase_url}}
    result = await hass.config_entries.flow.async_configure(await start_account_flow(hass, "speechbase"), entered)
    await hass.async_block_till_done()
    (voice,) = result["result"].subentries.values()
    assert voice.title == "Speechbase Bedroom, evening"
    assert voice.data["mode"] == "voice"
    assert not get_post_requests(simulator)


async def test_setup_without_voice(hass: HomeAssistant, simulator: Simulator) -> None:
    """An account without a connected vendor is set up without a voice."""
    simulator.speechbase.voices.clear()
    for row in simulator.speechbase.providers:
        row["byok"] = row["managed"] = False
    entered = {"api_key": simulator.api_key, "server": {"base_url": simulator.speechbase_url}}
    result = await hass.config_entries.flow.async_configure(await start_account_flow(hass, "speechbase"), entered)
    await hass.async_block_till_done()
    assert not result["result"].subentries
    assert result["result"].state is ConfigEntryState.LOADED


async def test_saved_voice_form(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """Saved voices are listed by title, equal titles are distinguished, and there is no choice of models."""
    form = await start_voice_flow(hass, account, "voice")
    sections = ["effects", "fine_tuning", "advanced"]
    assert get_field_names(form) == ["voice_id", "name", "fallback", "speed", *sections]
    assert get_field_names(form, "fine_tuning") == [
        "volume_dbfs",
        "clean_text",
        "replacements",
        "spoken_units",
        "speech_tags",
    ]
    assert get_field_names(form, "advanced") == ["format", "sentence_cache", "bitrate", "provider_options"]
    labels = [option["label"] for option in form["data_schema"].schema["voice_id"].config["options"]]
    assert len(labels) == len(set(labels)) == 120
    assert "Kitchen doorbell" in labels
    chosen = {"voice_id": get_choices(form, "voice_id")[3], "bitrate": 100.5}
    form = await submit_voice_form(hass, form, chosen)
    assert form["errors"] == {"advanced": "not_in_range_of_integers"}
    result = await submit_voice_form(hass, form, {**chosen, "bitrate": 100.0})
    await hass.async_block_till_done()
    assert result["data"] == {"mode": "voice", "voice_id": chosen["voice_id"], "format": "mp3", "bitrate": 100}


async def test_unlisted_saved_voice(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """The ID of an unlisted voice is looked up: an existing one is accepted, another is an error."""
    form = await start_voice_flow(hass, account, "voice")
    result = await hass.config_entries.subentries.async_configure(form["flow_id"], {"voice_id": "01940f8a-0000"})
    assert result["errors"] == {"voice_id": "voice_gone"}
    simulator.speechbase.voices.append({**simulator.speechbase.voices[0], "id": "01940f8a-new", "title": "New"})
    result = await hass.config_entries.subentries.async_configure(
        form["flow_id"], {"voice_id": " 01940f8a-new ", "name": "Ben"}
    )
    assert result["data"]["voice_id"] == "01940f8a-new"
    await wait_for_reload(hass)
    assert hass.states.get("tts.ben")
    assert not get_issue(hass, account, "voice_gone")


async def test_unlisted_saved_voice_during_outage(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry
) -> None:
    """An ID that cannot be looked up at the moment is accepted."""
    form = await start_voice_flow(hass, account, "voice")
    simulator.fail(Fault(path="*/v1/voices/*", status=503))
    result = await hass.config_entries.subentries.async_configure(form["flow_id"], {"voice_id": "01940f8a-new"})
    assert result["data"]["voice_id"] == "01940f8a-new"


async def test_inline_voice_form(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """The model is chosen first, then a known voice or an entered one."""
    form = await start_voice_flow(hass, account, "inline")
    assert form["step_id"] == "model"
    assert "openai/gpt-4o-mini-tts" in get_choices(form, "model")
    assert not [model for model in get_choices(form, "model") if model.startswith("hume/")]
    form = await hass.config_entries.subentries.async_configure(form["flow_id"], {"model": "cartesia/sonic-3"})
    assert get_choices(form, "voice") == []
    assert not form["description_placeholders"]["preview"]
    entered = {"voice": "a0e99841", "name": "Carl", "provider_options": ["language"]}
    form = await submit_voice_form(hass, form, entered)
    assert form["errors"] == {"advanced": "invalid_object"}
    assert get_open_sections(form) == ["advanced"]
    assert get_suggested_values(form)["advanced"]["provider_options"] == ["language"]
    result = await submit_voice_form(hass, form, {**entered, "provider_options": {"language": "en"}})
    await hass.async_block_till_done()
    assert result["data"] == {
        "model": "cartesia/sonic-3",
        "voice": "a0e99841",
        "format": "mp3",
        "provider_options": {"language": "en"},
    }


async def test_model_of_unconnected_vendor(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """A model of an unconnected vendor is an error the first time, and accepted the second time."""
    form = await start_voice_flow(hass, account, "inline")
    form = await hass.config_entries.subentries.async_configure(form["flow_id"], {"model": "deepgram/aura-2"})
    assert (form["step_id"], form["errors"]) == ("model", {"model": "vendor_not_connected"})
    assert form["description_placeholders"]["vendor"] == "Deepgram"
    form = await hass.config_entries.subentries.async_configure(form["flow_id"], {"model": "deepgram/aura-2"})
    assert form["step_id"] == "voice"


async def test_mode_can_be_changed(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """A voice can change between both modes and keeps no settings of the other one."""
    (subentry_id,) = account.subentries

    async def change(*forms: dict[str, Any]) -> None:
        result = await account.start_subentry_reconfigure_flow(hass, subentry_id)
        for form in forms:
            result = await hass.config_entries.subentries.async_configure(result["flow_id"], form)
        assert result["reason"] == "reconfigure_successful"
        await hass.async_block_till_done()

    vendor = {"model": "openai/tts-1", "voice": "nova", "format": "mp3"}
    await change({"mode": "inline"}, {"model": "openai/tts-1"}, {"name": "Ann", "voice": "nova"})
    assert account.subentries[subentry_id].data == vendor
    await change({"mode": "voice"}, {"name": "Ann", "voice_id": DOCUMENTED_VOICE})
    assert account.subentries[subentry_id].data == {"mode": "voice", "voice_id": DOCUMENTED_VOICE, "format": "mp3"}


async def test_default_name_after_mode_change(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """The default name of a saved voice is not suggested for an inline voice."""
    (subentry_id,) = account.subentries
    hass.config_entries.async_update_subentry(
        account, account.subentries[subentry_id], title="Speechbase Podcast narrator"
    )
    await hass.async_block_till_done()
    result = await account.start_subentry_reconfigure_flow(hass, subentry_id)
    await hass.config_entries.subentries.async_configure(result["flow_id"], {"mode": "inline"})
    form = await hass.config_entries.subentries.async_configure(result["flow_id"], {"model": "openai/tts-1"})
    (name,) = (key for key in form["data_schema"].schema if key == "name")
    assert not name.description


async def test_saved_voice_of_unconnected_vendor(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry
) -> None:
    """A saved voice of an unconnected vendor is an error the first time, and accepted the second time."""
    for row in simulator.speechbase.providers:
        row["byok"] = row["managed"] = False
    await hass.config_entries.async_reload(account.entry_id)
    await wait_for_reload(hass)
    form = await start_voice_flow(hass, account, "voice")
    entered = {"voice_id": DOCUMENTED_VOICE}
    form = await hass.config_entries.subentries.async_configure(form["flow_id"], entered)
    assert form["errors"] == {"voice_id": "vendor_not_connected"}
    assert form["description_placeholders"]["vendor"] == "ElevenLabs"
    result = await hass.config_entries.subentries.async_configure(form["flow_id"], entered)
    assert result["data"]["voice_id"] == DOCUMENTED_VOICE


async def test_default_model_is_connected(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """The default model is not suggested if its vendor is not connected."""
    (openai,) = (row for row in simulator.speechbase.providers if row["id"] == "openai")
    openai["byok"] = openai["managed"] = False
    await hass.config_entries.async_reload(account.entry_id)
    await wait_for_reload(hass)
    form = await start_voice_flow(hass, account, "inline")
    form = await hass.config_entries.subentries.async_configure(
        form["flow_id"], {"model": form["data_schema"]({})["model"]}
    )
    assert form["step_id"] == "voice"


async def test_reconfigure_suggests_bitrate(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """The stored bitrate is suggested in the form."""
    (subentry_id,) = account.subentries
    data = {**account.subentries[subentry_id].data, "bitrate": 112}
    hass.config_entries.async_update_subentry(account, account.subentries[subentry_id], data=data)
    await hass.async_block_till_done()
    result = await account.start_subentry_reconfigure_flow(hass, subentry_id)
    form = await hass.config_entries.subentries.async_configure(result["flow_id"], {"mode": "voice"})
    assert get_suggested_values(form)["advanced"]["bitrate"] == 112


async def test_account_unloaded_during_flow(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """The flow aborts if the account is unloaded between two forms."""
    form = await start_voice_flow(hass, account, "inline")
    await hass.config_entries.async_unload(account.entry_id)
    result = await hass.config_entries.subentries.async_configure(form["flow_id"], {"model": "openai/tts-1"})
    assert result["reason"] == "entry_not_loaded"


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"mode": "inline", "model": "openai/tts-1", "voice": "nova"},
        {"mode": "inline", "model": "cartesia/sonic-3", "voice": "x"},
    ],
    ids=["saved", "openai", "cartesia"],
)
@pytest.mark.parametrize("output_format", [{}, SATELLITE], ids=["player", "satellite"])
async def test_speech(simulator: Simulator, hear: Hear, options: dict[str, Any], output_format: dict[str, Any]) -> None:
    """Both modes speak every word to players and satellites."""
    simulator.audio_mode = "tones"
    audio = await hear(SENTENCE, **options, **output_format)
    sound = await decode_output(audio, output_format)
    assert_spoken(sound.samples, RATE, SENTENCE)


async def test_voice_picked_in_assist(hass: HomeAssistant, simulator: Simulator, hear: Hear) -> None:
    """Assist lists the saved voices, the configured one first, and speaks with the picked one."""
    engine = tts.get_engine_instance(hass, "tts.ann")
    voices = engine.async_get_supported_voices("en")
    assert (voices[0].voice_id, voices[0].name) == (DOCUMENTED_VOICE, "Podcast narrator")
    assert len(voices) == 120
    await hear(SENTENCE, voice=voices[5].voice_id)
    assert get_post_requests(simulator)[-1]["voiceId"] == voices[5].voice_id


async def test_long_text(hass: HomeAssistant, simulator: Simulator, hear: Hear) -> None:
    """A text over the model's limit is spoken in several requests, and every word once."""
    simulator.audio_mode = "tones"
    text = " ".join(f"Sentence number {number} of this rather long story goes on." for number in range(60))
    audio = await hear(text, mode="inline", model="inworld/inworld-tts-2", voice="Dennis")
    assert_spoken((await decode(audio)).samples, RATE, text)
    assert all(len(body["text"]) <= 2000 for body in get_post_requests(simulator))


@pytest.mark.parametrize(
    ("replacements", "is_sent"),
    [
        ([{"find": "kettle", "say": "the big cauldron"}], True),
        ([{"find": "kettle", "say": ""}], False),
        ([{"find": "the tea", "say": "it"}, {"find": "kettle", "say": "pot"}], False),
    ],
    ids=["word", "deleted word", "phrase"],
)
async def test_replacements(
    simulator: Simulator, hear: Hear, replacements: list[dict[str, str]], *, is_sent: bool
) -> None:
    """Replacements are sent as pronunciations if Speechbase can apply all of them, else applied to the text."""
    simulator.audio_mode = "tones"
    audio = await hear(SENTENCE, replacements=replacements)
    expected = SENTENCE
    for rule in replacements:
        expected = expected.replace(rule["find"], rule["say"])
    assert_spoken((await decode(audio)).samples, RATE, expected)
    assert all(("pronunciations" in body) is is_sent for body in get_post_requests(simulator))


async def test_capabilities_are_stored(
    hass: HomeAssistant, simulator: Simulator, hear: Hear, account: MockConfigEntry, freezer: FrozenDateTimeFactory
) -> None:
    """A detected capability is still known after a restart."""
    simulator.speechbase.mode_key = "rejected"
    assert await hear("One.")
    freezer.tick(timedelta(seconds=30))
    async_fire_time_changed(hass)
    await hass.async_block_till_done(wait_background_tasks=True)
    simulator.reset()
    await hass.config_entries.async_reload(account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert await hear("Two.")
    assert ["mode" in body for body in get_post_requests(simulator)] == [False]


async def test_capabilities_are_collected_in_the_event_loop(
    hass: HomeAssistant, simulator: Simulator, hear: Hear, account: MockConfigEntry
) -> None:
    """What is stored is read by the event loop, which may change it, and a catalog is indexed once per change."""
    coordinator = account.runtime_data
    threads: list[int] = []
    as_dict = coordinator.loudness_tracker.as_dict

    def collect() -> dict[str, Any]:
        threads.append(threading.get_ident())
        return as_dict()

    simulator.speechbase.mode_key = "rejected"
    with (
        patch.object(coordinator.loudness_tracker, "as_dict", collect),
        patch.object(coordinator.provider, "index", wraps=coordinator.provider.index) as index,
    ):
        for text in ("One.", "Two."):
            assert await hear(text)
        await pass_time(hass, seconds=11)
    assert set(threads) == {threading.get_ident()}
    assert index.call_count == 1


async def test_capabilities_survive_immediate_reload(
    hass: HomeAssistant, simulator: Simulator, hear: Hear, account: MockConfigEntry
) -> None:
    """A capability detected just before a reload is still known after it."""
    simulator.speechbase.mode_key = "rejected"
    assert await hear("One.")
    simulator.reset()
    await hass.config_entries.async_reload(account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert await hear("Two.")
    assert ["mode" in body for body in get_post_requests(simulator)] == [False]


@pytest.mark.parametrize("is_same", [True, False], ids=["same", "other"])
async def test_capabilities_of_another_address(
    hass: HomeAssistant,
    hass_storage: dict[str, Any],
    simulator: Simulator,
    is_same: bool,  # noqa: FBT001
) -> None:
    """Stored capabilities are ignored if the address has changed."""
    simulator.speechbase.mode_key = "rejected" if is_same else "required"
    account = create_account(simulator, "speechbase", {"model": "openai/tts-1", "voice": "nova"})
    key = f"orator.{account.entry_id}"
    base_url = simulator.speechbase_url if is_same else "http://127.0.0.1:9"
    stored = {"catalogue": None, "learned": {"sends_mode": False}, "addresses": {"base_url": base_url}}
    write_store(hass_storage, key, stored)
    account.add_to_hass(hass)
    await hass.config_entries.async_setup(account.entry_id)  # may schedule a reload, because the catalog has changed
    await hass.async_block_till_done(wait_background_tasks=True)
    assert await speak(hass)
    assert ["mode" in body for body in get_post_requests(simulator)] == [not is_same]


async def test_inline_mode_without_voice(hass: HomeAssistant, simulator: Simulator, hear: Hear) -> None:
    """A call with inline mode and no voice is refused before a request is sent."""
    assert not await hear(SENTENCE, mode="inline", model="openai/tts-1")
    assert not get_post_requests(simulator)
