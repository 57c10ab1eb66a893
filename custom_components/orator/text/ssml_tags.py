"""Find the tags of SSML in a text that is still arriving, however broken the markup is.

A parser of XML such as expat stops at the first error, and `html.parser` holds all text back after a "<" until the next
">". So the tags are found here, within windows of limited length, and `html.parser` parses the attributes of one tag.
No entity other than those of HTML and no document type is ever expanded.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
import html
from html.parser import HTMLParser
import re
from typing import Final, override

from .html_tags import is_before_prose
from .lookahead import MAX_PROSE_CHARS, IncompleteInputError, InputBuffer, Window

MAX_UNSPOKEN_CHARS: Final = 2000
"""Maximum length of a comment or of another part of a document that is not spoken."""
MAX_TAG_CHARS: Final = 1000
"""Maximum length of a tag that has an effect."""

STYLE_ELEMENTS: Final = frozenset(
    (
        *("voice", "prosody", "emphasis", "lang", "phoneme", "amazon:effect", "amazon:domain", "amazon:emotion"),
        *("mstts:express-as", "google:style"),
    )
)
"""Elements that change the style of their text."""
SENTENCE_ELEMENTS: Final = frozenset(["p", "s", "paragraph", "sentence"])
CONTENT_CHARS: Final = {"sub": 300, "say-as": 300, "audio": 500, "desc": 500, "metadata": MAX_UNSPOKEN_CHARS}
"""Elements that are read as a whole, with the maximum length of their content."""
_ELEMENTS: Final = (
    STYLE_ELEMENTS
    | SENTENCE_ELEMENTS
    | CONTENT_CHARS.keys()
    | frozenset(["speak", "break", "mark", "w", "token", "lookup", "meta", "lexicon"])
)
_ATTRIBUTE_NAMES: Final = (
    *("alias", "alphabet", "detail", "format", "interpret-as", "level", "name", "onlangfailure", "ph", "pitch", "rate"),
    *("role", "src", "strength", "style", "styledegree", "time", "version", "volume", "xml:lang", "xmlns"),
)

_NAME: Final = r"[A-Za-z_][\w.-]*+(?::[\w.-]++)?+"
_ATTRIBUTE_TEXT: Final = r"""[\s/](?:[^<>"']|"[^"<]*+"|'[^'<]*+')*+"""
_OPENING: Final = re.compile(rf"<(?P<slash>/?)(?P<name>{_NAME})(?P<colon>:?)")
_WHOLE_TAG: Final = re.compile(rf"<(?P<slash>/?)(?P<name>{_NAME})(?P<attributes>(?:{_ATTRIBUTE_TEXT})?+)>")
_UNFINISHED_TAG: Final = re.compile(rf"""</?(?:{_NAME}:?(?:{_ATTRIBUTE_TEXT}(?P<quote>"[^"<]*|'[^'<]*)?)?)?\Z""")
_LOOSE_TAG: Final = re.compile(rf"<(?P<slash>/?)(?P<name>{_NAME})(?P<attributes>[\s/][^<>]*)>")
"""A tag with a quotation mark that is not closed."""
_TAG_WITHOUT_END: Final = re.compile(
    rf"""</?(?P<name>{_NAME}):?(?:\s++[\w:.-]+\s*+=\s*+(?:"[^"<>]*"|'[^'<>]*'|["']?[^\s"'<>]*+))*+(?:\s*+/(?=\s|\Z))?"""
)
_LONG_VALUE: Final = re.compile(r"[!#-&(-;=?-~]+")
"""Part of a value without spaces, such as a sound in base64. Text of a reply has spaces or letters of other scripts."""
_LONG_VALUE_END: Final = re.compile(r"""["']?+(?:\s++[\w:.-]++\s*+=\s*+(?:"[^"<>]*+"|'[^'<>]*+'))*+\s*+/?>""")
_MAX_VALUE_END_CHARS: Final = 100
_NAME_WITHOUT_END: Final = re.compile(r"\s+([\w:.-]*)")
"""The start of an attribute's name at the end of the text."""
_PROLOG: Final = re.compile(
    r"(?:\s++|<\?xml\s[^<>]*>|<!--.{0,100}?-->|<!DOCTYPE\s+speak\b[^<>\[]*(?:\[[^\[\]]*\]\s*)?>)*+",
    re.IGNORECASE | re.DOTALL,
)
"""What may precede the start of a document."""
_ROOT: Final = re.compile(r"<speak[\s/>]", re.IGNORECASE)
_PROLOG_STARTS: Final = {"<speak": 0, "<?xml ": 200, "<!--": 100, "<!doctype speak": 500}
"""Starts of the document and of the parts of a prolog, with the maximum length of a part."""
_MAX_PROLOG_CHARS: Final = max(_PROLOG_STARTS.values())
_MARKUP_IN_CONTENT: Final = re.compile(
    r"<!--.*?-->|<!\[CDATA\[(.*?)\]\]>|<desc\b[^<>]*>.*?</desc\s*>|</?[A-Za-z_][^<>]*>", re.DOTALL
)
_COMMENT: Final = re.compile(r"<!--.*?-->|<\?[A-Za-z].*?\?>|<!DOCTYPE\b[^<>\[]*(?:\[[^\[\]]*\]\s*)?>", re.DOTALL)
_COMMENT_START: Final = re.compile(r"<(?:!--|\?[A-Za-z]|!DOCTYPE\b)")
_CDATA_START: Final = "<![CDATA["
_CDATA_END: Final = "]]>"
_SPECIAL_STARTS: Final = ("<!--", "<?x", "<!DOCTYPE ", _CDATA_START)


_TAGS_BY_ELEMENT: Final = {
    name: re.compile(
        rf"<(?P<slash>/?)(?P<name>{name})(?:[\s/][^<>]*?)?(?P<empty>/?)>|</(?:speak|p|s|voice)\s*>", re.IGNORECASE
    )
    for name in CONTENT_CHARS
}


@dataclass(frozen=True, slots=True)
class MarkupTag:
    """A start tag, an end tag, or the tag of an empty element."""

    length: int
    """Length in characters."""
    name: str
    """Name of the element in lower case; empty for an incomplete tag that has no effect."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Values of the attributes, with their names in lower case."""
    is_end: bool = False
    is_empty: bool = False
    """Whether the tag is the whole element."""


class _AttributeParser(HTMLParser):
    """Parser of one tag."""

    def __init__(self) -> None:
        """Initialize the parser without attributes."""
        super().__init__()
        self.attributes: dict[str, str] = {}

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            self.attributes.setdefault(name, value or "")


def find_document(window: Window) -> int | None:
    """Return the number of characters before the `<speak` that starts a text; None if none starts it.

    Raises IncompleteInputError if following text decides.
    """
    prolog = _PROLOG.match(window.text)
    length = prolog.end() if prolog else 0
    if _ROOT.match(window.text, length):
        return length
    rest = window.text[length : length + _MAX_PROLOG_CHARS].lower()
    is_possible = any(
        start.startswith(rest) or (rest.startswith(start) and len(rest) < max_chars)
        for start, max_chars in _PROLOG_STARTS.items()
    )
    if is_possible and not window.is_final:
        raise IncompleteInputError
    return None


def read_markup_tag(window: Window, *, is_document: bool) -> MarkupTag | None:
    """Read a tag; return None for other text. Outside documents, only elements of SSML are tags.

    Raises IncompleteInputError if following text decides.
    """
    text = window.text[:MAX_TAG_CHARS]
    is_final = window.is_final or len(text) == MAX_TAG_CHARS
    opening = _OPENING.match(text)
    name = opening["name"].lower() if opening else ""
    is_whole_name = opening is not None and opening.end() < len(text)
    if not (is_document or name in _ELEMENTS) and (is_whole_name or not _may_be_element(text)):
        return None
    if _is_prose(text):
        return _read_tag_without_end(text[:MAX_PROSE_CHARS], is_document=is_document)
    match = _WHOLE_TAG.match(text)
    if match is None and not is_final and _UNFINISHED_TAG.match(text):
        raise IncompleteInputError
    match = match or _LOOSE_TAG.match(text)
    if match is None:
        return _read_tag_without_end(text, is_document=is_document)
    if not is_document and name not in _ELEMENTS:
        return None
    attributes = match["attributes"].rstrip()
    is_empty = attributes.endswith("/")
    values = _parse_attributes(attributes.removesuffix("/")) if "=" in attributes else {}
    return MarkupTag(match.end(), name, values, is_end=match["slash"] != "", is_empty=is_empty)


def _is_prose(text: str) -> bool:
    """Return whether so much prose follows the name of an element, outside quotation marks, that its ">" is missing."""
    unfinished = _UNFINISHED_TAG.match(text[:MAX_PROSE_CHARS]) if is_before_prose(text) else None
    return unfinished is not None and unfinished["quote"] is None


def _may_be_element(text: str) -> bool:
    """Return whether a text can become the tag of an element."""
    start = text[1:].removeprefix("/").lower()
    return any(name.startswith(start) for name in _ELEMENTS)


def _parse_attributes(text: str) -> dict[str, str]:
    parser = _AttributeParser()
    parser.feed(f"<x {text}>")
    return parser.attributes


def _read_tag_without_end(text: str, *, is_document: bool) -> MarkupTag | None:
    """Read a tag whose ">" is missing, which has no effect: with its attributes, but not the text after them."""
    text = text[: text.find("<", 1)] if "<" in text[1:] else text
    match = _TAG_WITHOUT_END.match(text)
    rest = text[match.end() :] if match else ""
    if match and match["name"].lower() in _ELEMENTS:
        cut = _NAME_WITHOUT_END.fullmatch(rest)
        is_cut = cut and any(name.startswith(cut[1]) for name in _ATTRIBUTE_NAMES)
        return MarkupTag(len(text) if is_cut else match.end(), "")
    is_cut = is_document and not rest and _may_be_element(text)
    return MarkupTag(len(text), "") if is_cut else None


def is_cut_in_value(tag: MarkupTag) -> bool:
    """Return whether a tag is longer than a tag may be, so that the text after it continues its last value."""
    return not tag.name and tag.length == MAX_TAG_CHARS


def read_rest_of_value(buffer: InputBuffer) -> tuple[int, bool]:
    """Return the length of text that continues a long value of a tag, and whether the tag ends with it.

    Raises IncompleteInputError if following text decides.
    """
    if value := buffer.peek_while(_LONG_VALUE):
        return len(value), False
    window = buffer.peek(_MAX_VALUE_END_CHARS)
    if end := _LONG_VALUE_END.match(window.text):
        return end.end(), True
    if not window.is_final and ">" not in window.text and window.text[:1] in ('"', "'", " ", "/"):
        raise IncompleteInputError
    return 0, True


def read_unspoken(window: Window) -> int:
    """Return the length of a comment or an instruction to the parser, or 0 if there is none.

    Raises IncompleteInputError if following text decides.
    """
    if match := _COMMENT.match(window.text):
        return match.end()
    start = _COMMENT_START.match(window.text)
    if (start or _may_be_special(window.text)) and not window.is_final:
        raise IncompleteInputError
    return start.end() if start else 0


def read_character_data(window: Window) -> tuple[str, int]:
    """Return the text of a CDATA section and the length of the section; 0 if there is none.

    Raises IncompleteInputError if following text decides.
    """
    if not window.text.startswith(_CDATA_START):
        return "", 0
    end = window.text.find(_CDATA_END)
    if end >= 0:
        return window.text[len(_CDATA_START) : end], end + len(_CDATA_END)
    if not window.is_final:
        raise IncompleteInputError
    return "", len(_CDATA_START)


def _may_be_special(text: str) -> bool:
    return any(start.startswith(text) for start in _SPECIAL_STARTS)


def find_content(window: Window, start: int, name: str) -> tuple[str, int] | None:
    """Return the content of an element whose start tag ends at a position, and the position after its end tag.

    The result is None if its end tag is missing. Raises IncompleteInputError if following text decides.
    """
    limit = start + CONTENT_CHARS[name]
    text = window.text[:limit]
    depth = 1
    for match in _TAGS_BY_ELEMENT[name].finditer(text, start):
        if match["slash"]:
            depth -= 1
        elif not match["empty"]:
            depth += 1
        if depth == 0:
            return text[start : match.start()], match.end()
        if not match["name"] or (depth > 1 and name != "audio"):
            return None  # the end of an element around this one, or another start tag
    if len(text) < limit and not window.is_final:
        raise IncompleteInputError
    return None


def remove_markup(content: str) -> str:
    """Return the text of an element's content, without descriptions and with its entities decoded."""
    text = _MARKUP_IN_CONTENT.sub(lambda match: match[1] or " ", content)
    return " ".join(html.unescape(text).split())
