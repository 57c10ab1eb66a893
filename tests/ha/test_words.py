"""Long and streamed texts: every word is in the audio that Home Assistant serves, in each output format."""

from typing import Any

import pytest

from tests.simulator import Simulator, Timing
from tests.support.audio import RATE, decode_output
from tests.support.speech import Hear, create_text, get_speech_requests, remove_markdown
from tests.support.streams import SATELLITE, stream_text
from tests.support.word_decoder import assert_spoken

OUTPUT_FORMATS = [{"preferred_format": "mp3"}, {"preferred_format": "wav"}, {"preferred_format": "flac"}, SATELLITE]


@pytest.mark.parametrize("options", OUTPUT_FORMATS, ids=["mp3", "wav", "flac", "satellite"])
async def test_long_text(simulator: Simulator, hear: Hear, options: dict[str, Any]) -> None:
    """A text of several requests is spoken completely, each word once."""
    simulator.audio_mode = "tones"
    text = create_text(12_000)
    sound = await decode_output(await hear(text, **options), options)
    assert len(get_speech_requests(simulator)) > 2
    assert all(len(body["input"]) <= 4096 for body in get_speech_requests(simulator))
    assert_spoken(sound.samples, RATE, remove_markdown(text))


@pytest.mark.parametrize("options", OUTPUT_FORMATS, ids=["mp3", "wav", "flac", "satellite"])
async def test_streamed_reply(simulator: Simulator, hear: Hear, options: dict[str, Any]) -> None:
    """A streamed reply of several requests is spoken completely."""
    simulator.audio_mode = "tones"
    simulator.timing = Timing(first_byte=0.05, rate=20)
    text = create_text(1_500)
    deltas = [text[start : start + 7] for start in range(0, len(text), 7)]
    sound = await decode_output(await hear(stream_text(*deltas, pause_s=0.002), **options), options)
    assert len(get_speech_requests(simulator)) > 2
    assert_spoken(sound.samples, RATE, remove_markdown(text))
