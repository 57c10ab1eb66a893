"""Tests of counting the characters of a text with pronunciations."""

from itertools import product
from string import ascii_lowercase
from time import thread_time

import pytest

from custom_components.orator.pipeline.pronunciations import apply_pronunciations, measure_with_pronunciations
from custom_components.orator.providers.models import Pronunciation
from custom_components.orator.providers.speechbase.catalog import describe_model

MANY_PRONUNCIATIONS = tuple(
    Pronunciation("".join(letters), "some words " * 5, match_case=False)
    for letters in list(product(ascii_lowercase, repeat=3))[:199]
)
TEXTS: list[tuple[str, tuple[Pronunciation, ...]]] = [
    ("", MANY_PRONUNCIATIONS),
    ("Kettle, kettles, KETTLE!", (Pronunciation("kettle", "the big cauldron", match_case=False),)),
    (
        "Kettle kettle",
        (Pronunciation("Kettle", "x" * 9, match_case=True), Pronunciation("kettle", "y", match_case=False)),
    ),
    ("我爱北京。北京很大。", (Pronunciation("北京", "长长的名字", match_case=False),)),
    ("aaa aab " * 50, MANY_PRONUNCIATIONS),
]


@pytest.mark.parametrize("model", ["openai/tts-1", "cartesia/sonic-3"])
@pytest.mark.parametrize(("text", "pronunciations"), TEXTS, ids=["empty", "capitals", "two cases", "Chinese", "many"])
def test_count_is_an_upper_bound(model: str, text: str, pronunciations: tuple[Pronunciation, ...]) -> None:
    """The count is at least that of the text, with and without the replacements."""
    described_model = describe_model(model, None, streams=True)
    spoken = apply_pronunciations(text, pronunciations)
    count = measure_with_pronunciations(pronunciations, described_model)(text)
    assert count >= max(map(described_model.measure, (text, spoken)))


def test_counting_is_fast() -> None:
    """Counting many pronunciations in texts of growing length takes less than half a second."""
    count = measure_with_pronunciations(MANY_PRONUNCIATIONS, describe_model("openai/tts-1", None, streams=True))
    texts = ["The kettle has boiled. " * number for number in range(10, 1400, 10)]
    started = thread_time()
    for text in texts:
        count(text)
    assert thread_time() - started < 0.5
