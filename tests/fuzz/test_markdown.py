"""Documents as language models write them say the same words as their rendered text."""

from html.parser import HTMLParser
from itertools import pairwise
import re
from typing import Final

from hypothesis import strategies as st
from markdown_it import MarkdownIt

from tests.support.text import clean

from .fuzzing import fuzzed

_RENDERER: Final = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
_WORDS: Final = [
    *("rain", "Sun", "über", "東京", "12", "3.5", "A", "don't", "e.g.", "(so)", "snake_case", "C#", "&amp;", "AT&T"),
    *("a < b", "-5", "20 °C", "well-known", "2 * 3", "\\*so\\*", "x = y", "f(x)", "50 %", "it:", "yes,", "“no”"),
    *('"hm"', "5 > 3"),
]
_WORD: Final = st.sampled_from(_WORDS)
_PHRASE: Final = st.lists(_WORD, min_size=1, max_size=4).map(" ".join)
_LETTERS: Final = st.lists(st.sampled_from(["rain", "Sun", "über", "water"]), min_size=1, max_size=3).map(" ".join)
_MARKED: Final = st.builds(
    str.format,
    st.sampled_from(
        [
            *("**{}**", "*{}*", "***{}***", "__{}__", "_{}_", "`{}`", "`` {} ` x ``", "~~{}~~", "<b>{}</b>", "({})"),
            *("[{}](https://example.com/a_(b)?c=1 'Title')", "![{}](cat.png)", "[{}][label]", "[**{}**](<u v>)"),
            *("[![{}](a.png)](https://example.com)", "[{}]", "<!-- {} -->", "a<br>{}", '<a href="x">{}</a>'),
            "**a *{}* b**",
        ]
    ),
    _LETTERS,
)
_INLINE: Final = st.lists(
    st.tuples(st.one_of(_PHRASE, _MARKED), st.sampled_from([" ", ". ", ", ", "! ", " - ", "\n", "  \n", "\\\n"])),
    min_size=1,
    max_size=5,
).map(lambda parts: "It is " + "".join(text + mark for text, mark in parts).strip().rstrip("\\"))
_LINE: Final = _INLINE.map(lambda text: re.sub(r"\s*\\?\n", " ", text))
_LINES_OF_CODE: Final = st.lists(st.sampled_from(["x = 1", "  y **= 2", "", "- a", "# no", "<b>"]), max_size=4)
_MARKER: Final = st.sampled_from(["-", "*", "+", "1.", "1)"])
_RULE: Final = st.sampled_from(["---", "***", "* * *"])


def _list(marker: str, items: list[str], gap: str) -> str:
    """Return a list, whose items may have several lines or lists of their own."""
    indent = " " * (len(marker) + 1)
    return gap.join(f"{marker} {item}".replace("\n", f"\n{indent}") for item in items)


def _table(rows: list[list[str]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


_CELL: Final = _LINE.map(lambda text: text.replace("|", ""))
_LIST: Final = st.recursive(
    _INLINE,
    lambda item: st.one_of(
        st.builds(
            _list, st.sampled_from(["-", "*", "+", "1.", "1)"]), st.lists(item, min_size=1, max_size=3), st.just("\n")
        ),
        st.builds(lambda first, rest: f"{first}\n{rest}", _LINE, item),
    ),
    max_leaves=6,
)
_BLOCK: Final = st.one_of(
    _INLINE,
    st.builds("{} {}".format, st.sampled_from(["#", "##", "####"]), _LINE),
    st.builds("{}\n{}".format, _LINE, st.sampled_from(["===", "---"])),
    st.builds(
        _list,
        st.sampled_from(["-", "*", "1."]),
        st.lists(_LIST, min_size=1, max_size=3),
        st.sampled_from(["\n", "\n\n"]),
    ),
    st.integers(1, 3).flatmap(
        lambda width: st.lists(st.lists(_CELL, min_size=width, max_size=width), min_size=1, max_size=3).map(_table)
    ),
    st.builds("```{}\n{}\n```".format, st.sampled_from(["", "python", "yaml"]), _LINES_OF_CODE.map("\n".join)),
    _INLINE.map(lambda text: "> " + text.replace("\n", "\n> ")),
    _RULE,
    _LETTERS.map("<p>{}</p>".format),
)
_DOCUMENT: Final = st.lists(_BLOCK, min_size=1, max_size=5).map(
    lambda blocks: "[label]: /x 'T'\n\n" + "\n\n".join(blocks)
)


class _TextReader(HTMLParser):
    """Reader of the words of a rendered document: with the numbers of items, without struck text."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self._numbers: list[int | None] = []
        self._is_struck = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        match tag:
            case "ol" | "ul":
                self._numbers.append(int(values.get("start") or 1) if tag == "ol" else None)
            case "li":
                if (number := self._numbers[-1]) is not None:
                    self.text.append(f" {number} ")
                    self._numbers[-1] = number + 1
            case "img":
                self.text.append(values.get("alt") or "")
            case "s":
                self._is_struck = True
            case "br":
                self.text.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("ol", "ul"):
            self._numbers.pop()
        elif tag == "s":
            self._is_struck = False

    def handle_data(self, data: str) -> None:
        if not self._is_struck:
            self.text.append(data)


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W_]+", text)


@fuzzed(60, document=_DOCUMENT, cuts=st.lists(st.integers(0, 400), max_size=6))
def test_same_words_as_rendered(document: str, cuts: list[int]) -> None:
    """The words of a document are those of its rendered text, whole and in pieces."""
    reader = _TextReader()
    reader.feed(_RENDERER.render(document))
    said = clean(document)
    assert _words(said) == _words("".join(reader.text))
    edges = [0, *sorted(cuts), len(document)]
    pieces = [document[start:end] for start, end in pairwise(edges) if start < end]
    assert clean(*pieces) == clean(*document) == said
