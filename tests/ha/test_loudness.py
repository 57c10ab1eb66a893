"""Loudness of the audio that Home Assistant serves: all voices come to the target."""

import asyncio
import io
from itertools import pairwise
from typing import Any, Final
import wave

from homeassistant.components import tts
from homeassistant.components.tts.const import DATA_COMPONENT
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.audio.formats import PcmLayout
from custom_components.orator.const import DOMAIN
from tests.simulator import Simulator
from tests.support.audio import decode
from tests.support.fallback import LocalVoice
from tests.support.signals import loudness, true_peak
from tests.support.speech import (
    INVALID_KEY,
    create_account,
    get_speech_requests,
    pass_time,
    write_store,
)
from tests.support.streams import SATELLITE, SENTENCE, stream_words

TARGET_LUFS: Final = -20.0
LEVELS_DBFS: Final = {"alloy": -40, "nova": -35.5, "echo": -31, "shimmer": -26.5, "onyx": -22}
"""Levels of the simulated voices in dBFS."""
OTHER_TEXTS: Final = (
    "A visitor has rung the bell at the garden gate, and the dog would like to know the reason.",
    "The washing machine is done. Please hang up what is in it before it creases, and start the next load.",
    "Good morning. It is seven o'clock, it rains a little, and the bus leaves in twenty minutes from now.",
)


def create_account_with_levels(simulator: Simulator, settings: dict[str, Any]) -> MockConfigEntry:
    """Return an account with a voice for each level."""
    data = {"provider": "speechbase", "api_key": simulator.api_key, "base_url": simulator.speechbase_url}
    voices = [
        {
            "subentry_type": "voice",
            "title": name,
            "data": {"model": "openai/tts-1", "voice": name, "volume_dbfs": level, **settings},
            "unique_id": None,
        }
        for name, level in LEVELS_DBFS.items()
    ]
    return MockConfigEntry(domain=DOMAIN, title="Speechbase", data=data, subentries_data=voices)


async def load_with_reload(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """Load an account, and wait for the reload that follows if its catalog has changed."""
    account.add_to_hass(hass)
    await hass.config_entries.async_setup(account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert account.state is ConfigEntryState.LOADED


async def fetch_audio(hass: HomeAssistant, name: str, text: str, **options: Any) -> bytes:
    """Return the audio that Home Assistant serves for a text; one that starts with "Streamed" is streamed by words."""
    stream = tts.async_create_stream(hass, f"tts.{name}", options={"preferred_format": "wav", **options})
    if text.startswith("Streamed"):
        stream.async_set_message_stream(stream_words(text, 0.01))
    else:
        stream.async_set_message(text)
    audio = b"".join([chunk async for chunk in stream.async_stream_result()])
    await hass.async_block_till_done(wait_background_tasks=True)
    return audio


async def measure(hass: HomeAssistant, name: str, text: str, **options: Any) -> tuple[float, float]:
    """Return the integrated loudness (LUFS) and true peak (dBTP) of the audio that Home Assistant serves."""
    audio = await fetch_audio(hass, name, text, **options)
    if options.get("preferred_format") == "mp3":
        samples, layout = ((await decode(audio)).samples * 0x8000).astype("<i2").tobytes(), PcmLayout(24_000)
    elif "preferred_sample_rate" in options:
        # Older versions of Home Assistant write another chunk before the data.
        samples, layout = audio[audio.index(b"data") + 8 :], PcmLayout(16_000)
    else:
        with wave.open(io.BytesIO(audio)) as file:
            samples, layout = file.readframes(file.getnframes()), PcmLayout(file.getframerate(), file.getnchannels())
    return loudness(samples, layout), true_peak(samples, layout)


@pytest.mark.parametrize("output_format", [{}, SATELLITE, {"preferred_format": "mp3"}], ids=["wav", "satellite", "mp3"])
async def test_loudness_from_second_message_on(
    hass: HomeAssistant, simulator: Simulator, output_format: dict[str, Any]
) -> None:
    """Five voices that are 18 dB apart come within 1.5 LU of the target, with peaks up to -1 dBTP."""
    await load_with_reload(hass, create_account_with_levels(simulator, {}))
    plain = [(await measure(hass, name, SENTENCE))[0] for name in LEVELS_DBFS]
    assert all(louder - quieter > 2.5 for quieter, louder in pairwise(plain)), plain
    assert max(plain) - min(plain) == pytest.approx(18, abs=0.5)
    for number, text in enumerate((SENTENCE, *OTHER_TEXTS)):
        for name in LEVELS_DBFS:
            level, peak = await measure(hass, name, text, loudness=TARGET_LUFS, **output_format)
            # Encoding to mp3 raises peaks.
            assert peak <= (-0.5 if output_format.get("preferred_format") == "mp3" else -1)
            if number:
                assert level == pytest.approx(TARGET_LUFS, abs=1.5)


async def test_stored_loudness(hass: HomeAssistant, hass_storage: dict[str, Any], simulator: Simulator) -> None:
    """The loudness of a voice is stored soon after its message, beside that of other voices."""
    account = create_account_with_levels(simulator, {"loudness": TARGET_LUFS})
    key = f"orator.{account.entry_id}"
    name = "openai/tts-1 alloy"
    addresses = {"base_url": simulator.speechbase_url}
    known = {name: {"heard": [[-33.0, 3.0]]}}
    stored = {"catalogue": None, "learned": {}, "addresses": addresses, "levels": known}
    write_store(hass_storage, key, stored)
    await load_with_reload(hass, account)
    await measure(hass, "nova", SENTENCE)
    await pass_time(hass, seconds=11)
    levels = hass_storage[key]["data"]["levels"]
    assert levels[name] == known[name]
    ((lufs, seconds),) = levels["openai/tts-1 nova"]["heard"]
    assert -38 < lufs < -33
    assert 1 < seconds < 4


async def test_known_loudness(hass: HomeAssistant, hass_storage: dict[str, Any], simulator: Simulator) -> None:
    """A voice whose loudness is stored comes to the target with its first message."""
    account = create_account_with_levels(simulator, {"loudness": TARGET_LUFS})
    key = f"orator.{account.entry_id}"
    known = {"openai/tts-1 alloy": {"heard": [[-39.7, 3.0]]}}
    addresses = {"base_url": simulator.speechbase_url}
    stored = {"catalogue": None, "learned": {}, "addresses": addresses, "levels": known}
    write_store(hass_storage, key, stored)
    await load_with_reload(hass, account)
    level, _ = await measure(hass, "alloy", SENTENCE)
    assert level == pytest.approx(TARGET_LUFS, abs=1.5)


async def test_loudness_after_change_of_voice(hass: HomeAssistant, simulator: Simulator) -> None:
    """The measured loudness is still known after a changed voice has reloaded its account."""
    account = create_account_with_levels(simulator, {"loudness": TARGET_LUFS})
    await load_with_reload(hass, account)
    await measure(hass, "alloy", SENTENCE)
    voice = next(voice for voice in account.subentries.values() if voice.title == "alloy")
    hass.config_entries.async_update_subentry(account, voice, data={**voice.data, "tail_ms": 50})
    await hass.async_block_till_done(wait_background_tasks=True)
    level, _ = await measure(hass, "alloy", OTHER_TEXTS[0])
    assert level == pytest.approx(TARGET_LUFS, abs=1.5)


async def test_gain_with_loudness(hass: HomeAssistant, simulator: Simulator) -> None:
    """A gain is added to the target loudness."""
    await load_with_reload(hass, create_account_with_levels(simulator, {"loudness": TARGET_LUFS}))
    await measure(hass, "alloy", SENTENCE)
    level, _ = await measure(hass, "alloy", OTHER_TEXTS[0], gain_db=-8)
    assert level == pytest.approx(TARGET_LUFS - 8, abs=1.5)


async def test_loudness_of_fallback(hass: HomeAssistant, simulator: Simulator) -> None:
    """A quiet fallback of another integration comes to the same loudness, also in a streamed reply."""
    voice = {"model": "tts-1", "voice": "coral", "loudness": TARGET_LUFS, "fallback": ["tts.piper"]}
    account = create_account(simulator, "openai", voice)
    await load_with_reload(hass, account)
    quiet = await fetch_audio(hass, "ann", OTHER_TEXTS[1], loudness=None, gain_db=-14, preferred_format="mp3")
    await hass.data[DATA_COMPONENT].async_add_entities([LocalVoice(quiet)])
    await measure(hass, "ann", SENTENCE)
    simulator.fail(INVALID_KEY)
    levels = []
    for text in ("At first.", "Then again.", "Streamed, and therefore said bit by bit, as it is being written."):
        levels.append((await measure(hass, "ann", text))[0])  # noqa: PERF401 - each needs the one before
    simulator.reset()
    levels.append((await measure(hass, "ann", "Now I can speak for myself again, and as loud as before."))[0])
    assert levels[1:] == pytest.approx([TARGET_LUFS] * 3, abs=1.5)


async def test_one_measurement_per_message(hass: HomeAssistant, simulator: Simulator) -> None:
    """A message of several requests is measured once; without a target nothing is measured."""
    account = create_account_with_levels(simulator, {})
    await load_with_reload(hass, account)
    text = " ".join(OTHER_TEXTS * 18)
    await fetch_audio(hass, "alloy", text, gain_db=-3)
    assert not account.runtime_data.loudness_tracker.as_dict()
    simulator.reset()
    await fetch_audio(hass, "alloy", text, loudness=TARGET_LUFS, sentence_cache=False)
    assert len(get_speech_requests(simulator)) > 1
    ((_, seconds),) = account.runtime_data.loudness_tracker.as_dict()["openai/tts-1 alloy"]["heard"]
    assert seconds == 30
    level, _ = await measure(hass, "alloy", SENTENCE, loudness=TARGET_LUFS)
    assert level == pytest.approx(TARGET_LUFS, abs=1.5)


async def test_stop_before_end(hass: HomeAssistant, simulator: Simulator) -> None:
    """Audio that is not played to its end is not measured, and no task remains."""
    account = create_account_with_levels(simulator, {"loudness": TARGET_LUFS})
    await load_with_reload(hass, account)
    before = asyncio.all_tasks()
    engine = tts.get_engine_instance(hass, "tts.alloy")
    request = tts.TTSAudioRequest(
        "en", {**engine.default_options, **SATELLITE}, stream_words(" ".join(OTHER_TEXTS), 0.01)
    )
    response = await engine.async_stream_tts_audio(request)
    for _ in range(3):
        assert await anext(response.data_gen)
    await response.data_gen.aclose()
    await hass.async_block_till_done(wait_background_tasks=True)  # the account stores what it has detected
    assert not [task for task in asyncio.all_tasks() - before if task.get_name().startswith("orator")]
    assert not account.runtime_data.loudness_tracker.as_dict()
