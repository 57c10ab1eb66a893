"""Usage, cost and voice sensors."""

import asyncio
from datetime import datetime
from typing import Any

from freezegun import freeze_time
from homeassistant.components import tts
from homeassistant.components.media_source import async_resolve_media
from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
    flush_store,
)

from custom_components.orator.providers.errors import error_translation_keys
from custom_components.orator.tts_cache import async_drop_from_memory
from custom_components.orator.tts_requests import SpeechRequest, async_request_speech
from tests.simulator import Fault, ScriptedResponse, Simulator, Timing
from tests.support.fallback import SENTENCES
from tests.support.speech import Hear, create_account, get_sensor, load_account, speak
from tests.support.streams import SENTENCE, stream_text

CHARS = len(SENTENCE)
KOKORO, TURBO, XAI = "Kokoro-82m", "Elevenlabs-Turbo-V2.5", "xai-tts"
AUDIO_SPEECH = "/api/v1/audio/speech"


@pytest.fixture
def entry(simulator: Simulator) -> MockConfigEntry:
    """Return an account of the simulated NanoGPT, with a voice whose responses contain their cost."""
    return create_account(simulator, "nanogpt", {"model": KOKORO, "voice": "af_bella"})


def get_counts(hass: HomeAssistant, device: str = "nanogpt", period: str = "today") -> tuple[int, int]:
    """Return the states of the sensors for characters and requests."""
    return tuple(int(get_sensor(hass, f"{unit}_{period}", device).state) for unit in ("characters", "requests"))  # type: ignore[return-value]


def get_cost(hass: HomeAssistant, period: str = "today") -> float:
    """Return the state of the cost sensor."""
    return float(get_sensor(hass, f"spent_{period}").state)


async def enable_sensors(hass: HomeAssistant, account: MockConfigEntry, *names: str) -> None:
    """Enable sensors that are disabled by default."""
    registry = er.async_get(hass)
    for name in names:
        registry.async_update_entity(f"sensor.{name}", disabled_by=None)
    await hass.config_entries.async_reload(account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)


async def test_announcement(hass: HomeAssistant, simulator: Simulator, hear: Hear) -> None:
    """A request counts with its characters and with the cost in the response."""
    assert await hear()
    for period in ("today", "this_month"):
        assert get_counts(hass, period=period) == (CHARS, 1)
        assert get_cost(hass, period) == pytest.approx(0.001 * CHARS / 1000)
        assert get_sensor(hass, f"spent_{period}").attributes["estimated"] == 0


async def test_cached_speech(hass: HomeAssistant, simulator: Simulator, hear: Hear) -> None:
    """Cached speech causes no usage."""
    assert await hear()
    assert await hear()
    assert simulator.nanogpt.charged == 1
    assert get_counts(hass) == (CHARS, 1)


async def test_reply(hass: HomeAssistant, simulator: Simulator, hear: Hear) -> None:
    """Each request of a streamed reply counts."""
    assert await hear(stream_text(*(f"{sentence} " for sentence in SENTENCES), pause_s=0.05))
    chunks = [request.body["input"] for request in simulator.requests if request.path == AUDIO_SPEECH]
    assert len(chunks) > 1
    assert len(chunks) == simulator.nanogpt.charged
    assert get_counts(hass) == (sum(map(len, chunks)), len(chunks))


async def test_estimated_cost(hass: HomeAssistant, simulator: Simulator, hear: Hear) -> None:
    """Without a cost in the response, the cost is estimated from the price."""
    assert await hear(model=XAI, voice="Eve")
    assert get_cost(hass) == pytest.approx(0.0165 * CHARS / 1000)
    assert get_sensor(hass, "spent_today").attributes["estimated"] == pytest.approx(0.0165 * CHARS / 1000)


async def test_refunded_job(hass: HomeAssistant, account: MockConfigEntry, simulator: Simulator) -> None:
    """A job that fails counts as requests, and costs nothing as it is refunded."""
    simulator.nanogpt.outcomes = {"kettle": "error"}
    with pytest.raises(HomeAssistantError):
        await speak(hass, model=TURBO, voice="Adam")
    assert simulator.nanogpt.refunded == simulator.nanogpt.charged > 0
    await hass.async_block_till_done()
    assert get_counts(hass) == (CHARS * simulator.nanogpt.charged, simulator.nanogpt.charged)
    assert get_cost(hass) == 0


async def test_shared_request(hass: HomeAssistant, account: MockConfigEntry, simulator: Simulator) -> None:
    """Two identical requests at the same time are charged once."""
    simulator.timing = Timing(first_byte=0.3)
    engine = tts.get_engine_instance(hass, "tts.ann")
    results = [
        async_request_speech(hass, engine, SpeechRequest(SENTENCE, options=options))
        for options in ({}, {"fallback": []})
    ]
    assert all(await asyncio.gather(*(result.async_read() for result in results)))
    assert simulator.nanogpt.charged == 1
    assert get_counts(hass) == (CHARS, 1)
    assert sum(result.usage.requests for result in results) == 1


@pytest.mark.parametrize("status", [400, 401, 402, 429, 503])
async def test_refused_request(
    hass: HomeAssistant, account: MockConfigEntry, simulator: Simulator, status: int
) -> None:
    """Refused requests do not count; a retry that succeeds counts once."""
    times = 1 if status in (429, 503) else 99
    simulator.fail(Fault(path=AUDIO_SPEECH, status=status, times=times))
    if times == 1:
        assert await speak(hass)
        assert get_counts(hass) == (CHARS, 1)
    else:
        with pytest.raises(HomeAssistantError):
            await speak(hass)
        assert get_counts(hass) == (0, 0)


async def test_web_page_as_response(hass: HomeAssistant, account: MockConfigEntry, simulator: Simulator) -> None:
    """A web page instead of audio does not count."""
    simulator.fail(Fault(path=AUDIO_SPEECH, body="<html>Log in</html>", times=99))
    with pytest.raises(HomeAssistantError):
        await speak(hass)
    assert get_counts(hass) == (0, 0)


async def test_interrupted_response(
    hass: HomeAssistant, account: MockConfigEntry, simulator: Simulator, ignore_broken_connections: None
) -> None:
    """A truncated response counts, and so does its retry."""
    simulator.fail(Fault(path=AUDIO_SPEECH, truncate_after=200))
    assert await speak(hass, model=XAI, voice="Eve")
    assert simulator.nanogpt.charged == 2
    assert get_counts(hass) == (2 * CHARS, 2)


@pytest.fixture
async def fallback_account(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> MockConfigEntry:
    """Load a second account, whose voice has the first one as its fallback."""
    voice = {"model": "openai/tts-1", "voice": "nova", "fallback": ["tts.ann"]}
    entry = create_account(simulator, "speechbase", voice, "Ben")
    return await load_account(hass, entry)


async def test_usage_of_fallback(hass: HomeAssistant, simulator: Simulator, fallback_account: MockConfigEntry) -> None:
    """Usage counts for the account that has spoken, and the result names its voice."""
    engine = tts.get_engine_instance(hass, "tts.ben")
    result = async_request_speech(hass, engine, SpeechRequest(SENTENCE, use_disk_cache=False))
    assert await result.async_read()
    assert get_counts(hass, "speechbase") == (CHARS, 1)
    assert get_counts(hass) == (0, 0)
    assert (result.usage.characters, result.usage.requests, result.usage.cost) == (CHARS, 1, None)
    simulator.fail(Fault(path="/speechbase/v1/audio/*", status=403, json={"code": "provider_disabled"}, times=99))
    async_drop_from_memory(hass, result.cache_key)
    result = async_request_speech(hass, engine, SpeechRequest(SENTENCE, use_disk_cache=False))
    assert await result.async_read()
    assert get_counts(hass, "speechbase") == (CHARS, 1)
    assert get_counts(hass) == (CHARS, 1)
    assert result.spoken_by == ["tts.ann"]
    assert (result.usage.cost, result.usage.currency) == (pytest.approx(0.001 * CHARS / 1000), "USD")
    assert not result.usage.is_estimate


async def test_provider_without_prices(hass: HomeAssistant, fallback_account: MockConfigEntry) -> None:
    """A provider without prices and balance has no sensors for them."""
    entity_ids = {state.entity_id for state in hass.states.async_all("sensor") if "speechbase" in state.entity_id}
    assert entity_ids == {"sensor.speechbase_connection"} | {
        f"sensor.speechbase_{unit}_{period}"
        for unit in ("characters", "requests", "left")
        for period in ("today", "this_month")
    }


async def test_restart(hass: HomeAssistant, account: MockConfigEntry, hass_storage: dict[str, Any]) -> None:
    """Usage survives a reload of the account and a restart."""
    assert await speak(hass)
    await hass.config_entries.async_reload(account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert get_counts(hass) == (CHARS, 1)
    await flush_store(account.runtime_data.usage._store)
    assert "kettle" not in str(hass_storage)
    await hass.config_entries.async_unload(account.entry_id)
    for key in ("orator_accounts", "orator_sentence_cache"):  # as after a restart
        hass.data.pop(key)
    await hass.config_entries.async_setup(account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert get_counts(hass) == (CHARS, 1)
    assert await speak(hass)
    assert get_counts(hass) == (2 * CHARS, 2)
    assert get_cost(hass) == pytest.approx(0.001 * 2 * CHARS / 1000)


async def test_remove_account_with_usage(
    hass: HomeAssistant, account: MockConfigEntry, hass_storage: dict[str, Any]
) -> None:
    """Removing an account removes its usage, and later records are not stored."""
    assert await speak(hass)
    usage = account.runtime_data.usage
    await flush_store(usage._store)
    key = f"orator.{account.entry_id}.usage"
    assert key in hass_storage
    await hass.config_entries.async_remove(account.entry_id)
    assert key not in hass_storage
    assert not [state for state in hass.states.async_all("sensor") if "nanogpt" in state.entity_id]
    usage.async_record_error("voice", "timed_out")
    await flush_store(usage._store)
    assert key not in hass_storage


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland", "America/Los_Angeles"])
async def test_new_day_and_month(hass: HomeAssistant, simulator: Simulator, entry: MockConfigEntry, zone: str) -> None:
    """Usage starts at zero at local midnight, and on the first of the month."""
    await hass.config.async_set_time_zone(zone)
    local = dt_util.get_default_time_zone()
    with freeze_time(datetime(2026, 11, 29, 23, 50, tzinfo=local), tick=True, real_asyncio=True) as clock:
        await load_account(hass, entry, wait_background_tasks=True)
        assert await speak(hass)
        for day, requests_today, requests_month in (
            (datetime(2026, 11, 29, 23, 59, 50, tzinfo=local), 1, 1),
            (datetime(2026, 11, 30, 0, 0, 1, tzinfo=local), 0, 1),
            (datetime(2026, 12, 1, 0, 0, 1, tzinfo=local), 0, 0),
        ):
            clock.move_to(day)
            async_fire_time_changed(hass, day)
            await hass.async_block_till_done(wait_background_tasks=True)
            assert (get_counts(hass)[1], get_counts(hass, period="this_month")[1]) == (requests_today, requests_month)
            midnight = day.replace(hour=0, minute=0, second=0)
            assert get_sensor(hass, "characters_today").attributes["last_reset"] == midnight.isoformat()
            first = midnight.replace(day=1).isoformat()
            assert get_sensor(hass, "characters_this_month").attributes["last_reset"] == first
        assert await speak(hass)
        assert get_counts(hass) == (CHARS, 1)
        await hass.config_entries.async_unload(entry.entry_id)


async def test_sensor_classes(hass: HomeAssistant, account: MockConfigEntry, simulator: Simulator) -> None:
    """Usage sensors are totals with a reset time, costs in the currency of the provider; only a balance is monetary."""
    expected = {
        "characters_today": (None, "characters"),
        "characters_this_month": (None, "characters"),
        "requests_today": (None, "requests"),
        "requests_this_month": (None, "requests"),
        "spent_today": (None, "USD"),
        "spent_this_month": (None, "USD"),
        "balance": (SensorDeviceClass.MONETARY, "USD"),
    }
    for name, (device_class, unit) in expected.items():
        attributes = get_sensor(hass, name).attributes
        assert attributes.get("device_class") == device_class, name
        assert attributes["unit_of_measurement"] == unit, name
        assert attributes["state_class"] == SensorStateClass.TOTAL, name
        assert ("last_reset" in attributes) == (name != "balance")


async def test_registry(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """Sensors that change with each message are disabled by default; those of a voice are removed with it."""
    entries = er.async_entries_for_config_entry(er.async_get(hass), account.entry_id)
    (voice_id,) = account.subentries
    sensors = {entry.unique_id: entry for entry in entries if entry.domain == "sensor"}
    disabled = {f"{voice_id}_first_sound", f"{account.entry_id}_cached_today"}
    assert {key for key, sensor in sensors.items() if sensor.disabled_by} == disabled
    assert {sensor.config_subentry_id for key, sensor in sensors.items() if key.startswith(voice_id)} == {voice_id}
    assert {sensor.config_subentry_id for key, sensor in sensors.items() if key.startswith(account.entry_id)} == {None}
    assert len(sensors) == 13
    hass.config_entries.async_remove_subentry(account, voice_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    entries = er.async_entries_for_config_entry(er.async_get(hass), account.entry_id)
    assert {entry.unique_id.partition("_")[0] for entry in entries} == {account.entry_id}


async def test_voice_sensors(hass: HomeAssistant, account: MockConfigEntry, simulator: Simulator) -> None:
    """The sensors of a voice show its last time to first audio and its last error, also after a reload."""
    await enable_sensors(hass, account, "ann_time_to_first_audio")
    assert get_sensor(hass, "time_to_first_audio", "ann").state == "unknown"
    assert get_sensor(hass, "last_error", "ann").state == "unknown"
    assert get_sensor(hass, "last_error", "ann").attributes["options"] == error_translation_keys()
    simulator.fail(Fault(path=AUDIO_SPEECH, delay=0.3))
    assert await speak(hass)
    latency = get_sensor(hass, "time_to_first_audio", "ann")
    assert 0.3 < float(latency.state) < 5
    assert (latency.attributes["unit_of_measurement"], latency.attributes["device_class"]) == ("s", "duration")
    assert get_sensor(hass, "last_error", "ann").state == "unknown"
    simulator.fail(Fault(path=AUDIO_SPEECH, status=402, times=99))
    with pytest.raises(HomeAssistantError):
        await speak(hass, sentence_cache=False)
    assert get_sensor(hass, "last_error", "ann").state == "out_of_credit"
    with pytest.raises(HomeAssistantError):
        await speak(hass, speed=99)
    assert get_sensor(hass, "last_error", "ann").state == "invalid_setting"
    await hass.config_entries.async_reload(account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert get_sensor(hass, "last_error", "ann").state == "invalid_setting"
    assert get_sensor(hass, "time_to_first_audio", "ann").state == latency.state


async def test_transcript_mismatch(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """A Realtime response that does not match the text counts."""
    entry = create_account(simulator, "openai", {"model": "gpt-realtime-2.1-mini", "voice": "marin"}, "Cid")
    await load_account(hass, entry)
    simulator.openai.realtime.script_responses(ScriptedResponse(words=3))
    assert await speak(hass, entity_id="tts.cid")
    characters, requests = get_counts(hass, "openai")
    assert requests == 2
    assert CHARS < characters < 2 * CHARS


async def test_voice_sensors_of_other_voices(
    hass: HomeAssistant, account: MockConfigEntry, simulator: Simulator
) -> None:
    """Previews and calls with another voice do not change the sensors of the voice that they use."""
    await enable_sensors(hass, account, "ann_time_to_first_audio")
    assert await async_setup_component(hass, "media_source", {})
    preview = f"media-source://orator/{account.entry_id}?model={KOKORO}&voice=am_adam&language=en"
    await async_resolve_media(hass, preview, None)
    assert await speak(hass, voice="am_adam")
    assert get_sensor(hass, "time_to_first_audio", "ann").state == "unknown"
    with pytest.raises(HomeAssistantError):
        await speak(hass, voice="am_adam", speed=99)
    simulator.fail(Fault(path=AUDIO_SPEECH, status=400, times=99))
    with pytest.raises(HomeAssistantError):
        await speak(hass, voice="am_adam", sentence_cache=False)
    with pytest.raises(HomeAssistantError):
        await async_resolve_media(hass, preview.replace("am_adam", "am_michael"), None)
    assert get_sensor(hass, "last_error", "ann").state == "unknown"
    simulator.reset()
    assert await speak(hass, voice="af_bella", speed=1.2)
    assert float(get_sensor(hass, "time_to_first_audio", "ann").state) > 0
