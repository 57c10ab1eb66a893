"""Reads links, images, footnote marks and citations."""

# ruff: noqa: RUF001 the marks of all scripts look like others

from dataclasses import dataclass
import re
from typing import Final

from ..characters import CLOSERS, END_MARKS

_LONGEST_TEXT: Final = 250
_DEEPEST: Final = 4

_FOOTNOTE: Final = re.compile(r"\[\^[^\[\]\s]{1,60}\]")
_FOOTNOTE_START: Final = re.compile(r"\[(?:\^[^\[\]\s]{0,60})?\Z")
_NUMBER: Final = re.compile(r"\[\d{1,3}(?:, ?\d{1,3})*\](?!\()")
_BRACKETS: Final = re.compile(r"\\.|[\[\]]")
_PLACE: Final = r"(?:[^\s()\\<]|\\.|\([^\s()]*\))"
_DESTINATION: Final = re.compile(
    rf"""\(\s*+(?:<[^<>\n]*>|(?:{_PLACE}(?:<|{_PLACE})*+)?)(?:\s++(?:"[^"]*"|'[^']*'|\([^()]*\)))?\s*+\)"""
)
_DESTINATION_START: Final = re.compile(
    rf"""\(\s*+(?:<[^<>\n]*|(?:<[^<>\n]*>|(?:{_PLACE}(?:<|{_PLACE})*+)?(?:\\|\([^\s()]*)?)"""
    r"""(?:\s++(?:"[^"]*"?|'[^']*'?|\([^()]*\)?)?)?\s*+)\Z"""
)
_REFERENCE: Final = re.compile(r"\[[^\[\]\n]{0,100}\]")
_REFERENCE_START: Final = re.compile(r"\[[^\[\]\n]{0,100}\Z")
_CITATION: Final = re.compile(r"【[\d:,]*(?:†[^【】\n]{0,200})?】|\ue200[^\ue200\ue201\n]{0,200}\ue201")
_CITATION_START: Final = re.compile(r"【[\d:,]*(?:†[^【】\n]{0,200})?\Z|\ue200[^\ue200\ue201\n]{0,200}\Z")


@dataclass(frozen=True, slots=True)
class Link:
    """How long a link is and where its text lies, without which nothing of it is said; a length of 0 is no link."""

    length: int
    text_start: int = 0
    text_end: int = 0


_NO_LINK: Final = Link(0)


def read_link(window: str, before: str, *, is_all: bool) -> Link | None:
    """Read what a bracket opens; None when what follows decides."""
    if match := _FOOTNOTE.match(window):
        return Link(match.end())
    if not is_all and _FOOTNOTE_START.match(window):
        return None
    end = _end_of_text(window)
    if end == 0 or (end is None and (is_all or len(window) > _LONGEST_TEXT)):
        return _NO_LINK
    if end is None or (end + 1 == len(window) and not is_all):
        return None
    after = window[end + 1 :]
    if (number := _NUMBER.match(window)) and _is_citation(before, number.group(), after[:1]):
        return Link(number.end())
    return _read_target(after, end, is_all=is_all)


def read_citation(window: str, *, is_all: bool) -> int | None:
    """Return the length of a citation such as 【4†source】, 0 where there is none, None when what follows decides."""
    if match := _CITATION.match(window):
        return match.end() if match.group() != "【】" else 0
    return None if _CITATION_START.match(window) and not is_all else 0


def _read_target(after: str, end: int, *, is_all: bool) -> Link | None:
    """Read where a link leads, after its text."""
    pairs = {"(": (_DESTINATION, _DESTINATION_START), "[": (_REFERENCE, _REFERENCE_START)}
    if after[:1] not in pairs:
        return _NO_LINK
    whole, start = pairs[after[0]]
    if match := whole.match(after):
        return Link(end + 1 + match.end(), 1, end)
    return None if start.match(after) and not is_all else _NO_LINK


def _end_of_text(window: str) -> int | None:
    """Return where the first bracket closes, 0 when it will not be looked for, None when it does not."""
    depth = 0
    for match in _BRACKETS.finditer(window, 0, _LONGEST_TEXT):
        if match.group() == "[":
            depth += 1
            if depth > _DEEPEST:
                return 0
        elif match.group() == "]":
            depth -= 1
            if not depth:
                return match.start()
    return None


def _is_citation(before: str, number: str, following: str) -> bool:
    """Tell whether a number in brackets, close after a word or a mark, cites a source rather than counts: list[0]."""
    is_after_word = (
        before.isalpha() and number[1] != "0" and (not following or following in " \n.,;:!?)[。，；：！？）")
    )
    return is_after_word or before in END_MARKS or before in CLOSERS
