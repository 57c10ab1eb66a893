"""Presets of OpenAI-compatible servers: differences from OpenAI that cannot be fetched from the server."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ...audio.formats import AudioFormat
from ..base import Server
from ..errors import ContentRefusedError, InvalidKeyError, NotPermittedError, SpeechError
from ..vendor_models import OPENAI_FILE_FORMATS, OPENAI_FORMATS, OPENAI_MAX_CHARS

_WAV_ONLY: Final = (AudioFormat.WAV,)
_FIRST_OPENAI_VOICES: Final = ("alloy", "echo", "fable", "nova", "onyx", "shimmer")
_GROQ_ENGLISH: Final = "canopylabs/orpheus-v1-english"
_GROQ_ARABIC: Final = "canopylabs/orpheus-arabic-saudi"
_GROQ_VOICES: Final = {
    _GROQ_ENGLISH: ("autumn", "diana", "hannah", "austin", "daniel", "troy"),
    _GROQ_ARABIC: ("abdullah", "fahad", "sultan", "lulwa", "noura", "aisha"),
}
_GROQ_LANGUAGES: Final = {_GROQ_ENGLISH: "en", _GROQ_ARABIC: "ar"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechServer(Server):
    """A preset of an OpenAI-compatible server. Lists are given as paths below the base URL, with or without a query."""

    default_model: str
    default_voice: str
    models: tuple[str, ...] = ()
    """Models of a server that lists none, if it has more than the default model."""
    voices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Voices of a server that lists none, by model; an empty model name stands for all models."""
    languages: Mapping[str, str] = field(default_factory=dict)
    """Language of a model whose voices all speak the same language."""
    model_lists: tuple[str, ...] = ("models",)
    voice_lists: tuple[str, ...] = ()
    key_checks: tuple[str, ...] = ()
    """Free requests that need a valid key, for a server with public lists."""
    max_chars: int = OPENAI_MAX_CHARS
    streams: bool | None = True
    """Whether audio arrives before the whole text has been synthesized; None if this is detected."""
    formats: tuple[AudioFormat, ...] = OPENAI_FILE_FORMATS
    speed_range: tuple[float, float] | None = (0.25, 4.0)
    """Minimum and maximum speed; None if the server ignores it."""
    supports_instructions: bool = False
    forbidden_error: type[SpeechError] = InvalidKeyError
    """Error for status 403 without a code."""


OTHER: Final = SpeechServer(
    name="Speech server",
    is_unknown=True,
    default_model="tts-1",
    default_voice="alloy",
    models=("tts-1", "tts-1-hd", "gpt-4o-mini-tts"),
    model_lists=("models?output_modalities=speech&task=text-to-speech", "audio/models", "audio/speech/models"),
    voices=_GROQ_VOICES,
    languages=_GROQ_LANGUAGES,
    voice_lists=("audio/voices", "voices/all", "voices"),
    max_chars=1_000,  # below nearly every server's limit, and long enough to sound natural
    streams=None,
    supports_instructions=True,
)
"""Any other server: its models and voices are searched for wherever known servers list theirs."""

SERVERS: Final[Mapping[str, SpeechServer]] = {
    "kokoro": SpeechServer(
        name="Kokoro-FastAPI",
        default_base_url="http://homeassistant.local:8880/v1",
        accepts_key=False,
        default_model="kokoro",
        default_voice="af_heart",
        voice_lists=("audio/voices",),
        formats=OPENAI_FORMATS,
    ),
    "speaches": SpeechServer(
        name="Speaches",
        default_base_url="http://homeassistant.local:8000/v1",
        default_model="speaches-ai/Kokoro-82M-v1.0-ONNX",
        default_voice="af_heart",
        model_lists=("models?task=text-to-speech", "audio/models"),
        voice_lists=("audio/voices",),
        speed_range=(0.5, 2.0),
    ),
    "chatterbox": SpeechServer(
        name="Chatterbox",
        default_base_url="http://homeassistant.local:4123/v1",
        accepts_key=False,
        default_model="chatterbox-tts-1",
        default_voice="alloy",
        voice_lists=("voices",),
        max_chars=3_000,
        streams=False,
        formats=_WAV_ONLY,
        speed_range=None,
    ),
    "orpheus": SpeechServer(
        name="Orpheus-FastAPI",
        default_base_url="http://homeassistant.local:5005/v1",
        accepts_key=False,
        default_model="orpheus",
        default_voice="tara",
        voices={"": ("tara", "leah", "jess", "leo", "dan", "mia", "zac", "zoe")},
        model_lists=(),
        voice_lists=("audio/voices",),
        max_chars=1_000,  # splits longer texts itself, and responds once all parts have been synthesized
        streams=False,
        formats=_WAV_ONLY,
        speed_range=None,
    ),
    "openedai-speech": SpeechServer(
        name="openedai-speech",
        default_base_url="http://homeassistant.local:8000/v1",
        accepts_key=False,
        default_model="tts-1",
        default_voice="alloy",
        models=("tts-1", "tts-1-hd"),
        voices={"": _FIRST_OPENAI_VOICES},
        formats=OPENAI_FORMATS,
    ),
    "openai-edge-tts": SpeechServer(
        name="openai-edge-tts",
        default_base_url="http://homeassistant.local:5050/v1",
        default_model="tts-1",
        default_voice="en-US-AvaNeural",
        models=("tts-1", "tts-1-hd", "gpt-4o-mini-tts"),
        voice_lists=("audio/voices", "voices/all"),  # only the second request needs the key
        streams=False,
        formats=(AudioFormat.MP3, AudioFormat.WAV, AudioFormat.OPUS, AudioFormat.FLAC),  # AAC is sent in MP4
        speed_range=(0.5, 2.0),
    ),
    "localai": SpeechServer(
        name="LocalAI",
        default_base_url="http://homeassistant.local:8080/v1",
        default_model="tts-1",
        default_voice="alloy",
        streams=False,
        supports_instructions=True,
    ),
    "groq": SpeechServer(
        name="Groq",
        default_base_url="https://api.groq.com/openai/v1",
        requires_key=True,
        key_page="https://console.groq.com/keys",
        credit_page="https://console.groq.com/settings/billing",
        default_model=_GROQ_ENGLISH,
        default_voice="hannah",
        models=(_GROQ_ENGLISH, _GROQ_ARABIC),
        voices=_GROQ_VOICES,
        languages=_GROQ_LANGUAGES,
        max_chars=200,
        formats=_WAV_ONLY,
        speed_range=(0.5, 5.0),
        forbidden_error=NotPermittedError,
    ),
    "openrouter": SpeechServer(
        name="OpenRouter",
        default_base_url="https://openrouter.ai/api/v1",
        requires_key=True,
        key_page="https://openrouter.ai/settings/keys",
        credit_page="https://openrouter.ai/settings/credits",
        default_model="openai/gpt-4o-mini-tts-2025-12-15",
        default_voice="coral",
        model_lists=("models?output_modalities=speech", "audio/speech/models"),
        key_checks=("key",),
        formats=(AudioFormat.MP3, AudioFormat.PCM),
        supports_instructions=True,
        forbidden_error=ContentRefusedError,
    ),
    "other": OTHER,
}
"""Presets by the `server` value stored in accounts."""
