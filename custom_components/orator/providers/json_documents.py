"""JSON from outside: read so that whatever it holds can be handled, kept and passed on."""

from collections.abc import Iterator
import json
import re
from typing import Any, Final

_MOST_VALUES: Final = 500_000
"""Ten times what the largest catalogue holds; values take up to thirty times the memory of what they are written in."""
_SEPARATORS: Final = (b",", b":", b"[", b"{")
_DEEPEST: Final = 64
"""Objects within objects; whoever follows them may do so by recursion."""
_LONGEST_INTEGER: Final = 18
"""Digits that always fit into 64 bits, as the files and messages of Home Assistant need it."""
CACHED_CATALOGS: Final = 8
"""Lists of which is kept what was read in them: more than a house has accounts."""
_HALF_A_PAIR: Final = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
"""An escape; a surrogate without its other half is no character, and nobody could write it down again."""


def parse_json(document: bytes | bytearray) -> Any:
    """Return what a JSON document holds, with U+FFFD for what is no character, and None for what is no number.

    Raises ValueError for what is no JSON, and for what holds more or is nested deeper than any true answer.
    """
    if sum(map(document.count, _SEPARATORS)) > _MOST_VALUES:
        raise ValueError("too many values")
    text = document.decode(json.detect_encoding(document), "replace")
    if "\\u" in text:
        text = _HALF_A_PAIR.sub(lambda escape: r"\ufffd" if escape["half"] else escape[0], text)
    try:
        value = json.loads(text, parse_int=_number, parse_constant=lambda _: None)
    except RecursionError as err:
        raise ValueError("nested too deep") from err
    _check_depth(value)
    return value


class IdentityKey:
    """A document that equals nothing but itself, so that a cache can keep what was read in it.

    A catalogue is replaced, never changed. To compare what is in it would take as long as to read it once more.
    """

    __slots__ = ("document",)

    def __init__(self, document: Any) -> None:
        """Stand for a document that nobody changes."""
        self.document = document

    def __eq__(self, other: object) -> bool:
        """Tell whether another one stands for the very same document."""
        return isinstance(other, IdentityKey) and self.document is other.document

    def __hash__(self) -> int:
        """Return what no other document has that is still there; this one is, as long as it is a key."""
        return id(self.document)


def _number(digits: str) -> int | float:
    """Return a whole number; one that nobody can mean is as inexact as in JavaScript."""
    return int(digits) if len(digits) <= _LONGEST_INTEGER else float(digits)


def _check_depth(value: Any) -> None:
    """Raise ValueError where a value is nested too deep."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return
    raise ValueError("nested too deep")


def _inside(value: Any) -> Iterator[Any]:
    """Return what an object or list holds that can hold something itself."""
    values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return (inner for inner in values if isinstance(inner, (dict, list)))


type Json = Any
"""What a JSON document holds."""
