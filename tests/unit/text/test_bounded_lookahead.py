"""A mark that is never closed holds no more than a sentence or 100 characters back."""

import pytest

from custom_components.orator.text import SentenceSplitter, TextCleaner
from tests.support.text import clean

_SENTENCE = "the kettle in the kitchen has boiled and the tea is ready for all of us."
_PROSE = f"{_SENTENCE} There is cake on the table, too, if the children have left any of it. " * 5
_MAX_HELD_CHARS = 100
_MAX_MARK_CHARS = 24

_MARKS = """
    ` `` ``` ~~~ [ [1 [^ [a]( [a][ [a](/x [a](/x" [a](< [a](http://x.y ![ ![a]( [[[[[ <!-- < <a <a␣href=" <img␣alt='
    <b </ <script> <style> <del>x <strike>x <![CDATA[ <?x␣ <!DOCTYPE␣ <http <mailto: $ $x $$ \\( \\[ ** * __ _ ~~ ~ &
    &amp &# 【 【1† \ue200 http:// https://a.b/( www. | # = - --- > 1. [x]:␣http://a.b␣" \\ ( " “ « „ 「 ' word[ ^ { 🔋
"""


@pytest.mark.parametrize("start", ["", "Hello there, "], ids=["at start", "in sentence"])
@pytest.mark.parametrize("mark", [mark.replace("␣", " ") for mark in _MARKS.split()])
def test_unmatched_mark(mark: str, start: str) -> None:
    """Words are returned soon after a mark that is never closed, whether or not a space follows it."""
    for space in ("", " "):
        cleaner, splitter = TextCleaner(), SentenceSplitter()
        held, longest, sentences, first_sentence = 0, 0, 0, 0
        for position, character in enumerate(start + mark + space + _PROSE, 1):
            words = cleaner.feed(character)
            held = 0 if words else held + 1
            longest = max(longest, held)
            sentences += len(splitter.feed(words))
            first_sentence = first_sentence or (position if sentences else 0)
        assert longest <= _MAX_HELD_CHARS + _MAX_MARK_CHARS
        assert first_sentence <= len(start + mark + space + _SENTENCE) + _MAX_HELD_CHARS


@pytest.mark.parametrize(
    ("markup", "words"),
    [
        ('<a href="https://example.com/a b c d e f g h i j k l m" title="The title">Here</a> it is.', "Here it is."),
        (f'<div class="{" ".join(f"a{number}-b" for number in range(30))}">Text.</div>', "Text."),
        (f'<img alt="{_SENTENCE}"> End.', f"{_SENTENCE} End."),
        (f'[Link](https://example.com "{_SENTENCE}") and more.', "Link and more."),
        (f"[Link](<https://example.com/{'x' * 200}>) and more.", "Link and more."),
        (f"It rains. \ue200cite{'turn0search1' * 12}\ue201", "It rains."),
    ],
)
def test_long_markup(markup: str, words: str) -> None:
    """Long markup that is closed is still read as markup."""
    assert clean(markup).strip() == words
