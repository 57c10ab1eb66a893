"""Replacements with Speechbase: sent as pronunciations if that gives the same result, else applied to the text."""

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.text import Replacement, replace_words
from tests.simulator import Simulator
from tests.simulator.speechbase.catalog import DOCUMENTED_VOICE
from tests.support.audio import RATE, decode
from tests.support.speech import Hear, create_account, get_post_requests
from tests.support.streams import SENTENCE
from tests.support.word_decoder import assert_spoken

SHORT_LIMIT = {"mode": "inline", "model": "inworld/inworld-tts-2", "voice": "Dennis"}
"""A model with a limit of 2,000 characters."""


@pytest.fixture
def entry(simulator: Simulator) -> MockConfigEntry:
    """Return an account at the simulated Speechbase; the simulator encodes the words in tones."""
    simulator.audio_mode = "tones"
    return create_account(simulator, "speechbase", {"mode": "voice", "voice_id": DOCUMENTED_VOICE})


async def assert_speech(audio: bytes, text: str) -> None:
    """Assert that audio in tones contains the words of a text."""
    assert_spoken((await decode(audio)).samples, RATE, text)


@pytest.mark.parametrize(
    ("replacements", "sent"),
    [
        ([("kettle", "pot"), ("kettle", "cauldron")], [("kettle", "pot")]),
        ([("tea", "pot"), ("TEA", "cauldron")], [("tea", "pot")]),
        ([(" kettle ", "pot"), ("tea", "milk"), ("kettle", "")], [("kettle", "pot"), ("tea", "milk")]),
        ([("The", "A"), ("the", "some")], [("The", "A"), ("the", "some")]),
    ],
    ids=["same word", "other case", "spaces", "case-sensitive"],
)
async def test_duplicate_words(
    simulator: Simulator, hear: Hear, replacements: list[tuple[str, str]], sent: list[tuple[str, str]]
) -> None:
    """Each word is sent once, and spoken as if Orator had replaced it."""
    audio = await hear(SENTENCE, replacements=[{"find": find, "say": say} for find, say in replacements])
    expected = replace_words(SENTENCE, [Replacement(find, say) for find, say in replacements])
    await assert_speech(audio, expected)
    (body,) = get_post_requests(simulator)
    assert [(rule["word"], rule["replacement"]) for rule in body["pronunciations"]["rules"]] == sent


async def test_server_rejects_pronunciations(simulator: Simulator, hear: Hear) -> None:
    """A server that rejects pronunciations gets them once, and no word is lost."""
    simulator.speechbase.accepts_pronunciations = False
    for text in (SENTENCE, "No kettle was harmed."):
        audio = await hear(text, replacements=[{"find": "kettle", "say": "the big cauldron"}])
        await assert_speech(audio, text.replace("kettle", "the big cauldron"))
    assert ["pronunciations" in body for body in get_post_requests(simulator)] == [True, False, False]


async def test_replacements_longer_than_words(simulator: Simulator, hear: Hear) -> None:
    """Requests stay within the limit after Speechbase has applied the pronunciations."""
    text = " ".join(["My kettle, a kettle like any other kettle, sings."] * 40)
    replacements = [{"find": "kettle", "say": "cauldron of copper and of brass"}]
    audio = await hear(text, **SHORT_LIMIT, replacements=replacements, sentence_cache=False)
    await assert_speech(audio, text.replace("kettle", "cauldron of copper and of brass"))
    assert len(get_post_requests(simulator)) > 2
    assert all("pronunciations" in body for body in get_post_requests(simulator))


async def test_replacement_longer_than_a_request(simulator: Simulator, hear: Hear) -> None:
    """A replacement longer than the limit is applied to the text, which is spoken in several requests."""
    speech = " ".join(f"Verse number {number} of the song of the kettle." for number in range(60))
    audio = await hear("Now the kettle sings.", **SHORT_LIMIT, replacements=[{"find": "sings", "say": speech}])
    await assert_speech(audio, f"Now the kettle {speech}.")
    assert len(get_post_requests(simulator)) > 1
    assert not any("pronunciations" in body for body in get_post_requests(simulator))
