"""The action `orator.announce`: its fields, its errors and its speakers."""

from typing import Any

from homeassistant.auth.models import User
from homeassistant.components.media_player import MediaPlayerState
from homeassistant.const import EVENT_CALL_SERVICE
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_capture_events
import voluptuous as vol

from custom_components.orator.announce.manager import async_get_manager
from tests.simulator import Fault, Simulator
from tests.support.announce import add_announcements
from tests.support.controlled_player import MUSIC, ControlledPlayer, Heard, add_players, call_announce, get_result
from tests.support.speech import OUT_OF_CREDIT, create_account, get_speech_requests, load_account
from tests.support.streams import wait_until

from .conftest import Announce

KITCHEN = {"entity_id": "media_player.kitchen"}


async def announce_silently(hass: HomeAssistant, **data: Any) -> None:
    """Call the action without asking for a response."""
    await hass.services.async_call("orator", "announce", data, target=KITCHEN, blocking=True)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ({}, "Enter either a message or a media ID"),
        ({"message": "  "}, "Enter either a message or a media ID"),
        ({"message": "Dinner", "media_id": "media-source://media_source/local/bell.mp3"}, "Enter either a message"),
        ({"message": "a" * 100_001}, "Shorten it to 100,000 characters"),
        ({"message": "Dinner", "volume_level": 1.1}, "1.1 is not a valid volume"),
        ({"message": "Dinner", "volume_level": "nan"}, "nan is not a valid volume"),
        ({"message": "Dinner", "volume_levels": {"media_player.hall": -0.1}}, "-0.1 is not a valid volume"),
        ({"message": "Dinner", "tts_entity_id": "tts.unknown"}, "The voice tts.unknown was not found"),
        ({"message": "Dinner", "options": {"shout": True}}, "does not have these options: shout"),
        ({"message": "Dinner", "options": {"speed": "fast"}}, "The value of speed is invalid"),
        ({"message": "Dinner", "language": "xx"}, "does not speak xx"),
        ({"message": "Dinner", "until": "input_button.unknown"}, "input_button.unknown was not found"),
        ({"media_id": "media-source://media_source/local/bell.mp3", "chime": "ding_dong"}, "Only Orator's voices"),
        ({"message": "Dinner", "target": {"entity_id": "media_player.unknown"}}, "media_player.unknown"),
        ({"message": "Dinner", "target": {"entity_id": "light.kitchen"}}, "light.kitchen"),
        ({"message": "Dinner", "target": {"area_id": "attic"}}, "The target has no media player or satellite"),
    ],
)
async def test_invalid(
    hass: HomeAssistant, simulator: Simulator, kitchen: ControlledPlayer, data: dict[str, Any], error: str
) -> None:
    """Whatever cannot work is an error at once, which says what to do, and nothing is generated."""
    with pytest.raises(ServiceValidationError, match=error):
        await call_announce(hass, **data)
    assert get_speech_requests(simulator) == []
    assert kitchen.heard == []


@pytest.mark.parametrize(
    "data",
    [
        {"priority": "urgent"},
        {"if_busy": "wait"},
        {"quiet": "loud"},
        {"repeat": 0},
        {"expires_after": -1},
        {"wait": "maybe"},
    ],
)
async def test_invalid_value(hass: HomeAssistant, kitchen: ControlledPlayer, data: dict[str, Any]) -> None:
    """Home Assistant refuses unknown values."""
    with pytest.raises(vol.Invalid):
        await call_announce(hass, message="Dinner", **data)


async def test_no_voice(hass: HomeAssistant, account: MockConfigEntry, kitchen: ControlledPlayer) -> None:
    """Without a voice, the error says so."""
    assert await hass.config_entries.async_unload(account.entry_id)
    with pytest.raises(ServiceValidationError, match="Add a voice to Orator"):
        await call_announce(hass, message="Dinner")


async def test_default_voice(
    hass: HomeAssistant, simulator: Simulator, kitchen: ControlledPlayer, announce: Announce
) -> None:
    """The voice is that of the action, else that of the settings, else the first one of Orator that is available."""
    await load_account(hass, create_account(simulator, "openai", {"model": "tts-1", "voice": "nova"}, "Ben"))
    await load_account(hass, create_account(simulator, "openai", {"model": "tts-1", "voice": "onyx"}, "Cleo"))
    spoken_by = []

    async def play(message: str, **data: Any) -> None:
        count = len(kitchen.heard)
        call = announce(message, **data)
        await wait_until(lambda: len(kitchen.heard) > count)
        kitchen.finish()
        spoken_by.extend(get_result(await call)["spoken_by"])

    await play("Dinner")
    settings = await add_announcements(hass, tts_entity_id="tts.ben")
    await play("Letter")
    await play("Window", tts_entity_id="tts.cleo")
    hass.states.async_set("tts.ben", "unavailable")
    await play("Door")
    hass.config_entries.async_update_entry(settings, options={"tts_entity_id": "tts.removed"})
    hass.states.async_set("tts.ann", "unavailable")
    await play("Laundry")
    assert spoken_by == ["tts.ann", "tts.ben", "tts.cleo", "tts.ann", "tts.cleo"]


async def test_default_volumes(hass: HomeAssistant, account: MockConfigEntry, announce: Announce) -> None:
    """A volume of the action replaces the default volumes of all players, one of a player only its own."""
    kitchen, hall = ControlledPlayer("Kitchen"), ControlledPlayer("Hall")
    await add_players(hass, kitchen, hall)
    await add_announcements(hass, players=[{"entity_id": "media_player.hall", "volume_level": 0.3}])

    async def play(word: str, **data: Any) -> tuple[float, float]:
        call = announce(word, target={"entity_id": ["media_player.kitchen", "media_player.hall"]}, **data)
        for player in (kitchen, hall):
            await wait_until(lambda player=player: word.lower() in player.words)
            player.finish()
        await call
        await hass.async_block_till_done(wait_background_tasks=True)
        assert kitchen.volume_level == hall.volume_level == 0.5
        return kitchen.heard[-1].volume, hall.heard[-1].volume

    assert await play("Dinner") == (0.5, 0.3)
    assert await play("Letter", volume_level=0.8) == (0.8, 0.8)
    assert await play("Window", volume_levels={"media_player.kitchen": 0.1}) == (0.1, 0.3)


async def test_options(
    hass: HomeAssistant, simulator: Simulator, kitchen: ControlledPlayer, announce: Announce
) -> None:
    """Options, language and chime are those of the voice."""
    call = announce("Dinner", options={"speed": 1.2, "instructions": None}, language="en", chime="ding_dong")
    await kitchen.wait_for("dinner")
    kitchen.finish()
    with_chime = get_result(await call)["duration"]
    assert [body["speed"] for body in get_speech_requests(simulator)] == [1.2]
    call = announce("Dinner", options={"speed": 1.2}, chime="none")
    await kitchen.wait_for("dinner", "dinner")
    kitchen.finish()
    assert get_result(await call)["duration"] < with_chime - 0.5


async def test_not_waiting(hass: HomeAssistant, kitchen: ControlledPlayer) -> None:
    """Without waiting, the action returns at once, and failures are reported later."""
    await announce_silently(hass, message="Dinner", wait=False)
    await kitchen.wait_for("dinner")
    kitchen.finish()
    await hass.async_block_till_done(wait_background_tasks=True)
    assert kitchen.state is MediaPlayerState.IDLE


async def test_failure_is_raised(hass: HomeAssistant, simulator: Simulator, kitchen: ControlledPlayer) -> None:
    """Without a response, the action raises the error if the announcement has failed on all speakers."""
    simulator.fail(OUT_OF_CREDIT)
    with pytest.raises(HomeAssistantError, match="Your balance or quota") as caught:
        await announce_silently(hass, message="Dinner")
    assert caught.value.translation_key == "out_of_credit"


async def test_partial_failure(
    hass: HomeAssistant, account: MockConfigEntry, announce: Announce, caplog: pytest.LogCaptureFixture
) -> None:
    """A speaker that cannot announce does not keep the others from it; it is logged if there is no response."""
    kitchen, hall = ControlledPlayer("Kitchen"), ControlledPlayer("Hall")
    hall.is_refusing = True
    await add_players(hass, kitchen, hall)
    target = {"entity_id": ["media_player.kitchen", "media_player.hall", "media_player.unknown"]}
    call = announce("Dinner", target=target)
    await kitchen.wait_for("dinner")
    kitchen.finish()
    response = await call
    assert {entity_id: result["status"] for entity_id, result in response.items()} == {
        "media_player.kitchen": "played",
        "media_player.hall": "failed",
        "media_player.unknown": "failed",
    }
    assert "media_player.unknown" in response["media_player.unknown"]["error"]
    silent = hass.async_create_task(
        hass.services.async_call("orator", "announce", {"message": "Letter"}, target=target, blocking=True)
    )
    await kitchen.wait_for("dinner", "letter")
    kitchen.finish()
    await silent
    assert "The announcement failed on media_player.hall: The player refuses" in caplog.text
    own = [record.getMessage() for record in caplog.records if record.name.startswith("custom_components.orator")]
    assert "Letter" not in str(own)


async def test_hanging_player(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """Of twelve players, one that hangs delays no other; the audio is generated once."""
    players = [ControlledPlayer(f"Player {number}", hangs=number == 5) for number in range(12)]
    await add_players(hass, *players)
    others = [player for player in players if player is not players[5]]
    target = {"entity_id": [f"media_player.player_{number}" for number in range(12)]}
    call = hass.async_create_task(call_announce(hass, message="Dinner", target=target))
    for player in others:
        await player.wait_for("dinner")
        player.finish()
    second = hass.async_create_task(call_announce(hass, message="Letter", target=target))
    for player in others:
        await player.wait_for("dinner", "letter")
        player.finish()

    def count_playing() -> int:
        return sum(queue["is_playing"] for queue in async_get_manager(hass).diagnostics["queues"])

    await wait_until(lambda: count_playing() == 1)
    assert not call.done()
    await hass.services.async_call("orator", "cancel_announcement", target=target, blocking=True)
    for response in (await call, await second):
        statuses = [response[f"media_player.player_{number}"]["status"] for number in range(12)]
        assert statuses == ["played"] * 5 + ["skipped"] + ["played"] * 6
    assert len(get_speech_requests(simulator)) == 2


async def test_permission(
    hass: HomeAssistant, kitchen: ControlledPlayer, hass_read_only_user: User, simulator: Simulator
) -> None:
    """A user who may not control a speaker cannot announce on it, nor cancel or repeat announcements."""
    context = Context(user_id=hass_read_only_user.id)
    calls: tuple[tuple[str, dict[str, Any]], ...] = (
        ("announce", {"message": "Dinner", **KITCHEN}),
        ("cancel_announcement", KITCHEN),
        ("replay_announcement", KITCHEN),
    )
    for action, data in calls:
        with pytest.raises(Unauthorized):
            await hass.services.async_call("orator", action, data, blocking=True, context=context)
    assert get_speech_requests(simulator) == []
    result = get_result(await call_announce(hass, message="Fire", wait=False))
    by_id = {"announcement_id": result["id"]}
    with pytest.raises(Unauthorized):
        await hass.services.async_call("orator", "cancel_announcement", by_id, blocking=True, context=context)
    await kitchen.wait_for("fire")
    await hass.services.async_call("orator", "cancel_announcement", by_id, blocking=True)
    await wait_until(lambda: kitchen.state is MediaPlayerState.IDLE)


async def test_slow_first_audio(
    hass: HomeAssistant, simulator: Simulator, kitchen: ControlledPlayer, announce: Announce
) -> None:
    """The player is asked to play before the first audio exists."""
    simulator.fail(Fault(contains="Dinner", delay=0.5))
    call = announce("Dinner")
    await kitchen.wait_for("dinner")
    kitchen.finish()
    assert get_result(await call)["status"] == "played"


async def test_reload_and_stop(
    hass: HomeAssistant, account: MockConfigEntry, kitchen: ControlledPlayer, announce: Announce
) -> None:
    """An announcement survives the reload of its account; when Home Assistant stops, the speaker is restored."""
    kitchen.play_music()
    call = announce("Dinner", volume_level=0.9)
    await kitchen.wait_for("dinner")
    queued = announce("Letter")
    assert await hass.config_entries.async_reload(account.entry_id)
    kitchen.finish()
    await kitchen.wait_for("dinner", "letter")
    assert get_result(await call)["status"] == "played"
    await async_get_manager(hass).async_stop()
    result = get_result(await queued)
    assert result["status"] == "skipped"
    assert result["error"] == "The announcement was stopped because Home Assistant is shutting down"
    assert kitchen.volume_level == 0.5
    assert kitchen.state is MediaPlayerState.PLAYING
    late = get_result(await call_announce(hass, message="Window"))
    assert late["status"] == "skipped"
    assert late["error"] == "The announcement was stopped because Home Assistant is shutting down"


async def test_home_assistant_stops(hass: HomeAssistant, kitchen: ControlledPlayer, announce: Announce) -> None:
    """When Home Assistant stops, the sound stops, and the volume and the music are as before."""
    kitchen.play_music()
    call = announce("Dinner", volume_level=0.9)
    await kitchen.wait_for("dinner")
    await hass.async_stop()
    assert kitchen.heard[-1] == Heard(MUSIC, 0.5)
    assert kitchen.state is MediaPlayerState.PLAYING
    assert call.cancelled() or get_result(await call)["status"] == "skipped"


async def test_diagnostics(hass: HomeAssistant, kitchen: ControlledPlayer, announce: Announce) -> None:
    """Diagnostics describe the queues and the last ten announcements, without texts."""
    dinner = announce("Dinner", priority="high")
    await kitchen.wait_for("dinner")
    letter = announce("Letter")
    manager = async_get_manager(hass)
    assert manager.diagnostics["queues"] == [{"speaker": "media_player.kitchen", "is_playing": True, "waiting": 1}]
    kitchen.finish()
    await kitchen.wait_for("dinner", "letter")
    kitchen.finish()
    await dinner
    await letter
    for number in range(9):
        call = announce("Dinner", options={"speed": 1 + number / 50})
        await kitchen.wait_for("dinner", "letter", *["dinner"] * (number + 1))
        kitchen.finish()
        await call
    diagnostics = manager.diagnostics
    assert "inner" not in str(diagnostics)
    assert diagnostics["queues"] == [{"speaker": "media_player.kitchen", "is_playing": False, "waiting": 0}]
    assert len(diagnostics["last_announcements"]) == 10
    first = diagnostics["last_announcements"][0]
    assert (first["priority"], first["voice"], first["repeat"]) == ("normal", "tts.ann", 1)
    duration = first["results"]["media_player.kitchen"].pop("duration")
    assert 0 < duration < 1
    assert first["results"] == {"media_player.kitchen": {"status": "played", "error": None, "route": "managed"}}


async def test_context(hass: HomeAssistant, kitchen: ControlledPlayer) -> None:
    """What the player does belongs to the action, so that the logbook shows why."""
    kitchen.play_music()
    context = Context()
    calls = async_capture_events(hass, EVENT_CALL_SERVICE)
    data = {"message": "Dinner", "volume_level": 0.9}
    call = hass.services.async_call("orator", "announce", data, target=KITCHEN, blocking=True, context=context)
    task = hass.async_create_task(call)
    await kitchen.wait_for("dinner")
    players = [event for event in calls if event.data["domain"] == "media_player"]
    kitchen.finish()
    await task
    assert {event.data["service"] for event in players} == {"media_pause", "volume_set", "play_media"}
    assert {event.context.parent_id for event in players} == {context.id}
