"""Links and images, footnote marks, citations, and web addresses without markup."""

# ruff: noqa: RUF001 the punctuation of all scripts looks similar

from dataclasses import dataclass
import re
from typing import Final

from .characters import CLOSERS, NO_FULL_STOP_AFTER, UNSPACED_SCRIPTS
from .lookahead import IncompleteInputError, Syntax, Window

_MAX_LINK_TEXT_CHARS: Final = 250
_MAX_BRACKET_DEPTH: Final = 4

_FOOTNOTE_MARK: Final = Syntax.from_parts((r"\[", r"\^", r"[^\[\]\s]{1,60}", r"\]"))
_NUMBER_IN_BRACKETS: Final = re.compile(r"\[\d{1,3}(?:, ?\d{1,3})*\](?!\()")
_BRACKET: Final = re.compile(r"\\.|[\[\]]")
_TOO_DEEP: Final = re.compile(rf"(?:\[[^\[\]\\]*+){{{_MAX_BRACKET_DEPTH + 1}}}")

_PLAIN_TARGET: Final = r"(?:[^\s()\\<]|\\.|\([^\s()]*\))(?:<|[^\s()\\<]|\\.|\([^\s()]*\))*+"
_TARGET: Final = Syntax(
    rf"""\(\s*+(?:<[^<>\n]*>|(?:{_PLAIN_TARGET})?)(?:\s++(?:"[^"]*"|'[^']*'|\([^()]*\)))?\s*+\)""",
    rf"""\(\s*+(?:<[^<>\n]*|(?:<[^<>\n]*>|(?:{_PLAIN_TARGET})?(?:\\|\([^\s()]*)?)"""
    r"""(?:\s++(?:"[^"]*"?|'[^']*'?|\([^()]*\)?)?)?\s*+)""",
)
_REFERENCE: Final = Syntax.from_parts((r"\[", r"[^\[\]\n]{0,100}", r"\]"))
_CITATION: Final = Syntax.from_parts(
    ("【", r"[\d:,]+", "】"),
    ("【", r"[\d:,]*", "†", r"[^【】\n]{0,200}", "】"),
    ("\ue200", r"[^\ue200\ue201\n]{0,200}", "\ue201"),
)


@dataclass(frozen=True, slots=True)
class Link:
    """A link, an image, a footnote mark or a citation."""

    length: int
    """Length in characters."""
    text_end: int = 0
    """End of the spoken text, which starts after the first bracket; 0 if nothing is spoken."""


def read_link(window: Window, previous: str) -> Link | None:
    """Read a link, image, footnote mark or citation at its bracket; return None if the bracket is text."""
    if _TOO_DEEP.match(window.text, 0, _MAX_LINK_TEXT_CHARS):
        return None
    if match := _FOOTNOTE_MARK.match(window):
        return Link(match.end())
    end = _find_end_of_text(window)
    if end is None:
        return None
    after = Window(window.text[end + 1 :], window.is_final)
    if not after.text and not after.is_final:
        raise IncompleteInputError
    number = _NUMBER_IN_BRACKETS.match(window.text)
    if number and _is_citation(number.group(), previous, after.text[:1]):
        return Link(number.end())
    target = _TARGET.match(after) or _REFERENCE.match(after)
    return Link(end + 1 + target.end(), text_end=end) if target else None


def read_citation(window: Window) -> int:
    """Return the length of a citation such as 【4†source】, or 0 if there is none."""
    match = _CITATION.match(window)
    return match.end() if match else 0


def _find_end_of_text(window: Window) -> int | None:
    """Return the position of the bracket that closes the first one."""
    depth = 0
    for match in _BRACKET.finditer(window.text, 0, _MAX_LINK_TEXT_CHARS):
        if match.group() == "[":
            depth += 1
            if depth > _MAX_BRACKET_DEPTH:
                return None
        elif match.group() == "]":
            depth -= 1
            if not depth:
                return match.start()
    if not window.is_final and len(window.text) <= _MAX_LINK_TEXT_CHARS:
        raise IncompleteInputError
    return None


def _is_citation(number: str, previous: str, following: str) -> bool:
    """Return whether a number in brackets cites a source: after a word or a sentence, and unlike list[0]."""
    is_after_word = (
        previous.isalpha() and number[1] != "0" and (not following or following in " \n.,;:!?)[。，；：！？）")
    )
    return is_after_word or previous in NO_FULL_STOP_AFTER or previous in CLOSERS


_HOST_LABEL: Final = rf"(?:[^\W{UNSPACED_SCRIPTS}]|-)++"
_HOST: Final = rf"(?>{_HOST_LABEL}(?:\.{_HOST_LABEL})*+|[\w-]++(?:\.[\w-]++)*+)"
_WEB_ADDRESS: Final = Syntax(
    rf"(?:https?|ftp)://(?P<ip>\[[0-9A-Fa-f:.]++\])|(?:(?:https?|ftp)://(?:www\.)?|www\.)(?P<name>{_HOST})",
    r"ht?t?|https?(?::/?)?|ft?|ftp(?::/?)?|ww?w?|(?:https?|ftp)://\[(?:[0-9A-Fa-f:.]+\]?)?"
    rf"|(?:(?:https?|ftp)://(?:www\.)?|www\.)(?:{_HOST}[.:]?)?",
    re.IGNORECASE,
)
_PATH_START: Final = frozenset("/?#:@&=%+$")
_PATH_CHARACTER: Final = rf"""[^\s<>"`|\\^{{}}“”‘’«»„()\u3001-\u303f\uff01-\uff65{UNSPACED_SCRIPTS}]"""
_PUNCTUATION: Final = r"[.,;:!?'*_~)\]…]"
_OPEN_PARENTHESES: Final = rf"\((?:{_PATH_CHARACTER}++|\({_PATH_CHARACTER}*+\))*+"
_PATH_PART: Final = Syntax(
    rf"{_PUNCTUATION}{{0,32}}(?:{_OPEN_PARENTHESES}\)|\(|(?:(?!{_PUNCTUATION}){_PATH_CHARACTER})+)|{_PUNCTUATION}{{32}}",
    rf"{_PUNCTUATION}{{0,31}}(?:{_OPEN_PARENTHESES}(?:\({_PATH_CHARACTER}*)?)?",
)
"""Part of an address after its host. Punctuation belongs to the address if more of the address follows."""


@dataclass(frozen=True, slots=True)
class WebAddress:
    """A web address up to the end of its host."""

    host: str
    """Spoken part of the address."""
    length: int
    has_path: bool


def read_web_address(window: Window) -> WebAddress | None:
    """Read a web address up to the end of its host; return None if there is none."""
    match = _WEB_ADDRESS.match(window)
    if not match:
        return None
    following = window.text[match.end() : match.end() + 1]
    return WebAddress(match["ip"] or match["name"], match.end(), following in _PATH_START)


def read_path_part(window: Window) -> int:
    """Return the length of the next part of a web address after its host, or 0 at its end."""
    match = _PATH_PART.match(window)
    return match.end() if match else 0
