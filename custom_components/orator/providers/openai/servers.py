"""The servers that imitate OpenAI and that people run or rent: what each of them does otherwise, as data.

What they list about themselves is asked; here is what they don't tell.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ...audio.formats import AudioFormat
from ..base import Server
from ..errors import ContentRefusedError, InvalidKeyError, NotPermittedError, SpeechError
from ..models import OPENAI_MAX_CHARS

_FILES: Final = (AudioFormat.MP3, AudioFormat.WAV, AudioFormat.OPUS, AudioFormat.AAC, AudioFormat.FLAC)
_WAV: Final = (AudioFormat.WAV,)
_OLDEST_VOICES: Final = ("alloy", "echo", "fable", "nova", "onyx", "shimmer")
_ENGLISH_OF_GROQ: Final = "canopylabs/orpheus-v1-english"
_ARABIC_OF_GROQ: Final = "canopylabs/orpheus-arabic-saudi"
_VOICES_OF_GROQ: Final = {
    _ENGLISH_OF_GROQ: ("autumn", "diana", "hannah", "austin", "daniel", "troy"),
    _ARABIC_OF_GROQ: ("abdullah", "fahad", "sultan", "lulwa", "noura", "aisha"),
}
_LANGUAGES_OF_GROQ: Final = {_ENGLISH_OF_GROQ: "en", _ARABIC_OF_GROQ: "ar"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechServer(Server):
    """A server, and what it does otherwise than OpenAI. A list is a path below its address, perhaps with a query."""

    model: str
    """The model to begin with."""
    voice: str
    """The voice to begin with."""
    models: tuple[str, ...] = ()
    """Models that are known where it lists none, if there are more than that."""
    voices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By model, voices that are known where it lists none; under an empty name those of all models."""
    languages: Mapping[str, str] = field(default_factory=dict)
    """By model, the only language that its voices speak, where nothing else tells."""
    model_lists: tuple[str, ...] = ("models",)
    voice_lists: tuple[str, ...] = ()
    key_checks: tuple[str, ...] = ()
    """What else tells a wrong key from a right one, at no cost, where its lists are open to everyone."""
    is_unknown: bool = False
    """Whether nothing of this is certain: then the speech route itself is asked, at no cost, whether it would speak."""
    max_chars: int = OPENAI_MAX_CHARS
    streams: bool | None = True
    """Whether sound leaves before the whole text has been spoken; None where that shows when it speaks."""
    formats: tuple[AudioFormat, ...] = _FILES
    """What it really makes."""
    speed: tuple[float, float] | None = (0.25, 4.0)
    """The speeds that it takes; None where it ignores them."""
    takes_instructions: bool = False
    forbidden: type[SpeechError] = InvalidKeyError
    """What it means by answering 403 without a code."""


OTHER: Final = SpeechServer(
    label="Another server",
    name="Speech server",
    model="tts-1",
    voice="alloy",
    models=("tts-1", "tts-1-hd", "gpt-4o-mini-tts"),
    model_lists=("models?output_modalities=speech&task=text-to-speech", "audio/models", "audio/speech/models"),
    voices=_VOICES_OF_GROQ,
    languages=_LANGUAGES_OF_GROQ,
    voice_lists=("audio/voices", "voices/all", "voices"),
    is_unknown=True,
    max_chars=1_000,  # less than nearly every server takes, and enough to sound whole
    streams=None,
    takes_instructions=True,
)
"""Any other one: what it has is found out by asking in all places where others have it."""

SERVERS: Final[Mapping[str, SpeechServer]] = {
    "kokoro": SpeechServer(
        label="Kokoro-FastAPI",
        address="http://homeassistant.local:8880/v1",
        takes_key=False,
        model="kokoro",
        voice="af_heart",
        voice_lists=("audio/voices",),
        formats=(*_FILES, AudioFormat.PCM),
    ),
    "speaches": SpeechServer(
        label="Speaches",
        address="http://homeassistant.local:8000/v1",
        model="speaches-ai/Kokoro-82M-v1.0-ONNX",
        voice="af_heart",
        model_lists=("models?task=text-to-speech", "audio/models"),
        voice_lists=("audio/voices",),
        speed=(0.5, 2.0),
    ),
    "chatterbox": SpeechServer(
        label="Chatterbox",
        address="http://homeassistant.local:4123/v1",
        takes_key=False,
        model="chatterbox-tts-1",
        voice="alloy",
        voice_lists=("voices",),
        max_chars=3_000,
        streams=False,
        formats=_WAV,
        speed=None,
    ),
    "orpheus": SpeechServer(
        label="Orpheus-FastAPI",
        address="http://homeassistant.local:5005/v1",
        takes_key=False,
        model="orpheus",
        voice="tara",
        voices={"": ("tara", "leah", "jess", "leo", "dan", "mia", "zac", "zoe")},
        model_lists=(),
        voice_lists=("audio/voices",),
        max_chars=1_000,  # it cuts longer texts itself, and answers when all of them are spoken
        streams=False,
        formats=_WAV,
        speed=None,
    ),
    "openedai-speech": SpeechServer(
        label="openedai-speech",
        address="http://homeassistant.local:8000/v1",
        takes_key=False,
        model="tts-1",
        voice="alloy",
        models=("tts-1", "tts-1-hd"),
        voices={"": _OLDEST_VOICES},
        formats=(*_FILES, AudioFormat.PCM),
    ),
    "openai-edge-tts": SpeechServer(
        label="openai-edge-tts",
        address="http://homeassistant.local:5050/v1",
        model="tts-1",
        voice="en-US-AvaNeural",
        models=("tts-1", "tts-1-hd", "gpt-4o-mini-tts"),
        voice_lists=("audio/voices", "voices/all"),  # the second one is not open to everyone
        streams=False,
        formats=(AudioFormat.MP3, AudioFormat.WAV, AudioFormat.OPUS, AudioFormat.FLAC),  # its AAC is an mp4
        speed=(0.5, 2.0),
    ),
    "localai": SpeechServer(
        label="LocalAI",
        address="http://homeassistant.local:8080/v1",
        model="tts-1",
        voice="alloy",
        streams=False,
        takes_instructions=True,
    ),
    "groq": SpeechServer(
        label="Groq",
        address="https://api.groq.com/openai/v1",
        needs_key=True,
        key_page="https://console.groq.com/keys",
        credit_page="https://console.groq.com/settings/billing",
        model=_ENGLISH_OF_GROQ,
        voice="hannah",
        models=(_ENGLISH_OF_GROQ, _ARABIC_OF_GROQ),
        voices=_VOICES_OF_GROQ,
        languages=_LANGUAGES_OF_GROQ,
        max_chars=200,
        formats=_WAV,
        speed=(0.5, 5.0),
        forbidden=NotPermittedError,
    ),
    "openrouter": SpeechServer(
        label="OpenRouter",
        address="https://openrouter.ai/api/v1",
        needs_key=True,
        key_page="https://openrouter.ai/settings/keys",
        credit_page="https://openrouter.ai/settings/credits",
        model="openai/gpt-4o-mini-tts-2025-12-15",
        voice="coral",
        model_lists=("models?output_modalities=speech", "audio/speech/models"),
        key_checks=("key",),
        formats=(AudioFormat.MP3, AudioFormat.PCM),
        takes_instructions=True,
        forbidden=ContentRefusedError,
    ),
    "other": OTHER,
}
"""By the names that accounts keep them under."""
