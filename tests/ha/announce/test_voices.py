"""The voices of announcements: fallbacks, voices of other integrations, and formats."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import PurePosixPath
from typing import Any, override

from homeassistant.components import tts
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockEntityPlatform

from custom_components.orator.announce import audio
from tests.simulator import Fault, Simulator
from tests.support.announce import add_announcements
from tests.support.controlled_player import ControlledPlayer, call_announce, get_result
from tests.support.fallback import LocalVoice
from tests.support.players import Stage
from tests.support.players.stage import assert_heard
from tests.support.speech import create_account, get_speech_requests, load_account, speak
from tests.support.streams import wait_until

from .conftest import Announce


@pytest.fixture
async def piper(hass: HomeAssistant, account: MockConfigEntry) -> LocalVoice:
    """Add the voice `tts.piper` of another integration, which says "letter" whatever the message is."""
    voice = LocalVoice(await speak(hass, "Letter"))
    await MockEntityPlatform(hass, domain=tts.DOMAIN, platform_name="piper").async_add_entities([voice])
    return voice


async def test_fallback(
    hass: HomeAssistant, simulator: Simulator, kitchen: ControlledPlayer, announce: Announce
) -> None:
    """If the voice fails, its fallback is heard, and the result says so; repetitions are not generated again."""
    voice = {"model": "tts-1", "voice": "nova", "fallback": ["tts.ann"]}
    await load_account(hass, create_account(simulator, "speechbase", voice, "Ben"))
    simulator.fail(Fault(path="*/speechbase/*", status=402, times=99))
    call = announce("Dinner", tts_entity_id="tts.ben", repeat=2, repeat_delay=0)
    await kitchen.wait_for("dinner")
    kitchen.finish()
    await kitchen.wait_for("dinner", "dinner")
    kitchen.finish()
    result = get_result(await call)
    assert (result["status"], result["spoken_by"]) == ("played", ["tts.ann"])
    assert len(get_speech_requests(simulator)) == 2  # the one that failed, and that of the fallback


async def test_other_integration(
    hass: HomeAssistant, piper: LocalVoice, kitchen: ControlledPlayer, announce: Announce
) -> None:
    """A voice of another integration is generated in advance and measured like Orator's."""
    dinner = announce("Dinner")
    await kitchen.wait_for("dinner")
    call = announce("Any letter", tts_entity_id="tts.piper", chime="none")
    await wait_until(lambda: piper.messages == ["Any letter"])
    kitchen.finish()
    await kitchen.wait_for("dinner", "letter")
    kitchen.finish()
    await dinner
    result = get_result(await call)
    assert (result["status"], result["spoken_by"]) == ("played", ["tts.piper"])
    assert 0.1 < result["duration"] < 2
    assert piper.messages == ["Any letter"]


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ({"chime": "alarm"}, "Only Orator's voices can play a chime"),
        ({"options": {"speed": 2}}, "speed"),
        ({"language": "xx"}, "xx"),
    ],
)
async def test_other_integration_is_limited(
    hass: HomeAssistant, piper: LocalVoice, kitchen: ControlledPlayer, data: dict[str, Any], error: str
) -> None:
    """What a voice of another integration cannot do is an error at once."""
    with pytest.raises(ServiceValidationError, match=error):
        await call_announce(hass, message="Dinner", tts_entity_id="tts.piper", **data)
    assert piper.messages == []


async def test_failing_voice_of_another_integration(
    hass: HomeAssistant, piper: LocalVoice, kitchen: ControlledPlayer
) -> None:
    """An unexpected error of another integration's voice is a failure with a message of Orator."""
    piper._audio = None  # type: ignore[assignment]
    result = get_result(await call_announce(hass, message="Dinner", tts_entity_id="tts.piper"))
    assert result["status"] == "failed"
    assert result["error"]
    assert kitchen.words == []


@pytest.mark.parametrize("is_removed", [False, True])
async def test_critical_without_its_voice(
    hass: HomeAssistant, simulator: Simulator, kitchen: ControlledPlayer, announce: Announce, *, is_removed: bool
) -> None:
    """A critical announcement is spoken by another voice if its own is missing or unavailable; others are not."""
    await load_account(hass, create_account(simulator, "openai", {"model": "tts-1", "voice": "nova"}, "Ben"))
    hass.states.async_set("tts.ben", "unavailable")
    data: dict[str, Any] = {"tts_entity_id": "tts.removed" if is_removed else "tts.ben", "options": {"speed": 1.5}}
    call = announce("Fire", priority="critical", chime="alarm", **data)
    await kitchen.wait_for("fire")
    kitchen.finish()
    result = get_result(await call)
    assert (result["status"], result["spoken_by"]) == ("played", ["tts.ann"])
    assert result["duration"] > 1  # with the chime
    assert ["speed" in body for body in get_speech_requests(simulator)] == [False]


class StallingVoice(LocalVoice):
    """A voice that streams its first bytes, and then nothing."""

    @override
    async def async_stream_tts_audio(self, request: tts.TTSAudioRequest) -> tts.TTSAudioResponse:
        async def stall() -> AsyncGenerator[bytes]:
            yield self._audio[:1000]
            await asyncio.Event().wait()

        return tts.TTSAudioResponse("mp3", stall())


async def test_stalling_voice_of_another_integration(
    hass: HomeAssistant, kitchen: ControlledPlayer, announce: Announce, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A voice that stops in mid-sentence fails, and does not hold up the next announcement."""
    voice = StallingVoice(await speak(hass, "Letter"))
    await MockEntityPlatform(hass, domain=tts.DOMAIN, platform_name="piper").async_add_entities([voice])

    async def play_stream(*_args: str, **_kwargs: Any) -> None:
        kitchen.play_music()

    with monkeypatch.context() as patch:
        patch.setattr(audio, "_BLOCK_TIMEOUT_S", 0.3)
        patch.setattr(kitchen, "async_play_media", play_stream)
        result = get_result(await call_announce(hass, message="Letter", tts_entity_id="tts.piper"))
    assert result["status"] == "failed"
    dinner = announce("Dinner")
    await kitchen.wait_for("dinner")
    kitchen.finish()
    assert get_result(await dinner)["status"] == "played"


async def test_voice_is_removed_meanwhile(
    hass: HomeAssistant, simulator: Simulator, kitchen: ControlledPlayer, announce: Announce
) -> None:
    """An announcement whose voice was removed while it waited fails, and those after it are played."""
    ben = create_account(simulator, "openai", {"model": "tts-1", "voice": "nova"}, "Ben")
    await load_account(hass, ben)
    calls = [announce("Dinner")]
    await kitchen.wait_for("dinner")
    calls += [announce("Letter"), announce("Window", tts_entity_id="tts.ben"), announce("Door")]
    await wait_until(lambda: len(get_speech_requests(simulator)) == 2)
    hass.data[tts.DATA_TTS_MANAGER].token_to_stream.clear()  # unused streams are forgotten after minutes
    await hass.config_entries.async_remove(ben.entry_id)
    for words in (["dinner", "letter"], ["dinner", "letter", "door"]):
        kitchen.finish()
        await kitchen.wait_for(*words)
    kitchen.finish()
    results = [get_result(await call)["status"] for call in calls]
    assert results == ["played", "played", "failed", "played"]


async def test_whisper_of_another_integration(
    hass: HomeAssistant, piper: LocalVoice, kitchen: ControlledPlayer, announce: Announce
) -> None:
    """In quiet hours, a voice of another integration is only played at a lower volume."""
    hass.states.async_set("schedule.night", "on")
    await add_announcements(hass, quiet_schedule="schedule.night", quiet="whisper")
    call = announce("Dinner", tts_entity_id="tts.piper")
    await kitchen.wait_for("letter")
    kitchen.finish()
    assert get_result(await call)["status"] == "played"
    assert [heard.volume for heard in kitchen.heard] == [0.2]


@pytest.mark.parametrize(("preferred", "suffix"), [("flac", ".mp3"), ("wav", ".wav"), ("mp3", ".mp3")])
async def test_formats(hass: HomeAssistant, stage: Stage, simulator: Simulator, preferred: str, suffix: str) -> None:
    """If a player accepts only certain formats, all players get one of them, which is generated once."""
    sonos, cast = await stage.add_player("sonos", "Kitchen"), await stage.add_player("cast", "Hall")
    target = {"entity_id": [sonos.entity_id, cast.entity_id]}
    response = await call_announce(hass, message="Dinner", options={"preferred_format": preferred}, target=target)
    assert {result["status"] for result in response.values()} == {"played"}
    for player in (sonos, cast):
        await assert_heard(player.log.heard, "Dinner")
        assert PurePosixPath(player.log.heard[0].url).suffix == suffix
    assert len(get_speech_requests(simulator)) == 1
