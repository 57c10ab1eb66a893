"""What OpenAI's `POST /v1/audio/speech` accepts, and how it words its refusals.

The schema is the published CreateSpeechRequest (no additional properties). Values are checked as they are: a number in
quotes is not a number. Validation messages repeat the offending input, spoken text included, as the real ones do.
"""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal, cast

from ..audio.encoding import AudioFormat
from ..exchange import Json

type StreamFormat = Literal["audio", "sse"]

FORMATS: tuple[AudioFormat, ...] = ("mp3", "opus", "aac", "flac", "wav", "pcm")
VOICES = (
    "alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse",
)  # fmt: skip
OLDER_VOICES = tuple(voice for voice in VOICES if voice not in {"ballad", "cedar", "marin", "verse"})
OLDER_MODELS = ("tts-1", "tts-1-hd", "tts-1-1106", "tts-1-hd-1106")
NEWER_MODELS = ("gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-03-20", "gpt-4o-mini-tts-2025-12-15")

MAX_CHARACTERS = 4096  # of input, and of instructions
MAX_INPUT_TOKENS = 2000  # of the newer models
_TOKENS_PER_IDEOGRAM = 0.6  # on average; a low estimate, so that only what is surely too long is refused
_TOKENS_PER_OTHER = 0.2
_SLOWEST, _FASTEST = 0.25, 4.0
_REQUIRED = ("model", "input", "voice")
_KNOWN = (*_REQUIRED, "instructions", "response_format", "speed", "stream_format")
_CUSTOM_VOICE_PREFIX = "voice_"

type Problem = dict[str, object]


class RefusedError(Exception):
    """A request that OpenAI would not fulfil, with the answer it gives."""

    def __init__(
        self,
        status: HTTPStatus,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        kind: str = "invalid_request_error",
    ) -> None:
        """Take the answer's status and the fields of its error object; kind is the object's `type`."""
        super().__init__(message)
        self.status = status
        self.body: Json = {"error": {"message": message, "type": kind, "param": param, "code": code}}


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """A request that fits the schema. voice is a name, or the id of a custom voice."""

    model: str
    text: str
    voice: str
    custom_voice: bool
    instructions: str | None
    audio_format: AudioFormat
    speed: float
    stream_format: StreamFormat


def parse_speech_request(body: Any, models: frozenset[str]) -> SpeechRequest:
    """Check a request against the schema, then against the account's models and what they can do."""
    if body is None:
        hint = "(HINT: This likely means you aren't using your HTTP library correctly.)"
        raise RefusedError(HTTPStatus.BAD_REQUEST, f"We could not parse the JSON body of your request. {hint}")
    if problems := _schema_problems(body):
        raise RefusedError(HTTPStatus.BAD_REQUEST, str(problems))
    custom_voice = isinstance(body["voice"], dict)
    request = SpeechRequest(
        model=body["model"],
        text=body["input"],
        voice=body["voice"]["id"] if custom_voice else body["voice"],
        custom_voice=custom_voice,
        instructions=body.get("instructions"),
        audio_format=cast("AudioFormat", body.get("response_format", "mp3")),
        speed=float(body.get("speed", 1.0)),
        stream_format=cast("StreamFormat", body.get("stream_format", "audio")),
    )
    _check_model(request.model, models)
    _check_voice(request)
    _check_abilities(request)
    return request


def _schema_problems(body: Json) -> list[Problem]:
    """Return everything that is wrong with a body by itself."""
    if not isinstance(body, dict):
        return [_problem("model_attributes_type", (), "Input should be a valid dictionary", body)]
    problems = [_problem("missing", (key,), "Field required", body) for key in _REQUIRED if key not in body]
    problems += [
        _problem("extra_forbidden", (key,), "Extra inputs are not permitted", value)
        for key, value in body.items()
        if key not in _KNOWN
    ]
    checks: dict[str, Callable[[str, Json], Problem | None]] = {
        "model": _string_problem,
        "input": _text_problem,
        "voice": _voice_problem,
        "instructions": _length_problem,
        "response_format": lambda key, value: _choice_problem(key, value, FORMATS),
        "speed": _speed_problem,
        "stream_format": lambda key, value: _choice_problem(key, value, ("sse", "audio")),
    }
    found = [check(key, body[key]) for key, check in checks.items() if key in body]
    return problems + [problem for problem in found if problem is not None]


def _problem(kind: str, location: tuple[str, ...], message: str, value: object) -> Problem:
    """Return one entry of a validation message."""
    return {"type": kind, "loc": ("body", *location), "msg": message, "input": value}


def _string_problem(key: str, value: Json) -> Problem | None:
    if isinstance(value, str):
        return None
    return _problem("string_type", (key,), "Input should be a valid string", value)


def _length_problem(key: str, value: Json) -> Problem | None:
    if not isinstance(value, str):
        return _string_problem(key, value)
    if len(value) <= MAX_CHARACTERS:
        return None
    return _problem("string_too_long", (key,), f"String should have at most {MAX_CHARACTERS} characters", value)


def _text_problem(key: str, value: Json) -> Problem | None:
    if value == "":
        return _problem("string_too_short", (key,), "String should have at least 1 character", value)
    return _length_problem(key, value)


def _voice_problem(key: str, value: Json) -> Problem | None:
    if isinstance(value, str):
        return None
    if not isinstance(value, dict):
        return _problem("string_type", (key,), "Input should be a valid string", value)
    if set(value) != {"id"} or not isinstance(value["id"], str):
        return _problem("missing", (key, "id"), "A custom voice is an object with an 'id' and nothing else", value)
    if not value["id"].startswith(_CUSTOM_VOICE_PREFIX):
        return _problem("value_error", (key, "id"), "Expected an ID that begins with 'voice_'", value["id"])
    return None


def _choice_problem(key: str, value: Json, choices: tuple[str, ...]) -> Problem | None:
    if isinstance(value, str) and value in choices:
        return None
    return _problem("literal_error", (key,), f"Input should be {_listed(choices)}", value)


def _speed_problem(key: str, value: Json) -> Problem | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _problem("float_type", (key,), "Input should be a valid number", value)
    if value < _SLOWEST:
        return _problem("greater_than_equal", (key,), f"Input should be greater than or equal to {_SLOWEST}", value)
    if value > _FASTEST:
        return _problem("less_than_equal", (key,), f"Input should be less than or equal to {_FASTEST}", value)
    return None


def _check_model(model: str, models: frozenset[str]) -> None:
    """Refuse models that do not exist, and those that do not speak through this route."""
    if model not in models:
        message = f"The model `{model}` does not exist or you do not have access to it."
        raise RefusedError(HTTPStatus.NOT_FOUND, message, code="model_not_found")
    if model not in OLDER_MODELS + NEWER_MODELS:
        message = f"The model `{model}` is not supported by this endpoint."
        raise RefusedError(HTTPStatus.BAD_REQUEST, message, param="model", code="invalid_value")


def _check_voice(request: SpeechRequest) -> None:
    """Refuse voices that a model does not have; custom ones, given as an object, belong to the newer models."""
    older = request.model in OLDER_MODELS
    voices = OLDER_VOICES if older else VOICES
    if (request.custom_voice and not older) or (not request.custom_voice and request.voice in voices):
        return
    problem = _problem("literal_error", ("voice",), f"Input should be {_listed(voices)}", request.voice)
    raise RefusedError(HTTPStatus.BAD_REQUEST, str([problem]))


def _check_abilities(request: SpeechRequest) -> None:
    """Refuse what a model cannot do."""
    if request.model in OLDER_MODELS:
        if request.instructions is not None:
            message = f"`instructions` does not work with `{request.model}`."
            raise RefusedError(HTTPStatus.BAD_REQUEST, message, param="instructions", code="unsupported_parameter")
        if request.stream_format == "sse":
            message = f"`stream_format` 'sse' is not supported for `{request.model}`."
            raise RefusedError(HTTPStatus.BAD_REQUEST, message, param="stream_format", code="unsupported_value")
    elif (tokens := input_tokens(request.text)) > MAX_INPUT_TOKENS:
        message = f"Input of {tokens} tokens is longer than the model's maximum of {MAX_INPUT_TOKENS} input tokens."
        raise RefusedError(HTTPStatus.BAD_REQUEST, message, param="input", code="string_above_max_length")


def input_tokens(text: str) -> int:
    """Estimate the tokens of a text."""
    ideograms = sum("\u3040" <= character <= "\u9fff" for character in text)
    return max(1, round(ideograms * _TOKENS_PER_IDEOGRAM + (len(text) - ideograms) * _TOKENS_PER_OTHER))


def _listed(choices: tuple[str, ...]) -> str:
    """Write choices as validation messages do: 'a', 'b' or 'c'."""
    quoted = [f"'{choice}'" for choice in choices]
    return ", ".join(quoted[:-1]) + " or " + quoted[-1]
