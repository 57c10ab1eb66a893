"""Unexpected errors of a speaker's session: they are results, and never end the queue."""

from typing import Any, Never, override

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.announce.audio import async_create_audio
from custom_components.orator.announce.models import Announcement, SpeakerResult, Status
from custom_components.orator.announce.queue import SpeakerQueue
from custom_components.orator.announce.routes import MANAGED
from custom_components.orator.announce.session import SpeakerSession
from custom_components.orator.announce.targets import Speaker

SECRET = "Dinner at " + "eight"  # composed, as a traceback shows the lines of this file
SPEAKER = Speaker(key="kitchen", entity_id="media_player.kitchen", route=MANAGED)


class BrokenSession(SpeakerSession):
    """A session that fails to begin, to play and to end."""

    @override
    async def async_play(self, *args: Any, **kwargs: Any) -> Never:
        raise RuntimeError(SECRET)

    @override
    async def async_end(self) -> Never:
        raise RuntimeError(SECRET)


def fail_to_create(_hass: HomeAssistant, _speaker: Speaker) -> Never:
    """Fail to create a session."""
    raise RuntimeError(SECRET)


@pytest.mark.parametrize(
    ("create_session", "logged"),
    [
        (
            BrokenSession,
            ["Unexpected RuntimeError: an announcement", "Unexpected RuntimeError: restore media_player.kitchen"],
        ),
        (fail_to_create, ["RuntimeError: announcements on media_player.kitchen"]),
    ],
)
async def test_unexpected_errors(
    hass: HomeAssistant,
    account: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
    create_session: Any,
    logged: list[str],
) -> None:
    """Every announcement fails, and the errors are logged without their messages, which may contain the text."""
    queue = SpeakerQueue(hass, SPEAKER, create_session)
    for message in ("Dinner", "Letter"):
        announcement = Announcement(id=message, message=message, voice="tts.ann")
        item = queue.async_add(announcement, async_create_audio(hass, announcement), None)
        result: SpeakerResult = await item.result
        assert result.status is Status.FAILED
        assert result.error
        assert result.error.translation_key == "announcement_failed"
    await hass.async_block_till_done(wait_background_tasks=True)
    assert queue.is_idle
    for text in logged:
        assert text in caplog.text
    assert "Dinner at eight" not in caplog.text
