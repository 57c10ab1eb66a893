"""Replacements change whole words, and nothing else."""

import time

import pytest

from custom_components.orator.text import Replacement, TextCleaner, unit_replacements
from tests.support.text import clean

_REPLACEMENTS = (
    Replacement("HA", "Home Assistant"),
    Replacement("home assistant", "never"),
    Replacement("kwh", "kilowatt hours"),
    Replacement("C++", "see plus plus"),
    Replacement("new", "old"),
    Replacement("new york", "the city"),
    Replacement("東京", "とうきょう"),
    Replacement("°C", " degrees"),
    Replacement("dr.", "Doctor"),
    Replacement("Straße", "street"),
    Replacement("  ", "nothing"),
    Replacement("silent", ""),
    Replacement("№", "number "),
    Replacement("m²", "平米"),
    Replacement("οδός", "street"),
    Replacement("istanbul", "the city"),
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("HA, ha, HAHA and HA_x: use HA.", "Home Assistant, ha, HAHA and HA_x: use Home Assistant."),
        ("5 kWh, KWH, 5kwh", "5 kilowatt hours, kilowatt hours, 5 kilowatt hours"),
        ("3kWh 1.5kWh (2,000kWh) 7,5kwh", "3 {0} 1.5 {0} (2,000 {0}) 7,5 {0}".format("kilowatt hours")),
        ("A3kWh v1.2kWh 3_kWh 3kWhx", "A3kWh v1.2kWh 3_kWh 3kWhx"),
        ("1,500,000.25kWh", "1,500,000.25 kilowatt hours"),
        ("20m²", "20平米"),
        ("C++ or c++", "see plus plus or c++"),
        ("New   York, new Yorker, newer", "the city, old Yorker, newer"),
        ("**New**\nyork", "the city"),
        ("東京都と東京", "とうきょう都ととうきょう"),
        ("20°C", "20 degrees"),
        ("20 °C or -5 °C", "20 degrees or -5 degrees"),
        ("°C", "degrees"),
        ("№ 5, №5", "number 5, number 5"),
        ("Dr. Smith", "Doctor Smith"),
        ("Straße straße", "street straße"),
        ("use *HA*-style, HA's", "use Home Assistant-style, Home Assistant's"),
        ("Be silent.", "Be ."),
        ("ΟΔΌΣ οδός", "street street"),
        ("İstanbul ISTANBUL", "the city the city"),
        ("new", "old"),
        ("new yor", "old yor"),
    ],
)
def test_replacements(text: str, words: str) -> None:
    """Whole words are replaced, the longest first, and replacements are not replaced again."""
    assert clean(text, replacements=_REPLACEMENTS) == words
    assert clean(*text, replacements=_REPLACEMENTS) == words


def test_ordinals() -> None:
    """The end of an ordinal is not a word."""
    replacements = [Replacement(find, f"<{find}>") for find in ("st", "rd", "e", "er", "º", "kg")]
    text = "21st Main st, 3RD Oak rd, 1er e 2e, 5º º, 4kg"
    words = "21st Main <st>, 3RD Oak <rd>, 1er <e> 2e, 5º <º>, 4<kg>"
    assert clean(text, replacements=replacements, reads_markup=False) == words
    assert clean(*text, replacements=replacements, reads_markup=False) == words


def test_combining_marks() -> None:
    """A letter with a combining mark is a different letter."""
    assert clean("cafe\u0301 cafe", replacements=[Replacement("cafe", "bar")]) == "cafe\u0301 bar"
    assert clean("हिन्दी हिन्द", replacements=[Replacement("हिन्द", "x")]) == "हिन्दी x"


def test_only_possible_matches_are_held_back() -> None:
    """Words are held back while they can become words to replace."""
    cleaner = TextCleaner((Replacement("new york", "the city"),))
    assert cleaner.feed("A nice new") == "A nice "
    assert cleaner.feed(" day") == "new day"
    assert cleaner.feed(" in New York") == " in "
    assert cleaner.feed(".") == "the city."


def test_replacements_without_cleaning() -> None:
    """Without cleaning, words are replaced and markup is unchanged."""
    words = clean("**HA**  \n\n# 😀 HA", replacements=_REPLACEMENTS, reads_markup=False)
    assert words == "**Home Assistant**  \n\n# 😀 Home Assistant"
    assert clean("**a**", reads_markup=False) == "**a**"


_SLICE_CHARS = 500


@pytest.mark.parametrize(
    ("replacements", "text"),
    [
        ([Replacement(f"word{number} of {number}", "x") for number in range(1_000)], "a word1 of 1 or of word99 " * 20),
        ([Replacement("!" * 10_000, "x")], "!" * _SLICE_CHARS),
        ([Replacement("!" * 199 + "?", "x")], "!" * _SLICE_CHARS),
        ([Replacement("!" * number + "a", "x") for number in range(2, 200)], ("!" * 199 + "b") * 3),
        ([Replacement("!" * number, "x") for number in range(2, 200)], "!?" * (_SLICE_CHARS // 2)),
        ([Replacement("Σ" * 190 + str(number), "x") for number in range(1_000)], "Σ" * _SLICE_CHARS),
    ],
    ids=["many", "long", "nearly found", "nearly found often", "nested", "alike"],
)
def test_replacements_are_fast(replacements: list[Replacement], text: str) -> None:
    """Many, long or similar replacements do not block other tasks while a slice of the text is read."""
    times = []
    for _ in range(3):
        started = time.thread_time()
        cleaner = TextCleaner(replacements, clean=False)
        cleaner.feed(text[:_SLICE_CHARS])
        times.append(time.thread_time() - started)
    assert min(times) < 0.02


@pytest.mark.parametrize(
    ("language", "text", "words"),
    [
        ("en", "1 °C, 21°C, 0.1 °C", "1 degree Celsius, 21 degrees Celsius, 0.1 degrees Celsius"),
        ("en-GB", "50% or 1 % of 3kWh, 5 W", "50 percent or 1 percent of 3 kilowatt hours, 5 watts"),
        ("en", "68 °F", "68 degrees Fahrenheit"),
        ("en", "George W. Bush, °C, 5 Wx", "George W. Bush, °C, 5 Wx"),
        (
            "de_CH",
            "1 kWh, 12 µg/m³, 12 \u03bcg/m³",
            f"1 Kilowattstunde, {', '.join(['12 Mikrogramm pro Kubikmeter'] * 2)}",
        ),
        ("pl", "1°C, 3°C, 15°C", "1 stopień Celsjusza, 3 stopnie Celsjusza, 15 stopni Celsjusza"),
        ("pt-BR", "80 km/h", "80 quilômetros por hora"),
        ("zh-Hans", "25°C, 50%", "25摄氏度, 50%"),
        ("xx", "25 °C", "25 °C"),
    ],
)
def test_units(language: str, text: str, words: str) -> None:
    """Units after a number become words of the language."""
    assert clean(text, replacements=unit_replacements(language)) == words
    assert clean(*text, replacements=unit_replacements(language)) == words
