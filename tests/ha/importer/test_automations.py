"""Automations and assistants that name the old entity speak with Orator's voice, without being changed."""

from typing import Any

from homeassistant.components import assist_pipeline, tts
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_mock_service
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator, WebSocketGenerator

from custom_components.orator.importer.options import translate_options
from custom_components.orator.importer.takeover import async_undo_import
from custom_components.orator.providers.errors import InvalidSettingError
from tests.simulator import Simulator
from tests.support.audio import decode
from tests.support.fallback import get_voices
from tests.support.imports import AGENT_VOICE_ID, OLD_VOICE_ID, load_openai_conversation, load_openai_tts
from tests.support.speech import get_post_requests, wait_for_reload
from tests.support.streams import SENTENCE
from tests.support.word_decoder import voice_of

from .conftest import ImportVoices

OLD_VOICE = voice_of("nova")
ORATOR_VOICE = voice_of("coral")
AUTOMATION: dict[str, Any] = {
    "id": "kettle",
    "alias": "Kettle",
    "triggers": [{"trigger": "event", "event_type": "kettle"}],
    "actions": [
        {
            "action": "tts.speak",
            "target": {"entity_id": OLD_VOICE_ID},
            "data": {
                "media_player_entity_id": "media_player.kitchen",
                "message": SENTENCE,
                "language": "en-GB",
                "cache": False,
                "options": {"speed": 1.0, "instructions": "Calm.", "chime": False, "normalize_audio": True},
            },
        }
    ],
}


@pytest.fixture
async def old(hass: HomeAssistant, simulator: Simulator) -> MockConfigEntry:
    """Load OpenAI TTS with the voice `OLD_VOICE_ID`."""
    simulator.audio_mode = "tones"
    return await load_openai_tts(hass, simulator)


async def hear_automation(hass: HomeAssistant, played: list[ServiceCall]) -> set[int | None]:
    """Trigger the automation, and return the voices that speak its message."""
    played.clear()
    hass.bus.async_fire("kettle")
    await hass.async_block_till_done(wait_background_tasks=True)
    (call,) = played
    media_id = call.data.get("media_content_id") or call.data["media"]["media_content_id"]
    _, audio = await tts.async_get_media_source_audio(hass, media_id)
    return set(get_voices(await decode(audio), SENTENCE))


async def test_automation(hass: HomeAssistant, old: MockConfigEntry, import_voices: ImportVoices) -> None:
    """An automation speaks with the old voice, then with Orator's, and after undoing with the old voice again."""
    assert await async_setup_component(hass, "media_source", {})
    played = async_mock_service(hass, "media_player", "play_media")
    assert await async_setup_component(hass, "automation", {"automation": [AUTOMATION]})
    assert await hear_automation(hass, played) == {OLD_VOICE}
    account = await import_voices(old, OLD_VOICE_ID)
    await wait_for_reload(hass)
    assert await hear_automation(hass, played) == {ORATOR_VOICE}
    assert not await async_undo_import(hass, account)
    await wait_for_reload(hass)
    assert await hear_automation(hass, played) == {OLD_VOICE}
    await hass.services.async_call("automation", "turn_off", {"entity_id": "automation.kettle"}, blocking=True)


@pytest.mark.parametrize("key", ["action", "service"])
async def test_action_of_other_integration(
    hass: HomeAssistant, old: MockConfigEntry, import_voices: ImportVoices, key: str
) -> None:
    """An automation with the other integration's own action goes on, too, because only its voice is disabled."""
    assert await async_setup_component(hass, "media_source", {})
    played = async_mock_service(hass, "media_player", "play_media")
    data = {"tts_entity": OLD_VOICE_ID, "entity_id": "media_player.kitchen", "message": SENTENCE}
    action = {"if": [], "then": [{key: "openai_tts.say", "data": data}]}
    assert await async_setup_component(hass, "automation", {"automation": [{**AUTOMATION, "actions": [action]}]})
    account = await import_voices(old, OLD_VOICE_ID)
    await wait_for_reload(hass)
    assert old.state is ConfigEntryState.LOADED
    assert hass.states.get(f"{OLD_VOICE_ID}_old") is None
    assert await hear_automation(hass, played) == {ORATOR_VOICE}
    assert not await async_undo_import(hass, account)
    await wait_for_reload(hass)
    assert await hear_automation(hass, played) == {OLD_VOICE}
    await hass.services.async_call("automation", "turn_off", {"entity_id": "automation.kettle"}, blocking=True)


@pytest.mark.parametrize(
    ("options", "configured", "expected"),
    [
        ({"chime": True, "chime_sound": "signal1.mp3"}, {}, {"chime": "three_tone"}),
        ({"chime": "true"}, {"chime": "soft"}, {"chime": "soft"}),
        ({"chime": "ding_dong", "chime_sound": "signal1.mp3"}, {}, {"chime": "ding_dong"}),
        ({"normalize_audio": True}, {}, {"loudness": -16}),
        ({"normalize_audio": True}, {"loudness": -20}, {"loudness": -20}),
        ({"normalize_audio": False, "loudness": -20}, {"loudness": -20}, {"loudness": None}),
        ({"extra_payload": '{"temperature": 0.7}'}, {}, {"extra_body": {"temperature": 0.7}}),
        ({"audio_format": "opus"}, {}, {"format": "opus"}),
        ({"speed": 1.1, "voice": "nova"}, {}, {"speed": 1.1, "voice": "nova"}),
    ],
)
def test_options(options: dict[str, Any], configured: dict[str, Any], expected: dict[str, Any]) -> None:
    """Options of the other integrations are those of Orator."""
    assert translate_options(options, configured) == expected


@pytest.mark.parametrize("payload", ["{", "[]", "3"])
def test_invalid_option(payload: str) -> None:
    """Extra fields that are no JSON object are an error, as before."""
    with pytest.raises(InvalidSettingError):
        translate_options({"extra_payload": payload}, {})


async def set_up_assistant(hass: HomeAssistant, **fields: Any) -> None:
    """Let the assistant speak with an entity, a language and a voice."""
    for component in ("homeassistant", "media_source", "conversation", "assist_pipeline"):
        assert await async_setup_component(hass, component, {})
    await assist_pipeline.async_update_pipeline(hass, assist_pipeline.async_get_pipeline(hass), **fields)


async def hear_assistant(
    hass: HomeAssistant, hass_ws_client: WebSocketGenerator, hass_client: ClientSessionGenerator
) -> set[int | None]:
    """Let the assistant speak a sentence, and return the voices that speak it."""
    client = await hass_ws_client()
    await client.send_json_auto_id(
        {"type": "assist_pipeline/run", "start_stage": "tts", "end_stage": "tts", "input": {"text": SENTENCE}}
    )
    event: dict[str, Any] = {}
    while event.get("type") != "tts-end":
        message = await client.receive_json()
        event = message.get("event", {})
        assert event.get("type") != "error", event
    response = await (await hass_client()).get(event["data"]["tts_output"]["url"])
    assert response.status == 200
    audio = await response.read()
    await hass.async_block_till_done(wait_background_tasks=True)
    return set(get_voices(await decode(audio), SENTENCE))


@pytest.mark.parametrize(
    ("language", "voice", "spoken_by"),
    [("en-US", None, "coral"), ("en", "alloy", "alloy"), ("bn", "nova", "nova"), ("en-GB", "celeste", "coral")],
)
async def test_assistant(  # noqa: PLR0913, PLR0917
    hass: HomeAssistant,
    old: MockConfigEntry,
    import_voices: ImportVoices,
    hass_ws_client: WebSocketGenerator,
    hass_client: ClientSessionGenerator,
    language: str,
    voice: str | None,
    spoken_by: str,
) -> None:
    """An assistant speaks on, also if its language or voice is one that Orator's voice does not have."""
    await set_up_assistant(hass, tts_engine=OLD_VOICE_ID, tts_language=language, tts_voice=voice)
    before = assist_pipeline.async_get_pipeline(hass)
    account = await import_voices(old, OLD_VOICE_ID)
    await wait_for_reload(hass)
    assert await hear_assistant(hass, hass_ws_client, hass_client) == {voice_of(spoken_by)}
    assert assist_pipeline.async_get_pipeline(hass).tts_engine == OLD_VOICE_ID
    assert not await async_undo_import(hass, account)
    await wait_for_reload(hass)
    assert assist_pipeline.async_get_pipeline(hass) == before


async def test_assistant_changed_by_user(
    hass: HomeAssistant, old: MockConfigEntry, import_voices: ImportVoices
) -> None:
    """A voice that the user has chosen after the import stays when the import is undone."""
    await set_up_assistant(hass, tts_engine=OLD_VOICE_ID, tts_language="bn", tts_voice="celeste")
    account = await import_voices(old, OLD_VOICE_ID)
    await wait_for_reload(hass)
    pipeline = assist_pipeline.async_get_pipeline(hass)
    assert pipeline.tts_language in ("en", "en-US")
    assert pipeline.tts_voice is None
    await assist_pipeline.async_update_pipeline(hass, pipeline, tts_voice="nova")
    assert not await async_undo_import(hass, account)
    pipeline = assist_pipeline.async_get_pipeline(hass)
    assert pipeline.tts_voice == "nova"
    assert pipeline.tts_language != "bn"


async def test_assistant_of_agent(
    hass: HomeAssistant,
    simulator: Simulator,
    import_voices: ImportVoices,
    hass_ws_client: WebSocketGenerator,
    hass_client: ClientSessionGenerator,
) -> None:
    """An assistant with a voice of OpenAI Conversation speaks with Orator, in the voice that it has chosen."""
    old = await load_openai_conversation(hass, simulator)
    await set_up_assistant(hass, tts_engine=AGENT_VOICE_ID, tts_language="en-US", tts_voice="marin")
    await import_voices(old, AGENT_VOICE_ID, has_other_entities=True)
    await wait_for_reload(hass)
    assert await hear_assistant(hass, hass_ws_client, hass_client) == {voice_of("marin")}
    assert [request["voice"] for request in get_post_requests(simulator)] == ["marin"]
