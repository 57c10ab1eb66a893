"""The validation of speech requests on the three endpoints, each with its own field names.

Refused are values outside a documented range or list, fields that the endpoint does not document, and fields that the
model does not support. Values are not converted: a number in quotes is not a number.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from math import inf
import re
from typing import Any, Literal, cast

from ..audio.encoding import SAMPLE_RATE
from ..http import Json
from .catalog import (
    Row,
    default_container_of,
    is_elevenlabs,
    is_openai,
    is_speech_model,
    supports_all_controls,
    supports_instructions,
    supports_speed,
    text_limit_of,
    voices_of,
)

type Endpoint = Literal["audio_speech", "speech", "tts"]
type Format = Literal["mp3", "wav", "ogg", "opus", "aac", "flac", "pcm", "pcm16"]
type Check = Callable[[Json], str | None]

SAMPLE_RATES = (8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
SPEECH_TYPES: dict[Format, str] = {
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "ogg": "audio/ogg",
    "opus": "audio/opus",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "pcm16": "application/octet-stream",
}
_RESPONSE_FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")
_DEFAULT_MODEL = "Kokoro-82m"  # of /tts
_DEFAULT_VOICES = {"Kokoro-82m": "af_bella"}
_LANGUAGE_TAG = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?")
_SPEECH_CODES = {
    "model": "invalid_model",
    "voice": "invalid_voice",
    "format": "unsupported_format",
    "sample_rate": "invalid_sample_rate",
}


class NanoGPTError(Exception):
    """An error response of NanoGPT, whose format depends on the endpoint.

    kind: the error object's `type`.
    extra: further fields of the body.
    """

    def __init__(
        self,
        status: HTTPStatus,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
    ) -> None:
        """Initialize with the fields of the response."""
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind
        self.code = code
        self.param = param
        self.extra: dict[str, Json] = {}


@dataclass(frozen=True, slots=True)
class NanoGPTRequest:
    """A valid speech request; `rate` is the sample rate of uncompressed audio in Hz."""

    row: Row
    text: str
    voice: str
    audio_format: Format
    speed: float
    rate: int

    @property
    def model(self) -> str:
        """The id of the model."""
        return cast("str", self.row["id"])


@dataclass(frozen=True, slots=True)
class RequestContext:
    """The context of a request besides its body.

    unimplemented_on_tts: models that `/tts` does not implement.
    accepts_elevenlabs_settings: accept ElevenLabs' settings on `/v1/audio/speech`, which does not document their names.
    """

    models: Mapping[str, Row]
    accept: str = ""
    unimplemented_on_tts: frozenset[str] = field(default_factory=frozenset)
    accepts_elevenlabs_settings: bool = True


def parse(endpoint: Endpoint, body: Any, context: RequestContext) -> NanoGPTRequest:
    """Validate a body against the endpoint's fields and the model's capabilities.

    Raises:
        NanoGPTError: if the request is invalid.

    """
    if not isinstance(body, dict):
        raise NanoGPTError(HTTPStatus.BAD_REQUEST, "Request body must be a JSON object", code="invalid_json")
    _check_fields(endpoint, body)
    row = _row_of(endpoint, body.get("model", _DEFAULT_MODEL), context)
    for key in _unsupported(endpoint, body, row["id"], context):
        raise _invalid(endpoint, key, f"{key} is not supported by model {row['id']}")
    text = body["text" if endpoint == "tts" else "input"]
    _check_length(endpoint, text, row)
    return NanoGPTRequest(
        row=row,
        text=text,
        voice=_voice_of(endpoint, body.get("voice"), row),
        audio_format=_format_of(endpoint, body, row["id"], context.accept),
        speed=float(body.get("speed", 1.0)),
        rate=body.get("sample_rate", SAMPLE_RATE),
    )


def _check_fields(endpoint: Endpoint, body: dict[str, Any]) -> None:
    """Raise NanoGPTError for missing, unknown and invalid fields."""
    fields, required = _FIELDS[endpoint], _REQUIRED[endpoint]
    for key in required:
        if key not in body:
            message = f"Missing required parameter: {key}"
            code = "missing_required_parameter" if endpoint == "audio_speech" else None
            raise NanoGPTError(HTTPStatus.BAD_REQUEST, message, code=code, param=key)
    for key, value in body.items():
        if key not in fields:
            raise _invalid(endpoint, key, f"Unknown parameter: {key}")
        if error := fields[key](value):
            raise _invalid(endpoint, key, f"Invalid {key}: {error}")
    if body.get("format") == "pcm16" and "sample_rate" not in body:
        raise _invalid(endpoint, "sample_rate", "sample_rate is required when format is pcm16")


def _invalid(endpoint: Endpoint, key: str, message: str) -> NanoGPTError:
    """Return the error for an invalid field."""
    code = {"audio_speech": "invalid_parameter_value", "speech": _SPEECH_CODES.get(key), "tts": None}[endpoint]
    return NanoGPTError(HTTPStatus.BAD_REQUEST, message, code=code, param=key)


def _row_of(endpoint: Endpoint, model: str, context: RequestContext) -> Row:
    """Return the row of a speech model that is available on an endpoint."""
    row = context.models.get(model)
    if row is not None and is_speech_model(row) and not (endpoint == "tts" and model in context.unimplemented_on_tts):
        return row
    if endpoint == "tts":
        raise NanoGPTError(HTTPStatus.NOT_IMPLEMENTED, f"Model {model} is not implemented")
    if endpoint == "speech":
        raise _invalid(endpoint, "model", f"Model {model} does not exist or has no speech")
    if row is None:
        message, kind = f"Model {model} not found", "not_found_error"
        raise NanoGPTError(HTTPStatus.NOT_FOUND, message, kind=kind, code="model_not_found", param="model")
    message = f"Model {model} cannot be used for speech"
    raise NanoGPTError(HTTPStatus.BAD_REQUEST, message, code="model_not_available", param="model")


def _unsupported(endpoint: Endpoint, body: dict[str, Any], model: str, context: RequestContext) -> Iterator[str]:
    """Yield the fields of a body that the model does not support. `/tts` ignores most of them, as its example shows."""
    all_controls = endpoint == "speech" and supports_all_controls(model)
    elevenlabs = is_elevenlabs(model) and (endpoint != "audio_speech" or context.accepts_elevenlabs_settings)
    instructions = supports_instructions(model) or (endpoint == "audio_speech" and model.startswith("gemini-2.5-"))
    is_supported = {
        "speed": supports_speed(model),
        "response_format": endpoint == "audio_speech" or is_openai(model),
        "instructions": instructions,
        "stability": elevenlabs or all_controls,
        "similarity": elevenlabs or all_controls,
        "similarity_boost": elevenlabs,
        "style": elevenlabs,
        "pitch": all_controls,
        "emotion": all_controls,
    }
    checked = {"speed"} & body.keys() if endpoint == "tts" else body
    yield from (key for key in checked if not is_supported.get(key, True))


def _check_length(endpoint: Endpoint, text: str, row: Row) -> None:
    """Raise NanoGPTError for a text that is too long for the model."""
    limit = text_limit_of(row)
    if limit is None or len(text) <= limit:
        return
    message = f"Text of {len(text)} characters exceeds the limit of {limit} characters for {row['id']}"
    if endpoint == "speech":
        raise NanoGPTError(HTTPStatus.BAD_REQUEST, message, code="input_too_long", param="input")
    code = "prompt_too_long" if endpoint == "audio_speech" else None
    raise NanoGPTError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message, code=code)


def _voice_of(endpoint: Endpoint, voice: str | None, row: Row) -> str:
    """Return a voice of the model; models without known voices accept any name."""
    voices = voices_of(row)
    if voice is None:
        return _DEFAULT_VOICES.get(row["id"]) or (voices[0] if voices else "default")
    if voices and voice not in voices:
        raise _invalid(endpoint, "voice", f"Voice {voice} is not available for model {row['id']}")
    return voice


def _format_of(endpoint: Endpoint, body: dict[str, Any], model: str, accept: str) -> Format:
    """Return the format of the audio. Only `/v1/speech` converts it for every model."""
    default: Format = default_container_of(model)
    if endpoint == "speech":
        return body.get("format") or _accepted_format(accept) or default
    return body.get("response_format", default) if is_openai(model) or supports_all_controls(model) else default


def _accepted_format(accept: str) -> Format | None:
    """Return the first known format of an Accept header."""
    by_type = {mime: audio_format for audio_format, mime in SPEECH_TYPES.items() if audio_format != "pcm16"}
    named = (by_type.get(part.partition(";")[0].strip().lower()) for part in accept.split(","))
    return next((audio_format for audio_format in named if audio_format), None)


def _string(value: Json) -> str | None:
    return None if isinstance(value, str) and value else "must be a string with at least one character"


def _boolean(value: Json) -> str | None:
    return None if isinstance(value, bool) else "must be true or false"


def _between(minimum: float, maximum: float) -> Check:
    """Return a check for numbers in a range."""

    def check(value: Json) -> str | None:
        if isinstance(value, int | float) and not isinstance(value, bool) and minimum <= value <= maximum:
            return None
        return f"must be a number from {minimum} to {maximum}"

    return check


def _one_of(*choices: str | int) -> Check:
    """Return a check for one of several values."""

    def check(value: Json) -> str | None:
        is_choice = isinstance(value, str | int) and not isinstance(value, bool) and value in choices
        return None if is_choice else f"must be one of {', '.join(str(choice) for choice in choices)}"

    return check


def _language(value: Json) -> str | None:
    tag = isinstance(value, str) and _LANGUAGE_TAG.fullmatch(value)
    return None if tag else "must be a BCP-47 tag such as en-US"


_REQUIRED: dict[Endpoint, tuple[str, ...]] = {
    "audio_speech": ("model", "input", "voice"),
    "speech": ("model", "input", "voice"),
    "tts": ("text",),
}
_FRACTION = _between(0, 1)
_FIELDS: dict[Endpoint, dict[str, Check]] = {
    "audio_speech": {
        "model": _string,
        "input": _string,
        "voice": _string,
        "response_format": _one_of(*_RESPONSE_FORMATS),
        "speed": _between(0.5, 2.0),
        "instructions": _string,
        "stream": _boolean,
        "stability": _FRACTION,
        "similarity_boost": _FRACTION,
        "style": _FRACTION,
    },
    "speech": {
        "model": _string,
        "input": _string,
        "voice": _string,
        "format": _one_of(*SPEECH_TYPES),
        "sample_rate": _one_of(*SAMPLE_RATES),
        "speed": _between(0.5, 2.0),
        "language": _language,
        "pitch": _between(-inf, inf),
        "emotion": _string,
        "stability": _FRACTION,
        "similarity": _FRACTION,
    },
    "tts": {
        "text": _string,
        "model": _string,
        "voice": _string,
        "speed": _between(0.1, 5),
        "response_format": _one_of(*_RESPONSE_FORMATS),
        "instructions": _string,
        "stability": _FRACTION,
        "similarity_boost": _FRACTION,
        "style": _FRACTION,
    },
}
