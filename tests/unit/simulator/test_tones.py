"""Speech encoded as tones."""

import time

import aiohttp
import pytest

from tests.simulator import Simulator
from tests.simulator.__main__ import parse_options
from tests.simulator.audio.encoding import SAMPLE_RATE
from tests.simulator.audio.espeak import Speaker, speaker_of
from tests.simulator.audio.tones import decode_word, encode_word, speaker_code, split_words, synthesize_tones, word_code
from tests.simulator.openai.contract import MAX_CHARACTERS, VOICES

from .openai_client import TEXT, measure_duration, measure_pcm_duration, synthesize

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
    assert split_words(text) == words


@pytest.mark.parametrize("text", [TEXT, "今天天气GPT4很好。", "วันนี้อากาศดี, e.g. (3.5 °C)"])
def test_rejoined_words(text: str) -> None:
    """The words of a text survive being joined by spaces."""
    words = split_words(text)
    assert split_words(" ".join(words)) == words


def test_codes() -> None:
    """Codes are stable, differ between words and between voices, and detect damage."""
    assert word_code("kettle") == word_code("kettle") != word_code("kettles")
    assert len({word_code(str(number)) for number in range(500)}) == 500
    assert len({speaker_code(speaker_of(voice)) for voice in VOICES}) == len(VOICES)
    bits = encode_word(word_code("kettle"), 5)
    assert decode_word(bits) == (word_code("kettle"), 5)
    assert not any(decode_word(bits ^ 1 << bit) for bit in range(45))


async def test_audio_mode(client: aiohttp.ClientSession, simulator: Simulator) -> None:
    """The audio mode can be changed and changed back."""
    spoken = await synthesize(client, response_format="pcm")
    simulator.audio_mode = "tones"
    tones = await synthesize(client, response_format="pcm")
    assert measure_pcm_duration(tones) == pytest.approx(9 * WORD_SECONDS)
    assert measure_duration(await synthesize(client)) == pytest.approx(9 * WORD_SECONDS, abs=0.1)
    assert measure_pcm_duration(await synthesize(client, response_format="pcm", input="!")) == pytest.approx(0.1)
    simulator.audio_mode = "speech"
    assert await synthesize(client, response_format="pcm") == spoken != tones


def test_audio_mode_option() -> None:
    """The program has an option for the audio mode."""
    assert [parse_options(arguments).audio_mode for arguments in ([], ["--audio-mode", "tones"])] == ["speech", "tones"]


def test_synthesis_time() -> None:
    """The longest input is synthesized in less than half a second."""
    text = (TEXT + " ") * 100
    started = time.perf_counter()
    tones = synthesize_tones(text[:MAX_CHARACTERS], Speaker.named("anyone"))
    assert time.perf_counter() - started < 0.5
    assert tones.rate == SAMPLE_RATE
    assert 200 < tones.duration < 210
