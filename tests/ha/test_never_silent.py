"""What keeps a voice from falling silent: others who are asked in time, accounts that rest, silence that is noticed."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
import logging
from typing import Any

from homeassistant.components import tts
from homeassistant.components.tts.const import DATA_COMPONENT, DATA_TTS_MANAGER
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.orator.audio import wav
from custom_components.orator.audio.formats import PcmLayout
from custom_components.orator.providers.errors import Outage

from ..simulator import Fault, Simulator
from ..support.audio import RATE, decode, decode_output, read_wav_stream
from ..support.fallback import FALLBACK_VOICE, PRIMARY_VOICE, SENTENCES, SPEECH_PATH, LocalVoice, collect, get_voices
from ..support.speech import SATELLITE, SENTENCE, Hear, create_account, get_issue, get_speech_requests, speak
from ..support.word_decoder import heard_words

TEXT = " ".join(SENTENCES)
OUTAGE = Fault(path=SPEECH_PATH, status=503, json={"error": {"type": "server_error"}}, times=999)
DEAD_KEY = Fault(path="*", status=401, json={"error": {"code": "invalid_api_key"}}, times=999)
NO_CREDIT = Fault(path=SPEECH_PATH, status=429, json={"error": {"code": "insufficient_quota"}}, times=999)
SILENT_WAV = wav.make_header(PcmLayout(24_000), 96_000) + bytes(96_000)


@pytest.fixture
def entry(simulator: Simulator) -> MockConfigEntry:
    """Describe an account with a voice for which another account's voice speaks."""
    simulator.audio_mode = "tones"
    return create_account(simulator, "openai", {"model": "tts-1", "voice": "coral", "fallback": ["tts.ben"]})


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody wait for long."""
    monkeypatch.setattr(
        "custom_components.orator.pipeline.synthesizer._HEDGE_DELAY_RANGES_S", {True: (0.3, 0.3), False: (0.3, 0.3)}
    )


async def pass_time(hass: HomeAssistant, seconds: float) -> None:
    """Let time pass for what Home Assistant does at a time."""
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=seconds))
    await hass.async_block_till_done(wait_background_tasks=True)


def of_orator(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    """Return what Orator has logged at a level."""
    return [record.getMessage() for record in caplog.records if "orator" in record.name and record.levelno == level]


@pytest.mark.parametrize("receiver", [{}, {"preferred_format": "wav"}, SATELLITE], ids=["mp3", "wav", "satellite"])
async def test_stuck_request_is_overtaken(
    simulator: Simulator, fallback_account: MockConfigEntry, hear: Hear, hasty: None, receiver: dict[str, Any]
) -> None:
    """Who does not begin in the time that is usual for it is overtaken by the next one."""
    simulator.fail(Fault(path=SPEECH_PATH, delay=30, times=9))
    async with asyncio.timeout(6):
        audio = await hear(SENTENCE, **receiver)
    sound = await decode_output(audio, receiver)
    assert set(get_voices(sound, SENTENCE)) == {FALLBACK_VOICE}


async def test_slow_voice_is_overtaken_in_time(
    simulator: Simulator, fallback_account: MockConfigEntry, hear: Hear, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who would begin in the end is overtaken just like who never does, as soon as it is late."""
    monkeypatch.setattr(
        "custom_components.orator.pipeline.synthesizer._HEDGE_DELAY_RANGES_S", {True: (1.0, 1.0), False: (1.0, 1.0)}
    )
    simulator.fail(Fault(path=SPEECH_PATH, delay=2.5))
    assert set(get_voices(await decode(await hear(SENTENCE)), SENTENCE)) == {FALLBACK_VOICE}


async def test_only_two_try_at_a_time(
    hass: HomeAssistant, simulator: Simulator, fallback_account: MockConfigEntry, hear: Hear, hasty: None
) -> None:
    """A third voice is not asked before one of two has failed: else everybody is paid whenever the network is slow."""
    piper = LocalVoice(await hear("Another one.", voice="nova"))
    await hass.data[DATA_COMPONENT].async_add_entities([piper])
    simulator.fail(Fault(path=SPEECH_PATH, delay=1.5), Fault(path="*/speechbase/*", method="POST", delay=5, times=9))
    audio = await hear(SENTENCE, fallback=["tts.ben", "tts.piper"])
    assert set(get_voices(await decode(audio), SENTENCE)) == {PRIMARY_VOICE}
    assert not piper.messages


async def test_slow_voice_wins_if_the_other_is_slower(
    simulator: Simulator, fallback_account: MockConfigEntry, hear: Hear, hasty: None
) -> None:
    """Whoever begins first is heard, and nobody else: being slow is no failure."""
    simulator.fail(Fault(path=SPEECH_PATH, delay=0.6), Fault(path="*/speechbase/*", method="POST", delay=5, times=9))
    assert set(get_voices(await decode(await hear(SENTENCE)), SENTENCE)) == {PRIMARY_VOICE}


async def test_slow_voice_speaks_if_the_other_can_not(
    simulator: Simulator, fallback_account: MockConfigEntry, hear: Hear, hasty: None
) -> None:
    """That somebody else was asked as well costs the voice nothing."""
    simulator.fail(Fault(path=SPEECH_PATH, delay=1), Fault(path="*/speechbase/*", method="POST", status=501, times=9))
    assert set(get_voices(await decode(await hear(SENTENCE)), SENTENCE)) == {PRIMARY_VOICE}


async def test_overtaken_in_the_middle_of_a_reply(
    simulator: Simulator, fallback_account: MockConfigEntry, hear: Hear, hasty: None
) -> None:
    """A request that is stuck in mid-reply is overtaken, and what was said is not said again."""

    async def reply() -> AsyncGenerator[str]:
        yield f"{SENTENCES[0]} "
        while not get_speech_requests(simulator):  # noqa: ASYNC110 - the simulator does not tell
            await asyncio.sleep(0.05)
        simulator.fail(Fault(path=SPEECH_PATH, delay=30, times=9))
        for sentence in SENTENCES[1:]:
            yield f"{sentence} "

    async with asyncio.timeout(20):
        sound = read_wav_stream(await hear(reply(), **SATELLITE))
    heard = get_voices(sound, TEXT)
    assert heard == sorted(heard, key=[PRIMARY_VOICE, FALLBACK_VOICE].index)
    assert set(heard) == {PRIMARY_VOICE, FALLBACK_VOICE}


@pytest.mark.parametrize("receiver", [{}, {"preferred_format": "wav"}, SATELLITE], ids=["mp3", "wav", "satellite"])
async def test_silence_is_spoken_over(
    simulator: Simulator, fallback_account: MockConfigEntry, hear: Hear, receiver: dict[str, Any]
) -> None:
    """Sound in which nothing can be heard is no speech, and the next one speaks."""
    simulator.fail(Fault(path=SPEECH_PATH, body=SILENT_WAV, headers={"Content-Type": "audio/wav"}, times=9))
    audio = await hear(SENTENCE, **receiver)
    sound = await decode_output(audio, receiver)
    assert set(get_voices(sound, SENTENCE)) == {FALLBACK_VOICE}


async def test_silence_is_told(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, hear: Hear) -> None:
    """Where nobody else speaks, silence is an error, and is kept nowhere."""
    simulator.fail(Fault(path=SPEECH_PATH, body=SILENT_WAV, times=9))
    with pytest.raises(HomeAssistantError) as caught:
        await speak(hass)
    assert caught.value.translation_key == "silent"
    assert not await hear()
    assert not hass.data[DATA_TTS_MANAGER].file_cache
    simulator.reset()
    assert get_voices(await decode(await hear()), SENTENCE)


async def test_wav_that_breaks_off_is_said_by_another(
    simulator: Simulator, fallback_account: MockConfigEntry, hear: Hear
) -> None:
    """A player of WAV hears nothing before all is there, so everything can be said again."""
    simulator.fail(Fault(path=SPEECH_PATH, truncate_after=60_000, times=9))
    sound = await decode(await hear(TEXT, preferred_format="wav"))
    assert set(get_voices(sound, TEXT)) == {FALLBACK_VOICE}


async def test_wav_that_breaks_off_is_said_again(simulator: Simulator, account: MockConfigEntry, hear: Hear) -> None:
    """Without anybody else the voice itself says it again."""
    simulator.fail(Fault(path=SPEECH_PATH, truncate_after=60_000))
    sound = await decode(await hear(TEXT, preferred_format="wav", fallback=[]))
    assert set(get_voices(sound, TEXT)) == {PRIMARY_VOICE}


async def test_some_of_a_wav_is_better_than_nothing(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry
) -> None:
    """Where sound always breaks off, its beginning is heard, and the error told."""
    long = " ".join([TEXT] * 12)
    simulator.fail(Fault(path=SPEECH_PATH, truncate_after=600_000, times=9))
    engine = tts.get_engine_instance(hass, "tts.ann")

    async def message() -> AsyncGenerator[str]:
        yield long

    options = {**engine.default_options, "preferred_format": "wav", "fallback": []}
    response = await engine.async_stream_tts_audio(tts.TTSAudioRequest("en", options, message()))
    chunks: list[bytes] = []
    with pytest.raises(HomeAssistantError) as caught:
        await collect(response.data_gen, chunks)
    assert caught.value.translation_key == "connection_lost"
    assert heard_words((await decode(b"".join(chunks))).samples, RATE)


async def test_incomplete_wav_is_noticed(simulator: Simulator, fallback_account: MockConfigEntry, hear: Hear) -> None:
    """An answer that ends properly, with a sound in it that does not, is asked for once more."""
    whole = await hear(SENTENCE, preferred_format="wav")
    simulator.fail(Fault(path=SPEECH_PATH, body=whole[: len(whole) // 2], headers={"Content-Type": "audio/wav"}))
    sound = await decode(await hear(f"{SENTENCE} {SENTENCE}", preferred_format="wav"))
    assert set(get_voices(sound, f"{SENTENCE} {SENTENCE}")) == {PRIMARY_VOICE}
    assert len(get_speech_requests(simulator)) == 2 + 1


async def test_account_rests_after_repeated_outages(
    hass: HomeAssistant,
    simulator: Simulator,
    account: MockConfigEntry,
    fallback_account: MockConfigEntry,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A service that keeps failing is not asked by every announcement, is looked after, and comes back by itself."""
    connection = account.runtime_data.health
    simulator.fail(OUTAGE)
    for _ in range(3):
        assert connection.outage is None
        assert await speak(hass)
    assert connection.outage is Outage.UNREACHABLE
    assert hass.states.get("sensor.openai_connection").state == "unreachable"
    simulator.requests.clear()
    for _ in range(3):
        assert set(get_voices(await decode(await speak(hass)), SENTENCE)) == {FALLBACK_VOICE}
    assert not [request for request in simulator.requests if request.path == SPEECH_PATH]
    down = "OpenAI can't speak at the moment: provider_fault (503, server_error)"
    assert of_orator(caplog, logging.INFO) == [down]
    simulator.reset()
    await pass_time(hass, 31)
    assert set(get_voices(await decode(await speak(hass)), SENTENCE)) == {PRIMARY_VOICE}
    assert connection.outage is None
    assert hass.states.get("sensor.openai_connection").state == "connected"
    assert of_orator(caplog, logging.INFO) == [down, "OpenAI speaks again"]
    assert not of_orator(caplog, logging.WARNING)


async def test_failures_that_are_apart_are_chance(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, fallback_account: MockConfigEntry
) -> None:
    """Only failures in a row make an account rest: one that speaks in between is well."""
    for _ in range(2):
        simulator.fail(OUTAGE)
        for _ in range(2):
            assert await speak(hass)
        simulator.reset()
        assert set(get_voices(await decode(await speak(hass)), SENTENCE)) == {PRIMARY_VOICE}
    assert account.runtime_data.health.outage is None


async def test_account_is_looked_after_ever_less_often(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, fallback_account: MockConfigEntry
) -> None:
    """At first after half a minute, then after twice as long each time, up to five minutes."""
    simulator.fail(Fault(path="/v1/*", close=True, times=9999))
    for _ in range(3):
        assert await speak(hass)
    for seconds in (30, 60, 120, 240, 300, 300):
        simulator.requests.clear()
        await pass_time(hass, seconds - 10)
        assert not simulator.requests
        await pass_time(hass, seconds + 1)
        assert simulator.requests


async def test_account_that_is_away_comes_back_unasked(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, fallback_account: MockConfigEntry
) -> None:
    """A service that did not answer at all is back as soon as it answers, before anybody has to try."""
    connection = account.runtime_data.health
    simulator.fail(Fault(path="/v1/*", close=True, times=999))
    for _ in range(3):
        assert await speak(hass)
    assert connection.outage is Outage.UNREACHABLE
    await pass_time(hass, 31)
    assert connection.outage is Outage.UNREACHABLE
    simulator.reset()
    await pass_time(hass, 61)
    assert connection.outage is None


async def test_account_that_still_fails_rests_on(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, fallback_account: MockConfigEntry
) -> None:
    """A service that answers and does not speak is tried by one utterance at a time."""
    simulator.fail(OUTAGE)
    for _ in range(3):
        assert await speak(hass)
    await pass_time(hass, 31)
    simulator.requests.clear()
    for _ in range(3):
        assert await speak(hass)
    assert (
        len([request for request in simulator.requests if request.path == SPEECH_PATH]) == 2
    )  # a try, and a second one
    assert account.runtime_data.health.is_open


@pytest.mark.parametrize(
    ("fault", "outage"), [(DEAD_KEY, Outage.KEY_REFUSED), (NO_CREDIT, Outage.OUT_OF_CREDIT)], ids=["key", "credit"]
)
async def test_account_rests_at_once(
    hass: HomeAssistant, simulator: Simulator, fallback_account: MockConfigEntry, fault: Fault, outage: Outage
) -> None:
    """What does not pass in a moment is not tried by the next announcement."""
    account, _ = hass.config_entries.async_entries("orator")
    simulator.fail(Fault(path=SPEECH_PATH, status=fault.status, json=fault.json, times=999))
    assert await speak(hass)
    assert account.runtime_data.health.outage is outage
    simulator.requests.clear()
    assert await speak(hass)
    assert not [request for request in simulator.requests if request.path == SPEECH_PATH]


async def test_resting_account_is_the_last_resort(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, fallback_account: MockConfigEntry
) -> None:
    """Whoever rests speaks all the same when nobody else can."""
    simulator.fail(OUTAGE)
    for _ in range(3):
        assert await speak(hass)
    simulator.reset()
    simulator.fail(Fault(path="*/speechbase/*", method="POST", status=501, times=9))
    new = "The other one has not said this before, so nothing of it is kept."
    assert set(get_voices(await decode(await speak(hass, new)), new)) == {PRIMARY_VOICE}
    assert account.runtime_data.health.outage is None


async def test_long_outage_is_told_once(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, fallback_account: MockConfigEntry
) -> None:
    """Nobody may notice that another voice speaks, so repairs tell after an hour, until it is over."""
    simulator.fail(Fault(path="/v1/*", close=True, times=9999))
    for _ in range(3):
        assert await speak(hass)
    connection = account.runtime_data.health
    assert not get_issue(hass, account, "unreachable")
    connection.since -= timedelta(minutes=61)
    await pass_time(hass, 31)
    found = get_issue(hass, account, "unreachable")
    assert found
    assert found.translation_placeholders["account"] == "OpenAI"
    simulator.reset()
    await pass_time(hass, 120)
    assert not get_issue(hass, account, "unreachable")


async def test_voice_is_there_as_long_as_anything_can_be_heard(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, fallback_account: MockConfigEntry
) -> None:
    """Home Assistant asks no voice that is not available, so it is only when neither others nor its cache can help."""
    simulator.fail(Fault(path=SPEECH_PATH, status=401, json=DEAD_KEY.json, times=999))
    assert await speak(hass)
    assert hass.states.get("tts.ann").state != "unavailable"
    assert account.runtime_data.health.outage is Outage.KEY_REFUSED
    (voice_id,) = account.subentries
    voice = account.subentries[voice_id]
    alone = {key: value for key, value in voice.data.items() if key != "fallback"}
    hass.config_entries.async_update_subentry(account, voice, data=alone)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert hass.states.get("tts.ann").state != "unavailable"  # somebody may have mended it
    with pytest.raises(HomeAssistantError):
        await speak(hass)
    assert hass.states.get("tts.ann").state == "unavailable"
    simulator.reset()
    await pass_time(hass, 60)
    assert hass.states.get("tts.ann").state != "unavailable"
    assert await speak(hass)
    assert account.runtime_data.health.outage is None


async def test_renamed_stand_in_goes_on_speaking(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, fallback_account: MockConfigEntry
) -> None:
    """Who is renamed still speaks for others; who is removed is missed, and told of until another is chosen."""
    er.async_get(hass).async_update_entity("tts.ben", new_entity_id="tts.benjamin")
    await hass.async_block_till_done(wait_background_tasks=True)
    (voice,) = account.subentries.values()
    assert voice.data["fallback"] == ["tts.benjamin"]
    simulator.fail(OUTAGE)
    assert set(get_voices(await decode(await speak(hass)), SENTENCE)) == {FALLBACK_VOICE}
    assert not get_issue(hass, account, "stand_in_missing")
    await hass.config_entries.async_remove(fallback_account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    found = get_issue(hass, account, "stand_in_missing")
    assert found
    assert found.translation_placeholders["missing"] == "tts.benjamin"
    (voice,) = account.subentries.values()
    hass.config_entries.async_update_subentry(account, voice, data={**voice.data, "fallback": []})
    await hass.async_block_till_done(wait_background_tasks=True)
    assert not get_issue(hass, account, "stand_in_missing")
