"""Reads HTML: tags, comments and addresses in angle brackets."""

from dataclasses import dataclass
from enum import Enum, auto
import re
from typing import Final


class Pause(Enum):
    """What a tag does to speech."""

    NONE = auto()
    CELL = auto()
    LINE = auto()
    SENTENCE = auto()


@dataclass(frozen=True, slots=True)
class Tag:
    """Something in angle brackets: how long it is and what it does."""

    length: int
    pause: Pause = Pause.NONE
    text: str = ""
    """What it says: an address, or what a picture shows."""


OPEN: Final = Tag(0)
"""What follows decides whether there is a tag."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_CELLS: Final = _words("td th")
_SENTENCES: Final = _words("h1 h2 h3 h4 h5 h6 li tr dt dd caption summary think")
_LINES: Final = _words(
    "address article aside blockquote br center details dialog div dl fieldset figcaption figure footer form header hr "
    "main nav ol p pre section table tbody tfoot thead ul"
)
_OTHERS: Final = _words(
    "a abbr acronym b bdi bdo big cite code del dfn em font i img ins kbd mark q rp rt ruby s samp script small span "
    "strike strong style sub sup svg tt u var wbr break emphasis phoneme prosody say-as speak"
)
# Others, such as <button> or <time>, stand for something as often as they are tags: alone they are words.
_NAMES: Final = _CELLS | _SENTENCES | _LINES | _OTHERS

_FLAGS: Final = "async|autoplay|checked|controls|default|defer|disabled|hidden|loop|muted|open|required|selected"
_VALUE: Final = r"""(?:"[^"]*"|'[^']*'|[^\s"'=<>`]+)"""
_ATTRIBUTE: Final = rf"(?:[A-Za-z_:@][\w:.-]*+\s*+=\s*+{_VALUE}|(?:{_FLAGS})(?=[\s/>]))"
_NAME: Final = r"[A-Za-z][A-Za-z0-9-]*+(?::[A-Za-z0-9-]++)?"
_TAG: Final = re.compile(
    rf"<(?P<slash>/?)(?P<name>{_NAME})(?P<attributes>(?:\s++{_ATTRIBUTE})*+)\s*+(?P<end>/?)>", re.IGNORECASE
)
_TAG_START: Final = re.compile(
    rf"""</?(?:{_NAME}:?(?:\s++{_ATTRIBUTE})*+(?:\s*+/?|\s++[A-Za-z_:@][\w:.-]*+\s*+(?:=\s*+(?:"[^"]*|'[^']*|[^\s"'=<>`]*))?))?\Z""",
    re.IGNORECASE,
)
_SHOWN: Final = re.compile(r"""\salt\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_ADDRESS: Final = re.compile(
    r"<(?:(?:https?|ftp)://(?:www\.)?(?P<host>[^\s<>/?#:]+)[^\s<>]*|(?:mailto:)?(?P<mail>[^\s<>@:]+@[^\s<>@]+))>",
    re.IGNORECASE,
)
_ADDRESS_START: Final = re.compile(r"<[^\s<>]*\Z")
_HIDDEN: Final = {"<!--": "-->", "<script>": "</script>", "<script ": "</script>", "<style>": "</style>"}
_DECLARATION: Final = re.compile(r"<(?:![A-Za-z\[][^<>]*|\?[A-Za-z][^<>]*)>")
_DECLARATION_START: Final = re.compile(r"<(?:!(?:[A-Za-z\[][^<>]*)?|\?(?:[A-Za-z][^<>]*)?)?\Z")


def read_hidden(window: str, *, is_all: bool) -> Tag | None:
    """Read what is not shown at all: a comment, a script, a style; None where there is none."""
    for start, end in _HIDDEN.items():
        head = window[: len(start)].lower()
        if head == start:
            found = window.lower().find(end, len(start))
            if found >= 0:
                return Tag(found + len(end))
            if not is_all:
                return OPEN
            return Tag(len(start)) if end == "-->" else None
        if start.startswith(head) and not is_all:
            return OPEN
    return None


def read_tag(window: str, *, is_all: bool) -> Tag | None:
    """Read a tag or an address; None where it is text, such as a < b."""
    if ">" in window:
        if match := _ADDRESS.match(window):
            return Tag(match.end(), text=match["host"] or match["mail"])
        if match := _TAG.match(window):
            return _as_tag(match)
        if match := _DECLARATION.match(window):
            return Tag(match.end())
    may_begin = _TAG_START.match(window) or _ADDRESS_START.match(window) or _DECLARATION_START.match(window)
    return OPEN if may_begin and not is_all else None


def _as_tag(match: re.Match[str]) -> Tag | None:
    """Tell tags from placeholders such as <name>, which are words."""
    name = match["name"].lower()
    if not (name in _NAMES or match["slash"] or match["end"] or match["attributes"]):
        return None
    if name == "img" and (shown := _SHOWN.search(match["attributes"])):
        return Tag(match.end(), text=shown[1] or shown[2] or "")
    if name in _CELLS and not match["slash"]:
        return Tag(match.end(), Pause.CELL)
    if name in _SENTENCES:
        return Tag(match.end(), Pause.SENTENCE)
    return Tag(match.end(), Pause.LINE if name in _LINES else Pause.NONE)
