"""Links and images, footnote marks, citations, and web addresses without markup."""

# ruff: noqa: RUF001 the punctuation of all scripts looks similar

from collections.abc import Collection
from dataclasses import dataclass
import re
from typing import Final

from .characters import CLOSERS, END_MARKS, UNSPACED_SCRIPTS
from .lookahead import IncompleteInputError, Syntax, Window

MAX_LINK_TEXT_CHARS: Final = 100
_MAX_BRACKET_DEPTH: Final = 4

_FOOTNOTE_MARK: Final = Syntax.from_parts((r"\[", r"\^", r"[^\[\]\s]{1,60}", r"\]"))
_NUMBERS: Final = re.compile(r"\[?[1-9]\d{0,2}(?P<more>(?:, ?|[-–])\d{1,3})*\]?")
_MORE_CITATIONS: Final = re.compile(r"(?: ?\[{1,2}\^?\d{1,3}\]{1,2}(?:\(https?://[^\s()]*\))?)*+")
_CITATION_START: Final = re.compile(r"\[?\d|cit")
_NUMBER: Final = re.compile(r"\d+")
_INDEX: Final = re.compile(r"\[\d+\]")
_UNFINISHED_CITATION: Final = re.compile(r" *(?:\[{1,2}\^?(?:\d{1,3}\]{0,2})?)?|\((?:h[^\s()]*)?")
_NAMED_CITATION: Final = re.compile(r"\[(?:cite_start|cit(?:e|ation): ?[\d, .:-]+|[\d:]+†[^\[\]\n]*)\]")


def _nest_brackets(depth: int) -> tuple[str, str]:
    """Return the patterns of the text after an opening bracket: up to the closing one, and all that may still close."""
    letters = r"(?:[^\[\]\\]|\\.|\\)*+"
    if depth == 1:
        return rf"{letters}\]", letters
    closed, unfinished = _nest_brackets(depth - 1)
    start = rf"{letters}(?:\[{closed}{letters})*+"
    return rf"{start}\]", rf"{start}(?:\[{unfinished})?"


_AFTER_BRACKET, _UNFINISHED_AFTER_BRACKET = _nest_brackets(_MAX_BRACKET_DEPTH)
_TEXT_IN_BRACKETS: Final = Syntax(rf"\[{_AFTER_BRACKET}", rf"\[{_UNFINISHED_AFTER_BRACKET}")
TOO_DEEP_BRACKETS: Final = re.compile(rf"!?(?:\[[^\[\]\\]*+){{{_MAX_BRACKET_DEPTH + 1}}}")
"""Brackets of which the first one is text because too many others follow before one closes."""

_TITLE: Final = r"""(?:"(?:\\.|[^"\\]){0,100}"|'(?:\\.|[^'\\]){0,100}'|\((?:\\.|[^()\\]){0,100}\))"""
_UNFINISHED_TITLE: Final = (
    r"""(?:"(?:\\.|[^"\\]){0,100}[\\"]?|'(?:\\.|[^'\\]){0,100}[\\']?|\((?:\\.|[^()\\]){0,100}[\\)]?)"""
)
_PARENTHESES: Final = r"\((?:[^\s()]|\((?:[^\s()]|\([^\s()]*+\))*+\))*+\)"
_UNFINISHED_PARENTHESES: Final = (
    r"\((?:[^\s()]|\((?:[^\s()]|\([^\s()]*+\))*+\))*+(?:\((?:[^\s()]|\([^\s()]*+\))*+(?:\([^\s()]*+)?)?"
)
_PLAIN_TARGET: Final = rf"(?:[^\s()\\<]|\\.|{_PARENTHESES})(?:<|[^\s()\\<]|\\.|{_PARENTHESES})*+"
_ENCLOSED_TARGET: Final = r"<(?:[^<>\s]*+|[^<>\n]{0,100})"
"""Target in angle brackets without its end; an address has no spaces, so text with spaces is bounded."""
_TARGET: Final = Syntax(
    rf"""\(\s*+(?:{_ENCLOSED_TARGET}>|(?:{_PLAIN_TARGET})?)(?:\s++{_TITLE})?\s*+\)""",
    rf"""\(\s*+(?:{_ENCLOSED_TARGET}|(?:{_ENCLOSED_TARGET}>|(?:{_PLAIN_TARGET})?(?:\\|{_UNFINISHED_PARENTHESES})?)"""
    rf"""(?:\s++{_UNFINISHED_TITLE}?)?\s*+)""",
)
_WEB_TARGET: Final = Syntax(r"\(\s*+<?https?://", r"\((?:\s*+(?:<?(?:ht?t?|https?(?::/?)?)?)?)", re.IGNORECASE)
_REFERENCE: Final = Syntax(r"\[(?:\\[^\n]|[^\[\]\\\n]){0,100}\]", r"\[(?:\\[^\n]|[^\[\]\\\n]){0,100}\\?")
_TARGET_SYNTAX: Final = {"(": _TARGET, "[": _REFERENCE}
_DEFINED_LABEL: Final = r"\[(?!\s*\])(?:\\.|[^\[\]\\]){1,100}\]:"
_NEXT_PART: Final = r"[ \t]*+(?:\n[ \t]*+)?"
_DEFINED_TARGET: Final = (
    r"(?:<[^<>\n]*>|(?:[A-Za-z][A-Za-z0-9+.-]+:[/\w]|[/#]|\.{1,2}/|(?:\w[\w-]*\.)+[A-Za-z]{2,})\S*+)"
)
LINK_DEFINITION: Final = Syntax(
    rf"(?P<label>{_DEFINED_LABEL}){_NEXT_PART}{_DEFINED_TARGET}"
    rf"(?:(?=\s){_NEXT_PART}{_TITLE}(?=[ \t]*(?:\n|\Z)))?[ \t]*(?:\n|\Z)",
    rf"\[(?:\\.|[^\[\]\\]){{0,100}}\\?|{_DEFINED_LABEL[:-1]}(?::{_NEXT_PART}(?:<[^<>\n]*|\S*+|"
    rf"{_DEFINED_TARGET}(?:(?=\s){_NEXT_PART}(?:{_UNFINISHED_TITLE}[ \t]*)?)?)?)?",
    re.DOTALL,
)
"""The target of links that name it by a label: "[label]: https://example.com". The title may be in the next line."""
_CITATION: Final = Syntax.from_parts(
    ("【", r"[\d:,]+", "】"),
    ("【", r"[\d:,]*", "†", r"[^【】\n]{0,90}", "】"),
    ("\ue200", r"[^\ue200\ue201\n]{0,100}", "\ue201"),
    ("\ue200", r"[^\ue200\ue201\s]{0,200}", "\ue201"),
)
_AFTER_CITATION: Final = frozenset(".,;!?)。，；！？）\n")
_UNITS: Final = "%°"
_ENDS_BEFORE_CITATION: Final = END_MARKS + CLOSERS.replace("]", "").replace("}", "") + _UNITS
# Words after which a number in brackets is content: "Your gate is [1]."
_WORDS_BEFORE_NUMBERS_TEXT: Final = """
    is are was were be equals say says said press type enter choose select dial number code gate room page option key
    ist sind war waren lautet heißt sagt sagte drücke drücken wähle wählen taste nummer zimmer seite option
    est sont était dit tapez numéro es son era dice pulse número è sono disse premi numero é são diz
    zijn zei nummer är var säger er sagde to jest jsou je on это
"""
WORDS_BEFORE_NUMBERS: Final = frozenset(_WORDS_BEFORE_NUMBERS_TEXT.split())
_OPERATORS: Final = frozenset("=+*/<>&|^")


@dataclass(frozen=True, slots=True)
class Link:
    """A link, an image, a footnote mark or a citation."""

    length: int = 0
    """Length in characters of a footnote mark or citation, which is not spoken."""
    number: int = 0
    """The highest number of a citation."""
    text_end: int = 0
    """End of the spoken text of a link, which starts after the first bracket."""
    target_length: int | None = None
    """Length of the target after the closing bracket; None if it is long, so that it is measured later."""


def read_link(
    window: Window, before: str, labels: Collection[str], *, is_after_citation: bool, max_number: int
) -> Link | None:
    """Read a link, image, footnote mark or citation at its bracket; return None if the bracket is text.

    `before` is the text before the bracket, of which the last two characters matter; `labels` are those of the
    definitions so far, in lower case; `max_number` is the highest number that can be a citation within a sentence after
    a space.
    """
    if window.text[1:2] == "^" and (match := _FOOTNOTE_MARK.match(window)):
        return Link(match.end())
    end = _find_end_of_text(window)
    if end is None:
        return None
    after = Window(window.text[end + 1 :], window.is_final)
    if not after.text and not after.is_final:
        raise IncompleteInputError
    text = window.text[1:end]
    may_be_citation = _CITATION_START.match(text) is not None
    if may_be_citation and (
        citation := _read_numbers(window, end, before, max_number, is_after_citation=is_after_citation)
    ):
        return citation
    if is_web_target(after):
        return Link(text_end=end)
    length = measure_target(after)
    is_index = may_be_citation and _NUMBERS.fullmatch(text) and _INDEX.match(after.text)
    is_link = not is_index and (length or text.casefold() in labels)
    return Link(text_end=end, target_length=length) if is_link else None


def _read_numbers(window: Window, end: int, before: str, max_number: int, *, is_after_citation: bool) -> Link | None:
    """Read a citation with its target, given the end of its text."""
    if match := _NAMED_CITATION.match(window.text):
        return Link(match.end())
    numbers = _NUMBERS.fullmatch(window.text, 1, end)
    if not numbers:
        return None
    after = Window(window.text[end + 1 :], window.is_final)
    length = measure_target(after) if is_web_target(after) else 0
    rest = Window(after.text[length:], after.is_final)
    is_other_link = after.text[:1] == "(" and not length
    number = max(map(int, _NUMBER.findall(numbers.group())))
    is_citation = not is_other_link and (is_after_citation or _is_citation(numbers, before, rest, max_number))
    return Link(end + 1 + length, number) if is_citation else None


def measure_target(window: Window) -> int:
    """Return the length of the target of a link after the closing bracket of its text, or 0 if there is none."""
    syntax = _TARGET_SYNTAX.get(window.text[:1])
    match = syntax.match(window) if syntax else None
    return match.end() if match else 0


def is_web_target(window: Window) -> bool:
    """Return whether a text starts with the target of a link to a web page."""
    return window.text[:1] == "(" and bool(_WEB_TARGET.match(window))


def read_citation(window: Window) -> int:
    """Return the length of a citation such as 【4†source】, or 0 if there is none."""
    match = _CITATION.match(window)
    return match.end() if match else 0


def _find_end_of_text(window: Window) -> int | None:
    """Return the position of the bracket that closes the first one."""
    text, is_final = window
    start = Window(text[:MAX_LINK_TEXT_CHARS], is_final or len(text) > MAX_LINK_TEXT_CHARS)
    match = _TEXT_IN_BRACKETS.match(start)
    return match.end() - 1 if match else None


def _is_citation(numbers: re.Match[str], before: str, after: Window, max_number: int) -> bool:
    """Return whether numbers in brackets cite a source: after a word or a sentence, and unlike list[0] or [1, 2].

    After a space within a sentence, a number cites a source only at the end of a clause ("Press [1] to go on"), and
    only if it is not too high ("The code is [123].") or follows a value ("12% [2]").
    """
    is_spaced = before[-1:] == " "
    previous = before[-2:-1] if is_spaced else before[-1:]
    if previous in END_MARKS:
        return bool(previous)
    if is_spaced:
        is_after_text = previous.isalnum() or previous in _ENDS_BEFORE_CITATION
        if not is_after_text or numbers["more"]:
            return False
        if int(numbers.group().strip("[]")) > max_number and previous not in _UNITS:
            return False
    elif not (previous.isalpha() or previous in _ENDS_BEFORE_CITATION or previous in ",;"):
        return False
    rest = _MORE_CITATIONS.sub("", after.text, 1)
    if not after.is_final and _UNFINISHED_CITATION.fullmatch(rest):
        raise IncompleteInputError
    following = rest.lstrip(" ")[:1]
    is_at_end = not rest or rest[0] in _AFTER_CITATION or (not is_spaced and rest[0] in " :")
    return is_at_end and following not in _OPERATORS


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
