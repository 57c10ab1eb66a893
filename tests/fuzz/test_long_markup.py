"""Long markup, with any values and broken in any way, says exactly the text around it."""

from typing import Final

from hypothesis import strategies as st
import pytest

from custom_components.orator.text import StyledText
from custom_components.orator.text.long_markup import MAX_HELD_CHARS
from tests.support.signals import divide
from tests.support.text import count_inspected_chars, read_parts

from .fuzzing import fuzzed

_LENGTHS: Final = st.sampled_from([1, 30, 120, 1_990, 2_000, 2_010, 3_000, 19_900, 20_100, 30_000])
_PIECES: Final = (
    "AB+/",
    "x\n",
    "東京 ",
    "it > is ",
    "5 < 6 ",
    "é=1 ",
    "&amp;",
    "/> ",
    "--",
    "] ]> ",
    "[",
    "**",
    "`",
    "\n- ",
)
_FILLING: Final = st.builds(
    lambda pieces, length: ("".join(pieces) * length)[:length].rstrip("<") + " ",
    st.lists(st.sampled_from(_PIECES), min_size=1, max_size=4),
    _LENGTHS,
)
_QUOTED: Final = st.builds(
    "{0}{1}{2}{1}".format, st.sampled_from(["a=", "src = ", "b-c="]), st.sampled_from("\"'"), _FILLING
)
_ATTRIBUTES: Final = st.lists(_QUOTED, min_size=1, max_size=3).map(" ".join)
_NAMES: Final = st.sampled_from(["prosody", "foo", "audio", "sub", "x:y", "break", "metadata2", "say-as", "w"])
_WELL_FORMED: Final = st.one_of(
    st.builds("<{0} {1}>".format, _NAMES, _ATTRIBUTES),
    st.builds("<{0} {1}/>".format, _NAMES, _ATTRIBUTES),
    _FILLING.map(lambda text: f"<!--{text.replace('--', '')}-->"),
    _FILLING.map(lambda text: f"<?x {text.replace('?>', '')}?>"),
    _FILLING.map(lambda text: f"<metadata>{text}</metadata>"),
    _FILLING.map(lambda text: f"<desc>{text}</desc>"),
)
_BROKEN: Final = st.one_of(
    st.builds("<{0} a='{1}>".format, _NAMES, _LENGTHS.map(lambda length: "x" * length)),
    st.builds('<{0} a="b" c="{1}'.format, _NAMES, _LENGTHS.map(lambda length: "x" * min(length, 19_000))),
)
_CUTS: Final = st.lists(st.integers(0, 40_000), max_size=12)
_WORDS: Final = st.sampled_from(["rain", "Sun", "über", "water", "twelve"])


@fuzzed(
    300,
    pieces=st.lists(st.tuples(_WORDS, st.one_of(_WELL_FORMED, _BROKEN)), min_size=1, max_size=4),
    cuts=_CUTS,
    reads_markdown=st.booleans(),
)
def test_words_around_long_markup(pieces: list[tuple[str, str]], cuts: list[int], reads_markdown: bool) -> None:  # noqa: FBT001
    """All words around long markup are said, in order, and nothing else, however the text is divided."""
    # The break shows where a value without a closing quotation mark ends.
    text = "<speak>" + "".join(f" {word} {markup} <break/>" for word, markup in pieces)
    parts = read_parts(*divide(text, cuts), reads_markdown=reads_markdown)
    said = [word.strip(".。") for part in parts if isinstance(part, StyledText) for word in part.text.split()]
    assert [word for word in said if word] == [word for word, _ in pieces]
    assert parts == read_parts(text, reads_markdown=reads_markdown)


_ENDLESS: Final = ("<audio src='", '<a b="', "<!-- ", "<![CDATA[", "<?x ", "<metadata>", "<desc>", "<!DOCTYPE ", "<a ")


@pytest.mark.parametrize("unit", [" ", "A", "ab > c ", "]", "-", "'\"", "<", "< "])
@pytest.mark.parametrize("start", _ENDLESS)
def test_work_is_bounded(start: str, unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The characters that are looked at are bounded by the length of markup that never ends."""
    length = 2 * MAX_HELD_CHARS
    deltas = divide(f"<speak>{start}{unit * (length // len(unit))}", list(range(0, length, 20)))

    def read() -> None:
        for reads_markdown in (True, False):
            read_parts(*deltas, reads_markdown=reads_markdown)

    assert count_inspected_chars(monkeypatch, read) <= 2 * length * 200
