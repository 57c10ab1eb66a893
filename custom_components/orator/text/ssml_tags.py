"""Find the tags of SSML in a text that is still arriving, however broken the markup is.

A parser of XML such as expat stops at the first error, and `html.parser` holds all text back after a "<" until the next
">". So the tags are found here, within windows of limited length, and `html.parser` parses the attributes of one tag.
No entity other than those of HTML and no document type is ever expanded.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
import html
from html.parser import HTMLParser
import re
from typing import Final, NamedTuple, override

from .html_tags import is_before_prose
from .long_markup import (
    COMMENT,
    DOCUMENT_TYPE,
    DOCUMENT_TYPE_WITH_SUBSET,
    INSTRUCTION,
    MAX_MARKUP_CHARS,
    TAG,
    LongMarkup,
    LongMarkupError,
    MarkupKind,
)
from .lookahead import MAX_PROSE_CHARS, IncompleteInputError, InputBuffer, Window

STYLE_ELEMENTS: Final = frozenset(
    (
        *("voice", "prosody", "emphasis", "lang", "phoneme", "amazon:effect", "amazon:domain", "amazon:emotion"),
        *("mstts:express-as", "google:style"),
    )
)
"""Elements that change the style of their text."""
SENTENCE_ELEMENTS: Final = frozenset(["p", "s", "paragraph", "sentence"])
CONTENT_CHARS: Final = {"sub": 300, "say-as": 300, "audio": 500, "desc": 500, "metadata": MAX_MARKUP_CHARS}
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

_NAME: Final = r"[^\W\d][\w.-]*+(?::[\w.-]++)?+"
_LESS_THAN: Final = r"<(?![A-Za-z/!?])"
"""A "<" that cannot start a tag, and so is text within a value."""
_DOUBLE_QUOTED: Final = rf'"[^"<]*+(?:{_LESS_THAN}[^"<]*+)*+'
_SINGLE_QUOTED: Final = rf"'[^'<]*+(?:{_LESS_THAN}[^'<]*+)*+"
_ATTRIBUTE_TEXT: Final = rf"""[\s/](?:[^<>"']|{_DOUBLE_QUOTED}"|{_SINGLE_QUOTED}')*+"""
_OPENING: Final = re.compile(rf"<(?P<slash>/?)(?P<name>{_NAME})(?P<colon>:?)")
_WHOLE_TAG: Final = re.compile(rf"<(?P<slash>/?)(?P<name>{_NAME})(?P<attributes>(?:{_ATTRIBUTE_TEXT})?+)>")
_UNFINISHED_TAG: Final = re.compile(
    rf"""</?(?:{_NAME}:?(?:{_ATTRIBUTE_TEXT}(?P<quote>{_DOUBLE_QUOTED}|{_SINGLE_QUOTED})?)?)?\Z"""
)
_LOOSE_TAG: Final = re.compile(rf"<(?P<slash>/?)(?P<name>{_NAME})(?P<attributes>[\s/][^<>]*)>")
"""A tag with a quotation mark that is not closed."""
_LOOSE_END_TAG: Final = re.compile(r"</\s{0,9}(?P<name>[\w:.-]{0,40})\s{0,9}>")
_UNFINISHED_END_TAG: Final = re.compile(r"</\s{0,9}[\w:.-]{0,40}\s{0,9}\Z")
_ATTRIBUTE: Final = r"""\s++[\w:.-]+\s*+=\s*+(?:"[^"<>]*"|'[^'<>]*'|["']?[^\s"'<>]*+)"""
_TAG_WITHOUT_END: Final = re.compile(rf"</?(?P<name>{_NAME}):?(?:{_ATTRIBUTE})*+(?:\s*+/(?=\s|\Z))?")
_NAME_WITHOUT_END: Final = re.compile(r"\s+([\w:.-]*)")
"""The start of an attribute's name at the end of the text."""
MAX_PROLOG_COMMENT_CHARS: Final = 100
"""Maximum length of a comment before the start of a document."""
_PROLOG: Final = re.compile(
    rf"(?:\s++|<\?xml\s[^<>]*>|<!--.{{0,{MAX_PROLOG_COMMENT_CHARS}}}?-->"
    r"|<!DOCTYPE\s+speak\b[^<>\[]*(?:\[[^\[\]]*\]\s*)?>)*+",
    re.IGNORECASE | re.DOTALL,
)
"""What may precede the start of a document."""
_ROOT: Final = re.compile(r"<speak[\s/>]", re.IGNORECASE)
_PROLOG_STARTS: Final = {
    "<speak": 0,
    "<?xml ": 200,
    "<!--": MAX_PROLOG_COMMENT_CHARS,
    "<!doctype speak": MAX_MARKUP_CHARS,
}
"""Starts of the document and of the parts of a prolog, with the maximum length of a part."""
_MARKUP_IN_CONTENT: Final = re.compile(
    r"<!--.*?-->|<!\[CDATA\[(?P<data>.*?)\]\]>|<\?[A-Za-z].*?\?>|<![A-Za-z][^<>]*>|<desc\b[^<>]*>.*?</desc\s*>"
    rf"|</?{_NAME}(?:{_ATTRIBUTE_TEXT})?+>|</?[A-Za-z_][^<>]*>|</?{_NAME}(?:{_ATTRIBUTE})++",
    re.DOTALL,
)
_COMMENT: Final = re.compile(r"<!--.*?-->|<\?[A-Za-z].*?\?>|<![A-Za-z][^<>\[]*(?:\[[^\[\]]*\]\s*)?>", re.DOTALL)
_COMMENT_START: Final = re.compile(r"<(?:!--|\?[A-Za-z]|!DOCTYPE\b|!(?=[A-Za-z]))")
_CDATA_START: Final = "<![CDATA["
_CDATA_END: Final = "]]>"
_MAX_END_TAGS_CHARS: Final = 30
"""Number of the last characters of a CDATA section that is never closed in which end tags are not spoken."""
_END_TAGS: Final = re.compile(r"(?:</[A-Za-z:-]+\s*>\s*)+\Z")
_SPECIAL_STARTS: Final = ("<!--", "<?x", "<!x", _CDATA_START)

_TAGS_BY_ELEMENT: Final = {
    name: re.compile(
        r"<!--.*?(?:-->|\Z)|<!\[CDATA\[.*?(?:\]\]>|\Z)"
        rf"|</(?P<end>{name}|speak|p|s|voice)(?:[\s/][^<>]*)?>"
        rf"|<(?P<start>{name}|speak|p|s|voice)(?P<attributes>(?:{_ATTRIBUTE_TEXT})?+|[\s/][^<>]*)>",
        re.IGNORECASE | re.DOTALL,
    )
    for name in CONTENT_CHARS
}
"""Comments and CDATA sections in the content of an element, and the tags that may end the content."""
_LONG_CONTENTS: Final = {name: MarkupKind.content_of(name) for name in ("desc", "metadata")}
"""Elements whose content is not spoken, however long it is."""


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
    rest = window.text[length:].lower()
    is_possible = any(
        start.startswith(rest) or (rest.startswith(start) and len(rest) < max_chars)
        for start, max_chars in _PROLOG_STARTS.items()
    )
    if is_possible and not window.is_final:
        raise IncompleteInputError
    return None


def read_markup_tag(window: Window, *, is_document: bool) -> MarkupTag | None:
    """Read a tag; return None for other text. Outside documents, only elements of SSML are tags.

    Raises IncompleteInputError if following text decides, and LongMarkupError if the tag does not end in the window.
    """
    text = window.text
    opening = _OPENING.match(text)
    name = opening["name"].lower() if opening else ""
    is_whole_name = opening is not None and opening.end() < len(text)
    if not (is_document or name in _ELEMENTS) and (is_whole_name or not _may_be_element(text)):
        return None
    if opening is None and (tag := _read_loose_end_tag(window)):
        return tag
    if _is_prose(text):
        return _read_tag_without_end(text[:MAX_PROSE_CHARS], is_document=is_document)
    match = _WHOLE_TAG.match(text)
    if match is None and _UNFINISHED_TAG.match(text):
        _expect_end(window, TAG, element="" if opening is None or opening["slash"] else name)
    match = match or _LOOSE_TAG.match(text)
    if match is None:
        return _read_tag_without_end(text, is_document=is_document)
    return _parse_tag(match) if is_document or name in _ELEMENTS else None


def _read_loose_end_tag(window: Window) -> MarkupTag | None:
    """Read an end tag with a space before its name, or without a name."""
    if match := _LOOSE_END_TAG.match(window.text):
        return MarkupTag(match.end(), match["name"].lower(), is_end=True)
    if _UNFINISHED_END_TAG.match(window.text) and not window.is_final:
        raise IncompleteInputError
    return None


def _expect_end(window: Window, kind: MarkupKind, start_chars: int = 0, element: str = "") -> None:
    """Raise an error if the end of markup is still to come."""
    if len(window.text) >= MAX_MARKUP_CHARS:
        raise LongMarkupError(LongMarkup(kind, start_chars, element))
    if not window.is_final:
        raise IncompleteInputError


def _parse_tag(match: re.Match[str]) -> MarkupTag:
    attributes = match["attributes"].rstrip()
    is_empty = attributes.endswith("/")
    values = _parse_attributes(attributes.removesuffix("/")) if "=" in attributes else {}
    return MarkupTag(match.end(), match["name"].lower(), values, is_end=match["slash"] != "", is_empty=is_empty)


def measure_tag_without_end(text: str) -> int:
    """Return the length of a long tag with a quotation mark that is not closed, or without a ">".

    `text`: the tag, and the text after it up to the next tag.
    """
    tag = _LOOSE_TAG.match(text) or _TAG_WITHOUT_END.match(text)
    return tag.end() if tag else 1


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
    if match and (match["name"].lower() in _ELEMENTS or (is_document and "=" in match.group())):
        cut = _NAME_WITHOUT_END.fullmatch(rest)
        is_cut = cut and any(name.startswith(cut[1]) for name in _ATTRIBUTE_NAMES)
        return MarkupTag(len(text) if is_cut else match.end(), "")
    is_cut = is_document and not rest and _may_be_element(text)
    return MarkupTag(len(text), "") if is_cut else None


def read_unspoken(window: Window) -> int:
    """Return the length of a comment or an instruction to the parser, or 0 if there is none.

    Raises IncompleteInputError if following text decides, and LongMarkupError if the end is not in the window.
    """
    if match := _COMMENT.match(window.text):
        return match.end()
    if start := _COMMENT_START.match(window.text):
        _expect_end(window, _kind_of_unspoken(window.text), start.end())
        return start.end()
    if _may_be_special(window.text) and not window.is_final:
        raise IncompleteInputError
    return 0


def _kind_of_unspoken(text: str) -> MarkupKind:
    if text.startswith("<!--"):
        return COMMENT
    if text.startswith("<?"):
        return INSTRUCTION
    return DOCUMENT_TYPE_WITH_SUBSET if "[" in text.partition(">")[0] else DOCUMENT_TYPE


class CharacterData(NamedTuple):
    """A part of a CDATA section."""

    text: str
    length: int
    """Length in characters, with the marks of the section."""
    is_end: bool
    """Whether the section ends with this part."""


def read_character_data(window: Window) -> CharacterData | None:
    """Read a CDATA section, or the start of a long one; return None for other text.

    Raises IncompleteInputError if following text decides.
    """
    text = window.text
    if not text.startswith(_CDATA_START):
        return None
    start = len(_CDATA_START)
    if (end := text.find(_CDATA_END)) >= 0:
        return CharacterData(text[start:end], end + len(_CDATA_END), is_end=True)
    if not window.is_final:
        raise IncompleteInputError
    return CharacterData("", start, is_end=len(text) < MAX_MARKUP_CHARS)


def read_rest_of_character_data(buffer: InputBuffer) -> CharacterData:
    """Read the text of a long CDATA section, as far as it has arrived.

    Raises IncompleteInputError if following text decides.
    """
    text = buffer.peek(MAX_MARKUP_CHARS).text
    if (end := text.find(_CDATA_END)) >= 0:
        return CharacterData(text[:end], end + len(_CDATA_END), is_end=True)
    length = len(text) - _MAX_END_TAGS_CHARS
    if length > 0:
        return CharacterData(text[:length], length, is_end=False)
    if not buffer.is_complete:
        raise IncompleteInputError
    return CharacterData(_END_TAGS.sub("", text), len(text), is_end=True)  # the section is never closed


def _may_be_special(text: str) -> bool:
    return any(start.startswith(text) for start in _SPECIAL_STARTS)


def find_content(window: Window, start: int, name: str) -> tuple[str, int] | None:
    """Return the content of an element whose start tag ends at a position, and the position after its end tag.

    The result is None if its end tag is missing or too far away. Raises IncompleteInputError if following text
    decides, and LongMarkupError for a long content that is not spoken.
    """
    limit = start + CONTENT_CHARS[name]
    text = window.text[:limit]
    depths = Counter({name: 1})
    for match in _TAGS_BY_ELEMENT[name].finditer(text, start):
        tag_name = (match["start"] or match["end"] or "").lower()
        if match["end"]:
            depths[tag_name] -= 1
        elif tag_name and not match["attributes"].endswith("/"):
            depths[tag_name] += 1
        if depths[name] == 0:
            return text[start : match.start()], match.end()
        if depths[tag_name] < 0 or (tag_name == name and name != "audio"):
            return None  # the end of an element around this one, or another start tag
    if len(text) < limit:
        if not window.is_final:
            raise IncompleteInputError
    elif name in _LONG_CONTENTS:
        raise LongMarkupError(LongMarkup(_LONG_CONTENTS[name], start))
    return None


def remove_markup(content: str) -> str:
    """Return the text of an element's content, without descriptions and with its entities decoded."""
    text = _MARKUP_IN_CONTENT.sub(lambda match: html.escape(match["data"] or " "), content)
    return " ".join(html.unescape(text).split())
