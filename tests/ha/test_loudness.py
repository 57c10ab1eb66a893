"""All voices at one level, whoever speaks: measured in what players get."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
import io
from itertools import pairwise
from typing import Any, Final
import wave

from homeassistant.components import tts
from homeassistant.components.tts.const import DATA_COMPONENT
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.orator.audio.formats import AudioFormat, PcmLayout
from custom_components.orator.audio.loudness import LoudnessMeasurement
from custom_components.orator.const import DOMAIN
from custom_components.orator.pipeline.loudness import LoudnessTracker
from custom_components.orator.pipeline.post_processing import PostProcessing
from custom_components.orator.providers.base import SpeechAudio

from ..simulator import Fault, Simulator
from ..support.audio import decode
from ..support.fallback import LocalVoice
from ..support.speech import SATELLITE, SENTENCE, create_account, get_speech_requests
from ..unit.audio.signals import loudness, true_peak

TARGET: Final = -20.0
LEVELS: Final = {"alloy": -40, "nova": -35.5, "echo": -31, "shimmer": -26.5, "onyx": -22}
"""The simulated service's voices, in dBFS: 18 dB from the quietest to the loudest."""
OTHERS: Final = (
    "Somebody has rung the bell at the garden gate, and the dog would like to know who it is.",
    "The washing machine is done. Please hang up what is in it before it creases, and start the next load.",
    "Good morning. It is seven o'clock, it rains a little, and the bus leaves in twenty minutes from now.",
)


def voices_of(simulator: Simulator, settings: dict[str, Any]) -> MockConfigEntry:
    """Describe an account with a voice for each level."""
    data = {"provider": "speechbase", "api_key": simulator.api_key, "base_url": simulator.speechbase_url}
    voices = [
        {
            "subentry_type": "voice",
            "title": name,
            "data": {"model": "openai/tts-1", "voice": name, "volume_dbfs": level, **settings},
            "unique_id": None,
        }
        for name, level in LEVELS.items()
    ]
    return MockConfigEntry(domain=DOMAIN, title="Speechbase", data=data, subentries_data=voices)


async def load_with_reload(hass: HomeAssistant, account: MockConfigEntry) -> None:
    """Load an account, and wait for the reload that follows if its catalog has changed."""
    account.add_to_hass(hass)
    await hass.config_entries.async_setup(account.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert account.state is ConfigEntryState.LOADED


async def played(hass: HomeAssistant, name: str, text: str, **options: Any) -> bytes:
    """Return what a player gets."""
    stream = tts.async_create_stream(hass, f"tts.{name}", options={"preferred_format": "wav", **options})
    if text.startswith("Streamed"):
        stream.async_set_message_stream(in_words(text))
    else:
        stream.async_set_message(text)
    audio = b"".join([chunk async for chunk in stream.async_stream_result()])
    await hass.async_block_till_done(wait_background_tasks=True)
    return audio


async def in_words(text: str) -> AsyncGenerator[str]:
    """Write a text as an assistant does."""
    for word in text.split():
        yield f"{word} "
        await asyncio.sleep(0.01)


async def heard(hass: HomeAssistant, name: str, text: str, **options: Any) -> tuple[float, float]:
    """Return integrated loudness and true peak of what a player gets."""
    audio = await played(hass, name, text, **options)
    if options.get("preferred_format") == "mp3":
        samples, layout = ((await decode(audio)).samples * 0x8000).astype("<i2").tobytes(), PcmLayout(24_000)
    elif "preferred_sample_rate" in options:
        samples, layout = audio[audio.index(b"data") + 8 :], PcmLayout(16_000)  # older ones name their converter before
    else:
        with wave.open(io.BytesIO(audio)) as file:
            samples, layout = file.readframes(file.getnframes()), PcmLayout(file.getframerate(), file.getnchannels())
    return loudness(samples, layout), true_peak(samples, layout)


@pytest.mark.parametrize("receiver", [{}, SATELLITE, {"preferred_format": "mp3"}], ids=["wav", "satellite", "mp3"])
async def test_voices_are_at_one_level_from_their_second_utterance_on(
    hass: HomeAssistant, simulator: Simulator, receiver: dict[str, Any]
) -> None:
    """Five voices 18 dB apart come within 1.5 LU of the target and never over -1 dBTP."""
    await load_with_reload(hass, voices_of(simulator, {}))
    plain = [(await heard(hass, name, SENTENCE))[0] for name in LEVELS]
    assert all(louder - quieter > 2.5 for quieter, louder in pairwise(plain)), plain
    assert max(plain) - min(plain) == pytest.approx(18, abs=0.5)
    for number, text in enumerate((SENTENCE, *OTHERS)):
        for name in LEVELS:
            level, peak = await heard(hass, name, text, loudness=TARGET, **receiver)
            assert peak <= (-0.5 if receiver.get("preferred_format") == "mp3" else -1)  # mp3 adds what was not there
            if number:
                assert level == pytest.approx(TARGET, abs=1.5)


async def test_what_was_learned_outlives_a_restart(
    hass: HomeAssistant, hass_storage: dict[str, Any], simulator: Simulator
) -> None:
    """It is written down soon after, and known from the first utterance on."""
    account = voices_of(simulator, {"loudness": TARGET})
    key = f"orator.{account.entry_id}"
    name = "openai/tts-1 alloy"
    addresses = {"base_url": simulator.speechbase_url}
    known = {name: {"heard": [[-33.0, 3.0]]}}
    kept = {"catalogue": None, "learned": {}, "addresses": addresses, "levels": known}
    hass_storage[key] = {"version": 1, "minor_version": 1, "key": key, "data": kept}
    await load_with_reload(hass, account)
    await heard(hass, "nova", SENTENCE)
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=11))
    await hass.async_block_till_done(wait_background_tasks=True)
    levels = hass_storage[key]["data"]["levels"]
    assert levels[name] == known[name]
    ((lufs, seconds),) = levels["openai/tts-1 nova"]["heard"]
    assert -38 < lufs < -33
    assert 1 < seconds < 4


async def test_known_level_counts_from_the_first_utterance(
    hass: HomeAssistant, hass_storage: dict[str, Any], simulator: Simulator
) -> None:
    """A voice that was heard before Home Assistant started is right at once."""
    account = voices_of(simulator, {"loudness": TARGET})
    key = f"orator.{account.entry_id}"
    known = {"openai/tts-1 alloy": {"heard": [[-39.7, 3.0]]}}
    addresses = {"base_url": simulator.speechbase_url}
    kept = {"catalogue": None, "learned": {}, "addresses": addresses, "levels": known}
    hass_storage[key] = {"version": 1, "minor_version": 1, "key": key, "data": kept}
    await load_with_reload(hass, account)
    level, _ = await heard(hass, "alloy", SENTENCE)
    assert level == pytest.approx(TARGET, abs=1.5)


async def test_level_survives_a_change_of_the_account(hass: HomeAssistant, simulator: Simulator) -> None:
    """A voice that is changed loads its account anew; what was just learned is not forgotten with it."""
    account = voices_of(simulator, {"loudness": TARGET})
    await load_with_reload(hass, account)
    await heard(hass, "alloy", SENTENCE)
    voice = next(voice for voice in account.subentries.values() if voice.title == "alloy")
    hass.config_entries.async_update_subentry(account, voice, data={**voice.data, "tail_ms": 50})
    await hass.async_block_till_done(wait_background_tasks=True)
    level, _ = await heard(hass, "alloy", OTHERS[0])
    assert level == pytest.approx(TARGET, abs=1.5)


async def test_gain_comes_on_top(hass: HomeAssistant, simulator: Simulator) -> None:
    """At night all voices are quieter by as much."""
    await load_with_reload(hass, voices_of(simulator, {"loudness": TARGET}))
    await heard(hass, "alloy", SENTENCE)
    level, _ = await heard(hass, "alloy", OTHERS[0], gain_db=-8)
    assert level == pytest.approx(TARGET - 8, abs=1.5)


async def test_every_speaker_has_a_gain_of_their_own(hass: HomeAssistant, simulator: Simulator) -> None:
    """A quiet voice of somebody else's that takes over in a streamed reply comes to the same level."""
    voice = {"model": "tts-1", "voice": "coral", "loudness": TARGET, "fallback": ["tts.piper"]}
    account = create_account(simulator, "openai", voice)
    await load_with_reload(hass, account)
    quiet = await played(hass, "ann", OTHERS[1], loudness=None, gain_db=-14, preferred_format="mp3")
    await hass.data[DATA_COMPONENT].async_add_entities([LocalVoice(quiet)])
    await heard(hass, "ann", SENTENCE)
    simulator.fail(Fault(path="/v1/audio/speech", status=401, json={"error": {"code": "invalid_api_key"}}, times=99))
    levels = []
    for text in ("At first.", "Then again.", "Streamed, and therefore said bit by bit, as it is being written."):
        levels.append((await heard(hass, "ann", text))[0])  # noqa: PERF401 - one after the other, as they are learned
    simulator.reset()
    levels.append((await heard(hass, "ann", "Now I can speak for myself again, and as loud as before."))[0])
    assert levels[1:] == pytest.approx([TARGET] * 3, abs=1.5)


async def test_text_of_several_requests_is_measured_once(hass: HomeAssistant, simulator: Simulator) -> None:
    """A text is one measurement, however many requests it takes; without a target nothing is measured."""
    account = voices_of(simulator, {})
    await load_with_reload(hass, account)
    text = " ".join(OTHERS * 18)
    await played(hass, "alloy", text, gain_db=-3)
    assert not account.runtime_data.loudness_tracker.as_dict()
    simulator.reset()
    await played(hass, "alloy", text, loudness=TARGET)
    assert len(get_speech_requests(simulator)) > 1
    ((_, seconds),) = account.runtime_data.loudness_tracker.as_dict()["openai/tts-1 alloy"]["heard"]
    assert seconds == 30
    level, _ = await heard(hass, "alloy", SENTENCE, loudness=TARGET)
    assert level == pytest.approx(TARGET, abs=1.5)


async def test_listener_who_leaves(hass: HomeAssistant, simulator: Simulator) -> None:
    """Audio that is not played to its end teaches nothing, and no task goes on."""
    account = voices_of(simulator, {"loudness": TARGET})
    await load_with_reload(hass, account)
    before = asyncio.all_tasks()
    engine = tts.get_engine_instance(hass, "tts.alloy")
    request = tts.TTSAudioRequest("en", {**engine.default_options, **SATELLITE}, in_words(" ".join(OTHERS)))
    response = await engine.async_stream_tts_audio(request)
    for _ in range(3):
        assert await anext(response.data_gen)
    await response.data_gen.aclose()
    assert not [task for task in asyncio.all_tasks() - before if task.get_name().startswith("orator")]
    assert not account.runtime_data.loudness_tracker.as_dict()


async def test_gain_stays_until_all_is_said() -> None:
    """What another utterance teaches meanwhile counts from the next one on, so that nothing pumps."""
    layout = PcmLayout(24_000)
    finish = PostProcessing(loudness=TARGET, loudness_tracker=LoudnessTracker())

    async def sound() -> AsyncGenerator[bytes]:
        yield b"\x00\x04\x00\xfc" * 12_000

    async def sentences() -> AsyncGenerator[SpeechAudio]:
        for _ in range(2):
            yield SpeechAudio(AudioFormat.PCM, sound(), layout, loudness_key="ann")
            finish.loudness_tracker.add("ann", LoudnessMeasurement(-35.0, 5.0))

    parts = finish.adjust(sentences(), layout, "ffmpeg")
    first, second = [b"".join([chunk async for chunk in part.chunks]) async for part in parts]
    assert first == second
