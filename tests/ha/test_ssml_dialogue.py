"""Dialogues: several voices of several accounts in one message, at one loudness, without gaps."""

from itertools import pairwise
from typing import Any, Final

from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.audio.formats import PcmLayout
from tests.simulator import Simulator
from tests.support.audio import RATE, Sound, decode_output
from tests.support.signals import loudness
from tests.support.speech import Hear, create_account, get_post_requests, load_account
from tests.support.streams import SATELLITE, stream_text
from tests.support.word_decoder import HeardWord, assert_spoken, voice_of

OUTPUT_FORMATS: list[dict[str, Any]] = [{"preferred_format": "mp3"}, {"preferred_format": "wav"}, SATELLITE]
LINES: Final = (
    ("ann", "Good morning, everybody. The kettle has boiled and the tea is on the table."),
    ("ben", "I hear it well from up here. Give me a moment and I will be downstairs with you."),
    ("cleo", "Leave some of the tea for me, please. I am still looking for my other shoe."),
    ("ann", "It is under the bench by the door, where it has been for the whole week."),
    ("ben", "She will never find it there without a lamp. Shall I bring her the small one?"),
)
WORDS: Final = " ".join(line for _, line in LINES)
DIALOGUE: Final = "<speak>" + " ".join(f'<voice name="tts.{name}">{line}</voice>' for name, line in LINES) + "</speak>"
VOICES: Final = {"ann": voice_of("coral"), "ben": voice_of("nova"), "cleo": voice_of("onyx")}
SPEAKERS: Final = [VOICES[name] for name, line in LINES for _ in line.split()]

every_format = pytest.mark.parametrize("options", OUTPUT_FORMATS, ids=["mp3", "wav", "satellite"])
every_way = pytest.mark.parametrize("is_streamed", [False, True], ids=["complete", "streamed"])


@pytest.fixture(autouse=True)
async def speakers(hass: HomeAssistant, simulator: Simulator, account: MockConfigEntry) -> None:
    """Add two quieter voices, each of an account of its own."""
    simulator.audio_mode = "tones"
    ben = {"model": "openai/tts-1", "voice": "nova", "volume_dbfs": -26}
    await load_account(hass, create_account(simulator, "speechbase", ben, "Ben"))
    cleo = {"model": "openai/tts-1", "voice": "onyx", "volume_dbfs": -30}
    await load_account(hass, create_account(simulator, "speechbase", cleo, "Cleo"))


def write(text: str, *, is_streamed: bool) -> Any:
    """Return a text, or its deltas."""
    return stream_text(*(text[i : i + 9] for i in range(0, len(text), 9)), pause_s=0.005) if is_streamed else text


def measure_lines(sound: Sound, words: list[HeardWord]) -> list[float]:
    """Return the loudness of each line in LUFS."""
    levels: list[float] = []
    position = 0
    for _, line in LINES:
        first, last = words[position], words[position := position + len(line.split()) - 1]
        position += 1
        samples = sound.samples[round(first.start_seconds * RATE) : round(last.end_seconds * RATE)]
        levels.append(loudness((samples * 0x8000).astype("<i2").tobytes(), PcmLayout(RATE)))
    return levels


@every_format
@every_way
@pytest.mark.parametrize("settings", [{}, {"loudness": -20}], ids=["own loudness", "target"])
async def test_dialogue(hear: Hear, options: dict[str, Any], settings: dict[str, Any], *, is_streamed: bool) -> None:
    """Each voice speaks its lines in order, at one loudness from the first message on, without a gap."""
    text = write(DIALOGUE, is_streamed=is_streamed)
    sound = await decode_output(await hear(text, **options, **settings), options)
    words = assert_spoken(sound.samples, RATE, WORDS)
    assert [word.voice for word in words] == SPEAKERS
    assert max(after.start_seconds - before.end_seconds for before, after in pairwise(words)) < 0.12
    levels = measure_lines(sound, words)
    assert max(levels) - min(levels) < 2, levels


async def test_second_message(hear: Hear) -> None:
    """In the second message, all voices are at the target loudness."""
    await hear(DIALOGUE, sentence_cache=False, loudness=-20)
    text = DIALOGUE.replace("Good morning", "Good evening")
    options = {"preferred_format": "wav"}
    sound = await decode_output(await hear(text, loudness=-20, **options), options)
    words = assert_spoken(sound.samples, RATE, WORDS.replace("Good morning", "Good evening"))
    assert measure_lines(sound, words) == pytest.approx([-20] * len(LINES), abs=1.5)


async def test_requests(hass: HomeAssistant, simulator: Simulator, hear: Hear) -> None:
    """Each voice gets its own lines, and no other account sees them."""
    await hear(DIALOGUE)
    bodies = [body for body in get_post_requests(simulator) if body]
    spoken = {
        voice: " ".join(str(body.get("input", body.get("text"))).strip() for body in bodies if body["voice"] == voice)
        for voice in ("coral", "nova", "onyx")
    }
    for name, voice in (("ann", "coral"), ("ben", "nova"), ("cleo", "onyx")):
        assert spoken[voice] == " ".join(line for speaker, line in LINES if speaker == name)
