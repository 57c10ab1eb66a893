"""The words are read back from the sound that Home Assistant served, after splitting, joining and converting."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from ..simulator import Simulator, Timing
from ..support.audio import RATE, Sound, decode, streamed_wav
from ..support.speech import SATELLITE, Hear, spoken
from ..support.word_decoder import assert_spoken

PARAGRAPHS = (
    "The ferry leaves at seven. It carries two hundred people, their bicycles, and a band that plays on deck!",
    "Would you believe that nobody has ever missed it? The captain waits, he says, for everyone who runs.",
    "On **Sundays** it leaves at nine; ask at the [harbour office](https://harbour.example/times) for the rest.",
)


def text_of(chars: int) -> str:
    """Return a text of about so many characters, in which no two sentences are the same."""
    paragraphs = []
    while sum(map(len, paragraphs)) < chars:
        paragraphs.append(f"Part {len(paragraphs)}: {PARAGRAPHS[len(paragraphs) % len(PARAGRAPHS)]}")
    return "\n\n".join(paragraphs)


def as_spoken(text: str) -> str:
    """Return the words of a text of `PARAGRAPHS`."""
    return text.replace("**", "").replace("[", "").replace("](https://harbour.example/times)", "")


async def told(text: str, pause: float) -> AsyncGenerator[str]:
    """Give a text as a language model does: a few characters at a time, anywhere."""
    for start in range(0, len(text), 7):
        yield text[start : start + 7]
        await asyncio.sleep(pause)


async def listened(heard: bytes, options: dict[str, Any]) -> Sound:
    """Decode what was served."""
    return streamed_wav(heard) if options == SATELLITE else await decode(heard)


RECEIVERS = [{"preferred_format": "mp3"}, {"preferred_format": "wav"}, {"preferred_format": "flac"}, SATELLITE]


@pytest.mark.parametrize("options", RECEIVERS, ids=["mp3", "wav", "flac", "satellite"])
async def test_twelve_thousand_characters(simulator: Simulator, hear: Hear, options: dict[str, Any]) -> None:
    """A text longer than any request may be is spoken whole, each word once."""
    simulator.audio_mode = "tones"
    text = text_of(12_000)
    sound = await listened(await hear(text, **options), options)
    assert len(spoken(simulator)) > 2
    assert all(len(body["input"]) <= 4096 for body in spoken(simulator))
    assert_spoken(sound.samples, RATE, as_spoken(text))


@pytest.mark.parametrize("options", RECEIVERS, ids=["mp3", "wav", "flac", "satellite"])
async def test_streamed_reply(simulator: Simulator, hear: Hear, options: dict[str, Any]) -> None:
    """A reply that is spoken while it is written has all its words, whatever it is joined from."""
    simulator.audio_mode = "tones"
    simulator.timing = Timing(first_byte=0.05, rate=20)
    text = text_of(1_500)
    sound = await listened(await hear(told(text, 0.002), **options), options)
    assert len(spoken(simulator)) > 2
    assert_spoken(sound.samples, RATE, as_spoken(text))
