"""The three ways to ask NanoGPT for speech, each with field names and settings of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ...audio.formats import AudioFormat, PcmLayout
from ..base import SynthesisRequest
from ..options import ChoiceOption, NumberOption, Option, TextOption
from .model_families import ModelFamily, family_for

PCM: Final = PcmLayout(rate=24_000)

_SPEED: Final = NumberOption("speed", minimum=0.5, maximum=2, step=0.05, default=1)
_INSTRUCTIONS: Final = TextOption("instructions", max_chars=4096)
_STABILITY: Final = NumberOption("stability", minimum=0, maximum=1, step=0.05, default=0.5)
_STYLED: Final = (
    _STABILITY,
    NumberOption("similarity_boost", minimum=0, maximum=1, step=0.05, default=0.75),
    NumberOption("style", minimum=0, maximum=1, step=0.05, default=0),
)
_MIME_TYPES: Final[Mapping[AudioFormat, str]] = {
    AudioFormat.MP3: "audio/mpeg",
    AudioFormat.WAV: "audio/wav",
    AudioFormat.OGG: "audio/ogg",
    AudioFormat.OPUS: "audio/opus",
    AudioFormat.AAC: "audio/aac",
    AudioFormat.FLAC: "audio/flac",
    AudioFormat.PCM: "application/octet-stream",
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A way to ask for speech."""

    name: str
    address_key: str
    path: str
    text_key: str
    format_key: str
    options: tuple[Option, ...]
    formats: tuple[AudioFormat, ...] | None = None
    """What it converts every model's speech to; None where that is up to the model."""
    for_openai_only: frozenset[str] = frozenset()
    """Fields that it takes for OpenAI's models only."""
    for_every_model: frozenset[str] = frozenset()
    """Settings that it takes whichever the model."""
    can_stream: bool = False
    """Whether it passes sound on while it is made if it is asked to."""

    def takes(self, key: str, family: ModelFamily) -> bool:
        """Tell whether the route takes a field for a family of models at all."""
        return key not in self.for_openai_only or family.is_openai

    def body(self, request: SynthesisRequest) -> Mapping[str, Any]:
        """Return a request's JSON: only what was set, and what the route needs."""
        family = family_for(request.model.id)
        body = {"model": request.model.id, self.text_key: request.text, "voice": request.voice}
        if self.takes(self.format_key, family):
            body |= self._format(request.format)
        body |= {key: value for key, value in request.settings.items() if key != ENDPOINT_OPTION.key}
        return body | ({"stream": True} if self.can_stream and request.model.streams else {})

    def _format(self, audio_format: AudioFormat) -> dict[str, Any]:
        """Return the fields that ask for a format."""
        if self.formats and audio_format is AudioFormat.PCM:
            return {self.format_key: "pcm16", "sample_rate": PCM.rate}
        return {self.format_key: audio_format.value}

    def headers(self, audio_format: AudioFormat) -> Mapping[str, str]:
        """Return the headers that ask for a format, where the route heeds one."""
        return {"Accept": _MIME_TYPES[audio_format]} if self.formats else {}


ENDPOINTS: Final[Mapping[str, Endpoint]] = {
    route.name: route
    for route in (
        Endpoint(
            name="audio_speech",
            address_key="base_url",
            path="v1/audio/speech",
            text_key="input",
            format_key="response_format",
            options=(_SPEED, _INSTRUCTIONS, *_STYLED),
            can_stream=True,
        ),
        Endpoint(
            name="speech",
            address_key="speech_base_url",
            path="v1/speech",
            text_key="input",
            format_key="format",
            options=(
                _SPEED,
                TextOption("language", max_chars=35),
                NumberOption("pitch", minimum=-100, maximum=100, step=0.1, default=0),
                TextOption("emotion", max_chars=100),
                _STABILITY,
                NumberOption("similarity", minimum=0, maximum=1, step=0.05, default=0.75),
            ),
            formats=tuple(_MIME_TYPES),
            for_every_model=frozenset({"language"}),
        ),
        Endpoint(
            name="tts",
            address_key="base_url",
            path="tts",
            text_key="text",
            format_key="response_format",
            options=(
                NumberOption("speed", minimum=0.1, maximum=5, step=0.05, default=1),
                _INSTRUCTIONS,
                *_STYLED,
            ),
            for_openai_only=frozenset({"response_format", "instructions"}),
        ),
    )
}

ENDPOINT_OPTION: Final = ChoiceOption("endpoint", choices=tuple(ENDPOINTS), default="audio_speech")

OPTION_KEYS: Final = tuple(dict.fromkeys(option.key for route in ENDPOINTS.values() for option in route.options))


def endpoint_for(settings: Mapping[str, Any]) -> Endpoint:
    """Return the chosen route."""
    return ENDPOINTS[settings.get(ENDPOINT_OPTION.key, ENDPOINT_OPTION.default)]
