"""Long sentences are cut after clauses, words or graphemes."""

# ruff: noqa: RUF001 the punctuation of all scripts looks similar

from collections.abc import Callable
import unicodedata

from hypothesis import example, given, settings, strategies as st
import pytest

from custom_components.orator.text import split_evenly, split_first_clause
from tests.support.text import is_linear


@pytest.mark.parametrize("unit", ["abc defg ", "abc, def ", "好", "ก", "x", " ", ",", ")", "は漢字"])
def test_linear_time(unit: str) -> None:
    """Ten times the text takes about ten times as long."""
    long = unit * (100_000 // len(unit))
    assert is_linear(lambda count: split_evenly(long[:count], 500))
    assert is_linear(lambda count: split_first_clause(long[:count], count * 2))


def _count_bytes(text: str) -> int:
    return len(text.encode(errors="surrogatepass"))


@pytest.mark.parametrize(
    ("sentence", "limit", "pieces"),
    [
        ("Short.", 6, ["Short."]),
        ("", 5, [""]),
        ("One two, three four five.", 16, ["One two, ", "three four five."]),
        ("One two three four.", 12, ["One two ", "three four."]),
        ("Word " * 5, 20, ["Word Word ", "Word Word Word "]),
        ("It costs 1,000 at 12:30 now", 14, ["It costs 1,000", " at 12:30 now"]),
        ("a, " + "b" * 9, 10, ["a, ", "b" * 9]),
        ("Donaudampfschiff", 10, ["Donaudam", "pfschiff"]),
        ("今日は晴れ、明日は雨。", 8, ["今日は晴れ、", "明日は雨。"]),
        ("今日私は学校に行った", 8, ["今日私は", "学校に行った"]),
        ("我用Python编程语言写", 9, ["我用Python", "编程语言写"]),
        ("ภาษาไทย ไม่มีจุด", 12, ["ภาษาไทย ", "ไม่มีจุด"]),
        ("🇩🇪🇫🇷🇮🇹🇪🇸", 4, ["🇩🇪🇫🇷", "🇮🇹🇪🇸"]),
        ("🇩🇪🇫🇷", 1, ["🇩🇪", "🇫🇷"]),
        ("👩‍👩‍👧👍🏽", 3, ["👩‍👩‍👧", "👍🏽"]),
        ("e\u0301e\u0301", 3, ["e\u0301", "e\u0301"]),
        (
            "\u1112\u1161\u11ab\u1100\u116e\u11a8",
            4,
            ["\u1112\u1161\u11ab", "\u1100\u116e\u11a8"],
        ),
        ("क्षमा", 3, ["क्ष", "मा"]),
        ("ខ្មែរ\u200bភាសា", 8, ["ខ្មែរ\u200b", "ភាសា"]),
        ("abc", 0, ["a", "b", "c"]),
    ],
)
def test_split_evenly(sentence: str, limit: int, pieces: list[str]) -> None:
    """A sentence is cut after clauses, words, or else graphemes."""
    assert split_evenly(sentence, limit) == pieces


_CUT_TEXTS = st.one_of(
    st.text(),
    st.lists(
        st.sampled_from(
            ["word", "longer", " ", ", ", "; ", "好", "，", "は", "ก", "เ", " ๆ", "e\u0301", "👩‍👧", "🇩🇪", "\r\n"]
        )
    ).map("".join),
)


@settings(max_examples=300, deadline=None)
@given(_CUT_TEXTS, st.integers(1, 40), st.sampled_from([len, _count_bytes, lambda text: len(text) ** 2 // 30]))
@example("a" + "\u0301" * 50, 3, len)
def test_pieces_fit(text: str, limit: int, measure: Callable[[str], int]) -> None:
    """The pieces add up to the text, and only a single grapheme exceeds the limit."""
    pieces = split_evenly(text, limit, measure)
    assert "".join(pieces) == text
    assert all(measure(piece) <= limit or len(split_evenly(piece, 0, measure)) == 1 for piece in pieces)
    assert not any(unicodedata.category(piece[0])[0] == "M" for piece in pieces[1:])


@settings(deadline=None)
@given(st.lists(st.text("abcdefg'", min_size=1, max_size=12), min_size=1), st.integers(12, 60))
def test_no_word_is_cut(words: list[str], limit: int) -> None:
    """A word within the limit is not cut."""
    assert "".join(f"{piece} " for piece in split_evenly(" ".join(words), limit)).split() == words


@settings(deadline=None)
@given(st.lists(st.text("abcdefg", min_size=1, max_size=8), min_size=30), st.integers(40, 80))
def test_pieces_are_balanced(words: list[str], limit: int) -> None:
    """No piece is tiny, and there are few more pieces than needed."""
    text = " ".join(words)
    pieces = split_evenly(text, limit)
    assert min(map(len, pieces)) >= limit / 5 or len(pieces) == 1
    assert len(pieces) <= len(text) / limit * 1.5 + 1


@pytest.mark.parametrize(
    ("text", "min_chars", "pieces"),
    [
        ("Well, that is it", 4, ("Well, ", "that is it")),
        ("Well, that is, it", 8, ("Well, that is, ", "it")),
        ('He said "well," and left', 5, ('He said "well," ', "and left")),
        ("About 1,000 at 12:30", 3, ("", "About 1,000 at 12:30")),
        ("About 1,", 3, ("", "About 1,")),
        ("About 5 - 3 and Dr. X", 3, ("", "About 5 - 3 and Dr. X")),
        ("This – that", 3, ("This – ", "that")),
        ("This—that", 3, ("This—", "that")),
        ("你好，世界", 2, ("你好，", "世界")),
        ("比分3：2，很好", 2, ("比分3：2，", "很好")),
        ("مرحبا، كيف", 2, ("مرحبا، ", "كيف")),
        ("วันนี้ ร้อน", 3, ("วันนี้ ", "ร้อน")),
        ("你好。", 2, ("", "你好。")),
        ("Wait, ", 2, ("Wait, ", "")),
        ("", 0, ("", "")),
    ],
)
def test_split_first_clause(text: str, min_chars: int, pieces: tuple[str, str]) -> None:
    """The first clause of the minimum length is split off, and no number is cut."""
    assert split_first_clause(text, min_chars) == pieces


@settings(deadline=None)
@given(_CUT_TEXTS, st.integers(0, 30))
def test_first_clause_and_rest_add_up(text: str, min_chars: int) -> None:
    """The first clause has the minimum length, and adds up to the text with the rest."""
    clause, rest = split_first_clause(text, min_chars)
    assert clause + rest == text
    assert not clause or len(clause) >= min_chars


def test_first_clause_in_other_units() -> None:
    """The minimum length of a clause may be measured in other units."""
    assert split_first_clause("你好，世界，好", 9, _count_bytes) == ("你好，", "世界，好")
    assert split_first_clause("你好，世界，好", 10, _count_bytes) == ("你好，世界，", "好")
