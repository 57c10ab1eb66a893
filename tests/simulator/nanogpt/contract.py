"""What NanoGPT's three ways to ask for speech accept, each with field names of its own, and how they word refusals.

Where the documentation gives a range or a list, what is outside is refused; so is a field that a route does not
document, and one that its model does not take. Values are checked as they are: a number in quotes is not a number.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from math import inf
import re
from typing import Any, Literal, cast

from ..audio.encoding import SAMPLE_RATE
from ..exchange import Json
from .audio import Format
from .catalog import (
    Row,
    is_elevenlabs,
    is_openai,
    is_speaker,
    longest_text_of,
    own_container_of,
    takes_every_control,
    takes_instructions,
    takes_speed,
    voices_of,
)

type Route = Literal["audio_speech", "speech", "tts"]
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
_OTHER_FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")
_DEFAULT_MODEL = "Kokoro-82m"  # of /tts
_DEFAULT_VOICES = {"Kokoro-82m": "af_bella"}
_LANGUAGE_TAG = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?")
_SPEECH_CODES = {
    "model": "invalid_model",
    "voice": "invalid_voice",
    "format": "unsupported_format",
    "sample_rate": "invalid_sample_rate",
}


class NotServedError(Exception):
    """A request that NanoGPT would not fulfil. The route decides about the form of the answer.

    kind is the error object's `type`; more are further fields of the answer, where its form has room for them.
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
        """Take what the answer tells."""
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind
        self.code = code
        self.param = param
        self.more: dict[str, Json] = {}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A request for speech that a route accepts; rate in Hz, of samples that are not compressed."""

    row: Row
    text: str
    voice: str
    audio_format: Format
    speed: float
    rate: int

    @property
    def model(self) -> str:
        """The model's name."""
        return cast("str", self.row["id"])


@dataclass(frozen=True, slots=True)
class Asked:
    """What parsing needs besides the body.

    unavailable: models that `/tts` does not implement.
    additional: whether `/v1/audio/speech` takes ElevenLabs' settings, which are not in its documentation by name.
    """

    models: Mapping[str, Row]
    accept: str = ""
    unavailable: frozenset[str] = field(default_factory=frozenset)
    additional: bool = True


def parse(route: Route, body: Any, asked: Asked) -> Wanted:
    """Check a body against a route's fields, then against its model."""
    if not isinstance(body, dict):
        raise NotServedError(HTTPStatus.BAD_REQUEST, "Request body must be a JSON object", code="invalid_json")
    _check_fields(route, body)
    row = _row_of(route, body.get("model", _DEFAULT_MODEL), asked)
    for key in _unsupported(route, body, row["id"], asked):
        raise _refused(route, key, f"{key} is not supported by model {row['id']}")
    text = body["text" if route == "tts" else "input"]
    _check_length(route, text, row)
    return Wanted(
        row=row,
        text=text,
        voice=_voice_of(route, body.get("voice"), row),
        audio_format=_format_of(route, body, row["id"], asked.accept),
        speed=float(body.get("speed", 1.0)),
        rate=body.get("sample_rate", SAMPLE_RATE),
    )


def _check_fields(route: Route, body: dict[str, Any]) -> None:
    """Refuse a body that has not the fields of a route."""
    fields, required = _FIELDS[route], _REQUIRED[route]
    for key in required:
        if key not in body:
            message = f"Missing required parameter: {key}"
            code = "missing_required_parameter" if route == "audio_speech" else None
            raise NotServedError(HTTPStatus.BAD_REQUEST, message, code=code, param=key)
    for key, value in body.items():
        if key not in fields:
            raise _refused(route, key, f"Unknown parameter: {key}")
        if problem := fields[key](value):
            raise _refused(route, key, f"Invalid {key}: {problem}")
    if body.get("format") == "pcm16" and "sample_rate" not in body:
        raise _refused(route, "sample_rate", "sample_rate is required when format is pcm16")


def _refused(route: Route, key: str, message: str) -> NotServedError:
    """Return the refusal of a field's value."""
    code = {"audio_speech": "invalid_parameter_value", "speech": _SPEECH_CODES.get(key), "tts": None}[route]
    return NotServedError(HTTPStatus.BAD_REQUEST, message, code=code, param=key)


def _row_of(route: Route, model: str, asked: Asked) -> Row:
    """Return a model that speaks, and does so on a route."""
    row = asked.models.get(model)
    if row is not None and is_speaker(row) and not (route == "tts" and model in asked.unavailable):
        return row
    if route == "tts":
        raise NotServedError(HTTPStatus.NOT_IMPLEMENTED, f"Model {model} is not implemented")
    if route == "speech":
        raise _refused(route, "model", f"Model {model} does not exist or has no speech")
    if row is None:
        message, kind = f"Model {model} not found", "not_found_error"
        raise NotServedError(HTTPStatus.NOT_FOUND, message, kind=kind, code="model_not_found", param="model")
    message = f"Model {model} cannot be used for speech"
    raise NotServedError(HTTPStatus.BAD_REQUEST, message, code="model_not_available", param="model")


def _unsupported(route: Route, body: dict[str, Any], model: str, asked: Asked) -> Iterator[str]:
    """Yield the fields of a body that its model does not take."""
    everything = route == "speech" and takes_every_control(model)
    styled = is_elevenlabs(model) and (route != "audio_speech" or asked.additional)
    instructed = takes_instructions(model) or (route == "audio_speech" and model.startswith("gemini-2.5-"))
    allowed = {
        "speed": takes_speed(model),
        "response_format": route == "audio_speech" or is_openai(model),
        "instructions": instructed,
        "stability": styled or everything,
        "similarity": styled or everything,
        "similarity_boost": styled,
        "style": styled,
        "pitch": everything,
        "emotion": everything,
    }
    yield from (key for key in body if not allowed.get(key, True))


def _check_length(route: Route, text: str, row: Row) -> None:
    """Refuse a text that is too long for its model."""
    longest = longest_text_of(row)
    if longest is None or len(text) <= longest:
        return
    message = f"Text of {len(text)} characters exceeds the limit of {longest} characters for {row['id']}"
    if route == "speech":
        raise NotServedError(HTTPStatus.BAD_REQUEST, message, code="input_too_long", param="input")
    code = "prompt_too_long" if route == "audio_speech" else None
    raise NotServedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message, code=code)


def _voice_of(route: Route, voice: str | None, row: Row) -> str:
    """Return one of the model's voices; where none is known any will do."""
    voices = voices_of(row)
    if voice is None:
        return _DEFAULT_VOICES.get(row["id"]) or (voices[0] if voices else "default")
    if voices and voice not in voices:
        raise _refused(route, "voice", f"Voice {voice} is not available for model {row['id']}")
    return voice


def _format_of(route: Route, body: dict[str, Any], model: str, accept: str) -> Format:
    """Return the container of an answer. Only `/v1/speech` converts for every model."""
    own: Format = own_container_of(model)
    if route == "speech":
        return body.get("format") or _accepted(accept) or own
    return body.get("response_format", own) if is_openai(model) or takes_every_control(model) else own


def _accepted(accept: str) -> Format | None:
    """Return the first container that an Accept header names."""
    by_type = {mime: audio_format for audio_format, mime in SPEECH_TYPES.items() if audio_format != "pcm16"}
    named = (by_type.get(part.partition(";")[0].strip().lower()) for part in accept.split(","))
    return next((audio_format for audio_format in named if audio_format), None)


def _string(value: Json) -> str | None:
    return None if isinstance(value, str) and value else "must be a string with at least one character"


def _boolean(value: Json) -> str | None:
    return None if isinstance(value, bool) else "must be true or false"


def _between(lowest: float, highest: float) -> Check:
    """Return the check of a number."""

    def check(value: Json) -> str | None:
        if isinstance(value, int | float) and not isinstance(value, bool) and lowest <= value <= highest:
            return None
        return f"must be a number from {lowest} to {highest}"

    return check


def _one_of(*choices: str | int) -> Check:
    """Return the check of a choice."""

    def check(value: Json) -> str | None:
        chosen = isinstance(value, str | int) and not isinstance(value, bool) and value in choices
        return None if chosen else f"must be one of {', '.join(str(choice) for choice in choices)}"

    return check


def _language(value: Json) -> str | None:
    tag = isinstance(value, str) and _LANGUAGE_TAG.fullmatch(value)
    return None if tag else "must be a BCP-47 tag such as en-US"


_REQUIRED: dict[Route, tuple[str, ...]] = {
    "audio_speech": ("model", "input", "voice"),
    "speech": ("model", "input", "voice"),
    "tts": ("text",),
}
_SHARE = _between(0, 1)
_FIELDS: dict[Route, dict[str, Check]] = {
    "audio_speech": {
        "model": _string,
        "input": _string,
        "voice": _string,
        "response_format": _one_of(*_OTHER_FORMATS),
        "speed": _between(0.5, 2.0),
        "instructions": _string,
        "stream": _boolean,
        "stability": _SHARE,
        "similarity_boost": _SHARE,
        "style": _SHARE,
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
        "stability": _SHARE,
        "similarity": _SHARE,
    },
    "tts": {
        "text": _string,
        "model": _string,
        "voice": _string,
        "speed": _between(0.1, 5),
        "response_format": _one_of(*_OTHER_FORMATS),
        "instructions": _string,
        "stability": _SHARE,
        "similarity_boost": _SHARE,
        "style": _SHARE,
    },
}
