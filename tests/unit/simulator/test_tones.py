"""Speech encoded as tones."""

import time

import aiohttp
import pytest

from tests.simulator import Simulator
from tests.simulator.__main__ import parse_options
from tests.simulator.audio.encoding import SAMPLE_RATE
from tests.simulator.audio.espeak import Speaker, speaker_of
from tests.simulator.audio.tones import code_of, code_of_speaker, sealed, sound, unsealed, words_of
from tests.simulator.openai.contract import MAX_CHARACTERS, VOICES

from .openai_client import TEXT, duration_of, pcm_duration_of, synthesize

WORD_SECONDS = 0.254


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
def test_split_words(text: str, words: list[str]) -> None:
    """Words are separated in every script, without surrounding punctuation."""
    assert words_of(text) == words


@pytest.mark.parametrize("text", [TEXT, "今天天气GPT4很好。", "วันนี้อากาศดี, e.g. (3.5 °C)"])
def test_rejoined_words(text: str) -> None:
    """The words of a text survive being joined by spaces."""
    words = words_of(text)
    assert words_of(" ".join(words)) == words


def test_codes() -> None:
    """Codes are stable, differ between words and between voices, and detect damage."""
    assert code_of("kettle") == code_of("kettle") != code_of("kettles")
    assert len({code_of(str(number)) for number in range(500)}) == 500
    assert len({code_of_speaker(speaker_of(voice)) for voice in VOICES}) == len(VOICES)
    bits = sealed(code_of("kettle"), 5)
    assert unsealed(bits) == (code_of("kettle"), 5)
    assert not any(unsealed(bits ^ 1 << bit) for bit in range(45))


async def test_audio_mode(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """The audio mode can be changed and changed back."""
    spoken = await synthesize(client, response_format="pcm")
    simulator.tongue = "tones"
    tones = await synthesize(client, response_format="pcm")
    assert pcm_duration_of(tones) == pytest.approx(9 * WORD_SECONDS)
    assert duration_of(await synthesize(client)) == pytest.approx(9 * WORD_SECONDS, abs=0.1)
    assert pcm_duration_of(await synthesize(client, response_format="pcm", input="!")) == pytest.approx(0.1)
    simulator.tongue = "speech"
    assert await synthesize(client, response_format="pcm") == spoken != tones


def test_audio_mode_option() -> None:
    """The program has an option for the audio mode."""
    assert [parse_options(arguments).audio_mode for arguments in ([], ["--audio-mode", "tones"])] == ["speech", "tones"]


def test_synthesis_time() -> None:
    """The longest input is synthesized in less than half a second."""
    text = (TEXT + " ") * 100
    started = time.perf_counter()
    tones = sound(text[:MAX_CHARACTERS], Speaker.named("anyone"))
    assert time.perf_counter() - started < 0.5
    assert tones.rate == SAMPLE_RATE
    assert 200 < tones.duration < 210
