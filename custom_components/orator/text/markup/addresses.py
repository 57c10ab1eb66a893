"""Reads bare web addresses, of which the host is said."""

# ruff: noqa: RUF001 the marks of all scripts look like others

import re
from typing import Final

from ..characters import UNSPACED
from .prose import Prose
from .source import Source

_LONGEST_HOST: Final = 300
_LONGEST_END: Final = 32
_SCHEMES: Final = ("http://", "https://", "ftp://", "www.")
_LABEL: Final = rf"(?:[^\W{UNSPACED}]|-)++"
_NAME: Final = rf"(?:{_LABEL}(?:\.{_LABEL})*+|[\w-]++(?:\.[\w-]++)*+)"
_ADDRESS: Final = re.compile(
    rf"(?:https?|ftp)://(?P<number>\[[0-9A-Fa-f:.]++\])|(?:(?:https?|ftp)://(?:www\.)?|www\.)(?P<name>{_NAME})",
    re.IGNORECASE,
)
_ADDRESS_START: Final = re.compile(r"(?:https?|ftp)://\[[0-9A-Fa-f:.]*\Z", re.IGNORECASE)
_WITHIN_ADDRESS: Final = re.compile(rf"""[^\s<>"`|\\^{{}}“”‘’«»„\u3001-\u303f\uff01-\uff65{UNSPACED}]*""")
_AFTER_HOST: Final = frozenset("/?#:@&=%+$")
_NOT_AT_END: Final = ".,;:!?'*_~)]…"


class AddressReader:
    """Says the host of an address, and passes over what follows it."""

    def __init__(self, source: Source, prose: Prose) -> None:
        """Read from a source into prose."""
        self.is_in_address = False
        self._source = source
        self._prose = prose
        self._parentheses = 0

    def begin(self) -> int:
        """Read an address from its first letter on, or that letter."""
        window, is_all = self._source.peek(_LONGEST_HOST)
        match = _ADDRESS.match(window)
        if not is_all and _may_go_on(window, match):
            return 0
        if not match:
            self._prose.say(window[0])
            return 1
        self._prose.say(match["number"] or match["name"])
        self._parentheses = 0
        self.is_in_address = window[match.end() : match.end() + 1] in _AFTER_HOST
        return match.end()

    def read_on(self) -> int:
        """Pass over what belongs to the address; 0 when what follows decides, or when it is over."""
        window, _ = self._source.peek(_LONGEST_HOST)
        found = _WITHIN_ADDRESS.match(window)
        chunk = found.group() if found else ""
        is_over = len(chunk) < len(window) or self._source.is_ended
        kept = self._without_end(chunk)
        if not is_over and len(chunk) - len(kept) >= _LONGEST_END:
            kept = chunk
        self.is_in_address = not is_over
        self._parentheses += kept.count("(") - kept.count(")")
        return len(kept)

    def _without_end(self, chunk: str) -> str:
        """Drop the marks that rather end a sentence than an address; a parenthesis stays that was opened within."""
        kept = chunk.rstrip(_NOT_AT_END)
        opened = self._parentheses + kept.count("(") - kept.count(")")
        while opened > 0 and chunk[len(kept) : len(kept) + 1] == ")":
            kept += ")"
            opened -= 1
        return kept


def _may_go_on(window: str, match: re.Match[str] | None) -> bool:
    """Tell whether what follows may belong to the host, too."""
    if match:
        return window[match.end() :] in ("", ".", ":")
    return any(scheme.startswith(window.lower()) for scheme in _SCHEMES) or bool(_ADDRESS_START.match(window))
