"""Fallbacks speak when a voice fails, before its first audio and in the middle of a reply."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, ClassVar, override

from homeassistant.components import tts
from homeassistant.components.tts.const import DATA_COMPONENT, DATA_TTS_MANAGER
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from tests.simulator import Fault, Simulator
from tests.support.actions import call_action
from tests.support.audio import RATE, decode, decode_output, read_wav_stream
from tests.support.fallback import FALLBACK_VOICE, PRIMARY_VOICE, SENTENCES, LocalVoice, get_voices
from tests.support.flows import get_suggested_values
from tests.support.speech import (
    INVALID_KEY,
    OUT_OF_CREDIT,
    SPEECH_PATH,
    Hear,
    create_account,
    get_issue,
    get_sensor,
    load_account,
    speak,
    wait_for_speech_request,
)
from tests.support.streams import SATELLITE, SENTENCE, collect_all, stream_text
from tests.support.word_decoder import codes_of, heard_words


@pytest.fixture
def entry(simulator: Simulator) -> MockConfigEntry:
    """Return an account whose voice has a missing fallback and one of another account."""
    simulator.audio_mode = "tones"
    voice = {"model": "tts-1", "voice": "coral", "fallback": ["tts.nowhere", "tts.ben"]}
    return create_account(simulator, "openai", voice)


@pytest.fixture
async def fallback_account(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> MockConfigEntry:
    """Load the account of the fallback, at another provider; the two voices are fallbacks of each other."""
    entry = create_account(
        simulator, "speechbase", {"model": "openai/tts-1", "voice": "nova", "fallback": ["tts.ann"]}, "Ben"
    )
    return await load_account(hass, entry)


NOT_IMPLEMENTED = Fault(path=SPEECH_PATH, status=501, times=99)
FAULTS = {
    "invalid key": INVALID_KEY,
    "out of credit": OUT_OF_CREDIT,
    "invalid voice": Fault(path=SPEECH_PATH, status=400, json={"error": {"code": "invalid_voice"}}, times=99),
    "unknown model": Fault(path=SPEECH_PATH, status=404, json={"error": {"code": "model_not_found"}}, times=99),
    "not implemented": NOT_IMPLEMENTED,
    "no audio": Fault(path=SPEECH_PATH, body="<html>All is well</html>", times=99),
    "refused content": Fault(
        path=SPEECH_PATH, status=400, json={"error": {"code": "content_policy_violation"}}, times=99
    ),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize(
    "output_format", [{}, {"preferred_format": "flac"}, SATELLITE], ids=["mp3", "flac", "satellite"]
)
async def test_fallback(
    simulator: Simulator, fallback_account: MockConfigEntry, hear: Hear, fault: Fault, output_format: dict[str, Any]
) -> None:
    """After any error of the provider, the fallback speaks every word."""
    simulator.fail(fault)
    audio = await hear(SENTENCE, **output_format)
    sound = await decode_output(audio, output_format)
    assert set(get_voices(sound, SENTENCE)) == {FALLBACK_VOICE}


async def test_usage_of_cached_fallback(
    hass: HomeAssistant, simulator: Simulator, fallback_account: MockConfigEntry
) -> None:
    """Equal sentences of a message are charged once: a fallback speaks the first one, and the others are cached."""
    simulator.fail(NOT_IMPLEMENTED)
    message = " ".join([SENTENCE] * 60)
    response = await call_action(hass, "synthesize", message=message)
    assert response["spoken_by"] == ["tts.ben"]
    assert response["characters"] < len(message)
    assert str(response["characters"]) == get_sensor(hass, "characters_today", "speechbase").state


async def test_user_is_notified(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, fallback_account: MockConfigEntry
) -> None:
    """An empty balance opens an issue and an invalid API key starts reauthentication, although a fallback speaks."""
    simulator.fail(OUT_OF_CREDIT)
    assert await speak(hass)
    assert get_issue(hass, account, "out_of_credit")
    simulator.reset()
    simulator.fail(INVALID_KEY)
    account.runtime_data.health.async_record_credit()
    assert await speak(hass)
    assert [flow["context"]["source"] for flow in hass.config_entries.flow.async_progress()] == ["reauth"]


@pytest.mark.parametrize("output_format", [{}, SATELLITE], ids=["mp3", "satellite"])
async def test_fallback_in_middle_of_reply(
    simulator: Simulator, fallback_account: MockConfigEntry, hear: Hear, output_format: dict[str, Any]
) -> None:
    """The fallback speaks the rest of a reply, without repeating a word."""
    text = " ".join(SENTENCES)

    async def reply() -> AsyncGenerator[str]:
        yield f"{SENTENCES[0]} "
        yield f"{SENTENCES[1]} "
        await wait_for_speech_request(simulator)
        simulator.fail(OUT_OF_CREDIT)
        for sentence in SENTENCES[2:]:
            yield f"{sentence} "

    audio = await hear(reply(), **output_format)
    sound = await decode_output(audio, output_format)
    voices = get_voices(sound, text)
    assert voices == sorted(voices, key=[PRIMARY_VOICE, FALLBACK_VOICE].index)
    assert set(voices) == {PRIMARY_VOICE, FALLBACK_VOICE}


async def test_audio_of_fallback_is_not_cached(
    simulator: Simulator, fallback_account: MockConfigEntry, hear: Hear
) -> None:
    """The voice itself speaks again as soon as it can; the audio of its fallback is not cached for it."""
    simulator.fail(NOT_IMPLEMENTED)
    assert set(get_voices(await decode(await hear(SENTENCE)), SENTENCE)) == {FALLBACK_VOICE}
    simulator.reset()
    assert set(get_voices(await decode(await hear(SENTENCE)), SENTENCE)) == {PRIMARY_VOICE}
    requests = len(simulator.requests)
    await hear(SENTENCE)
    assert len(simulator.requests) == requests


async def test_all_voices_fail(
    hass: HomeAssistant, simulator: Simulator, fallback_account: MockConfigEntry, hear: Hear
) -> None:
    """Voices that are fallbacks of each other cause no endless loop; the first error is raised."""
    simulator.fail(NOT_IMPLEMENTED, Fault(path="*/speechbase/*", status=501, times=99))
    with pytest.raises(HomeAssistantError) as caught:
        await speak(hass)
    assert caught.value.translation_key == "not_implemented"
    assert not await hear("Another sentence.")


async def test_invalid_setting(hass: HomeAssistant, fallback_account: MockConfigEntry) -> None:
    """An invalid option of a call is an error; no fallback is used."""
    with pytest.raises(HomeAssistantError) as caught:
        await speak(hass, fallback="tts.ben")
    assert caught.value.translation_key == "invalid_setting"


async def test_truncated_audio(hass: HomeAssistant, simulator: Simulator, fallback_account: MockConfigEntry) -> None:
    """If the audio of a voice always breaks off, its fallback speaks from the start of the interrupted sentence."""
    simulator.fail(Fault(path=SPEECH_PATH, truncate_after=0.4, times=99))
    engine = tts.get_engine_instance(hass, "tts.ann")

    async def reply() -> AsyncGenerator[str]:
        yield f"{SENTENCES[0]} "
        await wait_for_speech_request(simulator)
        for sentence in SENTENCES[1:]:
            yield f"{sentence} "

    options = {**engine.default_options, **SATELLITE}
    response = await engine.async_stream_tts_audio(tts.TTSAudioRequest("en", options, reply()))
    words = heard_words(read_wav_stream(await collect_all(response.data_gen)).samples, RATE)
    text = codes_of(" ".join(SENTENCES))
    assert [word.code for word in words][-len(text) :] == text
    assert 0 < len(words) - len(text) < 2 * len(SENTENCES[0].split())
    assert words[0].voice == PRIMARY_VOICE
    assert {word.voice for word in words[-len(text) :]} == {FALLBACK_VOICE}


async def test_local_voice_as_fallback(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, hear: Hear
) -> None:
    """A local voice of another integration speaks when the provider cannot be reached."""
    recorded = await hear(SENTENCE, preferred_format="mp3", voice="nova")
    piper = LocalVoice(recorded)
    await hass.data[DATA_COMPONENT].async_add_entities([piper])
    simulator.fail(Fault(path="*", close=True, times=999))
    audio = await hear(SENTENCE, fallback=["tts.piper"])
    assert set(get_voices(await decode(audio), SENTENCE)) == {FALLBACK_VOICE}
    assert piper.messages == [SENTENCE]


class BrokenVoice(tts.TextToSpeechEntity):
    """A voice that never returns audio, or raises an unexpected error."""

    _attr_default_language = "en"
    _attr_supported_languages: ClassVar = ["en"]

    def __init__(self, name: str, error: Exception | None = None) -> None:
        """Initialize with the name, and the error to raise."""
        self._attr_name = self._attr_unique_id = name
        self._error = error

    @override
    async def async_get_tts_audio(self, message: str, language: str, options: dict[str, Any]) -> tts.TtsAudioType:
        """Raise the error, or wait for an hour."""
        if self._error:
            raise self._error
        await asyncio.sleep(3600)
        return None, None


@pytest.mark.parametrize("error", [None, KeyError("model")], ids=["timeout", "error"])
async def test_broken_fallback(
    hass: HomeAssistant,
    simulator: Simulator,
    fallback_account: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception | None,
) -> None:
    """A fallback that hangs or fails is replaced by the next fallback."""
    monkeypatch.setattr("custom_components.orator.fallback._AUDIO_TIMEOUT_S", 0.5)
    await hass.data[DATA_COMPONENT].async_add_entities([BrokenVoice("Hangs", error)])
    simulator.fail(NOT_IMPLEMENTED)
    async with asyncio.timeout(5):
        sound = await speak(hass, fallback=["tts.hangs", "tts.ben"])
    assert set(get_voices(await decode(sound), SENTENCE)) == {FALLBACK_VOICE}


@pytest.mark.parametrize("cut", [5, 20, 100, 450])
@pytest.mark.parametrize("output_format", [{}, SATELLITE], ids=["mp3", "satellite"])
async def test_audio_truncated_before_speech(
    simulator: Simulator, fallback_account: MockConfigEntry, hear: Hear, output_format: dict[str, Any], cut: int
) -> None:
    """The fallback speaks the whole text if only a few bytes arrived."""
    simulator.fail(Fault(path=SPEECH_PATH, truncate_after=cut, times=9))
    audio = await hear(SENTENCE, **output_format)
    sound = await decode_output(audio, output_format)
    assert set(get_voices(sound, SENTENCE)) == {FALLBACK_VOICE}


async def test_retry_after_with_fallback(simulator: Simulator, fallback_account: MockConfigEntry, hear: Hear) -> None:
    """With a fallback, a retry that the provider delays is not waited for."""
    simulator.fail(Fault(path=SPEECH_PATH, status=503, headers={"Retry-After": "9"}, times=99))
    started = asyncio.get_running_loop().time()
    assert await hear(SENTENCE)
    assert asyncio.get_running_loop().time() - started < 4


async def test_own_audio_stays_cached(simulator: Simulator, fallback_account: MockConfigEntry, hear: Hear) -> None:
    """The audio of the voice itself stays cached in every format, the audio of its fallback does not."""
    own = await hear(SENTENCE)
    simulator.fail(NOT_IMPLEMENTED)
    assert set(get_voices(await decode(await hear(SENTENCE, preferred_format="flac")), SENTENCE)) == {FALLBACK_VOICE}
    assert await hear(stream_text(SENTENCE))
    assert await hear(SENTENCE) == own
    simulator.reset()
    assert set(get_voices(await decode(await hear(SENTENCE, preferred_format="flac")), SENTENCE)) == {PRIMARY_VOICE}


async def test_streamed_reply_is_not_cached(
    hass: HomeAssistant, simulator: Simulator, fallback_account: MockConfigEntry, hear: Hear
) -> None:
    """A streamed reply is not stored on disk, also if a fallback speaks it."""
    simulator.fail(NOT_IMPLEMENTED)
    assert await hear(stream_text(*(f"{sentence} " for sentence in SENTENCES)))
    assert not hass.data[DATA_TTS_MANAGER].file_cache


async def test_form_refuses_fallback_loop(
    hass: HomeAssistant, account: MockConfigEntry, fallback_account: MockConfigEntry
) -> None:
    """The voice form names a fallback that has this voice as its own fallback, and refuses the voice itself."""
    (subentry_id,) = account.subentries
    result = await account.start_subentry_reconfigure_flow(hass, subentry_id)
    flow_id = result["flow_id"]
    form = await hass.config_entries.subentries.async_configure(flow_id, {"model": "tts-1"})
    assert form["data_schema"].schema["fallback"].config["exclude_entities"] == ["tts.ann"]
    entered = {"voice": "coral", "name": "Ann", "fallback": ["tts.ben"]}
    result = await hass.config_entries.subentries.async_configure(flow_id, entered)
    assert result["errors"] == {"fallback": "fallback_loop"}
    assert result["description_placeholders"]["voices"] == "Ben"
    er.async_get(hass).async_update_entity("tts.ann", new_entity_id="tts.anna")
    await hass.async_block_till_done(wait_background_tasks=True)
    result = await hass.config_entries.subentries.async_configure(flow_id, {**entered, "fallback": ["tts.anna"]})
    assert result["errors"] == {"fallback": "fallback_self"}
    assert get_suggested_values(result)["fallback"] == []
    result = await hass.config_entries.subentries.async_configure(flow_id, {**entered, "fallback": ["tts.piper"]})
    assert result["reason"] == "reconfigure_successful"
    assert account.subentries[subentry_id].data["fallback"] == ["tts.piper"]
