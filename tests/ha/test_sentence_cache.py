"""Sentences that a voice has spoken before are played from memory: which, when, and at what cost."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from math import inf
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components import tts
from homeassistant.components.diagnostics import REDACTED
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed, flush_store

from custom_components.orator.diagnostics import async_get_config_entry_diagnostics
from custom_components.orator.providers.errors import Outage
from tests.simulator import Fault, ScriptedResponse, Simulator
from tests.support.actions import call_action
from tests.support.audio import RATE, decode_output
from tests.support.fallback import FALLBACK_VOICE, PRIMARY_VOICE, get_voices
from tests.support.speech import (
    INVALID_KEY,
    SPEECH_PATH,
    Hear,
    create_account,
    get_post_requests,
    get_sensor,
    get_speech_requests,
    load_account,
    pass_time,
    speak,
    wait_for_speech_request,
)
from tests.support.streams import SATELLITE, SENTENCE, stream_text
from tests.support.word_decoder import assert_spoken

KNOWN = SENTENCE
OTHERS = (
    "There is cake on the table, too, if the children have left any of it.",
    "Come down before it is too late, and bring your brother along, please.",
)
VOICE = {"model": "tts-1", "voice": "coral"}


@pytest.fixture
def entry(simulator: Simulator) -> MockConfigEntry:
    """Return an account whose speech can be decoded into words."""
    simulator.audio_mode = "tones"
    return create_account(simulator, "openai", {**VOICE, "fallback": []})


def reply(*sentences: str) -> AsyncGenerator[str]:
    """Yield a reply so slowly that each sentence becomes a request."""
    return stream_text(*(f"{sentence} " for sentence in sentences), pause_s=0.3)


def get_texts(simulator: Simulator) -> list[str]:
    """Return the texts of the requests so far, and forget the requests."""
    texts = [body["input"] for body in get_speech_requests(simulator)]
    simulator.requests.clear()
    return texts


def get_cache_size(account: MockConfigEntry) -> int:
    """Return the number of cached chunks."""
    entries: int = account.runtime_data.sentence_cache.stats.entries
    return entries


@pytest.mark.parametrize(
    "options",
    [{}, {"preferred_format": "wav"}, {"preferred_format": "flac"}, SATELLITE, {"gain_db": -6, "lead_in_ms": 200}],
)
async def test_known_sentence(simulator: Simulator, account: MockConfigEntry, hear: Hear, options: Any) -> None:
    """A known first sentence is not requested again; all words are heard, in every output format."""
    await hear(reply(KNOWN, OTHERS[0]), **options)
    assert get_texts(simulator) == [KNOWN, OTHERS[0]]
    audio = await hear(reply(KNOWN, OTHERS[1]), **options)
    assert get_texts(simulator) == [OTHERS[1]]
    sound = await decode_output(audio, options)
    assert_spoken(sound.samples, RATE, f"{KNOWN} {OTHERS[1]}")
    assert account.runtime_data.usage.totals.today.cached_requests == 1
    assert account.runtime_data.usage.totals.month.cached_characters == len(KNOWN)
    assert account.runtime_data.usage.totals.today.requests == 3


async def test_known_sentence_in_the_middle(simulator: Simulator, account: MockConfigEntry, hear: Hear) -> None:
    """A known sentence of a reply is not requested; a complete text stays one request."""
    await hear(reply(KNOWN))
    get_texts(simulator)
    text = f"{OTHERS[0]} {KNOWN} {OTHERS[1]}"
    sound = await decode_output(await hear(reply(OTHERS[0], KNOWN, OTHERS[1])), {})
    assert get_texts(simulator) == [*OTHERS]
    assert_spoken(sound.samples, RATE, text)
    sound = await decode_output(await hear(text), {})
    assert get_texts(simulator) == [text]
    assert_spoken(sound.samples, RATE, text)


async def test_container_that_cannot_be_joined(simulator: Simulator, account: MockConfigEntry, hear: Hear) -> None:
    """A complete text in a format that cannot be joined stays one request, and the same text is not requested again."""
    options = {"preferred_format": "ogg", "format": "opus"}
    text = f"{KNOWN} {OTHERS[0]}"
    await hear(KNOWN, **options)
    await hear(text, **options)
    assert get_texts(simulator) == [KNOWN, text]
    sound = await decode_output(await hear(reply(text), **options, lead_in_ms=None), options)
    assert_spoken(sound.samples, RATE, text)


@pytest.mark.parametrize("options", [{"voice": "nova"}, {"model": "tts-1-hd"}, {"speed": 1.2}, {"format": "wav"}])
async def test_other_setting(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, options: dict[str, Any]
) -> None:
    """Another voice, model, setting or text is requested."""
    await speak(hass, KNOWN)
    await speak(hass, KNOWN, **options)
    await speak(hass, KNOWN, **options)
    await speak(hass, KNOWN)
    assert len(get_speech_requests(simulator)) == 2


async def test_other_language(hass: HomeAssistant, simulator: Simulator) -> None:
    """A model with a language setting speaks again if the language of the call is another one."""
    voice = {"model": "nano-tts-1", "voice": "luna", "endpoint": "speech"}
    await load_account(hass, create_account(simulator, "nanogpt", voice))
    entity = tts.get_engine_instance(hass, "tts.ann")
    for language in ("en", "fr") * 2:
        request = tts.TTSAudioRequest(language, entity.default_options, stream_text(KNOWN))
        response = await entity.async_stream_tts_audio(request)
        assert [block async for block in response.data_gen]
    assert [body["language"] for body in get_post_requests(simulator) if body] == ["en", "fr"]


async def test_other_voice(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """No voice is heard with the audio of another one, of the same account or of another one."""
    entry = create_account(simulator, "openai", {**VOICE, "voice": "nova"}, "Ben")
    await load_account(hass, entry)
    for entity_id, voice in (("tts.ann", PRIMARY_VOICE), ("tts.ben", FALLBACK_VOICE)) * 2:
        sound = await decode_output(await speak(hass, KNOWN, entity_id=entity_id), {})
        assert set(get_voices(sound, KNOWN)) == {voice}
    assert len(get_speech_requests(simulator)) == 2


@pytest.mark.parametrize("change", ["api_key", "base_url", "server"])
async def test_changed_account(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, change: str
) -> None:
    """After the API key, the address or the server has changed, sentences are requested again; a reload keeps them."""
    await speak(hass, KNOWN)
    await hass.config_entries.async_reload(account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    await speak(hass, KNOWN)
    assert get_texts(simulator) == [KNOWN]
    changes = {"api_key": "sk-other", "base_url": f"{account.data['base_url']}/", "server": "other"}
    if change == "api_key":
        simulator.api_key = changes[change]
    hass.config_entries.async_update_entry(account, data={**account.data, change: changes[change]})
    await hass.async_block_till_done(wait_background_tasks=True)
    await speak(hass, KNOWN)
    assert KNOWN in get_texts(simulator)


async def test_expiry(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, freezer: FrozenDateTimeFactory
) -> None:
    """After a day, audio is neither played nor kept."""
    await speak(hass, KNOWN)
    freezer.tick(timedelta(hours=23))
    await speak(hass, KNOWN)
    assert len(get_speech_requests(simulator)) == 1
    freezer.tick(timedelta(hours=1, seconds=1))
    async_fire_time_changed(hass)
    await hass.async_block_till_done()
    assert get_cache_size(account) == 0
    await speak(hass, KNOWN)
    assert len(get_speech_requests(simulator)) == 2


async def test_turned_off(hass: HomeAssistant, simulator: Simulator) -> None:
    """A voice can speak each sentence anew; the setting does not invalidate Home Assistant's cache."""
    account = create_account(simulator, "openai", {**VOICE, "sentence_cache": False})
    await load_account(hass, account)
    for _ in range(2):
        await speak(hass, KNOWN)
    assert len(get_speech_requests(simulator)) == 2
    assert get_cache_size(account) == 0
    await speak(hass, KNOWN, sentence_cache=True)
    await speak(hass, KNOWN, sentence_cache="on")
    assert len(get_speech_requests(simulator)) == 3
    await speak(hass, KNOWN)
    assert len(get_speech_requests(simulator)) == 4
    entity = tts.get_engine_instance(hass, "tts.ann")
    assert "sentence_cache" not in entity.default_options


async def test_actions(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """`synthesize` reports cached audio as free; `cache: false` speaks again, and replaces the cached audio."""
    await speak(hass, KNOWN)
    response = await call_action(hass, "synthesize", message=KNOWN)
    assert (response["from_cache"], response["characters"], response["cost"]) == (True, 0, 0)
    assert response["spoken_by"] == ["tts.ann"]
    simulator.requests.clear()
    text = f"{KNOWN} {OTHERS[0]}"
    response = await call_action(hass, "synthesize", message=text)
    assert (response["from_cache"], response["characters"]) == (False, len(text))
    response = await call_action(hass, "synthesize", message=KNOWN, cache=False, options={"speed": 1.0})
    assert not response["from_cache"]
    response = await call_action(hass, "synthesize", message=KNOWN, cache=False, options={"speed": 1})
    assert not response["from_cache"]
    assert get_texts(simulator) == [text, KNOWN, KNOWN]
    assert await hass.services.async_call("tts", "clear_cache", blocking=True) is None
    assert get_cache_size(account) == 0


BROKEN = {
    "truncated": Fault(path=SPEECH_PATH, truncate_after=0.5),
    "ends early": Fault(path=SPEECH_PATH, ends_after=0.3, times=2),
    "not audio": Fault(path=SPEECH_PATH, body=b"<html>", times=9),
    "error": Fault(path=SPEECH_PATH, status=500, times=99),
}


@pytest.mark.parametrize("case", BROKEN)
@pytest.mark.parametrize("options", [{}, SATELLITE], ids=["player", "satellite"])
async def test_broken_audio(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, case: str, options: dict[str, Any]
) -> None:
    """Broken audio is not kept: the next time, the sentence is requested again and heard completely."""
    simulator.fail(BROKEN[case])
    try:
        await speak(hass, KNOWN, **options)
    except HomeAssistantError:
        assert case != "truncated"
    assert get_cache_size(account) == 0 or case == "truncated"
    simulator.reset()
    sound = await decode_output(await speak(hass, KNOWN, **options), options)
    assert_spoken(sound.samples, RATE, KNOWN)


async def test_fallback(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, fallback_account: MockConfigEntry
) -> None:
    """Audio of a fallback is not kept as that of the voice, which speaks again as soon as it can."""
    options = {"fallback": ["tts.ben"]}
    simulator.fail(Fault(path=SPEECH_PATH, status=500, times=inf))
    sound = await decode_output(await speak(hass, KNOWN, **options), {})
    assert set(get_voices(sound, KNOWN)) == {FALLBACK_VOICE}
    simulator.reset()
    sound = await decode_output(await speak(hass, KNOWN, **options), {})
    assert set(get_voices(sound, KNOWN)) == {PRIMARY_VOICE}


async def test_open_circuit_breaker(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, fallback_account: MockConfigEntry, hear: Hear
) -> None:
    """A voice that cannot speak is heard with its known sentences, which does not close its circuit breaker."""
    options = {"fallback": ["tts.ben"]}
    await speak(hass, KNOWN)
    simulator.fail(INVALID_KEY)
    await speak(hass, OTHERS[0], **options)
    health, usage = account.runtime_data.health, account.runtime_data.usage
    assert health.outage is Outage.KEY_REFUSED
    stats = account.runtime_data.voice_stats(account.runtime_data.data.model("tts-1"), "coral")
    (voice_id,) = account.subentries

    def get_statistics() -> tuple[Any, ...]:
        return usage.totals.today.requests, usage.last_synthesis(voice_id), list(stats._first_audio_s)

    before = get_statistics()
    simulator.requests.clear()
    text = f"{KNOWN} {OTHERS[1]}"
    sound = await decode_output(await hear(reply(KNOWN, OTHERS[1]), **options), {})
    voices = get_voices(sound, text)
    known = len(KNOWN.split())
    assert (set(voices[:known]), set(voices[known:])) == ({PRIMARY_VOICE}, {FALLBACK_VOICE})
    assert not [request for request in simulator.requests if KNOWN in request.content]
    assert health.outage is Outage.KEY_REFUSED
    sound = await decode_output(await speak(hass, KNOWN), {})
    assert set(get_voices(sound, KNOWN)) == {PRIMARY_VOICE}
    assert health.outage is Outage.KEY_REFUSED
    assert get_statistics() == before


async def test_listener_that_leaves(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """Audio that nobody has heard to its end is not kept."""
    simulator.fail(Fault(path=SPEECH_PATH, stall_after=6000, stall=2))
    entity = tts.get_engine_instance(hass, "tts.ann")
    response = await entity.async_stream_tts_audio(tts.TTSAudioRequest("en", entity.default_options, reply(KNOWN)))
    assert await anext(response.data_gen)
    await response.data_gen.aclose()
    await hass.async_block_till_done()
    assert get_cache_size(account) == 0


async def test_many_replies(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """Fifty replies at the same time are heard completely, without a request for what is known."""
    await speak(hass, KNOWN)
    simulator.requests.clear()
    replies = await asyncio.gather(*(speak(hass, KNOWN) for _ in range(50)))
    assert len(set(replies)) == 1
    assert not get_speech_requests(simulator)
    assert account.runtime_data.usage.totals.today.cached_requests == 50
    assert_spoken((await decode_output(replies[0], {})).samples, RATE, KNOWN)


@pytest.mark.parametrize(
    ("provider", "voice"),
    [
        ("nanogpt", {"model": "Kokoro-82m", "voice": "af_bella"}),
        ("nanogpt", {"model": "Elevenlabs-Turbo-V2.5", "voice": "Rachel", "endpoint": "tts"}),
        ("nanogpt", {"model": "nano-tts-1", "voice": "luna", "endpoint": "speech"}),
        ("speechbase", {"mode": "inline", "model": "openai/tts-1", "voice": "nova"}),
        ("openai", {"model": "gpt-realtime-2.1-mini", "voice": "marin"}),
    ],
    ids=["stream", "job", "link", "speechbase", "realtime"],
)
async def test_providers(hass: HomeAssistant, simulator: Simulator, provider: str, voice: dict[str, Any]) -> None:
    """The second time, no provider is asked, whether it streams or returns a link, a job or events."""
    simulator.audio_mode = "tones"
    await load_account(hass, create_account(simulator, provider, voice, "Cid"))
    await speak(hass, KNOWN, entity_id="tts.cid", **SATELLITE)
    before = len(simulator.requests), len(simulator.openai.realtime.responses)
    sound = await decode_output(await speak(hass, KNOWN, entity_id="tts.cid", **SATELLITE), SATELLITE)
    assert_spoken(sound.samples, RATE, KNOWN)
    assert (len(get_post_requests(simulator)) > 0) == (provider != "openai")
    assert (len(simulator.requests), len(simulator.openai.realtime.responses)) == before


async def test_transcript_mismatch(hass: HomeAssistant, simulator: Simulator) -> None:
    """A realtime response that lacks words is completed, but not kept."""
    simulator.audio_mode = "tones"
    account = create_account(simulator, "openai", {"model": "gpt-realtime-2.1-mini", "voice": "marin"})
    await load_account(hass, account)
    simulator.openai.realtime.script_responses(ScriptedResponse(words=3))
    await speak(hass, KNOWN)
    assert get_cache_size(account) == 0
    await speak(hass, KNOWN)
    assert get_cache_size(account) == 1


async def test_diagnostics_and_sensor(
    hass: HomeAssistant, hass_storage: dict[str, Any], simulator: Simulator, account: MockConfigEntry
) -> None:
    """Diagnostics and the sensor show counts; neither they nor the storage contain texts or audio."""
    er.async_get(hass).async_update_entity("sensor.openai_from_sentence_cache_today", disabled_by=None)
    await hass.config_entries.async_reload(account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert get_sensor(hass, "from_sentence_cache_today", "openai").state == "unknown"
    for _ in range(4):
        await speak(hass, KNOWN)
    await hass.async_block_till_done()
    assert get_sensor(hass, "from_sentence_cache_today", "openai").state == "75.0"
    diagnostics = await async_get_config_entry_diagnostics(hass, account)
    stats = diagnostics["sentence_cache"]
    assert (stats["entries"], stats["hits"], stats["misses"]) == (1, 3, 1)
    assert stats["bytes"] > 1000
    await flush_store(account.runtime_data.usage._store)
    for shown in (str(diagnostics), str(hass_storage)):
        assert "kettle" not in shown
    assert REDACTED in str(diagnostics)


async def test_removal_while_speaking(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """Audio that arrives after its account was removed is not kept, although another account is loaded."""
    await load_account(hass, create_account(simulator, "openai", VOICE, "Ben"))
    cache = account.runtime_data.sentence_cache
    simulator.fail(Fault(path=SPEECH_PATH, stall_after=6000, stall=0.5))
    speaking = asyncio.create_task(speak(hass, KNOWN))
    await wait_for_speech_request(simulator)
    await hass.config_entries.async_remove(account.entry_id)
    assert await speaking
    assert cache.stats.entries == 0
    await speak(hass, KNOWN, entity_id="tts.ben")
    assert cache.stats.entries == 1


async def test_unload(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """Nothing is kept once no account is loaded, or after an account was removed."""
    cache = account.runtime_data.sentence_cache
    await speak(hass, KNOWN)
    assert await hass.config_entries.async_unload(account.entry_id)
    assert cache.stats.entries == 1
    await pass_time(hass, seconds=61)
    assert cache.stats.entries == 0
    assert await hass.config_entries.async_setup(account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    await pass_time(hass, minutes=5)
    await speak(hass, KNOWN)
    assert cache.stats.entries == 1
    await hass.config_entries.async_remove(account.entry_id)
    assert cache.stats.entries == 0
