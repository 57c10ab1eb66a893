"""Tests of the subentry flow of a voice."""

from html import unescape
import threading
from unittest.mock import patch

from homeassistant.config_entries import SOURCE_USER
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.orator.form_texts import FormTexts
from custom_components.orator.sample_sentences import SAMPLE_SENTENCES
from custom_components.orator.schema import NamePicker
from tests.simulator import Simulator
from tests.support.flows import (
    get_choices,
    get_field_names,
    get_open_sections,
    get_suggested_values,
    open_voice_form,
    submit_voice_form,
)
from tests.support.speech import get_speech_requests


async def test_voice_form_depends_on_model(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """The form has the fields, voices and formats that the model supports, the most common ones first."""
    sections = ["effects", "fine_tuning", "advanced"]
    new = await open_voice_form(hass, account, "gpt-4o-mini-tts")
    assert get_field_names(new) == ["voice", "name", "fallback", "speed", "instructions", *sections]
    assert get_field_names(new, "effects") == ["chime", "chime_after", "lead_in_ms", "tail_ms", "gain_db", "loudness"]
    assert get_field_names(new, "fine_tuning") == ["clean_text", "replacements", "spoken_units", "speech_tags"]
    assert get_field_names(new, "advanced") == ["format", "sentence_cache", "stream_format"]
    assert not get_open_sections(new)
    assert len(get_choices(new, "voice")) == 13
    assert get_choices(new, "format") == ["mp3", "wav", "opus", "aac", "flac"]
    old = await open_voice_form(hass, account, "tts-1")
    assert get_field_names(old) == ["voice", "name", "fallback", "speed", *sections]
    assert get_field_names(old, "advanced") == ["format", "sentence_cache"]
    assert get_choices(old, "voice") == ["alloy", "ash", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer"]


async def test_listed_models(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """The form offers the provider's speech models."""
    result = await hass.config_entries.subentries.async_init(
        (account.entry_id, "voice"), context={"source": SOURCE_USER}
    )
    offered = get_choices(result, "model")
    assert {"gpt-4o-mini-tts", "tts-1", "tts-1-hd"} <= set(offered)


async def test_models_are_labelled_off_the_loop(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """The labels of the models, of which there may be thousands, are not made on the event loop."""
    with patch.object(FormTexts, "model", side_effect=lambda _: threading.current_thread().name) as label:
        form = await hass.config_entries.subentries.async_init(
            (account.entry_id, "voice"), context={"source": SOURCE_USER}
        )
    assert label.called
    names = form["data_schema"].schema["model"].names.values()
    assert not any(name.startswith(threading.current_thread().name) for name in names)


async def test_add_voice(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """Only what was set is stored, and the entity is added at once."""
    form = await open_voice_form(hass, account, "gpt-4o-mini-tts")
    result = await submit_voice_form(
        hass, form, {"voice": "voice_1234", "name": " Ben ", "format": "wav", "speed": 1.5}
    )
    await hass.async_block_till_done()
    assert (result["type"], result["title"]) == (FlowResultType.CREATE_ENTRY, "Ben")
    assert result["data"] == {"model": "gpt-4o-mini-tts", "voice": "voice_1234", "format": "wav", "speed": 1.5}
    assert hass.states.get("tts.ben")


async def test_default_title(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """A voice without a name is named after the provider's voice, with a number if that title is taken."""
    form = await open_voice_form(hass, account, "tts-1")
    result = await submit_voice_form(hass, form, {"voice": "nova"})
    assert result["title"] == "OpenAI Nova"
    await hass.async_block_till_done()
    form = await open_voice_form(hass, account, "tts-1")
    result = await submit_voice_form(hass, form, {"voice": "nova"})
    assert result["title"] == "OpenAI Nova 2"


async def test_reconfigure(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """A cleared field is removed from the settings, and so is one that the new model does not support."""
    (subentry_id,) = account.subentries
    first = {"voice": "sage", "name": "Ann", "speed": 2, "instructions": "Whisper."}
    second = {"voice": "sage", "name": "Anna", "instructions": "Whisper."}
    third = {"voice": "nova", "name": "Anna"}
    for model, entered in (("gpt-4o-mini-tts", first), ("gpt-4o-mini-tts", second), ("tts-1", third)):
        result = await account.start_subentry_reconfigure_flow(hass, subentry_id)
        assert result["step_id"] == "reconfigure"
        flow_id = result["flow_id"]
        await hass.config_entries.subentries.async_configure(flow_id, {"model": model})
        result = await hass.config_entries.subentries.async_configure(flow_id, entered)
        await hass.async_block_till_done()
        assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "reconfigure_successful")
        subentry = account.subentries[subentry_id]
        assert subentry.title == entered["name"]
        settings = {key: value for key, value in entered.items() if key != "name"}
        assert subentry.data == {"model": model, "format": "mp3", **settings}
    assert hass.states.get("tts.ann").name == "Anna"


async def test_text_settings(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """The settings of text cleaning and replacements are stored."""
    form = await open_voice_form(hass, account, "tts-1")
    replacements = [{"find": "kWh", "say": "kilowatt hours"}]
    text = {"clean_text": False, "replacements": replacements, "spoken_units": True, "speech_tags": True}
    result = await submit_voice_form(hass, form, {"voice": "nova", **text})
    assert result["data"] == {"model": "tts-1", "voice": "nova", "format": "mp3", **text}


async def test_new_model_lacks_voice(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """A voice that the new model lacks is not suggested, nor its default name; a name of the user's is."""
    (subentry_id,) = account.subentries
    subentry = account.subentries[subentry_id]
    data = {"model": "gpt-4o-mini-tts", "voice": "marin"}
    for title, expected in (("Ann", {"name": "Ann"}), ("OpenAI Marin", {})):
        hass.config_entries.async_update_subentry(account, subentry, title=title, data=data)
        await hass.async_block_till_done()
        result = await account.start_subentry_reconfigure_flow(hass, subentry_id)
        result = await hass.config_entries.subentries.async_configure(result["flow_id"], {"model": "tts-1"})
        schema = result["data_schema"].schema
        suggested = {str(key): key.description["suggested_value"] for key in schema if key.description}
        assert suggested == expected


@pytest.mark.parametrize(("title", "expected"), [("Ann", "Ann"), ("OpenAI Coral", "OpenAI Nova")])
async def test_default_title_follows_voice(
    hass: HomeAssistant, account: MockConfigEntry, title: str, expected: str
) -> None:
    """A new provider voice changes the default title, but not a name of the user's."""
    (subentry_id,) = account.subentries
    hass.config_entries.async_update_subentry(account, account.subentries[subentry_id], title=title)
    await hass.async_block_till_done()
    result = await account.start_subentry_reconfigure_flow(hass, subentry_id)
    flow_id = result["flow_id"]
    await hass.config_entries.subentries.async_configure(flow_id, {"model": "gpt-4o-mini-tts"})
    entered = {"voice": "nova", "name": title}
    await hass.config_entries.subentries.async_configure(flow_id, entered)
    assert account.subentries[subentry_id].title == expected


async def test_numbered_default_title_follows_voice(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """A default title with a number is replaced as well when the voice changes, and kept when it does not."""
    for _ in range(2):
        form = await open_voice_form(hass, account, "tts-1")
        await submit_voice_form(hass, form, {"voice": "nova"})
        await hass.async_block_till_done()
    subentry_id = list(account.subentries)[-1]
    for voice, expected in (("nova", "OpenAI Nova 2"), ("coral", "OpenAI Coral")):
        form = await account.start_subentry_reconfigure_flow(hass, subentry_id)
        form = await hass.config_entries.subentries.async_configure(form["flow_id"], {"model": "tts-1"})
        await submit_voice_form(hass, form, {"voice": voice})
        await hass.async_block_till_done()
        assert account.subentries[subentry_id].title == expected


async def test_typed_ids_are_stripped(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """Spaces around a typed model or voice are removed."""
    form = await open_voice_form(hass, account, " tts-1 ")
    result = await submit_voice_form(hass, form, {"voice": " nova "})
    assert result["data"] == {"model": "tts-1", "voice": "nova", "format": "mp3"}


async def test_typed_names_in_forms(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """The name of a listed model or voice can be typed without its price, and in any case."""
    form = await open_voice_form(hass, account, "TTS-1")
    result = await submit_voice_form(hass, form, {"voice": "NOVA"})
    assert result["data"] == {"model": "tts-1", "voice": "nova", "format": "mp3"}


@pytest.mark.parametrize("stored", ["opus", "flac", "unknown"])
async def test_new_model_lacks_format(hass: HomeAssistant, account: MockConfigEntry, stored: str) -> None:
    """A format that the new model lacks is not suggested: the form could not be submitted."""
    (voice,) = account.subentries.values()
    hass.config_entries.async_update_subentry(account, voice, data={**voice.data, "format": stored})
    await hass.async_block_till_done(wait_background_tasks=True)
    form = await account.start_subentry_reconfigure_flow(hass, voice.subentry_id)
    model = {"model": "gpt-realtime-2.1-mini"}
    form = await hass.config_entries.subentries.async_configure(form["flow_id"], model)
    assert get_choices(form, "format") == ["mp3", "wav"]
    result = await submit_voice_form(hass, form, {})
    assert result["reason"] == "reconfigure_successful"
    assert account.subentries[voice.subentry_id].data == {**model, "voice": "coral", "format": "mp3"}


async def test_blank_ids(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """A typed model or voice of blanks is reported at its field, and can be corrected."""
    form = await open_voice_form(hass, account, " ")
    assert (form["step_id"], form["errors"]) == ("user", {"model": "invalid_text"})
    flow_id = form["flow_id"]
    await hass.config_entries.subentries.async_configure(flow_id, {"model": "tts-1"})
    result = await hass.config_entries.subentries.async_configure(flow_id, {"voice": " "})
    assert (result["step_id"], result["errors"]) == ("voice", {"voice": "invalid_text"})
    result = await hass.config_entries.subentries.async_configure(flow_id, {"voice": "nova"})
    assert result["data"] == {"model": "tts-1", "voice": "nova", "format": "mp3"}


async def test_reconfigure_suggests_settings(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """The form shows the present settings of the voice, by name where there is one, and opens their sections."""
    (voice,) = account.subentries.values()
    data = {**voice.data, "chime": "ding_dong", "chime_after": "www/gong.mp3", "spoken_units": True, "format": "mp3"}
    hass.config_entries.async_update_subentry(account, voice, data=data)
    await hass.async_block_till_done(wait_background_tasks=True)
    form = await account.start_subentry_reconfigure_flow(hass, voice.subentry_id)
    form = await hass.config_entries.subentries.async_configure(form["flow_id"], {"model": "gpt-4o-mini-tts"})
    suggested = get_suggested_values(form)
    assert (suggested["voice"], suggested["name"]) == ("Coral", "Ann")
    assert (suggested["effects"]["chime"], suggested["effects"]["chime_after"]) == ("Ding dong", "www/gong.mp3")
    assert get_open_sections(form) == ["effects", "fine_tuning"]
    changed = {"chime": "Three tones", "chime_after": None, "spoken_units": False}
    await submit_voice_form(hass, form, changed)
    assert account.subentries[voice.subentry_id].data == {
        "model": "gpt-4o-mini-tts",
        "voice": "coral",
        "format": "mp3",
        "chime": "three_tone",
    }


@pytest.mark.parametrize(
    ("field", "value", "place", "error", "expected"),
    [
        ("speed", 9, "speed", "not_in_range", ("Speed", "9", "0.25", "4")),
        ("lead_in_ms", 99999, "effects", "not_in_range", ("Silence before speech", "99,999", "0", "5,000 ms")),
        ("loudness", -99.5, "effects", "not_in_range", ("Loudness", "-99.5", "-30", "-12 LUFS")),
    ],
)
async def test_number_out_of_range(  # noqa: PLR0913, PLR0917
    hass: HomeAssistant,
    account: MockConfigEntry,
    field: str,
    value: float,
    place: str,
    error: str,
    expected: tuple[str, ...],
) -> None:
    """A number out of range is reported at its field or section with the range, and nothing that was entered is lost.

    The field states the range, too.
    """
    form = await open_voice_form(hass, account, "gpt-4o-mini-tts")
    entered = {"voice": "Ash", "name": "Ben", "instructions": "Whisper.", "clean_text": False, "format": "wav"}
    result = await submit_voice_form(hass, form, {**entered, field: value})
    assert result["errors"] == {place: error}
    placeholders = result["description_placeholders"]
    assert tuple(placeholders[key] for key in ("setting", "value", "minimum", "maximum")) == expected
    assert placeholders[f"{field}_minimum"] == expected[2]
    suggested = get_suggested_values(result)
    shown = suggested | suggested["effects"] | suggested["fine_tuning"] | suggested["advanced"]
    assert {key: shown[key] for key in (*entered, field)} == {**entered, field: value}
    opened = ["fine_tuning", "advanced"]
    assert get_open_sections(result) == (opened if place == field else [place, *opened])
    result = await submit_voice_form(hass, result, {field: None})
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_invalid_setting(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """An invalid setting is reported at its field with its limit, and can be corrected."""
    form = await open_voice_form(hass, account, "gpt-4o-mini-tts")
    entered = {"voice": "alloy", "instructions": "x" * 4097}
    result = await submit_voice_form(hass, form, entered)
    assert result["errors"] == {"instructions": "text_too_long"}
    assert result["description_placeholders"]["maximum"] == "4,096"
    result = await submit_voice_form(hass, form, {**entered, "instructions": "Whisper."})
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_names_and_ids(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """A model and a voice can be chosen by the label that a closed picker shows, or entered as an ID."""
    form = await hass.config_entries.subentries.async_init((account.entry_id, "voice"), context={"source": SOURCE_USER})
    options = form["data_schema"].schema["model"].config["options"]
    (label,) = (option["value"] for option in options if option["label"].startswith("tts-1 "))
    form = await hass.config_entries.subentries.async_configure(form["flow_id"], {"model": label})
    result = await submit_voice_form(hass, form, {"voice": "Nova"})
    assert result["data"] == {"model": "tts-1", "voice": "nova", "format": "mp3"}


def test_equal_names() -> None:
    """Things with the same name, or whose name is the ID of another, are told apart by their IDs."""
    picker = NamePicker({"a": "Ann", "b": "Ann", "c": "a", "d": "d"})
    assert picker.names == {"a": "Ann (a)", "b": "Ann (b)", "c": "a (c)", "d": "d"}
    assert [picker(entered) for entered in ("Ann (b)", "a (c)", "a", "d", "x")] == ["b", "c", "a", "d", "x"]
    picker = NamePicker({"x": "Ann", "y": "ann", "z": "Ann (x)", "e": " "})
    assert picker.names == {"x": "Ann (x)", "y": "ann (y)", "z": "Ann (x) (z)", "e": "e"}
    assert {key: picker(name) for key, name in picker.names.items()} == {key: key for key in picker.names}


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("NOVA", "n"),
        (" Nova ", "n"),
        ("nova (EN)", "n"),
        ("N", "n"),
        ("A", "A"),
        ("ann", "ann"),
        (" custom ", "custom"),
    ],
)
def test_typed_names(typed: str, expected: str) -> None:
    """A typed name stands for its ID without regard to case, spaces and what a label adds, unless it is ambiguous."""
    names = {"n": "Nova", "a": "Ann", "A": "Ann"}
    picker = NamePicker({"n": "Nova (en)", "a": "Ann (de)", "A": "Ann (en)"}, names)
    assert picker(typed) == expected


async def test_player(
    hass: HomeAssistant,
    simulator: Simulator,
    account: MockConfigEntry,
    hass_client: ClientSessionGenerator,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """After a voice was added or changed, a player speaks with its settings, once it is played."""
    assert await async_setup_component(hass, "config", {})
    client, browser = await hass_client(), await hass_client_no_auth()
    path = "/api/config/config_entries/subentries/flow"
    (first,) = account.subentries
    for changed, speed in (({}, 1.5), ({"subentry_id": first}, 2)):
        form = await (await client.post(path, json={"handler": [account.entry_id, "voice"], **changed})).json()
        await client.post(f"{path}/{form['flow_id']}", json={"model": "tts-1"})
        entered = {"voice": "Nova", "name": "Ben", "speed": speed, "fallback": ["tts.missing"]}
        result = await (await client.post(f"{path}/{form['flow_id']}", json=entered)).json()
        placeholders = result["description_placeholders"]
        assert "<figcaption>Ben</figcaption>" in placeholders["player"]
        assert placeholders["price"] == "uses 58 characters"
        link = unescape(placeholders["player"].partition('src="')[2].partition('"')[0])
        requested = len(get_speech_requests(simulator))
        response = await browser.get(link)
        assert (response.status, response.content_type) == (200, "audio/mpeg")
        request = get_speech_requests(simulator)[requested]
        assert (request["voice"], request["speed"]) == ("nova", speed)
        assert request["input"] == SAMPLE_SENTENCES["en"].sentence
        assert (await browser.get(link.partition("?")[0])).status == 401
    hass.config_entries.async_update_subentry(account, account.subentries[first], title="Bea")
    await hass.async_block_till_done(wait_background_tasks=True)
    assert (await browser.get(link)).status == 404


@pytest.mark.parametrize("model", [" ", "m" * 201, "tts\n-1"])
async def test_invalid_model_id(hass: HomeAssistant, account: MockConfigEntry, model: str) -> None:
    """A typed model that cannot be an ID is reported at its field, and can be corrected."""
    form = await open_voice_form(hass, account, model)
    assert form["errors"] == {"model": "invalid_text"}
    form = await hass.config_entries.subentries.async_configure(form["flow_id"], {"model": "tts-1"})
    assert form["step_id"] == "voice"


@pytest.mark.parametrize(("field", "value"), [("voice", " "), ("voice", "v" * 201), ("name", "n" * 201)])
async def test_invalid_id(hass: HomeAssistant, account: MockConfigEntry, field: str, value: str) -> None:
    """A typed voice or name that cannot be one is reported at its field, and can be corrected."""
    form = await open_voice_form(hass, account, "tts-1")
    entered = {"voice": "nova"}
    result = await hass.config_entries.subentries.async_configure(form["flow_id"], {**entered, field: value})
    assert result["errors"] == {field: "invalid_text"}
    result = await hass.config_entries.subentries.async_configure(form["flow_id"], entered)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_account_not_loaded(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """The flow aborts if the account is not loaded."""
    await hass.config_entries.async_unload(account.entry_id)
    result = await hass.config_entries.subentries.async_init(
        (account.entry_id, "voice"), context={"source": SOURCE_USER}
    )
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "entry_not_loaded")


async def test_account_unloaded_between_forms(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """The flow aborts if the account is unloaded while a form is open."""
    form = await open_voice_form(hass, account, "tts-1")
    await hass.config_entries.async_unload(account.entry_id)
    result = await submit_voice_form(hass, form, {"voice": "nova"})
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "entry_not_loaded")
