"""Checks of single values in the client's events, with OpenAI's error messages.

A check takes a value and the path of its key, such as `session.audio.output.voice`, and raises EventError if the value
is invalid. Values are not converted: a number in quotes is not a number. Unknown keys are refused.
"""

from collections.abc import Callable, Mapping

from ..http import Json

type Check = Callable[[str, Json], object]

_TYPE_NAMES: tuple[tuple[type, str], ...] = (
    (bool, "a boolean"),
    (int, "an integer"),
    (float, "a decimal number"),
    (str, "a string"),
    (list, "an array"),
    (dict, "an object"),
)


class EventError(Exception):
    """A refused event, with the fields of the `error` event; `kind` is its `type`."""

    def __init__(
        self, code: str | None, message: str, param: str | None = None, *, kind: str = "invalid_request_error"
    ) -> None:
        """Initialize with the fields; `param` is the path of the invalid key."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param
        self.kind = kind


def not_simulated(feature: str, param: str | None = None) -> EventError:
    """Return the error for a feature that OpenAI has and the simulator lacks."""
    return EventError("not_simulated", f"The simulator does not do this: {feature}.", param)


def join_choices(choices: tuple[str, ...]) -> str:
    """Join choices as error messages do: 'a', 'b', and 'c'."""
    quoted = [f"'{choice}'" for choice in choices]
    if len(quoted) == 1:
        return quoted[0]
    return ", ".join(quoted[:-1]) + ("," if len(quoted) > 2 else "") + f" and {quoted[-1]}"


def anything(_path: str, _value: Json) -> None:
    """Accept any value."""


def boolean(path: str, value: Json) -> None:
    """Accept true and false."""
    if not isinstance(value, bool):
        raise _wrong_type(path, "a boolean", value)


def text(max_chars: int | None = None) -> Check:
    """Return a check that accepts strings up to a length."""

    def check(path: str, value: Json) -> None:
        if not isinstance(value, str):
            raise _wrong_type(path, "a string", value)
        if max_chars is not None and len(value) > max_chars:
            expected = f"Expected a string with maximum length {max_chars}, but got a string with length {len(value)}"
            raise EventError("string_above_max_length", f"Invalid '{path}': string too long. {expected} instead.", path)

    return check


def choice(*choices: str) -> Check:
    """Return a check that accepts the given strings."""

    def check(path: str, value: Json) -> None:
        if not isinstance(value, str):
            raise _wrong_type(path, f"one of {join_choices(choices)}", value)
        if value not in choices:
            message = f"Invalid value: '{value}'. Supported values are: {join_choices(choices)}."
            raise EventError("invalid_value", message, path)

    return check


def number(minimum: float, maximum: float, *, is_integer: bool = False) -> Check:
    """Return a check that accepts numbers within bounds."""
    name = "integer" if is_integer else "decimal"

    def check(path: str, value: Json) -> None:
        if isinstance(value, bool) or not isinstance(value, int if is_integer else int | float):
            raise _wrong_type(path, "an integer" if is_integer else "a decimal number", value)
        if value < minimum:
            raise _out_of_bounds(path, value, name, f"below minimum value. Expected a value >= {minimum}", "below_min")
        if value > maximum:
            raise _out_of_bounds(path, value, name, f"above maximum value. Expected a value <= {maximum}", "above_max")

    return check


def nullable(check: Check) -> Check:
    """Return a check that also accepts null."""
    return lambda path, value: None if value is None else check(path, value)


def text_or(check: Check, *choices: str) -> Check:
    """Return a check that accepts the given strings, and other values that pass a check."""
    check_string = choice(*choices)
    return lambda path, value: check_string(path, value) if isinstance(value, str) else check(path, value)


def array(check: Check) -> Check:
    """Return a check that accepts lists whose entries pass a check."""

    def check_all(path: str, value: Json) -> None:
        if not isinstance(value, list):
            raise _wrong_type(path, "an array", value)
        for index, entry in enumerate(value):
            check(f"{path}[{index}]", entry)

    return check_all


def keys(*required: str, **known: Check) -> Check:
    """Return a check that accepts objects with these keys and no others."""

    def check(path: str, value: Json) -> None:
        entries = object_of(path, value)
        prefix = f"{path}." if path else ""
        for key in required:
            if key not in entries:
                raise missing_parameter(prefix + key)
        for key in entries:
            if key not in known:
                message = f"Unknown parameter: '{prefix}{key}'."
                raise EventError("unknown_parameter", message, prefix + key)
        for key, entry in entries.items():
            known[key](prefix + key, entry)

    return check


def one_of_kinds(key: str, checks: Mapping[str, Check]) -> Check:
    """Return a check that accepts objects of several kinds, distinguished by a key."""
    check_kind = choice(*checks)

    def check(path: str, value: Json) -> None:
        entries = object_of(path, value)
        if key not in entries:
            raise missing_parameter(f"{path}.{key}")
        check_kind(f"{path}.{key}", entries[key])
        checks[str(entries[key])](path, value)

    return check


def object_of(path: str, value: Json) -> dict[str, Json]:
    """Return an object; raise EventError for other values."""
    if not isinstance(value, dict):
        raise _wrong_type(path, "an object", value)
    return value


def missing_parameter(path: str) -> EventError:
    """Return the error for a missing key."""
    return EventError("missing_required_parameter", f"Missing required parameter: '{path}'.", path)


def _wrong_type(path: str, expected: str, value: Json) -> EventError:
    got = next((name for kind, name in _TYPE_NAMES if isinstance(value, kind)), "null")
    return EventError("invalid_type", f"Invalid type for '{path}': expected {expected}, but got {got} instead.", path)


def _out_of_bounds(path: str, value: float, name: str, problem: str, code: str) -> EventError:
    return EventError(f"{name}_{code}_value", f"Invalid '{path}': {name} {problem}, but got {value} instead.", path)
