"""The schema of request bodies: fields as data, and the violations of a body."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import inf, isfinite
from typing import Literal

from ..http import Json
from ..openai.contract import FORMATS, MAX_CHARACTERS

type FieldKind = Literal["string", "number", "integer", "boolean", "any"]

# pydantic's names of the types
_TYPE_CODES: dict[FieldKind, str] = {"string": "string", "number": "float", "integer": "int", "boolean": "bool"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A known field of a body.

    nullable: null means that the field is not set.
    choices: the accepted strings; empty accepts any.
    minimum, maximum: of a number.
    min_length, max_length: of a string, in characters.
    """

    kind: FieldKind = "string"
    required: bool = False
    nullable: bool = False
    choices: tuple[str, ...] = ()
    minimum: float = -inf
    maximum: float = inf
    min_length: int = 0
    max_length: int | None = None


OPENAI_FIELDS: Mapping[str, Field] = {
    "model": Field(required=True),
    "input": Field(required=True, min_length=1, max_length=MAX_CHARACTERS),
    "voice": Field(required=True),
    "instructions": Field(max_length=MAX_CHARACTERS),
    "response_format": Field(choices=FORMATS),
    "speed": Field(kind="number", minimum=0.25, maximum=4.0),
    "stream_format": Field(choices=("sse", "audio")),
}


@dataclass(frozen=True, slots=True)
class SchemaViolation:
    """A violation of the schema.

    code: pydantic's name of the mistake.
    name: the field; None for the whole body.
    limits: the limits that the value exceeds.
    """

    code: str
    name: str | None
    message: str
    value: Json = None
    limits: Mapping[str, Json] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return a one-line description."""
        return f"{self.name}: {self.message}" if self.name else self.message

    def entry(self) -> Json:
        """Return the entry of pydantic's list, which repeats the value, spoken text included."""
        location: list[Json] = ["body", *([self.name] if self.name else [])]
        entry: dict[str, Json] = {"type": self.code, "loc": location, "msg": self.message, "input": self.value}
        return entry | ({"ctx": dict(self.limits)} if self.limits else {})


def violations(
    body: dict[str, Json], fields: Mapping[str, Field], *, lax: bool, refuse_unknown: bool
) -> Iterator[SchemaViolation]:
    """Yield all violations of a body. lax: numbers may be strings."""
    for name, known in fields.items():
        if name in body:
            yield from _check_value(name, body[name], known, lax=lax)
        elif known.required:
            yield SchemaViolation("missing", name, "Field required", body)
    if refuse_unknown:
        yield from (
            SchemaViolation("extra_forbidden", name, "Extra inputs are not permitted", value)
            for name, value in body.items()
            if name not in fields
        )


def number_of(value: Json) -> float | None:
    """Return a finite number, also from a string; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError, OverflowError:
        return None
    return number if isfinite(number) else None


def _check_value(name: str, value: Json, known: Field, *, lax: bool) -> Iterator[SchemaViolation]:
    """Yield the violations of a value."""
    if known.kind == "any" or (value is None and known.nullable):
        return
    if not _has_type(value, known.kind, lax=lax):
        code = f"{_TYPE_CODES[known.kind]}_type"
        yield SchemaViolation(code, name, f"Input should be a valid {known.kind}", value)
    elif known.kind == "string":
        yield from _check_string(name, str(value), known)
    elif known.kind in {"number", "integer"}:
        yield from _check_number(name, number_of(value) or 0.0, known)


def _has_type(value: Json, kind: FieldKind, *, lax: bool) -> bool:
    """Return whether a value has the type of a field."""
    if kind == "string":
        return isinstance(value, str)
    if kind == "boolean":
        return isinstance(value, bool)
    number = None if isinstance(value, str) and not lax else number_of(value)
    return number is not None and (kind == "number" or number.is_integer())


def _check_string(name: str, value: str, known: Field) -> Iterator[SchemaViolation]:
    """Yield the violations of a string."""
    if known.choices and value not in known.choices:
        choices = ", ".join(f"'{choice}'" for choice in known.choices)
        yield SchemaViolation("literal_error", name, f"Input should be one of {choices}", value)
    if len(value) < known.min_length:
        message = f"String should have at least {known.min_length} character"
        yield SchemaViolation("string_too_short", name, message, value, {"min_length": known.min_length})
    if known.max_length is not None and len(value) > known.max_length:
        message = f"String should have at most {known.max_length} characters"
        yield SchemaViolation("string_too_long", name, message, value, {"max_length": known.max_length})


def _check_number(name: str, value: float, known: Field) -> Iterator[SchemaViolation]:
    """Yield the violations of a number."""
    if value < known.minimum:
        message = f"Input should be greater than or equal to {known.minimum}"
        yield SchemaViolation("greater_than_equal", name, message, value, {"ge": known.minimum})
    if value > known.maximum:
        message = f"Input should be less than or equal to {known.maximum}"
        yield SchemaViolation("less_than_equal", name, message, value, {"le": known.maximum})
