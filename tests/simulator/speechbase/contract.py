"""The validation of requests on the two speech endpoints.

The schemas are strict: unknown keys are refused at every level. Values are not converted: a number in quotes is not a
number, and null is not a value.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
import re
from typing import Any, Literal

from ..http import Json

type Format = Literal["wav", "mp3", "pcm"]
type ModeKey = Literal["required", "optional", "rejected"]
type ModeRefusal = Literal["validation", "detail", "root"]
type Path = tuple[str | int, ...]
type Check = Callable[[Path, Json], Iterator[Violation]]

OUTPUT_FORMATS: tuple[Format, ...] = ("wav", "mp3", "pcm")
MIN_BITRATE, MAX_BITRATE = 8, 320  # of mp3, in kbit/s
DEFAULT_BITRATE = 96
_MAX_RULES = 200
_MIN_SPEED, _MAX_SPEED = 0.75, 1.5
_MIN_RATE, _MAX_RATE = 8_000, 192_000
_MAX_NUMBER = 2**53
_MODES = ("inline", "voice")


class ProblemError(Exception):
    """An error response of Speechbase.

    extra: further members of the problem, such as `code` and `validation`.
    """

    def __init__(self, status: HTTPStatus, detail: str, **extra: Json) -> None:
        """Initialize with the members of the problem."""
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.extra = extra


@dataclass(frozen=True, slots=True)
class Violation:
    """A violation of the schema."""

    path: Path
    message: str

    def __str__(self) -> str:
        """Return the description in a problem's `detail`."""
        return ": ".join(filter(None, (".".join(str(part) for part in self.path), self.message)))


@dataclass(frozen=True, slots=True)
class Schema:
    """A variant of the schema.

    is_streaming: of the streaming endpoint, which accepts fewer keys.
    accepts_instructions: whether `instructions` is a key.
    accepts_pronunciations: whether `pronunciations` is a key.
    """

    mode_key: ModeKey
    mode_refusal: ModeRefusal
    is_streaming: bool = False
    accepts_instructions: bool = False
    accepts_pronunciations: bool = True


@dataclass(frozen=True, slots=True)
class OutputSettings:
    """The requested encoding: `bitrate` in kbit/s; `rate` in Hz, None for the vendor's own."""

    audio_format: Format = "wav"
    bitrate: int = DEFAULT_BITRATE
    rate: int | None = None


@dataclass(frozen=True, slots=True)
class Pronunciation:
    """A word and its replacement."""

    word: str
    replacement: str
    case_sensitive: bool = False


@dataclass(frozen=True, slots=True)
class SpeechbaseRequest:
    """A valid request, with either a saved voice or a model and a voice; `level` in dBFS."""

    model: str
    voice: str
    voice_id: str | None
    text: str
    output: OutputSettings
    speed: float
    level: float | None
    pronunciations: tuple[Pronunciation, ...]

    @property
    def spoken(self) -> str:
        """The text with its pronunciations applied."""
        return apply_pronunciations(self.text, self.pronunciations)


def parse(body: Any, schema: Schema) -> SpeechbaseRequest:
    """Validate a body against a schema.

    Raises:
        ProblemError: if the body is invalid.

    """
    if body is None:
        raise ProblemError(HTTPStatus.BAD_REQUEST, "Malformed JSON in request body", code="invalid_input")
    if violations := list(_violations(body, schema)):
        raise _invalid_body(body, violations, schema)
    rules = body.get("pronunciations", {}).get("rules", [])
    return SpeechbaseRequest(
        model=body.get("model", ""),
        voice=body.get("voice", ""),
        voice_id=body.get("voiceId"),
        text=body["text"],
        output=_output_of(body.get("output", "wav")),
        speed=float(body.get("speed", 1.0)),
        level=body.get("volumeDbfs"),
        pronunciations=tuple(
            Pronunciation(rule["word"], rule["replacement"], rule.get("caseSensitive", False)) for rule in rules
        ),
    )


def invalid_input(violations: list[Violation]) -> ProblemError:
    """Return the error for invalid input."""
    validation: list[Json] = [{"path": list(violation.path), "message": violation.message} for violation in violations]
    detail = "; ".join(str(violation) for violation in violations)
    return ProblemError(HTTPStatus.BAD_REQUEST, detail, code="invalid_input", validation=validation)


def apply_pronunciations(text: str, rules: tuple[Pronunciation, ...]) -> str:
    """Replace whole words in a single pass; replacements are not replaced again.

    Longer words take precedence over shorter ones, and later rules over earlier ones for the same word.
    """
    by_word = {rule.word if rule.case_sensitive else rule.word.casefold(): rule for rule in rules}
    ordered = sorted(by_word.values(), key=lambda rule: (-len(rule.word), not rule.case_sensitive))
    if not ordered:
        return text
    pattern = "|".join(f"({_word_pattern(rule)})" for rule in ordered)
    return re.sub(pattern, lambda match: ordered[(match.lastindex or 1) - 1].replacement, text)


def _word_pattern(rule: Pronunciation) -> str:
    """Return the pattern of a rule's word that is not part of a longer word."""
    before = r"(?<!\w)" if re.match(r"\w", rule.word[0]) else ""
    after = r"(?!\w)" if re.match(r"\w", rule.word[-1]) else ""
    word = re.escape(rule.word)
    return before + (word if rule.case_sensitive else f"(?i:{word})") + after


def _output_of(output: str | dict[str, Any]) -> OutputSettings:
    if isinstance(output, dict):
        return OutputSettings(output["format"], output.get("bitrate", DEFAULT_BITRATE), output.get("sampleRate"))
    return _output_of({"format": output})


def _violations(body: Json, schema: Schema) -> Iterator[Violation]:
    """Yield all violations of a body."""
    if not isinstance(body, dict):
        yield Violation((), "Invalid input: expected object")
        return
    has_mode = schema.mode_key == "required" or (schema.mode_key == "optional" and "mode" in body)
    if has_mode and body.get("mode") not in _MODES:
        yield Violation(("mode",), "Invalid discriminator value. Expected 'inline' | 'voice'")
        return
    if not has_mode and "voiceId" in body and body.keys() & {"model", "voice"}:
        yield Violation((), "Pass either voiceId or model and voice, not both")
        return
    by_voice = body["mode"] == "voice" if has_mode else "voiceId" in body
    voice_keys = ("voiceId",) if by_voice else ("model", "voice")
    fields = dict.fromkeys(voice_keys, _string) | _COMMON_FIELDS
    if has_mode:
        fields["mode"] = _one_of(*_MODES)
    if schema.accepts_instructions:
        fields["instructions"] = _string
    if not schema.accepts_pronunciations:
        del fields["pronunciations"]
    if not schema.is_streaming:
        fields |= _UNSTREAMED
    yield from _object(fields, (*voice_keys, "text"))((), body)


def _invalid_body(body: Json, violations: list[Violation], schema: Schema) -> ProblemError:
    """Return the error for an invalid body; one about `mode` has several variants."""
    rejects_mode = schema.mode_key == "rejected" and isinstance(body, dict) and "mode" in body
    is_about_mode = rejects_mode or any(violation.path == ("mode",) for violation in violations)
    error = invalid_input(violations)
    if is_about_mode and schema.mode_refusal != "validation":
        del error.extra["validation"]
        if schema.mode_refusal == "root":
            error.detail = "Invalid input"
    return error


def _object(fields: Mapping[str, Check], required: tuple[str, ...]) -> Check:
    """Return a check for objects with these keys and no others."""

    def check(path: Path, value: Json) -> Iterator[Violation]:
        if not isinstance(value, dict):
            yield Violation(path, "Invalid input: expected object")
            return
        if unknown := [f'"{key}"' for key in value if key not in fields]:
            yield Violation(path, f"Unrecognized key{'s' if len(unknown) > 1 else ''}: {', '.join(unknown)}")
        yield from (Violation((*path, key), "Required") for key in required if key not in value)
        for key, inner in fields.items():
            if key in value:
                yield from inner((*path, key), value[key])

    return check


def _rules(path: Path, value: Json) -> Iterator[Violation]:
    """Check pronunciation rules."""
    if not isinstance(value, list):
        yield Violation(path, "Invalid input: expected array")
        return
    if len(value) > _MAX_RULES:
        yield Violation(path, f"Too big: expected array to have <={_MAX_RULES} items")
    for index, rule in enumerate(value):
        yield from _RULE((*path, index), rule)


def _output(path: Path, value: Json) -> Iterator[Violation]:
    """Check a format, or an object that contains one."""
    if isinstance(value, str):
        yield from _one_of(*OUTPUT_FORMATS)(path, value)
        return
    yield from _OUTPUT(path, value)
    if isinstance(value, dict) and "bitrate" in value and value.get("format") != "mp3":
        yield Violation((*path, "bitrate"), "Only valid with mp3")


def _string(path: Path, value: Json) -> Iterator[Violation]:
    if not isinstance(value, str):
        yield Violation(path, "Invalid input: expected string")
    elif not value:
        yield Violation(path, "must not be empty")


def _boolean(path: Path, value: Json) -> Iterator[Violation]:
    if not isinstance(value, bool):
        yield Violation(path, "Invalid input: expected boolean")


def _any_object(path: Path, value: Json) -> Iterator[Violation]:
    if not isinstance(value, dict):
        yield Violation(path, "Invalid input: expected object")


def _one_of(*choices: str | int) -> Check:
    """Return a check for one of several values."""

    def check(path: Path, value: Json) -> Iterator[Violation]:
        if isinstance(value, bool) or not isinstance(value, str | int) or value not in choices:
            yield Violation(path, f"Invalid option: expected one of {'|'.join(str(choice) for choice in choices)}")

    return check


def _number(minimum: float | None, maximum: float, *, is_integer: bool = False) -> Check:
    """Return a check for numbers in a range."""

    def check(path: Path, value: Json) -> Iterator[Violation]:
        numbers = int if is_integer else int | float
        if isinstance(value, bool) or not isinstance(value, numbers) or not -_MAX_NUMBER <= value <= _MAX_NUMBER:
            yield Violation(path, f"Invalid input: expected {'int' if is_integer else 'number'}")
        elif minimum is not None and value < minimum:
            yield Violation(path, f"Too small: expected number to be >={minimum}")
        elif value > maximum:
            yield Violation(path, f"Too big: expected number to be <={maximum}")

    return check


_RULE = _object({"word": _string, "replacement": _string, "caseSensitive": _boolean}, ("word", "replacement"))
_OUTPUT = _object(
    {
        "format": _one_of(*OUTPUT_FORMATS),
        "bitrate": _number(MIN_BITRATE, MAX_BITRATE, is_integer=True),
        "sampleRate": _number(_MIN_RATE, _MAX_RATE, is_integer=True),
    },
    ("format",),
)
_COMMON_FIELDS: dict[str, Check] = {
    "text": _string,
    "providerOptions": _any_object,
    "pronunciations": _object({"rules": _rules}, ("rules",)),
}
_UNSTREAMED: dict[str, Check] = {
    "output": _output,
    "speed": _number(_MIN_SPEED, _MAX_SPEED),
    "volumeDbfs": _number(None, 0),
}
