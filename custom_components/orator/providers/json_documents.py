"""Parse untrusted JSON into values that can be processed, stored and serialized."""

import asyncio
import codecs
from collections.abc import Callable, Iterable, Iterator, Mapping
import json
import json.decoder
import json.scanner
import re
import threading
import time
from typing import Any, Final, TypeGuard

from .errors import NotASpeechServerError
from .options import MAX_ID_CHARS

type Json = Any
"""A value from a JSON document."""

_MAX_VALUES: Final = 500_000
"""Ten times as many as in the largest catalog; a value takes up to 30 times the memory of its text."""
_PAUSE_INTERVAL_S: Final = 0.001
_PAUSE_S: Final = 0.0003
_BACKGROUND_LOCK: Final = threading.Lock()
_SEPARATORS: Final = (b",", b":", b"[", b"{")
_MAX_DEPTH: Final = 64
"""Maximum depth that recursive code can process."""
_MAX_INTEGER_DIGITS: Final = 18
"""Number of digits that always fits into 64 bits, the limit of Home Assistant's serializer."""
MAX_ROWS: Final = 2_000
"""Limit for the rows of a list, several times as many as the longest list has."""
CACHED_CATALOGS: Final = 8
"""Size of caches for data derived from catalogs: more than the usual number of accounts."""
_MAX_INLINE_BYTES: Final = 256 * 1024
"""Size up to which a document is parsed within a few milliseconds."""
_SLICE: Final = 256 * 1024
"""Bytes or characters that are processed at once, without another thread running in between."""
_DECODERS: Final[Any] = json.decoder
_SCANNERS: Final[Any] = json.scanner
"""The modules that contain the decoder in Python, for which there are no type hints."""
_SHORT_STRING_CHARS: Final = 4096
_SURROGATE_ESCAPE: Final = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<lone>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
"""Escape sequence of a surrogate. A lone surrogate is not a character and cannot be encoded in UTF-8."""


async def load_json(document: bytes | bytearray) -> Json:
    """Return the value of a JSON document like `parse_json`; a large document does not block the event loop."""
    if len(document) <= _MAX_INLINE_BYTES:
        return parse_json(document)
    return await asyncio.to_thread(parse_json, document)


async def run_in_background[T](function: Callable[..., T], *args: Any) -> T:
    """Return the result of a slow function in Python, run in a thread.

    Such functions run one after the other: the event loop waits for a thread to pause, and would wait for each of them.
    """

    def run() -> T:
        with _BACKGROUND_LOCK:
            return function(*args)

    return await asyncio.to_thread(run)


class _Pauses:
    """When a thread last paused."""

    last = 0.0


def paced[T](items: Iterable[T]) -> Iterator[T]:
    """Yield items, and let the event loop run in between if this is a thread.

    Python lets a waiting thread run after 5 ms only, and the event loop may have to wait several times.
    """
    for item in items:
        _pause()
        yield item


def _pause() -> None:
    now = time.perf_counter()
    if now - _Pauses.last > _PAUSE_INTERVAL_S and threading.current_thread() is not threading.main_thread():
        time.sleep(_PAUSE_S)  # with 0, this thread would usually continue at once
        _Pauses.last = time.perf_counter()


def read_json[T](document: bytes | bytearray, read: Callable[[Json], T]) -> T:
    """Return what `read` finds in a document, and free the lists and objects of the document one by one.

    So no step takes long, and other threads can run in between. Raises ValueError like `parse_json`.
    """
    value = parse_json(document)
    try:
        return read(value)
    finally:
        for level in reversed(list(_levels(value))):
            for container in paced(level):
                container.clear()


def parse_json(document: bytes | bytearray) -> Any:
    """Return the value of a JSON document.

    Invalid characters become U+FFFD, NaN and infinity become None, and large integers become floats. Raises ValueError
    if the document is not JSON, has too many values or is nested too deeply.
    """
    text = _decode(document)
    _pause()
    if "\\u" in text:
        text = _SURROGATE_ESCAPE.sub(lambda escape: r"\ufffd" if escape["lone"] else escape[0], text)
    kind = json.JSONDecoder if len(text) <= _MAX_INLINE_BYTES else _InterruptibleDecoder
    try:
        value = kind(parse_int=_parse_integer, parse_constant=lambda _: None).decode(text)
    except json.JSONDecodeError:  # refers to the document
        raise ValueError("not JSON") from None
    except RecursionError as err:
        raise ValueError("nested too deeply") from err
    for depth, _ in enumerate(_levels(value)):
        if depth == _MAX_DEPTH:
            raise ValueError("nested too deeply")
    return value


class _InterruptibleDecoder(json.JSONDecoder):
    """A decoder in Python, six times slower, during which other threads run: the one in C does not let them."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.parse_string = _parse_string
        self.scan_once = _SCANNERS.py_make_scanner(self)


def _parse_string(text: str, start: int, strict: bool = True) -> tuple[str, int]:  # noqa: FBT001, FBT002 - json's own
    """Return the string that begins at an index, and the index of its end, without one long step for a long string."""
    _pause()
    end = text.find('"', start)
    if end >= 0 and text.find("\\", start, end) < 0:
        return text[start:end], end + 1
    try:
        value, length = _DECODERS.scanstring(text[start : start + _SHORT_STRING_CHARS], 0, strict)
    except json.JSONDecodeError:
        value, length = _DECODERS.py_scanstring(text, start, strict)
        return value, length
    return value, start + length


def _decode(document: bytes | bytearray) -> str:
    """Return the text of a document, with U+FFFD in place of invalid characters.

    Raises ValueError if the document has too many values.
    """
    decoder = codecs.getincrementaldecoder(json.detect_encoding(document))("replace")
    text = ""
    separators = 0
    for start in paced(range(0, len(document), _SLICE)):
        part = document[start : start + _SLICE]
        separators += sum(map(part.count, _SEPARATORS))
        if separators > _MAX_VALUES:
            raise ValueError("too many values")
        text += decoder.decode(part)  # extends the string in place: to join all parts would block for 12 ms with 8 MB
    return text + decoder.decode(b"", final=True)


def _parse_integer(digits: str) -> int | float:
    """Return an integer, or a float if it may not fit into 64 bits."""
    return int(digits) if len(digits) <= _MAX_INTEGER_DIGITS else float(digits)


def is_truncated(document: bytes | bytearray) -> bool:
    """Return whether a document that is not JSON begins like an object or a list and lacks its end."""
    stripped = document.strip()
    return stripped.startswith((b"{", b"[")) and not stripped.endswith((b"}", b"]"))


def _levels(value: Any) -> Iterator[list[Any]]:
    """Yield the objects and lists at each depth of a value, the outermost first."""
    level = [value] if isinstance(value, (dict, list)) else []
    while level:
        yield level
        level = [
            inner
            for outer in paced(level)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]


def get_object(document: Json, key: str) -> Mapping[str, Any]:
    """Return the object under a key, or an empty object if there is none."""
    value = document.get(key) if isinstance(document, dict) else None
    return value if isinstance(value, dict) else {}


def get_rows(document: Json, *keys: str) -> list[Json]:
    """Return the list under the first key with a value, shortened to the limit.

    Raises NotASpeechServerError if there is none.
    """
    rows: Json = None
    for key in keys if isinstance(document, dict) else ():
        rows = rows or document.get(key)
    if not isinstance(rows, list):
        raise NotASpeechServerError
    return rows[:MAX_ROWS]


def is_name(value: Json) -> TypeGuard[str]:
    """Return whether a value can be an ID or a name: a string of 1 to `MAX_ID_CHARS` characters."""
    return isinstance(value, str) and 0 < len(value) <= MAX_ID_CHARS


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
