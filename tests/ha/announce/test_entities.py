"""The entities of announcers: they speak messages, report results, and cancel."""

import json
from typing import Any

from homeassistant.const import STATE_UNKNOWN
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.helpers.event import async_track_state_change_event
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.orator.announce.models import Announcement, SpeakerResult, Status, announcement_error
from custom_components.orator.announce.runs import SIGNAL_REPORT, AnnouncementReport
from tests.simulator import Simulator
from tests.support.announce import add_announcements
from tests.support.audio import RATE, decode
from tests.support.speakers import Speaker, add_speakers
from tests.support.speech import get_speech_requests
from tests.support.streams import wait_until
from tests.support.word_decoder import assert_spoken

KITCHEN: dict[str, Any] = {"title": "Kitchen", "target": {"entity_id": ["media_player.kitchen"]}}
NOTIFY, EVENT, BUTTON = "notify.kitchen", "event.kitchen_announcement", "button.kitchen_cancel_announcements"
MESSAGE = "Dinner is ready."


@pytest.fixture
async def kitchen(hass: HomeAssistant, account: MockConfigEntry) -> Speaker:
    """Add the speaker in the kitchen."""
    return (await add_speakers(hass, "kitchen"))["kitchen"]


@pytest.fixture
def events(hass: HomeAssistant) -> list[dict[str, Any]]:
    """Return the attributes of all events of the kitchen."""
    found: list[dict[str, Any]] = []

    @callback
    def add(event: Event[EventStateChangedData]) -> None:
        old, new = event.data["old_state"], event.data["new_state"]
        if old and new and new.state not in (old.state, STATE_UNKNOWN):
            found.append({key: value for key, value in new.attributes.items() if key != "friendly_name"})

    async_track_state_change_event(hass, EVENT, add)
    return found


async def notify(hass: HomeAssistant, message: str = MESSAGE, **data: Any) -> None:
    """Send a message to the kitchen."""
    await hass.services.async_call("notify", "send_message", {"entity_id": NOTIFY, "message": message, **data}, True)  # noqa: FBT003


async def test_message_is_spoken(hass: HomeAssistant, kitchen: Speaker, events: list[dict[str, Any]]) -> None:
    """A message is spoken with the voice's chime and the player's volume; the title is not spoken."""
    await add_announcements(hass, KITCHEN)
    await notify(hass, title="Kitchen")
    await wait_until(lambda: events)
    (audio,) = kitchen.played
    assert_spoken((await decode(audio)).samples, RATE, MESSAGE)
    assert kitchen.volumes == [0.3]
    (event,) = events
    assert (event["event_type"], event["players"]) == ("played", ["media_player.kitchen"])
    assert event["announcement_id"]
    assert MESSAGE not in str(events)


async def test_settings_of_announcer(
    hass: HomeAssistant, simulator: Simulator, kitchen: Speaker, events: list[dict[str, Any]]
) -> None:
    """The message has the announcer's volume and chime, and the volume is restored."""
    await add_announcements(
        hass, {**KITCHEN, "volume_level": 0.7, "chime": "ding_dong", "tts_entity_id": "tts.ann"}, tts_entity_id="tts.no"
    )
    await notify(hass)
    await wait_until(lambda: events)
    assert kitchen.volumes == [0.7]
    assert kitchen.volume_level == pytest.approx(0.3)
    assert (await decode(kitchen.played[0])).seconds > 2.5
    assert [body["input"] for body in get_speech_requests(simulator)] == [MESSAGE]


async def test_default_volume_of_player(hass: HomeAssistant, kitchen: Speaker, events: list[dict[str, Any]]) -> None:
    """A player without a volume of the announcer has its default volume."""
    await add_announcements(hass, KITCHEN, players=[{"entity_id": "media_player.kitchen", "volume_level": 0.45}])
    await notify(hass)
    await wait_until(lambda: events)
    assert kitchen.volumes == [0.45]


async def test_two_players_of_one_speaker(hass: HomeAssistant, kitchen: Speaker, events: list[dict[str, Any]]) -> None:
    """A speaker with two players, as set for announcements, speaks once."""
    twin = (await add_speakers(hass, "kitchen_2"))["kitchen_2"]
    target = {"entity_id": ["media_player.kitchen_2", "media_player.kitchen"]}
    same = [{"entity_id": "media_player.kitchen_2", "same_speaker": "media_player.kitchen"}]
    await add_announcements(hass, {"title": "Kitchen", "target": target}, players=same)
    await notify(hass)
    await wait_until(lambda: events)
    assert len(kitchen.played + twin.played) == 1


async def test_unavailable_target(hass: HomeAssistant, kitchen: Speaker, events: list[dict[str, Any]]) -> None:
    """If no player can speak, the action fails and says why, and the event says so, too."""
    await add_announcements(hass, KITCHEN)
    hass.states.async_set("media_player.kitchen", "unavailable")
    with pytest.raises(HomeAssistantError, match="unavailable"):
        await notify(hass)
    await wait_until(lambda: events)
    assert (events[0]["event_type"], events[0]["error"]) == ("failed", "speaker_unavailable")


async def test_failure(hass: HomeAssistant, kitchen: Speaker, events: list[dict[str, Any]]) -> None:
    """A player that fails is reported, with the key of the error."""
    kitchen.error = HomeAssistantError("offline")
    await add_announcements(hass, KITCHEN)
    await notify(hass)
    await wait_until(lambda: events)
    assert [event["event_type"] for event in events] == ["failed"]
    assert events[0]["error"]


async def test_quiet_hours(hass: HomeAssistant, kitchen: Speaker, events: list[dict[str, Any]]) -> None:
    """During quiet hours, messages are skipped or deferred, as set for the announcer or for all announcements."""
    hass.states.async_set("schedule.night", "on")
    await add_announcements(
        hass, KITCHEN, {**KITCHEN, "title": "Bedroom", "quiet": "defer"}, quiet_schedule="schedule.night"
    )
    await notify(hass)
    await wait_until(lambda: events)
    assert [event["event_type"] for event in events] == ["skipped"]
    await notify(hass, entity_id="notify.bedroom")
    bedroom = "event.bedroom_announcement"
    await wait_until(lambda: hass.states.get(bedroom).attributes["event_type"] == "deferred")
    hass.states.async_set("schedule.night", "off")
    await wait_until(lambda: hass.states.get(bedroom).attributes["event_type"] == "played")
    assert len(kitchen.played) == 1
    assert len(events) == 1


async def test_cancel(hass: HomeAssistant, kitchen: Speaker, events: list[dict[str, Any]]) -> None:
    """The button stops the message that is played, drops those that wait, and leaves other announcers alone."""
    kitchen.stays_busy = True
    await add_announcements(hass, KITCHEN, {**KITCHEN, "title": "Bedroom"})
    await notify(hass)
    await notify(hass, "The second message.")
    await notify(hass, "Hello.", entity_id="notify.bedroom")
    await wait_until(lambda: kitchen.played)
    kitchen.stays_busy = False
    await hass.services.async_call("button", "press", {"entity_id": BUTTON}, blocking=True)
    await wait_until(lambda: len(events) == 2 and len(kitchen.played) == 2)
    assert [event["event_type"] for event in events] == ["skipped", "skipped"]
    assert_spoken((await decode(kitchen.played[1])).samples, RATE, "Hello.")
    await wait_until(lambda: hass.states.get("event.bedroom_announcement").attributes["event_type"] == "played")


async def test_mixed_results(hass: HomeAssistant, events: list[dict[str, Any]]) -> None:
    """Each kind of result is an event of its own, at a time of its own."""
    entry = await add_announcements(hass, KITCHEN)
    (announcer_id,) = entry.subentries
    failed = SpeakerResult(status=Status.FAILED, error=announcement_error(translation_key="announcement_failed"))
    results = {
        "media_player.a": SpeakerResult(status=Status.PLAYED),
        "media_player.b": failed,
        "media_player.c": SpeakerResult(status=Status.STARTED),
    }
    announcement = Announcement(id="one", message=MESSAGE, announcer_id=announcer_id)
    async_dispatcher_send(hass, SIGNAL_REPORT, AnnouncementReport(announcement, results))
    await wait_until(lambda: len(events) == 2)
    types = {"event_types": ["deferred", "failed", "played", "skipped"]}
    common = {**types, "announcement_id": "one"}
    icons = {"icon", "device_class"}
    assert [{key: value for key, value in event.items() if key not in icons} for event in events] == [
        {**common, "event_type": "played", "players": ["media_player.a", "media_player.c"]},
        {**common, "event_type": "failed", "players": ["media_player.b"], "error": "announcement_failed"},
    ]


async def test_announcements_of_others(hass: HomeAssistant, events: list[dict[str, Any]]) -> None:
    """Announcements of the action or of other announcers are no events of this one."""
    await add_announcements(hass, KITCHEN)
    for announcer_id in (None, "another"):
        announcement = Announcement(id="one", message=MESSAGE, announcer_id=announcer_id)
        results = {"media_player.a": SpeakerResult(status=Status.PLAYED)}
        async_dispatcher_send(hass, SIGNAL_REPORT, AnnouncementReport(announcement, results))
    await hass.async_block_till_done()
    assert not events


async def test_devices_and_entities(hass: HomeAssistant) -> None:
    """Each announcer has a service device with its entities, which have unique IDs of their own."""
    entry = await add_announcements(hass, KITCHEN, {**KITCHEN, "title": "Whole house"})
    devices = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    assert {device.name for device in devices} == {"Kitchen", "Whole house"}
    assert {device.entry_type for device in devices} == {dr.DeviceEntryType.SERVICE}
    entities = er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)
    assert {entity.entity_id for entity in entities} == {
        *(NOTIFY, EVENT, BUTTON),
        *("notify.whole_house", "event.whole_house_announcement", "button.whole_house_cancel_announcements"),
    }
    assert {entity.unique_id for entity in entities} == {
        f"{subentry_id}_{key}" for subentry_id in entry.subentries for key in ("notify", "announcement", "cancel")
    }


async def test_remove_announcer(hass: HomeAssistant) -> None:
    """Removing an announcer removes its entities and its device, without a restart."""
    entry = await add_announcements(hass, KITCHEN, {**KITCHEN, "title": "Bedroom"})
    hass.config_entries.async_remove_subentry(entry, next(iter(entry.subentries)))
    await hass.async_block_till_done()
    assert hass.states.get(NOTIFY) is None
    assert hass.states.get("notify.bedroom")
    (device,) = dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)
    assert device.name == "Bedroom"


async def test_diagnostics(
    hass: HomeAssistant, kitchen: Speaker, events: list[dict[str, Any]], hass_client: ClientSessionGenerator
) -> None:
    """Diagnostics have the settings, the announcers and the results, but no message."""
    entry = await add_announcements(hass, KITCHEN, {**KITCHEN, "title": "Bedroom"}, tts_entity_id="tts.ann")
    assert await async_setup_component(hass, "diagnostics", {})
    await notify(hass)
    await wait_until(lambda: events)
    client = await hass_client()
    devices = {device.name: device for device in dr.async_entries_for_config_entry(dr.async_get(hass), entry.entry_id)}
    for path, names in (("", ["Kitchen", "Bedroom"]), (f"/device/{devices['Bedroom'].id}", ["Bedroom"])):
        response = await client.get(f"/api/diagnostics/config_entry/{entry.entry_id}{path}")
        text = await response.text()
        data = json.loads(text)["data"]
        assert data["settings"] == {"tts_entity_id": "tts.ann"}
        assert [announcer["title"] for announcer in data["announcers"]] == names
        (result,) = data["last_announcements"][0]["results"].values()
        assert result["status"] == "played"
        assert MESSAGE not in text
