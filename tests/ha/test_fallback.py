"""Other voices speak when an account can't: before the first sound, in the middle of a reply, whatever is wrong."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, ClassVar, override

from homeassistant.components import tts
from homeassistant.components.tts.const import DATA_COMPONENT, DATA_TTS_MANAGER
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from ..simulator import Fault, Simulator
from ..support.audio import RATE, decode, decode_output, read_wav_stream
from ..support.fallback import FALLBACK_VOICE, PRIMARY_VOICE, SENTENCES, SPEECH_PATH, LocalVoice, collect, get_voices
from ..support.speech import (
    SATELLITE,
    SENTENCE,
    Hear,
    create_account,
    get_issue,
    get_speech_requests,
    load_account,
    speak,
)
from ..support.word_decoder import codes_of, heard_words


@pytest.fixture
def entry(simulator: Simulator) -> MockConfigEntry:
    """Describe an account with a voice for which another account's voice speaks."""
    simulator.audio_mode = "tones"
    voice = {"model": "tts-1", "voice": "coral", "fallback": ["tts.nowhere", "tts.ben"]}
    return create_account(simulator, "openai", voice)


@pytest.fixture
async def fallback_account(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> MockConfigEntry:
    """Load the other account, which is at another service."""
    entry = create_account(
        simulator, "speechbase", {"model": "openai/tts-1", "voice": "nova", "fallback": ["tts.ann"]}, "Ben"
    )
    return await load_account(hass, entry)


FAULTS = [
    Fault(path=SPEECH_PATH, status=401, json={"error": {"code": "invalid_api_key"}}, times=99),
    Fault(path=SPEECH_PATH, status=429, json={"error": {"code": "insufficient_quota"}}, times=99),
    Fault(path=SPEECH_PATH, status=400, json={"error": {"code": "invalid_voice"}}, times=99),
    Fault(path=SPEECH_PATH, status=404, json={"error": {"code": "model_not_found"}}, times=99),
    Fault(path=SPEECH_PATH, status=501, times=99),
    Fault(path=SPEECH_PATH, body="<html>All is well</html>", times=99),
    Fault(path=SPEECH_PATH, status=400, json={"error": {"code": "content_policy_violation"}}, times=99),
]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("receiver", [{}, {"preferred_format": "flac"}, SATELLITE], ids=["mp3", "flac", "satellite"])
async def test_other_voice_says_it(
    simulator: Simulator, fallback_account: MockConfigEntry, hear: Hear, fault: Fault, receiver: dict[str, Any]
) -> None:
    """Whatever keeps the voice from speaking, every word is said by the next one."""
    simulator.fail(fault)
    audio = await hear(SENTENCE, **receiver)
    sound = await decode_output(audio, receiver)
    assert set(get_voices(sound, SENTENCE)) == {FALLBACK_VOICE}


async def test_user_is_told_all_the_same(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, fallback_account: MockConfigEntry
) -> None:
    """A dead key is replaced and an empty balance filled, though nobody misses a word."""
    simulator.fail(FAULTS[1])
    assert await speak(hass)
    assert get_issue(hass, account, "out_of_credit")
    simulator.reset()
    simulator.fail(FAULTS[0])
    account.runtime_data.health.async_record_credit()
    assert await speak(hass)
    assert [flow["context"]["source"] for flow in hass.config_entries.flow.async_progress()] == ["reauth"]


@pytest.mark.parametrize("receiver", [{}, SATELLITE], ids=["mp3", "satellite"])
async def test_other_voice_goes_on_in_the_middle_of_a_reply(
    simulator: Simulator, fallback_account: MockConfigEntry, hear: Hear, receiver: dict[str, Any]
) -> None:
    """What was said is not said again, and what was not is said by the next voice."""
    text = " ".join(SENTENCES)

    async def reply() -> AsyncGenerator[str]:
        yield f"{SENTENCES[0]} "
        yield f"{SENTENCES[1]} "
        while not get_speech_requests(simulator):  # noqa: ASYNC110 - the simulator does not tell
            await asyncio.sleep(0.05)
        simulator.fail(FAULTS[1])
        for sentence in SENTENCES[2:]:
            yield f"{sentence} "

    audio = await hear(reply(), **receiver)
    sound = await decode_output(audio, receiver)
    heard = get_voices(sound, text)
    assert heard == sorted(heard, key=[PRIMARY_VOICE, FALLBACK_VOICE].index)
    assert set(heard) == {PRIMARY_VOICE, FALLBACK_VOICE}


async def test_sound_of_others_is_not_kept(simulator: Simulator, fallback_account: MockConfigEntry, hear: Hear) -> None:
    """When the voice can speak again, it does: what another one has said is not played as its own."""
    simulator.fail(FAULTS[4])
    assert set(get_voices(await decode(await hear(SENTENCE)), SENTENCE)) == {FALLBACK_VOICE}
    simulator.reset()
    assert set(get_voices(await decode(await hear(SENTENCE)), SENTENCE)) == {PRIMARY_VOICE}
    asked = len(simulator.requests)
    await hear(SENTENCE)
    assert len(simulator.requests) == asked


async def test_nobody_can_speak(
    hass: HomeAssistant, simulator: Simulator, fallback_account: MockConfigEntry, hear: Hear
) -> None:
    """Voices that are fallbacks of each other cause no endless loop; the first error is raised."""
    simulator.fail(FAULTS[4], Fault(path="*/speechbase/*", status=501, times=99))
    with pytest.raises(HomeAssistantError) as caught:
        await speak(hass)
    assert caught.value.translation_key == "not_implemented"
    assert not await hear("Another sentence.")


async def test_impossible_setting_is_told(hass: HomeAssistant, fallback_account: MockConfigEntry) -> None:
    """A mistake in a call is told, not spoken over."""
    with pytest.raises(HomeAssistantError) as caught:
        await speak(hass, fallback="tts.ben")
    assert caught.value.translation_key == "invalid_setting"


async def test_sound_that_breaks_off(
    hass: HomeAssistant, simulator: Simulator, fallback_account: MockConfigEntry
) -> None:
    """Words that broke off can't be said again; what follows is said by the next voice, and the error at the end."""
    simulator.fail(Fault(path=SPEECH_PATH, truncate_after=60_000))
    engine = tts.get_engine_instance(hass, "tts.ann")

    async def reply() -> AsyncGenerator[str]:
        yield f"{SENTENCES[0]} "
        while not get_speech_requests(simulator):  # noqa: ASYNC110 - the simulator does not tell
            await asyncio.sleep(0.05)
        for sentence in SENTENCES[1:]:
            yield f"{sentence} "

    options = {**engine.default_options, **SATELLITE}
    response = await engine.async_stream_tts_audio(tts.TTSAudioRequest("en", options, reply()))
    chunks: list[bytes] = []
    with pytest.raises(HomeAssistantError) as caught:
        await collect(response.data_gen, chunks)
    assert caught.value.translation_key == "connection_lost"
    words = heard_words(read_wav_stream(b"".join(chunks)).samples, RATE)
    following = codes_of(" ".join(SENTENCES[1:]))
    assert [word.code for word in words][-len(following) :] == following
    assert 0 < len(words) - len(following) < len(SENTENCES[0].split())
    assert words[0].voice == PRIMARY_VOICE
    assert words[-1].voice == FALLBACK_VOICE


async def test_any_voice_of_home_assistant(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, hear: Hear
) -> None:
    """A local voice of another integration speaks, when the service can't be reached."""
    recorded = await hear(SENTENCE, preferred_format="mp3", voice="nova")
    piper = LocalVoice(recorded)
    await hass.data[DATA_COMPONENT].async_add_entities([piper])
    simulator.fail(Fault(path="*", close=True, times=999))
    audio = await hear(SENTENCE, fallback=["tts.piper"])
    assert set(get_voices(await decode(audio), SENTENCE)) == {FALLBACK_VOICE}
    assert piper.messages == [SENTENCE]


class Silent(tts.TextToSpeechEntity):
    """A voice that takes a text and never says anything, or fails in a way of its own."""

    _attr_default_language = "en"
    _attr_supported_languages: ClassVar = ["en"]

    def __init__(self, name: str, error: Exception | None = None) -> None:
        """Stay silent, or fail."""
        self._attr_name = self._attr_unique_id = name
        self._error = error

    @override
    async def async_get_tts_audio(self, message: str, language: str, options: dict[str, Any]) -> tts.TtsAudioType:
        """Say nothing."""
        if self._error:
            raise self._error
        await asyncio.sleep(3600)
        return None, None


@pytest.mark.parametrize("error", [None, KeyError("model")])
async def test_voice_that_does_not_answer_is_passed_over(
    hass: HomeAssistant,
    simulator: Simulator,
    fallback_account: MockConfigEntry,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception | None,
) -> None:
    """Whatever is wrong with a voice that is to take over, the one after it does."""
    monkeypatch.setattr("custom_components.orator.fallback._AUDIO_TIMEOUT_S", 0.5)
    await hass.data[DATA_COMPONENT].async_add_entities([Silent("Hangs", error)])
    simulator.fail(FAULTS[4])
    async with asyncio.timeout(5):
        sound = await speak(hass, fallback=["tts.hangs", "tts.ben"])
    assert set(get_voices(await decode(sound), SENTENCE)) == {FALLBACK_VOICE}


@pytest.mark.parametrize("cut", [5, 20, 100, 450])
@pytest.mark.parametrize("receiver", [{}, SATELLITE], ids=["mp3", "satellite"])
async def test_sound_that_breaks_off_before_it_is_heard(
    simulator: Simulator, fallback_account: MockConfigEntry, hear: Hear, receiver: dict[str, Any], cut: int
) -> None:
    """A few bytes are no sound: the next voice says it all."""
    simulator.fail(Fault(path=SPEECH_PATH, truncate_after=cut, times=9))
    audio = await hear(SENTENCE, **receiver)
    sound = await decode_output(audio, receiver)
    assert set(get_voices(sound, SENTENCE)) == {FALLBACK_VOICE}


async def test_service_that_is_slow_to_fail(
    simulator: Simulator, fallback_account: MockConfigEntry, hear: Hear
) -> None:
    """Where somebody else can speak, nobody waits for a service that may come back."""
    simulator.fail(Fault(path=SPEECH_PATH, status=503, headers={"Retry-After": "9"}, times=99))
    started = asyncio.get_running_loop().time()
    assert await hear(SENTENCE)
    assert asyncio.get_running_loop().time() - started < 4


async def test_only_what_others_said_is_forgotten(
    simulator: Simulator, fallback_account: MockConfigEntry, hear: Hear
) -> None:
    """What the voice has said itself stays, in every format; what another one has said in its place does not."""
    own = await hear(SENTENCE)
    simulator.fail(FAULTS[4])
    assert set(get_voices(await decode(await hear(SENTENCE, preferred_format="flac")), SENTENCE)) == {FALLBACK_VOICE}

    async def reply() -> AsyncGenerator[str]:
        yield SENTENCE

    assert await hear(reply())
    assert await hear(SENTENCE) == own
    simulator.reset()
    assert set(get_voices(await decode(await hear(SENTENCE, preferred_format="flac")), SENTENCE)) == {PRIMARY_VOICE}


async def test_reply_is_kept_nowhere(
    hass: HomeAssistant, simulator: Simulator, fallback_account: MockConfigEntry, hear: Hear
) -> None:
    """What Assist says is written to no file, also where another voice says it."""
    simulator.fail(FAULTS[4])

    async def reply() -> AsyncGenerator[str]:
        for sentence in SENTENCES:
            yield f"{sentence} "
            await asyncio.sleep(0.02)

    assert await hear(reply())
    assert not hass.data[DATA_TTS_MANAGER].file_cache


async def test_loop_is_refused_by_the_form(
    hass: HomeAssistant, account: MockConfigEntry, fallback_account: MockConfigEntry
) -> None:
    """A voice can't be given one that would have it speak in turn."""
    (subentry_id,) = account.subentries
    result = await account.start_subentry_reconfigure_flow(hass, subentry_id)
    flow_id = result["flow_id"]
    await hass.config_entries.subentries.async_configure(flow_id, {"model": "tts-1"})
    entered = {"voice": "coral", "name": "Ann", "format": "mp3", "fallback": ["tts.ben"]}
    result = await hass.config_entries.subentries.async_configure(flow_id, entered)
    assert result["errors"] == {"fallback": "fallback_loop"}
    result = await hass.config_entries.subentries.async_configure(flow_id, {**entered, "fallback": ["tts.piper"]})
    assert result["reason"] == "reconfigure_successful"
    assert account.subentries[subentry_id].data["fallback"] == ["tts.piper"]
