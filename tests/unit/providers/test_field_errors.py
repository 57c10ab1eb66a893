"""The request fields that error documents name."""

from typing import Any

import pytest

from custom_components.orator.providers.error_responses import FieldError, find_field_errors

OPTIONAL_FIELDS = frozenset({"speed", "response_format", "instructions"})


@pytest.mark.parametrize(
    ("document", "fields", "is_unsupported"),
    [
        ({"detail": [{"type": "extra_forbidden", "loc": ["body", "speed"], "msg": "No"}]}, {"body", "speed"}, True),
        ({"detail": [{"type": "less_than", "loc": ["body", "speed"], "msg": "At most 2"}]}, {"body", "speed"}, False),
        ({"error": {"message": "Unknown parameter: 'speed'.", "param": "speed"}}, {"speed"}, True),
        ({"error": {"message": "Must be below 4.", "param": "speed"}}, {"speed"}, False),
        ({"error": {"message": "instructions is not supported by this model"}}, {"instructions"}, True),
        ({"message": "response_format must be one of [wav]", "code": 400}, {"response_format"}, False),
        ({"error": "An error", "details": "This model does not support speed"}, {"speed"}, True),
        ({"detail": "Unrecognized key(s) in object: 'mode'"}, {"mode"}, True),
        ({"validation": [{"path": ["output", "speed"], "message": "Required"}]}, {"output", "speed"}, False),
        ({"validation": [{"path": "body.speed", "message": "Required"}]}, {"body", "speed"}, False),
    ],
)
def test_fields(document: Any, fields: set[str], is_unsupported: bool) -> None:  # noqa: FBT001 - a test parameter
    """Fields are found wherever they are named; an unsupported field is distinguished from an invalid value."""
    assert list(find_field_errors(document, OPTIONAL_FIELDS)) == [FieldError(frozenset(fields), is_unsupported)]


@pytest.mark.parametrize("document", [None, 7, "speed", [], {}, {"detail": "No voice"}, [[[[[[[{"param": "x"}]]]]]]]])
def test_document_without_fields(document: Any) -> None:
    """A document that names no optional field has no field errors."""
    assert not list(find_field_errors(document, OPTIONAL_FIELDS))
