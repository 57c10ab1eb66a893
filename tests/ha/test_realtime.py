"""Voices of realtime models in Home Assistant."""

from collections.abc import AsyncGenerator
from math import inf
from typing import Any

from homeassistant.config_entries import SOURCE_USER
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from tests.simulator import ScriptedResponse, Simulator
from tests.simulator.realtime.script import CHAT
from tests.support.audio import RATE, decode, read_wav_stream
from tests.support.flows import get_choices, get_field_names, open_voice_form, submit_voice_form
from tests.support.speech import Hear, create_account, speak
from tests.support.streams import SATELLITE, SENTENCE
from tests.support.word_decoder import assert_spoken

MODEL = "gpt-realtime-2.1-mini"
TEXT = " ".join(f"Sentence number {number} of this rather long story goes on and on." for number in range(40))


@pytest.fixture
def entry(simulator: Simulator) -> MockConfigEntry:
    """Return an OpenAI account with a voice of a realtime model."""
    simulator.audio_mode = "tones"
    return create_account(simulator, "openai", {"model": MODEL, "voice": "marin", "instructions": "Calm."})


@pytest.mark.parametrize("preferred", ["mp3", "wav", "flac", "ogg"])
async def test_preferred_format(hear: Hear, preferred: str) -> None:
    """The whole message is spoken in the format that a player prefers."""
    audio = await hear(SENTENCE, preferred_format=preferred)
    assert_spoken((await decode(audio)).samples, RATE, SENTENCE)


async def test_long_text(simulator: Simulator, hear: Hear) -> None:
    """A long text is spoken in several responses over one session, each word once and in order."""
    audio = await hear(TEXT)
    assert_spoken((await decode(audio)).samples, RATE, TEXT)
    assert len(simulator.openai.realtime.connections) == 1
    assert all(len(response.text) <= 1000 for response in simulator.openai.realtime.responses)


async def test_streamed_reply_for_a_satellite(simulator: Simulator, hear: Hear) -> None:
    """A streamed reply is complete for a satellite, although one response answers the text and one is truncated."""
    simulator.openai.realtime.script_responses(
        ScriptedResponse(contains="number 0", says=CHAT), ScriptedResponse(contains="number 7", words=4)
    )
    sentences = [f"Sentence number {number} is not like the other ones, is it?" for number in range(8)]

    async def reply() -> AsyncGenerator[str]:
        for sentence in sentences:
            yield f"{sentence} "

    audio = await hear(reply(), **SATELLITE)
    assert_spoken(read_wav_stream(audio).samples, RATE, " ".join(sentences))


async def test_model_always_answers(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """A model that only answers the text is an error, and the error does not contain the text."""
    simulator.openai.realtime.script_responses(ScriptedResponse(says=CHAT, times=inf))
    with pytest.raises(HomeAssistantError) as caught:
        await speak(hass)
    assert caught.value.translation_key == "transcript_mismatch"
    assert "kettle" not in str(caught.value)


async def test_voice_form(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """The form of a realtime model offers its voices, and the formats that its PCM is converted to."""
    result: Any = await hass.config_entries.subentries.async_init(
        (account.entry_id, "voice"), context={"source": SOURCE_USER}
    )
    assert {MODEL, "gpt-realtime"} <= set(get_choices(result, "model"))
    form = await open_voice_form(hass, account, MODEL)
    assert get_field_names(form)[:5] == ["voice", "name", "fallback", "speed", "instructions"]
    assert get_choices(form, "format") == ["mp3", "wav"]
    assert "nova" not in get_choices(form, "voice")
    result = await submit_voice_form(hass, form, {"voice": "cedar", "format": "wav", "name": "Ben"})
    await hass.async_block_till_done()
    assert hass.states.get("tts.ben")


async def test_unload(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """Unloading the account closes its sessions."""
    assert await speak(hass)
    assert simulator.openai.realtime.open_connections == 1
    await hass.config_entries.async_unload(account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert not [session for session in simulator.openai.realtime.connections if not session.request.finished.is_set()]
