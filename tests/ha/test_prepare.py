"""The action that makes speech ahead, so that it is heard when the internet is away."""

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

from ..simulator import Fault, Simulator
from ..support.actions import VOICE, call_action, call_failing_action
from ..support.audio import RATE, Sound, decode, read_wav_stream
from ..support.speech import SATELLITE, create_account, get_post_requests, get_speech_requests, load_account
from ..support.word_decoder import assert_spoken

ALARMS = ["Fire alarm. Leave the house now.", "There is water in the cellar.", "The freezer is open.", "Wake up."]
PATH = "/v1/audio/speech"


@pytest.fixture
def entry(simulator: Simulator) -> MockConfigEntry:
    """Describe a voice whose words can be read back."""
    simulator.audio_mode = "tones"
    return create_account(simulator, "openai", {"model": "tts-1", "voice": "coral", "speed": 1.1})


@pytest.fixture
def play(hass: HomeAssistant, account: MockConfigEntry) -> list[ServiceCall]:
    """Take what media players are told to play."""
    return async_mock_service(hass, "media_player", "play_media")


async def test_alarms_are_heard_without_the_internet(
    hass: HomeAssistant,
    simulator: Simulator,
    play: list[ServiceCall],
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """What was prepared is found by exactly the action that speaks, with nobody there to ask."""
    assert await async_setup_component(hass, "media_source", {})
    answer = await call_action(hass, "prepare", messages=ALARMS)
    assert answer["ok"]
    assert [(one["ok"], one["from_cache"]) for one in answer["messages"]] == [(True, False)] * len(ALARMS)
    await simulator.close()
    client = await hass_client_no_auth()
    for alarm in ALARMS:
        data = {"media_player_entity_id": "media_player.siren", "message": alarm}
        await hass.services.async_call("tts", "speak", data, target=VOICE, blocking=True)
        media = await async_resolve_media(hass, play[-1].data["media_content_id"], None)
        sound = await decode(await (await client.get(media.url)).read())
        assert_spoken(sound.samples, RATE, alarm)


async def test_alarms_are_heard_after_a_restart(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, entry: MockConfigEntry, tmp_path: Path
) -> None:
    """What was prepared is on disk: another Home Assistant finds it there, with the provider away from its start."""
    await call_action(hass, "prepare", messages=ALARMS)
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
        for alarm in ALARMS:
            media_id = tts.generate_media_source_id(restarted, alarm, "tts.ann", cache=True)
            extension, audio = await tts.async_get_media_source_audio(restarted, media_id)
            assert extension == "mp3"
            assert_spoken((await decode(audio)).samples, RATE, alarm)
        await restarted.config_entries.async_unload(again.entry_id)
        await restarted.async_stop(force=True)


async def test_what_is_there_costs_nothing(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """A message is bought once, however often and by whomever it is asked for."""
    first = await call_action(hass, "prepare", messages=ALARMS[:2])
    assert [one["characters"] for one in first["messages"]] == [len(alarm) for alarm in ALARMS[:2]]
    assert first["characters"] == sum(map(len, ALARMS[:2]))
    answer = await call_action(hass, "prepare", messages=ALARMS[1:] + ALARMS[-1:])
    assert [one["from_cache"] for one in answer["messages"]][:2] == [True, False]
    assert answer["messages"][0]["characters"] == answer["messages"][0]["cost"] == 0
    assert sorted(body["input"] for body in get_speech_requests(simulator)) == sorted(ALARMS)


async def test_what_was_spoken_without_being_kept_is_made_again(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry
) -> None:
    """Memory forgets after some minutes; what is prepared has to be on disk."""
    await call_action(hass, "synthesize", message=ALARMS[0], cache=False)
    answer = await call_action(hass, "prepare", messages=ALARMS[:1])
    assert (answer["ok"], answer["messages"][0]["from_cache"]) == (True, False)
    assert len(hass.data[DATA_TTS_MANAGER].file_cache) == 1
    assert len(get_speech_requests(simulator)) == 2


async def test_only_a_few_are_made_at_once(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """The provider is not stormed, and the voice can answer others meanwhile."""
    simulator.fail(Fault(path=PATH, delay=0.2, times=99))
    making = hass.async_create_task(
        call_action(hass, "prepare", messages=[f"This is message number {number}." for number in range(9)])
    )
    busy = []
    while not making.done():
        await asyncio.sleep(0.02)
        busy.append(sum(request.path == PATH and not request.finished.is_set() for request in simulator.requests))
    assert (await making)["ok"]
    assert max(busy) == 3


async def test_each_message_has_its_own_answer(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry
) -> None:
    """One that fails keeps no other from being made; why it failed is told without its text."""
    await call_action(hass, "prepare", messages=ALARMS[:2])
    simulator.fail(Fault(path=PATH, status=400, json={"error": {"code": "content_policy_violation"}}, times=1))
    answer = await call_action(hass, "prepare", messages=ALARMS[:3])
    assert [one["ok"] for one in answer["messages"]] == [True, True, False]
    assert not answer["ok"]
    failed = answer["messages"][2]
    assert failed["error_key"] == "content_refused"
    assert "freezer" not in str(answer)


async def test_failure_is_raised_where_nobody_reads_the_answer(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry
) -> None:
    """An automation that asks for no answer fails, so that its owner learns of it."""
    await hass.services.async_call("orator", "prepare", {"messages": ALARMS[:1]}, target=VOICE, blocking=True)
    simulator.fail(Fault(path=PATH, status=429, json={"error": {"code": "insufficient_quota"}}, times=99))
    with pytest.raises(HomeAssistantError, match=r"2 of 3 messages .* used up") as error:
        await hass.services.async_call("orator", "prepare", {"messages": ALARMS[:3]}, target=VOICE, blocking=True)
    assert error.value.translation_key == "not_all_prepared"


async def test_other_voices_sound_is_no_preparation(hass: HomeAssistant, simulator: Simulator) -> None:
    """A voice that only others could speak for has not been made ahead."""
    simulator.audio_mode = "tones"
    accounts = [
        create_account(simulator, "openai", {"model": "tts-1", "voice": "coral", "fallback": ["tts.ben"]}),
        create_account(simulator, "speechbase", {"model": "openai/tts-1", "voice": "nova"}, "Ben"),
    ]
    assert await async_setup_component(hass, "homeassistant", {})
    for account in accounts:
        await load_account(hass, account)
    simulator.fail(Fault(path=PATH, status=400, json={"error": {"code": "content_policy_violation"}}))
    answer = await call_action(hass, "prepare", messages=ALARMS[:1])
    assert answer["messages"][0]["error_key"] == "spoken_by_others"
    await hass.async_block_till_done(wait_background_tasks=True)
    simulator.reset()
    answer = await call_action(hass, "prepare", messages=ALARMS[:1])
    assert (answer["ok"], answer["messages"][0]["from_cache"]) == (True, False)


@pytest.mark.parametrize("messages", [[], [" "], ["x" * 2001], ["x"] * 101])
async def test_how_much_can_be_asked_for_is_limited(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, messages: list[str]
) -> None:
    """A mistake in a template must not empty an account."""
    with pytest.raises(vol.Invalid):
        await call_action(hass, "prepare", messages=messages)
    assert not get_speech_requests(simulator)


class Kitchen(AssistSatelliteEntity):
    """A satellite that takes 16 kHz."""

    _attr_name = "Kitchen"
    _attr_unique_id = "kitchen"
    _attr_supported_features = AssistSatelliteEntityFeature.ANNOUNCE
    _attr_tts_options: ClassVar[dict[str, Any]] = SATELLITE

    def __init__(self) -> None:
        """Begin with nothing heard."""
        self.heard: list[AssistSatelliteAnnouncement] = []

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
        self.heard.append(announcement)


@pytest.fixture
async def kitchen(hass: HomeAssistant, account: MockConfigEntry) -> Kitchen:
    """Give Home Assistant a satellite whose assistant speaks with the voice."""
    for component in ("media_source", "conversation", "assist_pipeline", "assist_satellite"):
        assert await async_setup_component(hass, component, {})
    pipeline = assist_pipeline.async_get_pipeline(hass)
    await assist_pipeline.async_update_pipeline(
        hass, pipeline, tts_engine="tts.ann", tts_language="en", tts_voice="nova"
    )
    satellite = Kitchen()
    await hass.data[assist_satellite.DATA_COMPONENT].async_add_entities([satellite])
    return satellite


async def test_satellites_get_what_they_will_ask_for(
    hass: HomeAssistant, simulator: Simulator, kitchen: Kitchen, hass_client_no_auth: ClientSessionGenerator
) -> None:
    """Announcements of a satellite come in its own format, in the voice of its assistant: that is made ahead."""
    answer = await call_action(hass, "prepare", messages=ALARMS[:1], satellites=[kitchen.entity_id])
    assert answer["ok"]
    assert [body["voice"] for body in get_speech_requests(simulator)] == ["nova"]
    await simulator.close()
    await hass.services.async_call(
        "assist_satellite",
        "announce",
        {"message": ALARMS[0], "preannounce": False},
        target={"entity_id": kitchen.entity_id},
        blocking=True,
    )
    (announcement,) = kitchen.heard
    client = await hass_client_no_auth()
    path = "/api/" + announcement.media_id.partition("/api/")[2]
    sound: Sound = read_wav_stream(await (await client.get(path)).read())
    assert_spoken(sound.samples, RATE, ALARMS[0])


async def test_satellites_that_ask_for_something_else_are_refused(
    hass: HomeAssistant, simulator: Simulator, kitchen: Kitchen
) -> None:
    """What would not be found is not made."""
    invalid = ServiceValidationError
    wanted = {"messages": ALARMS[:1], "satellites": [kitchen.entity_id]}
    assert await call_failing_action(hass, "prepare", invalid, **wanted, language="en") == "satellites_choose"
    assert await call_failing_action(hass, "prepare", invalid, **wanted, options={"speed": 2}) == "satellites_choose"
    lost = {**wanted, "satellites": ["assist_satellite.lost"]}
    assert await call_failing_action(hass, "prepare", invalid, **lost) == "satellite_not_found"
    pipeline = assist_pipeline.async_get_pipeline(hass)
    await assist_pipeline.async_update_pipeline(hass, pipeline, tts_engine="tts.else", tts_language="en")
    assert await call_failing_action(hass, "prepare", invalid, **wanted) == "satellite_speaks_otherwise"
    assert not get_speech_requests(simulator)


@pytest.fixture
async def stand_in(hass: HomeAssistant, simulator: Simulator) -> MockConfigEntry:
    """Load a voice for which another account stands in, and return the voice's account."""
    assert await async_setup_component(hass, "homeassistant", {})
    accounts = [
        create_account(simulator, "openai", {"model": "tts-1", "voice": "coral", "fallback": ["tts.ben"]}),
        create_account(simulator, "speechbase", {"model": "openai/tts-1", "voice": "nova"}, "Ben"),
    ]
    for account in accounts:
        await load_account(hass, account)
    return accounts[0]


def bought_from_stand_in(simulator: Simulator) -> int:
    """Return how often the account that stands in was asked to speak."""
    return sum(body.get("model") == "openai/tts-1" for body in get_post_requests(simulator))


@pytest.mark.usefixtures("stand_in")
async def test_stand_in_is_not_paid_for_a_whole_list(hass: HomeAssistant, simulator: Simulator) -> None:
    """Once another voice has spoken, nothing more is bought; what is there already stays prepared."""
    messages = [f"This is message number {number}." for number in range(12)]
    assert (await call_action(hass, "prepare", messages=messages[-1:]))["ok"]
    simulator.fail(Fault(path=PATH, status=400, json={"error": {"code": "content_policy_violation"}}, times=99))
    answer = await call_action(hass, "prepare", messages=messages)
    assert [one["error_key"] for one in answer["messages"]] == ["spoken_by_others"] * 11 + [None]
    assert answer["messages"][-1]["from_cache"]
    assert 1 <= bought_from_stand_in(simulator) <= 3  # no more than are made at the same time
    assert all(one["characters"] == 0 for one in answer["messages"][3:])


async def test_account_that_rests_prepares_nothing_new(
    hass: HomeAssistant, simulator: Simulator, stand_in: MockConfigEntry
) -> None:
    """While an account is known not to speak nobody is asked; what is in the cache is there all the same."""
    assert (await call_action(hass, "prepare", messages=ALARMS[:1]))["ok"]
    simulator.fail(Fault(path=PATH, status=429, json={"error": {"code": "insufficient_quota"}}, times=99))
    await call_action(hass, "prepare", messages=["This one tells that there is no credit."])
    assert stand_in.runtime_data.health.is_open
    await hass.async_block_till_done(wait_background_tasks=True)
    simulator.reset()
    answer = await call_action(hass, "prepare", messages=ALARMS)
    assert [one["error_key"] for one in answer["messages"]] == [None, *["account_rests"] * 3]
    assert [one["from_cache"] for one in answer["messages"]] == [True, False, False, False]
    assert "can't speak at the moment" in answer["messages"][1]["error"]
    assert (answer["ok"], answer["characters"]) == (False, 0)
    assert not get_post_requests(simulator)
