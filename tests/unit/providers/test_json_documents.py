"""Untrusted JSON documents and option values."""

import asyncio
from datetime import date
import json
from math import nan
from typing import Any

import pytest

from custom_components.orator.providers import errors, json_documents
from custom_components.orator.providers.json_documents import load_json, parse_json, read_json
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


LONG: list[Any] = [
    {"id": f"voice-{number}", "names": ["\u00e9", 'a "quoted" \\ name', "\n"], "n": [number, 0.5, None, True, {}, []]}
    for number in range(100)
]


@pytest.fixture
def parse_as_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat short documents like long ones."""
    monkeypatch.setattr(json_documents, "_MAX_INLINE_BYTES", 10)
    monkeypatch.setattr(json_documents, "_SLICE", 7)


@pytest.mark.usefixtures("parse_as_long")
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32-le"])
@pytest.mark.parametrize("ensure_ascii", [True, False])
def test_long_documents(encoding: str, *, ensure_ascii: bool) -> None:
    """A long document has the same values as one that is parsed at once."""
    assert parse_json(json.dumps(LONG, ensure_ascii=ensure_ascii).encode(encoding)) == LONG


@pytest.mark.usefixtures("parse_as_long")
@pytest.mark.parametrize("unit", ["x", '"', "\\", "\U0001f600", "\u00e9\n"])
@pytest.mark.parametrize("length", [1, 4_080, 4_095, 4_096, 4_097, 9_000])
def test_long_strings(unit: str, length: int) -> None:
    """Strings of any length and with any escapes are the same in a long document."""
    value = {"text": ("a" * (length % 3) + unit * length)[:length], "end": [1]}
    assert parse_json(json.dumps(value).encode()) == value


@pytest.mark.usefixtures("parse_as_long")
@pytest.mark.parametrize(
    "document",
    [
        b"[" + b" " * 9_000,
        b'["' + b"x" * 9_000,
        b'["' + b"\\x" * 9_000 + b'"]',
        b'["' + b"\\\\" * 9_000 + b'\\"]',
        b'["' + b"x" * 9_000 + b'"]]',
        b'{"a":' * 5_000,
        b'["' + b"x" * 9_000 + b'", ' + b"[" * 65 + b"]" * 65 + b"]",
    ],
)
def test_long_invalid_documents(document: bytes) -> None:
    """A long document is rejected like a short one, and the error does not hold it."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the message does not matter
        parse_json(document)
    assert not isinstance(caught.value, json.JSONDecodeError)


async def test_event_loop_during_long_documents() -> None:
    """The event loop runs while a long document is parsed and read, whose lists and objects are freed."""
    rows = LONG * 45
    document = json.dumps(rows).encode()
    count = 0

    async def tick() -> None:
        nonlocal count
        while True:
            await asyncio.sleep(0)
            count += 1

    values: list[Any] = []

    def read(value: Any) -> int:
        values.append(value)
        return len(value)

    task = asyncio.create_task(tick())
    assert len(await load_json(document)) == len(rows)
    assert count > 20
    count = 0
    assert await asyncio.to_thread(read_json, document, read) == len(rows)
    assert count > 20
    assert values == [[]]
    task.cancel()


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
