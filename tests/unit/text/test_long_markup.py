"""Markup that is too long to have an effect is not spoken, and the text around it is."""

from typing import Final

import pytest

from custom_components.orator.text import SpeechStyle, StyledText
from custom_components.orator.text.long_markup import MAX_HELD_CHARS, MAX_MARKUP_CHARS
from custom_components.orator.text.ssml import MAX_OPEN_ELEMENTS
from tests.support.text import read_parts

_BASE64: Final = "data:audio/mpeg;base64," + "SUQzBAAA+/" * 300
_LINES: Final = "\n".join(_BASE64[start : start + 76] for start in range(0, len(_BASE64), 76))
_PROSE: Final = "the kettle has boiled, and 東京 é is > 5 and <3. " * 60
_VERY_LONG: Final = "ABCD" * MAX_HELD_CHARS


def _say(text: str, *, reads_markdown: bool, allows_tags: bool = False) -> str:
    """Return the words of a text, however it is divided."""
    options = {"reads_markdown": reads_markdown, "allows_tags": allows_tags}
    parts = read_parts(text, **options)
    deltas = [text[start : start + 9] for start in range(0, len(text), 9)]
    assert parts == read_parts(*deltas, **options)
    return " ".join(" ".join(part.text for part in parts if isinstance(part, StyledText)).split())


_TAGS: Final = [
    *(f'<audio src="{value}">two</audio>' for value in (_BASE64, _LINES, _VERY_LONG)),
    f"<audio src='{_LINES}' soundLevel='+6dB' {'x=1 ' * 100}>two</audio>",
    f'<audio src="{_LINES}" />two',
    f'<sub alias="{_PROSE}">two</sub>',
    f"<prosody {'a=1 ' * MAX_MARKUP_CHARS}>two</prosody>",
    f"<emphasis>two</emphasis{' ' * MAX_MARKUP_CHARS}>",
    f'<say-as interpret-as="{_PROSE}">two</say-as>',
]
_PARTS_OF_DOCUMENTS: Final = [
    f"<!-- {_PROSE} <b> -->two",
    f"<!-- {_VERY_LONG} -->two",
    f"<?php {_PROSE}?>two",
    f"<!DOCTYPE speak {'x' * MAX_MARKUP_CHARS}>two",
    f"<!DOCTYPE speak [{'<!ENTITY a "b">' * 200}]>two",
    f"<metadata>{'<rdf:x>data</rdf:x> ' * 200}</metadata>two",
    f"<metadata><!-- </metadata> {_PROSE} </p> --></metadata>two",
    f"<metadata>{_PROSE}<![CDATA[ </metadata> {_VERY_LONG} </p> ]]></metadata>two",
    f"<desc>{_VERY_LONG}</desc>two",
    f"<{'a' * MAX_MARKUP_CHARS} b='c'>two</{'a' * MAX_MARKUP_CHARS}>",
    f"<foo bar='{_PROSE}'>two</foo>",
]


@pytest.mark.parametrize("reads_markdown", [True, False])
@pytest.mark.parametrize("markup", [*_TAGS, *_PARTS_OF_DOCUMENTS], ids=lambda markup: markup[:20])
def test_long_markup_in_document(markup: str, reads_markdown: bool) -> None:  # noqa: FBT001
    """In a document, long tags, comments and contents that are not speech are skipped."""
    assert _say(f"<speak>One {markup} three.</speak>", reads_markdown=reads_markdown) == "One two three."


@pytest.mark.parametrize("reads_markdown", [True, False])
@pytest.mark.parametrize("markup", _TAGS, ids=lambda markup: markup[:20])
def test_long_tag_in_reply(markup: str, reads_markdown: bool) -> None:  # noqa: FBT001
    """In a reply, long tags of SSML are skipped."""
    assert _say(f"One {markup} three.", reads_markdown=reads_markdown, allows_tags=True) == "One two three."


@pytest.mark.parametrize("reads_markdown", [True, False])
@pytest.mark.parametrize(
    "markup",
    [
        f'<audio src="{_LINES}>two</audio>',
        f'<audio src="{_BASE64} two',
        f"<prosody rate='{_BASE64}<emphasis>two</emphasis>",
        f"<prosody rate={_BASE64} two",
        f"<foo bar='{_BASE64} two",
        f"<{'a' * MAX_MARKUP_CHARS} two",
    ],
    ids=lambda markup: markup[:20],
)
def test_text_after_broken_tag(markup: str, reads_markdown: bool) -> None:  # noqa: FBT001
    """The text after a long tag with a quotation mark that is not closed, or without an end, is spoken."""
    assert _say(f"<speak>One {markup} three.", reads_markdown=reads_markdown) == "One two three."
    assert _say(f"<speak>One {markup} three.</speak>", reads_markdown=reads_markdown) == "One two three."


@pytest.mark.parametrize("reads_markdown", [True, False])
@pytest.mark.parametrize(
    "start", ['<prosody rate="slow>', "<!-- ", "<metadata>", "<![CDATA[", "<?x ", "<!DOCTYPE ", "<desc>"]
)
def test_markup_that_never_ends(start: str, reads_markdown: bool) -> None:  # noqa: FBT001
    """Text is spoken if the markup before it never ends, up to the limit."""
    words = "word " * (MAX_MARKUP_CHARS // 5 + 100)
    said = _say(f"<speak>One {start}{words}", reads_markdown=reads_markdown)
    assert said == f"One {words}".strip()
    words = "word " * (MAX_HELD_CHARS // 5)
    said = _say(f"<speak>One {start}{words}", reads_markdown=reads_markdown)
    assert said == ("One" if start != "<![CDATA[" else f"One {words}".strip())


@pytest.mark.parametrize("end", ["", "</p>two", "</speak>two"])
def test_very_long_metadata(end: str) -> None:
    """Metadata that is never closed ends with the element around it."""
    text = f"<speak><p>One <metadata>{_VERY_LONG}{end}"
    assert _say(text, reads_markdown=False) == f"One {end and 'two'}".strip()


@pytest.mark.parametrize("reads_markdown", [True, False])
def test_long_character_data(reads_markdown: bool) -> None:  # noqa: FBT001
    """A long CDATA section is spoken as it is, and as it arrives."""
    words = "a < b &amp; c ]] " * 300
    text = f"<speak>One <![CDATA[{words}]]> <break/>two"
    assert _say(text, reads_markdown=reads_markdown) == f"One {words.strip()} two"
    for end in ("", "</speak>", "</s></p>\n</speak>\n"):
        assert _say(f"<speak><![CDATA[{words}{end}", reads_markdown=reads_markdown) == words.strip()


def test_less_than_sign_in_value() -> None:
    """A "<" within quotation marks is text, unless a tag can start with it."""
    assert _say('<speak><sub alias="I <3 you, a < b">x</sub>.', reads_markdown=False) == "I <3 you, a < b."


@pytest.mark.parametrize("reads_markdown", [True, False])
def test_elements_after_long_tags_without_content(reads_markdown: bool) -> None:  # noqa: FBT001
    """Long tags of elements without content do not count as open elements, whose number is limited."""
    text = f"<speak>{f'<break x="{_BASE64}">' * MAX_OPEN_ELEMENTS}<prosody rate='slow'>One.</prosody>"
    parts = read_parts(text, reads_markdown=reads_markdown)
    assert parts == [StyledText("One.", SpeechStyle(rate=0.64))]


@pytest.mark.parametrize("reads_markdown", [True, False])
def test_words_around_long_paragraph_tag(reads_markdown: bool) -> None:  # noqa: FBT001
    """The long start tag of a paragraph divides words."""
    text = f'<speak>One<p class="{_BASE64}">two</p>three.</speak>'
    assert _say(text, reads_markdown=reads_markdown).replace(".", "") == "One two three"
