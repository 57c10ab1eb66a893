"""What a profile of an OpenAI-compatible server is made of.

Where a profile says nothing, a server does as OpenAI does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal

from ..exchange import Json
from .audio import USUAL_WAV, Container, Wav
from .errors import ErrorForm, Framework, Refusal
from .schema import OPENAI_FIELDS, Field

type Auth = Literal["none", "optional", "required"]
type Delivery = Literal["streamed", "late", "whole"]

TRUE_WAV = Wav(size=None)
WAV_BY_FFMPEG = Wav(names_encoder=True)
NO_KEY = Refusal(HTTPStatus.UNAUTHORIZED, "No API key was provided.")
WRONG_KEY = Refusal(HTTPStatus.UNAUTHORIZED, "Incorrect API key provided.", code="invalid_api_key")
SILENT_MODEL = Refusal(
    HTTPStatus.BAD_REQUEST, "The model `{model}` does not speak.", param="model", code="invalid_value"
)


@dataclass(frozen=True, slots=True)
class Model:
    """A model.

    voices: those that it has; none at all: any name will do.
    rate: of its sound in Hz, if not the server's usual one.
    formats: those that it can speak in, if not all of the server's.
    speaks: it is one for speech, and not just in the list.
    checks_voice: a voice that it does not have is not the first one.
    """

    name: str
    voices: tuple[str, ...] = ()
    rate: int | None = None
    formats: tuple[str, ...] | None = None
    speaks: bool = True
    checks_voice: bool = True


@dataclass(frozen=True, slots=True)
class Sent:
    """What is sent: what it is, what it is declared as ("{rate}" stands for the rate), and a wav's header."""

    container: Container
    content_type: str
    wav: Wav = USUAL_WAV


USUAL_FORMATS: Mapping[str, Sent] = {
    "mp3": Sent("mp3", "audio/mpeg"),
    "opus": Sent("opus", "audio/opus"),
    "aac": Sent("aac", "audio/aac"),
    "flac": Sent("flac", "audio/flac"),
    "wav": Sent("wav", "audio/wav"),
    "pcm": Sent("pcm", "audio/pcm"),
}
FORMATS_BY_FFMPEG = {**USUAL_FORMATS, "wav": Sent("wav", "audio/wav", WAV_BY_FFMPEG)}


@dataclass(frozen=True, slots=True)
class Speed:
    """What becomes of a speed that fits the schema.

    heeded: it is heard.
    lowest, highest: those that are understood.
    slowest: what is heard of a speed below that.
    outside: how others are refused; None speaks at normal speed instead.
    late: the answer has begun when they are.
    """

    heeded: bool = True
    lowest: float = 0.25
    highest: float = 4.0
    slowest: float = 0.25
    outside: Refusal | None = None
    late: bool = False


USUAL_SPEED = Speed()


@dataclass(frozen=True, slots=True)
class Events:
    """What a stream of events looks like.

    usage: how the last event calls what was used.
    bare: samples without a container, whatever format is asked for.
    told: an event tells the rate before the first audio.
    marker: `[DONE]` ends the stream.
    failure: what an event says has gone wrong, instead of all others.
    """

    usage: str = "usage"
    bare: bool = False
    told: bool = False
    marker: bool = False
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """The characters that a text may have, and what a longer one is answered with."""

    characters: int
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Listing:
    """Something that can be asked for.

    path: after each of the server's prefixes, or after the host: `rooted`.
    show: the answer.
    query: a parameter that the request must have; another listing of the same path answers those without.
    is_open: no key is needed.
    by_post: POST does as well as GET.
    """

    path: str
    show: Callable[[Profile], Json]
    query: tuple[str, str] | None = None
    rooted: bool = False
    is_open: bool = False
    by_post: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A server: where its routes are, what it takes, and what it answers.

    prefixes: what stands before its routes; the first one belongs to its base URL.
    speech_paths: further ways to the route that speaks, after the host.
    lists: what else there is.
    framework: who answers requests that do not fit the schema, or lead nowhere.
    errors: the form of what the server itself refuses.
    auth: whether it has a key: "none" never looks, "optional" has none until a test sets one.
    no_key, wrong_key: how requests without the key are refused.
    fields: those of a body that are known; the others are ignored unless refuse_unknown.
    missing: what a body without a field that is required is answered with, if not as one that does not fit.
    empty: what an empty text is answered with; None speaks it.
    limit: of the text, besides the schema's.
    owner: of the models.
    models: those that there are; where unknown_model is None, any other will do as well.
    model_aliases: names of models that mean another one.
    default_model, default_voice, default_format: for bodies without; no model means the first one.
    silent_model: what a model that does not speak is answered with.
    aliases: names of voices that mean another one.
    blends: voices may be mixed: `one(2)+other`.
    unknown_voice: what a voice that there is not is answered with; None lets the default one speak.
    late_voice: the answer has begun when a voice is refused.
    formats: what is sent for those that can be asked for.
    other_format: what is sent for all others; None refuses them as unknown_format says, or as ones that do not fit.
    case_matters: in the name of a format.
    rate: of the sound, in Hz; rate_heeded: `sample_rate` changes it.
    delivery: as the sound is made; or at its end, in pieces ("late") or with its length ("whole").
    switchable: `stream` chooses between "streamed" and "whole".
    streamed_as: what is sent where `stream` chose so, whatever is asked for.
    events: what `stream_format` leads to; None ignores it.
    headers: of every answer with speech.
    """

    name: str
    prefixes: tuple[str, ...] = ("/v1",)
    speech_paths: tuple[str, ...] = ()
    lists: tuple[Listing, ...] = ()
    framework: Framework = "own"
    errors: ErrorForm = "openai"
    auth: Auth = "none"
    no_key: Refusal = NO_KEY
    wrong_key: Refusal = WRONG_KEY
    fields: Mapping[str, Field] = field(default_factory=lambda: OPENAI_FIELDS)
    refuse_unknown: bool = False
    missing: Refusal | None = None
    empty: Refusal | None = None
    limit: Limit | None = None
    owner: str = "system"
    models: tuple[Model, ...] = ()
    model_aliases: Mapping[str, str] = field(default_factory=dict)
    default_model: str | None = None
    unknown_model: Refusal | None = None
    silent_model: Refusal = SILENT_MODEL
    default_voice: str = "alloy"
    aliases: Mapping[str, str] = field(default_factory=dict)
    blends: bool = False
    unknown_voice: Refusal | None = None
    late_voice: bool = False
    formats: Mapping[str, Sent] = field(default_factory=dict)
    other_format: Sent | None = None
    default_format: str = "mp3"
    unknown_format: Refusal | None = None
    case_matters: bool = True
    rate: int = 24_000
    rate_heeded: bool = False
    speed: Speed = USUAL_SPEED
    delivery: Delivery = "streamed"
    switchable: bool = False
    streamed_as: Sent | None = None
    events: Events | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def voices(self) -> tuple[str, ...]:
        """The voices of all models, each once."""
        return tuple(dict.fromkeys(voice for model in self.models for voice in model.voices))
