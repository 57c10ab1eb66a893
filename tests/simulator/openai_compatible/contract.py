"""What a compatible server makes of a request for speech, by its profile: what is to be sent, or a refusal."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
import re

from ..exchange import Json
from .errors import InvalidError, RefusedError
from .profile import Delivery, Events, Model, Profile, Sent, Speed
from .schema import Problem, number_of, problems

_BLEND = re.compile(r"[+-]")
_PART_OF_BLEND = re.compile(r"(?P<name>[^()]+)(\((?P<weight>[^()]+)\))?")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be answered: events where they are set, and the sound otherwise."""

    text: str
    voice: str
    speed: float
    rate: int
    sent: Sent
    delivery: Delivery
    events: Events | None


def parse(body: Json, profile: Profile) -> Wanted:
    """Check a body as a server does."""
    asked = _checked(body, profile)
    text = str(asked.get("input", ""))
    _check_text(text, profile)
    model = _model(asked, profile)
    sent, delivery = _output(asked, profile)
    _check_format(asked, model, profile)
    voice = _voice(asked, model, profile)
    rate = model.rate or profile.rate
    if profile.rate_heeded:
        rate = int(number_of(asked.get("sample_rate")) or 0) or rate
    return Wanted(text, voice, _speed(asked, profile.speed), rate, sent, delivery, _events(asked, profile))


def _checked(body: Json, profile: Profile) -> dict[str, Json]:
    """Return the body if it fits the schema."""
    if body is None:
        raise InvalidError([Problem("json_invalid", None, "The body is not JSON, or is not said to be")])
    if not isinstance(body, dict):
        raise InvalidError([Problem("model_attributes_type", None, "Input should be a valid dictionary", body)])
    lacking = [name for name, known in profile.fields.items() if known.required and name not in body]
    if lacking and profile.missing is not None:
        raise RefusedError(profile.missing.about(field=lacking[0]))
    refuse_unknown, lax = profile.refuse_unknown, profile.framework != "own"
    if found := list(problems(body, profile.fields, lax=lax, refuse_unknown=refuse_unknown)):
        raise InvalidError(found)
    return {name: value for name, value in body.items() if name in profile.fields and value is not None}


def _check_text(text: str, profile: Profile) -> None:
    """Refuse texts that cannot be spoken."""
    if profile.empty is not None and not text.strip():
        raise RefusedError(profile.empty)
    if profile.limit is not None and len(text) > profile.limit.characters:
        raise RefusedError(profile.limit.refusal.about(limit=profile.limit.characters))


def _model(asked: dict[str, Json], profile: Profile) -> Model:
    """Return the model that is to speak."""
    speaking = [model for model in profile.models if model.speaks]
    first = speaking[0] if speaking else Model("any")
    name = str(asked.get("model", profile.default_model or first.name))
    name = profile.model_aliases.get(name, name)
    for model in profile.models:
        if model.name == name and model.speaks:
            return model
        if model.name == name:
            raise RefusedError(profile.silent_model.about(model=name))
    if profile.unknown_model is not None:
        raise RefusedError(profile.unknown_model.about(model=name))
    return replace(first, name=name)


def _voice(asked: dict[str, Json], model: Model, profile: Profile) -> str:
    """Return who is to speak."""
    name = str(asked.get("voice", profile.default_voice))
    parts = [name]
    if profile.blends:
        name = name.replace(" ", "")
        parts = _BLEND.split(name)
    meant = [_name_of(part, profile) for part in parts]
    unknown = [voice for voice in meant if model.voices and voice not in model.voices]
    if unknown and not model.checks_voice:
        return model.voices[0]
    if unknown and profile.unknown_voice is not None:
        voices = ", ".join(sorted(model.voices))
        refusal = profile.unknown_voice.about(voice=unknown[0], voices=voices)
        raise RefusedError(refusal, late=profile.late_voice)
    if unknown:
        return profile.default_voice
    return name if len(parts) > 1 else meant[0]


def _name_of(part: str, profile: Profile) -> str:
    """Return the voice that a name means; in a mixture it may have a weight."""
    if profile.blends and (match := _PART_OF_BLEND.fullmatch(part)):
        weight = match["weight"]
        part = match["name"] if weight is None or (number_of(weight) or 0) > 0 else part
    return profile.aliases.get(part, part)


def _output(asked: dict[str, Json], profile: Profile) -> tuple[Sent, Delivery]:
    """Return what is to be sent, and how."""
    delivery = profile.delivery
    if profile.switchable and "stream" in asked:
        delivery = "streamed" if asked["stream"] else "whole"
    if profile.streamed_as is not None and delivery == "streamed":
        return profile.streamed_as, delivery
    sent = profile.formats.get(_format(asked, profile), profile.other_format)
    if sent is None:
        raise _unknown_format(asked, profile, profile.formats)
    return sent, delivery


def _check_format(asked: dict[str, Json], model: Model, profile: Profile) -> None:
    """Refuse a format that a model does not have."""
    if model.formats is not None and _format(asked, profile) not in model.formats:
        raise _unknown_format(asked, profile, model.formats)


def _format(asked: dict[str, Json], profile: Profile) -> str:
    name = str(asked.get("response_format", profile.default_format))
    return name if profile.case_matters else name.lower()


def _unknown_format(asked: dict[str, Json], profile: Profile, known: Iterable[str]) -> RefusedError | InvalidError:
    """Return the refusal of a format."""
    name = str(asked.get("response_format", profile.default_format))
    formats = " ".join(known)
    if profile.unknown_format is not None:
        return RefusedError(profile.unknown_format.about(format=name, formats=formats))
    return InvalidError([Problem("literal_error", "response_format", f"Input should be one of {formats}", name)])


def _speed(asked: dict[str, Json], speed: Speed) -> float:
    """Return the speed that is to be heard."""
    wanted = number_of(asked.get("speed", 1.0)) or 0.0
    if not speed.heeded:
        return 1.0
    if speed.lowest <= wanted <= speed.highest:
        return max(wanted, speed.slowest)
    if speed.outside is None:
        return 1.0
    refusal = speed.outside.about(speed=wanted, lowest=speed.lowest, highest=speed.highest)
    raise RefusedError(refusal, late=speed.late)


def _events(asked: dict[str, Json], profile: Profile) -> Events | None:
    """Return what events are to look like, if some are to come."""
    return profile.events if asked.get("stream_format") == "sse" else None
