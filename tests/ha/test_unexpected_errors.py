"""Whatever is wrong with Orator or has changed in Home Assistant, somebody speaks."""

import asyncio
import logging
from typing import Any, NoReturn, override

from aiohttp.abc import AbstractResolver
from homeassistant.components import tts
from homeassistant.components.tts.const import DATA_TTS_MANAGER
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.providers.errors import error_translation_keys
from custom_components.orator.tts_cache import async_discard, cache_key, has_cached_speech, is_in_memory, is_on_disk

from ..simulator import Fault, Simulator
from ..support.audio import decode
from ..support.fallback import FALLBACK_VOICE, SPEECH_PATH, get_voices
from ..support.resolver import replace_resolver
from ..support.speech import SENTENCE, Hear, create_account, get_speech_requests, speak

SECRET = "sk-secret"


class Confused(AbstractResolver):
    """Fails to look up names, at last in a way in which it never should."""

    def __init__(self) -> None:
        """Fail as usual at first."""
        self.error: Exception = OSError()

    @override
    async def resolve(self, *_: Any, **__: Any) -> NoReturn:
        """Fail."""
        raise self.error

    @override
    async def close(self) -> None:
        """Hold nothing."""


class Otherwise:
    """Home Assistant's speech, of which nobody can see how it is kept."""

    def __init__(self, manager: tts.SpeechManager) -> None:
        """Stand before what there is."""
        self._manager = manager

    def __getattr__(self, name: str) -> Any:
        """Return what has stayed the same."""
        if name in {"mem_cache", "file_cache", "cache_dir"}:
            raise AttributeError(name)
        return getattr(self._manager, name)


@pytest.fixture
def entry(simulator: Simulator) -> MockConfigEntry:
    """Describe an account with a voice for which another account's voice speaks."""
    simulator.audio_mode = "tones"
    return create_account(simulator, "openai", {"model": "tts-1", "voice": "coral", "fallback": ["tts.ben"]})


@pytest.fixture
async def confused(hass: HomeAssistant, account: MockConfigEntry, fallback_account: MockConfigEntry) -> None:
    """Let the name of the voice's server lead to an error that nobody has thought of."""
    replace_resolver(hass, resolver := Confused())
    data = {**account.data, "base_url": "https://speech.invalid/v1"}
    hass.config_entries.async_update_entry(account, data=data)
    await hass.async_block_till_done(wait_background_tasks=True)
    resolver.error = LookupError(f"{SENTENCE} {SECRET}")


async def test_error_that_nobody_has_thought_of(
    hass: HomeAssistant, confused: None, hear: Hear, caplog: pytest.LogCaptureFixture
) -> None:
    """The stand-in speaks; the log tells where it happened, and nothing that the error says."""
    caplog.clear()
    assert set(get_voices(await decode(await hear(SENTENCE)), SENTENCE)) == {FALLBACK_VOICE}
    (told,) = [record for record in caplog.records if record.name.startswith("custom_components.orator")]
    assert (told.levelno, "LookupError" in told.getMessage()) == (logging.ERROR, True)
    assert "test_unexpected_errors.py" in told.getMessage()
    logged = "".join(logging.Formatter().format(record) for record in caplog.records)
    assert SENTENCE not in logged
    assert SECRET not in logged


async def test_error_that_nobody_has_thought_of_is_told(hass: HomeAssistant, confused: None) -> None:
    """Without a stand-in the user is told, in words that a report can name."""
    with pytest.raises(HomeAssistantError) as error:
        await speak(hass, fallback=[])
    assert (error.value.translation_domain, error.value.translation_key) == ("orator", "unexpected")
    assert "LookupError" in str(error.value)


async def test_listener_that_fails_keeps_nobody_silent(
    simulator: Simulator, account: MockConfigEntry, fallback_account: MockConfigEntry, hear: Hear
) -> None:
    """What shows figures and states may break; speech goes on, by whoever can speak."""

    @callback
    def broken() -> NoReturn:
        raise RuntimeError

    account.runtime_data.usage.async_add_listener(broken)
    account.runtime_data.health.async_add_listener(broken)
    assert await hear(SENTENCE)
    simulator.fail(Fault(path=SPEECH_PATH, status=401, json={"error": {"code": "invalid_api_key"}}, times=99))
    text = f"{SENTENCE} Come and have a cup."
    assert set(get_voices(await decode(await hear(text)), text)) == {FALLBACK_VOICE}


async def test_error_of_another_version_is_forgotten(
    hass: HomeAssistant, hass_storage: dict[str, Any], entry: MockConfigEntry
) -> None:
    """A name that this version does not know is none of the sensor's options, which Home Assistant would refuse."""
    (voice_id,) = entry.subentries
    experiences = {voice_id: {"first_sound": 0.5, "last_error": "eaten_by_the_dog"}}
    total = {"since": "2026-11-01"}
    key = f"orator.{entry.entry_id}.usage"
    data = {"usage": {"today": total, "month": total}, "voices": experiences}
    hass_storage[key] = {"version": 1, "minor_version": 1, "key": key, "data": data}
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    experience = entry.runtime_data.usage.last_synthesis(voice_id)
    assert (experience.first_sound, experience.last_error) == (0.5, None)
    assert "eaten_by_the_dog" not in error_translation_keys()


async def test_home_assistant_that_keeps_speech_otherwise(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, fallback_account: MockConfigEntry
) -> None:
    """What can't be known of its cache is not known, and nobody falls silent for that."""
    simulator.fail(Fault(path=SPEECH_PATH, status=401, json={"error": {"code": "invalid_api_key"}}, times=99))
    hass.data[DATA_TTS_MANAGER] = Otherwise(hass.data[DATA_TTS_MANAGER])  # type: ignore[assignment]
    assert set(get_voices(await decode(await speak(hass)), SENTENCE)) == {FALLBACK_VOICE}
    assert hass.states.get("tts.ann").state != "unavailable"
    assert has_cached_speech(hass, "tts.ann")
    key = cache_key("tts.ann", SENTENCE, "en", {})
    assert not is_in_memory(hass, key)
    assert not is_on_disk(hass, key)
    async_discard(hass, SENTENCE, "tts.ann")


async def test_key_that_was_replaced_while_somebody_spoke(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry
) -> None:
    """What is said with the old key may still fail; nobody is asked for the new one again."""
    simulator.fail(Fault(path=SPEECH_PATH, delay=1, status=401, json={"error": {"code": "invalid_api_key"}}))
    speaking = hass.async_create_task(speak(hass, fallback=[]))
    while not get_speech_requests(simulator):  # noqa: ASYNC110 - the simulator does not tell
        await asyncio.sleep(0.02)
    simulator.api_key = "sk-another"
    hass.config_entries.async_update_entry(account, data={**account.data, "api_key": simulator.api_key})
    await asyncio.sleep(0.3)
    with pytest.raises(HomeAssistantError):
        await speaking
    await hass.async_block_till_done(wait_background_tasks=True)
    assert await speak(hass)
    assert not hass.config_entries.flow.async_progress()
