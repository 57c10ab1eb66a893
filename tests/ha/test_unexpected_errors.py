"""Unexpected errors, also those of a changed Home Assistant, do not prevent speech."""

import asyncio
import logging
from types import SimpleNamespace
from typing import Any, NoReturn

from homeassistant.components import tts
from homeassistant.components.tts.const import DATA_TTS_MANAGER
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, flush_store

from custom_components.orator import tts_cache
from custom_components.orator.providers.errors import error_translation_keys
from custom_components.orator.tts_cache import async_discard, cache_key, has_cached_speech, is_in_memory, is_on_disk
from tests.simulator import Fault, Simulator
from tests.support.audio import decode
from tests.support.fallback import FALLBACK_VOICE, create_account_with_fallback, get_voices
from tests.support.resolvers import FailingResolver
from tests.support.speech import (
    INVALID_KEY,
    SPEECH_PATH,
    Hear,
    replace_resolver,
    speak,
    wait_for_speech_request,
    write_store,
)
from tests.support.streams import SENTENCE

SECRET = "sk-secret"


class ManagerWithoutCache:
    """Home Assistant's speech manager without the attributes of its cache."""

    def __init__(self, manager: tts.SpeechManager) -> None:
        """Initialize with the manager that has the other attributes."""
        self._manager = manager

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the manager, unless it belongs to the cache."""
        if name in {"mem_cache", "file_cache", "cache_dir"}:
            raise AttributeError(name)
        return getattr(self._manager, name)


@pytest.fixture
def entry(simulator: Simulator) -> MockConfigEntry:
    """Return an account whose voice has a fallback of another account."""
    return create_account_with_fallback(simulator)


@pytest.fixture
async def unexpected_error(hass: HomeAssistant, account: MockConfigEntry, fallback_account: MockConfigEntry) -> None:
    """Make every request of the voice raise an error that resolvers do not raise."""
    replace_resolver(hass, resolver := FailingResolver())
    data = {**account.data, "base_url": "https://speech.invalid/v1"}
    hass.config_entries.async_update_entry(account, data=data)
    await hass.async_block_till_done(wait_background_tasks=True)
    resolver.error = LookupError(f"{SENTENCE} {SECRET}")


async def test_unexpected_error(
    hass: HomeAssistant, unexpected_error: None, hear: Hear, caplog: pytest.LogCaptureFixture
) -> None:
    """The fallback speaks; the log has the type and place of the error, but not its message."""
    caplog.clear()
    assert set(get_voices(await decode(await hear(SENTENCE)), SENTENCE)) == {FALLBACK_VOICE}
    (record,) = [record for record in caplog.records if record.name.startswith("custom_components.orator")]
    assert (record.levelno, "LookupError" in record.getMessage()) == (logging.ERROR, True)
    assert "resolvers.py" in record.getMessage()
    logged = "".join(logging.Formatter().format(record) for record in caplog.records)
    assert SENTENCE not in logged
    assert SECRET not in logged


async def test_unexpected_error_without_fallback(hass: HomeAssistant, unexpected_error: None) -> None:
    """Without a fallback the error names the type of the exception, for a bug report."""
    with pytest.raises(HomeAssistantError) as error:
        await speak(hass, fallback=[])
    assert (error.value.translation_domain, error.value.translation_key) == ("orator", "unexpected")
    assert "LookupError" in str(error.value)


async def test_failing_listener(
    simulator: Simulator, account: MockConfigEntry, fallback_account: MockConfigEntry, hear: Hear
) -> None:
    """Speech and fallbacks work although the listeners of usage and health fail."""

    @callback
    def broken() -> NoReturn:
        raise RuntimeError

    account.runtime_data.usage.async_add_listener(broken)
    account.runtime_data.health.async_add_listener(broken)
    assert await hear(SENTENCE)
    simulator.fail(INVALID_KEY)
    text = "Coffee is ready. Come and have a cup."
    assert set(get_voices(await decode(await hear(text)), text)) == {FALLBACK_VOICE}


async def test_stored_error_of_other_version(
    hass: HomeAssistant, hass_storage: dict[str, Any], entry: MockConfigEntry
) -> None:
    """A stored error that this version does not know is ignored, as it is no option of the sensor."""
    (voice_id,) = entry.subentries
    stored_voices = {voice_id: {"first_sound": 0.5, "last_error": "eaten_by_the_dog"}}
    total = {"since": "2026-11-01"}
    key = f"orator.{entry.entry_id}.usage"
    data = {"usage": {"today": total, "month": total}, "voices": stored_voices}
    write_store(hass_storage, key, data)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    last_synthesis = entry.runtime_data.usage.last_synthesis(voice_id)
    assert (last_synthesis.first_sound, last_synthesis.last_error) == (0.5, None)
    assert "eaten_by_the_dog" not in error_translation_keys()


async def test_changed_cache_of_home_assistant(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, fallback_account: MockConfigEntry
) -> None:
    """Voices speak although Home Assistant's cache cannot be read; speech counts as cached only for availability."""
    simulator.fail(INVALID_KEY)
    hass.data[DATA_TTS_MANAGER] = ManagerWithoutCache(hass.data[DATA_TTS_MANAGER])  # type: ignore[assignment]
    assert set(get_voices(await decode(await speak(hass)), SENTENCE)) == {FALLBACK_VOICE}
    assert hass.states.get("tts.ann").state != "unavailable"
    assert has_cached_speech(hass, "tts.ann")
    key = cache_key(hass, "tts.ann", SENTENCE, "en", {})
    assert not is_in_memory(hass, key)
    assert not is_on_disk(hass, key)
    async_discard(hass, SENTENCE, "tts.ann", "voice")


def test_text_in_error_of_cache(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An error of the cache is logged without its message, which may contain the text."""

    def fail(text: str) -> NoReturn:
        raise LookupError(text)

    monkeypatch.setattr(tts_cache, "_hash", fail)
    tts_cache._warn_once.cache_clear()
    assert not cache_key(hass, "tts.ann", SENTENCE, "en", {})
    assert "LookupError" in caplog.text
    assert SENTENCE not in caplog.text


async def test_changed_cache_entries_of_home_assistant(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """Audio of a fallback is discarded although it is unknown whether it is complete."""
    key = cache_key(hass, "tts.ann", SENTENCE, "en", {})
    manager, entry = hass.data[DATA_TTS_MANAGER], SimpleNamespace(cache_key=key)
    manager.mem_cache[key] = entry  # type: ignore[assignment]
    async_discard(hass, SENTENCE, "tts.ann", "voice")
    assert not manager.mem_cache
    assert entry.cache_key != key
    manager.file_cache[entry.cache_key] = "written.mp3"
    await hass.async_block_till_done(wait_background_tasks=True)
    assert not manager.file_cache


async def test_revision_survives_restart(
    hass: HomeAssistant, hass_storage: dict[str, Any], account: MockConfigEntry
) -> None:
    """A voice keeps its revision across restarts, so that audio on disk is never played again."""
    (subentry_id,) = account.subentries
    revisions = hass.data[tts_cache._REVISIONS]
    revisions.async_renew(subentry_id)
    revision = tts.get_engine_instance(hass, "tts.ann").default_options["cache_revision"]
    await flush_store(revisions._store)
    restarted = tts_cache.CacheRevisions(hass)
    await restarted.async_load()
    assert restarted.get(subentry_id) == revision


async def test_key_replaced_during_speech(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """A request that fails with the replaced API key starts no reauthentication."""
    simulator.fail(Fault(path=SPEECH_PATH, delay=1, status=401, json={"error": {"code": "invalid_api_key"}}))
    speaking = hass.async_create_task(speak(hass, fallback=[]))
    await wait_for_speech_request(simulator)
    simulator.api_key = "sk-another"
    hass.config_entries.async_update_entry(account, data={**account.data, "api_key": simulator.api_key})
    await asyncio.sleep(0.3)
    with pytest.raises(HomeAssistantError):
        await speaking
    await hass.async_block_till_done(wait_background_tasks=True)
    assert await speak(hass)
    assert not hass.config_entries.flow.async_progress()
