"""Replies of slow language models: they start with a clause, and every word is heard, on players and satellites."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.pipeline.chunker import TextChunker
from custom_components.orator.pipeline.early_start import EarlyStart
from tests.simulator import Simulator, Timing
from tests.support.audio import RATE, decode_output
from tests.support.speech import Hear, create_account, get_speech_requests
from tests.support.streams import SATELLITE, SENTENCE, stream_text
from tests.support.word_decoder import assert_spoken

CLAUSE = "When you get home this evening from the office,"
REPLY = (
    f"{CLAUSE} the lights in the hall will be on, the heating will have warmed the living room to twenty degrees, and "
    "the music that you asked for this morning will start to play in the kitchen. Is there anything else?"
)
GATE_CHARS = 61


@pytest.fixture
def entry(simulator: Simulator, request: pytest.FixtureRequest) -> MockConfigEntry:
    """Return an account whose voice has a price per character, or at NanoGPT one with a minimum per request."""
    if getattr(request, "param", "openai") == "openai":
        return create_account(simulator, "openai", {"model": "gpt-4o-mini-tts", "voice": "coral"})
    return create_account(simulator, "nanogpt", {"model": "Elevenlabs-Turbo-V2.5", "voice": "Rachel"})


def write_slowly(words_per_s: float) -> AsyncGenerator[str]:
    """Write the reply at a pace, its first 61 characters at once."""
    start, rest = REPLY[:GATE_CHARS], REPLY[GATE_CHARS:]
    deltas = [start, *(f" {word}" if index else word for index, word in enumerate(rest.split(" ")))]
    return stream_text(*deltas, pause_s=1 / words_per_s)


@pytest.mark.parametrize("options", [{"preferred_format": "mp3"}, SATELLITE], ids=["player", "satellite"])
async def test_slow_reply(simulator: Simulator, hear: Hear, options: dict[str, Any]) -> None:
    """The first request is the first clause, and no word is lost where the parts are joined."""
    simulator.audio_mode = "tones"
    simulator.timing = Timing(first_byte=0.1, rate=20)
    await hear(SENTENCE, **options)  # measures the latency of the voice
    simulator.requests.clear()
    sound = await decode_output(await hear(write_slowly(8), **options), options)
    texts = [body["input"] for body in get_speech_requests(simulator)]
    assert texts[0].startswith(CLAUSE)
    assert len(texts[0]) < len(REPLY) / 2
    assert " ".join(texts) == REPLY
    assert_spoken(sound.samples, RATE, REPLY)


@pytest.mark.parametrize(
    ("entry", "options", "starts_early"),
    [
        ("openai", {}, True),
        ("openai", SATELLITE, True),
        ("openai", {"preferred_format": "wav"}, False),
        ("nanogpt", {}, False),
    ],
    indirect=["entry"],
)
async def test_conditions(
    hear: Hear, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], *, starts_early: bool
) -> None:
    """A model with a minimum price per request, and a player that needs a whole file, get whole sentences."""
    found = []

    def create(*args: Any, early_start: EarlyStart | None, **kwargs: Any) -> TextChunker:
        found.append(early_start)
        return TextChunker(*args, early_start=early_start, **kwargs)

    monkeypatch.setattr("custom_components.orator.pipeline.plan.TextChunker", create)
    await hear(SENTENCE, **options)
    await hear(f"{SENTENCE} Again.", **options)
    if not starts_early:
        assert found == [None, None]
        return
    first, second = filter(None, found)
    assert first.latency_s is None
    assert second.latency_s is not None
    assert second.min_clause_s < first.min_clause_s
