"""Hypothesis strategies: damaged bytes and documents, hostile values, and ways to split bytes."""

from collections.abc import Sequence
from copy import deepcopy
import json
from typing import Any, Final

from hypothesis import strategies as st

from tests.support.signals import divide

_DEEP: Final = "<deep>"  # replaced by a deeply nested value
_DEPTHS: Final = (3, 63, 64, 65, 900, 5_000, 70_000)
_HOSTILE: Final = (
    *(None, True, False, 0, -1, 1, 7, 200, 402, 429, 2**31, 2**63, 2**64, 10**30, 10**400, -(10**400)),
    *(0.5, -0.0, 1e308, float("inf"), float("-inf"), float("nan")),
    *("", " ", "\0", "x", "x" * 70_000, "é" * 300, "\ud800", "a\udfffb", "\U0001f600", "NaN", "1e999", "9" * 5_000),
    *("data", "error", "completed", "failed", "content_policy_violation", "insufficient_quota", "tts", "../..", "%00"),
    *("2027-13-99", "9999-12-31", "https://[::1", "//\udc80/", "/a b", "mailto:a", "file:///etc/passwd", "[DONE]"),
    *([], {}, [[]], [None], {"": ""}, {"data": {"data": {}}}, [{"id": 1}], {"id": []}, ["x"] * 300, _DEEP, [_DEEP]),
    *({"error": {"error": {"error": "x"}}}, {"supported_parameters": {"voice": {"values": [{}, 1, "v"]}}}),
)
_RAW: Final = (
    *(b"", b"{", b"[", b'"', b"null", b"{}", b"[]", b"NaN", b"-", b"1" * 5_000, b"\xff\xfe", b"\xef\xbb\xbf{}"),
    *(b'{"a":1,"a":{"a":2}}', b'{"error":' * 70_000, b'"\\ud800"', b'"\xed\xa0\x80"', b"<html>", b"\0" * 40),
)
_ENCODINGS: Final = ("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1")


@st.composite
def bytes_like(draw: st.DrawFn, samples: Sequence[bytes], max_changes: int = 8) -> bytes:
    """Return a damaged sample, or random bytes."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=2_000))
    data = bytearray(draw(st.sampled_from(samples)))
    for _ in range(draw(st.integers(0, max_changes))):
        place = draw(st.integers(0, len(data)))
        length = draw(st.sampled_from([1, 1, 2, 4, 9, 50, 400]))
        match draw(st.integers(0, 7)):
            case 0:
                del data[place:]
            case 1:
                del data[place : place + length]
            case 2:
                data[place:place] = draw(st.binary(max_size=40))
            case 3:
                data[place:place] = data[place : place + length] * draw(st.sampled_from([1, 2, 30]))
            case 4:
                data[place : place + length] = draw(st.sampled_from([b"\xff", b"\0", b"\x7f", b"\x80"])) * length
            case 5:
                other = draw(st.sampled_from(samples))
                data[place:] = other[draw(st.integers(0, len(other))) :]
            case _:
                if place < len(data):
                    data[place] ^= 1 << draw(st.integers(0, 7))
    return bytes(data)


@st.composite
def documents_like(draw: st.DrawFn, samples: Sequence[Any]) -> bytes:
    """Return a damaged document, encoded as JSON."""
    if draw(st.integers(0, 19)) == 0:
        return draw(st.sampled_from(_RAW))
    document = deepcopy(draw(st.sampled_from(samples)))
    for _ in range(draw(st.integers(0, 4))):
        document = _damage(draw, document)
    text = json.dumps(document, ensure_ascii=draw(st.booleans()))
    depth = draw(st.sampled_from(_DEPTHS))
    opening, closing = draw(st.sampled_from([("[", "]"), ('{"data":', "}"), ('{"error":', "}")]))
    text = text.replace(json.dumps(_DEEP), opening * depth + "1" + closing * depth)
    encoding = draw(st.sampled_from(_ENCODINGS))
    sent = text.encode(encoding, "replace" if encoding == "latin-1" else "surrogatepass")
    return draw(bytes_like([sent], 2)) if draw(st.integers(0, 4)) == 0 else sent


def _damage(draw: st.DrawFn, value: Any) -> Any:
    """Return a value with another value somewhere in it."""
    keys: list[Any] = list(value) if isinstance(value, dict) else list(range(len(value))) if _is_list(value) else []
    if not keys or draw(st.integers(0, 5)) == 0:
        return deepcopy(draw(st.sampled_from([*_HOSTILE, [value], {"data": value}, {"error": value}, [value, value]])))
    key = draw(st.sampled_from(keys))
    match draw(st.integers(0, 9)):
        case 0:
            del value[key]
        case 1 if isinstance(value, dict):
            value[draw(st.sampled_from([*keys, "id", "error", "data", "status", "type", "\ud800"]))] = value.pop(key)
        case 2 if _is_list(value):
            value.extend([value[key]] * 300)
        case _:
            value[key] = _damage(draw, value[key])
    return value


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def hostile_values() -> st.SearchStrategy[Any]:
    """Return a strategy for values of any type."""
    inner = st.one_of(
        st.sampled_from(_HOSTILE), st.text(max_size=20), st.integers(), st.floats(), st.binary(max_size=9)
    )
    return st.recursive(inner, lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=5), part))


@st.composite
def divisions(draw: st.DrawFn) -> list[int]:
    """Return the positions at which `split_at` splits bytes; [-1] means after every byte."""
    return draw(st.one_of(st.just([-1]), st.lists(st.integers(0, 10_000), max_size=12)))


def split_at(whole: bytes, cuts: list[int]) -> list[bytes]:
    """Split bytes at positions, or after every byte for [-1], without empty pieces."""
    pieces = [bytes((byte,)) for byte in whole] if cuts == [-1] else divide(whole, cuts)
    return [piece for piece in pieces if piece]
