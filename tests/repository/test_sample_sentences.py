"""Tests of the sample sentences."""

import pytest

from custom_components.orator.providers import PROVIDERS
from custom_components.orator.providers.base import Provider
from custom_components.orator.sample_sentences import SAMPLE_SENTENCES, pick_sample_sentence, sample_sentences_for
from tests.support.repository import LANGUAGES


@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS)
def test_every_language_has_sample(provider: type[Provider]) -> None:
    """There is a sample sentence in each language of each provider."""
    for tag in provider.languages:
        (sample,) = sample_sentences_for((tag,))
        assert (sample.tag == "en") is tag.startswith("en"), tag


def test_pick_sample_sentence() -> None:
    """The sample in the user's language is picked; unknown languages get English, else the first one."""
    samples = sample_sentences_for(tuple(LANGUAGES))
    assert len(samples) == len(LANGUAGES)
    assert len({sample.sentence for sample in SAMPLE_SENTENCES.values()}) == len(SAMPLE_SENTENCES)
    assert all(len(sample.sentence) < 100 for sample in SAMPLE_SENTENCES.values())
    assert pick_sample_sentence(samples, "pt-BR", "BR").tag == "pt"
    assert pick_sample_sentence(samples, "xx", None).tag == "en"
    assert pick_sample_sentence(sample_sentences_for(("de", "fr")), "xx", None).tag == "de"
    assert pick_sample_sentence(sample_sentences_for(("zh-TW", "zh")), "zh-Hant", None).sentence.startswith("早安")
    assert [sample.tag for sample in sample_sentences_for(("tlh",))] == ["en"]
    assert [sample.tag for sample in sample_sentences_for(("no", "nb-NO"))] == ["nb"]
