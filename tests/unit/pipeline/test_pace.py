"""The pace of a voice, and the sentence that its audio has reached."""

import pytest

from custom_components.orator.pipeline import VoicePace
from custom_components.orator.pipeline.pace import SpokenLength, count_letters, find_sentence, measure_speech

SENTENCES = ["Rain is on its way. ", "The windows are open! ", "Dr. Who closes them at 7.30 p.m. ", "All is well."]
TEXT = "".join(SENTENCES)


def test_letters() -> None:
    """Punctuation is not spoken, digits are spoken as words, and some characters are syllables."""
    assert count_letters("one, two") == count_letters("one - two!") - 1 == len("one two")
    assert count_letters("2026") == 20
    assert count_letters("今日は") == 9
    assert count_letters("-" * 500) == 1


@pytest.mark.parametrize("at", range(len(SENTENCES)))
def test_sentence(at: int) -> None:
    """The place is in the sentence whose first letter is spoken next, or in the last one."""
    before = sum(map(count_letters, SENTENCES[:at]))
    start = len("".join(SENTENCES[:at]))
    assert find_sentence(TEXT, before) == find_sentence(TEXT, before + 5) == start
    assert find_sentence(TEXT, 10_000) == len(TEXT) - len(SENTENCES[-1])


def test_values() -> None:
    """Symbols, units and abbreviations are spoken as words."""
    assert count_letters("5 kWh") > len("five kilowatt hours") - 2
    assert count_letters("21 °C, 45 %") >= len("twenty-one degrees Celsius forty-five percent")
    assert count_letters("it's") == len("it s")


def test_certain_letters() -> None:
    """Markup may not be spoken, and values may be short."""
    assert measure_speech("<speak><prosody rate='slow'>Hi.</prosody></speak>").certain_letters < 10
    assert measure_speech("[sarcastically, with a slow sigh] Sure. https://example.com/a/b/c").certain_letters < 10
    assert measure_speech("The washing machine has finished.").is_prose
    assert not measure_speech("21 °C, 45 %").is_prose


def test_unknown_pace() -> None:
    """A voice is taken for a slow one until its pace is known, at the speed that is set."""
    pace = VoicePace()
    pace.add(SpokenLength(29, 29), 2.0)  # too short to tell
    assert not pace.is_known
    assert pace.min_letters(10) < 10 * 12
    assert VoicePace(speed=0.5).min_letters(10) == pace.min_letters(10) / 2
    assert VoicePace(speed=2.0).min_letters(10) == pace.min_letters(10)


def test_known_pace() -> None:
    """The letters in audio follow from the slower ones of the latest measurements."""
    pace = VoicePace()
    for letters_per_s in [40.0] * 8 + [15.0] * 8:
        pace.add(SpokenLength(int(letters_per_s * 10), int(letters_per_s * 10)), 10.0)
    assert 120 < pace.min_letters(10) < 150
    assert pace.min_letters(0.1) == 0


def test_too_short_audio() -> None:
    """No voice speaks 60 letters a second, unless its speed is set, and none is suddenly more than twice as fast."""
    text = measure_speech("word " * 100)
    seconds = text.letters / 15
    pace = VoicePace()
    assert pace.is_too_short(text, 0.4)
    assert pace.is_too_short(text, 7.0)
    assert not pace.is_too_short(text, 9.0)
    assert not VoicePace(speed=4.0).is_too_short(text, 7.0)
    assert not VoicePace(is_speed_known=False).is_too_short(text, 0.4)
    assert not pace.is_too_short(measure_speech("A text of less than a hundred letters may be fast."), 0.4)
    assert not pace.is_too_short(measure_speech("Yes!"), 0.1)
    for _ in range(3):
        pace.add(text, seconds)
    assert pace.is_too_short(text, 0.4 * seconds)
    assert not pace.is_too_short(text, 0.6 * seconds)


def test_endless_audio() -> None:
    """Audio may be ten times longer than usual, and half a minute longer."""
    pace = VoicePace()
    assert pace.max_seconds(measure_speech("Hi.")) < 40
    assert pace.max_seconds(SpokenLength(1500, 1500)) > 1000
