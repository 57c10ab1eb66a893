"""Checks of single values in the events of OpenAI's Realtime API, in the words of its refusals.

A check takes a value and the path of its key, such as `session.audio.output.voice`, and raises where the value is not
what it may be. As in the rest of the simulator a number in quotes is not a number, and no key is passed over.
"""

from collections.abc import Callable, Mapping

from ..exchange import Json

type Check = Callable[[str, Json], object]

_NAMES: tuple[tuple[type, str], ...] = (
    (bool, "a boolean"),
    (int, "an integer"),
    (float, "a decimal number"),
    (str, "a string"),
    (list, "an array"),
    (dict, "an object"),
)


class EventError(Exception):
    """An event that is refused, and the fields of the `error` event that says so; kind is its `type`."""

    def __init__(
        self, code: str | None, message: str, param: str | None = None, *, kind: str = "invalid_request_error"
    ) -> None:
        """Take the fields; param is the path of the key that is wrong."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param
        self.kind = kind


def not_simulated(what: str, param: str | None = None) -> EventError:
    """Return the refusal of what OpenAI allows and the simulator does not do."""
    return EventError("not_simulated", f"The simulator does not do this: {what}.", param)


def quoted(choices: tuple[str, ...]) -> str:
    """Write choices as the refusals do: 'a', 'b', and 'c'."""
    written = [f"'{choice}'" for choice in choices]
    if len(written) == 1:
        return written[0]
    return ", ".join(written[:-1]) + ("," if len(written) > 2 else "") + f" and {written[-1]}"


def anything(_path: str, _value: Json) -> None:
    """Accept everything, where nothing depends on it."""


def boolean(path: str, value: Json) -> None:
    """Accept true and false."""
    if not isinstance(value, bool):
        raise _wrong_type(path, "a boolean", value)


def text(longest: int | None = None) -> Check:
    """Accept strings, up to a number of characters."""

    def check(path: str, value: Json) -> None:
        if not isinstance(value, str):
            raise _wrong_type(path, "a string", value)
        if longest is not None and len(value) > longest:
            expected = f"Expected a string with maximum length {longest}, but got a string with length {len(value)}"
            raise EventError("string_above_max_length", f"Invalid '{path}': string too long. {expected} instead.", path)

    return check


def choice(*choices: str) -> Check:
    """Accept one of some strings."""

    def check(path: str, value: Json) -> None:
        if not isinstance(value, str):
            raise _wrong_type(path, f"one of {quoted(choices)}", value)
        if value not in choices:
            message = f"Invalid value: '{value}'. Supported values are: {quoted(choices)}."
            raise EventError("invalid_value", message, path)

    return check


def number(lowest: float, highest: float, *, whole: bool = False) -> Check:
    """Accept numbers within bounds."""
    name = "integer" if whole else "decimal"

    def check(path: str, value: Json) -> None:
        if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
            raise _wrong_type(path, "an integer" if whole else "a decimal number", value)
        if value < lowest:
            raise _out_of_bounds(path, value, name, f"below minimum value. Expected a value >= {lowest}", "below_min")
        if value > highest:
            raise _out_of_bounds(path, value, name, f"above maximum value. Expected a value <= {highest}", "above_max")

    return check


def nullable(check: Check) -> Check:
    """Accept null as well."""
    return lambda path, value: None if value is None else check(path, value)


def text_or(check: Check, *choices: str) -> Check:
    """Accept one of some strings, or what is no string and passes a check."""
    of_text = choice(*choices)
    return lambda path, value: of_text(path, value) if isinstance(value, str) else check(path, value)


def array(check: Check) -> Check:
    """Accept lists whose entries pass a check."""

    def check_all(path: str, value: Json) -> None:
        if not isinstance(value, list):
            raise _wrong_type(path, "an array", value)
        for index, entry in enumerate(value):
            check(f"{path}[{index}]", entry)

    return check_all


def keys(*required: str, **known: Check) -> Check:
    """Accept objects with these keys and no others."""

    def check(path: str, value: Json) -> None:
        entries = an_object(path, value)
        prefix = f"{path}." if path else ""
        for key in required:
            if key not in entries:
                raise missing(prefix + key)
        for key in entries:
            if key not in known:
                message = f"Unknown parameter: '{prefix}{key}'."
                raise EventError("unknown_parameter", message, prefix + key)
        for key, entry in entries.items():
            known[key](prefix + key, entry)

    return check


def by(key: str, checks: Mapping[str, Check]) -> Check:
    """Accept objects of several kinds, which one of their keys tells apart."""
    kind = choice(*checks)

    def check(path: str, value: Json) -> None:
        entries = an_object(path, value)
        if key not in entries:
            raise missing(f"{path}.{key}")
        kind(f"{path}.{key}", entries[key])
        checks[str(entries[key])](path, value)

    return check


def an_object(path: str, value: Json) -> dict[str, Json]:
    """Return an object, or refuse what is none."""
    if not isinstance(value, dict):
        raise _wrong_type(path, "an object", value)
    return value


def missing(path: str) -> EventError:
    """Return the refusal of an event without a key."""
    return EventError("missing_required_parameter", f"Missing required parameter: '{path}'.", path)


def _wrong_type(path: str, expected: str, value: Json) -> EventError:
    got = next((name for kind, name in _NAMES if isinstance(value, kind)), "null")
    return EventError("invalid_type", f"Invalid type for '{path}': expected {expected}, but got {got} instead.", path)


def _out_of_bounds(path: str, value: float, name: str, problem: str, code: str) -> EventError:
    return EventError(f"{name}_{code}_value", f"Invalid '{path}': {name} {problem}, but got {value} instead.", path)
