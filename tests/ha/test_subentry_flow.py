"""The flow of a voice, as the web page drives it."""

from typing import Any

from homeassistant.config_entries import SOURCE_USER
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry


async def add_voice(hass: HomeAssistant, account: MockConfigEntry, model: str) -> Any:
    """Begin to add a voice with a model; the result is the form of its settings."""
    result = await hass.config_entries.subentries.async_init(
        (account.entry_id, "voice"), context={"source": SOURCE_USER}
    )
    assert result["step_id"] == "user"
    return await hass.config_entries.subentries.async_configure(result["flow_id"], {"model": model})


def field_names(result: Any) -> list[str]:
    """Return the fields that a form shows."""
    return [str(key) for key in result["data_schema"].schema]


def choices(result: Any, field: str) -> list[str]:
    """Return what can be chosen in a field."""
    return [option["value"] for option in result["data_schema"].schema[field].config["options"]]


async def test_voice_form_follows_the_model(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """What a model ignores is not asked, and it offers only voices it has."""
    new = await add_voice(hass, account, "gpt-4o-mini-tts")
    text_fields = ["fallback", "clean_text", "replacements", "effects"]
    assert field_names(new) == ["voice", "name", "format", "speed", "instructions", *text_fields]
    assert len(choices(new, "voice")) == 13
    assert choices(new, "format") == ["mp3", "wav", "opus", "aac", "flac"]
    old = await add_voice(hass, account, "tts-1")
    assert field_names(old) == ["voice", "name", "format", "speed", *text_fields]
    assert choices(old, "voice") == ["alloy", "ash", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer"]


async def test_models_are_those_of_the_service(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """The service's own speech models are offered, and none that does not speak."""
    result = await hass.config_entries.subentries.async_init(
        (account.entry_id, "voice"), context={"source": SOURCE_USER}
    )
    offered = choices(result, "model")
    assert {"gpt-4o-mini-tts", "tts-1", "tts-1-hd"} <= set(offered)


async def test_voice_is_created_and_speaks(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """Only what was set is kept; the voice's entity is there at once."""
    form = await add_voice(hass, account, "gpt-4o-mini-tts")
    result = await hass.config_entries.subentries.async_configure(
        form["flow_id"], {"voice": "voice_1234", "name": " Ben ", "format": "wav", "speed": 1.5}
    )
    await hass.async_block_till_done()
    assert (result["type"], result["title"]) == (FlowResultType.CREATE_ENTRY, "Ben")
    assert result["data"] == {"model": "gpt-4o-mini-tts", "voice": "voice_1234", "format": "wav", "speed": 1.5}
    assert hass.states.get("tts.ben")


async def test_voice_without_a_name_is_called_after_who_speaks(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """Nobody has to think of a name."""
    form = await add_voice(hass, account, "tts-1")
    result = await hass.config_entries.subentries.async_configure(form["flow_id"], {"voice": "nova", "format": "mp3"})
    assert result["title"] == "OpenAI Nova"
    await hass.async_block_till_done()
    form = await add_voice(hass, account, "tts-1")
    result = await hass.config_entries.subentries.async_configure(form["flow_id"], {"voice": "nova", "format": "mp3"})
    assert result["title"] == "OpenAI Nova 2"


async def test_voice_is_changed_and_cleared(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """A cleared field is gone, and so is what the new model does not take."""
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


async def test_text_settings_are_kept(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """How text is read out belongs to a voice."""
    form = await add_voice(hass, account, "tts-1")
    text = {"clean_text": False, "replacements": [{"find": "kWh", "say": "kilowatt hours"}]}
    result = await hass.config_entries.subentries.async_configure(
        form["flow_id"], {"voice": "nova", "format": "mp3", **text}
    )
    assert result["data"] == {"model": "tts-1", "voice": "nova", "format": "mp3", **text}


async def test_changed_model_does_not_keep_a_voice_it_lacks(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """What the old model had and the new one has not is not suggested; a name of one's own is."""
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
async def test_usual_name_follows_the_voice(
    hass: HomeAssistant, account: MockConfigEntry, title: str, expected: str
) -> None:
    """A name that nobody chose does not stay when somebody else speaks."""
    (subentry_id,) = account.subentries
    hass.config_entries.async_update_subentry(account, account.subentries[subentry_id], title=title)
    await hass.async_block_till_done()
    result = await account.start_subentry_reconfigure_flow(hass, subentry_id)
    flow_id = result["flow_id"]
    await hass.config_entries.subentries.async_configure(flow_id, {"model": "gpt-4o-mini-tts"})
    entered = {"voice": "nova", "name": title, "format": "mp3"}
    await hass.config_entries.subentries.async_configure(flow_id, entered)
    assert account.subentries[subentry_id].title == expected


async def test_typed_names_lose_their_spaces(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """What is pasted often brings spaces along."""
    form = await add_voice(hass, account, " tts-1 ")
    entered = {"voice": " nova ", "format": "mp3"}
    result = await hass.config_entries.subentries.async_configure(form["flow_id"], entered)
    assert result["data"] == {"model": "tts-1", "voice": "nova", "format": "mp3"}


async def test_reconfigure_shows_what_is_set(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """A form for a change begins with what the voice has."""
    (subentry_id,) = account.subentries
    result = await account.start_subentry_reconfigure_flow(hass, subentry_id)
    result = await hass.config_entries.subentries.async_configure(result["flow_id"], {"model": "gpt-4o-mini-tts"})
    suggested = {
        str(key): key.description["suggested_value"] for key in result["data_schema"].schema if key.description
    }
    assert suggested["voice"] == "coral"
    assert suggested["name"] == "Ann"


async def test_value_out_of_range_is_refused_by_the_form(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """The form itself knows the range of a number."""
    form = await add_voice(hass, account, "gpt-4o-mini-tts")
    with pytest.raises(InvalidData) as refused:
        await hass.config_entries.subentries.async_configure(
            form["flow_id"], {"voice": "alloy", "format": "mp3", "speed": 9}
        )
    assert "speed" in refused.value.schema_errors


async def test_impossible_setting_is_refused_at_its_field(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """What the provider would refuse is told where it was entered, and can be corrected there."""
    form = await add_voice(hass, account, "gpt-4o-mini-tts")
    entered = {"voice": "alloy", "format": "mp3", "instructions": "x" * 4097}
    result = await hass.config_entries.subentries.async_configure(form["flow_id"], entered)
    assert result["errors"] == {"instructions": "invalid_setting"}
    result = await hass.config_entries.subentries.async_configure(
        form["flow_id"], {**entered, "instructions": "Whisper."}
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_voice_needs_a_loaded_account(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """Without its account nobody knows what a voice could be."""
    await hass.config_entries.async_unload(account.entry_id)
    result = await hass.config_entries.subentries.async_init(
        (account.entry_id, "voice"), context={"source": SOURCE_USER}
    )
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "entry_not_loaded")


async def test_account_that_goes_away_between_two_forms(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """An account may be changed while a form is open."""
    form = await add_voice(hass, account, "tts-1")
    await hass.config_entries.async_unload(account.entry_id)
    result = await hass.config_entries.subentries.async_configure(form["flow_id"], {"voice": "nova", "format": "mp3"})
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "entry_not_loaded")
