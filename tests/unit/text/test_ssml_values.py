"""Values of SSML attributes."""

# ruff: noqa: RUF001 letters of the International Phonetic Alphabet look like others

from math import inf

import pytest

from custom_components.orator.text.say_as import expand
from custom_components.orator.text.ssml_values import (
    parse_expression,
    parse_language,
    parse_pause,
    parse_pronunciation,
    parse_rate,
    parse_volume,
)


@pytest.mark.parametrize(
    ("value", "outer", "rate"),
    [
        *[
            ("x-slow", 1, 0.5),
            ("slow", 1, 0.64),
            ("medium", 2, 1),
            ("default", 2, 1),
            ("fast", 1, 1.55),
            ("x-fast", 1, 2),
        ],
        *[("80%", 1, 0.8), ("150%", 2, 1.5), ("1.2", 1, 1.2), (".5", 1, 0.5), (" Fast ", 1, 1.55)],
        *[("+20%", 1, 1.2), ("-10%", 1, 0.9), ("+20%", 2, 2.4), ("+0.5", 1, 1.5)],
        *[("0%", 1, 0.25), ("900%", 1, 4), ("-100%", 1, 0.25), ("", 1.3, 1.3), ("quick", 1.3, 1.3), ("6dB", 1.3, 1.3)],
    ],
)
def test_rate(value: str, outer: float, rate: float) -> None:
    """A rate is a label, a factor, or a change of the rate around it."""
    assert parse_rate(value, outer) == pytest.approx(rate)


@pytest.mark.parametrize(
    ("value", "outer", "gain_db"),
    [
        *[("silent", 0, -inf), ("x-soft", 0, -12), ("soft", 3, -6), ("medium", 3, 0), ("loud", 0, 4), ("x-loud", 0, 8)],
        *[("default", 3, 0), ("+6dB", 0, 6), ("+6dB", 3, 9), ("-3.5 dB", 0, -3.5), ("6dB", 0, 6), ("+40dB", 0, 12)],
        *[("-90dB", 0, -60), ("50", 0, -6.02), ("100", 3, 0), ("0", 0, -inf), ("50%", 0, -6.02), ("+100%", 1, 7.02)],
        *[("-100%", 0, -inf), ("+10", 0, 0.83), ("+6dB", -inf, -inf), ("", 2, 2), ("noisy", 2, 2)],
    ],
)
def test_volume(value: str, outer: float, gain_db: float) -> None:
    """A volume is a label, decibels, a share of the full volume, or a change of the volume around it."""
    assert parse_volume(value, outer) == pytest.approx(gain_db, abs=0.01)


@pytest.mark.parametrize(
    ("time", "strength", "seconds"),
    [
        *[("1s", "", 1), ("1500ms", "", 1.5), ("+.25s", "", 0.25), (" 2 S ", "", 2), ("3600s", "", 10), ("0ms", "", 0)],
        *[("", "none", 0), ("", "x-weak", 0.25), ("", "weak", 0.5), ("", "medium", 0.75), ("", "strong", 1)],
        *[("", "x-strong", 1.25), ("", "", 0.75), ("2", "weak", 0.5), ("-1s", "", 0.75), ("1s", "none", 1)],
    ],
)
def test_pause(time: str, strength: str, seconds: float) -> None:
    """A break has a time or a strength."""
    assert parse_pause(time, strength) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("value", "language"),
    [("de", "de"), (" pt-BR ", "pt-BR"), ("zh_Hans_CN", "zh-Hans-CN"), ("", ""), ("german!", ""), ("x", "")],
)
def test_language(value: str, language: str) -> None:
    """A language is a tag."""
    assert parse_language(value) == language


@pytest.mark.parametrize(
    ("value", "expression"),
    [("whispered", "whispered"), ("Customer_Service", "customer service"), ("", ""), ("a" * 70, ""), ("say: <hi>", "")],
)
def test_expression(value: str, expression: str) -> None:
    """An expression consists of words."""
    assert parse_expression(value) == expression


@pytest.mark.parametrize(
    ("value", "alphabet", "pronunciation"),
    [
        *[("təˈmeɪtoʊ", "ipa", "təˈmeɪtoʊ"), ("təˈmeɪtoʊ", "", "təˈmeɪtoʊ"), ("a", "sapi", ""), ("", "ipa", "")],
        *[('t@"meIt@U', "x-sampa", "təˈmeɪtəʊ"), ("r\\`", "X-SAMPA", "ɻ"), ("S_he:", "x-sampa", "ʃʰeː")],
        *[("a~", "x-sampa", "a\u0303"), ("n=", "x-sampa", "n\u0329"), ("a" * 300, "ipa", "")],
    ],
)
def test_pronunciation(value: str, alphabet: str, pronunciation: str) -> None:
    """X-SAMPA becomes the International Phonetic Alphabet; other alphabets are unknown."""
    assert parse_pronunciation(value, alphabet) == pronunciation


@pytest.mark.parametrize(
    ("text", "interpret_as", "words"),
    [
        ("Abc", "characters", "A, B, C"),
        ("a1-b2", "spell-out", "A, 1, -, B, 2"),
        ("straße", "verbatim", "S, T, R, A, ß, E"),
        ("你好", "characters", "你, 好"),
        ("no 1234", "digits", "no 1, 2, 3, 4"),
        ("+1 (555) 010-4477 ext. 9", "telephone", "+1, 5 5 5, 0 1 0, 4 4 7 7, ext, 9"),
        ("1-800-CALL", "telephone", "1, 8 0 0, C A L L"),
        ("12", "cardinal", "12"),
        ("3", "ordinal", "3"),
        ("14:30", "time", "14:30"),
        ("x" * 300, "characters", "x" * 300),
        ("", "characters", ""),
    ],
)
def test_spelled_out(text: str, interpret_as: str, words: str) -> None:
    """Characters, digits and telephone numbers are spelled out; other texts are unchanged."""
    assert expand(text, interpret_as, "", "en") == words


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("cs", "24. prosince 2026"),
        ("de-AT", "24. Dezember 2026"),
        ("el", "24 Δεκεμβρίου 2026"),
        ("en-GB", "December 24, 2026"),
        ("es", "24 de diciembre de 2026"),
        ("fr", "24 décembre 2026"),
        ("it", "24 dicembre 2026"),
        ("ja", "2026年12月24日"),
        ("ko", "2026년 12월 24일"),
        ("nl", "24 december 2026"),
        ("pl", "24 grudnia 2026"),
        ("pt-BR", "24 de dezembro de 2026"),
        ("sv", "24 december 2026"),
        ("zh-Hans", "2026年12月24日"),
        ("tlh", "2026-12-24"),
        ("", "2026-12-24"),
    ],
)
def test_date_in_language(language: str, words: str) -> None:
    """A date is written in the language of the text."""
    assert expand("2026-12-24", "date", "", language) == words
    assert expand("2026-12-24", "date", "ymd", language) == words


@pytest.mark.parametrize(
    ("text", "form", "language", "words"),
    [
        ("12/24/2026", "mdy", "de", "24. Dezember 2026"),
        ("24.12.2026", "", "en-US", "December 24, 2026"),
        ("12/24/2026", "", "en-US", "December 24, 2026"),
        ("24/12/2026", "", "en-GB", "December 24, 2026"),
        ("24/12", "", "en-US", "24/12"),
        ("24.12.", "dm", "de", "24. Dezember"),
        ("12/2026", "my", "cs", "prosinec 2026"),
        ("12/2026", "my", "en", "December 2026"),
        ("2026-12", "ym", "ja", "2026年12月"),
        ("20261224", "", "fr", "24 décembre 2026"),
        ("24122026", "dmy", "fr", "24 décembre 2026"),
        ("1.1.2027", "dmy", "fr", "1er janvier 2027"),
        ("5", "m", "pl", "maj"),
        ("2026", "y", "en", "2026"),
        ("3", "d", "de", "3."),
        ("30.2.2026", "dmy", "de", "30.2.2026"),
        ("13/13/2026", "mdy", "en", "13/13/2026"),
        ("tomorrow", "mdy", "en", "tomorrow"),
        ("1/2/3/4", "", "en", "1/2/3/4"),
    ],
)
def test_date_format(text: str, form: str, language: str, words: str) -> None:
    """A date has a stated or a usual order; other texts are unchanged."""
    assert expand(text, "date", form, language) == words
