"""Patterns wait for text that can change their match."""

import pytest

from custom_components.orator.text.lookahead import IncompleteInputError, Syntax, Window

_SYNTAX = Syntax.from_parts(("<", "[a-z]+", ">"), ("#+", r"(?= |\Z)"))


@pytest.mark.parametrize(
    ("text", "match"), [("<ab>", "<ab>"), ("<ab> c", "<ab>"), ("## a", "##"), ("<>", ""), ("#a", ""), ("a<b>", "")]
)
def test_decided(text: str, match: str) -> None:
    """A match is decided when no following text can change it."""
    for is_final in (False, True):
        found = _SYNTAX.match(Window(text, is_final))
        assert (found.group() if found else "") == match


@pytest.mark.parametrize(("text", "match"), [("<", ""), ("<ab", ""), ("##", "##")])
def test_undecided(text: str, match: str) -> None:
    """The start of a possible match is undecided until the text ends."""
    with pytest.raises(IncompleteInputError):
        _SYNTAX.match(Window(text, is_final=False))
    found = _SYNTAX.match(Window(text, is_final=True))
    assert (found.group() if found else "") == match
