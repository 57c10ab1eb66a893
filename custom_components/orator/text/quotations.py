"""Quotations and titles: sentences do not end inside a short one."""

# ruff: noqa: RUF001 the punctuation of all scripts looks similar

import re
from typing import Final

from .lookahead import IncompleteInputError, Window

_CLOSERS: Final = {
    '"': '"',
    "“": "”",
    "”": "”",
    "„": "“”",
    "«": "»",
    "»": "«",
    "‹": "›",
    "›": "‹",
    "「": "」",
    "『": "』",
    "《": "》",
    "〈": "〉",
}
"""Opening quotation marks with those that close them. Swedish and Finnish open with ”, German and Danish with „, »."""
_ALWAYS_OPENING: Final = "„「『《〈"
_ALWAYS_CLOSING: Final = "」』》〉"
_OPENING_BEFORE_SPACE: Final = "“«‹"
"""Marks that open wherever a word begins, even in French, which has a space after them."""
_BEFORE_OPENING: Final = "([{'‘¿¡–—-/:：，"
_MARK: Final = re.compile(f"[{''.join(_CLOSERS)}{_ALWAYS_CLOSING}]")
MARK_OR_LINE_END: Final = re.compile(rf"{_MARK.pattern}|[\n\v\f\x85\u2028\u2029]")


class OpenQuotationError(IncompleteInputError):
    """A quotation that may close in text that has not arrived yet."""

    def __init__(self, max_chars: int) -> None:
        """Initialize the error with the number of characters, from the end mark on, that decide."""
        super().__init__()
        self.max_chars = max_chars


def find_closers(text: str) -> str:
    """Return the marks that close the quotation that a text leaves open; empty if none is open."""
    if not ('"' in text if text.isascii() else _MARK.search(text)):
        return ""
    positions = [match.start() for match in _MARK.finditer(text)]
    if positions and _is_opening(text, positions[-1]):
        return _CLOSERS[text[positions[-1]]]
    closers: list[str] = []
    for position in positions:
        mark = text[position]
        if _is_opening(text, position):
            closers.append(_CLOSERS[mark])
        elif closers and mark in closers[-1]:
            closers.pop()
    return closers[-1] if closers else ""


def closes_soon(window: Window, start: int, closers: str, max_chars: int) -> bool:
    """Return whether an open quotation closes after a position, before its line ends and before another one opens.

    Only the first `max_chars` of the window count. Raises OpenQuotationError if following text decides.
    """
    if len(window.text) >= max_chars:
        window = Window(window.text[:max_chars], is_final=True)
    for match in MARK_OR_LINE_END.finditer(window.text, start):
        if match.end() == len(window.text) and not window.is_final:
            break
        if match[0] in _CLOSERS and _is_opening(window.text, match.start()):
            return False
        if match[0] in closers or not _MARK.match(match[0]):
            return match[0] in closers
    if window.is_final:
        return False
    raise OpenQuotationError(max_chars)


def _is_opening(text: str, position: int) -> bool:
    """Return whether a quotation mark opens a quotation. Many marks open in one language and close in another."""
    mark = text[position]
    if mark in _ALWAYS_OPENING or mark in _ALWAYS_CLOSING:
        return mark in _ALWAYS_OPENING
    before, after = text[max(0, position - 1) : position], text[position + 1 : position + 2]
    starts_word = not before or before.isspace() or before in _BEFORE_OPENING or before in _OPENING_BEFORE_SPACE
    is_before_word = after.isalnum() or (after != "" and after in _BEFORE_OPENING)
    if mark in _OPENING_BEFORE_SPACE:  # Chinese has no space before the mark: 他说“好”
        return starts_word or after.isalnum()
    return starts_word and is_before_word
