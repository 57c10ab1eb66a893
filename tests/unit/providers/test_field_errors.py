"""What refusals say of the fields of a request."""

from typing import Any

import pytest

from custom_components.orator.providers.error_responses import FieldError, find_field_errors

DOUBTFUL = frozenset({"speed", "response_format", "instructions"})


@pytest.mark.parametrize(
    ("document", "fields", "is_unwanted"),
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
def test_fields(document: Any, fields: set[str], is_unwanted: bool) -> None:  # noqa: FBT001 - what is expected
    """The field is found wherever it is named, and a field that is not known is told from one with a wrong value."""
    assert list(find_field_errors(document, DOUBTFUL)) == [FieldError(frozenset(fields), is_unwanted)]


@pytest.mark.parametrize("document", [None, 7, "speed", [], {}, {"detail": "No voice"}, [[[[[[[{"param": "x"}]]]]]]]])
def test_nothing_is_named(document: Any) -> None:
    """What names nothing, or nothing that anyone would look for, is no complaint."""
    assert not list(find_field_errors(document, DOUBTFUL))
