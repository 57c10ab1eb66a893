"""The action `orator.prepare`: messages are synthesized in advance, so that they play without the internet."""

import asyncio
from pathlib import Path
from typing import Any, ClassVar, override

from homeassistant.components import assist_pipeline, assist_satellite, tts
from homeassistant.components.assist_satellite import (
    AssistSatelliteAnnouncement,
    AssistSatelliteConfiguration,
    AssistSatelliteEntity,
    AssistSatelliteEntityFeature,
)
from homeassistant.components.media_source import async_resolve_media
from homeassistant.components.tts.const import DATA_TTS_MANAGER
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_mock_service,
    async_test_home_assistant,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
import voluptuous as vol

from tests.simulator import Fault, Simulator
from tests.support.actions import TARGET, call_action, call_failing_action
from tests.support.audio import RATE, Sound, decode, read_wav_stream
from tests.support.speech import (
    OUT_OF_CREDIT,
    SPEECH_PATH,
    create_account,
    get_post_requests,
    get_speech_requests,
    load_account,
)
from tests.support.streams import SATELLITE
from tests.support.word_decoder import assert_spoken

MESSAGES = ["Fire alarm. Leave the house now.", "There is water in the cellar.", "The freezer is open.", "Wake up."]


@pytest.fixture
def entry(simulator: Simulator) -> MockConfigEntry:
    """Return an account whose speech can be decoded into words."""
    simulator.audio_mode = "tones"
    return create_account(simulator, "openai", {"model": "tts-1", "voice": "coral", "speed": 1.1})


@pytest.fixture
def played(hass: HomeAssistant, account: MockConfigEntry) -> list[ServiceCall]:
    """Return the calls that play media."""
    return async_mock_service(hass, "media_player", "play_media")


async def test_prepared_messages_play_offline(
    hass: HomeAssistant,
    simulator: Simulator,
    played: list[ServiceCall],
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """`tts.speak` plays prepared messages while the provider cannot be reached."""
    assert await async_setup_component(hass, "media_source", {})
    response = await call_action(hass, "prepare", messages=MESSAGES)
    assert response["ok"]
    assert [(message["ok"], message["from_cache"]) for message in response["messages"]] == [(True, False)] * len(
        MESSAGES
    )
    await simulator.close()
    client = await hass_client_no_auth()
    for message in MESSAGES:
        data = {"media_player_entity_id": "media_player.siren", "message": message}
        await hass.services.async_call("tts", "speak", data, target=TARGET, blocking=True)
        media = await async_resolve_media(hass, played[-1].data["media_content_id"], None)
        sound = await decode(await (await client.get(media.url)).read())
        assert_spoken(sound.samples, RATE, message)


async def test_prepared_messages_play_after_restart(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, entry: MockConfigEntry, tmp_path: Path
) -> None:
    """A restarted Home Assistant plays prepared messages from disk while the provider cannot be reached."""
    await call_action(hass, "prepare", messages=MESSAGES)
    await hass.async_block_till_done(wait_background_tasks=True)
    await hass.config_entries.async_unload(account.entry_id)
    await hass.async_stop(force=True)
    await simulator.close()
    async with async_test_home_assistant(config_dir=str(tmp_path)) as restarted:
        restarted.data.pop("custom_components", None)
        assert await async_setup_component(restarted, "homeassistant", {})
        again = MockConfigEntry(
            domain=entry.domain,
            title=entry.title,
            data=dict(entry.data),
            entry_id=entry.entry_id,
            subentries_data=[subentry.as_dict() for subentry in entry.subentries.values()],
        )
        again.add_to_hass(restarted)
        assert await restarted.config_entries.async_setup(again.entry_id)
        await restarted.async_block_till_done()
        for message in MESSAGES:
            media_id = tts.generate_media_source_id(restarted, message, "tts.ann", cache=True)
            extension, audio = await tts.async_get_media_source_audio(restarted, media_id)
            assert extension == "mp3"
            assert_spoken((await decode(audio)).samples, RATE, message)
        await restarted.config_entries.async_unload(again.entry_id)
        await restarted.async_stop(force=True)


async def test_cached_messages(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """A message is synthesized once, also if it is listed twice or prepared again."""
    first = await call_action(hass, "prepare", messages=MESSAGES[:2])
    assert [message["characters"] for message in first["messages"]] == [len(message) for message in MESSAGES[:2]]
    assert first["characters"] == sum(map(len, MESSAGES[:2]))
    response = await call_action(hass, "prepare", messages=MESSAGES[1:] + MESSAGES[-1:])
    assert [message["from_cache"] for message in response["messages"]][:2] == [True, False]
    assert response["messages"][0]["characters"] == response["messages"][0]["cost"] == 0
    assert sorted(body["input"] for body in get_speech_requests(simulator)) == sorted(MESSAGES)


async def test_duplicate_messages(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """Only one of several identical messages is charged, although they are prepared at once."""
    response = await call_action(hass, "prepare", messages=MESSAGES[:1] * 3)
    assert [message["from_cache"] for message in response["messages"]] == [False, True, True]
    assert [message["characters"] for message in response["messages"]] == [len(MESSAGES[0]), 0, 0]
    assert response["characters"] == len(MESSAGES[0])


async def test_message_in_memory_only(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """A message that is cached in memory only is written to disk, because prepared messages are on disk."""
    await call_action(hass, "synthesize", message=MESSAGES[0], cache=False)
    response = await call_action(hass, "prepare", messages=MESSAGES[:1])
    assert (response["ok"], response["messages"][0]["from_cache"]) == (True, True)
    assert len(hass.data[DATA_TTS_MANAGER].file_cache) == 1
    assert len(get_speech_requests(simulator)) == 1


async def test_concurrent_requests(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """Messages are synthesized three at a time."""
    simulator.fail(Fault(path=SPEECH_PATH, delay=0.2, times=99))
    call = hass.async_create_task(
        call_action(hass, "prepare", messages=[f"This is message number {number}." for number in range(9)])
    )
    concurrent_requests = []
    while not call.done():
        await asyncio.sleep(0.02)
        concurrent_requests.append(
            sum(request.path == SPEECH_PATH and not request.finished.is_set() for request in simulator.requests)
        )
    assert (await call)["ok"]
    assert max(concurrent_requests) == 3


async def test_failed_message(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """A message that fails does not stop the others; its error does not contain its text."""
    await call_action(hass, "prepare", messages=MESSAGES[:2])
    simulator.fail(Fault(path=SPEECH_PATH, status=400, json={"error": {"code": "content_policy_violation"}}, times=1))
    response = await call_action(hass, "prepare", messages=MESSAGES[:3])
    assert [message["ok"] for message in response["messages"]] == [True, True, False]
    assert not response["ok"]
    failed = response["messages"][2]
    assert failed["error_key"] == "content_refused"
    assert "freezer" not in str(response)


async def test_failed_message_without_response(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry
) -> None:
    """A call without a response raises an error if a message fails, so that the automation shows it."""
    await hass.services.async_call("orator", "prepare", {"messages": MESSAGES[:1]}, target=TARGET, blocking=True)
    simulator.fail(OUT_OF_CREDIT)
    with pytest.raises(HomeAssistantError, match=r"2 of 3 messages .* used up") as error:
        await hass.services.async_call("orator", "prepare", {"messages": MESSAGES[:3]}, target=TARGET, blocking=True)
    assert error.value.translation_key == "not_all_prepared"


@pytest.mark.usefixtures("account_with_fallback")
async def test_message_spoken_by_fallback(hass: HomeAssistant, simulator: Simulator) -> None:
    """A message that only a fallback could speak counts as failed and is not cached."""
    simulator.fail(Fault(path=SPEECH_PATH, status=400, json={"error": {"code": "content_policy_violation"}}))
    response = await call_action(hass, "prepare", messages=MESSAGES[:1])
    assert response["messages"][0]["error_key"] == "spoken_by_fallback"
    await hass.async_block_till_done(wait_background_tasks=True)
    simulator.reset()
    response = await call_action(hass, "prepare", messages=MESSAGES[:1])
    assert (response["ok"], response["messages"][0]["from_cache"]) == (True, False)


@pytest.mark.parametrize("messages", [[], [" "], ["x" * 2001], ["x"] * 101], ids=["none", "empty", "long", "many"])
async def test_limits(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, messages: list[str]) -> None:
    """Empty, long and too many messages are refused, because a mistake in a template must not empty an account."""
    with pytest.raises(vol.Invalid):
        await call_action(hass, "prepare", messages=messages)
    assert not get_speech_requests(simulator)


class Satellite(AssistSatelliteEntity):
    """A satellite that plays WAV audio at 16 kHz."""

    _attr_name = "Kitchen"
    _attr_unique_id = "kitchen"
    _attr_supported_features = AssistSatelliteEntityFeature.ANNOUNCE
    _attr_tts_options: ClassVar[dict[str, Any]] = SATELLITE

    def __init__(self) -> None:
        """Initialize without announcements."""
        self.announcements: list[AssistSatelliteAnnouncement] = []

    @override
    def on_pipeline_event(self, event: Any) -> None:
        pass

    @override
    def async_get_configuration(self) -> AssistSatelliteConfiguration:
        return AssistSatelliteConfiguration(available_wake_words=[], active_wake_words=[], max_active_wake_words=1)

    @override
    async def async_set_configuration(self, config: AssistSatelliteConfiguration) -> None:
        pass

    @override
    async def async_announce(self, announcement: AssistSatelliteAnnouncement) -> None:
        self.announcements.append(announcement)


@pytest.fixture
async def satellite(hass: HomeAssistant, account: MockConfigEntry) -> Satellite:
    """Return a satellite whose assistant uses the voice."""
    for component in ("media_source", "conversation", "assist_pipeline", "assist_satellite"):
        assert await async_setup_component(hass, component, {})
    pipeline = assist_pipeline.async_get_pipeline(hass)
    await assist_pipeline.async_update_pipeline(
        hass, pipeline, tts_engine="tts.ann", tts_language="en", tts_voice="nova"
    )
    satellite = Satellite()
    await hass.data[assist_satellite.DATA_COMPONENT].async_add_entities([satellite])
    return satellite


async def test_announcement_of_satellite(
    hass: HomeAssistant, simulator: Simulator, satellite: Satellite, hass_client_no_auth: ClientSessionGenerator
) -> None:
    """A message is prepared in the format of a satellite and with the voice of its assistant."""
    response = await call_action(hass, "prepare", messages=MESSAGES[:1], satellites=[satellite.entity_id])
    assert response["ok"]
    assert [body["voice"] for body in get_speech_requests(simulator)] == ["nova"]
    await simulator.close()
    await hass.services.async_call(
        "assist_satellite",
        "announce",
        {"message": MESSAGES[0], "preannounce": False},
        target={"entity_id": satellite.entity_id},
        blocking=True,
    )
    (announcement,) = satellite.announcements
    client = await hass_client_no_auth()
    path = "/api/" + announcement.media_id.partition("/api/")[2]
    sound: Sound = read_wav_stream(await (await client.get(path)).read())
    assert_spoken(sound.samples, RATE, MESSAGES[0])


async def test_invalid_satellite(hass: HomeAssistant, simulator: Simulator, satellite: Satellite) -> None:
    """A satellite that is missing, is another entity, or would not use the options or the voice is an error."""
    invalid = ServiceValidationError
    data = {"messages": MESSAGES[:1], "satellites": [satellite.entity_id]}
    assert await call_failing_action(hass, "prepare", invalid, **data, language="en") == "satellites_choose"
    assert await call_failing_action(hass, "prepare", invalid, **data, options={"speed": 2}) == "satellites_choose"
    for other in ("assist_satellite.lost", "tts.ann"):
        unknown = {**data, "satellites": [other]}
        assert await call_failing_action(hass, "prepare", invalid, **unknown) == "satellite_not_found"
    pipeline = assist_pipeline.async_get_pipeline(hass)
    await assist_pipeline.async_update_pipeline(hass, pipeline, tts_engine="tts.else", tts_language="en")
    assert await call_failing_action(hass, "prepare", invalid, **data) == "satellite_uses_other_voice"
    assert not get_speech_requests(simulator)


@pytest.fixture
async def account_with_fallback(hass: HomeAssistant, simulator: Simulator) -> MockConfigEntry:
    """Load the account of a voice and the account of its fallback, and return the first."""
    assert await async_setup_component(hass, "homeassistant", {})
    accounts = [
        create_account(simulator, "openai", {"model": "tts-1", "voice": "coral", "fallback": ["tts.ben"]}),
        create_account(simulator, "speechbase", {"model": "openai/tts-1", "voice": "nova"}, "Ben"),
    ]
    for account in accounts:
        await load_account(hass, account)
    return accounts[0]


def count_fallback_requests(simulator: Simulator) -> int:
    """Return the number of requests to the account of the fallback."""
    return sum(body.get("model") == "openai/tts-1" for body in get_post_requests(simulator))


@pytest.mark.usefixtures("account_with_fallback")
async def test_fallback_ends_preparation(hass: HomeAssistant, simulator: Simulator) -> None:
    """After a fallback has spoken, no further message is synthesized; cached messages stay prepared."""
    messages = [f"This is message number {number}." for number in range(12)]
    assert (await call_action(hass, "prepare", messages=messages[-1:]))["ok"]
    simulator.fail(Fault(path=SPEECH_PATH, status=400, json={"error": {"code": "content_policy_violation"}}, times=99))
    response = await call_action(hass, "prepare", messages=messages)
    assert [message["error_key"] for message in response["messages"]] == ["spoken_by_fallback"] * 11 + [None]
    assert response["messages"][-1]["from_cache"]
    assert 1 <= count_fallback_requests(simulator) <= 3  # as many as are synthesized at the same time
    assert all(message["characters"] == 0 for message in response["messages"][3:])


async def test_open_circuit_breaker(
    hass: HomeAssistant, simulator: Simulator, account_with_fallback: MockConfigEntry
) -> None:
    """While the circuit breaker is open no message is synthesized; cached messages are still prepared."""
    assert (await call_action(hass, "prepare", messages=MESSAGES[:1]))["ok"]
    simulator.fail(OUT_OF_CREDIT)
    await call_action(hass, "prepare", messages=["This one finds that there is no credit."])
    assert account_with_fallback.runtime_data.health.is_open
    await hass.async_block_till_done(wait_background_tasks=True)
    simulator.reset()
    response = await call_action(hass, "prepare", messages=MESSAGES)
    assert [message["error_key"] for message in response["messages"]] == [None, *["voice_unavailable"] * 3]
    assert [message["from_cache"] for message in response["messages"]] == [True, False, False, False]
    assert response["messages"][1]["error"].startswith("Ann (OpenAI) is currently unavailable")
    assert (response["ok"], response["characters"]) == (False, 0)
    assert not get_post_requests(simulator)


async def test_satellite_without_satellites(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """A satellite is missing if Home Assistant has none at all, nor what they require."""
    assert "assist_satellite" not in hass.config.components
    data = {"messages": MESSAGES[:1], "satellites": ["assist_satellite.kitchen"]}
    assert await call_failing_action(hass, "prepare", ServiceValidationError, **data) == "satellite_not_found"
