"""Limits of a request: texts that a provider refuses as too long, endless audio, and pauses that it asks for."""

from typing import Any

from homeassistant.components.tts.const import DATA_TTS_MANAGER
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.pipeline.synthesizer import RetryPolicy
from tests.simulator import Fault, Simulator
from tests.support.actions import call_action
from tests.support.audio import RATE, decode
from tests.support.fallback import FALLBACK_VOICE, PRIMARY_VOICE, SENTENCES, create_account_with_fallback, get_voices
from tests.support.speech import SPEECH_PATH, Hear, get_speech_requests, speak
from tests.support.streams import SENTENCE
from tests.support.word_decoder import assert_spoken

TEXT = " ".join(SENTENCES[:2])
TOO_LONG = [
    {"status": 413},
    {"status": 400, "json": {"error": {"type": "input_too_long", "message": "No"}}},
    {"status": 400, "json": {"error": {"code": "string_above_max_length", "message": "No"}}},
]


@pytest.fixture
def entry(simulator: Simulator) -> MockConfigEntry:
    """Return an account whose voice has a fallback of another account."""
    return create_account_with_fallback(simulator)


@pytest.mark.parametrize("refusal", TOO_LONG)
async def test_text_is_too_long(
    simulator: Simulator, fallback_account: MockConfigEntry, hear: Hear, refusal: dict[str, Any]
) -> None:
    """A text that the provider refuses as too long is divided, and so are the following ones from the start."""
    simulator.fail(Fault(path=SPEECH_PATH, **refusal))
    assert set(get_voices(await decode(await hear(TEXT)), TEXT)) == {PRIMARY_VOICE}
    texts = [body["input"] for body in get_speech_requests(simulator)]
    assert texts == [TEXT, *SENTENCES[:2]]
    other = " ".join(SENTENCES[2:4])
    assert set(get_voices(await decode(await hear(other)), other)) == {PRIMARY_VOICE}
    assert [body["input"] for body in get_speech_requests(simulator)][3:] == SENTENCES[2:4]


async def test_text_is_not_too_long(simulator: Simulator, fallback_account: MockConfigEntry, hear: Hear) -> None:
    """The fallback speaks if the provider refuses even a short text, and the limit is not remembered."""
    simulator.fail(Fault(path=SPEECH_PATH, status=413, times=9))
    assert set(get_voices(await decode(await hear(SENTENCE)), SENTENCE)) == {FALLBACK_VOICE}
    simulator.reset()
    assert set(get_voices(await decode(await hear(TEXT)), TEXT)) == {PRIMARY_VOICE}
    assert [body["input"] for body in get_speech_requests(simulator)] == [TEXT]


@pytest.mark.parametrize("output_format", [{}, {"preferred_format": "wav"}], ids=["mp3", "wav"])
async def test_endless_audio(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, hear: Hear, output_format: dict[str, Any]
) -> None:
    """Audio that does not end is interrupted at a limit that follows from the text, and is not cached."""
    audio = await hear(TEXT, **output_format, fallback=[])
    files = len(hass.data[DATA_TTS_MANAGER].file_cache)
    simulator.fail(Fault(path=SPEECH_PATH, body=audio, endless=audio, times=9))
    with pytest.raises(HomeAssistantError) as caught:
        await speak(hass, "Hi.", **output_format, fallback=[])
    assert caught.value.translation_key == "answer_too_large"
    assert simulator.requests[-1].sent < 8_000_000
    assert len(hass.data[DATA_TTS_MANAGER].file_cache) == files


@pytest.mark.parametrize("action", ["prepare", "synthesize"])
async def test_provider_asks_for_a_pause(  # noqa: PLR0913, PLR0917 - fixtures
    hass: HomeAssistant,
    simulator: Simulator,
    account: MockConfigEntry,
    hear: Hear,
    monkeypatch: pytest.MonkeyPatch,
    action: str,
) -> None:
    """A longer pause than a listener waits for is an error at once, but actions wait for it."""
    monkeypatch.setattr("custom_components.orator.pipeline.pipeline.ANNOUNCEMENT", RetryPolicy(0.2, max_attempts=5))
    busy = Fault(path=SPEECH_PATH, status=429, headers={"Retry-After": "1"})
    simulator.fail(busy)
    with pytest.raises(HomeAssistantError) as caught:
        await speak(hass, fallback=[])
    assert caught.value.translation_key == "rate_limited"
    simulator.fail(busy)
    message: dict[str, Any] = {"messages": [SENTENCE]} if action == "prepare" else {"message": SENTENCE}
    response = await call_action(hass, action, **message, options={"fallback": []})
    assert response.get("ok", True)
    assert_spoken((await decode(await hear(SENTENCE, fallback=[]))).samples, RATE, SENTENCE)
    assert len(get_speech_requests(simulator)) == 3
