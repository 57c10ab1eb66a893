"""Speech stays audible: hedged requests, detection of silent and truncated audio, and renamed fallbacks."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from homeassistant.components import tts
from homeassistant.components.tts.const import DATA_COMPONENT, DATA_TTS_MANAGER
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.audio import wav
from custom_components.orator.audio.formats import PcmLayout
from tests.simulator import Fault, Simulator
from tests.support.audio import RATE, decode, decode_output, read_wav_stream
from tests.support.fallback import (
    FALLBACK_VOICE,
    PRIMARY_VOICE,
    SENTENCES,
    LocalVoice,
    create_account_with_fallback,
    get_voices,
)
from tests.support.speech import SPEECH_PATH, Hear, get_issue, get_speech_requests, speak, wait_for_speech_request
from tests.support.streams import SATELLITE, SENTENCE, collect
from tests.support.word_decoder import heard_words

TEXT = " ".join(SENTENCES)
SILENT_WAV = wav.make_header(PcmLayout(24_000), 96_000) + bytes(96_000)


@pytest.fixture
def entry(simulator: Simulator) -> MockConfigEntry:
    """Return an account whose voice has a fallback of another account."""
    return create_account_with_fallback(simulator)


@pytest.fixture
def short_hedge_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the time after which the fallback is asked as well."""
    monkeypatch.setattr(
        "custom_components.orator.pipeline.synthesizer._HEDGE_DELAY_RANGES_S", {True: (0.3, 0.3), False: (0.3, 0.3)}
    )


@pytest.mark.parametrize("output_format", [{}, {"preferred_format": "wav"}, SATELLITE], ids=["mp3", "wav", "satellite"])
async def test_request_without_answer(
    simulator: Simulator,
    fallback_account: MockConfigEntry,
    hear: Hear,
    short_hedge_delay: None,
    output_format: dict[str, Any],
) -> None:
    """The fallback speaks if the voice does not begin within the hedge delay."""
    simulator.fail(Fault(path=SPEECH_PATH, delay=30, times=9))
    async with asyncio.timeout(6):
        audio = await hear(SENTENCE, **output_format)
    sound = await decode_output(audio, output_format)
    assert set(get_voices(sound, SENTENCE)) == {FALLBACK_VOICE}


async def test_slow_voice(
    simulator: Simulator, fallback_account: MockConfigEntry, hear: Hear, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fallback speaks as well if the voice would begin after the hedge delay."""
    monkeypatch.setattr(
        "custom_components.orator.pipeline.synthesizer._HEDGE_DELAY_RANGES_S", {True: (1.0, 1.0), False: (1.0, 1.0)}
    )
    simulator.fail(Fault(path=SPEECH_PATH, delay=2.5))
    assert set(get_voices(await decode(await hear(SENTENCE)), SENTENCE)) == {FALLBACK_VOICE}


async def test_two_requests_at_most(
    hass: HomeAssistant, simulator: Simulator, fallback_account: MockConfigEntry, hear: Hear, short_hedge_delay: None
) -> None:
    """A third voice is asked only after one of two has failed, so that a slow network costs no third request."""
    piper = LocalVoice(await hear("Another one.", voice="nova"))
    await hass.data[DATA_COMPONENT].async_add_entities([piper])
    simulator.fail(Fault(path=SPEECH_PATH, delay=1.5), Fault(path="*/speechbase/*", method="POST", delay=5, times=9))
    audio = await hear(SENTENCE, fallback=["tts.ben", "tts.piper"])
    assert set(get_voices(await decode(audio), SENTENCE)) == {PRIMARY_VOICE}
    assert not piper.messages


async def test_first_audio_wins(
    simulator: Simulator, fallback_account: MockConfigEntry, hear: Hear, short_hedge_delay: None
) -> None:
    """Only the voice with the first audio is played, even if that is the slow voice itself."""
    simulator.fail(Fault(path=SPEECH_PATH, delay=0.6), Fault(path="*/speechbase/*", method="POST", delay=5, times=9))
    assert set(get_voices(await decode(await hear(SENTENCE)), SENTENCE)) == {PRIMARY_VOICE}


async def test_slow_voice_with_failing_fallback(
    simulator: Simulator, fallback_account: MockConfigEntry, hear: Hear, short_hedge_delay: None
) -> None:
    """A slow voice is still played if the fallback that was asked as well fails."""
    simulator.fail(Fault(path=SPEECH_PATH, delay=1), Fault(path="*/speechbase/*", method="POST", status=501, times=9))
    assert set(get_voices(await decode(await hear(SENTENCE)), SENTENCE)) == {PRIMARY_VOICE}


async def test_request_without_answer_in_middle_of_reply(
    simulator: Simulator, fallback_account: MockConfigEntry, hear: Hear, short_hedge_delay: None
) -> None:
    """The fallback speaks the rest of a reply whose next request is not answered, without repeating a word."""

    async def reply() -> AsyncGenerator[str]:
        yield f"{SENTENCES[0]} "
        await wait_for_speech_request(simulator)
        simulator.fail(Fault(path=SPEECH_PATH, delay=30, times=9))
        for sentence in SENTENCES[1:]:
            yield f"{sentence} "

    async with asyncio.timeout(20):
        sound = read_wav_stream(await hear(reply(), **SATELLITE))
    voices = get_voices(sound, TEXT)
    assert voices == sorted(voices, key=[PRIMARY_VOICE, FALLBACK_VOICE].index)
    assert set(voices) == {PRIMARY_VOICE, FALLBACK_VOICE}


@pytest.mark.parametrize("output_format", [{}, {"preferred_format": "wav"}, SATELLITE], ids=["mp3", "wav", "satellite"])
async def test_silent_audio(
    simulator: Simulator, fallback_account: MockConfigEntry, hear: Hear, output_format: dict[str, Any]
) -> None:
    """The fallback speaks if the audio of the voice is silent."""
    simulator.fail(Fault(path=SPEECH_PATH, body=SILENT_WAV, headers={"Content-Type": "audio/wav"}, times=9))
    audio = await hear(SENTENCE, **output_format)
    sound = await decode_output(audio, output_format)
    assert set(get_voices(sound, SENTENCE)) == {FALLBACK_VOICE}


async def test_silent_audio_without_fallback(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, hear: Hear
) -> None:
    """Without a working fallback, silent audio is an error and is not cached."""
    simulator.fail(Fault(path=SPEECH_PATH, body=SILENT_WAV, times=9))
    with pytest.raises(HomeAssistantError) as caught:
        await speak(hass)
    assert caught.value.translation_key == "silent"
    assert not await hear()
    assert not hass.data[DATA_TTS_MANAGER].file_cache
    simulator.reset()
    assert get_voices(await decode(await hear()), SENTENCE)


async def test_truncated_wav(simulator: Simulator, fallback_account: MockConfigEntry, hear: Hear) -> None:
    """The fallback speaks the whole text after a truncated WAV, of which the player has played nothing."""
    simulator.fail(Fault(path=SPEECH_PATH, truncate_after=60_000, times=9))
    sound = await decode(await hear(TEXT, preferred_format="wav"))
    assert set(get_voices(sound, TEXT)) == {FALLBACK_VOICE}


async def test_truncated_wav_without_fallback(simulator: Simulator, account: MockConfigEntry, hear: Hear) -> None:
    """Without a fallback the voice itself is asked again."""
    simulator.fail(Fault(path=SPEECH_PATH, truncate_after=60_000))
    sound = await decode(await hear(TEXT, preferred_format="wav", fallback=[]))
    assert set(get_voices(sound, TEXT)) == {PRIMARY_VOICE}


async def test_wav_that_is_always_truncated(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry
) -> None:
    """The start of a WAV that is truncated in every attempt is played, and the error is raised."""
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


async def test_incomplete_wav_in_complete_response(
    simulator: Simulator, fallback_account: MockConfigEntry, hear: Hear
) -> None:
    """A complete response with an incomplete WAV is requested once more."""
    complete = await hear(SENTENCE, preferred_format="wav")
    simulator.fail(Fault(path=SPEECH_PATH, body=complete[: len(complete) // 2], headers={"Content-Type": "audio/wav"}))
    sound = await decode(await hear(f"{SENTENCE} {SENTENCE}", preferred_format="wav", sentence_cache=False))
    assert set(get_voices(sound, f"{SENTENCE} {SENTENCE}")) == {PRIMARY_VOICE}
    assert len(get_speech_requests(simulator)) == 2 + 1


async def test_renamed_and_removed_fallback(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, fallback_account: MockConfigEntry
) -> None:
    """A renamed fallback still speaks; a removed one opens an issue until the voice has other fallbacks."""
    er.async_get(hass).async_update_entity("tts.ben", new_entity_id="tts.benjamin")
    await hass.async_block_till_done(wait_background_tasks=True)
    (voice,) = account.subentries.values()
    assert voice.data["fallback"] == ["tts.benjamin"]
    simulator.fail(Fault(path=SPEECH_PATH, status=503, json={"error": {"type": "server_error"}}, times=999))
    assert set(get_voices(await decode(await speak(hass)), SENTENCE)) == {FALLBACK_VOICE}
    assert not get_issue(hass, account, "fallback_missing")
    await hass.config_entries.async_remove(fallback_account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    found = get_issue(hass, account, "fallback_missing")
    assert found
    assert found.translation_placeholders["missing"] == "tts.benjamin"
    (voice,) = account.subentries.values()
    hass.config_entries.async_update_subentry(account, voice, data={**voice.data, "fallback": []})
    await hass.async_block_till_done(wait_background_tasks=True)
    assert not get_issue(hass, account, "fallback_missing")
