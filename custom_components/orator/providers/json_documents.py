"""Parse untrusted JSON into values that can be processed, stored and serialized."""

from collections.abc import Iterator, Mapping
import json
import re
from typing import Any, Final

from .errors import NotASpeechServerError

type Json = Any
"""A value from a JSON document."""

_MAX_VALUES: Final = 500_000
"""Ten times as many as in the largest catalog; a value takes up to 30 times the memory of its text."""
_SEPARATORS: Final = (b",", b":", b"[", b"{")
_MAX_DEPTH: Final = 64
"""Maximum depth that recursive code can process."""
_MAX_INTEGER_DIGITS: Final = 18
"""Number of digits that always fits into 64 bits, the limit of Home Assistant's serializer."""
CACHED_CATALOGS: Final = 8
"""Size of caches for data derived from catalogs: more than the usual number of accounts."""
_SURROGATE_ESCAPE: Final = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
"""Escape sequence of a surrogate. A lone surrogate is not a character and cannot be encoded in UTF-8."""


def parse_json(document: bytes | bytearray) -> Any:
    """Return the value of a JSON document.

    Invalid characters become U+FFFD, NaN and infinity become None, and large integers become floats. Raises ValueError
    if the document is not JSON, has too many values or is nested too deeply.
    """
    if sum(map(document.count, _SEPARATORS)) > _MAX_VALUES:
        raise ValueError("too many values")
    text = document.decode(json.detect_encoding(document), "replace")
    if "\\u" in text:
        text = _SURROGATE_ESCAPE.sub(lambda escape: r"\ufffd" if escape["lone"] else escape[0], text)
    try:
        value = json.loads(text, parse_int=_parse_integer, parse_constant=lambda _: None)
    except RecursionError as err:
        raise ValueError("nested too deeply") from err
    _check_depth(value)
    return value


def _parse_integer(digits: str) -> int | float:
    """Return an integer, or a float if it may not fit into 64 bits."""
    return int(digits) if len(digits) <= _MAX_INTEGER_DIGITS else float(digits)


def _check_depth(value: Any) -> None:
    """Raise ValueError if a value is nested too deeply."""
    level = [value]
    for _ in range(_MAX_DEPTH):
        level = [inner for outer in level for inner in _containers_in(outer)]
        if not level:
            return
    raise ValueError("nested too deeply")


def _containers_in(value: Any) -> Iterator[Any]:
    """Return the objects and lists in an object or list."""
    values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return (inner for inner in values if isinstance(inner, (dict, list)))


def get_object(document: Json, key: str) -> Mapping[str, Any]:
    """Return the object under a key, or an empty object if there is none."""
    value = document.get(key) if isinstance(document, dict) else None
    return value if isinstance(value, dict) else {}


def get_rows(document: Json, *keys: str) -> list[Json]:
    """Return the list under the first key with a value. Raises NotASpeechServerError if there is none."""
    rows: Json = None
    for key in keys if isinstance(document, dict) else ():
        rows = rows or document.get(key)
    if not isinstance(rows, list):
        raise NotASpeechServerError
    return rows


class IdentityKey:
    """A cache key for a catalog, equal only to keys of the same object.

    Catalogs are replaced, never modified, and comparing their content would take as long as processing them again.
    """

    __slots__ = ("document",)

    def __init__(self, document: Any) -> None:
        """Initialize the key of a document."""
        self.document = document

    def __eq__(self, other: object) -> bool:
        """Return whether the other key is for the same object."""
        return isinstance(other, IdentityKey) and self.document is other.document

    def __hash__(self) -> int:
        """Return the object's identity, which is unique while the cache holds the key."""
        return id(self.document)
