"""What a compatible server's body may hold: its fields as data, and what is wrong with a body that does not fit."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import inf, isfinite
from typing import Literal

from ..exchange import Json
from ..openai.contract import FORMATS, MAX_CHARACTERS

type FieldKind = Literal["text", "number", "whole", "flag", "any"]

_TYPES: dict[FieldKind, str] = {"text": "string", "number": "number", "whole": "integer", "flag": "boolean", "any": ""}
_KINDS: dict[FieldKind, str] = {"text": "string", "number": "float", "whole": "int", "flag": "bool", "any": ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field that is known: what its value has to be.

    nullable: null counts as nothing.
    choices: the texts that there are, if not any will do.
    lowest, highest: of a number; shortest, longest: of a text, in characters.
    """

    kind: FieldKind = "text"
    required: bool = False
    nullable: bool = False
    choices: tuple[str, ...] = ()
    lowest: float = -inf
    highest: float = inf
    shortest: int = 0
    longest: int | None = None


OPENAI_FIELDS: Mapping[str, Field] = {
    "model": Field(required=True),
    "input": Field(required=True, shortest=1, longest=MAX_CHARACTERS),
    "voice": Field(required=True),
    "instructions": Field(longest=MAX_CHARACTERS),
    "response_format": Field(choices=FORMATS),
    "speed": Field(kind="number", lowest=0.25, highest=4.0),
    "stream_format": Field(choices=("sse", "audio")),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong with a body: what kind of mistake, in which field if not in all of it, and its value.

    limits: what the value was compared with.
    """

    kind: str
    name: str | None
    message: str
    value: Json = None
    limits: Mapping[str, Json] = field(default_factory=dict)

    def __str__(self) -> str:
        """Write it in one line."""
        return f"{self.name}: {self.message}" if self.name else self.message

    def entry(self) -> Json:
        """Return it as pydantic lists it; it repeats the value, spoken text included."""
        place: list[Json] = ["body", *([self.name] if self.name else [])]
        entry: dict[str, Json] = {"type": self.kind, "loc": place, "msg": self.message, "input": self.value}
        return entry | ({"ctx": dict(self.limits)} if self.limits else {})


def problems(
    body: dict[str, Json], fields: Mapping[str, Field], *, lax: bool, refuse_unknown: bool
) -> Iterator[Problem]:
    """Find what is wrong with a body. lax: a number may be written as text."""
    for name, known in fields.items():
        if name in body:
            yield from _value_problems(name, body[name], known, lax=lax)
        elif known.required:
            yield Problem("missing", name, "Field required", body)
    if refuse_unknown:
        yield from (
            Problem("extra_forbidden", name, "Extra inputs are not permitted", value)
            for name, value in body.items()
            if name not in fields
        )


def number_of(value: Json) -> float | None:
    """Return a number, also one that is written as text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError, OverflowError:
        return None
    return number if isfinite(number) else None


def _value_problems(name: str, value: Json, known: Field, *, lax: bool) -> Iterator[Problem]:
    """Find what is wrong with a value."""
    if known.kind == "any" or (value is None and known.nullable):
        return
    if not _has_type(value, known.kind, lax=lax):
        yield Problem(f"{_KINDS[known.kind]}_type", name, f"Input should be a valid {_TYPES[known.kind]}", value)
    elif known.kind == "text":
        yield from _text_problems(name, str(value), known)
    elif known.kind in {"number", "whole"}:
        yield from _number_problems(name, number_of(value) or 0.0, known)


def _has_type(value: Json, kind: FieldKind, *, lax: bool) -> bool:
    """Tell whether a value is of the kind that a field takes."""
    if kind == "text":
        return isinstance(value, str)
    if kind == "flag":
        return isinstance(value, bool)
    number = None if isinstance(value, str) and not lax else number_of(value)
    return number is not None and (kind == "number" or number.is_integer())


def _text_problems(name: str, value: str, known: Field) -> Iterator[Problem]:
    """Find what is wrong with a text."""
    if known.choices and value not in known.choices:
        choices = ", ".join(f"'{choice}'" for choice in known.choices)
        yield Problem("literal_error", name, f"Input should be one of {choices}", value)
    if len(value) < known.shortest:
        message = f"String should have at least {known.shortest} character"
        yield Problem("string_too_short", name, message, value, {"min_length": known.shortest})
    if known.longest is not None and len(value) > known.longest:
        message = f"String should have at most {known.longest} characters"
        yield Problem("string_too_long", name, message, value, {"max_length": known.longest})


def _number_problems(name: str, value: float, known: Field) -> Iterator[Problem]:
    """Find what is wrong with a number."""
    if value < known.lowest:
        message = f"Input should be greater than or equal to {known.lowest}"
        yield Problem("greater_than_equal", name, message, value, {"ge": known.lowest})
    if value > known.highest:
        message = f"Input should be less than or equal to {known.highest}"
        yield Problem("less_than_equal", name, message, value, {"le": known.highest})
