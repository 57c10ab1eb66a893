"""The interpretation of a speech request by a server's profile: the audio to send, or a refusal."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
import re

from ..delivery import Delivery
from ..http import Json
from .errors import InvalidBodyError, RefusedError
from .profile import Events, Model, Output, Profile, Speed
from .schema import SchemaViolation, number_of, violations

_BLEND_SEPARATOR = re.compile(r"[+-]")
_BLEND_PART = re.compile(r"(?P<name>[^()]+)(\((?P<weight>[^()]+)\))?")


@dataclass(frozen=True, slots=True)
class SpeechOutput:
    """The speech to send: as events if set, as audio otherwise."""

    text: str
    voice: str
    speed: float
    rate: int
    output: Output
    delivery: Delivery
    events: Events | None


def parse(body: Json, profile: Profile) -> SpeechOutput:
    """Interpret a request body.

    Raises:
        InvalidBodyError: if the body violates the schema.
        RefusedError: if the server refuses the request.

    """
    fields = _check_schema(body, profile)
    text = str(fields.get("input", ""))
    _check_text(text, profile)
    model = _select_model(fields, profile)
    output, delivery = _select_output(fields, profile)
    _check_format(fields, model, profile)
    voice = _select_voice(fields, model, profile)
    rate = model.rate or profile.rate
    if profile.accepts_sample_rate:
        rate = int(number_of(fields.get("sample_rate")) or 0) or rate
    events = profile.events if fields.get("stream_format") == "sse" else None
    return SpeechOutput(text, voice, _select_speed(fields, profile.speed), rate, output, delivery, events)


def _check_schema(body: Json, profile: Profile) -> dict[str, Json]:
    """Return the known fields of a valid body that are set."""
    if body is None:
        raise InvalidBodyError([SchemaViolation("json_invalid", None, "The body is not JSON, or is not said to be")])
    if not isinstance(body, dict):
        message = "Input should be a valid dictionary"
        raise InvalidBodyError([SchemaViolation("model_attributes_type", None, message, body)])
    missing = [name for name, known in profile.fields.items() if known.required and name not in body]
    if missing and profile.missing_field is not None:
        raise RefusedError(profile.missing_field.format(field=missing[0]))
    refuse_unknown, lax = profile.refuse_unknown, profile.framework != "own"
    if found := list(violations(body, profile.fields, lax=lax, refuse_unknown=refuse_unknown)):
        raise InvalidBodyError(found)
    return {name: value for name, value in body.items() if name in profile.fields and value is not None}


def _check_text(text: str, profile: Profile) -> None:
    """Refuse empty and too long texts."""
    if profile.empty_text is not None and not text.strip():
        raise RefusedError(profile.empty_text)
    if profile.limit is not None and len(text) > profile.limit.characters:
        raise RefusedError(profile.limit.refusal.format(limit=profile.limit.characters))


def _select_model(fields: dict[str, Json], profile: Profile) -> Model:
    """Return the requested model."""
    default = next((model for model in profile.models if model.speaks), Model("any"))
    name = str(fields.get("model", profile.default_model or default.name))
    name = profile.model_aliases.get(name, name)
    for model in profile.models:
        if model.name == name and model.speaks:
            return model
        if model.name == name:
            raise RefusedError(profile.not_a_speech_model.format(model=name))
    if profile.unknown_model is not None:
        raise RefusedError(profile.unknown_model.format(model=name))
    return replace(default, name=name)


def _select_voice(fields: dict[str, Json], model: Model, profile: Profile) -> str:
    """Return the voice to speak with."""
    name = str(fields.get("voice", profile.default_voice))
    parts = [name]
    if profile.supports_blends:
        name = name.replace(" ", "")
        parts = _BLEND_SEPARATOR.split(name)
    voices = [_resolve_voice(part, profile) for part in parts]
    unknown = [voice for voice in voices if model.voices and voice not in model.voices]
    if unknown and not model.checks_voice:
        return model.voices[0]
    if unknown and profile.unknown_voice is not None:
        known = ", ".join(sorted(model.voices))
        refusal = profile.unknown_voice.format(voice=unknown[0], voices=known)
        raise RefusedError(refusal, is_late=profile.refuses_voice_late)
    if unknown:
        return profile.default_voice
    return name if len(parts) > 1 else voices[0]


def _resolve_voice(part: str, profile: Profile) -> str:
    """Return the voice of a name or alias; parts of a blend may have a weight above 0."""
    if profile.supports_blends and (match := _BLEND_PART.fullmatch(part)):
        weight = match["weight"]
        part = match["name"] if weight is None or (number_of(weight) or 0) > 0 else part
    return profile.aliases.get(part, part)


def _select_output(fields: dict[str, Json], profile: Profile) -> tuple[Output, Delivery]:
    """Return the output and its delivery."""
    delivery = profile.delivery
    if profile.stream_switch and "stream" in fields:
        delivery = "streamed" if fields["stream"] else "whole"
    if profile.streamed_output is not None and delivery == "streamed":
        return profile.streamed_output, delivery
    output = profile.formats.get(_requested_format(fields, profile), profile.other_format)
    if output is None:
        raise _unknown_format(fields, profile, profile.formats)
    return output, delivery


def _check_format(fields: dict[str, Json], model: Model, profile: Profile) -> None:
    """Refuse formats that the model does not support."""
    if model.formats is not None and _requested_format(fields, profile) not in model.formats:
        raise _unknown_format(fields, profile, model.formats)


def _requested_format(fields: dict[str, Json], profile: Profile) -> str:
    name = str(fields.get("response_format", profile.default_format))
    return name if profile.case_sensitive_format else name.lower()


def _unknown_format(fields: dict[str, Json], profile: Profile, known: Iterable[str]) -> RefusedError | InvalidBodyError:
    """Return the refusal of an unknown format."""
    name = str(fields.get("response_format", profile.default_format))
    formats = " ".join(known)
    if profile.unknown_format is not None:
        return RefusedError(profile.unknown_format.format(format=name, formats=formats))
    message = f"Input should be one of {formats}"
    return InvalidBodyError([SchemaViolation("literal_error", "response_format", message, name)])


def _select_speed(fields: dict[str, Json], speed: Speed) -> float:
    """Return the effective speed."""
    requested = number_of(fields.get("speed", 1.0)) or 0.0
    if not speed.is_supported:
        return 1.0
    if speed.minimum <= requested <= speed.maximum:
        return max(requested, speed.slowest)
    if speed.out_of_range is None:
        return 1.0
    refusal = speed.out_of_range.format(speed=requested, lowest=speed.minimum, highest=speed.maximum)
    raise RefusedError(refusal, is_late=speed.refuses_late)
