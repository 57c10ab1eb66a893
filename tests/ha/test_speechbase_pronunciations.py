"""Words said otherwise through Speechbase: by the service where it can do it right, by us where it can't."""

from itertools import product
from string import ascii_lowercase
from time import thread_time

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.orator.pipeline.pronunciations import count_with_pronunciations
from custom_components.orator.providers.models import Pronunciation
from custom_components.orator.providers.speechbase.catalog import describe_model
from custom_components.orator.text.replacements import Replacement, Replacer

from ..simulator import Simulator
from ..simulator.speechbase.catalog import DOCUMENTED_VOICE
from ..support.audio import RATE, decode
from ..support.speech import SENTENCE, Hear, account_of, asked
from ..support.word_decoder import assert_spoken

SHORT = {"mode": "inline", "model": "inworld/inworld-tts-2", "voice": "Dennis"}
"""A model that takes 2000 characters."""


@pytest.fixture
def entry(simulator: Simulator) -> MockConfigEntry:
    """Describe an account at the simulated Speechbase, with a saved voice; what it says can be read back."""
    simulator.tongue = "tones"
    return account_of(simulator, "speechbase", {"mode": "voice", "voice_id": DOCUMENTED_VOICE})


async def assert_heard(audio: bytes, text: str) -> None:
    """Read the words back."""
    assert_spoken((await decode(audio)).samples, RATE, text)


@pytest.mark.parametrize(
    ("replacements", "sent"),
    [
        ([("kettle", "pot"), ("kettle", "cauldron")], [("kettle", "pot")]),
        ([("tea", "pot"), ("TEA", "cauldron")], [("tea", "pot")]),
        ([(" kettle ", "pot"), ("tea", "milk"), ("kettle", "")], [("kettle", "pot"), ("tea", "milk")]),
        ([("The", "A"), ("the", "some")], [("The", "A"), ("the", "some")]),
    ],
)
async def test_first_of_two_counts(
    simulator: Simulator, hear: Hear, replacements: list[tuple[str, str]], sent: list[tuple[str, str]]
) -> None:
    """The service is told each word once, and says what we would say."""
    audio = await hear(SENTENCE, replacements=[{"find": find, "say": say} for find, say in replacements])
    ours = Replacer([Replacement(find, say) for find, say in replacements]).feed(SENTENCE, is_final=True)
    await assert_heard(audio, ours)
    (body,) = asked(simulator)
    assert [(rule["word"], rule["replacement"]) for rule in body["pronunciations"]["rules"]] == sent


async def test_service_that_says_nothing_otherwise(simulator: Simulator, hear: Hear) -> None:
    """A service that refuses is asked once; each word is said as it should be, the first time, too."""
    simulator.speechbase.takes_pronunciations = False
    for text in (SENTENCE, "No kettle was harmed."):
        audio = await hear(text, replacements=[{"find": "kettle", "say": "the big cauldron"}])
        await assert_heard(audio, text.replace("kettle", "the big cauldron"))
    assert ["pronunciations" in body for body in asked(simulator)] == [True, False, False]


async def test_words_that_grow(simulator: Simulator, hear: Hear) -> None:
    """Requests stay within the limit as the service counts it, with what it says instead; it refuses others."""
    text = " ".join(["My kettle, a kettle like any other kettle, sings."] * 40)
    audio = await hear(text, **SHORT, replacements=[{"find": "kettle", "say": "cauldron of copper and of brass"}])
    await assert_heard(audio, text.replace("kettle", "cauldron of copper and of brass"))
    assert len(asked(simulator)) > 2
    assert all("pronunciations" in body for body in asked(simulator))


async def test_word_that_becomes_a_speech(simulator: Simulator, hear: Hear) -> None:
    """What is longer than a request may be can't be left to the service: it is spoken in parts."""
    speech = " ".join(f"Verse number {number} of the song of the kettle." for number in range(60))
    audio = await hear("Now the kettle sings.", **SHORT, replacements=[{"find": "sings", "say": speech}])
    await assert_heard(audio, f"Now the kettle {speech}.")
    assert len(asked(simulator)) > 1
    assert not any("pronunciations" in body for body in asked(simulator))


MANY = tuple(
    Pronunciation("".join(letters), "some words " * 5, match_case=False)
    for letters in list(product(ascii_lowercase, repeat=3))[:199]
)
TEXTS: list[tuple[str, tuple[Pronunciation, ...]]] = [
    ("", MANY),
    ("Kettle, kettles, KETTLE!", (Pronunciation("kettle", "the big cauldron", match_case=False),)),
    (
        "Kettle kettle",
        (Pronunciation("Kettle", "x" * 9, match_case=True), Pronunciation("kettle", "y", match_case=False)),
    ),
    ("我爱北京。北京很大。", (Pronunciation("北京", "长长的名字", match_case=False),)),
    ("aaa aab " * 50, MANY),
]


@pytest.mark.parametrize("model", ["openai/tts-1", "cartesia/sonic-3"])
@pytest.mark.parametrize(("text", "said"), TEXTS)
def test_count_is_never_too_little(model: str, text: str, said: tuple[Pronunciation, ...]) -> None:
    """A text counts at least as much as what is written and what is said."""
    described_model = describe_model(model, None, streams=True)
    replacer = Replacer([Replacement(one.word, one.say) for one in said])
    spoken = replacer.feed(text, is_final=True)
    count = count_with_pronunciations(said, described_model)(text)
    assert count >= max(map(described_model.count, (text, spoken)))


def test_counting_is_quick() -> None:
    """Many words and all the beginnings of a long text do not keep others waiting."""
    count = count_with_pronunciations(MANY, describe_model("openai/tts-1", None, streams=True))
    texts = ["The kettle has boiled. " * number for number in range(10, 1400, 10)]
    started = thread_time()
    for text in texts:
        count(text)
    assert thread_time() - started < 0.5
