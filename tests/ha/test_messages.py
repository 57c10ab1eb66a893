"""Messages name the voice, its account and the reason; costs are plain numbers."""

import re
from unittest.mock import AsyncMock

from homeassistant.components import tts
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.audio.formats import AudioFormat
from custom_components.orator.diagnostics import async_get_config_entry_diagnostics
from custom_components.orator.fallback import create_fallbacks
from custom_components.orator.issues import translate_error
from custom_components.orator.providers.base import SynthesisRequest
from custom_components.orator.providers.errors import FallbackFailedError
from tests.simulator import Fault, Simulator
from tests.support.actions import call_action
from tests.support.fallback import LocalVoice
from tests.support.speech import (
    INVALID_KEY,
    SPEECH_PATH,
    create_account,
    get_issue,
    get_sensor,
    load_account,
    speak,
)
from tests.support.streams import SENTENCE, collect_all

LONG_SENTENCE = (
    "The ferry to the island leaves at seven and carries two hundred people with bicycles, dogs and plenty of luggage."
)


@pytest.fixture
async def nanogpt(hass: HomeAssistant, simulator: Simulator) -> MockConfigEntry:
    """Load an account with prices, whose voice is `tts.bea`."""
    entry = create_account(simulator, "nanogpt", {"model": "Kokoro-82m", "voice": "af_bella"}, "Bea")
    return await load_account(hass, entry)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"language": "tlh"}, "Ann (OpenAI) does not speak tlh."),
        ({"options": {"loudnes": 3}}, "Ann (OpenAI) does not have these options: loudnes."),
        ({"options": {"preferred_format": "mp4"}}, "Ann (OpenAI): The value of preferred_format is invalid"),
        ({"options": {"speed": 99}}, "Ann (OpenAI): The value of speed is invalid"),
    ],
)
async def test_invalid_action(
    hass: HomeAssistant, account: MockConfigEntry, data: dict[str, str], message: str
) -> None:
    """An invalid action is an error that names the voice and its account instead of the entity ID."""
    with pytest.raises(ServiceValidationError, match=f"^{re.escape(message)}"):
        await call_action(hass, "synthesize", message=SENTENCE, **data)


async def test_renamed_voice(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """A voice that the user has renamed has its new name in messages."""
    er.async_get(hass).async_update_entity("tts.ann", name="Butler")
    await hass.async_block_till_done()
    with pytest.raises(ServiceValidationError, match=r"Butler \(OpenAI\) does not speak tlh\."):
        await call_action(hass, "synthesize", message=SENTENCE, language="tlh")


@pytest.mark.parametrize(
    ("fault", "text", "key", "message"),
    [
        (INVALID_KEY, SENTENCE, "invalid_key", "127.0.0.1 rejected the account's API key. Reconfigure the account"),
        (
            Fault(path=SPEECH_PATH, status=503, times=99),
            SENTENCE,
            "provider_fault",
            "127.0.0.1 reports an internal error (HTTP 503). Try again later",
        ),
        (
            Fault(path=SPEECH_PATH, ends_after=0.05, times=99),
            LONG_SENTENCE,
            "audio_too_short",
            "The audio from 127.0.0.1 is far too short for the text, so words are missing. Try again",
        ),
    ],
)
async def test_failed_speech(  # noqa: PLR0913, PLR0917
    hass: HomeAssistant,
    simulator: Simulator,
    account: MockConfigEntry,
    fault: Fault,
    text: str,
    key: str,
    message: str,
) -> None:
    """A failure names the voice, its account, the reason and what to do; the sensor, which is enabled, shows it."""
    simulator.fail(fault)
    with pytest.raises(HomeAssistantError, match=f"^{re.escape(f'Ann (OpenAI): {message}')}"):
        await call_action(hass, "synthesize", message=text)
    state = get_sensor(hass, "last_error", "ann")
    assert state.state == key
    assert key in state.attributes["options"]


async def test_truncated_wav(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """A complete response whose WAV lacks its end is an error of its own."""
    complete = await speak(hass, SENTENCE, preferred_format="wav")
    body = complete[: len(complete) // 2]
    simulator.fail(Fault(path=SPEECH_PATH, body=body, headers={"Content-Type": "audio/wav"}, times=99))
    with pytest.raises(HomeAssistantError, match=r"^Ann \(OpenAI\): The audio from 127\.0\.0\.1 is incomplete"):
        await speak(hass, f"{SENTENCE} {SENTENCE}", preferred_format="wav", sentence_cache=False)
    assert get_sensor(hass, "last_error", "ann").state == "audio_truncated"


async def test_failed_fallback(hass: HomeAssistant, account: MockConfigEntry, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error of a fallback names it."""
    monkeypatch.setattr(LocalVoice, "async_get_tts_audio", AsyncMock(side_effect=HomeAssistantError))
    await hass.data[tts.DATA_COMPONENT].async_add_entities([LocalVoice(b"")])
    (fallback,) = create_fallbacks(hass, ["tts.piper"], "tts.ann", "en", AudioFormat.MP3, is_critical=lambda: False)
    with pytest.raises(FallbackFailedError) as caught:
        async with fallback.synthesize(SENTENCE, is_reply=False) as audio:
            await collect_all(audio.data)
    error = HomeAssistantError(**translate_error(caught.value, account.runtime_data.provider, "Ann (OpenAI)"))
    assert str(error).startswith("Ann (OpenAI): The fallback voice Piper failed, too.")


async def test_disabled_fallback(hass: HomeAssistant, simulator: Simulator, nanogpt: MockConfigEntry) -> None:
    """The issue about a disabled fallback has the fallback's name and account."""
    voice = {"model": "tts-1", "voice": "coral", "fallback": ["tts.bea", "tts.nowhere"]}
    account = await load_account(hass, create_account(simulator, "openai", voice))
    er.async_get(hass).async_update_entity("tts.bea", disabled_by=er.RegistryEntryDisabler.USER)
    await hass.async_block_till_done(wait_background_tasks=True)
    found = get_issue(hass, account, "fallback_missing")
    assert found
    assert found.translation_placeholders["missing"] == "Bea (NanoGPT), tts.nowhere"


async def test_cost_is_plain(hass: HomeAssistant, nanogpt: MockConfigEntry, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small cost is shown without rounding errors in the response and diagnostics, and without an exponent."""
    assert get_sensor(hass, "spent_today").state == "0"
    monkeypatch.setattr(SynthesisRequest, "charge", lambda request, *_: request.charge_estimate(1.3199999999999997e-05))
    speech = await hass.services.async_call(
        "orator",
        "synthesize",
        {"message": SENTENCE},
        target={"entity_id": "tts.bea"},
        blocking=True,
        return_response=True,
    )
    assert speech["tts.bea"]["cost"] == 0.0000132
    spent = get_sensor(hass, "spent_today")
    assert (spent.state, spent.attributes["estimated"]) == ("0.0000132", 0.0000132)
    usage = (await async_get_config_entry_diagnostics(hass, nanogpt))["usage"]
    assert [(total["cost"], total["estimated"]) for total in usage.values()] == [(0.0000132, 0.0000132)] * 2
