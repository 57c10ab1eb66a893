"""The action `tts.speak`: errors that reach its caller, and those that do not."""

import asyncio
from typing import Any, ClassVar, override

from homeassistant.components import media_player, tts
from homeassistant.components.media_player import MediaPlayerEntity, MediaPlayerEntityFeature
from homeassistant.components.media_source import async_resolve_media
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from tests.simulator import Fault, Simulator
from tests.support.fallback import LocalVoice
from tests.support.speech import (
    INVALID_KEY,
    SPEECH_PATH,
    create_account,
    get_sensor,
    get_speech_requests,
    load_account,
    speak,
)
from tests.support.streams import SENTENCE

UNKNOWN_VOICE = Fault(path=SPEECH_PATH, status=400, json={"error": {"code": "invalid_value"}}, times=9)


class Player(MediaPlayerEntity):
    """A media player that requests the message, as most players do, before the action is done."""

    _attr_name = _attr_unique_id = "Kitchen"
    _attr_supported_features = MediaPlayerEntityFeature.PLAY_MEDIA | MediaPlayerEntityFeature.MEDIA_ANNOUNCE
    played: ClassVar[list[str]]

    @override
    async def async_play_media(self, media_type: str, media_id: str, **kwargs: Any) -> None:
        """Resolve the message, which starts to be spoken."""
        self.played.append((await async_resolve_media(self.hass, media_id, self.entity_id)).url)


@pytest.fixture
async def player(hass: HomeAssistant, account: MockConfigEntry) -> Player:
    """Add the media player `media_player.kitchen`."""
    for component in ("media_source", "media_player"):
        assert await async_setup_component(hass, component, {})
    player = Player()
    player.played = []  # type: ignore[misc]
    await hass.data[media_player.DATA_COMPONENT].async_add_entities([player])
    return player


async def call_speak(hass: HomeAssistant, entity_id: str = "tts.ann", message: str = SENTENCE, **options: Any) -> None:
    """Call the action."""
    data = {"media_player_entity_id": "media_player.kitchen", "message": message}
    await hass.services.async_call(
        "tts", "speak", {**data, **({"options": options} if options else {})}, target={"entity_id": entity_id},
        blocking=True,
    )  # fmt: skip


async def test_unknown_voice(hass: HomeAssistant, simulator: Simulator, player: Player) -> None:
    """A voice that the provider refuses is an error that names the voice and the account, and costs one request."""
    assert await speak(hass)
    simulator.fail(UNKNOWN_VOICE)
    with pytest.raises(
        ServiceValidationError, match=r"^Ann \(OpenAI\): 127\.0\.0\.1 rejected the request \(invalid_value"
    ):
        await call_speak(hass, voice="nope")
    assert [request["voice"] for request in get_speech_requests(simulator)] == ["coral", "nope"]


async def test_unknown_voice_of_new_entity(hass: HomeAssistant, simulator: Simulator, player: Player) -> None:
    """A voice that has never spoken is an error if the provider refuses it, without any options."""
    entry = create_account(simulator, "openai", {"model": "tts-1", "voice": "nope"}, "Ben")
    await load_account(hass, entry)
    simulator.fail(UNKNOWN_VOICE)
    with pytest.raises(ServiceValidationError, match=r"Ben \(OpenAI\)"):
        await call_speak(hass, "tts.ben")


@pytest.mark.parametrize("options", [{"speed": 9}, {"voice": " "}, {"wobble": 1}])
async def test_invalid_option(hass: HomeAssistant, player: Player, options: dict[str, Any]) -> None:
    """An invalid option is an error before a player is asked."""
    with pytest.raises(Exception, match=r"speed|voice|wobble"):
        await call_speak(hass, **options)
    assert not player.played


async def test_fallback_speaks(hass: HomeAssistant, simulator: Simulator, player: Player) -> None:
    """A voice that the provider refuses is no error if a fallback speaks."""
    piper = LocalVoice(await speak(hass))
    await hass.data[tts.DATA_COMPONENT].async_add_entities([piper])
    simulator.fail(UNKNOWN_VOICE)
    await call_speak(hass, message="Once more.", voice="nope", fallback=["tts.piper"])
    assert piper.messages


@pytest.mark.parametrize("fault", [INVALID_KEY, Fault(path=SPEECH_PATH, status=404, body=b"404 page not found")])
async def test_outage(
    hass: HomeAssistant, simulator: Simulator, player: Player, caplog: pytest.LogCaptureFixture, fault: Fault
) -> None:
    """An outage, or a proxy whose server restarts, is no error of the action, so that the rest of a script runs.

    The log and the voice's sensor, which is enabled, have the reason.
    """
    simulator.fail(fault)
    await call_speak(hass)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert player.played
    assert "Ann (OpenAI): 127.0.0.1 " in caplog.text
    assert get_sensor(hass, "last_error", "ann").state in ("invalid_key", "not_found")


async def test_cached_message(hass: HomeAssistant, simulator: Simulator, player: Player) -> None:
    """A message that is in the cache is played from it, whatever the provider would answer."""
    await call_speak(hass, voice="nova")
    await hass.async_block_till_done(wait_background_tasks=True)
    simulator.fail(UNKNOWN_VOICE)
    await call_speak(hass, voice="nova")
    assert len(player.played) == 2
    assert len(get_speech_requests(simulator)) == 1


@pytest.mark.parametrize("options", [{}, {"voice": "nova"}, {"model": "tts-1", "voice": "nova"}])
async def test_known_voice_is_not_awaited(
    hass: HomeAssistant, simulator: Simulator, player: Player, options: dict[str, Any]
) -> None:
    """The action of a voice that has spoken before does not wait for the audio, so that other players begin as well."""
    assert await speak(hass, **options)
    simulator.fail(Fault(path=SPEECH_PATH, delay=60))
    async with asyncio.timeout(10):
        await call_speak(hass, message="Once more.", **options)
    assert player.played
