"""What Speechbase's two routes for speech accept, and how they word what is wrong.

The schemas are strict: an unknown key is refused, wherever it is. Values are checked as they are: a number in quotes is
not a number, and null is no value.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
import re
from typing import Any, Literal

from ..exchange import Json

type Format = Literal["wav", "mp3", "pcm"]
type ModeKey = Literal["required", "optional", "rejected"]
type ModeRefusal = Literal["validation", "detail", "root"]
type Path = tuple[str | int, ...]
type Check = Callable[[Path, Json], Iterator[Problem]]

FORMATS: tuple[Format, ...] = ("wav", "mp3", "pcm")
BITRATES = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)  # kbps that mp3 can have
DEFAULT_BITRATE = 96
MOST_RULES = 200
_SLOWEST, _FASTEST = 0.75, 1.5
_LOWEST_RATE, _HIGHEST_RATE = 8_000, 192_000
_LARGEST = 2**53  # of numbers that are understood
_MODES = ("inline", "voice")


class ProblemError(Exception):
    """A request that Speechbase would not fulfil.

    more are further members of the answer, such as `code` and `validation`.
    """

    def __init__(self, status: HTTPStatus, detail: str, **more: Json) -> None:
        """Take what the answer tells."""
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.more = more


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong with a body: where, and what."""

    path: Path
    message: str

    def __str__(self) -> str:
        """Write it as in an answer's `detail`."""
        return ": ".join(filter(None, (".".join(str(part) for part in self.path), self.message)))


@dataclass(frozen=True, slots=True)
class Schema:
    """How the schema is at the moment.

    stream: of the route that streams, which takes less.
    instructions: they are a key of their own.
    pronunciations: they are a key at all.
    """

    mode_key: ModeKey
    mode_refusal: ModeRefusal
    stream: bool = False
    instructions: bool = False
    pronunciations: bool = True


@dataclass(frozen=True, slots=True)
class Output:
    """How audio is to be encoded: bitrate in kbps; rate in Hz, None for the vendor's own."""

    audio_format: Format = "wav"
    bitrate: int = DEFAULT_BITRATE
    rate: int | None = None


@dataclass(frozen=True, slots=True)
class Pronunciation:
    """A word, and what is said in its place."""

    word: str
    replacement: str
    case_sensitive: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """A body that fits the schema: either voice_id is set, or model and voice are. level in dBFS."""

    model: str
    voice: str
    voice_id: str | None
    text: str
    output: Output
    speed: float
    level: float | None
    pronunciations: tuple[Pronunciation, ...]

    @property
    def spoken(self) -> str:
        """The text as it reaches the vendor."""
        return pronounced(self.text, self.pronunciations)


def parse(body: Any, schema: Schema) -> Wanted:
    """Check a body against a route's schema."""
    if body is None:
        raise ProblemError(HTTPStatus.BAD_REQUEST, "Malformed JSON in request body", code="invalid_input")
    if problems := list(_problems(body, schema)):
        raise _refused(body, problems, schema)
    rules = body.get("pronunciations", {}).get("rules", [])
    return Wanted(
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


def invalid(problems: list[Problem]) -> ProblemError:
    """Return the refusal of input that does not fit."""
    validation: list[Json] = [{"path": list(problem.path), "message": problem.message} for problem in problems]
    detail = "; ".join(str(problem) for problem in problems)
    return ProblemError(HTTPStatus.BAD_REQUEST, detail, code="invalid_input", validation=validation)


def pronounced(text: str, rules: tuple[Pronunciation, ...]) -> str:
    """Return a text with whole words replaced, in one go: what a rule says is not read by the next.

    The longest word counts first, and of two rules for a word the later one.
    """
    by_word = {rule.word if rule.case_sensitive else rule.word.casefold(): rule for rule in rules}
    ordered = sorted(by_word.values(), key=lambda rule: (-len(rule.word), not rule.case_sensitive))
    if not ordered:
        return text
    pattern = "|".join(f"({_whole(rule)})" for rule in ordered)
    return re.sub(pattern, lambda found: ordered[(found.lastindex or 1) - 1].replacement, text)


def _whole(rule: Pronunciation) -> str:
    """Return the pattern of a rule's word that is not a piece of a longer one."""
    before = r"(?<!\w)" if re.match(r"\w", rule.word[0]) else ""
    after = r"(?!\w)" if re.match(r"\w", rule.word[-1]) else ""
    word = re.escape(rule.word)
    return before + (word if rule.case_sensitive else f"(?i:{word})") + after


def _output_of(output: str | dict[str, Any]) -> Output:
    if isinstance(output, dict):
        return Output(output["format"], output.get("bitrate", DEFAULT_BITRATE), output.get("sampleRate"))
    return _output_of({"format": output})


def _problems(body: Json, schema: Schema) -> Iterator[Problem]:
    """Yield everything that is wrong with a body."""
    if not isinstance(body, dict):
        yield Problem((), "Invalid input: expected object")
        return
    declared = schema.mode_key == "required" or (schema.mode_key == "optional" and "mode" in body)
    if declared and body.get("mode") not in _MODES:
        yield Problem(("mode",), "Invalid discriminator value. Expected 'inline' | 'voice'")
        return
    if not declared and "voiceId" in body and body.keys() & {"model", "voice"}:
        yield Problem((), "Pass either voiceId or model and voice, not both")
        return
    by_voice = body["mode"] == "voice" if declared else "voiceId" in body
    address = ("voiceId",) if by_voice else ("model", "voice")
    fields = dict.fromkeys(address, _string) | _COMMON
    if declared:
        fields["mode"] = _one_of(*_MODES)
    if schema.instructions:
        fields["instructions"] = _string
    if not schema.pronunciations:
        del fields["pronunciations"]
    if not schema.stream:
        fields |= _WHOLE_CLIP
    yield from _object(fields, (*address, "text"))((), body)


def _refused(body: Json, problems: list[Problem], schema: Schema) -> ProblemError:
    """Return the refusal of a body; one about `mode` can look in several ways."""
    unwanted = schema.mode_key == "rejected" and isinstance(body, dict) and "mode" in body
    error = invalid(problems)
    if (unwanted or any(problem.path == ("mode",) for problem in problems)) and schema.mode_refusal != "validation":
        del error.more["validation"]
        if schema.mode_refusal == "root":
            error.detail = "Invalid input"
    return error


def _object(fields: Mapping[str, Check], required: tuple[str, ...]) -> Check:
    """Return the check of an object with these keys and no others."""

    def check(path: Path, value: Json) -> Iterator[Problem]:
        if not isinstance(value, dict):
            yield Problem(path, "Invalid input: expected object")
            return
        if unknown := [f'"{key}"' for key in value if key not in fields]:
            yield Problem(path, f"Unrecognized key{'s' if len(unknown) > 1 else ''}: {', '.join(unknown)}")
        yield from (Problem((*path, key), "Required") for key in required if key not in value)
        for key, inner in fields.items():
            if key in value:
                yield from inner((*path, key), value[key])

    return check


def _rules(path: Path, value: Json) -> Iterator[Problem]:
    """Check rules of pronunciation."""
    if not isinstance(value, list):
        yield Problem(path, "Invalid input: expected array")
        return
    if len(value) > MOST_RULES:
        yield Problem(path, f"Too big: expected array to have <={MOST_RULES} items")
    for index, rule in enumerate(value):
        yield from _RULE((*path, index), rule)


def _output(path: Path, value: Json) -> Iterator[Problem]:
    """Check a format, or an object with one."""
    if isinstance(value, str):
        yield from _one_of(*FORMATS)(path, value)
        return
    yield from _OUTPUT(path, value)
    if isinstance(value, dict) and "bitrate" in value and value.get("format") != "mp3":
        yield Problem((*path, "bitrate"), "Only valid with mp3")


def _string(path: Path, value: Json) -> Iterator[Problem]:
    if not isinstance(value, str):
        yield Problem(path, "Invalid input: expected string")
    elif not value:
        yield Problem(path, "must not be empty")


def _boolean(path: Path, value: Json) -> Iterator[Problem]:
    if not isinstance(value, bool):
        yield Problem(path, "Invalid input: expected boolean")


def _any_object(path: Path, value: Json) -> Iterator[Problem]:
    if not isinstance(value, dict):
        yield Problem(path, "Invalid input: expected object")


def _one_of(*choices: str | int) -> Check:
    """Return the check of a choice."""

    def check(path: Path, value: Json) -> Iterator[Problem]:
        if isinstance(value, bool) or not isinstance(value, str | int) or value not in choices:
            yield Problem(path, f"Invalid option: expected one of {'|'.join(str(choice) for choice in choices)}")

    return check


def _number(lowest: float | None, highest: float, *, whole: bool = False) -> Check:
    """Return the check of a number."""

    def check(path: Path, value: Json) -> Iterator[Problem]:
        numbers = int if whole else int | float
        if isinstance(value, bool) or not isinstance(value, numbers) or not -_LARGEST <= value <= _LARGEST:
            yield Problem(path, f"Invalid input: expected {'int' if whole else 'number'}")
        elif lowest is not None and value < lowest:
            yield Problem(path, f"Too small: expected number to be >={lowest}")
        elif value > highest:
            yield Problem(path, f"Too big: expected number to be <={highest}")

    return check


_RULE = _object({"word": _string, "replacement": _string, "caseSensitive": _boolean}, ("word", "replacement"))
_OUTPUT = _object(
    {
        "format": _one_of(*FORMATS),
        "bitrate": _one_of(*BITRATES),
        "sampleRate": _number(_LOWEST_RATE, _HIGHEST_RATE, whole=True),
    },
    ("format",),
)
_COMMON: dict[str, Check] = {
    "text": _string,
    "providerOptions": _any_object,
    "pronunciations": _object({"rules": _rules}, ("rules",)),
}
_WHOLE_CLIP: dict[str, Check] = {
    "output": _output,
    "speed": _number(_SLOWEST, _FASTEST),
    "volumeDbfs": _number(None, 0),
}
