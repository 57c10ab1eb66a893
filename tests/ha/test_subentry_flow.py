"""Tests of the subentry flow of a voice."""

from homeassistant.config_entries import SOURCE_USER
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from tests.support.flows import get_choices, get_field_names, open_voice_form


async def test_voice_form_depends_on_model(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """The form has the fields, voices and formats that the model supports."""
    new = await open_voice_form(hass, account, "gpt-4o-mini-tts")
    text_fields = ["fallback", "clean_text", "replacements", "spoken_units", "effects"]
    assert get_field_names(new) == ["voice", "name", "format", "speed", "instructions", "stream_format", *text_fields]
    assert len(get_choices(new, "voice")) == 13
    assert get_choices(new, "format") == ["mp3", "wav", "opus", "aac", "flac"]
    old = await open_voice_form(hass, account, "tts-1")
    assert get_field_names(old) == ["voice", "name", "format", "speed", *text_fields]
    assert get_choices(old, "voice") == ["alloy", "ash", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer"]


async def test_listed_models(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """The form offers the provider's speech models."""
    result = await hass.config_entries.subentries.async_init(
        (account.entry_id, "voice"), context={"source": SOURCE_USER}
    )
    offered = get_choices(result, "model")
    assert {"gpt-4o-mini-tts", "tts-1", "tts-1-hd"} <= set(offered)


async def test_add_voice(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """Only what was set is stored, and the entity is added at once."""
    form = await open_voice_form(hass, account, "gpt-4o-mini-tts")
    result = await hass.config_entries.subentries.async_configure(
        form["flow_id"], {"voice": "voice_1234", "name": " Ben ", "format": "wav", "speed": 1.5}
    )
    await hass.async_block_till_done()
    assert (result["type"], result["title"]) == (FlowResultType.CREATE_ENTRY, "Ben")
    assert result["data"] == {"model": "gpt-4o-mini-tts", "voice": "voice_1234", "format": "wav", "speed": 1.5}
    assert hass.states.get("tts.ben")


async def test_default_title(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """A voice without a name is named after the provider's voice, with a number if that title is taken."""
    form = await open_voice_form(hass, account, "tts-1")
    result = await hass.config_entries.subentries.async_configure(form["flow_id"], {"voice": "nova", "format": "mp3"})
    assert result["title"] == "OpenAI Nova"
    await hass.async_block_till_done()
    form = await open_voice_form(hass, account, "tts-1")
    result = await hass.config_entries.subentries.async_configure(form["flow_id"], {"voice": "nova", "format": "mp3"})
    assert result["title"] == "OpenAI Nova 2"


async def test_reconfigure(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """A cleared field is removed from the settings, and so is one that the new model does not support."""
    (subentry_id,) = account.subentries
    first = {"voice": "sage", "name": "Ann", "format": "mp3", "speed": 2, "instructions": "Whisper."}
    second = {"voice": "sage", "name": "Anna", "format": "mp3", "instructions": "Whisper."}
    third = {"voice": "nova", "name": "Anna", "format": "mp3"}
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
        assert subentry.data == {"model": model} | {key: entered[key] for key in entered if key != "name"}
    assert hass.states.get("tts.ann").name == "Anna"


async def test_text_settings(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """The settings of text cleaning and replacements are stored."""
    form = await open_voice_form(hass, account, "tts-1")
    text = {"clean_text": False, "replacements": [{"find": "kWh", "say": "kilowatt hours"}], "spoken_units": True}
    result = await hass.config_entries.subentries.async_configure(
        form["flow_id"], {"voice": "nova", "format": "mp3", **text}
    )
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
    entered = {"voice": "nova", "name": title, "format": "mp3"}
    await hass.config_entries.subentries.async_configure(flow_id, entered)
    assert account.subentries[subentry_id].title == expected


async def test_typed_ids_are_stripped(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """Spaces around a typed model or voice are removed."""
    form = await open_voice_form(hass, account, " tts-1 ")
    entered = {"voice": " nova ", "format": "mp3"}
    result = await hass.config_entries.subentries.async_configure(form["flow_id"], entered)
    assert result["data"] == {"model": "tts-1", "voice": "nova", "format": "mp3"}


async def test_blank_ids(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """A typed model or voice of blanks is reported at its field, and can be corrected."""
    form = await open_voice_form(hass, account, " ")
    assert (form["step_id"], form["errors"]) == ("user", {"model": "invalid_setting"})
    flow_id = form["flow_id"]
    await hass.config_entries.subentries.async_configure(flow_id, {"model": "tts-1"})
    result = await hass.config_entries.subentries.async_configure(flow_id, {"voice": " ", "format": "mp3"})
    assert (result["step_id"], result["errors"]) == ("voice", {"voice": "invalid_setting"})
    result = await hass.config_entries.subentries.async_configure(flow_id, {"voice": "nova", "format": "mp3"})
    assert result["data"] == {"model": "tts-1", "voice": "nova", "format": "mp3"}


async def test_reconfigure_suggests_settings(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """The form suggests the present settings of the voice."""
    (subentry_id,) = account.subentries
    result = await account.start_subentry_reconfigure_flow(hass, subentry_id)
    result = await hass.config_entries.subentries.async_configure(result["flow_id"], {"model": "gpt-4o-mini-tts"})
    suggested = {
        str(key): key.description["suggested_value"] for key in result["data_schema"].schema if key.description
    }
    assert suggested["voice"] == "coral"
    assert suggested["name"] == "Ann"


async def test_number_out_of_range(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """The schema of the form refuses a number out of range."""
    form = await open_voice_form(hass, account, "gpt-4o-mini-tts")
    with pytest.raises(InvalidData) as refused:
        await hass.config_entries.subentries.async_configure(
            form["flow_id"], {"voice": "alloy", "format": "mp3", "speed": 9}
        )
    assert "speed" in refused.value.schema_errors


async def test_invalid_setting(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """An invalid setting is reported at its field, and can be corrected."""
    form = await open_voice_form(hass, account, "gpt-4o-mini-tts")
    entered = {"voice": "alloy", "format": "mp3", "instructions": "x" * 4097}
    result = await hass.config_entries.subentries.async_configure(form["flow_id"], entered)
    assert result["errors"] == {"instructions": "invalid_setting"}
    result = await hass.config_entries.subentries.async_configure(
        form["flow_id"], {**entered, "instructions": "Whisper."}
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize("model", [" ", "m" * 201, "tts\n-1"])
async def test_invalid_model_id(hass: HomeAssistant, account: MockConfigEntry, model: str) -> None:
    """A typed model that cannot be an ID is reported at its field, and can be corrected."""
    form = await open_voice_form(hass, account, model)
    assert form["errors"] == {"model": "invalid_setting"}
    form = await hass.config_entries.subentries.async_configure(form["flow_id"], {"model": "tts-1"})
    assert form["step_id"] == "voice"


@pytest.mark.parametrize(("field", "value"), [("voice", " "), ("voice", "v" * 201), ("name", "n" * 201)])
async def test_invalid_id(hass: HomeAssistant, account: MockConfigEntry, field: str, value: str) -> None:
    """A typed voice or name that cannot be one is reported at its field, and can be corrected."""
    form = await open_voice_form(hass, account, "tts-1")
    entered = {"voice": "nova", "format": "mp3"}
    result = await hass.config_entries.subentries.async_configure(form["flow_id"], {**entered, field: value})
    assert result["errors"] == {field: "invalid_setting"}
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
    result = await hass.config_entries.subentries.async_configure(form["flow_id"], {"voice": "nova", "format": "mp3"})
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "entry_not_loaded")
