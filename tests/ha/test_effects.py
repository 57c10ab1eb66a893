"""Chimes, silence and gain: heard through Home Assistant, around words of which none is missing."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from homeassistant.components import tts
from homeassistant.components.tts.const import DATA_TTS_MANAGER
from homeassistant.const import MAJOR_VERSION, MINOR_VERSION
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
import numpy as np
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.audio.effects import CHIME_PAUSE_S, BuiltInChime, load_built_in_chime
from custom_components.orator.audio.formats import AudioFormat, detect_format

from ..simulator import Fault, Simulator, Timing
from ..support.audio import RATE, Sound, decode, decode_output, read_wav_stream
from ..support.speech import SATELLITE, SENTENCE, Hear, create_account, get_speech_requests, load_account, speak
from ..support.word_decoder import assert_spoken, heard_words, voice_of

EVERYTHING = {
    "chime": "ding_dong",
    "chime_after": "soft",
    "lead_in_ms": 300,
    "tail_ms": 200,
    "gain_db": -3,
    "loudness": -18,
}
BEFORE = 0.3 + load_built_in_chime(BuiltInChime.DING_DONG).seconds + CHIME_PAUSE_S
AFTER = 0.2 + load_built_in_chime(BuiltInChime.SOFT).seconds + CHIME_PAUSE_S
RECEIVERS: list[dict[str, Any]] = [
    {},
    {"preferred_format": "wav"},
    {"preferred_format": "flac"},
    {"preferred_format": "aac"},
    SATELLITE,
    {**SATELLITE, "preferred_sample_rate": 48_000, "preferred_sample_channels": 2},
]
PATH = "*/audio/speech"


CONVERTS = (MAJOR_VERSION, MINOR_VERSION) < (2026, 11)
"""Whether Home Assistant converts what is not mp3 itself, and begins only when it has heard much of it."""
AT_ONCE: list[dict[str, Any]] = [{}] if CONVERTS else [{}, SATELLITE, {"preferred_format": "flac"}]


def between(sound: Sound, before: float, after: float) -> Sound:
    """Return what is left of a sound without its beginning and end, in seconds."""
    return Sound(sound.samples[round(before * RATE) : len(sound.samples) - round(after * RATE)])


async def reply(*deltas: str, pause: float = 0.02) -> AsyncGenerator[str]:
    """Say something bit by bit."""
    for delta in deltas:
        yield delta
        await asyncio.sleep(pause)


@pytest.mark.parametrize("receiver", RECEIVERS)
@pytest.mark.parametrize("is_streamed", [False, True], ids=["complete", "streamed"])
async def test_every_word_with_every_effect(
    simulator: Simulator, hear: Hear, receiver: dict[str, Any], *, is_streamed: bool
) -> None:
    """Silence, chime, all the words, chime, silence; for every kind of player."""
    simulator.audio_mode = "tones"
    text = f"{SENTENCE} Come down before it is cold, and bring your brother. There is cake, too."
    message = reply(*(f"{word} " for word in text.split())) if is_streamed else text
    sound = await decode_output(await hear(message, **EVERYTHING, **receiver), receiver)
    assert np.abs(sound.samples[: round(0.28 * RATE)]).max() < 0.001
    assert np.abs(sound.samples[round(0.3 * RATE) : round(0.6 * RATE)]).max() > 0.02
    assert_spoken(between(sound, BEFORE, AFTER).samples, RATE, text)


@pytest.mark.parametrize("receiver", [{}, SATELLITE], ids=["mp3", "satellite"])
async def test_long_text(simulator: Simulator, hear: Hear, receiver: dict[str, Any]) -> None:
    """A text of several requests has one chime at its beginning and one at its end."""
    simulator.audio_mode = "tones"
    text = " ".join(f"Sentence number {number} says that {SENTENCE.lower()}" for number in range(90))
    sound = await decode_output(await hear(text, **EVERYTHING, **receiver), receiver)
    assert len(get_speech_requests(simulator)) > 1
    assert_spoken(between(sound, BEFORE, AFTER).samples, RATE, text)


@pytest.mark.parametrize("receiver", AT_ONCE, ids=["mp3", "satellite", "flac"][: len(AT_ONCE)])
async def test_chime_does_not_wait_for_speech(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, receiver: dict[str, Any]
) -> None:
    """The chime is there while the service has not even begun to answer, nor the assistant to write."""
    simulator.timing = Timing(first_byte=3)
    is_written = asyncio.Event()

    async def slow() -> AsyncGenerator[str]:
        await is_written.wait()
        yield SENTENCE

    for _ in range(2):  # the first time, a chime that nobody has set for a voice has to be loaded
        is_written.clear()
        stream = tts.async_create_stream(hass, "tts.ann", options={"chime": "ding_dong", **receiver})
        started = asyncio.get_running_loop().time()
        stream.async_set_message_stream(slow())
        chunks = stream.async_stream_result()
        received = 0
        while received < 3000:
            received += len(await anext(chunks))
        took = asyncio.get_running_loop().time() - started
        assert not is_written.is_set()
        is_written.set()
        async for _chunk in chunks:
            pass
    assert took < 1  # the benchmark measures how soon it is; here others use the machine as well


async def test_chime_and_speech_meet_without_a_click(simulator: Simulator, hear: Hear) -> None:
    """No step from one sample to the next stands out where one ends and the other begins."""
    sound = await decode(await hear(preferred_format="wav", chime="ding_dong", chime_after="alert", loudness=-18))
    steps = np.abs(np.diff(sound.samples))
    first = round(load_built_in_chime(BuiltInChime.DING_DONG).seconds * RATE)
    last = len(sound.samples) - round(load_built_in_chime(BuiltInChime.ALERT).seconds * RATE)
    for seam in (first, first + round(CHIME_PAUSE_S * RATE), last - round(CHIME_PAUSE_S * RATE), last):
        assert steps[seam - 3 : seam + 3].max() < 0.02


@pytest.mark.parametrize("options", [{"chime": "alert"}, {"loudness": -18}, {"gain_db": 3}, EVERYTHING])
@pytest.mark.parametrize("receiver", [{}, SATELLITE], ids=["mp3", "satellite"])
async def test_other_voice_speaks_after_the_chime(  # noqa: PLR0913, PLR0917
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, hear: Hear, options: Any, receiver: Any
) -> None:
    """A chime that has been heard keeps nobody from taking over, and is not heard again with the other voice."""
    simulator.audio_mode = "tones"
    voice = {"model": "openai/tts-1", "voice": "nova", "chime": "alarm", "lead_in_ms": 500, "loudness": -20}
    other = create_account(simulator, "speechbase", voice, "Ben")
    other.add_to_hass(hass)
    assert await hass.config_entries.async_setup(other.entry_id)
    simulator.fail(Fault(path="/v1/audio/speech", status=401, json={"error": {"code": "invalid_api_key"}}, times=99))
    audio = await hear(SENTENCE, **options, fallback=["tts.ben"], **receiver)
    sound = await decode_output(audio, receiver)
    before = (
        load_built_in_chime(BuiltInChime.ALERT).seconds + CHIME_PAUSE_S if options.get("chime") == "alert" else 0,
        BEFORE,
    )
    said = between(sound, before[options is EVERYTHING], AFTER if options is EVERYTHING else 0)
    assert {word.voice for word in assert_spoken(said.samples, RATE, SENTENCE)} == {voice_of("nova")}
    assert not [key for key in hass.data[DATA_TTS_MANAGER].file_cache if key.endswith("tts.ann")]


@pytest.mark.parametrize("options", [{"chime": "alert"}, {"loudness": -18}, {"lead_in_ms": 200}])
@pytest.mark.parametrize("receiver", [{}, {"preferred_format": "wav"}, SATELLITE], ids=["mp3", "wav", "satellite"])
async def test_failure_is_told_and_not_kept(  # noqa: PLR0913, PLR0917
    hass: HomeAssistant, simulator: Simulator, hear: Hear, caplog: pytest.LogCaptureFixture, options: Any, receiver: Any
) -> None:
    """Nobody speaks: after a chime or without one, that is an error, and the next time all is asked anew."""
    simulator.audio_mode = "tones"
    simulator.fail(Fault(path=PATH, status=403))
    audio = await hear(SENTENCE, **options, **receiver)
    assert "does not permit" in caplog.text
    assert not hass.data[DATA_TTS_MANAGER].file_cache
    assert not hass.data[DATA_TTS_MANAGER].mem_cache
    if "chime" not in options:
        assert len(audio) < 20_000
    sound = await decode_output(await hear(SENTENCE, **options, **receiver), receiver)
    start = (
        load_built_in_chime(BuiltInChime.ALERT).seconds + CHIME_PAUSE_S
        if "chime" in options
        else options.get("lead_in_ms", 0) / 1000
    )
    assert_spoken(between(sound, start, 0).samples, RATE, SENTENCE)
    assert len(get_speech_requests(simulator)) == 2


async def test_sound_that_breaks_off_is_not_kept(simulator: Simulator, hear: Hear) -> None:
    """A connection that breaks in the middle of a sentence leaves nothing behind, chime or not."""
    simulator.fail(Fault(path=PATH, truncate_after=4000))
    await hear(SENTENCE, **EVERYTHING)
    await hear(SENTENCE, **EVERYTHING)
    assert len(get_speech_requests(simulator)) == 2


async def test_satellite_does_not_starve_after_the_chime(
    hass: HomeAssistant, simulator: Simulator, hear: Hear, account: MockConfigEntry
) -> None:
    """While a slow service thinks, a satellite is fed silence; that silence is not kept and played again."""
    simulator.audio_mode = "tones"
    simulator.timing = Timing(first_byte=3)
    slow = read_wav_stream(await hear(SENTENCE, chime="alert", **SATELLITE))
    assert slow.seconds > 3 + len(heard_words(slow.samples, RATE)) * 0.2
    assert not hass.data[DATA_TTS_MANAGER].file_cache
    simulator.timing = Timing()
    quick = read_wav_stream(await hear(SENTENCE, chime="alert", **SATELLITE))
    assert quick.seconds < slow.seconds - 1.5
    assert len(get_speech_requests(simulator)) == 2
    await hear(SENTENCE, chime="alert", **SATELLITE)
    assert len(get_speech_requests(simulator)) == 2


async def test_listener_who_leaves_during_the_chime(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry
) -> None:
    """Who does not want to hear more is not spoken to, and nothing goes on in vain."""
    simulator.timing = Timing(first_byte=30)
    before = asyncio.all_tasks()
    engine = tts.get_engine_instance(hass, "tts.ann")
    options = {**engine.default_options, **EVERYTHING, **SATELLITE}
    response = await engine.async_stream_tts_audio(tts.TTSAudioRequest("en", options, reply(SENTENCE)))
    assert await anext(response.data_gen)
    while not get_speech_requests(simulator):  # noqa: ASYNC110 - the simulator does not tell
        await asyncio.sleep(0.02)
    await response.data_gen.aclose()
    async with asyncio.timeout(5):
        await simulator.requests[-1].finished.wait()
    assert simulator.requests[-1].disconnected
    assert not [task for task in asyncio.all_tasks() - before if task.get_name().startswith("orator")]


@pytest.mark.parametrize("options", [{}, dict.fromkeys(EVERYTHING), {"chime": "none", "gain_db": 0}])
async def test_without_effects_speech_is_untouched(simulator: Simulator, hear: Hear, options: dict[str, Any]) -> None:
    """A call can switch off what its voice has; then what the service sends passes byte by byte."""
    heard = await hear(**options)
    assert [body["response_format"] for body in get_speech_requests(simulator)] == ["mp3"]
    assert detect_format(heard[:12]) is AudioFormat.MP3
    assert heard == await hear()


async def test_gain_is_heard(simulator: Simulator, hear: Hear) -> None:
    """6 dB less are half as much."""
    plain = await decode(await hear(preferred_format="wav"))
    quiet = await decode(await hear(preferred_format="wav", gain_db=-6.0))
    assert quiet.level / plain.level == pytest.approx(10 ** (-6 / 20), rel=0.02)
    assert quiet.seconds == pytest.approx(plain.seconds, abs=0.01)


async def test_nothing_to_say_but_the_chime(simulator: Simulator, hear: Hear) -> None:
    """A message without words is just the chime."""
    sound = await decode(await hear("", chime="alert", preferred_format="flac"))
    assert sound.seconds == pytest.approx(
        load_built_in_chime(BuiltInChime.ALERT).seconds + CHIME_PAUSE_S + 0.3, abs=0.05
    )
    assert not get_speech_requests(simulator)


@pytest.mark.parametrize(
    ("options", "told"),
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
async def test_impossible_option_is_told(
    hass: HomeAssistant,
    simulator: Simulator,
    account: MockConfigEntry,
    options: dict[str, Any],
    told: str,
) -> None:
    """A value out of range is refused before anybody speaks or anything sounds; the message names the setting."""
    with pytest.raises((HomeAssistantError, ServiceValidationError), match=f"The value of {told} is not possible"):
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
async def test_changed_voice_is_never_answered_from_the_cache(
    hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry, hear: Hear, change: dict[str, Any]
) -> None:
    """What sounds otherwise is asked anew, for a voice and for a call; what does not is kept."""
    plain = await hear()
    called = await hear(**change)
    assert await hear(**change) == called
    assert called != plain
    assert len(get_speech_requests(simulator)) == 2
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
)
@pytest.mark.parametrize("receiver", [{}, SATELLITE], ids=["mp3", "satellite"])
async def test_every_service(
    hass: HomeAssistant, simulator: Simulator, provider: str, voice: dict[str, str], receiver: dict[str, Any]
) -> None:
    """Sockets, jobs that take a while, sound that has to be decoded first: with every effect, every word."""
    simulator.audio_mode = "tones"
    entry = create_account(simulator, provider, voice)
    await load_account(hass, entry, wait_background_tasks=True)
    stream = tts.async_create_stream(hass, "tts.ann", options={**EVERYTHING, **receiver})
    stream.async_set_message_stream(reply(SENTENCE))
    sound = await decode_output(b"".join([chunk async for chunk in stream.async_stream_result()]), receiver)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert_spoken(between(sound, BEFORE, AFTER).samples, RATE, SENTENCE)
