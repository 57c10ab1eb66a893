"""NanoGPT's three speech endpoints, each with its own field names and options."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ...audio.formats import AudioFormat
from ..base import SynthesisRequest
from ..options import ChoiceOption, LanguageOption, NumberOption, Option, OptionGroup, TextOption
from ..vendor_models import OPENAI_PCM_LAYOUT
from .model_families import ModelFamily, family_for

_SPEED_OPTION: Final = NumberOption("speed", minimum=0.5, maximum=2, step=0.05, default=1)
_INSTRUCTIONS_OPTION: Final = TextOption("instructions", max_chars=4096)
_STABILITY_OPTION: Final = NumberOption(
    "stability", minimum=0, maximum=1, step=0.05, default=0.5, group=OptionGroup.FINE_TUNING
)
_ELEVENLABS_OPTIONS: Final = (
    _STABILITY_OPTION,
    NumberOption("similarity_boost", minimum=0, maximum=1, step=0.05, default=0.75, group=OptionGroup.FINE_TUNING),
    NumberOption("style", minimum=0, maximum=1, step=0.05, default=0, group=OptionGroup.FINE_TUNING),
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
    """A speech endpoint."""

    name: str
    """Value of the `endpoint` setting."""
    address_key: str
    path: str
    text_key: str
    format_key: str
    options: tuple[Option, ...]
    formats: tuple[AudioFormat, ...] | None = None
    """Formats to which the endpoint converts every model's audio; None if the formats depend on the model."""
    for_openai_only: frozenset[str] = frozenset()
    """Fields that the endpoint only accepts for OpenAI's models."""
    for_every_model: frozenset[str] = frozenset()
    """Options that the endpoint accepts for every model."""
    can_stream: bool = False
    needs_voice: bool = True

    def accepts(self, key: str, family: ModelFamily) -> bool:
        """Return whether the endpoint accepts a field for a family of models."""
        return key not in self.for_openai_only or family.is_openai

    def body(self, request: SynthesisRequest) -> Mapping[str, Any]:
        """Return the JSON body of a request, with only those options that were set."""
        body = {"model": request.model.id, self.text_key: request.text}
        if request.voice:
            body["voice"] = request.voice
        if self.accepts(self.format_key, family_for(request.model.id)):
            body |= self._format_fields(request)
        body |= {key: value for key, value in request.settings.items() if key != ENDPOINT_OPTION.key}
        return body | ({"stream": True} if self.can_stream and request.model.streams else {})

    def _format_fields(self, request: SynthesisRequest) -> dict[str, Any]:
        if self.formats and request.format is AudioFormat.PCM:
            layout = request.model.pcm_layout or OPENAI_PCM_LAYOUT
            return {self.format_key: "pcm16", "sample_rate": layout.rate}
        return {self.format_key: request.format.value}

    def headers(self, audio_format: AudioFormat) -> Mapping[str, str]:
        """Return the headers that request a format, if the endpoint evaluates any."""
        return {"Accept": _MIME_TYPES[audio_format]} if self.formats else {}


ENDPOINTS: Final[Mapping[str, Endpoint]] = {
    endpoint.name: endpoint
    for endpoint in (
        Endpoint(
            name="audio_speech",
            address_key="base_url",
            path="v1/audio/speech",
            text_key="input",
            format_key="response_format",
            options=(_SPEED_OPTION, _INSTRUCTIONS_OPTION, *_ELEVENLABS_OPTIONS),
            can_stream=True,
        ),
        Endpoint(
            name="speech",
            address_key="speech_base_url",
            path="v1/speech",
            text_key="input",
            format_key="format",
            options=(
                _SPEED_OPTION,
                LanguageOption("language"),
                NumberOption("pitch", minimum=-100, maximum=100, step=0.1, default=0, group=OptionGroup.FINE_TUNING),
                TextOption("emotion", max_chars=100, group=OptionGroup.FINE_TUNING),
                _STABILITY_OPTION,
                NumberOption(
                    "similarity", minimum=0, maximum=1, step=0.05, default=0.75, group=OptionGroup.FINE_TUNING
                ),
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
                _INSTRUCTIONS_OPTION,
                *_ELEVENLABS_OPTIONS,
            ),
            for_openai_only=frozenset({"response_format", "instructions"}),
            needs_voice=False,
        ),
    )
}

ENDPOINT_OPTION: Final = ChoiceOption("endpoint", choices=tuple(ENDPOINTS), default="audio_speech")

ENDPOINT_OPTION_KEYS: Final = tuple(
    dict.fromkeys(option.key for endpoint in ENDPOINTS.values() for option in endpoint.options)
)


def endpoint_for(settings: Mapping[str, Any]) -> Endpoint:
    """Return the endpoint selected in the settings."""
    return ENDPOINTS[settings.get(ENDPOINT_OPTION.key, ENDPOINT_OPTION.default)]
