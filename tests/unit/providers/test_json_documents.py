"""Untrusted JSON documents and option values."""

from datetime import date
from math import nan
from typing import Any

import pytest

from custom_components.orator.providers import errors
from custom_components.orator.providers.json_documents import parse_json
from custom_components.orator.providers.options import NumberOption, ObjectOption


@pytest.mark.parametrize(
    ("document", "value"),
    [
        (rb'"\ud83d\ude00 \\ud800"', "\U0001f600 \\ud800"),
        (rb'["\ud800", "\udc00\ud800x"]', ["\ufffd", "\ufffd\ufffdx"]),
        (b'"\xed\xa0\x80"', "\ufffd\ufffd\ufffd"),
        (b"[NaN, -Infinity]", [None, None]),
        (b"[123456789012345678, 1" + b"0" * 30 + b"]", [123456789012345678, 1e30]),
        (b"[" * 60 + b"]" * 60, None),
    ],
)
def test_parsed_values(document: bytes, value: Any) -> None:
    """Lone surrogates, NaN and large integers are replaced; nesting as deep as in real documents is accepted."""
    assert value is None or parse_json(document) == value
    parse_json(document)


@pytest.mark.parametrize(
    "document", [b"", b"{", b"[" * 65 + b"]" * 65, b"[" * 99_000, b"[" + b"0," * 600_000 + b"0]", b"1" * 5 + b"x"]
)
def test_rejected_documents(document: bytes) -> None:
    """Documents that are not JSON, nested too deeply or too large are rejected."""
    with pytest.raises(ValueError):  # noqa: PT011 - the message does not matter
        parse_json(document)


@pytest.mark.parametrize("value", [10**400, nan, "nan", None])
def test_invalid_numbers(value: Any) -> None:
    """Values that are not numbers are rejected and have no nearest value."""
    option = NumberOption("speed", minimum=0.25, maximum=4, step=0.05, default=1)
    assert option.nearest(value) is None
    with pytest.raises(errors.InvalidSettingError):
        option.parse(value)


def test_integers() -> None:
    """An integer option accepts any whole number in its range, and no other."""
    option = NumberOption("bitrate", minimum=8, maximum=320, step=1, default=96, is_integer=True)
    for value in (100, 100.0, "100"):
        assert option.parse(value) == 100
        assert isinstance(option.parse(value), int)
    for value in (100.5, 7, 321, "9" * 5_000):
        with pytest.raises(errors.InvalidSettingError):
            option.parse(value)
    assert [option.nearest(value) for value in (100.4, 1, 999)] == [100, 8, 320]


@pytest.mark.parametrize("value", [{"since": date(2027, 1, 6)}, {"a": nan}, {"a": {1, 2}}])
def test_objects_not_serializable(value: Any) -> None:
    """Objects that JSON cannot represent, as YAML can hold them, are rejected."""
    with pytest.raises(errors.InvalidSettingError):
        ObjectOption("extra_body").parse(value)
