# ruff: noqa: RUF001 - characters of other scripts
"""Comparison of texts with transcripts, in several languages and spellings."""

import pytest

from custom_components.orator.providers.openai.transcript import compare, is_mismatch_so_far, starts_like

STORY = (
    "Attention please. "
    + " ".join(f"This is sentence {number} of the announcement." for number in ("one", "two", "three", "four", "five"))
    + " The smoke detector in the kitchen has found smoke so please leave the house at once."
)
LAST_SENTENCE = STORY.index("The smoke")


@pytest.mark.parametrize(
    ("text", "transcript"),
    [
        ("It's 7:30 p.m.", "It's 7:30 PM."),
        ("WiFi is off.", "Wi-Fi is off."),
        ("You have an e-mail.", "You have an email."),
        ("U.S. news", "US news"),
        ("Wohnzimmer-Licht an", "Wohnzimmerlicht an"),
        ("Good night", "Goodnight"),
        ("TV", "T.V."),
        ("ABC", "A B C"),
        ("Haustür", "Haus Tür"),
        ("one hundred and five", "105"),
        ("Das ist z. B. gut", "Das ist zum Beispiel gut"),
        ("müde", "mu\u0308de"),
        ("Hallo", "Hello"),
        ("18:30", "eighteen thirty"),
        ("%", "percent"),
        ("…", ""),
        ("Turn 90° left", "Turn ninety degrees left"),
        ("Dr. Smith owes $5.", "Doctor Smith owes five dollars."),
        ("5 km", "five kilometers"),
        ("It is 21.5 °C at 18:30.", "It's twenty-one point five degrees Celsius at six thirty pm."),
        ("I'm gonna go home now", "I'm going to go home now"),
        ("Visit www.heise.de today", "Visit www heise de today"),
        ("Henry VIII was king", "Henry the eighth was king"),
        ("St. John St. is closed", "Saint John Street is closed"),
        ("今日は晴れです。", "きょうは晴れです。"),
        ("前门开着，请关上。", "前門開著，請關上。"),
        ("שָׁלוֹם לכולם", "שלום לכולם"),
        ("Battery at 5 %", "Battery at five percent"),
        ("2026-11-21", "November twenty-first, twenty twenty-six"),
        ("The code is 4711", "The code is four seven one one"),
        ("L’eau est chaude", "L'eau est chaude"),
    ],
)
def test_other_spelling(text: str, transcript: str) -> None:
    """A transcript with another spelling is an exact match."""
    match = compare(text, transcript)
    assert (match.match_end, match.is_exact) == (len(text), True)
    assert not is_mismatch_so_far(text, f"{transcript} and")
    assert starts_like("", transcript)


@pytest.mark.parametrize(
    ("text", "transcript", "match_end"),
    [
        ("Fire!", "Sure.", 0),
        ("12:30", "Hello there, what can I do for you today?", 0),
        ("The code is 4711", "The code is", 12),
        ("Battery at 5 %", "Battery at", 11),
        ("Stop.", "Okay, I'll stop.", 0),
        ("Thank you", "You're welcome.", 0),
        ("What's the weather like today?", "The weather today is sunny with 20 degrees.", 0),
        ("今日は晴れです。", "すみません、できません", 0),
        ("前门开着，请关上门。", "好的，我可以帮你做什么呢？", 0),
        ("The front door is open.", "Sure, I'm ready.", 0),
        ("Smoke alarm!", "How can I help?", 0),
        (STORY, "", 0),
        (STORY, STORY[:LAST_SENTENCE], LAST_SENTENCE),
        (STORY, f"{STORY[:LAST_SENTENCE]}I'm sorry, but I can't continue reading that.", LAST_SENTENCE),
        (STORY, "Sure! What a lovely question, let me tell you what I think.", 0),
    ],
)
def test_mismatch(text: str, transcript: str, match_end: int) -> None:
    """The match ends before the first words that were not spoken."""
    match = compare(text, transcript)
    assert (match.match_end, match.is_exact) == (match_end, False)


@pytest.mark.parametrize("transcript", [f"Sure, here it is: {STORY}", f"{STORY} Is there anything else I can do?"])
def test_additional_words(transcript: str) -> None:
    """Additional words before or after the text make the match inexact but complete."""
    match = compare(STORY, transcript)
    assert (match.match_end, match.is_exact) == (len(STORY), False)


def test_wrong_numbers() -> None:
    """Other numbers make the match inexact."""
    assert not compare("Room 5 is at 80 degrees now", "Room 7 is at 20 degrees now").is_exact


@pytest.mark.parametrize(
    "transcript", ["Sure! What a lovely question it", "好的，我可以帮你做什么呢", "I'm sorry, I can't help with"]
)
def test_early_mismatch(transcript: str) -> None:
    """A few words are enough to detect a mismatch."""
    assert is_mismatch_so_far(STORY, transcript)
    assert not starts_like(STORY, transcript)


@pytest.mark.parametrize("length", [1, 5, 17, 60, 200])
def test_unfinished_transcript(length: int) -> None:
    """The beginning of the text, also one that ends within a word, is no mismatch."""
    assert not is_mismatch_so_far(STORY, STORY[:length])
    assert starts_like(STORY, STORY[:length])
