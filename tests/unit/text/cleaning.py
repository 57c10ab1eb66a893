"""Cleaning of texts in tests."""

from collections.abc import Sequence

from custom_components.orator.text import Replacement, TextCleaner


def clean(*deltas: str, replacements: Sequence[Replacement] = (), reads_markup: bool = True) -> str:
    """Return the spoken words of a text that is fed in deltas."""
    cleaner = TextCleaner(replacements, clean=reads_markup)
    return "".join(map(cleaner.feed, deltas)) + cleaner.finish()
