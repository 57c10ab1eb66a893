"""Messages with SSML: words, voices, pauses and clips in the audio that Home Assistant serves."""

from collections.abc import AsyncGenerator
from itertools import pairwise
from math import inf
from pathlib import Path
from typing import Any

from homeassistant.core import HomeAssistant
import numpy as np
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.audio.effects import MAX_CLIP_S, BuiltInChime, load_built_in_chime
from tests.simulator import Fault, Simulator
from tests.support.actions import create_media_folder
from tests.support.audio import RATE, Sound, decode_output
from tests.support.chimes import write_audio_file
from tests.support.speech import INVALID_KEY, Hear, get_speech_requests
from tests.support.streams import SATELLITE, stream_text
from tests.support.word_decoder import assert_spoken, voice_of

OUTPUT_FORMATS: list[dict[str, Any]] = [{"preferred_format": "mp3"}, {"preferred_format": "wav"}, SATELLITE]
FORMAT_IDS = ["mp3", "wav", "satellite"]
ANN, BEN = voice_of("coral"), voice_of("nova")
FIRST, SECOND = "The kettle has boiled and the tea is ready.", "Come down before it is cold."


@pytest.fixture(autouse=True)
def speak_tones(simulator: Simulator) -> None:
    """Let the providers speak words that can be decoded."""
    simulator.audio_mode = "tones"


def divide(text: str) -> AsyncGenerator[str]:
    """Yield a message in deltas that divide tags."""
    return stream_text(*(text[start : start + 7] for start in range(0, len(text), 7)), pause_s=0.005)


async def hear_sound(hear: Hear, message: str, *, is_streamed: bool, **options: Any) -> Sound:
    """Return the decoded audio of a message."""
    text = divide(message) if is_streamed else message
    return await decode_output(await hear(text, **options), options)


every_format = pytest.mark.parametrize("options", OUTPUT_FORMATS, ids=FORMAT_IDS)
every_way = pytest.mark.parametrize("is_streamed", [False, True], ids=["complete", "streamed"])


@every_format
@every_way
async def test_break(hear: Hear, options: dict[str, Any], *, is_streamed: bool) -> None:
    """A break adds silence of its duration between the words, and nothing else."""
    without = await hear_sound(hear, f"<speak>{FIRST} {SECOND}</speak>", is_streamed=is_streamed, **options)
    sound = await hear_sound(
        hear, f'<speak>{FIRST}<break time="1500ms"/>{SECOND}</speak>', is_streamed=is_streamed, **options
    )
    assert sound.seconds - without.seconds == pytest.approx(1.5, abs=0.02)
    words = assert_spoken(sound.samples, RATE, f"{FIRST} {SECOND}")
    number = len(FIRST.split())
    assert words[number].start_seconds - words[number - 1].end_seconds == pytest.approx(1.5, abs=0.05)


@every_format
@every_way
async def test_dialogue(
    simulator: Simulator, fallback_account: MockConfigEntry, hear: Hear, options: dict[str, Any], *, is_streamed: bool
) -> None:
    """Two voices of two accounts speak their words in order, without a gap, at the loudness of the message's voice."""
    text = f'<speak>{FIRST} <voice name="tts.ben">{SECOND}</voice> {FIRST}</speak>'
    sound = await hear_sound(hear, text, is_streamed=is_streamed, **options)
    words = assert_spoken(sound.samples, RATE, f"{FIRST} {SECOND} {FIRST}")
    assert [word.voice for word in words] == [ANN] * 9 + [BEN] * 6 + [ANN] * 9
    assert max(after.start_seconds - before.end_seconds for before, after in pairwise(words)) < 0.12


async def test_failed_voice(simulator: Simulator, fallback_account: MockConfigEntry, hear: Hear) -> None:
    """The message's own voice replaces another one that fails, and one that does not exist."""
    simulator.fail(Fault(contains="nova", status=401, json={"error": "invalid"}, times=inf))
    text = f'<speak><voice name="tts.nobody">{FIRST}</voice> <voice name="tts.ben">{SECOND}</voice></speak>'
    sound = await hear_sound(hear, text, is_streamed=False)
    assert {word.voice for word in assert_spoken(sound.samples, RATE, f"{FIRST} {SECOND}")} == {ANN}


@every_format
@every_way
async def test_voice_of_same_model(
    simulator: Simulator, hear: Hear, options: dict[str, Any], *, is_streamed: bool
) -> None:
    """A voice of the same model speaks without another account."""
    text = f'<speak>{FIRST} <voice name="nova">{SECOND}</voice></speak>'
    sound = await hear_sound(hear, text, is_streamed=is_streamed, **options)
    words = assert_spoken(sound.samples, RATE, f"{FIRST} {SECOND}")
    assert [word.voice for word in words] == [ANN] * 9 + [BEN] * 6
    assert [request["voice"] for request in get_speech_requests(simulator)] == ["coral", "nova"]


@every_format
@every_way
@pytest.mark.parametrize("source", ["ding_dong", "gong.mp3"])
async def test_clip(
    hass: HomeAssistant, hear: Hear, options: dict[str, Any], source: str, *, is_streamed: bool
) -> None:
    """A built-in chime or an allowed file is played between the words."""
    write_audio_file(hass.config.config_dir, "gong.mp3", 1.2)
    seconds = load_built_in_chime(BuiltInChime.DING_DONG).seconds if source == "ding_dong" else 1.2
    without = await hear_sound(hear, f"<speak>{FIRST} {SECOND}</speak>", is_streamed=is_streamed, **options)
    text = f'<speak>{FIRST} <audio src="{source}">Never heard.</audio> {SECOND}</speak>'
    sound = await hear_sound(hear, text, is_streamed=is_streamed, **options)
    assert sound.seconds - without.seconds == pytest.approx(seconds, abs=0.03 if source == "ding_dong" else 0.1)
    middle = len(FIRST.split()) / len(f"{FIRST} {SECOND}".split()) * without.seconds
    start, end = round(middle * RATE), round((middle + seconds) * RATE)
    assert np.abs(sound.samples[start:end]).max() > 0.05
    assert_spoken(np.delete(sound.samples, np.s_[start:end]), RATE, f"{FIRST} {SECOND}")


@pytest.fixture
def media(hass: HomeAssistant, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create a media folder outside the configuration folder before media sources are set up."""
    return create_media_folder(hass, tmp_path_factory.mktemp("media"))


async def test_media_source_clip(media: Path, hear: Hear) -> None:
    """A recording of a media source is played, unless it is too long."""
    write_audio_file(media, "short.mp3", 1.2)
    write_audio_file(media, "long.mp3", MAX_CLIP_S + 2)
    source = "media-source://media_source/local"
    text = (
        f'<speak><audio src="{source}/short.mp3">Short.</audio><audio src="{source}/long.mp3">{FIRST}</audio></speak>'
    )
    sound = await hear_sound(hear, text, is_streamed=False)
    assert_spoken(sound.samples[round(1.25 * RATE) :], RATE, FIRST)
    assert np.abs(sound.samples[: round(1.2 * RATE)]).max() > 0.05


@every_format
@every_way
async def test_missing_clip(hear: Hear, options: dict[str, Any], *, is_streamed: bool) -> None:
    """The fallback text of a clip that does not exist is spoken."""
    text = f'<speak>{FIRST} <audio src="/etc/passwd">It rings.</audio> {SECOND}</speak>'
    sound = await hear_sound(hear, text, is_streamed=is_streamed, **options)
    assert_spoken(sound.samples, RATE, f"{FIRST} It rings. {SECOND}")


@every_format
@every_way
async def test_volume(hear: Hear, options: dict[str, Any], *, is_streamed: bool) -> None:
    """The volume is a gain on the words of the element only."""
    text = f'<speak>{FIRST} <prosody volume="-6dB">{SECOND}</prosody></speak>'
    sound = await hear_sound(hear, text, is_streamed=is_streamed, **options)
    words = assert_spoken(sound.samples, RATE, f"{FIRST} {SECOND}")
    levels = [
        Sound(sound.samples[round(word.start_seconds * RATE) : round(word.end_seconds * RATE)]).level for word in words
    ]
    assert 20 * np.log10(np.mean(levels[9:]) / np.mean(levels[:9])) == pytest.approx(-6, abs=1)


@every_way
async def test_rate(simulator: Simulator, hear: Hear, *, is_streamed: bool) -> None:
    """The rate is the speed of a model that has one."""
    text = f'<speak>{FIRST} <prosody rate="80%">{SECOND}</prosody></speak>'
    await hear_sound(hear, text, is_streamed=is_streamed)
    assert [request.get("speed") for request in get_speech_requests(simulator)] == [None, 0.8]


@every_format
@every_way
async def test_stretched_rate(
    fallback_account: MockConfigEntry, hear: Hear, options: dict[str, Any], *, is_streamed: bool
) -> None:
    """The audio of another entity is stretched to the rate, without a change of its pitch."""
    voice = '<voice name="tts.ben">'
    plain = await hear_sound(
        hear, f"<speak>{FIRST} {voice}{SECOND}</voice></speak>", is_streamed=is_streamed, **options
    )
    text = f'<speak>{FIRST} {voice}<prosody rate="110%">{SECOND}</prosody></voice></speak>'
    sound = await hear_sound(hear, text, is_streamed=is_streamed, **options)
    seconds = plain.seconds * 6 / 15
    assert plain.seconds - sound.seconds == pytest.approx(seconds * (1 - 1 / 1.1), abs=0.04)
    assert_spoken(sound.samples, RATE, f"{FIRST} {SECOND}")


@every_format
async def test_only_pause_or_clip(hear: Hear, options: dict[str, Any]) -> None:
    """A message without words is silence, or a clip."""
    silence = await hear_sound(hear, '<speak><break time="2s"/></speak>', is_streamed=False, **options)
    assert silence.seconds == pytest.approx(2, abs=0.1)
    assert silence.level < 0.001
    clip = await hear_sound(hear, '<speak><audio src="alert"/></speak>', is_streamed=False, **options)
    assert clip.seconds == pytest.approx(load_built_in_chime(BuiltInChime.ALERT).seconds, abs=0.1)
    assert clip.level > 0.01
    nothing = await hear_sound(hear, "<speak></speak>", is_streamed=False, **options)
    assert nothing.level < 0.001


@every_format
@every_way
async def test_error(simulator: Simulator, hear: Hear, options: dict[str, Any], *, is_streamed: bool) -> None:
    """A message that no voice can speak is an error, as without markup."""
    simulator.fail(INVALID_KEY)
    text = f"<speak>{FIRST} <prosody volume='loud'>{SECOND}</prosody></speak>"
    assert await hear(divide(text) if is_streamed else text, **options) == b""


@every_format
async def test_many_pauses(hear: Hear, options: dict[str, Any]) -> None:
    """Many short pauses are as exact as one."""
    pauses = ' <break time="130ms"/> '
    words = FIRST.removesuffix(".").split()
    without = await hear_sound(hear, f"<speak>{FIRST}</speak>", is_streamed=False, **options)
    sound = await hear_sound(hear, f"<speak>{pauses.join(words)}.</speak>", is_streamed=False, **options)
    assert sound.seconds - without.seconds == pytest.approx(0.13 * (len(words) - 1), abs=0.02)
    assert_spoken(sound.samples, RATE, FIRST)
