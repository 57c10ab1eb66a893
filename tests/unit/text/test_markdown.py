"""Markdown and HTML become the words that a person would read aloud."""

# ruff: noqa: RUF001 texts in many scripts

from itertools import pairwise
import re

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.orator.text import Replacement, TextCleaner
from tests.support.text import clean, is_linear

from .spoken_texts import SPOKEN_TEXTS

_TEXTS_WITHOUT_MARKUP = [
    "It is 3 * 4, or 2*3*4, or (a+b)*c.",
    "snake_case and $5_000 and 1_000 and file.txt stay.",
    "C# is #1, R&D and AT&T, 5 > 3, a < b, I <3 you.",
    "if a<b and c>d then List<String>",
    "Mail John_Doe+x@example.com, or _me@example.com, or @name [sic].",
    "At 12:30 on 2024-01-05 it was -5 °C, 20 km/h, 1.5 kWh, ~5 %, 10 000 €.",
    "A 5* hotel, well-known; “quoted” 'n' (in parentheses) l'été don`t",
    "e.g. Dr. Smith, i.e. z. B. usw.",
    "x|y, a || b, a == b, x === y, i++, --flag, ->, <-",
    "2 ** 3 is 2**3",
    "Bonjour ! Ça va ?",
    "C♯ and ★★★ © ® ™ → ½",
    "¿Qué? ¡Sí!",
    "今日は晴れです。明日は？",
    "สวัสดีครับ วันนี้อากาศดี",
    "क्\u200dष नमस्ते।",
    "مرحبا، كيف حالك؟",
    "wait...what",
    "C:\\Users and \\a",
    "__init__.py",
    "homeassistant.local:8123 is www and http",
]


@pytest.mark.parametrize("text", _TEXTS_WITHOUT_MARKUP)
def test_text_without_markup(text: str) -> None:
    """Text that resembles markup is unchanged."""
    assert clean(text) == text


@pytest.mark.parametrize(("text", "words"), [case for cases in SPOKEN_TEXTS.values() for case in cases])
def test_markup(text: str, words: str) -> None:
    """Markup is spoken naturally, whether the text is fed whole or letter by letter."""
    assert clean(text) == words
    assert clean(*text) == words


def test_no_break_spaces() -> None:
    """A no-break space is unchanged; several become one space."""
    assert clean("10\u00a0000\u202f€&nbsp;a&nbsp;&nbsp;b") == "10\u00a0000\u202f€\u00a0a b"
    assert clean("a\u00a0\u202fb") == clean(*"a\u00a0\u202fb") == "a b"


def test_lines_after_quoted_rule() -> None:
    """Lines after a rule or a fence in a quotation do not belong to the quotation."""
    assert clean("> a\n> ---\nb\nc") == "a.\nb c"
    assert clean("> ```\n> a\n> ```\nb\nc") == "a\nb c"


@pytest.mark.parametrize("count", [31, 32, 33, 40, 64, 65])
@pytest.mark.parametrize("end", ["", " b", "x b", "(x) b"])
def test_punctuation_in_web_address(count: int, end: str) -> None:
    """Any number of marks in a web address is spoken or skipped regardless of the division."""
    text = f"https://x.org/a{')' * count}{end}"
    assert clean(text) == clean(*text)


_MARKUP = st.lists(
    st.sampled_from(
        [
            *"*_~`[]()<>!#|-=&;:.,?\\/\"' \n\t19abhwf中字กé😀🏽🇩—…【】†@\u200d\ufe0f\u20e3\ue200\ue201\u00a0",
            *(
                "word ",
                "\n\n",
                "\r\n",
                "https://",
                "www.",
                "a.b",
                "```",
                "~~~\n",
                "- ",
                "1. ",
                "# ",
                "> ",
                "\n| ",
                "|---|",
            ),
            *(
                "[^1]",
                "[x] ",
                "]: ",
                "](",
                "![",
                "<!--",
                "-->",
                "<b>",
                "<br>",
                "<li>",
                '<a href="',
                "<script>",
                "</script>",
            ),
            *("&amp;", "&#", "---", "===", "$", "$$", "\\(", "\\)", "\\[", "\\]", "\\frac{a}{", "^2", "}", "$5"),
            *("[1]", ". [2]", "](https://x.org)", "~~", "✅", "🔒", "a) ", "– ", "│", "+---+\n", "<think>", "</think>"),
            *("\nCapital", '\n"Quoted', "\n[x]: /y\n", "<del>", "</del>", "(1) ", "word: "),
        ]
    ),
    max_size=60,
)
_REPLACEMENTS = tuple(
    Replacement(find, f"<{find}>") for find in ("a", "word a", "a.b", "AB", "b b b", "中", "1.", "word", "https", "— a")
)


@st.composite
def _deltas(draw: st.DrawFn) -> list[str]:
    """Draw a text full of markup, divided anywhere."""
    text = "".join(draw(st.one_of(_MARKUP, st.lists(st.characters(), max_size=40))))
    cuts = draw(st.lists(st.integers(0, len(text)), max_size=12))
    return [text[start:end] for start, end in pairwise([0, *sorted(cuts), len(text)])]


@settings(max_examples=400, deadline=None)
@given(_deltas(), st.booleans())
def test_division_does_not_matter(deltas: list[str], reads_markup: bool) -> None:  # noqa: FBT001 drawn
    """The words do not depend on the division of the text, with and without replacements."""
    text = "".join(deltas)
    for replacements in ((), _REPLACEMENTS):
        whole = clean(text, replacements=replacements, reads_markup=reads_markup)
        assert clean(*deltas, replacements=replacements, reads_markup=reads_markup) == whole
        assert clean(*text, replacements=replacements, reads_markup=reads_markup) == whole


@settings(max_examples=200, deadline=None)
@given(_deltas())
def test_output_is_tidy(deltas: list[str]) -> None:
    """The words contain no double spaces, empty lines or emoji."""
    assert not re.search(r"[ \t]{2}|\n\s|^\s| \n|\r|[😀🏽🇩\ufe0f\u20e3]", clean(*deltas))


_WORD = st.text("abcdefghijklmnopqrstuvwxyzäé中ก0123456789", min_size=1, max_size=8)
_PHRASE = st.lists(_WORD, min_size=1, max_size=4).map(" ".join)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(_PHRASE, st.sampled_from([". ", ", ", "! ", "? ", "; ", ": ", " ", " (x) ", " – "]))))
def test_plain_text_is_unchanged(pieces: list[tuple[str, str]]) -> None:
    """Plain text is unchanged, and so are words that were cleaned."""
    text = "A " + "".join(phrase + mark for phrase, mark in pieces)
    assert clean(text) == text.rstrip()
    assert clean(clean(text)) == clean(text)


_INLINE = st.builds(
    str.format,
    st.sampled_from(
        [
            "{}",
            "**{}**",
            "*{}*",
            "_{}_",
            "`{}`",
            "[see {}](https://x.org/y)",
            "[{}][label]",
            "<b>{}</b>",
            "**[{}](u)**",
        ]
    ),
    _PHRASE,
)
_BLOCK = st.builds(
    lambda form, parts: form.format(" ".join(parts)),
    st.sampled_from(
        ["{}\n\n", "{}\n", "# {}\n", "- {}\n", "> {}\n\n", "| {} |\n", "{}\n===\n\n", "\n```\n{}\n```\n", "<p>{}</p>"]
    ),
    st.lists(_INLINE, min_size=1, max_size=3),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(_BLOCK, max_size=6))
def test_every_word_is_spoken_once(blocks: list[str]) -> None:
    """No word of a document is lost, doubled or moved."""
    document = "".join(blocks)
    targets = re.compile(r"\]\(https://x.org/y\)|\]\(u\)|\]\[label\]|</?[bp]>")
    expected = targets.sub(" ", document)
    words = clean(document)
    if "```" in document:  # markup in code is spoken
        words = targets.sub(" ", words).replace("x.org", " ")
    assert re.findall(r"[^\W_]", words) == re.findall(r"[^\W_]", expected)


def test_plain_words_are_not_held_back() -> None:
    """Words are returned at once, except a space, and a letter that can start a web address."""
    text = "The weather is fine today, with wind from the west! How about 21 degrees (or 5*4)? What if not... Hooray."
    cleaner = TextCleaner()
    returned = 0
    for count, character in enumerate(text, 1):
        returned += len(cleaner.feed(character))
        assert count - returned <= 2


@pytest.mark.parametrize("mark", [".", "!", "?", "。", "…", "।", "؟"])
@pytest.mark.parametrize("start", ["It is warm", "It is **warm", "1. Turn it on", "# It", "- It is `warm` now"])
def test_end_mark_is_returned_at_once(start: str, mark: str) -> None:
    """A sentence is returned with its end mark, not when the next one starts."""
    cleaner = TextCleaner()
    assert "".join(map(cleaner.feed, start + mark)).endswith(mark)
    assert not cleaner.finish()


def test_block_ends_with_line_feed() -> None:
    """The end of a paragraph or a heading is returned before the next block starts."""
    assert TextCleaner().feed("No end mark\n\n") == "No end mark\n"
    assert TextCleaner().feed("# Title\n") == "Title.\n"


@pytest.mark.parametrize(
    "start",
    [
        "[",
        "![",
        "`",
        "``",
        "<a b='",
        "<",
        "[a](",
        "[a][",
        "&",
        "【1†",
        "\ue200",
        "https://",
        "|",
        "> [",
        "1. *",
        "_a",
        "-",
        "[a]: ",
    ],
)
def test_unclosed_markup(start: str) -> None:
    """Words after markup that is never closed are returned after some hundred characters, and none is lost."""
    cleaner = TextCleaner()
    text = "so it goes on " * 100
    words = "".join(map(cleaner.feed, f"First. {start}{text}"))
    assert len(text) - len(words) < 950
    assert (words + cleaner.finish()).count("so it goes on") >= 99


@pytest.mark.parametrize("start", ["`", "``", "[", "![", "[[", "<!--", "<script>", "[long](https://x.org/", "~~"])
def test_unclosed_markup_is_short(start: str) -> None:
    """At most 100 characters after a mark that may hide or mark up the following words are held back."""
    cleaner = TextCleaner()
    cleaner.feed(start)
    returned = 0
    for count, character in enumerate("so it goes on and on " * 20, 1):
        returned += len(cleaner.feed(character))
        assert count - returned <= 105


@settings(max_examples=100, deadline=None)
@given(_deltas())
def test_held_back_text_is_bounded(deltas: list[str]) -> None:
    """The end of a long text returns only few words."""
    cleaner = TextCleaner()
    text = "".join(deltas)
    for _ in range(max(1, 6000 // max(1, len(text)))):
        cleaner.feed(text)
    assert len(cleaner.finish()) <= 2100


_HOSTILE = [
    *("[", "*", "<", "`", "_", "-", "#", "!", "&", "|", "\\", "\n", " ", "h", "1", "😀", "【1†", "\ue200a", "(", "~"),
    *(
        "a*",
        "_a",
        "<a b=c ",
        "<!--",
        "https://a.b/c(,",
        "- ",
        "> ",
        "[a](",
        "[[a] ",
        "`a ``b ```c ",
        "<a x='",
        "[a]: \n",
    ),
    *(
        "$",
        "$x^",
        "\\(",
        "$$",
        "\\frac{",
        "$\\a{",
        "[1]",
        "[x]: y\n",
        "<think>",
        "✅",
        "a) b\n",
        "│",
        "A\n",
        "1.\n",
        "~~a",
        "<s>a",
    ),
    *("<script>", "1. ", '[a](b "', "&#1", "~~~\n", "| a ", "words and words. ", "a sp\n"),
]


@pytest.mark.parametrize("is_divided", [False, True])
@pytest.mark.parametrize("unit", _HOSTILE)
def test_linear_time(unit: str, is_divided: bool) -> None:  # noqa: FBT001 a parameter
    """Ten times the text takes about ten times as long, whole or letter by letter."""
    text = unit * 20_000
    assert is_linear(lambda count: clean(*(text[:count] if is_divided else [text[:count]])), 20_000)
