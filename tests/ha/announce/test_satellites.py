"""Announcements on Assist satellites: media or message, volume of the device's player, and conversations."""

import asyncio

from homeassistant.core import HomeAssistant
import pytest

from custom_components.orator.announce import session as session_module
from custom_components.orator.announce.audio import async_create_audio
from custom_components.orator.announce.manager import async_get_manager
from custom_components.orator.announce.models import Announcement, Status
from custom_components.orator.announce.session import SpeakerSession
from tests.simulator import Simulator
from tests.support.controlled_player import call_announce, get_result
from tests.support.players import Stage
from tests.support.players.stage import announce, assert_heard, create_session, device
from tests.support.speech import get_speech_requests
from tests.support.streams import wait_until

TEXT = "Dinner."

pytestmark = pytest.mark.usefixtures("assist_satellite")


@pytest.mark.parametrize("platform", ["esphome", "wyoming"])
async def test_announce(hass: HomeAssistant, stage: Stage, platform: str) -> None:
    """A satellite announces the voice's audio without a sound before it, and the result comes after its end."""
    satellite = await stage.add_satellite(platform)
    result = await announce(hass, satellite.entity_id, TEXT, 0.6)
    assert (result.status, result.error, result.route) == (Status.PLAYED, None, "satellite")
    await assert_heard(satellite.log.heard, TEXT)
    assert satellite.state == "idle"


async def test_volume(hass: HomeAssistant, stage: Stage) -> None:
    """The volume is that of the media player of the satellite's device, and restored."""
    player = await stage.add_player("esphome", "Voice player", device=device("Voice"))
    satellite = await stage.add_satellite("esphome", "Voice", device=device("Voice"), player=player)
    result = await announce(hass, satellite.entity_id, TEXT, 0.6)
    assert result.volume_before == 0.3
    assert [heard.volume for heard in satellite.log.heard] == pytest.approx([0.6])
    assert player.log.commands == ["volume 60", "volume 30"]


async def test_phone(hass: HomeAssistant, simulator: Simulator, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A phone gets the message, as it refuses media IDs, and no speech is bought for it; media is an error."""
    satellite = await stage.add_satellite("voip")
    announced: list[str] = []

    async def announce_message(message: str = "", media_id: str | None = None, preannounce: bool = True) -> None:  # noqa: FBT001, FBT002
        assert media_id is None
        assert not preannounce
        announced.append(message)

    monkeypatch.setattr(satellite, "async_internal_announce", announce_message)
    result = await announce(hass, satellite.entity_id, TEXT)
    assert (result.status, result.spoken_by, announced) == (Status.PLAYED, (), [TEXT])
    await call_announce(hass, message="Wash your hands.", target={"entity_id": satellite.entity_id})
    assert announced == [TEXT, "Wash your hands."]
    ssml = '<speak>Wash<break time="1s"/>your <emphasis>hands</emphasis> &amp; <audio src="soft">come</audio>!</speak>'
    await call_announce(hass, message=ssml, target={"entity_id": satellite.entity_id})
    assert announced[2:] == ["Wash your hands & come !"]  # its voice may not read SSML
    await hass.async_block_till_done(wait_background_tasks=True)
    assert "Wash your hands." not in [body["input"] for body in get_speech_requests(simulator)]
    session = await create_session(hass, satellite.entity_id)
    await session.async_begin()
    audio = async_create_audio(hass, Announcement(id="test", media_id="media-source://media_source/local/x.mp3"))
    result = await session.async_play(audio, None)
    await session.async_end()
    assert result.status is Status.FAILED
    assert result.error
    assert result.error.translation_key == "satellite_speaks_text_only"


async def test_conversation(hass: HomeAssistant, stage: Stage) -> None:
    """An announcement waits until a conversation is over, and sets the volume only then."""
    player = await stage.add_player("esphome", "Voice player", device=device("Voice"))
    satellite = await stage.add_satellite("esphome", "Voice", device=device("Voice"), player=player)
    satellite.converse()
    task = asyncio.create_task(announce(hass, satellite.entity_id, TEXT, 0.6))
    await asyncio.wait({task}, timeout=0.3)
    assert not satellite.log.heard
    assert not player.log.commands
    satellite.converse(is_over=True)
    assert (await task).status is Status.PLAYED
    assert not satellite.is_cut_off
    await assert_heard(satellite.log.heard, TEXT)


async def test_critical(hass: HomeAssistant, stage: Stage) -> None:
    """A critical announcement cuts off a conversation."""
    satellite = await stage.add_satellite("esphome")
    satellite.converse()
    result = await announce(hass, satellite.entity_id, TEXT, is_critical=True)
    assert result.status is Status.PLAYED
    assert satellite.is_cut_off


async def test_critical_overtakes(hass: HomeAssistant, stage: Stage) -> None:
    """A critical announcement does not wait for one that waits for the end of a conversation."""
    satellite = await stage.add_satellite("esphome")
    satellite.converse()
    target = {"entity_id": satellite.entity_id}
    low = hass.async_create_task(call_announce(hass, message=TEXT, priority="low", target=target))
    await wait_until(lambda: async_get_manager(hass).diagnostics["queues"])
    fire = await call_announce(hass, message="Fire.", priority="critical", target=target)
    assert get_result(fire)["status"] == "played"
    assert satellite.is_cut_off
    assert get_result(await low)["status"] == "played"
    await assert_heard(satellite.log.heard, "Fire.", TEXT)


async def test_endless_conversation(hass: HomeAssistant, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A satellite whose conversation does not end is an error."""
    monkeypatch.setattr(session_module, "_CONVERSATION_TIMEOUT_S", 0.1)
    satellite = await stage.add_satellite("esphome")
    satellite.converse()
    result = await announce(hass, satellite.entity_id, TEXT)
    assert result.error
    assert result.error.translation_key == "satellite_is_busy"


@pytest.mark.parametrize("is_critical", [False, True])
async def test_busy_satellite(
    hass: HomeAssistant, stage: Stage, monkeypatch: pytest.MonkeyPatch, *, is_critical: bool
) -> None:
    """An announcement that another one precedes by a moment is made after it, as it cannot be interrupted."""
    satellite = await stage.add_satellite("esphome")
    audio = async_create_audio(hass, Announcement(id="other", message=TEXT, voice="tts.ann"))
    audio.async_start()
    data = {"entity_id": satellite.entity_id, "media_id": audio.media_id, "preannounce": False}
    other = asyncio.create_task(hass.services.async_call("assist_satellite", "announce", data, blocking=True))
    await wait_until(lambda: satellite.log.commands)
    wait = SpeakerSession._async_wait_for_conversation
    waited: list[str] = []

    async def look_too_early(session: SpeakerSession) -> None:
        waited.append(satellite.state or "")
        if len(waited) > 1 or is_critical:
            await wait(session)

    monkeypatch.setattr(SpeakerSession, "_async_wait_for_conversation", look_too_early)
    result = await announce(hass, satellite.entity_id, "Fire.", is_critical=is_critical)
    await other
    assert (result.status, set(waited)) == (Status.PLAYED, {"responding"})
    await assert_heard(satellite.log.heard, TEXT, "Fire.")
