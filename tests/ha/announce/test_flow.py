"""The forms of the settings of announcements, and of announcers."""

from datetime import time
from typing import Any

from homeassistant.config_entries import SOURCE_USER, ConfigEntry, ConfigEntryDisabler, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.announce.models import Priority, QuietBehavior
from custom_components.orator.announce.settings import (
    AnnouncementSettings,
    Announcer,
    async_get_settings,
)
from custom_components.orator.const import DOMAIN
from tests.support.announce import add_announcements, create_announcements, get_announcers
from tests.support.flows import get_suggested_values, open_account_step, submit_account_form
from tests.support.players import Stage

NO_QUIET_HOURS = {"quiet_hours": "off"}
KITCHEN = {"name": "Kitchen", "target": {"entity_id": ["media_player.kitchen"]}, "priority": "normal"}


async def get_menu(hass: HomeAssistant) -> list[str]:
    """Return the options of the menu that adds an entry."""
    menu = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    hass.config_entries.flow.async_abort(menu["flow_id"])
    return list(menu["menu_options"])


async def set_up(hass: HomeAssistant, **entered: Any) -> Any:
    """Submit the form of the settings of announcements, and return the result."""
    form = await open_account_step(hass, "announcements")
    result = await submit_account_form(hass, form, {**NO_QUIET_HOURS, **entered})
    await hass.async_block_till_done()
    return result


async def set_quiet_hours(hass: HomeAssistant, form: Any, **entered: Any) -> Any:
    """Submit the form of quiet hours, and return the result."""
    result = await submit_account_form(hass, form, entered)
    await hass.async_block_till_done()
    return result


async def add_announcer(hass: HomeAssistant, entry: ConfigEntry, **entered: Any) -> Any:
    """Submit the form of a new announcer, and return the result."""
    form = await hass.config_entries.subentries.async_init(
        (entry.entry_id, "announcer"), context={"source": SOURCE_USER}
    )
    assert form["step_id"] == "announcer"
    result = await hass.config_entries.subentries.async_configure(form["flow_id"], {**KITCHEN, **entered})
    await hass.async_block_till_done()
    return result


async def test_add_with_defaults(hass: HomeAssistant) -> None:
    """The form can be submitted as it is; there are no quiet hours then."""
    result = await set_up(hass)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "Announcements"
    assert result["data"] == {"kind": "announcements"}
    assert result["options"] == {}
    assert result["result"].unique_id == "announcements"
    assert result["result"].state is ConfigEntryState.LOADED
    assert async_get_settings(hass) == AnnouncementSettings()


async def test_add_with_all_settings(hass: HomeAssistant) -> None:
    """All settings are stored, volumes as in Home Assistant's actions."""
    players = [
        {"entity_id": "media_player.kitchen", "volume": 40},
        {"entity_id": "media_player.kitchen_ma", "same_speaker": "media_player.kitchen"},
    ]
    form = await set_up(hass, tts_entity_id="tts.ann", quiet_hours="times", players=players)
    assert form["step_id"] == "quiet_times"
    await set_quiet_hours(hass, form, quiet_start="21:30:00", quiet_end="06:00:00", quiet="defer")
    assert async_get_settings(hass) == AnnouncementSettings(
        voice="tts.ann",
        quiet=QuietBehavior.DEFER,
        quiet_start=time(21, 30),
        quiet_end=time(6),
        volume_levels={"media_player.kitchen": 0.4},
        same_speakers={"media_player.kitchen_ma": "media_player.kitchen"},
    )


async def test_schedule(hass: HomeAssistant) -> None:
    """Quiet hours can follow a schedule."""
    form = await set_up(hass, quiet_hours="schedule")
    assert form["step_id"] == "quiet_schedule"
    await set_quiet_hours(hass, form, quiet_schedule="schedule.night")
    assert async_get_settings(hass) == AnnouncementSettings(quiet_schedule="schedule.night")


@pytest.mark.parametrize(
    ("entered", "errors"),
    [
        ({"players": [{"entity_id": "media_player.a", "volume": 101}]}, {"players": "volume_out_of_range"}),
        ({"players": [{"entity_id": "media_player.a"}, {"entity_id": "media_player.a"}]}, {"players": "player_twice"}),
        ({"players": [{"entity_id": "media_player.a", "same_speaker": "media_player.a"}]}, {"players": "same_player"}),
    ],
)
async def test_invalid_settings(hass: HomeAssistant, entered: dict[str, Any], errors: dict[str, str]) -> None:
    """An error stands at its field, the input stays in the form, and a corrected form is accepted."""
    form = await open_account_step(hass, "announcements")
    result = await submit_account_form(hass, form, {**NO_QUIET_HOURS, **entered})
    assert result["type"] is FlowResultType.FORM
    assert result["errors"] == errors
    suggested = get_suggested_values(result)
    assert all(suggested[key] == value for key, value in entered.items())
    result = await submit_account_form(hass, result, {**NO_QUIET_HOURS, "players": None})
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_equal_times(hass: HomeAssistant) -> None:
    """Quiet hours that end when they start are refused; the suggested times are accepted."""
    form = await set_up(hass, quiet_hours="times")
    form = await set_quiet_hours(hass, form, quiet_end="22:00:00")
    assert form["errors"] == {"quiet_end": "times_equal"}
    assert get_suggested_values(form)["quiet_end"] == "22:00:00"
    await set_quiet_hours(hass, form, quiet_end="07:00:00")
    assert async_get_settings(hass) == AnnouncementSettings(quiet_start=time(22), quiet_end=time(7))


async def test_single(hass: HomeAssistant) -> None:
    """The menu offers announcements only once, and a form that is still open does not add them again."""
    form = await open_account_step(hass, "announcements")
    assert "announcements" in await get_menu(hass)
    await set_up(hass)
    assert "announcements" not in await get_menu(hass)
    result = await submit_account_form(hass, form, NO_QUIET_HOURS)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "single_instance_allowed")


@pytest.mark.parametrize("is_loaded", [True, False])
async def test_reconfigure(hass: HomeAssistant, *, is_loaded: bool) -> None:
    """The form shows the settings, and changes them."""
    entry = create_announcements(
        tts_entity_id="tts.ann",
        quiet_schedule="schedule.night",
        players=[{"entity_id": "media_player.kitchen", "volume_level": 0.35}],
    )
    entry.add_to_hass(hass)
    if is_loaded:
        await hass.config_entries.async_setup(entry.entry_id)
    form: Any = await entry.start_reconfigure_flow(hass)
    assert form["step_id"] == "announcements"
    suggested = get_suggested_values(form)
    assert suggested["quiet_hours"] == "schedule"
    assert suggested["players"] == [{"entity_id": "media_player.kitchen", "volume": 35}]

    form = await submit_account_form(hass, form, {"quiet_hours": "times", "tts_entity_id": None})
    assert form["step_id"] == "quiet_times"
    result = await set_quiet_hours(hass, form)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "announcements_updated")
    assert entry.state is ConfigEntryState.LOADED
    assert async_get_settings(hass) == AnnouncementSettings(
        quiet_start=time(22), quiet_end=time(7), volume_levels={"media_player.kitchen": 0.35}
    )


async def test_disabled_entry_has_no_effect(hass: HomeAssistant) -> None:
    """While the entry is disabled, announcements have default settings and there are no announcers."""
    entry = await add_announcements(hass, {**KITCHEN, "title": "Kitchen"}, tts_entity_id="tts.ann")
    assert async_get_settings(hass).voice == "tts.ann"
    assert [announcer.name for announcer in get_announcers(hass)] == ["Kitchen"]
    await hass.config_entries.async_set_disabled_by(entry.entry_id, ConfigEntryDisabler.USER)
    assert async_get_settings(hass) == AnnouncementSettings()
    assert not get_announcers(hass)


async def test_add_announcer(hass: HomeAssistant) -> None:
    """An announcer needs only a name and a target."""
    entry = await add_announcements(hass)
    result = await add_announcer(hass, entry)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    (subentry,) = entry.subentries.values()
    assert (subentry.title, subentry.data) == ("Kitchen", {"target": {"entity_id": ["media_player.kitchen"]}})
    assert get_announcers(hass) == [
        Announcer(id=subentry.subentry_id, name="Kitchen", target={"entity_id": ["media_player.kitchen"]})
    ]


async def test_announcer_with_all_settings(hass: HomeAssistant) -> None:
    """All settings of an announcer are stored, and shown when it is reconfigured."""
    entry = await add_announcements(hass)
    await add_announcer(
        hass,
        entry,
        name=" Whole house ",
        target={"area_id": ["kitchen"], "floor_id": "upstairs"},
        tts_entity_id="tts.ann",
        volume=55,
        chime="Ding dong",
        priority="high",
        quiet="whisper",
    )
    (announcer,) = get_announcers(hass)
    assert announcer == Announcer(
        id=announcer.id,
        name="Whole house",
        target={"area_id": ["kitchen"], "floor_id": ["upstairs"]},
        voice="tts.ann",
        volume_level=0.55,
        chime="ding_dong",
        quiet=QuietBehavior.WHISPER,
        priority=Priority.HIGH,
    )
    assert announcer.options == {"chime": "ding_dong"}
    form: Any = await entry.start_subentry_reconfigure_flow(hass, announcer.id)
    assert get_suggested_values(form) == {
        "name": "Whole house",
        "target": {"area_id": ["kitchen"], "floor_id": ["upstairs"]},
        "tts_entity_id": "tts.ann",
        "volume": 55,
        "chime": "Ding dong",
        "priority": "high",
        "quiet": "whisper",
    }
    result = await hass.config_entries.subentries.async_configure(form["flow_id"], {**KITCHEN, "chime": "No chime"})
    await hass.async_block_till_done()
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "reconfigure_successful")
    (changed,) = get_announcers(hass)
    assert changed == Announcer(id=announcer.id, name="Kitchen", target=KITCHEN["target"], chime="none")


@pytest.mark.parametrize(
    ("entered", "errors"),
    [
        ({"name": " "}, {"name": "invalid_text"}),
        ({"name": "x" * 201}, {"name": "invalid_text"}),
        ({"target": {}}, {"target": "target_missing"}),
        ({"target": {"area_id": []}}, {"target": "target_missing"}),
        ({"volume": -1}, {"volume": "volume_out_of_range"}),
        ({"volume": 101}, {"volume": "volume_out_of_range"}),
        ({"chime": "gong.mp3"}, {"chime": "chime_missing"}),
    ],
)
async def test_invalid_announcer(hass: HomeAssistant, entered: dict[str, Any], errors: dict[str, str]) -> None:
    """An error stands at its field, the input stays in the form, and a corrected form is accepted."""
    entry = await add_announcements(hass)
    result = await add_announcer(hass, entry, **entered)
    assert result["type"] is FlowResultType.FORM
    assert result["errors"] == errors
    suggested = get_suggested_values(result)
    assert all(suggested[key] == value for key, value in {**KITCHEN, **entered}.items())
    result = await hass.config_entries.subentries.async_configure(result["flow_id"], KITCHEN)
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize(
    ("platform", "error"), [("alexa_devices", "speaker_is_alexa"), ("snapcast", "speaker_is_snapcast")]
)
async def test_target_that_can_never_announce(hass: HomeAssistant, stage: Stage, platform: str, error: str) -> None:
    """A player that can never announce is an error with its name; one that is only unavailable is accepted."""
    player = await stage.add_player(platform)
    entry = await add_announcements(hass)
    result = await add_announcer(hass, entry, target={"entity_id": [player.entity_id]})
    assert result["errors"] == {"target": error}
    assert result["description_placeholders"]["speaker"] == "Kitchen"
    absent = await stage.add_player("sonos", "Office")
    absent.vanish()
    result = await hass.config_entries.subentries.async_configure(
        result["flow_id"], {**KITCHEN, "target": {"entity_id": [absent.entity_id]}}
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_accounts_offer_voices_only(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """Voices belong to accounts, announcers to announcements."""
    entry = await add_announcements(hass)
    assert list(account.supported_subentry_types) == ["voice"]
    assert list(entry.supported_subentry_types) == ["announcer"]
