"""HTML and SSML: tags, comments and addresses in angle brackets."""

from dataclasses import dataclass
from enum import Enum, auto
import html
from html.entities import html5
import re
from typing import Final

from .characters import UNSPACED_SCRIPTS
from .lookahead import MAX_PROSE_CHARS, IncompleteInputError, Syntax, Window


class Boundary(Enum):
    """The unit of speech that ends at a tag."""

    NONE = auto()
    WORD = auto()
    CELL = auto()
    LINE = auto()
    SENTENCE = auto()


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag, a comment or an address."""

    length: int
    """Length in characters."""
    boundary: Boundary = Boundary.NONE
    text: str = ""
    """Spoken text: a host, an e-mail address or the description of an image."""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_CELL_TAGS: Final = _names("td th")
_SENTENCE_TAGS: Final = _names("h1 h2 h3 h4 h5 h6 li tr dt dd caption summary think thinking thought reasoning")
_LINE_TAGS: Final = _names(
    "address article aside blockquote br center details dialog div dl fieldset figcaption figure footer form header hr "
    "main nav ol p pre section table tbody tfoot thead ul"
)
_INLINE_TAGS: Final = _names(
    "a abbr acronym b bdi bdo big cite code del dfn em font i img ins kbd mark q rp rt ruby s samp script small span "
    "strike strong style sub sup svg tt u var wbr break emphasis phoneme prosody say-as speak"
)
# Other tags, such as <button> or <time>, are often placeholders, so they are spoken if they have no attributes.
_KNOWN_TAGS: Final = _CELL_TAGS | _SENTENCE_TAGS | _LINE_TAGS | _INLINE_TAGS

_TAG_NAME: Final = r"[A-Za-z][A-Za-z0-9-]*+"
_ATTRIBUTE_NAME: Final = r"[A-Za-z_:@][\w:.-]*+\s*+"
_BOOLEAN_ATTRIBUTES: Final = (
    "async|autoplay|checked|controls|default|defer|disabled|hidden|loop|muted|open|required|selected"
)
_ATTRIBUTES: Final = (
    rf"""(?:\s++(?:{_ATTRIBUTE_NAME}=\s*+(?:"[^"]*"|'[^']*'|[^\s"'=<>`]+)|(?:{_BOOLEAN_ATTRIBUTES})(?=[\s/>])))*+"""
)
_UNFINISHED_ATTRIBUTE: Final = rf"""\s++{_ATTRIBUTE_NAME}(?:=\s*+(?:"[^"]*|'[^']*|[^\s"'=<>`]*))?"""
_HTML_TAG: Final = Syntax(
    rf"<(?P<slash>/?)(?P<name>{_TAG_NAME}(?::[A-Za-z0-9-]++)?)(?P<attributes>{_ATTRIBUTES})\s*+(?P<end>/?)>",
    rf"</?(?:{_TAG_NAME}(?::[A-Za-z0-9-]*+)?{_ATTRIBUTES}(?:\s*+/?|{_UNFINISHED_ATTRIBUTE}))?",
    re.IGNORECASE,
)
_IMAGE_DESCRIPTION: Final = re.compile(r"""\salt\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)

_ENTITY: Final = Syntax.from_parts(
    ("&", "#", r"\d{1,7}", ";"),
    ("&", "#", "[xX]", "[0-9A-Fa-f]{1,6}", ";"),
    ("&", "[A-Za-z]", "[A-Za-z0-9]{1,31}", ";"),
)

_AUTOLINK: Final = Syntax.from_parts(("<", r"[^\W_]", r"[^\s<>]*", ">"))
_AUTOLINK_TARGET: Final = re.compile(
    r"<(?:(?:https?|ftp)://(?:www\.)?(?P<host>[^/?#:>]+).*|(?:mailto:)?(?P<mail>[^@:]+@[^@]+))>", re.IGNORECASE
)
_DECLARATION: Final = Syntax.from_parts(
    ("<", "!", r"[A-Za-z\[]", "[^<>]*", ">"),
    ("<", r"\?", "[A-Za-z]", "[^<>]*", ">"),
)
_HIDDEN_START: Final = Syntax.from_parts(
    (*"<!--",),
    ("<", "!", r"\[", *"CDATA", r"\["),
    ("<", r"\?", "[A-Za-z]"),
    (*"<script", r"[ >\n]"),
    (*"<style", r"[ >\n]"),
    (*"<del>", r"\S"),
    (*"<strike>", r"\S"),
    flags=re.IGNORECASE,
)
_HIDDEN_KIND: Final = re.compile(r"<(?:!--|!\[|\?|[A-Za-z]++)")
_HIDDEN_ENDS: Final = {
    "<!--": ("-->", 100),
    "<![": ("]]>", 300),
    "<?": (r"\?>", 100),
    "<script": ("</script>", 2000),
    "<style": ("</style>", 2000),
    "<del": ("</del>", 200),
    "<strike": ("</strike>", 200),
}
"""Ends of the parts of a document that are not spoken, and their maximum number of characters."""
_HIDDEN_END_PATTERNS: Final = {
    kind: (re.compile(end, re.IGNORECASE), max_chars) for kind, (end, max_chars) in _HIDDEN_ENDS.items()
}
MAX_HIDDEN_CHARS: Final = 2000
_CODE_MARK: Final = re.compile("[{}=;]")


def read_hidden(window: Window) -> Tag | None:
    """Read a comment, a script, a style sheet or struck text, which are not spoken."""
    start = _HIDDEN_START.match(window) if window.text[1:2] in "!?sSdD" else None
    kind = _HIDDEN_KIND.match(window.text) if start else None
    if not start or not kind:
        return None
    pattern, max_chars = _HIDDEN_END_PATTERNS[kind.group().lower()]
    if end := pattern.search(window.text, start.end() - (start.group() != "<!--"), max_chars):
        return Tag(end.end())
    is_prose = len(window.text) >= MAX_PROSE_CHARS and not _CODE_MARK.search(window.text, 0, MAX_PROSE_CHARS)
    if not window.is_final and len(window.text) < max_chars and not is_prose:
        raise IncompleteInputError
    return Tag(start.end()) if start.group() == "<!--" else None


_THOUGHT_START: Final = Syntax.from_parts(
    (*"<think>",), (*"<thinking>",), (*"<thought>",), (*"<reasoning>",), flags=re.IGNORECASE
)
NAMED_THOUGHT_TAG: Final = Syntax.from_parts(
    *((*f"<{name}>", r"(?=[ .,;:!?])") for name in ("think", "thinking", "thought", "reasoning")), flags=re.IGNORECASE
)
"""The tag of a thought before more text of a sentence."""
THOUGHT_TAG: Final = re.compile(r"</?(?:think|thinking|thought|reasoning)>", re.IGNORECASE)
_THOUGHT_END: Final = re.compile(r"</(?:think|thinking|thought|reasoning)>", re.IGNORECASE)
_MAX_THOUGHT_END_CHARS: Final = len("</reasoning>")
MAX_UNCLOSED_THOUGHT_CHARS: Final = 2000
"""Maximum length of a text after the opening tag of a thought that is spoken if the thought is never closed.

The text of a longer thought is dropped as it arrives.
"""


def measure_thought(window: Window) -> tuple[int, bool]:
    """Return the length of a language model's thought, and whether its end has been found; 0 if there is none.

    Raises IncompleteInputError if following text decides.
    """
    if not _THOUGHT_START.match(window):
        return 0, False
    if end := _THOUGHT_END.search(window.text):
        return end.end(), True
    if len(window.text) < MAX_UNCLOSED_THOUGHT_CHARS:
        if window.is_final:
            return 0, False
        raise IncompleteInputError
    return measure_rest_of_thought(Window(window.text, is_final=False))


def measure_rest_of_thought(window: Window) -> tuple[int, bool]:
    """Return the length of the text that belongs to an open thought, and whether its end has been found."""
    if end := _THOUGHT_END.search(window.text):
        return end.end(), True
    length = len(window.text) if window.is_final else len(window.text) - _MAX_THOUGHT_END_CHARS
    if length <= 0:
        raise IncompleteInputError
    return length, False


_MIN_PROSE_WORDS: Final = 10
_PROSE_WORD: Final = re.compile(
    rf"(?<![^\s\"'])(?:[^\W\d_{UNSPACED_SCRIPTS}]|['\u2019])+[.,:!?]*(?!\S)|[{UNSPACED_SCRIPTS}]{{3}}"
)


def is_before_prose(text: str) -> bool:
    """Return whether so much prose follows an angle bracket that it does not start a tag."""
    start = text[:MAX_PROSE_CHARS]
    if len(start) < MAX_PROSE_CHARS or ">" in start:
        return False
    value = start.rpartition("=")[2]
    return not _CODE_MARK.search(value) and len(_PROSE_WORD.findall(value)) >= _MIN_PROSE_WORDS


def read_tag(window: Window) -> Tag | None:
    """Read a tag or an address; return None for text such as a < b and for placeholders such as <name>."""
    if is_before_prose(window.text):
        return None
    if window.text[1:2] in ("!", "?"):
        declaration = _DECLARATION.match(window)
        return Tag(declaration.end()) if declaration else None
    if (link := _AUTOLINK.match(window)) and (target := _AUTOLINK_TARGET.fullmatch(link.group())):
        return Tag(link.end(), text=target["host"] or target["mail"])
    tag = _HTML_TAG.match(window)
    return _classify_tag(tag) if tag else None


def _classify_tag(match: re.Match[str]) -> Tag | None:
    """Return the effect of a tag, or None for a placeholder."""
    name = match["name"].lower()
    if not (name in _KNOWN_TAGS or match["slash"] or match["end"] or match["attributes"]):
        return None
    if name == "img" and (description := _IMAGE_DESCRIPTION.search(match["attributes"])):
        return Tag(match.end(), text=description[1] or description[2] or "")
    if name == "s":  # a sentence in SSML, the start or end of the text to a language model, or struck text in HTML
        return Tag(match.end(), Boundary.WORD)
    return Tag(match.end(), boundary_of(name, is_end=match["slash"] != ""))


def boundary_of(name: str, *, is_end: bool) -> Boundary:
    """Return the unit of speech that ends at a tag, given the name of its element."""
    if name in _CELL_TAGS and not is_end:
        return Boundary.CELL
    if name in _SENTENCE_TAGS:
        return Boundary.SENTENCE
    return Boundary.LINE if name in _LINE_TAGS else Boundary.NONE


def read_entity(window: Window) -> tuple[str, int]:
    """Return the text of an entity and the number of its characters; an unknown one is text."""
    match = _ENTITY.match(window)
    if not match:
        return "&", 1
    entity = match.group()
    is_known = entity[1] == "#" or entity[1:] in html5
    return html.unescape(entity) if is_known else entity, len(entity)
