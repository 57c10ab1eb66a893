"""Post-processing: chimes, padding, gain and loudness in the audio that Home Assistant serves."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from homeassistant.components import tts
from homeassistant.components.tts.const import DATA_TTS_MANAGER
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
import numpy as np
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.audio.effects import CHIME_PAUSE_S, BuiltInChime, load_built_in_chime
from custom_components.orator.audio.formats import AudioFormat, detect_format
from tests.simulator import Fault, Simulator, Timing
from tests.support.audio import RATE, Sound, decode, decode_output, read_wav_stream
from tests.support.speech import (
    INVALID_KEY,
    IS_OUTPUT_CONVERTED,
    SPEECH_PATH,
    Hear,
    create_account,
    get_speech_requests,
    load_account,
    speak,
    wait_for_speech_request,
)
from tests.support.streams import SATELLITE, SENTENCE, stream_text, stream_words
from tests.support.word_decoder import assert_spoken, heard_words, voice_of

ALL_EFFECTS = {
    "chime": "ding_dong",
    "chime_after": "soft",
    "lead_in_ms": 300,
    "tail_ms": 200,
    "gain_db": -3,
    "loudness": -18,
}
ALERT_S = load_built_in_chime(BuiltInChime.ALERT).seconds + CHIME_PAUSE_S
BEFORE_S = 0.3 + load_built_in_chime(BuiltInChime.DING_DONG).seconds + CHIME_PAUSE_S
AFTER_S = 0.2 + load_built_in_chime(BuiltInChime.SOFT).seconds + CHIME_PAUSE_S
OUTPUT_FORMATS: list[dict[str, Any]] = [
    {},
    {"preferred_format": "wav"},
    {"preferred_format": "flac"},
    {"preferred_format": "aac"},
    SATELLITE,
    {**SATELLITE, "preferred_sample_rate": 48_000, "preferred_sample_channels": 2},
]
IMMEDIATE_FORMATS: list[dict[str, Any]] = [{}] if IS_OUTPUT_CONVERTED else [{}, SATELLITE, {"preferred_format": "flac"}]
"""Formats that play as soon as the entity returns audio; Home Assistant's converter first collects much of it."""


def trim(sound: Sound, before: float, after: float) -> Sound:
    """Return a sound without its first and last seconds."""
    return Sound(sound.samples[round(before * RATE) : len(sound.samples) - round(after * RATE)])


@pytest.mark.parametrize("output_format", OUTPUT_FORMATS, ids=["default", "wav", "flac", "aac", "satellite", "stereo"])
@pytest.mark.parametrize("is_streamed", [False, True], ids=["complete", "streamed"])
async def test_every_word_with_every_effect(
    simulator: Simulator, hear: Hear, output_format: dict[str, Any], *, is_streamed: bool
) -> None:
    """A message has padding, chime, every word, chime and padding, in each output format."""
    simulator.audio_mode = "tones"
    text = f"{SENTENCE} Come down before it is cold, and bring your brother. There is cake, too."
    message = stream_words(text) if is_streamed else text
    sound = await decode_output(await hear(message, **ALL_EFFECTS, **output_format), output_format)
    assert np.abs(sound.samples[: round(0.28 * RATE)]).max() < 0.001
    assert np.abs(sound.samples[round(0.3 * RATE) : round(0.6 * RATE)]).max() > 0.02
    assert_spoken(trim(sound, BEFORE_S, AFTER_S).samples, RATE, text)


@pytest.mark.parametrize("output_format", [{}, SATELLITE], ids=["mp3", "satellite"])
async def test_long_text(simulator: Simulator, hear: Hear, output_format: dict[str, Any]) -> None:
    """A text of several requests has one chime at its start and one at its end."""
    simulator.audio_mode = "tones"
    text = " ".join(f"Sentence number {number} says that {SENTENCE.lower()}" for number in range(90))
    sound = await decode_output(await hear(text, **ALL_EFFECTS, **output_format), output_format)
    assert len(get_speech_requests(simulator)) > 1
    assert_spoken(trim(sound, BEFORE_S, AFTER_S).samples, RATE, text)


@pytest.mark.parametrize("output_format", IMMEDIATE_FORMATS, ids=["mp3", "satellite", "flac"][: len(IMMEDIATE_FORMATS)])
async def test_chime_does_not_wait_for_speech(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, output_format: dict[str, Any]
) -> None:
    """The chime is played before the provider has answered and before the reply has any text."""
    simulator.timing = Timing(first_byte=3)
    is_written = asyncio.Event()

    async def reply() -> AsyncGenerator[str]:
        await is_written.wait()
        yield SENTENCE

    for _ in range(2):  # the first time, the chime has to be loaded
        is_written.clear()
        stream = tts.async_create_stream(hass, "tts.ann", options={"chime": "ding_dong", **output_format})
        started = asyncio.get_running_loop().time()
        stream.async_set_message_stream(reply())
        chunks = stream.async_stream_result()
        received = 0
        while received < 3000:
            received += len(await anext(chunks))
        elapsed = asyncio.get_running_loop().time() - started
        assert not is_written.is_set()
        is_written.set()
        async for _chunk in chunks:
            pass
    assert elapsed < 1  # generous, because other tests use the machine; the benchmark measures the delay


async def test_no_click_between_chime_and_speech(simulator: Simulator, hear: Hear) -> None:
    """Consecutive samples differ little at the start and end of each chime."""
    sound = await decode(await hear(preferred_format="wav", chime="ding_dong", chime_after="alert", loudness=-18))
    steps = np.abs(np.diff(sound.samples))
    first = round(load_built_in_chime(BuiltInChime.DING_DONG).seconds * RATE)
    last = len(sound.samples) - round(load_built_in_chime(BuiltInChime.ALERT).seconds * RATE)
    for seam in (first, first + round(CHIME_PAUSE_S * RATE), last - round(CHIME_PAUSE_S * RATE), last):
        assert steps[seam - 3 : seam + 3].max() < 0.02


@pytest.mark.parametrize(
    "options",
    [{"chime": "alert"}, {"loudness": -18}, {"gain_db": 3}, ALL_EFFECTS],
    ids=["chime", "loudness", "gain", "all"],
)
@pytest.mark.parametrize("output_format", [{}, SATELLITE], ids=["mp3", "satellite"])
async def test_fallback_after_chime(  # noqa: PLR0913, PLR0917
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, hear: Hear, options: Any, output_format: Any
) -> None:
    """A fallback takes over after the chime was played; its own chime is not played, and nothing is cached."""
    simulator.audio_mode = "tones"
    voice = {"model": "openai/tts-1", "voice": "nova", "chime": "alarm", "lead_in_ms": 500, "loudness": -20}
    other = create_account(simulator, "speechbase", voice, "Ben")
    await load_account(hass, other)
    simulator.fail(INVALID_KEY)
    audio = await hear(SENTENCE, **options, fallback=["tts.ben"], **output_format)
    sound = await decode_output(audio, output_format)
    before, after = (BEFORE_S, AFTER_S) if options is ALL_EFFECTS else (ALERT_S if "chime" in options else 0, 0)
    speech = trim(sound, before, after)
    assert {word.voice for word in assert_spoken(speech.samples, RATE, SENTENCE)} == {voice_of("nova")}
    assert not [key for key in hass.data[DATA_TTS_MANAGER].file_cache if key.endswith("tts.ann")]


@pytest.mark.parametrize(
    "options", [{"chime": "alert"}, {"loudness": -18}, {"lead_in_ms": 200}], ids=["chime", "loudness", "padding"]
)
@pytest.mark.parametrize("output_format", [{}, {"preferred_format": "wav"}, SATELLITE], ids=["mp3", "wav", "satellite"])
async def test_failure_is_not_cached(  # noqa: PLR0913, PLR0917
    hass: HomeAssistant,
    simulator: Simulator,
    hear: Hear,
    caplog: pytest.LogCaptureFixture,
    options: Any,
    output_format: Any,
) -> None:
    """Without a fallback a failure is an error, also after a chime; the next call synthesizes again."""
    simulator.audio_mode = "tones"
    simulator.fail(Fault(path=SPEECH_PATH, status=403))
    audio = await hear(SENTENCE, **options, **output_format)
    assert "does not allow" in caplog.text
    assert not hass.data[DATA_TTS_MANAGER].file_cache
    assert not hass.data[DATA_TTS_MANAGER].mem_cache
    if "chime" not in options:
        assert len(audio) < 20_000
    sound = await decode_output(await hear(SENTENCE, **options, **output_format), output_format)
    start = ALERT_S if "chime" in options else options.get("lead_in_ms", 0) / 1000
    assert_spoken(trim(sound, start, 0).samples, RATE, SENTENCE)
    assert len(get_speech_requests(simulator)) == 2


async def test_truncated_audio_is_not_cached(simulator: Simulator, hear: Hear) -> None:
    """Audio whose connection broke in the middle of a sentence is not cached, although the sentence is repeated."""
    simulator.fail(Fault(path=SPEECH_PATH, truncate_after=4000))
    await hear(SENTENCE, **ALL_EFFECTS)
    assert len(get_speech_requests(simulator)) == 2
    await hear(SENTENCE, **ALL_EFFECTS)
    assert len(get_speech_requests(simulator)) == 3


async def test_silence_for_waiting_satellite(
    hass: HomeAssistant, simulator: Simulator, hear: Hear, account: MockConfigEntry
) -> None:
    """A satellite gets silence between the chime and slow speech; speech with that silence is not cached."""
    simulator.audio_mode = "tones"
    simulator.timing = Timing(first_byte=3)
    options = {"chime": "alert", "sentence_cache": False, **SATELLITE}
    slow = read_wav_stream(await hear(SENTENCE, **options))
    assert slow.seconds > 3 + len(heard_words(slow.samples, RATE)) * 0.2
    assert not hass.data[DATA_TTS_MANAGER].file_cache
    simulator.timing = Timing()
    quick = read_wav_stream(await hear(SENTENCE, **options))
    assert quick.seconds < slow.seconds - 1.5
    assert len(get_speech_requests(simulator)) == 2
    await hear(SENTENCE, **options)
    assert len(get_speech_requests(simulator)) == 2


async def test_stop_during_chime(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """A listener that stops during the chime ends the request, and no task remains."""
    simulator.timing = Timing(first_byte=30)
    before = asyncio.all_tasks()
    engine = tts.get_engine_instance(hass, "tts.ann")
    options = {**engine.default_options, **ALL_EFFECTS, **SATELLITE}
    response = await engine.async_stream_tts_audio(tts.TTSAudioRequest("en", options, stream_text(SENTENCE)))
    assert await anext(response.data_gen)
    await wait_for_speech_request(simulator)
    await response.data_gen.aclose()
    async with asyncio.timeout(5):
        await simulator.requests[-1].finished.wait()
    assert simulator.requests[-1].is_disconnected
    await hass.async_block_till_done(wait_background_tasks=True)  # the account stores what it has detected
    assert not [task for task in asyncio.all_tasks() - before if task.get_name().startswith("orator")]


@pytest.mark.parametrize(
    "options", [{}, dict.fromkeys(ALL_EFFECTS), {"chime": "none", "gain_db": 0}], ids=["unset", "null", "none"]
)
async def test_without_effects(simulator: Simulator, hear: Hear, options: dict[str, Any]) -> None:
    """Without effects the provider's audio is passed through unchanged; null, `none` and 0 turn an effect off."""
    audio = await hear(**options)
    assert [body["response_format"] for body in get_speech_requests(simulator)] == ["mp3"]
    assert detect_format(audio[:12]) is AudioFormat.MP3
    assert audio == await hear()


@pytest.mark.skipif(IS_OUTPUT_CONVERTED, reason="this Home Assistant converts every mp3 itself")
@pytest.mark.parametrize(
    ("options", "requested"),
    [
        ({"chime": "alert", "chime_after": "soft", "lead_in_ms": 300, "tail_ms": 200}, "mp3"),
        ({"lead_in_ms": 300}, "mp3"),
        ({"chime": "alert", "gain_db": 3}, "wav"),
        ({"chime": "alert", "loudness": -18}, "wav"),
        ({"chime": "alert", "preferred_format": "flac"}, "wav"),
    ],
    ids=["chimes and padding", "lead-in", "gain", "loudness", "flac"],
)
async def test_speech_is_not_encoded_again(
    simulator: Simulator, hear: Hear, options: dict[str, Any], requested: str
) -> None:
    """The provider's mp3 is joined to chimes and padding as it is, unless its level or format changes."""
    plain = await hear(sentence_cache=False)
    audio = await hear(**options, sentence_cache=False)
    assert [body["response_format"] for body in get_speech_requests(simulator)] == ["mp3", requested]
    middle = plain[len(plain) // 2 : -500]
    assert (middle in audio) == (requested == "mp3")


async def test_gain(simulator: Simulator, hear: Hear) -> None:
    """A gain of -6 dB halves the level and keeps the duration."""
    plain = await decode(await hear(preferred_format="wav"))
    quiet = await decode(await hear(preferred_format="wav", gain_db=-6.0))
    assert quiet.level / plain.level == pytest.approx(10 ** (-6 / 20), rel=0.02)
    assert quiet.seconds == pytest.approx(plain.seconds, abs=0.01)


async def test_chime_without_speech(simulator: Simulator, hear: Hear) -> None:
    """A message without words is only its chime, without a request."""
    sound = await decode(await hear("", chime="alert", preferred_format="flac"))
    assert sound.seconds == pytest.approx(ALERT_S + 0.3, abs=0.05)
    assert not get_speech_requests(simulator)


@pytest.mark.parametrize(
    ("options", "setting"),
    [
        ({"chime": 7}, "chime"),
        ({"chime_after": ["alert"]}, "chime_after"),
        ({"lead_in_ms": -1}, "lead_in_ms"),
        ({"tail_ms": 60_000}, "tail_ms"),
        ({"gain_db": "loud"}, "gain_db"),
        ({"gain_db": 40}, "gain_db"),
        ({"loudness": 3}, "loudness"),
        ({"loudness": float("nan")}, "loudness"),
    ],
)
async def test_invalid_value(
    hass: HomeAssistant,
    simulator: Simulator,
    account: MockConfigEntry,
    options: dict[str, Any],
    setting: str,
) -> None:
    """An invalid value raises an error that names the setting, before any request."""
    with pytest.raises((HomeAssistantError, ServiceValidationError), match=f"The value of {setting} is invalid"):
        await speak(hass, **options)
    assert not get_speech_requests(simulator)


@pytest.mark.parametrize(
    "change",
    [
        {"chime": "soft"},
        {"chime_after": "soft"},
        {"lead_in_ms": 250},
        {"tail_ms": 250},
        {"gain_db": -4.0},
        {"loudness": -20.0},
    ],
)
async def test_changed_effect_is_not_played_from_cache(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, hear: Hear, change: dict[str, Any]
) -> None:
    """Each value of a setting has its own cached speech, whether it is set for a call or for the voice."""
    plain = await hear()
    called = await hear(**change)
    assert await hear(**change) == called
    assert called != plain
    # A chime and padding before the speech are joined to the mp3 in the sentence cache.
    assert len(get_speech_requests(simulator)) == (1 if change.keys() <= {"chime", "lead_in_ms"} else 2)
    (subentry,) = account.subentries.values()
    hass.config_entries.async_update_subentry(account, subentry, data={**subentry.data, **change})
    await hass.async_block_till_done(wait_background_tasks=True)
    assert await hear() == called


@pytest.mark.parametrize(
    ("provider", "voice"),
    [
        ("openai", {"model": "gpt-realtime-2.1-mini", "voice": "marin"}),
        ("nanogpt", {"model": "Elevenlabs-Turbo-V2.5", "voice": "Rachel"}),
        ("speechbase", {"model": "openai/tts-1", "voice": "nova"}),
    ],
    ids=["openai realtime", "nanogpt", "speechbase"],
)
@pytest.mark.parametrize("output_format", [{}, SATELLITE], ids=["mp3", "satellite"])
async def test_every_provider(
    hass: HomeAssistant, simulator: Simulator, provider: str, voice: dict[str, str], output_format: dict[str, Any]
) -> None:
    """Every word is spoken between the effects, for each kind of API: WebSocket, job and plain HTTP."""
    simulator.audio_mode = "tones"
    entry = create_account(simulator, provider, voice)
    await load_account(hass, entry, wait_background_tasks=True)
    stream = tts.async_create_stream(hass, "tts.ann", options={**ALL_EFFECTS, **output_format})
    stream.async_set_message_stream(stream_text(SENTENCE))
    sound = await decode_output(b"".join([chunk async for chunk in stream.async_stream_result()]), output_format)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert_spoken(trim(sound, BEFORE_S, AFTER_S).samples, RATE, SENTENCE)
