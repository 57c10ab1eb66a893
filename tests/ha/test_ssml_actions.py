"""SSML in every action, in Assist and in both caches, and the usage of each account."""

from itertools import pairwise
from math import inf
from typing import Any

from homeassistant.components import assist_pipeline, tts
from homeassistant.components.media_source import async_resolve_media
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator, WebSocketGenerator

from tests.simulator import Fault, Simulator
from tests.support.actions import call_action
from tests.support.announce import add_announcements
from tests.support.audio import RATE, decode
from tests.support.speakers import add_speakers, read_speech
from tests.support.speech import Hear, get_speech_requests, speak
from tests.support.streams import stream_words, wait_until
from tests.support.word_decoder import HeardWord, assert_spoken, voice_of

ANN, BEN = voice_of("coral"), voice_of("nova")
FIRST, SECOND = "Dinner is ready.", "I am coming down at once."
WORDS = f"{FIRST} {SECOND}"
PAUSE_S = 2.0
MESSAGE = f'<speak>{FIRST}<break time="2s"/><voice name="tts.ben">{SECOND}</voice></speak>'
"""Two voices of two accounts, with a pause between them."""


@pytest.fixture
def entry(simulator: Simulator, entry: MockConfigEntry) -> MockConfigEntry:
    """Let the providers speak words that can be decoded."""
    simulator.audio_mode = "tones"
    return entry


@pytest.fixture(autouse=True)
async def accounts(hass: HomeAssistant, fallback_account: MockConfigEntry) -> None:
    """Set up both accounts and media sources."""
    assert await async_setup_component(hass, "media_source", {})


async def assert_dialogue(audio: bytes) -> list[HeardWord]:
    """Assert that both voices speak their words, and that the pause is between them."""
    words = assert_spoken((await decode(audio)).samples, RATE, WORDS)
    number = len(FIRST.split())
    assert [word.voice for word in words] == [ANN] * number + [BEN] * len(SECOND.split())
    gaps = [after.start_seconds - before.end_seconds for before, after in pairwise(words)]
    assert gaps.pop(number - 1) == pytest.approx(PAUSE_S, abs=0.15)
    assert max(gaps) < 0.15
    return words


async def test_speak(hass: HomeAssistant) -> None:
    """`tts.speak` plays the dialogue."""
    kitchen = (await add_speakers(hass, "kitchen"))["kitchen"]
    data = {"entity_id": "tts.ann", "media_player_entity_id": "media_player.kitchen", "message": MESSAGE}
    await hass.services.async_call("tts", "speak", data, blocking=True)
    await wait_until(lambda: kitchen.played)
    await assert_dialogue(kitchen.played[0])


async def test_synthesize(hass: HomeAssistant, simulator: Simulator) -> None:
    """The response has the duration with the pause, both voices, and the characters that both have spoken."""
    response = await call_action(hass, "synthesize", message=MESSAGE)
    audio = await read_speech(hass, response["media_id"])
    words = await assert_dialogue(audio)
    assert response["duration"] == pytest.approx((await decode(audio)).seconds, abs=0.06)
    assert response["duration"] > words[-1].end_seconds > PAUSE_S
    assert response["spoken_by"] == ["tts.ann", "tts.ben"]
    assert response["characters"] == len(FIRST) + len(SECOND)
    again = await call_action(hass, "synthesize", message=MESSAGE)
    assert (again["from_cache"], again["characters"]) == (True, 0)
    assert again["media_id"] == response["media_id"]  # permanent: the audio is cached
    assert len(get_speech_requests(simulator)) == 2


async def test_prepare(hass: HomeAssistant, simulator: Simulator) -> None:
    """A prepared message is cached with its markup, and played without the services."""
    response = await call_action(hass, "prepare", messages=[MESSAGE])
    assert response["ok"]
    assert response["characters"] == len(FIRST) + len(SECOND)
    await simulator.close()
    media_id = tts.generate_media_source_id(hass, MESSAGE, "tts.ann")
    await assert_dialogue(await read_speech(hass, media_id))


async def test_announce(hass: HomeAssistant) -> None:
    """The duration of an announcement includes the pause."""
    await add_announcements(hass)
    kitchen = (await add_speakers(hass, "kitchen"))["kitchen"]
    response = await hass.services.async_call(
        "orator",
        "announce",
        {"message": MESSAGE, "tts_entity_id": "tts.ann"},
        target={"entity_id": "media_player.kitchen"},
        blocking=True,
        return_response=True,
    )
    assert response
    (result,) = response.values()
    assert isinstance(result, dict)
    (audio,) = kitchen.played
    await assert_dialogue(audio)
    assert result["status"] == "played"
    assert result["spoken_by"] == ["tts.ann", "tts.ben"]
    assert result["duration"] == pytest.approx((await decode(audio)).seconds, abs=0.06)


async def test_assist(
    hass: HomeAssistant, hass_ws_client: WebSocketGenerator, hass_client: ClientSessionGenerator
) -> None:
    """An assistant speaks the dialogue."""
    for component in ("conversation", "assist_pipeline"):
        assert await async_setup_component(hass, component, {})
    pipeline = assist_pipeline.async_get_pipeline(hass)
    await assist_pipeline.async_update_pipeline(hass, pipeline, tts_engine="tts.ann", tts_language="en")
    client = await hass_ws_client()
    await client.send_json_auto_id(
        {"type": "assist_pipeline/run", "start_stage": "tts", "end_stage": "tts", "input": {"text": MESSAGE}}
    )
    event: dict[str, Any] = {}
    while event.get("type") != "tts-end":
        event = (await client.receive_json()).get("event", {})
    response = await (await hass_client()).get(event["data"]["tts_output"]["url"])
    await assert_dialogue(await response.read())


async def test_home_assistant_cache(hass: HomeAssistant, simulator: Simulator, hear: Hear) -> None:
    """Home Assistant plays the same markup from its cache, and other markup is generated."""
    audio = await hear(MESSAGE, sentence_cache=False)
    assert await hear(MESSAGE, sentence_cache=False) == audio
    assert len(get_speech_requests(simulator)) == 2
    await assert_dialogue(audio)
    other = await hear(MESSAGE.replace("2s", "1s"), sentence_cache=False)
    assert len(other) < len(audio)
    assert len(get_speech_requests(simulator)) > 2


async def test_sentence_cache(simulator: Simulator, hear: Hear) -> None:
    """A sentence in a style is reused in the same style only, and not by another voice."""

    async def reply(text: str) -> int:
        count = len(get_speech_requests(simulator))
        audio = await hear(stream_words(text))
        assert_spoken((await decode(audio)).samples, RATE, f"{FIRST} {SECOND}")
        return len(get_speech_requests(simulator)) - count

    fast = '<prosody rate="90%">'
    assert await reply(f"<speak>{FIRST} {fast}{SECOND}</prosody></speak>") == 2
    assert await reply(f'<speak>{FIRST} <break time="1s"/> {fast}{SECOND}</prosody></speak>') == 0
    assert await reply(f"<speak>{FIRST} {SECOND}</speak>") == 1
    assert await reply(f'<speak>{FIRST} <voice name="nova">{SECOND}</voice></speak>') == 1
    assert await reply(f'<speak>{FIRST} <voice name="tts.ben">{SECOND}</voice></speak>') == 1


async def test_usage_by_account(
    hass: HomeAssistant, account: MockConfigEntry, fallback_account: MockConfigEntry, hear: Hear
) -> None:
    """Each account counts what its voice has spoken, and the markup is not spoken."""
    await hear(MESSAGE)
    for entry, text in ((account, FIRST), (fallback_account, SECOND)):
        today = entry.runtime_data.usage.totals.today
        assert (today.characters, today.requests) == (len(text), 1)


async def test_failed_voice_is_not_cached(simulator: Simulator, hear: Hear) -> None:
    """If the message's voice replaces another one, the message is generated again the next time."""
    outage = Fault(contains="nova", status=401, json={"error": "invalid"}, times=inf)
    simulator.fail(outage)
    words = assert_spoken((await decode(await hear(MESSAGE))).samples, RATE, WORDS)
    assert {word.voice for word in words} == {ANN}
    simulator.clear()
    assert await hear(MESSAGE)
    assert get_speech_requests(simulator)


async def test_fallback_of_message(hass: HomeAssistant, simulator: Simulator, hear: Hear) -> None:
    """A fallback speaks the words of a voice that fails, with the pauses of the markup."""
    simulator.fail(Fault(contains="coral", status=402, json={"error": "empty"}, times=inf))
    text = f'<speak>{FIRST}<break time="2s"/>{SECOND}</speak>'
    words = assert_spoken((await decode(await hear(text, fallback=["tts.ben"]))).samples, RATE, WORDS)
    assert {word.voice for word in words} == {BEN}
    number = len(FIRST.split())
    assert words[number].start_seconds - words[number - 1].end_seconds == pytest.approx(PAUSE_S, abs=0.2)


async def test_effects(hass: HomeAssistant, hear: Hear) -> None:
    """Silence before and after speech is added once, around the whole message."""
    plain = await decode(await hear(MESSAGE, preferred_format="wav"))
    padded = await decode(await hear(MESSAGE, preferred_format="wav", lead_in_ms=500, tail_ms=700))
    assert padded.seconds - plain.seconds == pytest.approx(1.2, abs=0.02)


async def test_other_entity_reads_no_markup(hass: HomeAssistant, simulator: Simulator) -> None:
    """A voice in the text gets words only."""
    await speak(hass, MESSAGE)
    texts = [body.get("input", body.get("text")) for body in get_speech_requests(simulator)]
    assert [str(text).strip() for text in texts] == [FIRST, SECOND]
    assert await async_resolve_media(hass, tts.generate_media_source_id(hass, MESSAGE, "tts.ann"), None)


async def test_dry_run(hass: HomeAssistant, simulator: Simulator) -> None:
    """A dry run estimates the words of both voices, without the markup and without a request."""
    estimate = await call_action(hass, "synthesize", message=MESSAGE, dry_run=True)
    assert not get_speech_requests(simulator)
    assert estimate["characters"] == len(FIRST) + len(SECOND)
    spoken = await call_action(hass, "synthesize", message=MESSAGE)
    assert spoken["characters"] == estimate["characters"]


async def test_limit_of_other_account(
    hass: HomeAssistant, fallback_account: MockConfigEntry, simulator: Simulator, hear: Hear
) -> None:
    """If the account of another voice has reached its limit, the message's voice speaks its text."""
    hass.config_entries.async_update_entry(fallback_account, options={"daily_limit": 1})
    await hass.async_block_till_done(wait_background_tasks=True)
    words = assert_spoken((await decode(await hear(MESSAGE))).samples, RATE, WORDS)
    assert {word.voice for word in words} == {ANN}
    assert [request["voice"] for request in get_speech_requests(simulator)] == ["coral", "coral"]
