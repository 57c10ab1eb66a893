"""The parts of a profile that describes an OpenAI-compatible server. The defaults are OpenAI's own behavior."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal

from ..audio.containers import OPENAI_WAV, Container, Wav
from ..delivery import Delivery
from ..http import Json
from .errors import ErrorForm, Framework, Refusal
from .schema import OPENAI_FIELDS, Field

type Auth = Literal["none", "optional", "required"]

PIPED_FFMPEG_WAV = Wav(names_encoder=True)
MISSING_KEY = Refusal(HTTPStatus.UNAUTHORIZED, "No API key was provided.")
WRONG_KEY = Refusal(HTTPStatus.UNAUTHORIZED, "Incorrect API key provided.", code="invalid_api_key")
NOT_A_SPEECH_MODEL = Refusal(
    HTTPStatus.BAD_REQUEST, "The model `{model}` does not speak.", param="model", code="invalid_value"
)


@dataclass(frozen=True, slots=True)
class Model:
    """A model.

    voices: the model's voices; empty accepts any name.
    rate: the sample rate in Hz, if not the server's.
    formats: the supported formats, if not all of the server's.
    speaks: whether it is a speech model; others are only listed.
    checks_voice: whether unknown voices are refused instead of replaced by the first.
    """

    name: str
    voices: tuple[str, ...] = ()
    rate: int | None = None
    formats: tuple[str, ...] | None = None
    speaks: bool = True
    checks_voice: bool = True


@dataclass(frozen=True, slots=True)
class Output:
    """The audio sent for a format: its container, its declared type ("{rate}" stands for the rate), and wav header."""

    container: Container
    content_type: str
    wav: Wav = OPENAI_WAV


OPENAI_FORMATS: Mapping[str, Output] = {
    "mp3": Output("mp3", "audio/mpeg"),
    "opus": Output("opus", "audio/opus"),
    "aac": Output("aac", "audio/aac"),
    "flac": Output("flac", "audio/flac"),
    "wav": Output("wav", "audio/wav"),
    "pcm": Output("pcm", "audio/pcm"),
}
FFMPEG_FORMATS = {**OPENAI_FORMATS, "wav": Output("wav", "audio/wav", PIPED_FFMPEG_WAV)}


@dataclass(frozen=True, slots=True)
class Speed:
    """The handling of a speed that fits the schema.

    is_supported: whether the speed has an effect.
    minimum, maximum: the accepted range.
    slowest: the slowest effective speed.
    out_of_range: the refusal of other speeds; None speaks at normal speed instead.
    refuses_late: the refusal comes after the response has started.
    """

    is_supported: bool = True
    minimum: float = 0.25
    maximum: float = 4.0
    slowest: float = 0.25
    out_of_range: Refusal | None = None
    refuses_late: bool = False


OPENAI_SPEED = Speed()


@dataclass(frozen=True, slots=True)
class Events:
    """The format of a stream of server-sent events.

    usage: the key of the usage in the last event.
    is_raw: the audio is raw samples in any case.
    announces_rate: an event with the sample rate precedes the audio.
    ends_with_marker: `[DONE]` ends the stream.
    failure: send an error event with this message instead of all others.
    """

    usage: str = "usage"
    is_raw: bool = False
    announces_rate: bool = False
    ends_with_marker: bool = False
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """The maximum length of a text in characters, and the refusal of longer ones."""

    characters: int
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Listing:
    """A list that a server offers.

    path: appended to each of the server's prefixes, or to the origin (`at_root`).
    render: returns the response; a string is an HTML page.
    query: a required query parameter; another listing with the same path handles requests without it.
    is_public: whether no key is needed.
    accepts_post: whether POST works as well as GET.
    """

    path: str
    render: Callable[[Profile], Json]
    query: tuple[str, str] | None = None
    at_root: bool = False
    is_public: bool = False
    accepts_post: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A server: its routes, what it accepts, and what it sends.

    Routes and keys:
        prefixes: of its routes; the first one belongs to the base URL
        speech_paths: additional paths of the speech route, relative to the origin
        lists: its model and voice lists
        framework: handles requests that violate the schema or match no route
        errors: the form of the server's own refusals
        auth: "none" ignores keys, "optional" accepts all requests until a test sets a key
        checks_key_last: whether the body of a speech request is validated before its key
        missing_key, wrong_key: the refusals of requests without the key

    Fields and text:
        fields: the known fields of a body; others are ignored unless `refuse_unknown`
        missing_field: the refusal of a body without a required field, if not a violation of the schema
        empty_text: the refusal of an empty text; None speaks it
        limit: of the text, besides the schema's

    Models and voices:
        owner: of the models
        models: if `unknown_model` is None, all other names are accepted as well
        model_aliases: other names of models
        default_model, default_voice, default_format: for bodies without one; no model selects the first one
        not_a_speech_model: the refusal of models that do not speak
        aliases: other names of voices
        supports_blends: voices can be mixed, as in `one(2)+other`
        unknown_voice: the refusal of unknown voices; None uses the default voice
        refuses_voice_late: voices are refused after the response has started

    Output:
        formats: the output for each format
        other_format: the output for all other formats; None refuses them with `unknown_format`, or as a violation of
            the schema
        case_sensitive_format: whether the case of a format matters
        rate: the sample rate, in Hz; `sample_rate` changes it if `accepts_sample_rate`
        speed: the handling of speeds
        delivery: of audio; see `deliver`
        stream_switch: whether `stream` switches between "streamed" and "whole"
        streamed_output: the output for streaming, whatever the format
        events: the result of `stream_format`; None ignores it
        headers: of all responses with audio
    """

    name: str
    prefixes: tuple[str, ...] = ("/v1",)
    speech_paths: tuple[str, ...] = ()
    lists: tuple[Listing, ...] = ()
    framework: Framework = "own"
    errors: ErrorForm = "openai"
    auth: Auth = "none"
    checks_key_last: bool = False
    missing_key: Refusal = MISSING_KEY
    wrong_key: Refusal = WRONG_KEY
    fields: Mapping[str, Field] = field(default_factory=lambda: OPENAI_FIELDS)
    refuse_unknown: bool = False
    missing_field: Refusal | None = None
    empty_text: Refusal | None = None
    limit: Limit | None = None
    owner: str = "system"
    models: tuple[Model, ...] = ()
    model_aliases: Mapping[str, str] = field(default_factory=dict)
    default_model: str | None = None
    unknown_model: Refusal | None = None
    not_a_speech_model: Refusal = NOT_A_SPEECH_MODEL
    default_voice: str = "alloy"
    aliases: Mapping[str, str] = field(default_factory=dict)
    supports_blends: bool = False
    unknown_voice: Refusal | None = None
    refuses_voice_late: bool = False
    formats: Mapping[str, Output] = field(default_factory=dict)
    other_format: Output | None = None
    default_format: str = "mp3"
    unknown_format: Refusal | None = None
    case_sensitive_format: bool = True
    rate: int = 24_000
    accepts_sample_rate: bool = False
    speed: Speed = OPENAI_SPEED
    delivery: Delivery = "streamed"
    stream_switch: bool = False
    streamed_output: Output | None = None
    events: Events | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def voices(self) -> tuple[str, ...]:
        """The voices of all models, without duplicates."""
        return tuple(dict.fromkeys(voice for model in self.models for voice in model.voices))
