"""Speech in tones: what a word is, and that only the sound is another."""

import time

import aiohttp
import pytest

from tests.simulator import Simulator
from tests.simulator.__main__ import parse_options
from tests.simulator.audio.encoding import SAMPLE_RATE
from tests.simulator.audio.espeak import Speaker, speaker_of
from tests.simulator.audio.tones import code_of, code_of_speaker, sealed, sound, unsealed, words_of
from tests.simulator.openai.contract import MAX_CHARACTERS, VOICES

from .openai_client import TEXT, seconds, seconds_of_pcm, speech

SECONDS_A_WORD = 0.254


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" … — «» !?", []),
        ("Hello, “World”—it's me!", ["hello", "world", "it's", "me"]),
        (
            "(Don\u2019t) e.g. 3.5 °C; a_b, 1,000 well-known",
            ["don\u2019t", "e.g", "3.5", "°c", "a_b", "1,000", "well-known"],
        ),
        ("STRASSE Straße", ["strasse", "strasse"]),
        ("Cafe\u0301 caf\xe9", ["caf\xe9", "caf\xe9"]),
        ("今天GPT4很好。", ["今", "天", "gpt4", "很", "好"]),
        ("วันนี้ดี", ["วั", "น", "นี้", "ดี"]),
        ("आज मौसम अच्छा है।", ["आज", "मौसम", "अच्छा", "है"]),
        ("الطقس، جميل؟", ["الطقس", "جميل"]),
        ("co\xadoperate na\u200bme", ["cooperate", "name"]),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    """Words are told apart in every script, whatever punctuation is around them."""
    assert words_of(text) == words


@pytest.mark.parametrize("text", [TEXT, "今天天气GPT4很好。", "วันนี้อากาศดี, e.g. (3.5 °C)"])
def test_words_of_parts(text: str) -> None:
    """A text that is cut between words has the same words."""
    words = words_of(text)
    assert words_of(" ".join(words)) == words


def test_codes() -> None:
    """Codes are the same every time, differ between words and between voices, and show damage."""
    assert code_of("kettle") == code_of("kettle") != code_of("kettles")
    assert len({code_of(str(number)) for number in range(500)}) == 500
    assert len({code_of_speaker(speaker_of(voice)) for voice in VOICES}) == len(VOICES)
    bits = sealed(code_of("kettle"), 5)
    assert unsealed(bits) == (code_of("kettle"), 5)
    assert not any(unsealed(bits ^ 1 << bit) for bit in range(45))


async def test_tongue(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """A simulator speaks until it is told otherwise, and again afterwards."""
    spoken = await speech(client, response_format="pcm")
    simulator.tongue = "tones"
    tones = await speech(client, response_format="pcm")
    assert seconds_of_pcm(tones) == pytest.approx(9 * SECONDS_A_WORD)
    assert seconds(await speech(client)) == pytest.approx(9 * SECONDS_A_WORD, abs=0.1)
    assert seconds_of_pcm(await speech(client, response_format="pcm", input="!")) == pytest.approx(0.1)
    simulator.tongue = "speech"
    assert await speech(client, response_format="pcm") == spoken != tones


def test_tongue_of_the_program() -> None:
    """As a program the simulator can speak in tones too."""
    assert [parse_options(arguments).tongue for arguments in ([], ["--tongue", "tones"])] == ["speech", "tones"]


def test_quick_synthesis() -> None:
    """The longest input takes a fraction of a second, of which half is allowed here for busy machines."""
    text = (TEXT + " ") * 100
    started = time.perf_counter()
    made = sound(text[:MAX_CHARACTERS], Speaker.named("anyone"))
    assert time.perf_counter() - started < 0.5
    assert made.rate == SAMPLE_RATE
    assert 200 < made.duration < 210
