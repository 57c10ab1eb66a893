"""Announcements of media, and audio that Home Assistant has forgotten."""

from pathlib import Path
from typing import Any

from homeassistant.components import tts
from homeassistant.components.tts.const import DATA_TTS_MANAGER
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.announce.audio import MediaAudio
from custom_components.orator.announce.models import QUEUE_EXPIRY
from tests.simulator import Simulator
from tests.support.actions import create_media_folder
from tests.support.controlled_player import ControlledPlayer, Heard, call_announce, get_result
from tests.support.players import Stage
from tests.support.speech import OUT_OF_CREDIT, create_account, get_speech_requests, speak

from .conftest import Announce


@pytest.fixture
def folder(hass: HomeAssistant, tmp_path: Path) -> Path:
    """Return a media folder."""
    return create_media_folder(hass, tmp_path)


@pytest.fixture
def entry(simulator: Simulator, folder: Path) -> MockConfigEntry:
    """Return an account that is loaded after the media folder was created."""
    simulator.audio_mode = "tones"
    return create_account(simulator, "openai", {"model": "gpt-4o-mini-tts", "voice": "coral"})


async def test_speech_of_the_media_browser(
    hass: HomeAssistant, kitchen: ControlledPlayer, announce: Announce, simulator: Simulator
) -> None:
    """Speech of the media browser is announced and measured like a message, and generated once."""
    call = announce(media_id=tts.generate_media_source_id(hass, "Dinner", "tts.ann"), volume_level=0.2)
    await kitchen.wait_for("dinner")
    kitchen.finish()
    result = get_result(await call)
    assert (result["status"], result["spoken_by"]) == ("played", [])
    assert 0.1 < result["duration"] < 2
    assert kitchen.heard == [Heard("dinner", 0.2)]
    assert len(get_speech_requests(simulator)) == 1


async def test_speech_of_the_media_browser_fails(
    hass: HomeAssistant, kitchen: ControlledPlayer, simulator: Simulator
) -> None:
    """The error of the voice is that of the announcement."""
    simulator.fail(OUT_OF_CREDIT)
    media_id = tts.generate_media_source_id(hass, "Dinner", "tts.ann")
    result = get_result(await call_announce(hass, media_id=media_id))
    assert result["status"] == "failed"
    assert "Your balance or quota" in result["error"]


@pytest.fixture
async def letter(hass: HomeAssistant, folder: Path, account: MockConfigEntry) -> bytes:
    """Store a file in the media folder, and return its audio."""
    audio = await speak(hass, "Letter")
    await hass.async_add_executor_job((folder / "letter.mp3").write_bytes, audio)
    return audio


async def test_file(hass: HomeAssistant, letter: bytes, stage: Stage) -> None:
    """A file is measured, so that the end is known even if the player does not show it; no voice is needed."""
    player = await stage.add_player("sonos")
    data: dict[str, Any] = {"media_id": "media-source://media_source/local/letter.mp3"}
    result = get_result(await call_announce(hass, target={"entity_id": player.entity_id}, **data))
    assert (result["status"], result["error"], result["spoken_by"]) == ("played", None, [])
    assert result["duration"] > 0.1
    assert [heard.audio for heard in player.log.heard] == [letter]


@pytest.mark.parametrize(
    "media_id", ["http://radio.example/jingle.mp3", "media-source://media_source/local/missing.mp3"]
)
async def test_unknown_duration(hass: HomeAssistant, letter: bytes, stage: Stage, media_id: str) -> None:
    """Media that cannot be measured has no duration, which is no error: the player resolves it itself."""
    audio = MediaAudio(hass, media_id)
    await audio.async_wait_for_begin()
    await audio.async_wait_for_end()
    assert audio.duration is None
    assert audio.media_id == media_id


async def test_forgotten_stream(
    hass: HomeAssistant, kitchen: ControlledPlayer, announce: Announce, simulator: Simulator
) -> None:
    """Audio is not generated again if Home Assistant has forgotten its stream while the announcement waited."""
    assert QUEUE_EXPIRY.total_seconds() > 300, "Home Assistant forgets streams after five minutes"
    calls = [announce("Dinner")]
    await kitchen.wait_for("dinner")
    calls += [announce("Letter"), announce("Window")]
    hass.data[DATA_TTS_MANAGER].token_to_stream.clear()
    kitchen.finish()
    await kitchen.wait_for("dinner", "letter")
    kitchen.finish()
    await kitchen.wait_for("dinner", "letter", "window")
    kitchen.finish()
    assert [get_result(await call)["status"] for call in calls] == ["played"] * 3
    assert len(get_speech_requests(simulator)) == 3
