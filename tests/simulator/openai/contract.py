"""The validation of `POST /v1/audio/speech`.

The schema is the published CreateSpeechRequest (no additional properties). Values are not converted: a number in quotes
is not a number. Validation messages repeat the offending input, spoken text included, as the real ones do.
"""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal, cast

from ..audio.encoding import AudioFormat
from ..http import Json

type StreamFormat = Literal["audio", "sse"]

FORMATS: tuple[AudioFormat, ...] = ("mp3", "opus", "aac", "flac", "wav", "pcm")
VOICES = (
    "alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse",
)  # fmt: skip
OLDER_VOICES = tuple(voice for voice in VOICES if voice not in {"ballad", "cedar", "marin", "verse"})
OLDER_MODELS = ("tts-1", "tts-1-hd", "tts-1-1106", "tts-1-hd-1106")
NEWER_MODELS = ("gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-03-20", "gpt-4o-mini-tts-2025-12-15")

MAX_CHARACTERS = 4096  # of the input, and of the instructions
MAX_INPUT_TOKENS = 2000  # of the newer models
_TOKENS_PER_IDEOGRAM = 0.6  # a low estimate, so that only texts that are certainly too long are refused
_TOKENS_PER_OTHER = 0.2
_MIN_SPEED, _MAX_SPEED = 0.25, 4.0
_REQUIRED = ("model", "input", "voice")
_KNOWN = (*_REQUIRED, "instructions", "response_format", "speed", "stream_format")
CUSTOM_VOICE_PREFIX = "voice_"

type ErrorEntry = dict[str, object]  # an entry of a validation message


class OpenAIError(Exception):
    """An error response of OpenAI."""

    def __init__(
        self,
        status: HTTPStatus,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        kind: str = "invalid_request_error",
    ) -> None:
        """Initialize with the response's status and the fields of its error object; `kind` is the object's `type`."""
        super().__init__(message)
        self.status = status
        self.body: Json = {"error": {"message": message, "type": kind, "param": param, "code": code}}


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """A valid request; `voice` is a name, or the id of a custom voice."""

    model: str
    text: str
    voice: str
    is_custom_voice: bool
    instructions: str | None
    audio_format: AudioFormat
    speed: float
    stream_format: StreamFormat


def parse_speech_request(body: Any, models: frozenset[str]) -> SpeechRequest:
    """Validate a body against the schema, the account's models, and their capabilities.

    Raises:
        OpenAIError: if the request is invalid.

    """
    if body is None:
        hint = "(HINT: This likely means you aren't using your HTTP library correctly.)"
        raise OpenAIError(HTTPStatus.BAD_REQUEST, f"We could not parse the JSON body of your request. {hint}")
    if errors := _schema_errors(body):
        raise OpenAIError(HTTPStatus.BAD_REQUEST, str(errors))
    is_custom_voice = isinstance(body["voice"], dict)
    request = SpeechRequest(
        model=body["model"],
        text=body["input"],
        voice=body["voice"]["id"] if is_custom_voice else body["voice"],
        is_custom_voice=is_custom_voice,
        instructions=body.get("instructions"),
        audio_format=cast("AudioFormat", body.get("response_format", "mp3")),
        speed=float(body.get("speed", 1.0)),
        stream_format=cast("StreamFormat", body.get("stream_format", "audio")),
    )
    _check_model(request.model, models)
    _check_voice(request)
    _check_capabilities(request)
    return request


def _schema_errors(body: Json) -> list[ErrorEntry]:
    """Return all violations of the schema."""
    if not isinstance(body, dict):
        return [_error_entry("model_attributes_type", (), "Input should be a valid dictionary", body)]
    errors = [_error_entry("missing", (key,), "Field required", body) for key in _REQUIRED if key not in body]
    errors += [
        _error_entry("extra_forbidden", (key,), "Extra inputs are not permitted", value)
        for key, value in body.items()
        if key not in _KNOWN
    ]
    checks: dict[str, Callable[[str, Json], ErrorEntry | None]] = {
        "model": _string_error,
        "input": _text_error,
        "voice": _voice_error,
        "instructions": _length_error,
        "response_format": lambda key, value: _choice_error(key, value, FORMATS),
        "speed": _speed_error,
        "stream_format": lambda key, value: _choice_error(key, value, ("sse", "audio")),
    }
    found = [check(key, body[key]) for key, check in checks.items() if key in body]
    return errors + [error for error in found if error is not None]


def _error_entry(kind: str, location: tuple[str, ...], message: str, value: object) -> ErrorEntry:
    """Return an entry of a validation message."""
    return {"type": kind, "loc": ("body", *location), "msg": message, "input": value}


def _string_error(key: str, value: Json) -> ErrorEntry | None:
    if isinstance(value, str):
        return None
    return _error_entry("string_type", (key,), "Input should be a valid string", value)


def _length_error(key: str, value: Json) -> ErrorEntry | None:
    if not isinstance(value, str):
        return _string_error(key, value)
    if len(value) <= MAX_CHARACTERS:
        return None
    return _error_entry("string_too_long", (key,), f"String should have at most {MAX_CHARACTERS} characters", value)


def _text_error(key: str, value: Json) -> ErrorEntry | None:
    if value == "":
        return _error_entry("string_too_short", (key,), "String should have at least 1 character", value)
    return _length_error(key, value)


def _voice_error(key: str, value: Json) -> ErrorEntry | None:
    if isinstance(value, str):
        return None
    if not isinstance(value, dict):
        return _error_entry("string_type", (key,), "Input should be a valid string", value)
    if set(value) != {"id"} or not isinstance(value["id"], str):
        return _error_entry("missing", (key, "id"), "A custom voice is an object with an 'id' and nothing else", value)
    if not value["id"].startswith(CUSTOM_VOICE_PREFIX):
        return _error_entry("value_error", (key, "id"), "Expected an ID that begins with 'voice_'", value["id"])
    return None


def _choice_error(key: str, value: Json, choices: tuple[str, ...]) -> ErrorEntry | None:
    if isinstance(value, str) and value in choices:
        return None
    return _error_entry("literal_error", (key,), f"Input should be {_join(choices)}", value)


def _speed_error(key: str, value: Json) -> ErrorEntry | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _error_entry("float_type", (key,), "Input should be a valid number", value)
    if value < _MIN_SPEED:
        return _error_entry(
            "greater_than_equal", (key,), f"Input should be greater than or equal to {_MIN_SPEED}", value
        )
    if value > _MAX_SPEED:
        return _error_entry("less_than_equal", (key,), f"Input should be less than or equal to {_MAX_SPEED}", value)
    return None


def _check_model(model: str, models: frozenset[str]) -> None:
    """Raise OpenAIError for models that do not exist or do not support this endpoint."""
    if model not in models:
        message = f"The model `{model}` does not exist or you do not have access to it."
        raise OpenAIError(HTTPStatus.NOT_FOUND, message, code="model_not_found")
    if model not in OLDER_MODELS + NEWER_MODELS:
        message = f"The model `{model}` is not supported by this endpoint."
        raise OpenAIError(HTTPStatus.BAD_REQUEST, message, param="model", code="invalid_value")


def _check_voice(request: SpeechRequest) -> None:
    """Raise OpenAIError for voices the model does not have; only the newer models have custom voices."""
    older = request.model in OLDER_MODELS
    voices = OLDER_VOICES if older else VOICES
    if (request.is_custom_voice and not older) or (not request.is_custom_voice and request.voice in voices):
        return
    error = _error_entry("literal_error", ("voice",), f"Input should be {_join(voices)}", request.voice)
    raise OpenAIError(HTTPStatus.BAD_REQUEST, str([error]))


def _check_capabilities(request: SpeechRequest) -> None:
    """Raise OpenAIError for parameters the model does not support, and for too long texts."""
    if request.model in OLDER_MODELS:
        if request.instructions is not None:
            message = f"`instructions` does not work with `{request.model}`."
            raise OpenAIError(HTTPStatus.BAD_REQUEST, message, param="instructions", code="unsupported_parameter")
        if request.stream_format == "sse":
            message = f"`stream_format` 'sse' is not supported for `{request.model}`."
            raise OpenAIError(HTTPStatus.BAD_REQUEST, message, param="stream_format", code="unsupported_value")
    elif (tokens := input_tokens(request.text)) > MAX_INPUT_TOKENS:
        message = f"Input of {tokens} tokens is longer than the model's maximum of {MAX_INPUT_TOKENS} input tokens."
        raise OpenAIError(HTTPStatus.BAD_REQUEST, message, param="input", code="string_above_max_length")


def input_tokens(text: str) -> int:
    """Estimate the number of tokens of a text."""
    ideograms = sum("\u3040" <= character <= "\u9fff" for character in text)
    return max(1, round(ideograms * _TOKENS_PER_IDEOGRAM + (len(text) - ideograms) * _TOKENS_PER_OTHER))


def _join(choices: tuple[str, ...]) -> str:
    """Join choices as validation messages do: 'a', 'b' or 'c'."""
    quoted = [f"'{choice}'" for choice in choices]
    return ", ".join(quoted[:-1]) + " or " + quoted[-1]
